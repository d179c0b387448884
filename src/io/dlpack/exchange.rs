//! Lending and borrowing memory.
#![allow(unsafe_code, reason = "takes ownership of structs with raw pointers to tensor memory")]

use std::ptr::NonNull;

use dlpack_rs::ffi::{DLDeviceType, DLManagedTensor, DLManagedTensorVersioned};
use dlpack_rs::safe::{TensorInfo, cpu_device, pack, pack_versioned};

use super::managed::{Managed, Owned, Parts};
use super::{from_dlpack, to_dlpack};
use crate::backend::cpu::CpuMemory;
use crate::device::Device;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Storage, View, runtime};
use crate::layout::{Dims, Layout};
use crate::tensor::Tensor;

/// Lends a CPU tensor's memory, with its strides: whoever gets it sees what is written later, and the
/// other way round.
///
/// The memory stays where it is until the deleter is called, also when every tensor that shares it is
/// gone.
///
/// # Errors
/// `Device` for a GPU tensor; what went wrong on the device since its last read point.
///
/// # Example
/// ```
/// use taut::io::dlpack;
/// let x = taut::zeros([2], ())?;
/// let managed = dlpack::export(&x)?.into_raw();
/// // SAFETY: valid until it is deleted, which is done once.
/// unsafe {
///     let tensor = managed.as_ref().dl_tensor;
///     tensor.data.cast::<f32>().write(5.0);
///     managed.as_ref().deleter.expect("taut's have one")(managed.as_ptr());
/// }
/// assert_eq!(x.to_vec::<f32>()?, [5.0, 0.0]);
/// # Ok::<(), taut::Error>(())
/// ```
pub fn export(tensor: &Tensor) -> Result<Owned<DLManagedTensorVersioned>> {
    let (keeper, info) = lend(tensor)?;
    let Some(managed) = NonNull::new(pack_versioned(keeper, info, 0)) else {
        unreachable!("a box is somewhere");
    };
    // SAFETY: new, so valid and ours to delete. The keeper is a view, whose storage owns the memory;
    // it is `Send` and `Sync`. That nobody writes while an operation runs is the business of whoever
    // uses the pointer; ours run at once, Note [Raw pointers] in `graph::storage`.
    Ok(unsafe { Owned::from_raw(managed) })
}

/// As [`export`], for libraries that do not know version 1 of DLPack yet.
///
/// # Errors
/// As [`export`].
pub fn export_legacy(tensor: &Tensor) -> Result<Owned<DLManagedTensor>> {
    let (keeper, info) = lend(tensor)?;
    let Some(managed) = NonNull::new(pack(keeper, info)) else {
        unreachable!("a box is somewhere");
    };
    // SAFETY: as in `export`.
    Ok(unsafe { Owned::from_raw(managed) })
}

/// The view that keeps the memory, and what DLPack says of it.
fn lend(tensor: &Tensor) -> Result<(View, TensorInfo)> {
    if tensor.device() != Device::Cpu {
        return Err(Error::device(format!(
            "can't export {} device type tensor through DLPack; call .cpu() first",
            tensor.device()
        )));
    }
    let view = tensor.view_ref().clone();
    // From here on nothing waits, so that what is there once the memory is settled stays true.
    view.storage.set_exported();
    tensor.settle_memory()?;
    let memory = view.storage.buffer().and_then(|buffer| buffer.host_pointer());
    let data = match memory {
        Some(_) if tensor.numel() == 0 => std::ptr::null_mut(),
        Some(base) => {
            base.as_ptr().wrapping_add(tensor.storage_offset() * tensor.dtype().size()).cast()
        }
        None => unreachable!("a CPU tensor has host memory"),
    };
    // Layouts hold no number above `isize::MAX`.
    let signed = |numbers: &[usize]| numbers.iter().map(|&number| number as i64).collect();
    let (shape, strides) = (signed(tensor.shape()), signed(tensor.stride()));
    let info = TensorInfo::strided(data, cpu_device(), to_dlpack(tensor.dtype()), shape, strides);
    Ok((view, info))
}

