//! The one place where kernels touch memory.
//!
//! Owns [`View`], an operand of a launch with its pointer. All others see slices of bytes.
//!
//! # Note [Who may touch what]
//! - In bounds: [`View::new`] compares the furthest element with the size of the buffer.
//! - Between launches: the graph serialises the launches of a device and the guards of host arrays. Those that
//!   run together touch, on different threads at a time, rows apart: [`bands`](super::bands) sees to it.
//! - Within a launch, between points: the kernel's specification says that an element stored is touched
//!   by no other point, and each point belongs to one tile, which one thread runs.
//! - Within a launch that scatters: each thread has a range of the target's buffer of its own
//!   ([`Elements`]), and no other operand sees that buffer.
//! - At computed places: [`View::fetch`] clamps to the buffer, which nobody stores to.
//! - Within a tile: a slice of a buffer that the launch stores to lives only while one step runs, and
//!   no step sees two of them (`plan` upholds it).
#![allow(unsafe_code, reason = "makes slices of memory that threads share element by element")]

use std::marker::PhantomData;
use std::slice;

use bytemuck::{Pod, cast_slice, cast_slice_mut};
use fearless_simd::Simd;

use crate::backend::Buffer;
use crate::kernel::{Class, Dims, OperandArgs, OperandCode};

use super::memory::CpuMemory;

/// An operand: where its elements lie.
pub(super) struct View<'a> {
    /// The element at the origin of the iteration space.
    pointer: *mut u8,
    /// Bytes an element takes.
    pub(super) size: usize,
    /// Elements of the buffer before the one at the origin, and from it on.
    bounds: [usize; 2],
    /// In elements.
    pub(super) strides: &'a Dims,
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

/// Asks memory for so many bytes.
#[cfg(target_arch = "x86_64")]
fn ask<const HINT: i32>(first: *const u8, bytes: usize) {
    for byte in (0..bytes).step_by(64) {
        // SAFETY: this reads nothing, whatever the address is; every x86-64 has it.
        unsafe { std::arch::x86_64::_mm_prefetch::<HINT>(first.wrapping_add(byte).cast()) };
    }
}

impl<'a> View<'a> {
    pub(super) fn new(
        buffer: &'a Buffer,
        code: &OperandCode,
        args: &'a OperandArgs,
        shape: &[usize],
    ) -> Self {
        let size = code.dtype.size();
        // Checked, as a sum that wrapped would pass.
        let last = shape.iter().zip(&args.strides).try_fold(args.offset, |last, (n, stride)| {
            last.checked_add(n.checked_sub(1)?.checked_mul(*stride)?)
        });
        let bytes = last.and_then(|last| last.checked_add(1)?.checked_mul(size));
        assert!(
            bytes.is_some_and(|bytes| bytes <= buffer.bytes()),
            "an operand reaches {bytes:?} bytes into {buffer:?}"
        );
        let Some(start) = buffer.memory::<CpuMemory>().pointer_of(size) else {
            unreachable!("a buffer is aligned to the elements that are put in it")
        };
        // SAFETY: in bounds, as just asserted.
        let pointer = unsafe { start.add(args.offset * size) }.as_ptr();
        let bounds = [args.offset, buffer.bytes() / size - args.offset];
        Self {
            pointer,
            size,
            bounds,
            strides: &args.strides,
            class: code.class,
            buffer: PhantomData,
        }
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

    /// Asks memory for the elements of a block, if those of a column, or of a row, share lines of the cache.
    #[inline(always)]
    #[cfg(target_arch = "x86_64")]
    pub(super) fn ask_for(&self, block: Block) {
        use std::arch::x86_64::_MM_HINT_T1;
        let Block { offset, rows, row_stride, columns, column_stride } = block;
        let (lines, apart, len, step) = match row_stride < column_stride {
            true => (columns, column_stride, rows, row_stride * self.size),
            false => (rows, row_stride, columns, column_stride * self.size),
        };
        // What is one run the processor foresees by itself.
        if step >= 64 || apart * self.size == len * step {
            return;
        }
        for line in 0..lines {
            ask::<_MM_HINT_T1>(self.pointer(offset + line * apart), len * step);
        }
    }

    /// Asks memory for the elements `from .. from + len` from the origin.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn ask_for_run(&self, from: usize, len: usize) {
        ask::<{ std::arch::x86_64::_MM_HINT_T0 }>(self.pointer(from), len * self.size);
    }

