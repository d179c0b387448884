//! The flush: a tape becomes kernels, and the kernels run.
//!
//! # Note [Who sees a storage]
//! What is stored is settled once, when the tape is taken: a storage that something besides its records
//! holds is *held*. Only a tensor, or a record of this or of a later tape, makes another holder, so what
//! nobody holds then nobody will. The flush itself makes holders; they must not count.
//!
//! Records go as soon as their kernel is made, and their storages with them: a temporary that had to be
//! stored gives its memory back before the next one asks for some, unless its kernel waits for the next
//! ([`Backend::joins`]).
//!
//! A kernel that its device does not count far enough for, [`Backend::reaches`], runs on the CPU in its turn.
//!
//! [`Backend::joins`]: crate::backend::Backend::joins
//! [`Backend::reaches`]: crate::backend::Backend::reaches

mod again;
mod alone;
mod order;
#[cfg(test)]
mod tests;

use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};

use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use triomphe::Arc;

use super::alike::Alike;
use super::build::{Built, build};
use super::keyed::Key;
use super::plan::{GroupLimits, MOST_CUT, dead_records, plan};
use super::record::{Record, Refusal};
use super::runtime::{Runtime, Tape};
use super::score::Scores;
use super::slots::Slots;
use super::spans;
use super::storage::{Storage, View};
use super::template::{Pattern, Template, Templates};
use crate::backend::{Buffer, Launch, Limits, elsewhere};
use crate::device::Device;
use crate::error::{Error, Result};
use crate::kernel::{self, Kernel};
pub(super) use order::Order;
use order::Reasons;

/// What flushes leave behind until the next read point.
#[derive(Default)]
pub(super) struct Executor {
    /// The operations whose data is checked and whose outcome is not known yet; a check's code is its
    /// index.
    checks: Vec<Checked>,
    /// What the next read point reports.
    deferred: Option<Error>,
    /// The tape that runs, and the memory of the last one for the next.
    pub(super) alike: Box<Alike>,
    records: Vec<Box<Record>>,
    /// That of the storages' numbers.
    slots: Slots,
    templates: Templates,
    scores: Scores,
    start: Start,
}

/// What kernels are started with.
#[derive(Default)]
pub(super) struct Start {
    /// That of the device's storages.
    key: Key,
    /// The launch of the last kernel that ran by itself, without its buffers: a launch is large, and the
    /// next one is put in its place.
    single: Option<Launch>,
}

/// Operations that a panic left behind.
pub(super) type Lost = (Box<Alike>, Vec<Box<Record>>);

pub(super) struct Checked {
    name: &'static str,
    location: &'static Location<'static>,
    refusal: Refusal,
}

impl Checked {
    /// What a read point says if the data was refused.
    pub(super) fn error(&self) -> Error {
        let Self { name, location, refusal } = self;
        let with_place = |why: &str| format!("{why} (in {name}, at {location})");
        match refusal {
            Refusal::Value(why) => Error::value(with_place(why)),
            Refusal::Index(why) => Error::index(with_place(why)),
        }
    }
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

/// A kernel without buffers.
enum Made<'t> {
    /// In a box, as it is large and the other is what nearly all are.
    Now(Box<Built>),
    /// By Note [Templates], with the code of its check.
    Before(&'t Pattern, u32),
}

impl Made<'_> {
    fn buffers(&self) -> usize {
        match self {
            Self::Now(built) => built.storages.len(),
            Self::Before(pattern, _) => pattern.buffers(),
        }
    }

    /// Bytes that are read and written, for a kernel of these operations.
    fn bytes(&self, records: &[&Record]) -> [u64; 2] {
        match self {
            Self::Now(built) => [built.bytes_read, built.bytes_written],
            Self::Before(pattern, _) => pattern.bytes(records[0].output().layout.len()),
        }
    }
}

type Outputs = SmallVec<[Arc<Storage>; 2]>;

impl Executor {
    /// Whether some operations are left after a panic that somebody caught.
    pub(super) fn has_lost(&self) -> bool {
        !(self.alike.is_empty() && self.records.is_empty())
    }

    /// Takes what waits on the tape; returns what a panic left behind, which is to be dropped when the tape is not
    /// locked. What that was to compute will never come.
    pub(super) fn take_operations(&mut self, tape: &mut Tape) -> Option<Lost> {
        tape.forget();
        let lost = self.has_lost().then(|| {
            let why = Error::value(
                "the tensor was not computed: taut panicked while it ran what was recorded",
            );
            self.alike.outputs().for_each(|output| output.fail(&why));
            self.records.iter().for_each(|record| record.output().storage.fail(&why));
            (std::mem::take(&mut self.alike), std::mem::take(&mut self.records))
        });
        if tape.records.is_empty() {
            std::mem::swap(&mut tape.alike, &mut self.alike);
        } else {
            std::mem::swap(&mut tape.records, &mut self.records);
        }
        lost
    }

