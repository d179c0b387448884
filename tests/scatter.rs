//! Writing at computed places against a sequential model, on every device.

mod common;
#[path = "common/numbers.rs"]
mod numbers;

use common::devices;
use half::f16;
use numbers::numbers;
use taut::{DType, Device, ErrorKind, Tensor, tensor};

fn on<T: taut::Element>(device: Device, values: Vec<T>) -> Tensor {
    match tensor(values, device) {
        Ok(tensor) => tensor,
        Err(error) => panic!("{error}"),
    }
}

fn indices(seed: u64, len: usize, size: usize) -> Vec<i64> {
    numbers(seed, len).into_iter().map(|n| (n % size as u64) as i64).collect()
}

#[test]
fn scatter_with_repeated_indices_keeps_last() {
    for device in devices() {
        for (len, size) in [(1, 1), (7, 3), (5000, 40), (70_000, 50_000), (70_000, 3)] {
            let index = indices(1, len, size);
            let source: Vec<i32> = (0..len as i32).collect();
            let mut model = vec![-1_i32; size];
            index.iter().zip(&source).for_each(|(&at, &v)| model[at as usize] = v);
            let x = taut::full([size], -1, (DType::I32, device)).unwrap();
            x.scatter_(0, &on(device, index), &on(device, source)).unwrap();
            assert_eq!(x.to_vec::<i32>().unwrap(), model, "{device} {len} {size}");
        }
    }
}

#[test]
fn scatter_of_every_dtype_moves_its_bits() {
    for device in devices() {
        for dtype in DType::ALL.into_iter().filter(|&dtype| device.supports(dtype)) {
            let values: Vec<i64> = (0..300).map(|i| i % 120).collect();
            let source = on(device, values).to(dtype).unwrap();
            let index: Vec<i64> = (0..300).map(|i| (i * 7) % 311).collect();
            let x = taut::zeros([311], (dtype, device)).unwrap();
            x.scatter_(0, &on(device, index.clone()), &source).unwrap();
            let back = x.cpu().unwrap().to(DType::F64).unwrap().to_vec::<f64>().unwrap();
            let sources = source.cpu().unwrap().to(DType::F64).unwrap().to_vec::<f64>().unwrap();
            for (at, value) in index.iter().zip(sources) {
                assert_eq!(back[*at as usize], value, "{device} {dtype}");
            }
        }
    }
}

/// Sums whose bits depend on their order.
#[test]
fn scatter_add_of_floats_adds_in_order_of_source() {
    for device in devices() {
        for (len, size) in [(10, 1), (3000, 17), (100_000, 5), (100_000, 90_000)] {
            let index = indices(2, len, size);
            let source: Vec<f32> = numbers(3, len)
                .into_iter()
                .map(|n| (n as i32 as f32) * 10_f32.powi((n >> 40) as i32 % 9 - 4))
                .collect();
            let mut model = vec![0.5_f32; size];
            index.iter().zip(&source).for_each(|(&at, &v)| model[at as usize] += v);
            let x = taut::full([size], 0.5, device).unwrap();
            x.scatter_add_(0, &on(device, index), &on(device, source)).unwrap();
            let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&x.to_vec::<f32>().unwrap()), bits(&model), "{device} {len} {size}");
        }
    }
}

#[test]
fn scatter_add_of_halves_rounds_each_time() {
    for device in devices() {
        let source: Vec<f16> = (0..2000).map(|i| f16::from_f32(i as f32 / 7.0)).collect();
        let index = indices(4, 2000, 3);
        let mut model = vec![f16::ZERO; 3];
        for (&at, &v) in index.iter().zip(&source) {
            let sum = model[at as usize].to_f32() + v.to_f32();
            model[at as usize] = f16::from_f32(sum);
        }
        let x = taut::zeros([3], (DType::F16, device)).unwrap();
        x.scatter_add_(0, &on(device, index), &on(device, source)).unwrap();
        assert_eq!(x.to_vec::<f16>().unwrap(), model, "{device}");
    }
}

#[test]
fn scatter_add_of_small_integers_wraps() {
    for device in devices() {
        let index = on(device, indices(5, 1000, 2));
        let expected: Vec<u8> = (0..2)
            .map(|at| {
                let hits = index.to_vec::<i64>().unwrap().iter().filter(|&&i| i == at).count();
                (hits * 3) as u8
            })
            .collect();
        let x = taut::zeros([2], (DType::U8, device)).unwrap();
        let source = taut::full([1000], 3, (DType::U8, device)).unwrap();
        x.scatter_add_(0, &index, &source).unwrap();
        assert_eq!(x.to_vec::<u8>().unwrap(), expected, "{device}");
    }
}

