//! Exponentials: exp, exp2, expm1.
//!
//! Source: the usual reduction `x = k ln 2 + r` with `|r| <= ln 2 / 2` (W. J. Cody and W. Waite,
//! "Software Manual for the Elementary Functions", 1980), `ln 2` in two parts so that `k * LN2_HIGH` is
//! exact, then the Taylor series of `exp(r)`, whose coefficients need no fit; float64, and `exp` of float32, take
//! fewer, which are fitted.
//!
//! Error: float32 at most 1 ULP, float64 at most 2 (the exhaustive run states the measured one).

use super::algebra::{Float, Int, Mask};
use super::pair::{Pair, polynomial, power_of_two, upper};

/// `1/2!, 1/3!, ..`: the coefficients of `(exp(r) - 1 - r) / r^2`, for float32: the next is below 2^-29.
const FACTORIALS: [f64; 7] =
    [1.0 / 2.0, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5_040.0, 1.0 / 40_320.0];

/// The same function for float64: off by at most 0.022 2^-52 for `|r|` below 0.3467 (least squares, each coefficient
/// rounded before the next ones were fitted).
const REST_64: [f64; 10] = [
    0.500_000_000_000_001_2,
    0.166_666_666_666_664_74,
    0.041_666_666_666_519_685,
    0.008_333_333_333_457_059,
    0.001_388_888_894_594_968_2,
    0.000_198_412_695_844_683_66,
    2.480_149_099_110_872_4e-5,
    2.755_751_882_283_678e-6,
    2.763_092_486_794_092_5e-7,
    2.502_095_458_614_164_3e-8,
];

/// The same function in fewer terms, for float32: off by at most 0.06 ULP of `exp(r)` for `|r|` below 0.3467
/// (minimax, weighted by the places of the result).
const FEWER: [f64; 5] = [
    0.499_999_900_004_615_64,
    0.166_665_191_049_570_56,
    0.041_669_088_398_443_97,
    0.008_368_867_164_616_952,
    0.001_378_040_571_846_358_3,
];

/// The same for `2^r`, `|r|` up to a half.
const FEWER_OF_2: [f64; 5] = {
    let mut coefficients = FEWER;
    let (mut index, mut power) = (0, LN_2.0);
    while index < coefficients.len() {
        power *= LN_2.0;
        coefficients[index] *= power;
        index += 1;
    }
    coefficients
};

/// `ln 2` and what its nearest f64 lacks.
const LN_2: (f64, f64) = (core::f64::consts::LN_2, 2.319_046_813_846_299_6e-17);

/// `exp(x) = 2^exponent * (1 + high + low)`: `high` has few bits of error, `low` is small.
#[derive(Clone, Copy)]
pub(super) struct Reduced<F: Float> {
    pub(super) exponent: Exponent<F>,
    pub(super) high: F,
    pub(super) low: F,
}

/// The exponent of a power of two, between twice the least and twice the largest of normal numbers. What is kept
/// is the bits of a number that ends in it and twice the bias, so that half of it, and the rest, become numbers by
/// shifts alone.
#[derive(Clone, Copy)]
pub(super) struct Exponent<F: Float>(F::Int);

impl<F: Float> Exponent<F> {
    /// `1.5 * 2^MANTISSA`, and twice the bias: even, so that it is the same numbers that are rounded to even.
    #[inline(always)]
    fn magic() -> F {
        F::lit((3 * (1i64 << (F::MANTISSA - 1)) + 2 * F::BIAS) as f64)
    }

    /// That of the whole number nearest to `a`, and the number.
    #[inline(always)]
    pub(super) fn nearest(a: F) -> (F, Self) {
        let (whole, bits) = round_by(Self::magic(), a);
        (whole, Self(bits))
    }

    #[inline(always)]
    pub(super) fn zero() -> Self {
        Self(Self::magic().to_bits())
    }

    #[inline(always)]
    pub(super) fn less_one(self) -> Self {
        Self(self.0.sub(F::Int::lit(1)))
    }

    #[inline(always)]
    pub(super) fn number(self) -> F::Int {
        self.0.sub(Self::magic().to_bits())
    }

    #[inline(always)]
    pub(super) fn select(mask: F::Mask, then: Self, otherwise: Self) -> Self {
        Self(F::Int::select(mask, then.0, otherwise.0))
    }

    /// `a` times the power of two; rounds once more if subnormal.
    #[inline(always)]
    pub(super) fn scale(self, a: F) -> F {
        // What is above the sign is shifted out.
        let power = |biased: F::Int| F::from_bits(biased.shl(F::Int::lit(i64::from(F::MANTISSA))));
        let half = self.0.shr_logical(F::Int::lit(1));
        a * power(half) * power(self.0.sub(half))
    }
}

