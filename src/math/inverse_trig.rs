//! Inverse trigonometric functions: asin, acos, atan, atan2.
//!
//! Source: all are the angle of a right triangle with legs `num` and `den`. By the addition theorem
//! `atan(num/den) = atan(c) + atan((num - c den) / (den + c num))` with `c` the nearest eighth, so that
//! the Taylor series is short; numerator, denominator and quotient are pairs, which makes good for the
//! cancellation. float32 does with one `c` and fitted polynomials, see [`single`].
//!
//! Error: at most 1 ULP, float64 at most 2, atan2 as well (the exhaustive run states the measured one).

mod single;

use super::algebra::{Float, Int, Mask};
use super::pair::{Pair, polynomial, power_of_two};

/// `atan(1/8)` to `atan(8/8)`, each with what its nearest f64 lacks.
const ATAN_EIGHTHS: [(f64, f64); 8] = [
    (0.12435499454676144, -3.1253241424539383e-18),
    (0.24497866312686414, 1.0698755618734451e-17),
    (0.35877067027057225, -2.4623815582638635e-17),
    (0.4636476090008061, 2.2698777452961687e-17),
    (0.5585993153435624, -5.4556305485916264e-18),
    (0.6435011087932844, 1.5834785051444286e-17),
    (0.7188299996216245, -2.1478388444456983e-17),
    (core::f64::consts::FRAC_PI_4, 3.061616997868383e-17),
];

/// `-1/3, 1/5, ..`.
const ATAN: [f64; 7] =
    [-1.0 / 3.0, 1.0 / 5.0, -1.0 / 7.0, 1.0 / 9.0, -1.0 / 11.0, 1.0 / 13.0, -1.0 / 15.0];

const FRAC_PI_2: (f64, f64) = (core::f64::consts::FRAC_PI_2, 6.123_233_995_736_766e-17);
const PI: (f64, f64) = (core::f64::consts::PI, 1.224_646_799_147_353_2e-16);

/// The eighth nearest to `num / den`, of `0 <= num <= den`, and its arc tangent.
#[inline(always)]
fn nearest_eighth<F: Float>(num: F, den: F) -> (F, Pair<F>) {
    let mut nearest = F::lit(0.0);
    let mut base = Pair::new(F::lit(0.0));
    for (index, (high, low)) in ATAN_EIGHTHS.into_iter().enumerate() {
        let count = index as f64;
        let above = num.gt(den * F::lit((2.0 * count + 1.0) / 16.0));
        nearest = F::select(above, F::lit((count + 1.0) / 8.0), nearest);
        base = Pair::select(above, Pair::lit(high, low), base);
    }
    (nearest, base)
}

/// `base + atan(num / den)` for a quotient of at most 1/16.
#[inline(always)]
fn atan_near<F: Float>(base: Pair<F>, num: Pair<F>, den: Pair<F>) -> Pair<F> {
    let t = num.div(den);
    let square = t.high * t.high;
    let tail = t.high * square * polynomial(square, &ATAN);
    // The base is 0 or at least the arc tangent of 1/8.
    base.ordered_add(Pair::ordered_sum(t.high, t.low + tail))
}

/// `atan(num / den)` for `0 <= num <= den`, neither so large nor so small that products are not exact.
#[inline(always)]
fn atan_ratio<F: Float>(num: Pair<F>, den: Pair<F>) -> Pair<F> {
    let (nearest, base) = nearest_eighth(num.high, den.high);
    let (near, below) = (den.mul_by_few(nearest), num.mul_by_few(nearest));
    // `nearest * den` is 0 or between a half and twice the numerator: their difference is a number.
    atan_near(base, num.ordered_add(near.neg()), den.ordered_add(below))
}

/// The same of single numbers.
#[inline(always)]
fn atan_single_ratio<F: Float>(num: F, den: F) -> Pair<F> {
    if F::MANTISSA < 52 {
        return single::atan_ratio(num, den);
    }
    let (nearest, base) = nearest_eighth(num, den);
    let (near, below) = (Pair::product_by_few(den, nearest), Pair::product_by_few(num, nearest));
    // As above.
    atan_near(base, near.neg().add_to(num), below.add_to(den))
}

/// `π/2 - acute`, of at most that.
#[inline(always)]
fn complement<F: Float>(acute: Pair<F>) -> Pair<F> {
    less(Pair::lit(FRAC_PI_2.0, FRAC_PI_2.1), acute)
}

/// `π - acute`, of at most that.
#[inline(always)]
fn supplement<F: Float>(acute: Pair<F>) -> Pair<F> {
    less(Pair::lit(PI.0, PI.1), acute)
}

