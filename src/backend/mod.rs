//! What a device must be able to do.
//!
//! Owns [`Backend`] and the handles it deals in. A backend is given [`Kernel`]s, never operations; the
//! trait never grows a method for one. The backends do not mention each other.

pub(crate) mod cpu;
pub(crate) mod elsewhere;
pub(crate) mod gpu;
pub(crate) mod pending;

use std::any::Any;
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

use smallvec::SmallVec;

use self::pending::Pending;
use crate::error::{Error, OutOfMemory, Result};
use crate::kernel::{Code, Kernel};

/// Bytes that may wait, on a tape and in a batch, for those that hold them alone to let go.
pub(crate) const MAX_PENDING_BYTES: usize = 1 << 30;

/// Memory of one device. Cloning gives another handle to the same memory.
#[derive(Clone)]
pub(crate) struct Buffer(Arc<dyn Memory>);

/// What stands behind a [`Buffer`]; each backend has its own and finds it again by `as_any`.
pub(crate) trait Memory: Any + Send + Sync {
    fn as_any(&self) -> &dyn Any;
    /// Bytes that a kernel may touch.
    fn bytes(&self) -> usize;
    /// All its bytes, if the host can reach them.
    fn host(&self) -> Option<NonNull<[u8]>>;
    /// Lets go of a handle, the last one perhaps: the memory may be kept for another buffer.
    fn end(self: Arc<Self>) {}
}

impl Buffer {
    pub(crate) fn new(memory: impl Memory) -> Self {
        Self(Arc::new(memory))
    }

    pub(crate) fn of(memory: Arc<impl Memory>) -> Self {
        Self(memory)
    }

    /// See [`Memory::end`].
    pub(crate) fn end(self) {
        self.0.end();
    }

    pub(crate) fn bytes(&self) -> usize {
        self.0.bytes()
    }

    /// All its bytes, if the host can reach them.
    #[inline]
    pub(crate) fn host(&self) -> Option<NonNull<[u8]>> {
        self.0.host()
    }

    /// Where they begin.
    pub(crate) fn host_pointer(&self) -> Option<NonNull<u8>> {
        self.host().map(NonNull::cast)
    }

    /// Whether both are handles to the same memory.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether this is the only handle to the memory.
    pub(crate) fn is_unique(&mut self) -> bool {
        Arc::get_mut(&mut self.0).is_some()
    }

    /// The memory as a backend's own type.
    pub(crate) fn memory<M: Memory>(&self) -> &M {
        match self.0.as_any().downcast_ref() {
            Some(memory) => memory,
            None => unreachable!("a buffer is only given to the backend that allocated it"),
        }
    }
}

/// Zeros of the host.
fn host_bytes(bytes: usize) -> Result<Vec<u8>> {
    let mut host = Vec::new();
    if host.try_reserve_exact(bytes).is_err() {
        return Err(Error::OutOfMemory(Box::new(OutOfMemory {
            device: "cpu".into(),
            requested: bytes as u64,
            live: 0,
            pooled: 0,
        })));
    }
    host.resize(bytes, 0);
    Ok(host)
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} bytes)", self.bytes())
    }
}

/// A kernel and the buffers it runs on; `OperandCode::buffer` indexes them, each is there once.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) kernel: Kernel,
    pub(crate) buffers: SmallVec<[Buffer; 8]>,
}

/// What is left of a launch of a [`Flat`] kernel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlatArgs<'a> {
    /// Points, in one dimension, the first of index 0; and elements of each operand.
    pub(crate) len: usize,
    /// Elements of each operand's buffer before its first.
    pub(crate) offset: usize,
    pub(crate) scalars: &'a [u64],
    /// As of a [`Launch`].
    pub(crate) buffers: &'a [&'a Buffer],
}

/// A kernel made ready by [`Backend::flat`].
pub(crate) trait Flat: Send + Sync {
    /// Runs the kernel, after all launches that were handed over before, and returns when it is done; or does
    /// nothing and returns false: then it is a launch for [`Backend::run`].
    fn run(&self, args: FlatArgs<'_>) -> bool;
}

/// A kernel with its arguments, but for the scalars and the code of its check, made ready by [`Backend::ready`].
pub(crate) trait Ready: Send + Sync {
    /// Runs the kernel, after all launches that were handed over before, and returns when it is done.
    fn run(&self, scalars: &[u64], check: u32, buffers: &[&Buffer]);
}

/// What a backend has done and holds, see [`crate::Stats`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BackendStats {
    /// Pipelines compiled since the device was opened.
    pub(crate) pipelines: u64,
    /// Bytes of buffers that are alive.
    pub(crate) live_bytes: u64,
    /// Bytes kept for reuse.
    pub(crate) pooled_bytes: u64,
}

