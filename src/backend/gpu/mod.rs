//! The GPU backend: kernels as WGSL compute shaders, through wgpu.
//!
//! Owns everything that names wgpu. The parts, bottom up: `context` is the opened device, `adapter`
//! finds and opens it; `memory` and `transfer` are its buffers and the ways in and out; `codegen` turns
//! a kernel's structure into text and `pipeline` keeps what became of it; `window` cuts launches to
//! what a device reaches, `params` lays out their numbers, `checks` keeps their status words and
//! `submit` puts them into one submission.
//!
//! Must not know operations beyond the text `math::emit` gives for them, nor tensors.

pub(crate) mod adapter;
mod cache;
mod checks;
mod codegen;
mod context;
mod exit;
mod later;
mod memory;
mod params;
mod pipeline;
mod probe;
mod submit;
mod threads;
mod transfer;
mod window;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use self::cache::Cache;
use self::checks::Checks;
use self::context::{Context, lock};
use self::later::Reads;
use self::memory::{GRANULE, GpuMemory, Pool};
use self::pipeline::Pipelines;
use self::submit::Submitter;
use self::transfer::Staging;
use self::window::Reach;
use super::pending::Pending;
use super::{Backend, BackendStats, Buffer, Launch, Limits, MAX_PENDING_BYTES};
use crate::error::{Error, Result};
use crate::kernel::{Kernel, debug_verify};
use crate::math::emit::Subnormals;

/// Buffers of one kernel: more would make a chain of operations one kernel that few devices run well.
const MAX_BUFFERS: usize = 16;

/// How a device is opened.
#[derive(Clone, Debug)]
pub(crate) struct GpuOptions {
    /// Bytes that a binding may reach, where less than the device's limit; for tests of windows.
    pub(crate) max_binding: Option<u64>,
    /// Points of a dispatch, half of what its indices count: where less than 2^31, for tests of what is more
    /// than is counted.
    pub(crate) max_points: Option<u64>,
    /// Bytes of one wgpu buffer, where less than the device's limit; for tests of Note [Pieces].
    pub(crate) max_buffer: Option<u64>,
    /// Bytes of freed buffers that are always kept for reuse.
    pub(crate) pool: u64,
    /// Bytes of memory to use at most, where less than the device has.
    pub(crate) max_memory: Option<u64>,
    /// Bytes that are transferred at a time, Note [Staging] in `transfer.rs`.
    pub(crate) chunk: u64,
    /// Whether the host maps the buffers of tensors; where nothing is said, on integrated GPUs.
    pub(crate) mapped: Option<bool>,
    /// The folder to keep compiled pipelines in, Note [Pipeline cache] in `cache.rs`.
    pub(crate) cache: Option<PathBuf>,
    /// Whether int64 and float64 are asked for, where the device has them.
    pub(crate) wide: bool,
    /// What the device does with subnormal float32 numbers.
    pub(crate) subnormals: Subnormals,
}

impl GpuOptions {
    /// The defaults, but for what environment variables say, which make of any adapter a poorer one:
    /// `TAUT_SUBNORMALS=flushed`; `TAUT_MAX_BINDING`, `TAUT_MAX_BUFFER` and `TAUT_MAX_MEMORY`, in bytes;
    /// `TAUT_MAX_POINTS`. And `TAUT_CACHE`, a folder.
    fn of_environment() -> Self {
        let number = |name| std::env::var(name).ok()?.parse().ok();
        let cache = std::env::var_os("TAUT_CACHE").filter(|folder| !folder.is_empty());
        let flushed = std::env::var("TAUT_SUBNORMALS").is_ok_and(|value| value == "flushed");
        Self {
            max_binding: number("TAUT_MAX_BINDING"),
            max_points: number("TAUT_MAX_POINTS"),
            max_buffer: number("TAUT_MAX_BUFFER"),
            max_memory: number("TAUT_MAX_MEMORY"),
            cache: cache.map(PathBuf::from),
            subnormals: if flushed { Subnormals::Flushed } else { Subnormals::Kept },
            ..Self::default()
        }
    }
}

impl Default for GpuOptions {
    fn default() -> Self {
        Self {
            max_binding: None,
            max_points: None,
            max_buffer: None,
            pool: 1 << 30,
            max_memory: None,
            chunk: 8 << 20,
            mapped: None,
            cache: None,
            wide: true,
            subnormals: Subnormals::Kept,
        }
    }
}

/// One opened GPU.
#[derive(Debug)]
pub(crate) struct GpuBackend {
    context: Arc<Context>,
    pool: Arc<Pool>,
    reach: Reach,
    /// What kernels are compiled for.
    #[cfg_attr(not(test), allow(dead_code, reason = "compared by the test of the probe"))]
    subnormals: Subnormals,
    state: Mutex<State>,
    reads: Reads,
}

#[derive(Debug)]
struct State {
    pipelines: Pipelines,
    submitter: Submitter,
    checks: Checks,
    staging: Staging,
}

