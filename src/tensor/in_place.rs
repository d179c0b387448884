//! Writing into a tensor: fill_, zero_, copy_.

use crate::error::{Error, Result};
use crate::kernel::Dims;
use crate::layout::{self, Layout, Overlap};
use crate::scalar::Scalar;

use super::elementwise::{Build, check_fits, check_internal_overlap, check_partial_overlap};
use super::{Arg, Tensor};

impl Tensor {
    /// Sets every element to a number or to the value of a 0-d tensor.
    ///
    /// Works on expanded tensors too, whose elements share memory.
    ///
    /// # Errors
    /// `Value` for a number that the dtype cannot hold, `Shape` for a tensor that is not 0-d.
    ///
    /// # Example
    /// ```
    /// let x = taut::zeros([3], ())?;
    /// x.fill_(7)?;
    /// assert_eq!(x.to_vec::<f32>()?, [7.0; 3]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn fill_<'a>(&self, value: impl Into<Arg<'a>>) -> Result<&Self> {
        let value = value.into();
        match value {
            // PyTorch converts a number for a single element without looking whether it fits.
            Arg::Scalar(scalar) if self.numel() != 1 => check_fits(scalar, self.dtype())?,
            Arg::Scalar(scalar) if !self.dtype().is_floating_point() => {
                check_fits(scalar, self.dtype())?;
            }
            Arg::Scalar(_) => {}
            Arg::Tensor(tensor) if tensor.dim() != 0 => {
                return Err(Error::shape(format!(
                    "fill_ only supports 0-dimension value tensor but got tensor with {} dimensions.",
                    tensor.dim()
                )));
            }
            Arg::Tensor(_) => {}
        }
        self.fill_unchecked(value)?;
        Ok(self)
    }

    /// Sets every element to zero.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// # Example
    /// ```
    /// let x = taut::ones([3], ())?;
    /// x.zero_()?;
    /// assert_eq!(x.to_vec::<f32>()?, [0.0; 3]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn zero_(&self) -> Result<&Self> {
        self.fill_unchecked(Scalar::Int(0).into())?;
        Ok(self)
    }

    /// Copies the elements of `source`, broadcast to this shape and cast to this dtype.
    ///
    /// The source may be on another device; then this is a read point of that device.
    ///
    /// # Errors
    /// `Shape` when the source does not broadcast to this shape, `Overlap` when elements of this tensor
    /// share memory among themselves or in part with the source.
    ///
    /// # Example
    /// ```
    /// let x = taut::zeros([2, 2], ())?;
    /// x.copy_(&taut::tensor([1, 2], ())?)?;
    /// assert_eq!(x.to_vec::<f32>()?, [1.0, 2.0, 1.0, 2.0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn copy_(&self, source: &Self) -> Result<&Self> {
        let here;
        let source = if source.device() == self.device() {
            source
        } else {
            here = source.to(self.device())?;
            &here
        };
        check_internal_overlap(self)?;
        check_partial_overlap(source, self)?;
        let sizes: Vec<i64> = self.shape().iter().map(|&size| size as i64).collect();
        let source = source.with_layout(source.layout().expand(&sizes)?);
        if source.shares_memory(self) && source.layout() == self.layout() {
            return Ok(self);
        }
        let mut build = Build::new("copy_", &[(&source).into()])?;
        let value = build.load(&source)?;
        build.write(value, self)?;
        Ok(self)
    }

    /// Writes a 0-d value everywhere, casting it; elements that share memory are written once.
    #[track_caller]
    pub(crate) fn fill_unchecked(&self, value: Arg<'_>) -> Result<()> {
        let target = self.with_layout(without_repeats(self.layout()));
        if layout::internal_overlap(target.layout()) != Overlap::No
            && layout::may_overlap_self(target.layout())
        {
            // An as_strided view whose rows overlap: row by row, for a kernel has no order of points.
            for row in 0..target.shape()[0] {
                target.select(0, row as i64)?.fill_unchecked(value)?;
            }
            return Ok(());
        }
        let mut build = Build::over("fill_", self.runtime(), Dims::from_slice(target.shape()));
        let value = build.value(value, self.dtype())?;
        build.write(value, &target)
    }
}

/// The layout with every repeated dimension cut to one element.
pub(crate) fn without_repeats(layout: &Layout) -> Layout {
    let sizes = layout.shape().iter().zip(layout.strides());
    let shape = sizes.map(|(&size, &stride)| if stride == 0 { size.min(1) } else { size });
    Layout::new(shape.collect(), Dims::from_slice(layout.strides()), layout.offset())
}
