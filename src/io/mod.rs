//! Files, and memory shared with other libraries.
//!
//! Each format is a module behind a cargo feature of the same name:
//!
//! | feature | default | module | what it brings |
//! |---|---|---|---|
//! | `npy` | yes, it has no dependencies | `npy` | NumPy's `.npy`: one array |
//! | `npz` | | `npz` | NumPy's `.npz`: named arrays in a zip archive |
//! | `safetensors` | | `safetensors` | named tensors with metadata, also by memory map without a copy |
//! | `dlpack` | | `dlpack` | CPU memory shared with other libraries, in both directions |
//!
//! **A file may come from anyone.** Whatever is wrong with it is an error: sizes are computed with
//! checked arithmetic and compared with what the file holds, and memory grows no faster than the bytes
//! that arrive, so that a short file cannot ask for a large allocation.
//!
//! Reading goes to any device that has the dtype, writing from any; a writer sees a view's elements in
//! row-major order.

#[cfg(feature = "dlpack")]
pub mod dlpack;
#[cfg(any(feature = "npy", feature = "safetensors"))]
mod elements;
#[cfg(feature = "npy")]
pub mod npy;
#[cfg(feature = "npz")]
pub mod npz;
#[cfg(feature = "safetensors")]
pub mod safetensors;
