//! Values: each dtype's way in, through an operation, and out.

use half::{bf16, f16};

use super::*;
use crate::ops::Op;

fn run_binary<T: Element>(device: &GpuBackend, op: Op, a: &[T], b: &[T]) -> Vec<T> {
    let (left, right) = (upload(device, a), upload(device, b));
    let out = upload(device, &vec![T::default(); a.len()]);
    let launch = binary(op, T::DTYPE, &[a.len()]).launch(&[&left, &right, &out]);
    device.run(&[launch]).unwrap();
    download(device, &out, a.len())
}

#[test]
fn add_of_f32_gives_the_sums_for_every_tail() {
    let Some(device) = device() else { return };
    for len in [1, 2, 3, 4, 5, 1023, 1024, 1025, 5000] {
        let a: Vec<f32> = (0..len).map(|i| i as f32 * 0.37).collect();
        let b: Vec<f32> = (0..len).map(|i| 1e6 - i as f32).collect();
        let expected: Vec<f32> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
        assert_eq!(run_binary(&device, Op::Add, &a, &b), expected, "{len}");
    }
    assert_eq!(device.stats().pipelines, 1, "a new size must not compile anything");
}

#[test]
fn add_of_f32_specials_keeps_subnormals_infinities_and_nan() {
    let Some(device) = device() else { return };
    let tiny = f32::from_bits(3);
    let a = [tiny, f32::INFINITY, f32::INFINITY, f32::NAN, -0.0, f32::MAX];
    let b = [tiny, 1.0, f32::NEG_INFINITY, 1.0, -0.0, f32::MAX];
    let sums = run_binary(&device, Op::Add, &a, &b);
    for ((sum, a), b) in sums.iter().zip(a).zip(b) {
        let expected = a + b;
        let same = sum.to_bits() == expected.to_bits() || (sum.is_nan() && expected.is_nan());
        assert!(same, "{a} + {b} is {sum}, not {expected}");
    }
}

#[test]
fn add_of_narrow_integers_wraps() {
    let Some(device) = device() else { return };
    let a: Vec<u8> = (0..=255).collect();
    let expected: Vec<u8> = a.iter().map(|a| a.wrapping_add(*a)).collect();
    assert_eq!(run_binary(&device, Op::Add, &a, &a), expected);
    let a: Vec<i8> = (-128..=127).collect();
    let expected: Vec<i8> = a.iter().map(|a| a.wrapping_add(*a)).collect();
    assert_eq!(run_binary(&device, Op::Add, &a, &a), expected);
}

/// `out = a op a` of the first elements of `a`, from this offset on in all buffers, whose other elements stay.
fn runs_agree<T: Element>(device: &GpuBackend, op: Op, a: &[T], expected: impl Fn(T) -> T) {
    for (len, offset) in (1..=33).flat_map(|len| [0, 4, 8, 16].map(|offset| (len, offset))) {
        let (source, out) = (upload(device, a), upload(device, a));
        let mut build = Build::new(&[len]);
        let value = build.operand(0, T::DTYPE, offset, &[1]);
        let target = build.operand(1, T::DTYPE, offset, &[1]);
        let value = build.load(value);
        let value = build.node(Expr::Binary(op, [value, value]), T::DTYPE);
        build.store(target, value);
        device.run(&[build.launch(&[&source, &out])]).unwrap();
        let stored = download::<T>(device, &out, a.len());
        let own = offset..offset + len;
        let all = a.iter().enumerate();
        let all = all.map(|(i, &a)| if own.contains(&i) { expected(a) } else { a });
        assert_eq!(stored, all.collect::<Vec<T>>(), "{len} from {offset} of {}", T::DTYPE);
    }
}

