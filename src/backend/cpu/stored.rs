//! Loops from stored form to stored form, where that is not the lane's.
//!
//! `a + b` of float16 in lanes is four loops: two that widen, the sum, one that narrows. In one loop it
//! costs what the memory does, and more of its elements make a tile. Each is a copy of a row of the op
//! table in one more type, which only the operations that memory would bound are worth.

use super::float16;
use super::lanes::{Loop, binary, ternary, unary};
use crate::dtype::DType;
use crate::math::arithmetic::{
    add, div, int_add, int_div_floor, int_div_trunc, int_fmod, int_mul, int_neg, int_remainder,
    int_sub, mul, neg, sub,
};
use crate::math::compare::{
    abs, int_abs, int_eq, int_ge, int_gt, int_le, int_lt, int_maximum, int_minimum, int_ne,
    int_relu, maximum, minimum, relu,
};
use crate::math::half::{bf16_bits_to_f32, f32_to_bf16_bits};
use crate::math::logic::{and, bool_not, not, or, xor};
use crate::math::short::Short;
use crate::ops::Op;

/// The loops of some operations: each widens, computes by a function, and narrows.
macro_rules! loops {
    ($op:expr, unary $stored:ty, $widen:path, $narrow:path, [$($variant:ident $function:path,)*]) => {
        match $op {
            $(Op::$variant => Some((|out, a, _, _| {
                unary::<$stored, $stored, _>(
                    out,
                    a,
                    #[inline(always)]
                    |a| $narrow($function($widen(a))),
                )
            }) as Loop),)*
            _ => None,
        }
    };
    (
        $op:expr, binary $stored:ty => $result:ty, $widen:path, $narrow:path,
        [$($variant:ident $function:path,)*]
    ) => {
        match $op {
            $(Op::$variant => Some((|out, a, b, _| {
                binary::<$stored, $result, _>(
                    out,
                    a,
                    b,
                    #[inline(always)]
                    |a, b| $narrow($function($widen(a), $widen(b))),
                )
            }) as Loop),)*
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
        let same = loops!($op, binary $stored => $stored, i32::from, wrap, [
            Add int_add,
            Sub int_sub,
            Mul int_mul,
            Minimum int_minimum,
            Maximum int_maximum,
            BitwiseAnd and,
            BitwiseOr or,
            BitwiseXor xor,
        ]);
        #[inline(always)]
        fn short(value: $stored) -> Short<i32> {
            Short(value.into())
        }
        #[inline(always)]
        fn wrap_short(value: Short<i32>) -> $stored {
            value.0 as $stored
        }
        let divided = || loops!($op, binary $stored => $stored, short, wrap_short, [
            DivTrunc int_div_trunc,
            DivFloor int_div_floor,
            Fmod int_fmod,
            Remainder int_remainder,
        ]);
        let compared = || loops!($op, binary $stored => u8, i32::from, u8::from, [
            Eq int_eq,
            Ne int_ne,
            Lt int_lt,
            Le int_le,
            Gt int_gt,
            Ge int_ge,
        ]);
        let of_one = || loops!($op, unary $stored, i32::from, wrap, [
            Neg int_neg,
            Abs int_abs,
            Relu int_relu,
            BitwiseNot not,
        ]);
        same.or_else(divided).or_else(compared).or_else(of_one)
    }};
}

/// As [`loops`], by the conversions of `float16`.
macro_rules! float16_loops {
    ($op:expr, unary [$($one:ident $of_one:path,)*], binary [$($two:ident $of_two:path,)*]) => {
        match $op {
            $(Op::$one => Some((|out, a, _, _| {
                float16::binary(
                    out,
                    a,
                    a,
                    #[inline(always)]
                    |a, _| $of_one(a),
                )
            }) as Loop),)*
            $(Op::$two => Some((|out, a, b, _| {
                float16::binary(
                    out,
                    a,
                    b,
                    #[inline(always)]
                    |a, b| $of_two(a, b),
                )
            }) as Loop),)*
            _ => None,
        }
    };
}

/// The loop of an operation on one argument or two of this dtype, all in stored form, the result too.
pub(super) fn stored_loop(op: Op, dtype: DType) -> Option<Loop> {
    match dtype {
        DType::U8 => integers!(op, u8),
        DType::I8 => integers!(op, i8),
        DType::I16 => integers!(op, i16),
        DType::F16 => float16_loops!(
            op,
            unary [Neg neg, Abs abs, Relu relu,],
            binary [Add add, Sub sub, Mul mul, Div div, Minimum minimum, Maximum maximum,]
        ),
        DType::BF16 => bfloat16(op),
        DType::Bool => truths(op),
        DType::I32 | DType::I64 | DType::F32 | DType::F64 => None,
    }
}

