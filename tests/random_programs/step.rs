//! What a random program is made of.
//!
//! A step names variables by a number that is taken modulo how many there are, and shapes and dtypes by
//! their place in a short list: every list of steps is a program, so that failures shrink well.

use std::fmt;

use proptest::prelude::*;
use taut::DType;

use super::fold::Fold;

/// Shapes of new tensors; many broadcast with each other.
pub(crate) const SHAPES: [&[usize]; 14] = [
    &[3],
    &[3, 3],
    &[2, 3],
    &[],
    &[1],
    &[4],
    &[3, 4],
    &[2, 3, 4],
    &[3, 1],
    &[2, 1, 3],
    &[1, 4],
    &[0],
    &[2, 0, 3],
    &[40, 3],
];

#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A tensor of counted numbers.
    Numbers {
        shape: usize,
        dtype: usize,
        first: i8,
    },
    Full {
        shape: usize,
        dtype: usize,
        value: i8,
    },
    Rand {
        shape: usize,
    },
    View {
        of: usize,
        view: View,
    },
    Binary {
        op: Op,
        lhs: usize,
        rhs: Operand,
    },
    InPlace {
        op: Op,
        lhs: usize,
        rhs: Operand,
    },
    Neg {
        of: usize,
    },
    NegInPlace {
        of: usize,
    },
    /// A reduction over the chosen ones of the leading dims; over all if none is chosen.
    Fold {
        fold: Fold,
        of: usize,
        dims: [bool; 3],
        keepdim: bool,
    },
    Fill {
        of: usize,
        value: Operand,
    },
    Zero {
        of: usize,
    },
    Copy {
        to: usize,
        from: usize,
    },
    Put {
        of: usize,
        at: View,
        value: Operand,
    },
    Clone {
        of: usize,
    },
    Contiguous {
        of: usize,
    },
    Cast {
        of: usize,
        dtype: usize,
    },
    Read {
        of: usize,
    },
    Drop {
        of: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Op {
    Add(Option<i8>),
    Sub(Option<i8>),
    Mul,
    Div,
    DivTrunc,
    DivFloor,
    /// The number on the left.
    SubFrom,
    DivInto,
}

impl Op {
    /// Whether it is a division that a zero makes fail.
    pub(crate) fn divides_integers(self, dtype: DType) -> bool {
        matches!(self, Self::DivTrunc | Self::DivFloor) && !dtype.is_floating_point()
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Operand {
    Var(usize),
    Int(i8),
    /// In quarters.
    Float(i8),
}

/// A view; dims and places are taken modulo what there is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum View {
    Alias,
    Transpose(usize, usize),
    Select {
        dim: usize,
        index: usize,
    },
    Narrow {
        dim: usize,
        start: usize,
        len: usize,
    },
    Every {
        dim: usize,
        start: usize,
        step: usize,
    },
    Unsqueeze {
        dim: usize,
    },
    Squeeze,
    Diagonal,
    /// Repeats the dims of size 1, and a new leading one.
    Expand {
        size: usize,
        lead: bool,
    },
    /// Flattened, or with two dims made of one.
    Reshape {
        split: bool,
    },
    Unfold {
        dim: usize,
        size: usize,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let alpha = || prop_oneof![3 => Just(None), 1 => (-2..4i8).prop_map(Some)];
    prop_oneof![
        4 => alpha().prop_map(Op::Add),
        3 => alpha().prop_map(Op::Sub),
        4 => Just(Op::Mul),
        2 => Just(Op::Div),
        1 => Just(Op::DivTrunc),
        1 => Just(Op::DivFloor),
        1 => Just(Op::SubFrom),
        1 => Just(Op::DivInto),
    ]
}

fn operand() -> impl Strategy<Value = Operand> {
    prop_oneof![
        4 => (0..8usize).prop_map(Operand::Var),
        1 => (-3..6i8).prop_map(Operand::Int),
        1 => (-9..9i8).prop_map(Operand::Float),
    ]
}

fn view() -> impl Strategy<Value = View> {
    let dim = || 0..3usize;
    prop_oneof![
        1 => Just(View::Alias),
        3 => (dim(), dim()).prop_map(|(a, b)| View::Transpose(a, b)),
        2 => (dim(), 0..4usize).prop_map(|(dim, index)| View::Select { dim, index }),
        3 => (dim(), 0..3usize, 0..4usize)
            .prop_map(|(dim, start, len)| View::Narrow { dim, start, len }),
        2 => (dim(), 0..2usize, 1..3usize)
            .prop_map(|(dim, start, step)| View::Every { dim, start, step }),
        1 => dim().prop_map(|dim| View::Unsqueeze { dim }),
        1 => Just(View::Squeeze),
        1 => Just(View::Diagonal),
        2 => (1..5usize, any::<bool>()).prop_map(|(size, lead)| View::Expand { size, lead }),
        2 => any::<bool>().prop_map(|split| View::Reshape { split }),
        1 => (dim(), 1..3usize).prop_map(|(dim, size)| View::Unfold { dim, size }),
    ]
}

fn fold() -> impl Strategy<Value = Fold> {
    prop_oneof![
        2 => Just(Fold::Sum),
        1 => Just(Fold::Prod),
        1 => Just(Fold::AMax),
        1 => Just(Fold::AMin),
        1 => Just(Fold::Any),
        1 => Just(Fold::All),
        1 => Just(Fold::ArgMax),
        1 => Just(Fold::CumSum),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let of = || 0..8usize;
    let shape = || 0..SHAPES.len();
    let dtype = || 0..10usize;
    prop_oneof![
        3 => (shape(), dtype(), -9..20i8)
            .prop_map(|(shape, dtype, first)| Step::Numbers { shape, dtype, first }),
        1 => (shape(), dtype(), -2..4i8)
            .prop_map(|(shape, dtype, value)| Step::Full { shape, dtype, value }),
        1 => shape().prop_map(|shape| Step::Rand { shape }),
        6 => (of(), view()).prop_map(|(of, view)| Step::View { of, view }),
        6 => (op(), of(), operand()).prop_map(|(op, lhs, rhs)| Step::Binary { op, lhs, rhs }),
        8 => (op(), of(), operand()).prop_map(|(op, lhs, rhs)| Step::InPlace { op, lhs, rhs }),
        1 => of().prop_map(|of| Step::Neg { of }),
        1 => of().prop_map(|of| Step::NegInPlace { of }),
        3 => (fold(), of(), any::<[bool; 3]>(), any::<bool>())
            .prop_map(|(fold, of, dims, keepdim)| Step::Fold { fold, of, dims, keepdim }),
        2 => (of(), operand()).prop_map(|(of, value)| Step::Fill { of, value }),
        1 => of().prop_map(|of| Step::Zero { of }),
        2 => (of(), of()).prop_map(|(to, from)| Step::Copy { to, from }),
        2 => (of(), view(), operand()).prop_map(|(of, at, value)| Step::Put { of, at, value }),
        1 => of().prop_map(|of| Step::Clone { of }),
        1 => of().prop_map(|of| Step::Contiguous { of }),
        2 => (of(), dtype()).prop_map(|(of, dtype)| Step::Cast { of, dtype }),
        1 => of().prop_map(|of| Step::Read { of }),
        3 => of().prop_map(|of| Step::Drop { of }),
    ]
}

/// Steps that print one a line.
#[derive(Clone)]
pub(crate) struct Program(pub(crate) Vec<Step>);

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| write!(f, "\n    {step:?}"))
    }
}

pub(crate) fn program(steps: usize) -> impl Strategy<Value = Program> {
    prop::collection::vec(step(), 1..=steps).prop_map(Program)
}
