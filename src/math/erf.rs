//! The error function and what is made of it: erf, gelu.
//!
//! Sources: near zero `erf(x) / x` is a polynomial in `x^2`; elsewhere `-log(erfc(x))` is one in `x`, as in
//! N. Juffa's erff. For gelu, `(1 + y) e^(y^2/2) Φ(-y)` is a polynomial in `y / (y + 3.75)` up to 1, and in
//! `(y - 3.75) / (y + 3.75)` beyond, after M. Shepherd and J. Laframboise, "Chebyshev approximation of
//! (1 + 2x) exp(x^2) erfc x in 0 <= x < inf" (1981). The polynomials are those of least error of the result,
//! found here by the algorithm of E. Remez in 400-bit arithmetic.
//!
//! Error: erf at most 1 ULP in float32 and 2 in float64, gelu at most 1 in float32 and 2 in float64.

use super::algebra::{Float, Mask};
use super::exp::{Exponent, ln_2_parts, nearest, power_not_below, series_less_one, series_rest};
use super::halves::Halves;
use super::pair::{Pair, polynomial, power_of_two};

/// `erf(x) / x - 1` by powers of `x^2`, `x` up to [`NEAR`]: to 2^-29, and to 2^-60.
const SLOPE_32: [f64; 6] = [
    0.1283791656303269,
    -0.3761261992530966,
    0.11283392997785686,
    -0.026835435248962276,
    0.005115982359698344,
    -0.0006761096414418394,
];
const SLOPE_64: [f64; 11] = [
    0.1283791670955126,
    -0.37612638903183715,
    0.11283791670952632,
    -0.026866170644436787,
    0.005223977615516373,
    -0.0008548326195114375,
    0.00012055289824084717,
    -1.4924202716135583e-05,
    1.6430780989587203e-06,
    -1.5940876314504964e-07,
    1.1475376342129825e-08,
];

/// `-log(erfc(x))` by powers of `x - NEAR`, `x` up to [`FAR_32`] and to [`FAR_64`]: such that erfc is off by
/// 2^-33, and by 2^-61.
const LOG_32: [f64; 9] = [
    1.2418672602475989,
    2.225873730618365,
    0.8078501265752885,
    0.052911748156944445,
    -0.012752881507722733,
    0.002374969900928654,
    -0.00026563769790227497,
    1.5495311821850703e-06,
    2.654408206478012e-06,
];
const LOG_64: [f64; 20] = [
    1.241867260678887,
    2.2258736679806863,
    0.8078515419193528,
    0.052899989578341716,
    -0.012705625234308683,
    0.002270447077360075,
    -0.00012961858937815066,
    -0.00010588795071352365,
    5.428425406479748e-05,
    -1.4301844712659474e-05,
    1.3715115470507464e-06,
    7.648347758421514e-07,
    -5.140378090023503e-07,
    1.84705652287509e-07,
    -4.7360966263069136e-08,
    9.072114387343377e-09,
    -1.2803602758880987e-09,
    1.2623114008782427e-10,
    -7.766526178347988e-12,
    2.2417537162154658e-13,
];

/// What the first of [`LOG_64`] lacks.
const LOG_LOW: f64 = 6.599955036569461e-17;

/// Where the one polynomial ends and the other begins.
const NEAR: f64 = 0.75;

/// From here on the result is 1.
const FAR_32: f64 = 4.0;
const FAR_64: f64 = 6.0;

/// `(1 + y) e^(y^2/2) Φ(-y)` by powers of `y / (y + MIDDLE)`, `y` up to 1: to 2^-34, and to 2^-64.
const FIRST_32: [f64; 8] = [
    0.5000000000152441,
    0.3789664391451909,
    -1.7155334326554057,
    2.36086561785466,
    -1.3289071477206826,
    -0.10603484773201521,
    0.40817140900886983,
    -0.05937545344211476,
];
const FIRST_64: [f64; 14] = [
    0.5,
    0.37896644849462746,
    -1.715534369650514,
    2.3609012895222246,
    -1.329572205871773,
    -0.09932729166603116,
    0.37097453204843894,
    0.045788275974920536,
    -0.10827547302754716,
    -0.04508580319857689,
    0.021554984964695385,
    0.023444201660100854,
    0.009739421741969843,
    -0.015303506113463695,
];

/// The same by powers of `(y - MIDDLE) / (y + MIDDLE)`, `y` from 1 to 15 and to 39: to 2^-33, and to 2^-58.
const SECOND_32: [f64; 11] = [
    0.47518624575817053,
    -0.09741150536080107,
    0.007859491880161202,
    0.03345063333376574,
    -0.031813011240375354,
    0.014485476693175276,
    -0.002207257006493389,
    -0.0011362067656410185,
    0.0005163858800935741,
    8.598349426314889e-05,
    -7.414539675908293e-05,
];
const SECOND_64: [f64; 22] = [
    0.47518624576840274,
    -0.09741150479881357,
    0.007859489862813944,
    0.033450599638285866,
    -0.031812944557961874,
    0.01448604223423631,
    -0.0022080875056803956,
    -0.001140108130135765,
    0.0005211891100625708,
    9.803567920572842e-05,
    -8.735853597043619e-05,
    -1.4885971816977044e-05,
    1.4687534761659793e-05,
    3.839955904161074e-06,
    -2.357055211376221e-06,
    -1.1248112065149408e-06,
    2.838568428221309e-07,
    3.0683409859963166e-07,
    -1.9420667390302578e-09,
    -7.116070590350365e-08,
    -6.100575789188264e-09,
    1.0498767506966941e-08,
];

