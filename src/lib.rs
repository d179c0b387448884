//! Tensors with PyTorch's meaning on any GPU that wgpu finds, or on the CPU.
#![allow(dead_code, reason = "the crate is being built bottom up; goes when the tensor API stands")]

mod backend;
mod device;
mod dtype;
mod error;
mod graph;
mod kernel;
mod layout;
mod math;
mod ops;
mod scalar;
mod tensor;
mod text;

pub use dtype::{DType, Element};
pub use error::{Error, ErrorKind, OutOfMemory, Result};
pub use scalar::Scalar;
