//! C functions that lend and borrow tensors through DLPack, for `check.py` to hand to NumPy and PyTorch.
//!
//! One tensor is held at a time; a function that fails says why and returns null or -1.
#![allow(unsafe_code, reason = "C functions, and the structs that they pass")]
#![allow(clippy::print_stderr, reason = "the way out for an error's words")]

use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

use taut::io::dlpack::{self, DLManagedTensor, DLManagedTensorVersioned, Managed, Owned};
use taut::{DType, Device, Error, Result, Tensor, slice};

static HELD: Mutex<Option<Tensor>> = Mutex::new(None);

fn held() -> MutexGuard<'static, Option<Tensor>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What `run` makes of the tensor that is held, or `failed`.
fn with<T>(failed: T, run: impl FnOnce(&Tensor) -> Result<T>) -> T {
    let held = held();
    let result = held
        .as_ref()
        .map_or_else(|| Err(Error::Io(std::io::Error::other("no tensor is held"))), run);
    result.unwrap_or_else(|error| {
        eprintln!("taut: {error}");
        failed
    })
}

/// Holds the numbers from 0 to 23 as `[2, 3, 4]`, of the dtype of this place in `DType::ALL`.
#[unsafe(no_mangle)]
pub extern "C" fn taut_make(dtype: usize) -> i32 {
    let made = || taut::arange(24, ())?.view([2, 3, 4])?.to(DType::ALL[dtype]);
    hold(made())
}

/// Holds a view of what is held.
#[unsafe(no_mangle)]
pub extern "C" fn taut_view(kind: u32) -> i32 {
    let view = with(None, |x| {
        Ok(Some(match kind {
            0 => x.alias(),
            1 => x.permute([2, 0, 1])?,
            2 => x.narrow(1, 1, 2)?,
            3 => x.i((.., .., slice(1, ..).step(2)))?,
            4 => x.i((1, 2, 3))?,
            5 => x.narrow(0, 0, 0)?,
            _ => x.i((.., 0, ..))?.unsqueeze(1)?.expand([2, 5, 4])?,
        }))
    });
    let Some(view) = view else { return -1 };
    hold(Ok(view))
}

fn hold(tensor: Result<Tensor>) -> i32 {
    match tensor {
        Ok(tensor) => {
            *held() = Some(tensor);
            0
        }
        Err(error) => {
            eprintln!("taut: {error}");
            -1
        }
    }
}

/// Holds nothing.
#[unsafe(no_mangle)]
pub extern "C" fn taut_forget() {
    *held() = None;
}

/// Lends what is held; whoever takes it calls its deleter.
#[unsafe(no_mangle)]
pub extern "C" fn taut_lend() -> *mut DLManagedTensorVersioned {
    with(std::ptr::null_mut(), |x| Ok(dlpack::export(x)?.into_raw().as_ptr()))
}

/// As [`taut_lend`], in the struct from before version 1.
#[unsafe(no_mangle)]
pub extern "C" fn taut_lend_legacy() -> *mut DLManagedTensor {
    with(std::ptr::null_mut(), |x| Ok(dlpack::export_legacy(x)?.into_raw().as_ptr()))
}

/// Holds a tensor on borrowed memory, and calls the deleter when it is forgotten or refused.
///
/// # Safety
/// As [`Owned::from_raw`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn taut_borrow(lent: NonNull<DLManagedTensorVersioned>) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { borrow(lent) }
}

/// As [`taut_borrow`], of the struct from before version 1.
///
/// # Safety
/// As [`Owned::from_raw`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn taut_borrow_legacy(lent: NonNull<DLManagedTensor>) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { borrow(lent) }
}

/// # Safety
/// As [`Owned::from_raw`].
unsafe fn borrow<M: Managed>(lent: NonNull<M>) -> i32 {
    // SAFETY: the caller's promise.
    hold(dlpack::import(unsafe { Owned::from_raw(lent) }))
}

/// Adds to every element of what is held, in place.
#[unsafe(no_mangle)]
pub extern "C" fn taut_add(number: i64) -> i32 {
    with(-1, |x| x.add_(number).map(|_| 0))
}

/// Sets every element of what is held.
#[unsafe(no_mangle)]
pub extern "C" fn taut_fill(number: i64) -> i32 {
    with(-1, |x| x.fill_(number).map(|_| 0))
}

/// Writes the elements in row-major order as float64, and returns how many there are.
///
/// # Safety
/// `values` has room for `len` numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn taut_values(values: *mut f64, len: usize) -> isize {
    with(-1, |x| {
        let elements = x.to(DType::F64)?.to_vec::<f64>()?;
        let fits = elements.len().min(len);
        // SAFETY: the caller's promise.
        unsafe { std::ptr::copy_nonoverlapping(elements.as_ptr(), values, fits) };
        Ok(elements.len() as isize)
    })
}

/// The bytes of memory that all tensors of the CPU hold.
#[unsafe(no_mangle)]
pub extern "C" fn taut_live_bytes() -> u64 {
    Device::Cpu.stats().map_or(u64::MAX, |stats| stats.live_bytes)
}
