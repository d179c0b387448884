//! Reductions and scans: the kernels whose values are folded.
//!
//! Owns [`Folding`], the lengths that matter to a fold and where its results go, and [`Job`], a launch of one. `tile`
//! evaluates the value over ranges of points; what comes of it is folded by `inner` (no kept dimension
//! after the reduced ones), `outer` or `scan` (`products` has those of float32 products), with the states of
//! `tree` (a row of the op table, in the order of Note [Fixed tree] of `kernel`), of `extreme` (the place of an
//! extreme) and of `narrow`.
//!
//! # Note [Any threads, one order]
//! Work is split over kept points. Where these are too few, a reduced range is cut where the tree is
//! cut: at multiples of blocks, as many to a part as a power of two. Each part is then folded to one
//! node of the tree, and the nodes as their blocks would have been. So threads never change a bit.

mod extreme;
mod inner;
mod narrow;
mod outer;
mod pieces;
mod products;
mod rows;
mod scan;
mod short;
#[cfg(test)]
mod tests;
mod tree;

use std::sync::OnceLock;

use super::blocks::{LinkedSums, linked_loop};
use super::convert;
use super::lanes::Loop;
use super::plan::{Lanes, Program, lane_size};
use super::registers::Scratch;
use super::run::{Threads, parts};
use super::tile::{Launched, most_points, several_folded_rows};
use crate::backend::Launch;
use crate::dtype::{DType, Lane};
use crate::kernel::{Class, Dims, Fold, INNER_BLOCK, Kernel, OperandCode, Reduce};
use crate::ops::Op;
use extreme::{ExtremeLine, ExtremePanel, Order};
pub(super) use narrow::is_narrow_extreme;
use narrow::{Narrow, NarrowLine};
use tree::{FEW, Folder, TreeLine, TreePanel};

/// A fold as its kernel has it: what neither numbers nor memory change.
pub(super) struct Folding {
    reduce: Reduce,
    /// No kept dimension comes after the reduced ones.
    is_inner: bool,
    /// Of the values.
    dtype: DType,
    value: Lanes,
    /// Points of the kept dimensions before the reduced ones, of these, and of the kept ones after them.
    lead: usize,
    len: usize,
    trail: usize,
    /// Points of a tile, if not as many as the program takes.
    tile: Option<usize>,
    /// The loop that sums values as they are computed.
    sums: Option<LinkedSums>,
    /// The folder of the first run's identity.
    folder: OnceLock<(u64, Folder)>,
    results: Results,
}

/// A launch that folds.
struct Job<'a, 'l> {
    launched: &'a Launched<'l>,
    /// Where a tile's values lie, and the bytes of one.
    value: Lanes,
    size: usize,
    /// As of the [`Folding`].
    lead: usize,
    len: usize,
    trail: usize,
    /// Parts that the work is worth.
    parts: usize,
    /// The loop that sums values as they are computed, and the bits that lanes begin with.
    sums: Option<(LinkedSums, u64)>,
    results: &'a Results,
}

/// Where results go, and how they get there from lanes.
struct Results {
    operand: u8,
    /// They may be put where they go: in the order of the points, as they come, in a buffer that no step sees.
    is_plain: bool,
    /// Of the points that have a result.
    shape: Dims,
    strides: Dims,
    cast: Option<Loop>,
    narrow: Option<Loop>,
    /// Bytes of a result as it comes, of its lane in the dtype of the operand, of its stored form.
    size: usize,
    lane: usize,
    stored: usize,
}

/// Memory for [`Job::store`].
#[derive(Default)]
struct Stored([Scratch; 2]);

/// Values of a line that is worth many tiles.
const LONG: usize = if cfg!(test) { 300 } else { 4096 };

/// Blocks of a tile of which nothing need stay in a cache.
const SUMMED: usize = 4;

/// Runs the launch.
pub(super) fn run(launch: &Launch, reduce: &Reduce, program: &Program, threads: Threads) {
    let (launched, scalars) = (Launched::new(launch, program), &launch.kernel.args.scalars);
    Folding::new(&launch.kernel, reduce, program).run(launched, scalars, threads);
}

