//! Sorts against a stable sort of the standard library, on every device.

mod common;
#[path = "common/numbers.rs"]
mod numbers;

use std::cmp::Ordering;

use common::devices;
use numbers::numbers;
use taut::{DType, Device, ErrorKind, tensor};

/// NaN beyond all, -0 equal to 0.
fn order(a: f32, b: f32) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// The positions of a stable sort of each line of the last dim.
fn model(values: &[f32], len: usize, descending: bool) -> Vec<i64> {
    let line = |line: &[f32]| {
        let mut positions: Vec<i64> = (0..len as i64).collect();
        positions.sort_by(|&a, &b| {
            let order = order(line[a as usize], line[b as usize]);
            if descending { order.reverse() } else { order }
        });
        positions
    };
    values.chunks(len).flat_map(line).collect()
}

/// Few different numbers, among them both zeros, infinities and NaN.
fn ties(seed: u64, len: usize) -> Vec<f32> {
    const VALUES: [f32; 8] =
        [0.0, -0.0, 1.0, -1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-40];
    numbers(seed, len).into_iter().map(|n| VALUES[(n % 8) as usize]).collect()
}

#[test]
fn sort_of_ties_zeros_and_nan_is_stable_both_ways() {
    for device in devices() {
        for (lines, len) in [(1, 1), (1, 2), (1000, 3), (7, 1025), (1, (1 << 20) + 17)] {
            let values = ties(len as u64, lines * len);
            let x = tensor(values.clone(), device).unwrap();
            let x = x.view([lines as i64, len as i64]).unwrap();
            for descending in [false, true] {
                let (sorted, positions) = x.sort(-1, descending).unwrap();
                let expected = model(&values, len, descending);
                assert_eq!(positions.to_vec::<i64>().unwrap(), expected, "{device} {lines} {len}");
                let sorted = sorted.to_vec::<f32>().unwrap();
                for (i, &position) in expected.iter().enumerate() {
                    let value = values[i / len * len + position as usize];
                    assert_eq!(sorted[i].to_bits(), value.to_bits(), "{device} {lines} {len}");
                }
            }
        }
    }
}

#[test]
fn sort_along_first_dim_and_of_views_matches_lines() {
    for device in devices() {
        let values = ties(5, 60 * 33);
        let x = tensor(values.clone(), device).unwrap().view([33, 60]).unwrap();
        let transposed = x.t().unwrap();
        let (_, along_first) = transposed.sort(0, false).unwrap();
        let back = along_first.t().unwrap().to_vec::<i64>().unwrap();
        assert_eq!(back, model(&values, 60, false), "{device}");
        let narrow = x.narrow(1, 7, 20).unwrap();
        let copy = narrow.to_vec::<f32>().unwrap();
        let positions = narrow.argsort(1, true).unwrap().to_vec::<i64>().unwrap();
        assert_eq!(positions, model(&copy, 20, true), "{device}");
    }
}

#[test]
fn sort_of_every_dtype_orders_its_extremes() {
    for device in devices() {
        for dtype in DType::ALL.into_iter().filter(|&dtype| device.supports(dtype)) {
            let numbers: &[i64] = match dtype {
                DType::Bool => &[0, 1],
                DType::U8 => &[0, 1, 127, 128, 255],
                DType::I8 => &[-128, -1, 0, 1, 127],
                DType::I64 => &[i64::MIN, -(1 << 40), -1, 0, 1, 1 << 32, i64::MAX],
                _ => &[-30000, -1, 0, 1, 2, 30000],
            };
            let ascending = tensor(numbers.to_vec(), device).unwrap().to(dtype).unwrap();
            let n = numbers.len() as i64;
            let (sorted, positions) = ascending.sort(0, true).unwrap();
            let reversed: Vec<i64> = (0..n).rev().collect();
            assert_eq!(positions.to_vec::<i64>().unwrap(), reversed, "{device} {dtype}");
            let (back, _) = sorted.sort(0, false).unwrap();
            assert_eq!(back.tolist().unwrap(), ascending.tolist().unwrap(), "{device} {dtype}");
        }
    }
}

