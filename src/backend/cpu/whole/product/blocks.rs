//! Products of dtypes that are widened first, a block of each factor at a time.
#![allow(unsafe_code, reason = "reads and writes blocks of memory that threads share")]

use std::cell::Cell;

use bytemuck::{Pod, cast_slice, cast_slice_mut};

use super::super::super::convert;
use super::super::super::registers::Scratch;
use super::super::super::view::Block;
use super::{Job, Matrix, Tile, floats, ints};

/// Rows and columns of a block of the result, and its part of `k`: the three blocks stay in a level 2 cache.
const SIDE: usize = 256;
const DEPTH: usize = 512;

/// What a dtype is in a register.
pub(super) trait Lane: Pod {
    /// `out += lhs rhs`, or `out = lhs rhs`, of row-major matrices of sizes `m`, `k`, `n`.
    fn accumulate(out: &mut [Self], lhs: &[Self], rhs: &[Self], sizes: [usize; 3], add: bool);
}

impl Lane for f32 {
    fn accumulate(out: &mut [f32], lhs: &[f32], rhs: &[f32], sizes: [usize; 3], add: bool) {
        floats::accumulate(out, lhs, rhs, sizes, add);
    }
}

impl Lane for i32 {
    fn accumulate(out: &mut [i32], lhs: &[i32], rhs: &[i32], sizes: [usize; 3], add: bool) {
        ints::accumulate(out, lhs, rhs, sizes, add);
    }
}

impl Lane for i64 {
    fn accumulate(out: &mut [i64], lhs: &[i64], rhs: &[i64], sizes: [usize; 3], add: bool) {
        ints::accumulate(out, lhs, rhs, sizes, add);
    }
}

/// The memory of a tile: the stored form of a block, and the lanes of three.
#[derive(Default)]
struct Memory {
    stored: Scratch,
    lhs: Scratch,
    rhs: Scratch,
    out: Scratch,
}

thread_local! {
    /// Of each thread that computed a tile, a few MB; who asks computes some too.
    static MEMORY: Cell<Memory> = Cell::default();
}

/// Computes a tile, block by block.
pub(super) fn multiply<T: Lane>(job: &Job<'_>, tile: &Tile) {
    let mut memory = MEMORY.take();
    for row in tile.rows.clone().step_by(SIDE) {
        let rows = SIDE.min(tile.rows.end - row);
        for column in tile.columns.clone().step_by(SIDE) {
            let columns = SIDE.min(tile.columns.end - column);
            let Memory { stored, lhs, rhs, out } = &mut memory;
            let out = out.bytes(rows * columns * size_of::<T>());
            for at in (0..job.k).step_by(DEPTH) {
                let depth = DEPTH.min(job.k - at);
                let start = tile.lhs + row * job.lhs.row + at * job.lhs.column;
                let left = load::<T>(job, &job.lhs, (start, rows, depth), stored, lhs);
                let start = tile.rhs + at * job.rhs.row + column * job.rhs.column;
                let right = load::<T>(job, &job.rhs, (start, depth, columns), stored, rhs);
                let sizes = [rows, depth, columns];
                T::accumulate(cast_slice_mut(out), left, right, sizes, at > 0);
            }
            let start = tile.out + row * job.out.row + column * job.out.column;
            store(job, (start, rows, columns), out, stored);
        }
    }
    MEMORY.set(memory);
}

fn block(matrix: &Matrix<'_>, (offset, rows, columns): (usize, usize, usize)) -> Block {
    Block { offset, rows, row_stride: matrix.row, columns, column_stride: matrix.column }
}

/// The lanes of a block of a factor, row by row.
fn load<'m, T: Lane>(
    job: &Job<'_>,
    matrix: &Matrix<'_>,
    place: (usize, usize, usize),
    stored: &mut Scratch,
    lanes: &'m mut Scratch,
) -> &'m [T] {
    let block = block(matrix, place);
    let lanes = lanes.bytes(block.len() * size_of::<T>());
    match convert::widen(job.dtype) {
        // SAFETY: elements of the operand within the tile that the caller computes.
        None => unsafe { matrix.view.gather(block, lanes) },
        Some(widen) => {
            let stored = stored.bytes(block.len() * matrix.view.size);
            // SAFETY: as above.
            unsafe { matrix.view.gather(block, stored) };
            widen(lanes, stored, &[], &[]);
        }
    }
    cast_slice(lanes)
}

/// Narrows the lanes of a block of the result, once, and stores them.
fn store(job: &Job<'_>, place: (usize, usize, usize), lanes: &[u8], stored: &mut Scratch) {
    let block = block(&job.out, place);
    let elements = match convert::narrow(job.dtype) {
        None => lanes,
        Some(narrow) => {
            let elements = stored.bytes(block.len() * job.out.view.size);
            narrow(elements, lanes, &[], &[]);
            elements
        }
    };
    // SAFETY: elements of the result within the tile that the caller computes, which is nobody else's.
    unsafe { job.out.view.scatter(block, elements, false) };
}
