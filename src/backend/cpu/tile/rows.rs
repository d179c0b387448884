//! Chains on the rows of a block, Note [Rows of blocks] of `plan`, or of a range of points.
//!
//! # Note [Chains of rows]
//! Where all that a launch does is a chain whose result is contiguous, and what it takes beside lies in rows, be
//! they one element each as in a column that is added, a tile is many rows, and the chain runs on one after
//! the other where they lie. As tiles of their own, rows would cost some hundred instructions more each.
#![allow(unsafe_code, reason = "uses views, for the elements of the tile it runs")]

use smallvec::SmallVec;

use super::super::chain::Out;
use super::super::plan::{Argument, Chain, Place, ROW_LINKS};
use super::super::points::{Tile, each_row, offset_of};
use super::super::registers::Registers;
use super::super::view::{Ahead, Rows, View};
use super::Launched;
use super::steps::run_past_cache;

impl Launched<'_> {
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
        let links = chain.links.iter();
        let links: SmallVec<[_; ROW_LINKS]> =
            links.map(|(link, other)| (*link, self.rows(other, registers, tile))).collect();
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

    /// Runs a chain on each row of a tile: Note [Chains of rows].
    pub(super) fn chain_in_rows(
        &self,
        chain: &Chain,
        operand: usize,
        registers: &Registers,
        tile: Tile,
    ) {
        let view = &self.views[operand];
        each_row(self.shape, view.strides, tile.start, tile.len, |lane, block| {
            let place = (tile.start + lane, block.rows, block.columns);
            let first = self.rows_from(&chain.first, registers, place);
            let links = chain.links.iter();
            let links: SmallVec<[_; ROW_LINKS]> = links
                .map(|(link, other)| (*link, self.rows_from(other, registers, place)))
                .collect();
            // SAFETY: elements of this tile, of a buffer that the chain does not read.
            let out = unsafe { view.slice_mut(block.offset, block.len()) };
            for (row, out) in out.chunks_exact_mut(block.columns * view.size).enumerate() {
                (chain.run)(Out::Cached(out), (row, 0), first, &links);
            }
        });
    }

    /// So many rows, from this point on, of what a chain of rows takes.
    fn rows_from<'r>(
        &'r self,
        &Argument { lanes, .. }: &Argument,
        registers: &'r Registers,
        (point, count, columns): (usize, usize, usize),
    ) -> Rows<'r> {
        let (operand, same) = match lanes.place {
            Place::Row { operand, same, .. } => (operand, same),
            Place::Memory(operand) => (operand, false),
            // The same everywhere.
            _ => {
                let lanes = self.read(lanes, registers, Tile::range(point, 1));
                return Rows::of(lanes, count, true);
            }
        };
        let view = &self.views[usize::from(operand)];
        let Some(len) = view.run_of(columns, same) else { unreachable!("as `Launched::new` saw") };
        let (offset, ..) = offset_of(self.shape, view.strides, point);
        let step = match view.strides {
            [.., step, _] => *step,
            _ => 0,
        };
        // SAFETY: elements of this tile, of an operand whose buffer is not stored to.
        unsafe { view.rows(offset, count, (step, len)) }
    }

    /// The rows of a block's lanes.
    fn rows<'r>(
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

    /// Of an operand whose rows of a block are where they lie: where the first begins, how far it is to the
    /// next, and how many elements each has: one for each point, or one, if that is all and `same` is true.
    pub(super) fn rows_of(
        &self,
        view: &View<'_>,
        same: bool,
        tile: Tile,
    ) -> Option<(usize, usize, usize)> {
        let len = view.run_of(tile.columns, same)?;
        let grid = self.grid.as_ref()?;
        let (offset, ..) = offset_of(self.shape, view.strides, tile.start);
        Some((offset, view.strides[grid.dim], len))
    }
}
