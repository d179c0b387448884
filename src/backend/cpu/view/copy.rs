//! Copies between memory and a register.
//!
//! What is contiguous along one dimension there and along another here goes patch by patch: all of a few lines
//! of memory, in squares that vectors turn.

use std::slice;

use super::{Block, ask};

/// # Safety
/// `from` is valid for the block, `to` for as many elements; both are aligned.
#[inline(always)]
pub(super) unsafe fn gather<T: Copy>(from: *const T, block: Block, to: *mut T) {
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
pub(super) unsafe fn scatter<T: Copy>(from: *const T, block: Block, to: *mut T) {
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

/// Elements on a side of what goes through vectors.
const SIDE: usize = 4;

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
    let patch = Patch::of::<T>();
    // SAFETY: by contract; the others are those that no patch has.
    unsafe {
        let [done_i, done_j] = if from_j == 1 && to_i == 1 {
            patches::<_, 2>(from, from_i, to, to_j, [len_i, len_j], patch)
        } else if from_i == 1 && to_j == 1 {
            let [done_j, done_i] =
                patches::<_, 0>(from, from_j, to, to_i, [len_j, len_i], patch.turned());
            [done_i, done_j]
        } else {
            [0, 0]
        };
        for i in 0..len_i {
            let first = if i < done_i { done_j } else { 0 };
            for j in first..len_j {
                to.add(i * to_i + j * to_j).write(from.add(i * from_i + j * from_j).read());
            }
        }
    }
}

/// Elements along `i` and `j` that are copied before the next ones.
#[derive(Clone, Copy)]
struct Patch([usize; 2]);

impl Patch {
    /// Whole lines along `j`, and so few that the first cache holds them even if they are at the same distance
    /// as its lines that exclude each other.
    const fn of<T>() -> Self {
        Self([8, 64 / size_of::<T>()])
    }

    fn turned(self) -> Self {
        let Self([i, j]) = self;
        Self([j, i])
    }
}

/// Copies `to[i, j] = from[i, j]`, where `from` is contiguous along `j` and `to` along `i`, but for the last
/// rows and columns that are no whole squares; returns how far it came along either.
///
/// # Safety
/// `from` and `to` are valid for all elements, and aligned.
#[inline(always)]
unsafe fn patches<T: Copy, const AHEAD: usize>(
    from: *const T,
    across: usize,
    to: *mut T,
    along: usize,
    lens: [usize; 2],
    Patch([patch_i, patch_j]): Patch,
) -> [usize; 2] {
    let [whole_i, whole_j] = lens.map(|len| len - len % SIDE);
    let patches = whole_j.div_ceil(patch_j);
    for (row, i) in (0..whole_i).step_by(patch_i).enumerate() {
        for (column, j) in (0..whole_j).step_by(patch_j).enumerate() {
            let [end_i, end_j] = [whole_i.min(i + patch_i), whole_j.min(j + patch_j)];
            if AHEAD > 0 {
                let next = row * patches + column + AHEAD;
                let [next_i, next_j] = [next / patches * patch_i, next % patches * patch_j];
                for i in next_i..whole_i.min(next_i + patch_i) {
                    ask(from.wrapping_add(i * across + next_j).cast(), 1);
                }
            }
            for i in (i..end_i).step_by(SIDE) {
                for j in (j..end_j).step_by(SIDE) {
                    // SAFETY: by contract, as these are whole squares.
                    unsafe {
                        square(from.add(i * across + j), across, to.add(i + j * along), along)
                    };
                }
            }
        }
    }
    [whole_i, whole_j]
}
