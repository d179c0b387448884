//! How the buffers of a kernel are seen, and which operands move in whole runs.
//!
//! # Note [Wide operands]
//! An invocation handles a run of consecutive points: four, or, where that is less than 16 bytes of every
//! contiguous operand, as many as are 16 bytes of the widest ([`Variant::long`]). Where all contiguous
//! operands that are loaded begin at multiples of the run they are wide, and so are those that are stored to: they move
//! the run at once, packed. Folds load runs of four so. Elements of 8
//! and 16 bits share words, so storing them one by one needs atomics; a wide store owns its words and
//! needs none, as long as it is the only store to its buffer.

use super::{Variant, contiguous};
use crate::kernel::Code;

/// The element type of a buffer's binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    Words,
    Pairs,
    Quads,
    Atomic,
}

/// The view of one buffer.
#[derive(Clone, Copy, Debug)]
pub(super) struct BufferView {
    pub(super) view: View,
    pub(super) stored: bool,
}

/// What the code generator decides about operands and buffers.
#[derive(Debug)]
pub(super) struct Buffers {
    /// By operand, see Note [Wide operands].
    pub(super) wide: Vec<bool>,
    pub(super) views: Vec<BufferView>,
}

/// The number of buffers a kernel has.
pub(crate) fn buffer_count(code: &Code) -> usize {
    code.operands.iter().map(|operand| usize::from(operand.buffer) + 1).max().unwrap_or(0)
}

impl Buffers {
    pub(super) fn of(code: &Code, variant: Variant) -> Self {
        let run = variant.run(code) as usize;
        let mut wide = vec![false; code.operands.len()];
        for i in contiguous(code) {
            wide[i] =
                if code.is_stored(i) { variant.stores_aligned } else { variant.loads_aligned };
        }
        let views = (0..buffer_count(code))
            .map(|buffer| {
                let sees = |&i: &usize| usize::from(code.operands[i].buffer) == buffer;
                let stores: Vec<usize> =
                    (0..code.operands.len()).filter(sees).filter(|&i| code.is_stored(i)).collect();
                let part = |&i: &usize| code.operands[i].dtype.size() < 4;
                let owned = stores.len() == 1 && stores.iter().all(|&i| wide[i]);
                if stores.iter().any(part) && !owned {
                    for &i in stores.iter().filter(|i| part(i)) {
                        wide[i] = false;
                    }
                    return BufferView { view: View::Atomic, stored: true };
                }
                let bytes = (0..code.operands.len())
                    .filter(sees)
                    .filter(|&i| wide[i])
                    .map(|i| code.operands[i].dtype.size() * run)
                    .max();
                let view = match bytes {
                    None | Some(4) => View::Words,
                    Some(8) => View::Pairs,
                    Some(_) => View::Quads,
                };
                BufferView { view, stored: !stores.is_empty() }
            })
            .collect();
        Self { wide, views }
    }

    /// The declarations of every buffer.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (number, buffer) in self.views.iter().enumerate() {
            let template = match buffer.view {
                View::Words => include_str!("../../../../shaders/buffer_words.wgsl"),
                View::Pairs => include_str!("../../../../shaders/buffer_pairs.wgsl"),
                View::Quads => include_str!("../../../../shaders/buffer_quads.wgsl"),
                View::Atomic => include_str!("../../../../shaders/buffer_atomic.wgsl"),
            };
            let access = if buffer.stored { "read_write" } else { "read" };
            for template in [template, include_str!("../../../../shaders/buffer_elements.wgsl")] {
                text.push_str(
                    &template.replace("$B", &number.to_string()).replace("$ACCESS", access),
                );
            }
        }
        text
    }
}
