//! Points of the iteration space: the ranges and blocks that are tiles, and where an operand's elements lie.

use std::array;

use smallvec::SmallVec;

use super::view::Block;
use crate::kernel::Dims;

/// Rows of consecutive points; their lanes lie one row after the other.
#[derive(Clone, Copy)]
pub(super) struct Tile {
    /// Linear index of the first point.
    pub(super) start: usize,
    /// Points of all rows.
    pub(super) len: usize,
    pub(super) rows: usize,
    /// Points of a row.
    pub(super) columns: usize,
    /// Linear distance from row to row.
    pub(super) pitch: usize,
}

impl Tile {
    pub(super) fn range(start: usize, len: usize) -> Self {
        Self { start, len, rows: 1, columns: len, pitch: 0 }
    }
}

/// How a space is cut into blocks.
pub(super) struct Grid {
    /// The dimension of the rows.
    pub(super) dim: usize,
    /// Of a block.
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Blocks along the inner dimension, and along `dim`.
    pub(super) across: usize,
    pub(super) down: usize,
}

/// Where an operand's element is at a point.
pub(super) fn offset_at(shape: &[usize], strides: &[usize], mut point: usize) -> usize {
    let mut offset = 0;
    // The outermost index is what is left: a division less, and each takes as long as some vectors.
    for d in (1..shape.len()).rev() {
        offset += point % shape[d] * strides[d];
        point /= shape[d];
    }
    offset + point * strides[0]
}

fn index_of(shape: &[usize], mut point: usize) -> Dims {
    let mut index: Dims = SmallVec::from_elem(0, shape.len());
    for d in (0..shape.len()).rev() {
        index[d] = point % shape[d];
        point /= shape[d];
    }
    index
}

/// Calls `visit` with the elements at `len` points that follow each other, block by block: the rest of
/// a row, whole rows, part of one. The first argument is how many points came before.
pub(super) fn each_row(
    shape: &[usize],
    strides: &[usize],
    start: usize,
    len: usize,
    mut visit: impl FnMut(usize, Block),
) {
    each_row_of(shape, [strides], (start, len), |lane, [block]| visit(lane, block));
}

/// The same for several operands at once, whose blocks have as many rows and columns.
pub(super) fn each_row_of<const N: usize>(
    shape: &[usize],
    strides: [&[usize]; N],
    (start, len): (usize, usize),
    mut visit: impl FnMut(usize, [Block; N]),
) {
    let inner = shape.len() - 1;
    let mut index = index_of(shape, start);
    let offset = |strides: &[usize]| index.iter().zip(strides).map(|(i, stride)| i * stride).sum();
    let mut offsets = strides.map(offset);
    let mut lane = 0;
    while lane < len {
        let rest = len - lane;
        let size = shape[inner];
        let at = index[inner];
        // Whole rows that follow each other along the dimension before.
        let rows = match inner {
            0 => 1,
            _ if at > 0 => 1,
            _ => (rest / size).min(shape[inner - 1] - index[inner - 1]).max(1),
        };
        let columns = (size - at).min(rest);
        let block = |operand: usize| {
            let (offset, strides) = (offsets[operand], strides[operand]);
            let row_stride = if inner > 0 { strides[inner - 1] } else { 0 };
            Block { offset, rows, row_stride, columns, column_stride: strides[inner] }
        };
        visit(lane, array::from_fn(block));
        lane += rows * columns;
        let mut each = |go: fn(&mut usize, usize), d: usize, steps: usize| {
            offsets.iter_mut().zip(strides).for_each(|(o, strides)| go(o, steps * strides[d]));
        };
        let (advance, retreat) = (|o: &mut usize, by| *o += by, |o: &mut usize, by| *o -= by);
        each(retreat, inner, at);
        index[inner] = 0;
        let mut step = rows;
        for d in (0..inner).rev() {
            index[d] += step;
            each(advance, d, step);
            if index[d] < shape[d] {
                break;
            }
            each(retreat, d, index[d]);
            index[d] = 0;
            step = 1;
        }
    }
}

impl Grid {
    /// Blocks of at most `tile` points, some 64 rows of them: so many elements of a column memory gives in half
    /// the time of four times 16, and longer rows cost less each.
    pub(super) fn new(shape: &[usize], dim: usize, tile: usize) -> Self {
        let inner = shape[shape.len() - 1];
        let most = (tile / 64).max(64);
        // None much narrower than the others.
        let columns = inner.div_ceil(inner.div_ceil(most)).next_multiple_of(16).min(inner);
        let rows = shape[dim].min(tile / columns);
        Self {
            dim,
            rows,
            columns,
            across: inner.div_ceil(columns),
            down: shape[dim].div_ceil(rows),
        }
    }
}
