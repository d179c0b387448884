//! The opened device: wgpu's handles, its limits, and what went wrong with it.
//!
//! # Note [Sticky failure]
//! A lost device or an error that no scope caught never panics. The first cause is kept, and every
//! later call on the device returns [`Error::Device`] naming it. A wait or a mapping that fails is a failure
//! as well: wgpu reports the loss from whichever thread waited first, perhaps after another one's wait has
//! ended, and refuses to map buffers of a lost device before anybody has waited.
//! A wait that finds the device lost is the one place where wgpu panics instead of reporting; it does so
//! with no lock held, and is caught here.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::window::Reach;
use crate::dtype::{DType, Lane};
use crate::error::{Error, Result};

/// Locks, also after a panic elsewhere: what these mutexes guard is valid between any two statements.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The first cause of failure, see Note [Sticky failure].
#[derive(Debug, Default)]
struct Failure(Mutex<Option<String>>);

impl Failure {
    /// Keeps the cause, unless there is one; gives the one that is kept.
    fn keep(&self, cause: String) -> String {
        lock(&self.0).get_or_insert(cause).clone()
    }
}

/// What every part of the backend needs of the device.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) limits: wgpu::Limits,
    /// The device as messages name it: `gpu:0 (Vulkan, llvmpipe)`.
    pub(super) label: Box<str>,
    /// Bytes that are transferred at a time, Note [Staging]; a multiple of 8.
    pub(super) chunk: u64,
    failure: Arc<Failure>,
}

impl Context {
    pub(super) fn new(
        device: wgpu::Device,
        queue: wgpu::Queue,
        label: Box<str>,
        chunk: u64,
    ) -> Self {
        let failure = Arc::new(Failure::default());
        let lost = Arc::clone(&failure);
        device.set_device_lost_callback(move |reason, message| {
            // Dropping the last handle reports itself here too, when nobody can ask any more.
            lost.keep(format!("the device was lost ({reason:?}): {message}"));
        });
        let uncaptured = Arc::clone(&failure);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            uncaptured.keep(error.to_string());
        }));
        let limits = device.limits();
        Self { device, queue, limits, label, chunk: (chunk / 8 * 8).max(64), failure }
    }

    /// # Errors
    /// `Device`, once the device has failed.
    pub(super) fn check(&self) -> Result<()> {
        match &*lock(&self.failure.0) {
            None => Ok(()),
            Some(cause) => Err(self.error(cause)),
        }
    }

    pub(super) fn error(&self, cause: impl std::fmt::Display) -> Error {
        Error::device(format!("{} failed: {cause}", self.label))
    }

    /// A failure for good, named by this cause if it is the first.
    fn fail(&self, cause: String) -> Error {
        self.error(self.failure.keep(cause))
    }

    /// A buffer was not mapped, which is a failure of the device, see Note [Sticky failure].
    pub(super) fn unmapped(&self, error: impl std::fmt::Display) -> Error {
        // The wait names the cause, unless another thread's wait does so in a moment.
        self.wait().err().unwrap_or_else(|| {
            self.fail(format!("a mapping failed, as on a device that is lost: {error}"))
        })
    }

    /// What the device cannot do at any time, though nothing is wrong with it: what it does at most, and
    /// what was asked.
    pub(super) fn limit(&self, cause: impl std::fmt::Display) -> Error {
        Error::shape(format!("{} {cause}", self.label))
    }

    /// One element needs more of buffers of these bytes than is seen at once.
    pub(super) fn beyond(&self, reach: Reach, sizes: &[u64]) -> Error {
        let longest = sizes.iter().max().copied().unwrap_or_default();
        self.limit(format_args!(
            "reaches {} bytes of a buffer at once, got an operation of which one element needs more of a \
             buffer of {longest} bytes",
            reach.binding
        ))
    }

    /// Whether kernels can compute in the dtype.
    pub(super) fn supports(&self, dtype: DType) -> bool {
        supports(self.device.features(), dtype)
    }

    /// Runs `make` and returns the first error that wgpu reports on the way.
    pub(super) fn scoped<T>(&self, make: impl FnOnce() -> T) -> Result<T, wgpu::Error> {
        let memory = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let validation = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let internal = self.device.push_error_scope(wgpu::ErrorFilter::Internal);
        let value = make();
        // Scopes are a stack: all must be popped, the last one first.
        let errors = [
            pollster::block_on(internal.pop()),
            pollster::block_on(validation.pop()),
            pollster::block_on(memory.pop()),
        ];
        match errors.into_iter().flatten().next() {
            Some(error) => Err(error),
            None => Ok(value),
        }
    }

    /// Waits until everything submitted is done.
    pub(super) fn wait(&self) -> Result<()> {
        self.settle(self.poll(wgpu::PollType::wait_indefinitely()))
    }

    /// Waits until this submission and those before it are done.
    pub(super) fn wait_for(&self, index: &wgpu::SubmissionIndex) -> Result<()> {
        let (submission_index, timeout) = (Some(index.clone()), None);
        let waited = self.poll(wgpu::PollType::Wait { submission_index, timeout });
        if waited.is_err() {
            // A lost device takes no submission, and is found to be lost only by a wait for the others.
            // Which names the cause, unless another thread's wait does so in a moment.
            self.wait()?;
        }
        self.settle(waited)
    }

    /// Waits for what it says.
    fn poll(&self, what: wgpu::PollType) -> Result<(), String> {
        failure_of(|| self.device.poll(what))
    }

    /// A wait that failed is a failure of the device, see Note [Sticky failure].
    fn settle(&self, waited: Result<(), String>) -> Result<()> {
        waited.map_err(|cause| self.fail(cause))?;
        self.check()
    }
}

