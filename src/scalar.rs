//! Scalars as PyTorch wraps Python numbers.
//!
//! Owns [`Scalar`]: a bool, an integer or a float without a dtype of its own. It takes part in
//! promotion by its category only.

use crate::dtype::{Category, DType, Element};

/// A number that is not a tensor.
///
/// Every Rust number type and the half types convert into one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating-point number.
    Float(f64),
}

impl Scalar {
    pub(crate) fn category(self) -> Category {
        match self {
            Self::Bool(_) => Category::Bool,
            Self::Int(_) => Category::Int,
            Self::Float(_) => Category::Float,
        }
    }

    /// The dtype that the scalar has alone: bool, int64 or the default dtype.
    pub fn dtype(self) -> DType {
        match self {
            Self::Bool(_) => DType::Bool,
            Self::Int(_) => DType::I64,
            Self::Float(_) => DType::DEFAULT,
        }
    }

    /// The value as a float; integers round to nearest.
    pub fn to_f64(self) -> f64 {
        match self {
            Self::Bool(v) => f64::from(u8::from(v)),
            Self::Int(v) => v as f64,
            Self::Float(v) => v,
        }
    }

    /// The value as an integer; floats truncate and saturate, NaN is 0.
    pub fn to_i64(self) -> i64 {
        match self {
            Self::Bool(v) => i64::from(v),
            Self::Int(v) => v,
            Self::Float(v) => v as i64,
        }
    }

    /// Whether the value is not zero; NaN is true.
    pub fn to_bool(self) -> bool {
        match self {
            Self::Bool(v) => v,
            Self::Int(v) => v != 0,
            Self::Float(v) => v != 0.0,
        }
    }
}

impl<T: Element> From<T> for Scalar {
    fn from(value: T) -> Self {
        value.to_scalar()
    }
}

impl From<u16> for Scalar {
    fn from(value: u16) -> Self {
        Self::Int(value.into())
    }
}

impl From<u32> for Scalar {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

/// The value must fit an `i64`, as it must in PyTorch; a larger one becomes the nearest float.
impl From<usize> for Scalar {
    fn from(value: usize) -> Self {
        i64::try_from(value).map_or(Self::Float(value as f64), Self::Int)
    }
}
