//! Scans: the fold of the values up to each point, one after the other.
//!
//! Lines side by side (kept dimensions after the scanned one) go together in vectors; short lines that follow each
//! other too, as `short` has it.

use std::array;

use bytemuck::{cast_slice, cast_slice_mut};

use super::super::lanes::simd;
use super::super::registers::Scratch;
use super::super::run::each_range;
use super::super::threads;
use super::extreme::{Order, Ordered, improve};
use super::short::{SHORT, Turned};
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

    /// Does whole lines of so many bytes of values and of results, one after the other.
    fn lines(&mut self, values: &[u8], out: &mut [u8], sizes: (usize, usize)) {
        one_by_one(self, values, out, sizes);
    }

    /// Whether short lines are better turned.
    fn turns_short(&self) -> bool {
        true
    }
}

/// Scans whole lines of so many bytes of values and of results.
fn one_by_one<S: Scanning + ?Sized>(
    scanning: &mut S,
    values: &[u8],
    out: &mut [u8],
    (from, to): (usize, usize),
) {
    for (values, out) in values.chunks(from).zip(out.chunks_mut(to)) {
        scanning.begin(1);
        scanning.line(values, out);
    }
}

/// Most bytes of a row of lines side by side, and least.
const PANEL: [usize; 2] = [1 << 9, 1 << 14];

