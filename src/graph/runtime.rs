//! One device's tape, and its flush.

use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::build::{Built, build};
use super::plan::{GroupLimits, dead_records, plan};
use super::record::Record;
use super::storage::{Storage, View};
use crate::backend::{Backend, Launch};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::kernel;
use crate::layout::Layout;

/// Records that a tape holds before it flushes by itself.
const MAX_RECORDS: usize = 1024;

/// Bytes that the outputs on a tape may come to before it flushes by itself.
const MAX_PENDING_BYTES: usize = 1 << 30;

/// A device as the graph sees it: backend, tape, and what has been counted.
pub(crate) struct Runtime {
    device: Device,
    backend: &'static dyn Backend,
    tape: Mutex<Tape>,
    executor: Mutex<Executor>,
    counters: Counters,
}

#[derive(Default)]
struct Tape {
    records: Vec<Record>,
    pending_bytes: usize,
}

#[derive(Default)]
struct Executor {
    /// The operations whose data is checked and whose outcome is not known yet; a check's code is its
    /// index.
    checks: Vec<Refusal>,
    /// What the next read point reports.
    deferred: Option<Error>,
}

struct Refusal {
    name: &'static str,
    location: &'static Location<'static>,
    why: &'static str,
}

#[derive(Default)]
struct Counters {
    kernels: AtomicU64,
    bytes_read: AtomicU64,
    bytes_written: AtomicU64,
    flushes: AtomicU64,
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
    fn new(device: Device, backend: &'static dyn Backend) -> Self {
        Self {
            device,
            backend,
            tape: Mutex::default(),
            executor: Mutex::default(),
            counters: Counters::default(),
        }
    }

    pub(crate) fn device(&self) -> Device {
        self.device
    }

    pub(crate) fn backend(&self) -> &'static dyn Backend {
        self.backend
    }

    /// Puts an operation on the tape. Its iteration space is not empty and its views live here.
    ///
    /// # Errors
    /// `Value` when a host guard is in the way.
    pub(crate) fn record(&self, record: Record) -> Result<()> {
        let full = {
            let mut tape = lock(&self.tape);
            for input in &record.inputs {
                input.storage.check_guards(false)?;
            }
            record.output.storage.check_guards(true)?;
            tape.pending_bytes += record.output.storage.bytes();
            tape.records.push(record);
            tape.records.len() >= MAX_RECORDS || tape.pending_bytes >= MAX_PENDING_BYTES
        };
        if full {
            self.flush();
        }
        Ok(())
    }

    /// Turns the tape into kernels and starts them; what goes wrong is kept for the next read point.
    pub(crate) fn flush(&self) {
        self.flush_holding(&mut lock(&self.executor));
    }

    /// Runs everything and waits for it.
    ///
    /// # Errors
    /// What went wrong since the last read point.
    pub(crate) fn synchronize(&self) -> Result<()> {
        let mut executor = lock(&self.executor);
        self.flush_holding(&mut executor);
        self.surface(&mut executor)
    }

    /// Copies the elements from `start` on of a contiguous run of a storage to the host.
    ///
    /// # Errors
    /// What went wrong since the last read point, or the reason why the storage has no elements.
    pub(crate) fn read(&self, storage: &Storage, start: usize, bytes: &mut [u8]) -> Result<()> {
        let mut executor = lock(&self.executor);
        self.flush_holding(&mut executor);
        self.surface(&mut executor)?;
        if let Some(failure) = storage.failure() {
            return Err(failure);
        }
        let buffer = storage.materialize()?;
        self.backend.read(buffer, start * storage.dtype.size(), bytes)
    }

    /// A new storage that holds these bytes.
    pub(crate) fn upload(
        &'static self,
        dtype: crate::DType,
        len: usize,
        bytes: &[u8],
    ) -> Result<Arc<Storage>> {
        let storage = Storage::new(self, dtype, len);
        if !bytes.is_empty() {
            let executor = lock(&self.executor);
            let buffer = storage.materialize()?;
            self.backend.write(buffer, 0, bytes)?;
            drop(executor);
        }
        Ok(storage)
    }

    /// Makes sure that the storage has memory holding what program order says, which stays where it is.
    pub(crate) fn materialize(&self, storage: &Storage) -> Result<()> {
        let mut executor = lock(&self.executor);
        self.flush_holding(&mut executor);
        self.surface(&mut executor)?;
        storage.materialize().map(|_| ())
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

    /// Waits, and reports what went wrong since the last read point, once.
    fn surface(&self, executor: &mut Executor) -> Result<()> {
        let failed = self.backend.wait()?;
        let checks = std::mem::take(&mut executor.checks);
        if let Some(code) = failed {
            let Refusal { name, location, why } = &checks[code as usize];
            executor
                .deferred
                .get_or_insert_with(|| Error::value(format!("{why} (in {name}, at {location})")));
        }
        executor.deferred.take().map_or(Ok(()), Err)
    }

    fn flush_holding(&self, executor: &mut Executor) {
        let records = {
            let mut tape = lock(&self.tape);
            tape.pending_bytes = 0;
            std::mem::take(&mut tape.records)
        };
        if records.is_empty() {
            return;
        }
        self.counters.flushes.fetch_add(1, Ordering::Relaxed);
        let on_tape = count_holders(&records);
        // Only a tensor, or a record of this or of a later tape, makes another holder: what nobody but
        // these records holds, nobody will.
        let held =
            |view: &View| Arc::strong_count(&view.storage) > on_tape[&Arc::as_ptr(&view.storage)];
        let dead = dead_records(&records, held);
        let limits = self.backend.limits();
        let group_limits = GroupLimits { records: limits.records, canonical: limits.canonical };
        let mut kernels = plan(&records, &dead, group_limits);
        kernels.reverse();

        // The place of each record in the order of running tells which storages are read later.
        let mut place = vec![0; records.len()];
        let mut last_read: FxHashMap<*const Storage, usize> = FxHashMap::default();
        for (position, &index) in kernels.iter().rev().flatten().enumerate() {
            place[index] = position;
            for input in &records[index].inputs {
                last_read.insert(Arc::as_ptr(&input.storage), position);
            }
        }
        let mut launches: Vec<Launch> = Vec::new();
        let mut waiting: Vec<SmallVec<[Arc<Storage>; 2]>> = Vec::new();
        while let Some(group) = kernels.pop() {
            let members: Vec<&Record> = group.iter().map(|&index| &records[index]).collect();
            let end = group.last().map_or(0, |&index| place[index]);
            let read_later =
                |view: &View| last_read.get(&Arc::as_ptr(&view.storage)).is_some_and(|&p| p > end);
            let code = executor.checks.len() as u32;
            let stored = |view: &View| held(view) || read_later(view);
            let Some(built) = build(&members, code, stored) else { continue };
            if built.storages.len() > limits.buffers && members.len() > 1 {
                // Too many buffers for one kernel: two halves, in order.
                let (head, tail) = group.split_at(group.len() / 2);
                kernels.push(tail.to_vec());
                kernels.push(head.to_vec());
                continue;
            }
            if let Some(record) = members.iter().find(|r| r.program.check.is_some()) {
                let why = record.program.refusal;
                executor.checks.push(Refusal { name: record.name, location: record.location, why });
            }
            let outputs = members.iter().map(|r| r.output.storage.clone()).collect();
            match self.launch(built) {
                Ok(launch) => {
                    launches.push(launch);
                    waiting.push(outputs);
                }
                Err(error) => give_up(executor, &error, &[outputs]),
            }
            if launches.len() >= limits.batch {
                self.run(executor, &mut launches, &mut waiting);
            }
        }
        self.run(executor, &mut launches, &mut waiting);
    }

    /// Gives a kernel its buffers.
    fn launch(&self, built: Built) -> Result<Launch> {
        if let Some(failure) = built.storages.iter().find_map(|storage| storage.failure()) {
            return Err(failure);
        }
        let mut buffers = SmallVec::new();
        for storage in &built.storages {
            buffers.push(storage.materialize()?.clone());
        }
        if cfg!(debug_assertions)
            && let Err(why) = kernel::verify(&built.kernel, buffers.len())
        {
            unreachable!("illegal kernel: {why}\n{:#?}", built.kernel);
        }
        self.counters.kernels.fetch_add(1, Ordering::Relaxed);
        self.counters.bytes_read.fetch_add(built.bytes_read, Ordering::Relaxed);
        self.counters.bytes_written.fetch_add(built.bytes_written, Ordering::Relaxed);
        Ok(Launch { kernel: built.kernel, buffers })
    }

    fn run(
        &self,
        executor: &mut Executor,
        launches: &mut Vec<Launch>,
        waiting: &mut Vec<SmallVec<[Arc<Storage>; 2]>>,
    ) {
        if launches.is_empty() {
            return;
        }
        if let Err(error) = self.backend.run(launches) {
            give_up(executor, &error, waiting);
        }
        launches.clear();
        waiting.clear();
    }
}

