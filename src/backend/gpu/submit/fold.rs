//! The dispatches of a fold.
//!
//! A batch (Note [Batches]) folds its elements into results at once, or into partial results in scratch
//! memory, which passes of 256 to 1 fold pairwise until one a kept point is left.

use std::sync::Arc;

use smallvec::SmallVec;

use super::super::codegen::{Stage, Text, contiguous, scalar_count, scratch_words};
use super::super::context::Context;
use super::super::memory::{GpuMemory, Pool, Slab};
use super::super::params::{self, FoldParam};
use super::super::pipeline::Pipeline;
use super::super::window::{Batch, Part, Sight, batches, extents, is_counted};
use super::planner::Planner;
use super::{WORKGROUP, slabs};
use crate::backend::{Buffer, Launch};
use crate::error::Result;
use crate::kernel::{
    Args, Class, Code, Dims, Expr, INNER_BLOCK, INNER_LANES, Kernel, Node, OperandArgs,
    OperandCode, Reduce,
};

/// Partial results that a workgroup folds into one.
const PAIRS: u64 = 256;

/// Memory for partial results: two buffers that take turns, as large as any launch needs.
pub(super) struct Scratch<'p> {
    pool: &'p Arc<Pool>,
    buffers: [Option<Buffer>; 2],
    /// What was too small, but is used.
    used: Vec<Buffer>,
}

impl<'p> Scratch<'p> {
    pub(super) fn new(pool: &'p Arc<Pool>) -> Self {
        Self { pool, buffers: [None, None], used: Vec::new() }
    }

    /// Memory for this use alone, which lives as long as this does.
    pub(super) fn own(&mut self, context: &Context, bytes: u64) -> Result<Buffer> {
        let buffer = self.pool.allocate(context, bytes as usize)?;
        self.used.push(buffer.clone());
        Ok(buffer)
    }

    pub(super) fn get(&mut self, context: &Context, turn: usize, bytes: u64) -> Result<Buffer> {
        let known = self.buffers[turn].take();
        let buffer = match known {
            Some(buffer) if buffer.bytes() as u64 >= bytes => buffer,
            other => {
                self.used.extend(other);
                self.pool.allocate(context, bytes as usize)?
            }
        };
        self.buffers[turn] = Some(buffer.clone());
        Ok(buffer)
    }
}

/// Partial results of a batch: how many a kept point has, and where.
#[derive(Clone, Copy)]
struct Partials {
    count: u64,
    kept_step: u64,
    part_step: u64,
}

/// Where the operands of a dispatch begin, and the index of the point that its indices count from.
#[derive(Clone, Copy, Default)]
struct Places<'a> {
    origins: &'a [u64],
    base: u64,
}

/// Numbers of one dispatch of a fold, by [`FoldParam`].
#[derive(Clone, Copy)]
struct Numbers([u32; FoldParam::ALL.len()]);

impl Numbers {
    /// Those that all dispatches of a batch share.
    fn of(batch: &Batch, extents: [u64; 3]) -> Self {
        Self([0; FoldParam::ALL.len()])
            .with(FoldParam::LeadFirst, batch.lead.start - batch.from[0])
            .with(FoldParam::LeadCount, batch.lead.end - batch.lead.start)
            .with(FoldParam::TrailFirst, batch.trail.start - batch.from[1])
            .with(FoldParam::TrailCount, batch.trail.end - batch.trail.start)
            .with(FoldParam::Length, extents[1])
            .with(FoldParam::Breadth, extents[2])
            .with(FoldParam::Chunk, batch.chunk)
    }

    fn with(mut self, param: FoldParam, value: u64) -> Self {
        self.0[param as usize] = value as u32;
        self
    }

