//! Scattering: a source to each address, in the order of the points.
//!
//! Element by element, or where rows have one address each as rows (`rows`).
//!
//! # Note [Ranges of the target]
//! What an element becomes depends on the order of the points that reach it, and on nothing else. So
//! each thread has ranges of the target's buffer of its own, walks the points in order and leaves out
//! those of other ranges: reading an address in order costs little beside writing where it says. The
//! check of the addresses finds what each block of points reaches (`spans`), and blocks that reach nothing of a
//! range are left out whole: of an index along rows, or of places in order, as a compaction has, each
//! thread sees hardly more than its own points. Then, and of long rows, which cost less still to walk and may
//! all go to the same part of the target, there are a few ranges a thread.
#![allow(unsafe_code, reason = "gives each thread a range of the target")]

mod points;
mod rows;
mod spans;
#[cfg(test)]
mod tests;

use bytemuck::{Pod, cast_slice};
use rows::row_len;
use spans::{Span, spans, union};

use super::super::convert;
use super::super::lanes::Loop;
use super::super::ops::{FoldLoops, fold_of};
use super::super::plan::lane_size;
use super::super::registers::Scratch;
use super::super::run::each_range;
use super::super::threads;
use super::super::view::{Block, Elements, View};
use super::{At, Blocks};
use crate::backend::Launch;
use crate::dtype::DType;
use crate::kernel::{Dims, OperandArgs, OperandCode};
use crate::ops::Op;

/// Points of a block.
const BLOCK: usize = 1024;
/// Points below which another thread costs more than it saves. Tests are to see several.
const GRAIN: usize = if cfg!(test) { 1 << 8 } else { 1 << 16 };
/// The same where each thread has its own blocks.
const NEAR_GRAIN: usize = if cfg!(test) { 1 << 8 } else { 1 << 14 };
/// Elements of a row from which on walking all rows costs little.
const LONG: usize = 128;

/// Runs the launch; returns the code of its check if an address is the mark of a wrong index.
pub(super) fn run(launch: &Launch, fold: Option<Op>) -> Option<u32> {
    let (code, args) = (&launch.kernel.code, &launch.kernel.args);
    let view = |i: usize| {
        let buffer = &launch.buffers[usize::from(code.operands[i].buffer)];
        View::new(buffer, &code.operands[i], &args.operands[i], &args.shape)
    };
    let addresses = Places { view: view(0), wide: code.operands[0].dtype == DType::I64 };
    let target = &args.operands[2];
    // Along a dimension that addresses do not move along there is one to check, and a row to write.
    let mut checked = args.shape.clone();
    let sizes = checked.iter_mut().zip(addresses.view.strides);
    sizes.filter(|(_, stride)| **stride == 0).for_each(|(size, _)| *size = 1);
    let row = row_len(&args.shape, addresses.view.strides, &target.strides);
    let mut places = Dims::from_slice(&args.shape);
    if let (Some(_), Some(inner)) = (row, places.last_mut()) {
        *inner = 1;
    }
    let points = launch.kernel.len();
    let threads = threads::parts(points / GRAIN, 1);
    let parts = if threads > 1 { 4 * threads } else { 1 };
    let Some(spans) = spans(&addresses, &Blocks::new(&checked, BLOCK), parts) else {
        return Some(args.check);
    };
    let blocks = Blocks::new(&places, BLOCK);
    // Other blocks than those that were checked reach as far as all of these.
    let all = (places != checked).then(|| union(&spans));
    let reaches = (0..blocks.count()).map(|index| {
        let span = all.unwrap_or_else(|| spans[index]);
        reach_of(target, &blocks.at(index), span, row.unwrap_or(1))
    });
    let reaches = reaches.collect();
    let job = Job { blocks, addresses, reaches, sources: view(1), target };
    let OperandCode { buffer, dtype, .. } = code.operands[2];
    let target = Elements::new(&launch.buffers[usize::from(buffer)], dtype.size());
    let write = Write::of(fold, dtype);
    let (start, end) = job.reach();
    let len = end.min(target.len()).saturating_sub(start);
    if len == 0 {
        return None;
    }
    let ranges = match row {
        Some(len) if len >= LONG && threads > 1 => 4 * threads,
        // Asked only of what is worth it.
        _ if points >= 2 * NEAR_GRAIN && job.is_near(len) => threads::parts(points / NEAR_GRAIN, 4),
        _ => threads,
    };
    each_range(len, ranges, |from, to| {
        let first = start + from;
        // SAFETY: the ranges do not overlap, and `verify` says that no other operand sees the buffer.
        let own = unsafe { target.range_mut(first, start + to) };
        match row {
            Some(len) => job.scatter_rows(len, first, own, &write),
            None => job.scatter(first, own, &write),
        }
    });
    None
}

/// Where the points' addresses lie.
struct Places<'a> {
    view: View<'a>,
    /// Whether addresses have 64 bits.
    wide: bool,
}

