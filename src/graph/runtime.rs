//! One device's tape, and its flush.

use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use triomphe::Arc;

use super::alike::Alike;
use super::brief::{Brief, BriefGuard};
use super::flush::{Executor, group_limits, hoarded_bytes};
use super::keyed::Number;
use super::later::Report;
use super::plain::Takes;
use super::record::Record;
use super::storage::{Storage, View};
use super::turn::Returned;
use crate::backend::{Backend, Buffer, Limits, MAX_PENDING_BYTES};
use crate::device::Device;
use crate::dtype::DType;
use crate::error::Result;
use crate::ops::Op;

/// Records that a tape holds before it flushes by itself.
const MAX_RECORDS: usize = 1024;

/// Elements of tensors so small that a full kernel of them runs at once.
const SMALL_KERNEL: usize = 1 << 14;

/// Results that somebody keeps beside a full kernel that runs at once, at most.
const MOST_KEPT: usize = 4;

/// A device as the graph sees it: backend, tape, and what has been counted.
pub(crate) struct Runtime {
    device: Device,
    backend: &'static dyn Backend,
    /// Plain operations of one layout that a tape holds, if its tensors are small; none where [`Alike`] are records.
    pub(super) most_alike: Option<usize>,
    /// See Note [Brief locks].
    pub(super) tape: Brief<Tape>,
    pub(super) returned: Returned,
    /// That of the executor's key, see Note [Keys].
    pub(super) key: Number,
    /// Note [Undelivered reports] in `later.rs`; locked last, and for a moment.
    pub(super) undelivered: Mutex<Vec<Report>>,
    pub(super) counters: Counters,
}

/// Operations in program order: those of [`Alike`], or records.
#[derive(Default)]
pub(super) struct Tape {
    /// There are some only while there are no records.
    pub(super) alike: Box<Alike>,
    pub(super) records: Vec<Box<Record>>,
    /// None while a thread has it, and how many wait for it: Note [Turns].
    pub(super) executor: Option<Box<Executor>>,
    pub(super) waiting: usize,
    /// Operations from which on it is asked whether they are a full kernel, if these are more than it has.
    pub(super) full: usize,
    /// Bytes of the storages that operations named since the last look at what the tape hoards.
    pub(super) passed_bytes: usize,
}

impl Tape {
    /// Sees that no guard is in the way of what an operation does to a view, and how much it touches; returns
    /// whether it must run at once.
    ///
    /// # Errors
    /// `Value` when a host guard is in the way.
    #[inline]
    fn pass(&mut self, view: &View, writes: bool) -> Result<bool> {
        view.storage.check_guards(writes)?;
        self.passed_bytes += view.storage.bytes();
        Ok(view.storage.is_exported())
    }

    /// Begins to count anew, as its operations are taken.
    pub(super) fn forget(&mut self) {
        (self.passed_bytes, self.full) = (0, 0);
    }

    /// Writes out what is alike.
    pub(super) fn write_out(&mut self) {
        if !self.alike.is_empty() {
            self.alike.write_out(&mut self.records);
        }
    }

    /// Whether it should run as a kernel that no further operation joins, of small tensors: these are in a cache
    /// now. The next operation asks: when it comes, its caller has let go of what the last one took. Where a
    /// caller keeps many of the results they would have to be stored, and may be gone later: so it asks again
    /// when the tape is twice as long.
    #[inline]
    fn is_full_kernel(&mut self, most_alike: usize) -> bool {
        let full = self.full.max(most_alike);
        if self.alike.len() < full {
            return false;
        }
        let is_small = self.alike.layout().is_some_and(|layout| layout.len() <= SMALL_KERNEL);
        if is_small && self.alike.kept() <= MOST_KEPT {
            return true;
        }
        self.full = full.saturating_mul(2);
        false
    }

    /// Whether so much waits that it should run. A tape is long enough to fuse what can be fused; and
    /// memory that only the tape still holds must not add up, which is looked at now and then.
    #[inline]
    fn is_full(&mut self) -> bool {
        if self.passed_bytes >= MAX_PENDING_BYTES {
            self.passed_bytes = 0;
            if hoarded_bytes(&self.records) + self.alike.hoarded_bytes() >= MAX_PENDING_BYTES {
                return true;
            }
        }
        self.records.len() + self.alike.len() >= MAX_RECORDS
    }
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) kernels: AtomicU64,
    pub(super) bytes_read: AtomicU64,
    pub(super) bytes_written: AtomicU64,
    pub(super) flushes: AtomicU64,
}