/// A CPU tensor on the memory that another library lent; the deleter is called when the last tensor that
/// shares it is gone, or at once if this fails.
///
/// # Errors
/// `Device` for memory that is not the CPU's; `Dtype` for a dtype that taut has not; `Value` for memory
/// that is read-only, not aligned to its elements, or runs backwards, and for another major version of
/// DLPack.
///
/// # Example
/// ```
/// use taut::io::dlpack;
/// let x = taut::arange(4, ())?;
/// let y = dlpack::import(dlpack::export(&x)?)?;
/// y.add_(1)?;
/// assert_eq!(x.to_vec::<i64>()?, [1, 2, 3, 4]);
/// # Ok::<(), taut::Error>(())
/// ```
pub fn import<M: Managed>(managed: Owned<M>) -> Result<Tensor> {
    let runtime = runtime(Device::Cpu)?;
    let (dtype, layout, data) = borrowed(&managed.parts()?)?;
    let Some(extent) = layout.extent() else {
        return Ok(Tensor::from_view(View { storage: Storage::new(runtime, dtype, 0), layout }));
    };
    let bytes = extent.end * dtype.size();
    // SAFETY: `from_raw` was promised that the memory may be used from any thread until the deleter is
    // called, which `managed` does when it is dropped, and that nobody writes meanwhile. It has as many
    // bytes as its sizes and strides reach, which are not negative.
    let buffer = unsafe { CpuMemory::foreign(data, bytes, managed) };
    let storage = Storage::with_buffer(runtime, dtype, extent.end, buffer);
    storage.set_exported();
    Ok(Tensor::from_view(View { storage, layout }))
}

/// What the memory holds, how it lies, and where it begins.
fn borrowed(parts: &Parts<'_>) -> Result<(DType, Layout, NonNull<u8>)> {
    let device = parts.device.device_type;
    if device != DLDeviceType::kDLCPU {
        return Err(Error::device(format!(
            "expected CPU memory (DLPack device type {}), but got device type {device}; copy the tensor \
             to the CPU first",
            DLDeviceType::kDLCPU
        )));
    }
    let theirs = parts.tensor.dtype;
    let Some(dtype) = from_dlpack(theirs) else {
        return Err(Error::dtype(format!(
            "DLPack dtype with code {}, {} bits and {} lanes has no counterpart in taut",
            theirs.code, theirs.bits, theirs.lanes
        )));
    };
    if parts.read_only {
        return Err(Error::value(
            "the memory is read-only, and any tensor may be written to: copy it before handing it over",
        ));
    }
    let layout = layout(parts, dtype)?;
    let address = parts.tensor.data.cast::<u8>().wrapping_add(parts.tensor.byte_offset as usize);
    if layout.is_empty() {
        return Ok((dtype, layout, NonNull::dangling()));
    }
    let pointer = NonNull::new(address).filter(|_| !parts.tensor.data.is_null());
    let Some(pointer) = pointer.filter(|pointer| pointer.addr().get() % dtype.size() == 0) else {
        return Err(Error::value(format!(
            "expected memory aligned to {} bytes, for elements of {dtype}, but got address {address:p}; \
             copy it before handing it over",
            dtype.size()
        )));
    };
    Ok((dtype, layout, pointer))
}

fn layout(parts: &Parts<'_>, dtype: DType) -> Result<Layout> {
    let Parts { shape, strides, .. } = parts;
    let numbers = |numbers: &[i64]| -> Option<Dims> {
        numbers.iter().map(|&number| usize::try_from(number).ok()).collect()
    };
    let refused = || {
        let strides = strides.map_or("none".into(), |strides| format!("{strides:?}"));
        Error::value(format!(
            "expected sizes and strides that are not negative and can be addressed, but got sizes \
             {shape:?} and strides {strides}; copy it before handing it over"
        ))
    };
    let sizes = numbers(shape).ok_or_else(refused)?;
    let dense = Layout::contiguous(&sizes).map_err(|_| refused())?;
    let layout = match strides {
        None => dense,
        Some(strides) => {
            // The strides of what has no elements mean nothing, and may be anything.
            let strides = match numbers(strides) {
                Some(strides) => strides,
                None if dense.is_empty() => dense.strides().into(),
                None => return Err(refused()),
            };
            Layout::new(sizes, strides, 0)
        }
    };
    let reach =
        layout.shape().iter().zip(layout.strides()).try_fold(1_usize, |sum, (&n, &s)| {
            sum.checked_add(n.saturating_sub(1).checked_mul(s)?)
        });
    let bytes = reach.and_then(|reach| reach.checked_mul(dtype.size()));
    match bytes.filter(|&bytes| isize::try_from(bytes).is_ok()) {
        Some(_) => Ok(layout),
        None => Err(refused()),
    }
}
