//! One place of the order: kthvalue, median, nanmedian.
//!
//! Each asks for one rank of every line, or for all where NaN move it (nanmedian), so that of equal elements
//! the index is the one that the stable sort has at that place, on every device. PyTorch leaves open which it
//! is.

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernel::Ranks;
use crate::layout;

use super::super::creation::{full, zeros};
use super::super::{Rounding, Tensor, dims};

/// What becomes of NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nan {
    /// The first one of a line is its median.
    Propagates,
    /// Left out; it is the median where there is nothing else.
    Ignored,
}

impl Tensor {
    /// The `k`-th smallest element along a dim, counted from 1, and its index, int64.
    ///
    /// NaN is beyond all numbers. Value and index are those that [`sort`](Self::sort) has at that place,
    /// also where elements are equal, and it is a read point where `sort` is one.
    ///
    /// # Errors
    /// `Index` for a dim out of range, or unless `k` is from 1 to its size; `Shape` for a dim of size 0;
    /// `Dtype` for bool.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([[5, 1, 3], [2, 9, 4]], ())?;
    /// let (values, indices) = x.kthvalue(2, 1, false)?;
    /// assert_eq!(values.to_vec::<i32>()?, [3, 4]);
    /// assert_eq!(indices.to_vec::<i64>()?, [2, 2]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn kthvalue(&self, k: i64, dim: i64, keepdim: bool) -> Result<(Self, Self)> {
        let axis = layout::normalize_dim(dim, self.dim())?;
        self.check_not_empty("kthvalue", &dims(dim))?;
        let size = self.shape().get(axis).copied().unwrap_or(1);
        if k < 1 || k > size as i64 {
            return Err(Error::index(format!(
                "kthvalue(): selected number k out of range for dimension {axis}, got k = {k} for size \
                 {size}"
            )));
        }
        self.check_ordered("kthvalue_cpu")?;
        if self.dim() == 0 {
            return self.alone();
        }
        let index = self.position_of("kthvalue", dim, k - 1)?;
        self.at_index("kthvalue", dim, index, keepdim)
    }

    /// The median of all elements, the lower one of two: 0-d. NaN if any element is, or there is none.
    ///
    /// # Errors
    /// `Dtype` for bool; `Shape` for integers without elements, of which PyTorch makes a number.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([[4.0f32, 1.0], [3.0, 2.0]], ())?;
    /// assert_eq!(x.median()?.item::<f32>()?, 2.0);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn median(&self) -> Result<Self> {
        self.median_of_all("median", Nan::Propagates)
    }

    /// The median along a dim, the lower one of two, and its index, int64: PyTorch's `median(dim)`.
    ///
    /// A line with NaN has its first NaN. Otherwise value and index are those that [`sort`](Self::sort) has
    /// in the middle, also where elements are equal, and it is a read point where `sort` is one.
    ///
    /// # Errors
    /// `Index` for a dim out of range, `Shape` for a dim of size 0, `Dtype` for bool.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([[4, 1, 3, 2], [5, 5, 6, 0]], ())?;
    /// let (values, indices) = x.median_dim(1, false)?;
    /// assert_eq!(values.to_vec::<i32>()?, [2, 5]);
    /// assert_eq!(indices.to_vec::<i64>()?, [3, 0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn median_dim(&self, dim: i64, keepdim: bool) -> Result<(Self, Self)> {
        self.median_along("median", Nan::Propagates, dim, keepdim)
    }

    /// [`median`](Self::median) of the elements that are not NaN; NaN if there is none.
    ///
    /// # Errors
    /// As [`median`](Self::median).
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([f32::NAN, 3.0, 1.0], ())?;
    /// assert_eq!(x.nanmedian()?.item::<f32>()?, 1.0);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn nanmedian(&self) -> Result<Self> {
        self.median_of_all("nanmedian", Nan::Ignored)
    }

    /// [`median_dim`](Self::median_dim) of the elements that are not NaN; the first NaN of a line where
    /// there is none.
    ///
    /// # Errors
    /// As [`median_dim`](Self::median_dim).
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([f32::NAN, 3.0, 1.0], ())?;
    /// let (values, indices) = x.nanmedian_dim(0, true)?;
    /// assert_eq!(values.to_vec::<f32>()?, [1.0]);
    /// assert_eq!(indices.to_vec::<i64>()?, [2]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn nanmedian_dim(&self, dim: i64, keepdim: bool) -> Result<(Self, Self)> {
        self.median_along("nanmedian", Nan::Ignored, dim, keepdim)
    }

    #[track_caller]
    fn median_of_all(&self, name: &'static str, nan: Nan) -> Result<Self> {
        self.check_ordered("median_cpu")?;
        if self.numel() == 0 && self.dtype().is_floating_point() {
            return full((), f64::NAN, (self.dtype(), self.device()));
        }
        self.check_not_empty(name, &dims(()))?;
        Ok(self.reshape([-1])?.median_along(name, nan, 0, false)?.0)
    }

    #[track_caller]
    fn median_along(
        &self,
        name: &'static str,
        nan: Nan,
        dim: i64,
        keepdim: bool,
    ) -> Result<(Self, Self)> {
        let axis = layout::normalize_dim(dim, self.dim())?;
        self.check_not_empty(name, &dims(dim))?;
        self.check_ordered("median_out")?;
        if self.dim() == 0 {
            return self.alone();
        }
        let middle = (self.shape()[axis] as i64 - 1) / 2;
        let index = match (self.dtype().is_floating_point(), nan) {
            (false, _) => self.position_of(name, dim, middle)?,
            (true, Nan::Propagates) => {
                let index = self.position_of(name, dim, middle)?;
                // The first NaN is the first of the largest, if there is any.
                let (largest, first) = self.max_dim(dim, true)?;
                largest.isnan()?.where_cond(&first, &index)?
            }
            (true, Nan::Ignored) => {
                // NaN come last: how many numbers there are says which is in the middle.
                let positions = self.positions(name, dim, false, Ranks::ALL)?;
                let numbers = self.isnan()?.logical_not()?.sum(dims(dim).keepdim())?;
                let place = numbers.sub(1)?.clamp(0, None)?.div_mode(2, Rounding::Trunc)?;
                positions.at_positions(name, dim, &place)?
            }
        };
        self.at_index(name, dim, index, keepdim)
    }

    /// The position of the element of one rank in every line.
    #[track_caller]
    fn position_of(&self, name: &'static str, dim: i64, rank: i64) -> Result<Self> {
        let ranks = Ranks { from: rank as usize, to: rank as usize + 1 };
        self.positions(name, dim, false, ranks)?.narrow(dim, rank, 1)?.copied()
    }

    /// The elements at one index of every line, and that index.
    #[track_caller]
    fn at_index(
        &self,
        name: &'static str,
        dim: i64,
        index: Self,
        keepdim: bool,
    ) -> Result<(Self, Self)> {
        let values = self.at_positions(name, dim, &index)?;
        if keepdim {
            return Ok((values, index));
        }
        Ok((values.squeeze(dim)?, index.squeeze(dim)?))
    }

    /// The one element of a 0-d tensor, at index 0.
    #[track_caller]
    fn alone(&self) -> Result<(Self, Self)> {
        Ok((self.try_clone()?, zeros((), (DType::I64, self.device()))?))
    }
}
