//! Reading at computed places against a plain model, on every device.
//!
//! What is refused is reported at the next read point of the device, so that the tests run one at a time.

#[path = "common/alone.rs"]
mod alone;
mod common;
#[path = "common/numbers.rs"]
mod numbers;

use alone::alone;
use common::devices;
use half::f16;
use numbers::numbers;
use taut::{DType, Device, Ellipsis, ErrorKind, NewAxis, Result, Tensor, arange, tensor, zeros};

fn on<T: taut::Element>(device: Device, values: Vec<T>) -> Tensor {
    match tensor(values, device) {
        Ok(tensor) => tensor,
        Err(error) => panic!("{error}"),
    }
}

fn kind(result: Result<Tensor>) -> ErrorKind {
    match result {
        Ok(tensor) => panic!("accepted: {tensor}"),
        Err(error) => error.kind(),
    }
}

/// The kind and the words of what a read point says.
fn refused(result: Result<Tensor>) -> (ErrorKind, String) {
    match result.map(|tensor| tensor.tolist()) {
        Ok(Err(error)) => (error.kind(), error.to_string()),
        other => panic!("{other:?}, not an error of the read point"),
    }
}

#[test]
fn index_select_of_views_equals_the_model() {
    let _alone = alone();
    for device in devices() {
        let x = arange(60, (DType::I32, device)).unwrap().view([5, 12]).unwrap();
        let index: Vec<i64> = numbers(1, 70).into_iter().map(|n| (n % 4) as i64).collect();
        // Transposed, sliced and starting late: (4, 5) of every third column.
        let seen = x.slice(1, Some(1), None, 3).unwrap().t().unwrap();
        let got = seen.index_select(0, &on(device, index.clone())).unwrap();
        assert_eq!(got.shape(), [70, 5]);
        let place = |i: usize| (i % 5 * 12) as i32 + 1 + 3 * index[i / 5] as i32;
        let expected: Vec<i32> = (0..350).map(place).collect();
        assert_eq!(got.to_vec::<i32>().unwrap(), expected, "{device}");
        let narrow: Vec<i32> = index.iter().map(|&i| i as i32).collect();
        let again = seen.index_select(0, &on(device, narrow)).unwrap();
        assert_eq!(again.to_vec::<i32>().unwrap(), expected, "{device}");
    }
}

#[test]
fn gather_of_small_dtypes_equals_the_model() {
    let _alone = alone();
    for device in devices() {
        let (rows, columns) = (7, 1003);
        let len = rows * columns;
        let index: Vec<i32> =
            numbers(2, len).into_iter().map(|n| (n % rows as u64) as i32).collect();
        let places = on(device, index.clone()).view([rows, columns]).unwrap();
        let from = |i: usize| index[i] as usize * columns + i % columns;
        let bytes: Vec<u8> = (0..len).map(|i| (i * 31) as u8).collect();
        let x = on(device, bytes.clone()).view([rows, columns]).unwrap();
        let expected: Vec<u8> = (0..len).map(|i| bytes[from(i)]).collect();
        let got = x.gather(0, &places).unwrap();
        assert_eq!(got.to_vec::<u8>().unwrap(), expected, "{device}");
        let halves: Vec<f16> = (0..len).map(|i| f16::from_f32((i % 2000) as f32)).collect();
        let x = on(device, halves.clone()).view([rows, columns]).unwrap();
        let expected: Vec<f16> = (0..len).map(|i| halves[from(i)]).collect();
        let got = x.gather(0, &places).unwrap();
        assert_eq!(got.to_vec::<f16>().unwrap(), expected, "{device}");
    }
}

