//! Kernels that run one by one, and tapes that are one kernel: one operation, or a few [alike](is_one_kernel).
//!
//! Most tapes of small tensors are such, and most of these have no records, see Note [Alike]. Nothing is planned,
//! and the kernel runs at once: by [`Backend::flat`] or [`Backend::ready`] if that is something for it, else as a
//! launch that does not go through a batch.
//!
//! [`Backend::flat`]: crate::backend::Backend::flat
//! [`Backend::ready`]: crate::backend::Backend::ready

use smallvec::SmallVec;
use triomphe::Arc;

use super::{
    Executor, Made, Start, count, expect_refusal, give_up, group_limits, make, outputs_of,
    with_buffers,
};
use crate::backend::FlatArgs;
use crate::error::Result;
use crate::graph::explain::Reason;
use crate::graph::keyed::Key;
use crate::graph::plan::{Ended, dead_records, is_one_kernel, plan};
use crate::graph::record::Record;
use crate::graph::runtime::Runtime;
use crate::graph::spans;
use crate::graph::storage::View;
use crate::graph::template::Pattern;

/// Points above which no launch is small.
const SMALL: usize = 1 << 16;

impl Runtime {
    /// Runs the only operation of a tape: nothing to plan.
    pub(super) fn flush_one(&self, executor: &mut Executor, record: &Record) {
        count(&self.counters.flushes, 1);
        let output = &record.output().storage;
        let on_tape = record.views.iter().filter(|view| view.is_of(output)).count();
        let held = Arc::strong_count(output) > on_tape;
        let may_refuse = record.may_refuse();
        if !held && !may_refuse {
            return;
        }
        let code = executor.checks.len() as u32;
        let made = make(executor.templates.of_one(record, held), &[record], code, |_| held);
        let Some(made) = made else { return };
        let reason = Reason { ended: Ended::Tape, records: &[] };
        let _span = spans::kernel(&[record], made.bytes(&[record]), &reason);
        let ran = self.run_alone(made, &[record], &mut executor.start);
        if may_refuse {
            expect_refusal(&mut executor.checks, &[record]);
        }
        if let Err(error) = ran {
            give_up(&mut executor.deferred, &error, &[outputs_of(&[record])]);
        }
    }

    /// Runs a tape that is plain operations of one layout, see Note [Alike], if they are one small kernel that was
    /// made before and that the backend has something for; returns whether they were.
    pub(in crate::graph) fn flush_plain(&self, executor: &mut Executor) -> bool {
        let Executor { alike, templates, deferred, start, .. } = executor;
        let Some(layout) = alike.layout().filter(|_| !alike.is_empty()) else { return false };
        let (len, offset) = (layout.len(), layout.offset());
        if len > SMALL || spans::kernels_are_told() {
            return false;
        }
        if matches!(alike.only(), Some((_, false))) {
            // Nobody sees it.
            count(&self.counters.flushes, 1);
            return true;
        }
        if self.most_alike.is_none_or(|most| alike.len() > most) {
            return false;
        }
        let limits = self.backend().limits();
        let pattern = templates.of_alike(alike).and_then(|template| template.pattern.as_ref());
        let Some(pattern) = pattern.filter(|pattern| pattern.buffers() <= limits.buffers) else {
            return false;
        };
        let Some(flat) = pattern.flat(self.backend()) else { return false };
        let ran = with_buffers(pattern.storages_of(alike), &mut start.key, |buffers| {
            let scalars = pattern.scalars_of(alike);
            flat.run(FlatArgs { len, offset, scalars: &scalars, buffers })
        });
        match ran {
            Ok(true) => self.count_kernel(pattern.bytes(len)),
            Ok(false) => return false,
            Err(error) => {
                let outputs = alike.outputs().cloned().collect();
                give_up(deferred, &error, &[outputs]);
            }
        }
        count(&self.counters.flushes, 1);
        true
    }

