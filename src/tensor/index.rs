//! Indexing: `x.i((.., 1..3, -1))` and `x.index_put_((.., 1), 0.5)`.
//!
//! Owns [`Index`] and what converts into one. Every form here gives a view.

use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

use smallvec::SmallVec;

use crate::error::{Error, Result};
use crate::layout::Layout;

use super::{Arg, Tensor};

/// What one place of an index expression says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Index {
    /// One index of a dimension, which goes; negative ones count from the end.
    Int(i64),
    /// A range of a dimension; bounds count from the end if negative, and are clamped.
    Slice {
        /// The first index; the beginning if none.
        start: Option<i64>,
        /// The index after the last; the end if none.
        stop: Option<i64>,
        /// From one index to the next; positive.
        step: i64,
    },
    /// A new dimension of size 1: Python's `None`.
    NewAxis,
    /// As many whole dimensions as are left over: Python's `...`.
    Ellipsis,
}

/// A new dimension of size 1 in an index expression.
///
/// # Example
/// ```
/// use taut::NewAxis;
/// assert_eq!(taut::zeros([3], ())?.i((NewAxis, ..))?.shape(), [1, 3]);
/// # Ok::<(), taut::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewAxis;

/// As many whole dimensions as an index expression leaves over.
///
/// # Example
/// ```
/// use taut::Ellipsis;
/// assert_eq!(taut::zeros([2, 3, 4], ())?.i((Ellipsis, 0))?.shape(), [2, 3]);
/// # Ok::<(), taut::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ellipsis;

/// A range with a step: what `start:end:step` is in Python.
///
/// Made by [`slice()`] from two bounds, or from `..` for the whole dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    start: Option<i64>,
    stop: Option<i64>,
    step: i64,
}

/// A bound of a [`Slice`]: a number, or `..` where it is left out.
pub trait Bound {
    /// The number, if there is one.
    fn to_bound(self) -> Option<i64>;
}

impl Bound for RangeFull {
    fn to_bound(self) -> Option<i64> {
        None
    }
}

impl Bound for Option<i64> {
    fn to_bound(self) -> Option<i64> {
        self
    }
}

/// A slice from `start` to `end`, which is left out; `..` leaves a bound open.
///
/// # Example
/// ```
/// use taut::slice;
/// let x = taut::arange(10, ())?;
/// assert_eq!(x.i(slice(1, -1).step(3))?.to_vec::<i64>()?, [1, 4, 7]);
/// assert_eq!(x.i(slice(.., ..).step(5))?.to_vec::<i64>()?, [0, 5]);
/// # Ok::<(), taut::Error>(())
/// ```
pub fn slice(start: impl Bound, end: impl Bound) -> Slice {
    Slice { start: start.to_bound(), stop: end.to_bound(), step: 1 }
}

impl Slice {
    /// The slice with another step; indexing refuses one that is not positive.
    pub fn step(self, step: i64) -> Self {
        Self { step, ..self }
    }
}

impl From<Slice> for Index {
    fn from(slice: Slice) -> Self {
        Self::Slice { start: slice.start, stop: slice.stop, step: slice.step }
    }
}

impl From<NewAxis> for Index {
    fn from(_: NewAxis) -> Self {
        Self::NewAxis
    }
}

impl From<Ellipsis> for Index {
    fn from(_: Ellipsis) -> Self {
        Self::Ellipsis
    }
}

impl From<RangeFull> for Index {
    fn from(_: RangeFull) -> Self {
        Self::Slice { start: None, stop: None, step: 1 }
    }
}

/// What can stand between the brackets: one [`Index`] or what converts into one, a tuple of up to eight
/// of them, a slice or `Vec` of [`Index`]es; `()` is Python's `x[()]`.
pub trait IntoIndices {
    /// The places from the first dimension on.
    fn into_indices(self) -> SmallVec<[Index; 6]>;
}

impl IntoIndices for () {
    fn into_indices(self) -> SmallVec<[Index; 6]> {
        SmallVec::new()
    }
}

impl IntoIndices for Vec<Index> {
    fn into_indices(self) -> SmallVec<[Index; 6]> {
        self.into()
    }
}

impl IntoIndices for &[Index] {
    fn into_indices(self) -> SmallVec<[Index; 6]> {
        self.into()
    }
}

macro_rules! single {
    ($($type:ty)*) => {$(
        impl IntoIndices for $type {
            fn into_indices(self) -> SmallVec<[Index; 6]> {
                SmallVec::from_slice(&[self.into()])
            }
        }
    )*};
}

macro_rules! numbers {
    ($($int:ty)*) => {$(
        impl From<$int> for Index {
            fn from(index: $int) -> Self {
                Self::Int(to_i64(index))
            }
        }

        impl Bound for $int {
            fn to_bound(self) -> Option<i64> {
                Some(to_i64(self))
            }
        }

        impl From<Range<$int>> for Index {
            fn from(range: Range<$int>) -> Self {
                slice(range.start, range.end).into()
            }
        }

        impl From<RangeFrom<$int>> for Index {
            fn from(range: RangeFrom<$int>) -> Self {
                slice(range.start, ..).into()
            }
        }

        impl From<RangeTo<$int>> for Index {
            fn from(range: RangeTo<$int>) -> Self {
                slice(.., range.end).into()
            }
        }

        impl From<RangeInclusive<$int>> for Index {
            fn from(range: RangeInclusive<$int>) -> Self {
                slice(*range.start(), after(to_i64(*range.end()))).into()
            }
        }

        impl From<RangeToInclusive<$int>> for Index {
            fn from(range: RangeToInclusive<$int>) -> Self {
                slice(.., after(to_i64(range.end))).into()
            }
        }

        single! {
            $int Range<$int> RangeFrom<$int> RangeTo<$int> RangeInclusive<$int> RangeToInclusive<$int>
        }
    )*};
}

