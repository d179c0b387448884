//! Writing at computed places: scatter, index_add, index_copy, index_fill, put, nonzero, masked_select.
//!
//! Owns [`Scattering`], the recording of a scatter, and [`addresses`], the way from an index tensor to
//! distances in a target. Where several sources meet in one element they come in row-major order, the
//! last one staying: results are the same on every device and at any number of threads. For now the CPU
//! scatters for GPUs too.

mod along;
mod compact;
mod rows;
mod select;

use std::panic::Location;

use smallvec::smallvec;

use crate::device::Device;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Entire, Program, Record, Refusal};
use crate::kernel::{Dims, Whole};
use crate::layout::{self, Layout, Overlap};
use crate::ops::Op;

use super::Tensor;
use super::elementwise::{Build, check_internal_overlap, mixed_devices};

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
        if target.device() != Device::Cpu {
            return self.run_on_host();
        }
        let sizes: Vec<i64> = self.addresses.shape().iter().map(|&size| size as i64).collect();
        let source = self.source.to(target.dtype())?;
        let source = if source.shares_memory(target) { source.copied()? } else { source };
        let source = source.with_layout(source.layout().expand(&sizes)?);
        if self.addresses.numel() == 0 {
            return Ok(());
        }
        debug_assert!(!self.addresses.shares_memory(target), "addresses are computed");
        let strides = |tensor: &Tensor| Dims::from_slice(tensor.layout().strides());
        let entire = Entire {
            whole: Whole::Scatter { fold: self.fold },
            strides: smallvec![strides(self.addresses), strides(&source), self.places],
        };
        let program =
            Program { refusal: Refusal::Index(self.refusal.into()), ..Default::default() };
        target.runtime().record(Record {
            name: self.name,
            location: Location::caller(),
            shape: Dims::from_slice(self.addresses.shape()),
            program,
            inputs: [self.addresses, &source]
                .into_iter()
                .map(|input| input.view_ref().clone())
                .collect(),
            output: target.view_ref().clone(),
            fold: None,
            fetch: None,
            entire: Some(Box::new(entire)),
        })
    }
}

impl Scattering<'_> {
    /// The CPU's result, brought to the target's device. What is refused is reported at once.
    #[track_caller]
    fn run_on_host(self) -> Result<()> {
        if self.addresses.numel() == 0 {
            return Ok(());
        }
        // All of the storage, as the places count in it.
        let len = self.target.storage().len;
        let all = self.target.with_layout(Layout::contiguous(&[len])?);
        let (base, addresses, source) = (all.cpu()?, self.addresses.cpu()?, self.source.cpu()?);
        let target = base.with_layout(self.target.layout().clone());
        Scattering { target: &target, addresses: &addresses, source: &source, ..self }.record()?;
        self.target.copy_(&target)?;
        Ok(())
    }
}

/// Which indices there are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Indices {
    /// From 0 on.
    Natural,
    /// Negative ones count from the end.
    Signed,
}

/// For each index of a dim of `size` how far its elements are from the first, `stride` from one to the
/// next: as int32 where that is enough for all; -2 for a wrong index.
#[track_caller]
pub(super) fn addresses(
    name: &'static str,
    index: &Tensor,
    (size, stride): (usize, usize),
    indices: Indices,
) -> Result<Tensor> {
    let reach = size.saturating_mul(stride);
    let fits = i32::try_from(reach).is_ok();
    let dtype = if fits { index.dtype() } else { DType::I64 };
    let mut build = Build::new(name, &[index.into()])?;
    let index = build.value(index.into(), dtype)?;
    let number = |build: &mut Build<'_>, number: usize| build.scalar(number as i64, dtype);
    let (zero, size_value) = (number(&mut build, 0), number(&mut build, size));
    let negative = build.program.binary(Op::Lt, index, zero);
    let index = match indices {
        Indices::Natural => index,
        Indices::Signed => {
            let from_end = build.program.binary(Op::Add, index, size_value);
            build.program.select(negative, from_end, index)
        }
    };
    let below = match indices {
        Indices::Natural => negative,
        Indices::Signed => build.program.binary(Op::Lt, index, zero),
    };
    let beyond = build.program.binary(Op::Ge, index, size_value);
    let wrong = build.program.binary(Op::LogicalOr, below, beyond);
    let stride = number(&mut build, stride);
    let address = build.program.binary(Op::Mul, index, stride);
    let mark = build.scalar(-2, dtype);
    let value = build.program.select(wrong, mark, address);
    let value = build.program.cast(value, if fits { DType::I32 } else { DType::I64 });
    build.finish(value)
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
