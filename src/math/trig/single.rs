//! Sine, cosine and tangent of what the reduction leaves of a float32, in fewer operations.
//!
//! Source: the polynomials are fitted (minimax, weighted by the places of the result, each coefficient rounded
//! before the next ones were fitted). The tangent is that of the half, `tan(2a) = 2 tan(a) / (1 - tan(a)^2)`, whose
//! error is small beside the places of the result, and whose inverse is as near.

use super::super::algebra::Float;
use super::super::halves::Halves;
use super::super::pair::{Pair, polynomial};

/// `(sin(r) - r) / r^3` by powers of `r^2`, `|r|` up to π/4: to 0.07 2^-24 of the sine.
const SIN: [f64; 3] =
    [-0.166_666_552_424_430_85, 0.008_332_190_103_828_907, -0.000_195_183_922_187_425_2];

/// `(cos(r) - 1 + r^2/2) / r^4`, likewise: to 0.003 2^-24 of the cosine.
const COS: [f64; 3] =
    [0.041_666_645_556_688_31, -0.001_388_730_132_021_01, 2.443_066_841_806_285e-5];

/// `(tan(a) - a) / a^3`, likewise, `|a|` up to π/8: to 0.04 2^-24 of the tangent.
const TAN: [f64; 4] = [
    0.333_332_926_034_927_37,
    0.133_359_000_086_784_36,
    0.053_472_346_381_673_81,
    0.025_571_709_498_763_084,
];

#[inline(always)]
pub(super) fn sin<F: Float>(rest: Pair<F>) -> F {
    let r = rest.high;
    let square = r * r;
    r + (r * square * polynomial(square, &SIN) + rest.low)
}

#[inline(always)]
pub(super) fn cos<F: Float>(rest: Pair<F>) -> F {
    let r = rest.high;
    let square = r * r;
    let first = Pair::ordered_sum(F::lit(1.0), F::lit(-0.5) * square);
    let tail = square * square * polynomial(square, &COS);
    first.high + (first.low + (tail - r * rest.low))
}

/// The tangent; of an odd quadrant its inverse.
#[inline(always)]
pub(super) fn tan<F: Float>(odd: F::Mask, rest: Pair<F>) -> F {
    let (half, one, two) = (F::lit(0.5), F::lit(1.0), F::lit(2.0));
    let a = half * rest.high;
    let square = a * a;
    let slope = half * (rest.low + square * rest.low);
    let tail = a * square * polynomial(square, &TAN) + slope;
    let t = Halves::sum(a, tail);
    // `1 - t^2`, of which `t.high^2` is a number.
    let (first, last) = (t.high * t.high, (t.high + t.round()) * t.low);
    let less = Halves::sum_near(one - (first + last), one, -first).plus(-last);
    let twice = Halves { high: two * t.high, low: two * t.low };
    let over = Halves::select(odd, less, twice);
    let under = Halves::select(odd, twice, less);
    under.divide([over.high, over.low], one / under.round()).round()
}
