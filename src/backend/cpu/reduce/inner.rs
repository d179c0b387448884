//! Reductions without a kept dimension after the reduced ones: each kept point's values follow each other.

use super::super::registers::{Registers, Scratch};
use super::super::run::each_range;
use super::super::threads;
use super::super::tile::REGISTER;
use super::{Job, Stored};

/// Folds the values of one kept point after the other.
pub(super) trait Line {
    /// What is left of a part of the reduced range.
    type Part: Send;

    /// The range may be cut at powers of two of this.
    const BLOCK: usize;

    /// Folds the next values.
    fn take(&mut self, values: &[u8]);

    /// Takes the results of the next blocks of [`BLOCK`](Self::BLOCK) values, of which none was taken yet; the
    /// last may be shorter if nothing follows.
    fn take_blocks(&mut self, results: &[u8]) {
        let _ = results;
        unreachable!("only of a line with a loop that sums")
    }

    /// Puts the results of whole kept points of `len` values each in `out`, if it knows a better way
    /// than one after the other.
    fn rows(&mut self, len: usize, values: &[u8], out: &mut [u8]) -> bool {
        let _ = (len, values, out);
        false
    }

    /// Ends a part, which was not empty.
    fn finish(&mut self) -> Self::Part;

    /// The bits of the result, from the parts in order.
    fn join(&mut self, parts: &[Self::Part]) -> u64;
}

/// Results that wait to be stored together.
struct Waiting<'j, 'a, 'l> {
    job: &'j Job<'a, 'l>,
    /// The kept point of the first.
    start: usize,
    len: usize,
    lanes: Scratch,
    memory: Stored,
}

impl<'j, 'a, 'l> Waiting<'j, 'a, 'l> {
    fn new(job: &'j Job<'a, 'l>, start: usize) -> Self {
        Self { job, start, len: 0, lanes: Scratch::default(), memory: Stored::default() }
    }

    fn push(&mut self, bits: u64) {
        let size = self.job.results.size;
        let lane = &mut self.lanes.bytes(REGISTER)[self.len * size..][..size];
        match size {
            4 => lane.copy_from_slice(&(bits as u32).to_ne_bytes()),
            _ => lane.copy_from_slice(&bits.to_ne_bytes()),
        }
        self.len += 1;
        if self.len * size == REGISTER {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.len > 0 {
            let lanes = self.lanes.bytes(self.len * self.job.results.size);
            self.job.store(self.start, lanes, &mut self.memory);
            self.start += self.len;
            self.len = 0;
        }
    }
}

pub(super) fn run<L: Line>(job: &Job<'_, '_>, make: impl Fn() -> L + Sync) {
    let chunk = job.chunk(L::BLOCK, job.lead);
    let chunks = job.len.div_ceil(chunk);
    if chunks == 1 {
        return each_range(job.lead, job.parts, |from, to| lines(job, &mut make(), from, to));
    }
    let parts: Vec<L::Part> = threads::map(job.lead * chunks, |i| {
        let mut line = make();
        let (start, from) = (i / chunks * job.len, i % chunks * chunk);
        let to = (from + chunk).min(job.len);
        job.launched.with_registers(|registers| {
            line_of(job, &mut line, start + from, start + to, registers);
        });
        line.finish()
    });
    let mut line = make();
    let mut waiting = Waiting::new(job, 0);
    for parts in parts.chunks(chunks) {
        waiting.push(line.join(parts));
    }
    waiting.flush();
}

/// Folds the kept points `from .. to`.
fn lines<L: Line>(job: &Job<'_, '_>, line: &mut L, from: usize, to: usize) {
    let (launched, len) = (job.launched, job.len);
    let (mut waiting, mut results) = (Waiting::new(job, from), Scratch::default());
    launched.with_registers(|registers| {
        let rows = launched.tile() / len;
        if rows <= 1 || job.sums.is_some() && len > L::BLOCK {
            for k in from..to {
                line_of(job, line, k * len, (k + 1) * len, registers);
                let part = line.finish();
                waiting.push(line.join(&[part]));
            }
            return;
        }
        for k in (from..to).step_by(rows) {
            let points = rows.min(to - k) * len;
            if let Some((run, bits)) = job.sums {
                let size = job.results.size;
                let out = results.bytes(points / len * size);
                launched.sums((k * len, points), out, (run, len, bits), registers);
                job.store(k, out, &mut waiting.memory);
                continue;
            }
            let values = launched.evaluate(k * len, points, job.value, registers);
            let out = results.bytes(points / len * job.results.size);
            if line.rows(len, values, out) {
                job.store(k, out, &mut waiting.memory);
                continue;
            }
            for row in values.chunks_exact(len * job.size) {
                line.take(row);
                let part = line.finish();
                waiting.push(line.join(&[part]));
            }
        }
    });
    waiting.flush();
}

/// Folds the points `from .. to` of one kept point.
fn line_of<L: Line>(
    job: &Job<'_, '_>,
    line: &mut L,
    from: usize,
    to: usize,
    registers: &mut Registers,
) {
    let tile = job.launched.tile();
    let is_whole = to - from <= tile || tile.is_multiple_of(L::BLOCK);
    let sums = job.sums.filter(|_| is_whole);
    let mut nodes = Scratch::default();
    for start in (from..to).step_by(tile) {
        let len = tile.min(to - start);
        if let Some((run, bits)) = sums {
            let nodes = nodes.bytes(len.div_ceil(L::BLOCK) * job.size);
            job.launched.sums((start, len), nodes, (run, L::BLOCK, bits), registers);
            line.take_blocks(nodes);
            continue;
        }
        line.take(job.launched.evaluate(start, len, job.value, registers));
    }
}
