//! Loops from stored form to stored form, where that is not the lane's.
//!
//! `a + b` of float16 in lanes is four loops: two that widen, the sum, one that narrows. In one loop it
//! costs what the memory does, and more of its elements make a tile. Each is a copy of a row of the op
//! table in one more type, which only the operations that memory would bound are worth.

use super::float16;
use super::lanes::{Loop, binary};
use crate::dtype::DType;
use crate::math::arithmetic::{add, div, int_add, int_mul, int_sub, mul, sub};
use crate::math::half::{bf16_bits_to_f32, f32_to_bf16_bits};
use crate::math::logic::{and, or, xor};
use crate::ops::Op;

/// The loops of some operations: each widens, computes by a function, and narrows.
macro_rules! loops {
    ($op:expr, $stored:ty, $widen:path, $narrow:path, [$($variant:ident $function:path,)*]) => {
        match $op {
            $(Op::$variant => Some(|out, a, b, _| {
                binary::<$stored, $stored, _>(
                    out,
                    a,
                    b,
                    #[inline(always)]
                    |a, b| $narrow($function($widen(a), $widen(b))),
                )
            }),)*
            _ => None,
        }
    };
}

macro_rules! integers {
    ($op:expr, $stored:ty) => {{
        #[inline(always)]
        fn wrap(value: i32) -> $stored {
            value as $stored
        }
        loops!($op, $stored, i32::from, wrap, [Add int_add, Sub int_sub, Mul int_mul,])
    }};
}

/// As [`loops`], by the conversions of `float16`.
macro_rules! float16_loops {
    ($op:expr, [$($variant:ident $function:path,)*]) => {
        match $op {
            $(Op::$variant => Some(|out, a, b, _| {
                float16::binary(
                    out,
                    a,
                    b,
                    #[inline(always)]
                    |a, b| $function(a, b),
                )
            }),)*
            _ => None,
        }
    };
}

/// The loop of an operation on two arguments of this dtype, its result too, all in stored form.
pub(super) fn stored_loop(op: Op, dtype: DType) -> Option<Loop> {
    match dtype {
        DType::U8 => integers!(op, u8),
        DType::I8 => integers!(op, i8),
        DType::I16 => integers!(op, i16),
        DType::F16 => float16_loops!(op, [Add add, Sub sub, Mul mul, Div div,]),
        DType::BF16 => {
            loops!(op, u16, bf16_bits_to_f32, f32_to_bf16_bits, [Add add, Sub sub, Mul mul, Div div,])
        }
        DType::Bool => truths(op),
        DType::I32 | DType::I64 | DType::F32 | DType::F64 => None,
    }
}

/// Those of bool.
fn truths(op: Op) -> Option<Loop> {
    #[inline(always)]
    fn truth(byte: u8) -> i32 {
        i32::from(byte != 0)
    }
    #[inline(always)]
    fn byte(truth: i32) -> u8 {
        truth as u8
    }
    loops!(op, u8, truth, byte, [
        LogicalAnd and,
        LogicalOr or,
        LogicalXor xor,
        BitwiseAnd and,
        BitwiseOr or,
        BitwiseXor xor,
    ])
}

#[cfg(test)]
mod tests {
    use bytemuck::{cast_slice, cast_slice_mut};

    use super::super::convert;
    use super::super::ops::loop_of;
    use super::*;

    /// Of each byte or pair of bytes, with 64 others.
    #[test]
    fn stored_loops_have_the_bits_of_lanes() {
        let mut loops = 0;
        let arithmetic = [Op::Add, Op::Sub, Op::Mul, Op::Div];
        let logical = [Op::LogicalAnd, Op::LogicalOr, Op::LogicalXor];
        let bitwise = [Op::BitwiseAnd, Op::BitwiseOr, Op::BitwiseXor];
        let dtypes = [DType::U8, DType::I8, DType::I16, DType::F16, DType::BF16, DType::Bool];
        for dtype in dtypes {
            for op in arithmetic.into_iter().chain(logical).chain(bitwise) {
                let Some(stored) = stored_loop(op, dtype) else { continue };
                let (Some(widen), Some(narrow)) = (convert::widen(dtype), convert::narrow(dtype))
                else {
                    unreachable!("its lane is another")
                };
                loops += 1;
                for shift in 0..64_u16 {
                    let a: Vec<u16> = (0..=u16::MAX).collect();
                    let b: Vec<u16> = a
                        .iter()
                        .map(|a| a.wrapping_mul(40503).wrapping_add(shift * 1021))
                        .collect();
                    let (a, b): (&[u8], &[u8]) = (cast_slice(&a), cast_slice(&b));
                    let len = a.len() / dtype.size();
                    let mut lanes = [vec![0_u32; len], vec![0; len], vec![0; len]];
                    let [x, y, z] = lanes.each_mut().map(|lanes| cast_slice_mut(lanes));
                    widen(x, a, &[], &[]);
                    widen(y, b, &[], &[]);
                    loop_of(op, dtype)(z, x, y, &[]);
                    let (mut expected, mut got) = (vec![0_u16; a.len() / 2], vec![0; a.len() / 2]);
                    narrow(cast_slice_mut(&mut expected), z, &[], &[]);
                    stored(cast_slice_mut(&mut got), a, b, &[]);
                    // Which of two NaN comes through is the compiler's choice.
                    let is_nan = |bits: u16| match dtype {
                        DType::F16 => bits & 0x7fff > 0x7c00,
                        DType::BF16 => bits & 0x7fff > 0x7f80,
                        _ => false,
                    };
                    let is_same = |a, b| a == b || is_nan(a) && is_nan(b);
                    let differs = (0..got.len()).find(|&i| !is_same(got[i], expected[i]));
                    assert_eq!(differs, None, "{op:?} of {dtype:?}, shift {shift}");
                }
            }
        }
        assert_eq!(loops, 3 * 3 + 2 * 4 + 6);
    }
}
