//! Folds by a row of the op table, in the order of Note [Fixed tree] of `kernel`.
//!
//! # Note [Neutral]
//! Of an identity `e` that is the neutral element, `y ∘ e` is `y` for all `y`, but for the sum of -0 and
//! 0; and a sum that has begun with 0 is never -0, nor do sums of such become it. So where few
//! elements leave lanes with only `e`, these need not be folded; nor must the upper half of the lanes
//! begin with `e` that is then folded into a lower half that did.

use bytemuck::cast_slice_mut;

use super::super::blocks::block_loop;
use super::super::convert;
use super::super::ints::int_loop;
use super::super::lanes::Blocks;
use super::super::ops::{FoldLoops, fold_of};
use super::super::plan::lane_size;
use super::super::registers::Scratch;
use super::inner::Line;
use super::outer::Panel;
use super::pieces::{Pieces, pick};
use super::products::product_scan;
use super::rows::{LENS, row_loop};
use crate::dtype::{DType, Lane};
use crate::kernel::{INNER_BLOCK, INNER_LANES, OUTER_BLOCK};
use crate::ops::Op;

/// An operation that folds, in a dtype, with its identity.
pub(super) struct Folder {
    pub(super) loops: FoldLoops,
    /// Of rows of a length in [`LENS`], if there is one, and of how many values at most it is the quicker.
    rows: Option<(Blocks, usize)>,
    pub(super) round: Option<fn(&mut [u8])>,
    pub(super) size: usize,
    /// Bits of the lane.
    pub(super) identity: u64,
    /// Note [Neutral].
    neutral: bool,
}

impl Folder {
    /// `bits` is the stored form of the identity.
    pub(super) fn new(op: Op, dtype: DType, bits: u64) -> Self {
        let mut loops = fold_of(op, dtype);
        if let Some(scan) = product_scan(op, dtype) {
            loops.scan = scan;
        }
        let mut most = *LENS.end();
        let neutral = is_neutral(op, dtype, convert::scalar_lane(dtype, bits));
        // An extreme is one of the values, which are what the dtype can be already.
        let is_extreme = matches!(op, Op::Maximum | Op::Minimum);
        let computed = if is_extreme { lane_dtype(dtype) } else { dtype };
        if let Some(blocks) = block_loop(op, computed) {
            loops.blocks = blocks;
            most = FEW - 1;
        } else if let Some(blocks) = int_loop(op, computed).filter(|_| neutral) {
            loops.blocks = blocks;
        }
        Self {
            loops,
            rows: row_loop(op, computed).filter(|_| neutral).map(|rows| (rows, most)),
            round: convert::round(dtype).filter(|_| !is_extreme),
            size: usize::from(lane_size(dtype.lane())),
            identity: convert::scalar_lane(dtype, bits),
            neutral,
        }
    }

