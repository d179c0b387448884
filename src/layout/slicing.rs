//! Views of some of the elements.

use super::broadcast::check_len;
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
    /// `Shape` if the size exceeds the dim's, or if there are more than `isize::MAX` elements.
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
        check_len(&view.shape)?;
        Ok(view)
    }

    /// Any sizes, strides and offset within a storage of `storage_len` elements.
    ///
    /// # Errors
    /// `Shape` if there are not as many strides as sizes, an element lies outside of the storage or there
    /// are more than `isize::MAX` elements, `Value` if a number is negative.
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
        let steps = strides.iter().map(|&stride| usize::try_from(stride).ok()).collect();
        let Some::<Dims>(mut steps) = steps else {
            return Err(Error::value(format!(
                "as_strided: Negative strides are not supported at the moment, got strides: \
                 {strides:?}"
            )));
        };
        let shape = check_sizes(sizes)?;
        check_len(&shape)?;
        let Ok(start) = usize::try_from(offset) else {
            return Err(Error::value(format!("Tensor: invalid storage offset {offset}")));
        };
        let end = shape.iter().zip(&steps).try_fold(start, |last, (&size, &stride)| {
            last.checked_add(size.saturating_sub(1).checked_mul(stride)?)
        });
        let needed =
            if shape.contains(&0) { Some(0) } else { end.and_then(|end| end.checked_add(1)) };
        // Note [Idle strides]: nothing bounds them, and they must not overflow in later views.
        for (step, &size) in steps.iter_mut().zip(&shape) {
            if size <= 1 || shape.contains(&0) {
                *step = (*step).min(storage_len.max(1));
            }
        }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::ErrorKind;
    use crate::layout::testing::{any_layout, elements, index_of};

    fn contiguous(shape: &[usize]) -> Layout {
        Layout::contiguous(shape).unwrap()
    }

    fn refused(result: Result<Layout>, kind: ErrorKind, message: &str) {
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (kind, message));
    }

    #[test]
    fn zero_dims_cannot_be_sliced() {
        let scalar = contiguous(&[]);
        let message = |op| format!("{op}() cannot be applied to a 0-dim tensor.");
        refused(scalar.select(5, 0), ErrorKind::Index, &message("select"));
        refused(scalar.narrow(0, 0, 0), ErrorKind::Index, &message("narrow"));
        refused(scalar.slice(0, None, None, 1), ErrorKind::Index, &message("slice"));
    }

    #[test]
    fn slice_step_must_be_positive() {
        let row = contiguous(&[5]);
        refused(row.slice(0, None, None, 0), ErrorKind::Value, "slice step cannot be zero");
        refused(row.slice(0, None, None, -1), ErrorKind::Value, "step must be greater than zero");
    }

    #[test]
    fn slice_of_huge_bounds_does_not_overflow() {
        let row = contiguous(&[5]).slice(0, Some(i64::MIN), Some(i64::MAX), i64::MAX).unwrap();
        assert_eq!(elements(&row), [0]);
        assert_eq!(row.unsqueeze(0).unwrap().rank(), 2);
        assert_eq!(contiguous(&[5]).slice(0, Some(7), Some(9), 1).unwrap().offset(), 5);
    }

    #[test]
    fn narrow_may_start_at_the_end() {
        let matrix = contiguous(&[2, 3]);
        let none = matrix.narrow(0, 2, 0).unwrap();
        assert_eq!((none.shape(), none.offset()), (&[0, 3][..], 6));
        refused(
            matrix.narrow(0, 3, 0),
            ErrorKind::Index,
            "start out of range (expected to be in range of [-2, 2], but got 3)",
        );
    }

    #[test]
    fn diagonal_beyond_the_corner_is_empty() {
        let matrix = contiguous(&[3, 3]);
        assert_eq!(elements(&matrix.diagonal(1, 0, 1).unwrap()), [1, 5]);
        assert_eq!(elements(&matrix.diagonal(-1, 0, 1).unwrap()), [3, 7]);
        for offset in [3, i64::MAX, i64::MIN] {
            let none = matrix.diagonal(offset, 0, 1).unwrap();
            assert_eq!((none.shape(), none.strides(), none.offset()), (&[0][..], &[4][..], 0));
        }
        let message = "diagonal dimensions cannot be identical 0, -2";
        refused(matrix.diagonal(0, 0, -2), ErrorKind::Shape, message);
    }

    #[test]
    fn unfold_makes_windows() {
        let windows = contiguous(&[2, 3, 4]).unfold(1, 2, 2).unwrap();
        assert_eq!((windows.shape(), windows.strides()), (&[2, 1, 4, 2][..], &[12, 8, 1, 4][..]));
        assert_eq!(contiguous(&[5]).unfold(0, 0, 1).unwrap().shape(), [6, 0]);
        assert_eq!(contiguous(&[]).unfold(0, 1, 1).unwrap().shape(), [1]);
        let row = contiguous(&[5]);
        refused(
            row.unfold(0, 6, 1),
            ErrorKind::Shape,
            "maximum size for tensor at dimension 0 is 5 but size is 6",
        );
        refused(row.unfold(0, -1, 1), ErrorKind::Value, "size is -1 but must be >= 0");
        refused(row.unfold(0, 2, 0), ErrorKind::Value, "step is 0 but must be > 0");
    }

    #[test]
    fn repeated_elements_that_cannot_be_counted_are_refused() {
        let message = "numel: integer multiplication overflow";
        let one = contiguous(&[1]);
        for sizes in [&[1 << 32, 1 << 32][..], &[1 << 62, 1 << 62, 0]] {
            let strides = vec![0; sizes.len()];
            refused(one.as_strided(sizes, &strides, 0, 1), ErrorKind::Shape, message);
        }
        let many = one.expand(&[1 << 61]).unwrap();
        refused(many.unfold(0, 1 << 60, 1), ErrorKind::Shape, message);
        assert_eq!(many.unfold(0, 1 << 60, 1 << 60).unwrap().len(), 1 << 61);
    }

    #[test]
    fn as_strided_stays_within_the_storage() {
        let row = contiguous(&[6]);
        let band = row.as_strided(&[2, 3], &[1, 2], 1, 7).unwrap();
        assert_eq!(elements(&band), [1, 3, 5, 2, 4, 6]);
        let error = row.as_strided(&[2, 3], &[1, 2], 1, 6).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Shape);
        assert!(error.to_string().contains("requiring a storage size of 7 elements"), "{error}");
        refused(
            row.as_strided(&[2], &[], 0, 6),
            ErrorKind::Shape,
            "mismatch in length of strides and shape",
        );
        refused(
            row.as_strided(&[2], &[1], -1, 6),
            ErrorKind::Value,
            "Tensor: invalid storage offset -1",
        );
        refused(
            row.as_strided(&[5], &[i64::MAX], 0, 6),
            ErrorKind::Shape,
            "Storage size calculation overflowed with sizes=[5] and strides=[9223372036854775807]",
        );
        let none = row.as_strided(&[0, 9], &[i64::MAX, i64::MAX], 100, 6).unwrap();
        assert_eq!(none.unsqueeze(0).unwrap().slice(2, None, None, 4).unwrap().len(), 0);
    }

    proptest! {
        #[test]
        fn slice_picks_what_python_picks(
            layout in any_layout(),
            start in prop::option::of(-7_i64..7),
            stop in prop::option::of(-7_i64..7),
            step in 1_i64..5,
        ) {
            if layout.rank() == 0 {
                return Ok(());
            }
            let size = layout.shape()[0] as i64;
            let clamp = |bound: i64| (if bound < 0 { bound + size } else { bound }).clamp(0, size);
            let (from, to) = (clamp(start.unwrap_or(0)), clamp(stop.unwrap_or(size)));
            let picked: Vec<i64> = (from..to).step_by(step as usize).collect();
            let view = layout.slice(-(layout.rank() as i64), start, stop, step).unwrap();
            prop_assert_eq!(view.shape()[0], picked.len());
            for linear in 0..view.len() {
                let mut index = index_of(linear, view.shape());
                let offset = view.offset_of(&index);
                index[0] = picked[index[0]] as usize;
                prop_assert_eq!(offset, layout.offset_of(&index));
            }
        }
    }
}