/// What bounds the kernels that a backend is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Buffers of one launch.
    pub(crate) buffers: usize,
    /// Operations joined into one kernel.
    pub(crate) records: usize,
    /// Whether kernels are compiled, so that a bounded set of them must do.
    pub(crate) canonical: bool,
    /// Launches to hand over in one call of [`Backend::run`], and bytes of all their buffers.
    pub(crate) batch: usize,
    pub(crate) batch_bytes: usize,
    /// Whether [`Backend::joins`] has a say in that.
    pub(crate) chooses: bool,
    /// Elements of a line to sort.
    pub(crate) line: usize,
}

/// One device.
///
/// Calls take effect in the order they are made; the caller serialises them.
pub(crate) trait Backend: Any + Send + Sync {
    /// Memory of at least `bytes` bytes (not 0). The contents are some valid elements of any dtype that
    /// a program may later read before writing: zeros, or what an earlier buffer held.
    ///
    /// # Errors
    /// `OutOfMemory`, after the pool has been given back and the allocation tried once more.
    fn allocate(&self, bytes: usize) -> Result<Buffer>;

    /// Memory of so many bytes, which `fill` has written. It is called once, at most.
    ///
    /// # Errors
    /// As [`Backend::allocate`], or what `fill` returns.
    fn allocate_with(
        &self,
        bytes: usize,
        fill: &mut dyn FnMut(&mut [u8]) -> Result<()>,
    ) -> Result<Buffer> {
        let mut host = host_bytes(bytes)?;
        fill(&mut host)?;
        let buffer = self.allocate(bytes)?;
        self.write(&buffer, 0, &host)?;
        Ok(buffer)
    }

    /// Calls `see` with so many bytes from `offset` on, once, at most. Nobody writes them meanwhile.
    ///
    /// # Errors
    /// As [`Backend::read`], or what `see` returns.
    fn read_with(
        &self,
        buffer: &Buffer,
        (offset, bytes): (usize, usize),
        see: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut host = host_bytes(bytes)?;
        self.read(buffer, offset, &mut host)?;
        see(&host)
    }

    /// Copies host bytes to `offset`; `bytes` may be reused on return.
    fn write(&self, buffer: &Buffer, offset: usize, bytes: &[u8]) -> Result<()>;

    /// Waits for the launches before it and copies bytes from `offset` to the host.
    fn read(&self, buffer: &Buffer, offset: usize, bytes: &mut [u8]) -> Result<()>;

    /// Fills `bytes` with those from `offset` on as the launches before leave them; does not wait for
    /// these if it need not.
    fn read_later(
        &self,
        buffer: &Buffer,
        offset: usize,
        mut bytes: Vec<u8>,
    ) -> Result<Pending<Vec<u8>>> {
        self.read(buffer, offset, &mut bytes)?;
        Ok(Pending::ready(bytes))
    }

    /// Whether a kernel is to be handed over together with those that wait, in one call of
    /// [`run`](Self::run); where none waits, whether it may wait for the next, which keeps the memory of all.
    /// Buffers that have no memory yet are `None`.
    fn joins(&self, _waiting: &[Launch], _kernel: &Kernel, _buffers: &[Option<&Buffer>]) -> bool {
        true
    }

    /// Runs, or queues, kernels in order. Each sees what those before it stored.
    fn run(&self, launches: &[Launch]) -> Result<()>;

    /// A kernel made ready for launches so small that what is around them counts. The code is of one dimension; all
    /// its operands are contiguous, and as far into their buffers as each other; it fetches, checks and folds
    /// nothing. None where nothing is to be gained.
    fn flat(&self, _code: &Code) -> Option<Box<dyn Flat>> {
        None
    }

    /// A kernel made ready for launches with the arguments that it has, but for the scalars, of which it has none,
    /// and the code of its check. None where nothing is to be gained.
    fn ready(&self, _kernel: &Kernel) -> Option<Box<dyn Ready>> {
        None
    }

    /// Waits for all launches. Returns the code of the first failed check since the last call.
    fn wait(&self) -> Result<Option<u32>>;

    /// What [`wait`](Self::wait) would return, which then is no longer there for it to return; does not wait if
    /// it need not.
    fn report_later(&self) -> Result<Pending<Option<u32>>> {
        self.wait().map(Pending::ready)
    }

    fn limits(&self) -> Limits;

    /// Whether [`run`](Self::run) takes launches of the kernel: a device may not count as far as its tensors
    /// reach. One that checks its data is taken.
    fn reaches(&self, _kernel: &Kernel) -> bool {
        true
    }

    fn stats(&self) -> BackendStats;

    /// The text of what was compiled, see [`crate::Device::shaders`].
    fn shaders(&self) -> Vec<String> {
        Vec::new()
    }
}
