//! Medians and places of the order, on every device: values that PyTorch gives, positions of a stable sort.

mod common;
#[path = "common/numbers.rs"]
mod numbers;

use common::devices;
use numbers::numbers;
use taut::{DType, Device, Error, ErrorKind, Tensor, tensor};

const NAN: f32 = f32::NAN;

fn bits(x: &Tensor) -> Vec<u32> {
    x.to_vec::<f32>().expect("float32").into_iter().map(f32::to_bits).collect()
}

/// Equal, NaN to NaN.
fn same(x: &Tensor, expected: &[f32]) -> bool {
    let x = x.to_vec::<f32>().expect("float32");
    let equal = |(a, b): (&f32, &f32)| a == b || a.is_nan() && b.is_nan();
    x.len() == expected.len() && x.iter().zip(expected).all(equal)
}

fn refused<T>(result: taut::Result<T>) -> (ErrorKind, String) {
    let error: Error = result.err().expect("an error");
    (error.kind(), error.to_string())
}

#[test]
fn median_along_dim_with_nan_is_first_nan() {
    for device in devices() {
        let lines = [[1.0, NAN, 2.0], [NAN, NAN, NAN], [NAN, 5.0, 4.0], [1.0, 2.0, 3.0]];
        let x = tensor(lines, device).unwrap();
        let (values, indices) = x.median_dim(1, false).unwrap();
        assert!(same(&values, &[NAN, NAN, NAN, 2.0]), "{device} {values}");
        assert_eq!(indices.to_vec::<i64>().unwrap(), [1, 0, 0, 1], "{device}");
        let (values, indices) = x.t().unwrap().nanmedian_dim(0, true).unwrap();
        assert_eq!((values.shape(), indices.shape()), (&[1, 4][..], &[1, 4][..]));
        assert!(same(&values, &[1.0, NAN, 4.0, 2.0]), "{device} {values}");
        assert_eq!(indices.to_vec::<i64>().unwrap(), [0, 0, 2, 1], "{device}");
        assert!(x.median().unwrap().item::<f32>().unwrap().is_nan(), "{device}");
        assert_eq!(x.nanmedian().unwrap().item::<f32>().unwrap(), 2.0, "{device}");
    }
}

#[test]
fn median_of_even_number_is_lower_one() {
    for device in devices() {
        let x = tensor([3.0_f32, 1.0, 2.0, 4.0], device).unwrap();
        assert_eq!(x.median().unwrap().item::<f32>().unwrap(), 2.0, "{device}");
        let (value, index) = x.median_dim(-1, false).unwrap();
        assert_eq!((value.shape(), value.item::<f32>().unwrap()), (&[][..], 2.0), "{device}");
        assert_eq!(index.item::<i64>().unwrap(), 2, "{device}");
        let x = tensor([[3, 1], [2, 9]], device).unwrap();
        let (values, indices) = x.median_dim(0, true).unwrap();
        assert_eq!(values.shape(), [1, 2]);
        assert_eq!(values.to_vec::<i32>().unwrap(), [2, 1], "{device}");
        assert_eq!(indices.to_vec::<i64>().unwrap(), [1, 0], "{device}");
        assert_eq!(x.median().unwrap().item::<i32>().unwrap(), 2, "{device}");
    }
}

#[test]
fn places_of_equal_elements_are_those_of_stable_sort() {
    for device in devices() {
        let x = tensor([0.0_f32, -0.0, -0.0, 0.0], device).unwrap();
        let (sorted, positions) = x.sort(0, false).unwrap();
        let (sorted, positions) = (bits(&sorted), positions.to_vec::<i64>().unwrap());
        for k in 1..=4 {
            let (value, index) = x.kthvalue(k, 0, false).unwrap();
            assert_eq!(bits(&value), sorted[k as usize - 1..k as usize], "{device} {k}");
            assert_eq!(index.item::<i64>().unwrap(), positions[k as usize - 1], "{device} {k}");
        }
        let (value, index) = x.median_dim(0, false).unwrap();
        assert_eq!((bits(&value)[0], index.item::<i64>().unwrap()), (sorted[1], positions[1]));
    }
}

#[test]
fn kthvalue_puts_nan_last() {
    for device in devices() {
        let x = tensor([[1.0, NAN, 2.0], [NAN, NAN, NAN], [NAN, 5.0, 4.0]], device).unwrap();
        let (values, indices) = x.kthvalue(2, 1, true).unwrap();
        assert_eq!(values.shape(), [3, 1]);
        assert!(same(&values, &[2.0, NAN, 5.0]), "{device} {values}");
        assert_eq!(indices.to_vec::<i64>().unwrap(), [2, 1, 1], "{device}");
        let (values, _) = x.kthvalue(3, -1, false).unwrap();
        assert!(same(&values, &[NAN, NAN, NAN]), "{device} {values}");
    }
}

