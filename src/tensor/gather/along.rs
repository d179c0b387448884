//! Reading along a dim: index_select, gather, take_along_dim; and take, as if flat.

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::kernel::Dims;
use crate::layout;

use super::super::Tensor;
use super::super::creation::empty;
use super::super::sizes::IntoDims;
use super::{Along, Fetched, Indices, check_index};

impl Tensor {
    /// The indices of a dim that a vector names, in its order: `(n, m)` with `index` `(k)` -> `(k, m)` for
    /// dim 0.
    ///
    /// `index` is int64 or int32, from 0 on.
    ///
    /// # Errors
    /// `Shape` unless `index` is a vector or 0-d, `Dtype` unless it is int64 or int32, `Index` for a dim out
    /// of range, `Device` when the tensors are on different devices. An index out of range is reported at the
    /// next read point of the device, as `Index`, and nothing is written.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([[1, 2], [3, 4], [5, 6]], ())?;
    /// let rows = taut::tensor([2i64, 0, 2], ())?;
    /// assert_eq!(x.index_select(0, &rows)?.to_vec::<i32>()?, [5, 6, 1, 2, 5, 6]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn index_select(&self, dim: i64, index: &Self) -> Result<Self> {
        let dim = layout::normalize_dim(dim, self.dim())?;
        if index.dim() > 1 {
            return Err(Error::shape("index_select(): Index is supposed to be a vector"));
        }
        check_index(self, index, || {
            "index_select(): Expected dtype int32 or int64 for index".into()
        })?;
        if self.dim() == 0 {
            if index.numel() != 1 {
                return Err(Error::shape(format!(
                    "index_select(): Index to scalar can have only 1 value, got {} value(s)",
                    index.numel()
                )));
            }
            return self.unsqueeze(0)?.index_select(0, index)?.squeeze(0);
        }
        let (size, stride) = (self.shape()[dim], self.stride()[dim]);
        if size == 0 && index.numel() > 0 {
            return Err(Error::index("index_select(): self indexing axis dim should be positive"));
        }
        let (mut shape, mut strides) = (self.dims(), Dims::from_slice(self.stride()));
        shape[dim] = index.numel();
        strides[dim] = 0;
        // One index for each place along the dim, whatever the others.
        let mut sizes = vec![1; shape.len()];
        sizes[dim] = index.numel() as i64;
        let index = index.view(&sizes[..])?;
        Fetched {
            name: "index_select",
            source: self,
            shape,
            strides,
            along: &[Along { dim, index, size, stride }],
            indices: Indices::Natural,
            refusal: Cow::Borrowed("index out of range in self"),
        }
        .record()
    }

    /// For each point of `index` the element whose index along `dim` it names:
    /// `result[i, j] = self[index[i, j], j]` for dim 0 of two. The result has the shape of `index`.
    ///
    /// `index` is int64 or int32, from 0 on, and may be smaller than this tensor apart from the dim.
    ///
    /// # Errors
    /// `Dtype` unless `index` is int64 or int32, `Shape` when it has another number of dims or is larger apart
    /// from the dim, `Index` for a dim out of range, `Device` when the tensors are on different devices. An
    /// index out of range is reported at the next read point of the device, as `Index`, and nothing is
    /// written.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([[1, 2], [3, 4]], ())?;
    /// let index = taut::tensor([[0i64, 0], [1, 0]], ())?;
    /// assert_eq!(x.gather(1, &index)?.to_vec::<i32>()?, [1, 1, 4, 3]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn gather(&self, dim: i64, index: &Self) -> Result<Self> {
        let dim = layout::normalize_dim(dim, self.dim())?;
        check_index(self, index, || "gather(): Expected dtype int32/int64 for index".into())?;
        self.gathered("gather", dim, index, Indices::Natural)
    }

    #[track_caller]
    fn gathered(
        &self,
        name: &'static str,
        dim: usize,
        index: &Self,
        indices: Indices,
    ) -> Result<Self> {
        if index.numel() == 0 {
            return empty(&index.sizes()[..], (self.dtype(), self.device()));
        }
        if index.dim().max(1) != self.dim().max(1) {
            return Err(Error::shape(
                "Index tensor must have the same number of dimensions as input tensor",
            ));
        }
        let source = if self.dim() == 0 { self.unsqueeze(0)? } else { self.alias() };
        let over = if index.dim() == 0 { index.unsqueeze(0)? } else { index.alias() };
        let mut sizes = over.shape().iter().zip(source.shape()).enumerate();
        if let Some((other, _)) = sizes.find(|&(d, (index, own))| d != dim && index > own) {
            return Err(Error::shape(format!(
                "Size does not match at dimension {other} expected index {} to be no larger than self {} \
                 apart from dimension {dim}",
                index.size(),
                self.size()
            )));
        }
        let (size, stride) = (source.shape()[dim], source.stride()[dim]);
        if size == 0 {
            return Err(Error::index(format!(
                "index is out of bounds for dimension {dim} with size 0"
            )));
        }
        let mut strides = Dims::from_slice(source.stride());
        strides[dim] = 0;
        let result = Fetched {
            name,
            source: &source,
            shape: over.dims(),
            strides,
            along: &[Along { dim, index: over, size, stride }],
            indices,
            refusal: format!("index is out of bounds for dimension {dim} with size {size}").into(),
        }
        .record()?;
        if index.dim() == 0 { result.squeeze(0) } else { Ok(result) }
    }

    /// [`gather`](Self::gather) where the tensor and `indices` are broadcast apart from `dim`; without a dim,
    /// `()`, both are flat.
    ///
    /// With a dim, an index counts modulo the size, so that negative ones count from the end; flat, it must
    /// be in range. PyTorch does both.
    /// What `argmax` or `argsort` along a dim give is ready to be taken. Beside int64, which PyTorch asks
    /// for, `indices` may be int32, for devices without int64.
    ///
    /// # Errors
    /// As [`gather`](Self::gather); `Shape` when the number of dims differs or the shapes do not broadcast.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([[1, 5, 2], [9, 3, 4]], ())?;
    /// let most = x.argmax(taut::dims(1).keepdim())?;
    /// assert_eq!(x.take_along_dim(&most, 1)?.to_vec::<i32>()?, [5, 9]);
    /// assert_eq!(x.take_along_dim(&taut::tensor([3i64], ())?, ())?.to_vec::<i32>()?, [9]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn take_along_dim(&self, indices: &Self, dim: impl IntoDims) -> Result<Self> {
        check_index(self, indices, || {
            format!(
                "torch.take_along_dim(): dtype of indices should be Long but got {}",
                indices.dtype().message_name()
            )
        })?;
        let dim = match dim.into_dims()[..] {
            [] => {
                let (own, indices) = (self.reshape([-1])?, indices.reshape([-1])?);
                return own.gathered("take_along_dim", 0, &indices, Indices::Natural);
            }
            [dim] => dim,
            ref dims => {
                return Err(Error::value(format!(
                    "torch.take_along_dim(): expected one dim, but got {dims:?}"
                )));
            }
        };
        if self.dim() != indices.dim() {
            return Err(Error::shape(format!(
                "torch.take_along_dim(): input and indices should have the same number of dimensions, but \
                 got {} dimensions for input, and {} dimensions for indices",
                self.dim(),
                indices.dim()
            )));
        }
        let dim = layout::normalize_dim(dim, self.dim())?;
        if self.dim() == 0 {
            return self.gathered("take_along_dim", dim, indices, Indices::Signed);
        }
        let size = self.shape()[dim] as i64;
        let wrapped = if size > 0 { indices.remainder(size)? } else { indices.alias() };
        // Broadcast as if both had one index along the dim.
        let (mut own, mut other) = (self.dims(), indices.dims());
        (own[dim], other[dim]) = (1, 1);
        let common = layout::broadcast(&[&own, &other])?;
        let mut sizes: Vec<i64> = common.iter().map(|&size| size as i64).collect();
        sizes[dim] = size;
        let source = self.expand(&sizes[..])?;
        sizes[dim] = indices.shape()[dim] as i64;
        source.gathered("take_along_dim", dim, &wrapped.expand(&sizes[..])?, Indices::Natural)
    }

    /// The elements at the row-major indices that a tensor names: the result has its shape. Negative
    /// ones count from the end.
    ///
    /// Beside int64, which PyTorch asks for, `index` may be int32, for devices without int64.
    ///
    /// # Errors
    /// `Dtype` unless `index` is int64 or int32, `Index` for a tensor without elements, `Device` when the
    /// tensors are on different devices. An index out of range is reported at the next read point of the
    /// device, as `Index`, and nothing is written.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([[1, 2], [3, 4]], ())?;
    /// assert_eq!(x.take(&taut::tensor([0i64, -1], ())?)?.to_vec::<i32>()?, [1, 4]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn take(&self, index: &Self) -> Result<Self> {
        check_index(self, index, || {
            format!(
                "take(): Expected a long tensor for index, but got {}",
                index.dtype().message_name()
            )
        })?;
        if self.numel() == 0 && index.numel() > 0 {
            return Err(Error::index("take(): tried to take from an empty tensor"));
        }
        let source = self.reshape([-1])?;
        let size = source.numel();
        Fetched {
            name: "take",
            source: &source,
            shape: index.dims(),
            strides: Dims::from_elem(0, index.dim()),
            along: &[Along { dim: 0, index: index.alias(), size, stride: source.stride()[0] }],
            indices: Indices::Signed,
            refusal: format!(
                "out of range: tried to access an index of a tensor of {size} elements"
            )
            .into(),
        }
        .record()
    }
}
