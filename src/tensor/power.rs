//! Powers.
//!
//! Exponents that have a simpler form (0, 1, 2, 3, 1/2, -1/2, -1, -2) take it, as PyTorch's kernels do;
//! it decides signs and infinities, as in `(-inf)^(1/2)`, which is NaN like its square root.

use crate::dtype::{Category, DType};
use crate::error::{Error, Result};
use crate::kernel::Value;
use crate::ops::Op;
use crate::ops::promote::result_type;
use crate::scalar::Scalar;

use super::elementwise::{Build, check_fits, check_meaning};
use super::{Arg, Tensor};

impl Tensor {
    /// Element-wise `self ^ exponent`, broadcasting; float32 within 1 ULP, float64 within 2.
    ///
    /// Integers stay integers and wrap; a negative exponent inside an integer tensor gives 0 or ±1.
    ///
    /// # Errors
    /// `Value` for a negative integer as the exponent of integers or one that the dtype cannot hold,
    /// `Dtype` for bools, `Shape` when the shapes do not broadcast.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([2.0f32, 3.0], ())?;
    /// assert_eq!(x.pow(2)?.to_vec::<f32>()?, [4.0, 9.0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn pow<'a>(&self, exponent: impl Into<Arg<'a>>) -> Result<Self> {
        let (build, value) = powered(None, self.into(), exponent.into())?;
        build.finish(value)
    }

    /// [`pow`](Self::pow) in place.
    ///
    /// # Errors
    /// As [`pow`](Self::pow); `Dtype` when the result's kind does not fit this dtype, `Shape` when it does
    /// not have this shape, `Overlap` when elements of this tensor share memory.
    #[track_caller]
    pub fn pow_<'a>(&self, exponent: impl Into<Arg<'a>>) -> Result<&Self> {
        let exponent = exponent.into();
        let (build, value) = powered(Some(self), self.into(), exponent)?;
        build.finish_into(value, self)?;
        Ok(self)
    }
}

/// `base ^ exponent`, either of which may be a number; see [`Tensor::pow`].
///
/// # Errors
/// As [`Tensor::pow`].
///
/// # Example
/// ```
/// let x = taut::tensor([1.0f32, 3.0], ())?;
/// assert_eq!(taut::pow(2, &x)?.to_vec::<f32>()?, [2.0, 8.0]);
/// # Ok::<(), taut::Error>(())
/// ```
#[track_caller]
pub fn pow<'a, 'b>(base: impl Into<Arg<'a>>, exponent: impl Into<Arg<'b>>) -> Result<Tensor> {
    let (base, exponent) = (base.into(), exponent.into());
    let (build, value) = powered(None, base, exponent)?;
    build.finish(value)
}

#[track_caller]
fn powered(target: Option<&Tensor>, base: Arg<'_>, exponent: Arg<'_>) -> Result<(Build, Value)> {
    let dtype = result_type([base.participant(), exponent.participant()]);
    check_meaning(Op::Pow, dtype)?;
    let integers = dtype.category() == Category::Int;
    if let Arg::Scalar(scalar) = exponent {
        if integers && scalar.to_i64() < 0 {
            return Err(Error::value("Integers to negative integer powers are not allowed."));
        }
        check_fits(scalar, dtype)?;
    }
    if let Arg::Scalar(scalar) = base {
        check_fits(scalar, dtype)?;
    }
    let mut build = Build::at("pow", target, &[base, exponent])?;
    // The halves compute in float32 and round once; a number beside them stays as it is.
    let inner = if dtype.is_half() { DType::F32 } else { dtype };
    if let Arg::Scalar(base) = base
        && base.to_f64() == 1.0
    {
        let one = build.scalar(1, dtype);
        return Ok((build, one));
    }
    let x = build.value(base, inner)?;
    let simple = match exponent {
        Arg::Scalar(exponent) if integers => product(&mut build, x, exponent.to_i64(), inner),
        Arg::Scalar(exponent) => simpler(&mut build, x, exponent, inner),
        _ => None,
    };
    let value = match simple {
        Some(value) => value,
        None => {
            let exponent = build.value(exponent, inner)?;
            build.program().binary(Op::Pow, x, exponent)
        }
    };
    let value = build.program().cast(value, dtype);
    Ok((build, value))
}

/// A small power that is known, by squares. Of integers products wrap, so their order does not count. Of floats
/// it is asked for up to the third power, where these products are PyTorch's.
fn product(build: &mut Build, x: Value, exponent: i64, dtype: DType) -> Option<Value> {
    /// Of larger ones, so many products are as slow as the operation.
    const MOST: i64 = 64;
    if !(0..=MOST).contains(&exponent) {
        return None;
    }
    let (mut square, mut value) = (x, None);
    let mut left = exponent;
    while left > 0 {
        if left % 2 == 1 {
            value = Some(match value {
                Some(value) => build.program().binary(Op::Mul, square, value),
                None => square,
            });
        }
        left /= 2;
        if left > 0 {
            square = build.program().unary(Op::Square, square);
        }
    }
    Some(value.unwrap_or_else(|| build.scalar(1, dtype)))
}

fn simpler(build: &mut Build, x: Value, exponent: Scalar, dtype: DType) -> Option<Value> {
    let program = build.program();
    Some(match exponent.to_f64() {
        power @ (0.0 | 1.0 | 2.0 | 3.0) => return product(build, x, power as i64, dtype),
        0.5 => program.unary(Op::Sqrt, x),
        -0.5 => program.unary(Op::Rsqrt, x),
        -1.0 => program.unary(Op::Reciprocal, x),
        -2.0 => {
            let square = program.unary(Op::Square, x);
            program.unary(Op::Reciprocal, square)
        }
        _ => return None,
    })
}
