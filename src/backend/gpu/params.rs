//! The numbers of one launch, as the uniform words a kernel reads.
//!
//! Owns the layout that `shaders/params.wgsl` describes; the generated text and the bytes both come
//! from here. Index arithmetic is in u32, and the windows see to it that it does not wrap; but for computed
//! places, which may be anywhere in a buffer of any size: Note [Computed places] in `codegen/entry.rs`.

use smallvec::SmallVec;

use crate::kernel::{Class, Code, Whole};

/// Bytes that a dispatch sees of them: what every device allows.
pub(super) const SEEN: u64 = 16 << 10;

/// Word indices of the head.
pub(super) const POINTS: usize = 0;
pub(super) const ROW: usize = 1;
pub(super) const BASE: usize = 2;
// Word 4 is the opaque zero of the shaders: nothing is ever written there.
pub(super) const SLOT: usize = 5;
const SHAPE: usize = 8;

/// The numbers of a fold: what a dispatch has of it and where partial results lie. Indices with `first`
/// are of the whole fold, others are counted from there; all are modulo 2^32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FoldParam {
    /// Kept points before the folded dimensions, folded ones, kept ones after: the first and how many.
    LeadFirst,
    LeadCount,
    ReducedFirst,
    ReducedCount,
    TrailFirst,
    TrailCount,
    /// Points of all folded dimensions, and of those after them.
    Length,
    Breadth,
    /// Lanes of a kept point.
    Lanes,
    /// Elements of an invocation.
    Chunk,
    /// Partial results of a kept point that this dispatch makes, the first of them, and their places.
    Parts,
    PartFirst,
    KeptStep,
    PartStep,
    /// Partial results of a kept point that this dispatch takes, and their places.
    Partials,
    InKeptStep,
    InPartStep,
    /// Whether a partial result goes on.
    Continued,
}

impl FoldParam {
    /// All of them in their order, and what templates call them.
    pub(super) const ALL: [(Self, &'static str); 18] = [
        (Self::LeadFirst, "$LEAD_FIRST"),
        (Self::LeadCount, "$LEAD_COUNT"),
        (Self::ReducedFirst, "$REDUCED_FIRST"),
        (Self::ReducedCount, "$REDUCED_COUNT"),
        (Self::TrailFirst, "$TRAIL_FIRST"),
        (Self::TrailCount, "$TRAIL_COUNT"),
        (Self::Length, "$LENGTH"),
        (Self::Breadth, "$BREADTH"),
        (Self::Lanes, "$LANES"),
        (Self::Chunk, "$CHUNK"),
        (Self::Parts, "$PARTS"),
        (Self::PartFirst, "$PART_FIRST"),
        (Self::KeptStep, "$KEPT_STEP"),
        (Self::PartStep, "$PART_STEP"),
        (Self::Partials, "$PARTIALS"),
        (Self::InKeptStep, "$IN_KEPT_STEP"),
        (Self::InPartStep, "$IN_PART_STEP"),
        (Self::Continued, "$CONTINUED"),
    ];
}

/// The numbers of a product of matrices beside its sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProductParam {
    /// Matrices.
    Batches,
    /// Elements along `k` of one part of the results, and how many parts there are.
    Chunk,
    Parts,
    /// Whether the parts go on.
    Continued,
}

impl ProductParam {
    /// All of them in their order, and what templates call them.
    pub(super) const ALL: [(Self, &'static str); 4] = [
        (Self::Batches, "$BATCHES"),
        (Self::Chunk, "$CHUNK"),
        (Self::Parts, "$PARTS"),
        (Self::Continued, "$CONTINUED"),
    ];
}

/// The numbers of a sort or of a scatter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WholeParam {
    /// Entries in scratch memory, and that of the window's first point.
    Count,
    First,
    /// Lines, and entries of one.
    Lines,
    Length,
    /// Cells of a line in a tile.
    Padded,
    /// Entries of a run.
    Width,
    /// What the words of keys are combined with, by exclusive or.
    Flip,
    /// The entries of this dispatch.
    From,
    To,
}

impl WholeParam {
    /// All of them in their order, and what templates call them.
    pub(super) const ALL: [(Self, &'static str); 9] = [
        (Self::Count, "$COUNT"),
        (Self::First, "$FIRST"),
        (Self::Lines, "$LINES"),
        (Self::Length, "$LENGTH"),
        (Self::Padded, "$PADDED"),
        (Self::Width, "$WIDTH"),
        (Self::Flip, "$FLIP"),
        (Self::From, "$FROM"),
        (Self::To, "$TO"),
    ];
}

/// Where each number of a [`Code`] lies.
#[derive(Clone, Debug)]
pub(super) struct ParamLayout {
    operands: SmallVec<[usize; 8]>,
    /// By operand; only those at computed places have what begins there.
    computed: SmallVec<[usize; 8]>,
    /// Of a fold or of what is no expression, if there is one.
    own: usize,
    scalars: usize,
    /// Scalars start past this, so it is the length but for them.
    rank: usize,
}

impl ParamLayout {
    pub(super) fn of(code: &Code) -> Self {
        let rank = usize::from(code.rank);
        let own = SHAPE + rank;
        let mut next = own
            + match (code.reduce, code.whole) {
                (Some(_), _) => FoldParam::ALL.len(),
                (None, Some(Whole::Product)) => ProductParam::ALL.len(),
                (None, Some(_)) => WholeParam::ALL.len(),
                (None, None) => 0,
            };
        let mut computed = SmallVec::new();
        let operands = code
            .operands
            .iter()
            .enumerate()
            .map(|(i, operand)| {
                let at = next;
                let words = 1 + if operand.class == Class::Strided { rank } else { 0 };
                next += words;
                computed.push(next);
                next += if code.is_computed(i) { 1 + words } else { 0 };
                at
            })
            .collect();
        Self { operands, computed, own, scalars: next.next_multiple_of(2), rank }
    }

    pub(super) fn size(&self, dim: usize) -> usize {
        SHAPE + dim
    }

    pub(super) fn fold(&self, param: FoldParam) -> usize {
        self.own + param as usize
    }

    pub(super) fn product(&self, param: ProductParam) -> usize {
        self.own + param as usize
    }

    pub(super) fn whole(&self, param: WholeParam) -> usize {
        self.own + param as usize
    }

    pub(super) fn offset(&self, operand: usize) -> usize {
        self.operands[operand]
    }

    /// Of a strided operand.
    pub(super) fn stride(&self, operand: usize, dim: usize) -> usize {
        self.operands[operand] + 1 + dim
    }

    /// Elements of the part of its buffer that the dispatch sees, of an operand at computed places.
    pub(super) fn elements(&self, operand: usize) -> usize {
        self.computed[operand]
    }

    /// The high word of the offset of an operand at computed places.
    pub(super) fn offset_high(&self, operand: usize) -> usize {
        self.computed[operand] + 1
    }

    /// The high word of its stride, if it is strided.
    pub(super) fn stride_high(&self, operand: usize, dim: usize) -> usize {
        self.computed[operand] + 2 + dim
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

/// Sets a word and the next to a number, low word first.
pub(super) fn put_pair(words: &mut [u32], index: usize, value: u64) {
    words[index] = value as u32;
    words[index + 1] = (value >> 32) as u32;
}

/// The text that reads a word.
pub(super) fn word(index: usize) -> String {
    format!("params.words[{}].{}", index / 4, ["x", "y", "z", "w"][index % 4])
}

/// The text that reads two words, low first. `index` is even.
pub(super) fn pair(index: usize) -> String {
    format!("params.words[{}].{}", index / 4, ["xy", "zw"][index % 4 / 2])
}
