//! The algebra that every mathematical function is written in.
//!
//! Each method has one exactly defined result, bit for bit (NaN payloads aside), on every
//! implementation: the Rust number types here, and the WGSL symbols of `emit`.
//!
//! - `+ - * /`, `sqrt` and conversions are correctly rounded, to nearest even, subnormals included.
//! - Comparisons with NaN are false, `ne` is true.
//! - Integer arithmetic wraps. Shift counts are taken modulo the width.
//! - `select` evaluates both sides; there is no control flow.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// A truth value per lane.
pub(crate) trait Mask: Copy {
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    fn not(self) -> Self;
}

/// A signed two's complement integer per lane, as wide as [`Int::BITS`].
pub(crate) trait Int: Copy {
    type Mask: Mask;

    /// Width in bits: 32 or 64.
    const BITS: u32;

    fn lit(value: i64) -> Self;

    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn neg(self) -> Self;

    /// Quotient towards zero. By zero: the dividend, no trap. `MIN / -1` is `MIN`.
    fn div(self, other: Self) -> Self;
    /// Remainder with the sign of the dividend. By zero: 0, no trap. `MIN % -1` is 0.
    fn rem(self, other: Self) -> Self;

    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    fn not(self) -> Self;
    fn shl(self, count: Self) -> Self;
    /// Arithmetic shift: copies of the sign bit enter.
    fn shr(self, count: Self) -> Self;
    /// Logical shift: zeros enter.
    fn shr_logical(self, count: Self) -> Self;

    fn eq(self, other: Self) -> Self::Mask;
    fn ne(self, other: Self) -> Self::Mask;
    fn lt(self, other: Self) -> Self::Mask;
    fn le(self, other: Self) -> Self::Mask;
    /// Comparison as unsigned numbers.
    fn lt_unsigned(self, other: Self) -> Self::Mask;

    fn gt(self, other: Self) -> Self::Mask {
        other.lt(self)
    }
    fn ge(self, other: Self) -> Self::Mask {
        other.le(self)
    }

    /// `mask ? self : other`.
    fn select(mask: Self::Mask, then: Self, otherwise: Self) -> Self;

    /// 1 where the mask is true, else 0.
    fn from_mask(mask: Self::Mask) -> Self {
        Self::select(mask, Self::lit(1), Self::lit(0))
    }
}

/// An IEEE 754 number per lane: binary32 or binary64.
pub(crate) trait Float:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    type Mask: Mask;
    /// The integer of the same width.
    type Int: Int<Mask = Self::Mask>;

    /// Bits of the significand that are stored: 23 or 52.
    const MANTISSA: u32;
    /// Bias of the exponent: 127 or 1023.
    const BIAS: i64;
    /// Whether angles of the type are near zero, see [`Near`](super::fmod::Near).
    const IS_NEAR: bool = false;

    /// The number nearest to `value`.
    fn lit(value: f64) -> Self;
    fn from_bits(bits: Self::Int) -> Self;
    fn to_bits(self) -> Self::Int;

    fn sqrt(self) -> Self;

    /// The remainder of the division truncated: exact, with the sign of `self`. NaN where `self` is
    /// infinite or `other` zero. A primitive, as its loop is longer than any branch-free form bears.
    fn fmod(self, other: Self) -> Self;

    fn eq(self, other: Self) -> Self::Mask;
    fn lt(self, other: Self) -> Self::Mask;
    fn le(self, other: Self) -> Self::Mask;
    fn gt(self, other: Self) -> Self::Mask {
        other.lt(self)
    }
    fn ge(self, other: Self) -> Self::Mask {
        other.le(self)
    }
    fn ne(self, other: Self) -> Self::Mask {
        self.eq(other).not()
    }

    /// `mask ? then : otherwise`, bits untouched.
    fn select(mask: Self::Mask, then: Self, otherwise: Self) -> Self;

    /// The number nearest to the integer.
    fn from_int(value: Self::Int) -> Self;

    /// The value rounded to the dtype a stepwise operation works in, see Note [Stepwise halves] in
    /// `ops`: the identity but for float16 and bfloat16.
    fn step(self) -> Self {
        self
    }

    fn abs(self) -> Self {
        let low = Self::Int::lit(1).shl(Self::Int::lit(i64::from(Self::Int::BITS) - 1)).not();
        Self::from_bits(self.to_bits().and(low))
    }

    /// Whether the sign bit is set, also of zeros and NaN.
    fn is_sign_negative(self) -> Self::Mask {
        self.to_bits().lt(Self::Int::lit(0))
    }

    fn is_nan(self) -> Self::Mask {
        self.abs().to_bits().gt(Self::infinity_bits())
    }

    fn is_infinite(self) -> Self::Mask {
        self.abs().to_bits().eq(Self::infinity_bits())
    }

    fn is_finite(self) -> Self::Mask {
        self.abs().to_bits().lt(Self::infinity_bits())
    }

    /// The magnitude of `self` with the sign of `sign`.
    fn copysign(self, sign: Self) -> Self {
        let high = Self::Int::lit(1).shl(Self::Int::lit(i64::from(Self::Int::BITS) - 1));
        Self::from_bits(self.abs().to_bits().or(sign.to_bits().and(high)))
    }

    fn infinity_bits() -> Self::Int {
        let exponent = 2 * Self::BIAS + 1;
        Self::Int::lit(exponent).shl(Self::Int::lit(i64::from(Self::MANTISSA)))
    }

    fn infinity() -> Self {
        Self::from_bits(Self::infinity_bits())
    }

    fn nan() -> Self {
        let quiet = Self::Int::lit(1).shl(Self::Int::lit(i64::from(Self::MANTISSA) - 1));
        Self::from_bits(Self::infinity_bits().or(quiet))
    }
}

