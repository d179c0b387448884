//! Windows: bindings made so small that small tensors need several.

use super::*;
use crate::backend::gpu::window::{self, Reach, Sight};
use crate::ops::Op;

fn small() -> Option<GpuBackend> {
    device_with(GpuOptions { max_binding: Some(1024), ..Default::default() })
}

#[test]
fn windows_of_a_space_cover_it_once_within_reach() {
    for shape in [&[5000][..], &[7, 300], &[3, 2, 5000], &[2, 1, 3]] {
        let kernel = binary(Op::Add, DType::F32, shape).0;
        let whole = kernel.len() as u64;
        let sizes = [whole.next_multiple_of(64) * 4; 3];
        let reach = Reach { binding: 1024, points: 200 };
        let windows = window::windows(&kernel, &sizes, reach).unwrap();
        let mut next = 0;
        for window in &windows {
            assert_eq!(window.start(shape), next);
            assert!(window.len() <= 200 && window.sights.iter().all(|sight| sight.len() <= 1024));
            next += window.len();
        }
        assert_eq!(next, whole, "{shape:?}");
    }
}

#[test]
fn windows_beyond_two_to_the_32_elements_count_in_32_bits() {
    for dtype in [DType::U8, DType::F32] {
        let shape = [3, (1_usize << 31) + 5];
        let kernel = binary(Op::Add, dtype, &shape).0;
        let whole = kernel.len() as u64;
        let sizes = [(whole * dtype.size() as u64).next_multiple_of(256); 3];
        let reach = Reach { binding: 1 << 31, points: 1 << 31 };
        let mut next = 0;
        for window in window::windows(&kernel, &sizes, reach).unwrap() {
            assert_eq!(window.start(&shape), next);
            for (i, sight) in window.sights.iter().enumerate() {
                let first = (window.local_offset(&kernel, i) * dtype.size()) as u64;
                let end = first + window.len() * dtype.size() as u64;
                assert!(end <= sight.len() && sight.len() <= 1 << 31, "{dtype} {window:?}");
            }
            next += window.len();
        }
        assert_eq!(next, whole, "{dtype}");
    }
}

#[test]
fn windows_of_far_operands_bring_together_what_they_need() {
    let mut build = Build::new(&[300]);
    let low = build.operand(0, DType::F32, 0, &[1]);
    let high = build.operand(0, DType::F32, 9000, &[1]);
    let value = build.load(low);
    build.store(high, value);
    let reach = Reach { binding: 1024, points: 1 << 31 };
    let mut next = 0;
    for window in window::windows(&build.0, &[40_192], reach).unwrap() {
        let [Sight::Far(parts)] = &window.sights[..] else { panic!("{window:?}") };
        assert_eq!(parts.iter().map(|(_, stored)| *stored).collect::<Vec<_>>(), [false, true]);
        assert!(window.sights[0].len() <= 1024, "{window:?}");
        for (operand, before) in [(0, 0), (1, parts[0].0.len as usize)] {
            let (local, part) = (4 * window.local_offset(&build.0, operand), parts[operand].0);
            assert_eq!(4 * window.offset(&build.0, operand), part.start as usize + local - before);
            assert!(
                local >= before && local + 4 * window.len() as usize <= before + part.len as usize
            );
        }
        assert_eq!(window.start(&[300]), next);
        next += window.len();
    }
    assert_eq!(next, 300);
}

#[test]
fn windows_of_one_element_beyond_every_binding_are_refused() {
    let mut build = Build::new(&[4]);
    for place in 0..5 {
        build.operand(0, DType::F32, 2000 * place, &[1]);
    }
    let reach = Reach { binding: 1024, points: 1 << 31 };
    assert!(window::windows(&build.0, &[40_000], reach).is_none());
}

#[test]
fn add_in_windows_equals_the_whole() {
    add_equals_the_whole(small());
    let pieces =
        GpuOptions { max_binding: Some(1024), max_buffer: Some(768), ..Default::default() };
    add_equals_the_whole(device_with(pieces));
}

