//! Matrix products: matmul, mm, bmm, mv, dot, outer, addmm, baddbmm, tensordot, einsum.
//!
//! Owns PyTorch's rules of ranks and its words. All of them become one of two things (`record`): a product
//! kernel, whose order of additions is the device's own, or a fold of the element-wise product along `k`,
//! in the tree of reductions. Folded is what has one row or one column, where memory is the limit and
//! not arithmetic, and what [`Tensor::matmul_exact`] asks for.
//!
//! # Note [Products]
//! A product is deterministic: on one device the same shapes, strides and values give the same bits, at
//! any number of threads. Between devices, and from the true value, the sum of `k` float products differs
//! by at most `k u / (1 - k u) · Σ|a||b|`, whatever its order and whether its steps are fused (N. J. Higham,
//! Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1): two devices by twice that. `u` is
//! 2^-24 for float32 and 2^-53 for float64; float16 and bfloat16 multiply and add in float32 and are rounded
//! once, which adds half an ULP. Sums that overflow on the way or meet an infinity may be NaN on one device
//! and infinite on another. Integers wrap and are the same everywhere.

mod add;
mod dot;
mod einsum;
mod record;

pub use add::{addmm, baddbmm, tensordot};
pub use dot::{dot, mv, outer};
pub use einsum::einsum;

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::layout;

use super::Tensor;
use record::Form;

