//! Inverse trigonometric functions of float32, in fewer operations.
//!
//! Source: the polynomials are fitted (minimax, weighted by the places of the result, each coefficient rounded
//! before the next ones were fitted), which lets arguments be so large that one `c`, 3/4, is enough for
//! `atan(num/den)`, and that asin takes a half angle, by `acos(x) = 2 asin(sqrt((1 - x) / 2))`, from 1/2 on
//! only (as W. J. Cody and W. Waite, "Software Manual for the Elementary Functions", 1980). Single numbers do
//! where an error of theirs is small beside the places of the result; only sums are pairs, and the root.

use super::super::algebra::{Float, Mask};
use super::super::halves::Halves;
use super::super::pair::{Pair, polynomial, upper};
use super::{FRAC_PI_2, PI};

/// `(atan(t) - t) / t^3` by powers of `t^2`, `|t|` below 0.5464: to 0.015 2^-24 of `atan(t)`.
const ATAN: [f64; 6] = [
    -0.333_333_164_453_506_47,
    0.199_988_737_702_369_7,
    -0.142_605_021_595_954_9,
    0.108_471_110_463_142_4,
    -0.076_413_974_165_916_44,
    0.034_098_908_305_168_15,
];

/// `(asin(t) - t) / t^3` by powers of `t^2`, `|t|` up to a half: to 0.09 2^-24 of `asin(t)`.
const ASIN: [f64; 5] = [
    0.166_667_535_901_069_64,
    0.074_952_520_430_088_04,
    0.045_476_041_734_218_6,
    0.024_152_092_635_631_56,
    0.042_211_797_088_384_63,
];

/// The tangent of 1/2, from where on the places of an angle are so wide that a sum may be rounded before.
const CUT: f64 = 0.546_302_489_843_790_5;

/// The arc tangent of 3/4.
const ATAN_3_4: (f64, f64) = (0.643_501_108_793_284_4, 1.583_478_505_144_428_6e-17);

/// `atan(num / den)` for `0 <= num <= den`, neither so large nor so small that products are not exact.
#[inline(always)]
pub(super) fn atan_ratio<F: Float>(num: F, den: F) -> Pair<F> {
    atan_quotient(num, den, |num, den| {
        let Halves { high, low } = Halves::split(den).divide([num, F::lit(0.0)], F::lit(1.0) / den);
        Pair { high, low }
    })
}

/// `atan(num / den)` for `0 <= num <= den`, where the denominator is 1, or the places of what the angle goes into
/// are wider than its own.
#[inline(always)]
pub(super) fn atan_rounded_ratio<F: Float>(num: F, den: F) -> Pair<F> {
    atan_quotient(num, den, |num, den| Pair::new(num / den))
}

#[inline(always)]
fn atan_quotient<F: Float>(num: F, den: F, divide: impl Fn(F, F) -> Pair<F>) -> Pair<F> {
    let (half, quarter) = (F::lit(0.5), F::lit(0.25));
    let is_far = num.gt(F::lit(CUT) * den);
    // Both differences are numbers: of near ones, and of multiples of a place of `den / 4`.
    let rest = (num - half * den) - quarter * den;
    let sum = den + F::lit(0.75) * num;
    let t = divide(F::select(is_far, rest, num), F::select(is_far, sum, den));
    let square = t.round() * t.round();
    let tail = t.round() * square * polynomial(square, &ATAN);
    let base = Pair::lit(ATAN_3_4.0, ATAN_3_4.1);
    let base = Pair::select(is_far, base, Pair::new(F::lit(0.0)));
    base.ordered_add_nearly(Pair { high: t.high, low: t.low + tail })
}

/// The arc sine of a magnitude up to a half, else of `sqrt((1 - magnitude) / 2)`; and whether it is that.
#[inline(always)]
fn arc<F: Float>(magnitude: F) -> (F::Mask, Pair<F>) {
    let (zero, half) = (F::lit(0.0), F::lit(0.5));
    let is_far = magnitude.gt(half);
    let square = F::select(is_far, half * (F::lit(1.0) - magnitude), magnitude * magnitude);
    let root = F::select(is_far, square.sqrt(), magnitude);
    // The square of the upper part is a number; what it leaves of the square gives what the root lacks.
    let high = upper(root);
    let rest = (square - high * high) / (root + high);
    let is_inexact = is_far.and(root.gt(zero));
    let tail = root * square * polynomial(square, &ASIN);
    let low = F::select(is_inexact, rest, zero) + tail;
    (is_far, Pair { high: F::select(is_far, high, root), low })
}

/// The angle whose sine is `x`.
#[inline(always)]
pub(super) fn asin<F: Float>(x: F) -> F {
    let magnitude = x.abs();
    let (is_far, arc) = arc(magnitude);
    let right = Pair::lit(FRAC_PI_2.0, FRAC_PI_2.1);
    let far = right.ordered_add_nearly(arc.scale(F::lit(-2.0)));
    let result = Pair::select(is_far, far, arc).round().copysign(x);
    F::select(magnitude.le(F::lit(1.0)), result, F::nan())
}

/// The angle whose cosine is `x`.
#[inline(always)]
pub(super) fn acos<F: Float>(x: F) -> F {
    let magnitude = x.abs();
    let (is_far, arc) = arc(magnitude);
    let negative = x.lt(F::lit(0.0));
    // Of a far number twice the arc, or that less than π; of others, π/2 less or more the arc.
    let zero = Pair::new(F::lit(0.0));
    let far = Pair::select(negative, Pair::lit(PI.0, PI.1), zero);
    let base = Pair::select(is_far, far, Pair::lit(FRAC_PI_2.0, FRAC_PI_2.1));
    let factor = F::select(is_far, F::lit(2.0), F::lit(1.0));
    let factor = F::select(is_far.xor(negative), factor, -factor);
    let result = base.ordered_add_nearly(arc.scale(factor)).round();
    F::select(magnitude.le(F::lit(1.0)), result, F::nan())
}
