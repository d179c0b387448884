//! Element types.
//!
//! Owns [`DType`], its facts (size, category, promotion) and [`Element`], the Rust types that stand
//! for them. Knows nothing of tensors.
//!
//! # Note [Compute dtypes]
//! Storage dtype and compute dtype differ: loads widen (bool, uint8, int8, int16 to a 32-bit integer
//! lane; float16, bfloat16 to float32), stores narrow. [`DType::lane`] names the lane. A value in a
//! lane is always representable in its dtype: every operation narrows its result.

use std::fmt;

use half::{bf16, f16};

use crate::scalar::Scalar;

/// The element type of a tensor.
///
/// Prints as PyTorch names it: `float32`, `int64`, `bool`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DType {
    /// True or false, stored in one byte that is 0 or 1.
    Bool,
    /// 8-bit unsigned integer.
    U8,
    /// 8-bit signed integer.
    I8,
    /// 16-bit signed integer.
    I16,
    /// 32-bit signed integer.
    I32,
    /// 64-bit signed integer.
    I64,
    /// IEEE 754 binary16.
    F16,
    /// bfloat16: the upper half of a float32.
    BF16,
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
}

/// The register type that a dtype computes in, see Note [Compute dtypes].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Lane {
    /// bool (0 or 1), uint8, int8, int16, int32.
    I32,
    /// int64.
    I64,
    /// float16, bfloat16, float32.
    F32,
    /// float64.
    F64,
}

/// Bool, integer or float: the ladder that promotion climbs first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Category {
    Bool,
    Int,
    Float,
}

impl DType {
    /// Every dtype, in the order of promotion.
    pub const ALL: [Self; 10] = [
        Self::Bool,
        Self::U8,
        Self::I8,
        Self::I16,
        Self::I32,
        Self::I64,
        Self::F16,
        Self::BF16,
        Self::F32,
        Self::F64,
    ];

    /// The dtype of float tensors that name none: float32.
    pub const DEFAULT: Self = Self::F32;

    /// Bytes an element takes in memory.
    pub const fn size(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::I16 | Self::F16 | Self::BF16 => 2,
            Self::I32 | Self::F32 => 4,
            Self::I64 | Self::F64 => 8,
        }
    }

    /// PyTorch's name, without `torch.`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::U8 => "uint8",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::F16 => "float16",
            Self::BF16 => "bfloat16",
            Self::F32 => "float32",
            Self::F64 => "float64",
        }
    }

    /// The name PyTorch's error messages use: `Float`, `Long`, `Byte`.
    pub(crate) const fn message_name(self) -> &'static str {
        match self {
            Self::Bool => "Bool",
            Self::U8 => "Byte",
            Self::I8 => "Char",
            Self::I16 => "Short",
            Self::I32 => "Int",
            Self::I64 => "Long",
            Self::F16 => "Half",
            Self::BF16 => "BFloat16",
            Self::F32 => "Float",
            Self::F64 => "Double",
        }
    }

    /// Whether the dtype is float16, bfloat16, float32 or float64.
    pub const fn is_floating_point(self) -> bool {
        matches!(self.category(), Category::Float)
    }

    /// Whether the dtype holds integers; bool does not count.
    pub const fn is_integral(self) -> bool {
        matches!(self.category(), Category::Int)
    }

    pub(crate) const fn category(self) -> Category {
        match self {
            Self::Bool => Category::Bool,
            Self::U8 | Self::I8 | Self::I16 | Self::I32 | Self::I64 => Category::Int,
            Self::F16 | Self::BF16 | Self::F32 | Self::F64 => Category::Float,
        }
    }

    pub(crate) const fn lane(self) -> Lane {
        match self {
            Self::Bool | Self::U8 | Self::I8 | Self::I16 | Self::I32 => Lane::I32,
            Self::I64 => Lane::I64,
            Self::F16 | Self::BF16 | Self::F32 => Lane::F32,
            Self::F64 => Lane::F64,
        }
    }

    /// Whether the dtype is float16 or bfloat16.
    pub(crate) const fn is_half(self) -> bool {
        matches!(self, Self::F16 | Self::BF16)
    }

    /// The smallest dtype that both convert to by PyTorch's promotion of tensors with dimensions.
    ///
    /// # Example
    /// ```
    /// use taut::DType;
    /// assert_eq!(DType::U8.promote(DType::I8), DType::I16);
    /// assert_eq!(DType::F16.promote(DType::BF16), DType::F32);
    /// assert_eq!(DType::I64.promote(DType::F16), DType::F16);
    /// ```
    pub fn promote(self, other: Self) -> Self {
        let (low, high) = if self <= other { (self, other) } else { (other, self) };
        match (low, high) {
            (Self::U8, Self::I8) => Self::I16,
            (Self::F16, Self::BF16) => Self::F32,
            _ => high,
        }
    }

    /// Whether a value of this dtype may be written into a tensor of dtype `to`: never from float to
    /// integer, nor from a number to bool.
    ///
    /// # Example
    /// ```
    /// use taut::DType;
    /// assert!(DType::F64.can_cast(DType::F16));
    /// assert!(!DType::F32.can_cast(DType::I64));
    /// ```
    pub fn can_cast(self, to: Self) -> bool {
        self.category() <= to.category()
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::F32 => "f32",
            Self::F64 => "f64",
        })
    }
}

