//! Pure index arithmetic.
//!
//! Owns [`Layout`], which says where the elements of a tensor lie in its storage, and every rule that
//! needs only sizes and strides: views, reshapes, broadcasting, the strides of results, collapsing,
//! overlap. Knows no dtype, no buffer and no tensor. The rules and messages are PyTorch's.

mod broadcast;
mod collapse;
mod dims;
#[cfg(test)]
mod golden;
mod kept;
mod overlap;
mod propagate;
mod reshape;
mod slicing;
#[cfg(test)]
mod testing;
mod views;

use std::ops::{Deref, DerefMut, Range};

use servo_arc::Arc;
use smallvec::SmallVec;

pub(crate) use self::{
    broadcast::{broadcast, stretches_to},
    collapse::collapse,
    dims::{check_sizes, normalize_dim, normalize_dims},
    overlap::{Overlap, internal_overlap, may_overlap_self, overlap, provably_disjoint},
    propagate::{are_row_major, elementwise_strides, preserved_strides},
    reshape::Reshape,
};

use crate::error::{Error, Result};

/// Sizes, strides or dims.
pub(crate) type Dims = SmallVec<[usize; 4]>;

/// Where the elements of a tensor lie in its storage: the element at `(i0, i1, ..)` is element
/// `offset + Σ i_d * strides[d]`. Strides are in elements and never negative.
///
/// # Note [Idle strides]
/// The stride of a dim of size 0 or 1, and any stride of an empty layout, reaches no element. They
/// are kept as PyTorch keeps them, since they break ties when the strides of a result are chosen, but
/// nothing else may depend on them.
///
/// A handle: views and the operations that wait for them share one, so that recording copies no sizes; see
/// Note [Kept layouts] in `kept.rs`.
#[derive(Clone, Debug)]
pub(crate) struct Layout(Arc<Walk>);

/// What a [`Layout`] refers to.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    shape: Dims,
    strides: Dims,
    offset: usize,
}

impl PartialEq for Walk {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.offset == other.offset
            && same_sizes(&self.strides, &other.strides)
            && same_sizes(&self.shape, &other.shape)
    }
}

impl PartialEq for Layout {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        // Of two that are kept the numbers differ; see Note [Kept layouts].
        Arc::ptr_eq(&self.0, &other.0)
            || !(self.is_kept() && other.is_kept()) && *self.0 == *other.0
    }
}

impl Eq for Layout {}

impl Deref for Layout {
    type Target = Walk;

    #[inline(always)]
    fn deref(&self) -> &Walk {
        &self.0
    }
}

impl DerefMut for Layout {
    /// The numbers to change, which other handles do not see.
    fn deref_mut(&mut self) -> &mut Walk {
        Arc::make_mut(&mut self.0)
    }
}

impl Layout {
    /// A layout as given: as many strides as sizes, and no element beyond `isize::MAX`.
    pub(crate) fn new(shape: Dims, strides: Dims, offset: usize) -> Self {
        debug_assert_eq!(shape.len(), strides.len(), "one stride for each size");
        Self(Arc::new(Walk { shape, strides, offset }))
    }

    /// Row-major, without gaps, from the start of the storage.
    ///
    /// # Errors
    /// `Shape` if the sizes, with 0 counted as 1, have a product above `isize::MAX`.
    pub(crate) fn contiguous(shape: &[usize]) -> Result<Self> {
        let made = || {
            let strides = contiguous_strides(shape)?;
            Some(Walk { shape: Dims::from_slice(shape), strides, offset: 0 })
        };
        kept::kept(shape, made).map(Self).ok_or_else(|| {
            Error::shape(format!("Storage size calculation overflowed with sizes={shape:?}"))
        })
    }

    /// Strides without gaps, in whatever order, from the start of the storage.
    ///
    /// # Errors
    /// As [`Layout::contiguous`].
    pub(crate) fn dense(shape: Dims, strides: Dims) -> Result<Self> {
        let contiguous = Self::contiguous(&shape)?;
        let is_so = contiguous.strides() == &strides[..];
        Ok(if is_so { contiguous } else { Self::new(shape, strides, 0) })
    }

    /// [`Layout::contiguous`] of the same sizes.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub(crate) fn made_contiguous(&self) -> Result<Self> {
        // See Note [Kept layouts].
        if self.is_kept() { Ok(self.clone()) } else { Self::contiguous(&self.shape) }
    }

    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape
    }

    pub(crate) fn strides(&self) -> &[usize] {
        &self.strides
    }

    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    pub(crate) fn rank(&self) -> usize {
        self.shape.len()
    }

    /// Whether the sizes are those of the other.
    #[inline]
    pub(crate) fn has_sizes_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || same_sizes(&self.shape, &other.shape)
    }

    /// Whether it is kept for good, and so row-major from the start of a storage; see Note [Kept layouts].
    #[inline]
    pub(crate) fn is_kept(&self) -> bool {
        self.0.is_static()
    }

    /// Whether it is kept, and the other is the same.
    #[inline]
    pub(crate) fn is_kept_as(&self, other: &Self) -> bool {
        self.is_kept() && Arc::ptr_eq(&self.0, &other.0)
    }

    /// Where it lies, if it is kept: two that are kept are equal where this is.
    #[inline]
    pub(crate) fn place(&self) -> Option<usize> {
        self.is_kept().then(|| std::ptr::from_ref::<Walk>(&self.0).addr())
    }

    /// Number of elements.
    pub(crate) fn len(&self) -> usize {
        self.shape.iter().product()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.shape.contains(&0)
    }

    /// Whether the elements lie row-major without gaps. An empty layout is contiguous.
    #[inline]
    pub(crate) fn is_contiguous(&self) -> bool {
        self.is_kept() || is_contiguous(&self.shape, &self.strides)
    }

    /// The smallest range of the storage that holds every element; `None` if there are none.
    pub(crate) fn extent(&self) -> Option<Range<usize>> {
        if self.is_empty() {
            return None;
        }
        let last = self.shape.iter().zip(&self.strides).map(|(&size, &stride)| (size - 1) * stride);
        Some(self.offset..self.offset + last.sum::<usize>() + 1)
    }

    /// The element of the storage at `index`, which has one entry per dim, each within its size.
    #[cfg(test)]
    pub(crate) fn offset_of(&self, index: &[usize]) -> usize {
        debug_assert_eq!(index.len(), self.rank(), "one index for each dim");
        self.offset + index.iter().zip(&self.strides).map(|(i, stride)| i * stride).sum::<usize>()
    }
}

