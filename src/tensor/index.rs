//! Indexing: `x.i((.., 1..3, -1))` and `x.index_put_((.., 1), 0.5)`.
//!
//! Owns [`Index`] and what converts into one; `gather/resolve.rs` says what an expression means.

use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

use smallvec::SmallVec;

use crate::error::Result;

use super::gather::resolve;
use super::{Arg, Tensor};

/// What one place of an index expression says.
#[derive(Debug)]
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
    /// The indices that a tensor holds.
    ///
    /// Integers (int64, int32) index one dimension, negative ones from the end; a mask (bool) as many
    /// as it has, naming the elements where it is true.
    Tensor(Box<Tensor>),
}

/// Index tensors are equal where they are the same elements of the same memory.
impl PartialEq for Index {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a == b,
            (
                Self::Slice { start, stop, step },
                Self::Slice { start: other_start, stop: other_stop, step: other_step },
            ) => (start, stop, step) == (other_start, other_stop, other_step),
            (Self::NewAxis, Self::NewAxis) | (Self::Ellipsis, Self::Ellipsis) => true,
            (Self::Tensor(a), Self::Tensor(b)) => a.shares_memory(b) && a.layout() == b.layout(),
            _ => false,
        }
    }
}

impl Eq for Index {}

/// Another handle to the same tensor, where there is one.
impl Clone for Index {
    fn clone(&self) -> Self {
        match self {
            Self::Int(index) => Self::Int(*index),
            &Self::Slice { start, stop, step } => Self::Slice { start, stop, step },
            Self::NewAxis => Self::NewAxis,
            Self::Ellipsis => Self::Ellipsis,
            Self::Tensor(index) => Self::Tensor(Box::new(index.alias())),
        }
    }
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

impl From<Tensor> for Index {
    fn from(index: Tensor) -> Self {
        Self::Tensor(Box::new(index))
    }
}

impl From<&Tensor> for Index {
    fn from(index: &Tensor) -> Self {
        Self::Tensor(Box::new(index.alias()))
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
                smallvec::smallvec![self.into()]
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
single! { Index Slice NewAxis Ellipsis RangeFull Tensor &Tensor }

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
    /// The elements that an index expression names: Python's `x[...]`.
    ///
    /// Integers drop their dimension, ranges and slices keep it; see [`Index`]. The result shares memory
    /// with this tensor, unless there is an index tensor: that makes a row-major copy.
    ///
    /// Index tensors are broadcast together, and their dimensions stand where the first indexed dimension
    /// was, or in front if the indexed ones do not follow each other. One that is a mask is a read point, as
    /// is an integer tensor without dimensions, which counts as an integer. One may come from the CPU.
    ///
    /// # Errors
    /// `Index` for an index out of range, for more places than dimensions, for two ellipses; `Value` for
    /// a step that is not positive; `Dtype` for an index tensor that is neither int64 nor int32 nor a mask;
    /// `Shape` when index tensors do not broadcast or a mask does not have the shape of what it masks. An index
    /// out of range inside an index tensor is reported at the next read point of the device, as `Index`, and
    /// nothing is written.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([[1, 2, 3], [4, 5, 6]], ())?;
    /// assert_eq!(x.i((.., 1..))?.to_vec::<i32>()?, [2, 3, 5, 6]);
    /// assert_eq!(x.i((-1, 0))?.item::<i32>()?, 4);
    /// let columns = taut::tensor([2i64, 0], ())?;
    /// assert_eq!(x.i((.., &columns))?.to_vec::<i32>()?, [3, 1, 6, 4]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn i(&self, index: impl IntoIndices) -> Result<Self> {
        resolve(self, &index.into_indices())?.read("index")
    }

    /// Writes a number or a tensor, broadcast and cast, to the elements that an index expression names:
    /// Python's `x[...] = value`.
    ///
    /// Where index tensors name an element more than once, the last value in row-major order stays.
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
    /// x.index_put_(&x.gt(0)?, 2)?;
    /// assert_eq!(x.to_vec::<f32>()?, [0.0, 2.0, 0.0, 2.0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn index_put_<'a>(
        &self,
        index: impl IntoIndices,
        value: impl Into<Arg<'a>>,
    ) -> Result<&Self> {
        let selection = resolve(self, &index.into_indices())?;
        if !selection.along.is_empty() {
            selection.write("index_put_", value.into())?;
            return Ok(self);
        }
        let target = selection.view;
        match value.into() {
            Arg::Scalar(scalar) => {
                target.fill_(scalar)?;
            }
            Arg::Tensor(source) => {
                let source = source.without_leading_ones(target.dim())?;
                // Expanded first, as PyTorch does: `x[:] = x[0]` is no overlap to it.
                let layout = source.layout().expand(&target.sizes())?;
                target.copy_(&source.with_layout(layout))?;
            }
        }
        Ok(self)
    }
}