    /// The loop that folds rows of so many values, each into an element, if there is one.
    pub(super) fn rows_of(&self, len: usize) -> Option<Blocks> {
        match self.rows {
            Some((run, most)) if (*LENS.start()..=most).contains(&len) => Some(run),
            _ if (FEW..=INNER_BLOCK).contains(&len) && self.round.is_none() => {
                Some(self.loops.blocks)
            }
            _ => None,
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

    /// Halves [`INNER_LANES`] lanes that began with the identity until one is left, the first of `out`.
    fn halve(&self, lanes: &mut [u8], out: &mut [u8]) {
        if self.neutral && self.round.is_none() {
            return (self.loops.blocks)(out, lanes, INNER_LANES, self.identity);
        }
        let mut bytes = lanes.len() / 2;
        while bytes >= self.size {
            let (low, high) = lanes[..2 * bytes].split_at_mut(bytes);
            self.accumulate(low, high);
            bytes /= 2;
        }
        out.copy_from_slice(&lanes[..self.size]);
    }
}

/// The dtype whose numbers are all that its lane can be.
fn lane_dtype(dtype: DType) -> DType {
    match dtype.lane() {
        Lane::I32 => DType::I32,
        Lane::I64 => DType::I64,
        Lane::F32 => DType::F32,
        Lane::F64 => DType::F64,
    }
}

/// Whether Note [Neutral] holds of the identity whose lane has these bits.
fn is_neutral(op: Op, dtype: DType, bits: u64) -> bool {
    let int = |value: i64| match dtype {
        DType::I64 => value as u64,
        _ => u64::from(value as i32 as u32),
    };
    let float = |value: f64| match dtype {
        DType::F64 => value.to_bits(),
        _ => u64::from((value as f32).to_bits()),
    };
    let [low, high] = match dtype {
        DType::Bool => [0, 1],
        DType::U8 => [int(0), int(u8::MAX.into())],
        DType::I8 => [int(i8::MIN.into()), int(i8::MAX.into())],
        DType::I16 => [int(i16::MIN.into()), int(i16::MAX.into())],
        DType::I32 => [int(i32::MIN.into()), int(i32::MAX.into())],
        DType::I64 => [int(i64::MIN), int(i64::MAX)],
        _ => [float(f64::NEG_INFINITY), float(f64::INFINITY)],
    };
    bits == match op {
        Op::Add => 0,
        Op::Mul if dtype.is_floating_point() => float(1.0),
        Op::Mul => 1,
        Op::Maximum => low,
        Op::Minimum => high,
        _ => return false,
    }
}

/// Fills lanes of `size` bytes with these bits.
fn fill(lanes: &mut [u8], size: usize, bits: u64) {
    match size {
        4 => cast_slice_mut::<u8, u32>(lanes).fill(bits as u32),
        _ => cast_slice_mut::<u8, u64>(lanes).fill(bits),
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

/// Pushes the values of blocks, one after the other.
fn push_all(blocks: &mut Pairwise, folder: &Folder, memory: &mut Scratch, values: &[u8]) {
    for value in values.chunks_exact(folder.size) {
        memory.bytes(folder.size).copy_from_slice(value);
        blocks.push(folder, memory, 0);
    }
}

/// Values of a kept point that are worth [`INNER_LANES`] lanes.
pub(super) const FEW: usize = INNER_LANES / 2;

/// The inner form, one kept point after the other.
pub(super) struct TreeLine<'f> {
    folder: &'f Folder,
    lanes: Scratch,
    /// Elements of the block so far.
    taken: usize,
    blocks: Pairwise,
    block: Scratch,
    halves: [Scratch; 2],
}

impl<'f> TreeLine<'f> {
    pub(super) fn new(folder: &'f Folder) -> Self {
        let mut line = Self {
            folder,
            lanes: Scratch::default(),
            taken: 0,
            blocks: Pairwise::new(),
            block: Scratch::default(),
            halves: Default::default(),
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
        self.folder.halve(lanes, self.block.bytes(size));
        self.folder.reset(lanes);
        self.blocks.push(self.folder, &mut self.block, 0);
        self.taken = 0;
    }

    fn whole_blocks(&mut self, values: &[u8]) {
        let [nodes, _] = &mut self.halves;
        let nodes = nodes.bytes(values.len() / INNER_BLOCK);
        (self.folder.loops.blocks)(nodes, values, INNER_BLOCK, self.folder.identity);
        push_all(&mut self.blocks, self.folder, &mut self.block, nodes);
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
            let left = values.len() / size;
            if self.taken == 0 && left >= INNER_BLOCK && self.folder.round.is_none() {
                let (now, rest) = values.split_at(left / INNER_BLOCK * INNER_BLOCK * size);
                self.whole_blocks(now);
                values = rest;
                continue;
            }
            let lanes = self.lanes.bytes(INNER_LANES * size);
            let lane = self.taken % INNER_LANES;
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

    fn take_blocks(&mut self, results: &[u8]) {
        push_all(&mut self.blocks, self.folder, &mut self.block, results);
    }

    fn rows(&mut self, len: usize, values: &[u8], out: &mut [u8]) -> bool {
        let (folder, size) = (self.folder, self.folder.size);
        if let Some(run) = folder.rows_of(len) {
            run(out, values, len, folder.identity);
            return true;
        }
        if len > INNER_LANES || !folder.neutral {
            return false;
        }
        folder.reset(out);
        if len == 1 {
            folder.accumulate(out, values);
            return true;
        }
        let rows = values.len() / size / len;
        let mut half = len.next_power_of_two() / 2;
        let [low, high] = &mut self.halves;
        let (lows, highs) = (low.bytes(rows * half * size), high.bytes(rows * half * size));
        pick(lows, half, values, Pieces { size, len: half, period: len, from: 0 });
        if len < 2 * half {
            folder.reset(highs);
        }
        pick(highs, half, values, Pieces { size, len: len - half, period: len, from: half });
        let lanes = self.lanes.bytes(rows * half * size);
        folder.reset(lanes);
        folder.accumulate(lanes, lows);
        folder.accumulate(lanes, highs);
        while half > 1 {
            let (period, bytes) = (half, rows * half * size);
            half /= 2;
            let lanes = &self.lanes.bytes(bytes)[..bytes];
            let (lows, highs) = (low.bytes(bytes / 2), high.bytes(bytes / 2));
            pick(lows, half, lanes, Pieces { size, len: half, period, from: 0 });
            pick(highs, half, lanes, Pieces { size, len: half, period, from: half });
            folder.accumulate(lows, highs);
            std::mem::swap(&mut self.lanes, low);
        }
        out.copy_from_slice(self.lanes.bytes(rows * size));
        self.begin();
        true
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
    halves: [Scratch; 2],
}

impl<'f> TreePanel<'f> {
    pub(super) fn new(folder: &'f Folder) -> Self {
        let lanes = Scratch::default();
        let halves = Default::default();
        Self { folder, lanes, bytes: 0, rows: 0, blocks: Pairwise::new(), halves }
    }

    /// Folds rows of as many whole blocks as a power of two, into one node of the tree.
    fn blocks(&mut self, values: &[u8], level: usize) {
        let (folder, size, width) = (self.folder, self.folder.size, self.bytes / self.folder.size);
        let [low, high] = &mut self.halves;
        let mut bytes = self.bytes << level;
        let lanes = self.lanes.bytes(bytes);
        folder.reset(lanes);
        for row in 0..OUTER_BLOCK {
            let pieces =
                Pieces { size, len: width, period: OUTER_BLOCK * width, from: row * width };
            let rows = low.bytes(bytes);
            pick(rows, width, values, pieces);
            folder.accumulate(lanes, rows);
        }
        for _ in 0..level {
            let lanes = &self.lanes.bytes(bytes)[..bytes];
            bytes /= 2;
            let (lows, highs) = (low.bytes(bytes), high.bytes(bytes));
            pick(lows, width, lanes, Pieces { size, len: width, period: 2 * width, from: 0 });
            pick(highs, width, lanes, Pieces { size, len: width, period: 2 * width, from: width });
            folder.accumulate(lows, highs);
            std::mem::swap(&mut self.lanes, low);
        }
        self.blocks.push(folder, &mut self.lanes, level);
        folder.reset(self.lanes.bytes(self.bytes));
    }

    /// Folds rows of one block.
    fn take_rows(&mut self, values: &[u8]) {
        self.folder.accumulate(self.lanes.bytes(self.bytes), values);
        self.end_rows(values.len() / self.bytes);
    }

    fn end_rows(&mut self, rows: usize) {
        self.rows += rows;
        if self.rows == OUTER_BLOCK {
            self.end_block();
        }
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

    fn rows(&mut self, mut values: &[u8]) {
        /// Bytes of a row that is worth a call of its own.
        const WIDE: usize = 256;
        while !values.is_empty() {
            let blocks = values.len() / self.bytes / OUTER_BLOCK;
            // As the number of blocks so far allows: its bits are those of what waits.
            let level = blocks.max(1).ilog2().min(self.blocks.waiting.trailing_zeros());
            let rows = if self.rows == 0 && self.bytes < WIDE && level > 0 {
                let rows = OUTER_BLOCK << level;
                self.blocks(&values[..rows * self.bytes], level as usize);
                rows
            } else {
                let rows = (values.len() / self.bytes).min(OUTER_BLOCK - self.rows);
                self.take_rows(&values[..rows * self.bytes]);
                rows
            };
            values = &values[rows * self.bytes..];
        }
    }

    fn end_row(&mut self) {
        self.end_rows(1);
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
