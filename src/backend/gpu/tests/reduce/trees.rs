//! Folds of rows and columns of any length.

use super::*;
use crate::math::compare;

const LENS: [usize; 16] =
    [1, 2, 3, 4, 15, 16, 17, 100, 255, 256, 257, 4095, 4096, 4097, 20_000, 300_000];

#[test]
fn sum_of_any_length_has_the_bits_of_the_tree() {
    let Some(device) = device() else { return };
    let value = |i: usize| float(i) as f32;
    for n in LENS.map(|n| [n]) {
        let around: [(&[usize], &[usize]); 5] =
            [(&[], &[]), (&[3], &[]), (&[], &[5]), (&[2], &[3]), (&[], &[8])];
        for (lead, trail) in around {
            let folding = Folding::new(lead, &n, trail, SUM);
            check(&device, &folding, value, 0.0, |a, b| a + b, |a| a);
        }
    }
    // Other sizes compile nothing.
    let compiled = device.stats().pipelines;
    for n in [[7], [1000], [9000], [70_000]] {
        for (lead, trail) in [(&[][..], &[][..]), (&[9], &[]), (&[], &[700]), (&[3], &[2])] {
            check(&device, &Folding::new(lead, &n, trail, SUM), value, 0.0, |a, b| a + b, |a| a);
        }
    }
    assert_eq!(device.stats().pipelines, compiled);
}

#[test]
fn sum_of_very_many_blocks_has_the_bits_of_the_tree() {
    let Some(device) = device() else { return };
    let value = |i: usize| float(i) as f32;
    for (n, trail) in [(&[1_500_000], &[][..]), (&[150_001], &[2]), (&[20], &[40_000])] {
        check(&device, &Folding::new(&[], n, trail, SUM), value, 0.0, |a, b| a + b, |a| a);
    }
}

#[test]
fn every_fold_and_lane_has_the_bits_of_the_tree() {
    let Some(device) = device() else { return };
    for n in [&[17][..], &[4097], &[5000]] {
        for (lead, trail) in [(&[2][..], &[][..]), (&[], &[3])] {
            let folding = |op| Folding::new(lead, n, trail, Fold::Op(op));
            let small = |i| noise(i) as i32 % 1000;
            let (add, mul) = (i32::wrapping_add, i32::wrapping_mul);
            check(&device, &folding(Op::Add), small, 0, add, |a| a);
            check(&device, &folding(Op::Mul), |i| small(i) | 1, 1, mul, |a| a);
            check(&device, &folding(Op::Maximum), small, i32::MIN, i32::max, |a| a);
            check(&device, &folding(Op::Minimum), small, i32::MAX, i32::min, |a| a);
            let truth = |i| noise(i).is_multiple_of(5);
            check(&device, &folding(Op::Add), truth, false, |a, b| a | b, |a| a);
            check(&device, &folding(Op::Mul), |i| !truth(i), true, |a, b| a & b, |a| a);
            let near_one = |i| 1.0 + float(i) as f32 * 1e-6;
            let number = |i| float(i) as f32;
            check(&device, &folding(Op::Mul), near_one, 1.0, |a, b| a * b, |a| a);
            let (low, high) = (f32::NEG_INFINITY, f32::INFINITY);
            check(&device, &folding(Op::Maximum), number, low, compare::maximum, |a| a);
            check(&device, &folding(Op::Minimum), number, high, compare::minimum, |a| a);
            // A narrow dtype wraps after every step, as a half rounds.
            let byte = |i| noise(i) as u8;
            check(&device, &folding(Op::Add), byte, 0, u8::wrapping_add, |a| a);
            let half = |i| half::f16::from_f64(float(i) / 1e4);
            let sum = |a: half::f16, b: half::f16| half::f16::from_f32(a.to_f32() + b.to_f32());
            check(&device, &folding(Op::Add), half, half::f16::ZERO, sum, |a| a);
            if supports(&device, DType::I64) {
                let wide = |i| (i64::from(noise(i) as i32) << 20) + i as i64;
                let (add, mul) = (i64::wrapping_add, i64::wrapping_mul);
                check(&device, &folding(Op::Add), wide, 0, add, |a| a);
                check(&device, &folding(Op::Mul), wide, 1, mul, |a| a);
                check(&device, &folding(Op::Maximum), wide, i64::MIN, i64::max, |a| a);
            }
            if supports(&device, DType::F64) {
                check(&device, &folding(Op::Add), float, 0.0, |a, b| a + b, |a| a);
                let low = f64::NEG_INFINITY;
                check(&device, &folding(Op::Maximum), float, low, compare::maximum, |a| a);
            }
        }
    }
}

#[test]
fn result_is_cast_to_the_dtype_of_its_operand() {
    let Some(device) = device() else { return };
    for (lead, trail) in [(&[7][..], &[][..]), (&[], &[7])] {
        for n in [[3], [5000]] {
            let folding = Folding::new(lead, &n, trail, SUM);
            let value = |i: usize| float(i) as f32 / 1e3;
            let add = |a: f32, b: f32| a + b;
            check(&device, &folding, value, 0.0, add, half::f16::from_f32);
            check(&device, &folding, value, 0.0, add, half::bf16::from_f32);
            let count = |i| i32::from(noise(i).is_multiple_of(3));
            check(&device, &folding, count, 0, |a, b| a + b, |a| a as u8);
            check(&device, &folding, count, 0, |a, b| a + b, |a| a != 0);
        }
    }
}

#[test]
fn special_values_go_through_the_tree() {
    let Some(device) = device() else { return };
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let specials: [&[f32]; 6] =
        [&[-0.0], &[-0.0, 0.0], &[nan, 1.0], &[inf, 1.0], &[inf, -inf], &[1e-40, -1e-41, 1e-45]];
    for values in specials {
        for n in [[1], [2], [40], [5000]] {
            for (lead, trail) in [(&[2][..], &[][..]), (&[], &[3])] {
                let value = |i: usize| values[i % values.len()];
                let folding = |op| Folding::new(lead, &n, trail, Fold::Op(op));
                check(&device, &folding(Op::Add), value, 0.0, |a, b| a + b, |a| a);
                check(&device, &folding(Op::Add), value, -0.0, |a, b| a + b, |a| a);
                check(&device, &folding(Op::Mul), value, 1.0, |a, b| a * b, |a| a);
                check(&device, &folding(Op::Maximum), value, -inf, compare::maximum, |a| a);
                check(&device, &folding(Op::Minimum), value, inf, compare::minimum, |a| a);
            }
        }
    }
}

#[test]
fn half_input_is_folded_in_float32() {
    let Some(device) = device() else { return };
    for (lead, trail) in [(&[3][..], &[][..]), (&[], &[3])] {
        let folding = Folding::new(lead, &[5001], trail, SUM);
        let values: Vec<half::f16> =
            (0..folding.len()).map(|i| half::f16::from_f64(float(i))).collect();
        let lines = folding.lines(&values);
        let sum = |line: &Vec<half::f16>| {
            let wide: Vec<f32> = line.iter().map(|x| x.to_f32()).collect();
            vec![half::f16::from_f32(tree(&wide, 0.0, trail.is_empty(), |a, b| a + b))]
        };
        let expected = folding.ordered(&lines.iter().map(sum).collect::<Vec<_>>());
        let (source, out) = (upload(&device, &values), device.allocate(6).unwrap());
        let build = folding.build(DType::F16, DType::F32, DType::F16);
        device.run(&[build.launch(&[&source, &out])]).unwrap();
        assert_bits(&download(&device, &out, 3), &expected, "a half");
    }
}