impl Tensor {
    /// The matrix product `(.., n, k) @ (.., k, m) -> (.., n, m)`, batches broadcasting.
    ///
    /// A 1-d tensor is a row on the left and a column on the right, and its dim goes from the result; two 1-d
    /// tensors give their [`dot`](Self::dot). Both have one dtype, which the result has too.
    ///
    /// The result is deterministic on each device, but float sums are in an order of the device's own: it is
    /// within `k u / (1 - k u) · Σ|a||b|` of the true value, so two devices differ by at most twice that (`u` is
    /// 2^-24 for float32, 2^-53 for float64; float16 and bfloat16 compute as float32 and are rounded once). The
    /// bound is Higham's (Accuracy and Stability of Numerical Algorithms, section 3.1).
    /// [`matmul_exact`](Self::matmul_exact) gives the same bits on every device.
    ///
    /// # Errors
    /// `Shape` for a 0-d tensor, or sizes that do not fit; `Dtype` for dtypes that differ, and for bool;
    /// `Device` when the tensors are on different devices.
    ///
    /// # Example
    /// ```
    /// let a = taut::tensor([[1, 2], [3, 4]], ())?;
    /// assert_eq!(a.matmul(&a)?.to_vec::<i32>()?, [7, 10, 15, 22]);
    /// let batches = taut::ones([5, 2, 3], ())?;
    /// assert_eq!(batches.matmul(&taut::ones([3, 4], ())?)?.shape(), [5, 2, 4]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn matmul(&self, other: &Self) -> Result<Self> {
        self.matmul_in("matmul", other, Form::Native)
    }

    /// [`matmul`](Self::matmul) with the same bits on every device.
    ///
    /// Sums are in the tree of reductions, here a function of the shapes whatever the strides, which is within
    /// `(17 + log2 k) u · Σ|a||b|` of the true value. It is slower: each of the products is made and folded for
    /// itself, in one kernel that stores none of them, where a matrix product keeps what it loads at hand.
    ///
    /// # Errors
    /// As [`matmul`](Self::matmul).
    ///
    /// # Example
    /// ```
    /// let a = taut::rand([4, 300], ())?;
    /// let b = taut::rand([300, 5], ())?;
    /// let exact = a.matmul_exact(&b)?;
    /// let gpu = taut::Device::best();
    /// let other = a.to(gpu)?.matmul_exact(&b.to(gpu)?)?;
    /// assert_eq!(exact.to_vec::<f32>()?, other.to_vec::<f32>()?);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn matmul_exact(&self, other: &Self) -> Result<Self> {
        self.matmul_in("matmul_exact", other, Form::Exact)
    }

    #[track_caller]
    fn matmul_in(&self, name: &'static str, other: &Self, form: Form) -> Result<Self> {
        match (self.dim(), other.dim()) {
            (0, _) | (_, 0) => Err(Error::shape(format!(
                "both arguments to matmul need to be at least 1D, but they are {}D and {}D",
                self.dim(),
                other.dim()
            ))),
            (1, 1) => self.dot_in(name, other, form),
            (2, 1) => self.mv_in(name, other, form),
            (1, 2) => self.unsqueeze(0)?.mm_in(name, other, form)?.squeeze(0),
            (2, 2) => self.mm_in(name, other, form),
            (left, right) => {
                let lhs = if left == 1 { self.unsqueeze(0)? } else { self.alias() };
                let rhs = if right == 1 { other.unsqueeze(1)? } else { other.alias() };
                let folds = left > 2 && right <= 2;
                lhs.check_batches(&rhs, folds, right == 1)?;
                let product = record::product(name, &lhs, &rhs, form)?;
                match (left, right) {
                    (1, _) => product.squeeze(-2),
                    (_, 1) => product.squeeze(-1),
                    _ => Ok(product),
                }
            }
        }
    }

    /// What `matmul` says of batches; PyTorch folds those of the left factor where the right one has none.
    fn check_batches(&self, rhs: &Self, folds: bool, vector: bool) -> Result<()> {
        let ([batch @ .., rows, inner], [rhs_batch @ .., other, columns]) =
            (self.shape(), rhs.shape())
        else {
            unreachable!("factors have two dims at least")
        };
        if folds {
            let rows = batch.iter().product::<usize>() * rows;
            if inner != other && vector {
                return Err(vector_mismatch(rows, *inner, *other));
            }
            if inner != other {
                return Err(Error::shape(format!(
                    "mm: mat1 and mat2 shapes cannot be multiplied ({rows}x{inner} and {other}x{columns})"
                )));
            }
            return self.check_matrices(rhs);
        }
        let shape = layout::broadcast(&[batch, rhs_batch])?;
        if inner != other {
            return Err(batch_mismatch(
                [shape.iter().product(), *inner],
                [shape.iter().product(), *other],
            ));
        }
        check_scalar_types(self, rhs)?;
        check_not_bool(self, rhs, "bmm")
    }

    /// The product of two matrices, `(n, k) @ (k, m) -> (n, m)`; see [`matmul`](Self::matmul).
    ///
    /// # Errors
    /// `Shape` unless both are matrices that fit; `Dtype` for dtypes that differ, and for bool; `Device` when
    /// the tensors are on different devices.
    ///
    /// # Example
    /// ```
    /// let a = taut::tensor([[1.0f32, 2.0]], ())?;
    /// assert_eq!(a.mm(&a.t()?)?.to_vec::<f32>()?, [5.0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn mm(&self, mat2: &Self) -> Result<Self> {
        self.mm_in("mm", mat2, Form::Native)
    }

    #[track_caller]
    fn mm_in(&self, name: &'static str, mat2: &Self, form: Form) -> Result<Self> {
        for (tensor, argument) in [(self, "self"), (mat2, "mat2")] {
            if tensor.dim() != 2 {
                return Err(Error::shape(format!(
                    "mm: {argument} must be a matrix, got {}-D tensor",
                    tensor.dim()
                )));
            }
        }
        self.check_inner("mm", mat2)?;
        self.check_matrices(mat2)?;
        record::product(name, self, mat2, form)
    }

    /// The products of matrices one by one, `(b, n, k) @ (b, k, m) -> (b, n, m)`; see
    /// [`matmul`](Self::matmul).
    ///
    /// # Errors
    /// `Shape` unless both have three dims that fit; `Dtype` for dtypes that differ, and for bool; `Device` when
    /// the tensors are on different devices.
    ///
    /// # Example
    /// ```
    /// let a = taut::tensor([[[1, 2]], [[3, 4]]], ())?;
    /// assert_eq!(a.bmm(&a.transpose(1, 2)?)?.to_vec::<i32>()?, [5, 25]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn bmm(&self, mat2: &Self) -> Result<Self> {
        self.check_batch_pair(mat2)?;
        record::product("bmm", self, mat2, Form::Native)
    }

    fn check_batch_pair(&self, mat2: &Self) -> Result<()> {
        for (tensor, argument) in [(self, "batch1"), (mat2, "batch2")] {
            if tensor.dim() != 3 {
                return Err(Error::shape(format!("{argument} must be a 3D tensor")));
            }
        }
        let (expected, got) =
            ([self.shape()[0], self.shape()[2]], [mat2.shape()[0], mat2.shape()[1]]);
        if expected != got {
            return Err(batch_mismatch(expected, got));
        }
        check_scalar_types(self, mat2)?;
        check_not_bool(self, mat2, "bmm")
    }

    /// Matrices whose inner sizes differ.
    fn check_inner(&self, name: &str, mat2: &Self) -> Result<()> {
        let (a, b) = (self.shape(), mat2.shape());
        if a[1] == b[0] {
            return Ok(());
        }
        Err(Error::shape(format!(
            "{name}: mat1 and mat2 shapes cannot be multiplied ({}x{} and {}x{})",
            a[0], a[1], b[0], b[1]
        )))
    }

    /// What a product of two matrices says of their dtypes.
    fn check_matrices(&self, mat2: &Self) -> Result<()> {
        if self.dtype() != mat2.dtype() {
            return Err(Error::dtype(format!(
                "expected m1 and m2 to have the same dtype, but got: {} != {}",
                c_name(self.dtype()),
                c_name(mat2.dtype())
            )));
        }
        check_not_bool(self, mat2, "addmm_impl_cpu_")
    }
}

