//! Another shape for the same elements in row-major order.

use super::{Dims, Layout, normalize_dim};
use crate::error::{Error, Result};

/// What a reshape needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reshape {
    /// The elements as they lie.
    View(Layout),
    /// A fresh contiguous tensor of this shape.
    Copy(Dims),
}

impl Layout {
    /// The elements as they lie, under other sizes; one of them may be -1.
    ///
    /// # Errors
    /// `Shape` if the sizes do not hold all elements, or only a copy could have them.
    pub(crate) fn view(&self, sizes: &[i64]) -> Result<Self> {
        match self.reshape(sizes)? {
            Reshape::View(layout) => Ok(layout),
            Reshape::Copy(_) => Err(Error::shape(
                "view size is not compatible with input tensor's size and stride (at least one \
                 dimension spans across two contiguous subspaces). Use .reshape(...) instead.",
            )),
        }
    }

    /// As [`Self::view`], or a copy where no view has these sizes.
    ///
    /// # Errors
    /// `Shape` if the sizes do not hold all elements.
    pub(crate) fn reshape(&self, sizes: &[i64]) -> Result<Reshape> {
        self.reshape_to(infer_sizes(sizes, self.len())?)
    }

    /// The dims from `start` to `end`, both included, as one. A 0-d layout becomes 1-d.
    ///
    /// # Errors
    /// `Index` if a dim is out of range, `Shape` if `end` comes before `start`.
    pub(crate) fn flatten(&self, start: i64, end: i64) -> Result<Reshape> {
        let start = normalize_dim(start, self.rank())?;
        let end = normalize_dim(end, self.rank())?;
        if start > end {
            return Err(Error::shape(
                "flatten() has invalid args: start_dim cannot come after end_dim",
            ));
        }
        if self.rank() == 0 {
            return self.reshape_to(Dims::from_elem(1, 1));
        }
        if start == end {
            return Ok(Reshape::View(self.clone()));
        }
        let mut shape = Dims::from_slice(&self.shape[..start]);
        shape.push(self.shape[start..=end].iter().product());
        shape.extend_from_slice(&self.shape[end + 1..]);
        self.reshape_to(shape)
    }

    fn reshape_to(&self, shape: Dims) -> Result<Reshape> {
        if self.is_empty() && shape != self.shape {
            let strides = Self::contiguous(&shape)?.strides.clone();
            return Ok(Reshape::View(Self::new(shape, strides, self.offset)));
        }
        Ok(match self.strides_as(&shape) {
            Some(strides) => Reshape::View(Self::new(shape, strides, self.offset)),
            None => Reshape::Copy(shape),
        })
    }

    /// The strides under which `shape`, of as many elements, walks through the elements in the same
    /// order; `None` if there are none.
    ///
    /// The dims fall into chunks, each of them evenly spaced; every chunk must be a product of sizes
    /// of `shape`.
    fn strides_as(&self, shape: &[usize]) -> Option<Dims> {
        if shape == self.shape.as_slice() {
            return Some(self.strides.clone());
        }
        let mut strides = Dims::from_elem(1, shape.len());
        let mut todo = shape.len();
        let mut chunk_len = 1;
        let mut chunk_stride = self.strides.last().copied().unwrap_or(1);
        for dim in (0..self.rank()).rev() {
            chunk_len *= self.shape[dim];
            let outer = dim.checked_sub(1);
            if outer.is_some_and(|outer| {
                self.shape[outer] == 1 || self.strides[outer] == chunk_len * chunk_stride
            }) {
                continue;
            }
            let mut filled = 1;
            while todo > 0 && (filled < chunk_len || shape[todo - 1] == 1) {
                todo -= 1;
                strides[todo] = filled * chunk_stride;
                filled *= shape[todo];
            }
            if filled != chunk_len {
                return None;
            }
            if let Some(outer) = outer {
                chunk_stride = self.strides[outer];
                chunk_len = 1;
            }
        }
        // Only a 0-d layout leaves sizes over, and they are all 1.
        (todo == 0 || self.rank() == 0).then_some(strides)
    }
}

