//! What a program is made of: loops over tiles, and where their lanes lie.

use super::super::chain::{ChainLoop, Link};
use super::super::lanes::{Accumulate, Loop};
use crate::dtype::DType;

/// Where a tile's lanes of a value lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::backend::cpu) enum Place {
    Nowhere,
    Register(u16),
    /// The tile's elements of a contiguous operand.
    Memory(u8),
    /// The tile's elements of an operand where they lie, if they follow each other there, or the one
    /// that all are, if `same` is true; else the register that they were copied to. Where a chain's result
    /// goes, row by row, there is no register.
    Row {
        operand: u8,
        register: u16,
        same: bool,
    },
}

/// Lanes, or stored elements, of `size` bytes.
#[derive(Clone, Copy, Debug)]
pub(in crate::backend::cpu) struct Lanes {
    pub(in crate::backend::cpu) place: Place,
    pub(in crate::backend::cpu) size: u8,
}

/// One loop over a tile.
pub(in crate::backend::cpu) enum Step {
    Apply {
        run: Loop,
        arguments: [Argument; 3],
        out: Lanes,
        round: Option<fn(&mut [u8])>,
        /// The lanes are memory: Note [Past the cache].
        past_cache: bool,
    },
    /// Note [Chains].
    Chain {
        chain: Box<Chain>,
        /// If this is a [`Place::Row`]: Note [Rows of blocks].
        out: Lanes,
        /// As of [`Step::Apply`].
        past_cache: bool,
    },
    /// Folds lanes into the elements of a contiguous operand: Note [In place].
    Accumulate {
        run: Accumulate,
        operand: u8,
        value: Lanes,
    },
    /// Copies the stored elements of a strided operand.
    Gather {
        operand: u8,
        out: Lanes,
    },
    /// Copies the elements of a [`Place::Row`] to its register, if they are not used where they lie.
    GatherRow {
        row: Lanes,
        /// Steps that take a tile of several rows as one read them: Notes [Rows of blocks], [Whole rows].
        as_block: bool,
    },
    /// Copies elements of an operand that are `at` away from the points' places.
    Fetch {
        operand: u8,
        at: Lanes,
        out: Lanes,
    },
    /// The same, of places that begin at one scalar and are another less for each next index, or one less if there is
    /// none: Note [Backwards] of `plan`.
    FetchBack {
        operand: u8,
        back: Back,
        out: Lanes,
    },
    /// Copies the elements of an operand to those of another.
    Copy {
        from: u8,
        to: u8,
    },
    /// Copies to the elements of an operand.
    Scatter {
        operand: u8,
        value: Lanes,
        past_cache: bool,
    },
    Index {
        out: Lanes,
    },
    Random {
        draw: Draw,
        out: Lanes,
    },
    /// Random words as fractions, see [`fractions`](super::super::fraction::fractions); count and unit are the
    /// same everywhere.
    Fraction {
        draw: Draw,
        count: Lanes,
        unit: Lanes,
        out: Lanes,
        /// As of [`Step::Apply`].
        past_cache: bool,
    },
}

impl Step {
    /// Whether it runs row by row: Note [Rows of blocks].
    pub(in crate::backend::cpu) fn goes_by_rows(&self) -> bool {
        matches!(self, Self::Chain { out: Lanes { place: Place::Row { .. }, .. }, .. })
    }

    /// Whether it reads what lies there.
    pub(super) fn reads(&self, place: Place) -> bool {
        self.reads_where(|other| other == place)
    }

    /// Whether it reads a register, be it one of an operand's rows.
    pub(in crate::backend::cpu) fn reads_register(&self, number: u16) -> bool {
        self.reads_where(|place| match place {
            Place::Register(register) | Place::Row { register, .. } => register == number,
            Place::Nowhere | Place::Memory(_) => false,
        })
    }

    fn reads_where(&self, is_such: impl Fn(Place) -> bool) -> bool {
        let is_there = |lanes: &Lanes| is_such(lanes.place);
        match self {
            Self::Apply { arguments, .. } => arguments.iter().any(|a| is_there(&a.lanes)),
            Self::Chain { chain, .. } => {
                is_there(&chain.first.lanes)
                    || chain.links.iter().any(|(_, other)| is_there(&other.lanes))
            }
            Self::Accumulate { value, .. } | Self::Scatter { value, .. } => is_there(value),
            Self::Fetch { at, .. } => is_there(at),
            Self::Fraction { count, unit, .. } => is_there(count) || is_there(unit),
            Self::Gather { .. }
            | Self::GatherRow { .. }
            | Self::FetchBack { .. }
            | Self::Copy { .. }
            | Self::Index { .. }
            | Self::Random { .. } => false,
        }
    }
}

/// Which word of how many of each point; the scalar is the seed, the next one the offset.
#[derive(Clone, Copy)]
pub(in crate::backend::cpu) struct Draw {
    pub(in crate::backend::cpu) word: u8,
    pub(in crate::backend::cpu) words: u8,
    pub(in crate::backend::cpu) scalar: u8,
}

/// How far away from a point's place the element is that it takes: by `last`, less `step` times the point's index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::backend::cpu) struct Back {
    /// Scalars of the launch, of this dtype.
    pub(in crate::backend::cpu) last: u8,
    pub(in crate::backend::cpu) step: Option<u8>,
    pub(in crate::backend::cpu) dtype: DType,
}

/// What a [`Step::Chain`] runs.
pub(in crate::backend::cpu) struct Chain {
    pub(in crate::backend::cpu) run: ChainLoop,
    pub(in crate::backend::cpu) first: Argument,
    pub(in crate::backend::cpu) links: Vec<(Link, Argument)>,
}

/// What a loop reads, a chain begins with, or a link takes beside.
#[derive(Clone, Copy)]
pub(in crate::backend::cpu) struct Argument {
    pub(in crate::backend::cpu) lanes: Lanes,
    /// All lanes are the same.
    pub(in crate::backend::cpu) uniform: bool,
}

/// What is summed as it is computed.
pub(in crate::backend::cpu) struct Summed<'a> {
    pub(in crate::backend::cpu) first: Lanes,
    pub(in crate::backend::cpu) link: Link,
    pub(in crate::backend::cpu) other: &'a Argument,
    /// The squares of the link's results.
    pub(in crate::backend::cpu) is_squared: bool,
}

/// A register that is the same for every tile.
pub(in crate::backend::cpu) struct Fill {
    pub(in crate::backend::cpu) out: Lanes,
    pub(in crate::backend::cpu) value: FillValue,
}

/// What a [`Fill`] fills with.
#[derive(Clone, Copy)]
pub(in crate::backend::cpu) enum FillValue {
    /// A scalar of the launch, of this dtype.
    Scalar { scalar: u8, dtype: DType },
    /// The first element of an operand of this dtype.
    Element { operand: u8, dtype: DType },
}
