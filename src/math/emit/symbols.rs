//! The algebra's types as symbols: each operation records its WGSL.
//!
//! Operations on constants are evaluated by the Rust types of the algebra, which define them.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::builder::{self, Type, constant_of, form};
use crate::dtype::Lane;
use crate::math::algebra::{Float, Int, Mask};

/// A recorded value.
pub(super) trait Symbol {
    /// Parameter number `index` of the function.
    fn argument(index: u8) -> Self;
    fn value(self) -> u32;
}

/// A truth value.
#[derive(Clone, Copy)]
pub(super) struct SymMask(u32);

impl SymMask {
    fn known(value: bool) -> Self {
        Self(builder::constant(value.into(), Type::Mask))
    }

    fn constant(self) -> Option<bool> {
        constant_of(self.0).map(|bits| bits != 0)
    }

    fn binary(self, other: Self, text: &'static str, fold: fn(bool, bool) -> bool) -> Self {
        match (self.constant(), other.constant()) {
            (Some(a), Some(b)) => Self::known(fold(a, b)),
            _ => Self(form(text, &[self.0, other.0], Type::Mask)),
        }
    }
}

impl Symbol for SymMask {
    fn argument(index: u8) -> Self {
        Self(builder::argument(index, Type::Mask))
    }
    fn value(self) -> u32 {
        self.0
    }
}

impl Mask for SymMask {
    fn and(self, other: Self) -> Self {
        self.binary(other, "({0} && {1})", |a, b| a & b)
    }
    fn or(self, other: Self) -> Self {
        self.binary(other, "({0} || {1})", |a, b| a | b)
    }
    fn xor(self, other: Self) -> Self {
        self.binary(other, "({0} != {1})", |a, b| a ^ b)
    }
    fn not(self) -> Self {
        match self.constant() {
            Some(a) => Self::known(!a),
            None => Self(form("(!{0})", &[self.0], Type::Mask)),
        }
    }
}

/// `mask ? then : otherwise` of two values of one type.
fn select(mask: SymMask, then: u32, otherwise: u32, ty: Type) -> u32 {
    match mask.constant() {
        Some(true) => then,
        Some(false) => otherwise,
        None if then == otherwise => then,
        None => {
            let (then, otherwise) = (hidden(then, ty), hidden(otherwise, ty));
            form("select({1}, {0}, {2})", &[then, otherwise, mask.0], ty)
        }
    }
}

/// A float constant made opaque. Mesa turns `select(0.0, -1.0, mask)` into the negated conversion of
/// the mask, which is -0 where it should be 0.
fn hidden(value: u32, ty: Type) -> u32 {
    match (constant_of(value), ty) {
        (Some(bits), Type::Lane(Lane::F32 | Lane::F64)) => builder::opaque(bits, ty),
        _ => value,
    }
}

