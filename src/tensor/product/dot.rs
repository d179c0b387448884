//! Products with vectors: mv, dot, outer.

use crate::dtype::DType;
use crate::error::{Error, Result};

use super::super::Tensor;
use super::record::{self, Form};
use super::{check_not_bool, vector_mismatch};

impl Tensor {
    /// The product of a matrix and a vector, `(n, k) @ (k) -> (n)`.
    ///
    /// Sums are in an order of shape and strides alone: the bits are the same on every device, and within
    /// `(17 + log2 k) u · Σ|a||b|` of the true value (float16 and bfloat16 compute as float32, rounded once).
    ///
    /// # Errors
    /// `Shape` unless the tensors are a matrix and a vector that fit; `Dtype` for dtypes that differ, and for
    /// bool; `Device` when they are on different devices.
    ///
    /// # Example
    /// ```
    /// let a = taut::tensor([[1, 2], [3, 4]], ())?;
    /// assert_eq!(a.mv(&taut::tensor([1, 10], ())?)?.to_vec::<i32>()?, [21, 43]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn mv(&self, vec: &Self) -> Result<Self> {
        self.mv_in("mv", vec, Form::Native)
    }

    #[track_caller]
    pub(super) fn mv_in(&self, name: &'static str, vec: &Self, form: Form) -> Result<Self> {
        let (&[rows, columns], &[len]) = (self.shape(), vec.shape()) else {
            return Err(Error::shape(format!(
                "vector + matrix @ vector expected, got 1, {}, {}",
                self.dim(),
                vec.dim()
            )));
        };
        if columns != len {
            return Err(vector_mismatch(rows, columns, len));
        }
        let (own, other) = (self.dtype().message_name(), vec.dtype().message_name());
        if own != other {
            return Err(Error::dtype(format!(
                "addmv input tensors must have the same dtype, but got {other}, {own}, and {other}"
            )));
        }
        check_not_bool(self, vec, "addmv_impl_cpu")?;
        record::product(name, self, &vec.unsqueeze(1)?, form)?.squeeze(1)
    }

    /// The inner product of two vectors, `(k) · (k) -> ()`, added up as [`mv`](Self::mv) does.
    ///
    /// # Errors
    /// `Shape` unless both are vectors of one size; `Dtype` for dtypes that differ, and for bool; `Device` when
    /// they are on different devices.
    ///
    /// # Example
    /// ```
    /// let a = taut::tensor([1, 2, 3], ())?;
    /// assert_eq!(a.dot(&a)?.item::<i32>()?, 14);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn dot(&self, other: &Self) -> Result<Self> {
        self.dot_in("dot", other, Form::Native)
    }

    #[track_caller]
    pub(super) fn dot_in(&self, name: &'static str, other: &Self, form: Form) -> Result<Self> {
        let (&[len], &[other_len]) = (self.shape(), other.shape()) else {
            return Err(Error::shape(format!(
                "1D tensors expected, but got {}D and {}D tensors",
                self.dim(),
                other.dim()
            )));
        };
        if self.dtype() != other.dtype() {
            return Err(Error::dtype(format!(
                "dot : expected both vectors to have same dtype, but found {} and {}",
                self.dtype().message_name(),
                other.dtype().message_name()
            )));
        }
        if len != other_len {
            return Err(Error::shape(format!(
                "inconsistent tensor size, expected tensor [{len}] and src [{other_len}] to have the same \
                 number of elements, but got {len} and {other_len} elements respectively"
            )));
        }
        if self.dtype() == DType::Bool {
            return Err(Error::dtype("\"dot\" not implemented for 'Bool'"));
        }
        let product = record::product(name, &self.unsqueeze(0)?, &other.unsqueeze(1)?, form)?;
        product.squeeze(())
    }

    /// Every product of an element of one vector with one of another, `(n), (m) -> (n, m)`, in the dtype in which
    /// they meet.
    ///
    /// # Errors
    /// `Shape` unless both are vectors, `Device` when they are on different devices.
    ///
    /// # Example
    /// ```
    /// let (a, b) = (taut::tensor([1, 2], ())?, taut::tensor([3, 4, 5], ())?);
    /// assert_eq!(a.outer(&b)?.to_vec::<i32>()?, [3, 4, 5, 6, 8, 10]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn outer(&self, vec2: &Self) -> Result<Self> {
        for (tensor, argument) in [(self, "self"), (vec2, "vec2")] {
            if tensor.dim() != 1 {
                return Err(Error::shape(format!(
                    "outer: Expected 1-D argument {argument}, but got {}-D",
                    tensor.dim()
                )));
            }
        }
        self.unsqueeze(1)?.mul(vec2)
    }
}

/// [`Tensor::mv`] as a function.
///
/// # Errors
/// As the method's.
#[track_caller]
pub fn mv(input: &Tensor, vec: &Tensor) -> Result<Tensor> {
    input.mv(vec)
}

/// [`Tensor::dot`] as a function.
///
/// # Errors
/// As the method's.
#[track_caller]
pub fn dot(input: &Tensor, other: &Tensor) -> Result<Tensor> {
    input.dot(other)
}

/// [`Tensor::outer`] as a function.
///
/// # Errors
/// As the method's.
#[track_caller]
pub fn outer(input: &Tensor, vec2: &Tensor) -> Result<Tensor> {
    input.outer(vec2)
}
