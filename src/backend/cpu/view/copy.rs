//! Copies between memory and a register, or two registers, or from memory to memory.
//!
//! What is contiguous along one dimension there and along another here goes patch by patch: all of a few lines
//! of memory, in squares that vectors turn.

use std::slice;

use bytemuck::{Pod, cast_slice, cast_slice_mut};

use super::square::{Bits, Square};
use super::{Block, Cache, ask};

/// # Safety
/// `from` is valid for the block, `to` for as many elements; both are aligned.
#[inline(always)]
pub(super) unsafe fn gather<T: Bits>(from: *const T, block: Block, to: *mut T) {
    // SAFETY: by contract.
    unsafe { copy(from, block, to, Block::dense(block.rows, block.columns)) };
}

/// # Safety
/// `to` is valid for the block, `from` for as many elements; both are aligned.
#[inline(always)]
pub(super) unsafe fn scatter<T: Bits>(from: *const T, block: Block, to: *mut T) {
    // SAFETY: by contract.
    unsafe { copy(from, Block::dense(block.rows, block.columns), to, block) };
}

/// Copies the elements of a block to those of one of as many rows and columns, whatever the offsets of both.
///
/// # Safety
/// `from` and `to` are valid for their blocks, and aligned; they do not overlap.
#[inline(always)]
pub(super) unsafe fn copy<T: Bits>(from: *const T, source: Block, to: *mut T, target: Block) {
    let Block { rows, columns, .. } = target;
    let is_dense = target.column_stride == 1 && target.row_stride == columns;
    // Rows that are all the same are one and copies of it.
    let all = if is_dense && source.row_stride == 0 { rows.min(1) } else { rows };
    let is_by_column = |block: Block| Block { rows: all, ..block }.is_by_column();
    // SAFETY: by contract.
    unsafe {
        if is_by_column(source) || is_by_column(target) {
            let [from_strides, to_strides] =
                [source, target].map(|block| [block.column_stride, block.row_stride]);
            return transpose(from, from_strides, to, to_strides, [columns, all]);
        }
        for r in 0..all {
            let (from, to) = (from.add(r * source.row_stride), to.add(r * target.row_stride));
            match (source.column_stride, target.column_stride) {
                (1, 1) => copy_row(from, to, columns),
                (0, 1) => slice::from_raw_parts_mut(to, columns).fill(from.read()),
                // Known to the compiler, this one becomes shuffles.
                (2, 1) => (0..columns).for_each(|i| to.add(i).write(from.add(i * 2).read())),
                (step, 1) => (0..columns).for_each(|i| to.add(i).write(from.add(i * step).read())),
                (step, other) => {
                    (0..columns).for_each(|i| to.add(i * other).write(from.add(i * step).read()))
                }
            }
        }
        if all < rows {
            repeat(to, columns, rows);
        }
    }
}

/// Bytes that a call copies. Of more C libraries may take an instruction for strings, which is slow where what is
/// copied begins within a line of the cache.
const AT_ONCE: usize = 2048;

/// Copies a row, without a call where it is short.
///
/// # Safety
/// `from` and `to` are valid for so many elements, and do not overlap.
#[inline(always)]
pub(super) unsafe fn copy_row<T: Copy>(from: *const T, to: *mut T, len: usize) {
    /// The first so many bytes and the last, which may be some of the first.
    ///
    /// # Safety
    /// There are as many; they do not overlap those of `to`.
    #[inline(always)]
    unsafe fn ends<const N: usize>(from: *const u8, to: *mut u8, bytes: usize) {
        let last = bytes - N;
        // SAFETY: by contract.
        unsafe {
            to.cast::<[u8; N]>().copy_from_nonoverlapping(from.cast(), 1);
            to.add(last).cast::<[u8; N]>().copy_from_nonoverlapping(from.add(last).cast(), 1);
        }
    }
    let bytes = len * size_of::<T>();
    // SAFETY: by contract.
    unsafe {
        match bytes {
            16..=32 => ends::<16>(from.cast(), to.cast(), bytes),
            33..=64 => ends::<32>(from.cast(), to.cast(), bytes),
            65..=128 => ends::<64>(from.cast(), to.cast(), bytes),
            _ => {
                let mut done = 0;
                while done < len {
                    let now = (AT_ONCE / size_of::<T>()).min(len - done);
                    to.add(done).copy_from_nonoverlapping(from.add(done), now);
                    done += now;
                }
            }
        }
    }
}

