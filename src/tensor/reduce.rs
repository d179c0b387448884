//! Reductions: sum, prod, mean, var, std, amax, amin, max, min, argmax, argmin, any, all, norm.
//!
//! The element-wise work in front of a reduction runs in the same kernel. Every fold is the fixed tree of
//! the kernel's specification, a function of shape and strides, so its bits are the same on every device and at
//! any thread count; a sum of `n` floats is off by at most `(16 + log2 n) u Σ|x|`.

use crate::dtype::{Category, DType};
use crate::error::{Error, Result};
use crate::kernel::{Fold, Value};
use crate::ops::Op;
use crate::scalar::Scalar;

use super::elementwise::{Build, scalar_bits};
use super::over::Over;
use super::{Tensor, dims, plain};

/// The float dtype in which a reduction of `dtype` adds up: the halves add up in float32.
pub(crate) fn wide(dtype: DType) -> DType {
    if dtype.is_half() { DType::F32 } else { dtype }
}

impl Tensor {
    /// The sum. Integers and bool add up in int64, float16 and bfloat16 in float32.
    ///
    /// The order of additions, and so the last bits of a sum of floats, is a function of shape and strides: a
    /// permuted tensor is summed as it lies in memory. It is the same on every device, at any number of
    /// threads, and whatever is fused. This holds for every reduction.
    ///
    /// # Errors
    /// `Index` for a dim out of range.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([[1, 2], [3, 4]], ())?;
    /// assert_eq!(x.sum(0)?.to_vec::<i64>()?, [4, 6]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn sum(&self, over: impl Into<Over>) -> Result<Self> {
        self.accumulate("sum", Op::Add, Scalar::Int(0), &over.into())
    }

    /// The product, in the dtypes of [`sum`](Self::sum).
    ///
    /// # Errors
    /// `Index` for a dim out of range.
    ///
    /// # Example
    /// ```
    /// assert_eq!(taut::tensor([2, 3, 4], ())?.prod(())?.item::<i64>()?, 24);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn prod(&self, over: impl Into<Over>) -> Result<Self> {
        self.accumulate("prod", Op::Mul, Scalar::Int(1), &over.into())
    }

    #[track_caller]
    fn accumulate(
        &self,
        name: &'static str,
        op: Op,
        identity: Scalar,
        over: &Over,
    ) -> Result<Self> {
        let floats = self.dtype().is_floating_point();
        let dtype = over.dtype.unwrap_or(if floats { self.dtype() } else { DType::I64 });
        let mut build = Build::new(name, &[self.into()])?;
        let value = build.value(self.into(), dtype)?;
        let inner = if dtype == DType::Bool { DType::I64 } else { wide(dtype) };
        let value = build.program().cast(value, inner);
        let fold = Reduction { fold: Fold::Op(op), identity, dtype };
        build.reduce(value, fold, over)
    }

    /// The mean, of float tensors; see [`sum`](Self::sum).
    ///
    /// # Errors
    /// `Dtype` for integers and bool, unless the options name a float dtype; `Index` for a dim out of
    /// range.
    ///
    /// # Example
    /// ```
    /// assert_eq!(taut::tensor([1.0f32, 2.0, 6.0], ())?.mean(())?.item::<f32>()?, 3.0);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn mean(&self, over: impl Into<Over>) -> Result<Self> {
        let over = over.into();
        let dtype = over.dtype.unwrap_or(self.dtype());
        self.check_float("mean", dtype)?;
        let count = self.count(&over)?;
        let sum = self.sum(over.dtype(wide(dtype)))?;
        sum.scaled("mean", Op::Div, count, dtype)
    }

    /// `self op number`, in this dtype, then cast.
    #[track_caller]
    fn scaled(&self, name: &'static str, op: Op, number: f64, dtype: DType) -> Result<Self> {
        let of = self.dtype();
        if of == dtype
            && let Some(result) = plain::record(name, (op, of), &[self.into(), number.into()])
        {
            return result;
        }
        let mut build = Build::new(name, &[self.into()])?;
        let value = build.load(self)?;
        let number = build.scalar(number, of);
        let value = build.program().binary(op, value, number);
        let value = build.program().cast(value, dtype);
        build.finish(value)
    }

    /// The variance, with Bessel's correction of 1; see [`var_correction`](Self::var_correction).
    ///
    /// # Errors
    /// `Dtype` for integers and bool, `Index` for a dim out of range.
    ///
    /// # Example
    /// ```
    /// assert_eq!(taut::tensor([1.0f32, 2.0, 3.0], ())?.var(())?.item::<f32>()?, 1.0);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn var(&self, over: impl Into<Over>) -> Result<Self> {
        self.var_correction(over, 1)
    }

    /// The variance `Σ (x - mean)² / max(0, n - correction)`, in two passes.
    ///
    /// # Errors
    /// As [`var`](Self::var).
    #[track_caller]
    pub fn var_correction(
        &self,
        over: impl Into<Over>,
        correction: impl Into<Scalar>,
    ) -> Result<Self> {
        self.variance("var", &over.into(), correction.into().to_f64(), self.dtype())
    }

    /// The standard deviation: the square root of [`var`](Self::var).
    ///
    /// # Errors
    /// As [`var`](Self::var).
    ///
    /// # Example
    /// ```
    /// assert_eq!(taut::tensor([1.0f32, 5.0, 9.0], ())?.std(())?.item::<f32>()?, 4.0);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn std(&self, over: impl Into<Over>) -> Result<Self> {
        self.std_correction(over, 1)
    }

    /// The square root of [`var_correction`](Self::var_correction).
    ///
    /// # Errors
    /// As [`var`](Self::var).
    #[track_caller]
    pub fn std_correction(
        &self,
        over: impl Into<Over>,
        correction: impl Into<Scalar>,
    ) -> Result<Self> {
        let over = over.into();
        let dtype = wide(self.dtype());
        let var = self.variance("std", &over, correction.into().to_f64(), dtype)?;
        var.sqrt()?.to(self.dtype())
    }

    #[track_caller]
    fn variance(
        &self,
        name: &'static str,
        over: &Over,
        correction: f64,
        dtype: DType,
    ) -> Result<Self> {
        self.check_float(name, self.dtype())?;
        let inner = wide(self.dtype());
        let mean = self.mean(over.clone().keepdim().dtype(inner))?;
        let mut build = Build::new(name, &[self.into(), (&mean).into()])?;
        let value = build.value(self.into(), inner)?;
        let mean = build.load(&mean)?;
        let off = build.program().binary(Op::Sub, value, mean);
        let square = build.program().binary(Op::Mul, off, off);
        let fold = Reduction { fold: Fold::Op(Op::Add), identity: Scalar::Int(0), dtype: inner };
        let sum = build.reduce(square, fold, over)?;
        sum.scaled(name, Op::Div, (self.count(over)? - correction).max(0.0), dtype)
    }

    /// The largest value; NaN if any is.
    ///
    /// # Errors
    /// `Shape` where there is nothing to reduce, `Index` for a dim out of range.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([[1, 5], [7, 2]], ())?;
    /// assert_eq!(x.amax(1)?.to_vec::<i32>()?, [5, 7]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn amax(&self, over: impl Into<Over>) -> Result<Self> {
        self.extreme("amax", Op::Maximum, lowest(self.dtype()), &over.into())
    }

    /// The smallest value; NaN if any is.
    ///
    /// # Errors
    /// As [`amax`](Self::amax).
    #[track_caller]
    pub fn amin(&self, over: impl Into<Over>) -> Result<Self> {
        self.extreme("amin", Op::Minimum, highest(self.dtype()), &over.into())
    }

    /// The largest of all values.
    ///
    /// # Errors
    /// As [`amax`](Self::amax).
    #[track_caller]
    pub fn max(&self) -> Result<Self> {
        self.amax(())
    }

    /// The smallest of all values.
    ///
    /// # Errors
    /// As [`amax`](Self::amax).
    #[track_caller]
    pub fn min(&self) -> Result<Self> {
        self.amin(())
    }

    /// The largest value along a dim and the index of the first such: PyTorch's `max(dim)`.
    ///
    /// # Errors
    /// As [`amax`](Self::amax).
    ///
    /// # Example
    /// ```
    /// let (values, indices) = taut::tensor([[1, 5], [7, 2]], ())?.max_dim(1, false)?;
    /// assert_eq!(values.to_vec::<i32>()?, [5, 7]);
    /// assert_eq!(indices.to_vec::<i64>()?, [1, 0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn max_dim(&self, dim: i64, keepdim: bool) -> Result<(Self, Self)> {
        let over = Over { keepdim, ..dims(dim) };
        let positions = self.position("max", Fold::ArgMax, &over)?;
        Ok((self.amax(over)?, positions))
    }

    /// The smallest value along a dim and the index of the first such: PyTorch's `min(dim)`.
    ///
    /// # Errors
    /// As [`amax`](Self::amax).
    #[track_caller]
    pub fn min_dim(&self, dim: i64, keepdim: bool) -> Result<(Self, Self)> {
        let over = Over { keepdim, ..dims(dim) };
        let positions = self.position("min", Fold::ArgMin, &over)?;
        Ok((self.amin(over)?, positions))
    }

    /// The index of the first largest value along a dim, or among all elements in row-major order; int64.
    ///
    /// NaN counts as the largest.
    ///
    /// # Errors
    /// As [`amax`](Self::amax); `Dtype` for bool.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([[1, 5], [7, 2]], ())?;
    /// assert_eq!(x.argmax(())?.item::<i64>()?, 2);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn argmax(&self, over: impl Into<Over>) -> Result<Self> {
        self.check_ordered("argmax_cpu")?;
        self.position("argmax", Fold::ArgMax, &over.into())
    }

    /// The index of the first smallest value, see [`argmax`](Self::argmax). NaN counts as the smallest.
    ///
    /// # Errors
    /// As [`argmax`](Self::argmax).
    #[track_caller]
    pub fn argmin(&self, over: impl Into<Over>) -> Result<Self> {
        self.check_ordered("argmin_cpu")?;
        self.position("argmin", Fold::ArgMin, &over.into())
    }

    /// Whether any element is not zero; uint8 tensors give uint8.
    ///
    /// # Errors
    /// `Index` for a dim out of range.
    ///
    /// # Example
    /// ```
    /// assert!(taut::tensor([0, 1], ())?.any(())?.item::<bool>()?);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn any(&self, over: impl Into<Over>) -> Result<Self> {
        self.truth("any", Op::Maximum, false, &over.into())
    }

    /// Whether all elements are not zero; uint8 tensors give uint8.
    ///
    /// # Errors
    /// `Index` for a dim out of range.
    #[track_caller]
    pub fn all(&self, over: impl Into<Over>) -> Result<Self> {
        self.truth("all", Op::Minimum, true, &over.into())
    }

    #[track_caller]
    fn truth(&self, name: &'static str, op: Op, identity: bool, over: &Over) -> Result<Self> {
        let dtype = if self.dtype() == DType::U8 { DType::U8 } else { DType::Bool };
        let mut build = Build::new(name, &[self.into()])?;
        let value = build.value(self.into(), DType::Bool)?;
        let fold = Reduction { fold: Fold::Op(op), identity: Scalar::Bool(identity), dtype };
        build.reduce(value, fold, over)
    }

    #[track_caller]
    fn extreme(&self, name: &'static str, op: Op, identity: Scalar, over: &Over) -> Result<Self> {
        self.check_not_empty(name, over)?;
        let mut build = Build::new(name, &[self.into()])?;
        let value = build.load(self)?;
        let fold = Reduction { fold: Fold::Op(op), identity, dtype: self.dtype() };
        build.reduce(value, fold, over)
    }

    #[track_caller]
    fn position(&self, name: &'static str, fold: Fold, over: &Over) -> Result<Self> {
        self.check_not_empty(name, over)?;
        let mut build = Build::new(name, &[self.into()])?;
        let value = build.load(self)?;
        let identity = Scalar::Int(0);
        build.reduce(value, Reduction { fold, identity, dtype: DType::I64 }, over)
    }

    /// The number of elements that are folded into one.
    fn count(&self, over: &Over) -> Result<f64> {
        let mask = over.mask(self.dim())?;
        let sizes = self.shape().iter().zip(&mask).filter(|(_, folded)| **folded);
        Ok(sizes.map(|(&size, _)| size).product::<usize>() as f64)
    }

    pub(super) fn check_not_empty(&self, name: &str, over: &Over) -> Result<()> {
        let mask = over.mask(self.dim())?;
        let empty = mask.iter().zip(self.shape()).position(|(&folded, &size)| folded && size == 0);
        match empty {
            None => Ok(()),
            Some(dim) => Err(Error::shape(format!(
                "{name}(): Expected reduction dim {dim} to have non-zero size, as the operation has no \
                 identity, but got shape {}",
                self.size()
            ))),
        }
    }

    pub(crate) fn check_float(&self, name: &str, dtype: DType) -> Result<()> {
        if dtype.category() == Category::Float {
            return Ok(());
        }
        Err(Error::dtype(format!(
            "{name}(): could not infer output dtype. Input dtype must be either a floating point or \
             complex dtype. Got: {}",
            dtype.message_name()
        )))
    }

    pub(super) fn check_ordered(&self, name: &str) -> Result<()> {
        if self.dtype() != DType::Bool {
            return Ok(());
        }
        Err(Error::dtype(format!("\"{name}\" not implemented for 'Bool'")))
    }

    /// The Euclidean norm: `sqrt(Σ x²)`.
    ///
    /// # Errors
    /// `Dtype` for integers and bool, `Index` for a dim out of range.
    ///
    /// # Example
    /// ```
    /// assert_eq!(taut::tensor([3.0f32, 4.0], ())?.norm(())?.item::<f32>()?, 5.0);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn norm(&self, over: impl Into<Over>) -> Result<Self> {
        self.norm_p(2, over)
    }

    /// The p-norm `(Σ |x|^p)^(1/p)`; the largest and the smallest magnitude for ±infinity, the number of
    /// elements that are not zero for 0.
    ///
    /// # Errors
    /// As [`norm`](Self::norm).
    #[track_caller]
    pub fn norm_p(&self, p: impl Into<Scalar>, over: impl Into<Over>) -> Result<Self> {
        let (p, over) = (p.into().to_f64(), over.into());
        self.check_float("norm", self.dtype())?;
        let sum = dims_of(&over).dtype(wide(self.dtype()));
        let x = self.to(wide(self.dtype()))?;
        let norm = if p == f64::INFINITY {
            x.abs()?.amax(over)?
        } else if p == f64::NEG_INFINITY {
            x.abs()?.amin(over)?
        } else if p == 0.0 {
            x.ne(0)?.sum(sum)?
        } else if p == 1.0 {
            x.abs()?.sum(sum)?
        } else if p == 2.0 {
            x.square()?.sum(sum)?.sqrt()?
        } else {
            x.abs()?.pow(p)?.sum(sum)?.pow(1.0 / p)?
        };
        norm.to(self.dtype())
    }
}

