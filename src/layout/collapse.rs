//! Fewer dims for the same walk.

use super::Dims;

/// Drops dims of size 1 and merges adjacent dims where every operand walks through both as through
/// one. The elements come in the same row-major order as before; at least one dim is left.
pub(crate) fn collapse(shape: &mut Dims, strides: &mut [Dims]) {
    // Dims below `kept` are final; the last of them may still grow by the dim at hand.
    let mut kept = 0;
    for dim in 0..shape.len() {
        let size = shape[dim];
        if size == 1 {
            continue;
        }
        if kept > 0 && strides.iter().all(|strides| strides[kept - 1] == size * strides[dim]) {
            shape[kept - 1] *= size;
            strides.iter_mut().for_each(|strides| strides[kept - 1] = strides[dim]);
        } else {
            shape[kept] = size;
            strides.iter_mut().for_each(|strides| strides[kept] = strides[dim]);
            kept += 1;
        }
    }
    shape.truncate(kept);
    strides.iter_mut().for_each(|strides| strides.truncate(kept));
    if kept == 0 {
        shape.push(1);
        strides.iter_mut().for_each(|strides| strides.push(0));
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::layout::Layout;
    use crate::layout::testing::{any_view, elements};

    #[test]
    fn collapse_contiguous_leaves_one_dim() {
        let mut shape = Dims::from_slice(&[2, 1, 3, 4]);
        let mut strides = [Dims::from_slice(&[12, 7, 4, 1]), Dims::from_slice(&[0, 9, 0, 0])];
        collapse(&mut shape, &mut strides);
        assert_eq!(shape.as_slice(), [24]);
        assert_eq!((strides[0].as_slice(), strides[1].as_slice()), (&[1][..], &[0][..]));
    }

    #[test]
    fn collapse_needs_every_operand_to_agree() {
        let mut shape = Dims::from_slice(&[2, 3]);
        let mut strides = [Dims::from_slice(&[3, 1]), Dims::from_slice(&[1, 2])];
        collapse(&mut shape, &mut strides);
        assert_eq!(shape.as_slice(), [2, 3]);
    }

    #[test]
    fn collapse_of_one_element_leaves_a_dim_of_size_one() {
        for rank in [0, 3] {
            let mut shape = Dims::from_elem(1, rank);
            let mut strides = [Dims::from_elem(5, rank)];
            collapse(&mut shape, &mut strides);
            assert_eq!((shape.as_slice(), strides[0].as_slice()), (&[1][..], &[0][..]));
        }
    }

    proptest! {
        #[test]
        fn collapse_keeps_the_walk_and_cannot_be_repeated(
            layout in any_view(),
            other in vec(0_usize..5, 8),
            follow in any::<bool>(),
        ) {
            // Another operand, that walks alike or anyhow.
            let other: Dims = match follow {
                true => layout.strides().iter().map(|stride| stride * 2).collect(),
                false => Dims::from_slice(&other[..layout.rank()]),
            };
            let second = Layout::new(Dims::from_slice(layout.shape()), other.clone(), 0);
            let mut shape = Dims::from_slice(layout.shape());
            let mut strides = [Dims::from_slice(layout.strides()), other];
            collapse(&mut shape, &mut strides);
            prop_assert!(!shape.is_empty());
            let [first, other] = strides.clone();
            prop_assert_eq!(
                elements(&Layout::new(shape.clone(), first, layout.offset())),
                elements(&layout)
            );
            prop_assert_eq!(elements(&Layout::new(shape.clone(), other, 0)), elements(&second));
            let (once, once_strides) = (shape.clone(), strides.clone());
            collapse(&mut shape, &mut strides);
            prop_assert_eq!((shape, strides), (once, once_strides));
        }
    }
}
