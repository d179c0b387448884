//! Numbers of twice the precision, as unevaluated sums of two.
//!
//! Sources: T. J. Dekker, "A floating-point technique for extending the available precision" (1971);
//! D. Knuth's two-sum; M. Joldes, J.-M. Muller, V. Popescu, "Tight and rigorous error bounds for basic
//! building blocks of double-word arithmetic" (2017). No `fma`: products are split on bits.
//!
//! Relative errors are a few units of 2^-2p, for p bits of the lane, unless parts underflow: callers
//! scale their arguments.

use super::algebra::{Float, Int};

/// `high + low`, with `low` at most half a unit in the last place of `high`.
#[derive(Clone, Copy)]
pub(crate) struct Pair<F> {
    pub(crate) high: F,
    pub(crate) low: F,
}

/// The upper half of the significand: products of halves are exact.
#[inline(always)]
pub(super) fn upper<F: Float>(a: F) -> F {
    let low = (1i64 << (F::MANTISSA / 2 + 1)) - 1;
    F::from_bits(a.to_bits().and(F::Int::lit(low).not()))
}

impl<F: Float> Pair<F> {
    #[inline(always)]
    pub(crate) fn new(high: F) -> Self {
        Self { high, low: F::lit(0.0) }
    }

    /// A constant, to the precision of two f64 parts.
    #[inline(always)]
    pub(crate) fn lit(high: f64, low: f64) -> Self {
        if F::MANTISSA == f64::MANTISSA_DIGITS - 1 {
            Self { high: F::lit(high), low: F::lit(low) }
        } else {
            let rounded = f64::from(high as f32);
            Self { high: F::lit(rounded), low: F::lit(high - rounded) }
        }
    }

    /// The exact sum of two numbers.
    #[inline(always)]
    pub(crate) fn sum(a: F, b: F) -> Self {
        let high = a + b;
        let from_b = high - a;
        let from_a = high - from_b;
        Self { high, low: (a - from_a) + (b - from_b) }
    }

    /// The exact sum where `a` is zero or its exponent at least that of `b`.
    #[inline(always)]
    pub(crate) fn ordered_sum(a: F, b: F) -> Self {
        let high = a + b;
        Self { high, low: b - (high - a) }
    }

    /// The exact product of two numbers.
    #[inline(always)]
    pub(crate) fn product(a: F, b: F) -> Self {
        let high = a * b;
        let (a_upper, b_upper) = (upper(a), upper(b));
        let (a_lower, b_lower) = (a - a_upper, b - b_upper);
        let low = ((a_upper * b_upper - high) + a_upper * b_lower + a_lower * b_upper)
            + a_lower * b_lower;
        Self { high, low }
    }

    /// The exact product of two numbers, of which `b` has at most half as many bits as fit.
    #[inline(always)]
    pub(super) fn product_by_few(a: F, b: F) -> Self {
        let high = a * b;
        let upper = upper(a);
        Self { high, low: (upper * b - high) + (a - upper) * b }
    }

    /// The nearest single number.
    #[inline(always)]
    pub(crate) fn round(self) -> F {
        self.high + self.low
    }

    #[inline(always)]
    pub(crate) fn neg(self) -> Self {
        Self { high: -self.high, low: -self.low }
    }

    #[inline(always)]
    pub(crate) fn add(self, other: Self) -> Self {
        let high = Self::sum(self.high, other.high);
        let low = Self::sum(self.low, other.low);
        let first = Self::ordered_sum(high.high, high.low + low.high);
        Self::ordered_sum(first.high, first.low + low.low)
    }

    /// The same sum as [`add`](Self::add), where this is zero or its exponent at least that of `other`.
    #[inline(always)]
    pub(super) fn ordered_add(self, other: Self) -> Self {
        let high = Self::ordered_sum(self.high, other.high);
        let low = Self::sum(self.low, other.low);
        let first = Self::ordered_sum(high.high, high.low + low.high);
        Self::ordered_sum(first.high, first.low + low.low)
    }

    #[inline(always)]
    pub(crate) fn add_single(self, other: F) -> Self {
        let high = Self::sum(self.high, other);
        Self::ordered_sum(high.high, high.low + self.low)
    }

