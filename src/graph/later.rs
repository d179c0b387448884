//! Read points that do not wait.
//!
//! # Note [Undelivered reports]
//! A read that is asked for is a read point, whoever waits for it: what went wrong before it is its own to
//! report, once, and no later read point's. Only if it is dropped before it has told, what it knows or
//! will know goes to the next read point.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::flush::Checked;
use super::runtime::{Runtime, lock};
use super::storage::Storage;
use crate::backend::pending::Pending;
use crate::error::{Error, Result};

/// What a read point reports once the work before it is done.
pub(super) struct Report {
    found: Pending<Option<u32>>,
    checks: Vec<Checked>,
    deferred: Option<Error>,
}

impl Report {
    /// Whether it is known that there is nothing to report.
    fn is_empty(&self) -> bool {
        let nothing =
            self.checks.is_empty() || self.found.has_come(|found| matches!(found, Ok(None)));
        nothing && self.deferred.is_none()
    }
}

impl Future for Report {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let failed = ready!(Pin::new(&mut self.found).poll(context))?;
        let refused = failed.map(|code| self.checks[code as usize].error());
        Poll::Ready(self.deferred.take().or(refused).map_or(Ok(()), Err))
    }
}

/// Bytes of a storage, and what went wrong before they were asked for.
pub(crate) struct Later {
    runtime: &'static Runtime,
    reports: Vec<Report>,
    bytes: Option<Result<Pending<Vec<u8>>>>,
}

impl Runtime {
    /// [`read`](Self::read), without waiting if the device can do without: of the elements as they are now.
    pub(crate) fn read_later(
        &'static self,
        storage: &Storage,
        start: usize,
        bytes: Vec<u8>,
    ) -> Later {
        let mut executor = self.turn_after_flush();
        let mut reports = std::mem::take(&mut *lock(&self.undelivered));
        reports.retain(|report| !report.is_empty());
        let read = || {
            let found = self.backend().report_later()?;
            let (checks, deferred) = executor.take_reports();
            reports.push(Report { found, checks, deferred });
            if let Some(failure) = storage.failure() {
                return Err(failure);
            }
            let buffer = storage.materialize(executor.key())?;
            self.backend().read_later(buffer, start * storage.dtype.size(), bytes)
        };
        let bytes = Some(read());
        Later { runtime: self, reports, bytes }
    }

    /// The first error of read points that were dropped before they told.
    pub(super) fn undelivered(&self) -> Option<Error> {
        let reports = std::mem::take(&mut *lock(&self.undelivered));
        // What they wait for has been waited for, or is about to have come.
        reports.into_iter().filter_map(|report| pollster::block_on(report).err()).next()
    }
}

impl Future for Later {
    type Output = Result<Vec<u8>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<Vec<u8>>> {
        while let Some(report) = self.reports.first_mut() {
            let told = ready!(Pin::new(report).poll(context));
            self.reports.remove(0);
            if let Err(error) = told {
                // The first is told, as by any read point.
                self.reports.clear();
                self.bytes = None;
                return Poll::Ready(Err(error));
            }
        }
        match self.bytes.take() {
            Some(Ok(mut pending)) => {
                let polled = Pin::new(&mut pending).poll(context);
                if polled.is_pending() {
                    self.bytes = Some(Ok(pending));
                }
                polled
            }
            Some(Err(error)) => Poll::Ready(Err(error)),
            None => Poll::Ready(Err(Error::value("a future was polled after it had ended"))),
        }
    }
}

/// See Note [Undelivered reports].
impl Drop for Later {
    fn drop(&mut self) {
        self.reports.retain(|report| !report.is_empty());
        if !self.reports.is_empty() {
            lock(&self.runtime.undelivered).append(&mut self.reports);
        }
    }
}
