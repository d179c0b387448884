//! Memory for lanes, aligned to the widest vector.

use bytemuck::{Pod, Zeroable, cast_slice_mut};

/// The widest vector, so that registers are aligned to it.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
pub(super) struct Line([u8; 64]);

/// Registers of one thread.
pub(super) type Registers = Vec<Vec<Line>>;

/// Lanes of any number, aligned as registers are.
#[derive(Default)]
pub(super) struct Scratch(Vec<Line>);

impl Scratch {
    /// The first `len` bytes: zeros, or what was there.
    pub(super) fn bytes(&mut self, len: usize) -> &mut [u8] {
        let lines = len.div_ceil(size_of::<Line>());
        if self.0.len() < lines {
            self.0.resize(lines, Line::zeroed());
        }
        &mut cast_slice_mut(&mut self.0)[..len]
    }
}
