//! Whose turn it is to run operations.
//!
//! # Note [Turns]
//! Kernels of one device run one after the other, so one thread at a time has its [`Executor`]; others record
//! meanwhile. The executor lies on the tape. Who flushes takes it, with the operations that wait, under one lock,
//! and puts it back when they have run: that is a turn. A kernel so small that it ends sooner than a turn would
//! runs while the tape is locked, without one; of what that lets go, nothing ends before the lock does, as memory
//! that a program gave may do anything when it ends.

use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, PoisonError};

use super::alike::Alike;
use super::brief::BriefGuard;
use super::flush::Executor;
use super::runtime::{Runtime, Tape, lock};
use super::spans;
use crate::spare::Spare;

/// Results of all operations of a kernel that runs while the tape is locked, at most.
const AT_ONCE: usize = 1 << 12;

thread_local! {
    /// What has run, empty.
    static SPARE: Spare<Box<Alike>, 1> = const { Spare::new() };
}

/// The executor of a device, until this is dropped.
pub(super) struct Turn<'r> {
    runtime: &'r Runtime,
    /// There until the turn ends.
    executor: Option<Box<Executor>>,
}

impl Deref for Turn<'_> {
    type Target = Executor;

    fn deref(&self) -> &Executor {
        match &self.executor {
            Some(executor) => executor,
            None => unreachable!("a turn has the executor until it ends"),
        }
    }
}

impl DerefMut for Turn<'_> {
    fn deref_mut(&mut self) -> &mut Executor {
        match &mut self.executor {
            Some(executor) => executor,
            None => unreachable!("a turn has the executor until it ends"),
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut tape = self.runtime.tape.lock();
        tape.executor = self.executor.take();
        let waits = tape.waiting > 0;
        drop(tape);
        if waits {
            self.runtime.returned.tell();
        }
    }
}

/// Who waits for the executor to lie on the tape again.
#[derive(Default)]
pub(super) struct Returned {
    /// Locked while somebody looks, and then waits, so that nothing is told in between. Before the tape.
    gate: Mutex<()>,
    told: Condvar,
}

impl Returned {
    /// Wakes one of them.
    fn tell(&self) {
        drop(lock(&self.gate));
        self.told.notify_one();
    }
}

impl Runtime {
    /// A turn, when it comes, with what waits on the tape still there.
    pub(super) fn turn(&self) -> Turn<'_> {
        let mut tape = self.settled_tape();
        Turn { runtime: self, executor: tape.executor.take() }
    }

    /// A turn, when it comes, after what waited on the tape has run.
    pub(super) fn turn_after_flush(&self) -> Turn<'_> {
        self.take(self.settled_tape())
    }

    /// Turns the tape into kernels and starts them; what goes wrong is kept for the next read point.
    pub(crate) fn flush(&self) {
        self.flush_settled(self.settled_tape());
    }

    /// [`flush`](Self::flush) of a tape on which the executor lies.
    pub(super) fn flush_settled(&self, mut tape: BriefGuard<'_, Tape>) {
        if tape.alike.size() > AT_ONCE || tape.alike.is_empty() || spans::flushes_are_told() {
            drop(self.take(tape));
            return;
        }
        let ran = match &mut *tape {
            Tape { alike, executor: Some(executor), .. } => self.flush_small(executor, alike),
            Tape { executor: None, .. } => None,
        };
        match ran {
            Some(mut ran) => {
                tape.forget();
                let waits = tape.waiting > 0;
                drop(tape);
                if waits {
                    // Whoever ended a turn woke this thread alone, which has had none.
                    self.returned.tell();
                }
                ran.clear();
                Spare::keep(&SPARE, ran);
            }
            None => drop(self.take(tape)),
        }
    }

    /// Runs the operations if they are a kernel that was made before, and returns them.
    fn flush_small(&self, executor: &mut Executor, alike: &mut Box<Alike>) -> Option<Box<Alike>> {
        if executor.has_lost() {
            return None;
        }
        mem::swap(alike, &mut executor.alike);
        if self.flush_plain(executor) {
            let spare = Spare::take(&SPARE).unwrap_or_default();
            return Some(mem::replace(&mut executor.alike, spare));
        }
        mem::swap(alike, &mut executor.alike);
        None
    }

    /// The tape, once the executor lies on it.
    fn settled_tape(&self) -> BriefGuard<'_, Tape> {
        let tape = self.tape.lock();
        if tape.executor.is_some() {
            return tape;
        }
        drop(tape);
        self.wait_for_executor()
    }

    #[cold]
    fn wait_for_executor(&self) -> BriefGuard<'_, Tape> {
        let Returned { gate, told } = &self.returned;
        let mut gate = lock(gate);
        let mut is_known = false;
        loop {
            let mut tape = self.tape.lock();
            if tape.executor.is_some() {
                tape.waiting -= usize::from(is_known);
                return tape;
            }
            tape.waiting += usize::from(!is_known);
            is_known = true;
            drop(tape);
            gate = told.wait(gate).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes the executor and the operations of a tape, and runs these.
    fn take<'r>(&'r self, mut tape: BriefGuard<'_, Tape>) -> Turn<'r> {
        let mut turn = Turn { runtime: self, executor: tape.executor.take() };
        let lost = turn.take_operations(&mut tape);
        drop(tape);
        drop(lost);
        self.flush_taken(&mut turn);
        turn
    }
}
