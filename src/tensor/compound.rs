//! Small formulas: lerp, addcmul, addcdiv.

use crate::dtype::{Category, DType};
use crate::error::{Error, Result};
use crate::ops::Op;
use crate::ops::promote::result_type;
use crate::scalar::Scalar;

use super::elementwise::{Build, check_meaning};
use super::{Arg, Tensor};

impl Tensor {
    /// Linear interpolation: `self + weight * (end - self)`.
    ///
    /// # Errors
    /// `Dtype` unless all tensors have one float dtype, `Shape` when the shapes do not broadcast.
    ///
    /// # Example
    /// ```
    /// let (x, y) = (taut::zeros([2], ())?, taut::ones([2], ())?);
    /// assert_eq!(x.lerp(&y, 0.25)?.to_vec::<f32>()?, [0.25, 0.25]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn lerp<'a>(&self, end: &Self, weight: impl Into<Arg<'a>>) -> Result<Self> {
        let weight = weight.into();
        let dtype = self.dtype();
        let mixed = [Some(end), weight.tensor()].into_iter().flatten().find(|t| t.dtype() != dtype);
        if let Some(other) = mixed {
            return Err(Error::dtype(format!(
                "expected dtype {dtype} for all tensors of lerp, but got {}",
                other.dtype()
            )));
        }
        check_meaning(Op::Lerp, dtype)?;
        let mut build = Build::new("lerp", &[self.into(), end.into(), weight])?;
        // The halves compute in float32 and round once, the weight too.
        let inner = if dtype.is_half() { DType::F32 } else { dtype };
        let start = build.value(self.into(), inner)?;
        let end = build.value(end.into(), inner)?;
        let weight = build.value(weight, inner)?;
        let value = build.program().ternary(Op::Lerp, [start, end, weight]);
        let value = build.program().cast(value, dtype);
        build.finish(value)
    }

    /// Every element times itself; of a bool tensor, as int64.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// # Example
    /// ```
    /// assert_eq!(taut::tensor([3, -2], ())?.square()?.to_vec::<i32>()?, [9, 4]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn square(&self) -> Result<Self> {
        let dtype = if self.dtype() == DType::Bool { DType::I64 } else { self.dtype() };
        let mut build = Build::new("square", &[self.into()])?;
        let value = build.value(self.into(), dtype)?;
        let value = build.program().unary(Op::Square, value);
        build.finish(value)
    }

    /// [`square`](Self::square) in place.
    ///
    /// # Errors
    /// `Overlap` when elements of this tensor share memory.
    #[track_caller]
    pub fn square_(&self) -> Result<&Self> {
        let mut build = Build::onto("square_", self, &[self.into()])?;
        let value = build.load(self)?;
        let value = if self.dtype() == DType::Bool {
            build.program().binary(Op::Mul, value, value)
        } else {
            build.program().unary(Op::Square, value)
        };
        build.finish_into(value, self)?;
        Ok(self)
    }

    /// `self + value * a * b`, element-wise.
    ///
    /// # Errors
    /// `Dtype` for bool or a float value with integers, `Shape` when the shapes do not broadcast.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([1.0f32, 2.0], ())?;
    /// assert_eq!(x.addcmul(&x, &x, 2)?.to_vec::<f32>()?, [3.0, 10.0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn addcmul(&self, a: &Self, b: &Self, value: impl Into<Scalar>) -> Result<Self> {
        self.add_compound(Op::Mul, a, b, value.into())
    }

    /// `self + value * a / b`, element-wise.
    ///
    /// # Errors
    /// `Dtype` unless a float takes part, `Shape` when the shapes do not broadcast.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([1.0f32, 2.0], ())?;
    /// assert_eq!(x.addcdiv(&x, &x, 2)?.to_vec::<f32>()?, [3.0, 4.0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn addcdiv(&self, a: &Self, b: &Self, value: impl Into<Scalar>) -> Result<Self> {
        if a.dtype().category() != Category::Float && b.dtype().category() != Category::Float {
            return Err(Error::dtype(
                "Integer division with addcdiv is no longer supported; use \
                 input + value * (tensor1 / tensor2) for a true division",
            ));
        }
        self.add_compound(Op::Div, a, b, value.into())
    }

    #[track_caller]
    fn add_compound(&self, op: Op, a: &Self, b: &Self, value: Scalar) -> Result<Self> {
        let name = if op == Op::Mul { "addcmul" } else { "addcdiv" };
        let dtype = result_type([self, a, b].map(Self::participant));
        if dtype == DType::Bool {
            return Err(Error::dtype(format!("\"{name}_cpu_out\" not implemented for 'Bool'")));
        }
        if value.category() == Category::Float && dtype.category() != Category::Float {
            return Err(Error::dtype(
                "For integral input tensors, argument value must not be a floating point number.",
            ));
        }
        let mut build = Build::new(name, &[self.into(), a.into(), b.into()])?;
        let inner = if dtype.is_half() { DType::F32 } else { dtype };
        let [start, a, b] = [self, a, b].map(Arg::from);
        let start = build.value(start, inner)?;
        let a = build.value(a, inner)?;
        let b = build.value(b, inner)?;
        let value = build.scalar(value, inner);
        let scaled = build.program().binary(Op::Mul, value, a);
        let part = build.program().binary(op, scaled, b);
        let sum = build.program().binary(Op::Add, start, part);
        let sum = build.program().cast(sum, dtype);
        build.finish(sum)
    }
}