#[test]
fn scatter_along_either_dim_of_transposed_target_matches_model() {
    for device in devices() {
        for dim in [0, 1] {
            let base = taut::zeros([5, 4], device).unwrap();
            let x = base.t().unwrap();
            let index = indices(6, 12, if dim == 0 { 4 } else { 5 });
            let source: Vec<f32> = (1..=12).map(|v| v as f32).collect();
            let mut model = [[0.0_f32; 5]; 4];
            for i in 0..3 {
                for j in 0..4 {
                    let at = index[i * 4 + j] as usize;
                    let (row, column) = if dim == 0 { (at, j) } else { (i, at) };
                    model[row][column] += source[i * 4 + j];
                }
            }
            let index = on(device, index).view([3, 4]).unwrap();
            let source = on(device, source).view([3, 4]).unwrap();
            x.scatter_add_(dim, &index, &source).unwrap();
            assert_eq!(x.to_vec::<f32>().unwrap(), model.as_flattened(), "{device} {dim}");
        }
    }
}

#[test]
fn scatter_of_target_itself_is_refused_as_overlap() {
    let x = taut::arange(6, ()).unwrap();
    let index = tensor([1_i64, 0], ()).unwrap();
    let error = x.scatter_(0, &index, &x.narrow(0, 0, 2).unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overlap);
    let other = x.narrow(0, 4, 2).unwrap();
    x.narrow(0, 0, 2).unwrap().scatter_(0, &index, &other).unwrap();
    assert_eq!(x.to_vec::<i64>().unwrap(), [5, 4, 2, 3, 4, 5]);
    let wide = taut::zeros([1, 3], ()).unwrap();
    let wide = wide.expand([2, 3]).unwrap();
    let index = taut::zeros([2, 3], DType::I64).unwrap();
    assert_eq!(wide.scatter_(0, &index, 1).unwrap_err().kind(), ErrorKind::Overlap);
}

#[test]
fn scatter_of_ill_fitting_arguments_is_refused() {
    let x = taut::zeros([3, 5], ()).unwrap();
    let source = taut::zeros([2, 5], ()).unwrap();
    let index = |shape: [i64; 2]| taut::zeros(shape, DType::I64).unwrap();
    let kind = |outcome: taut::Result<Tensor>| outcome.unwrap_err().kind();
    assert_eq!(kind(x.scatter(0, &index([3, 6]), &source)), ErrorKind::Shape);
    assert_eq!(kind(x.scatter(0, &index([3, 5]), &source)), ErrorKind::Shape);
    assert_eq!(kind(x.scatter(2, &index([1, 5]), &source)), ErrorKind::Index);
    let doubles = source.to(DType::F64).unwrap();
    assert_eq!(kind(x.scatter(0, &index([1, 5]), &doubles)), ErrorKind::Dtype);
    let floats = taut::zeros([1, 5], ()).unwrap();
    assert_eq!(kind(x.scatter(0, &floats, &source)), ErrorKind::Dtype);
    let vector = taut::zeros([3], DType::I64).unwrap();
    assert_eq!(kind(x.scatter(0, &vector, &source)), ErrorKind::Shape);
    assert_eq!(kind(x.index_add(0, &vector, &source)), ErrorKind::Shape);
    assert_eq!(kind(x.index_add(0, &index([1, 2]), &source)), ErrorKind::Index);
}

#[test]
fn rows_added_copied_and_filled_match_model() {
    for device in devices() {
        let rows = on(device, vec![1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0]).view([3, 2]).unwrap();
        let index = on(device, vec![2_i32, 0, 2]);
        let x = taut::zeros([3, 2], device).unwrap();
        let added = x.index_add(0, &index, &rows).unwrap();
        assert_eq!(added.to_vec::<f32>().unwrap(), [3.0, 4.0, 0.0, 0.0, 6.0, 8.0], "{device}");
        let copied = x.index_copy(0, &index, &rows).unwrap();
        assert_eq!(copied.to_vec::<f32>().unwrap(), [3.0, 4.0, 0.0, 0.0, 5.0, 6.0], "{device}");
        let filled = x.index_fill(0, &on(device, vec![-1_i64]), 7).unwrap();
        assert_eq!(filled.to_vec::<f32>().unwrap(), [0.0, 0.0, 0.0, 0.0, 7.0, 7.0], "{device}");
        let put = taut::zeros([2, 3], device).unwrap();
        let (at, values) = (on(device, vec![0_i64, -1, 0]), on(device, vec![1.0_f32, 2.0, 3.0]));
        put.t().unwrap().put_(&at, &values, true).unwrap();
        assert_eq!(put.to_vec::<f32>().unwrap(), [4.0, 0.0, 0.0, 0.0, 0.0, 2.0], "{device}");
    }
}

