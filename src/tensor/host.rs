//! Host arrays: what NumPy's arrays are to PyTorch.
//!
//! Owns [`HostArray`] and its guards, and with them the only references into tensor memory that leave
//! the crate. Note [Host guards] in `graph::storage` says what keeps operations away meanwhile.
#![allow(unsafe_code, reason = "turns tensor memory into ndarray views")]

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use ndarray::{ArrayRef, ArrayView, ArrayViewMut, Dimension, IxDyn, ShapeBuilder, StrideShape};
use triomphe::Arc;

use crate::device::Device;
use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::graph::{HostGuard, Storage, View, runtime};
use crate::kernel::Dims;
use crate::layout::{self, Layout};

use super::data::Data;
use super::read::host_bytes;
use super::{Arg, Tensor};

/// Shared, typed, n-dimensional memory of the host; it prints as NumPy's arrays do.
///
/// It comes from [`Tensor::numpy`] or from an ndarray array, and shares its memory with every tensor and
/// host array made from it. Elements are reached through guards; while one lives, an operation that
/// conflicts with it is an error at the call.
///
/// # Example
/// ```
/// use taut::HostArray;
/// let x = HostArray::from(ndarray::Array::<f64, _>::ones(3).into_dyn());
/// let y = taut::from_numpy(&x)?;
/// *x.write()? += 1.0;
/// assert_eq!(y.to_vec::<f64>()?, [2.0; 3]);
/// # use taut::ndarray;
/// # Ok::<(), taut::Error>(())
/// ```
pub struct HostArray<T> {
    tensor: Tensor,
    element: PhantomData<fn() -> T>,
}

/// Leave to read a [`HostArray`]; derefs to ndarray's `ArrayRef<T, IxDyn>`.
pub struct ReadGuard<'a, T> {
    view: ArrayView<'a, T, IxDyn>,
    // After the view: fields drop in order.
    _guard: HostGuard,
}

/// Leave to write a [`HostArray`]; derefs to ndarray's `ArrayRef<T, IxDyn>`.
pub struct WriteGuard<'a, T> {
    view: ArrayViewMut<'a, T, IxDyn>,
    _guard: HostGuard,
}

impl<T> Deref for ReadGuard<'_, T> {
    type Target = ArrayRef<T, IxDyn>;

    fn deref(&self) -> &Self::Target {
        &self.view
    }
}

impl<T> Deref for WriteGuard<'_, T> {
    type Target = ArrayRef<T, IxDyn>;

    fn deref(&self) -> &Self::Target {
        &self.view
    }
}

impl<T: fmt::Debug> fmt::Debug for ReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Debug> fmt::Debug for WriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T> DerefMut for WriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.view
    }
}

impl Tensor {
    /// The tensor's memory as a host array, shared: writes are seen on both sides.
    ///
    /// Only for CPU tensors, as in PyTorch; on a GPU tensor call [`cpu`](Self::cpu) first.
    ///
    /// # Errors
    /// `Device` for a GPU tensor, `Dtype` unless `T` is the dtype's own type; what went wrong on the
    /// device since its last read point.
    ///
    /// # Example
    /// ```
    /// let a = taut::ones([5], ())?;
    /// let b = a.numpy::<f32>()?;
    /// a.index_put_(0, 2)?;
    /// a.add_(1)?;
    /// assert_eq!(b.to_string(), "[3. 2. 2. 2. 2.]");
    /// # Ok::<(), taut::Error>(())
    /// ```
    pub fn numpy<T: Element>(&self) -> Result<HostArray<T>> {
        if self.device() != Device::Cpu {
            return Err(Error::device(format!(
                "can't convert {} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to \
                 host memory first.",
                self.device()
            )));
        }
        if T::DTYPE != self.dtype() {
            return Err(Error::dtype(format!(
                "expected a host array of {}, the tensor's dtype, but got {}; convert first with \
                 .to(DType::..)",
                self.dtype(),
                T::DTYPE
            )));
        }
        self.settle_memory()?;
        Ok(HostArray { tensor: self.alias(), element: PhantomData })
    }
}

impl Tensor {
    /// Makes sure that the memory, which stays where it is, holds what the program says, and bools that
    /// are 0 or 1.
    pub(crate) fn settle_memory(&self) -> Result<()> {
        self.runtime().materialize(self.storage())?;
        if let Some(failure) = self.storage().failure() {
            return Err(failure);
        }
        if self.dtype() == DType::Bool { make_bools(self.storage()) } else { Ok(()) }
    }
}

