//! Tensors with PyTorch's meaning, on the CPU and on any GPU that Vulkan, Metal or DX12 reaches.
//!
//! 1. **PyTorch's meaning.** Views share storage: a write through any of them is seen through all, on
//!    the GPU too. Promotion, in-place operations, printing and error messages are PyTorch's.
//! 2. **One answer everywhere.** The same program gives the same bits on the CPU and on every GPU.
//! 3. **The speed of memory.** Operations are recorded and run when a value is asked for; a chain of
//!    them costs one pass over its inputs and outputs.
//!
//! Two things to know first. [`Tensor::clone`] **copies**, as PyTorch's `clone()` does; another handle
//! to the same memory is [`Tensor::alias`]. And **do not import `std::ops::Add`** or its kin where you
//! call `t.add(x)`: the trait's method would be picked, which panics instead of returning an error.
//!
//! # Tour
//! ```
//! use taut::{DType, Device, HostArray, Result};
//!
//! fn tour(dev: Device) -> Result<()> {
//!     // Creating. Options are a Device, a DType or (DType, Device); float32 and the CPU are the defaults.
//!     let x = taut::rand([3], dev)?;
//!     let x3 = taut::empty([2, 3, 4], dev)?;
//!     let zeros = taut::zeros([2, 3, 4], dev)?;
//!     let ones = taut::ones([2, 3, 4], (DType::I32, dev))?;
//!     println!("{x}\n{zeros}\n{ones}\n{} {} {:?}", ones.dtype(), ones.size(), x3.shape());   // int32 [2, 3, 4] ..
//!
//!     // Arithmetic: method, function and operator are one thing. Methods return Result; operators panic
//!     // with the same message, as ndarray's do.
//!     let (x, y) = (taut::rand([2, 2], dev)?, taut::rand([2, 2], dev)?);
//!     println!("{}\n{}", &x + &y, taut::add(&x, &y)?);
//!     y.add_(&x)?;                                  // in place, Result<&Tensor>; += does the same
//!     println!("{} {} {}", x.sub(&y)?, x.mul(&y)?, taut::div(&x, &y)?);
//!
//!     // Aliases: alias() is another handle to the same memory, clone() is an independent copy.
//!     let a = taut::rand([2, 3], dev)?;
//!     let b = taut::rand([2, 3], dev)?;
//!     let a1 = a.alias();
//!     a.sub_(&b)?;
//!     a.mul_(&b)?.div_(&b)?;
//!     println!("{a1}");                             // a1 saw every step
//!
//!     // Indexing gives views; a fully indexed element is a 0-d tensor until item().
//!     let x = taut::rand([3, 4], dev)?;
//!     println!("{}\n{}\n{}", x.i((.., ..))?, x.i((0, ..))?, x.i((1, 2))?);
//!     let v = x.i((1, 2))?.item::<f32>()?;          // an error unless exactly one element
//!     x.index_put_((.., 1), 0.5)?;                  // x[:, 1] = 0.5
//!     x.i((0, ..))?.fill_(v)?;                      // writes through the view
//!
//!     // Host arrays: only from the CPU. On a GPU tensor, numpy() is an error that says: call cpu() first.
//!     let h: HostArray<f32> = x.cpu()?.numpy()?;
//!     println!("{h}");
//!
//!     // view: one dimension may be -1.
//!     let x = taut::rand([4, 4], dev)?;
//!     println!("{} {}", x.view([16])?.size(), x.view([-1, 8])?.size());
//!
//!     // Sharing memory between tensor and host array, in both directions.
//!     let a = taut::ones([5], Device::Cpu)?;
//!     let b = a.numpy::<f32>()?;                    // shares
//!     a.index_put_(0, 2)?;
//!     a.add_(1)?;
//!     println!("{b}");                              // [3. 2. 2. 2. 2.]
//!     let x = HostArray::from(ndarray::Array::<f64, _>::ones(5).into_dyn());   // takes the Vec, no copy
//!     let y = taut::from_numpy(&x)?;                // shares
//!     let z = taut::tensor(&x, Device::Cpu)?;       // copies
//!     *x.write()? += 1.0;                           // y sees it, z does not
//!     println!("{y} {z}");
//!     println!("{}", a.clone().numpy::<f32>()?);    // independent
//!     Ok(())
//! }
//! #
//! # fn main() -> Result<()> {
//! #     Device::all().into_iter().try_for_each(|info| tour(info.device))
//! # }
//! ```
//!
//! # Where to go from here
//! - Creating: [`tensor`](fn@tensor), [`zeros`], [`full`], [`arange`], [`rand()`], [`from_numpy`], and their
//!   [`Options`].
//! - Working with one: [`Tensor`]; with its memory: [`HostArray`].
//! - Indexing: [`Tensor::i`], [`Tensor::index_put_`], [`slice()`], [`NewAxis`], [`Ellipsis`].
//! - Devices: [`Device`]; what one has done: [`Device::stats`]; what it is about to do: [`explain`].
//! - Files and other libraries: [`io`], whose modules are cargo features.
//! - Seeing where time goes: the cargo feature `tracing` tells that crate's listeners of each flush (a span `flush` at
//!   the level debug, of the target `taut`) and of each kernel (`kernel`, at trace).
//! - What went wrong: [`Error`] and its [`ErrorKind`].

mod backend;
mod device;
mod dtype;
mod error;
mod graph;
pub mod io;
mod kernel;
mod layout;
mod math;
mod ops;
mod scalar;
mod spare;
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
    Arg, Bound, CpuFuture, Data, Dim, Ellipsis, Explanation, Generator, HostArray, Index, IntoDims,
    IntoIndices, IntoSizes, Limit, List, NewAxis, Options, Over, ReadGuard, Rounding, Size, Slice,
    Target, Tensor, Unique, WriteGuard, add, addmm, arange, arange_step, baddbmm, bmm, cat, dims,
    div, dot, einsum, empty, empty_like, explain, eye, floor_divide, from_numpy, from_slice, full,
    full_like, linspace, manual_seed, matmul, mm, mul, mv, neg, ones, ones_like, outer, pow, rand,
    randint, randn, remainder, result_type, sample, slice, stack, sub, synchronize, tensor,
    tensordot, zeros, zeros_like,
};

/// The code of the README, as a doc test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