#[test]
fn runs_of_every_length_store_their_elements_and_no_others() {
    let Some(device) = device() else { return };
    let bytes: Vec<u8> = (0..64).map(|i| 1 + i * 3).collect();
    runs_agree(&device, Op::Add, &bytes, |a| a.wrapping_add(a));
    let shorts: Vec<i16> = (0..64).map(|i| i16::MAX - i).collect();
    runs_agree(&device, Op::Add, &shorts, |a| a.wrapping_add(a));
    let halves: Vec<f16> = (0..64).map(|i| f16::from_f32(i as f32 * 0.37 + 1.0)).collect();
    runs_agree(&device, Op::Mul, &halves, |a| f16::from_f32(a.to_f32() * a.to_f32()));
    let floats: Vec<f32> = (0..64).map(|i| i as f32 * 0.37 + 1.0).collect();
    runs_agree(&device, Op::Mul, &floats, |a| a * a);
    // More than one workgroup has, and their ends.
    for len in [2047, 2049, 4095, 4097, 10_000] {
        let a: Vec<u8> = (0..len).map(|i| (i * 7 + i / 251) as u8).collect();
        let expected: Vec<u8> = a.iter().map(|a| a.wrapping_add(*a)).collect();
        assert_eq!(run_binary(&device, Op::Add, &a, &a), expected, "{len}");
        let a: Vec<f16> = a.iter().map(|&a| f16::from_f32(f32::from(a))).collect();
        let expected: Vec<f16> = a.iter().map(|a| f16::from_f32(a.to_f32() * a.to_f32())).collect();
        assert_eq!(run_binary(&device, Op::Mul, &a, &a), expected, "{len}");
    }
    let texts = device.shaders().concat();
    assert!(texts.contains("= load_run1x16_0(") && texts.contains("= load_run2x8_0("), "{texts}");
}

#[test]
fn bytes_beside_halves_move_in_runs_of_eight() {
    let Some(device) = device() else { return };
    for len in 1..=20 {
        let a: Vec<f16> = (0..32).map(|i| f16::from_f32(f32::from(i as u8))).collect();
        let (source, out) = (upload(&device, &a), upload(&device, &[7_u8; 32]));
        let mut build = Build::new(&[len]);
        let (value, target) = (build.dense(0, DType::F16), build.dense(1, DType::Bool));
        let value = build.load(value);
        let ten = build.scalar(u64::from(f16::from_f32(10.0).to_bits()), DType::F16);
        let mask = build.node(Expr::Binary(Op::Gt, [value, ten]), DType::Bool);
        build.store(target, mask);
        device.run(&[build.launch(&[&source, &out])]).unwrap();
        let expected = (0..32).map(|i| if i < len { u8::from(i > 10) } else { 7 });
        assert_eq!(download::<u8>(&device, &out, 32), expected.collect::<Vec<u8>>(), "{len}");
    }
    assert!(device.shaders().concat().contains("  store_run1x8_1("));
}

#[test]
fn mul_of_halves_rounds_to_nearest_even() {
    let Some(device) = device() else { return };
    let values: Vec<f32> = (0..4001).map(|i| (i as f32 - 2000.0) * 0.123 + 1e-6).collect();
    let a: Vec<f16> = values.iter().map(|&v| f16::from_f32(v)).collect();
    let expected: Vec<f16> = a.iter().map(|a| f16::from_f32(a.to_f32() * a.to_f32())).collect();
    assert_eq!(run_binary(&device, Op::Mul, &a, &a), expected);
    let a: Vec<bf16> = values.iter().map(|&v| bf16::from_f32(v)).collect();
    let expected: Vec<bf16> = a.iter().map(|a| bf16::from_f32(a.to_f32() * a.to_f32())).collect();
    assert_eq!(run_binary(&device, Op::Mul, &a, &a), expected);
}

#[test]
fn ops_of_64_bit_dtypes_are_exact() {
    let Some(device) = device() else { return };
    if supports(&device, DType::I64) {
        let a: Vec<i64> = (0..103).map(|i| i64::MAX - i * 0x1234_5678_9abc).collect();
        let b: Vec<i64> = (0..103).map(|i| (i << 40) - 7).collect();
        let expected: Vec<i64> = a.iter().zip(&b).map(|(a, b)| a.wrapping_mul(*b)).collect();
        assert_eq!(run_binary(&device, Op::Mul, &a, &b), expected);
    }
    if supports(&device, DType::F64) {
        let a: Vec<f64> = (0..103).map(|i| 1.0 / f64::from(i + 3)).collect();
        let b: Vec<f64> = (0..103).map(|i| f64::from(i) * 1e-17).collect();
        let expected: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
        assert_eq!(run_binary(&device, Op::Add, &a, &b), expected);
    }
}

