//! Folds by a row of the op table, in the order of Note [Fixed tree] of `kernel`.

use super::super::convert;
use super::super::ops::{FoldLoops, fold_of};
use super::super::plan::lane_size;
use super::super::tile::Scratch;
use super::inner::Line;
use super::outer::Panel;
use crate::dtype::DType;
use crate::kernel::{INNER_BLOCK, INNER_LANES, OUTER_BLOCK};
use crate::ops::Op;

/// An operation that folds, in a dtype, with its identity.
pub(super) struct Folder {
    pub(super) loops: FoldLoops,
    pub(super) round: Option<fn(&mut [u8])>,
    pub(super) size: usize,
    /// Bits of the lane.
    identity: u64,
}

impl Folder {
    /// `bits` is the stored form of the identity.
    pub(super) fn new(op: Op, dtype: DType, bits: u64) -> Self {
        Self {
            loops: fold_of(op, dtype),
            round: convert::round(dtype),
            size: usize::from(lane_size(dtype.lane())),
            identity: convert::scalar_lane(dtype, bits),
        }
    }

    /// Folds run after run of `values` into the lanes of `into`.
    pub(super) fn accumulate(&self, into: &mut [u8], values: &[u8]) {
        match self.round {
            None => (self.loops.accumulate)(into, values),
            Some(round) => {
                for run in values.chunks_exact(into.len()) {
                    (self.loops.accumulate)(into, run);
                    round(into);
                }
            }
        }
    }

    /// Sets lanes to the identity.
    pub(super) fn reset(&self, lanes: &mut [u8]) {
        fill(lanes, self.size, self.identity);
    }

    /// Halves the lanes until one is left, the first.
    fn halve(&self, lanes: &mut [u8]) {
        let mut bytes = lanes.len() / 2;
        while bytes >= self.size {
            let (low, high) = lanes[..2 * bytes].split_at_mut(bytes);
            self.accumulate(low, high);
            bytes /= 2;
        }
    }
}

/// Fills lanes of `size` bytes with these bits.
fn fill(lanes: &mut [u8], size: usize, bits: u64) {
    match size {
        4 => bytemuck::cast_slice_mut::<u8, u32>(lanes).fill(bits as u32),
        _ => bytemuck::cast_slice_mut::<u8, u64>(lanes).fill(bits),
    }
}

/// The values of blocks, side by side in lanes, folded pairwise as they come: of each level at most
/// one waits for its right neighbour.
struct Pairwise {
    levels: Vec<Scratch>,
    /// A bit for each level where one waits.
    waiting: u64,
    bytes: usize,
}

impl Pairwise {
    fn new() -> Self {
        Self { levels: Vec::new(), waiting: 0, bytes: 0 }
    }

    /// Begins with blocks whose values take `bytes` bytes.
    fn begin(&mut self, bytes: usize) {
        self.waiting = 0;
        self.bytes = bytes;
    }

    /// Adds the next block's value, or the next node of a higher level; the memory is taken for another.
    fn push(&mut self, folder: &Folder, value: &mut Scratch, mut level: usize) {
        while self.waiting & 1 << level != 0 {
            folder.accumulate(self.levels[level].bytes(self.bytes), value.bytes(self.bytes));
            std::mem::swap(&mut self.levels[level], value);
            self.waiting &= !(1 << level);
            level += 1;
        }
        while self.levels.len() <= level {
            self.levels.push(Scratch::default());
        }
        std::mem::swap(&mut self.levels[level], value);
        self.waiting |= 1 << level;
    }

    /// Folds what waits, from the right; at least one block has come.
    fn finish(&mut self, folder: &Folder) -> &mut Scratch {
        let mut last = self.waiting.trailing_zeros() as usize;
        self.waiting &= self.waiting - 1;
        while self.waiting != 0 {
            let next = self.waiting.trailing_zeros() as usize;
            self.waiting &= self.waiting - 1;
            let (lower, upper) = self.levels.split_at_mut(next);
            folder.accumulate(upper[0].bytes(self.bytes), lower[last].bytes(self.bytes));
            last = next;
        }
        &mut self.levels[last]
    }
}

/// The inner form, one kept point after the other.
pub(super) struct TreeLine<'f> {
    folder: &'f Folder,
    lanes: Scratch,
    /// Elements of the block so far.
    taken: usize,
    blocks: Pairwise,
    block: Scratch,
}

