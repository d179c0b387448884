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
    let (Some(in_a), Some(in_b)) = (a.extent(), b.extent()) else {
        return Overlap::No;
    };
    if a.offset == b.offset && a.shape == b.shape && same_walk(a, b) {
        Overlap::Full
    } else if !is_dense(&a.shape, &a.strides) || !is_dense(&b.shape, &b.strides) {
        Overlap::TooHard
    } else if in_a.start < in_b.end && in_b.start < in_a.end {
        Overlap::Partial
    } else {
        Overlap::No
    }
}

/// Whether the strides agree where they count: PyTorch compares the idle ones too (Note [Idle strides])
/// and so refuses a few writes that are fine.
fn same_walk(a: &Layout, b: &Layout) -> bool {
    let mut dims = a.shape.iter().zip(a.strides.iter().zip(&b.strides));
    dims.all(|(&size, (a, b))| size == 1 || a == b)
}

/// Whether the views of one storage share no element; `false` if that cannot be told cheaply.
///
/// Tells rows, columns and blocks of one matrix apart, in any rank, and slices with a common step.
pub(crate) fn provably_disjoint(a: &Layout, b: &Layout) -> bool {
    let (Some(in_a), Some(in_b)) = (a.extent(), b.extent()) else { return true };
    // Mostly one lies behind the other: to see that needs no lattice.
    in_a.end <= in_b.start || in_b.end <= in_a.start || Lattice::of(a).is_disjoint(&Lattice::of(b))
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::layout::Dims;
    use crate::layout::testing::{any_layout, any_view, elements, two_views};

    fn layout(shape: &[usize], strides: &[usize], offset: usize) -> Layout {
        Layout::new(Dims::from_slice(shape), Dims::from_slice(strides), offset)
    }

    fn matrix() -> Layout {
        Layout::contiguous(&[4, 5]).unwrap()
    }

    fn columns(start: i64, stop: i64, step: i64) -> Layout {
        matrix().slice(1, Some(start), Some(stop), step).unwrap()
    }

    #[test]
    fn internal_overlap_sees_only_repeats() {
        assert_eq!(internal_overlap(&matrix().t().unwrap()), Overlap::No);
        assert_eq!(internal_overlap(&layout(&[3, 2], &[0, 1], 0)), Overlap::Yes);
        assert_eq!(internal_overlap(&layout(&[3, 2], &[1, 1], 0)), Overlap::TooHard);
        assert_eq!(internal_overlap(&layout(&[1, 2], &[0, 1], 0)), Overlap::No);
    }

    #[test]
    fn overlap_compares_dense_views_by_extent_and_strides() {
        let row = |offset| layout(&[4], &[1], offset);
        assert_eq!(overlap(&row(0), &row(4)), Overlap::No);
        assert_eq!(overlap(&row(0), &row(2)), Overlap::Partial);
        assert_eq!(overlap(&matrix(), &matrix().t().unwrap()), Overlap::Partial);
        assert_eq!(overlap(&matrix(), &matrix().view(&[2, 10]).unwrap()), Overlap::Partial);
        assert_eq!(overlap(&matrix(), &matrix()), Overlap::Full);
        assert_eq!(overlap(&columns(0, 5, 2), &columns(1, 5, 2)), Overlap::TooHard);
        assert_eq!(overlap(&row(0), &layout(&[0], &[1], 0)), Overlap::No);
    }

    #[test]
    fn provably_disjoint_tells_blocks_and_steps_apart() {
        let even = |offset| layout(&[8], &[2], offset);
        assert!(provably_disjoint(&even(0), &even(1)));
        assert!(provably_disjoint(&columns(0, 2, 1), &columns(2, 4, 1)));
        // An odd row length: the steps are told apart within a row only.
        assert!(provably_disjoint(&columns(0, 5, 2), &columns(1, 5, 2)));
        assert!(!provably_disjoint(&columns(0, 3, 1), &columns(2, 4, 1)));
        assert!(provably_disjoint(
            &matrix().diagonal(0, 0, 1).unwrap(),
            &matrix().diagonal(1, 0, 1).unwrap()
        ));
        assert!(!provably_disjoint(&matrix(), &matrix().select(0, 3).unwrap()));
    }

    #[test]
    fn may_overlap_self_sees_repeats_and_bands() {
        assert!(may_overlap_self(&layout(&[3, 2], &[0, 1], 0)));
        assert!(may_overlap_self(&layout(&[3, 2], &[1, 1], 0)));
        assert!(!may_overlap_self(&layout(&[0, 2], &[0, 1], 0)));
        assert!(!may_overlap_self(&columns(1, 5, 2).t().unwrap()));
    }

    fn set(layout: &Layout) -> HashSet<usize> {
        elements(layout).into_iter().collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn provably_disjoint_is_never_wrong(a in any_layout(), b in any_layout()) {
            if provably_disjoint(&a, &b) {
                prop_assert!(set(&a).is_disjoint(&set(&b)), "{a:?} {b:?}");
            }
        }

        #[test]
        fn provably_disjoint_is_exact_for_views((a, b) in two_views()) {
            prop_assert_eq!(
                provably_disjoint(&a, &b),
                set(&a).is_disjoint(&set(&b)),
                "{:?} {:?}", a, b
            );
        }

        #[test]
        fn may_overlap_self_is_never_wrong(layout in any_layout()) {
            if !may_overlap_self(&layout) {
                prop_assert_eq!(set(&layout).len(), layout.len());
            }
        }

        #[test]
        fn may_overlap_self_is_exact_for_views(layout in any_view()) {
            prop_assert_eq!(may_overlap_self(&layout), set(&layout).len() < layout.len());
        }

        #[test]
        fn overlap_is_never_wrong((a, b) in two_views()) {
            match overlap(&a, &b) {
                Overlap::No => prop_assert!(set(&a).is_disjoint(&set(&b))),
                Overlap::Full => {
                    prop_assert_eq!(a.shape(), b.shape());
                    prop_assert_eq!(elements(&a), elements(&b));
                }
                Overlap::Partial => prop_assert!(!set(&a).is_disjoint(&set(&b))),
                Overlap::TooHard => {}
                Overlap::Yes => prop_assert!(false, "not an answer about two views"),
            }
        }
    }
}
