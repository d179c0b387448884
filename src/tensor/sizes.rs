//! Shapes and dims as arguments.
//!
//! Owns the conversions by which arrays, slices, tuples and `()` stand for a shape, and by which one dim,
//! several, or `()` stand for the dims an operation works on.

use std::fmt;
use std::ops::Deref;

use smallvec::SmallVec;

use crate::error::{Error, Result};
use crate::kernel::Dims;

/// A shape that prints as PyTorch's `torch.Size` does, without its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size<'a>(pub(crate) &'a [usize]);

impl fmt::Display for Size<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl Deref for Size<'_> {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        self.0
    }
}

/// An integer that can be a size or a dim.
pub trait Dim: Copy {
    /// The number; one too large for `i64` becomes `i64::MAX`, which no shape has.
    fn to_i64(self) -> i64;
}

macro_rules! dims {
    ($($int:ty)*) => {$(
        impl Dim for $int {
            fn to_i64(self) -> i64 {
                i64::try_from(self).unwrap_or(i64::MAX)
            }
        }

        impl IntoDims for $int {
            fn into_dims(self) -> SmallVec<[i64; 6]> {
                SmallVec::from_slice(&[self.to_i64()])
            }
        }
    )*};
}

dims!(i32 i64 isize u8 u16 u32 u64 usize);

/// What can be given as a shape: `[2, 3]`, `&sizes[..]`, `vec![2, 3]`, `(n, -1)`, and `()` for 0-d.
///
/// Where a size may be inferred, -1 stands for it.
pub trait IntoSizes {
    /// The sizes as they were given.
    fn into_sizes(self) -> SmallVec<[i64; 6]>;
}

/// What can be given as dims: one number, or several as for [`IntoSizes`]; `()` is no dim.
pub trait IntoDims {
    /// The dims as they were given, negative ones counting from the end.
    fn into_dims(self) -> SmallVec<[i64; 6]>;
}

macro_rules! slices {
    ($trait:ident $method:ident) => {
        impl<T: Dim, const N: usize> $trait for [T; N] {
            fn $method(self) -> SmallVec<[i64; 6]> {
                self.iter().map(|d| d.to_i64()).collect()
            }
        }

        impl<T: Dim, const N: usize> $trait for &[T; N] {
            fn $method(self) -> SmallVec<[i64; 6]> {
                self.iter().map(|d| d.to_i64()).collect()
            }
        }

        impl<T: Dim> $trait for &[T] {
            fn $method(self) -> SmallVec<[i64; 6]> {
                self.iter().map(|d| d.to_i64()).collect()
            }
        }

        impl<T: Dim> $trait for Vec<T> {
            fn $method(self) -> SmallVec<[i64; 6]> {
                self.iter().map(|d| d.to_i64()).collect()
            }
        }

        impl<T: Dim> $trait for &Vec<T> {
            fn $method(self) -> SmallVec<[i64; 6]> {
                self.iter().map(|d| d.to_i64()).collect()
            }
        }

        impl $trait for () {
            fn $method(self) -> SmallVec<[i64; 6]> {
                SmallVec::new()
            }
        }
    };
}

slices!(IntoSizes into_sizes);
slices!(IntoDims into_dims);

impl IntoSizes for Size<'_> {
    fn into_sizes(self) -> SmallVec<[i64; 6]> {
        self.0.into_sizes()
    }
}

macro_rules! tuples {
    ($(($($name:ident)*))*) => {$(
        impl<$($name: Dim),*> IntoSizes for ($($name,)*) {
            fn into_sizes(self) -> SmallVec<[i64; 6]> {
                #[allow(non_snake_case, reason = "the type parameters name the fields")]
                let ($($name,)*) = self;
                SmallVec::from_slice(&[$($name.to_i64()),*])
            }
        }
    )*};
}

tuples!((A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F));

/// The sizes of a new tensor.
///
/// # Errors
/// `Value` for a negative size.
pub(crate) fn new_shape(sizes: impl IntoSizes) -> Result<Dims> {
    let sizes = sizes.into_sizes();
    let negative = sizes.iter().find(|&&size| size < 0).copied();
    if let Some(size) = negative {
        return Err(Error::value(format!(
            "Trying to create tensor with negative dimension {size}: {sizes:?}"
        )));
    }
    Ok(sizes.iter().map(|&size| size as usize).collect())
}
