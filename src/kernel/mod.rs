//! The kernel: the one thing a backend is given to run.
//!
//! Data only. A [`Kernel`] visits every point of an iteration space once and, at each point, loads
//! elements, evaluates a list of expressions and stores some of the values. This page is the
//! specification; [`verify`](mod@verify) states what a legal kernel is.
//!
//! A kernel has two parts. [`Code`] is its structure, and the key under which a backend may cache what
//! it made of it: no sizes, no strides, no numbers. [`Args`] is everything else, so a new shape or a
//! new scalar never compiles anything.
//!
//! # Iteration space
//! `args.shape`, outermost dimension first, row-major; as many dimensions as `code.rank`, at least one.
//! Points may be visited in any order and at the same time. The number of points is not zero.
//!
//! # Operands
//! An operand is a strided view of a buffer: at point `(i0, i1, ..)` it is element
//! `offset + Σ i_d * strides[d]`, in elements of its dtype. Several operands may see one buffer
//! (`OperandCode::buffer`). Strides are never negative; a stride of 0 repeats. A buffer that is
//! stored to is seen, for storing and loading, only through operands for which at each point the
//! element stored is touched by no other point.
//! Loads precede stores at each point: all expressions are evaluated before the first store.
//! An operand that is fetched from belongs to one [`Expr::Fetch`] alone and has a buffer number to itself,
//! which is not stored to. The same memory may have other numbers, if none of them is stored to either.
//!
//! # Values
//! [`Node`]s are in order: arguments come before use. A node's value has a dtype and lives in a lane
//! of `dtype.lane()`; it is always representable in its dtype (Note [Compute dtypes]). Bool is 0 or 1.
//!
//! | expression | value |
//! |---|---|
//! | `Load(operand)` | the element of the operand, of the operand's dtype |
//! | `Fetch { operand, at }` | the element of the operand at its place at this point and `at` more, in elements; `at` is int64, or int32 (wrapping). Where no such element lies in the buffer, any element of it: a check of the same program sees to it that this is never stored |
//! | `Scalar(k)` | `args.scalars[k]`, 64 bits: the stored form of the node's dtype, zero-extended |
//! | `Index` | the linear row-major index of the point plus `args.base`; dtype int64 or int32 (wrapping) |
//! | `Random { word, words, scalar }` | word number `offset + index * words + word` of the Philox4x32-10 stream; `scalars[scalar]` is the 64-bit seed (key, low word first) and `scalars[scalar + 1]` the 64-bit word offset. Word `w` is output `w % 4` of the block whose 128-bit counter is `w / 4`. dtype int32 |
//! | `Cast(v)` | the value converted to the node's dtype, see Note [Casts] |
//! | `Select([m, a, b])` | `a` where bool `m` is true, else `b`; both of the node's dtype |
//! | `Unary`, `Binary`, `Ternary` | the row of [`Op`]; arguments share one dtype, the result has it too or is bool as the row says; narrowed to it once (integers wrap, halves round to nearest even) |
//!
//! # Note [Casts]
//! - to bool: 1 where the value is not zero (NaN is true), else 0;
//! - between integers: wraps; bool counts as 0 or 1;
//! - integer to float: nearest even, in one rounding (to float16 and bfloat16: through float32);
//! - float to float: nearest even; float64 to float16 or bfloat16 goes through float32, as PyTorch's;
//! - float to int64 or int32: truncates and saturates; NaN is 0;
//! - float to uint8, int8, int16: to int32 as above, then wraps (so `-1.0` becomes `255u8`, as PyTorch's).
//!
//! # Reductions
//! With `code.reduce`, the dimensions of the iteration space are, in this order, `lead` kept ones, `reduced`
//! ones and the rest, `trail` kept ones. For each kept point the values of node `reduce.value` at the
//! `n` points of the reduced dimensions, `x_0 .. x_(n-1)` in row-major order, are folded into one, which
//! is cast to the dtype of `reduce.operand` and stored there (its strides over reduced dimensions are 0).
//! Other stores of the kernel happen at every point as ever. There is no check and no `Fetch` beside a
//! reduction.
//! Note [Fixed tree] says in which order; `Fold::ArgMax` and `Fold::ArgMin` give the position `r` (int64)
//! of the first largest or smallest value, where NaN is beyond all others.
//!
//! # Note [Fixed tree]
//! The order of a fold is a function of `n` and of the form alone, never of device, SIMD width or
//! threads. `e` is the identity, `args.scalars[reduce.identity]` in the dtype of the value; `a ∘ b` is the
//! row `Fold::Op` in that dtype.
//! - Inner form (no `trail` dimensions): blocks of [`INNER_BLOCK`] consecutive elements; in a block, lane `j`
//!   of [`INNER_LANES`] starts with `e` and takes `x_j`, `x_(j+256)`, .. one after the other
//!   (`lane = lane ∘ x`); then the lanes are halved: for `h` = 128, 64, .. 1, `lane_j = lane_j ∘ lane_(j+h)`
//!   for `j < h`. Lane 0 is the block's value. Lanes without elements hold `e` and take part.
//! - Outer form (some `trail` dimension): blocks of [`OUTER_BLOCK`] consecutive elements, each starting
//!   with `e` and taking its elements one after the other.
//! - Both: the blocks' values are folded pairwise, level by level: `y_i = y_(2i) ∘ y_(2i+1)`, an odd last one
//!   passing unchanged, until one is left.
//!
//! A sum of `n` floats is off by at most `(16 + log2 n) u Σ|x|`.
//!
//! # Scans
//! With `code.reduce` and `scan`, the value stored at *each* point is the fold of the values up to and
//! including it, starting with `e`, along the one reduced dimension: `reduce.operand` has strides over all dimensions. The
//! order is sequential. `Op::Add` in the float32 lane carries the rounding errors along (TwoSum: `s = a + x`,
//! `t = s - a`, `c = c + ((a - (s - t)) + (x - t))`, stored is `s + c`; `c` starts at 0 and counts as 0
//! where it is not finite); every other fold is plain.
//!
//! # Whole kernels
//! With `code.whole` a kernel is a sort, a scatter or a product of matrices: [`Whole`] is the specification.
//!
//! # Checks
//! With `code.check`, a kernel first evaluates `check.value` (bool) at every point, storing nothing. If
//! it is true anywhere, nothing at all is stored and the launch reports `check.code`. A backend may
//! report late, at its next read or wait.

