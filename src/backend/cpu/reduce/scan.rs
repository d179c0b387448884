//! Scans: the fold of the values up to each point, one after the other.
//!
//! Lines side by side (kept dimensions after the scanned one) go together in vectors.

use bytemuck::{cast_slice, cast_slice_mut};

use super::super::lanes::simd;
use super::super::run::each_range;
use super::super::tile::Scratch;
use super::extreme::{Order, Ordered, improve};
use super::tree::Folder;
use super::{Job, Stored};

/// The state of lines side by side.
pub(super) trait Scanning {
    /// Begins with `width` lines.
    fn begin(&mut self, width: usize);

    /// Folds values of a row of lines, from a column on, and puts the results in `out`.
    fn row(&mut self, column: usize, values: &[u8], out: &mut [u8]);

    fn end_row(&mut self);

    /// Folds the next values of the only line, one after the other.
    fn line(&mut self, values: &[u8], out: &mut [u8]);
}

/// Most bytes of a row of lines side by side, and least.
const PANEL: [usize; 2] = [1 << 9, 1 << 14];

pub(super) fn run<S: Scanning>(job: &Job<'_, '_>, make: impl Fn() -> S + Sync) {
    if job.trail == 1 {
        return each_range(job.lead, job.parts, |from, to| lines(job, &mut make(), from, to));
    }
    // As wide as it may be with enough panels for all threads.
    let [least, most] = PANEL.map(|bytes| bytes / job.size);
    let wanted = job.parts.div_ceil(job.lead);
    let width = job.trail.div_ceil(wanted).clamp(least, most).min(job.trail);
    let panels = job.trail.div_ceil(width);
    each_range(job.lead * panels, job.parts, |from, to| {
        let mut scanning = make();
        for unit in from..to {
            let column = unit % panels * width;
            let columns = column..(column + width).min(job.trail);
            panel(job, &mut scanning, unit / panels, columns);
        }
    });
}

/// Scans the lines number `from .. to`, which lie one after the other.
fn lines<S: Scanning>(job: &Job<'_, '_>, scanning: &mut S, from: usize, to: usize) {
    let (launched, len) = (job.launched, job.len);
    let (mut out, mut memory) = (Scratch::default(), Stored::default());
    let tile = launched.tile();
    launched.with_registers(|registers| {
        let rows = (tile / len).max(1);
        for first in (from..to).step_by(rows) {
            let (start, end) = (first * len, (first + rows).min(to) * len);
            for at in (start..end).step_by(tile) {
                let count = tile.min(end - at);
                let values = launched.evaluate(at, count, job.value, registers);
                let out = out.bytes(count * job.results.size);
                let outs = out.chunks_mut(len * job.results.size);
                for (values, out) in values.chunks(len * job.size).zip(outs) {
                    // A tile is part of a line, or whole lines.
                    if (at - start).is_multiple_of(len) || rows > 1 {
                        scanning.begin(1);
                    }
                    scanning.line(values, out);
                }
                job.store(at, out, &mut memory);
            }
        }
    });
}

/// Scans the lines in these columns of the block number `lead`.
fn panel<S: Scanning>(
    job: &Job<'_, '_>,
    scanning: &mut S,
    lead: usize,
    columns: std::ops::Range<usize>,
) {
    let launched = job.launched;
    let (mut out, mut memory) = (Scratch::default(), Stored::default());
    let (width, tile) = (columns.len(), launched.tile());
    scanning.begin(width);
    launched.with_registers(|registers| {
        // Several whole rows at once where they are short.
        let most = if width == job.trail { (tile / width).max(1) } else { 1 };
        for row in (0..job.len).step_by(most) {
            let count = most.min(job.len - row) * width;
            for at in (0..count).step_by(tile) {
                let points = tile.min(count - at);
                let start = (lead * job.len + row) * job.trail + columns.start + at;
                let values = launched.evaluate(start, points, job.value, registers);
                let out = out.bytes(points * job.results.size);
                let outs = out.chunks_mut(width * job.results.size);
                for (values, out) in values.chunks(width * job.size).zip(outs) {
                    scanning.row(at % width, values, out);
                    if at % width + values.len() / job.size == width {
                        scanning.end_row();
                    }
                }
                job.store(start, out, &mut memory);
            }
        }
    });
}

/// A row of the op table.
pub(super) struct Plain<'f> {
    folder: &'f Folder,
    state: Scratch,
    bytes: usize,
}

impl<'f> Plain<'f> {
    pub(super) fn new(folder: &'f Folder) -> Self {
        Self { folder, state: Scratch::default(), bytes: 0 }
    }
}

