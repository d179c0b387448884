//! Loops of several operations at once, each on the result of the one before.
//!
//! `a * 2 + 1` as two loops writes and reads a register more than it must, and while it does nothing comes
//! from memory. Each is a copy of two rows of the op table, which only the operations that memory would
//! bound are worth. Both round as they do alone.

use super::lanes::{Loop, ternary};
use crate::dtype::DType;
use crate::math::arithmetic::{add, div, mul, sub};
use crate::math::bits::shift_right_logical;
use crate::ops::Op;

/// Where the second operation takes the result of the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// What runs in the loop of the node that reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Join {
    /// The operation on this side.
    First(Side),
    /// The cast on the left to float32, and the logical shift that it casts: [`fraction_loop`].
    Fraction,
}

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

/// `(a first b) second c`, or with [`Side::Right`] `c second (a first b)`.
pub(super) fn pair_loop(first: Op, second: Op, side: Side, dtype: DType) -> Option<Loop> {
    match dtype {
        DType::F32 => f32_pair(first, second, side),
        DType::F64 => f64_pair(first, second, side),
        _ => None,
    }
}

/// The loops of one first operation with each second one.
macro_rules! seconds {
    ($lane:ty, $second:expr, $side:expr, $first:path) => {
        match ($second, $side) {
            (Op::Add, _) => seconds!(@ $lane, |a, b, c| add($first(a, b), c)),
            (Op::Mul, _) => seconds!(@ $lane, |a, b, c| mul($first(a, b), c)),
            (Op::Sub, Side::Left) => seconds!(@ $lane, |a, b, c| sub($first(a, b), c)),
            (Op::Sub, Side::Right) => seconds!(@ $lane, |a, b, c| sub(c, $first(a, b))),
            (Op::Div, Side::Left) => seconds!(@ $lane, |a, b, c| div($first(a, b), c)),
            (Op::Div, Side::Right) => seconds!(@ $lane, |a, b, c| div(c, $first(a, b))),
            _ => None,
        }
    };
    (@ $lane:ty, |$a:ident, $b:ident, $c:ident| $value:expr) => {
        Some(|out, a, b, c| {
            ternary::<$lane, $lane, _, _>(
                out,
                a,
                b,
                c,
                #[inline(always)]
                |$a, $b, $c| $value,
            )
        })
    };
}

macro_rules! pairs {
    ($name:ident $lane:ty) => {
        fn $name(first: Op, second: Op, side: Side) -> Option<Loop> {
            match first {
                Op::Add => seconds!($lane, second, side, add),
                Op::Sub => seconds!($lane, second, side, sub),
                Op::Mul => seconds!($lane, second, side, mul),
                Op::Div => seconds!($lane, second, side, div),
                _ => None,
            }
        }
    };
}

pairs!(f32_pair f32);
pairs!(f64_pair f64);

#[cfg(test)]
mod tests {
    use bytemuck::{cast_slice, cast_slice_mut};

    use super::super::convert;
    use super::super::ops::loop_of;
    use super::*;

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

    #[test]
    fn pairs_have_the_bits_of_one_after_the_other() {
        let values = |seed: u64, len: usize| -> Vec<u8> {
            let mut bits = seed;
            (0..8 * len)
                .map(|_| {
                    bits = bits.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    (bits >> 56) as u8
                })
                .collect()
        };
        let mut pairs = 0;
        for dtype in [DType::F32, DType::F64] {
            let is_nan = |bytes: &[u8]| match dtype {
                DType::F32 => f32::from_ne_bytes(bytes.try_into().unwrap()).is_nan(),
                _ => f64::from_ne_bytes(bytes.try_into().unwrap()).is_nan(),
            };
            for &first in Op::ALL {
                for &second in Op::ALL {
                    for side in [Side::Left, Side::Right] {
                        let Some(run) = pair_loop(first, second, side, dtype) else { continue };
                        pairs += 1;
                        let [a, b, c] = [1, 2, 3].map(|seed| {
                            let bytes = values(seed + pairs, 1000);
                            cast_slice::<u8, u64>(&bytes[..8000]).to_vec()
                        });
                        let (a, b, c): (&[u8], &[u8], &[u8]) =
                            (cast_slice(&a), cast_slice(&b), cast_slice(&c));
                        let mut lanes = [vec![0_u64; 1000], vec![0; 1000], vec![0; 1000]];
                        let [got, middle, expected] =
                            lanes.each_mut().map(|lanes| cast_slice_mut::<u64, u8>(lanes));
                        run(got, a, b, c);
                        loop_of(first, dtype)(middle, a, b, &[]);
                        match side {
                            Side::Left => loop_of(second, dtype)(expected, middle, c, &[]),
                            Side::Right => loop_of(second, dtype)(expected, c, middle, &[]),
                        }
                        let size = dtype.size();
                        for (got, expected) in got.chunks(size).zip(expected.chunks(size)) {
                            assert!(
                                got == expected || is_nan(got) && is_nan(expected),
                                "{first:?} then {second:?} {side:?} of {dtype:?}"
                            );
                        }
                    }
                }
            }
        }
        assert_eq!(pairs, 2 * 4 * 4 * 2);
    }
}