/// The same dims and keepdim.
pub(crate) fn dims_of(over: &Over) -> Over {
    Over { dtype: None, ..over.clone() }
}

/// The value that no other of the dtype is below.
pub(crate) fn lowest(dtype: DType) -> Scalar {
    match dtype {
        DType::Bool => Scalar::Bool(false),
        DType::U8 => Scalar::Int(0),
        DType::I8 => Scalar::Int(i8::MIN.into()),
        DType::I16 => Scalar::Int(i16::MIN.into()),
        DType::I32 => Scalar::Int(i32::MIN.into()),
        DType::I64 => Scalar::Int(i64::MIN),
        DType::F16 | DType::BF16 | DType::F32 | DType::F64 => Scalar::Float(f64::NEG_INFINITY),
    }
}

/// The value that no other of the dtype is above.
pub(crate) fn highest(dtype: DType) -> Scalar {
    match dtype {
        DType::Bool => Scalar::Bool(true),
        DType::U8 => Scalar::Int(u8::MAX.into()),
        DType::I8 => Scalar::Int(i8::MAX.into()),
        DType::I16 => Scalar::Int(i16::MAX.into()),
        DType::I32 => Scalar::Int(i32::MAX.into()),
        DType::I64 => Scalar::Int(i64::MAX),
        DType::F16 | DType::BF16 | DType::F32 | DType::F64 => Scalar::Float(f64::INFINITY),
    }
}

