//! Running products of float32, which soon are subnormal: those of 256 normal deviates are for a tenth of them.
//!
//! A processor takes over a hundred cycles for a product that is subnormal, or is of such a number. Near them
//! products are rounded in float64 and in integers, to the same bits, in which nothing is subnormal; elsewhere a
//! multiplication is all there is, as a look at each of them would take longer than it does.

use std::array;

use bytemuck::cast_slice_mut;

use super::super::lanes::{Scan, TOGETHER};
use crate::dtype::DType;
use crate::ops::Op;

/// Values of a line between one look at where the product is and the next.
const PIECE: usize = 8;

/// A product below this is near the subnormal numbers, which begin below 2^-126.
const NEAR: f32 = f32::from_bits((127 - 100) << 23);

/// 2^-149, of which each subnormal number is a multiple.
const UNIT: f64 = f64::from_bits((1023 - 149) << 52);

/// The loop of such scans, if they are of products of this dtype.
pub(super) fn product_scan(op: Op, dtype: DType) -> Option<Scan> {
    match (op, dtype) {
        (Op::Mul, DType::F32) => Some(scan),
        _ => None,
    }
}

fn scan(state: &mut [u8], values: &mut [u8], len: usize) {
    let (state, values): (&mut [f32], &mut [f32]) = (cast_slice_mut(state), cast_slice_mut(values));
    let start = state[0];
    let mut groups = values.chunks_exact_mut(TOGETHER * len);
    for group in &mut groups {
        state[0] = lines::<TOGETHER>(start, group, len);
    }
    for line in groups.into_remainder().chunks_mut(len) {
        state[0] = lines::<1>(start, line, line.len());
    }
}

/// Scans `N` lines in turn; returns the last product of the last one.
fn lines<const N: usize>(start: f32, values: &mut [f32], len: usize) -> f32 {
    let mut lines = values.chunks_exact_mut(len);
    let mut lines: [&mut [f32]; N] = array::from_fn(|_| lines.next().unwrap_or_default());
    let mut last = [start; N];
    for from in (0..len).step_by(PIECE) {
        let piece = from..len.min(from + PIECE);
        let is_near = |last: &f32| *last != 0.0 && last.abs() < NEAR;
        if last.iter().any(is_near) {
            for i in piece {
                for (last, line) in last.iter_mut().zip(&mut lines) {
                    *last = product(*last, line[i]);
                    line[i] = *last;
                }
            }
        } else {
            for i in piece {
                for (last, line) in last.iter_mut().zip(&mut lines) {
                    *last *= line[i];
                    line[i] = *last;
                }
            }
        }
    }
    last[N - 1]
}

/// `a * b`.
#[inline(always)]
fn product(a: f32, b: f32) -> f32 {
    let [x, y] = [a, b].map(|v| v.to_bits() & 0x7fff_ffff);
    // Beyond, the product's own exponent is one of a normal number.
    if (x >> 23) + (y >> 23) <= 127 && x != 0 && y != 0 { small_product(a, b) } else { a * b }
}

/// The same of two numbers whose product is less than 2^-125.
fn small_product(a: f32, b: f32) -> f32 {
    let sign = (a.to_bits() ^ b.to_bits()) & 0x8000_0000;
    // Exact, as two times 24 bits are fewer than 53.
    let exact = magnitude(a) * magnitude(b);
    let units = exact / UNIT;
    let bits = match units < 8388608.0 {
        // To nearest even, as the sum has no bits below one; 2^23 units are the bits of the least normal number.
        true => (units + 4503599627370496.0).to_bits() as u32,
        false => (exact as f32).to_bits(),
    };
    f32::from_bits(sign | bits)
}

/// The magnitude in float64, of a subnormal number without reading it as one.
#[inline(always)]
fn magnitude(value: f32) -> f64 {
    let bits = value.to_bits() & 0x7fff_ffff;
    match bits < 1 << 23 {
        true => f64::from(bits) * UNIT,
        false => f64::from(f32::from_bits(bits)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::ops::fold_of;
    use super::*;

    /// Numbers of any bits, or about one and so seldom special.
    fn values(count: usize, spread: u32) -> Vec<f32> {
        let mut seed = u64::from(spread) + 1;
        let mut next = || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed ^ seed >> 33) as u32
        };
        let value = |bits: u32, about: u32| match spread {
            0 => f32::from_bits(bits),
            // Up to so many powers of two from 3/4, mostly below.
            _ => {
                let exponent = 126 + spread / 3 - about % spread;
                f32::from_bits(bits & 0x807f_ffff | exponent << 23)
            }
        };
        (0..count).map(|_| value(next(), next() >> 8)).collect()
    }

    #[test]
    fn small_products_are_what_the_processor_makes() {
        let (all, tiny) = (values(1 << 16, 0), values(1 << 16, 120));
        let mut subnormal = 0;
        for (&a, &b) in all.iter().zip(&all[1..]).chain(tiny.iter().zip(&tiny[1..])) {
            for shift in 0..24 {
                // Products that are ties, and near the least normal number.
                let a = f32::from_bits(a.to_bits() >> shift << shift);
                let (got, expected) = (product(a, b), a * b);
                let is_same = got.to_bits() == expected.to_bits();
                assert!(is_same || got.is_nan() && expected.is_nan(), "{a:e} * {b:e}");
                subnormal += usize::from(expected.is_subnormal());
            }
        }
        assert!(subnormal > 10_000, "{subnormal}");
    }

    #[test]
    fn running_products_have_the_bits_of_the_generic_loop() {
        let run = product_scan(Op::Mul, DType::F32).expect("it is here");
        let generic = fold_of(Op::Mul, DType::F32).scan;
        let mut subnormal = 0;
        for spread in [0, 2, 5, 9, 40] {
            for len in [1_usize, 2, 7, 8, 9, 64, 100, 257, 1000] {
                for count in [len, 2 * len, 4 * len, 9 * len, len.div_ceil(2)] {
                    for start in [1.0_f32, -1e-30, 3e-39] {
                        let (mut got, mut expected) =
                            (values(count, spread), values(count, spread));
                        let mut states = [[start], [start]];
                        let [ours, theirs] = &mut states;
                        run(cast_slice_mut(ours), cast_slice_mut(&mut got), len);
                        generic(cast_slice_mut(theirs), cast_slice_mut(&mut expected), len);
                        let all = got.iter().chain(&states[0]);
                        for (got, expected) in all.zip(expected.iter().chain(&states[1])) {
                            let is_same = got.to_bits() == expected.to_bits();
                            assert!(
                                is_same || got.is_nan() && expected.is_nan(),
                                "{got:e}, not {expected:e}, {spread} {len} {count}"
                            );
                            subnormal += usize::from(expected.is_subnormal());
                        }
                    }
                }
            }
        }
        assert!(subnormal > 1000, "{subnormal}");
    }
}
