//! What an index expression means: a view, and the index tensors along some of its dims.
//!
//! Integers, ranges, new axes and the ellipsis make the view. A bool tensor stands for the vectors of the
//! indices where it is true. An integer tensor without dims is read and is an integer then, so that what it
//! names is a view, as in PyTorch.
//!
//! # Note [Place of the indexed dims]
//! All index tensors are broadcast together. Their dims come where the first indexed dim was, if the
//! indexed dims follow each other in the view, and in front otherwise. Integers count as neither indexed
//! nor in between: they have left the view before.

use std::borrow::Cow;
use std::ops::Range;

use smallvec::SmallVec;

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernel::Dims;
use crate::layout::{self, Layout};
use crate::scalar::Scalar;

use super::super::{Index, Rounding, Size, Tensor};
use super::Along;

/// An index expression on a tensor, understood.
pub(crate) struct Selection {
    /// What integers, ranges, new axes and the ellipsis leave, indexed dims included. Shares memory with the
    /// tensor.
    pub(crate) view: Tensor,
    /// The index tensors, all of one shape, in the order of their dims of `view`; if there are none, `view`
    /// is what the expression names.
    pub(crate) along: SmallVec<[Along; 2]>,
    /// Of what the expression names.
    pub(crate) shape: Dims,
    /// The dims of `shape` that are those of the index tensors.
    pub(crate) indexed: Range<usize>,
}

impl Selection {
    /// From one point of `shape` to the next in `view`, but for what the index tensors add: 0 along
    /// their dims.
    pub(crate) fn strides(&self) -> Dims {
        let named = |dim: &usize| self.along.iter().any(|along| along.dim == *dim);
        let kept =
            (0..self.view.dim()).filter(|dim| !named(dim)).map(|dim| self.view.stride()[dim]);
        let kept: Dims = kept.collect();
        let (before, after) = kept.split_at(self.indexed.start);
        let indexed = std::iter::repeat_n(0, self.indexed.len());
        before.iter().copied().chain(indexed).chain(after.iter().copied()).collect()
    }

    /// The index tensors over all points of `shape`.
    pub(crate) fn along_points(&self) -> SmallVec<[Along; 2]> {
        let over = |index: &Tensor| {
            let mut strides = Dims::from_elem(0, self.shape.len());
            strides[self.indexed.clone()].copy_from_slice(index.stride());
            index.with_layout(Layout::new(self.shape.clone(), strides, index.storage_offset()))
        };
        let along = self.along.iter();
        along.map(|along| Along { index: over(&along.index), ..*along }).collect()
    }

    /// What a read point says of an index that is out of range.
    pub(crate) fn refusal(&self) -> Cow<'static, str> {
        match &self.along[..] {
            [Along { dim, size, .. }] => {
                format!("index is out of bounds for dimension {dim} with size {size}").into()
            }
            several => {
                let dims: Vec<usize> = several.iter().map(|along| along.dim).collect();
                let sizes: Vec<usize> = several.iter().map(|along| along.size).collect();
                format!("index is out of bounds for dimensions {dims:?} with sizes {sizes:?}")
                    .into()
            }
        }
    }
}

/// # Errors
/// `Index` for an index out of range, for more places than dims, for two ellipses; `Value` for a step that is
/// not positive; `Dtype` for an index tensor of another dtype; `Shape` for index tensors that do not broadcast
/// together, or a mask of another shape than what it stands for. What reading a mask or an integer gives.
#[track_caller]
pub(crate) fn resolve(tensor: &Tensor, indices: &[Index]) -> Result<Selection> {
    let rank = tensor.dim();
    let named: usize = indices.iter().map(dims_of).sum();
    if rank == 0 && matches!(indices, [Index::Int(_)]) {
        return Err(Error::index(
            "invalid index of a 0-dim tensor. Use item() to convert a 0-dim tensor to a number",
        ));
    }
    if named > rank {
        return Err(Error::index(format!("too many indices for tensor of dimension {rank}")));
    }
    if indices.iter().filter(|index| matches!(index, Index::Ellipsis)).count() > 1 {
        return Err(Error::index("an index can only have a single ellipsis ('...')"));
    }
    let mut view = tensor.layout().clone();
    let mut found: SmallVec<[(usize, Tensor); 2]> = SmallVec::new();
    let mut dim = 0;
    for (place, index) in indices.iter().enumerate() {
        match index {
            Index::Int(index) => view = select(&view, dim, *index, place)?,
            Index::Slice { start, stop, step } => {
                if *step <= 0 {
                    return Err(Error::value(format!(
                        "step must be greater than zero, but got {step}"
                    )));
                }
                view = view.slice(dim as i64, *start, *stop, *step)?;
                dim += 1;
            }
            Index::NewAxis => {
                view = view.unsqueeze(dim as i64)?;
                dim += 1;
            }
            Index::Ellipsis => dim += rank - named,
            Index::Tensor(index) if is_mask(index) => {
                let mask = if index.dim() > 0 {
                    index.alias()
                } else {
                    view = view.unsqueeze(dim as i64)?;
                    index.unsqueeze(0)?
                };
                check_mask(&mask, &view, dim, place)?;
                for index in true_indices(&mask)? {
                    found.push((dim, index));
                    dim += 1;
                }
            }
            Index::Tensor(index) if !matches!(index.dtype(), DType::I64 | DType::I32) => {
                return Err(Error::dtype(
                    "tensors used as indices must be long, int, byte or bool tensors",
                ));
            }
            Index::Tensor(index) if index.dim() == 0 => {
                let Scalar::Int(index) = index.item_scalar()? else {
                    unreachable!("an integer tensor holds integers")
                };
                view = select(&view, dim, index, place)?;
            }
            Index::Tensor(index) => {
                found.push((dim, index.alias()));
                dim += 1;
            }
        }
    }
    selection(tensor.with_layout(view), found)
}