    /// Whether the runs of `shaders/reduce_inner.wgsl` and `reduce_outer.wgsl` begin at multiples of four elements.
    fn aligned(&self, kernel: &Kernel, places: Places<'_>, outer: bool) -> bool {
        let of = |param: FoldParam| self.0[param as usize];
        let (length, breadth) = (of(FoldParam::Length), of(FoldParam::Breadth));
        // Lines are apart by all of their elements; where there are kept points behind, elements of a line by those.
        let lines = match of(FoldParam::LeadCount) {
            1 => length.wrapping_mul(of(FoldParam::LeadFirst)),
            _ => length,
        };
        let begins = match outer {
            false => [of(FoldParam::ReducedFirst), lines],
            true => [of(FoldParam::TrailFirst), breadth],
        };
        let mut loaded = contiguous(&kernel.code).filter(|&i| !kernel.code.is_stored(i));
        begins.iter().all(|index| index.is_multiple_of(4))
            && loaded.all(|i| places.offset(kernel, i).is_multiple_of(4))
    }
}

impl Places<'_> {
    /// Where an operand begins, in elements modulo 2^32, as the shader's sums are: the element's own index fits.
    fn offset(&self, kernel: &Kernel, operand: usize) -> u32 {
        let bytes = kernel.code.operands[operand].dtype.size();
        let origin = (self.origins[operand] as i64 / bytes as i64) as usize;
        kernel.args.operands[operand].offset.wrapping_sub(origin) as u32
    }
}

impl Planner<'_, '_> {
    /// Adds the dispatches of a launch that folds, and their parameters.
    pub(super) fn plan_fold(&mut self, launch: &Launch, reduce: &Reduce) -> Result<()> {
        if !is_counted(&launch.kernel, reduce, self.reach) {
            let [lead, reduced, trail] = extents(&launch.kernel, reduce);
            return Err(self.context.limit(format_args!(
                "counts {} elements of a fold, got {reduced} with {lead} before and {trail} after",
                2 * self.reach.points
            )));
        }
        if self.batches(launch, reduce)? {
            return Ok(());
        }
        let dense = self.dense(launch)?;
        dense.before.iter().try_for_each(|copy| self.plan_points(copy))?;
        if !self.batches(&dense.launch, reduce)? {
            let bytes = INNER_BLOCK * launch.kernel.code.operands[0].dtype.size();
            return Err(self.context.limit(format_args!(
                "reaches {} bytes of a buffer at once, got a fold in blocks of {bytes} bytes an operand",
                self.reach.binding
            )));
        }
        dense.after.iter().try_for_each(|copy| self.plan_points(copy))
    }

    /// As [`plan_fold`](Self::plan_fold), of a launch as it is; adds nothing and is false where a binding does
    /// not reach a block.
    fn batches(&mut self, launch: &Launch, reduce: &Reduce) -> Result<bool> {
        let kernel = &launch.kernel;
        let slabs = slabs(self.context, launch)?;
        let sizes: SmallVec<[u64; 8]> = slabs.iter().map(|slab| slab.size).collect();
        let bytes = 4 * scratch_words(&kernel.code, reduce);
        let Some(batches) = batches(kernel, reduce, &sizes, bytes, self.reach) else {
            return Ok(false);
        };
        batches.iter().try_for_each(|batch| self.batch(kernel, reduce, &slabs, batch))?;
        Ok(true)
    }
}