/// Some `y` amid those that count.
const MIDDLE: f64 = 3.75;

/// The error function.
#[inline(always)]
pub(crate) fn erf<F: Float>(x: F) -> F {
    let is_single = F::MANTISSA < 52;
    let magnitude = x.abs();
    let limit = F::lit(if is_single { FAR_32 } else { FAR_64 });
    let bounded = F::select(magnitude.lt(limit), magnitude, limit);

    let square = bounded * bounded;
    let slope =
        if is_single { polynomial(square, &SLOPE_32) } else { polynomial(square, &SLOPE_64) };
    let near = x + x * slope;

    // The logarithm is `start + rest`, its negative `whole log(2) + r`.
    let z = bounded - F::lit(NEAR);
    let (start, rest) = if is_single {
        (Pair::<F>::lit(LOG_32[0], 0.0), polynomial(z, &LOG_32[1..]))
    } else {
        (Pair::lit(LOG_64[0], LOG_LOW), polynomial(z, &LOG_64[1..]))
    };
    let rest = z * rest;
    let (whole, exponent) = nearest((start.high + rest) * F::lit(-core::f64::consts::LOG2_E));
    let (ln_2_high, ln_2_low) = ln_2_parts::<F>();
    let r = ((-start.high - whole * ln_2_high) - rest) - (whole * ln_2_low + start.low);
    let tail = (F::lit(1.0) + series_less_one(r)) * power_of_two(exponent);
    let far = (F::lit(1.0) - tail).copysign(x);

    let result = F::select(magnitude.lt(F::lit(NEAR)), near, far);
    F::select(x.is_nan(), x, result)
}

/// `(1 + y) e^(y^2/2) Φ(-y)`, of `z` as [`FIRST_32`] says, or as [`SECOND_32`].
#[inline(always)]
fn tail_slope<F: Float>(is_first: F::Mask, z: F) -> Halves<F> {
    #[inline(always)]
    fn sum<F: Float>(is_first: F::Mask, z: F, first: &[f64], second: &[f64]) -> Halves<F> {
        let coefficient = |i: usize| {
            let first = first.get(i).copied().unwrap_or(0.0);
            F::select(is_first, F::lit(first), F::lit(second[i]))
        };
        let start = Pair::select(is_first, Pair::lit(first[0], 0.0), Pair::lit(second[0], 0.0));
        let mut rest = coefficient(second.len() - 1);
        for i in (1..second.len() - 1).rev() {
            rest = rest * z + coefficient(i);
        }
        Halves::sum(start.high, z * rest + start.low)
    }
    if F::MANTISSA < 52 {
        sum(is_first, z, &FIRST_32, &SECOND_32)
    } else {
        sum(is_first, z, &FIRST_64, &SECOND_64)
    }
}

/// `x Φ(x)` with the normal distribution Φ; NaN at minus infinity, as PyTorch's.
///
/// By `y Φ(-y)` for `y = |x|`.
#[inline(always)]
pub(crate) fn gelu<F: Float>(x: F) -> F {
    let one = F::lit(1.0);
    // Beyond, the tail is zero even as a subnormal.
    let limit = F::lit(if F::MANTISSA < 52 { 15.0 } else { 39.0 });
    let magnitude = x.abs();
    let y = F::select(magnitude.lt(limit), magnitude, limit);
    let parts = Halves::split(y);

    // 1 + y, and its inverse, from which that of y + MIDDLE follows.
    let sum = one + y;
    let sum_parts = Halves::sum(one, y);
    let far_sum = y + F::lit(MIDDLE);
    let inverse = one / (sum * far_sum);
    let is_first = y.lt(one);
    let z = (F::select(is_first, y, y - F::lit(MIDDLE)) * sum) * inverse;

    // e^(-y^2/2)
    let square_high = (parts.high * F::lit(0.5)) * parts.high;
    let square_low = parts.low * (parts.high + parts.low * F::lit(0.5));
    let square = square_high + square_low;
    let (whole, exponent) = Exponent::nearest(square * F::lit(-core::f64::consts::LOG2_E));
    let (ln_2_high, ln_2_low) = ln_2_parts::<F>();
    let r = Pair::ordered_sum(-square_high - whole * ln_2_high, -square_low - whole * ln_2_low);
    let power = Halves::sum(one, r.high).plus(series_rest(r.high) + r.low);

    let product = power.mul(tail_slope(is_first, z)).product(parts);
    let Halves { high, low } = sum_parts.divide(product, inverse * far_sum);

    let negative = -exponent.scale(high + low);
    // What is less than this no positive number notices.
    let unit = power_not_below(exponent.number());
    let difference = Pair::ordered_sum(y, -(high * unit));
    let positive = difference.high + (difference.low - low * unit);
    let result = F::select(x.is_sign_negative(), negative, positive);

    let tiny = magnitude.lt(F::lit(1e-20));
    let result = F::select(tiny, x * F::lit(0.5), result);
    let itself = x.ge(limit).or(x.is_nan()).or(x.eq(F::lit(0.0)));
    let result = F::select(itself, x, result);
    F::select(x.eq(-F::infinity()), F::nan(), result)
}