#[test]
fn index_tensors_stand_where_numpy_puts_them() {
    let _alone = alone();
    for device in devices() {
        let z = zeros([2, 3, 4, 5], device).unwrap();
        let a = on(device, vec![0_i64, 1]);
        let shape = |z: Result<Tensor>| z.unwrap().shape().to_vec();
        assert_eq!(shape(z.i((0, .., &a))), [3, 2, 5]);
        assert_eq!(shape(z.i((&a, .., &a))), [2, 3, 5]);
        assert_eq!(shape(z.i((&a, 0, .., &a))), [2, 4]);
        assert_eq!(shape(z.i((.., &a, NewAxis, &a))), [2, 2, 1, 5]);
        assert_eq!(shape(z.i((&a, Ellipsis, &a))), [2, 3, 4]);
        assert_eq!(shape(z.i((NewAxis, &a))), [1, 2, 3, 4, 5]);
        assert_eq!(shape(z.i((a.unsqueeze(1).unwrap(), &a))), [2, 2, 4, 5]);
    }
}

#[test]
fn index_tensors_pick_pairs_and_count_from_the_end() {
    let _alone = alone();
    for device in devices() {
        let x = arange(12, (DType::I32, device)).unwrap().view([3, 4]).unwrap();
        let (rows, columns) = (on(device, vec![0_i64, -1, 2]), on(device, vec![1_i32, -1, 0]));
        let got = x.i((&rows, &columns)).unwrap();
        assert_eq!(got.to_vec::<i32>().unwrap(), [1, 11, 8], "{device}");
        let got = x.i((1.., &columns)).unwrap();
        assert_eq!(got.to_vec::<i32>().unwrap(), [5, 7, 4, 9, 11, 8], "{device}");
        // The index is read as it was, and the source as it was.
        x.add_(100).unwrap();
        let before = x.i(&rows).unwrap();
        rows.zero_().unwrap();
        x.zero_().unwrap();
        assert_eq!(before.select(0, 1).unwrap().to_vec::<i32>().unwrap(), [108, 109, 110, 111]);
    }
}

#[test]
fn index_of_a_tensor_by_itself_equals_the_model() {
    let _alone = alone();
    for device in devices() {
        let x = on(device, vec![2_i64, 0, 1]);
        assert_eq!(x.i(&x).unwrap().to_vec::<i64>().unwrap(), [1, 2, 0], "{device}");
        let y = x.i(&x).unwrap().i(&x).unwrap();
        assert_eq!(y.to_vec::<i64>().unwrap(), [0, 1, 2], "{device}");
    }
}

#[test]
fn masks_name_the_elements_where_they_are_true() {
    let _alone = alone();
    for device in devices() {
        let x = arange(6, (DType::I32, device)).unwrap().view([2, 3]).unwrap();
        let odd = x.remainder(2).unwrap().eq(1).unwrap();
        assert_eq!(x.i(&odd).unwrap().to_vec::<i32>().unwrap(), [1, 3, 5], "{device}");
        let rows = on(device, vec![false, true]);
        assert_eq!(x.i((&rows, 1)).unwrap().to_vec::<i32>().unwrap(), [4], "{device}");
        assert_eq!(x.i(x.lt(0).unwrap()).unwrap().shape(), [0], "{device}");
        let yes = tensor(true, device).unwrap();
        assert_eq!(x.i(&yes).unwrap().shape(), [1, 2, 3], "{device}");
        assert_eq!(kind(x.i(on(device, vec![true; 3]))), ErrorKind::Shape);
    }
}

#[test]
fn index_0d_shares_memory_and_empty_gives_nothing() {
    let _alone = alone();
    for device in devices() {
        let x = arange(6, (DType::I32, device)).unwrap().view([2, 3]).unwrap();
        let one = tensor(-1_i64, device).unwrap();
        let row = x.i(&one).unwrap();
        assert!(row.shares_memory(&x));
        assert_eq!(row.to_vec::<i32>().unwrap(), [3, 4, 5]);
        let none = on(device, Vec::<i64>::new());
        assert_eq!(x.i((.., &none)).unwrap().shape(), [2, 0]);
        assert_eq!(x.index_select(0, &none).unwrap().shape(), [0, 3]);
        assert_eq!(x.take(&none).unwrap().shape(), [0]);
        let empty = zeros([0, 3], device).unwrap();
        assert_eq!(empty.i(&none).unwrap().shape(), [0, 3]);
        assert_eq!(kind(empty.i(on(device, vec![0_i64]))), ErrorKind::Index);
        assert_eq!(kind(empty.index_select(0, &on(device, vec![0_i64]))), ErrorKind::Index);
    }
}