/// What a device has done since it was opened, and what it holds.
///
/// Deterministic: the same program gives the same counts.
///
/// # Example
/// ```
/// use taut::Device;
/// let before = Device::Cpu.stats()?;
/// let x = taut::ones([4], ())?;
/// let y = x.add(1)?.mul(2)?;
/// assert_eq!(Device::Cpu.stats()?.kernels, before.kernels); // nothing was asked for yet
/// assert_eq!(y.to_vec::<f32>()?, [4.0; 4]);
/// # Ok::<(), taut::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Kernels launched.
    pub kernels: u64,
    /// Bytes that kernels read, each distinct element of an operand once.
    pub bytes_read: u64,
    /// Bytes that kernels wrote.
    pub bytes_written: u64,
    /// Times the tape was turned into kernels.
    pub flushes: u64,
    /// Pipelines compiled.
    pub pipelines: u64,
    /// Bytes of memory that tensors hold.
    pub live_bytes: u64,
    /// Bytes of memory kept for reuse.
    pub pooled_bytes: u64,
}

/// The runtime of a device, made at first use.
pub(crate) fn runtime(device: Device) -> Result<&'static Runtime> {
    static CPU: OnceLock<Runtime> = OnceLock::new();
    static OTHERS: Mutex<Vec<&'static Runtime>> = Mutex::new(Vec::new());
    if device == Device::Cpu {
        if let Some(runtime) = CPU.get() {
            return Ok(runtime);
        }
        let backend = device.open()?;
        return Ok(CPU.get_or_init(|| Runtime::new(device, backend)));
    }
    let mut others = lock(&OTHERS);
    if let Some(runtime) = others.iter().find(|runtime| runtime.device == device) {
        return Ok(runtime);
    }
    let runtime = Box::leak(Box::new(Runtime::new(device, device.open()?)));
    others.push(runtime);
    Ok(runtime)
}

impl Runtime {
    pub(super) fn new(device: Device, backend: &'static dyn Backend) -> Self {
        let mut executor: Box<Executor> = Box::default();
        Self {
            device,
            backend,
            key: executor.key().number(),
            most_alike: group_limits(&backend.limits()).most_alike(),
            tape: Brief::new(Tape { executor: Some(executor), ..Tape::default() }),
            returned: Returned::default(),
            undelivered: Mutex::default(),
            counters: Counters::default(),
        }
    }

    pub(crate) fn device(&self) -> Device {
        self.device
    }