/// Copies the first `len` elements to where those after them are, until there are `count` times as many.
///
/// # Safety
/// `to` is valid for all, and aligned.
unsafe fn repeat<T: Bits>(to: *mut T, len: usize, count: usize) {
    let (mut done, all) = (len, count * len);
    while done < all {
        let now = done.min(all - done);
        // SAFETY: by contract; they end where the others begin.
        unsafe { to.add(done).copy_from_nonoverlapping(to, now) };
        done += now;
    }
}

/// Copies rows of so many elements of 4 or 8 bytes as columns: `to[j, i] = from[i, j]`, without gaps.
pub(in super::super) fn turn(from: &[u8], to: &mut [u8], columns: usize, size: usize) {
    fn typed<T: Bits + Pod>(from: &[u8], to: &mut [u8], columns: usize) {
        let (from, to): (&[T], &mut [T]) = (cast_slice(from), cast_slice_mut(to));
        let rows = from.len() / columns;
        assert!(from.len() == rows * columns && to.len() == from.len());
        // SAFETY: both have as many elements as are copied, as just asserted.
        unsafe {
            transpose(from.as_ptr(), [1, columns], to.as_mut_ptr(), [rows, 1], [columns, rows]);
        }
    }
    match size {
        4 => typed::<u32>(from, to, columns),
        _ => typed::<u64>(from, to, columns),
    }
}