fn add_equals_the_whole(device: Option<GpuBackend>) {
    let Some(device) = device else { return };
    for shape in [&[4099][..], &[3, 1001], &[2, 3, 700]] {
        let len: usize = shape.iter().product();
        let a: Vec<f32> = (0..len).map(|i| i as f32).collect();
        let b: Vec<f32> = (0..len).map(|i| 0.25 * i as f32).collect();
        let (x, y) = (upload(&device, &a), upload(&device, &b));
        let out = upload(&device, &vec![0.0_f32; len]);
        device.run(&[binary(Op::Add, DType::F32, shape).launch(&[&x, &y, &out])]).unwrap();
        let expected: Vec<f32> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
        assert_eq!(download::<f32>(&device, &out, len), expected, "{shape:?}");
    }
}

#[test]
fn transposed_and_broadcast_operands_in_windows_equal_the_whole() {
    let Some(device) = small() else { return };
    let (rows, columns) = (37, 61);
    let a: Vec<i32> = (0..rows * columns).collect();
    let b: Vec<i32> = (0..columns).map(|i| i * 100_000).collect();
    let (rows, columns) = (rows as usize, columns as usize);
    let (x, y) = (upload(&device, &a), upload(&device, &b));
    let out = upload(&device, &vec![0_i32; a.len()]);
    let mut build = Build::new(&[rows, columns]);
    let left = build.operand(0, DType::I32, 0, &[1, rows]);
    let right = build.operand(1, DType::I32, 0, &[0, 1]);
    let target = build.dense(2, DType::I32);
    let (left, right) = (build.load(left), build.load(right));
    let sum = build.node(Expr::Binary(Op::Add, [left, right]), DType::I32);
    build.store(target, sum);
    device.run(&[build.launch(&[&x, &y, &out])]).unwrap();
    let expected: Vec<i32> =
        (0..rows * columns).map(|i| a[i % columns * rows + i / columns] + b[i % columns]).collect();
    assert_eq!(download::<i32>(&device, &out, a.len()), expected);
}

#[test]
fn bytes_and_index_in_windows_go_on_where_the_last_ended() {
    let Some(device) = small() else { return };
    // Rows of odd length: windows begin within words.
    let out = upload(&device, &vec![0_u8; 3 * 2001 + 1]);
    let mut build = Build::new(&[3, 2001]);
    let target = build.operand(0, DType::U8, 1, &[2001, 1]);
    let index = build.node(Expr::Index, DType::I32);
    let byte = build.node(Expr::Cast(index), DType::U8);
    build.store(target, byte);
    build.0.args.base = 10;
    device.run(&[build.launch(&[&out])]).unwrap();
    let stored = download::<u8>(&device, &out, 3 * 2001 + 1);
    let expected: Vec<u8> = (0..3 * 2001).map(|i| (i + 10) as u8).collect();
    assert_eq!((stored[0], &stored[1..]), (0, &expected[..]));
}

#[test]
fn check_in_windows_stores_nothing_before_the_failing_window() {
    let Some(device) = small() else { return };
    let mut values = vec![0_u8; 5000];
    values[4999] = 1;
    let (mask, out) = (upload(&device, &values), upload(&device, &vec![9_i32; 5000]));
    let mut build = Build::new(&[5000]);
    let (m, o) = (build.dense(0, DType::Bool), build.dense(1, DType::I32));
    let bad = build.load(m);
    let index = build.node(Expr::Index, DType::I32);
    build.store(o, index);
    build.check(bad, 77);
    device.run(&[build.launch(&[&mask, &out])]).unwrap();
    assert_eq!(device.wait().unwrap(), Some(77));
    assert_eq!(download::<i32>(&device, &out, 5000), vec![9; 5000]);
}