/// [`Tensor::matmul`] as a function.
///
/// # Errors
/// As the method's.
///
/// # Example
/// ```
/// let (a, b) = (taut::ones([2, 3], ())?, taut::ones([3, 2], ())?);
/// assert_eq!(taut::matmul(&a, &b)?.to_vec::<f32>()?, [3.0; 4]);
/// # Ok::<(), taut::Error>(())
/// ```
#[track_caller]
pub fn matmul(input: &Tensor, other: &Tensor) -> Result<Tensor> {
    input.matmul(other)
}

/// [`Tensor::mm`] as a function.
///
/// # Errors
/// As the method's.
#[track_caller]
pub fn mm(input: &Tensor, mat2: &Tensor) -> Result<Tensor> {
    input.mm(mat2)
}

/// [`Tensor::bmm`] as a function.
///
/// # Errors
/// As the method's.
#[track_caller]
pub fn bmm(input: &Tensor, mat2: &Tensor) -> Result<Tensor> {
    input.bmm(mat2)
}

fn batch_mismatch(expected: [usize; 2], got: [usize; 2]) -> Error {
    Error::shape(format!(
        "Expected size for first two dimensions of batch2 tensor to be: {expected:?} but got: {got:?}."
    ))
}

fn vector_mismatch(rows: usize, columns: usize, len: usize) -> Error {
    Error::shape(format!("size mismatch, got input ({rows}), mat ({rows}x{columns}), vec ({len})"))
}

fn check_scalar_types(lhs: &Tensor, rhs: &Tensor) -> Result<()> {
    if lhs.dtype() == rhs.dtype() {
        return Ok(());
    }
    Err(Error::dtype(format!(
        "expected scalar type {} but found {}",
        lhs.dtype().message_name(),
        rhs.dtype().message_name()
    )))
}

/// PyTorch has no kernel for bool, but needs none where there is nothing to add up.
fn check_not_bool(lhs: &Tensor, rhs: &Tensor, kernel: &str) -> Result<()> {
    if lhs.dtype() != DType::Bool || lhs.numel() == 0 || rhs.numel() == 0 {
        return Ok(());
    }
    Err(Error::dtype(format!("\"{kernel}\" not implemented for 'Bool'")))
}

/// The name of the dtype's type in C++, which one of PyTorch's messages uses.
fn c_name(dtype: DType) -> &'static str {
    match dtype {
        DType::Bool => "bool",
        DType::U8 => "unsigned char",
        DType::I8 => "signed char",
        DType::I16 => "short",
        DType::I32 => "int",
        DType::I64 => "long",
        DType::F16 => "c10::Half",
        DType::BF16 => "c10::BFloat16",
        DType::F32 => "float",
        DType::F64 => "double",
    }
}
