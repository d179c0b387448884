//! Numbers in two parts, of which the first has half as many bits as fit: the product of two such is exact.
//!
//! Of fewer operations than those of [`pair`](super::pair), for what is multiplied more than added. Relative
//! errors are a few units of 2^-3p/2, for p bits of the lane.

use super::algebra::Float;
use super::pair::upper;

/// `high + low`, with `high` of half as many bits as fit.
#[derive(Clone, Copy)]
pub(super) struct Halves<F> {
    pub(super) high: F,
    pub(super) low: F,
}

impl<F: Float> Halves<F> {
    #[inline(always)]
    pub(super) fn split(a: F) -> Self {
        let high = upper(a);
        Self { high, low: a - high }
    }

    /// The sum of two numbers, `a` the larger.
    #[inline(always)]
    pub(super) fn sum(a: F, b: F) -> Self {
        Self::sum_near(a + b, a, b)
    }

    /// The same, with the upper part of a number near it.
    #[inline(always)]
    pub(super) fn sum_near(near: F, a: F, b: F) -> Self {
        let high = upper(near);
        Self { high, low: (a - high) + b }
    }

    /// With something small added.
    #[inline(always)]
    pub(super) fn plus(self, rest: F) -> Self {
        Self { low: self.low + rest, ..self }
    }

    #[inline(always)]
    pub(super) fn round(self) -> F {
        self.high + self.low
    }

    /// The product, as the exact one of the upper parts and the rest.
    #[inline(always)]
    pub(super) fn product(self, other: Self) -> [F; 2] {
        [self.high * other.high, self.high * other.low + self.low * other.round()]
    }

    #[inline(always)]
    pub(super) fn select(mask: F::Mask, then: Self, otherwise: Self) -> Self {
        Self {
            high: F::select(mask, then.high, otherwise.high),
            low: F::select(mask, then.low, otherwise.low),
        }
    }

    #[inline(always)]
    pub(super) fn mul(self, other: Self) -> Self {
        let [product, rest] = self.product(other);
        Self::sum(product, rest)
    }

    /// The quotient of `a + rest` by this number, whose inverse is nearly `inverse`.
    #[inline(always)]
    pub(super) fn divide(self, [a, rest]: [F; 2], inverse: F) -> Self {
        let high = upper((a + rest) * inverse);
        Self { high, low: (((a - high * self.high) - high * self.low) + rest) * inverse }
    }
}
