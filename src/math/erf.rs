//! The error function and what is made of it: erf, gelu.
//!
//! Source: near zero the Taylor series; elsewhere `erfc(x) = erfcx(x) e^-x^2` with
//! `(1 + 2 x) erfcx(x)` a polynomial in `(x - 3) / (x + 3)`, an arrangement of M. Shepherd and
//! J. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x in 0 <= x < inf" (1981). The
//! coefficients were interpolated here at Chebyshev nodes in 400-bit arithmetic.
//!
//! Error: erf at most 1 ULP in float32 and 2 in float64, gelu at most 1 in float32 and 2 in float64.

use super::algebra::{Float, Mask};
use super::exp::reduce;
use super::pair::{Pair, polynomial, scale, series};

/// `2/√π (-1)^n / (n! (2n + 1))` from n = 1: the coefficients of `erf(x)/x - 2/√π` in `x^2`, over `x^2`.
const ERF: [f64; 20] = [
    -0.37612638903183754,
    0.11283791670955126,
    -0.026866170645131252,
    0.005223977625442188,
    -0.0008548327023450853,
    0.00012055332981789664,
    -1.492565035840625e-05,
    1.6462114365889248e-06,
    -1.6365844691234924e-07,
    1.4807192815879218e-08,
    -1.2290555301717928e-09,
    9.422759064650411e-11,
    -6.7113668551641105e-12,
    4.4632242632864775e-13,
    -2.7835162072109215e-14,
    1.6342614095367152e-15,
    -9.063970842808673e-17,
    4.763348040515068e-18,
    -2.3784598852774293e-19,
    1.131218725924631e-20,
];

/// How many of them float32 needs up to 1.
const SINGLE: usize = 11;

/// `2/√π` and `1/√2`, each with what its nearest f64 lacks.
const FRAC_2_SQRT_PI: (f64, f64) = (core::f64::consts::FRAC_2_SQRT_PI, 1.533_545_961_316_588e-17);
const FRAC_1_SQRT_2: (f64, f64) = (core::f64::consts::FRAC_1_SQRT_2, -4.833_646_656_726_457e-17);

/// `(1 + 2 x) erfcx(x)` to 2^-30, x up to 11.
const ERFCX_32: [f64; 12] = [
    1.2530080591428208,
    -0.1356211087430914,
    -0.04756240440653541,
    0.12964524339519987,
    -0.1192713770893743,
    0.06830799958144855,
    -0.023787735988358233,
    0.002520801145510911,
    0.0019430951614387644,
    -0.000730318118808006,
    -0.000165138854995802,
    4.188165158950081e-05,
];

/// `(1 + 2 x) erfcx(x)` to 2^-59, x up to 28.
const ERFCX_64: [f64; 25] = [
    1.2530080582697296,
    -0.13562110612458114,
    -0.047562294353450885,
    0.12964515870275692,
    -0.11927366341529412,
    0.06830802734413972,
    -0.0237705149191233,
    0.002529391812930737,
    0.0018886903660093953,
    -0.0007798322389793649,
    -0.00010515985007185607,
    0.00012509914192410698,
    4.949692873058816e-06,
    -2.0099719336350727e-05,
    -7.319994916300909e-07,
    3.47018936843861e-06,
    3.5740689528477796e-07,
    -6.128658435976342e-07,
    -1.416150470656424e-07,
    9.784444456871524e-08,
    4.1021252342694524e-08,
    -1.0890349506249294e-08,
    -7.636882562087531e-09,
    3.483752094731445e-10,
    5.774514059472329e-10,
];

/// `erf(x) / x`, from `x^2` up to 1.
#[inline(always)]
fn erf_slope<F: Float>(square: Pair<F>) -> Pair<F> {
    let tail = square.high * series(square.high, &ERF[1..], SINGLE - 1);
    let second = Pair::lit(ERF[0], 0.0).add_single(tail);
    Pair::lit(FRAC_2_SQRT_PI.0, FRAC_2_SQRT_PI.1).add(square.mul(second))
}

