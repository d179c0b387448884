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
            let Self { shape, strides, .. } = Self::contiguous(&shape)?;
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
