//! Integers short enough for a float of their width to hold them and their quotients' neighbours.
//!
//! Vectors divide floats and no integers. Source: none; it follows from what is representable. Of operands below
//! `2^(MANTISSA - 1)` the quotient, rounded, is off by an eighth at most, so that the whole number nearest to it
//! is the quotient towards zero or the next one, away from zero; its product with the divisor is a number, and
//! the sign of what is left tells which.

use super::algebra::{Float, Int};

/// An integer of magnitude below `2^(MANTISSA - 1)` of the float of its width; what is computed of such may be
/// longer, if it is not divided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Short<I>(pub(crate) I);

/// An integer with a float of its width.
pub(crate) trait Wide: Int<Mask = bool> {
    type Float: Float<Mask = bool, Int = Self>;
}

impl Wide for i32 {
    type Float = f32;
}

impl Wide for i64 {
    type Float = f64;
}

/// Adding it to a whole number leaves that in the last bits.
#[inline(always)]
fn magic<F: Float>() -> F {
    F::lit(1.5 * (1i64 << F::MANTISSA) as f64)
}

/// Whether the integer may be a [`Short`].
#[inline(always)]
pub(crate) fn is_short<I: Wide>(a: I) -> bool {
    let most = 1i64 << (I::Float::MANTISSA - 1);
    a.add(I::lit(most - 1)).lt_unsigned(I::lit(2 * most - 1))
}

#[inline(always)]
fn float_of<I: Wide>(a: I) -> I::Float {
    let magic = magic::<I::Float>();
    I::Float::from_bits(magic.to_bits().add(a)) - magic
}

#[inline(always)]
fn int_of<I: Wide>(a: I::Float) -> I {
    let magic = magic::<I::Float>();
    (a + magic).to_bits().sub(magic.to_bits())
}

/// Quotient towards zero and remainder; of a division by zero, anything.
#[inline(always)]
fn divide<I: Wide>(a: I, b: I) -> (I, I) {
    let (x, y, zero, magic) = (float_of(a), float_of(b), I::Float::lit(0.0), magic::<I::Float>());
    let nearest = (x / y + magic) - magic;
    let rest = x - nearest * y;
    // The nearest number is beyond the quotient, and not 0.
    let is_beyond = (rest * x).lt(zero);
    let step = I::Float::select(is_beyond, I::Float::lit(1.0).copysign(nearest), zero);
    let back = I::Float::select(is_beyond, y.copysign(x), zero);
    (int_of(nearest - step), int_of(rest + back))
}

/// Methods of two integers, as those of what is inside.
macro_rules! forward {
    (Self: $($method:ident)*) => {$(
        #[inline(always)]
        fn $method(self, other: Self) -> Self {
            Self(self.0.$method(other.0))
        }
    )*};
    (bool: $($method:ident)*) => {$(
        #[inline(always)]
        fn $method(self, other: Self) -> bool {
            self.0.$method(other.0)
        }
    )*};
}

impl<I: Wide> Int for Short<I> {
    type Mask = bool;

    const BITS: u32 = I::BITS;

    #[inline(always)]
    fn lit(value: i64) -> Self {
        Self(I::lit(value))
    }
    #[inline(always)]
    fn neg(self) -> Self {
        Self(self.0.neg())
    }
    #[inline(always)]
    fn not(self) -> Self {
        Self(self.0.not())
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let (quotient, _) = divide(self.0, other.0);
        Self(I::select(other.0.eq(I::lit(0)), self.0, quotient))
    }
    #[inline(always)]
    fn rem(self, other: Self) -> Self {
        let (_, rest) = divide(self.0, other.0);
        let zero = I::lit(0);
        Self(I::select(other.0.eq(zero), zero, rest))
    }
    #[inline(always)]
    fn select(mask: bool, then: Self, otherwise: Self) -> Self {
        Self(I::select(mask, then.0, otherwise.0))
    }
    forward!(Self: add sub mul and or xor shl shr shr_logical);
    forward!(bool: eq ne lt le lt_unsigned);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::arithmetic::{int_div_floor, int_div_trunc, int_fmod, int_remainder};

    /// Compares what divides with what it is without [`Short`].
    fn compare<I: Wide + PartialEq + std::fmt::Debug>(numbers: &[i64]) {
        let mut pairs = 0;
        for &b in numbers {
            for &number in numbers {
                // Near a multiple too, where rounding would show.
                let multiple = number.wrapping_mul(b);
                for a in [number, multiple, multiple.wrapping_sub(1), multiple.wrapping_add(1)] {
                    let (x, y) = (I::lit(a), I::lit(b));
                    if !is_short(x) || !is_short(y) {
                        continue;
                    }
                    pairs += 1;
                    let (short, by) = (Short(x), Short(y));
                    for (got, expected) in [
                        (int_div_trunc(short, by), int_div_trunc(x, y)),
                        (int_div_floor(short, by), int_div_floor(x, y)),
                        (int_fmod(short, by), int_fmod(x, y)),
                        (int_remainder(short, by), int_remainder(x, y)),
                    ] {
                        assert_eq!(got.0, expected, "{a} by {b}");
                    }
                }
            }
        }
        assert!(pairs > numbers.len().pow(2), "{pairs}");
    }

    /// Numbers of all lengths up to this many bits, and the ends.
    fn numbers(length: u32) -> Vec<i64> {
        let mut bits = 1_u64;
        let mut random = || {
            bits = bits.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            bits as i64 >> (64 - length - 1) >> ((bits >> 5) % u64::from(length))
        };
        let mut numbers: Vec<i64> = (0..1000).map(|_| random()).collect();
        let most = (1 << length) - 1;
        numbers.extend([0, 1, -1, 2, -2, 3, -3, 7, most, -most, most - 1, 1 - most, most / 2]);
        numbers
    }

    #[test]
    fn short_integers_divide_as_all_do() {
        compare::<i32>(&numbers(22));
        compare::<i64>(&numbers(51));
    }

    #[test]
    fn short_integers_end_where_floats_would_round() {
        let (single, double) = (1 << 22, 1_i64 << 51);
        for (number, expected) in
            [(0, true), (single - 1, true), (single, false), (i32::MAX, false)]
        {
            assert_eq!((is_short(number), is_short(-number)), (expected, expected), "{number}");
        }
        for (number, expected) in [(0, true), (double - 1, true), (double, false)] {
            assert_eq!((is_short(number), is_short(-number)), (expected, expected), "{number}");
        }
        assert!(!is_short(i32::MIN) && !is_short(i64::MIN) && !is_short(i64::MAX));
    }
}