/// A tensor that shares the memory of a host array.
///
/// # Errors
/// None today.
///
/// # Example
/// ```
/// use taut::{HostArray, ndarray};
/// let x = HostArray::from(ndarray::arr1(&[1.0f32, 2.0]));
/// let y = taut::from_numpy(&x)?;
/// y.mul_(10)?;
/// assert_eq!(x.to_string(), "[10. 20.]");
/// # Ok::<(), taut::Error>(())
/// ```
pub fn from_numpy<T: Element>(array: &HostArray<T>) -> Result<Tensor> {
    Ok(array.tensor.alias())
}

impl<T: Element> HostArray<T> {
    /// The sizes of the dimensions.
    pub fn shape(&self) -> &[usize] {
        self.tensor.shape()
    }

    /// The dtype that `T` stands for.
    pub fn dtype(&self) -> DType {
        T::DTYPE
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.tensor.numel()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Another handle to the same memory.
    pub fn alias(&self) -> Self {
        Self { tensor: self.tensor.alias(), element: PhantomData }
    }

    /// The elements in row-major order, copied.
    ///
    /// # Errors
    /// `Value` while the memory is being written.
    pub fn to_vec(&self) -> Result<Vec<T>> {
        Ok(self.read()?.iter().copied().collect())
    }

    /// The elements, to read; what was asked of the tensor before is done first.
    ///
    /// # Errors
    /// `Value` while a [`WriteGuard`] lives.
    ///
    /// # Example
    /// ```
    /// let x = taut::ones([2, 2], ())?.numpy::<f32>()?;
    /// assert_eq!(x.read()?.sum(), 4.0);
    /// # Ok::<(), taut::Error>(())
    /// ```
    pub fn read(&self) -> Result<ReadGuard<'_, T>> {
        let guard = HostGuard::new(self.tensor.storage(), false)?;
        let pointer = self.pointer(&guard);
        let shape = self.strided_shape();
        // SAFETY: the layout's elements lie within the storage (upheld by `Layout`), whose memory holds
        // valid elements of `T` (checked in `numpy`), never moves, and outlives the guard. No kernel
        // writes it while the guard lives, Note [Host guards].
        let view = unsafe { ArrayView::from_shape_ptr(shape, pointer.cast_const()) };
        Ok(ReadGuard { view, _guard: guard })
    }

    /// The elements, to write; what was asked of the tensor before is done first.
    ///
    /// # Errors
    /// `Value` while any other guard lives, `Overlap` when elements share memory.
    ///
    /// # Example
    /// ```
    /// let x = taut::zeros([2], ())?;
    /// x.numpy::<f32>()?.write()?[[1]] = 5.0;
    /// assert_eq!(x.to_vec::<f32>()?, [0.0, 5.0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    pub fn write(&self) -> Result<WriteGuard<'_, T>> {
        if layout::may_overlap_self(self.tensor.layout()) {
            return Err(Error::overlap(
                "cannot write through a host array whose elements share memory: copy it first",
            ));
        }
        let guard = HostGuard::new(self.tensor.storage(), true)?;
        let pointer = self.pointer(&guard);
        let shape = self.strided_shape();
        // SAFETY: as in `read`; no two indices give one element, as just checked, and nothing else
        // touches the memory while the guard lives.
        let view = unsafe { ArrayViewMut::from_shape_ptr(shape, pointer) };
        Ok(WriteGuard { view, _guard: guard })
    }

    /// Shape and strides for ndarray, which refuses some idle strides of an array without elements.
    fn strided_shape(&self) -> StrideShape<IxDyn> {
        let shape = IxDyn(self.shape());
        if self.is_empty() { shape.into() } else { shape.strides(IxDyn(self.tensor.stride())) }
    }

    fn pointer(&self, guard: &HostGuard) -> *mut T {
        let memory = guard.storage().buffer().and_then(|buffer| buffer.host_pointer());
        match memory {
            Some(base) => base.as_ptr().cast::<T>().wrapping_add(self.tensor.storage_offset()),
            None => unreachable!("the storage of a host array has host memory"),
        }
    }

    /// The elements as an ndarray array: without a copy if the memory came from one and nobody shares
    /// it, else by copying.
    ///
    /// # Errors
    /// `Value` while the memory is being written.
    ///
    /// # Example
    /// ```
    /// use taut::{HostArray, ndarray};
    /// let x = HostArray::from(ndarray::arr1(&[1, 2, 3]));
    /// assert_eq!(x.into_ndarray()?, ndarray::arr1(&[1, 2, 3]).into_dyn());
    /// # Ok::<(), taut::Error>(())
    /// ```
    pub fn into_ndarray(self) -> Result<ndarray::ArrayD<T>> {
        self.tensor.runtime().synchronize()?;
        let layout = self.tensor.layout();
        // ndarray begins an array at the start of its `Vec`, and gives each element one place.
        let fits = layout.offset() == 0 && !layout::may_overlap_self(layout);
        if !fits {
            return Ok(self.read()?.to_owned());
        }
        let View { storage, layout } = self.tensor.into_view();
        let storage = match Arc::try_unwrap(storage) {
            Ok(storage) => match storage.into_vec::<T>() {
                Ok(mut values) => {
                    let end = layout.extent().map_or(0, |extent| extent.end);
                    values.truncate(end);
                    let shape = IxDyn(layout.shape()).strides(IxDyn(layout.strides()));
                    return ndarray::ArrayD::from_shape_vec(shape, values)
                        .map_err(|error| Error::shape(error.to_string()));
                }
                Err(storage) => storage,
            },
            Err(storage) => storage,
        };
        let tensor = Tensor::from_view(View { storage, layout });
        let array = Self { tensor, element: PhantomData };
        let copy = array.read()?.to_owned();
        Ok(copy)
    }
}

