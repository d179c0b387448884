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

pub use device::{Device, DeviceInfo, DeviceKind};
pub use dtype::{DType, Element};
pub use error::{Error, ErrorKind, OutOfMemory, Result};
pub use graph::Stats;
pub use ndarray;
pub use scalar::Scalar;
#[doc(hidden)]
pub use tensor::table;
pub use tensor::{
    Arg, Bound, Data, Dim, Ellipsis, Generator, HostArray, Index, IntoDims, IntoIndices, IntoSizes,
    List, NewAxis, Options, ReadGuard, Rounding, Size, Slice, Target, Tensor, WriteGuard, add,
    arange, arange_step, div, empty, empty_like, eye, from_numpy, from_slice, full, full_like,
    linspace, manual_seed, mul, neg, ones, ones_like, rand, randint, result_type, slice, sub,
    synchronize, tensor, zeros, zeros_like,
};
