//! Trigonometric functions: sin, cos, tan.
//!
//! Source: reduction to a quadrant for every finite number ([`reduce`]), then polynomials on ±π/4, which are fitted
//! (minimax, weighted by the places of the result, each coefficient rounded before the next ones were fitted). The
//! low part of the rest enters to first order. float32 does with fewer coefficients and pairs, see [`single`].
//!
//! Error: at most 1 ULP, float64 at most 2 (the exhaustive run states the measured one).

mod single;

use super::algebra::{Float, Int, Mask};
use super::pair::{Pair, polynomial};
pub(crate) use super::reduction::is_near;
use super::reduction::reduce;

/// `(sin r - r) / r^3` by powers of `r^2`, `|r|` up to π/4: to 0.02 2^-52 of the sine.
const SIN: [f64; 6] = [
    -0.166_666_666_666_666_3,
    0.008_333_333_333_321_84,
    -0.000_198_412_698_293_585_28,
    2.755_731_353_851_415_8e-6,
    -2.505_073_438_921_878e-8,
    1.589_543_328_461_862e-10,
];

/// `(cos r - 1 + r^2/2) / r^4`, likewise: to 0.0003 2^-52 of the cosine.
const COS: [f64; 6] = [
    0.041_666_666_666_666_595,
    -0.001_388_888_888_887_333_1,
    2.480_158_728_899_058_8e-5,
    -2.755_731_421_269_046e-7,
    2.087_570_469_362_080_4e-9,
    -1.135_870_809_134_465_3e-11,
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
