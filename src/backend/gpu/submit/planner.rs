//! The dispatches of a pointwise kernel, and what all plans of dispatches share.

use std::sync::Arc;

use smallvec::SmallVec;

use super::super::checks::Checks;
use super::super::codegen::{Text, Variant};
use super::super::context::Context;
use super::super::memory::Slab;
use super::super::pipeline::{Pipeline, Pipelines};
use super::super::window::{Reach, Sight, windows};
use super::fold::Scratch;
use super::{Dispatch, Submitter, append_params, grid, params_begin, slabs, workgroups};
use crate::backend::Launch;
use crate::error::Result;
use crate::kernel::Code;

/// What dispatches are made with.
pub(super) struct Planner<'a, 'p> {
    pub(super) submitter: &'a mut Submitter,
    pub(super) context: &'a Context,
    pub(super) pipelines: &'a mut Pipelines,
    pub(super) checks: &'a mut Checks,
    pub(super) scratch: &'a mut Scratch<'p>,
    pub(super) reach: Reach,
    pub(super) words: &'a mut Vec<u32>,
    pub(super) dispatches: &'a mut Vec<Dispatch>,
}

impl Planner<'_, '_> {
    /// Adds a launch's dispatches and their parameters: a check sees all windows before any is stored.
    pub(super) fn plan_points(&mut self, launch: &Launch) -> Result<()> {
        let kernel = &launch.kernel;
        let slabs = slabs(self.context, launch)?;
        let sizes: SmallVec<[u64; 8]> = slabs.iter().map(|slab| slab.size).collect();
        let windows = windows(kernel, &sizes, self.reach)
            .ok_or_else(|| self.context.beyond(self.reach, &sizes))?;
        let slot = kernel.code.check.map(|_| self.checks.take(kernel.args.check));

        let mut mains = Vec::with_capacity(windows.len());
        for window in &windows {
            let local = |i: usize| window.local_offset(kernel, i);
            let variant =
                Variant::of(&kernel.code, &kernel.args, &window.shape, local, window.partial);
            let pipeline = self.pipelines.get(self.context, &kernel.code, Text::Points(variant))?;
            let group = self.submitter.group(
                self.context,
                &pipeline,
                slabs.iter().copied().zip(window.sights.iter().cloned()),
            )?;
            let offset = params_begin(self.context, self.words);
            let grid = grid(self.context, workgroups(&kernel.code, &window.shape, variant));
            append_params(self.words, kernel, window, &pipeline, grid[0], slot);
            mains.push(Dispatch { pipeline, check: false, group, offset, grid });
        }
        if slot.is_some() {
            self.dispatches.extend(mains.iter().map(|main| Dispatch {
                pipeline: Arc::clone(&main.pipeline),
                check: true,
                group: main.group.clone(),
                ..*main
            }));
        }
        self.dispatches.append(&mut mains);
        Ok(())
    }

    /// Adds a dispatch of so many workgroups; `append` adds its parameters, given the workgroups of a row.
    pub(super) fn push<'s>(
        &mut self,
        code: &Code,
        text: Text,
        bindings: impl Iterator<Item = (&'s Slab, Sight)> + Clone,
        groups: u64,
        append: impl FnOnce(&mut Vec<u32>, &Pipeline, u32),
    ) -> Result<()> {
        let pipeline = self.pipelines.get(self.context, code, text)?;
        let group = self.submitter.group(self.context, &pipeline, bindings)?;
        let offset = params_begin(self.context, self.words);
        let grid = grid(self.context, groups);
        append(self.words, &pipeline, grid[0]);
        self.dispatches.push(Dispatch { pipeline, check: false, group, offset, grid });
        Ok(())
    }
}
