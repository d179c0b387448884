//! The tape of each device: what was asked for and not yet done.
//!
//! Owns [`Storage`], the recording of operations and the flush that turns them into kernels
//! (`plan.rs` groups, `build.rs` joins, `flush.rs` runs). Knows backends by their trait only, and
//! nothing of tensors or of PyTorch's rules: a record comes with its types settled.
//!
//! # Note [Locks]
//! Recording locks the tape; a flush has the executor throughout, and locks the tape only while it takes the
//! executor and the operations, and while it puts the executor back, but for small kernels that were made before,
//! which run with the tape locked (Note [Turns] in `turn.rs`). So threads
//! record while another flushes, and flushes of one device keep their order. Nobody waits for a turn who has
//! locked a tape, and of two devices' turns that of the CPU comes first.
#![allow(
    clippy::vec_box,
    reason = "records are large, pass many hands, and their memory is used again"
)]

/// Records that have ended, and storages, whose places a thread keeps.
const KEPT: usize = 1024;

mod alike;
mod brief;
mod build;
mod explain;
mod flush;
mod guard;
mod keyed;
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
mod turn;

pub(crate) use guard::HostGuard;
pub(crate) use later::Later;
pub(crate) use plain::Takes;
pub(crate) use record::{Entire, Fetching, Folding, Program, Record, Refusal};
pub use runtime::Stats;
pub(crate) use runtime::{Runtime, runtime};
pub(crate) use storage::{Storage, View};
