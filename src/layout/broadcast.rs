//! Broadcasting: sizes of 1, and missing leading dims, stretch to the other's.

use super::{Dims, Layout, check_sizes, contiguous_strides};
use crate::error::{Error, Result};

/// The shape that all shapes stretch to.
///
/// # Errors
/// `Shape` if two sizes differ and neither is 1, or if there are more than `isize::MAX` elements.
pub(crate) fn broadcast(shapes: &[&[usize]]) -> Result<Dims> {
    let mut result = Dims::new();
    for shape in shapes {
        if shape.len() > result.len() {
            result.insert_many(0, std::iter::repeat_n(1, shape.len() - result.len()));
        }
        let lead = result.len() - shape.len();
        for (dim, &size) in shape.iter().enumerate().rev() {
            let merged = &mut result[lead + dim];
            if *merged != size && *merged != 1 && size != 1 {
                return Err(Error::shape(format!(
                    "The size of tensor a ({merged}) must match the size of tensor b ({size}) at \
                     non-singleton dimension {}",
                    lead + dim
                )));
            }
            if *merged == 1 {
                *merged = size;
            }
        }
    }
    check_len(&result)?;
    Ok(result)
}

/// Whether the shape stretches to the other.
#[inline]
pub(crate) fn stretches_to(shape: &[usize], other: &[usize]) -> bool {
    shape.len() <= other.len()
        && shape.iter().rev().zip(other.iter().rev()).all(|(&size, &to)| size == to || size == 1)
}

/// Refuses shapes of more elements than strides can count.
pub(super) fn check_len(shape: &[usize]) -> Result<()> {
    match contiguous_strides(shape) {
        Some(_) => Ok(()),
        None => Err(Error::shape("numel: integer multiplication overflow")),
    }
}

impl Layout {
    /// The layout stretched to `sizes`, of which -1 keeps a size; new dims lead.
    ///
    /// # Errors
    /// `Shape` if there are fewer sizes than dims, if a size other than 1 would change, if a new dim
    /// is -1 or if there are more than `isize::MAX` elements; `Value` if a size is below -1.
    pub(crate) fn expand(&self, sizes: &[i64]) -> Result<Self> {
        let lead = sizes.len().checked_sub(self.rank()).ok_or_else(|| {
            Error::shape(format!(
                "expand: the number of sizes provided ({}) must be greater or equal to the number \
                 of dimensions in the tensor ({})",
                sizes.len(),
                self.rank()
            ))
        })?;
        let mut targets: Vec<i64> = sizes.to_vec();
        for (dim, target) in targets.iter_mut().enumerate().rev() {
            let Some(existing) = dim.checked_sub(lead) else {
                if *target == -1 {
                    return Err(Error::shape(format!(
                        "The expanded size of the tensor (-1) isn't allowed in a leading, \
                         non-existing dimension {dim}"
                    )));
                }
                continue;
            };
            let size = self.shape[existing];
            if *target == -1 {
                *target = size as i64;
            }
            if usize::try_from(*target) != Ok(size) && size != 1 {
                return Err(Error::shape(format!(
                    "The expanded size of the tensor ({target}) must match the existing size \
                     ({size}) at non-singleton dimension {dim}.  Target sizes: {sizes:?}.  \
                     Tensor sizes: {:?}",
                    self.shape()
                )));
            }
        }
        let shape = check_sizes(&targets)?;
        check_len(&shape)?;
        let strides = self.broadcast_strides(&shape);
        Ok(Self::new(shape, strides, self.offset))
    }

    /// The same as [`Self::expand`].
    pub(crate) fn broadcast_to(&self, sizes: &[i64]) -> Result<Self> {
        self.expand(sizes)
    }

