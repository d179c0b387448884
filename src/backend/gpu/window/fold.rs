//! Cuts a fold into what a dispatch can reach.
//!
//! # Note [Batches]
//! The points of a fold are those of three indices: kept points before the folded dimensions, the folded
//! ones, kept points after. A range of each is what one dispatch handles. Kept points are cut into
//! batches, which have their partial results to themselves; the folded ones of a batch into windows, at
//! multiples of what one invocation or workgroup folds, so that the tree stays what it is. Where even
//! that is too much, a block of the outer form, or a line of a scan, goes on in the next window: there the
//! order is sequential.

use std::ops::Range;

use smallvec::SmallVec;

use super::super::memory::GRANULE;
use super::sight::Need;
use super::{Part, Reach, Sight};
use crate::kernel::{INNER_BLOCK, Kernel, OUTER_BLOCK, OperandCode, Reduce};

/// Blocks of the outer form that an invocation folds at most; what the shader's stack has room for.
const BLOCKS: u64 = 64;
/// Invocations that are enough for any device.
const INVOCATIONS: u64 = 1 << 15;

/// Steps of a scan in one dispatch: llvmpipe leaves a loop after 65,535 turns, and devices with a watchdog
/// like short dispatches.
const SCAN_STEPS: u64 = 1 << 15;

/// Kept points with their windows.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) lead: Range<u64>,
    pub(crate) trail: Range<u64>,
    /// Folded elements that become one partial result.
    pub(crate) chunk: u64,
    pub(crate) windows: Vec<FoldWindow>,
    /// What the results need of their buffer.
    pub(crate) result: Part,
}

/// Elements of the fold that one dispatch sees.
#[derive(Clone, Debug)]
pub(crate) struct FoldWindow {
    pub(crate) reduced: Range<u64>,
    /// By buffer.
    pub(crate) sights: SmallVec<[Sight; 8]>,
    /// By operand: where its buffer begins, [`Sight::origin`].
    pub(crate) origins: SmallVec<[u64; 8]>,
}

/// The points before the folded dimensions, of them, and after.
pub(crate) fn extents(kernel: &Kernel, reduce: &Reduce) -> [u64; 3] {
    let (lead, middle) = bounds(reduce);
    let points = |sizes: &[usize]| sizes.iter().map(|&size| size as u64).product();
    let shape = &kernel.args.shape;
    [points(&shape[..lead]), points(&shape[lead..middle]), points(&shape[middle..])]
}

fn bounds(reduce: &Reduce) -> (usize, usize) {
    let lead = usize::from(reduce.lead);
    (lead, lead + usize::from(reduce.reduced))
}

/// The batches of a launch, in order; `sizes` are the bytes of its buffers, `scratch` those of a partial
/// result. `None` where the smallest window needs more of a buffer than a binding reaches.
pub(crate) fn batches(
    kernel: &Kernel,
    reduce: &Reduce,
    sizes: &[u64],
    scratch: u64,
    reach: Reach,
) -> Option<Vec<Batch>> {
    // Windows further on may reach up to a granule more on either side, by their alignment.
    let reach = Reach { binding: reach.binding.saturating_sub(GRANULE), ..reach };
    let extents = extents(kernel, reduce);
    let outer = reduce.trail(kernel.code.rank) > 0;
    let cutter = Cutter { kernel, reduce, sizes, scratch, reach, extents, outer };
    let mut batches = Vec::new();
    cutter.cut(0..extents[0], 0..extents[2], &mut batches)?;
    Some(batches)
}

struct Cutter<'a> {
    kernel: &'a Kernel,
    reduce: &'a Reduce,
    sizes: &'a [u64],
    scratch: u64,
    reach: Reach,
    extents: [u64; 3],
    outer: bool,
}

