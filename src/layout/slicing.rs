//! Views of some of the elements.

use super::dims::wrap;
use super::{Dims, Layout, check_sizes, normalize_dim};
use crate::error::{Error, Result};

impl Layout {
    /// The elements at `index` of `dim`, without the dim.
    ///
    /// # Errors
    /// `Index` if the dim or the index is out of range, or there are no dims.
    pub(crate) fn select(&self, dim: i64, index: i64) -> Result<Self> {
        let dim = self.existing_dim("select", dim)?;
        let index = wrap(index, self.shape[dim]).ok_or_else(|| {
            Error::index(format!(
                "select(): index {index} out of range for tensor of size {:?} at dimension {dim}",
                self.shape()
            ))
        })?;
        let mut view = self.clone();
        view.shape.remove(dim);
        view.offset += index * view.strides.remove(dim);
        Ok(view)
    }

    /// `length` elements of `dim` from `start`, which may count from the end.
    ///
    /// # Errors
    /// `Value` if the length is negative, `Index` if the dim, the start or the end is out of range or
    /// there are no dims.
    pub(crate) fn narrow(&self, dim: i64, start: i64, length: i64) -> Result<Self> {
        let Ok(length) = usize::try_from(length) else {
            return Err(Error::value("narrow(): length must be non-negative."));
        };
        let dim = self.existing_dim("narrow", dim)?;
        let size = self.shape[dim];
        // The end itself is a start, of no elements.
        let first = if usize::try_from(start) == Ok(size) { Some(size) } else { wrap(start, size) };
        let first = first.ok_or_else(|| {
            Error::index(format!(
                "start out of range (expected to be in range of [-{size}, {size}], but got {start})"
            ))
        })?;
        if length > size - first {
            return Err(Error::index(format!(
                "start ({first}) + length ({length}) exceeds dimension size ({size})."
            )));
        }
        let mut view = self.clone();
        view.shape[dim] = length;
        view.offset += first * self.strides[dim];
        Ok(view)
    }

    /// Every `step`th element of `dim` from `start` to before `stop`, as Python clamps them.
    ///
    /// # Errors
    /// `Value` if the step is not positive, `Index` if the dim is out of range or there are no dims.
    pub(crate) fn slice(
        &self,
        dim: i64,
        start: Option<i64>,
        stop: Option<i64>,
        step: i64,
    ) -> Result<Self> {
        let dim = self.existing_dim("slice", dim)?;
        let step = match usize::try_from(step) {
            Ok(0) => return Err(Error::value("slice step cannot be zero")),
            Ok(step) => step,
            Err(_) => return Err(Error::value("step must be greater than zero")),
        };
        let size = self.shape[dim];
        let clamp = |bound: i64| {
            let magnitude = usize::try_from(bound.unsigned_abs()).unwrap_or(usize::MAX);
            if bound < 0 { size.saturating_sub(magnitude) } else { magnitude.min(size) }
        };
        let start = start.map_or(0, clamp);
        let stop = stop.map_or(size, clamp).max(start);
        let mut view = self.clone();
        view.shape[dim] = (stop - start).div_ceil(step);
        view.strides[dim] *= bounded(step, size);
        view.offset += start * self.strides[dim];
        Ok(view)
    }

    /// The elements whose index at `dim2` is that at `dim1` plus `offset`, as a last dim.
    ///
    /// # Errors
    /// `Index` if a dim is out of range, `Shape` if both are the same.
    pub(crate) fn diagonal(&self, offset: i64, dim1: i64, dim2: i64) -> Result<Self> {
        let (first, second) =
            (normalize_dim(dim1, self.rank())?, normalize_dim(dim2, self.rank())?);
        if first == second {
            return Err(Error::shape(format!(
                "diagonal dimensions cannot be identical {dim1}, {dim2}"
            )));
        }
        let shift = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
        let (skip_first, skip_second) = if offset < 0 { (shift, 0) } else { (0, shift) };
        let size = (self.shape[first].saturating_sub(skip_first))
            .min(self.shape[second].saturating_sub(skip_second));
        let mut view = self.clone();
        for dim in [first.max(second), first.min(second)] {
            view.shape.remove(dim);
            view.strides.remove(dim);
        }
        view.shape.push(size);
        view.strides.push(self.strides[first] + self.strides[second]);
        if size > 0 {
            view.offset += skip_first * self.strides[first] + skip_second * self.strides[second];
        }
        Ok(view)
    }

