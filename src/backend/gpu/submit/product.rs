//! The dispatches of a product of matrices.
//!
//! A block (Note [Blocks of products]) of which one dispatch sees all of `k` gives its results at once. Where
//! it has too few tiles to keep a device busy, and `k` is long, `k` is cut in parts whose sums are added
//! up afterwards, in order. How many parts there are is a function of the block's sizes alone, so that a
//! device gives the same bits each time.

use smallvec::SmallVec;

use super::super::codegen::{Product, Text, Tile, part_bytes};
use super::super::memory::Slab;
use super::super::params::{self, ProductParam};
use super::super::pipeline::Pipeline;
use super::super::window::{Part, ProductBlock, product_blocks};
use super::planner::Planner;
use super::whole::{all, apart};
use super::{WORKGROUP, slabs};
use crate::backend::Launch;
use crate::error::Result;
use crate::kernel::{Args, Code, Dims, Kernel, OperandArgs, OperandCode};

/// Tiles that keep any device busy.
const ENOUGH: u64 = 256;

/// Elements along `k` that a part has at least.
const PART: u64 = 256;

/// What differs between the dispatches of a block.
struct Step<'s> {
    product: Product,
    bindings: SmallVec<[(&'s Slab, Part); 4]>,
    chunk: u64,
    parts: u64,
    continued: bool,
    groups: u64,
}

impl Planner<'_, '_> {
    /// Adds the dispatches of a launch that multiplies, and their parameters.
    pub(super) fn plan_product(&mut self, launch: &Launch) -> Result<()> {
        let slabs = slabs(self.context, launch)?;
        let [lhs, rhs, out] = &launch.kernel.code.operands[..] else {
            unreachable!("a product has three operands: {launch:?}")
        };
        let slabs = [lhs, rhs, out].map(|operand| slabs[usize::from(operand.buffer)]);
        let kernel = apart(&launch.kernel);
        let sizes = slabs.map(|slab| slab.size);
        let blocks = product_blocks(&kernel, sizes, part_bytes(lhs.dtype), self.reach);
        let blocks = blocks.ok_or_else(|| self.context.beyond(self.reach, &sizes))?;
        blocks.iter().try_for_each(|block| self.block(&kernel, &slabs, block))
    }
}

/// The kernel that adds up parts: it has the result alone.
fn sum_of_parts(kernel: &Kernel) -> Kernel {
    let operand = |operand: &OperandCode| OperandCode { buffer: 0, ..*operand };
    Kernel {
        code: Code {
            operands: kernel.code.operands.iter().skip(2).map(operand).collect(),
            ..Code::clone(&kernel.code)
        }
        .into(),
        args: Args {
            operands: kernel.args.operands.iter().skip(2).cloned().collect(),
            ..kernel.args.clone()
        },
    }
}

/// The part of a kernel with these ranges.
fn within(kernel: &Kernel, ranges: &[std::ops::Range<usize>]) -> Kernel {
    let shape: Dims = ranges.iter().map(|range| range.len()).collect();
    let moved = |args: &OperandArgs| {
        let starts = ranges.iter().zip(&args.strides).map(|(range, stride)| range.start * stride);
        OperandArgs { offset: args.offset + starts.sum::<usize>(), strides: args.strides.clone() }
    };
    let operands = kernel.args.operands.iter().map(moved).collect();
    Kernel { code: kernel.code.clone(), args: Args { shape, operands, ..kernel.args.clone() } }
}

/// The tile for so many rows and columns of each of some matrices.
fn tile(m: u64, n: u64, batches: u64) -> Tile {
    let [side, _] = Tile::Large.sides();
    if m <= 16 && n > 16 {
        Tile::Wide
    } else if n <= 16 && m > 16 {
        Tile::Tall
    } else if m.div_ceil(side) * n.div_ceil(side) * batches >= ENOUGH / 2 && m.min(n) > side / 2 {
        Tile::Large
    } else {
        Tile::Square
    }
}

impl Planner<'_, '_> {
    fn block(&mut self, kernel: &Kernel, slabs: &[&Slab; 3], block: &ProductBlock) -> Result<()> {
        let [batches @ .., m, n] = &block.results[..] else {
            unreachable!("a product is a matrix")
        };
        let batches: u64 = batches.iter().map(|range| range.len() as u64).product();
        let (m, n) = (m.len() as u64, n.len() as u64);
        let tile = tile(m, n, batches);
        let [rows, columns] = tile.sides();
        let tiles = batches * m.div_ceil(rows) * n.div_ceil(columns);
        let dtype = kernel.code.operands[0].dtype;
        let part = batches * m * n * part_bytes(dtype);
        // Blocks in several windows are large enough.
        let parts = match &block.windows[..] {
            [window] if tiles < ENOUGH => {
                let most = (window.k.len() as u64 / PART).min(self.reach.binding / part);
                ENOUGH.div_ceil(tiles).min(most).max(1)
            }
            _ => 1,
        };
        let direct = parts == 1 && block.windows.len() == 1;
        let scratch = match direct {
            true => None,
            false => Some(self.scratch.get(self.context, 0, part * parts)?),
        };
        let scratch = scratch.as_ref().map(|buffer| all(buffer, self.reach));
        for window in &block.windows {
            let mut ranges = block.results.clone();
            ranges.push(window.k.clone());
            let own = within(kernel, &ranges);
            let bindings = slabs.iter().copied().zip(window.parts).chain(scratch).collect();
            let step = Step {
                product: if direct { Product::Whole(tile) } else { Product::Partial(tile) },
                bindings,
                chunk: (window.k.len() as u64).div_ceil(parts),
                parts,
                continued: window.k.start > 0,
                groups: tiles * parts,
            };
            self.multiply(&own, batches, &step)?;
        }
        let Some(scratch) = scratch else { return Ok(()) };
        let mut ranges = block.results.clone();
        ranges.push(0..1);
        let own = sum_of_parts(&within(kernel, &ranges));
        let step = Step {
            product: Product::Sum,
            bindings: SmallVec::from_iter([(slabs[2], block.windows[0].parts[2]), scratch]),
            chunk: 0,
            parts,
            continued: false,
            groups: (batches * m * n).div_ceil(WORKGROUP),
        };
        self.multiply(&own, batches, &step)
    }

    fn multiply(&mut self, kernel: &Kernel, batches: u64, step: &Step<'_>) -> Result<()> {
        let text = Text::Product(step.product);
        let bindings = step.bindings.iter().map(|&(slab, part)| (slab, part.into()));
        self.push(&kernel.code, text, bindings, step.groups, |words, pipeline, row| {
            append_params(words, kernel, pipeline, batches, step, row);
        })
    }
}

fn append_params(
    words: &mut Vec<u32>,
    kernel: &Kernel,
    pipeline: &Pipeline,
    batches: u64,
    step: &Step<'_>,
    row: u32,
) {
    let layout = &pipeline.params;
    let start = words.len();
    words.resize(start + layout.len(0), 0);
    let own = &mut words[start..];
    own[params::ROW] = row;
    for (dim, &size) in kernel.args.shape.iter().enumerate() {
        own[layout.size(dim)] = size as u32;
    }
    own[layout.product(ProductParam::Batches)] = batches as u32;
    own[layout.product(ProductParam::Chunk)] = step.chunk as u32;
    own[layout.product(ProductParam::Parts)] = step.parts as u32;
    own[layout.product(ProductParam::Continued)] = step.continued.into();
    for (i, (code, args)) in kernel.code.operands.iter().zip(&kernel.args.operands).enumerate() {
        let start = step.bindings[i].1.start as usize / code.dtype.size();
        own[layout.offset(i)] = (args.offset - start) as u32;
        for (dim, &stride) in args.strides.iter().enumerate() {
            // The stride of a dimension of size 1 may be anything and is never taken.
            let taken = kernel.args.shape[dim] > 1;
            own[layout.stride(i, dim)] = if taken { stride as u32 } else { 0 };
        }
    }
}