/// Marks storages whose elements will never come, and keeps the error for the next read point.
fn give_up(executor: &mut Executor, error: &Error, outputs: &[SmallVec<[Arc<Storage>; 2]>]) {
    for storage in outputs.iter().flatten() {
        storage.fail(error);
    }
    executor.deferred.get_or_insert_with(|| error.duplicate());
}

/// How many times the records hold each storage.
fn count_holders(records: &[Record]) -> FxHashMap<*const Storage, usize> {
    let mut holders = FxHashMap::default();
    for record in records {
        for view in record.inputs.iter().chain([&record.output]) {
            *holders.entry(Arc::as_ptr(&view.storage)).or_insert(0) += 1;
        }
    }
    holders
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while the lock was held is a bug of ours that has been reported; the data is in order
    // between statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Leave to look into the memory of a CPU storage, see Note [Host guards] in `storage.rs`.
pub(crate) struct HostGuard {
    storage: Arc<Storage>,
    writes: bool,
}

impl HostGuard {
    /// Runs what is on the tape, then keeps conflicting operations away until it is dropped.
    ///
    /// # Errors
    /// `Value` when another guard conflicts; what went wrong since the last read point.
    pub(crate) fn new(storage: &Arc<Storage>, writes: bool) -> Result<Self> {
        let runtime = storage.runtime;
        {
            let _tape = lock(&runtime.tape);
            storage.check_guards(writes)?;
            if writes {
                storage.guards.store(-1, Ordering::Relaxed);
            } else {
                storage.guards.fetch_add(1, Ordering::Relaxed);
            }
        }
        let guard = Self { storage: storage.clone(), writes };
        runtime.materialize(storage)?;
        if let Some(failure) = storage.failure() {
            return Err(failure);
        }
        Ok(guard)
    }

    pub(crate) fn storage(&self) -> &Arc<Storage> {
        &self.storage
    }
}

impl Drop for HostGuard {
    fn drop(&mut self) {
        let _tape = lock(&self.storage.runtime.tape);
        if self.writes {
            self.storage.guards.store(0, Ordering::Relaxed);
        } else {
            self.storage.guards.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A view of all of a new storage, row-major.
pub(crate) fn fresh(
    runtime: &'static Runtime,
    dtype: crate::DType,
    shape: &[usize],
) -> Result<View> {
    let layout = Layout::contiguous(shape)?;
    let storage = Storage::new(runtime, dtype, layout.len());
    Ok(View { storage, layout })
}
