//! Folds of more than a binding reaches.

use super::scans::{check_scan, running_sum, scanning};
use super::*;
use crate::error::ErrorKind;

#[test]
fn folds_in_windows_have_the_bits_of_the_tree() {
    let options = GpuOptions { max_binding: Some(40 << 10), ..Default::default() };
    for max_buffer in [None, Some(9 << 10)] {
        let Some(device) = device_with(GpuOptions { max_buffer, ..options.clone() }) else {
            return;
        };
        check_folds(&device);
    }
}

fn check_folds(device: &GpuBackend) {
    let value = |i: usize| float(i) as f32;
    let add = |a: f32, b: f32| a + b;
    let cases: [[&[usize]; 3]; 9] = [
        [&[], &[100_001], &[]],
        [&[3], &[20_001], &[]],
        [&[2000], &[20], &[]],
        [&[3], &[30, 700], &[]],
        [&[], &[5000], &[7]],
        [&[], &[900, 3], &[20]],
        // Rows of which a binding has few, or part of one.
        [&[2], &[40], &[1500]],
        [&[], &[3], &[20_000]],
        [&[50], &[3], &[300]],
    ];
    for [lead, n, trail] in cases {
        let folding = Folding::new(lead, n, trail, SUM);
        check(device, &folding, value, 0.0, add, |a| a);
        check(device, &folding, value, 0.0, add, half::f16::from_f32);
        let place = Folding::new(lead, n, trail, Fold::ArgMin);
        check_position(device, &place, value, f32::is_nan, |a, b| a < b);
    }
    // Both lines lie all over the buffer.
    let folding = Folding { strides: Some(&[1, 2]), ..Folding::new(&[2], &[20_000], &[], SUM) };
    check(device, &folding, value, 0.0, add, |a| a);
    let scans: [[&[usize]; 3]; 3] =
        [[&[], &[20_000], &[]], [&[3], &[9001], &[]], [&[2], &[30], &[2000]]];
    for [lead, n, trail] in scans {
        check_scan(device, &scanning(lead, n, trail, SUM, 0), value, running_sum);
    }
}

#[test]
fn fold_of_blocks_beyond_every_binding_is_refused() {
    let options = GpuOptions { max_binding: Some(4 << 10), ..Default::default() };
    let Some(device) = device_with(options) else { return };
    let (x, out) = (upload(&device, &vec![1_f32; 9000]), device.allocate(4).unwrap());
    let build = Folding::new(&[], &[9000], &[], SUM).build(DType::F32, DType::F32, DType::F32);
    let error = device.run(&[build.launch(&[&x, &out])]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Shape);
    assert!(error.to_string().contains("reaches 4096 bytes of a buffer at once"), "{error}");
    // Nothing is wrong with the device.
    assert_eq!(download::<f32>(&device, &x, 9000), [1.0; 9000]);
}

/// Half of the points that are counted, for this device.
const FEW: u64 = 8192;

fn device_of_few() -> Option<GpuBackend> {
    device_with(GpuOptions { max_points: Some(FEW), ..Default::default() })
}

#[test]
fn folds_of_more_than_is_counted_have_the_bits_of_the_tree() {
    let Some(device) = device_of_few() else { return };
    let value = |i: usize| float(i) as f32;
    let add = |a: f32, b: f32| a + b;
    let cases: [[&[usize]; 3]; 8] = [
        [&[], &[100_001], &[]],
        [&[300, 70], &[4], &[]],
        [&[40_000], &[2], &[]],
        [&[3], &[30, 700], &[]],
        [&[], &[900, 30], &[2]],
        [&[2], &[40], &[30, 700]],
        [&[5, 5000], &[3], &[5]],
        [&[20, 30], &[300, 70], &[2]],
    ];
    for [lead, n, trail] in cases {
        // Rows apart, so that the coordinates along each dimension are made.
        let shape = [lead, n, trail].concat();
        let mut strides = row_major(&shape);
        for stride in strides.iter_mut().rev().skip(1) {
            *stride += *stride / shape[shape.len() - 1];
        }
        for strides in [None, Some(&strides[..])] {
            let folding = Folding { strides, ..Folding::new(lead, n, trail, SUM) };
            check(&device, &folding, value, 0.0, add, |a| a);
        }
    }
    let scans: [[&[usize]; 3]; 3] =
        [[&[], &[40_000], &[]], [&[30, 700], &[3], &[]], [&[2], &[3], &[300, 70]]];
    for [lead, n, trail] in scans {
        check_scan(&device, &scanning(lead, n, trail, SUM, 0), value, running_sum);
    }
    let place = Folding::new(&[300, 70], &[9], &[], Fold::ArgMin);
    check_position(&device, &place, value, f32::is_nan, |a, b| a < b);
}

#[test]
fn fold_of_rows_or_positions_that_are_not_counted_is_refused() {
    let Some(device) = device_of_few() else { return };
    for (lead, n, fold) in
        [(&[2, 9000][..], &[3][..], SUM), (&[], &[2, 9000], SUM), (&[], &[20_000], Fold::ArgMax)]
    {
        let folding = Folding::new(lead, n, &[], fold);
        let output = if fold == SUM { DType::F32 } else { DType::I64 };
        let build = folding.build(DType::F32, DType::F32, output);
        assert!(!device.reaches(&build.0), "{folding:?}");
        let x = upload(&device, &vec![1_f32; folding.len()]);
        let out = device.allocate(8 * 18_000).unwrap();
        let error = device.run(&[build.launch(&[&x, &out])]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Shape);
        assert!(error.to_string().contains("counts 16384 elements of a fold"), "{error}");
    }
}
