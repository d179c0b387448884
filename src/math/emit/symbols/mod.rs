//! The algebra's types as symbols: each operation records its WGSL.
//!
//! Operations on constants are evaluated by the Rust types of the algebra, which define them.

mod floats;
mod ints;

pub(super) use floats::{SymF32, SymF64};
pub(super) use ints::{SymI32, SymI64};

use super::builder::{self, Type, constant_of, form};
use crate::dtype::Lane;
use crate::math::algebra::Mask;

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
