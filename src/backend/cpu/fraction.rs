//! Random words as fractions, in one loop.
//!
//! Its operations are of two dtypes, which no chain is; as loops of their own they would take longer than
//! the words do. Each rounds as it does alone.

use bytemuck::cast_slice;
use fearless_simd::{Simd, dispatch};

use super::lanes::simd;
use super::level::level;
use super::view::PastCache;
use crate::math::arithmetic::mul;
use crate::math::bits::shift_right_logical;

/// `out[i] = (words[i] >> count) as f32 * unit`, with which random words become fractions.
pub(super) fn fractions(out: &mut [f32], words: &[i32], count: i32, unit: f32) {
    debug_assert_eq!(out.len(), words.len());
    simd(
        #[inline(always)]
        || {
            for (out, &word) in out.iter_mut().zip(words) {
                *out = fraction(word, count, unit);
            }
        },
    );
}

/// The same for elements of `out` from `start` on, a multiple of 16.
pub(super) fn fractions_past_cache(
    out: &mut PastCache<'_>,
    start: usize,
    words: &[i32],
    count: i32,
    unit: f32,
) {
    #[inline(always)]
    fn fill<S: Simd>(
        simd: S,
        out: &mut PastCache<'_>,
        start: usize,
        words: &[i32],
        (count, unit): (i32, f32),
    ) {
        let (lines, rest) = words.as_chunks::<16>();
        let size = size_of::<f32>();
        let mut at = start * size;
        for line in lines {
            let line = line.map(|word| fraction(word, count, unit));
            out.write(simd, at, cast_slice(&line));
            at += size_of_val(&line);
        }
        for &word in rest {
            out.write(simd, at, cast_slice(&[fraction(word, count, unit)]));
            at += size;
        }
    }
    dispatch!(level(), simd => fill(simd, out, start, words, (count, unit)));
}

#[inline(always)]
fn fraction(word: i32, count: i32, unit: f32) -> f32 {
    mul(shift_right_logical(word, count) as f32, unit)
}

#[cfg(test)]
mod tests {
    use bytemuck::{cast_slice, cast_slice_mut};

    use super::super::convert;
    use super::super::ops::loop_of;
    use super::*;
    use crate::dtype::DType;
    use crate::ops::Op;

    #[test]
    fn fractions_have_the_bits_of_one_after_the_other() {
        let words: Vec<i32> = (0..10_000_i32).map(|i| i.wrapping_mul(0x1e37_79b9)).collect();
        for count in [0, 1, 8, 24, 31, 32, 40, -1] {
            let (counts, units) = (vec![count; words.len()], vec![0.3_f32; words.len()]);
            let mut got = vec![0.0; words.len()];
            fractions(&mut got, &words, count, 0.3);
            let mut lanes = [vec![0_u32; words.len()], vec![0; words.len()]];
            let [shifted, expected] = lanes.each_mut().map(|l| cast_slice_mut::<u32, u8>(l));
            let words: &[u8] = cast_slice(&words);
            loop_of(Op::ShiftRightLogical, DType::I32)(shifted, words, cast_slice(&counts), &[]);
            let Some(cast) = convert::cast(DType::I32, DType::F32) else {
                unreachable!("another lane")
            };
            cast(expected, shifted, &[], &[]);
            shifted.copy_from_slice(expected);
            loop_of(Op::Mul, DType::F32)(expected, shifted, cast_slice(&units), &[]);
            assert!(cast_slice::<f32, u8>(&got) == &*expected, "shifted by {count}");
        }
    }
}