/// Above `2^this` neither precision sees a 1.
pub(super) const MOST_LESS_ONE: i64 = 60;

/// `2^exponent`, or 2^-[`MOST_LESS_ONE`] if that is more; for an exponent that is at most normal.
#[inline(always)]
pub(super) fn power_not_below<F: Float>(exponent: F::Int) -> F {
    let least = F::Int::lit(-MOST_LESS_ONE);
    power_of_two(F::Int::select(exponent.lt(least), least, exponent))
}

/// Both parts of `ln 2`, the first with `MANTISSA / 2` bits, so that multiples of it are exact.
#[inline(always)]
pub(super) fn ln_2_parts<F: Float>() -> (F, F) {
    // 12 bits go to k in float32, 13 in float64.
    let drop = if F::MANTISSA < 52 { 53 - 12 } else { 53 - 40 };
    let high = f64::from_bits(LN_2.0.to_bits() & !((1u64 << drop) - 1));
    (F::lit(high), F::lit((LN_2.0 - high) + LN_2.1))
}

/// The nearest whole number, as float and integer. `|a|` below `2^(MANTISSA - 1)`.
#[inline(always)]
pub(super) fn nearest<F: Float>(a: F) -> (F, F::Int) {
    let magic = F::lit(1.5 * (1i64 << F::MANTISSA) as f64);
    let (whole, bits) = round_by(magic, a);
    (whole, bits.sub(magic.to_bits()))
}

/// The nearest whole number, and the bits of its sum with `magic`, which is about `1.5 * 2^MANTISSA`: they end in
/// it. Cheaper than a conversion.
#[inline(always)]
fn round_by<F: Float>(magic: F, a: F) -> (F, F::Int) {
    let shifted = a + magic;
    (shifted - magic, shifted.to_bits())
}

/// The largest argument that does not overflow, rounded up, and the least that does not vanish.
#[inline(always)]
fn clamp_argument<F: Float>(x: F) -> F {
    let (least, most) = if F::MANTISSA < 52 { (-110.0, 90.0) } else { (-760.0, 711.0) };
    let x = F::select(x.lt(F::lit(least)), F::lit(least), x);
    F::select(x.gt(F::lit(most)), F::lit(most), x)
}

/// A multiple of `ln 2`: `x` is `exponent * ln 2 + rest - low`.
struct Multiple<F: Float> {
    exponent: Exponent<F>,
    /// What the multiple's high part leaves of `x`, exactly.
    rest: F,
    /// Its low part.
    low: F,
}

/// The multiple of `ln 2` that is nearest to `x`, clamped to where the exponential neither overflows nor
/// vanishes.
#[inline(always)]
fn multiple<F: Float>(x: F) -> Multiple<F> {
    multiple_within(clamp_argument(x))
}

/// The same of an argument that is there already.
#[inline(always)]
fn multiple_within<F: Float>(x: F) -> Multiple<F> {
    let (whole, exponent) = Exponent::nearest(x * F::lit(core::f64::consts::LOG2_E));
    let (high, low) = ln_2_parts::<F>();
    Multiple { exponent, rest: x - whole * high, low: whole * low }
}

/// Reduces `high + low`, clamped to where the exponential neither overflows nor vanishes.
#[inline(always)]
pub(super) fn reduce<F: Float>(x: F, x_low: F) -> Reduced<F> {
    let Multiple { exponent, rest: first, low } = multiple(x);
    let second = x_low - low;
    // Where the first is the smaller, what is lost is below a sixtieth of the last place of 1.
    reduced(exponent, Pair::ordered_sum(first, second))
}

/// `exp(r)` for `|r|` below 0.35, with a power of two.
#[inline(always)]
pub(super) fn reduced<F: Float>(exponent: Exponent<F>, r: Pair<F>) -> Reduced<F> {
    let tail = series_rest(r.high);
    // exp(r + low) = exp(r) + low exp(r); exp(r) - 1 ~ r is enough there.
    let low = tail + (r.low + r.low * r.high);
    Reduced { exponent, high: r.high, low }
}

/// `exp(r) - 1 - r`, for `|r|` below 0.35.
#[inline(always)]
pub(super) fn series_rest<F: Float>(r: F) -> F {
    r * r * if F::MANTISSA < 52 { polynomial(r, &FACTORIALS) } else { polynomial(r, &REST_64) }
}

