//! Which elements views share.
//!
//! PyTorch's checks ([`internal_overlap`], [`overlap`]) decide what users may write: they are cheap and
//! give up early. [`provably_disjoint`] and [`may_overlap_self`] are for the planner: they may fail to
//! see that nothing is shared, never that something is.

use smallvec::SmallVec;

use super::Layout;
use super::propagate::is_dense;

/// What two views, or the elements of one, have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overlap {
    /// Nothing.
    No,
    /// Some element is at two indices of the one view.
    Yes,
    /// The two views are the same elements in the same order.
    Full,
    /// The two views share elements, but are not the same.
    Partial,
    /// PyTorch does not look further.
    TooHard,
}

/// Whether two indices of the layout are one element: `No`, `Yes` or `TooHard`.
pub(crate) fn internal_overlap(layout: &Layout) -> Overlap {
    if is_dense(&layout.shape, &layout.strides) {
        Overlap::No
    } else if layout.shape.iter().zip(&layout.strides).any(|(&size, &s)| size > 1 && s == 0) {
        Overlap::Yes
    } else {
        Overlap::TooHard
    }
}

/// What two views of one storage, of elements of one size, share: `No`, `Full`, `Partial` or
/// `TooHard`.
pub(crate) fn overlap(a: &Layout, b: &Layout) -> Overlap {
    if a == b {
        return Overlap::Full;
    }
    let (Some(in_a), Some(in_b)) = (a.extent(), b.extent()) else {
        return Overlap::No;
    };
    if !is_dense(&a.shape, &a.strides) || !is_dense(&b.shape, &b.strides) {
        Overlap::TooHard
    } else if in_a == in_b && a.strides == b.strides {
        Overlap::Full
    } else if in_a.start < in_b.end && in_b.start < in_a.end {
        Overlap::Partial
    } else {
        Overlap::No
    }
}

/// Whether the views of one storage share no element; `false` if that cannot be told cheaply.
///
/// Tells rows, columns and blocks of one matrix apart, in any rank, and slices with a common step.
pub(crate) fn provably_disjoint(a: &Layout, b: &Layout) -> bool {
    a.is_empty() || b.is_empty() || Lattice::of(a).is_disjoint(&Lattice::of(b))
}

/// Whether two indices of the layout may be one element; `true` if that cannot be told cheaply.
///
/// Exact for layouts that come from contiguous ones by slicing, permuting and expanding.
pub(crate) fn may_overlap_self(layout: &Layout) -> bool {
    if layout.is_empty() {
        return false;
    }
    let mut dims = Lattice::of(layout).dims;
    dims.sort_unstable_by_key(|dim| dim.stride);
    // Each step must lead past everything that the faster dims reach.
    let mut reach = 0;
    dims.iter().any(|dim| {
        let overlaps = dim.stride <= reach;
        reach += dim.span();
        overlaps
    })
}

/// The set of elements `offset + Σ i_d * stride_d` with `0 <= i_d < size_d`, of dims that move.
#[derive(Clone, Debug)]
struct Lattice {
    offset: usize,
    dims: SmallVec<[Dim; 6]>,
}

#[derive(Clone, Copy, Debug)]
struct Dim {
    size: usize,
    stride: usize,
}

impl Dim {
    /// Distance from the first to the last.
    fn span(self) -> usize {
        (self.size - 1) * self.stride
    }
}

impl Lattice {
    /// The elements of a layout that is not empty.
    fn of(layout: &Layout) -> Self {
        let dims = layout.shape.iter().zip(&layout.strides);
        let dims = dims.map(|(&size, &stride)| Dim { size, stride }).filter(|dim| dim.size > 1);
        Self { offset: layout.offset, dims: dims.collect() }
    }

    fn span(&self) -> usize {
        self.dims.iter().map(|dim| dim.span()).sum()
    }

    fn is_disjoint(&self, other: &Self) -> bool {
        if self.offset + self.span() < other.offset || other.offset + other.span() < self.offset {
            return true;
        }
        let strides = || self.dims.iter().chain(&other.dims).map(|dim| dim.stride);
        let step = strides().fold(0, gcd);
        if step > 0 && !self.offset.abs_diff(other.offset).is_multiple_of(step) {
            return true;
        }
        let mut periods: SmallVec<[usize; 12]> = strides().filter(|&s| s > 1).collect();
        periods.sort_unstable_by(|a, b| b.cmp(a));
        periods.dedup();
        for &period in &periods {
            // Row and column of an element are determined if no view's columns wrap around, so that
            // views meet only if both their rows and their columns do. The first column of either
            // view may serve as column 0.
            for origin in [self.offset % period, other.offset % period] {
                let (rows_a, columns_a) = self.divide(period, origin);
                let (rows_b, columns_b) = other.divide(period, origin);
                let fits = |columns: &Self| columns.offset + columns.span() < period;
                if fits(&columns_a) && fits(&columns_b) {
                    return columns_a.is_disjoint(&columns_b) || rows_a.is_disjoint(&rows_b);
                }
            }
        }
        false
    }

    /// The elements as rows and columns of a matrix of `period` columns, with `origin` in column 0.
    fn divide(&self, period: usize, origin: usize) -> (Self, Self) {
        let offset = self.offset + period - origin;
        let mut rows = Self { offset: offset / period, dims: SmallVec::new() };
        let mut columns = Self { offset: offset % period, dims: SmallVec::new() };
        for &dim in &self.dims {
            if dim.stride.is_multiple_of(period) {
                rows.dims.push(Dim { stride: dim.stride / period, ..dim });
            } else {
                columns.dims.push(dim);
            }
        }
        (rows, columns)
    }
}

fn gcd(mut a: usize, mut b: usize) -> usize {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}
