//! Storage: the identity of aliasing.
//!
//! Owns [`Storage`], what all views of one tensor share, and [`View`], a storage seen through a layout.
//! The memory behind a storage comes into being when a kernel first writes or reads it, and never
//! moves.
//!
//! # Note [Host guards]
//! A guard of a host array gives a Rust reference into the memory of a CPU storage. While it lives, no
//! kernel may conflict with it. `Storage::guards` counts readers (positive) or marks the one writer
//! (-1). It changes only under the tape's lock, and recording looks at it under the same lock, so an
//! operation is either on the tape before the guard (and is run before the guard is handed out) or is
//! refused.
//!
//! # Note [Raw pointers]
//! Memory that another library holds a pointer to (DLPack) cannot be guarded: nobody says when it is
//! read or written. So every operation on such a storage runs at once, before the call that recorded
//! it returns, and what the other library then reads is what the program says.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU16, AtomicU32, Ordering};

use triomphe::{Arc, UniqueArc};

use crate::backend::Buffer;
use crate::backend::cpu::CpuMemory;
use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::spare::Spare;

use super::KEPT;
use super::keyed::{Key, Keyed};
use super::runtime::Runtime;

thread_local! {
    /// Storages that have ended, without memory.
    static SPARE: Spare<UniqueArc<Storage>, KEPT> = const { Spare::new() };
}

/// What all views of one tensor share.
pub(crate) struct Storage {
    pub(crate) runtime: &'static Runtime,
    pub(crate) dtype: DType,
    /// Elements.
    pub(crate) len: usize,
    /// See Note [Keys] in `keyed.rs`.
    buffer: Keyed<Buffer>,
    /// See Note [Host guards].
    pub(super) guards: AtomicI32,
    /// Whether a raw pointer to the memory is out, see Note [Raw pointers].
    exported: AtomicBool,
    /// See Note [Slots] in `slots.rs`.
    pub(super) slot: AtomicU32,
    /// Its number among those of the tape, see Note [Alike] in `alike.rs`; under the tape's lock.
    pub(super) place: AtomicU16,
    /// Why the elements could not be computed.
    failure: OnceLock<Error>,
}

impl Storage {
    pub(crate) fn new(runtime: &'static Runtime, dtype: DType, len: usize) -> Arc<Self> {
        Self::unshared(runtime, dtype, len).shareable()
    }

    /// A storage that nobody else has a handle to.
    #[inline]
    fn unshared(runtime: &'static Runtime, dtype: DType, len: usize) -> UniqueArc<Self> {
        if let Some(mut new) = Spare::take(&SPARE) {
            (new.runtime, new.dtype, new.len) = (runtime, dtype, len);
            new.buffer.set_number(runtime.key);
            return new;
        }
        UniqueArc::new(Self {
            runtime,
            dtype,
            len,
            buffer: Keyed::new(runtime.key),
            guards: AtomicI32::new(0),
            exported: AtomicBool::new(false),
            slot: AtomicU32::new(0),
            place: AtomicU16::new(0),
            failure: OnceLock::new(),
        })
    }

    /// Lets go of a storage. If this is its last handle, the place where it lies, not its memory, is kept for
    /// a later one of this thread.
    #[inline]
    pub(crate) fn end(storage: Arc<Self>) {
        if let Ok(last) = Arc::try_unique(storage) {
            Self::end_last(last);
        }
    }

    #[inline(never)]
    fn end_last(mut ended: UniqueArc<Self>) {
        let Self { buffer, guards, exported, failure, .. } = &mut *ended;
        if let Some(buffer) = buffer.take() {
            buffer.end();
        }
        if failure.get().is_some() {
            *failure = OnceLock::new();
        }
        (*guards.get_mut(), *exported.get_mut()) = (0, false);
        Spare::keep(&SPARE, ended);
    }