    /// The key of the device's storages.
    pub(super) fn key(&mut self) -> &mut Key {
        &mut self.start.key
    }

    /// What is to be reported, for a read point that reports it.
    pub(super) fn take_reports(&mut self) -> (Vec<Checked>, Option<Error>) {
        (std::mem::take(&mut self.checks), self.deferred.take())
    }
}

/// Keeps what a read point says if the kernel of these operations refuses its data.
fn expect_refusal(checks: &mut Vec<Checked>, members: &[&Record]) {
    if let Some(record) = members.iter().find(|record| record.may_refuse()) {
        let Some(refusal) = record.refusal.as_deref().cloned() else {
            unreachable!("what may refuse says why")
        };
        checks.push(Checked { name: record.name, location: record.location, refusal });
    }
}

impl Runtime {
    /// Waits, and reports what went wrong since the last read point, once.
    pub(super) fn surface(&self, executor: &mut Executor) -> Result<()> {
        let failed = self.backend().wait()?;
        let (checks, deferred) = executor.take_reports();
        let refused = || failed.map(|code| checks[code as usize].error());
        self.undelivered().or(deferred).or_else(refused).map_or(Ok(()), Err)
    }

    /// Runs the operations that the executor took from the tape.
    pub(super) fn flush_taken(&self, executor: &mut Executor) {
        let operations = executor.alike.len() + executor.records.len();
        if operations == 0 {
            return;
        }
        let kernels = || self.counters.kernels.load(Ordering::Relaxed);
        let (span, before) = (spans::flush(self.device(), operations), kernels());
        if !self.flush_plain(executor) {
            let mut records = std::mem::take(&mut executor.records);
            executor.alike.write_out(&mut records);
            executor.records = self.flush_records(executor, records);
        }
        executor.alike.clear();
        span.tell_kernels(kernels() - before);
    }

    /// Runs the operations of a tape; returns their list, empty.
    fn flush_records(
        &self,
        executor: &mut Executor,
        mut records: Vec<Box<Record>>,
    ) -> Vec<Box<Record>> {
        if let [record] = &records[..] {
            self.flush_one(executor, record);
        } else if !self.flush_alike(executor, &records) {
            return self.flush_again(executor, records);
        }
        records.drain(..).for_each(Record::end);
        records
    }

    /// Runs the operations of a tape, whose storages have their slots; returns their list, empty.
    fn flush_all(&self, executor: &mut Executor, records: Vec<Box<Record>>) -> Vec<Box<Record>> {
        count(&self.counters.flushes, 1);
        let slots = std::mem::take(&mut executor.slots);
        let dead = dead_records(&records, &slots);
        let limits = self.backend().limits();
        let mut ends = spans::kernels_are_told().then(Vec::new);
        let mut due = match limits.chooses {
            true => executor.scores.due(&records, &dead, &slots),
            false => None,
        };
        let mut groups = plan(&records, &dead, &slots, group_limits(&limits), ends.as_mut());
        let mut reasons = Reasons::of(ends, &records);
        let order = Order::of(&records, &groups, &slots);
        let mut records: Vec<Option<Box<Record>>> = records.into_iter().map(Some).collect();
        records
            .iter_mut()
            .zip(dead)
            .filter(|(_, dead)| *dead)
            .for_each(|(record, _)| let_go(record));
        groups.reverse();
        let mut batch = Batch::default();
        while let Some(group) = groups.pop() {
            let members: SmallVec<[&Record; 16]> =
                group.iter().filter_map(|&index| records[index].as_deref()).collect();
            let reason = reasons.next();
            let end = group.last().map_or(0, |&index| order.place[index]);
            let stored =
                |view: &View| slots.is_held(view) || order.is_read_after(slots.at(view), end);
            let code = executor.checks.len() as u32;
            let number = |view: &View| slots.at(view);
            let number = executor.templates.number_of(&members, number, stored);
            let template = number.map(|number| executor.templates.at(number));
            let made = make(template, &members, code, stored);
            if made.as_ref().is_some_and(|made| made.buffers() > limits.buffers)
                && members.len() > 1
            {
                // Too many buffers for one kernel: two halves, in order.
                let (head, tail) = group.split_at(group.len() / 2);
                groups.push(tail.to_vec());
                groups.push(head.to_vec());
                reasons.split(reason);
                continue;
            }
            if made.as_ref().is_some_and(|made| !self.joins(&batch, made, &members)) {
                // Before the next one asks for memory: theirs may be free for it then.
                self.run(&mut executor.deferred, &mut batch);
            }
            due = match (due, number) {
                (Some(mut due), Some(number)) if batch.launches.is_empty() => {
                    due.add(number, &group);
                    Some(due)
                }
                (Some(due), None) => {
                    executor.scores.put_off(due);
                    None
                }
                // It waits with another.
                _ => None,
            };
            let bytes = made.as_ref().map(|made| made.bytes(&members));
            let _span = bytes.map(|bytes| spans::kernel(&members, bytes, &reason));
            let mut launch =
                made.map(|made| self.launch_made(made, &members, &mut executor.start.key));
            if matches!(launch, Some(Err(Error::OutOfMemory(_)))) && !batch.launches.is_empty() {
                // Launches that wait hold temporaries, whose memory is free once they have been run.
                self.run(&mut executor.deferred, &mut batch);
                let template = number.map(|number| executor.templates.at(number));
                let made = make(template, &members, code, stored);
                launch = made.map(|made| self.launch_made(made, &members, &mut executor.start.key));
            }
            if let Some(launch) = launch {
                self.enqueue(executor, &mut batch, launch, &members, &limits);
            }
            drop(members);
            group.iter().for_each(|&index| let_go(&mut records[index]));
        }
        self.run(&mut executor.deferred, &mut batch);
        if let Some(due) = due {
            executor.scores.keep(due);
        }
        executor.slots = slots;
        // Collected where they lie.
        records.into_iter().flatten().collect()
    }

