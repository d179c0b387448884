//! The numbers of one launch, as the uniform words a kernel reads.
//!
//! Owns the layout that `shaders/params.wgsl` describes; the generated text and the bytes both come
//! from here. Index arithmetic is in u32: the windows see to it that it does not wrap.

use smallvec::SmallVec;

use crate::kernel::{Class, Code};

/// Bytes that a dispatch sees of them: what every device allows.
pub(super) const SEEN: u64 = 16 << 10;

/// Word indices of the head.
pub(super) const POINTS: usize = 0;
pub(super) const ROW: usize = 1;
pub(super) const BASE: usize = 2;
pub(super) const ZERO: usize = 4;
pub(super) const SLOT: usize = 5;
const SHAPE: usize = 8;

/// Where each number of a [`Code`] lies.
#[derive(Clone, Debug)]
pub(super) struct ParamLayout {
    operands: SmallVec<[usize; 8]>,
    scalars: usize,
    /// Scalars start past this, so it is the length but for them.
    rank: usize,
}

impl ParamLayout {
    pub(super) fn of(code: &Code) -> Self {
        let rank = usize::from(code.rank);
        let mut next = SHAPE + rank;
        let operands = code
            .operands
            .iter()
            .map(|operand| {
                let at = next;
                next += 1 + if operand.class == Class::Strided { rank } else { 0 };
                at
            })
            .collect();
        Self { operands, scalars: next.next_multiple_of(2), rank }
    }

    pub(super) fn size(&self, dim: usize) -> usize {
        SHAPE + dim
    }

    pub(super) fn offset(&self, operand: usize) -> usize {
        self.operands[operand]
    }

    /// Of a strided operand.
    pub(super) fn stride(&self, operand: usize, dim: usize) -> usize {
        self.operands[operand] + 1 + dim
    }

    /// The low word; the high one follows.
    pub(super) fn scalar(&self, k: usize) -> usize {
        self.scalars + 2 * k
    }

    /// Words, with this many scalars; a multiple of 4.
    pub(super) fn len(&self, scalars: usize) -> usize {
        (self.scalars + 2 * scalars).next_multiple_of(4)
    }

    pub(super) fn rank(&self) -> usize {
        self.rank
    }
}

/// The text that reads a word.
pub(super) fn word(index: usize) -> String {
    format!("params.words[{}].{}", index / 4, ["x", "y", "z", "w"][index % 4])
}

/// The text that reads two words, low first. `index` is even.
pub(super) fn pair(index: usize) -> String {
    format!("params.words[{}].{}", index / 4, ["xy", "zw"][index % 4 / 2])
}
