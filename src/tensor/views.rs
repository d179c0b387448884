//! Views: the same elements seen through another layout. Nothing is copied, and a write through one is
//! seen through all.

use crate::error::Result;
use crate::kernel::Dims;
use crate::layout::{Layout, Reshape};

use super::Tensor;
use super::sizes::{IntoDims, IntoSizes};

macro_rules! views {
    ($(
        $(#[$doc:meta])*
        $name:ident($($arg:ident: $type:ty $(= $convert:expr)?),*);
    )*) => {
        impl Tensor {
            $(
                $(#[$doc])*
                ///
                /// Shares memory with this tensor.
                pub fn $name(&self, $($arg: $type),*) -> Result<Self> {
                    $($(let $arg = $convert;)?)*
                    Ok(self.with_layout(self.layout().$name($($arg),*)?))
                }
            )*
        }
    };
}

views! {
    /// The same elements in row-major order in another shape; one size may be -1 and is inferred.
    ///
    /// # Errors
    /// `Shape` when the sizes do not multiply to the number of elements, when more than one is -1, or
    /// when the strides do not allow it (then [`reshape`](Self::reshape) copies).
    ///
    /// # Example
    /// ```
    /// let x = taut::zeros([4, 4], ())?;
    /// assert_eq!(x.view([-1, 8])?.shape(), [2, 8]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    view(sizes: impl IntoSizes = &sizes.into_sizes());
    /// Swaps two dimensions.
    ///
    /// # Errors
    /// `Index` for a dim out of range.
    ///
    /// # Example
    /// ```
    /// assert_eq!(taut::zeros([2, 3, 4], ())?.transpose(0, -1)?.shape(), [4, 3, 2]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    transpose(dim0: i64, dim1: i64);
    /// The transpose of a matrix; 0-d and 1-d tensors as they are.
    ///
    /// # Errors
    /// `Shape` for more than two dimensions.
    t();
    /// Reorders the dimensions: `(n, m, k)` with `[2, 0, 1]` -> `(k, n, m)`.
    ///
    /// # Errors
    /// `Shape` unless every dim is named once, `Index` for a dim out of range.
    permute(dims: impl IntoDims = &dims.into_dims());
    /// Moves dimensions to new places, the others keeping their order.
    ///
    /// # Errors
    /// `Index` for a dim out of range, `Shape` when a dim is repeated or the two lists differ in length.
    movedim(source: impl IntoDims = &source.into_dims(), destination: impl IntoDims = &destination.into_dims());
    /// One index of a dimension, which goes: `(n, m)` -> `(m)` for dim 0.
    ///
    /// # Errors
    /// `Index` for a dim or an index out of range.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([[1, 2], [3, 4]], ())?;
    /// assert_eq!(x.select(1, -1)?.to_vec::<i32>()?, [2, 4]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    select(dim: i64, index: i64);
    /// `length` indices of a dimension from `start` on.
    ///
    /// # Errors
    /// `Index` for a dim or a start out of range, `Value` for a length that does not fit.
    narrow(dim: i64, start: i64, length: i64);
    /// Every `step`th index of a dimension from `start` to `end`, which is left out; bounds are clamped.
    ///
    /// # Errors
    /// `Index` for a dim out of range, `Value` for a step that is not positive.
    slice(dim: i64, start: Option<i64>, end: Option<i64>, step: i64);
    /// Inserts a dimension of size 1.
    ///
    /// # Errors
    /// `Index` for a dim out of range.
    unsqueeze(dim: i64);
    /// Repeats dimensions of size 1 without copying; -1 keeps a size, new dimensions lead.
    ///
    /// # Errors
    /// `Shape` when a size other than 1 would change.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([[1], [2]], ())?;
    /// assert_eq!(x.expand([-1, 3])?.to_vec::<i32>()?, [1, 1, 1, 2, 2, 2]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    expand(sizes: impl IntoSizes = &sizes.into_sizes());
    /// [`expand`](Self::expand) to a shape.
    ///
    /// # Errors
    /// `Shape` when the shapes do not fit.
    broadcast_to(sizes: impl IntoSizes = &sizes.into_sizes());
    /// The diagonal of two dimensions, which go; it becomes the last dimension.
    ///
    /// # Errors
    /// `Index` for a dim out of range, `Shape` when both are the same.
    diagonal(offset: i64, dim1: i64, dim2: i64);
    /// Windows of `size` along a dimension, each `step` after the one before; they become a new last
    /// dimension.
    ///
    /// # Errors
    /// `Index` for a dim out of range, `Value` for a size that does not fit or a step that is not
    /// positive.
    unfold(dim: i64, size: i64, step: i64);
}

impl Tensor {
    /// The same elements in row-major order in another shape: a view where the strides allow it, else a
    /// copy.
    ///
    /// # Errors
    /// As [`view`](Self::view), the last case aside.
    #[track_caller]
    pub fn reshape(&self, sizes: impl IntoSizes) -> Result<Self> {
        self.reshaped(self.layout().reshape(&sizes.into_sizes())?)
    }

    /// Merges the dimensions from `start` to `end`, both included: a view where the strides allow it,
    /// else a copy.
    ///
    /// # Errors
    /// `Index` for a dim out of range, `Shape` when `start` is after `end`.
    ///
    /// # Example
    /// ```
    /// assert_eq!(taut::zeros([2, 3, 4], ())?.flatten(1, -1)?.shape(), [2, 12]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn flatten(&self, start: i64, end: i64) -> Result<Self> {
        self.reshaped(self.layout().flatten(start, end)?)
    }

    #[track_caller]
    fn reshaped(&self, reshape: Reshape) -> Result<Self> {
        match reshape {
            Reshape::View(layout) => Ok(self.with_layout(layout)),
            Reshape::Copy(shape) => {
                let copy = self.copied()?;
                Ok(copy.with_layout(Layout::contiguous(&shape)?))
            }
        }
    }

    /// Drops dimensions of size 1: all of them for `()`, else those named. Shares memory.
    ///
    /// # Errors
    /// `Index` for a dim out of range.
    ///
    /// # Example
    /// ```
    /// let x = taut::zeros([1, 2, 1], ())?;
    /// assert_eq!(x.squeeze(())?.shape(), [2]);
    /// assert_eq!(x.squeeze(0)?.shape(), [2, 1]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    pub fn squeeze(&self, dims: impl IntoDims) -> Result<Self> {
        let dims = dims.into_dims();
        let layout = if dims.is_empty() {
            self.layout().squeeze()
        } else {
            self.layout().squeeze_dims(&dims)?
        };
        Ok(self.with_layout(layout))
    }

    /// Any view of the storage, by sizes, strides and offset in elements. Shares memory.
    ///
    /// # Errors
    /// `Shape` when an element would lie outside the storage, `Value` for negative numbers.
    pub fn as_strided(
        &self,
        sizes: impl IntoSizes,
        strides: impl IntoSizes,
        offset: i64,
    ) -> Result<Self> {
        let (sizes, strides) = (sizes.into_sizes(), strides.into_sizes());
        let layout = self.layout().as_strided(&sizes, &strides, offset, self.storage().len)?;
        Ok(self.with_layout(layout))
    }

    /// The shape, as the arguments of views are given.
    pub(crate) fn sizes(&self) -> Vec<i64> {
        self.shape().iter().map(|&size| size as i64).collect()
    }

    /// The tensor's shape as owned sizes.
    pub(crate) fn dims(&self) -> Dims {
        Dims::from_slice(self.shape())
    }
}