#[test]
fn fetched_in_windows_equals_the_whole() {
    let small = GpuOptions { max_binding: Some(1024), ..Default::default() };
    let pieces = GpuOptions { max_buffer: Some(768), ..small.clone() };
    for options in [GpuOptions::default(), small, pieces] {
        let Some(device) = device_with(options) else { return };
        // Rows and columns far apart, two sources, elements that share words.
        let (rows, columns, len) = (33, 70, 5003);
        let table: Vec<i16> = (0..len).map(|i| (i * 7 % 30_011) as i16).collect();
        let other: Vec<i32> = (0..len).map(|i| i * 100_000).collect();
        let at: Vec<i32> = (0..rows * columns).map(|i| i * 911 % (len - 2 * columns)).collect();
        let (x, y, places) =
            (upload(&device, &table), upload(&device, &other), upload(&device, &at));
        let size = (rows * columns) as usize;
        let out = upload(&device, &vec![-1_i16; size]);
        let sum = upload(&device, &vec![-1_i32; size]);
        let mut build = Build::new(&[rows as usize, columns as usize]);
        let at_operand = build.dense(0, DType::I32);
        let table_operand = build.operand(1, DType::I16, 3, &[0, 2]);
        let other_operand = build.operand(2, DType::I32, 0, &[0, 0]);
        let (out_operand, sum_operand) = (build.dense(3, DType::I16), build.dense(4, DType::I32));
        let place = build.load(at_operand);
        let one = build.node(Expr::Fetch { operand: table_operand, at: place }, DType::I16);
        let two = build.node(Expr::Fetch { operand: other_operand, at: place }, DType::I32);
        let wide = build.node(Expr::Cast(one), DType::I32);
        let total = build.node(Expr::Binary(Op::Add, [wide, two]), DType::I32);
        build.store(out_operand, one);
        build.store(sum_operand, total);
        device.run(&[build.launch(&[&places, &x, &y, &out, &sum])]).unwrap();
        let from = |i: usize| at[i] as usize + 3 + 2 * (i % columns as usize);
        let expected: Vec<i16> = (0..size).map(|i| table[from(i)]).collect();
        assert_eq!(download::<i16>(&device, &out, size), expected);
        let expected: Vec<i32> =
            (0..size).map(|i| i32::from(expected[i]) + other[at[i] as usize]).collect();
        assert_eq!(download::<i32>(&device, &sum, size), expected);
    }
}

/// So many int32 out of a buffer at places of a dtype.
fn fetching(at: DType, len: usize) -> Build {
    let mut build = Build::new(&[len]);
    let at_operand = build.dense(0, at);
    let table_operand = build.operand(1, DType::I32, 0, &[0]);
    let out_operand = build.dense(2, DType::I32);
    let place = build.load(at_operand);
    let value = build.node(Expr::Fetch { operand: table_operand, at: place }, DType::I32);
    build.store(out_operand, value);
    build
}

#[test]
fn fetched_out_of_range_stays_in_the_buffer() {
    let Some(device) = small() else { return };
    let table: Vec<i32> = (1..=2000).collect();
    let at = [-1, 5, 1_000_000, i32::MIN, i32::MAX, 1999];
    let (x, places) = (upload(&device, &table), upload(&device, &at));
    let out = upload(&device, &[0_i32; 6]);
    device.run(&[fetching(DType::I32, 6).launch(&[&places, &x, &out])]).unwrap();
    let got = download::<i32>(&device, &out, 6);
    assert_eq!((got[1], got[5]), (6, 2000));
}

#[test]
fn fetched_beyond_32_bits_in_parts_leaves_the_point_out() {
    let Some(device) = small() else { return };
    if !supports(&device, DType::I64) {
        return;
    }
    let table: Vec<i32> = (1..=2000).collect();
    let far = 1_i64 << 32;
    let at = [5, far + 5, 5 - far, i64::MIN, i64::MAX, -1, 2000, 1999];
    let (x, places) = (upload(&device, &table), upload(&device, &at));
    let out = upload(&device, &[-7_i32; 8]);
    device.run(&[fetching(DType::I64, 8).launch(&[&places, &x, &out])]).unwrap();
    // The pool's buffer has room for 2048 elements.
    let got = download::<i32>(&device, &out, 8);
    assert_eq!([&got[..6], &got[7..]].concat(), [6, -7, -7, -7, -7, -7, 2000]);
}
