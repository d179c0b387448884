//! Rounding to whole numbers. All results are exact.
//!
//! On bits: the fraction's bits are cut off, so no conversion to an integer can overflow.

use super::algebra::{Float, Int, Mask};

/// The whole number next towards zero; keeps the sign of zero.
#[inline(always)]
pub(crate) fn trunc<F: Float>(a: F) -> F {
    let bits = a.to_bits();
    let width = F::Int::lit(i64::from(F::MANTISSA));
    let field = bits.shr_logical(width).and(F::Int::lit(2 * F::BIAS + 1));
    let exponent = field.sub(F::Int::lit(F::BIAS));
    let small = exponent.lt(F::Int::lit(0));
    // From exponent MANTISSA on every number is whole, also infinities and NaN.
    let whole = exponent.ge(width);
    let shift = F::Int::select(small.or(whole), F::Int::lit(0), exponent);
    let fraction = F::Int::lit((1i64 << F::MANTISSA) - 1).shr(shift);
    let cut = F::from_bits(bits.and(fraction.not()));
    let zero = F::lit(0.0).copysign(a);
    F::select(whole, a, F::select(small, zero, cut))
}

/// The whole number next towards minus infinity.
#[inline(always)]
pub(crate) fn floor<F: Float>(a: F) -> F {
    let towards_zero = trunc(a);
    F::select(a.lt(towards_zero), towards_zero - F::lit(1.0), towards_zero)
}

/// The whole number next towards infinity.
#[inline(always)]
pub(crate) fn ceil<F: Float>(a: F) -> F {
    let towards_zero = trunc(a);
    // The sign is that of `a`: -0.5 becomes -0.
    F::select(a.gt(towards_zero), towards_zero + F::lit(1.0), towards_zero)
}

/// The nearest whole number, the even one of two; keeps the sign of zero.
#[inline(always)]
pub(crate) fn round<F: Float>(a: F) -> F {
    // From 2^MANTISSA on the spacing is 1: the addition rounds.
    let limit = F::lit((1i64 << F::MANTISSA) as f64);
    let magnitude = a.abs();
    let rounded = ((magnitude + limit) - limit).copysign(a);
    F::select(magnitude.lt(limit), rounded, a)
}

/// What `trunc` takes away.
#[inline(always)]
pub(crate) fn frac<F: Float>(a: F) -> F {
    a - trunc(a)
}

/// Integers are whole.
#[inline(always)]
pub(crate) fn int_whole<I: Int>(a: I) -> I {
    a
}
