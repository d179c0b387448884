//! Hyperbolic functions and the logistic family: sinh, cosh, tanh, sigmoid, silu, softplus.
//!
//! Source: their definitions by `E = e^x`, evaluated on pairs from [`exp`](super::exp), whose low part
//! makes up for the cancellations and the extra roundings.
//!
//! Error: at most 1 ULP, float64 at most 2 (the exhaustive run states the measured one).

use super::algebra::{Float, Int, Mask};
use super::exp::{
    Exponent, MOST_LESS_ONE, Reduced, exp_pair, power_not_below, reduce, reduce_in_fewer,
};
use super::halves::Halves;
use super::log::log1p_pair;
use super::pair::{Pair, polynomial, power_of_two};

/// Below this magnitude the first term of an odd series is the result.
const TINY: f64 = 1.0 / (1u64 << 31) as f64;

/// `2^exponent (1 + ..)` as a pair, for exponents within ±[`MOST_LESS_ONE`].
#[inline(always)]
fn value<F: Float>(reduced: Reduced<F>) -> Pair<F> {
    let (least, most) = (F::Int::lit(-MOST_LESS_ONE), F::Int::lit(MOST_LESS_ONE));
    let exponent = reduced.exponent.number();
    let exponent = F::Int::select(exponent.gt(most), most, exponent);
    let exponent = F::Int::select(exponent.lt(least), least, exponent);
    reduced.significand().scale(power_of_two(exponent))
}

/// Half of the exponential.
#[inline(always)]
fn half_exp<F: Float>(reduced: Reduced<F>) -> F {
    reduced.exponent.less_one().scale(reduced.significand().round())
}

/// `(e^x - e^-x) / 2`.
#[inline(always)]
pub(crate) fn sinh<F: Float>(x: F) -> F {
    let magnitude = x.abs();
    let reduced = reduce(magnitude, F::lit(0.0));
    let less_one = reduced.less_one();
    let sum = less_one.add(less_one.div(less_one.add_single(F::lit(1.0))));
    let result = F::lit(0.5) * sum.round();
    let large = reduced.exponent.number().ge(F::Int::lit(MOST_LESS_ONE / 2 + 2));
    let result = F::select(large, half_exp(reduced), result).copysign(x);
    F::select(x.is_nan().or(magnitude.lt(F::lit(TINY))), x, result)
}

/// `(e^x + e^-x) / 2`.
#[inline(always)]
pub(crate) fn cosh<F: Float>(x: F) -> F {
    let reduced = reduce(x.abs(), F::lit(0.0));
    let value = value(reduced);
    let result = F::lit(0.5) * value.add(Pair::new(F::lit(1.0)).div(value)).round();
    let large = reduced.exponent.number().ge(F::Int::lit(MOST_LESS_ONE / 2 + 2));
    let result = F::select(large, half_exp(reduced), result);
    F::select(x.is_nan(), x, result)
}

/// `(tanh(x) - x) / x^3` by powers of `x^2` for float32, `|x|` up to [`NEAR`]: to 0.08 2^-24 of the result
/// (minimax, each coefficient rounded before the next ones were fitted).
const TANH_32: [f64; 5] = [
    -0.333_332_836_627_960_2,
    0.133_314_847_946_167,
    -0.053_743_004_798_889_16,
    0.020_649_103_447_794_914,
    -0.005_715_499_166_399_24,
];

/// Where the one form of [`tanh_32`] ends and the other begins.
const NEAR: f64 = 0.625;

/// By a polynomial, or as `1 - 2 / (e^2x + 1)`, of which the second part is half at most.
#[inline(always)]
fn tanh_32<F: Float>(x: F) -> F {
    let (one, two) = (F::lit(1.0), F::lit(2.0));
    let magnitude = x.abs();
    let square = magnitude * magnitude;
    let near = magnitude + magnitude * square * polynomial(square, &TANH_32);

    // From 10 on the result is 1.
    let limit = F::lit(10.0);
    let clamped = F::select(magnitude.lt(limit), magnitude, limit);
    let power = exp_pair(two * clamped);
    let sum = Pair::ordered_sum(power.high, one);
    let quotient = two / sum.high;
    let result = Pair::ordered_sum(one, -quotient);
    // What the low part of the sum takes from the quotient.
    let less = F::lit(0.5) * quotient * quotient * (sum.low + power.low);
    let far = result.high + (result.low + less);

    let result = F::select(magnitude.lt(F::lit(NEAR)), near, far).copysign(x);
    F::select(x.is_nan(), x, result)
}