numbers! { i32 i64 isize u32 usize }
single! { Index Slice NewAxis Ellipsis RangeFull }

/// A number no dimension reaches stands for one that does not fit.
fn to_i64(index: impl TryInto<i64>) -> i64 {
    index.try_into().unwrap_or(i64::MAX)
}

/// The bound after `last`; after -1, the last element, comes the end.
fn after(last: i64) -> Option<i64> {
    (last != -1).then(|| last.saturating_add(1))
}

macro_rules! tuples {
    ($(($($name:ident)*))*) => {$(
        impl<$($name: Into<Index>),*> IntoIndices for ($($name,)*) {
            fn into_indices(self) -> SmallVec<[Index; 6]> {
                #[allow(non_snake_case, reason = "the type parameters name the fields")]
                let ($($name,)*) = self;
                smallvec::smallvec![$($name.into()),*]
            }
        }
    )*};
}

tuples! {
    (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H)
}

impl Tensor {
    /// The elements that an index expression names: Python's `x[...]`. Shares memory.
    ///
    /// Integers drop their dimension, ranges and slices keep it; see [`Index`].
    ///
    /// # Errors
    /// `Index` for an index out of range, for more places than dimensions, for two ellipses; `Value` for
    /// a step that is not positive.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([[1, 2, 3], [4, 5, 6]], ())?;
    /// assert_eq!(x.i((.., 1..))?.to_vec::<i32>()?, [2, 3, 5, 6]);
    /// assert_eq!(x.i((-1, 0))?.item::<i32>()?, 4);
    /// # Ok::<(), taut::Error>(())
    /// ```
    pub fn i(&self, index: impl IntoIndices) -> Result<Self> {
        Ok(self.with_layout(indexed(self.layout(), &index.into_indices())?))
    }

    /// Writes a number or a tensor, broadcast and cast, to the elements that an index expression names:
    /// Python's `x[...] = value`.
    ///
    /// # Errors
    /// As [`i`](Self::i); `Shape` when the value does not broadcast to the elements, `Value` for a number
    /// that the dtype cannot hold, `Overlap` when the elements share memory.
    ///
    /// # Example
    /// ```
    /// let x = taut::zeros([2, 2], ())?;
    /// x.index_put_((.., 1), 0.5)?;
    /// assert_eq!(x.to_vec::<f32>()?, [0.0, 0.5, 0.0, 0.5]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn index_put_<'a>(
        &self,
        index: impl IntoIndices,
        value: impl Into<Arg<'a>>,
    ) -> Result<&Self> {
        let target = self.i(index)?;
        match value.into() {
            Arg::Scalar(scalar) => {
                target.fill_(scalar)?;
            }
            Arg::Tensor(source) => {
                // As in Python, leading dimensions of size 1 that the target lacks are dropped.
                let extra = source.dim().saturating_sub(target.dim());
                let leading = source.shape().iter().take_while(|&&size| size == 1).count();
                let mut layout = source.layout().clone();
                for _ in 0..extra.min(leading) {
                    layout = layout.select(0, 0)?;
                }
                // Expanded first, as PyTorch does: `x[:] = x[0]` is no overlap to it.
                target.copy_(&source.with_layout(layout.expand(&target.sizes())?))?;
            }
        }
        Ok(self)
    }
}

fn indexed(layout: &Layout, indices: &[Index]) -> Result<Layout> {
    let takes = |index: &&Index| matches!(index, Index::Int(_) | Index::Slice { .. });
    let named = indices.iter().filter(takes).count();
    let rank = layout.rank();
    if rank == 0 && matches!(indices, [Index::Int(_)]) {
        return Err(Error::index(
            "invalid index of a 0-dim tensor. Use item() to convert a 0-dim tensor to a number",
        ));
    }
    if named > rank {
        return Err(Error::index(format!("too many indices for tensor of dimension {rank}")));
    }
    if indices.iter().filter(|index| matches!(index, Index::Ellipsis)).count() > 1 {
        return Err(Error::index("an index can only have a single ellipsis ('...')"));
    }
    let mut view = layout.clone();
    let mut dim = 0_i64;
    for (place, index) in indices.iter().enumerate() {
        match *index {
            Index::Int(index) => {
                let size = view.shape()[dim as usize] as i64;
                if index < -size || index >= size {
                    return Err(Error::index(format!(
                        "index {index} is out of bounds for dimension {place} with size {size}"
                    )));
                }
                view = view.select(dim, index)?;
            }
            Index::Slice { start, stop, step } => {
                if step <= 0 {
                    return Err(Error::value(format!(
                        "step must be greater than zero, but got {step}"
                    )));
                }
                view = view.slice(dim, start, stop, step)?;
                dim += 1;
            }
            Index::NewAxis => {
                view = view.unsqueeze(dim)?;
                dim += 1;
            }
            Index::Ellipsis => dim += (rank - named) as i64,
        }
    }
    Ok(view)
}
