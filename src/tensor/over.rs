//! What a reduction works on.

use smallvec::SmallVec;

use crate::dtype::DType;
use crate::error::Result;
use crate::graph::View;
use crate::kernel::Dims;
use crate::layout::{self, Layout};

use super::Tensor;
use super::sizes::IntoDims;

/// The dims of a reduction and its options.
///
/// Made from `()` (all dims), one dim, several dims, or by [`dims`] where options follow.
///
/// # Example
/// ```
/// use taut::{DType, dims};
/// let x = taut::ones([2, 3], ())?;
/// assert_eq!(x.sum(())?.item::<f32>()?, 6.0);
/// assert_eq!(x.sum(1)?.shape(), [2]);
/// assert_eq!(x.sum(dims([0, 1]).keepdim().dtype(DType::F64))?.shape(), [1, 1]);
/// # Ok::<(), taut::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Over {
    pub(crate) dims: SmallVec<[i64; 6]>,
    pub(crate) keepdim: bool,
    pub(crate) dtype: Option<DType>,
}

/// The dims of a reduction, to be followed by options; see [`Over`].
pub fn dims(dims: impl IntoDims) -> Over {
    dims.into()
}

impl<T: IntoDims> From<T> for Over {
    fn from(dims: T) -> Self {
        Self { dims: dims.into_dims(), keepdim: false, dtype: None }
    }
}

impl Over {
    /// Keeps the reduced dims, with size 1.
    pub fn keepdim(self) -> Self {
        Self { keepdim: true, ..self }
    }

    /// Converts the elements first.
    pub fn dtype(self, dtype: DType) -> Self {
        Self { dtype: Some(dtype), ..self }
    }

    /// A new result that is row-major and kept its reduced dims, with them or without them as the options say.
    pub(crate) fn shaped(&self, result: Tensor, mask: &[bool]) -> Result<Tensor> {
        if self.keepdim || !mask.contains(&true) {
            return Ok(result);
        }
        debug_assert!(result.layout().is_contiguous() && result.layout().offset() == 0);
        let sizes = result.shape().iter().zip(mask).filter(|(_, folded)| !**folded);
        let mut shape = Dims::new();
        sizes.for_each(|(&size, _)| shape.push(size));
        // What `squeeze` would give, in a kept layout.
        let layout = Layout::contiguous(&shape)?;
        Ok(Tensor::from_view(View { layout, ..result.into_view() }))
    }

    /// For each dim whether it is reduced; all are if none is named.
    ///
    /// # Errors
    /// `Index` for a dim out of range, `Shape` for one named twice.
    pub(crate) fn mask(&self, rank: usize) -> Result<SmallVec<[bool; 6]>> {
        let all = self.dims.is_empty();
        let mut mask = match rank {
            0..=6 => SmallVec::from_buf_and_len([all; 6], rank),
            _ => SmallVec::from_elem(all, rank),
        };
        if let [dim] = self.dims[..] {
            let dim = layout::normalize_dim(dim, rank)?;
            mask.iter_mut().skip(dim).take(1).for_each(|folded| *folded = true);
            return Ok(mask);
        }
        for dim in layout::normalize_dims(&self.dims, rank)? {
            if dim < rank {
                mask[dim] = true;
            }
        }
        Ok(mask)
    }
}