#[test]
fn index_out_of_range_is_reported_once_and_nothing_is_written() {
    let _alone = alone();
    for device in devices() {
        let x = arange(5, (DType::I32, device)).unwrap();
        for wrong in [5_i64, -6, i64::MAX, i64::MIN, 1 << 32] {
            let index = on(device, vec![0, wrong]);
            let (class, words) = refused(x.i(&index));
            assert_eq!(class, ErrorKind::Index, "{device} {wrong}");
            assert!(words.contains("out of bounds for dimension 0 with size 5"), "{words}");
            assert!(words.contains("in index, at tests/gather.rs"), "{words}");
            assert_eq!(refused(x.index_select(0, &index)).0, ErrorKind::Index, "{device} {wrong}");
            assert_eq!(refused(x.gather(0, &index)).0, ErrorKind::Index, "{device} {wrong}");
            assert_eq!(refused(x.take(&index)).0, ErrorKind::Index, "{device} {wrong}");
            taut::synchronize(device).unwrap();
        }
        // Where negative indices do not count.
        let last = on(device, vec![-1_i64]);
        assert_eq!(refused(x.gather(0, &last)).0, ErrorKind::Index, "{device}");
        assert_eq!(refused(x.index_select(0, &last)).0, ErrorKind::Index, "{device}");
        assert_eq!(x.take_along_dim(&last, 0).unwrap().to_vec::<i32>().unwrap(), [4]);
        assert_eq!(x.to_vec::<i32>().unwrap(), [0, 1, 2, 3, 4], "{device}");
    }
}

#[test]
fn bad_arguments_are_refused_at_the_call() {
    let _alone = alone();
    let x = zeros([2, 3], ()).unwrap();
    let (floats, bytes) = (zeros([2], ()).unwrap(), on(Device::Cpu, vec![1_i8]));
    let long = on(Device::Cpu, vec![0_i64, 1]);
    assert_eq!(kind(x.i(&floats)), ErrorKind::Dtype);
    assert_eq!(kind(x.i(&bytes)), ErrorKind::Dtype);
    assert_eq!(kind(x.index_select(0, &floats)), ErrorKind::Dtype);
    assert_eq!(kind(x.gather(0, &floats)), ErrorKind::Dtype);
    assert_eq!(kind(x.take(&floats)), ErrorKind::Dtype);
    assert_eq!(kind(x.take_along_dim(&floats, 0)), ErrorKind::Dtype);
    assert_eq!(kind(x.gather(0, &long)), ErrorKind::Shape);
    assert_eq!(kind(x.take_along_dim(&long, 0)), ErrorKind::Shape);
    assert_eq!(kind(x.i((&long, on(Device::Cpu, vec![0_i64; 3])))), ErrorKind::Shape);
    assert_eq!(kind(x.i((&long, &long, &long))), ErrorKind::Index);
    assert_eq!(kind(x.flip([0, 0])), ErrorKind::Shape);
    assert_eq!(kind(x.flip(2)), ErrorKind::Index);
    assert_eq!(kind(x.rot90(1, [0])), ErrorKind::Shape);
    assert_eq!(kind(x.repeat_interleave(-1, ())), ErrorKind::Value);
    assert_eq!(kind(x.repeat_interleave(0.5, ())), ErrorKind::Dtype);
    assert_eq!(kind(x.repeat_interleave(&on(Device::Cpu, vec![1_i64, 2, 3]), 0)), ErrorKind::Shape);
    assert_eq!(kind(x.repeat_interleave(&on(Device::Cpu, vec![1_i64, -2]), 0)), ErrorKind::Value);
}

