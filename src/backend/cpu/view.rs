//! The one place where kernels touch memory.
//!
//! Owns [`View`], an operand of a launch with its pointer. All others see slices of bytes.
//!
//! # Note [Who may touch what]
//! - In bounds: [`View::new`], [`View::flat`], [`flat`] and [`flat_mut`] compare the furthest element with the size of
//!   the buffer.
//! - Between launches: the graph serialises the launches of a device and the guards of host arrays. Those that
//!   run together touch, on different threads at a time, rows apart: [`bands`](super::bands) sees to it.
//! - Between buffers: each is memory of its own. Only of a storage that was imported (DLPack) others may be the
//!   same memory; such operations run one by one, as they are recorded.
//! - Within a launch, between points: the kernel's specification says that an element stored is touched
//!   by no other point, and each point belongs to one tile, which one thread runs.
//! - Within a launch that scatters: each thread has a range of the target's buffer of its own
//!   ([`Elements`]), and no other operand sees that buffer.
//! - Within a step that copies from operand to operand ([`View::copy`]): the one is of a buffer that nobody
//!   stores to.
//! - At computed places: [`View::fetch`] stays within the buffer, which nobody stores to.
//! - While values are folded at once: the results lie in a buffer of which no step sees anything
//!   (`Launched::fill_first`).
//! - Within a tile: a slice of a buffer that the launch stores to lives only while one step runs, and
//!   no step sees two of them (`plan` upholds it).
#![allow(unsafe_code, reason = "makes slices of memory that threads share element by element")]

mod ask;
mod copy;
mod fetch;
mod rows;
mod square;
mod stream;

use std::marker::PhantomData;
use std::ptr::NonNull;
use std::slice;

use crate::backend::Buffer;
use crate::kernel::{Class, OperandArgs, OperandCode};

pub(super) use ask::{Ahead, Cache, Runs, ask};
pub(super) use copy::turn;
use copy::{copy, gather, scatter};
pub(super) use rows::Rows;
use stream::stream;
pub(super) use stream::{PastCache, fence};

/// An operand: where its elements lie.
pub(super) struct View<'a> {
    /// The element at the origin of the iteration space.
    pointer: *mut u8,
    /// Bytes an element takes.
    pub(super) size: usize,
    /// Elements of the buffer before the one at the origin.
    offset: usize,
    /// Bytes of the buffer.
    bytes: usize,
    /// In elements.
    pub(super) strides: &'a [usize],
    pub(super) class: Class,
    buffer: PhantomData<&'a Buffer>,
}

// SAFETY: Note [Who may touch what].
unsafe impl Send for View<'_> {}
// SAFETY: Note [Who may touch what].
unsafe impl Sync for View<'_> {}

/// Rows of elements at equal distances.
#[derive(Clone, Copy)]
pub(super) struct Block {
    /// Of the first element, from the origin.
    pub(super) offset: usize,
    pub(super) rows: usize,
    pub(super) row_stride: usize,
    pub(super) columns: usize,
    pub(super) column_stride: usize,
}

impl Block {
    /// Elements that follow each other.
    pub(super) fn row(offset: usize, columns: usize) -> Self {
        Self { offset, rows: 1, row_stride: 0, columns, column_stride: 1 }
    }

    /// Rows of elements that all follow each other.
    fn dense(rows: usize, columns: usize) -> Self {
        Self { offset: 0, rows, row_stride: columns, columns, column_stride: 1 }
    }

    pub(super) fn len(&self) -> usize {
        self.rows * self.columns
    }

    /// Whether one column after the other is the better order: where elements of a column are nearer
    /// to each other than those of a row, as in a transposed operand, or rows are short.
    fn is_by_column(&self) -> bool {
        self.rows > 1
            && (self.columns < 16 || self.row_stride < self.column_stride && self.rows >= 8)
    }
}

/// The memory of a buffer of this backend, for elements of `size` bytes.
#[inline]
fn memory_of(buffer: &Buffer, size: usize) -> NonNull<[u8]> {
    let Some(memory) = buffer.host() else {
        unreachable!("a buffer is only given to the backend that allocated it")
    };
    // Sizes are powers of two; to divide takes longer than all the rest here.
    let is_aligned = memory.addr().get() & (size - 1) == 0;
    assert!(size.is_power_of_two() && is_aligned, "{buffer:?} is not aligned to its elements");
    memory
}

