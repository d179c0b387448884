//! Chains on rows: those of a block, Note [Rows of blocks] of `plan`, or of a range that is whole rows.
//!
//! # Note [Whole rows]
//! Where an operand is broadcast, or part of a larger one, its rows lie apart, or are one and the same. A
//! tile for each row costs more than the operations on one of some hundred points. So a tile is several rows,
//! and a chain goes from one to the next; what else reads such an operand needs its rows copied.
#![allow(unsafe_code, reason = "uses views, for the elements of the tile it runs")]

use smallvec::SmallVec;

use super::super::chain::{Link, Out};
use super::super::plan::{Argument, Chain, Lanes, Place, Program, ROW_LINKS};
use super::super::points::{Tile, offset_at};
use super::super::registers::Registers;
use super::super::view::{Ahead, Rows, View};
use super::steps::{memory_of, run_past_cache};
use super::{FEW_REGISTERS, Launched, REGISTER};

/// Points of a row below which copies of rows take no longer: Note [Whole rows].
const SHORT: usize = if cfg!(test) { 8 } else { 128 };

/// Bytes of a row that is worth a call of its own; from memory such rows come 2% faster then.
const LONG: usize = if cfg!(test) { 512 } else { 4096 };

/// Bytes of a register of rows that are folded, of a program with one register or two.
const FOLDED: usize = if cfg!(test) { 2 * REGISTER } else { FEW_REGISTERS };

/// Points of a tile of several whole rows, if there are to be such tiles. None lies across two indices of a
/// dimension before that of the rows.
pub(super) fn several_rows(program: &Program, shape: &[usize]) -> Option<usize> {
    rows_within(FEW_REGISTERS, program, shape)
}

/// The same of rows that are folded.
pub(in super::super) fn several_folded_rows(program: &Program, shape: &[usize]) -> Option<usize> {
    rows_within(FOLDED, program, shape)
}

/// The same, of rows in so many bytes where the program has few registers.
fn rows_within(few: usize, program: &Program, shape: &[usize]) -> Option<usize> {
    let &[.., outer, inner] = shape else { return None };
    let within = if program.registers <= 2 { few } else { REGISTER };
    let most = (within / program.lane / inner).min(outer);
    if inner < SHORT || most < 2 || !program.chains_rows() {
        return None;
    }
    let mut rows = (2..=most).rev().filter(|rows| shape.len() == 2 || outer.is_multiple_of(*rows));
    rows.next().map(|rows| rows * inner)
}

