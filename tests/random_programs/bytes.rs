//! Programs out of a fuzzer's bytes.

use arbitrary::{Result, Unstructured};
use taut::DType;

use super::fold::Fold;
use super::step::{Op, Operand, SHAPES, Step, View};

/// As many steps as the bytes make, up to 30.
pub(crate) fn steps(bytes: &[u8]) -> Vec<Step> {
    let mut u = Unstructured::new(bytes);
    let mut steps = Vec::new();
    while steps.len() < 30 && !u.is_empty() {
        let Ok(step) = step(&mut u) else { break };
        steps.push(step);
    }
    steps
}

fn step(u: &mut Unstructured<'_>) -> Result<Step> {
    let of = u.int_in_range(0..=7)?;
    Ok(match u.int_in_range(0..=19_u8)? {
        0 => Step::Numbers { shape: shape(u)?, dtype: dtype(u)?, first: u.int_in_range(-9..=19)? },
        1 => Step::Full { shape: shape(u)?, dtype: dtype(u)?, value: u.int_in_range(-2..=3)? },
        2 => Step::Rand { shape: shape(u)? },
        3..6 => Step::View { of, view: view(u)? },
        6..8 => Step::Binary { op: op(u)?, lhs: of, rhs: operand(u)? },
        8..10 => Step::InPlace { op: op(u)?, lhs: of, rhs: operand(u)? },
        10 => Step::Neg { of },
        11 => Step::NegInPlace { of },
        12 => Step::Fold { fold: fold(u)?, of, dims: u.arbitrary()?, keepdim: u.arbitrary()? },
        13 => Step::Fill { of, value: operand(u)? },
        14 if u.arbitrary()? => Step::Zero { of },
        14 => Step::Contiguous { of },
        15 => Step::Copy { to: of, from: u.int_in_range(0..=7)? },
        16 => Step::Put { of, at: view(u)?, value: operand(u)? },
        17 => Step::Clone { of },
        18 => Step::Cast { of, dtype: dtype(u)? },
        _ if u.arbitrary()? => Step::Read { of },
        _ => Step::Drop { of },
    })
}

fn shape(u: &mut Unstructured<'_>) -> Result<usize> {
    u.choose_index(SHAPES.len())
}

fn dtype(u: &mut Unstructured<'_>) -> Result<usize> {
    u.choose_index(DType::ALL.len())
}

fn op(u: &mut Unstructured<'_>) -> Result<Op> {
    let alpha = if u.ratio(1, 4)? { Some(u.int_in_range(-2..=3)?) } else { None };
    let ops = [Op::Mul, Op::Div, Op::DivTrunc, Op::DivFloor, Op::SubFrom, Op::DivInto];
    Ok(match u.int_in_range(0..=7_u8)? {
        0 => Op::Add(alpha),
        1 => Op::Sub(alpha),
        _ => *u.choose(&ops)?,
    })
}

fn operand(u: &mut Unstructured<'_>) -> Result<Operand> {
    Ok(match u.int_in_range(0..=5_u8)? {
        0 => Operand::Int(u.int_in_range(-3..=5)?),
        1 => Operand::Float(u.int_in_range(-9..=8)?),
        _ => Operand::Var(u.int_in_range(0..=7)?),
    })
}

fn view(u: &mut Unstructured<'_>) -> Result<View> {
    let dim = u.int_in_range(0..=2)?;
    Ok(match u.int_in_range(0..=10_u8)? {
        0 => View::Alias,
        1 => View::Transpose(dim, u.int_in_range(0..=2)?),
        2 => View::Select { dim, index: u.int_in_range(0..=3)? },
        3 => View::Narrow { dim, start: u.int_in_range(0..=2)?, len: u.int_in_range(0..=3)? },
        4 => View::Every { dim, start: u.int_in_range(0..=1)?, step: u.int_in_range(1..=2)? },
        5 => View::Unsqueeze { dim },
        6 => View::Squeeze,
        7 => View::Diagonal,
        8 => View::Expand { size: u.int_in_range(1..=4)?, lead: u.arbitrary()? },
        9 => View::Reshape { split: u.arbitrary()? },
        _ => View::Unfold { dim, size: u.int_in_range(1..=2)? },
    })
}

fn fold(u: &mut Unstructured<'_>) -> Result<Fold> {
    let folds = [
        Fold::Sum,
        Fold::Prod,
        Fold::AMax,
        Fold::AMin,
        Fold::Any,
        Fold::All,
        Fold::ArgMax,
        Fold::CumSum,
    ];
    u.choose(&folds).copied()
}
