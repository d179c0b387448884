//! Logarithms: log, log1p, log2, log10.
//!
//! Source: `x = 2^k m` with `m` in [sqrt(1/2), sqrt(2)), `f = m - 1`, `s = f / (2 + f)` and
//! `log(1 + f) = f - f^2/2 + s (f^2/2 + R(s^2))` with `R(z) = 2 z/3 + 2 z^2/5 + ..`, the arrangement that
//! K. C. Ng published with FreeBSD's libm; here `R` is fitted and the parts are summed as a
//! pair, which log2 and log10 multiply by a constant of two parts. In float32 `log(1 + f) - f + f^2/2` is a fitted
//! polynomial of `f`, which saves the division, and the constant's parts are so short that products are exact.
//!
//! Error: float32 at most 1 ULP, float64 at most 2 (the exhaustive run states the measured one).

use super::algebra::{Float, Int, Mask};
use super::halves::Halves;
use super::pair::{Pair, polynomial, power_of_two, series};

/// `(log(1 + f) - f + f^2/2) / f^3`, for float32: to 0.1 2^-24 of the logarithm (minimax, each coefficient rounded
/// before the next ones were fitted).
const CUBIC_32: [f64; 8] = [
    0.333_333_313_465_118_4,
    -0.250_008_195_638_656_6,
    0.200_012_415_647_506_7,
    -0.166_234_090_924_263,
    0.142_015_799_880_027_77,
    -0.131_596_103_310_585_02,
    0.127_622_172_236_442_57,
    -0.076_364_390_552_043_91,
];

/// `(2 atanh(s) - 2 s) / s^3` by powers of `s^2`, for float64: to 0.015 2^-52 of the logarithm (least squares, each
/// coefficient rounded before the next ones were fitted).
const ATANH_64: [f64; 7] = [
    0.666_666_666_666_673,
    0.399_999_999_994_395_45,
    0.285_714_287_377_988_8,
    0.222_221_989_780_978_15,
    0.181_835_458_388_034,
    0.153_144_718_478_050_22,
    0.147_921_602_957_563_32,
];

/// `2/5, 2/7, ..`: its Taylor series, but for the first term.
const ATANH: [f64; 12] = [
    2.0 / 5.0,
    2.0 / 7.0,
    2.0 / 9.0,
    2.0 / 11.0,
    2.0 / 13.0,
    2.0 / 15.0,
    2.0 / 17.0,
    2.0 / 19.0,
    2.0 / 21.0,
    2.0 / 23.0,
    2.0 / 25.0,
    2.0 / 27.0,
];

/// `ln 2`, `1 / ln 2`, `1 / ln 10`, `log10 2`, each with what its nearest f64 lacks.
const LN_2: (f64, f64) = (core::f64::consts::LN_2, 2.319_046_813_846_299_6e-17);
const LOG2_E: (f64, f64) = (core::f64::consts::LOG2_E, 2.035_527_374_093_103_3e-17);
const LOG10_E: (f64, f64) = (core::f64::consts::LOG10_E, 1.098_319_650_216_765e-17);
const LOG10_2: (f64, f64) = (core::f64::consts::LOG10_2, -2.803_728_127_785_170_4e-18);

/// `x = 2^exponent * (1 + fraction)`, `1 + fraction` in [sqrt(1/2), sqrt(2)).
#[derive(Clone, Copy)]
pub(super) struct Split<F: Float> {
    pub(super) exponent: F::Int,
    pub(super) fraction: F,
}

/// Splits a positive finite number, subnormal too.
#[inline(always)]
pub(super) fn split<F: Float>(x: F) -> Split<F> {
    let width = F::Int::lit(i64::from(F::MANTISSA));
    let least = power_of_two::<F>(F::Int::lit(1 - F::BIAS));
    let subnormal = x.lt(least);
    let lifted = x * power_of_two::<F>(F::Int::lit(i64::from(F::MANTISSA) + 1));
    let bits = F::select(subnormal, lifted, x).to_bits();
    let lift = F::Int::lit(i64::from(F::MANTISSA) + 1);
    let lift = F::Int::select(subnormal, lift, F::Int::lit(0));
    // The exponent of x / sqrt(1/2): the bits of sqrt(1/2) shift where a new power begins.
    let root_half = F::lit(core::f64::consts::FRAC_1_SQRT_2).to_bits();
    let offset = bits.sub(root_half);
    let exponent = offset.shr(width);
    let significand = F::from_bits(bits.sub(exponent.shl(width)));
    Split { exponent: exponent.sub(lift), fraction: significand - F::lit(1.0) }
}

/// `log(1 + fraction)` is `fraction - half_square + rest`.
struct Fraction<F> {
    half_square: F,
    rest: F,
}

#[inline(always)]
fn log_fraction<F: Float>(fraction: F) -> Fraction<F> {
    let half_square = F::lit(0.5) * fraction * fraction;
    let rest = if F::MANTISSA < 52 {
        fraction * fraction * fraction * polynomial(fraction, &CUBIC_32)
    } else {
        let s = fraction / (F::lit(2.0) + fraction);
        let z = s * s;
        s * (half_square + z * polynomial(z, &ATANH_64))
    };
    Fraction { half_square, rest }
}

/// What a logarithm is of a zero, negative, infinite or NaN argument.
#[inline(always)]
fn special<F: Float>(x: F, result: F) -> F {
    let zero = F::lit(0.0);
    let result = F::select(x.eq(zero), -F::infinity(), result);
    let result = F::select(x.lt(zero), F::nan(), result);
    F::select(x.eq(F::infinity()).or(x.is_nan()), x, result)
}

