//! The one place where kernels touch memory.
//!
//! Owns [`View`], an operand of a launch with its pointer. All others see slices of bytes.
//!
//! # Note [Who may touch what]
//! - In bounds: [`View::new`] compares the furthest element with the size of the buffer.
//! - Between launches: the graph serialises the launches of a device and the guards of host arrays.
//! - Within a launch, between points: the kernel's specification says that an element stored is touched
//!   by no other point, and each point belongs to one tile, which one thread runs.
//! - Within a tile: a slice of a buffer that the launch stores to lives only while one step runs, and
//!   no step sees two of them (`plan` upholds it).
#![allow(unsafe_code, reason = "makes slices of memory that threads share element by element")]

use std::marker::PhantomData;
use std::slice;

use crate::backend::Buffer;
use crate::kernel::{Dims, OperandArgs, OperandCode};

use super::memory::CpuMemory;

/// An operand: where its elements lie.
pub(super) struct View<'a> {
    /// The element at the origin of the iteration space.
    pointer: *mut u8,
    /// Bytes an element takes.
    pub(super) size: usize,
    /// In elements.
    pub(super) strides: &'a Dims,
    buffer: PhantomData<&'a Buffer>,
}

// SAFETY: Note [Who may touch what].
unsafe impl Send for View<'_> {}
// SAFETY: Note [Who may touch what].
unsafe impl Sync for View<'_> {}

/// Elements at equal distances.
#[derive(Clone, Copy)]
pub(super) struct Run {
    /// Of the first element, from the origin.
    pub(super) offset: usize,
    pub(super) stride: usize,
    pub(super) len: usize,
}

impl<'a> View<'a> {
    pub(super) fn new(
        buffer: &'a Buffer,
        code: &OperandCode,
        args: &'a OperandArgs,
        shape: &[usize],
    ) -> Self {
        let size = code.dtype.size();
        let reach: usize = shape.iter().zip(&args.strides).map(|(n, s)| (n - 1) * s).sum();
        let bytes = (args.offset + reach + 1) * size;
        assert!(bytes <= buffer.bytes(), "an operand reaches {bytes} bytes into {buffer:?}");
        let Some(start) = buffer.memory::<CpuMemory>().pointer_of(size) else {
            unreachable!("a buffer is aligned to the elements that are put in it")
        };
        // SAFETY: in bounds, as just asserted.
        let pointer = unsafe { start.add(args.offset * size) }.as_ptr();
        Self { pointer, size, strides: &args.strides, buffer: PhantomData }
    }

    /// The elements `from .. from + len` from the origin.
    ///
    /// # Safety
    /// They are elements of the operand within the points of the tile that the caller runs, and
    /// no slice that was made by [`View::slice_mut`] overlaps them.
    pub(super) unsafe fn slice(&self, from: usize, len: usize) -> &[u8] {
        // SAFETY: in bounds by `new`; for the rest Note [Who may touch what] and the caller.
        unsafe { slice::from_raw_parts(self.pointer.add(from * self.size), len * self.size) }
    }

    /// The elements `from .. from + len` from the origin, to write.
    ///
    /// # Safety
    /// As for [`View::slice`], and no other slice overlaps them.
    #[expect(clippy::mut_from_ref, reason = "each caller has elements of its own")]
    pub(super) unsafe fn slice_mut(&self, from: usize, len: usize) -> &mut [u8] {
        // SAFETY: as in `slice`.
        unsafe { slice::from_raw_parts_mut(self.pointer.add(from * self.size), len * self.size) }
    }

    /// Copies the elements of the run, one after the other.
    ///
    /// # Safety
    /// They are elements of the operand within the points of the tile that the caller runs.
    pub(super) unsafe fn gather(&self, run: Run, to: &mut [u8]) {
        // SAFETY: as in `slice`; `to` is as long as the run, and aligned as its element.
        unsafe {
            let from = self.pointer.add(run.offset * self.size);
            assert!(to.len() == run.len * self.size && to.as_ptr().addr() % self.size == 0);
            let to = to.as_mut_ptr();
            match (run.stride, self.size) {
                (1, _) => to.copy_from_nonoverlapping(from, run.len * self.size),
                (_, 1) => gather::<u8>(from, run, to),
                (_, 2) => gather::<u16>(from, run, to),
                (_, 4) => gather::<u32>(from, run, to),
                (_, _) => gather::<u64>(from, run, to),
            }
        }
    }

    /// Copies into the elements of the run.
    ///
    /// # Safety
    /// They are elements of the operand within the points of the tile that the caller runs, and the
    /// operand is one that is stored to.
    pub(super) unsafe fn scatter(&self, run: Run, from: &[u8]) {
        // SAFETY: as in `gather`.
        unsafe {
            let to = self.pointer.add(run.offset * self.size);
            assert!(from.len() == run.len * self.size && from.as_ptr().addr() % self.size == 0);
            let from = from.as_ptr();
            match (run.stride, self.size) {
                (1, _) => to.copy_from_nonoverlapping(from, run.len * self.size),
                (_, 1) => scatter::<u8>(from, run, to),
                (_, 2) => scatter::<u16>(from, run, to),
                (_, 4) => scatter::<u32>(from, run, to),
                (_, _) => scatter::<u64>(from, run, to),
            }
        }
    }
}

/// # Safety
/// `from` is valid for the run, `to` for its length; both are aligned for `T`.
#[inline(always)]
unsafe fn gather<T: Copy>(from: *const u8, run: Run, to: *mut u8) {
    let (from, to) = (from.cast::<T>(), to.cast::<T>());
    for i in 0..run.len {
        // SAFETY: by contract.
        unsafe { to.add(i).write(from.add(i * run.stride).read()) };
    }
}

/// # Safety
/// `to` is valid for the run, `from` for its length; both are aligned for `T`.
#[inline(always)]
unsafe fn scatter<T: Copy>(from: *const u8, run: Run, to: *mut u8) {
    let (from, to) = (from.cast::<T>(), to.cast::<T>());
    for i in 0..run.len {
        // SAFETY: by contract.
        unsafe { to.add(i * run.stride).write(from.add(i).read()) };
    }
}
