//! Truth values and bits.
//!
//! Bool is an integer that is 0 or 1, so that and, or, xor serve both.

use super::algebra::{Int, Mask};

#[inline(always)]
pub(crate) fn or<I: Int>(a: I, b: I) -> I {
    a.or(b)
}

#[inline(always)]
pub(crate) fn and<I: Int>(a: I, b: I) -> I {
    a.and(b)
}

#[inline(always)]
pub(crate) fn xor<I: Int>(a: I, b: I) -> I {
    a.xor(b)
}

#[inline(always)]
pub(crate) fn not<I: Int>(a: I) -> I {
    a.not()
}

#[inline(always)]
pub(crate) fn bool_not<I: Int>(a: I) -> I {
    a.xor(I::lit(1))
}

/// Whether a shift count lies outside the lane: PyTorch shifts everything out then.
#[inline(always)]
fn overshoots<I: Int>(count: I) -> I::Mask {
    count.lt(I::lit(0)).or(count.ge(I::lit(i64::from(I::BITS))))
}

/// `a * 2^count`, wrapping; 0 for a count that is negative or at least the width.
///
/// The lane may be wider than the dtype: narrowing then drops the same bits.
#[inline(always)]
pub(crate) fn shift_left<I: Int>(a: I, count: I) -> I {
    I::select(overshoots(count), I::lit(0), a.shl(count))
}

/// The floor of `a / 2^count`; 0 or -1 for a count that is negative or at least the width.
#[inline(always)]
pub(crate) fn shift_right<I: Int>(a: I, count: I) -> I {
    let last = I::lit(i64::from(I::BITS) - 1);
    a.shr(I::select(overshoots(count), last, count))
}