impl Scanning for Plain<'_> {
    fn begin(&mut self, width: usize) {
        self.bytes = width * self.folder.size;
        self.folder.reset(self.state.bytes(self.bytes));
    }

    fn row(&mut self, column: usize, values: &[u8], out: &mut [u8]) {
        let from = column * self.folder.size;
        let state = &mut self.state.bytes(self.bytes)[from..from + values.len()];
        self.folder.accumulate(state, values);
        out.copy_from_slice(state);
    }

    fn end_row(&mut self) {}

    fn line(&mut self, values: &[u8], out: &mut [u8]) {
        let state = self.state.bytes(self.bytes);
        if self.folder.round.is_none() {
            out.copy_from_slice(values);
            (self.folder.loops.scan)(state, out);
            return;
        }
        let size = self.folder.size;
        for (value, out) in values.chunks_exact(size).zip(out.chunks_exact_mut(size)) {
            self.folder.accumulate(state, value);
            out.copy_from_slice(state);
        }
    }
}

/// Sums of the float32 lane, with the rounding errors carried along.
pub(super) struct Compensated<'f> {
    folder: &'f Folder,
    sums: Scratch,
    errors: Vec<f32>,
}

impl<'f> Compensated<'f> {
    pub(super) fn new(folder: &'f Folder) -> Self {
        Self { folder, sums: Scratch::default(), errors: Vec::new() }
    }
}

/// One step of TwoSum; returns what is stored.
#[inline(always)]
fn add(sum: &mut f32, error: &mut f32, x: f32) -> f32 {
    let a = *sum;
    let s = a + x;
    let t = s - a;
    *error += (a - (s - t)) + (x - t);
    *sum = s;
    s + if error.is_finite() { *error } else { 0.0 }
}

impl Scanning for Compensated<'_> {
    fn begin(&mut self, width: usize) {
        self.folder.reset(self.sums.bytes(width * size_of::<f32>()));
        self.errors.clear();
        self.errors.resize(width, 0.0);
    }

    fn row(&mut self, column: usize, values: &[u8], out: &mut [u8]) {
        let (values, out): (&[f32], &mut [f32]) = (cast_slice(values), cast_slice_mut(out));
        let columns = column..column + values.len();
        let sums = cast_slice_mut(self.sums.bytes(self.errors.len() * size_of::<f32>()));
        let (sums, errors) = (&mut sums[columns.clone()], &mut self.errors[columns]);
        #[inline(always)]
        fn rows(sums: &mut [f32], errors: &mut [f32], values: &[f32], out: &mut [f32]) {
            for (((sum, error), &x), out) in sums.iter_mut().zip(errors).zip(values).zip(out) {
                *out = add(sum, error, x);
            }
        }
        simd(
            #[inline(always)]
            || rows(sums, errors, values, out),
        );
    }

    fn end_row(&mut self) {}

    fn line(&mut self, values: &[u8], out: &mut [u8]) {
        let (values, out): (&[f32], &mut [f32]) = (cast_slice(values), cast_slice_mut(out));
        let sums: &mut [f32] = cast_slice_mut(self.sums.bytes(size_of::<f32>()));
        let (mut sum, mut error) = (sums[0], self.errors[0]);
        for (&x, out) in values.iter().zip(out) {
            *out = add(&mut sum, &mut error, x);
        }
        (sums[0], self.errors[0]) = (sum, error);
    }
}

/// Where the first extreme is so far.
pub(super) struct Position<T> {
    order: Order,
    row: usize,
    best: Vec<T>,
    places: Vec<i64>,
}

impl<T: Ordered> Position<T> {
    pub(super) fn new(order: Order) -> Self {
        Self { order, row: 0, best: Vec::new(), places: Vec::new() }
    }
}

impl<T: Ordered> Scanning for Position<T> {
    fn begin(&mut self, width: usize) {
        self.row = 0;
        self.best.resize(width, T::zeroed());
        self.places.resize(width, 0);
    }

    fn row(&mut self, column: usize, values: &[u8], out: &mut [u8]) {
        let values: &[T] = cast_slice(values);
        let columns = column..column + values.len();
        let (best, places) = (&mut self.best[columns.clone()], &mut self.places[columns]);
        let row = self.row as i64;
        if row == 0 {
            best.copy_from_slice(values);
            places.fill(0);
        } else {
            improve(self.order, (best, &mut *places), values, |_| row);
        }
        out.copy_from_slice(cast_slice(places));
    }

    fn end_row(&mut self) {
        self.row += 1;
    }

    fn line(&mut self, values: &[u8], out: &mut [u8]) {
        let out: &mut [i64] = cast_slice_mut(out);
        for (&value, out) in cast_slice::<u8, T>(values).iter().zip(out) {
            if self.row == 0 || self.order.beats(value, self.best[0]) {
                (self.best[0], self.places[0]) = (value, self.row as i64);
            }
            self.row += 1;
            *out = self.places[0];
        }
    }
}
