//! Reads that nobody waits for.
//!
//! wgpu calls back only from calls into it, and a future must not need its owner to make them. So a
//! thread does: it is started when something is to be read later, waits for one read after the other,
//! and ends when none is left. What is read is copied aside at the call, where program order has it; so
//! what is written later does not matter, and nobody who works on waits for the thread.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use super::context::{Context, lock};
use super::memory::{GpuMemory, Piece, Pool, Slab};
use super::transfer::{self, Staging};
use crate::backend::Buffer;
use crate::backend::pending::{Pending, promise};
use crate::error::Result;

/// The reads that wait, and whether a thread takes them.
#[derive(Clone, Debug, Default)]
pub(super) struct Reads(Arc<Mutex<Queue>>);

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    running: bool,
}

type Job = Box<dyn FnOnce(&Context, &mut Staging) + Send>;

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Queue({} jobs, running: {})", self.jobs.len(), self.running)
    }
}

impl Reads {
    /// What `job` will give, which is called on the thread, after those before it.
    pub(super) fn start<T: Send + 'static>(
        &self,
        context: &Arc<Context>,
        job: impl FnOnce(&Context, &mut Staging) -> Result<T> + Send + 'static,
    ) -> Pending<T> {
        let (promise, pending) = promise();
        let mut queue = lock(&self.0);
        queue.jobs.push_back(Box::new(move |context, staging| {
            // All that the job held is gone before anybody can tell.
            let value = job(context, staging);
            promise.keep(value);
        }));
        let running = std::mem::replace(&mut queue.running, true);
        drop(queue);
        if !running {
            let thread = std::thread::Builder::new().name("taut reads".into());
            let own = (self.clone(), Arc::clone(context));
            if thread.spawn(move || own.0.work(&own.1)).is_err() {
                // No thread to be had: the call waits.
                self.work(context);
            }
        }
        pending
    }

    fn work(&self, context: &Context) {
        let mut staging = Staging::default();
        loop {
            let job = {
                let mut queue = lock(&self.0);
                let Some(job) = queue.jobs.pop_front() else {
                    queue.running = false;
                    return;
                };
                job
            };
            if catch_unwind(AssertUnwindSafe(|| job(context, &mut staging))).is_err() {
                // Its promise is broken, which is an error; the next read has nothing to do with it.
                staging = Staging::default();
            }
        }
    }
}

/// Bytes as they were at some point of the program.
pub(super) struct Copy {
    place: Place,
    /// Bytes that were copied before the first that is wanted, as wgpu copies words.
    skip: usize,
}

enum Place {
    Host { buffer: wgpu::Buffer, len: u64, index: wgpu::SubmissionIndex },
    Device(Buffer),
}

/// Copies `len` bytes from `offset` on aside: to staging memory, or, if they are more than a chunk, on the device.
///
/// # Errors
/// `OutOfMemory`, where there is no room for them.
pub(super) fn copy(
    context: &Context,
    pool: &Arc<Pool>,
    slab: &Slab,
    offset: u64,
    len: u64,
) -> Result<Copy> {
    let first = offset / 4 * 4;
    let skip = (offset - first) as usize;
    let len = (offset + len).next_multiple_of(4) - first;
    let mut encoder = context.device.create_command_encoder(&Default::default());
    if len <= context.chunk {
        let buffer = transfer::staging_buffer(context, transfer::FOR_READS, len)?;
        for Piece { buffer: from, offset, start, len } in slab.pieces(first, len) {
            encoder.copy_buffer_to_buffer(from, offset, &buffer, start, len);
        }
        let index = context.queue.submit([encoder.finish()]);
        context.check()?;
        return Ok(Copy { place: Place::Host { buffer, len, index }, skip });
    }
    let copy = pool.allocate(context, len as usize)?;
    let own = copy.memory::<GpuMemory>().slab();
    for from in slab.pieces(first, len) {
        for to in own.pieces(from.start, from.len) {
            let at = from.offset + to.start;
            encoder.copy_buffer_to_buffer(from.buffer, at, to.buffer, to.offset, to.len);
        }
    }
    context.queue.submit([encoder.finish()]);
    context.check()?;
    Ok(Copy { place: Place::Device(copy), skip })
}

impl Copy {
    /// Fills `bytes` with them.
    pub(super) fn read(
        self,
        context: &Arc<Context>,
        reads: &Reads,
        mut bytes: Vec<u8>,
    ) -> Pending<Vec<u8>> {
        let Self { place, skip } = self;
        reads.start(context, move |context, staging| {
            match place {
                Place::Host { buffer, len, index } => {
                    let view = transfer::mapped(context, &buffer, len, index)?;
                    let end = skip + bytes.len();
                    bytes.copy_from_slice(&view[skip..end]);
                }
                Place::Device(copy) => {
                    let slab = copy.memory::<GpuMemory>().slab();
                    slab.pieces(skip as u64, bytes.len() as u64).try_for_each(|piece| {
                        let end = (piece.start + piece.len) as usize;
                        let part = &mut bytes[piece.start as usize..end];
                        staging.read(context, piece.buffer, piece.offset, part)
                    })?;
                }
            }
            Ok(bytes)
        })
    }
}
