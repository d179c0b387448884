//! Several numbers in turn.
//!
//! A long function is a chain: each of its steps waits for the one before, and a processor that could begin two
//! of them at once has nothing to begin. It looks ahead for the next number's steps, but not as far as a chain is
//! long. So a function may be computed of [`Two`], of [`Four`] numbers: each step of all of them, before the next
//! step of any.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::algebra::{Float, Int, Mask};

/// Two values, each of which is what it would be alone.
#[derive(Clone, Copy)]
pub(crate) struct Two<T>(pub(crate) T, pub(crate) T);

/// Four of them.
pub(crate) type Four<T> = Two<Two<T>>;

/// Methods of two values, as those of both halves.
macro_rules! each {
    ($($method:ident)*) => {$(
        #[inline(always)]
        fn $method(self, other: Self) -> Self {
            Self(self.0.$method(other.0), self.1.$method(other.1))
        }
    )*};
    (alone: $($method:ident)*) => {$(
        #[inline(always)]
        fn $method(self) -> Self {
            Self(self.0.$method(), self.1.$method())
        }
    )*};
    (mask: $($method:ident)*) => {$(
        #[inline(always)]
        fn $method(self, other: Self) -> Self::Mask {
            Two(self.0.$method(other.0), self.1.$method(other.1))
        }
    )*};
    (select $mask:ty) => {
        #[inline(always)]
        fn select(mask: $mask, then: Self, otherwise: Self) -> Self {
            Self(T::select(mask.0, then.0, otherwise.0), T::select(mask.1, then.1, otherwise.1))
        }
    };
}

/// An operator.
macro_rules! operator {
    ($($trait:ident $method:ident)*) => {$(
        impl<T: $trait<Output = T>> $trait for Two<T> {
            type Output = Self;
            each!($method);
        }
    )*};
}

operator!(Add add Sub sub Mul mul Div div);

impl<T: Neg<Output = T>> Neg for Two<T> {
    type Output = Self;
    each!(alone: neg);
}

impl<T: Mask> Mask for Two<T> {
    each!(and or xor);
    each!(alone: not);
}

impl<T: Int> Int for Two<T> {
    type Mask = Two<T::Mask>;

    const BITS: u32 = T::BITS;

    #[inline(always)]
    fn lit(value: i64) -> Self {
        Self(T::lit(value), T::lit(value))
    }
    each!(add sub mul div rem and or xor shl shr shr_logical);
    each!(alone: neg not);
    each!(mask: eq ne lt le lt_unsigned);
    each!(select Self::Mask);
}

impl<T: Float> Float for Two<T> {
    type Mask = Two<T::Mask>;
    type Int = Two<T::Int>;

    const MANTISSA: u32 = T::MANTISSA;
    const BIAS: i64 = T::BIAS;
    const IS_NEAR: bool = T::IS_NEAR;

    #[inline(always)]
    fn lit(value: f64) -> Self {
        Self(T::lit(value), T::lit(value))
    }
    #[inline(always)]
    fn from_bits(bits: Self::Int) -> Self {
        Self(T::from_bits(bits.0), T::from_bits(bits.1))
    }
    #[inline(always)]
    fn to_bits(self) -> Self::Int {
        Two(self.0.to_bits(), self.1.to_bits())
    }
    #[inline(always)]
    fn from_int(value: Self::Int) -> Self {
        Self(T::from_int(value.0), T::from_int(value.1))
    }
    each!(fmod);
    each!(alone: sqrt step);
    each!(mask: eq lt le);
    each!(select Self::Mask);
}