    fn enqueue(
        &self,
        executor: &mut Executor,
        batch: &mut Batch,
        launch: Result<Launch>,
        members: &[&Record],
        limits: &Limits,
    ) {
        expect_refusal(&mut executor.checks, members);
        let outputs = outputs_of(members);
        let mut is_alone = false;
        match launch {
            Ok(launch) => {
                is_alone = limits.chooses
                    && batch.launches.is_empty()
                    && !self.backend().joins(&[], &launch.kernel, &[]);
                batch.bytes += launch.buffers.iter().map(Buffer::bytes).sum::<usize>();
                batch.launches.push(launch);
                batch.outputs.push(outputs);
            }
            Err(error) => give_up(&mut executor.deferred, &error, &[outputs]),
        }
        let is_full = batch.launches.len() >= limits.batch || batch.bytes >= limits.batch_bytes;
        if is_alone || is_full {
            self.run(&mut executor.deferred, batch);
        }
    }

    /// Whether a kernel of these operations may be handed over together with the batch.
    fn joins(&self, batch: &Batch, made: &Made<'_>, records: &[&Record]) -> bool {
        let joins = |kernel: &Kernel, storages: &mut dyn Iterator<Item = &Arc<Storage>>| {
            let buffers: SmallVec<[_; 8]> = storages.map(|storage| storage.buffer()).collect();
            self.backend().joins(&batch.launches, kernel, &buffers)
        };
        match made {
            _ if batch.launches.is_empty() || !self.limits().chooses => true,
            Made::Before(pattern, code) => {
                let mut storages = pattern.views(records).map(|view| &view.storage);
                let mut launch = pattern.launch();
                pattern.fill(&mut launch.kernel, records, *code);
                joins(&launch.kernel, &mut storages)
            }
            Made::Now(built) => joins(&built.kernel, &mut built.storages.iter()),
        }
    }

    fn launch_made(&self, made: Made<'_>, records: &[&Record], key: &mut Key) -> Result<Launch> {
        let mut launch = None;
        self.prepare(made, records, (key, &mut launch))?;
        let Some(launch) = launch else { unreachable!("a launch was prepared") };
        Ok(launch)
    }