    /// Other processors are not asked.
    #[cfg(not(target_arch = "x86_64"))]
    pub(super) fn ask_for(&self, _: Block) {}

    /// Other processors are not asked.
    #[cfg(not(target_arch = "x86_64"))]
    pub(super) fn ask_for_run(&self, _: usize, _: usize) {}

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

    /// For each element of the block, row by row, copies the one that is `at` away from it: int32 or
    /// int64 lanes of `lane` bytes. Where there is none it copies another of the buffer.
    ///
    /// # Safety
    /// Nothing writes to the operand's buffer meanwhile.
    pub(super) unsafe fn fetch(&self, block: Block, at: &[u8], lane: usize, to: &mut [u8]) {
        // SAFETY: by contract.
        unsafe {
            match self.size {
                1 => self.fetch_typed::<u8>(block, at, lane, to),
                2 => self.fetch_typed::<u16>(block, at, lane, to),
                4 => self.fetch_typed::<u32>(block, at, lane, to),
                _ => self.fetch_typed::<u64>(block, at, lane, to),
            }
        }
    }

    /// # Safety
    /// As [`View::fetch`], and `T` has the size of an element.
    unsafe fn fetch_typed<T: Pod>(&self, block: Block, at: &[u8], lane: usize, to: &mut [u8]) {
        let [before, after] = self.bounds.map(|elements| elements as i64);
        // The last element of the buffer is there: the operand's first is.
        let element = |place: usize, at: i64| {
            let place = (place as i64).wrapping_add(at).clamp(-before, after - 1);
            // SAFETY: in bounds, as just clamped; nobody writes, by contract.
            unsafe { self.pointer.cast::<T>().offset(place as isize).read() }
        };
        let to: &mut [T] = cast_slice_mut(to);
        let Block { offset, rows, row_stride, columns, column_stride } = block;
        for r in 0..rows {
            let row = offset + r * row_stride;
            let to = to[r * columns..][..columns].iter_mut().enumerate();
            let at = &at[r * columns * lane..][..columns * lane];
            match lane {
                4 => to.zip(cast_slice::<u8, i32>(at)).for_each(|((c, to), &at)| {
                    *to = element(row + c * column_stride, at.into());
                }),
                _ => to.zip(cast_slice::<u8, i64>(at)).for_each(|((c, to), &at)| {
                    *to = element(row + c * column_stride, at);
                }),
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
        let Some(start) = buffer.memory::<CpuMemory>().pointer_of(size) else {
            unreachable!("a buffer is aligned to the elements that are put in it")
        };
        let len = buffer.bytes() / size;
        Self { pointer: start.as_ptr(), size, len, buffer: PhantomData }
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

/// Memory that is written past the cache, as [`stream`] does; begins with a line, if it is not empty.
/// [`fence`] must follow before another thread looks.
pub(super) struct PastCache<'a>(&'a mut [u8]);

impl PastCache<'_> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Writes bytes at a multiple of their number: past the cache, if they are a vector.
    #[inline(always)]
    pub(super) fn write<S: Simd>(&mut self, simd: S, at: usize, bytes: &[u8]) {
        let to = &mut self.0[at..at + bytes.len()];
        assert!(at.is_multiple_of(bytes.len()));
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        match bytes.len() {
            // SAFETY: `simd` says that the machine has it; `to` is as long, and aligned as it lies that
            // many bytes from the beginning of a line.
            64 if simd.level().as_avx512().is_some() => unsafe {
                return stream_avx512(bytes.as_chunks().0, to.as_mut_ptr());
            },
            // SAFETY: as above.
            16 | 32 | 64 => unsafe { return stream_sse2(bytes, to.as_mut_ptr()) },
            _ => {}
        }
        let _ = simd;
        to.copy_from_slice(bytes);
    }
}

/// # Safety
/// `from` is valid for the block, `to` for as many elements; both are aligned.
#[inline(always)]
unsafe fn gather<T: Copy>(from: *const T, block: Block, to: *mut T) {
    let Block { rows, row_stride, columns, column_stride, .. } = block;
    // SAFETY: by contract.
    unsafe {
        if block.is_by_column() {
            return transpose(from, [column_stride, row_stride], to, [1, columns], [columns, rows]);
        }
        for r in 0..rows {
            let (from, to) = (from.add(r * row_stride), to.add(r * columns));
            match column_stride {
                0 => slice::from_raw_parts_mut(to, columns).fill(from.read()),
                1 => to.copy_from_nonoverlapping(from, columns),
                // Known to the compiler, this one becomes shuffles.
                2 => (0..columns).for_each(|i| to.add(i).write(from.add(i * 2).read())),
                _ => (0..columns).for_each(|i| to.add(i).write(from.add(i * column_stride).read())),
            }
        }
    }
}

/// # Safety
/// `to` is valid for the block, `from` for as many elements; both are aligned.
#[inline(always)]
unsafe fn scatter<T: Copy>(from: *const T, block: Block, to: *mut T) {
    let Block { rows, row_stride, columns, column_stride, .. } = block;
    // SAFETY: by contract.
    unsafe {
        if block.is_by_column() {
            return transpose(from, [1, columns], to, [column_stride, row_stride], [columns, rows]);
        }
        for r in 0..rows {
            let (from, to) = (from.add(r * columns), to.add(r * row_stride));
            match column_stride {
                1 => to.copy_from_nonoverlapping(from, columns),
                _ => (0..columns).for_each(|i| to.add(i * column_stride).write(from.add(i).read())),
            }
        }
    }
}

/// Transposes four times four elements: rows that are `across` apart become columns, `along` apart.
///
/// # Safety
/// `from` and `to` are valid for all elements, and aligned to one.
#[inline(always)]
unsafe fn square<T: Copy>(from: *const T, across: usize, to: *mut T, along: usize) {
    #[cfg(target_arch = "x86_64")]
    if size_of::<T>() == 4 {
        use std::arch::x86_64::{
            _mm_loadu_si128, _mm_storeu_si128, _mm_unpackhi_epi32, _mm_unpackhi_epi64,
            _mm_unpacklo_epi32, _mm_unpacklo_epi64,
        };
        // SAFETY: every x86-64 has SSE2; rows and columns are four elements, by contract.
        unsafe {
            let row = |k: usize| _mm_loadu_si128(from.add(k * across).cast());
            let (low, high) = (
                [_mm_unpacklo_epi32(row(0), row(1)), _mm_unpacklo_epi32(row(2), row(3))],
                [_mm_unpackhi_epi32(row(0), row(1)), _mm_unpackhi_epi32(row(2), row(3))],
            );
            let columns = [
                _mm_unpacklo_epi64(low[0], low[1]),
                _mm_unpackhi_epi64(low[0], low[1]),
                _mm_unpacklo_epi64(high[0], high[1]),
                _mm_unpackhi_epi64(high[0], high[1]),
            ];
            for (k, column) in columns.into_iter().enumerate() {
                _mm_storeu_si128(to.add(k * along).cast(), column);
            }
        }
        return;
    }
    for k in 0..4 {
        for l in 0..4 {
            // SAFETY: by contract.
            unsafe { to.add(k * along + l).write(from.add(l * across + k).read()) };
        }
    }
}

/// Copies `to[i, j] = from[i, j]`, where the strides of both along `i` and `j` are given, `i` the slower.
///
/// # Safety
/// `from` and `to` are valid for all elements, and aligned.
#[inline(always)]
unsafe fn transpose<T: Copy>(
    from: *const T,
    [from_i, from_j]: [usize; 2],
    to: *mut T,
    [to_i, to_j]: [usize; 2],
    [len_i, len_j]: [usize; 2],
) {
    /// Elements on a side of what goes through vectors.
    const SIDE: usize = 4;
    let is_transposed = from_j == 1 && to_i == 1 || from_i == 1 && to_j == 1;
    let (whole_i, whole_j) = match is_transposed {
        true => (len_i - len_i % SIDE, len_j - len_j % SIDE),
        false => (0, 0),
    };
    let one = |i: usize, j: usize| {
        // SAFETY: by contract.
        unsafe { to.add(i * to_i + j * to_j).write(from.add(i * from_i + j * from_j).read()) };
    };
    for i in (0..whole_i).step_by(SIDE) {
        for j in (0..whole_j).step_by(SIDE) {
            // SAFETY: by contract; one of the strides is 1 on either side, so that arrays are elements.
            unsafe {
                let (from, to) = (from.add(i * from_i + j * from_j), to.add(i * to_i + j * to_j));
                let (across, along) = if from_j == 1 { (from_i, to_j) } else { (from_j, to_i) };
                square(from, across, to, along);
            }
        }
    }
    for i in 0..len_i {
        let from_column = if i < whole_i { whole_j } else { 0 };
        for j in from_column..len_j {
            one(i, j);
        }
    }
}

/// Copies with stores that go past the cache: a line that is written whole need not be read first, and
/// displaces nothing. [`fence`] must follow before another thread looks.
///
/// # Safety
/// `to` is valid for as many bytes and does not overlap.
#[cfg(all(target_arch = "x86_64", not(miri)))]
unsafe fn stream(from: &[u8], to: *mut u8) {
    let head = to.align_offset(64).min(from.len());
    let (head, rest) = from.split_at(head);
    let (lines, tail) = rest.as_chunks::<64>();
    // SAFETY: by contract; the lines of `to` begin at multiples of 64.
    unsafe {
        copy(head, to);
        let to = to.add(head.len());
        if fearless_simd::Level::new().as_avx512().is_some() {
            stream_avx512(lines, to);
        } else {
            stream_sse2(lines.as_flattened(), to);
        }
        copy(tail, to.add(size_of_val(lines)));
    }
}

/// # Safety
/// As [`stream`].
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
unsafe fn copy(from: &[u8], to: *mut u8) {
    // Mostly there is nothing, which is quicker to see here than to call for.
    if !from.is_empty() {
        // SAFETY: by contract.
        unsafe { to.copy_from_nonoverlapping(from.as_ptr(), from.len()) };
    }
}

/// # Safety
/// The machine has AVX-512; `to` is valid for the lines and aligned to them.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn stream_avx512(lines: &[[u8; 64]], to: *mut u8) {
    use std::arch::x86_64::{_mm512_loadu_si512, _mm512_stream_si512};
    for (i, line) in lines.iter().enumerate() {
        // SAFETY: by contract.
        unsafe {
            _mm512_stream_si512(to.add(64 * i).cast(), _mm512_loadu_si512(line.as_ptr().cast()));
        }
    }
}

/// # Safety
/// `to` is valid for the bytes, whose number is a multiple of 16, and aligned to 16.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
unsafe fn stream_sse2(bytes: &[u8], to: *mut u8) {
    use std::arch::x86_64::{_mm_loadu_si128, _mm_stream_si128};
    for (i, part) in bytes.as_chunks::<16>().0.iter().enumerate() {
        // SAFETY: by contract.
        unsafe {
            _mm_stream_si128(to.add(16 * i).cast(), _mm_loadu_si128(part.as_ptr().cast()));
        }
    }
}

/// # Safety
/// `to` is valid for as many bytes and does not overlap.
#[cfg(not(all(target_arch = "x86_64", not(miri))))]
unsafe fn stream(from: &[u8], to: *mut u8) {
    // SAFETY: by contract.
    unsafe { to.copy_from_nonoverlapping(from.as_ptr(), from.len()) };
}

/// Makes what was stored past the cache visible to whoever synchronises with this thread.
pub(super) fn fence() {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: every x86-64 has SSE.
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Backend;
    use crate::backend::cpu::CpuBackend;
    use crate::dtype::DType;

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
