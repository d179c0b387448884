//! Random words as fractions, in one loop.
//!
//! Its operations are of two dtypes, which no chain is; as loops of their own they would take longer than
//! the words do. Each rounds as it does alone.

use super::lanes::{Loop, ternary};
use crate::math::arithmetic::mul;
use crate::math::bits::shift_right_logical;

/// `(a >> b) as f32 * c` of int32 and float32 lanes, with which random words become fractions.
pub(super) fn fraction_loop() -> Loop {
    |out, a, b, c| {
        ternary::<i32, i32, _, _>(
            out,
            a,
            b,
            c,
            #[inline(always)]
            |word, count, unit| {
                mul(shift_right_logical(word, count) as f32, f32::from_bits(unit as u32))
            },
        )
    }
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
        let words: Vec<u32> = (0..10_000_u32).map(|i| i.wrapping_mul(0x9e37_79b9)).collect();
        for count in [0_u32, 1, 8, 24, 31, 32, 40] {
            let (counts, units) = (vec![count; words.len()], vec![0.3_f32; words.len()]);
            let mut lanes = [vec![0_u32; words.len()], vec![0; words.len()], vec![0; words.len()]];
            let [got, middle, expected] = lanes.each_mut().map(|l| cast_slice_mut::<u32, u8>(l));
            let (words, counts): (&[u8], &[u8]) = (cast_slice(&words), cast_slice(&counts));
            fraction_loop()(got, words, counts, cast_slice(&units));
            loop_of(Op::ShiftRightLogical, DType::I32)(middle, words, counts, &[]);
            let Some(cast) = convert::cast(DType::I32, DType::F32) else {
                unreachable!("another lane")
            };
            cast(expected, middle, &[], &[]);
            middle.copy_from_slice(expected);
            loop_of(Op::Mul, DType::F32)(expected, middle, cast_slice(&units), &[]);
            assert!(got == expected, "shifted by {count}");
        }
    }
}
