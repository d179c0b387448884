//! Different values and slices, on every device: what PyTorch gives, and naive models.

mod common;
#[path = "common/numbers.rs"]
mod numbers;

use std::collections::BTreeMap;

use common::devices;
use numbers::numbers;
use taut::{DType, Device, ErrorKind, Tensor, Unique, tensor};

const NAN: f32 = f32::NAN;

/// As text, in which NaN is NaN and -0 is not 0.
fn shown(values: &Tensor) -> String {
    format!("{:?}", values.to_vec::<f32>().expect("float32"))
}

fn indices(x: &Tensor) -> Vec<i64> {
    x.to_vec().expect("int64")
}

#[test]
fn unique_of_floats_keeps_each_nan_and_first_zero() {
    for device in devices() {
        let x = tensor([3.0, 1.0, NAN, 1.0, -0.0, 0.0, NAN, -0.0], device).unwrap();
        let Unique { values, inverse, counts } = x.unique(()).unwrap();
        assert_eq!(shown(&values), "[-0.0, 1.0, 3.0, NaN, NaN]", "{device}");
        assert_eq!(indices(&inverse), [2, 1, 3, 1, 0, 0, 4, 0], "{device}");
        assert_eq!(indices(&counts), [3, 2, 1, 1, 1], "{device}");
        let Unique { values, inverse, counts } = x.unique_consecutive(()).unwrap();
        assert_eq!(shown(&values), "[3.0, 1.0, NaN, 1.0, -0.0, NaN, -0.0]", "{device}");
        assert_eq!(indices(&inverse), [0, 1, 2, 3, 4, 4, 5, 6], "{device}");
        assert_eq!(indices(&counts), [1, 1, 1, 1, 2, 1, 1], "{device}");
        let x = tensor([1.0_f32, 0.0, -0.0], device).unwrap();
        assert_eq!(shown(&x.unique(()).unwrap().values), "[0.0, 1.0]", "{device}");
    }
}

#[test]
fn unique_of_all_elements_has_inverse_of_their_shape() {
    for device in devices() {
        let x = tensor([[3, 1, 2], [1, 2, 1]], device).unwrap().t().unwrap();
        let Unique { values, inverse, counts } = x.unique(()).unwrap();
        assert_eq!(values.to_vec::<i32>().unwrap(), [1, 2, 3], "{device}");
        assert_eq!((inverse.shape(), inverse.dtype()), (&[3, 2][..], DType::I64));
        assert_eq!(indices(&inverse), [2, 0, 0, 1, 1, 0], "{device}");
        assert_eq!((indices(&counts), counts.dtype()), (vec![3, 2, 1], DType::I64), "{device}");
        let x = tensor([[3, 1], [1, 2]], device).unwrap();
        let Unique { values, inverse, counts } = x.unique_consecutive(()).unwrap();
        assert_eq!(values.to_vec::<i32>().unwrap(), [3, 1, 2], "{device}");
        assert_eq!(inverse.shape(), [2, 2]);
        assert_eq!(indices(&inverse), [0, 1, 1, 2], "{device}");
        assert_eq!(indices(&counts), [1, 2, 1], "{device}");
    }
}

#[test]
fn unique_along_dim_orders_slices() {
    for device in devices() {
        let x = tensor([[1, 2], [0, 5], [1, 2], [0, 4]], device).unwrap();
        let Unique { values, inverse, counts } = x.unique(0).unwrap();
        assert_eq!(values.shape(), [3, 2]);
        assert_eq!(values.to_vec::<i32>().unwrap(), [0, 4, 0, 5, 1, 2], "{device}");
        assert_eq!(indices(&inverse), [2, 1, 2, 0], "{device}");
        assert_eq!(indices(&counts), [1, 1, 2], "{device}");
        let x = tensor([[1, 2, 1], [3, 4, 3]], device).unwrap();
        let Unique { values, inverse, counts } = x.unique(-1).unwrap();
        assert_eq!(values.shape(), [2, 2]);
        assert_eq!(values.to_vec::<i32>().unwrap(), [1, 2, 3, 4], "{device}");
        assert_eq!((indices(&inverse), indices(&counts)), (vec![0, 1, 0], vec![2, 1]), "{device}");
        // Slices compare their first dim first: [[0, 0], [1, 9]] is before [[0, 1], [0, 9]].
        let x = tensor([[[0, 0], [1, 0]], [[0, 1], [9, 9]]], device).unwrap();
        assert_eq!(indices(&x.unique(2).unwrap().inverse), [1, 0], "{device}");
        let x = tensor([[1, 1, 2, 1], [3, 3, 3, 3]], device).unwrap();
        let Unique { values, inverse, counts } = x.unique_consecutive(1).unwrap();
        assert_eq!(values.to_vec::<i32>().unwrap(), [1, 2, 1, 3, 3, 3], "{device}");
        assert_eq!(indices(&inverse), [0, 0, 1, 2], "{device}");
        assert_eq!(indices(&counts), [2, 1, 1], "{device}");
    }
}

