//! Memory of the CPU.
//!
//! Owns [`CpuMemory`], what stands behind a buffer of this backend: a block of its [`Pool`], a `Vec`
//! that the user gave, or memory of someone else's. Contents are touched through `view` only.
#![allow(unsafe_code, reason = "owns raw memory, which kernels on several threads share")]

use std::any::Any;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use super::nearby;
use super::pool::{Block, Pool};
use crate::backend::{Buffer, Memory};
use crate::dtype::Element;
use crate::error::Result;

/// Host memory that a kernel may touch.
pub(crate) struct CpuMemory {
    pointer: NonNull<u8>,
    bytes: usize,
    owner: Owner,
}

enum Owner {
    Pool {
        pool: Arc<Pool>,
        block: Option<Block>,
    },
    /// A `Vec<T>`; none once it has been given back. The lock makes the memory `Sync` and is taken
    /// only by [`CpuMemory::into_vec`].
    User(Mutex<Option<Box<dyn Any + Send>>>),
    /// What keeps memory of someone else's where it is.
    #[cfg(any(feature = "safetensors", feature = "dlpack"))]
    Foreign {
        _keeper: Box<dyn Any + Send + Sync>,
    },
}

// SAFETY: the pointer is to memory that `owner` owns and that may be used from any thread. That no
// element is written while another thread touches it is upheld by those who dereference it: the graph
// serialises launches and guards of one buffer, and within a launch see `view`.
unsafe impl Send for CpuMemory {}
// SAFETY: as above.
unsafe impl Sync for CpuMemory {}

impl CpuMemory {
    /// Memory that the thread or the pool has, aligned to at least 64 bytes. Nobody else has a handle to it.
    fn take(pool: &Arc<Pool>, bytes: usize) -> Result<Arc<Self>> {
        if let Some(memory) = nearby::take(pool, bytes) {
            return Ok(memory);
        }
        let block = match pool.take(bytes) {
            Err(_) if nearby::let_go() => pool.take(bytes)?,
            taken => taken?,
        };
        let pointer = block.pointer();
        let owner = Owner::Pool { pool: Arc::clone(pool), block: Some(block) };
        Ok(Arc::new(Self { pointer, bytes, owner }))
    }

    /// Memory aligned to at least 64 bytes.
    pub(super) fn allocate(pool: &Arc<Pool>, bytes: usize) -> Result<Buffer> {
        Self::take(pool, bytes).map(Buffer::of)
    }

    /// As [`CpuMemory::allocate`], with what `fill` writes there.
    pub(super) fn allocate_with(
        pool: &Arc<Pool>,
        bytes: usize,
        fill: &mut dyn FnMut(&mut [u8]) -> Result<()>,
    ) -> Result<Buffer> {
        // The memory goes back to the pool if `fill` fails.
        let memory = Self::take(pool, bytes)?;
        // SAFETY: it has so many bytes, it holds zeros or what an earlier one held, and nobody else has
        // a handle to it yet.
        fill(unsafe { std::slice::from_raw_parts_mut(memory.pointer.as_ptr(), bytes) })?;
        Ok(Buffer::of(memory))
    }

    /// A buffer on the elements of a `Vec`, which is not copied. It is aligned as the `Vec` is.
    pub(crate) fn adopt<T: Element>(mut values: Vec<T>) -> Buffer {
        let bytes = size_of_val(values.as_slice());
        // An empty Vec's pointer dangles and is never dereferenced.
        let pointer = NonNull::new(values.as_mut_ptr().cast()).unwrap_or(NonNull::dangling());
        let owner = Owner::User(Mutex::new(Some(Box::new(values))));
        Buffer::new(Self { pointer, bytes, owner })
    }

    /// A buffer on memory of someone else's, which `keeper` keeps.
    ///
    /// # Safety
    /// The bytes from `pointer` on may be read and written, from any thread, until `keeper` is
    /// dropped, and nobody else writes them while an operation on them runs or a guard of theirs lives.
    #[cfg(any(feature = "safetensors", feature = "dlpack"))]
    pub(crate) unsafe fn foreign(
        pointer: NonNull<u8>,
        bytes: usize,
        keeper: impl Any + Send + Sync,
    ) -> Buffer {
        Buffer::new(Self { pointer, bytes, owner: Owner::Foreign { _keeper: Box::new(keeper) } })
    }

    /// Copies bytes to `offset`.
    pub(super) fn write(&self, offset: usize, from: &[u8]) {
        let end = offset.checked_add(from.len());
        assert!(end.is_some_and(|end| end <= self.bytes), "write past the end of a buffer");
        // SAFETY: in bounds, as just asserted; `from` is not this memory, as no reference to it lives
        // longer than a launch, and the graph lets nothing else touch it meanwhile.
        unsafe { self.pointer.as_ptr().add(offset).copy_from(from.as_ptr(), from.len()) };
    }

    /// Copies bytes from `offset`.
    pub(super) fn read(&self, offset: usize, to: &mut [u8]) {
        let end = offset.checked_add(to.len());
        assert!(end.is_some_and(|end| end <= self.bytes), "read past the end of a buffer");
        // SAFETY: as in `write`.
        unsafe { self.pointer.as_ptr().add(offset).copy_to(to.as_mut_ptr(), to.len()) };
    }

    /// Calls `see` with bytes from `offset` on.
    pub(super) fn read_with(
        &self,
        offset: usize,
        bytes: usize,
        see: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let end = offset.checked_add(bytes);
        assert!(end.is_some_and(|end| end <= self.bytes), "read past the end of a buffer");
        // SAFETY: in bounds, as just asserted; the graph lets nothing write the memory meanwhile.
        see(unsafe { std::slice::from_raw_parts(self.pointer.as_ptr().add(offset), bytes) })
    }

    /// The pool that it is from.
    pub(super) fn pool(&self) -> Option<&Arc<Pool>> {
        if let Owner::Pool { pool, .. } = &self.owner { Some(pool) } else { None }
    }

    /// Bytes that the pool counts for it.
    pub(super) fn pooled_bytes(&self) -> usize {
        if let Owner::Pool { block: Some(block), .. } = &self.owner { block.bytes() } else { 0 }
    }

    /// The `Vec` that [`CpuMemory::adopt`] took, with what has been written since.
    ///
    /// The buffer comes back unchanged if another handle to it lives, if it holds no `Vec`, or one of
    /// another type.
    pub(crate) fn into_vec<T: Element>(mut buffer: Buffer) -> Result<Vec<T>, Buffer> {
        if !buffer.is_unique() {
            return Err(buffer);
        }
        let Owner::User(owner) = &buffer.memory::<Self>().owner else { return Err(buffer) };
        let mut slot = owner.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = slot.take().map(|values| values.downcast::<Vec<T>>());
        match taken {
            Some(Ok(values)) => return Ok(*values),
            Some(Err(other)) => *slot = Some(other),
            None => {}
        }
        drop(slot);
        Err(buffer)
    }
}

impl Memory for CpuMemory {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn bytes(&self) -> usize {
        self.bytes
    }

    fn host(&self) -> Option<NonNull<[u8]>> {
        Some(NonNull::slice_from_raw_parts(self.pointer, self.bytes))
    }

    fn end(self: Arc<Self>) {
        nearby::keep(self);
    }
}

impl Drop for CpuMemory {
    fn drop(&mut self) {
        if let Owner::Pool { pool, block } = &mut self.owner
            && let Some(block) = block.take()
        {
            pool.give_back(block);
        }
    }
}
