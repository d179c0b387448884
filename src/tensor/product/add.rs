//! Products with something added, and products along named dims: addmm, baddbmm, tensordot.

use smallvec::SmallVec;

use crate::error::{Error, Result};
use crate::layout;
use crate::ops::Op;
use crate::scalar::Scalar;

use super::super::elementwise::Build;
use super::super::reduce::wide;
use super::super::sizes::IntoDims;
use super::super::{Tensor, dims};
use super::record::{self, Form};

impl Tensor {
    /// `self + mat1 @ mat2`, where this tensor expands to the shape of the product.
    ///
    /// See [`addmm_scaled`](Self::addmm_scaled) for PyTorch's `beta` and `alpha`, [`matmul`](Self::matmul) for the
    /// error. float16 and bfloat16 compute in float32 and are rounded once.
    ///
    /// # Errors
    /// `Shape` for sizes that do not fit; `Dtype` for dtypes that differ, and for bool; `Device` when the tensors
    /// are on different devices.
    ///
    /// # Example
    /// ```
    /// let a = taut::tensor([[1, 2], [3, 4]], ())?;
    /// let bias = taut::tensor([100, 200], ())?;
    /// assert_eq!(bias.addmm(&a, &a)?.to_vec::<i32>()?, [107, 210, 115, 222]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn addmm(&self, mat1: &Self, mat2: &Self) -> Result<Self> {
        self.addmm_scaled(mat1, mat2, 1, 1)
    }

    /// `beta * self + alpha * (mat1 @ mat2)`; with `beta` 0 the elements of this tensor count for nothing, NaN
    /// neither.
    ///
    /// # Errors
    /// As [`addmm`](Self::addmm).
    #[track_caller]
    pub fn addmm_scaled(
        &self,
        mat1: &Self,
        mat2: &Self,
        beta: impl Into<Scalar>,
        alpha: impl Into<Scalar>,
    ) -> Result<Self> {
        for (tensor, argument) in [(mat1, "mat1"), (mat2, "mat2")] {
            if tensor.dim() != 2 {
                return Err(Error::shape(format!(
                    "addmm: {argument} must be a matrix, got {}-D tensor",
                    tensor.dim()
                )));
            }
        }
        mat1.check_inner("addmm", mat2)?;
        mat1.check_matrices(mat2)?;
        self.plus_product("addmm", mat1, mat2, beta.into(), alpha.into())
    }

    /// `self + batch1 @ batch2` for batches of matrices, `(b, n, m) + (b, n, k) @ (b, k, m)`; see
    /// [`addmm`](Self::addmm).
    ///
    /// # Errors
    /// As [`addmm`](Self::addmm).
    #[track_caller]
    pub fn baddbmm(&self, batch1: &Self, batch2: &Self) -> Result<Self> {
        self.baddbmm_scaled(batch1, batch2, 1, 1)
    }

    /// `beta * self + alpha * (batch1 @ batch2)`, see [`addmm_scaled`](Self::addmm_scaled).
    ///
    /// # Errors
    /// As [`addmm`](Self::addmm).
    #[track_caller]
    pub fn baddbmm_scaled(
        &self,
        batch1: &Self,
        batch2: &Self,
        beta: impl Into<Scalar>,
        alpha: impl Into<Scalar>,
    ) -> Result<Self> {
        batch1.check_batch_pair(batch2)?;
        self.plus_product("baddbmm", batch1, batch2, beta.into(), alpha.into())
    }

    #[track_caller]
    fn plus_product(
        &self,
        name: &'static str,
        lhs: &Self,
        rhs: &Self,
        beta: Scalar,
        alpha: Scalar,
    ) -> Result<Self> {
        let dtype = lhs.dtype();
        if self.dtype() != dtype {
            return Err(Error::dtype(format!(
                "self and mat2 must have the same dtype, but got {} and {}",
                self.dtype().message_name(),
                rhs.dtype().message_name()
            )));
        }
        let inner = wide(dtype);
        let product = record::product(name, &lhs.to(inner)?, &rhs.to(inner)?, Form::Native)?;
        let added = self.expand(product.shape())?;
        let mut build = Build::new(name, &[(&product).into(), (&added).into()])?;
        let is_one = |scalar: Scalar| scalar.to_f64() == 1.0;
        let mut value = build.load(&product)?;
        if !is_one(alpha) {
            let alpha = build.scalar(alpha, inner);
            value = build.program().binary(Op::Mul, value, alpha);
        }
        if beta.to_f64() != 0.0 {
            let mut own = build.value((&added).into(), inner)?;
            if !is_one(beta) {
                let beta = build.scalar(beta, inner);
                own = build.program().binary(Op::Mul, own, beta);
            }
            value = build.program().binary(Op::Add, own, value);
        }
        let value = build.program().cast(value, dtype);
        build.finish(value)
    }

    /// The sums of products over the last `dims` dims of this tensor and the first `dims` of the other.
    ///
    /// See [`tensordot_dims`](Self::tensordot_dims) to name the dims, [`matmul`](Self::matmul) for dtypes and the
    /// error.
    ///
    /// # Errors
    /// `Shape` for more dims than there are, and for sizes that differ; `Dtype` for dtypes that differ, and for
    /// bool; `Device` when the tensors are on different devices.
    ///
    /// # Example
    /// ```
    /// let (a, b) = (taut::ones([2, 3, 4], ())?, taut::ones([3, 4, 5], ())?);
    /// assert_eq!(a.tensordot(&b, 2)?.to_vec::<f32>()?, [12.0; 10]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn tensordot(&self, other: &Self, dims: usize) -> Result<Self> {
        if dims > self.dim() || dims > other.dim() {
            return Err(Error::shape(format!(
                "tensordot expects dims < ndim_a or ndim_b, but got dims={dims}"
            )));
        }
        let of_self: SmallVec<[i64; 6]> = (1..=dims as i64).rev().map(|dim| -dim).collect();
        let of_other: SmallVec<[i64; 6]> = (0..dims as i64).collect();
        self.tensordot_dims(other, &of_self[..], &of_other[..])
    }

    /// The sums of products over pairs of dims, one of each tensor; what is left of this tensor's dims comes first.
    ///
    /// A dim of size 1 goes with one of any size, as if it were expanded.
    ///
    /// # Errors
    /// As [`tensordot`](Self::tensordot); `Index` for a dim out of range.
    #[track_caller]
    pub fn tensordot_dims(
        &self,
        other: &Self,
        dims_self: impl IntoDims,
        dims_other: impl IntoDims,
    ) -> Result<Self> {
        let (named, named_other) = (dims_self.into_dims(), dims_other.into_dims());
        if named.len() != named_other.len() {
            return Err(Error::shape("both dimension lists should have same length"));
        }
        let own = layout::normalize_dims(&named, self.dim())?;
        let others = layout::normalize_dims(&named_other, other.dim())?;
        let (mut lhs, mut rhs) = (self.alias(), other.alias());
        for (i, (&a, &b)) in own.iter().zip(&others).enumerate() {
            let (size, other_size) = (self.shape()[a], other.shape()[b]);
            if size == other_size {
                continue;
            }
            let summed = |dim: usize, dtype| dims(dim).keepdim().dtype(dtype);
            if size == 1 {
                rhs = rhs.sum(summed(b, other.dtype()))?;
            } else if other_size == 1 {
                lhs = lhs.sum(summed(a, self.dtype()))?;
            } else {
                return Err(Error::shape(format!(
                    "contracted dimensions need to match, but first has size {size} in dim {} and second \
                     has size {other_size} in dim {}",
                    named[i], named_other[i]
                )));
            }
        }
        let free = |tensor: &Self, taken: &[usize]| -> SmallVec<[usize; 6]> {
            (0..tensor.dim()).filter(|dim| !taken.contains(dim)).collect()
        };
        let (kept, kept_other) = (free(self, &own), free(other, &others));
        let len = |tensor: &Self, dims: &[usize]| -> usize {
            dims.iter().map(|&dim| tensor.shape()[dim]).product()
        };
        let inner = len(&lhs, &own);
        let order: Vec<usize> = kept.iter().chain(&own).copied().collect();
        let order_other: Vec<usize> = others.iter().chain(&kept_other).copied().collect();
        let rows = lhs.permute(&order[..])?.reshape([len(self, &kept), inner])?;
        let columns = rhs.permute(&order_other[..])?.reshape([inner, len(other, &kept_other)])?;
        let shape: Vec<usize> = kept
            .iter()
            .map(|&dim| self.shape()[dim])
            .chain(kept_other.iter().map(|&dim| other.shape()[dim]))
            .collect();
        rows.check_matrices(&columns)?;
        record::product("tensordot", &rows, &columns, Form::Native)?.view(&shape[..])
    }
}

/// [`Tensor::addmm`] as a function.
///
/// # Errors
/// As the method's.
#[track_caller]
pub fn addmm(input: &Tensor, mat1: &Tensor, mat2: &Tensor) -> Result<Tensor> {
    input.addmm(mat1, mat2)
}

/// [`Tensor::baddbmm`] as a function.
///
/// # Errors
/// As the method's.
#[track_caller]
pub fn baddbmm(input: &Tensor, batch1: &Tensor, batch2: &Tensor) -> Result<Tensor> {
    input.baddbmm(batch1, batch2)
}

/// [`Tensor::tensordot`] as a function.
///
/// # Errors
/// As the method's.
#[track_caller]
pub fn tensordot(a: &Tensor, b: &Tensor, dims: usize) -> Result<Tensor> {
    a.tensordot(b, dims)
}
