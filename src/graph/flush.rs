//! The flush: a tape becomes kernels, and the kernels run.
//!
//! # Note [Who sees a storage]
//! What is stored is settled once, when the tape is taken: a storage that something besides its records
//! holds is *held*. Only a tensor, or a record of this or of a later tape, makes another holder, so what
//! nobody holds then nobody will. The flush itself makes holders; they must not count.
//!
//! Records go as soon as their kernel is made, and their storages with them: a temporary that had to be
//! stored gives its memory back before the next one asks for some.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::build::{Built, build};
use super::plan::{GroupLimits, dead_records, plan};
use super::record::Record;
use super::runtime::{MAX_PENDING_BYTES, Runtime, lock};
use super::storage::{Storage, View};
use crate::backend::{Launch, Limits};
use crate::error::{Error, Result};
use crate::kernel;

/// What flushes leave behind until the next read point.
#[derive(Default)]
pub(super) struct Executor {
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

/// Kernels that wait to be handed over together.
#[derive(Default)]
struct Batch {
    launches: Vec<Launch>,
    /// What each launch writes.
    outputs: Vec<Outputs>,
    /// Bytes that the launches' buffers come to.
    bytes: usize,
}

type Outputs = SmallVec<[Arc<Storage>; 2]>;

impl Runtime {
    /// Waits, and reports what went wrong since the last read point, once.
    pub(super) fn surface(&self, executor: &mut Executor) -> Result<()> {
        let failed = self.backend().wait()?;
        let checks = std::mem::take(&mut executor.checks);
        if let Some(code) = failed {
            let Refusal { name, location, why } = &checks[code as usize];
            executor
                .deferred
                .get_or_insert_with(|| Error::value(format!("{why} (in {name}, at {location})")));
        }
        executor.deferred.take().map_or(Ok(()), Err)
    }

    /// Runs the tape. The caller holds the executor's lock, see Note [Locks].
    pub(super) fn flush_holding(&self, executor: &mut Executor) {
        let records = self.take_records();
        if records.is_empty() {
            return;
        }
        self.counters.flushes.fetch_add(1, Ordering::Relaxed);
        let held = held_storages(&records);
        let is_held = |view: &View| held.contains(&Arc::as_ptr(&view.storage));
        let dead = dead_records(&records, is_held);
        let limits = self.backend().limits();
        let group_limits = GroupLimits { records: limits.records, canonical: limits.canonical };
        let mut groups = plan(&records, &dead, group_limits);
        let order = Order::of(&records, &groups);
        let mut records: Vec<Option<Record>> = records.into_iter().map(Some).collect();
        for (record, _) in records.iter_mut().zip(dead).filter(|&(_, dead)| dead) {
            *record = None;
        }
        groups.reverse();
        let mut batch = Batch::default();
        while let Some(group) = groups.pop() {
            let members: SmallVec<[&Record; 16]> =
                group.iter().filter_map(|&index| records[index].as_ref()).collect();
            let end = group.last().map_or(0, |&index| order.place[index]);
            let stored = |view: &View| is_held(view) || order.is_read_after(view, end);
            let code = executor.checks.len() as u32;
            let built = build(&members, code, stored);
            if let Some(built) = &built
                && built.storages.len() > limits.buffers
                && members.len() > 1
            {
                // Too many buffers for one kernel: two halves, in order.
                let (head, tail) = group.split_at(group.len() / 2);
                groups.push(tail.to_vec());
                groups.push(head.to_vec());
                continue;
            }
            if let Some(built) = built {
                self.enqueue(executor, &mut batch, built, &members, &limits);
            }
            drop(members);
            group.iter().for_each(|&index| records[index] = None);
        }
        self.run(executor, &mut batch);
    }

    fn enqueue(
        &self,
        executor: &mut Executor,
        batch: &mut Batch,
        built: Built,
        members: &[&Record],
        limits: &Limits,
    ) {
        if let Some(record) = members.iter().find(|record| record.program.check.is_some()) {
            let why = record.program.refusal;
            executor.checks.push(Refusal { name: record.name, location: record.location, why });
        }
        let outputs = members.iter().map(|record| record.output.storage.clone()).collect();
        let bytes: usize = built.storages.iter().map(|storage| storage.bytes()).sum();
        match self.launch(built) {
            Ok(launch) => {
                batch.launches.push(launch);
                batch.outputs.push(outputs);
                batch.bytes += bytes;
            }
            Err(error) => give_up(executor, &error, &[outputs]),
        }
        if batch.launches.len() >= limits.batch || batch.bytes >= MAX_PENDING_BYTES {
            self.run(executor, batch);
        }
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

    fn run(&self, executor: &mut Executor, batch: &mut Batch) {
        let Batch { launches, outputs, .. } = std::mem::take(batch);
        if launches.is_empty() {
            return;
        }
        if let Err(error) = self.backend().run(&launches) {
            give_up(executor, &error, &outputs);
        }
    }

    fn take_records(&self) -> Vec<Record> {
        let mut tape = lock(&self.tape);
        tape.passed_bytes = 0;
        std::mem::take(&mut tape.records)
    }
}

/// When kernels run, and who reads what they write.
struct Order {
    /// The place of each record in the order of running.
    place: Vec<usize>,
    last_read: FxHashMap<*const Storage, usize>,
}

impl Order {
    fn of(records: &[Record], groups: &[Vec<usize>]) -> Self {
        let mut place = vec![0; records.len()];
        let mut last_read = FxHashMap::default();
        for (position, &index) in groups.iter().flatten().enumerate() {
            place[index] = position;
            for input in &records[index].inputs {
                last_read.insert(Arc::as_ptr(&input.storage), position);
            }
        }
        Self { place, last_read }
    }

    fn is_read_after(&self, view: &View, place: usize) -> bool {
        self.last_read.get(&Arc::as_ptr(&view.storage)).is_some_and(|&last| last > place)
    }
}

/// Marks storages whose elements will never come, and keeps the error for the next read point.
fn give_up(executor: &mut Executor, error: &Error, outputs: &[Outputs]) {
    for storage in outputs.iter().flatten() {
        storage.fail(error);
    }
    executor.deferred.get_or_insert_with(|| error.duplicate());
}

/// The storages that something besides these records holds, see Note [Who sees a storage].
fn held_storages(records: &[Record]) -> FxHashSet<*const Storage> {
    let holders = count_holders(records);
    let held =
        holders.into_values().filter(|(storage, on_tape)| Arc::strong_count(storage) > *on_tape);
    held.map(|(storage, _)| Arc::as_ptr(storage)).collect()
}

/// Bytes of memory that goes once these records do.
pub(super) fn hoarded_bytes(records: &[Record]) -> usize {
    let holders = count_holders(records);
    let hoarded = holders.into_values().filter(|(storage, on_tape)| {
        storage.buffer().is_some() && Arc::strong_count(storage) == *on_tape
    });
    hoarded.map(|(storage, _)| storage.bytes()).sum()
}

/// How many times the records hold each storage.
fn count_holders(records: &[Record]) -> FxHashMap<*const Storage, (&Arc<Storage>, usize)> {
    let mut holders = FxHashMap::default();
    for record in records {
        for view in record.inputs.iter().chain([&record.output]) {
            holders.entry(Arc::as_ptr(&view.storage)).or_insert((&view.storage, 0)).1 += 1;
        }
    }
    holders
}
