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

    /// The exact sum where `a` is zero or its exponent at least that of `b`, or the sum is a number.
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

    /// The same sum as [`add`](Self::add), where this is zero or its exponent at least that of `other`, or the
    /// sum of both upper parts is a number.
    #[inline(always)]
    pub(super) fn ordered_add(self, other: Self) -> Self {
        let high = Self::ordered_sum(self.high, other.high);
        let low = Self::sum(self.low, other.low);
        let first = Self::ordered_sum(high.high, high.low + low.high);
        Self::ordered_sum(first.high, first.low + low.low)
    }

    /// The sum, where this is zero or its exponent at least that of `other`; of the lower parts, what a single
    /// number holds.
    #[inline(always)]
    pub(super) fn ordered_add_nearly(self, other: Self) -> Self {
        let high = Self::ordered_sum(self.high, other.high);
        Self { high: high.high, low: high.low + (self.low + other.low) }
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

    /// The same sum as [`add_single`](Self::add_single), where the number is zero or its exponent at least that
    /// of this, or the sum of it and the upper part is a number.
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

/// Coefficients of a polynomial from which on two sums are quicker than one: a processor begins a step while
/// the one before is on its way, if it need not wait for it.
const TWO_SUMS: usize = 8;

/// `c[0] + c[1] x + c[2] x^2 ..`, by Horner's rule; of many float64 coefficients, those of even powers apart from
/// those of odd ones.
#[inline(always)]
pub(crate) fn polynomial<F: Float>(x: F, coefficients: &[f64]) -> F {
    if F::MANTISSA < 52 || coefficients.len() < TWO_SUMS {
        let mut sum = F::lit(0.0);
        for (index, &coefficient) in coefficients.iter().rev().enumerate() {
            sum = if index == 0 { F::lit(coefficient) } else { sum * x + F::lit(coefficient) };
        }
        return sum;
    }
    let square = x * x;
    let last = coefficients.len() - 1;
    let [mut first, mut second] = [F::lit(coefficients[last]), F::lit(coefficients[last - 1])];
    for (index, &coefficient) in coefficients[..last - 1].iter().rev().enumerate() {
        if index % 2 == 0 {
            first = first * square + F::lit(coefficient);
        } else {
            second = second * square + F::lit(coefficient);
        }
    }
    if last.is_multiple_of(2) { first + x * second } else { second + x * first }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares the short forms with the long ones, for so many pairs of numbers.
    fn compare<F: Float<Mask = bool> + Into<f64>>(count: usize, mut next: impl FnMut() -> F) {
        let bits = |pair: Pair<F>| [pair.high, pair.low].map(|part| part.into().to_bits());
        let mut pair = || Pair::ordered_sum(next(), next() * power_of_two(F::Int::lit(-60)));
        for number in 0..count {
            let (mut a, mut b) = (pair(), pair());
            if a.high.abs().lt(b.high.abs()) {
                (a, b) = (b, a);
            }
            if number % 3 == 0 {
                // Of nearly the same size, whichever is the greater, so that the difference is a number.
                (a, b) = (b, Pair { high: -b.high * F::lit(1.75), low: a.low });
            }
            let zero = Pair::new(F::lit(0.0));
            for (a, b) in [(a, b), (zero, b), (a, zero)] {
                assert_eq!(bits(a.ordered_add(b)), bits(a.add(b)), "{number}");
                assert_eq!(bits(a.ordered_add_single(b.high)), bits(a.add_single(b.high)));
                assert_eq!(bits(b.add_to(a.high)), bits(b.add_single(a.high)), "{number}");
            }
            let few = upper(b.high);
            assert_eq!(bits(Pair::product_by_few(a.high, few)), bits(Pair::product(a.high, few)));
            assert_eq!(bits(a.mul_by_few(few)), bits(a.mul_single(few)), "{number}");
        }
    }

    #[test]
    fn short_forms_have_the_bits_of_the_long_ones() {
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            state
        };
        // Some fifty powers of two, both signs.
        let exponent = |word: u64, bias: u64| bias - 25 + (word >> 7) % 50;
        compare::<f64>(100_000, || {
            let word = random();
            f64::from_bits(word >> 12 | word << 63 | exponent(word, 1023) << 52)
        });
        compare::<f32>(100_000, || {
            let word = random();
            f32::from_bits(
                (word >> 41) as u32 | (word as u32) << 31 | (exponent(word, 127) as u32) << 23,
            )
        });
    }
}