#[test]
fn chain_of_sub_and_add_is_not_simplified() {
    let Some(device) = device() else { return };
    let a: Vec<f32> = (0..999).map(|i| i as f32 * 1e-4).collect();
    let (x, out) = (upload(&device, &a), upload(&device, &vec![0.0_f32; 999]));
    let mut build = Build::new(&[999]);
    let (source, target) = (build.dense(0, DType::F32), build.dense(1, DType::F32));
    let x_value = build.load(source);
    let big = build.scalar(u64::from(1e6_f32.to_bits()), DType::F32);
    let sum = build.node(Expr::Binary(Op::Add, [x_value, big]), DType::F32);
    let back = build.node(Expr::Binary(Op::Sub, [sum, big]), DType::F32);
    build.store(target, back);
    device.run(&[build.launch(&[&x, &out])]).unwrap();
    let expected: Vec<f32> = a.iter().map(|a| (a + 1e6) - 1e6).collect();
    assert_eq!(download::<f32>(&device, &out, 999), expected);
}

#[test]
fn select_of_a_mask_with_stray_bytes_takes_nonzero_as_true() {
    let Some(device) = device() else { return };
    let mask = upload(&device, &[0_u8, 1, 2, 255, 0, 128]);
    let out = upload(&device, &[0_i32; 6]);
    let mut build = Build::new(&[6]);
    let (m, o) = (build.dense(0, DType::Bool), build.dense(1, DType::I32));
    let m = build.load(m);
    let (yes, no) = (build.scalar(5, DType::I32), build.scalar(0xffff_fffe, DType::I32));
    let value = build.node(Expr::Select([m, yes, no]), DType::I32);
    build.store(o, value);
    device.run(&[build.launch(&[&mask, &out])]).unwrap();
    assert_eq!(download::<i32>(&device, &out, 6), [-2, 5, 5, 5, -2, 5]);
}

#[test]
fn cast_between_lanes_follows_the_note() {
    let Some(device) = device() else { return };
    let values = [-1.0_f32, 300.7, f32::NAN, 1e20, -0.0, 255.9];
    let source = upload(&device, &values);
    let (bytes, halves) = (upload(&device, &[9_u8; 6]), upload(&device, &[f16::ONE; 6]));
    let mut build = Build::new(&[6]);
    let (a, b) = (build.dense(0, DType::F32), build.dense(1, DType::U8));
    let c = build.dense(2, DType::F16);
    let a = build.load(a);
    let (as_u8, as_f16) =
        (build.node(Expr::Cast(a), DType::U8), build.node(Expr::Cast(a), DType::F16));
    build.store(b, as_u8);
    build.store(c, as_f16);
    device.run(&[build.launch(&[&source, &bytes, &halves])]).unwrap();
    // 1e20 saturates to i32::MAX, whose low byte is 255.
    assert_eq!(download::<u8>(&device, &bytes, 6), [255, 44, 0, 255, 0, 255]);
    let stored = download::<f16>(&device, &halves, 6);
    for (stored, value) in stored.iter().zip(values) {
        let expected = f16::from_f32(value);
        assert!(stored.to_bits() == expected.to_bits() || value.is_nan() && stored.is_nan());
    }
}

#[test]
fn index_with_a_base_counts_from_it() {
    let Some(device) = device() else { return };
    let out = upload(&device, &[0_i32; 7]);
    let mut build = Build::new(&[7]);
    let target = build.dense(0, DType::I32);
    let index = build.node(Expr::Index, DType::I32);
    build.store(target, index);
    build.0.args.base = (1 << 32) - 3;
    device.run(&[build.launch(&[&out])]).unwrap();
    assert_eq!(download::<i32>(&device, &out, 7), [-3, -2, -1, 0, 1, 2, 3]);

    if supports(&device, DType::I64) {
        let out = upload(&device, &[0_i64; 7]);
        let mut build = Build::new(&[7]);
        let target = build.dense(0, DType::I64);
        let index = build.node(Expr::Index, DType::I64);
        build.store(target, index);
        build.0.args.base = (1 << 32) - 3;
        device.run(&[build.launch(&[&out])]).unwrap();
        let expected: Vec<i64> = (0..7).map(|i| (1 << 32) - 3 + i).collect();
        assert_eq!(download::<i64>(&device, &out, 7), expected);
    }
}