impl Cutter<'_> {
    fn cut(&self, lead: Range<u64>, trail: Range<u64>, batches: &mut Vec<Batch>) -> Option<()> {
        if let Some(batch) = self.whole(&lead, &trail) {
            batches.push(batch);
            return Some(());
        }
        let rows = lead.end - lead.start;
        let fits = |count| self.whole(&(lead.start..lead.start + count), &trail).is_some();
        let step = if rows > 1 && fits(1) {
            largest(rows - 1, fits)
        } else if let Some(batch) = self.in_windows(&lead, &trail) {
            batches.push(batch);
            return Some(());
        } else if rows > 1 {
            rows.div_ceil(2)
        } else {
            let middle = trail.start + (trail.end - trail.start) / 2;
            if middle == trail.start {
                return None;
            }
            self.cut(lead.clone(), trail.start..middle, batches)?;
            return self.cut(lead, middle..trail.end, batches);
        };
        let mut start = lead.start;
        while start < lead.end {
            let end = (start + step).min(lead.end);
            self.cut(start..end, trail.clone(), batches)?;
            start = end;
        }
        Some(())
    }

    /// The kept points in one window.
    fn whole(&self, lead: &Range<u64>, trail: &Range<u64>) -> Option<Batch> {
        let chunk = self.chunk(lead, trail, BLOCKS);
        let window = self.window(lead, 0..self.extents[1], trail)?;
        let needed = self.extents[1] > chunk;
        (!needed || self.scratch_fits(lead, trail, chunk)).then(|| Batch {
            lead: lead.clone(),
            trail: trail.clone(),
            chunk,
            windows: vec![window],
            result: self.result(lead, trail),
        })
    }

    fn in_windows(&self, lead: &Range<u64>, trail: &Range<u64>) -> Option<Batch> {
        let len = self.extents[1];
        // Windows at the end of the fold reach as far as those at its beginning, but for what is
        // collapsed: ask for each.
        let unit_fits = |unit: u64| {
            unit <= len
                && [0, (len / unit - 1) * unit]
                    .iter()
                    .all(|&at| self.window(lead, at..at + unit, trail).is_some())
        };
        let (mut chunk, unit) = if self.reduce.scan {
            (len, 1)
        } else if self.outer {
            let most = (0..7).rev().map(|power| 1 << power);
            let blocks = most.into_iter().find(|blocks| unit_fits(blocks * OUTER_BLOCK as u64));
            match blocks {
                Some(blocks) => {
                    let chunk = self.chunk(lead, trail, blocks);
                    (chunk, chunk)
                }
                None => (OUTER_BLOCK as u64, 1),
            }
        } else {
            (INNER_BLOCK as u64, INNER_BLOCK as u64)
        };
        chunk = chunk.min(len);
        if !unit_fits(unit) || !self.scratch_fits(lead, trail, chunk) {
            return None;
        }
        let mut windows = Vec::new();
        let mut at = 0;
        while at < len {
            // A block that does not fit ends where it ends, so that the next one begins anew.
            let end = match unit {
                1 if !self.reduce.scan => (at / chunk + 1) * chunk,
                _ => len,
            };
            let most = (end.min(len) - at).div_ceil(unit);
            let fits =
                |units: u64| self.window(lead, at..(at + units * unit).min(len), trail).is_some();
            let next = (at + largest(most, fits) * unit).min(len);
            windows.push(self.window(lead, at..next, trail)?);
            at = next;
        }
        let result = self.result(lead, trail);
        Some(Batch { lead: lead.clone(), trail: trail.clone(), chunk, windows, result })
    }

    /// Folded elements of a workgroup, or of an invocation: as many as leave enough of them.
    fn chunk(&self, lead: &Range<u64>, trail: &Range<u64>, most: u64) -> u64 {
        if self.reduce.scan {
            return self.extents[1];
        }
        if !self.outer {
            return INNER_BLOCK as u64;
        }
        let kept = (lead.end - lead.start) * (trail.end - trail.start);
        let mut blocks = most;
        while blocks > 1
            && kept * self.extents[1].div_ceil(blocks * OUTER_BLOCK as u64) < INVOCATIONS
        {
            blocks /= 2;
        }
        blocks * OUTER_BLOCK as u64
    }

    fn scratch_fits(&self, lead: &Range<u64>, trail: &Range<u64>, chunk: u64) -> bool {
        let kept = (lead.end - lead.start) * (trail.end - trail.start);
        let partials = u128::from(kept) * u128::from(self.extents[1].div_ceil(chunk));
        partials * u128::from(self.scratch) <= u128::from(self.reach.binding)
    }

    /// What a window sees of each buffer; `None` where a binding does not reach that.
    fn window(
        &self,
        lead: &Range<u64>,
        reduced: Range<u64>,
        trail: &Range<u64>,
    ) -> Option<FoldWindow> {
        let ranges = [lead, &reduced, trail];
        let points = ranges.map(|range| u128::from(range.end - range.start)).iter().product();
        let sights: SmallVec<[Sight; 8]> =
            (0..self.sizes.len()).map(|buffer| self.sight(ranges, buffer)).collect();
        let whole = self.reach.binding + GRANULE;
        let fits = |(sight, &size): (&Sight, &u64)| {
            sight.fits(self.reach) || (sight.len() == size && size <= whole)
        };
        let short = !self.reduce.scan || reduced.end - reduced.start <= SCAN_STEPS;
        let fits = short && sights.iter().zip(self.sizes).all(fits);
        if !fits || u128::from(self.reach.points) < points {
            return None;
        }
        let origin = |(i, operand): (usize, &OperandCode)| {
            sights[usize::from(operand.buffer)].origin(self.need(ranges, i).bytes.start)
        };
        let origins = self.kernel.code.operands.iter().enumerate().map(origin).collect();
        Some(FoldWindow { reduced, sights, origins })
    }

    /// All of a buffer where a binding may, so that bind groups repeat.
    fn sight(&self, ranges: [&Range<u64>; 3], buffer: usize) -> Sight {
        let size = self.sizes[buffer];
        if size <= self.reach.binding + GRANULE {
            return Part { start: 0, len: size }.into();
        }
        let operands = self.kernel.code.operands.iter().enumerate();
        let needs = operands
            .filter(|(_, operand)| usize::from(operand.buffer) == buffer)
            .map(|(i, _)| self.need(ranges, i));
        Sight::of(needs, size, self.reach.binding)
    }

    fn need(&self, ranges: [&Range<u64>; 3], operand: usize) -> Need {
        let (from, to) = bounds(self.reduce);
        let shape = &self.kernel.args.shape;
        let args = &self.kernel.args.operands[operand];
        let (mut first, mut last) = (args.offset as u64, args.offset as u64);
        for (dims, range) in [0..from, from..to, to..shape.len()].into_iter().zip(ranges) {
            let (near, far) = span(&shape[dims.clone()], &args.strides[dims], range.clone());
            (first, last) = (first + near, last + far);
        }
        let bytes = self.kernel.code.operands[operand].dtype.size() as u64;
        let stored = self.kernel.code.is_stored(operand);
        Need { bytes: first * bytes..(last + 1) * bytes, stored }
    }

    /// No more than each window sees, as results are at one place along the folded dimensions.
    fn result(&self, lead: &Range<u64>, trail: &Range<u64>) -> Part {
        let operand = usize::from(self.reduce.operand);
        let size = self.sizes[usize::from(self.kernel.code.operands[operand].buffer)];
        if size <= self.reach.binding + GRANULE {
            return Part { start: 0, len: size };
        }
        let bytes = self.need([lead, &(0..1), trail], operand).bytes;
        Part::around(bytes.start, bytes.end, size)
    }
}

/// Bounds of the offsets of the points with linear indices in the range.
fn span(sizes: &[usize], strides: &[usize], range: Range<u64>) -> (u64, u64) {
    let ([_, sizes @ ..], [stride, strides @ ..]) = (sizes, strides) else { return (0, 0) };
    let inner: u64 = sizes.iter().map(|&size| size as u64).product();
    let (first, last) = (range.start / inner, (range.end - 1) / inner);
    let stride = *stride as u64;
    if first == last {
        let rest = range.start - first * inner..range.end - first * inner;
        let (low, high) = span(sizes, strides, rest);
        return (first * stride + low, first * stride + high);
    }
    let rest = sizes.iter().zip(strides).map(|(&size, &stride)| ((size - 1) * stride) as u64);
    (first * stride, last * stride + rest.sum::<u64>())
}

/// The largest number up to `most` that fits; 1 is known to.
fn largest(most: u64, fits: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (1, most.max(1));
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if fits(middle) { low = middle } else { high = middle - 1 }
    }
    low
}
