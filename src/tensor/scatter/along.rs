//! Scattering along a dim: scatter, scatter_add.

use super::*;
use crate::tensor::Arg;
use crate::tensor::creation::full;

impl Tensor {
    /// Writes elements of a tensor, or a number, to the indices along a dim that `index` names:
    /// `self[index[i, j], j] = source[i, j]` for dim 0 of two.
    ///
    /// `index` is int64 or int32, from 0 on, and may be smaller than the source. Where an index repeats
    /// the last in row-major order stays, which PyTorch leaves open.
    ///
    /// # Errors
    /// `Dtype` when the source has another dtype or the index is not of integers; `Shape` when `index` is
    /// larger than the source, or than this tensor apart from the dim, or differs in rank; `Index` for a
    /// dim out of range, and at the next read point for an index out of range, with nothing written;
    /// `Overlap` when elements share memory; `Value` for a number that the dtype cannot hold.
    ///
    /// # Example
    /// ```
    /// let x = taut::zeros([3], ())?;
    /// let index = taut::tensor([2i64, 0], ())?;
    /// x.scatter_(0, &index, &taut::tensor([5.0f32, 6.0], ())?)?;
    /// assert_eq!(x.to_vec::<f32>()?, [6.0, 0.0, 5.0]);
    /// x.scatter_(0, &index, 1)?;
    /// assert_eq!(x.to_vec::<f32>()?, [1.0, 0.0, 1.0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn scatter_<'a>(
        &self,
        dim: i64,
        index: &Self,
        source: impl Into<Arg<'a>>,
    ) -> Result<&Self> {
        self.scatter_along("scatter", dim, index, source.into(), None)?;
        Ok(self)
    }

    /// [`scatter_`](Self::scatter_) into a copy.
    ///
    /// # Errors
    /// As [`scatter_`](Self::scatter_).
    #[track_caller]
    pub fn scatter<'a>(&self, dim: i64, index: &Self, source: impl Into<Arg<'a>>) -> Result<Self> {
        let copy = self.try_clone()?;
        copy.scatter_(dim, index, source)?;
        Ok(copy)
    }

    /// Adds elements of a tensor to those at the indices along a dim that `index` names:
    /// `self[index[i, j], j] += source[i, j]` for dim 0 of two.
    ///
    /// Additions come in row-major order of the source, on every device.
    ///
    /// # Errors
    /// As [`scatter_`](Self::scatter_).
    ///
    /// # Example
    /// ```
    /// let x = taut::ones([2], ())?;
    /// let index = taut::tensor([1i64, 1, 0], ())?;
    /// x.scatter_add_(0, &index, &taut::tensor([1.0f32, 2.0, 4.0], ())?)?;
    /// assert_eq!(x.to_vec::<f32>()?, [5.0, 4.0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn scatter_add_(&self, dim: i64, index: &Self, source: &Self) -> Result<&Self> {
        self.scatter_along("scatter_add", dim, index, source.into(), Some(Op::Add))?;
        Ok(self)
    }

    /// [`scatter_add_`](Self::scatter_add_) into a copy.
    ///
    /// # Errors
    /// As [`scatter_`](Self::scatter_).
    #[track_caller]
    pub fn scatter_add(&self, dim: i64, index: &Self, source: &Self) -> Result<Self> {
        let copy = self.try_clone()?;
        copy.scatter_add_(dim, index, source)?;
        Ok(copy)
    }

    #[track_caller]
    fn scatter_along(
        &self,
        name: &'static str,
        dim: i64,
        index: &Self,
        source: Arg<'_>,
        fold: Option<Op>,
    ) -> Result<()> {
        let axis = layout::normalize_dim(dim, self.dim())?;
        check_index_dtype(name, index)?;
        let number;
        let source = match source {
            Arg::Tensor(source) => source,
            Arg::Scalar(scalar) => {
                number = full(&[][..] as &[usize], scalar, (self.dtype(), self.device()))?;
                &number
            }
        };
        if source.dtype() != self.dtype() {
            return Err(Error::dtype(format!(
                "{name}(): Expected self.dtype to be equal to src.dtype, but got {} and {}",
                self.dtype(),
                source.dtype()
            )));
        }
        check_target(self, &[index, source])?;
        if index.numel() == 0 {
            return Ok(());
        }
        let is_number = matches!(source.dim(), 0) && index.dim() > 0;
        let (target, index) = (self.at_least_1d()?, index.at_least_1d()?);
        let source = if is_number { source.alias() } else { source.at_least_1d()? };
        if index.dim() != target.dim() {
            return Err(Error::shape(format!(
                "Index tensor must have the same number of dimensions as self tensor, but got {} and {}",
                index.dim(),
                target.dim()
            )));
        }
        let fits_self = |(d, &size): (usize, &usize)| d == axis || size <= target.shape()[d];
        let fits = index.shape().iter().enumerate().all(fits_self);
        let source = if is_number { source } else { source.first_of(&index, &target, fits)? };
        if !fits {
            return Err(too_large(&index, &target, &source));
        }
        let (size, stride) = (target.shape()[axis], target.stride()[axis]);
        if size == 0 {
            return Err(Error::index(format!(
                "index 0 is out of bounds for dimension {axis} with size 0"
            )));
        }
        let addresses = addresses_along(name, &index, (size, stride), Indices::Natural)?;
        let places = target.places_without(axis);
        Scattering {
            name,
            target: &target,
            places,
            addresses: &addresses,
            source: &source,
            fold,
            refusal: OUT_OF_BOUNDS,
        }
        .record()
    }

    /// The first elements along every dim, as many as the index has.
    fn first_of(&self, index: &Self, target: &Self, fits: bool) -> Result<Self> {
        let same_rank = self.dim() == index.dim();
        let mut sizes = index.shape().iter().zip(self.shape());
        if !fits || !same_rank || sizes.any(|(index, own)| index > own) {
            return Err(too_large(index, target, self));
        }
        let mut first = self.alias();
        for (dim, &size) in index.shape().iter().enumerate() {
            first = first.narrow(dim as i64, 0, size as i64)?;
        }
        Ok(first)
    }
}

fn too_large(index: &Tensor, target: &Tensor, source: &Tensor) -> Error {
    Error::shape(format!(
        "Expected index {} to be no larger than self {} apart from the dimension, and to be no larger \
         size than src {}",
        index.size(),
        target.size(),
        source.size()
    ))
}