/// Every dtype, along both dims of a view, against sorts on the host.
#[test]
fn median_and_kthvalue_of_every_dtype_match_sorted_lines() {
    for device in devices() {
        for dtype in DType::ALL.into_iter().filter(|&d| d != DType::Bool && device.supports(d)) {
            let values: Vec<i64> = numbers(11, 7 * 40).iter().map(|n| (n % 90) as i64).collect();
            let x = tensor(values.clone(), device).unwrap().to(dtype).unwrap();
            let x = x.view([40, 7]).unwrap().t().unwrap();
            for (dim, len) in [(0, 7), (1, 40)] {
                let line = |i: usize| -> Vec<i64> {
                    let at = |j| if dim == 0 { i * 7 + j } else { j * 7 + i };
                    let mut line: Vec<i64> = (0..len).map(|j| values[at(j)]).collect();
                    line.sort_unstable();
                    line
                };
                let lines = 280 / len;
                let pick = |k: usize| (0..lines).map(|i| line(i)[k] as f64).collect::<Vec<_>>();
                let host = |x: &Tensor| x.cpu().unwrap().to(DType::F64).unwrap().to_vec::<f64>();
                let (median, index) = x.median_dim(dim, false).unwrap();
                assert_eq!((median.dtype(), median.shape()), (dtype, &[lines][..]));
                assert_eq!(host(&median).unwrap(), pick((len - 1) / 2), "{device} {dtype} {dim}");
                let there = x.gather(dim, &index.unsqueeze(dim).unwrap()).unwrap();
                assert_eq!(host(&there).unwrap(), pick((len - 1) / 2), "{device} {dtype} {dim}");
                let (fifth, _) = x.kthvalue(5, dim, true).unwrap();
                assert_eq!(host(&fifth).unwrap(), pick(4), "{device} {dtype} {dim}");
            }
            let mut all = values;
            all.sort_unstable();
            let median = x.nanmedian().unwrap().cpu().unwrap().to(DType::F64).unwrap();
            assert_eq!(median.item::<f64>().unwrap(), all[139] as f64, "{device} {dtype}");
        }
    }
}

#[test]
fn median_of_one_number_and_of_nothing_follows_pytorch() {
    for device in devices() {
        let one = taut::full((), 5, (DType::F32, device)).unwrap();
        for (value, index) in
            [one.median_dim(0, false).unwrap(), one.kthvalue(1, -1, true).unwrap()]
        {
            assert_eq!((value.shape(), index.shape()), (&[][..], &[][..]), "{device}");
            assert_eq!((value.item::<f32>().unwrap(), index.item::<i64>().unwrap()), (5.0, 0));
        }
        assert_eq!(one.msort().unwrap().item::<f32>().unwrap(), 5.0, "{device}");
        let none = taut::zeros([2, 0], device).unwrap();
        assert!(none.median().unwrap().item::<f32>().unwrap().is_nan(), "{device}");
        let (values, indices) = none.median_dim(0, false).unwrap();
        assert_eq!((values.shape(), indices.shape()), (&[0][..], &[0][..]), "{device}");
        let (values, indices) = none.kthvalue(2, 0, true).unwrap();
        assert_eq!((values.shape(), indices.shape()), (&[1, 0][..], &[1, 0][..]), "{device}");
        assert_eq!(none.msort().unwrap().shape(), [2, 0], "{device}");
    }
}

#[test]
fn median_and_kthvalue_of_bad_input_are_refused() {
    let x = taut::zeros([2, 3], Device::Cpu).unwrap();
    for k in [-1, 0, 4] {
        let (kind, message) = refused(x.kthvalue(k, 1, false));
        let expected = format!(
            "kthvalue(): selected number k out of range for dimension 1, got k = {k} for size 3"
        );
        assert_eq!((kind, message), (ErrorKind::Index, expected));
    }
    let (kind, message) = refused(x.median_dim(2, false));
    assert_eq!(kind, ErrorKind::Index);
    assert_eq!(message, "Dimension out of range (expected to be in range of [-2, 1], but got 2)");
    assert_eq!(refused(x.kthvalue(1, -3, false)).0, ErrorKind::Index);
    let none = taut::zeros([2, 0], Device::Cpu).unwrap();
    for refusal in [refused(none.median_dim(1, false)), refused(none.kthvalue(1, 1, false))] {
        assert_eq!(refusal.0, ErrorKind::Shape);
        let expected = "(): Expected reduction dim 1 to have non-zero size";
        assert!(refusal.1.contains(expected), "{}", refusal.1);
    }
    assert_eq!(refused(none.to(DType::I32).unwrap().median()).0, ErrorKind::Shape);
    let bools = x.to(DType::Bool).unwrap();
    assert_eq!(
        refused(bools.median()),
        (ErrorKind::Dtype, "\"median_cpu\" not implemented for 'Bool'".into())
    );
    assert_eq!(refused(bools.nanmedian_dim(0, false)).0, ErrorKind::Dtype);
    assert_eq!(
        refused(bools.kthvalue(1, 0, false)),
        (ErrorKind::Dtype, "\"kthvalue_cpu\" not implemented for 'Bool'".into())
    );
}

/// Lines of many lengths with ties, both zeros and NaN: the same bits and positions as on the CPU.
#[test]
fn median_of_long_lines_has_the_bits_of_the_cpu() {
    const VALUES: [f32; 6] = [0.0, -0.0, 1.0, -1.0, f32::INFINITY, 1e-40];
    for device in devices() {
        for (lines, len) in [(3, 1025), (200, 33), (1, 70_001)] {
            let mut values: Vec<f32> = numbers(len as u64, lines * len)
                .into_iter()
                .map(|n| VALUES[(n % 6) as usize])
                .collect();
            values[len / 2] = NAN;
            let run = |device: Device| {
                let x = tensor(values.clone(), device).unwrap();
                let x = x.view([lines as i64, len as i64]).unwrap();
                let results = [
                    x.median_dim(1, false).unwrap(),
                    x.nanmedian_dim(1, false).unwrap(),
                    x.kthvalue(len as i64 / 3, 1, false).unwrap(),
                ];
                results.map(|(values, indices)| (bits(&values), indices.to_vec::<i64>().unwrap()))
            };
            assert_eq!(run(device), run(Device::Cpu), "{device} {lines} {len}");
        }
    }
}
