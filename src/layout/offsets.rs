//! Walking through the elements of a layout.

use super::{Dims, Layout, collapse};

/// The elements of a layout in row-major order, see [`Layout::offsets`].
#[derive(Clone, Debug)]
pub(crate) struct Offsets {
    shape: Dims,
    strides: Dims,
    /// The index of the next element, as an odometer.
    index: Dims,
    offset: usize,
    left: usize,
}

impl Offsets {
    pub(super) fn new(layout: &Layout) -> Self {
        let mut shape = layout.shape.clone();
        let mut strides = [layout.strides.clone()];
        collapse(&mut shape, &mut strides);
        let [strides] = strides;
        let index = Dims::from_elem(0, shape.len());
        Self { shape, strides, index, offset: layout.offset, left: layout.len() }
    }
}

impl Iterator for Offsets {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let offset = self.offset;
        for dim in (0..self.shape.len()).rev() {
            self.index[dim] += 1;
            self.offset += self.strides[dim];
            if self.index[dim] < self.shape[dim] {
                break;
            }
            self.offset -= self.strides[dim] * self.shape[dim];
            self.index[dim] = 0;
        }
        Some(offset)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Offsets {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::layout::testing::{any_layout, any_view, elements};

    proptest! {
        #[test]
        fn offsets_come_in_row_major_order(layout in prop_oneof![any_layout(), any_view()]) {
            let offsets = layout.offsets();
            prop_assert_eq!(offsets.len(), layout.len());
            let walked: Vec<usize> = offsets.collect();
            prop_assert_eq!(&walked, &elements(&layout));
            let extent = walked.iter().min().zip(walked.iter().max()).map(|(a, b)| *a..*b + 1);
            prop_assert_eq!(extent, layout.extent());
        }
    }
}