#[test]
fn index_tensor_of_another_device_is_taken_by_indexing_alone() {
    let _alone = alone();
    for device in devices().into_iter().filter(|&device| device != Device::Cpu) {
        let x = arange(5, (DType::I32, device)).unwrap();
        let here = on(Device::Cpu, vec![4_i32, -5]);
        assert_eq!(x.i(&here).unwrap().to_vec::<i32>().unwrap(), [4, 0]);
        assert_eq!(kind(x.index_select(0, &here)), ErrorKind::Device);
        assert_eq!(kind(x.gather(0, &here)), ErrorKind::Device);
    }
}

#[test]
fn flip_of_views_equals_the_model_and_fuses() {
    let _alone = alone();
    for device in devices() {
        let x = arange(24, (DType::I32, device)).unwrap().view([2, 3, 4]).unwrap();
        let seen = x.transpose(0, 2).unwrap();
        let got = seen.flip([0, 2]).unwrap().mul(2).unwrap();
        let expected: Vec<i32> = (0..24)
            .map(|i| (i / 6, i / 2 % 3, i % 2))
            .map(|(a, b, c)| 2 * ((1 - c) * 12 + b * 4 + (3 - a)))
            .collect();
        assert_eq!(got.to_vec::<i32>().unwrap(), expected, "{device}");
        // A write after it is not seen; one before it is.
        let flipped = x.flip(2).unwrap();
        x.add_(1).unwrap();
        let later = x.flip(2).unwrap();
        let total = later.sub(&flipped).unwrap().sum(()).unwrap();
        assert_eq!(total.item::<i64>().unwrap(), 24, "{device}");
        // Both ways at once, into the memory that is read.
        let y = arange(5, (DType::I32, device)).unwrap();
        y.add_(&y.flip(0).unwrap().mul(10).unwrap()).unwrap();
        assert_eq!(y.to_vec::<i32>().unwrap(), [40, 31, 22, 13, 4], "{device}");
        let spread = y.view([5, 1]).unwrap().expand([5, 3]).unwrap().flip(1).unwrap();
        assert_eq!(spread.select(0, 1).unwrap().to_vec::<i32>().unwrap(), [31; 3]);
    }
}

#[test]
fn flip_of_any_number_of_places_equals_the_model() {
    let _alone = alone();
    for device in devices() {
        for [rows, columns] in [[1024, 3], [1025, 3], [3, 1024], [2, 1025], [40, 64]] {
            let x = arange(rows * columns, (DType::I32, device)).unwrap();
            let x = x.view([rows, columns]).unwrap();
            for dims in [&[0][..], &[1], &[0, 1]] {
                let at = |dim: i64, size: i64, i: i64| {
                    if dims.contains(&dim) { size - 1 - i } else { i }
                };
                let place =
                    |i: i64| at(0, rows, i / columns) * columns + at(1, columns, i % columns);
                let expected: Vec<i32> = (0..rows * columns).map(|i| place(i) as i32).collect();
                let got = x.flip(dims).unwrap().to_vec::<i32>().unwrap();
                assert!(got == expected, "{device} {rows} {columns} {dims:?}");
            }
        }
        for len in [2, 7, 1500, 70_000] {
            let x = arange(2 * len, (DType::I32, device)).unwrap().view([len, 2]).unwrap();
            let backwards: Vec<i32> = (0..len).rev().map(|i| 2 * i + 1).collect();
            let column = x.select(1, 1).unwrap();
            assert!(
                column.flip(0).unwrap().to_vec::<i32>().unwrap() == backwards,
                "{device} {len}"
            );
            let own = column.contiguous().unwrap();
            assert!(own.flip(0).unwrap().to_vec::<i32>().unwrap() == backwards, "{device} {len}");
        }
    }
}

