//! Cuts a product of matrices into what a dispatch can reach.
//!
//! # Note [Blocks of products]
//! Each operand has a binding of its own. Where one does not fit, the product is halved along the dimension
//! in which that operand is longest, be it a batch, `m`, `n` or `k`. Halves along `k` give the same results,
//! one after the other, so all blocks that share results are in the order of `k`: the first one starts their
//! sums, the others go on with them.

use std::ops::Range;

use smallvec::SmallVec;

use super::{Part, Reach};
use crate::kernel::Kernel;

/// Elements along `k` in one dispatch: devices with a watchdog like short ones, and llvmpipe leaves a loop
/// after 65,535 turns.
const DEPTH: usize = 1 << 18;

/// Halves begin at multiples of this, the side of a tile, where they are as long.
const STEP: usize = 128;

/// Results, by their ranges along the batches, `m` and `n`, and ranges of `k`, in order.
#[derive(Clone, Debug)]
pub(crate) struct ProductBlock {
    pub(crate) results: Ranges,
    pub(crate) windows: Vec<ProductWindow>,
}

/// Elements along `k` that one dispatch sees.
#[derive(Clone, Debug)]
pub(crate) struct ProductWindow {
    pub(crate) k: Range<usize>,
    /// By operand.
    pub(crate) parts: [Part; 3],
}

pub(crate) type Ranges = SmallVec<[Range<usize>; 6]>;

/// The blocks of a launch; `sizes` are the bytes of the buffers of its operands, `part` those of a partial
/// result. `None` where one element needs more of a buffer than a binding reaches.
pub(crate) fn product_blocks(
    kernel: &Kernel,
    sizes: [u64; 3],
    part: u64,
    reach: Reach,
) -> Option<Vec<ProductBlock>> {
    let cutter = Cutter { kernel, sizes, part, reach };
    let mut blocks = Vec::new();
    let ranges: Ranges = kernel.args.shape.iter().map(|&size| 0..size).collect();
    cutter.results(ranges, &mut blocks)?;
    Some(blocks)
}

struct Cutter<'a> {
    kernel: &'a Kernel,
    sizes: [u64; 3],
    part: u64,
    reach: Reach,
}

impl Cutter<'_> {
    /// Cuts along all dimensions but `k`, which is whole.
    fn results(&self, ranges: Ranges, blocks: &mut Vec<ProductBlock>) -> Option<()> {
        let results = &ranges[..ranges.len() - 1];
        let count = results.iter().map(|range| range.len() as u64).product::<u64>();
        let mut windows = Vec::new();
        // Only what is too large for one window needs partial results.
        let dim = match self.misfit(&ranges) {
            None if ranges[results.len()].len() <= DEPTH && count <= self.reach.points => {
                let k = ranges[results.len()].clone();
                windows.push(ProductWindow { k, parts: self.parts(&ranges) });
                None
            }
            Some(2) => Some(self.longest_of(&ranges, 2)?),
            _ if count.checked_mul(self.part).is_none_or(|bytes| bytes > self.reach.binding) => {
                Some(longest(results)?)
            }
            _ => self.windows(&ranges, &mut windows)?,
        };
        match dim {
            None => {
                windows.sort_by_key(|window| window.k.start);
                blocks.push(ProductBlock { results: results.into(), windows });
            }
            Some(dim) => {
                for half in halves(&ranges, dim) {
                    self.results(half, blocks)?;
                }
            }
        }
        Some(())
    }

    /// Cuts along `k`; another dimension, if that has to be cut first.
    fn windows(&self, ranges: &Ranges, windows: &mut Vec<ProductWindow>) -> Option<Option<usize>> {
        let k = ranges.len() - 1;
        let dim = match self.misfit(ranges) {
            None if ranges[k].len() <= DEPTH => {
                let parts = self.parts(ranges);
                windows.push(ProductWindow { k: ranges[k].clone(), parts });
                return Some(None);
            }
            None => k,
            Some(operand) => self.longest_of(ranges, operand)?,
        };
        if dim != k {
            windows.clear();
            return Some(Some(dim));
        }
        for half in halves(ranges, k) {
            let other = self.windows(&half, windows)?;
            if other.is_some() {
                windows.clear();
                return Some(other);
            }
        }
        Some(None)
    }

    /// An operand of which no binding reaches what the ranges need.
    fn misfit(&self, ranges: &Ranges) -> Option<usize> {
        let parts = self.parts(ranges);
        (0..3).find(|&operand| parts[operand].len > self.reach.binding)
    }

    /// The dimension along which the operand reaches furthest.
    fn longest_of(&self, ranges: &Ranges, operand: usize) -> Option<usize> {
        let strides = &self.kernel.args.operands[operand].strides;
        let reach = |dim: &usize| (ranges[*dim].len() - 1) as u128 * strides[*dim] as u128;
        (0..ranges.len()).max_by_key(reach).filter(|dim| reach(dim) > 0)
    }

    fn parts(&self, ranges: &Ranges) -> [Part; 3] {
        [0, 1, 2].map(|operand| self.part(ranges, operand))
    }

    /// All of a buffer where a binding may, so that bind groups repeat.
    fn part(&self, ranges: &Ranges, operand: usize) -> Part {
        let whole = self.sizes[operand];
        if whole <= self.reach.binding {
            return Part { start: 0, len: whole };
        }
        let (code, args) =
            (&self.kernel.code.operands[operand], &self.kernel.args.operands[operand]);
        let (mut first, mut last) = (args.offset as u64, args.offset as u64);
        for (range, &stride) in ranges.iter().zip(&args.strides) {
            first += (range.start * stride) as u64;
            last += ((range.end - 1) * stride) as u64;
        }
        let bytes = code.dtype.size() as u64;
        Part::around(first * bytes, (last + 1) * bytes, whole)
    }
}

/// The longest range that can be cut.
fn longest(ranges: &[Range<usize>]) -> Option<usize> {
    (0..ranges.len()).max_by_key(|&dim| ranges[dim].len()).filter(|&dim| ranges[dim].len() > 1)
}

/// The ranges with the one of `dim` cut in two.
fn halves(ranges: &Ranges, dim: usize) -> [Ranges; 2] {
    let Range { start, end } = ranges[dim];
    let mut len = (end - start).div_ceil(2);
    if len > STEP {
        len = len.next_multiple_of(STEP).min(end - start - 1);
    }
    [start..start + len, start + len..end].map(|half| {
        let mut ranges = ranges.clone();
        ranges[dim] = half;
        ranges
    })
}