impl Mask for bool {
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self & other
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        self | other
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        self ^ other
    }
    #[inline(always)]
    fn not(self) -> Self {
        !self
    }
}

macro_rules! int_lane {
    ($int:ident, $uint:ident, $divide:path) => {
        impl Int for $int {
            type Mask = bool;

            const BITS: u32 = $int::BITS;

            #[inline(always)]
            fn lit(value: i64) -> Self {
                value as Self
            }
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            #[inline(always)]
            fn neg(self) -> Self {
                self.wrapping_neg()
            }
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                if other == 0 { self } else { $divide(self, other) }
            }
            #[inline(always)]
            fn rem(self, other: Self) -> Self {
                let rest = self.wrapping_sub($divide(self, other).wrapping_mul(other));
                if other == 0 { 0 } else { rest }
            }
            #[inline(always)]
            fn and(self, other: Self) -> Self {
                self & other
            }
            #[inline(always)]
            fn or(self, other: Self) -> Self {
                self | other
            }
            #[inline(always)]
            fn xor(self, other: Self) -> Self {
                self ^ other
            }
            #[inline(always)]
            fn not(self) -> Self {
                !self
            }
            #[inline(always)]
            fn shl(self, count: Self) -> Self {
                self.wrapping_shl(count as u32)
            }
            #[inline(always)]
            fn shr(self, count: Self) -> Self {
                self.wrapping_shr(count as u32)
            }
            #[inline(always)]
            fn shr_logical(self, count: Self) -> Self {
                (self as $uint).wrapping_shr(count as u32) as Self
            }
            #[inline(always)]
            fn eq(self, other: Self) -> bool {
                self == other
            }
            #[inline(always)]
            fn ne(self, other: Self) -> bool {
                self != other
            }
            #[inline(always)]
            fn lt(self, other: Self) -> bool {
                self < other
            }
            #[inline(always)]
            fn le(self, other: Self) -> bool {
                self <= other
            }
            #[inline(always)]
            fn lt_unsigned(self, other: Self) -> bool {
                (self as $uint) < (other as $uint)
            }
            #[inline(always)]
            fn select(mask: bool, then: Self, otherwise: Self) -> Self {
                if mask { then } else { otherwise }
            }
        }
    };
}

int_lane!(i32, u32, divide_i32);
int_lane!(i64, u64, divide_i64);

/// `a / b` towards zero, wrapped; anything by zero.
///
/// In doubles, which vectors divide. Their quotient rounded to the nearest whole number is that of `a / b` or the
/// next one, away from zero, which the sign of what is left tells.
#[inline(always)]
fn divide_i32(a: i32, b: i32) -> i32 {
    /// Adding it leaves the nearest whole number in the lower bits.
    const WHOLE: f64 = (3_u64 << 51) as f64;
    let nearest = (f64::from(a) / f64::from(b) + WHOLE).to_bits() as i32;
    let rest = a.wrapping_sub(nearest.wrapping_mul(b));
    let beyond = rest != 0 && (rest ^ a) < 0;
    let step = if (a ^ b) < 0 { 1 } else { -1 };
    nearest.wrapping_add(if beyond { step } else { 0 })
}