/// Copies `to[i, j] = from[i, j]`, where the strides of both along `i` and `j` are given, `i` the slower.
///
/// # Safety
/// `from` and `to` are valid for all elements, and aligned.
#[inline(always)]
unsafe fn transpose<T: Bits>(
    from: *const T,
    [from_i, from_j]: [usize; 2],
    to: *mut T,
    [to_i, to_j]: [usize; 2],
    [len_i, len_j]: [usize; 2],
) {
    // Whole lines, and so few that the first cache holds them even where their distance makes them exclude
    // each other.
    let (lines, line) = (8, 64 / size_of::<T>());
    // SAFETY: by contract; the others are those that no patch has.
    unsafe {
        let [done_i, done_j] = if from_j == 1 && to_i == 1 {
            let walk = Walk { from, across: from_i, to, along: to_j };
            patches::<_, 2>(walk, [len_i, len_j], [lines, line])
        } else if from_i == 1 && to_j == 1 {
            let walk = Walk { from, across: from_j, to, along: to_i };
            let [done_j, done_i] = patches::<_, 0>(walk, [len_j, len_i], [line, lines]);
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

/// From where to where: `from` is contiguous along `j` and `across` from one `i` to the next, `to` contiguous
/// along `i` and `along` from one `j` to the next.
#[derive(Clone, Copy)]
struct Walk<T> {
    from: *const T,
    across: usize,
    to: *mut T,
    along: usize,
}

/// Copies `to[i, j] = from[i, j]`, but for the last rows and columns that are no whole squares: patch by
/// patch, and memory is asked for the lines of the one that is so many ahead, if any. Returns how far it came
/// along either.
///
/// # Safety
/// `from` and `to` are valid for all elements, and aligned.
#[inline(always)]
unsafe fn patches<T: Bits, const AHEAD: usize>(
    walk: Walk<T>,
    lens: [usize; 2],
    patch: [usize; 2],
) -> [usize; 2] {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if super::super::level::level().as_avx2().is_some() {
        /// # Safety
        /// As [`patches`]; the machine has AVX2.
        #[target_feature(enable = "avx2")]
        unsafe fn wide<T: Bits, const AHEAD: usize>(
            walk: Walk<T>,
            lens: [usize; 2],
            patch: [usize; 2],
        ) -> [usize; 2] {
            // SAFETY: by contract.
            unsafe { patches_by::<T, T::Wide, AHEAD>(walk, lens, patch) }
        }
        // SAFETY: by contract; the level says that the machine has it.
        return unsafe { wide::<T, AHEAD>(walk, lens, patch) };
    }
    // SAFETY: by contract.
    unsafe { patches_by::<T, T::Squares, AHEAD>(walk, lens, patch) }
}

/// The same, by these squares.
///
/// # Safety
/// As [`patches`]; the machine has what the squares need.
#[inline(always)]
unsafe fn patches_by<T: Copy, S: Square<T>, const AHEAD: usize>(
    Walk { from, across, to, along }: Walk<T>,
    lens: [usize; 2],
    [patch_i, patch_j]: [usize; 2],
) -> [usize; 2] {
    let [whole_i, whole_j] = lens.map(|len| len - len % S::SIDE);
    let after = |[i, j]: [usize; 2]| match j + patch_j < whole_j {
        true => [i, j + patch_j],
        false => [i + patch_i, 0],
    };
    let mut patch = [0, 0];
    let mut next = (0..AHEAD).fold(patch, |patch, _| after(patch));
    while patch[0] < whole_i && whole_j > 0 {
        if AHEAD > 0 {
            let [first, j] = next;
            for i in first..whole_i.min(first + patch_i) {
                ask(from.wrapping_add(i * across + j).cast(), 1, Cache::First);
            }
            next = after(next);
        }
        let [i, j] = patch;
        for i in (i..whole_i.min(i + patch_i)).step_by(S::SIDE) {
            for j in (j..whole_j.min(j + patch_j)).step_by(S::SIDE) {
                // SAFETY: by contract, as these are whole squares.
                unsafe { S::turn(from.add(i * across + j), across, to.add(i + j * along), along) };
            }
        }
        patch = after(patch);
    }
    [whole_i, whole_j]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Copies a block out of memory and back, and says where both put elements.
    fn turn<T: Bits + PartialEq + std::fmt::Debug>(of: impl Fn(usize) -> T) {
        let sizes = [1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 64, 70, 130];
        for rows in sizes {
            for columns in sizes {
                let strides =
                    [[1, rows], [1, rows + 5], [columns, 1], [columns + 3, 1], [2, 2 * rows]];
                let strides = strides.into_iter().chain([[0, 1], [0, 3], [1, 0], [0, 0]]);
                for [row_stride, column_stride] in strides {
                    let block = Block { offset: 0, rows, row_stride, columns, column_stride };
                    let len = (rows - 1) * row_stride + (columns - 1) * column_stride + 1;
                    let place = |i: usize| i / columns * row_stride + i % columns * column_stride;
                    let memory: Vec<T> = (0..len).map(&of).collect();
                    let mut got = vec![of(0); rows * columns];
                    let expected: Vec<T> = (0..got.len()).map(|i| memory[place(i)]).collect();
                    // SAFETY: both are as long as the block needs.
                    unsafe { gather(memory.as_ptr(), block, got.as_mut_ptr()) };
                    assert_eq!(got, expected, "{rows} x {columns}, {row_stride}, {column_stride}");
                    if (rows > 1 && row_stride == 0) || (columns > 1 && column_stride == 0) {
                        // Nothing is stored where elements are one.
                        continue;
                    }
                    let mut back = vec![of(0); len];
                    let mut expected = back.clone();
                    (0..got.len()).for_each(|i| expected[place(i)] = got[i]);
                    // SAFETY: as above.
                    unsafe { scatter(got.as_ptr(), block, back.as_mut_ptr()) };
                    assert_eq!(back, expected, "{rows} x {columns}, {row_stride}, {column_stride}");
                }
            }
        }
    }

    /// The squares that a machine with wider vectors does not take.
    fn baseline<T: Bits + PartialEq + std::fmt::Debug>(of: impl Fn(usize) -> T) {
        for [i, j] in [[8, 16], [9, 17], [33, 70], [64, 2]] {
            let from: Vec<T> = (0..i * (j + 3)).map(&of).collect();
            let mut to = vec![of(0); j * (i + 1)];
            let walk =
                Walk { from: from.as_ptr(), across: j + 3, to: to.as_mut_ptr(), along: i + 1 };
            // SAFETY: both have room for all, and every machine has these squares.
            let done = unsafe { patches_by::<T, T::Squares, 2>(walk, [i, j], [8, 16]) };
            assert!(done[0] + 8 > i && done[1] + 8 > j, "{done:?} of {i} {j}");
            for (k, &got) in to.iter().enumerate() {
                let (row, column) = (k / (i + 1), k % (i + 1));
                let is_done = column < done[0] && row < done[1];
                let expected = if is_done { from[column * (j + 3) + row] } else { of(0) };
                assert_eq!(got, expected, "{row} {column} of {i} {j}");
            }
        }
    }

    #[test]
    fn baseline_squares_are_whole_and_nothing_beside() {
        baseline(|i| (i % 251) as u8);
        baseline(|i| i as u16);
        baseline(|i| i as u32);
        baseline(|i| i as u64);
    }

    #[test]
    fn rows_of_any_length_become_columns() {
        for rows in [0, 1, 3, 4, 8, 33, 64] {
            for columns in [1, 2, 7, 8, 9, 16, 31] {
                let from: Vec<u32> = (0..rows as u32 * columns as u32).collect();
                let mut to = vec![0; from.len()];
                super::turn(cast_slice(&from), cast_slice_mut(&mut to), columns, 4);
                for (k, &got) in to.iter().enumerate() {
                    assert_eq!(got as usize, k % rows * columns + k / rows, "{rows} {columns}");
                }
            }
        }
    }

    #[test]
    fn rows_of_any_length_are_copied_whole_and_nothing_beside() {
        let from: Vec<u8> = (0..5100_usize).map(|i| (i % 251) as u8).collect();
        for len in (0..200).chain([AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 2 * AT_ONCE + 77]) {
            let mut to = vec![255; 5100];
            // SAFETY: both are longer.
            unsafe { copy_row(from[3..].as_ptr(), to[5..].as_mut_ptr(), len) };
            assert_eq!(to[5..5 + len], from[3..3 + len]);
            assert!(to[..5].iter().chain(&to[5 + len..]).all(|&byte| byte == 255), "{len}");
        }
    }

    #[test]
    fn blocks_go_to_other_blocks() {
        for [rows, columns] in [[1, 20], [5, 1], [3, 7], [9, 16], [20, 33], [40, 70]] {
            let block = |row_stride, column_stride| Block {
                offset: 0,
                rows,
                row_stride,
                columns,
                column_stride,
            };
            let wide = 3 * columns + 1;
            let sources = [(columns, 1), (wide, 1), (wide, 2), (1, rows), (0, 1), (1, 0), (0, 3)];
            let targets = [(columns, 1), (wide, 1), (wide, 3), (1, rows), (2, 2 * rows)];
            for (source, target) in sources.iter().flat_map(|s| targets.iter().map(move |t| (s, t)))
            {
                let (source, target) = (block(source.0, source.1), block(target.0, target.1));
                let from: Vec<u32> = (1..10_000).collect();
                let mut to = vec![0; 10_000];
                let mut expected = to.clone();
                for (r, c) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
                    let place = |block: Block| r * block.row_stride + c * block.column_stride;
                    expected[place(target)] = from[place(source)];
                }
                // SAFETY: both have room for all.
                unsafe { copy(from.as_ptr(), source, to.as_mut_ptr(), target) };
                assert!(to == expected, "{rows} x {columns}");
            }
        }
    }

    #[test]
    fn blocks_of_any_size_go_where_they_belong_and_back() {
        turn(|i| (i % 251) as u8);
        turn(|i| i as u16);
        turn(|i| i as u32);
        turn(|i| i as u64);
    }
}
