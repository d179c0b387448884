//! The dispatches of a sort.
//!
//! Keys become entries in scratch memory, as many whole lines at once as it holds; a workgroup sorts tiles of
//! them, and passes merge runs until a run is a line. Then each rank's place becomes a position.

use smallvec::SmallVec;

use super::super::codegen::{Key, Sort, Text};
use super::super::params::WholeParam;
use super::super::window::{Reach, Window, windows};
use super::planner::Planner;
use super::whole::{Lines, Step, apart, longest, seen};
use super::{WORKGROUP, slabs};
use crate::backend::{Buffer, Launch};
use crate::error::Result;
use crate::kernel::{Args, Kernel, OperandArgs, Whole};

impl Planner<'_, '_> {
    /// Adds the dispatches of a launch that sorts, and their parameters.
    pub(super) fn plan_sort(&mut self, launch: &Launch, descending: bool) -> Result<()> {
        let slabs = slabs(self.context, launch)?;
        let operands = launch.kernel.code.operands.iter();
        let slabs: SmallVec<[_; 4]> =
            operands.map(|operand| slabs[usize::from(operand.buffer)]).collect();
        let sizes: SmallVec<[u64; 4]> = slabs.iter().map(|slab| slab.size).collect();
        let mut kernel = apart(&launch.kernel);
        kernel.code.whole = Some(Whole::SORT);
        let key = Key::of(kernel.code.operands[0].dtype);
        let length = kernel.args.shape.last().map_or(1, |&size| size as u64);
        let most = longest(key, self.reach);
        let lines = most / length;
        let too_long = || {
            self.context.limit(format_args!("sorts lines of at most {most} elements, got {length}"))
        };
        // Whole lines: one more would be too many points.
        let reach = Reach { points: lines * length, ..self.reach };
        let batches =
            windows(&kernel, &[0, 0], reach).filter(|_| lines > 0).ok_or_else(too_long)?;
        for batch in &batches {
            let own = within(&kernel, batch);
            let lines = Lines { key, lines: batch.len() / length, length };
            let views = windows(&own, &sizes, self.reach)
                .ok_or_else(|| self.context.beyond(self.reach, &sizes))?;
            let entries = self.scratch.get(self.context, 0, lines.bytes())?;
            let flip = if descending { u64::from(u32::MAX) } else { 0 };
            for view in &views {
                self.visit(&own, Sort::Load, view, (&slabs, &entries), (lines, flip))?;
            }
            let sorted = self.sort(lines)?;
            for view in &views {
                self.visit(&own, Sort::Store, view, (&slabs, &sorted), (lines, flip))?;
            }
        }
        Ok(())
    }

    /// The dispatch of a window of a batch, with the batch's entries.
    fn visit(
        &mut self,
        kernel: &Kernel,
        sort: Sort,
        view: &Window,
        (slabs, entries): (&[&super::Slab], &Buffer),
        (lines, flip): (Lines, u64),
    ) -> Result<()> {
        let operands = slabs.iter().copied().zip(view.sights.iter().cloned());
        let numbers = lines
            .numbers()
            .with(WholeParam::First, view.start(&kernel.args.shape))
            .with(WholeParam::Flip, flip);
        let step = Step {
            text: Text::Sort(sort),
            window: view,
            slot: None,
            bindings: operands.chain([seen(entries, self.reach)]).collect(),
            numbers,
            groups: view.len().div_ceil(WORKGROUP),
        };
        self.dispatch(kernel, step)
    }
}

/// The kernel of a window alone.
fn within(kernel: &Kernel, window: &Window) -> Kernel {
    let operand = |(i, args): (usize, &OperandArgs)| OperandArgs {
        offset: window.offset(kernel, i),
        strides: args.strides.clone(),
    };
    let operands = kernel.args.operands.iter().enumerate().map(operand).collect();
    let args = Args { shape: window.shape.clone(), operands, ..kernel.args.clone() };
    Kernel { code: kernel.code.clone(), args }
}
