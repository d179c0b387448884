//! Order along a dim: sort, msort, argsort, topk, and what an order tells: median, kthvalue, unique.
//!
//! Owns the recording of a sort, which gives positions; values are read through them. All sorts are
//! stable, in both directions: equal elements keep their order, NaN is beyond all numbers and -0 is 0. So
//! positions too are the same on every device.

mod median;
mod unique;

pub use unique::Unique;

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernel::{Dims, Ranks, Whole};
use crate::layout::{self, Layout};

use super::Tensor;
use super::creation::empty;
use super::elementwise::{Build, new_tensor};
use super::entire::record_entire;
use super::gather::{Along, Indices, address};

impl Tensor {
    /// The elements along a dim in order, and the positions they had, int64.
    ///
    /// Stable, descending too: equal elements keep their order, NaN is beyond all numbers, -0 is 0. Lines
    /// longer than the memory that a GPU reaches at once holds, of 12 bytes an element, are sorted by the
    /// CPU: then this is a read point.
    ///
    /// # Errors
    /// `Index` for a dim out of range.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([3.0f32, 1.0, 2.0], ())?;
    /// let (values, positions) = x.sort(0, false)?;
    /// assert_eq!(values.to_vec::<f32>()?, [1.0, 2.0, 3.0]);
    /// assert_eq!(positions.to_vec::<i64>()?, [1, 2, 0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn sort(&self, dim: i64, descending: bool) -> Result<(Self, Self)> {
        let positions = self.positions("sort", dim, descending, Ranks::ALL)?;
        Ok((self.at_positions("sort", dim, &positions)?, positions))
    }

    /// The elements along the first dim in order: the values of [`sort`](Self::sort) there.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([[3, 1], [2, 9]], ())?;
    /// assert_eq!(x.msort()?.to_vec::<i32>()?, [2, 1, 3, 9]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn msort(&self) -> Result<Self> {
        Ok(self.sort(0, false)?.0)
    }

    /// The `k` largest or smallest elements along a dim, in order from the outermost one on, and their
    /// positions, int64; of equal elements those that come first.
    ///
    /// # Errors
    /// `Index` for a dim out of range, or unless `k` is from 0 to its size; `Dtype` for bool.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([3, 1, 2], ())?;
    /// let (values, positions) = x.topk(2, 0, true)?;
    /// assert_eq!(values.to_vec::<i32>()?, [3, 2]);
    /// assert_eq!(positions.to_vec::<i64>()?, [0, 2]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn topk(&self, k: i64, dim: i64, largest: bool) -> Result<(Self, Self)> {
        let axis = layout::normalize_dim(dim, self.dim())?;
        let size = self.shape().get(axis).copied().unwrap_or(1);
        if k < 0 || k > size as i64 {
            return Err(Error::index(format!(
                "selected index k out of range, got {k} for a dimension of size {size}"
            )));
        }
        if self.dtype() == DType::Bool {
            return Err(Error::dtype("topk does not support bool dtypes"));
        }
        if self.dim() == 0 {
            return self.sort(dim, largest);
        }
        let ranks = Ranks { from: 0, to: k as usize };
        let positions = self.positions("topk", dim, largest, ranks)?.narrow(dim, 0, k)?.copied()?;
        Ok((self.at_positions("topk", dim, &positions)?, positions))
    }

    /// The positions along a dim that put the elements in order, int64.
    ///
    /// Stable, and a read point for the same lines, as [`sort`](Self::sort) is.
    ///
    /// # Errors
    /// `Index` for a dim out of range.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([3.0f32, 1.0, 3.0, 2.0], ())?;
    /// assert_eq!(x.argsort(0, false)?.to_vec::<i64>()?, [1, 3, 0, 2]);
    /// assert_eq!(x.argsort(0, true)?.to_vec::<i64>()?, [0, 2, 3, 1]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn argsort(&self, dim: i64, descending: bool) -> Result<Self> {
        self.positions("argsort", dim, descending, Ranks::ALL)
    }

    /// The positions of the given ranks, at their places among all; at the others anything.
    #[track_caller]
    fn positions(
        &self,
        name: &'static str,
        dim: i64,
        descending: bool,
        ranks: Ranks,
    ) -> Result<Self> {
        let axis = layout::normalize_dim(dim, self.dim())?;
        if self.shape().get(axis).is_some_and(|&size| size > self.runtime().limits().line) {
            return self.cpu()?.positions(name, dim, descending, ranks)?.to(self.device());
        }
        let strides = layout::elementwise_strides(self.shape(), &[self.stride()]);
        let layout = Layout::dense(self.dims(), strides)?;
        let positions = new_tensor(self.runtime(), DType::I64, layout)?;
        if self.numel() == 0 {
            return Ok(positions);
        }
        // The dim comes last.
        let last = |tensor: &Self| {
            let tensor = if tensor.dim() == 0 { tensor.unsqueeze(0)? } else { tensor.alias() };
            tensor.movedim(axis as i64, -1)
        };
        let (keys, out) = (last(self)?, last(&positions)?);
        let strides = |tensor: &Self| Dims::from_slice(tensor.stride());
        record_entire(
            name,
            Whole::Sort { descending, ranks },
            Dims::from_slice(keys.shape()),
            [(&keys, strides(&keys))],
            (&out, strides(&out)),
            None,
        )?;
        Ok(positions)
    }

    /// The elements along a dim that positions name, all of them in range: there is nothing to check.
    /// The positions have this tensor's shape, apart from the dim, and are dense.
    #[track_caller]
    fn at_positions(&self, name: &'static str, dim: i64, positions: &Self) -> Result<Self> {
        if self.dim() == 0 {
            return self.try_clone();
        }
        if positions.numel() == 0 {
            return empty(&positions.sizes()[..], (self.dtype(), self.device()));
        }
        let dim = layout::normalize_dim(dim, self.dim())?;
        let mut build = Build::over(name, self.runtime(), positions.dims());
        let (size, stride) = (self.shape()[dim], self.stride()[dim]);
        let along = Along { dim, index: positions.alias(), size, stride };
        let place = address(&mut build, &[along], Indices::Natural)?;
        let mut strides = Dims::from_slice(self.stride());
        strides[dim] = 0;
        let value = build.fetch(self, strides, place.at);
        build.finish_as(value, Dims::from_slice(positions.stride()))
    }
}
