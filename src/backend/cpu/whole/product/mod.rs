//! Products of matrices.
//!
//! Owns [`Job`], the three matrices of a launch, and how it is cut into tiles of the result. float32 and
//! float64 run in `floats`, in place, through the crate `matrixmultiply`; the other dtypes go through lanes
//! a block at a time (`blocks`): the halves as float32 through the same crate, integers through `ints`. Many
//! small matrices of floats are multiplied without the crate (`tiny`), to the same bits.
//!
//! # Note [Any tiles, one order]
//! The additions of an element follow `k` alone: the blocks of `k` are of fixed sizes, here and in the crate,
//! and the registers of its inner loop each belong to one element. So the tiles, and with them the
//! number of threads, change no bits. (The blocks depend on the vectors that the machine has.)

mod blocks;
mod floats;
mod ints;
#[cfg(test)]
mod tests;
mod tiny;

use std::ops::Range;

use super::super::run::each_range;
use super::super::threads;
use super::super::view::View;
use crate::backend::Launch;
use crate::dtype::DType;

/// Multiplications that a tile is worth at least.
const GRAIN: usize = if cfg!(test) { 1 << 12 } else { 1 << 20 };

/// Multiplications that a small matrix is worth at least, for what is to be done before them.
const SMALL: usize = 256;

/// Rows, and columns, of tiles are multiples of this but at the end: what inner loops compute at once.
const STEP: usize = 16;

/// One matrix a batch.
struct Matrix<'a> {
    view: View<'a>,
    /// From row to row and from column to column, in elements.
    row: usize,
    column: usize,
}

struct Job<'a> {
    dtype: DType,
    batches: &'a [usize],
    m: usize,
    n: usize,
    k: usize,
    lhs: Matrix<'a>,
    rhs: Matrix<'a>,
    out: Matrix<'a>,
}

/// A part of one of the results, which one thread computes.
struct Tile {
    /// Where the three matrices of its batch begin, in elements from their views' origins.
    lhs: usize,
    rhs: usize,
    out: usize,
    rows: Range<usize>,
    columns: Range<usize>,
}

pub(super) fn run(launch: &Launch) {
    let (code, args) = (&launch.kernel.code, &launch.kernel.args);
    let [batches @ .., m, n, k] = &args.shape[..] else {
        unreachable!("a product has three dimensions at least: {launch:?}")
    };
    let rank = args.shape.len();
    let matrix = |operand: usize, row: usize, column: usize| {
        let (code, args) = (&code.operands[operand], &args.operands[operand]);
        let buffer = &launch.buffers[usize::from(code.buffer)];
        let view = View::new(buffer, code, args, &launch.kernel.args.shape);
        Matrix { view, row: args.strides[rank - row], column: args.strides[rank - column] }
    };
    let job = Job {
        dtype: code.operands[0].dtype,
        batches,
        m: *m,
        n: *n,
        k: *k,
        lhs: matrix(0, 3, 1),
        rhs: matrix(1, 1, 2),
        out: matrix(2, 3, 2),
    };
    match job.dtype {
        DType::F32 if tiny::takes(&job) => job.each_batch(|of| tiny::multiply::<f32>(&job, of)),
        DType::F64 if tiny::takes(&job) => job.each_batch(|of| tiny::multiply::<f64>(&job, of)),
        DType::F32 => job.each_tile(|tile| floats::multiply::<f32>(&job, tile)),
        DType::F64 => job.each_tile(|tile| floats::multiply::<f64>(&job, tile)),
        DType::F16 | DType::BF16 => job.each_tile(|tile| blocks::multiply::<f32>(&job, tile)),
        DType::I64 => job.each_tile(|tile| blocks::multiply::<i64>(&job, tile)),
        DType::I32 | DType::I16 | DType::I8 | DType::U8 | DType::Bool => {
            job.each_tile(|tile| blocks::multiply::<i32>(&job, tile));
        }
    }
}

impl Job<'_> {
    /// Calls `multiply` for tiles that together are all results, on several threads if that pays.
    fn each_tile(&self, multiply: impl Fn(&Tile) + Sync) {
        let count: usize = self.batches.iter().product();
        let each = self.m.saturating_mul(self.n).saturating_mul(self.k);
        let worth = each.saturating_mul(count) / GRAIN;
        let parts = threads::parts(worth, 2);
        let (down, across) = self.cuts(parts.div_ceil(count));
        let tiles = down * across;
        each_range(count * tiles, parts, |from, to| {
            for number in from..to {
                let (batch, place) = (number / tiles, number % tiles);
                let offset = |matrix: &Matrix<'_>| self.offset(batch, matrix);
                multiply(&Tile {
                    lhs: offset(&self.lhs),
                    rhs: offset(&self.rhs),
                    out: offset(&self.out),
                    rows: part(self.m, down, place / across),
                    columns: part(self.n, across, place % across),
                });
            }
        });
    }

    /// Calls `multiply` for batches that together are all of them, on several threads if that pays.
    fn each_batch(&self, multiply: impl Fn(Range<usize>) + Sync) {
        let count: usize = self.batches.iter().product();
        let each = (self.m * self.n * self.k).max(SMALL);
        let parts = threads::parts(each.saturating_mul(count) / GRAIN, 2);
        each_range(count, parts, |from, to| multiply(from..to));
    }

    /// How many tiles there are below each other and side by side, about `parts` together and near squares,
    /// so that little is read twice.
    fn cuts(&self, parts: usize) -> (usize, usize) {
        let (mut down, mut across) = (1, 1);
        while down * across < parts {
            let (height, width) = (self.m / down, self.n / across);
            if height.max(width) < 2 * STEP {
                break;
            }
            if height >= width { down *= 2 } else { across *= 2 }
        }
        (down, across)
    }

    /// Where a matrix of the batch begins.
    fn offset(&self, batch: usize, matrix: &Matrix<'_>) -> usize {
        let [_, sizes @ ..] = self.batches else { return 0 };
        let [first, strides @ ..] = matrix.view.strides else { return 0 };
        let mut rest = batch;
        let dims = sizes.iter().zip(strides).rev();
        let step = |(&size, &stride): (&usize, &usize)| {
            let at = rest % size * stride;
            rest /= size;
            at
        };
        let inner: usize = dims.map(step).sum();
        // Along the first dimension there is nothing to divide by.
        inner + rest * first
    }
}

/// Part `number` of `parts` of a length, cut at multiples of [`STEP`].
fn part(len: usize, parts: usize, number: usize) -> Range<usize> {
    let steps = len.div_ceil(STEP);
    let bound = |i: usize| (i * steps / parts * STEP).min(len);
    bound(number)..bound(number + 1)
}