#[test]
fn unique_along_dim_of_slices_with_nan_keeps_each() {
    for device in devices() {
        let rows = [[NAN, 1.0], [NAN, 1.0], [-0.0, 2.0], [0.0, 2.0], [0.0, NAN]];
        let x = tensor(rows, device).unwrap();
        let Unique { values, inverse, counts } = x.unique(0).unwrap();
        let expected = "[-0.0, 2.0, 0.0, NaN, NaN, 1.0, NaN, 1.0]";
        assert_eq!(shown(&values), expected, "{device}");
        assert_eq!(indices(&inverse), [2, 3, 0, 0, 1], "{device}");
        assert_eq!(indices(&counts), [2, 1, 1, 1], "{device}");
        let Unique { inverse, counts, .. } = x.unique_consecutive(0).unwrap();
        assert_eq!(indices(&inverse), [0, 1, 2, 2, 3], "{device}");
        assert_eq!(indices(&counts), [1, 1, 2, 1], "{device}");
    }
}

#[test]
fn unique_of_scalars_and_of_nothing_has_shapes_of_pytorch() {
    for device in devices() {
        let five = taut::full((), 5, (DType::F32, device)).unwrap();
        for Unique { values, inverse, counts } in
            [five.unique(()).unwrap(), five.unique_consecutive(()).unwrap()]
        {
            assert_eq!((values.shape(), inverse.shape()), (&[1][..], &[][..]), "{device}");
            assert_eq!(shown(&values), "[5.0]");
            assert_eq!((indices(&inverse), indices(&counts)), (vec![0], vec![1]), "{device}");
        }
        let none = taut::zeros([2, 0], device).unwrap();
        let shapes = |unique: Unique| {
            [unique.values, unique.inverse, unique.counts].map(|x| x.shape().to_vec())
        };
        let flat = [vec![0], vec![2, 0], vec![0]];
        assert_eq!(shapes(none.unique(()).unwrap()), flat, "{device}");
        assert_eq!(shapes(none.unique_consecutive(()).unwrap()), flat, "{device}");
        let along = [vec![2, 0], vec![0], vec![0]];
        assert_eq!(shapes(none.unique(1).unwrap()), along, "{device}");
        assert_eq!(shapes(none.unique_consecutive(-1).unwrap()), along, "{device}");
    }
}

#[test]
fn unique_of_bad_input_is_refused() {
    let zeros = |shape: &[i64]| taut::zeros(shape, Device::Cpu).unwrap();
    let refused = |x: Tensor, dims: &[i64]| {
        let errors = [x.unique(dims).unwrap_err(), x.unique_consecutive(dims).unwrap_err()];
        errors.map(|error| (error.kind(), error.to_string()))
    };
    for (kind, message) in refused(zeros(&[2, 3]), &[2]) {
        let expected = "Dimension out of range (expected to be in range of [-2, 1], but got 2)";
        assert_eq!((kind, &message[..]), (ErrorKind::Index, expected));
    }
    for (kind, message) in refused(zeros(&[]), &[0]) {
        let expected = "Dimension specified as 0 but tensor has no dimensions";
        assert_eq!((kind, &message[..]), (ErrorKind::Index, expected));
    }
    for (kind, message) in refused(zeros(&[1, 0, 3]), &[0]) {
        assert_eq!(kind, ErrorKind::Shape);
        let expected = "There are 0 sized dimensions, and they aren't selected, so unique";
        assert!(message.starts_with(expected), "{message}");
    }
    for (kind, message) in refused(zeros(&[1, 0, 0]), &[1]) {
        assert_eq!(kind, ErrorKind::Shape);
        let expected = "Number of zero sized dimensions is more than one, so unique";
        assert!(message.starts_with(expected), "{message}");
    }
    assert!(refused(zeros(&[2, 3]), &[0, 1]).iter().all(|(kind, _)| *kind == ErrorKind::Value));
}