mod verify;
mod whole;

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use smallvec::SmallVec;

pub(crate) use verify::debug_verify;
#[cfg(test)]
pub(crate) use verify::verify;
pub(crate) use whole::{Ranks, Whole};

use crate::dtype::DType;
use crate::ops::Op;

/// Sizes, or strides, of an iteration space.
pub(crate) use crate::layout::Dims;

/// Index of a node.
pub(crate) type Value = u16;

/// The structure of a kernel: what a pipeline is compiled for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Code {
    /// Dimensions of the iteration space.
    pub(crate) rank: u8,
    pub(crate) operands: SmallVec<[OperandCode; 8]>,
    pub(crate) nodes: SmallVec<[Node; 16]>,
    pub(crate) stores: SmallVec<[Store; 2]>,
    pub(crate) check: Option<Check>,
    pub(crate) reduce: Option<Reduce>,
    pub(crate) whole: Option<Whole>,
}

/// Elements of a block of the inner form, see Note [Fixed tree].
pub(crate) const INNER_BLOCK: usize = 4096;
/// Lanes of a block of the inner form.
pub(crate) const INNER_LANES: usize = 256;
/// Elements of a block of the outer form.
pub(crate) const OUTER_BLOCK: usize = 16;

/// A fold over some dimensions of the iteration space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Reduce {
    pub(crate) fold: Fold,
    pub(crate) value: Value,
    /// Where the results go.
    pub(crate) operand: u8,
    /// Index of the scalar that is the identity of the fold.
    pub(crate) identity: u8,
    /// Kept dimensions before the reduced ones.
    pub(crate) lead: u8,
    /// Reduced dimensions, at least one; what is left after them is kept.
    pub(crate) reduced: u8,
    /// Whether every prefix is stored.
    pub(crate) scan: bool,
}

/// How two values become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fold {
    /// A binary row: its value and the folded value share one dtype.
    Op(Op),
    /// The position of the first largest value.
    ArgMax,
    /// The position of the first smallest value.
    ArgMin,
}

impl Reduce {
    /// Dimensions after the reduced ones, of `rank`.
    pub(crate) fn trail(&self, rank: u8) -> u8 {
        rank - self.lead - self.reduced
    }
}

/// The structure of an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct OperandCode {
    /// Which of the launch's buffers it sees.
    pub(crate) buffer: u8,
    pub(crate) dtype: DType,
    pub(crate) class: Class,
}

/// How an operand walks through its buffer: what may be known when its kernel is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    /// Every stride is 0.
    Uniform,
    /// Row-major without gaps: the element at linear index `i` is `offset + i`.
    Contiguous,
    /// Anything else.
    Strided,
}

/// One expression and the dtype of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    pub(crate) expr: Expr,
    pub(crate) dtype: DType,
}

/// See the table of the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Expr {
    Load(u8),
    Fetch { operand: u8, at: Value },
    Scalar(u8),
    Index,
    Random { word: u8, words: u8, scalar: u8 },
    Cast(Value),
    Select([Value; 3]),
    Unary(Op, Value),
    Binary(Op, [Value; 2]),
    Ternary(Op, [Value; 3]),
}

/// The value is written to the operand, of the same dtype.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Store {
    pub(crate) operand: u8,
    pub(crate) value: Value,
}

/// A condition on the data under which the kernel must not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Check {
    /// A bool node: true is an error.
    pub(crate) value: Value,
}