/// Whether sizes are the same. Shapes are short: a call to compare memory costs more than to look.
#[inline]
pub(crate) fn same_sizes(a: &[usize], b: &[usize]) -> bool {
    match (a, b) {
        ([], []) => true,
        ([a], [b]) => a == b,
        ([a, c], [b, d]) => a == b && c == d,
        _ => a == b,
    }
}

/// Sizes of one's own, see [`same_sizes`].
#[inline]
pub(crate) fn sizes_of(sizes: &[usize]) -> Dims {
    match *sizes {
        [a] => Dims::from_buf_and_len([a, 0, 0, 0], 1),
        [a, b] => Dims::from_buf_and_len([a, b, 0, 0], 2),
        [a, b, c] => Dims::from_buf_and_len([a, b, c, 0], 3),
        _ => Dims::from_slice(sizes),
    }
}

/// The dims of so many, in order.
pub(crate) fn dims_of(rank: usize) -> Dims {
    if rank <= 4 { Dims::from_buf_and_len([0, 1, 2, 3], rank) } else { (0..rank).collect() }
}

/// Row-major strides; sizes of 0 count as 1, as PyTorch has it. `None` on overflow.
fn contiguous_strides(shape: &[usize]) -> Option<Dims> {
    let mut strides = Dims::from_elem(0, shape.len());
    let mut next = 1_usize;
    for (stride, &size) in strides.iter_mut().zip(shape).rev() {
        *stride = next;
        next = next.checked_mul(size.max(1)).filter(|&next| isize::try_from(next).is_ok())?;
    }
    Some(strides)
}

fn is_contiguous(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1;
    for (&size, &stride) in shape.iter().zip(strides).rev() {
        if size == 0 {
            return true;
        }
        if size != 1 {
            if stride != expected {
                return shape.contains(&0);
            }
            // Of an empty one, sizes may be of any product.
            expected = expected.saturating_mul(size);
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn sizes_of_are_the_sizes() {
        for shape in [&[][..], &[3], &[1], &[2, 0, 3], &[2, 1, 4], &[2, 3, 4, 5, 6]] {
            assert_eq!(&sizes_of(shape)[..], shape);
        }
    }

    #[test]
    fn dims_of_a_rank_are_its_dims() {
        for rank in 0..8 {
            assert_eq!(dims_of(rank), (0..rank).collect::<Dims>());
        }
    }

    #[test]
    fn made_contiguous_keeps_nothing_but_the_sizes() {
        let idle = Layout::new(Dims::from_slice(&[1, 4]), Dims::from_slice(&[9, 1]), 2);
        let made = idle.made_contiguous().unwrap();
        assert_eq!((made.shape(), made.strides(), made.offset()), (&[1, 4][..], &[4, 1][..], 0));
        assert_eq!(made.made_contiguous().unwrap(), made);
    }

    #[test]
    fn empty_layout_of_huge_sizes_is_contiguous() {
        let shape = [0, 1 << 40, 1 << 40];
        let strides = [1, 1 << 40, 1];
        let layout = Layout::new(Dims::from_slice(&shape), Dims::from_slice(&strides), 0);
        assert!(layout.is_contiguous());
    }

    #[test]
    fn contiguous_sizes_with_zero_strides_count_it_as_one() {
        let layout = Layout::contiguous(&[2, 0, 3]).unwrap();
        assert_eq!(layout.strides(), [3, 3, 1]);
        assert_eq!((layout.len(), layout.extent()), (0, None));
        assert!(layout.is_contiguous() && layout.is_empty());
    }

    #[test]
    fn contiguous_too_many_elements_is_a_shape_error() {
        for shape in [[1 << 32, 1 << 32, 1], [0, 1 << 62, 2]] {
            assert_eq!(Layout::contiguous(&shape).unwrap_err().kind(), ErrorKind::Shape);
        }
        assert!(Layout::contiguous(&[1 << 62]).is_ok());
    }

    #[test]
    fn is_contiguous_ignores_dims_of_size_one() {
        let layout = Layout::new(Dims::from_slice(&[1, 3]), Dims::from_slice(&[77, 1]), 4);
        assert!(layout.is_contiguous());
        assert_eq!(layout.extent(), Some(4..7));
        let column = Layout::new(Dims::from_slice(&[3, 1]), Dims::from_slice(&[4, 1]), 0);
        assert!(!column.is_contiguous());
        assert_eq!(column.extent(), Some(0..9));
    }

    #[test]
    fn zero_dims_hold_one_element() {
        let scalar = Layout::contiguous(&[]).unwrap();
        assert_eq!((scalar.rank(), scalar.len(), scalar.extent()), (0, 1, Some(0..1)));
        assert_eq!(scalar.offset_of(&[]), 0);
    }
}