/// `(e^2x - 1) / (e^2x + 1)`.
#[inline(always)]
pub(crate) fn tanh<F: Float>(x: F) -> F {
    if F::MANTISSA < 52 {
        return tanh_32(x);
    }
    let magnitude = x.abs();
    // From 20 on the result is 1 in both precisions.
    let limit = F::lit(20.0);
    let clamped = F::select(magnitude.lt(limit), magnitude, limit);
    let less_one = reduce(clamped + clamped, F::lit(0.0)).less_one();
    let result = less_one.div(less_one.add_single(F::lit(2.0))).round().copysign(x);
    F::select(x.is_nan().or(magnitude.lt(F::lit(TINY))), x, result)
}

/// The logistic function as `quotient * 2^exponent`.
///
/// By `a = e^-|x|`: `1 / (1 + a)` or `a / (1 + a)`; the power of two of the latter is put off, so that
/// the quotient has all its bits where the result is subnormal.
#[inline(always)]
fn logistic<F: Float>(x: F) -> (Halves<F>, Exponent<F>) {
    let (zero, one) = (F::lit(0.0), F::lit(1.0));
    let reduced = reduce_in_fewer(-x.abs());
    let power = Halves::sum(one, reduced.high).plus(reduced.low);
    let unit = power_not_below::<F>(reduced.exponent.number());
    let (a_high, a_low) = (power.high * unit, power.low * unit);
    let sum = one + (a_high + a_low);
    let sum_parts = Halves::sum_near(sum, one, a_high).plus(a_low);

    let negative = x.lt(zero);
    let numerator = [F::select(negative, power.high, one), F::select(negative, power.low, zero)];
    let exponent = Exponent::select(negative, reduced.exponent, Exponent::zero());
    (sum_parts.divide(numerator, one / sum), exponent)
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub(crate) fn sigmoid<F: Float>(x: F) -> F {
    let (quotient, exponent) = logistic(x);
    F::select(x.is_nan(), x, exponent.scale(quotient.round()))
}

/// `x / (1 + e^-x)`; NaN at minus infinity, as PyTorch's.
#[inline(always)]
pub(crate) fn silu<F: Float>(x: F) -> F {
    let (quotient, exponent) = logistic(x);
    // Where the exponential was clamped, so is its factor: the product is below every subnormal.
    let least = F::lit(if F::MANTISSA < 52 { -110.0 } else { -760.0 });
    let factor = F::select(x.lt(least), least, x);
    let [product, rest] = quotient.product(Halves::split(factor));
    let result = exponent.scale(product + rest).copysign(x);
    // At infinity and near the largest numbers the quotient is 1, and its product would overflow.
    let itself = x.gt(F::lit(1e6)).or(x.is_nan()).or(x.eq(F::lit(0.0)));
    let result = F::select(itself, x, result);
    F::select(x.eq(-F::infinity()), F::nan(), result)
}

/// `log(1 + e^x)`; `x` itself above 20, PyTorch's default threshold.
#[inline(always)]
pub(crate) fn softplus<F: Float>(x: F) -> F {
    let zero = F::lit(0.0);
    let reduced = reduce(-x.abs(), zero);
    let log = log1p_pair(value(reduced));
    let positive = F::select(x.gt(zero), x, zero);
    let result = Pair::sum(positive, log.high);
    let result = result.high + (result.low + log.low);
    // Here the exponential is its own logarithm.
    let vanishing = reduced.exponent.number().lt(F::Int::lit(-MOST_LESS_ONE)).and(x.lt(zero));
    let direct = reduced.exponent.scale(reduced.significand().round());
    let result = F::select(vanishing, direct, result);
    F::select(x.gt(F::lit(20.0)).or(x.is_nan()), x, result)
}
