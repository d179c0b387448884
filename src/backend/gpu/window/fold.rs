//! Cuts a fold into what a dispatch can reach.
//!
//! # Note [Batches]
//! The points of a fold are those of three indices: kept points before the folded dimensions, the folded
//! ones, kept points after. A range of each is what one dispatch handles. Kept points are cut into
//! batches, which have their partial results to themselves; the folded ones of a batch into windows, at
//! multiples of what one invocation or workgroup folds, so that the tree stays what it is. Where even
//! that is too much, a block of the outer form, or a line of a scan, goes on in the next window: there the
//! order is sequential.
//!
//! # Note [Counted from a row]
//! A shader has each index of a point in u32, whatever the fold has in all. A dispatch's indices count from
//! the beginning of the row that its first point is in: the last multiple of the points of all dimensions of
//! its range but the outermost. Counted so, the coordinates along these are the same, and the outermost one
//! is less by a number of rows, by which operands begin further on. A row and the points of a dispatch together
//! have to be counted, and a position from the first point on, as it is a result: [`is_counted`] says whether
//! they are. Longer rows are rare, as contiguous dimensions are one by then.

use std::ops::Range;

use smallvec::SmallVec;

use super::super::memory::GRANULE;
use super::sight::Need;
use super::{Part, Reach, Sight};
use crate::kernel::{Fold, INNER_BLOCK, Kernel, OUTER_BLOCK, OperandCode, Reduce};

/// Blocks of the outer form that an invocation folds at most; what the shader's stack has room for.
const BLOCKS: u64 = 64;
/// Invocations that keep any device busy: of those with most, half of what they run at once, with four loads each.
const INVOCATIONS: u64 = 1 << 17;

/// Steps of a scan in one dispatch: llvmpipe leaves a loop after 65,535 turns, and devices with a watchdog
/// like short dispatches.
const SCAN_STEPS: u64 = 1 << 15;

/// Kept points with their windows.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) lead: Range<u64>,
    pub(crate) trail: Range<u64>,
    /// Where the indices of kept points count from, Note [Counted from a row].
    pub(crate) from: [u64; 2],
    /// Folded elements that become one partial result.
    pub(crate) chunk: u64,
    pub(crate) windows: Vec<FoldWindow>,
    /// What the results need of their buffer, and where that begins, as in [`FoldWindow::origins`].
    pub(crate) result: Part,
    pub(crate) result_origin: u64,
}

/// Elements of the fold that one dispatch sees.
#[derive(Clone, Debug)]
pub(crate) struct FoldWindow {
    pub(crate) reduced: Range<u64>,
    /// Where their indices count from, Note [Counted from a row].
    pub(crate) from: u64,
    /// The index of the point that all indices count from.
    pub(crate) base: u64,
    /// By buffer.
    pub(crate) sights: SmallVec<[Sight; 8]>,
    /// By operand: where its buffer begins, [`Sight::origin`], less what it begins further on.
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

/// Points of all dimensions but the outermost, for each of [`extents`].
fn rows(kernel: &Kernel, reduce: &Reduce) -> [u64; 3] {
    let points = |range: Range<usize>| {
        kernel.args.shape[range].iter().skip(1).map(|&size| size as u64).product()
    };
    ranges(kernel, reduce).map(points)
}

/// The dimensions before the folded ones, those, and after.
fn ranges(kernel: &Kernel, reduce: &Reduce) -> [Range<usize>; 3] {
    let (lead, middle) = bounds(reduce);
    [0..lead, lead..middle, middle..kernel.args.shape.len()]
}

/// Whether all indices of a fold are counted, Note [Counted from a row], and a block is a dispatch's.
pub(crate) fn is_counted(kernel: &Kernel, reduce: &Reduce, reach: Reach) -> bool {
    let most = 2 * reach.points;
    let extents = extents(kernel, reduce);
    let rows = rows(kernel, reduce);
    let counted = |i: usize| {
        let from_first = i == 1 && has_positions(reduce);
        extents[i] < most || (rows[i] <= reach.points && !from_first)
    };
    // Where values are placed the shader makes the index of a point in all, by what lies within an index.
    let lines = extents[2] < most && (extents[1] < most || extents[0] == 1);
    // A block of the inner form is one workgroup's.
    let parted = reduce.scan || reduce.trail(kernel.code.rank) > 0;
    let block = if parted { 1 } else { extents[1].min(INNER_BLOCK as u64) };
    block <= reach.points
        && (0..3).all(counted)
        && (lines || !kernel.code.nodes.iter().any(|node| node.expr.is_placed()))
}

fn has_positions(reduce: &Reduce) -> bool {
    matches!(reduce.fold, Fold::ArgMax | Fold::ArgMin)
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
    let (extents, rows) = (extents(kernel, reduce), rows(kernel, reduce));
    let outer = reduce.trail(kernel.code.rank) > 0;
    let cutter = Cutter { kernel, reduce, sizes, scratch, reach, extents, rows, outer };
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
    rows: [u64; 3],
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
        (!needed || self.scratch_fits(lead, trail, chunk))
            .then(|| self.batch(lead, trail, chunk, vec![window]))
    }

    fn batch(
        &self,
        lead: &Range<u64>,
        trail: &Range<u64>,
        chunk: u64,
        windows: Vec<FoldWindow>,
    ) -> Batch {
        let [first, _, last] = self.from([lead, &(0..1), trail]);
        let result = self.result(lead, trail);
        let further = self.further([first, 0, last], usize::from(self.reduce.operand));
        Batch {
            lead: lead.clone(),
            trail: trail.clone(),
            from: [first, last],
            chunk,
            windows,
            result,
            result_origin: result.start.wrapping_sub(further),
        }
    }

    /// Where the indices of these points count from, Note [Counted from a row].
    fn from(&self, ranges: [&Range<u64>; 3]) -> [u64; 3] {
        let mut from = [0, 1, 2].map(|i| ranges[i].start - ranges[i].start % self.rows[i]);
        if has_positions(self.reduce) {
            from[1] = 0;
        }
        from
    }

    /// Bytes that an operand begins further on where indices count from there.
    fn further(&self, from: [u64; 3], operand: usize) -> u64 {
        let strides = &self.kernel.args.operands[operand].strides;
        let dims = ranges(self.kernel, self.reduce).into_iter().zip(from).zip(self.rows);
        let elements: u64 = dims
            .filter(|((dims, _), _)| !dims.is_empty())
            .map(|((dims, from), row)| from / row * strides[dims.start] as u64)
            .sum();
        elements * self.kernel.code.operands[operand].dtype.size() as u64
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
        Some(self.batch(lead, trail, chunk, windows))
    }

    /// Folded elements of a workgroup, or of an invocation: as many as leave enough of them.
    fn chunk(&self, lead: &Range<u64>, trail: &Range<u64>, most: u64) -> u64 {
        if self.reduce.scan {
            return self.extents[1];
        }
        if !self.outer {
            return INNER_BLOCK as u64;
        }
        let kept = (lead.end - lead.start) * (trail.end - trail.start).div_ceil(4);
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
        let from = self.from(ranges);
        let origin = |(i, operand): (usize, &OperandCode)| {
            let first = self.need(ranges, i).bytes.start;
            let origin = sights[usize::from(operand.buffer)].origin(first);
            origin.wrapping_sub(self.further(from, i))
        };
        let origins = self.kernel.code.operands.iter().enumerate().map(origin).collect();
        let [_, length, breadth] = self.extents;
        let base = (from[0] * length + from[1]) * breadth + from[2];
        Some(FoldWindow { from: from[1], reduced, base, sights, origins })
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
