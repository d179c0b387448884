//! The tape of each device: what was asked for and not yet done.
//!
//! Owns [`Storage`], the recording of operations and the flush that turns them into kernels
//! (`plan.rs` groups, `build.rs` joins, `flush.rs` runs). Knows backends by their trait only, and
//! nothing of tensors or of PyTorch's rules: a record comes with its types settled.
//!
//! # Note [Locks]
//! `Runtime::executor` before `Runtime::tape`, never the other way. Recording takes the tape alone; a
//! flush holds the executor throughout and the tape only while it takes the records. So threads record
//! while another flushes, and flushes of one device keep their order.
#![allow(
    clippy::vec_box,
    reason = "records are large, pass many hands, and their memory is used again"
)]

/// Records that have ended, and storages, whose places a thread keeps.
const KEPT: usize = 1024;

mod alike;
mod build;
mod explain;
mod flush;
mod guard;
mod later;
mod notes;
mod plain;
mod plan;
mod record;
mod runtime;
mod score;
mod slots;
mod spans;
mod storage;
mod template;

pub(crate) use guard::HostGuard;
pub(crate) use later::Later;
pub(crate) use plain::Takes;
pub(crate) use record::{Entire, Fetching, Folding, Program, Record, Refusal};
pub use runtime::Stats;
pub(crate) use runtime::{Runtime, runtime};
pub(crate) use storage::{Storage, View};
