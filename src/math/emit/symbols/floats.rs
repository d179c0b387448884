//! Floats as symbols.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::super::builder::{self, Type, constant_of, form};
use super::{SymI32, SymI64, SymMask, Symbol, select};
use crate::dtype::Lane;
use crate::math::algebra::{Float, Int};

macro_rules! symbolic_float {
    ($symbol:ident, $float:ident, $int:ident, $sym_int:ident, $uint:ident, $lane:ident,
     $from_bits:literal, $to_bits:literal, $suffix:literal) => {
        #[derive(Clone, Copy)]
        pub(in crate::math::emit) struct $symbol(u32);

        impl $symbol {
            const TYPE: Type = Type::Lane(Lane::$lane);

            fn known(value: $float) -> Self {
                Self(builder::constant(i64::from(value.to_bits() as $int), Self::TYPE))
            }

            fn constant(self) -> Option<$float> {
                constant_of(self.0).map(|bits| $float::from_bits(bits as $uint))
            }

            fn binary(
                self,
                other: Self,
                text: &'static str,
                fold: fn($float, $float) -> $float,
            ) -> Self {
                match (self.constant(), other.constant()) {
                    (Some(a), Some(b)) => Self::known(fold(a, b)),
                    _ => Self(form(text, &[self.0, other.0], Self::TYPE)),
                }
            }

            fn compare(
                self,
                other: Self,
                text: &'static str,
                fold: fn(&$float, &$float) -> bool,
            ) -> SymMask {
                match (self.constant(), other.constant()) {
                    (Some(a), Some(b)) => SymMask::known(fold(&a, &b)),
                    _ => SymMask(form(text, &[self.0, other.0], Type::Mask)),
                }
            }
        }

        impl Symbol for $symbol {
            fn argument(index: u8) -> Self {
                Self(builder::argument(index, Self::TYPE))
            }
            fn value(self) -> u32 {
                self.0
            }
        }

        impl Add for $symbol {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                self.binary(other, concat!("add_", $suffix, "({0}, {1})"), |a, b| a + b)
            }
        }
        impl Sub for $symbol {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                self.binary(other, concat!("sub_", $suffix, "({0}, {1})"), |a, b| a - b)
            }
        }
        impl Mul for $symbol {
            type Output = Self;
            fn mul(self, other: Self) -> Self {
                self.binary(other, concat!("mul_", $suffix, "({0}, {1})"), |a, b| a * b)
            }
        }
        impl Div for $symbol {
            type Output = Self;
            fn div(self, other: Self) -> Self {
                self.binary(other, concat!("div_", $suffix, "({0}, {1})"), |a, b| a / b)
            }
        }
        impl Neg for $symbol {
            type Output = Self;
            fn neg(self) -> Self {
                match self.constant() {
                    Some(a) => Self::known(-a),
                    None => Self(form(concat!("neg_", $suffix, "({0})"), &[self.0], Self::TYPE)),
                }
            }
        }

        impl Float for $symbol {
            type Mask = SymMask;
            type Int = $sym_int;

            const MANTISSA: u32 = <$float as Float>::MANTISSA;
            const BIAS: i64 = <$float as Float>::BIAS;

            fn lit(value: f64) -> Self {
                Self::known(value as $float)
            }
            fn from_bits(bits: $sym_int) -> Self {
                match bits.constant() {
                    Some(bits) => Self::known($float::from_bits(bits as $uint)),
                    None => Self(form($from_bits, &[bits.0], Self::TYPE)),
                }
            }
            fn to_bits(self) -> $sym_int {
                match self.constant() {
                    Some(value) => $sym_int::lit(i64::from(value.to_bits() as $int)),
                    None => $sym_int(form($to_bits, &[self.0], $sym_int::TYPE)),
                }
            }
            fn sqrt(self) -> Self {
                match self.constant() {
                    Some(value) => Self::known(value.sqrt()),
                    None => Self(form(concat!("sqrt_", $suffix, "({0})"), &[self.0], Self::TYPE)),
                }
            }
            fn fmod(self, other: Self) -> Self {
                self.binary(other, concat!("fmod_", $suffix, "({0}, {1})"), Float::fmod)
            }
            fn eq(self, other: Self) -> SymMask {
                self.compare(other, concat!("eq_", $suffix, "({0}, {1})"), |a, b| a == b)
            }
            fn lt(self, other: Self) -> SymMask {
                self.compare(other, concat!("lt_", $suffix, "({0}, {1})"), |a, b| a < b)
            }
            fn le(self, other: Self) -> SymMask {
                self.compare(other, concat!("le_", $suffix, "({0}, {1})"), |a, b| a <= b)
            }
            fn select(mask: SymMask, then: Self, otherwise: Self) -> Self {
                Self(select(mask, then.0, otherwise.0, Self::TYPE))
            }
            fn from_int(value: $sym_int) -> Self {
                match value.constant() {
                    Some(value) => Self::known(value as $float),
                    None => {
                        Self(form(concat!("from_int_", $suffix, "({0})"), &[value.0], Self::TYPE))
                    }
                }
            }
            fn step(self) -> Self {
                match builder::step_form() {
                    Some(text) => Self(form(text, &[self.0], Self::TYPE)),
                    None => self,
                }
            }
            fn is_nan(self) -> SymMask {
                match self.constant() {
                    Some(value) => SymMask::known(value.is_nan()),
                    None => {
                        SymMask(form(concat!("is_nan_", $suffix, "({0})"), &[self.0], Type::Mask))
                    }
                }
            }
        }
    };
}

symbolic_float!(
    SymF32,
    f32,
    i32,
    SymI32,
    u32,
    F32,
    "bitcast<f32>({0})",
    "bitcast<i32>({0})",
    "f32p"
);
symbolic_float!(
    SymF64,
    f64,
    i64,
    SymI64,
    u64,
    F64,
    "bitcast<f64>({0})",
    "bitcast<i64>({0})",
    "f64p"
);
