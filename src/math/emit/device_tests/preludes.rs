//! Every function of the preludes.

use half::{bf16, f16};

use super::*;
use crate::math::algebra::Int;

fn truth(value: bool) -> i32 {
    value.into()
}

#[test]
fn arithmetic_of_f32_matches_rust() {
    let (a, b) = pairs_f32();
    compare("", "add_f32p(a, b)", &a, &b, |a: f32, b: f32| a + b);
    compare("", "sub_f32p(a, b)", &a, &b, |a: f32, b: f32| a - b);
    compare("", "mul_f32p(a, b)", &a, &b, |a: f32, b: f32| a * b);
    compare("", "div_f32p(a, b)", &a, &b, |a: f32, b: f32| a / b);
    compare("", "fmod_f32p(a, b)", &a, &b, |a: f32, b: f32| a % b);
    compare("", "sqrt_f32p(a)", &a, &b, |a: f32, _: f32| a.sqrt());
    compare("", "sub_f32p(add_f32p(a, b), b)", &a, &b, |a: f32, b: f32| (a + b) - b);
    compare("", "sub_f32p(a, a)", &a, &b, |a: f32, _: f32| {
        #[allow(clippy::eq_op, reason = "NaN for infinities")]
        (a - a)
    });
    compare("", "sub_f32p(mul_f32p(a, b), a)", &a, &b, |a: f32, b: f32| a * b - a);
    compare("", "mul_f32p(a, 0.0f)", &a, &b, |a: f32, _: f32| a * 0.0);
}

#[test]
fn quotients_nearly_halfway_between_numbers_match_rust() {
    let pairs = hard_pairs(24);
    assert!(pairs.len() >= 3 * COUNT);
    let (a, b): (Vec<f32>, Vec<f32>) = pairs.iter().map(|[n, d]| (*n as f32, *d as f32)).unzip();
    compare("", "div_f32p(a, b)", &a, &b, |a: f32, b: f32| a / b);
    let (a, b): (Vec<f64>, Vec<f64>) =
        hard_pairs(53).iter().map(|[n, d]| (*n as f64, *d as f64)).unzip();
    compare("", "div_f64p(a, b)", &a, &b, |a: f64, b: f64| a / b);
}

#[test]
fn quotients_and_roots_of_an_inexact_device_match_rust() {
    let ((a, b), (c, d)) = (pairs_f32(), pairs_f64());
    for units in [-12, -3, 3, 12] {
        let device = &inexact(units);
        compare_with("", "div_f32p(a, b)", &a, &b, device, |a: f32, b: f32| a / b);
        compare_with("", "sqrt_f32p(a)", &a, &b, device, |a: f32, _: f32| a.sqrt());
        compare_with("", "div_f64p(a, b)", &c, &d, device, |a: f64, b: f64| a / b);
    }
}

#[test]
fn roots_of_all_exponents_match_rust() {
    let significands =
        || random().take(COUNT / 64).map(|word| (word >> 41) as u32).chain([0, 0x7f_ffff]);
    let of = |exponent: u32| significands().map(move |bits| f32::from_bits(exponent << 23 | bits));
    let a: Vec<f32> = (0..=255).flat_map(of).collect();
    compare("", "sqrt_f32p(a)", &a, &a, |a: f32, _: f32| a.sqrt());
}

#[test]
fn arithmetic_without_subnormals_matches_rust() {
    let (a, b) = pairs_of_small_f32();
    let flushed = &flushed();
    compare_with("", "add_f32p(a, b)", &a, &b, flushed, |a: f32, b: f32| a + b);
    compare_with("", "sub_f32p(a, b)", &a, &b, flushed, |a: f32, b: f32| a - b);
    compare_with("", "mul_f32p(a, b)", &a, &b, flushed, |a: f32, b: f32| a * b);
    compare_with("", "div_f32p(a, b)", &a, &b, flushed, |a: f32, b: f32| a / b);
    compare_with("", "sqrt_f32p(a)", &a, &b, flushed, |a: f32, _: f32| a.sqrt());
    compare_with("", "cast_f32_f16(a)", &a, &b, flushed, |a: f32, _: f32| {
        f16::from_f32(a).to_f32()
    });
}