pub(super) fn run<S: Scanning>(job: &Job<'_, '_>, make: impl Fn() -> S + Sync) {
    if job.trail == 1 {
        return each_range(job.lead, job.parts, |from, to| lines(job, &mut make(), from, to));
    }
    // As wide as it may be with a panel for each thread: a row of each panel is evaluated by itself.
    let [least, most] = PANEL.map(|bytes| bytes / job.size);
    let wanted = match job.parts {
        // Asking for their number starts the threads.
        1 => 1,
        parts => parts.min(threads::count()).div_ceil(job.lead),
    };
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
    let (sizes, mut turned) = ([job.size, job.results.size], Turned::default());
    let tile = launched.tile();
    launched.with_registers(|registers| {
        let rows = (tile / len).max(1);
        for first in (from..to).step_by(rows) {
            let (start, end) = (first * len, (first + rows).min(to) * len);
            for at in (start..end).step_by(tile) {
                let count = tile.min(end - at);
                let values = launched.evaluate(at, count, job.value, registers);
                let out = out.bytes(count * job.results.size);
                // A tile is whole lines, or part of a line.
                if len <= SHORT && scanning.turns_short() {
                    turned.scan(scanning, (values, out), len, sizes);
                } else if count.is_multiple_of(len) {
                    scanning.lines(values, out, (len * job.size, len * job.results.size));
                } else {
                    if at == start {
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
            (self.folder.loops.scan)(state, out, values.len() / self.folder.size);
            return;
        }
        let size = self.folder.size;
        for (value, out) in values.chunks_exact(size).zip(out.chunks_exact_mut(size)) {
            self.folder.accumulate(state, value);
            out.copy_from_slice(state);
        }
    }

    fn lines(&mut self, values: &[u8], out: &mut [u8], (from, to): (usize, usize)) {
        if self.folder.round.is_some() {
            return one_by_one(self, values, out, (from, to));
        }
        self.begin(1);
        out.copy_from_slice(values);
        let len = from / self.folder.size;
        (self.folder.loops.scan)(self.state.bytes(self.bytes), out, len);
    }

    /// What is rounded each time is a call for each value of a line.
    fn turns_short(&self) -> bool {
        self.folder.round.is_some()
    }
}

/// Sums of the float32 lane, with the rounding errors carried along.
pub(super) struct Compensated<'f> {
    folder: &'f Folder,
    sums: Scratch,
    errors: Vec<f32>,
    /// Of each step of a line.
    steps: Vec<f32>,
}

impl<'f> Compensated<'f> {
    pub(super) fn new(folder: &'f Folder) -> Self {
        Self { folder, sums: Scratch::default(), errors: Vec::new(), steps: Vec::new() }
    }
}

/// Lines that are added up in turn, as each waits for the sum before.
const TOGETHER: usize = 4;

/// Adds up the values of `N` lines, which follow each other, and puts each sum in place of its last value.
fn add_up<const N: usize>(sums: &mut [f32], values: &mut [f32]) {
    let len = values.len() / N;
    let mut lines = values.chunks_exact_mut(len);
    let mut lines: [&mut [f32]; N] = array::from_fn(|_| lines.next().unwrap_or_default());
    let mut now: [f32; N] = array::from_fn(|line| sums[line]);
    for i in 0..len {
        for (now, line) in now.iter_mut().zip(&mut lines) {
            *now += line[i];
            line[i] = *now;
        }
    }
    sums.copy_from_slice(&now);
}

/// What is stored for a sum and its error.
#[inline(always)]
fn stored(sum: f32, error: f32) -> f32 {
    sum + if error.is_finite() { error } else { 0.0 }
}

/// Scans the next values of `N` lines, each as [`add`] does it one by one. Only the sums and their errors
/// are added up one after the other; the rest is vectors.
fn scan<const N: usize>(
    sums: &mut [f32],
    errors: &mut [f32],
    steps: &mut Vec<f32>,
    values: &[f32],
    out: &mut [f32],
) {
    let len = values.len() / N;
    steps.resize(values.len(), 0.0);
    let before: [f32; N] = array::from_fn(|line| sums[line]);
    out.copy_from_slice(values);
    add_up::<N>(sums, out);
    for (line, &before) in before.iter().enumerate() {
        let line_of = line * len..(line + 1) * len;
        let (values, sums) = (&values[line_of.clone()], &out[line_of.clone()]);
        steps_of(&mut steps[line_of], before, values, sums);
    }
    add_up::<N>(errors, steps);
    store_all(out, steps);
}

/// Values of a piece of a line.
const PIECE: usize = 64;

/// Scans the next values of one line. While the sums of a piece are added up, so are the errors of the one
/// before: each waits for its own last addition alone.
fn scan_line(sum: &mut f32, error: &mut f32, values: &[f32], out: &mut [f32]) {
    let (pieces, rest) = values.as_chunks::<PIECE>();
    let (outs, out_rest) = out.as_chunks_mut::<PIECE>();
    // Of the piece before; the errors of nothing leave what they are added to.
    let (mut steps, mut errors) = ([0.0; PIECE], [0.0; PIECE]);
    let mut before: Option<&mut [f32; PIECE]> = None;
    for (values, out) in pieces.iter().zip(outs) {
        let first = *sum;
        let is_first = before.is_none();
        let mut now = [*sum, *error];
        for i in 0..PIECE {
            now[0] += values[i];
            now[1] += steps[i];
            (out[i], errors[i]) = (now[0], now[1]);
        }
        // -0 and 0 is 0.
        let error_now = if is_first { *error } else { now[1] };
        (*sum, *error) = (now[0], error_now);
        steps_of(&mut steps, first, values, out);
        if let Some(before) = before.replace(out) {
            store_all(before, &errors);
        }
    }
    if let Some(before) = before {
        add_up::<1>(std::slice::from_mut(error), &mut steps);
        store_all(before, &steps);
    }
    if !rest.is_empty() {
        let first = *sum;
        out_rest.copy_from_slice(rest);
        add_up::<1>(std::slice::from_mut(sum), out_rest);
        let steps = &mut steps[..rest.len()];
        steps_of(steps, first, rest, out_rest);
        add_up::<1>(std::slice::from_mut(error), steps);
        store_all(out_rest, steps);
    }
}

/// The error of each sum of a line that began with `first`.
fn steps_of(steps: &mut [f32], first: f32, values: &[f32], sums: &[f32]) {
    #[inline(always)]
    fn all(steps: &mut [f32], before: &[f32], values: &[f32], sums: &[f32]) {
        let arguments = before.iter().zip(values).zip(sums);
        for (out, ((&before, &x), &sum)) in steps.iter_mut().zip(arguments) {
            *out = step(before, x, sum);
        }
    }
    steps[0] = step(first, values[0], sums[0]);
    let steps = &mut steps[1..];
    simd(
        #[inline(always)]
        || all(steps, sums, &values[1..], &sums[1..]),
    );
}

/// Puts what is stored in place of each sum.
fn store_all(sums: &mut [f32], errors: &[f32]) {
    #[inline(always)]
    fn all(sums: &mut [f32], errors: &[f32]) {
        for (sum, &error) in sums.iter_mut().zip(errors) {
            *sum = stored(*sum, error);
        }
    }
    simd(
        #[inline(always)]
        || all(sums, errors),
    );
}

/// The error of the sum of `a` and `x`, as TwoSum has it.
#[inline(always)]
fn step(a: f32, x: f32, sum: f32) -> f32 {
    let t = sum - a;
    (a - (sum - t)) + (x - t)
}

/// One step of TwoSum; returns what is stored.
#[inline(always)]
fn add(sum: &mut f32, error: &mut f32, x: f32) -> f32 {
    let a = *sum;
    *sum = a + x;
    *error += step(a, x, *sum);
    stored(*sum, *error)
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
        scan_line(&mut sums[0], &mut self.errors[0], values, out);
    }

    fn lines(&mut self, values: &[u8], out: &mut [u8], (len, _): (usize, usize)) {
        let (values, out): (&[f32], &mut [f32]) = (cast_slice(values), cast_slice_mut(out));
        let len = len / size_of::<f32>();
        let together = values.chunks(TOGETHER * len).zip(out.chunks_mut(TOGETHER * len));
        for (values, out) in together {
            if values.len() == TOGETHER * len {
                self.begin(TOGETHER);
                let sums = cast_slice_mut(self.sums.bytes(TOGETHER * size_of::<f32>()));
                scan::<TOGETHER>(sums, &mut self.errors, &mut self.steps, values, out);
                continue;
            }
            for (values, out) in values.chunks(len).zip(out.chunks_mut(len)) {
                self.begin(1);
                self.line(cast_slice(values), cast_slice_mut(out));
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_together_have_the_bits_of_one_after_the_other() {
        let mut seed = 1_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            match seed >> 54 {
                0 => f32::INFINITY,
                1 => f32::NEG_INFINITY,
                2 => f32::NAN,
                3 => f32::MAX,
                _ => ((seed >> 20) as i32 as f32) * 2f32.powi((seed >> 59) as i32 - 16),
            }
        };
        for len in [1, 2, 15, 63, 64, 65, 128, 200, 1000] {
            for begin in [(0.0, 0.0), (1e9, 0.25)] {
                let values: Vec<f32> = (0..TOGETHER * len).map(|_| next()).collect();
                let (mut out, mut expected) = (vec![0.0; values.len()], Vec::new());
                let (mut sums, mut errors) = ([begin.0; TOGETHER], [begin.1; TOGETHER]);
                let mut steps = Vec::new();
                scan::<TOGETHER>(&mut sums, &mut errors, &mut steps, &values, &mut out);
                for (line, values) in values.chunks(len).enumerate() {
                    let (mut sum, mut error) = begin;
                    expected.extend(values.iter().map(|&x| add(&mut sum, &mut error, x)));
                    let same =
                        |a: f32, b: f32| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
                    assert!(same(sums[line], sum) && same(errors[line], error), "{line} of {len}");
                    let ((mut own, mut own_error), mut alone) = (begin, vec![0.0; len]);
                    scan_line(&mut own, &mut own_error, values, &mut alone);
                    assert!(same(own, sum) && same(own_error, error), "{line} of {len}, alone");
                    let pairs = alone.iter().zip(&expected[line * len..]);
                    assert!(pairs.into_iter().all(|(&a, &b)| same(a, b)), "{line} of {len}, alone");
                }
                for (i, (&got, expected)) in out.iter().zip(expected).enumerate() {
                    let same =
                        got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan();
                    assert!(same, "{i} of {len}: {got} {expected}");
                }
            }
        }
    }
}
