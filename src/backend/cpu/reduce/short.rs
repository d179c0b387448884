//! Scans of short lines, which follow each other: turned, so that they go side by side in vectors.

use std::array;

use bytemuck::{Pod, cast_slice, cast_slice_mut};

use super::super::lanes::simd;
use super::super::registers::Scratch;
use super::super::view::turn;
use super::scan::Scanning;

/// Points of a line up to which to turn lines costs less than to scan one after the other.
pub(super) const SHORT: usize = 32;

/// Memory for lines that are turned, and for their results.
#[derive(Default)]
pub(super) struct Turned([Scratch; 2]);

impl Turned {
    /// Scans lines of `len` points, with these sizes of a value and of a result.
    pub(super) fn scan<S: Scanning>(
        &mut self,
        scanning: &mut S,
        (values, out): (&[u8], &mut [u8]),
        len: usize,
        [size, result]: [usize; 2],
    ) {
        let lines = values.len() / size / len;
        let [turned, results] = &mut self.0;
        let (turned, results) = (turned.bytes(values.len()), results.bytes(out.len()));
        turn_rows(values, turned, len, size);
        scanning.begin(lines);
        let rows = turned.chunks(lines * size).zip(results.chunks_mut(lines * result));
        for (values, out) in rows {
            scanning.row(0, values, out);
            scanning.end_row();
        }
        turn_rows(results, out, lines, result);
    }
}

/// Columns, or rows, that make no square of vectors: the compiler makes shuffles of them.
macro_rules! few {
    ($len:expr, $all:ident, $from:ident, $to:ident) => {
        simd(
            #[inline(always)]
            || match $len {
                2 => $all::<T, 2>($from, $to),
                3 => $all::<T, 3>($from, $to),
                4 => $all::<T, 4>($from, $to),
                5 => $all::<T, 5>($from, $to),
                6 => $all::<T, 6>($from, $to),
                _ => $all::<T, 7>($from, $to),
            },
        )
    };
}

/// Makes `to[j, i] = from[i, j]`, of rows of so many elements of 4 or 8 bytes.
fn turn_rows(from: &[u8], to: &mut [u8], columns: usize, size: usize) {
    let rows = from.len() / size / columns;
    match (columns, rows, size) {
        (2..=7, _, 4) => to_columns::<u32>(cast_slice(from), cast_slice_mut(to), columns),
        (2..=7, _, _) => to_columns::<u64>(cast_slice(from), cast_slice_mut(to), columns),
        (_, 2..=7, 4) => to_rows::<u32>(cast_slice(from), cast_slice_mut(to), rows),
        (_, 2..=7, _) => to_rows::<u64>(cast_slice(from), cast_slice_mut(to), rows),
        _ => turn(from, to, columns, size),
    }
}

fn to_columns<T: Pod>(from: &[T], to: &mut [T], len: usize) {
    #[inline(always)]
    fn all<T: Pod, const LEN: usize>(from: &[T], to: &mut [T]) {
        let rows = from.as_chunks::<LEN>().0;
        for (column, to) in to.chunks_exact_mut(rows.len()).enumerate() {
            for (to, row) in to.iter_mut().zip(rows) {
                *to = row[column];
            }
        }
    }
    few!(len, all, from, to);
}

fn to_rows<T: Pod>(from: &[T], to: &mut [T], len: usize) {
    #[inline(always)]
    fn all<T: Pod, const LEN: usize>(from: &[T], to: &mut [T]) {
        let rows = to.as_chunks_mut::<LEN>().0;
        let columns: [&[T]; LEN] = array::from_fn(|i| &from[i * rows.len()..][..rows.len()]);
        for (row, to) in rows.iter_mut().enumerate() {
            for (to, column) in to.iter_mut().zip(columns) {
                *to = column[row];
            }
        }
    }
    few!(len, all, from, to);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_turned_and_back() {
        for len in 1..=SHORT {
            for lines in [1, 2, 7, 64] {
                let from: Vec<u32> = (0..(len * lines) as u32).collect();
                let (mut turned, mut back) = (vec![0; from.len()], vec![0; from.len()]);
                turn_rows(cast_slice(&from), cast_slice_mut(&mut turned), len, 4);
                for (i, &got) in turned.iter().enumerate() {
                    assert_eq!(got as usize, i % lines * len + i / lines, "{lines} of {len}");
                }
                turn_rows(cast_slice(&turned), cast_slice_mut(&mut back), lines, 4);
                assert_eq!(back, from, "{lines} of {len}");
            }
        }
    }
}
