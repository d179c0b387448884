//! The threads that kernels run on.
//!
//! # Note [Threads of our own]
//! Launches run under the lock of their device's executor. A thread of rayon that waits for its tasks runs
//! whatever else its pool has to do; were that a task of the user's that asks for a tensor, it would wait
//! for a lock that its own thread holds. And were all threads of the pool waiting for the lock, nobody
//! would run the tiles of the launch that holds it. So kernels have a pool where only they run. A
//! thread of no pool takes a share of its kernels itself; one of another pool waits for them without taking up
//! other work.

mod shares;
mod team;

use std::cell::Cell;
use std::panic::resume_unwind;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use shares::Shares;
use team::work_together;

use super::sweep::Way;

thread_local! {
    /// Whether this is a thread of a pool that [`build`] made.
    static OURS: Cell<bool> = const { Cell::new(false) };
}

/// A pool for kernels; 0 threads are as many as the machine or `RAYON_NUM_THREADS` says.
pub(super) fn build(threads: usize) -> Result<ThreadPool, ThreadPoolBuildError> {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|i| format!("taut-cpu-{i}"))
        .start_handler(|_| OURS.set(true))
        .build()
}

/// The pool, started at first use; none where the system has no threads to give.
fn pool() -> Option<&'static ThreadPool> {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    POOL.get_or_init(|| build(0).ok()).as_ref()
}

/// How many threads [`run`] has for its work.
pub(super) fn count() -> usize {
    if OURS.get() {
        rayon::current_num_threads()
    } else {
        pool().map_or(1, ThreadPool::current_num_threads)
    }
}

/// Where part `i` begins of `len` things in so many parts that follow each other.
pub(super) fn bound(i: usize, parts: usize, len: usize) -> usize {
    (i as u128 * len as u128 / parts as u128) as usize
}

/// How many parts work is cut in that so many threads are worth, at most `each` for a thread.
pub(super) fn parts(worth: usize, each: usize) -> usize {
    if worth < 2 {
        // To ask for their number starts the threads, which a program of small tensors never needs.
        return 1;
    }
    match count() {
        1 => 1,
        threads => worth.min(each * threads),
    }
}

/// Runs work that uses rayon's parallel iterators, see Note [Threads of our own].
pub(super) fn run<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    if OURS.get() {
        return work();
    }
    let Some(pool) = pool() else { return work() };
    if rayon::current_thread_index().is_none() {
        return pool.install(work);
    }
    // A thread of the user's pool: another one asks, and this one sleeps.
    match thread::scope(|scope| scope.spawn(|| pool.install(work)).join()) {
        Ok(result) => result,
        Err(panic) => resume_unwind(panic),
    }
}

/// Calls `work` with each number below `count`, on several threads, of which the caller's is one: what
/// is short is done before another thread wakes, and is not waited for.
pub(super) fn each(count: usize, work: impl Fn(usize) + Sync) {
    let pool = match pool() {
        Some(pool) if !OURS.get() && rayon::current_thread_index().is_none() => pool,
        _ => return run(|| (0..count).into_par_iter().for_each(&work)),
    };
    let others = pool.current_num_threads().min(count).saturating_sub(1);
    let shares = Shares::new(count, others + 1, Way::of_launch());
    let take = || {
        // This thread is of no pool.
        let thread = rayon::current_thread_index().map_or(0, |i| 1 + i % others);
        while let Some(i) = shares.next(thread) {
            work(i);
        }
    };
    work_together(others, |task| pool.spawn(task), &take);
}

/// What `work` makes of each number below `count`, on several threads.
pub(super) fn map<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let results: Vec<Mutex<Option<T>>> = (0..count).map(|_| Mutex::new(None)).collect();
    each(count, |i| {
        let result = work(i);
        *results[i].lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    });
    let results = results.into_iter();
    results.filter_map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}
