//! What is true of a mask: nonzero, masked_select, count_nonzero.
//!
//! The running count of a mask says where each of its elements goes; a scatter brings it there. How many
//! there are is known when they have been counted: what has their number as a size is a read point.

use super::*;
use crate::scalar::Scalar;
use crate::tensor::creation::{arange, empty};
use crate::tensor::{Options, Over};

impl Tensor {
    /// The indices of all elements that are not zero, in row-major order: `(n, dims)`, int64.
    ///
    /// A read point.
    ///
    /// # Errors
    /// What went wrong on the device since its last read point.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([[0, 3], [5, 0]], ())?;
    /// assert_eq!(x.nonzero()?.to_vec::<i64>()?, [0, 1, 1, 0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn nonzero(&self) -> Result<Self> {
        let options = (DType::I64, self.device());
        let linear = self.nonzero_linear()?;
        let found = linear.numel();
        let result = empty([found, self.dim()], options)?;
        if result.numel() == 0 {
            return Ok(result);
        }
        // In the dtype of the linear index, which is the smaller one where that will do.
        let mut inner = 1;
        for (dim, &size) in self.shape().iter().enumerate().rev() {
            let column = result.select(1, dim as i64)?;
            let own = linear.div_mode(inner as i64, super::super::Rounding::Floor)?;
            let own = if dim == 0 { own } else { own.remainder(size as i64)? };
            column.copy_(&own)?;
            inner *= size;
        }
        Ok(result)
    }

    /// [`nonzero`](Self::nonzero) as one vector of indices for each dim, ready to index with.
    ///
    /// # Errors
    /// As [`nonzero`](Self::nonzero).
    #[track_caller]
    pub fn nonzero_as_tuple(&self) -> Result<Vec<Self>> {
        let indices = self.at_least_1d()?.nonzero()?;
        (0..indices.shape()[1]).map(|dim| indices.select(1, dim as i64)).collect()
    }

    /// Elements where the mask is true, in row-major order of both broadcast: a vector.
    ///
    /// A read point.
    ///
    /// # Errors
    /// `Dtype` unless the mask is bool, `Shape` when the shapes do not broadcast, `Device` when the tensors
    /// are on different devices.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([1.0f32, -2.0, 3.0], ())?;
    /// assert_eq!(x.masked_select(&x.gt(0)?)?.to_vec::<f32>()?, [1.0, 3.0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn masked_select(&self, mask: &Self) -> Result<Self> {
        if mask.dtype() != DType::Bool {
            return Err(Error::dtype(format!(
                "masked_select: expected BoolTensor for mask, but got {}",
                mask.dtype().message_name()
            )));
        }
        if !std::ptr::eq(mask.runtime(), self.runtime()) {
            return Err(mixed_devices(self.device(), mask.device()));
        }
        let sizes: Vec<i64> = layout::broadcast(&[self.shape(), mask.shape()])?
            .iter()
            .map(|&size| size as i64)
            .collect();
        let (own, mask) = (self.expand(&sizes[..])?, mask.expand(&sizes[..])?);
        let (places, found) = mask.reshape([-1])?.places_of_true("masked_select")?;
        own.compacted("masked_select", &places, found)
    }

    /// The number of elements that are not zero, over some dims: int64.
    ///
    /// # Errors
    /// `Index` for a dim out of range.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([[0, 3], [5, 0]], ())?;
    /// assert_eq!(x.count_nonzero(())?.item::<i64>()?, 2);
    /// assert_eq!(x.count_nonzero(0)?.to_vec::<i64>()?, [1, 1]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn count_nonzero(&self, over: impl Into<Over>) -> Result<Self> {
        let over = Over { dtype: None, ..over.into() };
        self.to(DType::Bool)?.sum(over)
    }

    /// The row-major indices of all elements that are not zero, in the dtype of [`count_dtype`].
    #[track_caller]
    pub(crate) fn nonzero_linear(&self) -> Result<Self> {
        let mask = self.to(DType::Bool)?.reshape([-1])?;
        let (places, found) = mask.places_of_true("nonzero")?;
        let options = Options::from((count_dtype(self.numel()), self.device()));
        arange(self.numel() as i64, options)?.compacted("nonzero", &places, found)
    }

    /// For each element of a flat mask its place among those that are true, -1 for the others; and how
    /// many are true. A read point.
    #[track_caller]
    pub(super) fn places_of_true(&self, name: &'static str) -> Result<(Self, usize)> {
        let dtype = count_dtype(self.numel());
        if self.numel() == 0 {
            return Ok((empty([0], (dtype, self.device()))?, 0));
        }
        self.places_by(name, &self.cumsum_dtype(0, dtype)?)
    }

    /// [`places_of_true`](Self::places_of_true) of a mask of elements whose running count is known.
    #[track_caller]
    pub(in crate::tensor) fn places_by(
        &self,
        name: &'static str,
        count: &Self,
    ) -> Result<(Self, usize)> {
        let dtype = count.dtype();
        let mut build = Build::new(name, &[self.into(), count.into()])?;
        let mask = build.load(self)?;
        let place = build.load(count)?;
        let one = build.scalar(1, dtype);
        let place = build.program().binary(Op::Sub, place, one);
        let none = build.scalar(-1, dtype);
        let value = build.program().select(mask, place, none);
        let places = build.finish(value)?;
        let found = match count.select(0, -1)?.item_scalar()? {
            Scalar::Int(found) => found as usize,
            other => unreachable!("a count is an integer, not {other:?}"),
        };
        Ok((places, found))
    }

    /// The elements whose place is not -1, each at its place among `found`.
    #[track_caller]
    pub(in crate::tensor) fn compacted(
        &self,
        name: &'static str,
        places: &Self,
        found: usize,
    ) -> Result<Self> {
        let result = empty([found], (self.dtype(), self.device()))?;
        if found > 0 {
            let source = self.reshape([-1])?;
            Scattering {
                name,
                target: &result,
                places: smallvec![0],
                addresses: places,
                source: &source,
                fold: None,
                refusal: OUT_OF_BOUNDS,
            }
            .record()?;
        }
        Ok(result)
    }
}

/// The dtype in which so many elements are counted.
pub(in crate::tensor) fn count_dtype(len: usize) -> DType {
    if i32::try_from(len).is_ok() { DType::I32 } else { DType::I64 }
}