/// `exp(r) - 1`, for `|r|` below 0.35.
#[inline(always)]
pub(super) fn series_less_one<F: Float>(r: F) -> F {
    r + series_rest(r)
}

impl<F: Float> Reduced<F> {
    /// `1 + high + low`.
    #[inline(always)]
    pub(super) fn significand(self) -> Pair<F> {
        let sum = Pair::ordered_sum(F::lit(1.0), self.high);
        Pair::ordered_sum(sum.high, sum.low + self.low)
    }

    /// The exponential less one; of exponents above [`MOST_LESS_ONE`], some number.
    #[inline(always)]
    pub(super) fn less_one(self) -> Pair<F> {
        let most = F::Int::lit(MOST_LESS_ONE);
        // Below, the result is -1 to the last bit.
        let least = most.neg();
        let exponent = self.exponent.number();
        let exponent = F::Int::select(exponent.gt(most), most, exponent);
        let exponent = F::Int::select(exponent.lt(least), least, exponent);
        let power = power_of_two::<F>(exponent);
        let low = Pair::ordered_sum(self.high, self.low).scale(power);
        // Less one, a power is 0 or at least half of itself.
        Pair::sum(power, F::lit(-1.0)).ordered_add(low)
    }
}

/// As [`reduce`] of a single number, in the fewest terms that `e^x` needs.
#[inline(always)]
pub(super) fn reduce_in_fewer<F: Float>(x: F) -> Reduced<F> {
    reduced_in_fewer(multiple(x))
}

#[inline(always)]
fn reduced_in_fewer<F: Float>(multiple: Multiple<F>) -> Reduced<F> {
    let Multiple { exponent, rest: first, low: second } = multiple;
    // The pair `first - second`, as in `reduce`.
    let high = first - second;
    let low = (first - high) - second;
    let series =
        if F::MANTISSA < 52 { polynomial(high, &FEWER) } else { polynomial(high, &REST_64) };
    // `low` times `exp(r)` differs from `low` by less than a tenth of a place.
    Reduced { exponent, high, low: high * high * series + low }
}

/// `e^x`.
#[inline(always)]
pub(crate) fn exp<F: Float>(x: F) -> F {
    let Reduced { exponent, high, low } = reduce_in_fewer(x);
    let result = exponent.scale(F::lit(1.0) + (high + low));
    F::select(x.is_nan(), x, result)
}

/// `e^x` as a pair, for `x` from 0 to 60, with the error of [`exp`] but for its last rounding.
#[inline(always)]
pub(super) fn exp_pair<F: Float>(x: F) -> Pair<F> {
    let reduced = reduced_in_fewer(multiple_within(x));
    reduced.significand().scale(power_of_two(reduced.exponent.number()))
}

/// `2^x`.
#[inline(always)]
pub(crate) fn exp2<F: Float>(x: F) -> F {
    let (least, most) = if F::MANTISSA < 52 { (-160.0, 129.0) } else { (-1080.0, 1025.0) };
    let clamped = F::select(x.lt(F::lit(least)), F::lit(least), x);
    let clamped = F::select(clamped.gt(F::lit(most)), F::lit(most), clamped);
    let (whole, exponent) = Exponent::nearest(clamped);
    let rest = clamped - whole;
    let significand = if F::MANTISSA < 52 {
        // The product of the upper halves is exact; the others are to the polynomial as the lower parts.
        let (high, low) = ln_2_parts::<F>();
        let upper = upper(rest);
        let small = (rest - upper) * high + rest * low;
        F::lit(1.0) + (upper * high + (rest * rest * polynomial(rest, &FEWER_OF_2) + small))
    } else {
        let r = Pair::lit(LN_2.0, LN_2.1).mul_single(rest);
        reduced(exponent, r).significand().round()
    };
    F::select(x.is_nan(), x, exponent.scale(significand))
}

/// `e^x - 1`, exact near zero too.
#[inline(always)]
pub(crate) fn expm1<F: Float>(x: F) -> F {
    let reduced = reduce(x, F::lit(0.0));
    let result = reduced.less_one().round();
    // Without the 1, where it no longer counts.
    let exponent = reduced.exponent.number();
    let large = exponent.gt(F::Int::lit(MOST_LESS_ONE));
    let direct = reduced.exponent.scale(reduced.significand().round());
    let result = F::select(large, direct, result);
    // Without a multiple of ln 2 the series is the result, to the last subnormal.
    let direct = reduced.high + reduced.low;
    let result = F::select(exponent.eq(F::Int::lit(0)), direct, result);
    F::select(x.is_nan().or(x.eq(F::lit(0.0))), x, result)
}
