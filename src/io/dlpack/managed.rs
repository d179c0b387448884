//! The structs of DLPack, owned: the deleter is called once.
#![allow(unsafe_code, reason = "reads structs behind raw pointers that another library made")]

use std::ptr::NonNull;

use dlpack_rs::ffi::{
    DLDevice, DLManagedTensor, DLManagedTensorVersioned, DLPACK_FLAG_BITMASK_READ_ONLY,
    DLPACK_MAJOR_VERSION, DLTensor,
};

use crate::error::{Error, Result};

mod sealed {
    use super::{DLTensor, NonNull, Result};

    pub trait Sealed: Sized {
        /// The tensor, if this version of the struct is one that we know.
        fn tensor(&self) -> Result<&DLTensor>;
        fn is_read_only(&self) -> bool;
        /// # Safety
        /// The struct is valid, and not used afterwards.
        unsafe fn delete(this: NonNull<Self>);
    }
}

pub(super) use sealed::Sealed;

/// The two structs in which DLPack hands over a tensor: [`DLManagedTensorVersioned`] and, from before
/// version 1, [`DLManagedTensor`].
pub trait Managed: Sealed + 'static {}

impl Managed for DLManagedTensorVersioned {}
impl Managed for DLManagedTensor {}

impl Sealed for DLManagedTensorVersioned {
    fn tensor(&self) -> Result<&DLTensor> {
        // What comes after the flags may lie elsewhere in another version.
        if self.version.major != DLPACK_MAJOR_VERSION {
            return Err(Error::value(format!(
                "expected DLPack of version {DLPACK_MAJOR_VERSION}, but got {}.{}",
                self.version.major, self.version.minor
            )));
        }
        Ok(&self.dl_tensor)
    }

    fn is_read_only(&self) -> bool {
        self.flags & DLPACK_FLAG_BITMASK_READ_ONLY != 0
    }

    unsafe fn delete(this: NonNull<Self>) {
        // SAFETY: by contract; the deleter is what the struct's maker wants called.
        unsafe {
            if let Some(deleter) = this.as_ref().deleter {
                deleter(this.as_ptr());
            }
        }
    }
}

impl Sealed for DLManagedTensor {
    fn tensor(&self) -> Result<&DLTensor> {
        Ok(&self.dl_tensor)
    }

    fn is_read_only(&self) -> bool {
        false
    }

    unsafe fn delete(this: NonNull<Self>) {
        // SAFETY: by contract; the deleter is what the struct's maker wants called.
        unsafe {
            if let Some(deleter) = this.as_ref().deleter {
                deleter(this.as_ptr());
            }
        }
    }
}

/// A tensor on its way from one library to another; its deleter is called when it is dropped.
#[derive(Debug)]
pub struct Owned<M: Managed> {
    managed: NonNull<M>,
}

// SAFETY: whoever made it by `from_raw` saw to it that the memory may be used, and the deleter be called,
// from any thread; what `export` makes holds a storage, which is `Send` and `Sync`.
unsafe impl<M: Managed> Send for Owned<M> {}
// SAFETY: as above; a shared reference only reads the struct, which nobody writes.
unsafe impl<M: Managed> Sync for Owned<M> {}

impl<M: Managed> Owned<M> {
    /// Takes what another library handed over, as a Python capsule's pointer for instance; whoever calls
    /// this marks the capsule as used.
    ///
    /// # Safety
    /// The pointer is to a valid struct, as DLPack's specification has it, that nobody else will delete.
    /// Until the deleter is called: the memory that it describes may be read from any thread, and
    /// written unless it says that it is read-only; nobody writes it while an operation of taut on it
    /// runs or a guard of a host array on it lives, nor reads it while one writes. The deleter may be
    /// called from any thread.
    pub unsafe fn from_raw(managed: NonNull<M>) -> Self {
        Self { managed }
    }

    /// Hands the struct over to whoever will call its deleter.
    #[must_use = "the memory is never given back unless the deleter is called"]
    pub fn into_raw(self) -> NonNull<M> {
        let managed = self.managed;
        std::mem::forget(self);
        managed
    }

    fn managed(&self) -> &M {
        // SAFETY: valid until the deleter is called, in `drop`; nobody writes it.
        unsafe { self.managed.as_ref() }
    }

    /// The parts of the struct, with its arrays as slices.
    pub(super) fn parts(&self) -> Result<Parts<'_>> {
        let tensor = self.managed().tensor()?;
        let Ok(rank) = usize::try_from(tensor.ndim) else {
            return Err(Error::value(format!("DLPack tensor with {} dimensions", tensor.ndim)));
        };
        let array = |pointer: *const i64| match NonNull::new(pointer.cast_mut()) {
            _ if rank == 0 => Some(&[][..]),
            // SAFETY: an array of `ndim` numbers, or null, says the specification; it lives as long as
            // the struct.
            Some(pointer) => Some(unsafe { std::slice::from_raw_parts(pointer.as_ptr(), rank) }),
            None => None,
        };
        let Some(shape) = array(tensor.shape) else {
            return Err(Error::value(format!("DLPack tensor of {rank} dimensions without sizes")));
        };
        Ok(Parts {
            tensor,
            device: tensor.device,
            shape,
            strides: array(tensor.strides),
            read_only: self.managed().is_read_only(),
        })
    }
}

impl<M: Managed> Drop for Owned<M> {
    fn drop(&mut self) {
        // SAFETY: valid, as `from_raw` was promised, and not used again.
        unsafe { M::delete(self.managed) }
    }
}

pub(super) struct Parts<'a> {
    pub(super) tensor: &'a DLTensor,
    pub(super) device: DLDevice,
    pub(super) shape: &'a [i64],
    /// None for row-major order.
    pub(super) strides: Option<&'a [i64]>,
    pub(super) read_only: bool,
}
