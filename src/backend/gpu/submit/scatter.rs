//! The dispatches of a scatter.
//!
//! First all addresses are looked at: a wrong one sets the status word, and nothing is stored. The points then
//! come in windows, one after the other, and the target in parts that a binding reaches. Of a window and a part
//! an assignment takes three passes over the points, by marks in scratch memory of which each element of the
//! part has one. Where those are many more than points, and where something is folded, the points are sorted
//! by the elements that they reach instead; folds go on from one dispatch to the next.

use smallvec::SmallVec;

use super::super::codegen::{Key, Scatter, Text};
use super::super::memory::Slab;
use super::super::params::WholeParam;
use super::super::window::{Part, Reach, Window, windows};
use super::planner::Planner;
use super::whole::{Lines, Numbers, Step, apart, entry_bytes, seen};
use super::{WORKGROUP, slabs};
use crate::backend::{Buffer, Launch};
use crate::error::Result;
use crate::kernel::Kernel;

/// Entries of a dispatch that folds: llvmpipe leaves a loop after 65,535 turns.
const FOLDED: u64 = 1 << 15;

/// Elements for each point that are marked at most.
const MARKED: u64 = 4;

/// What all dispatches of a launch share.
struct Scattered<'a> {
    kernel: Kernel,
    slabs: SmallVec<[&'a Slab; 4]>,
    slot: u32,
}

/// Points, and the part of the target that they may reach.
struct Section<'a> {
    window: &'a Window,
    elements: u64,
}

impl Planner<'_, '_> {
    /// Adds the dispatches of a launch that scatters, and their parameters.
    pub(super) fn plan_scatter(&mut self, launch: &Launch, folds: bool) -> Result<()> {
        let slabs = slabs(self.context, launch)?;
        let operands = launch.kernel.code.operands.iter();
        let slabs: SmallVec<[&Slab; 4]> =
            operands.map(|operand| slabs[usize::from(operand.buffer)]).collect();
        let [addresses, sources, target] = slabs[..] else {
            unreachable!("a scatter has three operands: {launch:?}")
        };
        let kernel = apart(&launch.kernel);
        let size = kernel.code.operands[2].dtype.size() as u64;
        let points = self.reach.points.min(self.reach.binding / entry_bytes(Key::One));
        // Any part of the target will do for the points; which is settled below.
        let sizes = [addresses.size, sources.size, 0];
        let mut windows = windows(&kernel, &sizes, Reach { points, ..self.reach })
            .ok_or_else(|| self.context.beyond(self.reach, &sizes))?;
        let starts = (0..target.size.div_ceil(self.reach.binding)).map(|k| k * self.reach.binding);
        let parts: Vec<Part> = starts
            .map(|start| Part { start, len: self.reach.binding.min(target.size - start) })
            .collect();
        let slot = self.checks.take(kernel.args.check);
        let scattered = Scattered { kernel, slabs, slot };
        for window in &mut windows {
            window.see(2, parts[0]);
            let section = Section { window, elements: parts[0].len / size };
            self.points(&scattered, &section, Scatter::Check, None)?;
        }
        for window in &mut windows {
            for &part in &parts {
                window.see(2, part);
                let section = Section { window, elements: part.len / size };
                self.section(&scattered, &section, folds)?;
            }
        }
        Ok(())
    }

    fn section(
        &mut self,
        scattered: &Scattered<'_>,
        section: &Section<'_>,
        folds: bool,
    ) -> Result<()> {
        let points = section.window.len();
        let bytes = 4 * section.elements;
        if !folds && bytes <= self.reach.binding && section.elements <= MARKED * points {
            let marks = self.scratch.get(self.context, 0, bytes)?;
            return [Scatter::Clear, Scatter::Mark, Scatter::Write]
                .into_iter()
                .try_for_each(|stage| self.points(scattered, section, stage, Some(&marks)));
        }
        let lines = Lines { key: Key::One, lines: 1, length: points };
        let entries = self.scratch.get(self.context, 0, lines.bytes())?;
        self.points(scattered, section, Scatter::Load, Some(&entries))?;
        let sorted = self.sort(lines)?;
        let (stage, each) = if folds { (Scatter::Fold, FOLDED) } else { (Scatter::Last, points) };
        let mut from = 0;
        while from < points {
            let to = points.min(from + each);
            let numbers = Numbers::default()
                .with(WholeParam::Count, points)
                .with(WholeParam::From, from)
                .with(WholeParam::To, to);
            self.stage(scattered, section, stage, Some(&sorted), (numbers, to - from))?;
            from = to;
        }
        Ok(())
    }

    /// A dispatch over all points.
    fn points(
        &mut self,
        scattered: &Scattered<'_>,
        section: &Section<'_>,
        stage: Scatter,
        scratch: Option<&Buffer>,
    ) -> Result<()> {
        let points = section.window.len();
        let numbers = Numbers::default().with(WholeParam::Count, points);
        self.stage(scattered, section, stage, scratch, (numbers, points))
    }

    fn stage(
        &mut self,
        scattered: &Scattered<'_>,
        section: &Section<'_>,
        stage: Scatter,
        scratch: Option<&Buffer>,
        (numbers, invocations): (Numbers, u64),
    ) -> Result<()> {
        let sights = section.window.sights.iter().cloned();
        let operands = scattered.slabs.iter().copied().zip(sights);
        let scratch = scratch.map(|buffer| seen(buffer, self.reach));
        let step = Step {
            text: Text::Scatter(stage),
            window: section.window,
            slot: Some(scattered.slot),
            bindings: operands.chain(scratch).collect(),
            numbers,
            groups: invocations.div_ceil(WORKGROUP),
        };
        self.dispatch(&scattered.kernel, step)
    }
}
