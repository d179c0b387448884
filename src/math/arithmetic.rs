//! The four operations and their relatives.
//!
//! Sources: IEEE 754-2019 for the operations themselves; the floor and remainder forms are PyTorch's
//! (`div_floor` and `remainder` of its CPU kernels), whose steps decide the signs and infinities.

use super::algebra::{Float, Int};

pub(crate) fn add<F: Float>(a: F, b: F) -> F {
    a + b
}

pub(crate) fn sub<F: Float>(a: F, b: F) -> F {
    a - b
}

pub(crate) fn mul<F: Float>(a: F, b: F) -> F {
    a * b
}

pub(crate) fn div<F: Float>(a: F, b: F) -> F {
    a / b
}

pub(crate) fn neg<F: Float>(a: F) -> F {
    -a
}

pub(crate) fn int_add<I: Int>(a: I, b: I) -> I {
    a.add(b)
}

pub(crate) fn int_sub<I: Int>(a: I, b: I) -> I {
    a.sub(b)
}

pub(crate) fn int_mul<I: Int>(a: I, b: I) -> I {
    a.mul(b)
}

pub(crate) fn int_neg<I: Int>(a: I) -> I {
    a.neg()
}

/// The quotient rounded towards zero.
pub(crate) fn int_div_trunc<I: Int>(a: I, b: I) -> I {
    a.div(b)
}

/// The quotient rounded towards minus infinity.
pub(crate) fn int_div_floor<I: Int>(a: I, b: I) -> I {
    let quotient = a.div(b);
    let remainder = a.rem(b);
    let zero = I::lit(0);
    let signs_differ = remainder.xor(b).lt(zero);
    let inexact = remainder.ne(zero);
    quotient.sub(I::from_mask(super::algebra::Mask::and(signs_differ, inexact)))
}

pub(crate) fn reciprocal<F: Float>(a: F) -> F {
    F::lit(1.0) / a
}
