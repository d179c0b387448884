//! Writing at computed places: scatter, index_add, index_copy, index_fill, put, masked_scatter, nonzero,
//! masked_select.
//!
//! Owns [`Scattering`], the recording of a scatter. Where several sources meet in one element they come
//! in row-major order, the last one staying: results are the same on every device and at any number of
//! threads.

mod along;
mod compact;
mod masked;
mod rows;
mod select;

pub(super) use compact::count_dtype;
use smallvec::smallvec;

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Refusal, Runtime};
use crate::kernel::{Dims, Whole};
use crate::layout::{self, Layout, Overlap};
use crate::ops::Op;

use super::Tensor;
use super::elementwise::{Build, check_internal_overlap, mixed_devices};
use super::entire::record_entire;
use super::gather::{Along, Indices, address};

/// What a scatter that meets a wrong index says.
pub(super) const OUT_OF_BOUNDS: &str = "index out of bounds";

/// A scatter in the making.
pub(super) struct Scattering<'a> {
    pub(super) name: &'static str,
    /// What may be written.
    pub(super) target: &'a Tensor,
    /// How far each point is from the target's first element, by its coordinates.
    pub(super) places: Dims,
    /// How far it is beyond that, for each point; -1 to leave the point out, below for a wrong index.
    pub(super) addresses: &'a Tensor,
    /// Broadcasts over the points; cast to the target's dtype.
    pub(super) source: &'a Tensor,
    /// None assigns.
    pub(super) fold: Option<Op>,
    pub(super) refusal: &'static str,
}

impl Scattering<'_> {
    /// # Errors
    /// `Shape` when the source does not broadcast over the points.
    #[track_caller]
    pub(super) fn record(self) -> Result<()> {
        let target = self.target;
        let sizes: Vec<i64> = self.addresses.shape().iter().map(|&size| size as i64).collect();
        let source = self.source.to(target.dtype())?;
        let source = if source.shares_memory(target) { source.copied()? } else { source };
        let source = source.with_layout(source.layout().expand(&sizes)?);
        if self.addresses.numel() == 0 {
            return Ok(());
        }
        debug_assert!(!self.addresses.shares_memory(target), "addresses are computed");
        let strides = |tensor: &Tensor| Dims::from_slice(tensor.layout().strides());
        record_entire(
            self.name,
            Whole::Scatter { fold: self.fold },
            Dims::from_slice(self.addresses.shape()),
            [(self.addresses, strides(self.addresses)), (&source, strides(&source))],
            (target, self.places),
            Some(Refusal::Index(self.refusal.into())),
        )
    }
}

/// Where index tensors lead at each point, see [`Scattering::addresses`].
///
/// # Errors
/// `Device` where int64 is needed and the device lacks it.
#[track_caller]
fn addresses(
    name: &'static str,
    runtime: &'static Runtime,
    shape: Dims,
    along: &[Along],
    indices: Indices,
) -> Result<Tensor> {
    let mut build = Build::over(name, runtime, shape);
    let place = address(&mut build, along, indices)?;
    let mark = build.scalar(-2, build.dtype(place.at));
    let marked = build.program().select(place.wrong, mark, place.at);
    build.finish(marked)
}

/// [`addresses`] of one index tensor along a dim of so many indices, with so many elements from one to the
/// next.
#[track_caller]
fn addresses_along(
    name: &'static str,
    index: &Tensor,
    (size, stride): (usize, usize),
    indices: Indices,
) -> Result<Tensor> {
    let along = Along { dim: 0, index: index.alias(), size, stride };
    addresses(name, index.runtime(), index.dims(), &[along], indices)
}

/// # Errors
/// `Dtype` unless the tensor is int64 or int32.
pub(super) fn check_index_dtype(name: &str, index: &Tensor) -> Result<()> {
    if matches!(index.dtype(), DType::I64 | DType::I32) {
        return Ok(());
    }
    Err(Error::dtype(format!(
        "{name}(): Expected dtype int32/int64 for index, but got {}",
        index.dtype()
    )))
}

/// # Errors
/// `Overlap` when elements of the target share memory, or one with an input; `Device` when they are on
/// several devices.
pub(super) fn check_target(target: &Tensor, inputs: &[&Tensor]) -> Result<()> {
    check_internal_overlap(target)?;
    for input in inputs {
        if !std::ptr::eq(input.runtime(), target.runtime()) {
            return Err(mixed_devices(target.device(), input.device()));
        }
        let shares = input.shares_memory(target)
            && matches!(
                layout::overlap(input.layout(), target.layout()),
                Overlap::Full | Overlap::Partial
            );
        if shares {
            return Err(Error::overlap(
                "unsupported operation: some elements of the input tensor and the written-to tensor refer \
                 to a single memory location. Please clone() the tensor before performing the operation.",
            ));
        }
    }
    Ok(())
}

impl Tensor {
    /// The tensor, with a dim of size 1 where it has none.
    pub(super) fn at_least_1d(&self) -> Result<Self> {
        if self.dim() == 0 { self.unsqueeze(0) } else { Ok(self.alias()) }
    }

    /// The place of each index along other dims than `dim`.
    pub(super) fn places_without(&self, dim: usize) -> Dims {
        let mut places = Dims::from_slice(self.stride());
        places[dim] = 0;
        places
    }
}
