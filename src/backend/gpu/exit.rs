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

use std::sync::{Arc, Mutex, Once, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use super::context::{Context, lock};

/// For all devices; what is still queued then takes its chances: an end that never comes is worse.
const PATIENCE: Duration = Duration::from_secs(30);

/// The software devices that were opened to stay, and the process that they belong to: a fork of it has
/// none of their threads.
static OPENED: Mutex<Vec<(u32, Arc<Context>)>> = Mutex::new(Vec::new());

/// From now on the end of the process waits for what was submitted to the device.
pub(super) fn wait_at_exit(device: &Arc<Context>) {
    static REGISTERED: Once = Once::new();
    lock(&OPENED).push((std::process::id(), Arc::clone(device)));
    REGISTERED.call_once(at_exit);
}

#[cfg(unix)]
fn at_exit() {
    // The C library is linked by std on this target; the crate `libc` would add nothing but the name.
    unsafe extern "C" {
        fn atexit(callback: extern "C" fn()) -> i32;
    }
    // SAFETY: the callback is a function of this library, needs no argument and does not unwind: what could
    // panic does so on a thread of its own. A refusal leaves things as they were without it.
    unsafe { atexit(wait) };
}

/// Elsewhere the system ends all threads before it tears down any library.
#[cfg(not(unix))]
fn at_exit() {
    let _: extern "C" fn() = wait;
}

extern "C" fn wait() {
    // The thread that ends the process has lost its thread-locals, which wgpu uses.
    if let Ok(waiting) = thread::Builder::new().spawn(wait_for_all) {
        // Nobody is left to tell of any failure.
        let _ = waiting.join();
    }
}

fn wait_for_all() {
    // A thread that is still opening a device holds the lock, and may never get to go on.
    let opened = match OPENED.try_lock() {
        Ok(opened) => opened,
        Err(TryLockError::Poisoned(poisoned)) => PoisonError::into_inner(poisoned),
        Err(TryLockError::WouldBlock) => return,
    };
    let end = Instant::now() + PATIENCE;
    for (process, context) in opened.iter() {
        // wgpu panics where it waits for a lost device.
        if *process == std::process::id() && context.check().is_ok() {
            let timeout = Some(end.saturating_duration_since(Instant::now()));
            let poll = wgpu::PollType::Wait { submission_index: None, timeout };
            let _ = context.device.poll(poll);
        }
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
