//! The status words of checks.
//!
//! # Note [Checks]
//! A launch that checks takes the next word. Its first dispatch sets the word where the condition is
//! true, and its second, which stores, ends at once if the word is set. Words are handed out in launch
//! order, so the first one that is set belongs to the first check that failed. They are read only when
//! somebody waits and a check has run since, or when they run out.

use std::sync::Arc;

use super::context::Context;
use super::later::Reads;
use super::transfer::{self, Staging};
use crate::backend::pending::Pending;
use crate::error::Result;

/// Words there are.
pub(super) const SLOTS: usize = 1024;

/// The status words of a device.
#[derive(Debug)]
pub(super) struct Checks {
    pub(super) words: wgpu::Buffer,
    /// The code of each launch since the words were cleared.
    codes: Vec<u32>,
    /// The first failure that was read but not yet reported.
    failed: Option<u32>,
}

impl Checks {
    pub(super) fn new(context: &Context) -> Self {
        let words = context.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("taut status"),
            size: 4 * SLOTS as u64,
            usage: wgpu::BufferUsages::STORAGE
                | wgpu::BufferUsages::COPY_SRC
                | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        Self { words, codes: Vec::new(), failed: None }
    }

    /// Words that are left.
    pub(super) fn left(&self) -> usize {
        SLOTS - self.codes.len()
    }

    /// Takes a word for a launch that reports `code`.
    pub(super) fn take(&mut self, code: u32) -> u32 {
        self.codes.push(code);
        self.codes.len() as u32 - 1
    }

    /// Waits for the launches so far, reads their words and clears them.
    pub(super) fn collect(&mut self, context: &Context, staging: &mut Staging) -> Result<()> {
        if self.codes.is_empty() {
            return Ok(());
        }
        let mut words = vec![0_u32; self.codes.len()];
        staging.read(context, &self.words, 0, bytemuck::cast_slice_mut(&mut words))?;
        let mut encoder = context.device.create_command_encoder(&Default::default());
        encoder.clear_buffer(&self.words, 0, None);
        context.queue.submit([encoder.finish()]);
        let first = words.iter().zip(&self.codes).find(|(word, _)| **word != 0);
        self.failed = self.failed.or(first.map(|(_, &code)| code));
        self.codes.clear();
        Ok(())
    }

    /// [`collect`](Self::collect) and [`report`](Self::report), without waiting.
    pub(super) fn report_later(
        &mut self,
        context: &Arc<Context>,
        reads: &Reads,
    ) -> Result<Pending<Option<u32>>> {
        let len = 4 * self.codes.len() as u64;
        if len == 0 {
            return Ok(Pending::ready(self.report()));
        }
        let copy = transfer::staging_buffer(context, transfer::FOR_READS, len)?;
        let mut encoder = context.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&self.words, 0, &copy, 0, len);
        encoder.clear_buffer(&self.words, 0, None);
        let index = context.queue.submit([encoder.finish()]);
        context.check()?;
        let (codes, failed) = (std::mem::take(&mut self.codes), self.report());
        Ok(reads.start(context, move |context, _| {
            let view = transfer::mapped(context, &copy, len, index)?;
            let first = view.chunks_exact(4).zip(codes).find(|(word, _)| *word != [0; 4]);
            Ok(failed.or(first.map(|(_, code)| code)))
        }))
    }

    /// The first failure since the last call.
    pub(super) fn report(&mut self) -> Option<u32> {
        self.failed.take()
    }
}