    /// The same sum as [`add_single`](Self::add_single), where this is zero or its exponent at least that of
    /// the number.
    #[inline(always)]
    pub(super) fn ordered_add_single(self, other: F) -> Self {
        let high = Self::ordered_sum(self.high, other);
        Self::ordered_sum(high.high, high.low + self.low)
    }

    /// The same, where the number is zero or its exponent at least that of
    /// this.
    #[inline(always)]
    pub(super) fn add_to(self, number: F) -> Self {
        let high = Self::ordered_sum(number, self.high);
        Self::ordered_sum(high.high, high.low + self.low)
    }

    #[inline(always)]
    pub(crate) fn mul(self, other: Self) -> Self {
        let high = Self::product(self.high, other.high);
        let low = self.high * other.low + self.low * other.high;
        Self::ordered_sum(high.high, high.low + low)
    }

    #[inline(always)]
    pub(crate) fn mul_single(self, other: F) -> Self {
        let high = Self::product(self.high, other);
        Self::ordered_sum(high.high, high.low + self.low * other)
    }

    /// The product with a number that has at most half as many bits as fit.
    #[inline(always)]
    pub(super) fn mul_by_few(self, other: F) -> Self {
        let high = Self::product_by_few(self.high, other);
        Self::ordered_sum(high.high, high.low + self.low * other)
    }

    /// Both parts multiplied by a power of two.
    #[inline(always)]
    pub(crate) fn scale(self, power: F) -> Self {
        Self { high: self.high * power, low: self.low * power }
    }

    #[inline(always)]
    pub(crate) fn div(self, other: Self) -> Self {
        let reciprocal = F::lit(1.0) / other.high;
        let high = self.high * reciprocal;
        let multiple = other.mul_single(high);
        // The difference cancels to what a single number holds.
        let rest = (self.high - multiple.high) + (self.low - multiple.low);
        Self::ordered_sum(high, rest * reciprocal)
    }

    /// The square root of a positive pair.
    #[inline(always)]
    pub(crate) fn sqrt(self) -> Self {
        let high = self.high.sqrt();
        let square = Self::product(high, high);
        let rest = (self.high - square.high) + (self.low - square.low);
        let correction = rest / (high + high);
        Self::ordered_sum(high, F::select(high.gt(F::lit(0.0)), correction, F::lit(0.0)))
    }

    #[inline(always)]
    pub(crate) fn select(mask: F::Mask, then: Self, otherwise: Self) -> Self {
        Self {
            high: F::select(mask, then.high, otherwise.high),
            low: F::select(mask, then.low, otherwise.low),
        }
    }
}

/// `c[0] + c[1] x + c[2] x^2 ..`, by Horner's rule.
#[inline(always)]
pub(crate) fn polynomial<F: Float>(x: F, coefficients: &[f64]) -> F {
    let mut sum = F::lit(0.0);
    for (index, &coefficient) in coefficients.iter().rev().enumerate() {
        sum = if index == 0 { F::lit(coefficient) } else { sum * x + F::lit(coefficient) };
    }
    sum
}

/// The polynomial with as many coefficients as the lane's precision needs.
#[inline(always)]
pub(crate) fn series<F: Float>(x: F, coefficients: &[f64], single: usize) -> F {
    if F::MANTISSA < 52 {
        polynomial(x, &coefficients[..single])
    } else {
        polynomial(x, coefficients)
    }
}

/// `2^exponent`, for an exponent that is normal.
#[inline(always)]
pub(crate) fn power_of_two<F: Float>(exponent: F::Int) -> F {
    let biased = exponent.add(F::Int::lit(F::BIAS));
    F::from_bits(biased.shl(F::Int::lit(i64::from(F::MANTISSA))))
}

/// `a * 2^exponent`, for exponents of up to twice the normal range; rounds once more if subnormal.
#[inline(always)]
pub(crate) fn scale<F: Float>(a: F, exponent: F::Int) -> F {
    let half = exponent.shr(F::Int::lit(1));
    a * power_of_two(half) * power_of_two(exponent.sub(half))
}
