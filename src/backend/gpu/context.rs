//! The opened device: wgpu's handles, its limits, and what went wrong with it.
//!
//! # Note [Sticky failure]
//! A lost device or an error that no scope caught never panics. The first cause is kept, and every
//! later call on the device returns [`Error::Device`] naming it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    fn set(&self, cause: String) {
        lock(&self.0).get_or_insert(cause);
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
    failure: Arc<Failure>,
}

impl Context {
    pub(super) fn new(device: wgpu::Device, queue: wgpu::Queue, label: Box<str>) -> Self {
        let failure = Arc::new(Failure::default());
        let lost = Arc::clone(&failure);
        device.set_device_lost_callback(move |reason, message| {
            // Dropping the last handle reports itself here too, when nobody can ask any more.
            lost.set(format!("the device was lost ({reason:?}): {message}"));
        });
        let uncaptured = Arc::clone(&failure);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            uncaptured.set(error.to_string());
        }));
        let limits = device.limits();
        Self { device, queue, limits, label, failure }
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
        let polled = self.device.poll(wgpu::PollType::wait_indefinitely());
        self.check()?;
        polled.map(|_| ()).map_err(|error| self.error(error))
    }
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