/// What went wrong in a wait, a panic too.
fn failure_of(
    wait: impl FnOnce() -> Result<wgpu::PollStatus, wgpu::PollError>,
) -> Result<(), String> {
    match catch_unwind(AssertUnwindSafe(wait)) {
        Ok(waited) => waited
            .map(drop)
            .map_err(|error| format!("a wait failed, as on a device that is lost: {error}")),
        Err(panic) => Err(format!("the device was lost: {}", message_of(&*panic))),
    }
}

fn message_of(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a wait panicked")
}

/// Whether a device with these features computes in the dtype.
pub(super) fn supports(features: wgpu::Features, dtype: DType) -> bool {
    let needed = match dtype.lane() {
        Lane::I32 | Lane::F32 => wgpu::Features::empty(),
        Lane::I64 => wgpu::Features::SHADER_INT64,
        // Guards and constants go through 64-bit integers.
        Lane::F64 => wgpu::Features::SHADER_INT64 | wgpu::Features::SHADER_F64,
    };
    features.contains(needed)
}

#[cfg(test)]
mod tests {
    use super::failure_of;
    use crate::backend::Backend;
    use crate::backend::gpu::adapter;
    use crate::error::ErrorKind;

    #[test]
    fn mapping_that_fails_is_a_sticky_failure_of_the_device() {
        if adapter::list().is_empty() {
            return println!("not tested: no adapter");
        }
        let device = adapter::open_with(0, Default::default()).expect("opens");
        let failed = device.context.unmapped("refused");
        assert_eq!(failed.kind(), ErrorKind::Device);
        assert!(
            failed.to_string().contains("a mapping failed, as on a device that is lost: refused")
        );
        let later = device.allocate(16).expect_err("stays failed");
        assert_eq!(later.to_string(), failed.to_string());
    }

    #[test]
    fn wait_that_fails_is_a_sticky_failure_of_the_device() {
        if adapter::list().is_empty() {
            return println!("not tested: no adapter");
        }
        let panicked = failure_of(|| panic!("Parent device is lost"));
        let refused = failure_of(|| Err(wgpu::PollError::WrongSubmissionIndex(3, 2)));
        for (waited, expected) in [
            (panicked, "lost: Parent device is lost"),
            (refused, "a wait failed, as on a device that is lost: "),
        ] {
            let device = adapter::open_with(0, Default::default()).expect("opens");
            let failed = device.context.settle(waited).expect_err("failed");
            assert_eq!(failed.kind(), ErrorKind::Device);
            assert!(failed.to_string().contains(expected), "{failed}");
            let later = device.allocate(16).expect_err("stays failed");
            assert_eq!(later.to_string(), failed.to_string());
        }
    }
}