impl GpuBackend {
    /// `memory` is that of the device, in bytes, where it tells.
    fn new(
        context: Context,
        options: &GpuOptions,
        memory: Option<u64>,
        cache: Option<Cache>,
    ) -> Result<Self> {
        let limit = context.limits.max_storage_buffer_binding_size;
        let binding = options.max_binding.map_or(limit, |bytes| bytes.min(limit));
        // Two granules hold any element; 2^31 bytes and points keep index arithmetic within u32.
        let binding = (binding.min(1 << 31).min(context.limits.max_buffer_size) / GRANULE
            * GRANULE)
            .max(2 * GRANULE);
        let points = options.max_points.unwrap_or(1 << 31).clamp(1, 1 << 31);
        let longest = context.limits.max_buffer_size;
        let step = options.max_buffer.map_or(longest, |bytes| bytes.min(longest));
        let step = (step / GRANULE * GRANULE).max(GRANULE);
        let pool = Arc::new(Pool::new(options.pool, options.max_memory, step, memory));
        let pipelines = Pipelines::new(&context, options.subnormals, cache);
        let checks = Checks::new(&context);
        let submitter = Submitter::new(&context, &pipelines, &checks, &pool);
        context.check()?;
        Ok(Self {
            pool,
            subnormals: options.subnormals,
            reach: Reach { binding, points },
            state: Mutex::new(State { pipelines, submitter, checks, staging: Staging::default() }),
            reads: Reads::default(),
            context: Arc::new(context),
        })
    }
}

impl Backend for GpuBackend {
    fn allocate(&self, bytes: usize) -> Result<Buffer> {
        self.context.check()?;
        self.pool.allocate(&self.context, bytes)
    }

    fn write(&self, buffer: &Buffer, offset: usize, bytes: &[u8]) -> Result<()> {
        self.context.check()?;
        let state = &mut *lock(&self.state);
        let slab = buffer.memory::<GpuMemory>().slab();
        let (offset, staging) = (offset as u64, &mut state.staging);
        slab.pieces(offset, bytes.len() as u64).try_for_each(|piece| {
            let part = &bytes[piece.start as usize..(piece.start + piece.len) as usize];
            // Counted from where the piece's buffer begins.
            let end = buffer.bytes() as u64 + piece.offset - (offset + piece.start);
            staging.write(&self.context, piece.buffer, end, piece.offset, part)
        })
    }

    fn read(&self, buffer: &Buffer, offset: usize, bytes: &mut [u8]) -> Result<()> {
        self.context.check()?;
        let state = &mut *lock(&self.state);
        let slab = buffer.memory::<GpuMemory>().slab();
        slab.pieces(offset as u64, bytes.len() as u64).try_for_each(|piece| {
            let part = &mut bytes[piece.start as usize..(piece.start + piece.len) as usize];
            state.staging.read(&self.context, piece.buffer, piece.offset, part)
        })
    }

    fn read_later(
        &self,
        buffer: &Buffer,
        offset: usize,
        mut bytes: Vec<u8>,
    ) -> Result<Pending<Vec<u8>>> {
        self.context.check()?;
        let slab = buffer.memory::<GpuMemory>().slab();
        match later::copy(&self.context, &self.pool, slab, offset as u64, bytes.len() as u64) {
            Ok(copy) => Ok(copy.read(&self.context, &self.reads, bytes)),
            Err(Error::OutOfMemory(_)) => {
                self.read(buffer, offset, &mut bytes)?;
                Ok(Pending::ready(bytes))
            }
            Err(other) => Err(other),
        }
    }

    fn report_later(&self) -> Result<Pending<Option<u32>>> {
        self.context.check()?;
        lock(&self.state).checks.report_later(&self.context, &self.reads)
    }

    fn run(&self, launches: &[Launch]) -> Result<()> {
        self.context.check()?;
        for Launch { kernel, buffers } in launches {
            debug_verify(kernel, buffers.len());
        }
        let state = &mut *lock(&self.state);
        let mut rest = launches;
        while !rest.is_empty() {
            // As many launches as there are status words for.
            let mut left = state.checks.left();
            let fits = |launch: &&Launch| {
                let needed = usize::from(launch.kernel.code.may_refuse());
                left.checked_sub(needed).map(|rest| left = rest).is_some()
            };
            let some = rest.iter().take_while(fits).count();
            if some == 0 {
                state.checks.collect(&self.context, &mut state.staging)?;
                continue;
            }
            let (now, later) = rest.split_at(some);
            state.submitter.run(
                &self.context,
                &mut state.pipelines,
                &mut state.checks,
                &self.pool,
                self.reach,
                now,
            )?;
            rest = later;
        }
        Ok(())
    }

    fn wait(&self) -> Result<Option<u32>> {
        self.context.check()?;
        self.context.wait()?;
        let state = &mut *lock(&self.state);
        state.checks.collect(&self.context, &mut state.staging)?;
        Ok(state.checks.report())
    }

    fn limits(&self) -> Limits {
        // One storage buffer may be needed for the status of a check.
        let available = self.context.limits.max_storage_buffers_per_shader_stage as usize;
        Limits {
            buffers: (available - 1).min(MAX_BUFFERS),
            records: usize::MAX,
            canonical: true,
            batch: 1024,
            batch_bytes: MAX_PENDING_BYTES,
            chooses: false,
            line: submit::longest_line(self.reach),
        }
    }

    fn reaches(&self, kernel: &Kernel) -> bool {
        kernel.code.reduce.is_none_or(|reduce| window::is_counted(kernel, &reduce, self.reach))
    }

    fn stats(&self) -> BackendStats {
        let (live_bytes, pooled_bytes) = self.pool.bytes();
        let pipelines = lock(&self.state).pipelines.count;
        BackendStats { pipelines, live_bytes, pooled_bytes }
    }

    fn shaders(&self) -> Vec<String> {
        lock(&self.state).pipelines.texts().collect()
    }
}

#[cfg(test)]
mod tests;