#[test]
fn arithmetic_of_f64_matches_rust() {
    let (a, b) = pairs_f64();
    compare("", "add_f64p(a, b)", &a, &b, |a: f64, b: f64| a + b);
    compare("", "sub_f64p(a, b)", &a, &b, |a: f64, b: f64| a - b);
    compare("", "mul_f64p(a, b)", &a, &b, |a: f64, b: f64| a * b);
    compare("", "div_f64p(a, b)", &a, &b, |a: f64, b: f64| a / b);
    compare("", "fmod_f64p(a, b)", &a, &b, |a: f64, b: f64| a % b);
    compare("", "sqrt_f64p(a)", &a, &b, |a: f64, _: f64| a.sqrt());
    compare("", "sub_f64p(add_f64p(a, b), b)", &a, &b, |a: f64, b: f64| (a + b) - b);
    compare("", "sub_f64p(mul_f64p(a, b), a)", &a, &b, |a: f64, b: f64| a * b - a);
}

#[test]
fn comparisons_match_rust() {
    let (a, b) = pairs_f32();
    compare("", "select(0i, 1i, eq_f32p(a, b))", &a, &b, |a: f32, b: f32| truth(a == b));
    compare("", "select(0i, 1i, lt_f32p(a, b))", &a, &b, |a: f32, b: f32| truth(a < b));
    compare("", "select(0i, 1i, le_f32p(a, b))", &a, &b, |a: f32, b: f32| truth(a <= b));
    compare("", "select(0i, 1i, is_nan_f32p(a))", &a, &b, |a: f32, _: f32| truth(a.is_nan()));
    let (a, b) = pairs_f64();
    compare("", "select(0i, 1i, eq_f64p(a, b))", &a, &b, |a: f64, b: f64| truth(a == b));
    compare("", "select(0i, 1i, lt_f64p(a, b))", &a, &b, |a: f64, b: f64| truth(a < b));
    compare("", "select(0i, 1i, le_f64p(a, b))", &a, &b, |a: f64, b: f64| truth(a <= b));
    compare("", "select(0i, 1i, is_nan_f64p(a))", &a, &b, |a: f64, _: f64| truth(a.is_nan()));
}

#[test]
fn integer_division_matches_rust() {
    let special: Vec<i32> = special_i64().into_iter().map(|v| v as i32).collect();
    let (a, b) = pairs(&special, |bits| bits as i32);
    compare("", "div_i32p(a, b)", &a, &b, |a: i32, b: i32| Int::div(a, b));
    compare("", "rem_i32p(a, b)", &a, &b, |a: i32, b: i32| Int::rem(a, b));
    let (a, b) = pairs(&special_i64(), |bits| bits as i64);
    compare("", "div_i64p(a, b)", &a, &b, |a: i64, b: i64| Int::div(a, b));
    compare("", "rem_i64p(a, b)", &a, &b, |a: i64, b: i64| Int::rem(a, b));
}

#[test]
fn casts_from_f32_match_rust() {
    let (a, b) = pairs_f32();
    compare("", "cast_f32_bool(a)", &a, &b, |a: f32, _: f32| truth(a != 0.0));
    compare("", "cast_f32_u8(a)", &a, &b, |a: f32, _: f32| i32::from(a as i32 as u8));
    compare("", "cast_f32_i8(a)", &a, &b, |a: f32, _: f32| i32::from(a as i32 as i8));
    compare("", "cast_f32_i16(a)", &a, &b, |a: f32, _: f32| i32::from(a as i32 as i16));
    compare("", "cast_f32_i32(a)", &a, &b, |a: f32, _: f32| a as i32);
    compare("", "cast_f32_i64(a)", &a, &b, |a: f32, _: f32| a as i64);
    compare("", "cast_f32_f16(a)", &a, &b, |a: f32, _: f32| f16::from_f32(a).to_f32());
    compare("", "cast_f32_bf16(a)", &a, &b, |a: f32, _: f32| bf16::from_f32(a).to_f32());
    compare("", "cast_f32_f64(a)", &a, &b, |a: f32, _: f32| f64::from(a));
}