/// Takes over the array's memory; copies only an array with negative strides.
impl<T: Element, D: Dimension> From<ndarray::Array<T, D>> for HostArray<T> {
    fn from(array: ndarray::Array<T, D>) -> Self {
        let ascending = array.strides().iter().all(|&stride| stride >= 0);
        let array = if ascending { array } else { array.as_standard_layout().into_owned() };
        let shape = Dims::from_slice(array.shape());
        let strides = array.strides().iter().map(|&stride| stride.unsigned_abs()).collect();
        let (values, offset) = array.into_raw_vec_and_offset();
        let Ok(runtime) = runtime(Device::Cpu) else {
            unreachable!("the CPU is always there");
        };
        let storage = Storage::adopt(runtime, values);
        let layout = Layout::new(shape, strides, offset.unwrap_or(0));
        let tensor = Tensor::from_view(View { storage, layout });
        Self { tensor, element: PhantomData }
    }
}

/// A tensor that takes over the array's memory, as [`HostArray::from`] does.
///
/// # Example
/// ```
/// use taut::{Tensor, ndarray};
/// let x = Tensor::from(ndarray::arr2(&[[1.0f32, 2.0], [3.0, 4.0]]));
/// assert_eq!(x.sum(())?.item::<f32>()?, 10.0);
/// # Ok::<(), taut::Error>(())
/// ```
impl<T: Element, D: Dimension> From<ndarray::Array<T, D>> for Tensor {
    fn from(array: ndarray::Array<T, D>) -> Self {
        HostArray::from(array).tensor
    }
}

impl<T: Element> Data for &HostArray<T> {
    type Element = T;

    fn sizes(&self) -> Result<Vec<usize>> {
        Ok(self.shape().to_vec())
    }

    fn append_to(&self, elements: &mut Vec<T>) -> Result<()> {
        elements.extend(self.read()?.iter());
        Ok(())
    }
}

/// As NumPy prints an array.
impl<T: Element> fmt::Display for HostArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tensor.text_values() {
            Ok(values) => f.write_str(&crate::text::host_array(&crate::text::Printed {
                shape: self.shape(),
                dtype: T::DTYPE,
                device: None,
                values: &values,
            })),
            Err(error) => write!(f, "<error: {error}>"),
        }
    }
}

impl<T: Element> fmt::Debug for HostArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostArray({self}, dtype={}, shape={:?})", T::DTYPE, self.shape())
    }
}

/// Makes every byte of a bool storage 0 or 1, as Rust's `bool` must be: fresh memory may hold others.
fn make_bools(storage: &Arc<Storage>) -> Result<()> {
    let whole = Layout::contiguous(&[storage.len])?;
    if storage.len == 0 {
        return Ok(());
    }
    let mut bytes = host_bytes(storage.len)?;
    storage.runtime.read(storage, 0, &mut bytes)?;
    if bytes.iter().all(|&byte| byte <= 1) {
        return Ok(());
    }
    let flat = Tensor::from_view(View { storage: storage.clone(), layout: whole });
    // A load makes it 0 or 1, and the or stores it.
    flat.add_(Arg::from(false))?;
    storage.runtime.materialize(storage)
}
