//! What a dispatch sees of a buffer.
//!
//! # Note [Far parts]
//! The operands of one buffer may lie further apart than a binding reaches, as the halves of a large tensor
//! do. Then the parts that a window needs are brought together in a buffer of their own before its dispatch,
//! one after the other, and those that are stored to are taken back after it, just as pieces are (Note
//! [Pieces] in `memory.rs`). Bindings of their own would compile another pipeline for each way in which
//! operands lie apart, there are only so many, and one buffer may not be bound for storing and for reading at
//! once. A point stores what no other point touches, so it is all the same when the parts are brought. The
//! text of the kernel knows nothing of it: an operand begins elsewhere, which is a number.

use std::ops::Range;

use smallvec::SmallVec;

use super::Reach;
use crate::backend::gpu::memory::GRANULE;

/// Bytes that are brought together at most, so that it takes little memory.
const TOGETHER: u64 = 64 << 20;

/// Bytes of a buffer: `start` is a multiple of [`GRANULE`], `len` too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::backend::gpu) struct Part {
    pub(in crate::backend::gpu) start: u64,
    pub(in crate::backend::gpu) len: u64,
}

/// What a binding sees of a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::backend::gpu) enum Sight {
    /// A part of it.
    Near(Part),
    /// Several, in order, each with whether it is stored to: Note [Far parts].
    Far(Box<[(Part, bool)]>),
}

/// The bytes that a window needs for an operand, and whether it is stored to.
#[derive(Clone, Debug)]
pub(super) struct Need {
    pub(super) bytes: Range<u64>,
    pub(super) stored: bool,
}

impl Part {
    /// The part with the bytes from `low` to `high`, of so many; if there are none, some part.
    pub(super) fn around(low: u64, high: u64, whole: u64) -> Self {
        let low = low.min(high) / GRANULE * GRANULE;
        let high = high.next_multiple_of(GRANULE).clamp(low + GRANULE, whole);
        Self { start: low, len: high - low }
    }

    fn end(self) -> u64 {
        self.start + self.len
    }
}

impl Sight {
    /// What is seen of a buffer of so many bytes by the operands that need these: one part where a binding
    /// reaches all of them.
    pub(super) fn of(needs: impl Iterator<Item = Need> + Clone, whole: u64, binding: u64) -> Self {
        let bounds = needs.clone().fold((u64::MAX, 0), |(low, high), need| {
            (need.bytes.start.min(low), need.bytes.end.max(high))
        });
        let near = Part::around(bounds.0, bounds.1, whole);
        if near.len <= binding {
            return Self::Near(near);
        }
        let mut parts: SmallVec<[(Part, bool); 8]> = needs
            .map(|need| (Part::around(need.bytes.start, need.bytes.end, whole), need.stored))
            .collect();
        parts.sort_unstable_by_key(|(part, _)| part.start);
        parts.dedup_by(|(next, next_stored), (part, stored)| {
            let meets = next.start <= part.end();
            if meets {
                part.len = part.end().max(next.end()) - part.start;
                *stored |= *next_stored;
            }
            meets
        });
        match parts[..] {
            [(part, _)] => Self::Near(part),
            _ => Self::Far(parts.into_boxed_slice()),
        }
    }

    /// Bytes of the binding.
    pub(in crate::backend::gpu) fn len(&self) -> u64 {
        match self {
            Self::Near(part) => part.len,
            Self::Far(parts) => parts.iter().map(|(part, _)| part.len).sum(),
        }
    }

    /// Whether a dispatch of such a device sees it.
    pub(super) fn fits(&self, reach: Reach) -> bool {
        match self {
            Self::Near(part) => part.len <= reach.binding,
            Self::Far(_) => self.len() <= reach.binding.min(TOGETHER),
        }
    }

    /// Bytes from the beginning of the binding to that of the buffer, modulo 2^64, for the operand whose bytes
    /// begin there.
    pub(super) fn origin(&self, first: u64) -> u64 {
        match self {
            Self::Near(part) => part.start,
            Self::Far(parts) => {
                let mut before = 0;
                for (part, _) in parts {
                    if first < part.end() {
                        return part.start.wrapping_sub(before);
                    }
                    before += part.len;
                }
                unreachable!("byte {first} is in none of {parts:?}")
            }
        }
    }
}

impl From<Part> for Sight {
    fn from(part: Part) -> Self {
        Self::Near(part)
    }
}
