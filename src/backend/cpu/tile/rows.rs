//! Chains on the rows of a block: Note [Rows of blocks] of `plan`.
#![allow(unsafe_code, reason = "uses views, for the elements of the tile it runs")]

use smallvec::SmallVec;

use super::super::chain::Out;
use super::super::plan::{Argument, Chain, Place, ROW_LINKS};
use super::super::points::{Tile, offset_of};
use super::super::registers::Registers;
use super::super::view::View;
use super::steps::run_past_cache;
use super::{Ahead, Launched};

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
        let first = self.lines(&chain.first, registers, tile);
        let links = chain.links.iter();
        let links = links.map(|(link, other)| (*link, self.lines(other, registers, tile)));
        let links: SmallVec<[_; ROW_LINKS]> = links.collect();
        for row in 0..tile.rows {
            ahead.part(row, tile.rows).ask();
            // Made anew: what is changed in place is slow to read at once.
            let links: SmallVec<[_; ROW_LINKS]> =
                links.iter().map(|(link, lines)| (*link, lines.line(row))).collect();
            let (first, from) = (first.line(row), offset + row * step);
            if past_cache {
                // SAFETY: elements of this tile, of a buffer that is stored to and not loaded.
                unsafe { run_past_cache(chain, view, (from, tile.columns), first, &links) };
            } else {
                // SAFETY: elements of this tile, of a buffer that is read from registers alone.
                let out = unsafe { view.slice_mut(from, tile.columns) };
                (chain.run)(Out::Cached(out), 0, first, &links);
            }
        }
    }

    /// The rows of a block's lanes.
    fn lines<'r>(
        &'r self,
        &Argument { lanes, uniform }: &Argument,
        registers: &'r Registers,
        tile: Tile,
    ) -> Lines<'r> {
        let size = usize::from(lanes.size);
        if let Place::Row { operand, same, .. } = lanes.place {
            let view = &self.views[usize::from(operand)];
            if let Some((offset, step, len)) = self.rows_of(view, same, tile) {
                return Lines::Memory { view, offset, step, len };
            }
        }
        let bytes = self.read(lanes, registers, tile);
        if uniform {
            return Lines::Register { bytes: &bytes[..size], step: 0, len: size };
        }
        let len = if bytes.is_empty() { 0 } else { tile.columns * size };
        Lines::Register { bytes, step: len, len }
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

/// Rows of lanes, in bytes or in elements of an operand.
enum Lines<'r> {
    Register { bytes: &'r [u8], step: usize, len: usize },
    Memory { view: &'r View<'r>, offset: usize, step: usize, len: usize },
}

impl<'r> Lines<'r> {
    fn line(&self, row: usize) -> &'r [u8] {
        match *self {
            Self::Register { bytes, step, len } => &bytes[row * step..][..len],
            // SAFETY: elements of this tile, of an operand whose buffer is not stored to.
            Self::Memory { view, offset, step, len } => unsafe {
                view.slice(offset + row * step, len)
            },
        }
    }
}