fn bfloat16(op: Op) -> Option<Loop> {
    macro_rules! pairs_of {
        ($($variant:ident $function:path,)*) => {
            match op {
                $(Op::$variant => Some((|out, a, b, _| {
                    pairs(
                        out,
                        a,
                        b,
                        #[inline(always)]
                        |a, b| $function(a, b),
                    )
                }) as Loop),)*
                _ => None,
            }
        };
    }
    let of_two = pairs_of!(Add add, Sub sub, Mul mul, Div div, Minimum minimum, Maximum maximum,);
    let of_one = || {
        loops!(op, unary u16, bf16_bits_to_f32, f32_to_bf16_bits, [
            Neg neg,
            Abs abs,
            Relu relu,
        ])
    };
    of_two.or_else(of_one)
}

/// `out[i] = f(a[i], b[i])` of bfloat16. Of the two that share a word each is a float32 but for a shift or a mask;
/// to bring them to lanes of their own, and back, takes as long as the rest.
#[inline(always)]
fn pairs(out: &mut [u8], a: &[u8], b: &[u8], f: impl Fn(f32, f32) -> f32 + Copy) {
    const WORD: usize = size_of::<u32>();
    #[inline(always)]
    fn one(a: u16, b: u16, f: impl Fn(f32, f32) -> f32) -> u16 {
        f32_to_bf16_bits(f(bf16_bits_to_f32(a), bf16_bits_to_f32(b)))
    }
    let firsts = [out.as_ptr(), a.as_ptr(), b.as_ptr()];
    let are_words = firsts.iter().all(|first| first.addr().is_multiple_of(WORD));
    let paired = if are_words { out.len() / WORD * WORD } else { 0 };
    let (out, out_rest) = out.split_at_mut(paired);
    if !out.is_empty() {
        binary::<u32, u32, _>(
            out,
            &a[..paired],
            &b[..paired],
            #[inline(always)]
            |a, b| {
                let low = u32::from(one(a as u16, b as u16, f));
                let high = u32::from(one((a >> 16) as u16, (b >> 16) as u16, f));
                high << 16 | low
            },
        );
    }
    if !out_rest.is_empty() {
        binary::<u16, u16, _>(
            out_rest,
            &a[paired..],
            &b[paired..],
            #[inline(always)]
            |a, b| one(a, b, f),
        );
    }
}

/// The loop of an operation on a half, in stored form as the result is, and a float32 in a lane.
pub(super) fn number_loop(op: Op, dtype: DType) -> Option<Loop> {
    macro_rules! loops_of {
        ($($variant:ident $function:path,)*) => {
            match (dtype, op) {
                $(
                    (DType::F16, Op::$variant) => Some((|out, a, b, _| {
                        float16::with_number(
                            out,
                            a,
                            b,
                            #[inline(always)]
                            |a, b| $function(a, b),
                        )
                    }) as Loop),
                    (DType::BF16, Op::$variant) => Some((|out, a, b, _| {
                        ternary::<u16, f32, u16, _>(
                            out,
                            a,
                            b,
                            b,
                            #[inline(always)]
                            |a, b, _| f32_to_bf16_bits($function(bf16_bits_to_f32(a), b)),
                        )
                    }) as Loop),
                )*
                _ => None,
            }
        };
    }
    loops_of!(Mul mul, Div div,)
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
    let of_two = loops!(op, binary u8 => u8, truth, byte, [
        LogicalAnd and,
        LogicalOr or,
        LogicalXor xor,
        BitwiseAnd and,
        BitwiseOr or,
        BitwiseXor xor,
    ]);
    let of_one = || {
        loops!(op, unary u8, truth, byte, [
            LogicalNot bool_not,
            BitwiseNot bool_not,
        ])
    };
    of_two.or_else(of_one)
}

#[cfg(test)]
mod tests {
    use bytemuck::{cast_slice, cast_slice_mut};

    use super::super::convert;
    use super::super::ops::loop_of;
    use super::*;
    use crate::ops::Output;

