//! Reductions with kept dimensions after the reduced ones: kept points lie side by side in every row.

use super::super::registers::Scratch;
use super::super::run::each_range;
use super::super::threads;
use super::pieces::{Pieces, pick};
use super::{Job, Stored};

/// Folds the rows of kept points that lie side by side.
pub(super) trait Panel {
    /// What is left of a part of the reduced range.
    type Part: Send + Default;

    /// The range may be cut at powers of two of this.
    const BLOCK: usize;

    /// Begins with panels of `width` points, at row number `row`.
    fn begin(&mut self, width: usize, row: usize);

    /// Folds values of the row, from a column on.
    fn take(&mut self, column: usize, values: &[u8]);

    fn end_row(&mut self);

    /// Folds whole rows that follow each other.
    fn rows(&mut self, values: &[u8]);

    /// Ends a part, which had rows.
    fn finish(&mut self) -> &mut Self::Part;

    /// One part out of several in order, after [`Panel::begin`].
    fn join(&mut self, parts: &mut [Self::Part]) -> &mut Self::Part;

    /// The results, of so many bytes, of what is no part but all.
    fn results(part: &mut Self::Part, bytes: usize) -> &[u8];
}

/// Bytes of a row of a panel: with its levels it is to stay in the second cache.
const PANEL: usize = 1 << 14;

/// How the kept points after the reduced ones are cut.
struct Panels {
    width: usize,
    /// Of each kept point before the reduced ones.
    count: usize,
}

pub(super) fn run<P: Panel>(job: &Job<'_, '_>, make: impl Fn() -> P + Sync) {
    // Where they are short, several kept points before the reduced ones go side by side too.
    let together = job.launched.tile() / (job.len * job.trail);
    if together > 1 && together >= job.len / 16 && job.trail * job.size < 256 {
        return each_range(job.lead, job.parts, |from, to| {
            side_by_side(job, &mut make(), from..to, together);
        });
    }
    let width = (PANEL / job.size).min(job.trail);
    let panels = Panels { width, count: job.trail.div_ceil(width) };
    let units = job.lead * panels.count;
    let chunk = job.chunk(P::BLOCK, units);
    let chunks = job.len.div_ceil(chunk);
    if chunks == 1 {
        return each_range(units, job.parts, |from, to| {
            let (mut panel, mut memory) = (make(), Stored::default());
            for unit in from..to {
                fold(job, &panels, &mut panel, unit, 0..job.len);
                store::<P>(job, &panels, unit, panel.finish(), &mut memory);
            }
        });
    }
    let mut parts: Vec<P::Part> = threads::map(units * chunks, |i| {
        let mut panel = make();
        let from = i % chunks * chunk;
        fold(job, &panels, &mut panel, i / chunks, from..(from + chunk).min(job.len));
        std::mem::take(panel.finish())
    });
    let (mut panel, mut memory) = (make(), Stored::default());
    for (unit, parts) in parts.chunks_mut(chunks).enumerate() {
        panel.begin(panels.columns(job, unit).len(), 0);
        store::<P>(job, &panels, unit, panel.join(parts), &mut memory);
    }
}

/// Folds blocks number `leads`, so many at once.
fn side_by_side<P: Panel>(
    job: &Job<'_, '_>,
    panel: &mut P,
    leads: std::ops::Range<usize>,
    together: usize,
) {
    let Job { len, trail, size, .. } = *job;
    let (mut row, mut memory) = (Scratch::default(), Stored::default());
    job.launched.with_registers(|registers| {
        for lead in leads.clone().step_by(together) {
            let count = together.min(leads.end - lead);
            let (start, points) = (lead * len * trail, count * len * trail);
            let values = job.launched.evaluate(start, points, job.value, registers);
            let row = row.bytes(count * trail * size);
            panel.begin(count * trail, 0);
            for r in 0..len {
                let pieces = Pieces { size, len: trail, period: len * trail, from: r * trail };
                pick(row, trail, values, pieces);
                panel.take(0, row);
                panel.end_row();
            }
            let results = P::results(panel.finish(), count * trail * job.results.size);
            job.store(lead * trail, results, &mut memory);
        }
    });
}

impl Panels {
    /// The columns of panel number `unit`.
    fn columns(&self, job: &Job<'_, '_>, unit: usize) -> std::ops::Range<usize> {
        let from = unit % self.count * self.width;
        from..(from + self.width).min(job.trail)
    }
}

/// Folds rows of panel number `unit`.
fn fold<P: Panel>(
    job: &Job<'_, '_>,
    panels: &Panels,
    panel: &mut P,
    unit: usize,
    rows: std::ops::Range<usize>,
) {
    let columns = panels.columns(job, unit);
    let width = columns.len();
    let tile = job.launched.tile();
    let start = unit / panels.count * job.len;
    panel.begin(width, rows.start);
    job.launched.with_registers(|registers| {
        if width == job.trail && 2 * width <= tile {
            // Whole blocks, as far as there are several.
            let most = 1 << (tile / width).ilog2();
            for row in rows.clone().step_by(most) {
                let count = most.min(rows.end - row);
                let from = (start + row) * width;
                let values = job.launched.evaluate(from, count * width, job.value, registers);
                panel.rows(values);
            }
            return;
        }
        for row in rows.clone() {
            for column in columns.clone().step_by(tile) {
                let count = tile.min(columns.end - column);
                let from = (start + row) * job.trail + column;
                let values = job.launched.evaluate(from, count, job.value, registers);
                panel.take(column - columns.start, values);
            }
            panel.end_row();
        }
    });
}

fn store<P: Panel>(
    job: &Job<'_, '_>,
    panels: &Panels,
    unit: usize,
    part: &mut P::Part,
    memory: &mut Stored,
) {
    let columns = panels.columns(job, unit);
    let start = unit / panels.count * job.trail + columns.start;
    let results = P::results(part, columns.len() * job.results.size);
    job.store(start, results, memory);
}
