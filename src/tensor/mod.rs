//! The public API, by theme.
//!
//! Owns [`Tensor`] and PyTorch's rules: what an operation accepts, in which dtype it computes, what it
//! refuses and in which words. It records operations on the graph and names no backend.

mod arg;
mod arithmetic;
mod choose;
mod compound;
mod convert;
mod creation;
mod data;
mod display;
mod elementwise;
mod entire;
mod explain;
mod functions;
mod gather;
mod host;
mod in_place;
mod index;
mod join;
mod later;
mod operators;
mod options;
mod over;
mod plain;
mod power;
mod product;
mod random;
mod read;
mod reduce;
mod sample;
mod scan;
mod scatter;
mod sizes;
mod sorting;
mod stats;
#[doc(hidden)]
pub mod table;
mod views;

pub use arg::Arg;
pub use arithmetic::Rounding;
pub use choose::Limit;
pub use convert::Target;
pub use creation::{
    arange, arange_step, empty, empty_like, eye, from_slice, full, full_like, linspace, ones,
    ones_like, zeros, zeros_like,
};
pub use data::{Data, tensor};
pub use explain::{Explanation, explain};
pub use functions::{add, div, floor_divide, mul, neg, remainder, result_type, sub};
pub use host::{HostArray, ReadGuard, WriteGuard, from_numpy};
pub use index::{Bound, Ellipsis, Index, IntoIndices, NewAxis, Slice, slice};
pub use join::{cat, stack};
pub use later::CpuFuture;
pub use options::Options;
pub use over::{Over, dims};
pub use power::pow;
pub use product::{addmm, baddbmm, bmm, dot, einsum, matmul, mm, mv, outer, tensordot};
pub use random::{Generator, manual_seed, rand, randint, randn};
pub use read::List;
#[cfg(any(feature = "npy", feature = "safetensors"))]
pub(crate) use read::reserve;
pub use sample::sample;
pub use sizes::{Dim, IntoDims, IntoSizes, Size};
pub use sorting::Unique;

use triomphe::Arc;

use crate::device::Device;
use crate::dtype::DType;
use crate::error::Result;
use crate::graph::{Runtime, Storage, View, runtime};
use crate::layout::Layout;

/// An n-dimensional array of one dtype on one device.
///
/// A tensor is a handle: a storage, which other tensors may share, seen through a shape and strides.
///
/// **[`clone`](Clone::clone) copies**, as PyTorch's does: the clone is independent. Another handle to the
/// same memory is [`alias`](Self::alias). This differs from candle and burn, whose `clone` aliases.
///
/// **Never import `std::ops::Add` and its kin** in code that calls `t.add(x)`: the trait's method would
/// be picked, which takes the tensor by value and panics instead of returning an error.
///
/// Operations are lazy: they are recorded, and run together when a value is asked for. No program can
/// tell, but by [`Device::stats`] and by its speed.
///
/// # Example
/// ```
/// let a = taut::tensor([[1.0f32, 2.0], [3.0, 4.0]], ())?;
/// let b = a.t()?; // shares memory
/// a.add_(10)?;
/// assert_eq!(b.to_vec::<f32>()?, [11.0, 13.0, 12.0, 14.0]);
/// # Ok::<(), taut::Error>(())
/// ```
pub struct Tensor {
    /// There until the tensor ends.
    view: Option<View>,
}

impl Drop for Tensor {
    fn drop(&mut self) {
        if let Some(view) = self.view.take() {
            Storage::end(view.storage);
        }
    }
}

impl Tensor {
    pub(crate) fn from_view(view: View) -> Self {
        Self { view: Some(view) }
    }

    /// Another view of the same storage.
    pub(crate) fn with_layout(&self, layout: Layout) -> Self {
        Self::from_view(View { storage: self.storage().clone(), layout })
    }

    pub(crate) fn into_view(mut self) -> View {
        match self.view.take() {
            Some(view) => view,
            None => unreachable!("a tensor has a view"),
        }
    }

    #[inline(always)]
    pub(crate) fn view_ref(&self) -> &View {
        match &self.view {
            Some(view) => view,
            None => unreachable!("a tensor has a view"),
        }
    }

    #[inline(always)]
    pub(crate) fn layout(&self) -> &Layout {
        &self.view_ref().layout
    }

    #[inline(always)]
    pub(crate) fn storage(&self) -> &Arc<Storage> {
        &self.view_ref().storage
    }

    #[inline(always)]
    pub(crate) fn runtime(&self) -> &'static Runtime {
        self.storage().runtime
    }

    /// The sizes of the dimensions, outermost first.
    ///
    /// # Example
    /// ```
    /// assert_eq!(taut::zeros([2, 3], ())?.shape(), [2, 3]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    pub fn shape(&self) -> &[usize] {
        self.layout().shape()
    }

    /// The shape, printing as `[2, 3]`.
    ///
    /// # Example
    /// ```
    /// assert_eq!(taut::zeros([2, 3], ())?.size().to_string(), "[2, 3]");
    /// # Ok::<(), taut::Error>(())
    /// ```
    pub fn size(&self) -> Size<'_> {
        Size(self.shape())
    }

    /// The number of dimensions.
    pub fn dim(&self) -> usize {
        self.shape().len()
    }

    /// The number of elements.
    pub fn numel(&self) -> usize {
        self.layout().len()
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        self.storage().dtype
    }

    /// Where the elements are.
    pub fn device(&self) -> Device {
        self.runtime().device()
    }

    /// Elements from one index of each dimension to the next.
    pub fn stride(&self) -> &[usize] {
        self.layout().strides()
    }

    /// Elements of the storage before the tensor's first.
    pub fn storage_offset(&self) -> usize {
        self.layout().offset()
    }

    /// Whether the elements lie in row-major order without gaps.
    pub fn is_contiguous(&self) -> bool {
        self.layout().is_contiguous()
    }

    /// Another handle to the same memory: what `b = a` is in Python.
    ///
    /// # Example
    /// ```
    /// let a = taut::zeros([2], ())?;
    /// let b = a.alias();
    /// a.add_(1)?;
    /// assert_eq!(b.to_vec::<f32>()?, [1.0, 1.0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    pub fn alias(&self) -> Self {
        self.with_layout(self.layout().clone())
    }

    /// Whether both are views of one storage.
    pub fn shares_memory(&self, other: &Self) -> bool {
        Arc::ptr_eq(self.storage(), other.storage())
    }

    /// Starts the computation of what was recorded on the tensor's device, without waiting for it.
    ///
    /// The end of a program waits for what a software adapter (llvmpipe) still computes then, for at most 30
    /// seconds.
    ///
    /// # Errors
    /// None of its own: what goes wrong, memory that runs out too, is reported at the next read point.
    pub fn eval(&self) -> Result<&Self> {
        self.runtime().flush();
        Ok(self)
    }
}

/// Runs everything that was recorded on the device and waits for it.
///
/// # Errors
/// What went wrong since the last read point: an integer division by zero inside a tensor, an index out
/// of range inside an index tensor, memory that ran out.
///
/// # Example
/// ```
/// let x = taut::ones([3], ())?;
/// x.mul_(2)?;
/// taut::synchronize(x.device())?;
/// # Ok::<(), taut::Error>(())
/// ```
pub fn synchronize(device: Device) -> Result<()> {
    runtime(device)?.synchronize()
}