#[test]
fn casts_from_f64_match_rust() {
    let (a, mut b) = pairs_f64();
    // Numbers in the range of float32, where rounding to it is hard.
    b.extend(
        random()
            .take(COUNT)
            .map(|v| f64::from(bits_f32(v)) * (1.0 + (v & 7) as f64 * 2f64.powi(-26))),
    );
    compare("", "cast_f64_f32(a)", &b, &b, |a: f64, _: f64| a as f32);
    compare("", "cast_f64_f16(a)", &b, &b, |a: f64, _: f64| f16::from_f32(a as f32).to_f32());
    compare("", "cast_f64_bf16(a)", &b, &b, |a: f64, _: f64| bf16::from_f32(a as f32).to_f32());
    compare("", "cast_f64_bool(a)", &a, &a, |a: f64, _: f64| truth(a != 0.0));
    compare("", "cast_f64_u8(a)", &b, &b, |a: f64, _: f64| i32::from(a as i32 as u8));
    compare("", "cast_f64_i8(a)", &b, &b, |a: f64, _: f64| i32::from(a as i32 as i8));
    compare("", "cast_f64_i16(a)", &b, &b, |a: f64, _: f64| i32::from(a as i32 as i16));
    compare("", "cast_f64_i32(a)", &b, &b, |a: f64, _: f64| a as i32);
    compare("", "cast_f64_i64(a)", &b, &b, |a: f64, _: f64| a as i64);
}

#[test]
fn casts_from_integers_match_rust() {
    let (a, _) = pairs(&special_i64(), |bits| (bits as i64) >> (bits % 64));
    compare("", "cast_i64_f32(a)", &a, &a, |a: i64, _: i64| a as f32);
    compare("", "cast_i64_f64(a)", &a, &a, |a: i64, _: i64| a as f64);
    compare("", "cast_i64_f16(a)", &a, &a, |a: i64, _: i64| f16::from_f32(a as f32).to_f32());
    compare("", "cast_i64_bf16(a)", &a, &a, |a: i64, _: i64| bf16::from_f32(a as f32).to_f32());
    compare("", "cast_i64_i32(a)", &a, &a, |a: i64, _: i64| a as i32);
    compare("", "cast_i64_u8(a)", &a, &a, |a: i64, _: i64| i32::from(a as u8));
    compare("", "cast_i64_i8(a)", &a, &a, |a: i64, _: i64| i32::from(a as i8));
    compare("", "cast_i64_i16(a)", &a, &a, |a: i64, _: i64| i32::from(a as i16));
    compare("", "cast_i64_bool(a)", &a, &a, |a: i64, _: i64| truth(a != 0));
    let a: Vec<i32> = a.into_iter().map(|v| v as i32).collect();
    compare("", "cast_i32_f32(a)", &a, &a, |a: i32, _: i32| a as f32);
    compare("", "cast_i64_f32(cast_i32_i64(a))", &a, &a, |a: i32, _: i32| a as f32);
    compare("", "cast_i64_f64(cast_i32_i64(a))", &a, &a, |a: i32, _: i32| f64::from(a));
    compare("", "cast_i32_f64(a)", &a, &a, |a: i32, _: i32| f64::from(a));
    compare("", "cast_i32_f16(a)", &a, &a, |a: i32, _: i32| f16::from_f32(a as f32).to_f32());
    compare("", "cast_i32_bf16(a)", &a, &a, |a: i32, _: i32| bf16::from_f32(a as f32).to_f32());
    compare("", "cast_i32_i64(a)", &a, &a, |a: i32, _: i32| i64::from(a));
    compare("", "cast_i32_u8(a)", &a, &a, |a: i32, _: i32| i32::from(a as u8));
    compare("", "cast_i32_i8(a)", &a, &a, |a: i32, _: i32| i32::from(a as i8));
    compare("", "cast_i32_i16(a)", &a, &a, |a: i32, _: i32| i32::from(a as i16));
    compare("", "cast_i32_bool(a)", &a, &a, |a: i32, _: i32| truth(a != 0));
}

#[test]
fn stored_halves_match_half() {
    let (a, _) = pairs_f32();
    let a: Vec<f32> = a.into_iter().filter(|v| !v.is_nan()).collect();
    compare("", "f32_to_f16_bits(a)", &a, &a, |a: f32, _: f32| {
        u32::from(f16::from_f32(a).to_bits())
    });
    compare("", "f32_to_bf16_bits(a)", &a, &a, |a: f32, _: f32| {
        u32::from(bf16::from_f32(a).to_bits())
    });
    let a: Vec<u32> = (0..0x10000).collect();
    compare("", "f16_bits_to_f32(a)", &a, &a, |a: u32, _: u32| f16::from_bits(a as u16).to_f32());
    compare("", "bf16_bits_to_f32(a)", &a, &a, |a: u32, _: u32| bf16::from_bits(a as u16).to_f32());
}