#[inline(always)]
fn divide_i64(a: i64, b: i64) -> i64 {
    a.wrapping_div(if b == 0 { 1 } else { b })
}

/// The number nearest to the integer. In steps that vectors have, as not all have a conversion of 64 bits:
/// both halves as digits of a number, exactly, and one sum.
#[inline(always)]
fn double_of(value: i64) -> f64 {
    /// The bits of `2^52` and of `2^84`, whose last places are 1 and `2^32`.
    const LOW: u64 = 0x4330_0000_0000_0000;
    const HIGH: u64 = 0x4530_0000_0000_0000;
    /// Makes an upper half unsigned.
    const BIAS: u64 = 1 << 31;
    let bits = value as u64;
    let low = f64::from_bits(LOW | bits & 0xffff_ffff);
    let high = f64::from_bits(HIGH | (bits >> 32 ^ BIAS));
    (high - f64::from_bits(HIGH | BIAS | 1 << 20)) + low
}

macro_rules! float_lane {
    ($float:ident, $int:ident, $uint:ident, $mantissa:expr, $of_int:expr) => {
        impl Float for $float {
            type Mask = bool;
            type Int = $int;

            const MANTISSA: u32 = $mantissa;
            const BIAS: i64 = $float::MAX_EXP as i64 - 1;

            #[inline(always)]
            fn lit(value: f64) -> Self {
                value as Self
            }
            #[inline(always)]
            fn from_bits(bits: $int) -> Self {
                $float::from_bits(bits as $uint)
            }
            #[inline(always)]
            fn to_bits(self) -> $int {
                $float::to_bits(self) as $int
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                $float::sqrt(self)
            }
            #[inline(always)]
            fn fmod(self, other: Self) -> Self {
                self % other
            }
            #[inline(always)]
            fn eq(self, other: Self) -> bool {
                self == other
            }
            #[inline(always)]
            fn lt(self, other: Self) -> bool {
                self < other
            }
            #[inline(always)]
            fn le(self, other: Self) -> bool {
                self <= other
            }
            #[inline(always)]
            fn select(mask: bool, then: Self, otherwise: Self) -> Self {
                if mask { then } else { otherwise }
            }
            #[inline(always)]
            fn from_int(value: $int) -> Self {
                $of_int(value)
            }
        }
    };
}

float_lane!(f32, i32, u32, 23, |value| value as f32);
float_lane!(f64, i64, u64, 52, double_of);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_integers_divide_as_rust_says() {
        let mut bits = 1_u64;
        let mut random = || {
            bits = bits.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            // Of all lengths.
            (bits >> 32) as i32 >> (bits >> 27 & 31)
        };
        let mut numbers: Vec<i32> = (0..2000).map(|_| random()).collect();
        numbers.extend([0, 1, -1, 2, -2, 3, 7, i32::MIN, i32::MIN + 1, i32::MAX, i32::MAX - 1]);
        for &a in &numbers {
            for &b in &numbers {
                // Near a multiple too, where rounding would show.
                for a in [a, a.wrapping_mul(b), a.wrapping_mul(b).wrapping_sub(1)] {
                    let by = if b == 0 { 1 } else { b };
                    let expected = (a.wrapping_div(by), a.wrapping_rem(by));
                    assert_eq!((Int::div(a, b), Int::rem(a, b)), expected, "{a} by {b}");
                }
            }
        }
    }

    #[test]
    fn long_integers_become_the_doubles_of_rust() {
        let mut bits = 1_u64;
        for _ in 0..100_000 {
            bits = bits.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            // Of all lengths, and half way between two doubles.
            let value = bits as i64 >> (bits >> 27 & 63);
            for value in [value, value | 1 << 10, i64::MIN, i64::MAX, 0, (1 << 53) + 1] {
                let [got, expected] = [f64::from_int(value), value as f64].map(f64::to_bits);
                assert_eq!(got, expected, "{value}");
            }
        }
    }
}
