//! Running folds along a dim, and the softmax family.

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernel::Fold;
use crate::layout;
use crate::ops::Op;
use crate::scalar::Scalar;

use super::elementwise::{Build, scalar_bits};
use super::over::Over;
use super::reduce::{Reduction, dims_of, wide};
use super::{Tensor, dims};

impl Tensor {
    /// The running sum along a dim; integers and bool add up in int64.
    ///
    /// Float32 carries rounding errors along, so that the last element is about as good as a sum in twice
    /// the precision.
    ///
    /// # Errors
    /// `Index` for a dim out of range.
    ///
    /// # Example
    /// ```
    /// assert_eq!(taut::tensor([1, 2, 3], ())?.cumsum(0)?.to_vec::<i64>()?, [1, 3, 6]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn cumsum(&self, dim: i64) -> Result<Self> {
        self.scan("cumsum", Op::Add, Scalar::Int(0), dim, None)
    }

    /// [`cumsum`](Self::cumsum) of the elements converted to a dtype.
    ///
    /// # Errors
    /// As [`cumsum`](Self::cumsum).
    #[track_caller]
    pub fn cumsum_dtype(&self, dim: i64, dtype: DType) -> Result<Self> {
        self.scan("cumsum", Op::Add, Scalar::Int(0), dim, Some(dtype))
    }

    /// The running product along a dim; integers and bool multiply in int64.
    ///
    /// # Errors
    /// `Index` for a dim out of range.
    #[track_caller]
    pub fn cumprod(&self, dim: i64) -> Result<Self> {
        self.scan("cumprod", Op::Mul, Scalar::Int(1), dim, None)
    }

    #[track_caller]
    fn scan(
        &self,
        name: &'static str,
        op: Op,
        identity: Scalar,
        dim: i64,
        dtype: Option<DType>,
    ) -> Result<Self> {
        let dim = layout::normalize_dim(dim, self.dim())?;
        let floats = self.dtype().is_floating_point();
        let dtype = dtype.unwrap_or(if floats { self.dtype() } else { DType::I64 });
        if dtype == DType::Bool {
            return Err(Error::dtype(format!("\"{name}_out_cpu\" not implemented for 'Bool'")));
        }
        if self.dim() == 0 {
            return self.to(dtype)?.try_clone();
        }
        let mut build = Build::new(name, &[self.into()])?;
        let value = build.value(self.into(), dtype)?;
        let inner = wide(dtype);
        let value = build.program().cast(value, inner);
        let mut mask = vec![false; self.dim()];
        mask[dim] = true;
        let identity_bits = scalar_bits(identity, inner);
        let reduction = Reduction { fold: Fold::Op(op), identity, dtype };
        build.finish_scan(value, &reduction, identity_bits, &mask)
    }

    /// `exp(x) / Σ exp(x)` along a dim, computed as `exp(x - max)`.
    ///
    /// # Errors
    /// `Dtype` for integers and bool, `Index` for a dim out of range.
    ///
    /// # Example
    /// ```
    /// let x = taut::zeros([4], ())?.softmax(0)?;
    /// assert_eq!(x.to_vec::<f32>()?, [0.25; 4]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn softmax(&self, dim: i64) -> Result<Self> {
        self.check_float("softmax", self.dtype())?;
        if self.numel() == 0 {
            return self.try_clone();
        }
        let x = self.to(wide(self.dtype()))?;
        let over = dims(dim).keepdim();
        let powers = x.sub(&x.amax(over.clone())?)?.exp()?;
        powers.div(&powers.sum(over)?)?.to(self.dtype())
    }

    /// The logarithm of [`softmax`](Self::softmax), computed without it.
    ///
    /// # Errors
    /// As [`softmax`](Self::softmax).
    #[track_caller]
    pub fn log_softmax(&self, dim: i64) -> Result<Self> {
        self.check_float("log_softmax", self.dtype())?;
        if self.numel() == 0 {
            return self.try_clone();
        }
        let x = self.to(wide(self.dtype()))?;
        let over = dims(dim).keepdim();
        let off = x.sub(&x.amax(over.clone())?)?;
        off.sub(&off.exp()?.sum(over)?.log()?)?.to(self.dtype())
    }

    /// `log Σ exp(x)`, without overflow.
    ///
    /// # Errors
    /// `Dtype` for integers and bool, `Index` for a dim out of range.
    ///
    /// # Example
    /// ```
    /// let x = taut::full([2], 1000.0, ())?;
    /// assert_eq!(x.logsumexp(())?.item::<f32>()?, 1000.6932);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn logsumexp(&self, over: impl Into<Over>) -> Result<Self> {
        let over = over.into();
        self.check_float("logsumexp", self.dtype())?;
        let x = self.to(wide(self.dtype()))?;
        if x.numel() == 0 {
            return x.exp()?.sum(over)?.log()?.to(self.dtype());
        }
        let max = x.amax(dims_of(&over).keepdim())?;
        // An infinite maximum would give inf - inf.
        let max = max.isinf()?.where_cond(0, &max)?;
        let sum = x.sub(&max)?.exp()?.sum(dims_of(&over).keepdim())?;
        let result = sum.log()?.add(&max)?;
        over.shaped(result, &over.mask(x.dim())?)?.to(self.dtype())
    }
}