/// `angle - part`, of at most that.
#[inline(always)]
fn less<F: Float>(angle: Pair<F>, part: Pair<F>) -> Pair<F> {
    if F::MANTISSA < 52 {
        angle.ordered_add_nearly(part.neg())
    } else {
        angle.ordered_add(part.neg())
    }
}

/// The angle in [0, π/2] between the leg `x` and the hypotenuse, `y` and `x` not negative.
#[inline(always)]
fn angle<F: Float>(y: Pair<F>, x: Pair<F>) -> Pair<F> {
    let steep = y.high.gt(x.high);
    let ratio = atan_ratio(Pair::select(steep, x, y), Pair::select(steep, y, x));
    Pair::select(steep, complement(ratio), ratio)
}

/// Below this magnitude asin and atan are the identity.
const TINY: f64 = 1e-10;

/// The angle whose tangent is `x`.
#[inline(always)]
pub(crate) fn atan<F: Float>(x: F) -> F {
    let magnitude = x.abs();
    // From here on it is π/2 in both precisions.
    let limit = F::lit(1e18);
    let bounded = F::select(magnitude.lt(limit), magnitude, limit);
    let one = F::lit(1.0);
    let steep = bounded.gt(one);
    let (num, den) = (F::select(steep, one, bounded), F::select(steep, bounded, one));
    let ratio = if F::MANTISSA < 52 {
        single::atan_rounded_ratio(num, den)
    } else {
        atan_single_ratio(num, den)
    };
    let result = Pair::select(steep, complement(ratio), ratio).round().copysign(x);
    F::select(x.is_nan().or(magnitude.lt(F::lit(TINY))), x, result)
}

/// `sqrt(1 - x^2)`.
#[inline(always)]
fn other_leg<F: Float>(magnitude: F) -> Pair<F> {
    let one = F::lit(1.0);
    Pair::sum(one, -magnitude).mul(Pair::sum(one, magnitude)).sqrt()
}

/// The angle whose sine is `x`.
#[inline(always)]
pub(crate) fn asin<F: Float>(x: F) -> F {
    if F::MANTISSA < 52 {
        return single::asin(x);
    }
    let magnitude = x.abs();
    let result = angle(Pair::new(magnitude), other_leg(magnitude)).round().copysign(x);
    let result = F::select(magnitude.lt(F::lit(TINY)), x, result);
    F::select(magnitude.le(F::lit(1.0)), result, F::nan())
}

/// The angle whose cosine is `x`.
#[inline(always)]
pub(crate) fn acos<F: Float>(x: F) -> F {
    if F::MANTISSA < 52 {
        return single::acos(x);
    }
    let magnitude = x.abs();
    let acute = angle(other_leg(magnitude), Pair::new(magnitude));
    let obtuse = supplement(acute);
    let result = Pair::select(x.lt(F::lit(0.0)), obtuse, acute).round();
    F::select(magnitude.le(F::lit(1.0)), result, F::nan())
}

/// The angle of the point `(x, y)`; C99's values for zeros and infinities.
#[inline(always)]
pub(crate) fn atan2<F: Float>(y: F, x: F) -> F {
    let one = F::lit(1.0);
    let invalid = y.is_nan().or(x.is_nan());
    let both_infinite = y.is_infinite().and(x.is_infinite());
    let height = F::select(both_infinite, one, y.abs());
    let width = F::select(both_infinite, one, x.abs());
    let steep = height.gt(width);
    let num = F::select(steep, width, height);
    let den = F::select(steep, height, width);

    // A small quotient is its own arc tangent; it may be subnormal.
    let bound = power_of_two(F::Int::lit(-i64::from(F::MANTISSA) / 2 - 4));
    let small = num.le(den * bound);
    let quotient = F::select(num.eq(F::lit(0.0)), F::lit(0.0), num / den);

    // Scaled to where products are exact.
    let half = F::BIAS / 2;
    let up = half + i64::from(F::MANTISSA) + 10;
    let low = F::Int::select(
        den.lt(power_of_two(F::Int::lit(30 - half))),
        F::Int::lit(up),
        F::Int::lit(0),
    );
    let exponent =
        F::Int::select(den.gt(power_of_two(F::Int::lit(half))), F::Int::lit(-half - 2), low);
    let power = power_of_two(exponent);
    let ratio = atan_single_ratio(num * power, den * power);
    let flat = Pair::select(small, Pair::new(quotient), ratio);

    let acute = Pair::select(steep, complement(flat), flat);
    let obtuse = supplement(acute);
    let result = Pair::select(x.is_sign_negative(), obtuse, acute).round().copysign(y);
    F::select(invalid, F::nan(), result)
}