    /// A storage over memory that holds its elements already.
    pub(crate) fn with_buffer(
        runtime: &'static Runtime,
        dtype: DType,
        len: usize,
        buffer: Buffer,
    ) -> Arc<Self> {
        let mut storage = Self::unshared(runtime, dtype, len);
        debug_assert!(storage.buffer.get().is_none(), "a new storage has no buffer");
        storage.buffer = Keyed::with(runtime.key, buffer);
        storage.shareable()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.len * self.dtype.size()
    }

    /// The memory, made now if it was not there.
    ///
    /// # Errors
    /// `OutOfMemory`.
    ///
    /// # Panics
    /// If the key is another device's.
    #[inline]
    pub(super) fn materialize(&self, key: &mut Key) -> Result<&Buffer> {
        self.buffer.get_or_make(key, || self.runtime.backend().allocate(self.bytes().max(1)))
    }

    pub(crate) fn buffer(&self) -> Option<&Buffer> {
        self.buffer.get()
    }

    /// A storage of the CPU's runtime over the elements of a `Vec`, which is not copied.
    pub(crate) fn adopt<T: Element>(runtime: &'static Runtime, values: Vec<T>) -> Arc<Self> {
        let len = values.len();
        Self::with_buffer(runtime, T::DTYPE, len, CpuMemory::adopt(values))
    }

    /// The `Vec` that [`adopt`](Self::adopt) took, with what has been written since; the storage again
    /// if its memory came from elsewhere or has another holder.
    pub(crate) fn into_vec<T: Element>(self) -> Result<Vec<T>, Arc<Self>> {
        let (runtime, dtype, len) = (self.runtime, self.dtype, self.len);
        match self.buffer.into_inner().map(CpuMemory::into_vec) {
            Some(Ok(values)) => Ok(values),
            Some(Err(buffer)) => Err(Self::with_buffer(runtime, dtype, len, buffer)),
            None => Err(Self::new(runtime, dtype, len)),
        }
    }

    /// Marks elements that will never come; the first cause is the one to report.
    pub(crate) fn fail(&self, why: &Error) {
        self.failure.get_or_init(|| why.duplicate());
    }

    pub(crate) fn failure(&self) -> Option<Error> {
        self.failure.get().map(Error::duplicate)
    }

    /// Whether operations must run at once, see Note [Raw pointers].
    pub(super) fn is_exported(&self) -> bool {
        self.exported.load(Ordering::Relaxed)
    }

    /// From now on every operation runs at once, see Note [Raw pointers]; what was recorded before is
    /// still to be run.
    #[cfg(feature = "dlpack")]
    pub(crate) fn set_exported(&self) {
        // Under the lock: what is recorded later sees it.
        let _tape = self.runtime.tape.lock();
        self.exported.store(true, Ordering::Relaxed);
    }

    /// Refuses an operation that conflicts with a guard, see Note [Host guards].
    #[inline]
    pub(super) fn check_guards(&self, writes: bool) -> Result<()> {
        match self.guards.load(Ordering::Relaxed) {
            0 => Ok(()),
            guards => Self::check_guarded(guards, writes),
        }
    }

    #[cold]
    fn check_guarded(guards: i32, writes: bool) -> Result<()> {
        match guards {
            readers if readers > 0 && !writes => Ok(()),
            readers if readers > 0 => Err(Error::value(
                "cannot write to a tensor whose memory is being read through a host array: drop the \
                 guard that HostArray::read() returned first",
            )),
            _ => Err(Error::value(
                "cannot use a tensor whose memory is being written through a host array: drop the \
                 guard that HostArray::write() returned first",
            )),
        }
    }
}

/// A storage seen through a layout.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) storage: Arc<Storage>,
    pub(crate) layout: Layout,
}

impl View {
    pub(crate) fn dtype(&self) -> DType {
        self.storage.dtype
    }

    pub(super) fn is_of(&self, storage: &Arc<Storage>) -> bool {
        Arc::ptr_eq(&self.storage, storage)
    }
}