/// Where element `offset` of a buffer lies, none of whose elements at `end` or beyond is asked for, and its bytes.
#[inline]
fn reach(buffer: &Buffer, size: usize, (offset, end): (usize, Option<usize>)) -> (*mut u8, usize) {
    let memory = memory_of(buffer, size);
    let reach = end.and_then(|end| end.checked_mul(size));
    assert!(
        reach.is_some_and(|reach| reach <= memory.len()),
        "an operand reaches {reach:?} bytes into {buffer:?}"
    );
    // SAFETY: in bounds, as just asserted: `end` is not before `offset`.
    let pointer = unsafe { memory.cast::<u8>().add(offset * size) }.as_ptr();
    (pointer, memory.len())
}

/// All elements of an operand, as of [`View::flat`].
///
/// # Safety
/// While the slice lives nobody writes them: not through a slice of [`View::slice_mut`] or [`flat_mut`], nor
/// otherwise.
#[inline]
pub(super) unsafe fn flat(buffer: &Buffer, size: usize, (offset, len): (usize, usize)) -> &[u8] {
    let (pointer, _) = reach(buffer, size, (offset, offset.checked_add(len)));
    // SAFETY: in bounds by `reach`; for the rest Note [Who may touch what] and the caller.
    unsafe { slice::from_raw_parts(pointer, len * size) }
}

/// The same, to write.
///
/// # Safety
/// While the slice lives nobody else reads or writes them.
#[inline]
#[expect(clippy::mut_from_ref, reason = "each caller has elements of its own")]
pub(super) unsafe fn flat_mut(
    buffer: &Buffer,
    size: usize,
    (offset, len): (usize, usize),
) -> &mut [u8] {
    let (pointer, _) = reach(buffer, size, (offset, offset.checked_add(len)));
    // SAFETY: as in `flat`.
    unsafe { slice::from_raw_parts_mut(pointer, len * size) }
}

impl<'a> View<'a> {
    #[inline(always)]
    pub(super) fn new(
        buffer: &'a Buffer,
        code: &OperandCode,
        args: &'a OperandArgs,
        shape: &[usize],
    ) -> Self {
        // Checked, as a sum that wrapped would pass.
        let last = shape.iter().zip(&args.strides).try_fold(args.offset, |last, (n, stride)| {
            last.checked_add(n.checked_sub(1)?.checked_mul(*stride)?)
        });
        let end = last.and_then(|last| last.checked_add(1));
        let size = code.dtype.size();
        Self::up_to(buffer, size, (args.offset, end), (&args.strides, code.class))
    }

    /// An operand of one dimension, whose `len` elements follow each other from `offset` on.
    #[inline(always)]
    pub(super) fn flat(buffer: &'a Buffer, size: usize, (offset, len): (usize, usize)) -> Self {
        let end = offset.checked_add(len);
        Self::up_to(buffer, size, (offset, end), (&[1], Class::Contiguous))
    }