    pub(crate) fn backend(&self) -> &'static dyn Backend {
        self.backend
    }

    pub(crate) fn limits(&self) -> Limits {
        self.backend.limits()
    }

    /// Puts an operation on the tape. Its iteration space is not empty and its views live here.
    ///
    /// # Errors
    /// `Value` when a host guard is in the way.
    pub(crate) fn record(&self, record: Box<Record>) -> Result<()> {
        let mut tape = self.open_tape();
        let mut exported = false;
        for input in record.inputs() {
            exported |= tape.pass(input, false)?;
        }
        exported |= tape.pass(record.output(), true)?;
        tape.write_out();
        tape.records.push(record);
        self.close_tape(tape, exported);
        Ok(())
    }

    /// As [`record`](Self::record), of a plain operation in `dtype`: the output has the dtype of the result and
    /// the layout of what is taken; it is the first of that, or of a storage of its own.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub(crate) fn record_plain(
        &self,
        caller: (&'static str, &'static Location<'static>),
        what: (Op, DType),
        takes: Takes<'_>,
        output: &View,
    ) -> Result<()> {
        let mut tape = self.open_tape();
        let mut exported = tape.pass(takes.first, false)?;
        if let Some(second) = takes.second {
            exported |= tape.pass(second, false)?;
        }
        exported |= tape.pass(output, true)?;
        let joins = self.most_alike.is_some()
            && tape.records.is_empty()
            && tape.alike.is_of(&output.layout);
        if joins {
            tape.alike.push(caller, what, takes, output);
        } else {
            tape.write_out();
            tape.records.push(Record::plain(caller, what, takes, output));
        }
        self.close_tape(tape, exported);
        Ok(())
    }

    /// The tape, for one more operation.
    #[inline]
    fn open_tape(&self) -> BriefGuard<'_, Tape> {
        let mut tape = self.tape.lock();
        if let Some(most_alike) = self.most_alike
            && tape.is_full_kernel(most_alike)
        {
            // Not while another thread flushes: that may take long, and recording waits for no turn.
            if tape.executor.is_some() {
                self.flush_settled(tape);
                tape = self.tape.lock();
            }
        }
        tape
    }

    /// Lets go of the tape, and flushes it if it is to run now.
    #[inline]
    fn close_tape(&self, mut tape: BriefGuard<'_, Tape>, exported: bool) {
        let now = tape.is_full() || exported;
        drop(tape);
        if now {
            self.flush();
        }
    }

    /// Runs everything and waits for it.
    ///
    /// # Errors
    /// What went wrong since the last read point.
    pub(crate) fn synchronize(&self) -> Result<()> {
        let mut executor = self.turn_after_flush();
        self.surface(&mut executor)
    }

    /// Copies the elements from `start` on of a contiguous run of a storage to the host.
    ///
    /// # Errors
    /// What went wrong since the last read point, or the reason why the storage has no elements; `Value`
    /// while a host guard writes them.
    pub(crate) fn read(&self, storage: &Storage, start: usize, bytes: &mut [u8]) -> Result<()> {
        let offset = start * storage.dtype.size();
        self.reading(storage, |buffer| self.backend.read(buffer, offset, bytes))
    }

    /// As [`Self::read`], but calls `see` with the bytes of `len` elements, where they lie if the host can
    /// reach them. This device's turn lasts meanwhile: `see` may take one of a GPU's,
    /// which nobody has who comes for this one.
    ///
    /// # Errors
    /// As [`Self::read`], or what `see` returns.
    pub(crate) fn read_with(
        &self,
        storage: &Storage,
        (start, len): (usize, usize),
        see: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let [offset, bytes] = [start, len].map(|elements| elements * storage.dtype.size());
        self.reading(storage, |buffer| self.backend.read_with(buffer, (offset, bytes), see))
    }

    /// Makes a storage ready to be read and calls `read` with its memory.
    fn reading(&self, storage: &Storage, read: impl FnOnce(&Buffer) -> Result<()>) -> Result<()> {
        let mut executor = self.turn_after_flush();
        self.surface(&mut executor)?;
        if let Some(failure) = storage.failure() {
            return Err(failure);
        }
        // A writer that comes after this waits for its turn, in `materialize`.
        let tape = self.tape.lock();
        storage.check_guards(false)?;
        drop(tape);
        let buffer = storage.materialize(executor.key())?;
        read(buffer)
    }

    /// A new storage that holds these bytes.
    pub(crate) fn upload(
        &'static self,
        dtype: DType,
        len: usize,
        bytes: &[u8],
    ) -> Result<Arc<Storage>> {
        let storage = Storage::new(self, dtype, len);
        if !bytes.is_empty() {
            let mut turn = self.turn();
            let buffer = storage.materialize(turn.key())?;
            self.backend.write(buffer, 0, bytes)?;
            drop(turn);
        }
        Ok(storage)
    }

    /// [`upload`](Self::upload), for a device whose memory the host can write while kernels run: a new
    /// buffer is nobody else's.
    pub(crate) fn adopt_bytes(
        &'static self,
        dtype: DType,
        len: usize,
        bytes: &[u8],
    ) -> Result<Arc<Storage>> {
        let buffer = self.backend.allocate(bytes.len().max(1))?;
        self.backend.write(&buffer, 0, bytes)?;
        Ok(Storage::with_buffer(self, dtype, len, buffer))
    }

    /// A new storage whose bytes `fill` writes, into its memory if the host can reach that.
    ///
    /// # Errors
    /// `OutOfMemory`, or what `fill` returns.
    pub(crate) fn receive(
        &'static self,
        dtype: DType,
        len: usize,
        fill: &mut dyn FnMut(&mut [u8]) -> Result<()>,
    ) -> Result<Arc<Storage>> {
        if len == 0 {
            return Ok(Storage::new(self, dtype, len));
        }
        let buffer = self.backend.allocate_with(len * dtype.size(), fill)?;
        Ok(Storage::with_buffer(self, dtype, len, buffer))
    }

    /// Makes sure that the storage has memory holding what program order says, which stays where it is.
    pub(crate) fn materialize(&self, storage: &Storage) -> Result<()> {
        let mut executor = self.turn_after_flush();
        self.surface(&mut executor)?;
        storage.materialize(executor.key()).map(|_| ())
    }

    pub(crate) fn stats(&self) -> Stats {
        let backend = self.backend.stats();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            kernels: count(&self.counters.kernels),
            bytes_read: count(&self.counters.bytes_read),
            bytes_written: count(&self.counters.bytes_written),
            flushes: count(&self.counters.flushes),
            pipelines: backend.pipelines,
            live_bytes: backend.live_bytes,
            pooled_bytes: backend.pooled_bytes,
        }
    }

    pub(crate) fn shaders(&self) -> Vec<String> {
        self.backend.shaders()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while the lock was held is a bug of ours that has been reported; the data is in order
    // between statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
