//! Sorting, scattering and products of matrices, see [`Whole`]: a file for each.

mod product;
mod scatter;
mod sort;

use smallvec::SmallVec;

use super::view::Block;
use crate::backend::Launch;
use crate::kernel::Whole;

/// Runs a launch; returns the code of its check if that failed.
pub(super) fn run(launch: &Launch, whole: Whole) -> Option<u32> {
    match whole {
        Whole::Sort { descending, ranks } => {
            sort::run(launch, descending, ranks);
            None
        }
        Whole::Scatter { fold } => scatter::run(launch, fold),
        Whole::Product => {
            product::run(launch);
            None
        }
    }
}

/// An iteration space in blocks of its two innermost dimensions, which together are all its points in
/// row-major order.
struct Blocks<'a> {
    shape: &'a [usize],
    /// Of the innermost dimension and the one around it.
    sizes: [usize; 2],
    /// Of a block.
    columns: usize,
    rows: usize,
}

/// Where a block is.
struct At {
    /// Coordinates of its first point.
    origin: SmallVec<[usize; 6]>,
    rows: usize,
    columns: usize,
}

impl<'a> Blocks<'a> {
    /// Blocks of at most so many points; of whole rows where one row is no more than that.
    fn new(shape: &'a [usize], points: usize) -> Self {
        let mut inner = shape.iter().rev().copied();
        let sizes = [inner.next().unwrap_or(1), inner.next().unwrap_or(1)];
        let columns = sizes[0].min(points);
        let rows = if columns < sizes[0] { 1 } else { (points / columns).clamp(1, sizes[1]) };
        Self { shape, sizes, columns, rows }
    }

    fn count(&self) -> usize {
        let outer: usize = self.shape.iter().rev().skip(2).product();
        outer * self.sizes[1].div_ceil(self.rows) * self.sizes[0].div_ceil(self.columns)
    }

    /// Block number `index`.
    fn at(&self, mut index: usize) -> At {
        let mut origin = SmallVec::from_elem(0, self.shape.len());
        let mut split = |dim: usize, step: usize| {
            let steps = self.shape[dim].div_ceil(step);
            origin[dim] = index % steps * step;
            index /= steps;
            step.min(self.shape[dim] - origin[dim])
        };
        let mut dims = (0..self.shape.len()).rev();
        let columns = dims.next().map_or(1, |dim| split(dim, self.columns));
        let rows = dims.next().map_or(1, |dim| split(dim, self.rows));
        for dim in dims {
            split(dim, 1);
        }
        At { origin, rows, columns }
    }
}

impl At {
    /// The elements of an operand with these strides.
    fn block(&self, strides: &[usize]) -> Block {
        let offset = self.origin.iter().zip(strides).map(|(at, stride)| at * stride).sum();
        let mut inner = strides.iter().rev().copied();
        let (column_stride, row_stride) = (inner.next().unwrap_or(0), inner.next().unwrap_or(0));
        Block { offset, rows: self.rows, row_stride, columns: self.columns, column_stride }
    }
}
