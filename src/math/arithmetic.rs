//! The four operations and their relatives.
//!
//! Sources: IEEE 754-2019 for the operations themselves; the floor and remainder forms are PyTorch's
//! (`div_floor` and `remainder` of its CPU kernels), whose steps decide the signs and infinities.

use super::algebra::{Float, Int, Mask};
use super::rounding::{floor, trunc};

#[inline(always)]
pub(crate) fn add<F: Float>(a: F, b: F) -> F {
    a + b
}

#[inline(always)]
pub(crate) fn sub<F: Float>(a: F, b: F) -> F {
    a - b
}

#[inline(always)]
pub(crate) fn mul<F: Float>(a: F, b: F) -> F {
    a * b
}

#[inline(always)]
pub(crate) fn div<F: Float>(a: F, b: F) -> F {
    a / b
}

#[inline(always)]
pub(crate) fn neg<F: Float>(a: F) -> F {
    -a
}

#[inline(always)]
pub(crate) fn int_add<I: Int>(a: I, b: I) -> I {
    a.add(b)
}

#[inline(always)]
pub(crate) fn int_sub<I: Int>(a: I, b: I) -> I {
    a.sub(b)
}

#[inline(always)]
pub(crate) fn int_mul<I: Int>(a: I, b: I) -> I {
    a.mul(b)
}

#[inline(always)]
pub(crate) fn int_neg<I: Int>(a: I) -> I {
    a.neg()
}

/// The quotient rounded towards zero.
#[inline(always)]
pub(crate) fn int_div_trunc<I: Int>(a: I, b: I) -> I {
    a.div(b)
}

/// The quotient rounded towards minus infinity.
#[inline(always)]
pub(crate) fn int_div_floor<I: Int>(a: I, b: I) -> I {
    let quotient = a.div(b);
    let remainder = a.rem(b);
    let zero = I::lit(0);
    let signs_differ = remainder.xor(b).lt(zero);
    let inexact = remainder.ne(zero);
    quotient.sub(I::from_mask(signs_differ.and(inexact)))
}

/// The quotient, rounded, then rounded towards zero.
#[inline(always)]
pub(crate) fn div_trunc<F: Float>(a: F, b: F) -> F {
    trunc((a / b).step())
}

/// The quotient rounded towards minus infinity, from the exact remainder.
#[inline(always)]
pub(crate) fn div_floor<F: Float>(a: F, b: F) -> F {
    let zero = F::lit(0.0);
    let one = F::lit(1.0);
    let direct = (a / b).step();
    let remainder = a.fmod(b).step();
    let multiple = ((a - remainder).step() / b).step();
    let signs_differ = b.lt(zero).xor(remainder.lt(zero));
    let below = remainder.ne(zero).and(signs_differ);
    let quotient = F::select(below, (multiple - one).step(), multiple);
    let whole = floor(quotient);
    let short = (quotient - whole).step().gt(F::lit(0.5));
    let whole = F::select(short, (whole + one).step(), whole);
    // A zero takes the sign of the quotient; division by zero is plain division.
    let result = F::select(quotient.ne(zero), whole, zero.copysign(direct));
    F::select(b.eq(zero), direct, result)
}

#[inline(always)]
pub(crate) fn reciprocal<F: Float>(a: F) -> F {
    F::lit(1.0) / a
}

/// Degrees in radians: times the dtype's number nearest to `π / 180`, as PyTorch does.
#[inline(always)]
pub(crate) fn deg2rad<F: Float>(a: F) -> F {
    a * F::lit(0.017453292519943295)
}

/// Radians in degrees: times the dtype's number nearest to `180 / π`.
#[inline(always)]
pub(crate) fn rad2deg<F: Float>(a: F) -> F {
    a * F::lit(57.29577951308232)
}

#[inline(always)]
pub(crate) fn square<F: Float>(a: F) -> F {
    a * a
}

#[inline(always)]
pub(crate) fn int_square<I: Int>(a: I) -> I {
    a.mul(a)
}

#[inline(always)]
pub(crate) fn sqrt<F: Float>(a: F) -> F {
    a.sqrt()
}

/// The remainder with the sign of the dividend, exact.
#[inline(always)]
pub(crate) fn fmod<F: Float>(a: F, b: F) -> F {
    a.fmod(b)
}

#[inline(always)]
pub(crate) fn int_fmod<I: Int>(a: I, b: I) -> I {
    a.rem(b)
}

/// The remainder with the sign of the divisor.
#[inline(always)]
pub(crate) fn remainder<F: Float>(a: F, b: F) -> F {
    let zero = F::lit(0.0);
    let rest = a.fmod(b);
    let signs_differ = b.lt(zero).xor(rest.lt(zero));
    F::select(rest.ne(zero).and(signs_differ), rest + b, rest)
}

#[inline(always)]
pub(crate) fn int_remainder<I: Int>(a: I, b: I) -> I {
    let zero = I::lit(0);
    let rest = a.rem(b);
    let signs_differ = rest.xor(b).lt(zero);
    I::select(rest.ne(zero).and(signs_differ), rest.add(b), rest)
}

/// `a + weight * (b - a)`, from the nearer end: exact at both.
#[inline(always)]
pub(crate) fn lerp<F: Float>(a: F, b: F, weight: F) -> F {
    let span = b - a;
    let near = weight.abs().lt(F::lit(0.5));
    F::select(near, a + weight * span, b - span * (F::lit(1.0) - weight))
}
