//! Trigonometric functions: sin, cos, tan.
//!
//! Source: reduction to a quadrant for every finite number ([`reduce`]), then the Taylor series, whose
//! coefficients need no fit on ±π/4. The low part of the rest enters to first order. float32 does with fewer, fitted
//! coefficients and fewer pairs, see [`single`].
//!
//! Error: at most 1 ULP, float64 at most 2 (the exhaustive run states the measured one).

mod single;

use super::algebra::{Float, Int, Mask};
use super::pair::{Pair, polynomial};
pub(crate) use super::reduction::is_near;
use super::reduction::reduce;

/// `-1/3!, 1/5!, ..`: the coefficients of `(sin r - r) / r^3` in `r^2`.
const SIN: [f64; 10] = [
    -1.0 / 6.0,
    1.0 / 120.0,
    -1.0 / 5_040.0,
    1.0 / 362_880.0,
    -1.0 / 39_916_800.0,
    1.0 / 6_227_020_800.0,
    -1.0 / 1_307_674_368_000.0,
    1.0 / 355_687_428_096_000.0,
    -1.0 / 121_645_100_408_832_000.0,
    1.0 / 51_090_942_171_709_440_000.0,
];

/// `1/4!, -1/6!, ..`: the coefficients of `(cos r - 1 + r^2/2) / r^4` in `r^2`.
const COS: [f64; 9] = [
    1.0 / 24.0,
    -1.0 / 720.0,
    1.0 / 40_320.0,
    -1.0 / 3_628_800.0,
    1.0 / 479_001_600.0,
    -1.0 / 87_178_291_200.0,
    1.0 / 20_922_789_888_000.0,
    -1.0 / 6_402_373_705_728_000.0,
    1.0 / 2_432_902_008_176_640_000.0,
];

/// The sine of a rest, as a pair.
#[inline(always)]
fn sin_rest<F: Float>(rest: Pair<F>) -> Pair<F> {
    let square = rest.high * rest.high;
    let tail = rest.high * square * polynomial(square, &SIN);
    let slope = rest.low - F::lit(0.5) * square * rest.low;
    Pair::ordered_sum(rest.high, tail + slope)
}

/// The cosine of a rest, as a pair.
#[inline(always)]
fn cos_rest<F: Float>(rest: Pair<F>) -> Pair<F> {
    let square = Pair::product(rest.high, rest.high);
    let tail = square.high * square.high * polynomial(square.high, &COS);
    let half = F::lit(-0.5);
    let first = Pair::ordered_sum(F::lit(1.0), half * square.high);
    let low = half * square.low - rest.high * rest.low;
    Pair::ordered_sum(first.high, first.low + (tail + low))
}

/// What all three give for infinities and NaN.
#[inline(always)]
fn finite_only<F: Float>(x: F, result: F) -> F {
    F::select(x.is_finite(), result, F::nan())
}

#[inline(always)]
fn is_odd<I: Int>(quadrant: I) -> I::Mask {
    quadrant.and(I::lit(1)).ne(I::lit(0))
}

#[inline(always)]
fn is_lower<I: Int>(quadrant: I) -> I::Mask {
    quadrant.and(I::lit(2)).ne(I::lit(0))
}

/// The sine and the cosine of a rest.
#[inline(always)]
fn both<F: Float>(rest: Pair<F>) -> (F, F) {
    if F::MANTISSA < 52 {
        return (single::sin(rest), single::cos(rest));
    }
    (sin_rest(rest).round(), cos_rest(rest).round())
}

/// The sine.
#[inline(always)]
pub(crate) fn sin<F: Float>(x: F) -> F {
    let reduced = reduce(x.abs());
    let (sin, cos) = both(reduced.rest);
    let result = F::select(is_odd(reduced.quadrant), cos, sin);
    let negative = is_lower(reduced.quadrant).xor(x.is_sign_negative());
    let result = F::select(negative, -result, result);
    let tiny = x.abs().lt(F::lit(1e-10));
    finite_only(x, F::select(tiny, x, result))
}

/// The cosine.
#[inline(always)]
pub(crate) fn cos<F: Float>(x: F) -> F {
    let reduced = reduce(x.abs());
    let (sin, cos) = both(reduced.rest);
    let odd = is_odd(reduced.quadrant);
    let result = F::select(odd, sin, cos);
    let negative = is_lower(reduced.quadrant).xor(odd);
    finite_only(x, F::select(negative, -result, result))
}

/// The tangent.
#[inline(always)]
pub(crate) fn tan<F: Float>(x: F) -> F {
    let reduced = reduce(x.abs());
    let odd = is_odd(reduced.quadrant);
    let quotient = if F::MANTISSA < 52 {
        single::tan(odd, reduced.rest)
    } else {
        let (sin, cos) = (sin_rest(reduced.rest), cos_rest(reduced.rest));
        Pair::select(odd, cos, sin).div(Pair::select(odd, sin, cos)).round()
    };
    let negative = odd.xor(x.is_sign_negative());
    let result = F::select(negative, -quotient, quotient);
    let tiny = x.abs().lt(F::lit(1e-10));
    finite_only(x, F::select(tiny, x, result))
}