#[test]
fn sort_of_nothing_and_of_one_number_keeps_shape() {
    for device in devices() {
        let (values, positions) = taut::zeros([2, 0], device).unwrap().sort(1, false).unwrap();
        assert_eq!((values.shape(), positions.shape()), (&[2, 0][..], &[2, 0][..]));
        let one = taut::full([0_i64; 0], 3, device).unwrap();
        let (values, positions) = one.sort(0, false).unwrap();
        assert_eq!((values.shape(), values.item::<i64>().unwrap()), (&[][..], 3), "{device}");
        assert_eq!(positions.item::<i64>().unwrap(), 0);
        let (values, _) = one.topk(1, 0, true).unwrap();
        assert_eq!(values.item::<i64>().unwrap(), 3);
    }
}

#[test]
fn topk_of_ties_takes_first_and_refuses_wrong_k() {
    for device in devices() {
        let x = tensor([1.0_f32, f32::NAN, 2.0, 2.0], device).unwrap();
        let (_, largest) = x.topk(3, -1, true).unwrap();
        assert_eq!(largest.to_vec::<i64>().unwrap(), [1, 2, 3], "{device}");
        let (values, smallest) = x.topk(2, -1, false).unwrap();
        assert_eq!(values.to_vec::<f32>().unwrap(), [1.0, 2.0]);
        assert_eq!(smallest.to_vec::<i64>().unwrap(), [0, 2], "{device}");
    }
    let x = taut::zeros([2, 3], Device::Cpu).unwrap();
    for k in [-1, 4] {
        assert_eq!(x.topk(k, 1, true).unwrap_err().kind(), ErrorKind::Index);
    }
    assert_eq!(x.sort(2, false).unwrap_err().kind(), ErrorKind::Index);
    let bools = x.to(DType::Bool).unwrap();
    assert_eq!(bools.topk(1, 1, true).unwrap_err().kind(), ErrorKind::Dtype);
}

/// Lengths around those of tiles and runs, against the CPU.
#[test]
fn sort_of_any_length_and_stride_has_the_positions_of_the_cpu() {
    let lengths = [2, 3, 4, 5, 7, 511, 512, 513, 1023, 1024, 1025, 2047, 2048, 2049, 3073, 4097];
    let shapes = lengths.map(|len| (3, len)).into_iter();
    for device in devices() {
        for (lines, len) in shapes.clone().chain([(5000, 3), (300, 65), (1, 100_003), (2, 131_073)])
        {
            let values = ties(len as u64, lines * len);
            let sizes = [lines as i64, len as i64];
            for descending in [false, true] {
                let sort = |device: Device, turned: bool| {
                    let x = tensor(values.clone(), device).unwrap();
                    let x = if turned {
                        x.view([sizes[1], sizes[0]]).unwrap().t().unwrap()
                    } else {
                        x.view(sizes).unwrap()
                    };
                    let (sorted, positions) = x.sort(1, descending).unwrap();
                    let bits = sorted.to_vec::<f32>().unwrap().into_iter().map(f32::to_bits);
                    (bits.collect::<Vec<u32>>(), positions.to_vec::<i64>().unwrap())
                };
                for turned in [false, true] {
                    let same = sort(device, turned) == sort(Device::Cpu, turned);
                    assert!(same, "{device} {lines} {len} {descending} {turned}");
                }
            }
        }
    }
}

#[test]
fn sort_of_many_values_of_every_dtype_has_the_positions_of_the_cpu() {
    for device in devices() {
        for dtype in DType::ALL.into_iter().filter(|&dtype| device.supports(dtype)) {
            let values: Vec<i64> = numbers(3, 5000).into_iter().map(|n| n as i64 >> 40).collect();
            let positions = |device: Device| {
                let mut x = tensor(values.clone(), device).unwrap().to(dtype).unwrap();
                if dtype == DType::I64 {
                    // Beyond 32 bits, so that both words of a key count.
                    x = x.mul(&x).unwrap().mul(&x.sign().unwrap()).unwrap();
                }
                if dtype.is_floating_point() {
                    x = x.div(7).unwrap().to(dtype).unwrap();
                }
                let both = [false, true].map(|d| x.argsort(0, d).unwrap());
                both.map(|positions| positions.to_vec::<i64>().unwrap())
            };
            assert_eq!(positions(device), positions(Device::Cpu), "{device} {dtype}");
        }
    }
}
