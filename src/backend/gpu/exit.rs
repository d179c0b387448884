//! Waiting for software adapters when the process ends.
//!
//! # Note [Exit]
//! A software adapter computes on threads of this process, with a compiler that lives in it. When `main`
//! returns while they still work, the C library tears that compiler down under their hands: llvmpipe then
//! ends now and then in a segmentation fault. A program that drops its last results unread is right, so we
//! wait at exit for what it has queued. The C library calls back in the reverse order of registration: what
//! registers after the driver was loaded, and has compiled, is called before the driver's own teardown.
//! Other adapters compute elsewhere and are not waited for.
#![allow(unsafe_code, reason = "std has no callback for the end of the process")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, TryLockError};
use std::time::Duration;

use super::context::lock;

/// What is still queued then takes its chances: an end that never comes is worse.
const PATIENCE: Duration = Duration::from_secs(30);

/// The software devices that were opened to stay.
static OPENED: Mutex<Vec<wgpu::Device>> = Mutex::new(Vec::new());

/// From now on the end of the process waits for what was submitted to the device.
pub(super) fn wait_at_exit(device: &wgpu::Device) {
    lock(&OPENED).push(device.clone());
    at_exit();
}

#[cfg(unix)]
fn at_exit() {
    // The C library is linked by std on this target; the crate `libc` would add nothing but the name.
    unsafe extern "C" {
        fn atexit(callback: extern "C" fn()) -> i32;
    }
    // SAFETY: the callback is a function of this library, needs no argument and never unwinds, as `wait`
    // catches. A refusal leaves things as they were without it.
    unsafe { atexit(wait) };
}

/// Elsewhere the system ends all threads before it tears down any library.
#[cfg(not(unix))]
fn at_exit() {
    let _: extern "C" fn() = wait;
}

extern "C" fn wait() {
    // A thread that is still opening a device holds the lock, and may never get to go on.
    let opened = match OPENED.try_lock() {
        Ok(opened) => opened,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => return,
    };
    for device in opened.iter() {
        let poll = wgpu::PollType::Wait { submission_index: None, timeout: Some(PATIENCE) };
        // wgpu panics for a lost device, and nobody is left to tell of any failure.
        let _ = catch_unwind(AssertUnwindSafe(|| device.poll(poll)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::backend::gpu::adapter::{self, AdapterKind};

    #[test]
    fn end_of_the_process_waits_for_software_adapters() {
        let software = |info: &adapter::AdapterInfo| info.kind == AdapterKind::Software;
        let Some(index) = adapter::list().iter().position(software) else {
            return println!("not tested: no software adapter");
        };
        let opened = adapter::open(index).expect("opens");
        let context = &opened.context;
        let buffer = context.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 1 << 20,
            usage: wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut work = context.device.create_command_encoder(&Default::default());
        (0..1000).for_each(|_| work.clear_buffer(&buffer, 0, None));
        context.queue.submit([work.finish()]);
        let done = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&done);
        context.queue.on_submitted_work_done(move || seen.store(true, Ordering::Release));
        wait();
        assert!(done.load(Ordering::Acquire));
    }
}
