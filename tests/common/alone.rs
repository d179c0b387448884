//! One test of a file at a time: a device's tape, its counters and what its next read point reports are
//! shared by all threads.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Held by a test until it ends.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}
