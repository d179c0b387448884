//! The free functions: what `torch.add(x, y)` is in Python.

use crate::dtype::DType;
use crate::error::Result;
use crate::ops::promote;

use super::arithmetic::{Binary, Rounding};
use super::{Arg, Tensor};

macro_rules! functions {
    ($($name:ident $op:expr, $symbol:literal, $sample:literal;)*) => {$(
        #[doc = concat!("Element-wise `lhs ", $symbol, " rhs`; either may be a number.")]
        ///
        #[doc = concat!("See [`Tensor::", stringify!($name), "`].")]
        ///
        /// # Errors
        /// As the method's.
        ///
        /// # Example
        /// ```
        /// let x = taut::tensor([1.0f32, 4.0], ())?;
        #[doc = concat!("assert_eq!(taut::", stringify!($name), "(2, &x)?.to_vec::<f32>()?, ", $sample, ");")]
        /// # Ok::<(), taut::Error>(())
        /// ```
        #[track_caller]
        pub fn $name<'a, 'b>(lhs: impl Into<Arg<'a>>, rhs: impl Into<Arg<'b>>) -> Result<Tensor> {
            $op.apply(lhs.into(), rhs.into())
        }
    )*};
}

functions! {
    add Binary::ADD, "+", "[3.0, 6.0]";
    sub Binary::SUB, "-", "[1.0, -2.0]";
    mul Binary::Mul, "*", "[2.0, 8.0]";
    div Binary::DIV, "/", "[2.0, 0.5]";
    floor_divide Binary::Div(Rounding::Floor), "//", "[2.0, 0.0]";
    remainder Binary::Remainder, "%", "[0.0, 2.0]";
}

/// The negative of every element, see [`Tensor::neg`].
///
/// # Errors
/// `Dtype` for bool.
#[track_caller]
pub fn neg(input: &Tensor) -> Result<Tensor> {
    input.neg()
}

/// The dtype in which an operation on the two arguments computes.
///
/// # Example
/// ```
/// use taut::DType;
/// let x = taut::tensor([1u8], ())?;
/// assert_eq!(taut::result_type(&x, 300), DType::U8);
/// assert_eq!(taut::result_type(&x, 0.5), DType::F32);
/// # Ok::<(), taut::Error>(())
/// ```
pub fn result_type<'a, 'b>(a: impl Into<Arg<'a>>, b: impl Into<Arg<'b>>) -> DType {
    promote::result_type([a.into().participant(), b.into().participant()])
}
