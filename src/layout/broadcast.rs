//! Broadcasting: sizes of 1, and missing leading dims, stretch to the other's.

use super::{Dims, Layout, check_sizes, contiguous_strides};
use crate::error::{Error, Result};

/// The shape that all shapes stretch to.
///
/// # Errors
/// `Shape` if two sizes differ and neither is 1.
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
    Ok(result)
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
        if contiguous_strides(&shape).is_none() {
            return Err(Error::shape("numel: integer multiplication overflow"));
        }
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