impl<'f> TreeLine<'f> {
    pub(super) fn new(folder: &'f Folder) -> Self {
        let mut line = Self {
            folder,
            lanes: Scratch::default(),
            taken: 0,
            blocks: Pairwise::new(),
            block: Scratch::default(),
        };
        line.begin();
        line
    }

    fn begin(&mut self) {
        self.taken = 0;
        self.folder.reset(self.lanes.bytes(INNER_LANES * self.folder.size));
        self.blocks.begin(self.folder.size);
    }

    fn end_block(&mut self) {
        let size = self.folder.size;
        let lanes = self.lanes.bytes(INNER_LANES * size);
        self.folder.halve(lanes);
        self.block.bytes(size).copy_from_slice(&lanes[..size]);
        self.folder.reset(lanes);
        self.blocks.push(self.folder, &mut self.block, 0);
        self.taken = 0;
    }
}

impl Line for TreeLine<'_> {
    /// Bits of the lane.
    type Part = u64;

    const BLOCK: usize = INNER_BLOCK;

    fn take(&mut self, mut values: &[u8]) {
        let size = self.folder.size;
        while !values.is_empty() {
            if self.taken == INNER_BLOCK {
                self.end_block();
            }
            let lanes = self.lanes.bytes(INNER_LANES * size);
            let (lane, left) = (self.taken % INNER_LANES, values.len() / size);
            let (into, count) = if lane == 0 && left >= INNER_LANES {
                let rows = (left.min(INNER_BLOCK - self.taken)) / INNER_LANES;
                (lanes, rows * INNER_LANES)
            } else {
                let count = left.min(INNER_LANES - lane);
                (&mut lanes[lane * size..(lane + count) * size], count)
            };
            let (now, rest) = values.split_at(count * size);
            self.folder.accumulate(into, now);
            self.taken += count;
            values = rest;
        }
    }

    fn finish(&mut self) -> u64 {
        if self.taken > 0 {
            self.end_block();
        }
        let size = self.folder.size;
        let bits = read(self.blocks.finish(self.folder).bytes(size));
        self.blocks.begin(size);
        bits
    }

    fn join(&mut self, parts: &[u64]) -> u64 {
        let size = self.folder.size;
        for &part in parts {
            fill(self.block.bytes(size), size, part);
            self.blocks.push(self.folder, &mut self.block, 0);
        }
        self.finish()
    }
}

/// The bits of a lane.
fn read(lane: &[u8]) -> u64 {
    match lane.len() {
        4 => u64::from(bytemuck::pod_read_unaligned::<u32>(lane)),
        _ => bytemuck::pod_read_unaligned(lane),
    }
}

/// The outer form: kept points side by side, one row of the reduced range after the other.
pub(super) struct TreePanel<'f> {
    folder: &'f Folder,
    lanes: Scratch,
    bytes: usize,
    /// Rows of the block so far.
    rows: usize,
    blocks: Pairwise,
}

impl<'f> TreePanel<'f> {
    pub(super) fn new(folder: &'f Folder) -> Self {
        let lanes = Scratch::default();
        Self { folder, lanes, bytes: 0, rows: 0, blocks: Pairwise::new() }
    }

    fn end_block(&mut self) {
        self.blocks.push(self.folder, &mut self.lanes, 0);
        self.folder.reset(self.lanes.bytes(self.bytes));
        self.rows = 0;
    }
}

impl Panel for TreePanel<'_> {
    type Part = Scratch;

    const BLOCK: usize = OUTER_BLOCK;

    fn begin(&mut self, width: usize, _: usize) {
        self.bytes = width * self.folder.size;
        self.rows = 0;
        self.folder.reset(self.lanes.bytes(self.bytes));
        self.blocks.begin(self.bytes);
    }

    fn take(&mut self, column: usize, values: &[u8]) {
        let from = column * self.folder.size;
        let lanes = self.lanes.bytes(self.bytes);
        self.folder.accumulate(&mut lanes[from..from + values.len()], values);
    }

    fn end_row(&mut self) {
        self.rows += 1;
        if self.rows == OUTER_BLOCK {
            self.end_block();
        }
    }

    fn finish(&mut self) -> &mut Scratch {
        if self.rows > 0 {
            self.end_block();
        }
        self.blocks.finish(self.folder)
    }

    fn join(&mut self, parts: &mut [Scratch]) -> &mut Scratch {
        for part in parts {
            self.blocks.push(self.folder, part, 0);
        }
        self.blocks.finish(self.folder)
    }

    fn results(part: &mut Scratch, bytes: usize) -> &[u8] {
        part.bytes(bytes)
    }
}
