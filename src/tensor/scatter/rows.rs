//! Whole slices at the indices of a vector: index_add, index_copy, index_fill; and put.

use super::*;
use crate::tensor::Arg;
use crate::tensor::elementwise::check_fits;

impl Tensor {
    /// Adds slice `i` of `source` along a dim to the slice that `index[i]` names.
    ///
    /// `index` is a vector of int64 or int32, from 0 on. Slices that meet add up in their order.
    ///
    /// # Errors
    /// `Dtype` when the source has another dtype or the index is not of integers; `Shape` when the source's
    /// shape is not this one with as many slices as indices; `Index` for a dim out of range or an index that
    /// is no vector, and at the next read point for an index out of range, with nothing written; `Overlap`
    /// when elements share memory.
    ///
    /// # Example
    /// ```
    /// let x = taut::zeros([2, 2], ())?;
    /// let rows = taut::tensor([[1.0f32, 2.0], [3.0, 4.0]], ())?;
    /// x.index_add_(0, &taut::tensor([1i64, 1], ())?, &rows)?;
    /// assert_eq!(x.to_vec::<f32>()?, [0.0, 0.0, 4.0, 6.0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn index_add_(&self, dim: i64, index: &Self, source: &Self) -> Result<&Self> {
        self.scatter_rows("index_add_", dim, index, source, Indices::Natural, Some(Op::Add))?;
        Ok(self)
    }

    /// [`index_add_`](Self::index_add_) into a copy.
    ///
    /// # Errors
    /// As [`index_add_`](Self::index_add_).
    #[track_caller]
    pub fn index_add(&self, dim: i64, index: &Self, source: &Self) -> Result<Self> {
        let copy = self.try_clone()?;
        copy.index_add_(dim, index, source)?;
        Ok(copy)
    }

    /// Writes slice `i` of `source` along a dim to the slice that `index[i]` names; the last one stays.
    ///
    /// # Errors
    /// As [`index_add_`](Self::index_add_).
    ///
    /// # Example
    /// ```
    /// let x = taut::zeros([3], ())?;
    /// x.index_copy_(0, &taut::tensor([2i64, 0], ())?, &taut::tensor([5.0f32, 6.0], ())?)?;
    /// assert_eq!(x.to_vec::<f32>()?, [6.0, 0.0, 5.0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn index_copy_(&self, dim: i64, index: &Self, source: &Self) -> Result<&Self> {
        self.scatter_rows("index_copy_", dim, index, source, Indices::Natural, None)?;
        Ok(self)
    }

    /// [`index_copy_`](Self::index_copy_) into a copy.
    ///
    /// # Errors
    /// As [`index_add_`](Self::index_add_).
    #[track_caller]
    pub fn index_copy(&self, dim: i64, index: &Self, source: &Self) -> Result<Self> {
        let copy = self.try_clone()?;
        copy.index_copy_(dim, index, source)?;
        Ok(copy)
    }

    /// Sets the slices along a dim that `index` names to a number or the value of a 0-d tensor; negative
    /// indices count from the end.
    ///
    /// # Errors
    /// `Dtype` when the index is not of integers; `Shape` for an index that is no vector, or a value that is
    /// not 0-d; `Value` for a number that the dtype cannot hold; `Index` for a dim out of range, and at the
    /// next read point for an index out of range, with nothing written; `Overlap` when elements share
    /// memory.
    ///
    /// # Example
    /// ```
    /// let x = taut::zeros([2, 2], ())?;
    /// x.index_fill_(1, &taut::tensor([-1i64], ())?, 7)?;
    /// assert_eq!(x.to_vec::<f32>()?, [0.0, 7.0, 0.0, 7.0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn index_fill_<'a>(
        &self,
        dim: i64,
        index: &Self,
        value: impl Into<Arg<'a>>,
    ) -> Result<&Self> {
        let name = "index_fill_";
        let value = value.into();
        let number = single_value(name, value, self)?;
        let axis = layout::normalize_dim(dim, self.dim())?;
        check_index_dtype(name, index)?;
        if index.dim() > 1 {
            return Err(Error::shape(format!(
                "Index has to be a vector/scalar, but got {} dimensions",
                index.dim()
            )));
        }
        check_target(self, &[index])?;
        let target = self.at_least_1d()?;
        self.write_rows(name, &target, axis, index, &number, Indices::Signed, None)?;
        Ok(self)
    }

    /// [`index_fill_`](Self::index_fill_) into a copy.
    ///
    /// # Errors
    /// As [`index_fill_`](Self::index_fill_).
    #[track_caller]
    pub fn index_fill<'a>(
        &self,
        dim: i64,
        index: &Self,
        value: impl Into<Arg<'a>>,
    ) -> Result<Self> {
        let copy = self.try_clone()?;
        copy.index_fill_(dim, index, value)?;
        Ok(copy)
    }

    #[track_caller]
    fn scatter_rows(
        &self,
        name: &'static str,
        dim: i64,
        index: &Self,
        source: &Self,
        indices: Indices,
        fold: Option<Op>,
    ) -> Result<()> {
        let axis = layout::normalize_dim(dim, self.dim())?;
        check_index_dtype(name, index)?;
        if index.dim() > 1 {
            return Err(Error::index(format!(
                "{name}(): Index is supposed to be a vector, but got dim: {} and size: {}",
                index.dim(),
                index.size()
            )));
        }
        if source.dtype() != self.dtype() {
            return Err(Error::dtype(format!(
                "{name}(): self and source expected to have the same dtype, but got (self) {} and \
                 (source) {}",
                self.dtype(),
                source.dtype()
            )));
        }
        let (target, rows) = (self.at_least_1d()?, source.at_least_1d()?);
        let mut expected = Dims::from_slice(target.shape());
        expected[axis] = index.numel();
        if rows.shape() != &expected[..] {
            return Err(Error::shape(format!(
                "{name}(): source tensor shape must match self tensor shape, with as many slices as \
                 indices along dimension {axis}. Got self.shape = {}, source.shape = {} and {} indices",
                self.size(),
                source.size(),
                index.numel()
            )));
        }
        check_target(self, &[index, source])?;
        self.write_rows(name, &target, axis, index, &rows, indices, fold)
    }

    #[track_caller]
    #[expect(clippy::too_many_arguments, reason = "what two operations have settled")]
    fn write_rows(
        &self,
        name: &'static str,
        target: &Self,
        axis: usize,
        index: &Self,
        rows: &Self,
        indices: Indices,
        fold: Option<Op>,
    ) -> Result<()> {
        let index = index.at_least_1d()?;
        let mut sizes: Vec<i64> = target.shape().iter().map(|&size| size as i64).collect();
        sizes[axis] = index.numel() as i64;
        if sizes.contains(&0) {
            return Ok(());
        }
        let (size, stride) = (target.shape()[axis], target.stride()[axis]);
        if size == 0 {
            return Err(Error::index(format!(
                "index 0 is out of bounds for dimension {axis} with size 0"
            )));
        }
        let along = addresses_along(name, &index, (size, stride), indices)?;
        let mut alone = vec![1; sizes.len()];
        alone[axis] = sizes[axis];
        let addresses = along.view(&alone[..])?.expand(&sizes[..])?;
        Scattering {
            name,
            target,
            places: target.places_without(axis),
            addresses: &addresses,
            source: rows,
            fold,
            refusal: OUT_OF_BOUNDS,
        }
        .record()
    }

    /// Writes the elements of `source`, in row-major order, to the places that `index` names as if this
    /// tensor were flat; with `accumulate`, adds them. Negative indices count from the end.
    ///
    /// # Errors
    /// `Dtype` when the source has another dtype or the index is not of integers; `Index` when there are not
    /// as many sources as indices, and at the next read point for an index out of range, with nothing
    /// written; `Overlap` when elements share memory.
    ///
    /// # Example
    /// ```
    /// let x = taut::zeros([2, 2], ())?;
    /// let index = taut::tensor([-1i64, 0], ())?;
    /// x.put_(&index, &taut::tensor([5.0f32, 6.0], ())?, false)?;
    /// assert_eq!(x.to_vec::<f32>()?, [6.0, 0.0, 0.0, 5.0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn put_(&self, index: &Self, source: &Self, accumulate: bool) -> Result<&Self> {
        let name = "put_";
        check_index_dtype(name, index)?;
        if source.dtype() != self.dtype() {
            return Err(Error::dtype(format!(
                "put_(): self and source expected to have the same dtype, but got {} and {}",
                self.dtype(),
                source.dtype()
            )));
        }
        if source.numel() != index.numel() {
            return Err(Error::index(format!(
                "put_(): Expected source and index to have the same number of elements, but got \
                 source.numel() = {}, index.numel() = {}",
                source.numel(),
                index.numel()
            )));
        }
        check_target(self, &[index, source])?;
        if index.numel() == 0 {
            return Ok(self);
        }
        if self.numel() == 0 {
            return Err(Error::index("put_(): Tried to put elements into an empty tensor"));
        }
        let (index, source) = (index.reshape([-1])?, source.reshape([-1])?);
        let fold = accumulate.then_some(Op::Add);
        // A view that is one walk is written where it is, another through a copy.
        let (flat, stride) = match flat_stride(self.layout()) {
            Some(stride) => (None, stride),
            None => (Some(self.copied()?), 1),
        };
        let target = flat.as_ref().unwrap_or(self);
        let addresses = addresses_along(name, &index, (self.numel(), stride), Indices::Signed)?;
        Scattering {
            name,
            target,
            places: smallvec![0],
            addresses: &addresses,
            source: &source,
            fold,
            refusal: OUT_OF_BOUNDS,
        }
        .record()?;
        if let Some(flat) = &flat {
            self.copy_(flat)?;
        }
        Ok(self)
    }
}

/// From one element to the next in row-major order, if that is always as far.
fn flat_stride(layout: &Layout) -> Option<usize> {
    let mut shape = Dims::from_slice(layout.shape());
    let mut strides = [Dims::from_slice(layout.strides())];
    layout::collapse(&mut shape, &mut strides);
    (shape.len() == 1).then_some(strides[0][0])
}

/// A number, or the value of a 0-d tensor, as a 0-d tensor beside the target and in its dtype.
///
/// # Errors
/// `Shape` unless the tensor is 0-d, `Value` for a number that the dtype cannot hold.
#[track_caller]
fn single_value(name: &'static str, value: Arg<'_>, target: &Tensor) -> Result<Tensor> {
    match value {
        Arg::Scalar(scalar) => check_fits(scalar, target.dtype())?,
        Arg::Tensor(tensor) if tensor.dim() > 0 => {
            return Err(Error::shape(format!(
                "{name} only supports a 0-dimensional value tensor, but got tensor with {} \
                 dimension(s).",
                tensor.dim()
            )));
        }
        Arg::Tensor(_) => {}
    }
    let mut build = Build::over(name, target.runtime(), Dims::new());
    let value = build.value(value, target.dtype())?;
    build.finish(value)
}
