//! Reading at computed places: indexing by tensors, index_select, gather, take, flip, repeat_interleave.
//!
//! Owns [`resolve`], which turns an index expression into a view and the index tensors along its dims;
//! [`address`], the way from index tensors to distances in elements; and [`Fetched`], the recording of the
//! read. Writing at computed places starts from the first two as well.
//!
//! An index that is out of range is known only when the operation runs. It is refused then: nothing is
//! written, and the next read point on the device reports it. An operation that checks its data is alone
//! in its kernel, so what follows a gather does not fuse with it. `flip` has nothing to check, and fuses.

mod address;
mod along;
mod flip;
mod repeat;
mod resolve;

use std::borrow::Cow;

pub(crate) use address::{Address, Along, Indices, address};
pub(crate) use resolve::{Selection, resolve};

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::Refusal;
use crate::kernel::Dims;
use crate::layout::Layout;

use super::Tensor;
use super::elementwise::{Build, mixed_devices};

/// A read at places that index tensors name.
struct Fetched<'a> {
    name: &'static str,
    source: &'a Tensor,
    /// Of the result.
    shape: Dims,
    /// From one point of the result to the next in the source, but for what the indices add.
    strides: Dims,
    /// Each broadcasts over the result.
    along: &'a [Along],
    indices: Indices,
    refusal: Cow<'static, str>,
}

impl Fetched<'_> {
    /// The elements, row-major.
    #[track_caller]
    fn record(self) -> Result<Tensor> {
        let dense = Dims::from_slice(Layout::contiguous(&self.shape)?.strides());
        let mut build = Build::over(self.name, self.source.runtime(), self.shape);
        let Address { at, wrong } = address(&mut build, self.along, self.indices)?;
        build.refuse_where(wrong, Refusal::Index(self.refusal));
        let value = build.fetch(self.source, self.strides, at);
        build.finish_as(value, dense)
    }
}

impl Selection {
    /// The elements that the expression names: a view where it has no index tensors, else row-major.
    #[track_caller]
    pub(crate) fn read(self, name: &'static str) -> Result<Tensor> {
        if self.along.is_empty() {
            return Ok(self.view);
        }
        Fetched {
            name,
            source: &self.view,
            strides: self.strides(),
            along: &self.along_points(),
            indices: Indices::Signed,
            refusal: self.refusal(),
            shape: self.shape,
        }
        .record()
    }
}

/// # Errors
/// `Dtype`, in these words, unless the tensor is int64 or int32; `Device` unless it is where the other is.
fn check_index(source: &Tensor, index: &Tensor, words: impl FnOnce() -> String) -> Result<()> {
    if !matches!(index.dtype(), DType::I64 | DType::I32) {
        return Err(Error::dtype(words()));
    }
    if source.device() != index.device() {
        return Err(mixed_devices(source.device(), index.device()));
    }
    Ok(())
}