/// The same with one more pair, for what cancels to less than a tenth.
#[inline(always)]
fn fine_erf_slope<F: Float>(square: Pair<F>) -> Pair<F> {
    let tail = square.high * series(square.high, &ERF[2..], SINGLE - 2);
    let third = Pair::lit(ERF[1], 0.0).add_single(tail);
    let second = Pair::lit(ERF[0], 0.0).add(square.mul(third));
    Pair::lit(FRAC_2_SQRT_PI.0, FRAC_2_SQRT_PI.1).add(square.mul(second))
}

/// `e^(x^2) erfc(x)`, for `x` from 1 to 28.
#[inline(always)]
fn erfcx<F: Float>(x: F) -> Pair<F> {
    let t = (x - F::lit(3.0)) / (x + F::lit(3.0));
    let (first, tail) = if F::MANTISSA < 52 {
        (ERFCX_32[0], polynomial(t, &ERFCX_32[1..]))
    } else {
        (ERFCX_64[0], polynomial(t, &ERFCX_64[1..]))
    };
    Pair::lit(first, 0.0).add_single(t * tail).div(Pair::sum(F::lit(1.0), x + x))
}

/// The same for an argument of twice the precision, whose low part enters to first order:
/// `erfcx'(x) = 2 x erfcx(x) - 2/√π`.
#[inline(always)]
fn erfcx_of_pair<F: Float>(x: Pair<F>) -> Pair<F> {
    let value = erfcx(x.high);
    let slope = (x.high + x.high) * value.high - F::lit(FRAC_2_SQRT_PI.0);
    Pair { high: value.high, low: value.low + x.low * slope }
}

/// The error function.
#[inline(always)]
pub(crate) fn erf<F: Float>(x: F) -> F {
    let magnitude = x.abs();
    // From 6 on the result is 1 in both precisions.
    let limit = F::lit(6.0);
    let bounded = F::select(magnitude.lt(limit), magnitude, limit);
    let square = Pair::product(bounded, bounded);
    let near = erf_slope(square).mul_single(x).round();

    let reduced = reduce(-square.high, -square.low);
    let tail = reduced.significand().mul(erfcx(bounded)).round();
    let far = (F::lit(1.0) - scale(tail, reduced.exponent)).copysign(x);

    let result = F::select(magnitude.lt(F::lit(1.0)), near, far);
    // The first term, where the squares underflow.
    let tiny = magnitude.lt(F::lit(1e-10));
    let first = Pair::<F>::lit(FRAC_2_SQRT_PI.0 - 1.0, FRAC_2_SQRT_PI.1).high;
    let result = F::select(tiny, x + x * first, result);
    F::select(x.is_nan().or(x.eq(F::lit(0.0))), x, result)
}

/// `x Φ(x)` with the normal distribution Φ; NaN at minus infinity, as PyTorch's.
#[inline(always)]
pub(crate) fn gelu<F: Float>(x: F) -> F {
    // Beyond, the tail is zero even as a subnormal.
    let limit = F::lit(if F::MANTISSA < 52 { 15.0 } else { 39.0 });
    let magnitude = x.abs();
    let bounded = F::select(magnitude.lt(limit), magnitude, limit);
    // The square of x / √2, exactly.
    let square = Pair::product(bounded, bounded).scale(F::lit(0.5));

    // x (1 + erf(x / √2)) / 2
    let argument = Pair::lit(FRAC_1_SQRT_2.0, FRAC_1_SQRT_2.1).mul_single(bounded);
    let signed = Pair::select(x.is_sign_negative(), argument.neg(), argument);
    let phi = fine_erf_slope(square).mul(signed).add_single(F::lit(1.0)).scale(F::lit(0.5));
    let near = phi.mul_single(x).round();

    // |x| Φ(-|x|)
    let reduced = reduce(-square.high, -square.low);
    let upper = erfcx_of_pair(argument).scale(F::lit(0.5));
    let tail = reduced.significand().mul(upper).mul_single(bounded);
    let tail = scale(tail.round(), reduced.exponent);
    let positive = F::select(x.lt(limit), x - tail, x);
    let far = F::select(x.is_sign_negative(), -tail, positive);

    let result = F::select(square.high.lt(F::lit(1.0)), near, far);
    let tiny = magnitude.lt(F::lit(1e-20));
    let result = F::select(tiny, x * F::lit(0.5), result);
    let result = F::select(x.is_nan().or(x.eq(F::lit(0.0))), x, result);
    F::select(x.eq(-F::infinity()), F::nan(), result)
}
