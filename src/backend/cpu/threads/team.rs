//! Threads that work on one thing together, as long as there is something left of it.
//!
//! Who has work asks others to join and begins at once. A thread that comes in time takes its share; one that
//! wakes when all is done finds the work closed, and nobody has waited for it: on a machine that has other
//! things to do, or for work that is short, to wait until a thread has woken costs more than the work.
#![allow(unsafe_code, reason = "lends work to threads that outlive it")]

use std::any::Any;
use std::hint::spin_loop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Thread};

/// Of [`Team::state`]: nobody may join any more. The other bits count who has joined and not left.
const CLOSED: usize = 1 << (usize::BITS - 1);

/// Looks at whether all have left before the thread sleeps: what is left is a part of the work at most.
const LOOKS: usize = 1 << 12;

type Work<'w> = dyn Fn() + Sync + 'w;

struct Team {
    work: *const Work<'static>,
    state: AtomicUsize,
    /// Who waits until all have left.
    leader: Thread,
    /// What a member's work panicked with.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

// SAFETY: the pointer is to what is `Sync`, and is read by members only, see `Team::join`.
unsafe impl Send for Team {}
// SAFETY: as above.
unsafe impl Sync for Team {}

impl Team {
    /// Works, if there is anything left.
    fn join(&self) {
        let enter = |state: usize| (state & CLOSED == 0).then_some(state + 1);
        if self.state.fetch_update(Ordering::Acquire, Ordering::Relaxed, enter).is_err() {
            return;
        }
        // SAFETY: this thread has joined and not left, and `work_together` keeps the work until all have left.
        let work = unsafe { &*self.work };
        // Whatever state a panic leaves behind, the leader panics as well.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
            self.panic.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(panic);
        }
        if self.state.fetch_sub(1, Ordering::Release) == CLOSED + 1 {
            self.leader.unpark();
        }
    }

    /// Lets nobody join any more, and waits until all have left.
    fn close(&self) {
        self.state.fetch_or(CLOSED, Ordering::Relaxed);
        let mut looks = 0;
        while self.state.load(Ordering::Acquire) != CLOSED {
            looks += 1;
            if looks < LOOKS { spin_loop() } else { thread::park() }
        }
    }
}

/// Closes the work of a team, whichever way the leader's own work ends.
struct Closing<'t>(&'t Team);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Does work on this thread and on up to `others` that `spawn` is to run what it is given on. Each of them calls
/// `work`, which returns when there is nothing left of it; nothing is left when this thread's call returns, but
/// what others are at.
pub(super) fn work_together(
    others: usize,
    spawn: impl Fn(Box<dyn FnOnce() + Send>),
    work: &Work<'_>,
) {
    let work_of_any_life: *const Work<'_> = work;
    let team = Arc::new(Team {
        // SAFETY: of the type only the lifetime changes. The work is there until this function returns, and
        // until then, by `Closing`, all who have joined have left.
        work: unsafe {
            std::mem::transmute::<*const Work<'_>, *const Work<'static>>(work_of_any_life)
        },
        state: AtomicUsize::new(0),
        leader: thread::current(),
        panic: Mutex::new(None),
    });
    {
        let _closing = Closing(&team);
        for _ in 0..others {
            let team = Arc::clone(&team);
            spawn(Box::new(move || team.join()));
        }
        work();
    }
    let panic = team.panic.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(panic) = panic {
        resume_unwind(panic);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::AtomicBool;
    use std::sync::mpsc::channel;

    use super::*;

    fn on_new_thread(task: Box<dyn FnOnce() + Send>) {
        thread::spawn(task);
    }

    #[test]
    fn all_who_come_in_time_work_and_are_waited_for() {
        let (both, left) = (Barrier::new(2), AtomicUsize::new(0));
        work_together(1, on_new_thread, &|| {
            both.wait();
            if thread::current().name().is_none() {
                // The other one, which takes longer.
                thread::sleep(std::time::Duration::from_millis(50));
            }
            left.fetch_add(1, Ordering::SeqCst);
        });
        assert_eq!(left.into_inner(), 2);
    }

    #[test]
    fn who_comes_late_does_nothing_and_is_not_waited_for() {
        let (late, tasks) = channel();
        let calls = AtomicUsize::new(0);
        let spawn = |task| late.send(task).unwrap();
        work_together(2, spawn, &|| _ = calls.fetch_add(1, Ordering::SeqCst));
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        for _ in 0..2 {
            tasks.recv().unwrap()();
        }
        assert_eq!(calls.into_inner(), 1);
    }

    #[test]
    fn panics_of_any_thread_reach_the_caller_after_all_have_left() {
        for of_other in [false, true] {
            let (both, left) = (Barrier::new(2), AtomicBool::new(false));
            let together = || {
                work_together(1, on_new_thread, &|| {
                    both.wait();
                    let is_other = thread::current().name().is_none();
                    if is_other {
                        thread::sleep(std::time::Duration::from_millis(20));
                        left.store(true, Ordering::SeqCst);
                    }
                    assert!(is_other != of_other, "on purpose");
                });
            };
            let panic = catch_unwind(AssertUnwindSafe(together)).expect_err("a panic");
            assert_eq!(*panic.downcast::<&str>().unwrap(), "on purpose");
            assert!(left.into_inner());
        }
    }
}