    /// The strides that the layout has once stretched to `shape`, to which it must be stretchable: 0
    /// where it repeats.
    pub(crate) fn broadcast_strides(&self, shape: &[usize]) -> Dims {
        let lead = shape.len() - self.rank();
        let mut strides = Dims::from_elem(0, shape.len());
        for dim in (0..shape.len()).rev() {
            strides[dim] = match dim.checked_sub(lead) {
                Some(old) if self.shape[old] == shape[dim] => self.strides[old],
                // A new dim of size 1 gets the stride a dim inserted there would have.
                None if shape[dim] == 1 && self.rank() > 0 => {
                    shape[dim + 1].saturating_mul(strides[dim + 1])
                }
                _ => 0,
            };
        }
        strides
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::error::ErrorKind;
    use crate::layout::testing::{any_view, elements, index_of};

    #[test]
    fn broadcast_mismatch_names_the_last_dim_that_differs() {
        for (a, b, message) in [
            (
                &[2, 3][..],
                &[2, 4][..],
                "tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1",
            ),
            (
                &[4, 3],
                &[2],
                "tensor a (3) must match the size of tensor b (2) at non-singleton dimension 1",
            ),
            (
                &[0],
                &[2],
                "tensor a (0) must match the size of tensor b (2) at non-singleton dimension 0",
            ),
        ] {
            let error = broadcast(&[a, b]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Shape);
            assert_eq!(error.to_string(), format!("The size of {message}"));
        }
    }

    #[test]
    fn broadcast_of_one_and_zero_is_zero() {
        assert_eq!(broadcast(&[&[1, 3], &[0, 1], &[]]).unwrap().as_slice(), [0, 3]);
        assert!(broadcast(&[]).unwrap().is_empty());
        assert!(broadcast(&[&[1 << 40, 1], &[1 << 40]]).is_err());
    }

    #[test]
    fn expand_new_dim_of_size_one_gets_the_stride_of_an_inserted_one() {
        let expanded = Layout::contiguous(&[3]).unwrap().expand(&[2, 1, -1]).unwrap();
        assert_eq!((expanded.shape(), expanded.strides()), (&[2, 1, 3][..], &[0, 3, 1][..]));
        let scalar = Layout::contiguous(&[]).unwrap().expand(&[1, 1]).unwrap();
        assert_eq!(scalar.strides(), [0, 0]);
    }

    #[test]
    fn expand_below_minus_one_or_beyond_all_memory_is_refused() {
        let row = Layout::contiguous(&[1, 3]).unwrap();
        assert_eq!(row.expand(&[-2, 3]).unwrap_err().kind(), ErrorKind::Value);
        let error = row.expand(&[1 << 62, 3]).unwrap_err();
        assert_eq!(error.to_string(), "numel: integer multiplication overflow");
    }

    proptest! {
        #[test]
        fn broadcast_agrees_with_pairwise_rule(shapes in vec(vec(0_usize..4, 0..4), 1..4)) {
            let refs: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
            let rank = shapes.iter().map(Vec::len).max().unwrap();
            let column = |back: usize| -> Option<usize> {
                let sizes = shapes.iter().filter_map(|s| s.len().checked_sub(back).map(|i| s[i]));
                let mut others: Vec<usize> = sizes.filter(|&size| size != 1).collect();
                others.dedup();
                match others[..] {
                    [] => Some(1),
                    [size] => Some(size),
                    _ => None,
                }
            };
            let expected: Option<Vec<usize>> = (1..=rank).rev().map(column).collect();
            prop_assert_eq!(broadcast(&refs).ok().map(|dims| dims.to_vec()), expected);
        }

        #[test]
        fn expand_repeats_elements(layout in any_view(), lead in vec(1_i64..3, 0..2), size in 1_i64..4) {
            let mut sizes = lead;
            sizes.extend(layout.shape().iter().map(|&old| if old == 1 { size } else { -1 }));
            let expanded = layout.expand(&sizes).unwrap();
            for linear in 0..expanded.len() {
                let index = index_of(linear, expanded.shape());
                let skipped = expanded.rank() - layout.rank();
                let own: Vec<usize> = index[skipped..]
                    .iter()
                    .zip(layout.shape())
                    .map(|(&i, &size)| if size == 1 { 0 } else { i })
                    .collect();
                prop_assert_eq!(expanded.offset_of(&index), layout.offset_of(&own));
            }
            prop_assert_eq!(elements(&expanded).len(), expanded.len());
        }
    }
}
