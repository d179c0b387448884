//! The remainder of a division truncated, exact, for the machine's numbers.
//!
//! The C library divides digit by digit, an operand after the other. [`Near`] does so for many at once,
//! of all but the most unequal operands.
//!
//! Source: none; it follows from what is representable. With `x = |a|`, `y = |b|` and `n` the whole number
//! nearest to `x / y`, or the next one if the quotient's rounding decided, `x - n * y` is a multiple of
//! the last digit of `y` and not much more than `y / 2`: it is a number, and found where `n * y` is one or
//! the sum of two.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::algebra::Float;

/// A number whose [`Float::fmod`] is that of operands near each other, or else NaN: what is computed of it
/// without a NaN is what is computed of `F`. Angles are [near](super::trig::is_near) zero, as
/// whoever computes of them sees to; nothing takes both a remainder and an angle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Near<F>(pub(crate) F);

/// A number that has a quick remainder.
pub(crate) trait NearFmod: Float {
    /// `a % b`, or NaN.
    fn near_fmod(self, b: Self) -> Self;
}

/// Adding it and taking it away rounds a number below to the nearest whole one.
const WHOLE: f64 = (1u64 << 52) as f64;

impl NearFmod for f32 {
    #[inline(always)]
    fn near_fmod(self, b: Self) -> Self {
        // 29 bits times 24 are 53.
        const MOST: f64 = (1u64 << 29) as f64;
        let [x, y] = [self, b].map(|number| f64::from(number.abs()));
        let quotient = x / y;
        let nearest = (quotient + WHOLE) - WHOLE;
        let rest = x - nearest * y;
        let rest = if rest < 0.0 { rest + y } else { rest };
        let rest = if quotient < MOST { rest } else { f64::NAN };
        (rest as f32).copysign(self)
    }
}

impl NearFmod for f64 {
    #[inline(always)]
    fn near_fmod(self, b: Self) -> Self {
        // 25 bits times the upper 28 of the divisor are 53. Times the lower 25 they are 50, so that what is
        // left after the first product is less than three quarters of `y`, in digits of `y`: 53 bits.
        const BITS: u32 = 25;
        const MOST: f64 = (1u64 << BITS) as f64;
        let [x, y] = [self.abs(), b.abs()];
        let quotient = x / y;
        let nearest = (quotient + WHOLE) - WHOLE;
        let upper = f64::from_bits(y.to_bits() >> BITS << BITS);
        let rest = (x - nearest * upper) - nearest * (y - upper);
        let rest = if rest < 0.0 { rest + y } else { rest };
        // Of larger operands the products overflow.
        let near = quotient < MOST && x < f64::MAX / 2.0;
        (if near { rest } else { f64::NAN }).copysign(self)
    }
}

macro_rules! forward {
    ($($trait:ident $method:ident)*) => {$(
        impl<F: Float> $trait for Near<F> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self(self.0.$method(other.0))
            }
        }
    )*};
}

forward!(Add add Sub sub Mul mul Div div);

impl<F: Float> Neg for Near<F> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl<F: NearFmod> Float for Near<F> {
    type Mask = F::Mask;
    type Int = F::Int;

    const MANTISSA: u32 = F::MANTISSA;
    const BIAS: i64 = F::BIAS;
    const IS_NEAR: bool = true;

    #[inline(always)]
    fn lit(value: f64) -> Self {
        Self(F::lit(value))
    }
    #[inline(always)]
    fn from_bits(bits: F::Int) -> Self {
        Self(F::from_bits(bits))
    }
    #[inline(always)]
    fn to_bits(self) -> F::Int {
        self.0.to_bits()
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(self.0.sqrt())
    }
    #[inline(always)]
    fn fmod(self, other: Self) -> Self {
        Self(self.0.near_fmod(other.0))
    }
    #[inline(always)]
    fn eq(self, other: Self) -> F::Mask {
        self.0.eq(other.0)
    }
    #[inline(always)]
    fn lt(self, other: Self) -> F::Mask {
        self.0.lt(other.0)
    }
    #[inline(always)]
    fn le(self, other: Self) -> F::Mask {
        self.0.le(other.0)
    }
    #[inline(always)]
    fn select(mask: F::Mask, then: Self, otherwise: Self) -> Self {
        Self(F::select(mask, then.0, otherwise.0))
    }
    #[inline(always)]
    fn from_int(value: F::Int) -> Self {
        Self(F::from_int(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::arithmetic;
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    /// Numbers of all kinds, many of them near each other or near a multiple of each other.
    fn pairs() -> Vec<(f64, f64)> {
        let mut random = StdRng::seed_from_u64(5);
        let special =
            [0.0, -0.0, 1.0, -3.0, f64::MAX, f64::MIN_POSITIVE, 5e-324, f64::INFINITY, f64::NAN];
        let mut pairs: Vec<_> =
            special.iter().flat_map(|&a| special.iter().map(move |&b| (a, b))).collect();
        for _ in 0..200_000 {
            let b = f64::from_bits(random.random());
            let scale = random.random_range(-3.0..40.0f64).exp2();
            pairs.push((f64::from_bits(random.random()), b));
            pairs.push((b * scale, b));
            let near = (b * scale.round()).to_bits();
            for ulps in 0..3 {
                pairs.push((f64::from_bits(near.wrapping_add(ulps).wrapping_sub(1)), b));
            }
        }
        pairs
    }

    /// Compares the three functions that take remainders with what they are without [`Near`]; returns how
    /// many remainders were quick.
    fn compare<F: NearFmod<Mask = bool> + std::fmt::LowerExp>(pairs: &[(F, F)]) -> usize
    where
        <F as Float>::Int: PartialEq,
    {
        let mut quick = 0;
        for &(a, b) in pairs {
            let (x, y) = (Near(a), Near(b));
            for (got, expected) in [
                (arithmetic::fmod(x, y), arithmetic::fmod(a, b)),
                (arithmetic::remainder(x, y), arithmetic::remainder(a, b)),
                (arithmetic::div_floor(x, y), arithmetic::div_floor(a, b)),
            ] {
                let slow = got.0.is_nan();
                assert!(slow || got.to_bits() == expected.to_bits(), "of {a:e} and {b:e}");
            }
            quick += usize::from(!x.fmod(y).0.is_nan());
        }
        quick
    }

    #[test]
    fn quick_remainders_are_those_of_the_c_library() {
        let pairs = pairs();
        let quick = compare(&pairs);
        assert!(quick > pairs.len() / 3, "{quick} of {}", pairs.len());
    }

    #[test]
    fn quick_single_remainders_are_those_of_the_c_library() {
        // Of doubles and of bits: the first have few at the ends of the range.
        let bits = |number: f64| f32::from_bits((number.to_bits() >> 32) as u32);
        let pairs: Vec<_> = pairs()
            .into_iter()
            .flat_map(|(a, b)| [(a as f32, b as f32), (bits(a), bits(b))])
            .collect();
        let quick = compare(&pairs);
        assert!(quick > pairs.len() / 5, "{quick} of {}", pairs.len());
    }

    #[test]
    fn near_operands_are_quick() {
        for (a, b) in
            [(0.0, 1.0), (1.0, 3.0), (1e7, 0.5), (-7.5, 2.0), (6e-45, 3e-45), (1e38, 1e37)]
        {
            assert_eq!((a as f32).near_fmod(b as f32), a as f32 % b as f32);
            assert_eq!(a.near_fmod(b), a % b);
        }
    }
}