/// Puts index tensors together: Note [Place of the indexed dims].
#[track_caller]
fn selection(view: Tensor, found: SmallVec<[(usize, Tensor); 2]>) -> Result<Selection> {
    let (Some(&(first, _)), Some(&(last, _))) = (found.first(), found.last()) else {
        let shape = view.dims();
        return Ok(Selection { view, along: SmallVec::new(), shape, indexed: 0..0 });
    };
    let shapes: SmallVec<[&[usize]; 4]> = found.iter().map(|(_, index)| index.shape()).collect();
    let common = layout::broadcast(&shapes).map_err(|_| {
        let shapes: Vec<String> = shapes.iter().map(|shape| Size(shape).to_string()).collect();
        Error::shape(format!(
            "shape mismatch: indexing tensors could not be broadcast together with shapes {}",
            shapes.join(", ")
        ))
    })?;
    let is_found = |dim: usize| found.iter().any(|&(found, _)| found == dim);
    let follow = last - first + 1 == found.len();
    let start = if follow { first } else { 0 };
    let mut shape: Dims =
        (0..view.dim()).filter(|&dim| !is_found(dim)).map(|dim| view.shape()[dim]).collect();
    shape.insert_many(start, common.iter().copied());
    let empty = common.contains(&0);
    let sizes: Vec<i64> = common.iter().map(|&size| size as i64).collect();
    drop(shapes);
    let mut along = SmallVec::new();
    for (dim, index) in found {
        let (size, stride) = (view.shape()[dim], view.stride()[dim]);
        if size == 0 && !empty {
            return Err(Error::index("index is out of bounds for dimension with size 0"));
        }
        // As in PyTorch, index tensors may come from the CPU.
        let index = if index.device() == view.device() { index } else { index.to(view.device())? };
        along.push(Along { dim, index: index.expand(&sizes[..])?, size, stride });
    }
    Ok(Selection { view, along, shape, indexed: start..start + common.len() })
}

/// Dims that a place of an index expression takes.
fn dims_of(index: &Index) -> usize {
    match index {
        Index::Int(_) | Index::Slice { .. } => 1,
        Index::Tensor(index) if is_mask(index) => index.dim(),
        Index::Tensor(_) => 1,
        Index::NewAxis | Index::Ellipsis => 0,
    }
}

/// A tensor of bytes is a mask too, as it was before there were bools.
fn is_mask(index: &Tensor) -> bool {
    matches!(index.dtype(), DType::Bool | DType::U8)
}

fn select(view: &Layout, dim: usize, index: i64, place: usize) -> Result<Layout> {
    let size = view.shape()[dim] as i64;
    if index < -size || index >= size {
        return Err(Error::index(format!(
            "index {index} is out of bounds for dimension {place} with size {size}"
        )));
    }
    view.select(dim as i64, index)
}

fn check_mask(mask: &Tensor, view: &Layout, dim: usize, place: usize) -> Result<()> {
    for (offset, &size) in mask.shape().iter().enumerate() {
        if view.shape()[dim + offset] != size {
            return Err(Error::shape(format!(
                "The shape of the mask {} at index {} does not match the shape of the indexed tensor {} \
                 at index {}",
                mask.size(),
                offset,
                Size(view.shape()),
                place + offset
            )));
        }
    }
    Ok(())
}

/// The indices along each dim of a mask where it is true, one vector a dim.
#[track_caller]
fn true_indices(mask: &Tensor) -> Result<Vec<Tensor>> {
    let linear = mask.nonzero_linear()?;
    let mut inner = 1;
    let mut columns = Vec::with_capacity(mask.dim());
    for &size in mask.shape().iter().rev() {
        // A mask of no elements has no indices either; any divisor will do.
        let outer = linear.div_mode(inner as i64, Rounding::Floor)?;
        columns.push(outer.remainder(size.max(1) as i64)?);
        inner *= size.max(1);
    }
    columns.reverse();
    Ok(columns)
}