impl Planner<'_, '_> {
    fn batch(
        &mut self,
        kernel: &Kernel,
        reduce: &Reduce,
        slabs: &[&Slab],
        batch: &Batch,
    ) -> Result<()> {
        let extents = extents(kernel, reduce);
        let [rows, columns] = [&batch.lead, &batch.trail].map(|range| range.end - range.start);
        let outer = reduce.trail(kernel.code.rank) > 0;
        let count = extents[1].div_ceil(batch.chunk);
        let direct = batch.windows.len() == 1 && count == 1;
        let stage = match (reduce.scan, direct) {
            (false, true) => Stage::Whole,
            (false, false) => Stage::Partial,
            (true, true) => Stage::Scan,
            (true, false) => Stage::ScanPart,
        };
        // Neighbouring invocations store neighbouring partial results.
        let kept = rows * columns;
        let steps = if outer { [1, kept] } else { [count, 1] };
        let mut partials = Partials { count, kept_step: steps[0], part_step: steps[1] };
        let record = 4 * scratch_words(&kernel.code, reduce);
        let scratch = match direct {
            true => None,
            false => Some(self.scratch.get(self.context, 0, kept * count * record)?),
        };
        for window in &batch.windows {
            let len = window.reduced.end - window.reduced.start;
            let continued = !window.reduced.start.is_multiple_of(batch.chunk);
            let parts = len.div_ceil(batch.chunk);
            let lanes = extents[1].next_power_of_two().clamp(4, INNER_LANES as u64);
            let numbers = Numbers::of(batch, extents)
                .with(FoldParam::ReducedFirst, window.reduced.start - window.from)
                .with(FoldParam::ReducedCount, len)
                .with(FoldParam::Lanes, lanes)
                .with(FoldParam::Parts, parts)
                .with(FoldParam::PartFirst, window.reduced.start / batch.chunk)
                .with(FoldParam::KeptStep, partials.kept_step)
                .with(FoldParam::PartStep, partials.part_step)
                .with(FoldParam::Continued, continued.into());
            let groups = match (reduce.scan, outer) {
                (true, _) => kept.div_ceil(WORKGROUP),
                (false, true) => (rows * columns.div_ceil(4) * parts).div_ceil(WORKGROUP),
                (false, false) => rows.div_ceil(INNER_LANES as u64 / lanes) * parts,
            };
            let scratch = scratch.as_ref().map(|buffer| buffer.memory::<GpuMemory>().slab());
            let bindings =
                slabs.iter().copied().zip(window.sights.iter().cloned()).chain(scratch.map(all));
            let places = Places { origins: &window.origins, base: window.base };
            let aligned = stage.aligned(&kernel.code);
            let stage = aligned.filter(|_| numbers.aligned(kernel, places, outer)).unwrap_or(stage);
            self.fold(kernel, stage, bindings, (numbers, places), groups)?;
        }
        if direct || reduce.scan {
            return Ok(());
        }
        let Some(mut values) = scratch else { return Ok(()) };
        let mut turn = 1;
        while partials.count > PAIRS {
            let count = partials.count.div_ceil(PAIRS);
            let next = self.scratch.get(self.context, turn, kept * count * record)?;
            let numbers = Numbers::of(batch, extents)
                .with(FoldParam::KeptStep, count)
                .with(FoldParam::PartStep, 1);
            let slabs = [&values, &next].map(|buffer| all(buffer.memory::<GpuMemory>().slab()));
            let kernel = pairs(kernel, reduce);
            self.pairs(
                (&kernel, Places::default()),
                Stage::Pairs,
                slabs,
                (numbers, partials),
                kept,
            )?;
            partials = Partials { count, kept_step: count, part_step: 1 };
            values = next;
            turn = 1 - turn;
        }
        let operand = usize::from(kernel.code.operands[usize::from(reduce.operand)].buffer);
        let result = (slabs[operand], batch.result.into());
        let places = Places { origins: &[batch.result_origin], base: 0 };
        let slabs = [result, all(values.memory::<GpuMemory>().slab())];
        let numbers = Numbers::of(batch, extents);
        let last = last(kernel, reduce);
        self.pairs((&last, places), Stage::Last, slabs, (numbers, partials), kept)
    }

