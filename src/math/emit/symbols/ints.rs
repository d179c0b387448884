//! Integers as symbols.

use super::super::builder::{self, Type, constant_of, form};
use super::{SymMask, Symbol, select};
use crate::dtype::Lane;
use crate::math::algebra::Int;

macro_rules! symbolic_int {
    ($symbol:ident, $int:ident, $lane:ident, $low:literal, $modulo:literal,
     $unsigned:literal, $div:literal, $rem:literal) => {
        #[derive(Clone, Copy)]
        pub(in crate::math::emit) struct $symbol(pub(super) u32);

        impl $symbol {
            pub(super) const TYPE: Type = Type::Lane(Lane::$lane);

            pub(super) fn constant(self) -> Option<$int> {
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
