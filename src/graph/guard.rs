//! Guards of host arrays, see Note [Host guards] in `storage.rs`.

use std::sync::atomic::Ordering;

use triomphe::Arc;

use super::storage::Storage;
use crate::error::Result;

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
            let _tape = runtime.tape.lock();
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
        let _tape = self.storage.runtime.tape.lock();
        if self.writes {
            self.storage.guards.store(0, Ordering::Relaxed);
        } else {
            self.storage.guards.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