impl Folding {
    /// What the kernel, whose program this is, folds.
    pub(super) fn new(kernel: &Kernel, reduce: &Reduce, program: &Program) -> Self {
        let Kernel { code, args } = kernel;
        let dtype = code.nodes[usize::from(reduce.value)].dtype;
        let (lead, reduced) = (usize::from(reduce.lead), usize::from(reduce.reduced));
        let points = |dims: &[usize]| dims.iter().product();
        let is_inner = reduce.trail(code.rank) == 0;
        let is_line = is_inner && !reduce.scan;
        let len = points(&args.shape[lead..lead + reduced]);
        let sums = match reduce.fold {
            Fold::Op(op) if is_line && len >= FEW && program.summed().is_some() => {
                linked_loop(op, dtype)
            }
            _ => None,
        };
        let tile = if sums.is_some() && program.registers == 1 {
            // What is summed as it is computed needs no register.
            Some(SUMMED * INNER_BLOCK)
        } else if len >= LONG || sums.is_some() && program.chains_rows() {
            is_line.then_some(INNER_BLOCK)
        } else {
            // Rows that chains take where they lie have no lanes, which leaves room for more of them.
            let most = most_points(program);
            several_folded_rows(program, &args.shape).filter(|tile| is_line && *tile > most)
        };
        Self {
            reduce: *reduce,
            is_inner,
            dtype,
            value: program.result,
            lead: points(&args.shape[..lead]),
            len,
            trail: points(&args.shape[lead + reduced..]),
            tile,
            sums,
            folder: OnceLock::new(),
            results: Results::new(kernel, reduce, dtype),
        }
    }

    /// Runs a launch of that kernel.
    pub(super) fn run(&self, mut launched: Launched<'_>, scalars: &[u64], threads: Threads) {
        let Self { reduce, dtype, value, lead, len, trail, sums, .. } = *self;
        if let Some(tile) = self.tile {
            launched.take_tiles(tile);
        }
        let bits = scalars[usize::from(reduce.identity)];
        let job = Job {
            launched: &launched,
            value,
            size: usize::from(value.size),
            lead,
            len,
            trail,
            parts: if threads == Threads::One { 1 } else { parts(&launched) },
            sums: sums.map(|run| (run, convert::scalar_lane(dtype, bits))),
            results: &self.results,
        };
        let inner = self.is_inner;
        match reduce.fold {
            Fold::Op(op) if value.size < lane_size(dtype.lane()) => {
                let order = if op == Op::Maximum { Order::Max } else { Order::Min };
                let identity = convert::scalar_lane(dtype, bits);
                match dtype {
                    DType::U8 => narrow::<u8>(&job, order, identity),
                    DType::I8 => narrow::<i8>(&job, order, identity),
                    _ => narrow::<i16>(&job, order, identity),
                }
            }
            Fold::Op(op) => {
                let made = || (bits, Folder::new(op, dtype, bits));
                let (known, folder) = self.folder.get_or_init(made);
                let other;
                let folder = if *known == bits {
                    folder
                } else {
                    other = made().1;
                    &other
                };
                match (reduce.scan, inner) {
                    (true, _) if op == Op::Add && dtype.lane() == Lane::F32 => {
                        scan::run(&job, || scan::Compensated::new(folder));
                    }
                    (true, _) => scan::run(&job, || scan::Plain::new(folder)),
                    (false, true) if job.at_once(folder) => {}
                    (false, true) => inner::run(&job, || TreeLine::new(folder)),
                    (false, false) => outer::run(&job, || TreePanel::new(folder)),
                }
            }
            Fold::ArgMax => match dtype.lane() {
                Lane::I32 => position::<i32>(&job, reduce.scan, inner, Order::Max),
                Lane::I64 => position::<i64>(&job, reduce.scan, inner, Order::Max),
                Lane::F32 => position::<f32>(&job, reduce.scan, inner, Order::Max),
                Lane::F64 => position::<f64>(&job, reduce.scan, inner, Order::Max),
            },
            Fold::ArgMin => match dtype.lane() {
                Lane::I32 => position::<i32>(&job, reduce.scan, inner, Order::Min),
                Lane::I64 => position::<i64>(&job, reduce.scan, inner, Order::Min),
                Lane::F32 => position::<f32>(&job, reduce.scan, inner, Order::Min),
                Lane::F64 => position::<f64>(&job, reduce.scan, inner, Order::Min),
            },
        }
    }
}

fn narrow<T: Narrow>(job: &Job<'_, '_>, order: Order, identity: u64) {
    inner::run(job, || NarrowLine::<T>::new(order, identity));
}