    fn pairs(
        &mut self,
        (kernel, places): (&Kernel, Places<'_>),
        stage: Stage,
        bindings: [(&Slab, Sight); 2],
        (numbers, partials): (Numbers, Partials),
        kept: u64,
    ) -> Result<()> {
        let lanes = partials.count.next_power_of_two().min(PAIRS);
        let parts = partials.count.div_ceil(PAIRS);
        let numbers = numbers
            .with(FoldParam::Lanes, lanes)
            .with(FoldParam::Parts, parts)
            .with(FoldParam::Partials, partials.count)
            .with(FoldParam::InKeptStep, partials.kept_step)
            .with(FoldParam::InPartStep, partials.part_step);
        let groups = kept.div_ceil(WORKGROUP / lanes) * parts;
        self.fold(kernel, stage, bindings.into_iter(), (numbers, places), groups)
    }

    fn fold<'s>(
        &mut self,
        kernel: &Kernel,
        stage: Stage,
        bindings: impl Iterator<Item = (&'s Slab, Sight)> + Clone,
        (numbers, places): (Numbers, Places<'_>),
        groups: u64,
    ) -> Result<()> {
        let text = Text::Fold(stage);
        self.push(&kernel.code, text, bindings, groups, |words, pipeline, row| {
            append_params(words, kernel, pipeline, places, numbers, row);
        })
    }
}

fn all(slab: &Slab) -> (&Slab, Sight) {
    (slab, Part { start: 0, len: slab.size }.into())
}

/// A kernel that stands for the folding of partial results: the same for all kernels that fold so.
fn pairs(kernel: &Kernel, reduce: &Reduce) -> Kernel {
    let dtype = kernel.code.nodes[usize::from(reduce.value)].dtype;
    Kernel {
        code: Code {
            rank: 0,
            operands: SmallVec::new(),
            nodes: SmallVec::from_iter([Node { expr: Expr::Scalar(0), dtype }]),
            stores: SmallVec::new(),
            check: None,
            reduce: Some(Reduce {
                fold: reduce.fold,
                value: 0,
                operand: 0,
                identity: 0,
                lead: 0,
                reduced: 0,
                scan: false,
            }),
            whole: None,
        }
        .into(),
        args: Args {
            shape: Dims::new(),
            operands: SmallVec::new(),
            scalars: SmallVec::from_slice(&[0]),
            base: 0,
            check: 0,
        },
    }
}

/// As [`pairs`], with the operand of the results and the kept dimensions.
fn last(kernel: &Kernel, reduce: &Reduce) -> Kernel {
    let mut last = pairs(kernel, reduce);
    let (lead, reduced) = (usize::from(reduce.lead), usize::from(reduce.reduced));
    let kept = |dims: &[usize]| -> Dims {
        dims.iter()
            .enumerate()
            .filter(|(i, _)| !(lead..lead + reduced).contains(i))
            .map(|(_, &d)| d)
            .collect()
    };
    let operand = usize::from(reduce.operand);
    let args = &kernel.args.operands[operand];
    let strides = kept(&args.strides);
    last.args.shape = kept(&kernel.args.shape);
    last.code.rank = last.args.shape.len() as u8;
    last.code.operands.push(OperandCode {
        buffer: 0,
        dtype: kernel.code.operands[operand].dtype,
        class: Class::of(&last.args.shape, &strides),
    });
    last.args.operands.push(OperandArgs { offset: args.offset, strides });
    if let Some(own) = &mut last.code.reduce {
        own.lead = reduce.lead;
    }
    last
}

fn append_params(
    words: &mut Vec<u32>,
    kernel: &Kernel,
    pipeline: &Pipeline,
    places: Places<'_>,
    numbers: Numbers,
    row: u32,
) {
    let layout = &pipeline.params;
    let scalars = scalar_count(&kernel.code);
    let start = words.len();
    words.resize(start + layout.len(scalars), 0);
    let own = &mut words[start..];
    own[params::ROW] = row;
    params::put_pair(own, params::BASE, kernel.args.base.wrapping_add(places.base));
    for (dim, &size) in kernel.args.shape.iter().enumerate() {
        own[layout.size(dim)] = size as u32;
    }
    for (param, _) in FoldParam::ALL {
        own[layout.fold(param)] = numbers.0[param as usize];
    }
    for (i, (code, args)) in kernel.code.operands.iter().zip(&kernel.args.operands).enumerate() {
        own[layout.offset(i)] = places.offset(kernel, i);
        if code.class == Class::Strided {
            for (dim, &stride) in args.strides.iter().enumerate() {
                own[layout.stride(i, dim)] = stride as u32;
            }
        }
    }
    for (k, &scalar) in kernel.args.scalars.iter().take(scalars).enumerate() {
        params::put_pair(own, layout.scalar(k), scalar);
    }
}