    /// An operand from element `offset` of a buffer on, none of whose elements is at `end` or beyond.
    #[inline(always)]
    fn up_to(
        buffer: &'a Buffer,
        size: usize,
        (offset, end): (usize, Option<usize>),
        (strides, class): (&'a [usize], Class),
    ) -> Self {
        let (pointer, bytes) = reach(buffer, size, (offset, end));
        Self { pointer, size, offset, bytes, strides, class, buffer: PhantomData }
    }

    /// The operand where the innermost dimension begins, over the other ones.
    pub(super) fn without_inner(&self) -> Self {
        let strides = match self.strides {
            // There is always one.
            [_] => &[0],
            [outer @ .., _] => outer,
            [] => unreachable!("a kernel has a dimension"),
        };
        Self { strides, class: Class::Strided, ..*self }
    }

    /// Where the element `from` elements from the origin lies. Whoever goes there upholds what
    /// [`View::slice`] and [`View::slice_mut`] ask for.
    pub(super) fn pointer(&self, from: usize) -> *mut u8 {
        self.pointer.wrapping_add(from * self.size)
    }

    /// How many elements are all of those at `len` points along the innermost dimension: as many, if they
    /// follow each other, or one, if that is all and `same` is true.
    pub(super) fn run_of(&self, len: usize, same: bool) -> Option<usize> {
        match self.strides[self.strides.len() - 1] {
            1 => Some(len),
            0 if same => Some(1),
            _ => None,
        }
    }

    /// The elements `from .. from + len` from the origin.
    ///
    /// # Safety
    /// They are elements of the operand within the points of the tile that the caller runs, and
    /// no slice that was made by [`View::slice_mut`] overlaps them.
    pub(super) unsafe fn slice(&self, from: usize, len: usize) -> &[u8] {
        // SAFETY: in bounds by `up_to`; for the rest Note [Who may touch what] and the caller.
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

    /// The elements `from .. from + len` from the origin, to write: those before a line of the cache
    /// begins, and the others past the cache.
    ///
    /// # Safety
    /// As for [`View::slice_mut`].
    #[expect(clippy::mut_from_ref, reason = "each caller has elements of its own")]
    pub(super) unsafe fn past_cache(&self, from: usize, len: usize) -> (&mut [u8], PastCache<'_>) {
        // SAFETY: by contract.
        let all = unsafe { self.slice_mut(from, len) };
        let head = all.as_ptr().align_offset(64).min(all.len());
        let (head, rest) = all.split_at_mut(head);
        (head, PastCache(rest))
    }

    /// What memory is to be asked for so that the elements of a block are there, if the processor does not
    /// foresee them.
    pub(super) fn runs(&self, block: Block) -> Option<Runs> {
        let Block { offset, rows, row_stride, columns, column_stride } = block;
        let first = self.pointer(offset).cast_const();
        if rows == 1 && column_stride == 1 {
            let count = (columns * self.size).div_ceil(64);
            return Some(Runs { first, apart: 64, bytes: 64, count, cache: Cache::First });
        }
        let (count, apart, len, step) = match row_stride < column_stride {
            true => (columns, column_stride, rows, row_stride * self.size),
            false => (rows, row_stride, columns, column_stride * self.size),
        };
        let (apart, bytes) = (apart * self.size, len * step);
        // No line has several of them; or they are one run.
        if step >= 64 || apart == bytes {
            return None;
        }
        Some(Runs { first, apart, bytes, count, cache: Cache::Second })
    }

    /// So many rows of `len` elements, the first `from` elements from the origin and `step` from one to the
    /// next.
    ///
    /// # Safety
    /// As for [`View::slice`], of the elements of each row, for as long as the rows live.
    pub(super) unsafe fn rows(
        &self,
        from: usize,
        count: usize,
        (step, len): (usize, usize),
    ) -> Rows<'_> {
        let (step, len) = (step * self.size, len * self.size);
        // SAFETY: by contract.
        unsafe { Rows::new(self.pointer(from), count, (step, len)) }
    }

    /// Copies the elements of the block, row by row.
    ///
    /// # Safety
    /// They are elements of the operand within the points of the tile that the caller runs.
    pub(super) unsafe fn gather(&self, block: Block, to: &mut [u8]) {
        assert!(
            to.len() == block.len() * self.size && to.as_ptr().addr().is_multiple_of(self.size)
        );
        // SAFETY: as in `slice`; `to` is as long as the block, and aligned as its elements.
        unsafe {
            let from = self.pointer.add(block.offset * self.size);
            let to = to.as_mut_ptr();
            match self.size {
                1 => gather::<u8>(from, block, to.cast()),
                2 => gather::<u16>(from.cast(), block, to.cast()),
                4 => gather::<u32>(from.cast(), block, to.cast()),
                _ => gather::<u64>(from.cast(), block, to.cast()),
            }
        }
    }

    /// Copies the elements of a block to those of a block of another operand, of lanes of as many bytes.
    ///
    /// # Safety
    /// Both are elements of the operands within the points of the tile that the caller runs; nothing is stored to
    /// the buffer of this one, and the other is one that is stored to.
    pub(super) unsafe fn copy(&self, source: Block, other: &View<'_>, target: Block) {
        assert!(
            self.size == other.size
                && (source.rows, source.columns) == (target.rows, target.columns)
        );
        let (from, to) = (self.pointer(source.offset), other.pointer(target.offset));
        // SAFETY: in bounds by `up_to`; for the rest Note [Who may touch what] and the caller.
        unsafe {
            match self.size {
                4 => copy::<u32>(from.cast(), source, to.cast(), target),
                _ => copy::<u64>(from.cast(), source, to.cast(), target),
            }
        }
    }

    /// Copies into the elements of the block; with `past_cache` without reading their lines first.
    ///
    /// # Safety
    /// They are elements of the operand within the points of the tile that the caller runs, and the
    /// operand is one that is stored to.
    pub(super) unsafe fn scatter(&self, block: Block, from: &[u8], past_cache: bool) {
        assert!(
            from.len() == block.len() * self.size && from.as_ptr().addr().is_multiple_of(self.size)
        );
        // SAFETY: as in `gather`.
        unsafe {
            let to = self.pointer.add(block.offset * self.size);
            if past_cache && block.column_stride == 1 {
                let row = block.columns * self.size;
                for r in 0..block.rows {
                    stream(&from[r * row..][..row], to.add(r * block.row_stride * self.size));
                }
                return;
            }
            let from = from.as_ptr();
            match self.size {
                1 => scatter::<u8>(from, block, to),
                2 => scatter::<u16>(from.cast(), block, to.cast()),
                4 => scatter::<u32>(from.cast(), block, to.cast()),
                _ => scatter::<u64>(from.cast(), block, to.cast()),
            }
        }
    }
}

/// All elements of a buffer.
pub(super) struct Elements<'a> {
    pointer: *mut u8,
    size: usize,
    len: usize,
    buffer: PhantomData<&'a Buffer>,
}