/// The sizes with -1 replaced, such that they hold `len` elements.
fn infer_sizes(sizes: &[i64], len: usize) -> Result<Dims> {
    let mut inferred = None;
    let mut product = Some(1_usize);
    for (dim, &size) in sizes.iter().enumerate() {
        match usize::try_from(size) {
            // A zero makes the product zero, however large the others are.
            Ok(_) if sizes.contains(&0) => product = Some(0),
            Ok(size) => product = product.and_then(|product| product.checked_mul(size)),
            Err(_) if size != -1 => {
                return Err(Error::shape(format!(
                    "invalid shape dimension {size} at index {dim} of shape {sizes:?}"
                )));
            }
            Err(_) if inferred.is_some() => {
                return Err(Error::shape("only one dimension can be inferred"));
            }
            Err(_) => inferred = Some(dim),
        }
    }
    let invalid = || Error::shape(format!("shape '{sizes:?}' is invalid for input of size {len}"));
    let product = product.ok_or_else(invalid)?;
    let rest = match inferred {
        None if product == len => 1,
        Some(_) if product == 0 && len == 0 => {
            return Err(Error::shape(format!(
                "cannot reshape tensor of 0 elements into shape {sizes:?} because the unspecified \
                 dimension size -1 can be any value and is ambiguous"
            )));
        }
        Some(_) if product > 0 && len.is_multiple_of(product) => len / product,
        _ => return Err(invalid()),
    };
    Ok(sizes.iter().map(|&size| usize::try_from(size).unwrap_or(rest)).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::ErrorKind;
    use crate::layout::testing::{any_layout, any_view, elements};

    fn contiguous(shape: &[usize]) -> Layout {
        Layout::contiguous(shape).unwrap()
    }

    #[test]
    fn view_of_a_wrong_size_says_both() {
        let error = contiguous(&[2, 3]).view(&[5]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Shape);
        assert_eq!(error.to_string(), "shape '[5]' is invalid for input of size 6");
    }

    #[test]
    fn view_of_huge_sizes_is_refused_not_wrapped() {
        let layout = contiguous(&[0]);
        assert!(layout.view(&[1 << 62, 1 << 62]).is_err());
        assert!(layout.view(&[1 << 62, 1 << 62, 0]).is_err());
        assert!(contiguous(&[2, 3]).view(&[1 << 62, 4, -1]).is_err());
    }

    #[test]
    fn view_of_an_empty_layout_may_change_any_other_size() {
        let view = contiguous(&[2, 0]).view(&[0, 5]).unwrap();
        assert_eq!((view.shape(), view.strides()), (&[0, 5][..], &[5, 1][..]));
        let error = contiguous(&[0, 3]).view(&[-1, 0]).unwrap_err();
        assert!(error.to_string().ends_with("can be any value and is ambiguous"));
    }

    #[test]
    fn view_through_a_transpose_needs_a_copy() {
        let layout = contiguous(&[2, 3]).t().unwrap();
        assert!(layout.view(&[6]).unwrap_err().to_string().ends_with("Use .reshape(...) instead."));
        assert_eq!(layout.reshape(&[-1]).unwrap(), Reshape::Copy(Dims::from_slice(&[6])));
        assert_eq!(layout.view(&[3, 2, 1]).unwrap().strides()[..2], [1, 3]);
    }

    #[test]
    fn flatten_of_zero_dims_gives_one() {
        let Reshape::View(view) = contiguous(&[]).flatten(0, -1).unwrap() else { panic!("copied") };
        assert_eq!((view.shape(), view.strides()), (&[1][..], &[1][..]));
    }

    /// Shapes of `len` elements, from the sizes in `cuts`.
    fn shape_of(mut len: usize, cuts: &[usize]) -> Vec<i64> {
        let mut shape = Vec::new();
        for &cut in cuts {
            if len.is_multiple_of(cut) {
                shape.push(cut as i64);
                len /= cut;
            }
        }
        shape.push(len as i64);
        shape
    }

    /// Whether some strides give the elements in order under `shape`: each is determined by the step
    /// from index 0 to index 1 of its dim, if there is one.
    fn view_exists(elements: &[usize], shape: &[i64]) -> bool {
        let shape: Dims = shape.iter().map(|&size| size as usize).collect();
        let ordinal = contiguous(&shape);
        let strides: Option<Dims> = (0..shape.len())
            .map(|dim| match shape[dim] {
                1 => Some(0),
                _ => elements[ordinal.strides()[dim]].checked_sub(elements[0]),
            })
            .collect();
        strides.is_some_and(|strides| {
            super::super::testing::elements(&Layout::new(shape, strides, elements[0])) == elements
        })
    }

    proptest! {
        #[test]
        fn reshape_views_exactly_where_strides_exist(
            layout in prop_oneof![any_layout(), any_view()],
            cuts in prop::collection::vec(1_usize..5, 0..4),
        ) {
            if layout.is_empty() {
                return Ok(());
            }
            let shape = shape_of(layout.len(), &cuts);
            let expected = elements(&layout);
            let exists = view_exists(&expected, &shape);
            match layout.reshape(&shape).unwrap() {
                Reshape::View(view) => {
                    prop_assert_eq!(elements(&view), expected);
                    prop_assert!(view.shape().iter().map(|&size| size as i64).eq(shape.iter().copied()));
                }
                Reshape::Copy(copied) => {
                    prop_assert!(!exists, "{layout:?} can be seen as {copied:?}");
                }
            }
            let mut inferred = shape.clone();
            inferred[cuts.len() / 2 % shape.len()] = -1;
            prop_assert_eq!(layout.reshape(&inferred).unwrap(), layout.reshape(&shape).unwrap());
        }
    }
}
