//! The CPU: tiles that stay in L1, a vectorised loop for each expression, threads above a grain.
//!
//! Owns [`CpuBackend`]. A launch goes `run` (its check, its threads), `plan` (its steps, which
//! `programs` keeps), `tile` (its points, which `points` places, in `registers`); `ops`, `chain`,
//! `fraction`, `stored`, `convert`, `float16`, `random` are the loops, `blocks` and `ints` those that fold, `lanes`
//! what they are made of, by the instructions of `level`; `reduce` and `whole` are the kernels of other forms; `bands` are launches that
//! run together, `flat` and `ready` small ones that need less ado, `sweep` the way they go; `memory`, `pool`
//! and `nearby` are the buffers, `view` the only way into them, `threads` whom kernels run on. Knows kernels,
//! never operations.

mod bands;
mod blocks;
mod chain;
mod convert;
mod flat;
mod float16;
mod fraction;
mod ints;
mod lanes;
mod level;
mod memory;
mod nearby;
mod ops;
mod plan;
mod points;
mod pool;
mod programs;
mod random;
#[cfg(test)]
mod random_kernels;
mod ready;
mod reduce;
#[cfg(test)]
mod reference;
mod registers;
mod run;
mod stored;
mod sweep;
#[cfg(test)]
mod tests;
mod threads;
mod tile;
mod turns;
mod view;
mod whole;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

pub(crate) use memory::CpuMemory;

use super::{Backend, BackendStats, Buffer, Flat, Launch, Limits, Ready};
use crate::error::Result;
use crate::kernel::{Code, Kernel};
use flat::FlatKernel;
use pool::Pool;
use ready::ReadyKernel;

/// The CPU as a device. Launches run before `run` returns.
pub(crate) struct CpuBackend {
    pool: Arc<Pool>,
    failed: Arc<Failed>,
}

/// The code of the first check that failed since the last wait, or [`NONE`].
struct Failed(AtomicU32);

/// No code: there are never so many checks.
const NONE: u32 = u32::MAX;

impl Failed {
    fn keep(&self, code: u32) {
        // An earlier one is the one to report.
        let _ = self.0.compare_exchange(NONE, code, Relaxed, Relaxed);
    }

    fn take(&self) -> Option<u32> {
        // A look first: mostly there is none, and to exchange takes longer.
        if self.0.load(Relaxed) == NONE {
            return None;
        }
        let code = self.0.swap(NONE, Relaxed);
        (code != NONE).then_some(code)
    }
}

impl CpuBackend {
    pub(crate) fn new() -> Self {
        Self { pool: Arc::new(Pool::new()), failed: Arc::new(Failed(AtomicU32::new(NONE))) }
    }
}

impl Backend for CpuBackend {
    fn allocate(&self, bytes: usize) -> Result<Buffer> {
        CpuMemory::allocate(&self.pool, bytes)
    }

    fn allocate_with(
        &self,
        bytes: usize,
        fill: &mut dyn FnMut(&mut [u8]) -> Result<()>,
    ) -> Result<Buffer> {
        CpuMemory::allocate_with(&self.pool, bytes, fill)
    }

    fn write(&self, buffer: &Buffer, offset: usize, bytes: &[u8]) -> Result<()> {
        buffer.memory::<CpuMemory>().write(offset, bytes);
        Ok(())
    }

    fn read(&self, buffer: &Buffer, offset: usize, bytes: &mut [u8]) -> Result<()> {
        buffer.memory::<CpuMemory>().read(offset, bytes);
        Ok(())
    }

    fn read_with(
        &self,
        buffer: &Buffer,
        (offset, bytes): (usize, usize),
        see: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        buffer.memory::<CpuMemory>().read_with(offset, bytes, see)
    }

    fn run(&self, launches: &[Launch]) -> Result<()> {
        for launches in bands::groups(launches) {
            let [launch] = launches else {
                bands::run(launches);
                continue;
            };
            if let Some(code) = run::run(launch) {
                self.failed.keep(code);
            }
        }
        Ok(())
    }

    fn joins(&self, waiting: &[Launch], kernel: &Kernel, buffers: &[Option<&Buffer>]) -> bool {
        bands::joins(waiting, kernel, buffers)
    }

    fn flat(&self, code: &Code) -> Option<Box<dyn Flat>> {
        Some(Box::new(FlatKernel::new(code)))
    }

    fn ready(&self, kernel: &Kernel) -> Option<Box<dyn Ready>> {
        Some(Box::new(ReadyKernel::new(kernel, &self.failed)?))
    }

    fn wait(&self) -> Result<Option<u32>> {
        Ok(self.failed.take())
    }

    fn limits(&self) -> Limits {
        Limits {
            buffers: 64,
            records: 64,
            canonical: false,
            line: usize::MAX,
            batch: bands::MOST,
            batch_bytes: usize::MAX,
            chooses: true,
        }
    }

    fn stats(&self) -> BackendStats {
        let (live, pooled) = self.pool.bytes();
        BackendStats { pipelines: 0, live_bytes: live as u64, pooled_bytes: pooled as u64 }
    }
}