/// Most values of a line that is better folded with others.
const SHORT: usize = 64;

fn position<T: extreme::Ordered>(job: &Job<'_, '_>, scan: bool, inner: bool, order: Order) {
    match (scan, inner) {
        (true, _) => scan::run(job, || scan::Position::<T>::new(order)),
        // The order is free here, and many short lines are quicker side by side.
        (false, true) if job.lead == 1 || job.len > SHORT => {
            inner::run(job, || ExtremeLine::<T>::new(order));
        }
        (false, _) => outer::run(job, || ExtremePanel::<T>::new(order)),
    }
}

impl Results {
    fn new(kernel: &Kernel, reduce: &Reduce, value: DType) -> Self {
        let Kernel { code, args } = kernel;
        let operand = usize::from(reduce.operand);
        let (lead, reduced) = (usize::from(reduce.lead), usize::from(reduce.reduced));
        let kept = |dims: &[usize]| -> Dims {
            let left = if reduce.scan { lead + reduced } else { lead };
            let dims = dims[..left].iter().chain(&dims[lead + reduced..]);
            dims.copied().collect()
        };
        let (mut shape, mut strides) = (kept(&args.shape), kept(&args.operands[operand].strides));
        // A space has at least one dimension.
        if shape.is_empty() {
            shape.push(1);
            strides.push(0);
        }
        let from = if matches!(reduce.fold, Fold::Op(_)) { value } else { DType::I64 };
        let OperandCode { buffer, dtype: to, .. } = code.operands[operand];
        let (cast, narrow) = (convert::cast(from, to), convert::narrow(to));
        let is_alone = code.operands.iter().filter(|other| other.buffer == buffer).count() == 1;
        let is_dense = Class::of(&shape, &strides) == Class::Contiguous || shape[..] == [1];
        Self {
            operand: reduce.operand,
            is_plain: cast.is_none() && narrow.is_none() && is_alone && is_dense,
            shape,
            strides,
            cast,
            narrow,
            size: usize::from(lane_size(from.lane())),
            lane: usize::from(lane_size(to.lane())),
            stored: to.size(),
        }
    }
}

impl Job<'_, '_> {
    /// Folds all values at once, if that is one tile and there is a loop for lines of so many; returns whether
    /// it did.
    fn at_once(&self, folder: &Folder) -> bool {
        let Self { launched, lead, len, results, .. } = *self;
        let points = launched.points();
        if points > launched.tile() || len > INNER_BLOCK || self.parts > 1 {
            return false;
        }
        let rows = folder.rows_of(len);
        if self.sums.is_none() && rows.is_none() {
            return false;
        }
        launched.with_registers(|registers| {
            let mut fold = |out: &mut [u8]| match (self.sums, rows) {
                (Some((run, bits)), _) => {
                    launched.sums((0, points), out, (run, len, bits), registers);
                }
                (None, Some(rows)) => {
                    let values = launched.evaluate(0, points, self.value, registers);
                    rows(out, values, len, folder.identity);
                }
                (None, None) => unreachable!("asked for above"),
            };
            if results.is_plain {
                return launched.fill_first(results.operand, lead, fold);
            }
            let mut memory = Scratch::default();
            let out = memory.bytes(lead * results.size);
            fold(out);
            self.store(0, out, &mut Stored::default());
        });
        true
    }

    /// Casts results and stores them at the kept points, for a scan at the points, from `start` on.
    fn store(&self, start: usize, results: &[u8], memory: &mut Stored) {
        let to = self.results;
        let len = results.len() / to.size;
        let [first, second] = &mut memory.0;
        let mut elements = results;
        if let Some(cast) = to.cast {
            let out = first.bytes(len * to.lane);
            cast(out, elements, &[], &[]);
            elements = out;
        }
        if let Some(narrow) = to.narrow {
            let out = second.bytes(len * to.stored);
            narrow(out, elements, &[], &[]);
            elements = out;
        }
        self.launched.store(to.operand, (&to.shape, &to.strides), start, elements);
    }

    /// Elements of a part of the reduced range, a power of two of `block`s, for as many parts as the
    /// work is worth beyond `others` that it has already.
    fn chunk(&self, block: usize, others: usize) -> usize {
        let blocks = self.len.div_ceil(block);
        let chunks = self.parts.div_ceil(others).max(1);
        blocks.div_ceil(chunks).next_power_of_two() * block
    }
}
