//! Random kernels of what `plan` treats apart: stored forms, chains, folds in place, rows, blocks.

use super::super::tests::{Builder, row_major};
use super::{Case, Choices, choices_bits, injective};
use crate::dtype::DType;
use crate::kernel::{Expr, Value};
use crate::ops::Op;

impl Case {
    /// What has loops and places of its own: arithmetic of one dtype, on operands that are whole, rows
    /// or transposed, some of them stored to; of sizes about those that tests have as limits.
    pub(super) fn arithmetic(choices: &mut Choices<'_>) -> Self {
        let mut shape = vec![choices.of(&[300, 1, 9, 63, 64, 65, 128, 257, 299, 1025, 2100])];
        for _ in 0..choices.below(3) {
            let size = choices.of(&[3, 1, 2, 8, 9, 17, 64, 65]);
            let fits = shape.iter().product::<usize>() * size <= 5000;
            shape.insert(choices.below(shape.len() + 1), if fits { size } else { 1 });
        }
        let home = choices.of(&[
            DType::F32,
            DType::F32,
            DType::F64,
            DType::F16,
            DType::BF16,
            DType::U8,
            DType::I8,
            DType::I16,
            DType::I32,
        ]);
        let is_mild = choices.below(4) > 0;
        let mut case = Self { kernel: Builder::new(&shape), bytes: Vec::new(), home, is_mild };
        for _ in 0..1 + choices.below(4) {
            case.load_of_pattern(choices);
        }
        let ops: Vec<Op> = [Op::Add, Op::Sub, Op::Mul, Op::Div, Op::ShiftRightLogical]
            .into_iter()
            .filter(|op| op.info().computes_in(home))
            .collect();
        for _ in 0..1 + choices.below(8) {
            match choices.below(10) {
                0 => {
                    let bits = choices_bits(home, choices.bits() & 0x3f3f_3f3f_3f3f_3f3f);
                    case.kernel.scalar(home, bits);
                }
                1 => case.load_of_pattern(choices),
                2 => {
                    let value = case.value(choices, home);
                    let to = choices.of(&[DType::F32, DType::I32, DType::I16, DType::F16]);
                    let there = case.kernel.node(to, Expr::Cast(value));
                    case.kernel.node(home, Expr::Cast(there));
                }
                3 if home == DType::F32 => {
                    let value = case.random(choices);
                    let count = case.kernel.scalar(DType::I32, choices.below(33) as u64);
                    let shift = Expr::Binary(Op::ShiftRightLogical, [value, count]);
                    let shift = case.kernel.node(DType::I32, shift);
                    let fraction = case.kernel.node(home, Expr::Cast(shift));
                    let unit = if choices.below(4) == 3 {
                        case.value(choices, home)
                    } else {
                        case.kernel.scalar(home, (0.3_f32).to_bits().into())
                    };
                    case.kernel.node(home, Expr::Binary(Op::Mul, [fraction, unit]));
                }
                _ => {
                    let (op, a, b) =
                        (choices.of(&ops), case.value(choices, home), case.value(choices, home));
                    case.kernel.node(home, Expr::Binary(op, [a, b]));
                }
            }
        }
        for _ in 0..1 + choices.below(3) {
            case.store_of_pattern(choices);
        }
        if choices.below(4) == 3 {
            case.fold(choices);
        }
        case
    }

    /// A load that is whole, of rows or columns that repeat, or transposed; of a buffer of its own.
    fn load_of_pattern(&mut self, choices: &mut Choices<'_>) {
        let shape = self.shape();
        let mut strides = row_major(&shape);
        let inner = shape.len() - 1;
        match choices.below(6) {
            0 => strides[..inner].fill(0),
            1 => strides[inner] = 0,
            2 => strides = injective(choices, &shape),
            _ => {}
        }
        let buffer = self.buffer();
        let operand = self.view(buffer, self.home, choices.of(&[0, 0, 1, 7]), &strides);
        self.kernel.load(operand);
    }

    /// A store of any value in place, beside what is seen of a buffer, or to a buffer of its own.
    fn store_of_pattern(&mut self, choices: &mut Choices<'_>) {
        let shape = self.shape();
        let code = &self.kernel.launch.kernel.code;
        let args = &self.kernel.launch.kernel.args;
        let value = (code.nodes.len() - 1).saturating_sub(choices.below(4));
        let dtype = code.nodes[value].dtype;
        let repeats = |o: usize| {
            shape.iter().zip(&args.operands[o].strides).any(|(&n, &stride)| n > 1 && stride == 0)
        };
        let own: Vec<usize> = (0..code.operands.len())
            .filter(|&o| code.operands[o].dtype == dtype && !repeats(o))
            .filter(|&o| !code.stores.iter().any(|s| usize::from(s.operand) == o))
            .collect();
        let last = code.operands.last().map(|operand| operand.buffer);
        let value = value as Value;
        match choices.below(3) {
            0 if !own.is_empty() => {
                let operand = choices.of(&own);
                self.kernel.store(operand as u8, value);
            }
            1 if last.is_some_and(|b| self.is_of(b, dtype)) => {
                let buffer = last.unwrap_or_default();
                let beside = self.bytes[usize::from(buffer)] / dtype.size() + choices.below(2);
                let operand = self.view(buffer, dtype, beside, &row_major(&shape));
                self.kernel.store(operand, value);
            }
            _ => {
                let strides = match choices.below(4) {
                    0 => injective(choices, &shape),
                    _ => row_major(&shape),
                };
                let buffer = self.buffer();
                let operand = self.view(buffer, dtype, choices.of(&[0, 0, 1, 7]), &strides);
                self.kernel.store(operand, value);
            }
        }
    }

    /// Whether all that is seen of a buffer has this dtype.
    fn is_of(&self, buffer: u8, dtype: DType) -> bool {
        let mut operands = self.kernel.launch.kernel.code.operands.iter();
        operands.all(|operand| operand.buffer != buffer || operand.dtype == dtype)
    }
}