    /// Puts the launch of a kernel in the place of an earlier one; one that fails has no buffers.
    fn prepare<'l>(
        &self,
        made: Made<'_>,
        records: &[&Record],
        (key, launch): (&mut Key, &'l mut Option<Launch>),
    ) -> Result<&'l mut Launch> {
        let bytes = made.bytes(records);
        match made {
            Made::Before(pattern, code) => {
                let launch = launch.get_or_insert_with(|| pattern.launch());
                pattern.fill(&mut launch.kernel, records, code);
                let storages = pattern.views(records).map(|view| &view.storage);
                self.give_buffers(launch, storages, (key, bytes))?;
                Ok(launch)
            }
            Made::Now(built) => {
                let buffers = SmallVec::new();
                let launch = launch.insert(Launch { kernel: built.kernel, buffers });
                self.give_buffers(launch, built.storages.iter(), (key, bytes))?;
                Ok(launch)
            }
        }
    }

    /// Gives a launch its buffers.
    #[inline]
    fn give_buffers<'a>(
        &self,
        Launch { kernel, buffers }: &mut Launch,
        storages: impl Iterator<Item = &'a Arc<Storage>>,
        (key, bytes): (&mut Key, [u64; 2]),
    ) -> Result<()> {
        // After a panic that somebody caught there may be some.
        buffers.clear();
        with_buffers(storages, key, |all| {
            buffers.extend(all.iter().map(|&buffer| buffer.clone()))
        })?;
        kernel::debug_verify(kernel, buffers.len());
        self.count_kernel(bytes);
        Ok(())
    }

    fn count_kernel(&self, [read, written]: [u64; 2]) {
        count(&self.counters.kernels, 1);
        count(&self.counters.bytes_read, read);
        count(&self.counters.bytes_written, written);
    }

    fn run(&self, deferred: &mut Option<Error>, batch: &mut Batch) {
        let Batch { launches, outputs, .. } = std::mem::take(batch);
        if launches.is_empty() {
            return;
        }
        if let Err(error) = self.run_all(&launches) {
            give_up(deferred, &error, &outputs);
        }
    }

    /// Runs launches in order: on the CPU what is beyond the device, which waits for it.
    fn run_all(&self, launches: &[Launch]) -> Result<()> {
        let is_beyond = |launch: &Launch| !self.backend().reaches(&launch.kernel);
        let mut rest = launches;
        while let Some(number) = rest.iter().position(is_beyond) {
            let (before, from) = rest.split_at(number);
            if !before.is_empty() {
                self.backend().run(before)?;
            }
            elsewhere::run(self.backend(), Device::Cpu.open()?, &from[0])?;
            rest = &from[1..];
        }
        if rest.is_empty() { Ok(()) } else { self.backend().run(rest) }
    }
}

/// Ends a record, unless it has ended.
fn let_go(record: &mut Option<Box<Record>>) {
    if let Some(record) = record.take() {
        record.end();
    }
}

pub(super) fn group_limits(limits: &Limits) -> GroupLimits {
    let most = if limits.canonical { MOST_CUT } else { usize::MAX };
    GroupLimits { records: limits.records.min(most), canonical: limits.canonical }
}

/// What operations write.
fn outputs_of(members: &[&Record]) -> Outputs {
    members.iter().map(|record| record.output().storage.clone()).collect()
}

/// Adds to a counter. The caller has the executor, so that nobody else adds meanwhile.
fn count(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}

/// The kernel of some operations, whose template this is, if anything that they do is to be stored.
fn make<'t>(
    template: Option<&'t Template>,
    members: &[&Record],
    code: u32,
    stored: impl Fn(&View) -> bool + Copy,
) -> Option<Made<'t>> {
    match template {
        Some(template) => template.pattern.as_ref().map(|pattern| Made::Before(pattern, code)),
        None => build(members, code, stored).map(|built| Made::Now(Box::new(built))),
    }
}

/// Calls `run` with the memory of storages, made now where it was not there.
///
/// # Errors
/// Why one of them has no elements; `OutOfMemory`.
#[inline]
fn with_buffers<'a, T>(
    storages: impl Iterator<Item = &'a Arc<Storage>>,
    key: &mut Key,
    run: impl FnOnce(&[&'a Buffer]) -> T,
) -> Result<T> {
    let mut buffers: SmallVec<[&Buffer; 8]> = SmallVec::new();
    for storage in storages {
        // What is read comes first, so mostly before memory is asked for.
        if let Some(failure) = storage.failure() {
            return Err(failure);
        }
        buffers.push(storage.materialize(key)?);
    }
    Ok(run(&buffers))
}

/// Marks storages whose elements will never come, and keeps the error for the next read point.
fn give_up(deferred: &mut Option<Error>, error: &Error, outputs: &[Outputs]) {
    for storage in outputs.iter().flatten() {
        storage.fail(error);
    }
    deferred.get_or_insert_with(|| error.duplicate());
}

/// Bytes of memory that goes once these records do.
pub(super) fn hoarded_bytes(records: &[Box<Record>]) -> usize {
    let holders = count_holders(records);
    let hoarded = holders.into_values().filter(|(storage, on_tape)| {
        storage.buffer().is_some() && Arc::strong_count(storage) == *on_tape
    });
    hoarded.map(|(storage, _)| storage.bytes()).sum()
}

/// How many times the records hold each storage.
fn count_holders(records: &[Box<Record>]) -> FxHashMap<*const Storage, (&Arc<Storage>, usize)> {
    let mut holders = FxHashMap::default();
    for record in records {
        for view in record.views.iter() {
            holders.entry(Arc::as_ptr(&view.storage)).or_insert((&view.storage, 0)).1 += 1;
        }
    }
    holders
}
