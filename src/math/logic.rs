//! Truth values and bits.

use super::algebra::Int;

#[inline(always)]
pub(crate) fn or<I: Int>(a: I, b: I) -> I {
    a.or(b)
}

#[inline(always)]
pub(crate) fn and<I: Int>(a: I, b: I) -> I {
    a.and(b)
}
