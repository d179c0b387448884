//! Scattering: a source to each address, in the order of the points.
//!
//! Element by element, or where rows have one address each as rows (`rows`).
//!
//! # Note [Ranges of the target]
//! What an element becomes depends on the order of the points that reach it, and on nothing else. So
//! each thread has a range of the target's buffer of its own, walks all points in order and leaves out
//! those of other ranges: reading an address in order costs little beside writing where it says. Rows
//! cost less still, and may all go to the same part of the target: of them there are a few ranges a thread.
#![allow(unsafe_code, reason = "gives each thread a range of the target")]

mod rows;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use bytemuck::{Pod, cast_slice, cast_slice_mut};
use rows::row_len;

use super::super::convert;
use super::super::lanes::Loop;
use super::super::ops::{FoldLoops, fold_of};
use super::super::plan::lane_size;
use super::super::registers::Scratch;
use super::super::run::each_range;
use super::super::threads;
use super::super::view::{Elements, View};
use super::{At, Blocks};
use crate::backend::Launch;
use crate::dtype::DType;
use crate::kernel::{Dims, OperandArgs, OperandCode};
use crate::ops::Op;

/// Points of a block.
const BLOCK: usize = 1024;
/// Points below which another thread costs more than it saves. Tests are to see several.
const GRAIN: usize = if cfg!(test) { 1 << 8 } else { 1 << 16 };
/// Elements of a row from which on walking all rows costs little.
const LONG: usize = 128;

/// Runs the launch; returns the code of its check if an address is the mark of a wrong index.
pub(super) fn run(launch: &Launch, fold: Option<Op>) -> Option<u32> {
    let (code, args) = (&launch.kernel.code, &launch.kernel.args);
    let view = |i: usize| {
        let buffer = &launch.buffers[usize::from(code.operands[i].buffer)];
        View::new(buffer, &code.operands[i], &args.operands[i], &args.shape)
    };
    let (addresses, target) = (view(0), &args.operands[2]);
    // Along a dimension that addresses do not move along there is one to check, and a row to write.
    let mut checked = args.shape.clone();
    let sizes = checked.iter_mut().zip(addresses.strides);
    sizes.filter(|(_, stride)| **stride == 0).for_each(|(size, _)| *size = 1);
    let row = row_len(&args.shape, addresses.strides, &target.strides);
    let mut places = Dims::from_slice(&args.shape);
    if let (Some(_), Some(inner)) = (row, places.last_mut()) {
        *inner = 1;
    }
    let job = Job {
        blocks: Blocks::new(&places, BLOCK),
        addresses,
        wide: code.operands[0].dtype == DType::I64,
        sources: view(1),
        target,
    };
    let points = launch.kernel.len();
    let threads = match points / GRAIN {
        0 | 1 => 1,
        worth => worth.min(threads::count()),
    };
    let refused = AtomicBool::new(false);
    let checked = Blocks::new(&checked, BLOCK);
    let parts = if threads > 1 { 4 * threads } else { 1 };
    each_range(checked.count(), parts, |from, to| {
        if !refused.load(Relaxed) && job.refuses(&checked, from, to) {
            refused.store(true, Relaxed);
        }
    });
    if refused.into_inner() {
        return Some(args.check);
    }
    let OperandCode { buffer, dtype, .. } = code.operands[2];
    let target = Elements::new(&launch.buffers[usize::from(buffer)], dtype.size());
    let write = Write::of(fold, dtype);
    let ranges = match row {
        Some(len) if len >= LONG && threads > 1 => 4 * threads,
        _ => threads,
    };
    each_range(target.len(), ranges, |from, to| {
        // SAFETY: the ranges do not overlap, and `verify` says that no other operand sees the buffer.
        let own = unsafe { target.range_mut(from, to) };
        match row {
            Some(len) => job.scatter_rows(len, from, own, &write),
            None => job.scatter(from, own, &write),
        }
    });
    None
}

struct Job<'a> {
    /// Of all points, or of the first one of each row.
    blocks: Blocks<'a>,
    addresses: View<'a>,
    /// Whether addresses have 64 bits.
    wide: bool,
    sources: View<'a>,
    target: &'a OperandArgs,
}