    /// Runs the operations of a tape that is one kernel, so that there is nothing to plan; returns whether it
    /// was. Not where one of them is dead: what that reads should be gone before the kernel asks for memory.
    pub(super) fn flush_alike(&self, executor: &mut Executor, records: &[Box<Record>]) -> bool {
        let limits = self.backend().limits();
        if !is_one_kernel(records, group_limits(&limits)) {
            return false;
        }
        executor.slots.number(records);
        let Executor { slots, templates, start, deferred, .. } = executor;
        let dead = dead_records(records, slots);
        if dead.contains(&true) {
            return false;
        }
        debug_assert_eq!(plan(records, &dead, slots, group_limits(&limits), None).len(), 1);
        let members: SmallVec<[&Record; 16]> = records.iter().map(|record| &**record).collect();
        let (number, held) = (|view: &View| slots.at(view), |view: &View| slots.is_held(view));
        let made = make(templates.of(&members, number, held), &members, 0, held);
        if made.as_ref().is_some_and(|made| made.buffers() > limits.buffers) {
            return false;
        }
        count(&self.counters.flushes, 1);
        let Some(made) = made else { return true };
        let reason = Reason { ended: Ended::Tape, records: &[] };
        let _span = spans::kernel(&members, made.bytes(&members), &reason);
        if let Err(error) = self.run_alone(made, &members, start) {
            give_up(deferred, &error, &[outputs_of(&members)]);
        }
        true
    }

    /// Runs a kernel that waits for no other. A launch of its own, if it needs one, is put in the place of an
    /// earlier one.
    pub(super) fn run_alone(
        &self,
        made: Made<'_>,
        members: &[&Record],
        Start { key, single }: &mut Start,
    ) -> Result<()> {
        if let &Made::Before(pattern, code) = &made {
            let ran = match pattern.is_flat() {
                true => self.run_flat(pattern, members, key)?,
                false => self.run_ready((pattern, code), members, key)?,
            };
            if ran {
                return Ok(());
            }
            if let Some(mut launch) = pattern.exact_launch(members, code) {
                let storages = pattern.views(members).map(|view| &view.storage);
                let given = self.give_buffers(&mut launch, storages, (key, made.bytes(members)));
                let result = given.and_then(|()| self.run_all(std::slice::from_ref(&launch)));
                pattern.keep(launch);
                return result;
            }
        }
        let launch = self.prepare(made, members, (key, single))?;
        let result = self.run_all(std::slice::from_ref(launch));
        launch.buffers.clear();
        result
    }

    /// Runs a kernel that is not flat if the backend has it ready; returns whether it did.
    fn run_ready(
        &self,
        (pattern, code): (&Pattern, u32),
        members: &[&Record],
        key: &mut Key,
    ) -> Result<bool> {
        let Some(ready) = pattern.ready(self.backend()) else { return Ok(false) };
        let storages = pattern.views(members).map(|view| &view.storage);
        with_buffers(storages, key, |all| ready.run(&pattern.scalars(members), code, all))?;
        self.count_kernel(pattern.bytes(1));
        Ok(true)
    }

    /// Runs a flat kernel if the backend has something for launches so small; returns whether it did.
    fn run_flat(&self, pattern: &Pattern, members: &[&Record], key: &mut Key) -> Result<bool> {
        let layout = &members[0].output().layout;
        let (len, offset) = (layout.len(), layout.offset());
        if len > SMALL {
            return Ok(false);
        }
        let Some(flat) = pattern.flat(self.backend()) else { return Ok(false) };
        let storages = pattern.views(members).map(|view| &view.storage);
        let ran = with_buffers(storages, key, |buffers| {
            let scalars = pattern.scalars(members);
            flat.run(FlatArgs { len, offset, scalars: &scalars, buffers })
        })?;
        if ran {
            self.count_kernel(pattern.bytes(len));
        }
        Ok(ran)
    }
}