/// Addresses of a block.
enum Addresses<'a> {
    Narrow(&'a [i32]),
    Wide(&'a [i64]),
}

/// An int32 or int64 address.
trait Address: Pod + Ord {
    const ZERO: Self;
    /// What leaves a point out.
    const NOTHING: Self;
    const MOST: Self;

    fn wide(self) -> i64;

    /// The lesser one, if both had no sign.
    fn least_unsigned(self, other: Self) -> Self;
}

macro_rules! addresses {
    ($($signed:ident $unsigned:ident)*) => {$(
        impl Address for $signed {
            const ZERO: Self = 0;
            const NOTHING: Self = -1;
            const MOST: Self = Self::MAX;

            #[inline(always)]
            fn wide(self) -> i64 {
                self.into()
            }

            #[inline(always)]
            fn least_unsigned(self, other: Self) -> Self {
                (self as $unsigned).min(other as $unsigned) as Self
            }
        }
    )*};
}

addresses!(i32 u32 i64 u64);

impl Places<'_> {
    /// The addresses of a block.
    fn addresses<'s>(&'s self, at: &At, memory: &'s mut Scratch) -> Addresses<'s> {
        // SAFETY: the elements of these points, which nobody writes: `verify` says that the target has
        // another buffer.
        let stored = unsafe { elements(&self.view, at.block(self.view.strides), memory) };
        match self.wide {
            true => Addresses::Wide(cast_slice(stored)),
            false => Addresses::Narrow(cast_slice(stored)),
        }
    }
}

/// The elements of a block, row by row: where they lie, if they follow each other.
///
/// # Safety
/// They are elements of the operand, and nobody writes them while the slice lives.
unsafe fn elements<'s>(view: &'s View, block: Block, memory: &'s mut Scratch) -> &'s [u8] {
    let is_run = block.column_stride == 1 && (block.rows == 1 || block.row_stride == block.columns);
    // SAFETY: by contract.
    unsafe {
        if is_run {
            return view.slice(block.offset, block.len());
        }
        let copied = memory.bytes(block.len() * view.size);
        view.gather(block, copied);
        copied
    }
}

struct Job<'a> {
    /// Of all points, or of the first one of each row.
    blocks: Blocks<'a>,
    addresses: Places<'a>,
    /// From where to where in the target's buffer each block reaches at most.
    reaches: Vec<(usize, usize)>,
    sources: View<'a>,
    target: &'a OperandArgs,
}

impl Job<'_> {
    /// From where to where all points reach; nowhere, if none does.
    fn reach(&self) -> (usize, usize) {
        let reaches = self.reaches.iter().filter(|(start, end)| start < end);
        let reach = reaches.copied().reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
        reach.unwrap_or_default()
    }

    /// Whether blocks reach so little each that together they are not much more than so many elements.
    fn is_near(&self, all: usize) -> bool {
        let reaches = self.reaches.iter().map(|(start, end)| end.saturating_sub(*start));
        reaches.fold(0, usize::saturating_add) <= all.saturating_mul(2)
    }

    /// The blocks that reach elements of a range, in order.
    fn blocks_of(&self, first: usize, len: usize) -> impl Iterator<Item = At> {
        let reaches = self.reaches.iter().enumerate();
        let meets = move |(_, (start, end)): &(usize, &(usize, usize))| {
            *start < first + len && *end > first
        };
        reaches.filter(meets).map(|(index, _)| self.blocks.at(index))
    }
}

/// From where to where a block of the target reaches with addresses of this span, of so many elements each.
fn reach_of(target: &OperandArgs, at: &At, span: Span, row: usize) -> (usize, usize) {
    if span.is_empty() {
        return (usize::MAX, 0);
    }
    let block = at.block(&target.strides);
    let first = target.offset + block.offset;
    let inner = (block.rows - 1) * block.row_stride + (block.columns - 1) * block.column_stride;
    let end = (first + inner).saturating_add(span.most).saturating_add(row);
    (first.saturating_add(span.least), end)
}

/// How sources get to the target: to places (here), or as a row (`rows`).
enum Write {
    Assign,
    Fold {
        loops: FoldLoops,
        /// None where the stored form is the lane.
        lanes: Option<Lanes>,
    },
}

/// How elements become lanes and are stored again.
#[derive(Clone, Copy)]
struct Lanes {
    widen: Loop,
    narrow: Loop,
    /// Bytes of an element.
    stored: usize,
    /// Bytes of a lane.
    size: usize,
}

impl Write {
    fn of(fold: Option<Op>, dtype: DType) -> Self {
        let Some(op) = fold else { return Self::Assign };
        let lanes = convert::widen(dtype).zip(convert::narrow(dtype)).map(|(widen, narrow)| {
            let size = usize::from(lane_size(dtype.lane()));
            Lanes { widen, narrow, stored: dtype.size(), size }
        });
        Self::Fold { loops: fold_of(op, dtype), lanes }
    }
}