/// A fold, its identity and the dtype of its result.
pub(crate) struct Reduction {
    pub(crate) fold: Fold,
    pub(crate) identity: Scalar,
    pub(crate) dtype: DType,
}

/// Which order of dims a fold goes by: Note [Order of folds] of `graph::record`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// That of the memory of the first operand.
    Memory,
    /// That of the shape.
    Shape,
}

impl Build {
    /// Records the fold of a value over some dims, with a new tensor as its result.
    #[track_caller]
    pub(crate) fn reduce(self, value: Value, reduction: Reduction, over: &Over) -> Result<Tensor> {
        // A place among several dims is one in the order of the shape.
        let order = match reduction.fold {
            Fold::Op(_) => Order::Memory,
            Fold::ArgMax | Fold::ArgMin => {
                let mask = over.mask(self.rank())?;
                let several = mask.iter().filter(|folded| **folded).count() > 1;
                if several { Order::Shape } else { Order::Memory }
            }
        };
        self.reduce_in(order, value, reduction, over)
    }

    /// The same, in a given order.
    #[track_caller]
    pub(crate) fn reduce_in(
        self,
        order: Order,
        value: Value,
        reduction: Reduction,
        over: &Over,
    ) -> Result<Tensor> {
        let mask = over.mask(self.rank())?;
        let identity = scalar_bits(reduction.identity, self.dtype(value));
        let result = self.finish_fold(value, &reduction, identity, (&mask, order))?;
        over.shaped(result, &mask)
    }
}