// SAFETY: Note [Who may touch what].
unsafe impl Sync for Elements<'_> {}

impl<'a> Elements<'a> {
    /// The buffer as elements of `size` bytes.
    pub(super) fn new(buffer: &'a Buffer, size: usize) -> Self {
        let memory = memory_of(buffer, size);
        Self {
            pointer: memory.cast().as_ptr(),
            size,
            len: memory.len() / size,
            buffer: PhantomData,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The elements `from .. to`, to write.
    ///
    /// # Safety
    /// Nothing else touches them while the slice lives.
    #[expect(clippy::mut_from_ref, reason = "each caller has elements of its own")]
    pub(super) unsafe fn range_mut(&self, from: usize, to: usize) -> &mut [u8] {
        assert!(from <= to && to <= self.len, "{from} to {to} of {} elements", self.len);
        // SAFETY: in bounds, as just asserted; the caller for the rest.
        unsafe {
            let start = self.pointer.add(from * self.size);
            slice::from_raw_parts_mut(start, (to - from) * self.size)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Backend;
    use crate::backend::cpu::CpuBackend;
    use crate::dtype::DType;
    use crate::kernel::Dims;

    #[test]
    #[should_panic(expected = "an operand reaches None bytes")]
    fn operand_whose_reach_wraps_is_refused() {
        let buffer = CpuBackend::new().allocate(64).unwrap();
        let (shape, strides) = ([5], Dims::from_slice(&[1 << 62]));
        let code = OperandCode { buffer: 0, dtype: DType::F32, class: Class::of(&shape, &strides) };
        View::new(&buffer, &code, &OperandArgs { offset: 0, strides }, &shape);
    }

    #[test]
    #[should_panic(expected = "an operand reaches Some(68) bytes")]
    fn operand_past_the_end_is_refused() {
        let buffer = CpuBackend::new().allocate(64).unwrap();
        let (shape, strides) = ([5], Dims::from_slice(&[4]));
        let code = OperandCode { buffer: 0, dtype: DType::F32, class: Class::of(&shape, &strides) };
        View::new(&buffer, &code, &OperandArgs { offset: 0, strides }, &shape);
    }
}
