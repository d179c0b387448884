//! float16 and bfloat16: rounding to them, their stored forms, and arithmetic that rounds in steps.
//!
//! All by integer code, or float additions that round the same way, without branches, so that the
//! loops over tiles vectorise and the bits are those of `shaders/algebra_i32_f32.wgsl`.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::algebra::Float;

/// The float16 nearest to `value`, ties to even, as a float32.
#[inline(always)]
pub(crate) fn round_to_f16(value: f32) -> f32 {
    let bits = value.to_bits();
    let sign = bits & 0x8000_0000;
    let magnitude = bits & 0x7fff_ffff;
    // Below 2^-14 the spacing is 2^-24, which is that of float32 at 1/2.
    let subnormal = ((f32::from_bits(magnitude) + 0.5) - 0.5).to_bits();
    let normal = magnitude.wrapping_add(0xfff + ((magnitude >> 13) & 1)) & !0x1fff;
    let number = if magnitude < 0x3880_0000 { subnormal } else { normal };
    let number = if number >= 0x4780_0000 { 0x7f80_0000 } else { number };
    let number = if magnitude > 0x7f80_0000 { 0x7fc0_0000 } else { number };
    f32::from_bits(sign | number)
}

/// The bfloat16 nearest to `value`, ties to even, as a float32.
#[inline(always)]
pub(crate) fn round_to_bf16(value: f32) -> f32 {
    bf16_bits_to_f32(f32_to_bf16_bits(value))
}

/// The stored form of the float16 nearest to `value`.
#[inline(always)]
pub(crate) fn f32_to_f16_bits(value: f32) -> u16 {
    let bits = round_to_f16(value).to_bits();
    let magnitude = bits & 0x7fff_ffff;
    // A subnormal is a multiple of 2^-24: its bits are those below 1/2 in magnitude + 1/2.
    let subnormal = (f32::from_bits(magnitude) + 0.5).to_bits().wrapping_sub(0x3f00_0000);
    let normal = magnitude.wrapping_sub(0x3800_0000) >> 13;
    let number = if magnitude < 0x3880_0000 { subnormal } else { normal };
    let number = if magnitude >= 0x7f80_0000 { (magnitude >> 13) & 0x7e00 } else { number };
    ((bits >> 16) & 0x8000 | number) as u16
}

/// The value of a stored float16.
#[inline(always)]
pub(crate) fn f16_bits_to_f32(bits: u16) -> f32 {
    let bits = u32::from(bits);
    let sign = (bits & 0x8000) << 16;
    let magnitude = bits & 0x7fff;
    let normal = (magnitude << 13).wrapping_add(0x3800_0000);
    let subnormal = (f32::from_bits(0x3f00_0000 + magnitude) - 0.5).to_bits();
    let number = if magnitude < 0x400 { subnormal } else { normal };
    let number = if magnitude >= 0x7c00 { 0x7f80_0000 | (magnitude << 13) } else { number };
    f32::from_bits(sign | number)
}

/// The stored form of the bfloat16 nearest to `value`.
#[inline(always)]
pub(crate) fn f32_to_bf16_bits(value: f32) -> u16 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
    let quiet = (bits >> 16) | 0x40;
    let nan = bits & 0x7fff_ffff > 0x7f80_0000;
    (if nan { quiet } else { rounded }) as u16
}

/// The value of a stored bfloat16.
#[inline(always)]
pub(crate) fn bf16_bits_to_f32(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

macro_rules! stepwise {
    ($(#[$doc:meta])* $name:ident, $round:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $name(pub(crate) f32);

        impl Add for $name {
            type Output = Self;
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }
        impl Sub for $name {
            type Output = Self;
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }
        impl Mul for $name {
            type Output = Self;
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                Self(self.0 * other.0)
            }
        }
        impl Div for $name {
            type Output = Self;
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                Self(self.0 / other.0)
            }
        }
        impl Neg for $name {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                Self(-self.0)
            }
        }

        impl Float for $name {
            type Mask = bool;
            type Int = i32;

            const MANTISSA: u32 = <f32 as Float>::MANTISSA;
            const BIAS: i64 = <f32 as Float>::BIAS;

            #[inline(always)]
            fn lit(value: f64) -> Self {
                Self(<f32 as Float>::lit(value))
            }
            #[inline(always)]
            fn from_bits(bits: i32) -> Self {
                Self(<f32 as Float>::from_bits(bits))
            }
            #[inline(always)]
            fn to_bits(self) -> i32 {
                Float::to_bits(self.0)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                Self(Float::sqrt(self.0))
            }
            #[inline(always)]
            fn fmod(self, other: Self) -> Self {
                Self(Float::fmod(self.0, other.0))
            }
            #[inline(always)]
            fn eq(self, other: Self) -> bool {
                self.0 == other.0
            }
            #[inline(always)]
            fn lt(self, other: Self) -> bool {
                self.0 < other.0
            }
            #[inline(always)]
            fn le(self, other: Self) -> bool {
                self.0 <= other.0
            }
            #[inline(always)]
            fn select(mask: bool, then: Self, otherwise: Self) -> Self {
                if mask { then } else { otherwise }
            }
            #[inline(always)]
            fn from_int(value: i32) -> Self {
                Self(Float::from_int(value))
            }
            #[inline(always)]
            fn step(self) -> Self {
                Self($round(self.0))
            }
        }
    };
}

stepwise!(
    /// A float32 lane whose [`Float::step`] rounds to float16.
    StepF16,
    round_to_f16
);
stepwise!(
    /// A float32 lane whose [`Float::step`] rounds to bfloat16.
    StepBF16,
    round_to_bf16
);

#[cfg(test)]
mod tests {
    use half::{bf16, f16};

    use super::*;

    #[track_caller]
    fn assert_rounds(value: f32) {
        let (expected, got) = (f16::from_f32(value), f32_to_f16_bits(value));
        if value.is_nan() {
            assert!(f16::from_bits(got).is_nan() && round_to_f16(value).is_nan());
            assert!(bf16::from_bits(f32_to_bf16_bits(value)).is_nan());
            return;
        }
        assert_eq!(got, expected.to_bits(), "{value:e} to float16");
        assert_eq!(round_to_f16(value).to_bits(), expected.to_f32().to_bits(), "{value:e}");
        let expected = bf16::from_f32(value);
        assert_eq!(f32_to_bf16_bits(value), expected.to_bits(), "{value:e} to bfloat16");
        assert_eq!(round_to_bf16(value).to_bits(), expected.to_f32().to_bits(), "{value:e}");
    }

    #[test]
    fn widening_every_half_matches_half() {
        for bits in 0..=u16::MAX {
            let (expected, got) = (f16::from_bits(bits).to_f32(), f16_bits_to_f32(bits));
            assert!(got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan());
            let (expected, got) = (bf16::from_bits(bits).to_f32(), bf16_bits_to_f32(bits));
            assert!(got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan());
        }
    }

    #[test]
    fn rounding_near_every_half_matches_half() {
        for bits in 0..=u16::MAX {
            let value = f16_bits_to_f32(bits).to_bits();
            // The value, both ties around it and their neighbours.
            for offset in [0, 1, 0xfff, 0x1000, 0x1001] {
                assert_rounds(f32::from_bits(value.wrapping_add(offset)));
                assert_rounds(f32::from_bits(value.wrapping_sub(offset)));
            }
        }
    }

    #[test]
    fn rounding_spread_floats_matches_half() {
        let mut bits = 1u32;
        for _ in 0..4_000_000 {
            bits = bits.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
            assert_rounds(f32::from_bits(bits));
        }
    }
}
