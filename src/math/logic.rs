//! Truth values and bits.

use super::algebra::Int;

pub(crate) fn or<I: Int>(a: I, b: I) -> I {
    a.or(b)
}

pub(crate) fn and<I: Int>(a: I, b: I) -> I {
    a.and(b)
}