macro_rules! symbolic_int {
    ($symbol:ident, $int:ident, $lane:ident, $low:literal, $modulo:literal,
     $unsigned:literal, $div:literal, $rem:literal) => {
        #[derive(Clone, Copy)]
        pub(super) struct $symbol(u32);

        impl $symbol {
            const TYPE: Type = Type::Lane(Lane::$lane);

            fn constant(self) -> Option<$int> {
                constant_of(self.0).map(|bits| bits as $int)
            }

            fn unary(self, text: &'static str, fold: fn($int) -> $int) -> Self {
                match self.constant() {
                    Some(a) => Self::lit(fold(a) as i64),
                    None => Self(form(text, &[self.0], Self::TYPE)),
                }
            }

            fn binary(self, other: Self, text: &'static str, fold: fn($int, $int) -> $int) -> Self {
                match (self.constant(), other.constant()) {
                    (Some(a), Some(b)) => Self::lit(fold(a, b) as i64),
                    _ => Self(form(text, &[self.0, other.0], Self::TYPE)),
                }
            }

            fn compare(
                self,
                other: Self,
                text: &'static str,
                fold: fn($int, $int) -> bool,
            ) -> SymMask {
                match (self.constant(), other.constant()) {
                    (Some(a), Some(b)) => SymMask::known(fold(a, b)),
                    _ => SymMask(form(text, &[self.0, other.0], Type::Mask)),
                }
            }

            /// The count of a shift, as WGSL wants it: a u32 below the width.
            fn count(self) -> u32 {
                match self.constant() {
                    Some(count) => {
                        let count = (count as u32) % <$int>::BITS;
                        form(COUNTS[count as usize], &[], Self::TYPE)
                    }
                    None => form($modulo, &[self.0], Self::TYPE),
                }
            }

            fn shift(self, count: Self, text: &'static str, fold: fn($int, $int) -> $int) -> Self {
                match (self.constant(), count.constant()) {
                    (Some(a), Some(b)) => Self::lit(fold(a, b) as i64),
                    _ => Self(form(text, &[self.0, count.count()], Self::TYPE)),
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

        impl Int for $symbol {
            type Mask = SymMask;

            const BITS: u32 = $int::BITS;

            fn lit(value: i64) -> Self {
                Self(builder::constant((value as $int) as i64, Self::TYPE))
            }
            fn add(self, other: Self) -> Self {
                self.binary(other, "({0} + {1})", Int::add)
            }
            fn sub(self, other: Self) -> Self {
                self.binary(other, "({0} - {1})", Int::sub)
            }
            fn mul(self, other: Self) -> Self {
                self.binary(other, "({0} * {1})", Int::mul)
            }
            fn neg(self) -> Self {
                Self::lit(0).sub(self)
            }
            fn div(self, other: Self) -> Self {
                self.binary(other, $div, Int::div)
            }
            fn rem(self, other: Self) -> Self {
                self.binary(other, $rem, Int::rem)
            }
            fn and(self, other: Self) -> Self {
                self.binary(other, "({0} & {1})", Int::and)
            }
            fn or(self, other: Self) -> Self {
                self.binary(other, "({0} | {1})", Int::or)
            }
            fn xor(self, other: Self) -> Self {
                self.binary(other, "({0} ^ {1})", Int::xor)
            }
            fn not(self) -> Self {
                self.unary("(~{0})", Int::not)
            }
            fn shl(self, count: Self) -> Self {
                self.shift(count, "({0} << {1})", Int::shl)
            }
            fn shr(self, count: Self) -> Self {
                self.shift(count, "({0} >> {1})", Int::shr)
            }
            fn shr_logical(self, count: Self) -> Self {
                self.shift(count, $low, Int::shr_logical)
            }
            fn eq(self, other: Self) -> SymMask {
                self.compare(other, "({0} == {1})", |a, b| a == b)
            }
            fn ne(self, other: Self) -> SymMask {
                self.compare(other, "({0} != {1})", |a, b| a != b)
            }
            fn lt(self, other: Self) -> SymMask {
                self.compare(other, "({0} < {1})", |a, b| a < b)
            }
            fn le(self, other: Self) -> SymMask {
                self.compare(other, "({0} <= {1})", |a, b| a <= b)
            }
            fn lt_unsigned(self, other: Self) -> SymMask {
                self.compare(other, $unsigned, Int::lt_unsigned)
            }
            fn select(mask: SymMask, then: Self, otherwise: Self) -> Self {
                Self(select(mask, then.0, otherwise.0, Self::TYPE))
            }
        }
    };
}

/// Constant shift counts as text.
const COUNTS: [&str; 64] = [
    "0u", "1u", "2u", "3u", "4u", "5u", "6u", "7u", "8u", "9u", "10u", "11u", "12u", "13u", "14u",
    "15u", "16u", "17u", "18u", "19u", "20u", "21u", "22u", "23u", "24u", "25u", "26u", "27u",
    "28u", "29u", "30u", "31u", "32u", "33u", "34u", "35u", "36u", "37u", "38u", "39u", "40u",
    "41u", "42u", "43u", "44u", "45u", "46u", "47u", "48u", "49u", "50u", "51u", "52u", "53u",
    "54u", "55u", "56u", "57u", "58u", "59u", "60u", "61u", "62u", "63u",
];

symbolic_int!(
    SymI32,
    i32,
    I32,
    "bitcast<i32>(bitcast<u32>({0}) >> {1})",
    "(u32({0}) & 31u)",
    "(bitcast<u32>({0}) < bitcast<u32>({1}))",
    "div_i32p({0}, {1})",
    "rem_i32p({0}, {1})"
);
symbolic_int!(
    SymI64,
    i64,
    I64,
    "bitcast<i64>(bitcast<u64>({0}) >> {1})",
    "u32({0} & 63li)",
    "(bitcast<u64>({0}) < bitcast<u64>({1}))",
    "div_i64p({0}, {1})",
    "rem_i64p({0}, {1})"
);

macro_rules! symbolic_float {
    ($symbol:ident, $float:ident, $int:ident, $sym_int:ident, $uint:ident, $lane:ident,
     $from_bits:literal, $to_bits:literal, $suffix:literal) => {
        #[derive(Clone, Copy)]
        pub(super) struct $symbol(u32);

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
            fn to_int(self) -> $sym_int {
                match self.constant() {
                    Some(value) => $sym_int::lit(value as i64),
                    None => $sym_int(form(
                        concat!("to_int_", $suffix, "({0})"),
                        &[self.0],
                        $sym_int::TYPE,
                    )),
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