/// The natural logarithm.
#[inline(always)]
pub(crate) fn log<F: Float>(x: F) -> F {
    let split = split(x);
    let Fraction { half_square, rest } = log_fraction(split.fraction);
    special(x, combine(split.exponent, split.fraction, rest - half_square).round())
}

/// `exponent * ln 2 + (fraction + low)`, of which the fraction is half of `ln 2` at most.
#[inline(always)]
fn combine<F: Float>(exponent: F::Int, fraction: F, low: F) -> Pair<F> {
    let count = F::from_int(exponent);
    let ln_2 = Pair::<F>::lit(LN_2.0, LN_2.1);
    // The upper half of ln 2 times a small integer is exact.
    let drop = F::Int::lit((1i64 << (F::MANTISSA / 2)) - 1).not();
    let high = F::from_bits(ln_2.high.to_bits().and(drop));
    let ln_2_low = (ln_2.high - high) + ln_2.low;
    let multiple = Pair { high: count * high, low: count * ln_2_low };
    multiple.ordered_add_nearly(Pair { high: fraction, low })
}

/// `log(1 + x)`, exact near zero too.
#[inline(always)]
pub(crate) fn log1p<F: Float>(x: F) -> F {
    let result = log1p_pair(Pair::new(x)).round();
    let result = F::select(x.eq(F::lit(-1.0)), -F::infinity(), result);
    let result = F::select(x.lt(F::lit(-1.0)), F::nan(), result);
    let itself = x.eq(F::infinity()).or(x.is_nan()).or(x.abs().lt(F::lit(1e-30)));
    F::select(itself, x, result)
}

/// `log(1 + x)` for finite `x` above -1.
#[inline(always)]
pub(super) fn log1p_pair<F: Float>(x: Pair<F>) -> Pair<F> {
    let sum = Pair::sum(F::lit(1.0), x.high);
    let split = split(sum.high);
    // What 1 + x lost, at the scale of the fraction. Beyond 2^2p it counts for nothing.
    let most = F::Int::lit(2 * i64::from(F::MANTISSA));
    let exponent = F::Int::select(split.exponent.lt(most), split.exponent, most);
    let power = power_of_two(exponent.neg());
    let fraction = Pair::sum(split.fraction, sum.low * power);
    let Fraction { half_square, rest } = log_fraction(fraction.high);
    let low = fraction.low + x.low * power;
    // log(1 + f + low) = log(1 + f) + low / (1 + f), nearly.
    let low = low - low * fraction.high;
    combine(split.exponent, fraction.high, (rest - half_square) + low)
}

/// The logarithm to base 2: exact for powers of two.
#[inline(always)]
pub(crate) fn log2<F: Float>(x: F) -> F {
    let split = split(x);
    let exponent = F::from_int(split.exponent);
    if F::MANTISSA < 52 {
        return special(x, to_base_32(split.fraction, LOG2_E, Pair::new(exponent)));
    }
    let log = log_pair_of_fraction(split.fraction).mul(Pair::lit(LOG2_E.0, LOG2_E.1));
    special(x, log.add_to(exponent).round())
}

/// The logarithm to base 10.
#[inline(always)]
pub(crate) fn log10<F: Float>(x: F) -> F {
    let split = split(x);
    let power = Pair::lit(LOG10_2.0, LOG10_2.1).mul_by_few(F::from_int(split.exponent));
    if F::MANTISSA < 52 {
        return special(x, to_base_32(split.fraction, LOG10_E, power));
    }
    let log = log_pair_of_fraction(split.fraction).mul(Pair::lit(LOG10_E.0, LOG10_E.1));
    special(x, power.ordered_add(log).round())
}

/// `log(1 + fraction)` as a pair.
#[inline(always)]
fn log_pair_of_fraction<F: Float>(fraction: F) -> Pair<F> {
    let Fraction { half_square, rest } = log_fraction(fraction);
    Pair::ordered_sum(fraction, rest - half_square)
}

/// `power + log(1 + fraction) * constant` of float32, where the power is 0 or more than the rest.
#[inline(always)]
fn to_base_32<F: Float>(fraction: F, constant: (f64, f64), power: Pair<F>) -> F {
    let Fraction { half_square, rest } = log_fraction(fraction);
    let first = Pair::ordered_sum(fraction, -half_square);
    let parts = Halves::split(first.high);
    // The product of the upper halves is exact.
    let whole = Pair::<F>::lit(constant.0, constant.1);
    let constant = Halves::split(whole.high).plus(whole.low);
    let low =
        parts.low * constant.high + (first.high * constant.low + (first.low + rest) * whole.high);
    power.ordered_add_nearly(Pair { high: parts.high * constant.high, low }).round()
}

/// `log(x)` of a positive finite number with some `2 p` bits, as [`pow`](super::power::pow) needs.
#[inline(always)]
pub(super) fn log_pair<F: Float>(x: F) -> Pair<F> {
    let split = split(x);
    let s = Pair::new(split.fraction).div(Pair::ordered_sum(F::lit(2.0), split.fraction));
    let z = s.mul(s);
    // The tail is small enough for a single number.
    let tail = z.high * series(z.high, &ATANH, 8);
    let third = Pair::lit(2.0 / 3.0, 3.700_743_415_417_188e-17);
    let log = s.mul(z.mul(third.ordered_add_single(tail)).add_to(F::lit(2.0)));
    Pair::lit(LN_2.0, LN_2.1).mul_by_few(F::from_int(split.exponent)).ordered_add(log)
}
