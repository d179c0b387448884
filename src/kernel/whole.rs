//! Kernels that are no expression of a point: sorting, scattering, products of matrices.
//!
//! A kernel with `code.whole` has operands and an iteration space as every other, but no nodes, stores,
//! check or reduction, and no two of its operands that are not both only read see one buffer. It never
//! shares a kernel with other operations.

use super::Kernel;
use crate::dtype::DType;
use crate::ops::Op;

/// What is done with the operands, which stand in the order given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Whole {
    /// Keys of any dtype; positions, int64 or int32. Each line along the innermost dimension is put in
    /// order: the position stored at `r` is that of the key of rank `r`. Equal keys keep their order,
    /// descending too; -0 equals 0; NaN is beyond all numbers. What is stored at other ranks than the
    /// given ones is left open.
    Sort { descending: bool, ranks: Ranks },
    /// Addresses, int64 or int32; sources; the target, of the sources' dtype. For each point, as if in
    /// row-major order one after the other, the target's element at the point's place plus the address
    /// becomes the source, or `fold` of itself and the source, narrowed each time. An address of -1
    /// writes nothing. A lower one is the mark of a wrong index: if there is any, nothing at all is
    /// stored and the launch reports `args.check`. What lies outside the target's buffer is a bug of
    /// ours; it is left out, never written.
    Scatter { fold: Option<Op> },
    /// Left and right factors and the product, all of one dtype, over a space of batch dimensions and
    /// then `m`, `n`, `k`: the product at `(m, n)` is the sum over `k` of left times right. Operands have
    /// stride 0 along the dimension that they lack. Integers wrap; the halves compute in float32 and
    /// round once; float sums are in an order that is fixed on each device, but not the same on all.
    Product,
}

/// The ranks of a sort that somebody asks for: `from` and those after it, before `to`.
///
/// Numbers, in a [`Code`](super::Code) all the same, for they say what there is to do: a backend that compiles
/// sorts does so for [`Ranks::ALL`] alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ranks {
    pub(crate) from: usize,
    pub(crate) to: usize,
}

impl Ranks {
    /// Of a line of any length.
    pub(crate) const ALL: Self = Self { from: 0, to: usize::MAX };
}

impl Whole {
    /// All ranks, ascending.
    pub(crate) const SORT: Self = Self::Sort { descending: false, ranks: Ranks::ALL };

    /// Operands; the last one is written.
    pub(crate) fn operands(self) -> usize {
        match self {
            Self::Sort { .. } => 2,
            Self::Scatter { .. } | Self::Product => 3,
        }
    }
}

/// Says what is wrong with a kernel that has `code.whole`, beyond what holds for every kernel.
pub(super) fn verify(kernel: &Kernel, whole: Whole) -> Result<(), String> {
    let (code, args) = (&kernel.code, &kernel.args);
    let own = code.nodes.is_empty() && code.stores.is_empty() && code.check.is_none();
    if !own || code.reduce.is_some() {
        return Err(format!("{whole:?} beside expressions"));
    }
    if code.operands.len() != whole.operands() {
        return Err(format!("{whole:?} of {} operands", code.operands.len()));
    }
    let (target, sources) = match code.operands.split_last() {
        Some(split) => split,
        None => return Err("no operands".into()),
    };
    if sources.iter().any(|source| source.buffer == target.buffer) {
        return Err(format!("{whole:?} reads what it writes"));
    }
    let is_index = |dtype| matches!(dtype, DType::I64 | DType::I32);
    let dtypes: Vec<DType> = code.operands.iter().map(|operand| operand.dtype).collect();
    let fits = match (whole, &dtypes[..]) {
        (Whole::Sort { .. }, [_, positions]) => is_index(*positions),
        (Whole::Scatter { fold }, [address, source, target]) => {
            is_index(*address)
                && source == target
                && fold.is_none_or(|op| op.info().arity == 2 && op.info().computes_in(*source))
        }
        (Whole::Product, [lhs, rhs, out]) => lhs == rhs && rhs == out && *out != DType::Bool,
        _ => false,
    };
    if !fits {
        return Err(format!("{whole:?} of {dtypes:?}"));
    }
    let strides = |operand: usize, back: usize| {
        let strides = &args.operands[operand].strides;
        strides.len().checked_sub(back).map(|dim| strides[dim])
    };
    if whole == Whole::Product
        && [(0, 2), (1, 3), (2, 1)].iter().any(|&(operand, back)| strides(operand, back) != Some(0))
    {
        return Err("a factor moves along a dimension that it lacks".into());
    }
    Ok(())
}