impl Launched<'_> {
    /// A range as rows, if it is several whole ones along one dimension: Note [Whole rows].
    pub(super) fn whole_rows(&self, tile: Tile) -> Option<Tile> {
        let &[.., outer, inner] = self.shape else { return None };
        if self.grid.is_some() || inner < SHORT || tile.len <= inner {
            return None;
        }
        let (first, rows) = (tile.start / inner, tile.len / inner);
        let are_whole = first * inner == tile.start && rows * inner == tile.len;
        let are_alike = self.shape.len() == 2 || first % outer + rows <= outer;
        (are_whole && are_alike).then_some(Tile { rows, columns: inner, pitch: inner, ..tile })
    }

    /// Whether a chain takes rows where they lie.
    pub(super) fn has_rows(&self, chain: &Chain, tile: Tile) -> bool {
        let is_row = |argument: &Argument| matches!(argument.lanes.place, Place::Row { .. });
        self.whole_rows(tile).is_some()
            && (is_row(&chain.first) || chain.links.iter().any(|(_, other)| is_row(other)))
    }

    /// Runs a chain on each row of a range.
    pub(super) fn chain_on_whole_rows(
        &self,
        chain: &Chain,
        (out, past_cache): (Lanes, bool),
        registers: &mut Registers,
        tile: Tile,
    ) {
        let Some(tile) = self.whole_rows(tile) else { unreachable!("asked before") };
        if past_cache {
            let view = &self.views[memory_of(out)];
            let (first, links) =
                (self.rows(&chain.first, registers, tile), self.links(chain, registers, tile));
            for row in 0..tile.rows {
                let place = (tile.start + row * tile.columns, tile.columns);
                // SAFETY: elements of this tile, of a buffer that is stored to and not loaded.
                unsafe { run_past_cache(chain, view, place, row, first, &links) };
            }
            return;
        }
        self.write(out, registers, tile, |bytes, registers| {
            let (first, links) =
                (self.rows(&chain.first, registers, tile), self.links(chain, registers, tile));
            let row = tile.columns * usize::from(out.size);
            if row < LONG {
                return (chain.run)(Out::CachedRows(bytes, row), (0, 0), first, &links);
            }
            for (row, out) in bytes.chunks_mut(row).enumerate() {
                (chain.run)(Out::Cached(out), (row, 0), first, &links);
            }
        });
    }

    /// Copies the elements of a row operand, unless they are where one slice has them.
    pub(super) fn copy_rows(&self, row: Lanes, registers: &mut Registers, tile: Tile) {
        let Place::Row { operand, register, same } = row.place else {
            unreachable!("only a row is gathered as one")
        };
        if self.row(&self.views[usize::from(operand)], same, tile).is_none() {
            let out = Lanes { place: Place::Register(register), ..row };
            self.gather(operand, out, registers, tile);
        }
    }

    /// Runs a chain on each row of a block, and asks memory for what is ahead as it goes.
    pub(super) fn chain_by_rows(
        &self,
        chain: &Chain,
        (operand, past_cache): (u8, bool),
        registers: &Registers,
        tile: Tile,
        ahead: Ahead<'_>,
    ) {
        let view = &self.views[usize::from(operand)];
        let Some((offset, step, _)) = self.rows_of(view, false, tile) else {
            unreachable!("a contiguous operand has rows")
        };
        let first = self.rows(&chain.first, registers, tile);
        let links = self.links(chain, registers, tile);
        let mut ahead = ahead.in_steps(tile.rows);
        for row in 0..tile.rows {
            ahead.ask();
            let from = offset + row * step;
            if past_cache {
                let place = (from, tile.columns);
                // SAFETY: elements of this tile, of a buffer that is stored to and not loaded.
                unsafe { run_past_cache(chain, view, place, row, first, &links) };
            } else {
                // SAFETY: elements of this tile, of a buffer that is read from registers alone.
                let out = unsafe { view.slice_mut(from, tile.columns) };
                (chain.run)(Out::Cached(out), (row, 0), first, &links);
            }
        }
    }

    /// What the links of a chain take beside.
    fn links<'r>(
        &'r self,
        chain: &Chain,
        registers: &'r Registers,
        tile: Tile,
    ) -> SmallVec<[(Link, Rows<'r>); ROW_LINKS]> {
        let links = chain.links.iter();
        links.map(|(link, other)| (*link, self.rows(other, registers, tile))).collect()
    }

    /// The rows of a block's lanes, or of several whole rows.
    pub(super) fn rows<'r>(
        &'r self,
        &Argument { lanes, uniform }: &Argument,
        registers: &'r Registers,
        tile: Tile,
    ) -> Rows<'r> {
        if let Place::Row { operand, same, .. } = lanes.place {
            let view = &self.views[usize::from(operand)];
            if let Some((offset, step, len)) = self.rows_of(view, same, tile) {
                // SAFETY: elements of this tile, of an operand whose buffer is not stored to.
                return unsafe { view.rows(offset, tile.rows, (step, len)) };
            }
        }
        let bytes = self.read(lanes, registers, tile);
        let bytes = if uniform { &bytes[..usize::from(lanes.size)] } else { bytes };
        Rows::of(bytes, tile.rows, uniform)
    }

    /// Of an operand whose rows of a block, or whole ones, are where they lie: where the first begins, how far
    /// it is to the next, and how many elements each has: one for each point, or one, if that is all and `same`
    /// is true.
    pub(super) fn rows_of(
        &self,
        view: &View<'_>,
        same: bool,
        tile: Tile,
    ) -> Option<(usize, usize, usize)> {
        let len = view.run_of(tile.columns, same)?;
        let dim = match (&self.grid, tile.rows) {
            (Some(grid), _) => grid.dim,
            (None, 1) => return None,
            (None, _) => self.shape.len() - 2,
        };
        let offset = offset_at(self.shape, view.strides, tile.start);
        Some((offset, view.strides[dim], len))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::CpuBackend;
    use super::super::super::plan::{Form, Purpose};
    use super::super::super::tests::{Builder, assert_as_reference, buffer, row_major};
    use super::*;
    use crate::backend::Launch;
    use crate::dtype::DType;
    use crate::kernel::Expr;
    use crate::ops::Op;

    /// Two launches of `(a * b - a) * c`, or the exponential of that, of operands with these strides, to a
    /// buffer each.
    fn launches(
        backend: &CpuBackend,
        shape: &[usize],
        strides: &[Vec<usize>; 3],
        is_applied: bool,
    ) -> [Launch; 2] {
        let values: Vec<f32> = (0..8000).map(|i| (i * 37 % 101) as f32 / 64.0 - 0.7).collect();
        let values = buffer(backend, &values);
        [(); 2].map(|()| {
            let mut k = Builder::new(shape);
            let out = buffer(backend, &vec![0_f32; shape.iter().product()]);
            let [from, to] = [&values, &out].map(|b| k.buffer(b));
            let [a, b, c] = [0, 1, 2].map(|i| {
                let operand = k.view(from, DType::F32, 5 * i, &strides[i]);
                k.load(operand)
            });
            let to = k.view(to, DType::F32, 0, &row_major(shape));
            let mut value = k.node(DType::F32, Expr::Binary(Op::Mul, [a, b]));
            value = k.node(DType::F32, Expr::Binary(Op::Sub, [value, a]));
            value = k.node(DType::F32, Expr::Binary(Op::Mul, [value, c]));
            if is_applied {
                value = k.node(DType::F32, Expr::Unary(Op::Exp, value));
            }
            k.store(to, value);
            k.launch
        })
    }

    #[test]
    fn chains_on_whole_rows_have_the_bits_of_single_points() {
        let backend = CpuBackend::new();
        for inner in [SHORT - 1, SHORT, SHORT + 1, 16, 33, 64, 100, 300] {
            for shape in [vec![12, inner], vec![3, 4, inner], vec![2, 7, inner], vec![1, inner]] {
                // Part of a larger one, and broadcast along each dimension.
                let mut apart = row_major(&shape).to_vec();
                apart.iter_mut().rev().skip(1).for_each(|stride| *stride += 3);
                let mut all = vec![apart, row_major(&shape).to_vec()];
                all.extend((0..shape.len()).map(|dim| {
                    let mut strides = vec![0; shape.len()];
                    strides[dim] = 1;
                    strides
                }));
                for (i, a) in all.iter().enumerate() {
                    for (j, b) in all.iter().enumerate() {
                        let c = &all[(i * 3 + j) % all.len()];
                        for is_applied in [false, true] {
                            let strides = [a.clone(), b.clone(), c.clone()];
                            let [ours, theirs] = launches(&backend, &shape, &strides, is_applied);
                            let what = (&shape, &strides, is_applied);
                            assert_as_reference(&backend, &ours, &theirs, what);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn tiles_are_several_rows_where_chains_alone_read_them() {
        let backend = CpuBackend::new();
        let tile = |shape: &[usize], op| {
            let mut k = Builder::new(shape);
            let mut row = vec![0; shape.len()];
            row[shape.len() - 1] = 1;
            let values = buffer(&backend, &vec![0_f32; shape.iter().product()]);
            let [from, to] = [0, 1].map(|_| k.buffer(&values));
            let from = k.view(from, DType::F32, 0, &row);
            let to = k.view(to, DType::F32, 0, &row_major(shape));
            let a = k.load(from);
            let value = k.node(DType::F32, Expr::Binary(op, [a, a]));
            k.store(to, value);
            let (code, args) = (&k.launch.kernel.code, &k.launch.kernel.args);
            let program = Program::compile(code, Form::of(code, args), Purpose::Stores);
            [several_rows(&program, shape), several_folded_rows(&program, shape)]
        };
        let most = FEW_REGISTERS / 4;
        let plain = |shape: &[usize], op| tile(shape, op)[0];
        assert_eq!(plain(&[100, 16], Op::Add), Some(most / 16 * 16));
        assert_eq!(plain(&[3, 16], Op::Add), Some(3 * 16));
        assert_eq!(plain(&[9, 6, 16], Op::Add), Some(6 * 16));
        assert_eq!(plain(&[9, 97, 16], Op::Add), None);
        assert_eq!(plain(&[100, SHORT - 1], Op::Add), None);
        assert_eq!(plain(&[100, most], Op::Add), None);
        assert_eq!(plain(&[100, 16], Op::Maximum), None);
        // More than of a tile that is not of whole rows.
        let [_, folded] = tile(&[1000, 16], Op::Add);
        assert_eq!(folded, Some(FOLDED / 4));
        assert!(folded > Some(REGISTER / 4));
    }
}