#[test]
fn repeat_interleave_and_rot90_equal_pytorch() {
    let _alone = alone();
    for device in devices() {
        let x = arange(6, (DType::I32, device)).unwrap().view([2, 3]).unwrap();
        let list = |x: Result<Tensor>| x.unwrap().to_vec::<i32>().unwrap();
        assert_eq!(list(x.repeat_interleave(2, ())), [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
        assert_eq!(list(x.repeat_interleave(2, 0)), [0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5]);
        assert_eq!(x.repeat_interleave(0, 1).unwrap().shape(), [2, 0]);
        let times = on(device, vec![0_i64, 1, 2]);
        assert_eq!(list(x.repeat_interleave(&times, -1)), [1, 2, 2, 4, 5, 5]);
        let scalar = tensor(3_i32, device).unwrap();
        assert_eq!(list(scalar.repeat_interleave(2, 0)), [3, 3]);
        assert_eq!(list(x.rot90(1, [0, 1])), [2, 5, 1, 4, 0, 3]);
        assert_eq!(list(x.rot90(2, [0, 1])), [5, 4, 3, 2, 1, 0]);
        assert_eq!(list(x.rot90(-1, [0, 1])), [3, 0, 4, 1, 5, 2]);
        assert_eq!(list(x.rot90(4, [0, 1])), [0, 1, 2, 3, 4, 5]);
    }
}

#[test]
fn rows_are_picked_whole_and_every_index_is_checked() {
    let _alone = alone();
    for device in devices() {
        // Rows of whole tiles and of parts, of which some begin within a line of the cache.
        for (rows, columns) in [(5, 3), (37, 300), (6, 5000)] {
            let values: Vec<i32> = (0..rows * columns).collect();
            let x = on(device, values).view([i64::from(rows), i64::from(columns)]).unwrap();
            let picked: Vec<i64> =
                (0..2 * i64::from(rows)).map(|i| i * 7 % i64::from(rows)).collect();
            let row = |i: i64| i as i32 * columns..(i as i32 + 1) * columns;
            let expected: Vec<i32> = picked.iter().flat_map(|&i| row(i)).collect();
            let index = on(device, picked.clone());
            for dtype in [DType::I32, DType::I64, DType::I16, DType::U8] {
                let x = x.to(dtype).unwrap();
                let got = x.index_select(0, &index).unwrap().to(DType::I64).unwrap();
                let cast = |&value: &i32| match dtype {
                    DType::I16 => i64::from(value as i16),
                    DType::U8 => i64::from(value as u8),
                    _ => i64::from(value),
                };
                let expected: Vec<i64> = expected.iter().map(cast).collect();
                assert_eq!(got.to_vec::<i64>().unwrap(), expected, "{device} {dtype} {columns}");
            }
            // The rows of a slice, and of every other column, are not where the matrix's are.
            let part = x.narrow(1, 1, i64::from(columns) - 1).unwrap();
            let expected = picked.iter().flat_map(|&i| row(i).skip(1));
            let got = part.index_select(0, &index).unwrap().to_vec::<i32>().unwrap();
            assert_eq!(got, expected.collect::<Vec<_>>(), "{device} {columns}");
            let spread = x.unfold(1, 1, 2).unwrap().squeeze(-1).unwrap();
            let expected = picked.iter().flat_map(|&i| row(i).step_by(2));
            let got = spread.index_select(0, &index).unwrap().to_vec::<i32>().unwrap();
            assert_eq!(got, expected.collect::<Vec<_>>(), "{device} {columns}");
            // One beyond, at either end and between.
            for place in [0, 1, picked.len() - 1] {
                let mut beyond = picked.clone();
                beyond[place] = i64::from(rows);
                let (kind, _) = refused(x.index_select(0, &on(device, beyond)));
                assert_eq!(kind, ErrorKind::Index, "{device} {columns} {place}");
            }
        }
    }
}
