//! Files and neighbours: the formats against files that NumPy wrote, against files that nobody should
//! write, and against what was written before. Run with `--all-features`.
#![allow(unsafe_code, reason = "maps files and takes raw pointers over, as a user would")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(unreachable_pub, reason = "nobody else sees a test crate")]

#[path = "../common/mod.rs"]
mod common;
#[cfg(feature = "dlpack")]
mod dlpack;
mod ndarrays;
#[cfg(feature = "npy")]
mod npy;
#[cfg(feature = "npz")]
mod npz;
#[cfg(feature = "safetensors")]
mod safetensors;
mod samples;
#[cfg(any(feature = "npy", feature = "safetensors"))]
mod scratch;