    /// Windows of `size` elements, `step` apart, along `dim`: the dim counts the windows, a new last
    /// dim walks through each.
    ///
    /// # Errors
    /// `Index` if the dim is out of range, `Value` if the size is negative or the step not positive,
    /// `Shape` if the size exceeds the dim's.
    pub(crate) fn unfold(&self, dim: i64, size: i64, step: i64) -> Result<Self> {
        let dim = normalize_dim(dim, self.rank())?;
        let len = self.shape.get(dim).copied().unwrap_or(1);
        let Ok(window) = usize::try_from(size) else {
            return Err(Error::value(format!("size is {size} but must be >= 0")));
        };
        if window > len {
            return Err(Error::shape(format!(
                "maximum size for tensor at dimension {dim} is {len} but size is {size}"
            )));
        }
        let step = match usize::try_from(step) {
            Ok(step) if step > 0 => step,
            _ => return Err(Error::value(format!("step is {step} but must be > 0"))),
        };
        let mut view = self.clone();
        view.shape.push(window);
        view.strides.push(self.strides.get(dim).copied().unwrap_or(1));
        if self.rank() > 0 {
            view.shape[dim] = (len - window) / step + 1;
            view.strides[dim] *= bounded(step, len);
        }
        Ok(view)
    }

    /// Any sizes, strides and offset within a storage of `storage_len` elements.
    ///
    /// # Errors
    /// `Shape` if there are not as many strides as sizes or an element lies outside of the storage,
    /// `Value` if a number is negative.
    pub(crate) fn as_strided(
        &self,
        sizes: &[i64],
        strides: &[i64],
        offset: i64,
        storage_len: usize,
    ) -> Result<Self> {
        if sizes.len() != strides.len() {
            return Err(Error::shape("mismatch in length of strides and shape"));
        }
        let Ok(steps) = strides.iter().map(|&stride| usize::try_from(stride)).collect() else {
            return Err(Error::value(format!(
                "as_strided: Negative strides are not supported at the moment, got strides: \
                 {strides:?}"
            )));
        };
        let steps: Dims = steps;
        let shape = check_sizes(sizes)?;
        let Ok(start) = usize::try_from(offset) else {
            return Err(Error::value(format!("Tensor: invalid storage offset {offset}")));
        };
        let end = shape.iter().zip(&steps).try_fold(start, |last, (&size, &stride)| {
            last.checked_add(size.saturating_sub(1).checked_mul(stride)?)
        });
        let needed =
            if shape.contains(&0) { Some(0) } else { end.and_then(|end| end.checked_add(1)) };
        match needed {
            Some(needed) if needed <= storage_len => Ok(Self::new(shape, steps, start)),
            Some(needed) => Err(Error::shape(format!(
                "setStorage: sizes {sizes:?}, strides {strides:?}, storage offset {offset} requiring \
                 a storage size of {needed} elements are out of bounds for storage of size \
                 {storage_len}"
            ))),
            None => Err(Error::shape(format!(
                "Storage size calculation overflowed with sizes={sizes:?} and strides={strides:?}"
            ))),
        }
    }

    /// The dim, in views that need at least one.
    fn existing_dim(&self, op: &str, dim: i64) -> Result<usize> {
        if self.rank() == 0 {
            return Err(Error::index(format!("{op}() cannot be applied to a 0-dim tensor.")));
        }
        normalize_dim(dim, self.rank())
    }
}

/// The step, or less where one that long reaches at most one element of `size`: the stride is idle
/// then (Note [Idle strides]) and must not overflow.
fn bounded(step: usize, size: usize) -> usize {
    step.min(size.max(1))
}