/// The numbers of one launch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Args {
    pub(crate) shape: Dims,
    pub(crate) operands: SmallVec<[OperandArgs; 3]>,
    pub(crate) scalars: SmallVec<[u64; 4]>,
    /// Added to [`Expr::Index`] and to the index of [`Expr::Random`]: where a window begins.
    pub(crate) base: u64,
    /// Reported when the check fails.
    pub(crate) check: u32,
}

/// The numbers of an operand, in elements.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OperandArgs {
    pub(crate) offset: usize,
    pub(crate) strides: Dims,
}

/// A code that many kernels may share; writing to it makes a copy first unless nobody else has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SharedCode(Arc<Code>);

impl SharedCode {
    /// Whether both are one, not merely equal.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Where it lies: of two that live at once, a number of each.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

impl From<Code> for SharedCode {
    fn from(code: Code) -> Self {
        Self(Arc::new(code))
    }
}

impl Deref for SharedCode {
    type Target = Code;

    fn deref(&self) -> &Code {
        &self.0
    }
}

impl DerefMut for SharedCode {
    fn deref_mut(&mut self) -> &mut Code {
        Arc::make_mut(&mut self.0)
    }
}

/// A kernel, ready but for its buffers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kernel {
    pub(crate) code: SharedCode,
    pub(crate) args: Args,
}

impl Code {
    /// Whether an operand is fetched from.
    pub(crate) fn is_fetched(&self, operand: usize) -> bool {
        let fetches = |node: &Node| matches!(node.expr, Expr::Fetch { operand: o, .. } if usize::from(o) == operand);
        self.nodes.iter().any(fetches)
    }

    /// Whether an operand is stored to.
    pub(crate) fn is_stored(&self, operand: usize) -> bool {
        if self.whole.is_some() {
            return operand + 1 == self.operands.len();
        }
        let results = self.reduce.iter().map(|reduce| reduce.operand);
        let mut stored = self.stores.iter().map(|store| store.operand).chain(results);
        stored.any(|i| usize::from(i) == operand)
    }

    /// Whether a buffer is stored to.
    pub(crate) fn is_written(&self, buffer: usize) -> bool {
        let sees = |&i: &usize| usize::from(self.operands[i].buffer) == buffer;
        (0..self.operands.len()).filter(sees).any(|i| self.is_stored(i))
    }

    /// Whether an operand's elements are at places that the kernel computes: it is fetched from, or scattered to.
    pub(crate) fn is_computed(&self, operand: usize) -> bool {
        match self.whole {
            Some(Whole::Scatter { .. }) => self.is_stored(operand),
            _ => self.is_fetched(operand),
        }
    }

    /// Whether a launch may report its check.
    pub(crate) fn may_refuse(&self) -> bool {
        self.check.is_some() || matches!(self.whole, Some(Whole::Scatter { .. }))
    }
}

impl Kernel {
    /// Points of the iteration space.
    pub(crate) fn len(&self) -> usize {
        self.args.shape.iter().product()
    }
}

impl Expr {
    /// Whether the value depends on the place of a point in the iteration order.
    pub(crate) fn is_placed(&self) -> bool {
        matches!(self, Self::Index | Self::Random { .. })
    }

    /// The values the expression reads.
    pub(crate) fn arguments(&self) -> SmallVec<[Value; 3]> {
        match *self {
            Self::Load(_) | Self::Scalar(_) | Self::Index | Self::Random { .. } => SmallVec::new(),
            Self::Cast(a) | Self::Unary(_, a) | Self::Fetch { at: a, .. } => {
                SmallVec::from_slice(&[a])
            }
            Self::Binary(_, args) => SmallVec::from_slice(&args),
            Self::Select(args) | Self::Ternary(_, args) => SmallVec::from_slice(&args),
        }
    }
}

impl Expr {
    /// The expression on other values.
    pub(crate) fn with_arguments(self, at: impl Fn(Value) -> Value + Copy) -> Self {
        match self {
            Self::Load(_) | Self::Scalar(_) | Self::Index | Self::Random { .. } => self,
            Self::Fetch { operand, at: a } => Self::Fetch { operand, at: at(a) },
            Self::Cast(a) => Self::Cast(at(a)),
            Self::Unary(op, a) => Self::Unary(op, at(a)),
            Self::Binary(op, args) => Self::Binary(op, args.map(at)),
            Self::Ternary(op, args) => Self::Ternary(op, args.map(at)),
            Self::Select(args) => Self::Select(args.map(at)),
        }
    }
}

impl Class {
    /// The class of a view with these strides over this shape.
    pub(crate) fn of(shape: &[usize], strides: &[usize]) -> Self {
        let mut expected = 1;
        let mut contiguous = true;
        let mut uniform = true;
        for (&size, &stride) in shape.iter().zip(strides).rev() {
            if size != 1 {
                contiguous &= stride == expected;
                uniform &= stride == 0;
            }
            expected *= size;
        }
        match (uniform, contiguous) {
            (true, false) => Self::Uniform,
            (_, true) => Self::Contiguous,
            (false, false) => Self::Strided,
        }
    }
}