impl Job<'_> {
    /// The addresses of a block.
    fn addresses<'s>(&self, at: &At, memory: &'s mut [Scratch; 2]) -> &'s [i64] {
        let [stored, wide] = memory;
        let len = at.rows * at.columns;
        let stored = stored.bytes(len * self.addresses.size);
        // SAFETY: the elements of these points, which nobody writes.
        unsafe { self.addresses.gather(at.block(self.addresses.strides), stored) };
        if self.wide {
            return cast_slice(stored);
        }
        let wide: &mut [i64] = cast_slice_mut(wide.bytes(len * 8));
        for (wide, &address) in wide.iter_mut().zip(cast_slice::<u8, i32>(stored)) {
            *wide = i64::from(address);
        }
        wide
    }

    /// Whether an address of the blocks `from .. to` is below -1.
    fn refuses(&self, blocks: &Blocks, from: usize, to: usize) -> bool {
        let mut memory = Default::default();
        (from..to).any(|index| {
            let at = blocks.at(index);
            self.addresses(&at, &mut memory).iter().any(|&address| address < -1)
        })
    }

    /// Writes what goes to `own`, the elements from `first` on of the target's buffer.
    fn scatter(&self, first: usize, own: &mut [u8], write: &Write) {
        let mut memory = Default::default();
        let (mut sources, mut lanes) = (Scratch::default(), Scratch::default());
        let mut places = Vec::with_capacity(BLOCK);
        for index in 0..self.blocks.count() {
            let at = self.blocks.at(index);
            let addresses = self.addresses(&at, &mut memory);
            let block = at.block(&self.target.strides);
            places.clear();
            for (row, addresses) in addresses.chunks(at.columns).enumerate() {
                let mut place = self.target.offset + block.offset + row * block.row_stride;
                for &address in addresses {
                    // What is before the range wraps to where no slice reaches.
                    let reached = (place as i64).wrapping_add(address) as usize;
                    let own = reached.wrapping_sub(first);
                    places.push(if address < 0 { usize::MAX } else { own });
                    place += block.column_stride;
                }
            }
            let sources = sources.bytes(places.len() * self.sources.size);
            // SAFETY: as in `addresses`.
            unsafe { self.sources.gather(at.block(self.sources.strides), sources) };
            write.to_places(own, &places, sources, &mut lanes);
        }
    }
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

    /// One source to each place. Places that the target does not have are left out.
    fn to_places(&self, target: &mut [u8], places: &[usize], sources: &[u8], memory: &mut Scratch) {
        match *self {
            Self::Assign => match sources.len() / places.len() {
                1 => assign::<u8>(target, places, sources),
                2 => assign::<u16>(target, places, sources),
                4 => assign::<u32>(target, places, sources),
                _ => assign::<u64>(target, places, sources),
            },
            Self::Fold { loops, lanes: None } => (loops.accumulate_at)(target, places, sources),
            Self::Fold { loops, lanes: Some(lanes) } => {
                let memory = memory.bytes(places.len() * lanes.size);
                (lanes.widen)(memory, sources, &[], &[]);
                lanes.fold(&loops, target, places, memory);
            }
        }
    }
}

impl Lanes {
    /// Folds lanes into elements, narrowed each time.
    fn fold(self, loops: &FoldLoops, target: &mut [u8], places: &[usize], lanes: &[u8]) {
        let mut state = [0_u32];
        let state: &mut [u8] = cast_slice_mut(&mut state);
        for (&place, source) in places.iter().zip(lanes.chunks_exact(self.size)) {
            let Some(start) = place.checked_mul(self.stored) else { continue };
            let Some(element) =
                target.get_mut(start..).and_then(|rest| rest.get_mut(..self.stored))
            else {
                continue;
            };
            (self.widen)(state, element, &[], &[]);
            (loops.accumulate)(state, source);
            (self.narrow)(element, state, &[], &[]);
        }
    }
}

fn assign<T: Pod>(target: &mut [u8], places: &[usize], sources: &[u8]) {
    let target: &mut [T] = cast_slice_mut(target);
    for (&place, &source) in places.iter().zip(cast_slice::<u8, T>(sources)) {
        if let Some(element) = target.get_mut(place) {
            *element = source;
        }
    }
}