/// Sums whose bits depend on their order, of rows that are written as vectors and of short ones.
#[test]
fn index_add_of_rows_adds_in_order() {
    for device in devices() {
        for (size, count, len) in [(5, 40, 7), (40, 30, 129), (3, 100, 2050)] {
            let index = indices(11, count, size);
            let source: Vec<f32> = numbers(12, count * len)
                .into_iter()
                .map(|n| (n as i32 as f32) * 10_f32.powi((n >> 40) as i32 % 9 - 4))
                .collect();
            let mut model = vec![0.5_f32; size * len];
            for (row, &at) in source.chunks(len).zip(&index) {
                let into = &mut model[at as usize * len..][..len];
                into.iter_mut().zip(row).for_each(|(into, v)| *into += v);
            }
            let sizes = [count as i64, len as i64];
            let rows = on(device, source).view(sizes).unwrap();
            let turned = rows.t().unwrap().contiguous().unwrap().t().unwrap();
            let rank3 = rows.unsqueeze(1).unwrap();
            let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            for rows in [&rows, &turned] {
                // Inside of a larger tensor.
                let whole = taut::full([size, len + 5], 0.5, device).unwrap();
                let x = whole.narrow(1, 2, len as i64).unwrap();
                x.index_add_(0, &on(device, index.clone()), rows).unwrap();
                let got = x.to_vec::<f32>().unwrap();
                assert_eq!(bits(&got), bits(&model), "{device} {size} {count} {len}");
                let beside = whole.select(1, 1).unwrap().to_vec::<f32>().unwrap();
                assert!(beside.iter().all(|&v| v == 0.5), "{device}");
            }
            let x = taut::full([size, 1, len], 0.5, device).unwrap();
            x.index_add_(0, &on(device, index.clone()), &rank3).unwrap();
            assert_eq!(bits(&x.to_vec::<f32>().unwrap()), bits(&model), "{device}");
        }
    }
}

#[test]
fn nonzero_of_many_elements_lists_them_in_order() {
    for device in devices() {
        let values: Vec<u8> = numbers(7, 300_000).iter().map(|n| u8::from(n % 3 == 0)).collect();
        let x = on(device, values.clone()).view([100, 30, 100]).unwrap();
        let model: Vec<i64> = (0..300_000)
            .filter(|&i| values[i] != 0)
            .flat_map(|i| [i / 3000, i / 100 % 30, i % 100])
            .map(|i| i as i64)
            .collect();
        let found = x.nonzero().unwrap();
        assert_eq!(found.shape(), [model.len() / 3, 3]);
        assert_eq!(found.to_vec::<i64>().unwrap(), model, "{device}");
        let count = x.count_nonzero(()).unwrap().item::<i64>().unwrap();
        assert_eq!(count as usize, model.len() / 3);
    }
}

#[test]
fn nonzero_of_scalars_and_empty_has_their_rank() {
    for device in devices() {
        let shape = |x: Tensor| x.nonzero().unwrap().shape().to_vec();
        assert_eq!(shape(taut::full([0; 0], 3, device).unwrap()), [1, 0]);
        assert_eq!(shape(taut::zeros([0; 0], device).unwrap()), [0, 0]);
        assert_eq!(shape(taut::zeros([0, 3], device).unwrap()), [0, 2]);
        assert_eq!(shape(taut::zeros([2, 3], device).unwrap()), [0, 2]);
    }
}

#[test]
fn masked_select_of_broadcast_and_transposed_matches_model() {
    for device in devices() {
        let x = taut::arange(6, device).unwrap().view([2, 3]).unwrap();
        let mask = on(device, vec![true, false, true]);
        assert_eq!(x.masked_select(&mask).unwrap().to_vec::<i64>().unwrap(), [0, 2, 3, 5]);
        let mask = on(device, vec![true, false]);
        let seen = x.t().unwrap().masked_select(&mask).unwrap();
        assert_eq!(seen.to_vec::<i64>().unwrap(), [0, 1, 2], "{device}");
    }
}

/// Integers add up in any order: a long scan takes few steps, and its numbers stay the same.
#[test]
fn cumsum_of_long_integers_wraps_as_one_after_the_other() {
    for device in devices() {
        for shape in [vec![300_007], vec![3, 40_000, 2], vec![2, 4096]] {
            let len = shape.iter().product();
            let values: Vec<i32> = numbers(8, len).into_iter().map(|n| n as i32).collect();
            let sizes: Vec<i64> = shape.iter().map(|&size| size as i64).collect();
            let dim = if shape.len() == 3 { 1 } else { sizes.len() as i64 - 1 };
            let x = on(device, values.clone()).view(&sizes[..]).unwrap();
            let sums = x.cumsum_dtype(dim, DType::I32).unwrap();
            let step = if shape.len() == 3 { 2 } else { 1 };
            let line = shape[dim as usize];
            let mut model = values;
            for i in 0..len {
                if i / step % line > 0 {
                    model[i] = model[i].wrapping_add(model[i - step]);
                }
            }
            assert_eq!(sums.to_vec::<i32>().unwrap(), model, "{device} {shape:?}");
        }
    }
}

