//! Scattering of rows: where one address holds along the innermost dimension.
//!
//! The elements of a row go to places that follow each other, so they are copied or folded as vectors.
//! Note [Ranges of the target] holds as for single elements: of each row a thread writes what lies in its
//! range, and reads no other source. No two points of a row meet, and rows come in their order: so each
//! element has its sources in the order of the points.

use super::super::super::registers::Scratch;
use super::super::super::view::Block;
use super::{Addresses, Job, Lanes, Write};

/// Elements of a row that are written at a time.
const PIECE: usize = 1024;
/// Elements of a row below which writing one after the other takes no longer.
pub(super) const SHORT: usize = 16;

/// How long the rows are, if points that are next to each other in the target share their address.
pub(super) fn row_len(shape: &[usize], addresses: &[usize], target: &[usize]) -> Option<usize> {
    let len = *shape.last()?;
    let are_rows = addresses.last() == Some(&0) && target.last() == Some(&1);
    (are_rows && len >= SHORT).then_some(len)
}

impl Job<'_> {
    /// Writes what of each row, of `len` elements, goes to `own`, the elements from `first` on of the
    /// target's buffer. The blocks are of the rows' first points.
    pub(super) fn scatter_rows(&self, len: usize, first: usize, own: &mut [u8], write: &Write) {
        let size = self.sources.size;
        let end = first + own.len() / size;
        let step = self.sources.strides.last().copied().unwrap_or(0);
        let (mut memory, mut wide) = (Scratch::default(), Vec::new());
        let (mut sources, mut lanes) = (Scratch::default(), Default::default());
        for at in self.blocks_of(first, own.len() / size) {
            wide.clear();
            match self.addresses.addresses(&at, &mut memory) {
                Addresses::Narrow(addresses) => {
                    wide.extend(addresses.iter().map(|&at| i64::from(at)))
                }
                Addresses::Wide(addresses) => wide.extend_from_slice(addresses),
            }
            let target = at.block(&self.target.strides);
            let source = at.block(self.sources.strides);
            for (row, &address) in wide.iter().enumerate().filter(|(_, at)| **at >= 0) {
                let place = self.target.offset + target.offset + row * target.row_stride;
                let start = (place as i64).wrapping_add(address) as usize;
                let (from, to) = (start.max(first), start.saturating_add(len).min(end));
                for from in (from..to).step_by(PIECE) {
                    let columns = PIECE.min(to - from);
                    let offset = source.offset + row * source.row_stride + (from - start) * step;
                    let block = Block { column_stride: step, ..Block::row(offset, columns) };
                    let values = match step {
                        // SAFETY: the elements of points of the row, which nobody writes: `verify` says
                        // that the target has another buffer.
                        1 => unsafe { self.sources.slice(offset, columns) },
                        _ => {
                            let values = sources.bytes(columns * size);
                            // SAFETY: as above.
                            unsafe { self.sources.gather(block, values) };
                            values
                        }
                    };
                    let own = &mut own[(from - first) * size..][..columns * size];
                    write.to_row(own, values, &mut lanes);
                }
            }
        }
    }
}

impl Write {
    /// As many sources as the target has elements, in their order.
    fn to_row(&self, target: &mut [u8], sources: &[u8], memory: &mut [Scratch; 2]) {
        match *self {
            Self::Assign => target.copy_from_slice(sources),
            Self::Fold { loops, lanes: None } => (loops.accumulate)(target, sources),
            Self::Fold { loops, lanes: Some(Lanes { widen, narrow, stored, size }) } => {
                let len = target.len() / stored;
                let [into, values] = memory.each_mut().map(|memory| memory.bytes(len * size));
                widen(into, target, &[], &[]);
                widen(values, sources, &[], &[]);
                (loops.accumulate)(into, values);
                narrow(target, into, &[], &[]);
            }
        }
    }
}