mod sealed {
    pub trait Sealed {}
}

/// The Rust types that are elements of tensors.
///
/// Sealed: bool, u8, i8, i16, i32, i64, [`half::f16`], [`half::bf16`], f32, f64.
pub trait Element:
    sealed::Sealed + Copy + Default + PartialEq + fmt::Debug + Send + Sync + 'static
{
    /// The dtype that the type stands for.
    const DTYPE: DType;

    /// The value as a scalar, without loss.
    fn to_scalar(self) -> Scalar;

    /// The value of a scalar of dtype `from`, where the type holds every value of that dtype.
    fn from_scalar(value: Scalar, from: DType) -> Option<Self>;

    /// The bytes of `values`, as they are stored.
    #[doc(hidden)]
    fn as_bytes(values: &[Self]) -> &[u8];

    /// The element whose stored form is `bytes`.
    #[doc(hidden)]
    fn from_bytes(bytes: &[u8]) -> Self;

    /// The bytes of `values` to write to, if any byte may be written.
    #[doc(hidden)]
    fn as_bytes_mut(values: &mut [Self]) -> Option<&mut [u8]>;

    /// Appends the elements whose stored forms these are.
    #[doc(hidden)]
    fn append(values: &mut Vec<Self>, bytes: &[u8]) {
        values.extend(bytes.chunks_exact(size_of::<Self>()).map(Self::from_bytes));
    }
}

macro_rules! element {
    ($($type:ty, $dtype:ident, |$v:ident| $scalar:expr, |$s:ident| $back:expr, [$($from:ident)*];)*) => {$(
        impl sealed::Sealed for $type {}

        impl Element for $type {
            const DTYPE: DType = DType::$dtype;

            fn to_scalar(self) -> Scalar {
                let $v = self;
                $scalar
            }

            fn from_scalar(value: Scalar, from: DType) -> Option<Self> {
                let $s = value;
                matches!(from, DType::$dtype $(| DType::$from)*).then(|| $back)
            }

            fn as_bytes(values: &[Self]) -> &[u8] {
                bytemuck::cast_slice(values)
            }

            fn from_bytes(bytes: &[u8]) -> Self {
                bytemuck::pod_read_unaligned(bytes)
            }

            fn as_bytes_mut(values: &mut [Self]) -> Option<&mut [u8]> {
                Some(bytemuck::cast_slice_mut(values))
            }

            fn append(values: &mut Vec<Self>, bytes: &[u8]) {
                match bytemuck::try_cast_slice(bytes) {
                    Ok(aligned) => values.extend_from_slice(aligned),
                    Err(_) => values.extend(bytes.chunks_exact(size_of::<Self>()).map(Self::from_bytes)),
                }
            }
        }
    )*};
}

element! {
    u8, U8, |v| Scalar::Int(v.into()), |s| s.to_i64() as Self, [Bool];
    i8, I8, |v| Scalar::Int(v.into()), |s| s.to_i64() as Self, [Bool];
    i16, I16, |v| Scalar::Int(v.into()), |s| s.to_i64() as Self, [Bool U8 I8];
    i32, I32, |v| Scalar::Int(v.into()), |s| s.to_i64() as Self, [Bool U8 I8 I16];
    i64, I64, |v| Scalar::Int(v), |s| s.to_i64(), [Bool U8 I8 I16 I32];
    f16, F16, |v| Scalar::Float(v.to_f64()), |s| Self::from_f64(s.to_f64()), [Bool U8 I8];
    bf16, BF16, |v| Scalar::Float(v.to_f64()), |s| Self::from_f64(s.to_f64()), [Bool U8 I8];
    f32, F32, |v| Scalar::Float(v.into()), |s| s.to_f64() as Self, [Bool U8 I8 I16 F16 BF16];
    f64, F64, |v| Scalar::Float(v), |s| s.to_f64(), [Bool U8 I8 I16 I32 F16 BF16 F32];
}

impl sealed::Sealed for bool {}

impl Element for bool {
    const DTYPE: DType = DType::Bool;

    fn to_scalar(self) -> Scalar {
        Scalar::Bool(self)
    }

    fn from_scalar(value: Scalar, from: DType) -> Option<Self> {
        (from == DType::Bool).then(|| value.to_bool())
    }

    fn as_bytes(values: &[Self]) -> &[u8] {
        bytemuck::cast_slice(values)
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        bytes[0] != 0
    }

    fn as_bytes_mut(_: &mut [Self]) -> Option<&mut [u8]> {
        None
    }
}