#[test]
fn index_put_at_tensors_writes_where_reading_reads() {
    for device in devices() {
        let x = taut::zeros([4, 5, 3], (DType::I32, device)).unwrap();
        let rows = on(device, vec![3_i64, -4, 1]);
        let places = on(device, vec![2_i64, 0, -1]);
        // Separated by a range: the indexed dim comes first, then the kept one.
        let values = taut::arange(6, device).unwrap().view([3, 2]).unwrap();
        x.index_put_((&rows, 1..3, &places), &values).unwrap();
        let back = x.i((&rows, 1..3, &places)).unwrap();
        assert_eq!(back.to_vec::<i32>().unwrap(), [0, 1, 2, 3, 4, 5], "{device}");
        assert_eq!(
            x.sum(()).unwrap().item::<i64>().unwrap(),
            15,
            "{device}: nothing else is written"
        );

        // Through a view, broadcast, the last of equal indices staying.
        let y = taut::zeros([2, 4], (DType::F32, device)).unwrap();
        y.t().unwrap().index_put_(on(device, vec![1_i64, 1, 3]), 2).unwrap();
        assert_eq!(y.to_vec::<f32>().unwrap(), [0.0, 2.0, 0.0, 2.0, 0.0, 2.0, 0.0, 2.0]);
        y.index_put_(y.gt(0).unwrap(), &on(device, vec![1.0_f32, 3.0, 5.0, 7.0])).unwrap();
        assert_eq!(y.to_vec::<f32>().unwrap(), [0.0, 1.0, 0.0, 3.0, 0.0, 5.0, 0.0, 7.0]);
        y.index_put_((0, &on(device, vec![2_i64, 2])), &on(device, vec![8.0_f32, 9.0])).unwrap();
        assert_eq!(y.to_vec::<f32>().unwrap()[..4], [0.0, 1.0, 9.0, 3.0]);
    }
}

#[test]
fn index_put_of_bad_input_is_an_error_and_writes_nothing() {
    for device in devices() {
        let x = taut::zeros([3, 2], (DType::U8, device)).unwrap();
        let rows = on(device, vec![0_i64, 2]);
        let kind = |result: taut::Result<&Tensor>| result.map(|_| ()).unwrap_err().kind();
        let wide = taut::ones([3, 2], device).unwrap();
        assert_eq!(kind(x.index_put_(&rows, &wide)), ErrorKind::Shape);
        assert_eq!(kind(x.index_put_(&rows, 300)), ErrorKind::Value);
        let repeated = taut::zeros([1, 2], (DType::U8, device)).unwrap().expand([3, 2]).unwrap();
        assert_eq!(kind(repeated.index_put_(&rows, 1)), ErrorKind::Overlap);
        assert_eq!(x.to_vec::<u8>().unwrap(), [0; 6], "{device}");
    }
}

/// Few points of many elements, many of few, and runs longer than one dispatch folds.
#[test]
fn scatter_of_any_density_has_the_bits_of_the_cpu() {
    let cases = [(1, 1000), (50, 100_000), (255, 256), (1025, 1024), (40_000, 300), (70_000, 1)];
    for device in devices() {
        for dtype in DType::ALL.into_iter().filter(|&dtype| device.supports(dtype)) {
            for (len, size) in cases {
                let index = indices(9, len, size);
                let values: Vec<i64> =
                    numbers(10, len).into_iter().map(|n| (n % 120) as i64).collect();
                let run = |device| {
                    let index = on(device, index.clone());
                    let source = on(device, values.clone()).to(dtype).unwrap();
                    let x = taut::full([size], 1, (dtype, device)).unwrap();
                    let set = x.scatter(0, &index, &source).unwrap();
                    let folded = match dtype {
                        DType::Bool => set.alias(),
                        _ => x.scatter_add(0, &index, &source).unwrap(),
                    };
                    [set, folded].map(|x| x.cpu().unwrap().to(DType::F64).unwrap().to_vec::<f64>())
                };
                for (got, expected) in run(device).into_iter().zip(run(Device::Cpu)) {
                    assert_eq!(got.unwrap(), expected.unwrap(), "{device} {dtype} {len} {size}");
                }
            }
        }
    }
}