/// The different keys in order, the index of each and how often it is.
fn model<K: Ord + Clone>(keys: &[K]) -> (Vec<K>, Vec<i64>, Vec<i64>) {
    let mut counts: BTreeMap<&K, i64> = BTreeMap::new();
    keys.iter().for_each(|key| *counts.entry(key).or_default() += 1);
    let at = |key| counts.keys().position(|other| *other == key).map(|at| at as i64);
    let inverse = keys.iter().filter_map(at).collect();
    (counts.keys().map(|&key| key.clone()).collect(), inverse, counts.into_values().collect())
}

#[test]
fn unique_of_every_dtype_matches_model() {
    for device in devices() {
        for dtype in DType::ALL.into_iter().filter(|&dtype| device.supports(dtype)) {
            for len in [1, 2, 300, 70_001] {
                let range = if dtype == DType::Bool { 2 } else { 100 };
                let values: Vec<i64> =
                    numbers(len as u64, len).iter().map(|n| (n % range) as i64).collect();
                let x = tensor(values.clone(), device).unwrap().to(dtype).unwrap();
                let unique = x.unique(()).unwrap();
                let (expected, inverse, counts) = model(&values);
                assert_eq!(unique.values.dtype(), dtype);
                let seen = unique.values.cpu().unwrap().to(DType::I64).unwrap();
                assert_eq!(indices(&seen), expected, "{device} {dtype} {len}");
                assert_eq!(indices(&unique.inverse), inverse, "{device} {dtype} {len}");
                assert_eq!(indices(&unique.counts), counts, "{device} {dtype} {len}");
            }
        }
    }
}

/// Slices of one to nine elements, rows and columns, few and so many that keys need 64 bits.
#[test]
fn unique_along_dim_matches_model() {
    for device in devices() {
        for (n, m) in [(1, 3), (40, 1), (40, 2), (700, 5), (700, 9), (50_000, 3)] {
            let values: Vec<i32> =
                numbers(m as u64, n * m).iter().map(|n| (n >> 20) as i32 % 3).collect();
            let rows: Vec<&[i32]> = values.chunks(m).collect();
            let (expected, inverse, counts) = model(&rows);
            let x = tensor(values.clone(), device).unwrap().view([n as i64, m as i64]).unwrap();
            for (x, dim) in [(x.alias(), 0), (x.t().unwrap(), 1)] {
                let unique = x.unique(dim).unwrap();
                let seen = if dim == 0 { unique.values } else { unique.values.t().unwrap() };
                assert_eq!(seen.to_vec::<i32>().unwrap(), expected.concat(), "{device} {n} {m}");
                assert_eq!(indices(&unique.inverse), inverse, "{device} {n} {m} {dim}");
                assert_eq!(indices(&unique.counts), counts, "{device} {n} {m} {dim}");
            }
        }
    }
}

#[test]
fn unique_consecutive_of_many_runs_matches_model() {
    for device in devices() {
        for m in [1, 2, 3] {
            let values: Vec<i32> =
                numbers(m, 60_000).iter().map(|n| i32::from(n >> 30 & 7 == 0)).collect();
            let rows: Vec<&[i32]> = values.chunks(m as usize).collect();
            let mut runs: Vec<&[i32]> = Vec::new();
            let mut counts: Vec<i64> = Vec::new();
            let mut inverse: Vec<i64> = Vec::new();
            for row in rows {
                match counts.last_mut() {
                    Some(count) if runs.last() == Some(&row) => *count += 1,
                    _ => {
                        runs.push(row);
                        counts.push(1);
                    }
                }
                inverse.push(runs.len() as i64 - 1);
            }
            let x = tensor(values.clone(), device).unwrap().view([-1, m as i64]).unwrap();
            let unique = x.unique_consecutive(0).unwrap();
            assert_eq!(unique.values.to_vec::<i32>().unwrap(), runs.concat(), "{device} {m}");
            assert_eq!(indices(&unique.inverse), inverse, "{device} {m}");
            assert_eq!(indices(&unique.counts), counts, "{device} {m}");
            if m == 1 {
                let flat = x.unique_consecutive(()).unwrap();
                assert_eq!(indices(&flat.counts), counts, "{device}");
            }
        }
    }
}