    /// Of each byte or pair of bytes, with 64 others.
    #[test]
    fn stored_loops_have_the_bits_of_lanes() {
        let mut loops = 0;
        let mut all = vec![Op::Add, Op::Sub, Op::Mul, Op::Div, Op::Minimum, Op::Maximum];
        all.extend([Op::DivTrunc, Op::DivFloor, Op::Fmod, Op::Remainder]);
        all.extend([Op::LogicalAnd, Op::LogicalOr, Op::LogicalXor, Op::LogicalNot]);
        all.extend([Op::BitwiseAnd, Op::BitwiseOr, Op::BitwiseXor, Op::BitwiseNot]);
        all.extend([Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge]);
        all.extend([Op::Neg, Op::Abs, Op::Relu]);
        let dtypes = [DType::U8, DType::I8, DType::I16, DType::F16, DType::BF16, DType::Bool];
        for dtype in dtypes {
            for &op in &all {
                let Some(stored) = stored_loop(op, dtype) else { continue };
                let is_mask = op.info().output == Output::Mask;
                let result = if is_mask { DType::Bool } else { dtype };
                let (Some(widen), Some(narrow)) = (convert::widen(dtype), convert::narrow(result))
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
                    let bytes = len * result.size();
                    let (mut expected, mut got) = (vec![0_u16; bytes / 2], vec![0; bytes / 2]);
                    narrow(cast_slice_mut(&mut expected), z, &[], &[]);
                    stored(cast_slice_mut(&mut got), a, b, &[]);
                    // Which of two NaN comes through is the compiler's choice.
                    let is_nan = |bits: u16| match result {
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
        assert_eq!(loops, 3 * 22 + 2 * 9 + 8);
    }

    #[test]
    fn pairs_at_any_place_have_the_bits_of_single_numbers() {
        let Some(run) = stored_loop(Op::Sub, DType::BF16) else { unreachable!("it is there") };
        let words: Vec<u32> = (0..100_u32).map(|i| i.wrapping_mul(0x9e37_79b9)).collect();
        let numbers: &[u16] = cast_slice(&words);
        let (mut memory, mut nonzero) = (vec![0_u32; 50], 0);
        let memory: &mut [u16] = cast_slice_mut(&mut memory);
        for (to, from, beside) in [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0), (1, 1, 1)] {
            for len in [1, 2, 3, 31, 32, 33, 63, 64, 65, 97] {
                let (a, b) = (&numbers[from..][..len], &numbers[100 + beside..][..len]);
                let out = &mut memory[to..][..len];
                run(cast_slice_mut(out), cast_slice(a), cast_slice(b), &[]);
                for (i, &got) in out.iter().enumerate() {
                    let mut single = [0];
                    run(cast_slice_mut(&mut single), cast_slice(&[a[i]]), cast_slice(&[b[i]]), &[]);
                    assert_eq!(got, single[0], "{i} of {len} from {from} and {beside} to {to}");
                    nonzero += usize::from(got != 0);
                }
            }
        }
        assert!(nonzero > 1500, "{nonzero}");
    }

    /// Of each half, with some numbers.
    #[test]
    fn number_loops_have_the_bits_of_lanes() {
        let a: Vec<u16> = (0..=u16::MAX).collect();
        let numbers = [3.0, -0.1, 0.0, -0.0, 1e-40, 65504.0, 3e38, f32::INFINITY, 5.9604645e-8];
        for dtype in [DType::F16, DType::BF16] {
            let (Some(widen), Some(narrow)) = (convert::widen(dtype), convert::narrow(dtype))
            else {
                unreachable!("its lane is another")
            };
            for op in [Op::Mul, Op::Div] {
                let Some(run) = number_loop(op, dtype) else { unreachable!("it is there") };
                for number in numbers {
                    for len in [1, 7, 8, 15, 16, 17, 33, a.len()] {
                        let a = &a[a.len() - len..];
                        let b = vec![number; len];
                        let (mut lanes, mut results) = (vec![0.0_f32; len], vec![0.0_f32; len]);
                        widen(cast_slice_mut(&mut lanes), cast_slice(a), &[], &[]);
                        let results: &mut [u8] = cast_slice_mut(&mut results);
                        loop_of(op, DType::F32)(results, cast_slice(&lanes), cast_slice(&b), &[]);
                        let (mut expected, mut got) = (vec![0_u16; len], vec![0_u16; len]);
                        narrow(cast_slice_mut(&mut expected), results, &[], &[]);
                        run(cast_slice_mut(&mut got), cast_slice(a), cast_slice(&b), &[]);
                        assert_eq!(got, expected, "{op:?} of {dtype:?} and {number}");
                    }
                }
            }
        }
    }
}
