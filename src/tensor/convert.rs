//! To another dtype, another device, another place in memory.

use crate::device::Device;
use crate::dtype::DType;
use crate::error::Result;
use crate::graph::{View, runtime};
use crate::kernel::Dims;
use crate::layout::{self, Layout};

use super::Tensor;
use super::elementwise::{Build, check_dtype, new_tensor};
use super::options::Options;
use super::read::host_bytes;

/// What [`Tensor::to`] converts to: a [`DType`], a [`Device`], or both.
pub type Target = Options;

impl Tensor {
    /// The tensor in another dtype, on another device, or both.
    ///
    /// Returns another handle to the same memory if nothing changes, as PyTorch does. Floats become
    /// integers by truncation, and saturate; numbers become bool by `!= 0`. Moving to another device is
    /// a read point.
    ///
    /// # Errors
    /// `Device` when the device lacks the dtype.
    ///
    /// # Example
    /// ```
    /// use taut::DType;
    /// let x = taut::tensor([1.7f32, -2.3], ())?;
    /// assert_eq!(x.to(DType::I32)?.to_vec::<i32>()?, [1, -2]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn to(&self, target: impl Into<Target>) -> Result<Self> {
        let target = target.into();
        let dtype = target.dtype.unwrap_or(self.dtype());
        let device = target.device.unwrap_or(self.device());
        if device == self.device() {
            return self.to_dtype(dtype);
        }
        check_dtype(device, dtype)?;
        // The conversion runs where both dtypes exist, and where there is less to move.
        let first = self.device().supports(dtype)
            && (dtype.size() <= self.dtype().size() || !device.supports(self.dtype()));
        if first {
            self.to_dtype(dtype)?.moved(device)
        } else {
            self.moved(device)?.to_dtype(dtype)
        }
    }

    /// The tensor on the CPU: the way to [`numpy`](Self::numpy) for a GPU tensor.
    ///
    /// # Errors
    /// What went wrong on the device since its last read point.
    ///
    /// # Example
    /// ```
    /// let x = taut::ones([2], taut::Device::best())?;
    /// assert_eq!(x.cpu()?.numpy::<f32>()?.to_string(), "[1. 1.]");
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn cpu(&self) -> Result<Self> {
        self.to(Device::Cpu)
    }

    /// The tensor itself if it is contiguous, else a row-major copy.
    ///
    /// # Errors
    /// None of its own.
    #[track_caller]
    pub fn contiguous(&self) -> Result<Self> {
        if self.is_contiguous() { Ok(self.alias()) } else { self.copied() }
    }

    /// A row-major copy.
    #[track_caller]
    pub(crate) fn copied(&self) -> Result<Self> {
        let contiguous = Layout::contiguous(self.shape())?;
        self.copied_as(Dims::from_slice(contiguous.strides()), self.dtype())
    }

    /// A copy in `dtype` with these dense strides.
    #[track_caller]
    fn copied_as(&self, strides: Dims, dtype: DType) -> Result<Self> {
        let copy = new_tensor(self.runtime(), dtype, Layout::dense(self.dims(), strides)?)?;
        let mut build = Build::new("clone", &[self.into()])?;
        let value = build.load(self)?;
        build.write(value, &copy)?;
        Ok(copy)
    }

    /// The copying half of [`Clone`], which reports instead of panicking.
    #[track_caller]
    pub(crate) fn try_clone(&self) -> Result<Self> {
        self.copied_as(layout::preserved_strides(self.layout()), self.dtype())
    }

    #[track_caller]
    fn to_dtype(&self, dtype: DType) -> Result<Self> {
        if dtype == self.dtype() {
            return Ok(self.alias());
        }
        self.copied_as(layout::preserved_strides(self.layout()), dtype)
    }

    /// The tensor, or a copy, without gaps in memory; and its strides.
    #[track_caller]
    pub(super) fn dense(&self) -> Result<(Self, Dims)> {
        let strides = layout::preserved_strides(self.layout());
        let is_dense = self.layout().strides() == &strides[..];
        Ok((if is_dense { self.alias() } else { self.try_clone()? }, strides))
    }

    /// The same elements on another device; dense strides are kept.
    #[track_caller]
    fn moved(&self, device: Device) -> Result<Self> {
        let runtime = runtime(device)?;
        check_dtype(device, self.dtype())?;
        let (dense, strides) = self.dense()?;
        let (from, storage) = (dense.runtime(), dense.storage());
        let (dtype, start, len) = (self.dtype(), dense.storage_offset(), self.numel());
        let storage = if device == Device::Cpu {
            runtime.receive(dtype, len, &mut |bytes| from.read(storage, start, bytes))?
        } else if from.device() == Device::Cpu && len > 0 {
            let mut sent = None;
            from.read_with(storage, (start, len), &mut |bytes| {
                sent = Some(runtime.upload(dtype, len, bytes)?);
                Ok(())
            })?;
            let Some(sent) = sent else { unreachable!("what is read is seen") };
            sent
        } else {
            let mut bytes = host_bytes(len * dtype.size())?;
            if len > 0 {
                from.read(storage, start, &mut bytes)?;
            }
            runtime.upload(dtype, len, &bytes)?
        };
        let layout = Layout::new(Dims::from_slice(self.shape()), strides, 0);
        Ok(Self::from_view(View { storage, layout }))
    }
}

/// An independent copy, as PyTorch's `clone()`; see the head of [`Tensor`].
impl Clone for Tensor {
    /// # Panics
    /// When a host guard is writing the tensor's memory.
    #[track_caller]
    fn clone(&self) -> Self {
        match self.try_clone() {
            Ok(copy) => copy,
            Err(error) => panic!("{error}"),
        }
    }
}
