//! How many loops a tile of a kernel takes.

use super::super::CpuBackend;
use super::super::tests::Builder;
use super::marks::LONG;
use super::*;
use crate::backend::Backend;
use crate::dtype::{DType, Element};
use crate::kernel::Kernel;

/// The program of a kernel over 100 points of as many buffers, which `make` stores to.
fn program<T: Element>(buffers: usize, make: impl Fn(&mut Builder, &[u8])) -> Program {
    let backend = CpuBackend::new();
    let mut builder = Builder::new(&[100]);
    let operands: Vec<u8> = (0..buffers)
        .map(|_| builder.operand::<T>(&backend.allocate(100 * size_of::<T>()).unwrap()))
        .collect();
    make(&mut builder, &operands);
    let kernel = &builder.launch.kernel;
    Program::compile(&kernel.code, Form::of(&kernel.code, &kernel.args), Purpose::Stores)
}

fn steps<T: Element>(buffers: usize, make: impl Fn(&mut Builder, &[u8])) -> Vec<Step> {
    program::<T>(buffers, make).steps
}

#[test]
fn in_place_operation_is_one_step() {
    let steps = steps::<f32>(2, |builder, operands| {
        let (a, b) = (builder.load(operands[0]), builder.load(operands[1]));
        let sum = builder.node(DType::F32, Expr::Binary(Op::Add, [a, b]));
        builder.store(operands[0], sum);
    });
    assert!(matches!(steps[..], [Step::Accumulate { operand: 0, .. }]));
}

#[test]
fn two_operations_in_a_row_are_one_step() {
    let steps = steps::<f32>(3, |builder, operands| {
        let (a, b) = (builder.load(operands[0]), builder.load(operands[1]));
        let product = builder.node(DType::F32, Expr::Binary(Op::Mul, [a, b]));
        let difference = builder.node(DType::F32, Expr::Binary(Op::Sub, [b, product]));
        builder.store(operands[2], difference);
    });
    assert!(matches!(steps[..], [Step::Chain { .. }]));
}

#[test]
fn integers_go_past_the_cache_in_one_chain_unless_they_are_divided() {
    fn is_chain<T: Element>(op: Op) -> bool {
        let backend = CpuBackend::new();
        // Beyond what is past the cache in tests.
        let points = 2000;
        let mut builder = Builder::new(&[points]);
        let bytes = points * size_of::<T>();
        let mut operand = || builder.operand::<T>(&backend.allocate(bytes).unwrap());
        let [a, b, out] = [operand(), operand(), operand()];
        let (a, b) = (builder.load(a), builder.load(b));
        let product = builder.node(T::DTYPE, Expr::Binary(Op::Mul, [a, b]));
        let value = builder.node(T::DTYPE, Expr::Binary(op, [product, b]));
        builder.store(out, value);
        let Kernel { code, args } = &builder.launch.kernel;
        let program = Program::compile(code, Form::of(code, args), Purpose::Stores);
        matches!(program.steps[..], [Step::Chain { past_cache: true, .. }])
    }
    for (op, expected) in [(Op::Add, true), (Op::Sub, true), (Op::DivTrunc, false)] {
        assert_eq!(is_chain::<i32>(op), expected, "{op:?}");
        assert_eq!(is_chain::<i64>(op), expected, "{op:?}");
    }
    assert!(!is_chain::<i16>(Op::Add), "its lanes are wider");
}

#[test]
fn functions_that_are_approximated_are_more_work() {
    let work = |op| {
        let program = program::<f32>(2, |builder, operands| {
            let value = builder.load(operands[0]);
            let value = builder.node(DType::F32, Expr::Unary(op, value));
            builder.store(operands[1], value);
        });
        program.work
    };
    assert_eq!([Op::Neg, Op::Sqrt, Op::Exp, Op::Gelu].map(work), [1, 1, 1 + LONG, 1 + LONG]);
}

/// How many links the chains of a program have, which has no other step.
fn links(program: &Program) -> Vec<usize> {
    let links = program.steps.iter().map(|step| match step {
        Step::Chain { chain, .. } => chain.links.len(),
        _ => unreachable!("no chain"),
    });
    links.collect()
}

#[test]
fn operations_in_a_row_are_one_chain_of_any_length() {
    let program = program::<f32>(4, |builder, operands| {
        let mut value = builder.load(operands[0]);
        let two = builder.scalar(DType::F32, 0x4000_0000);
        for k in 0..12 {
            let other = if k % 3 == 2 { two } else { builder.load(operands[1 + k % 3]) };
            let values = if k % 2 == 0 { [value, other] } else { [other, value] };
            value = builder.node(DType::F32, Expr::Binary(Op::Sub, values));
        }
        builder.store(operands[3], value);
    });
    assert_eq!(links(&program), [12]);
    let Step::Chain { chain, .. } = &program.steps[0] else { unreachable!("as just seen") };
    let uniform: Vec<bool> = chain.links.iter().map(|(_, argument)| argument.uniform).collect();
    assert_eq!(uniform, [false, false, true].repeat(4));
}

#[test]
fn chain_waits_for_few_registers() {
    let program = program::<f32>(9, |builder, operands| {
        let mut value = builder.load(operands[0]);
        for &operand in &operands[1..8] {
            let root = builder.load(operand);
            let root = builder.node(DType::F32, Expr::Unary(Op::Sqrt, root));
            value = builder.node(DType::F32, Expr::Binary(Op::Add, [value, root]));
        }
        builder.store(operands[8], value);
    });
    let chains = program.steps.iter().filter_map(|step| match step {
        Step::Chain { chain, .. } => Some(chain.links.len()),
        _ => None,
    });
    // The result of the chain before is one of the three.
    assert_eq!(chains.collect::<Vec<_>>(), [3, 2, 2]);
    assert!(program.registers <= 4, "{}", program.registers);
}

#[test]
fn product_that_is_stored_too_is_a_step_of_its_own() {
    let steps = steps::<f32>(4, |builder, operands| {
        let (a, b) = (builder.load(operands[0]), builder.load(operands[1]));
        let product = builder.node(DType::F32, Expr::Binary(Op::Mul, [a, b]));
        let sum = builder.node(DType::F32, Expr::Binary(Op::Add, [product, b]));
        builder.store(operands[2], product);
        builder.store(operands[3], sum);
    });
    assert!(matches!(steps[..], [Step::Chain { .. }, Step::Chain { .. }]));
}

#[test]
fn arithmetic_of_stored_halves_is_one_step() {
    let steps = steps::<half::f16>(2, |builder, operands| {
        let (a, b) = (builder.load(operands[0]), builder.scalar(DType::F16, 0x3c00));
        let sum = builder.node(DType::F16, Expr::Binary(Op::Add, [a, b]));
        builder.store(operands[1], sum);
    });
    assert!(matches!(steps[..], [Step::Apply { out: Lanes { size: 2, .. }, .. }]));
}

#[test]
fn memory_is_asked_ahead_for_what_several_steps_widen() {
    let backend = CpuBackend::new();
    // Of float16, beyond what is past the cache in tests.
    let points = 2000;
    let ahead = |make: &dyn Fn(&mut Builder, &[u8])| {
        let mut builder = Builder::new(&[points]);
        let mut operand = || builder.operand::<half::f16>(&backend.allocate(points * 2).unwrap());
        let operands = [operand(), operand(), operand()];
        make(&mut builder, &operands);
        let kernel = &builder.launch.kernel;
        let form = Form::of(&kernel.code, &kernel.args);
        Program::compile(&kernel.code, form, Purpose::Stores).ahead.to_vec()
    };
    let two_operations = ahead(&|builder, operands| {
        let (a, b) = (builder.load(operands[0]), builder.load(operands[1]));
        let product = builder.node(DType::F16, Expr::Binary(Op::Mul, [a, b]));
        let sum = builder.node(DType::F16, Expr::Binary(Op::Add, [product, b]));
        builder.store(operands[2], sum);
    });
    assert_eq!(two_operations, [0, 1]);
    // In one loop on what is stored the processor sees by itself what comes.
    let one = ahead(&|builder, operands| {
        let (a, b) = (builder.load(operands[0]), builder.load(operands[1]));
        let sum = builder.node(DType::F16, Expr::Binary(Op::Add, [a, b]));
        builder.store(operands[2], sum);
    });
    assert!(one.is_empty());
}

#[test]
fn random_fractions_are_one_step_unless_the_words_are_wanted_too() {
    let fraction = |builder: &mut Builder| {
        builder.launch.kernel.args.scalars.extend([7, 0]);
        let word = builder.node(DType::I32, Expr::Random { word: 0, words: 1, scalar: 0 });
        let count = builder.scalar(DType::I32, 8);
        let shift = Expr::Binary(Op::ShiftRightLogical, [word, count]);
        let shift = builder.node(DType::I32, shift);
        let number = builder.node(DType::F32, Expr::Cast(shift));
        let unit = builder.scalar(DType::F32, 0x3380_0000);
        (word, builder.node(DType::F32, Expr::Binary(Op::Mul, [number, unit])))
    };
    let alone = steps::<f32>(1, |builder, operands| {
        let (_, fraction) = fraction(builder);
        builder.store(operands[0], fraction);
    });
    assert!(matches!(alone[..], [Step::Fraction { past_cache: false, .. }]));
    let beside = steps::<f32>(2, |builder, operands| {
        let (word, fraction) = fraction(builder);
        let word = builder.node(DType::F32, Expr::Cast(word));
        builder.store(operands[0], fraction);
        builder.store(operands[1], word);
    });
    assert!(beside.iter().any(|step| matches!(step, Step::Random { .. })));
    assert!(!beside.iter().any(|step| matches!(step, Step::Fraction { .. })));
}

#[test]
fn what_is_the_same_along_rows_is_one_element_wherever_it_stands() {
    let mut builder = Builder::new(&[64, 96]);
    let column = builder.view(0, DType::F32, 0, &[1, 0]);
    let row = builder.view(1, DType::F32, 0, &[0, 1]);
    let out = builder.view(2, DType::F32, 0, &[96, 1]);
    let [a, b] = [column, row].map(|operand| builder.load(operand));
    let product = builder.node(DType::F32, Expr::Binary(Op::Mul, [a, b]));
    builder.store(out, product);
    let Kernel { code, args } = &builder.launch.kernel;
    let is_one = |purpose| {
        let program = Program::compile(code, Form::of(code, args), purpose);
        let rows = program.steps.iter().filter_map(|step| match step {
            Step::GatherRow { row: Lanes { place: Place::Row { same, .. }, .. }, .. } => {
                Some(*same)
            }
            _ => None,
        });
        rows.collect::<Vec<_>>()
    };
    assert_eq!(is_one(Purpose::Stores), [true, true]);
    assert_eq!(is_one(Purpose::Fold(product)), [false, true], "what is summed begins with all");
}

/// The program of `a + b^T` over `[64, columns]`.
fn transposed(columns: usize) -> Program {
    let mut builder = Builder::new(&[64, columns]);
    let dense = [columns, 1];
    let operands =
        [builder.view(0, DType::F32, 0, &dense), builder.view(1, DType::F32, 0, &[1, 64])];
    let out = builder.view(2, DType::F32, 0, &dense);
    let [a, b] = operands.map(|operand| builder.load(operand));
    let sum = builder.node(DType::F32, Expr::Binary(Op::Add, [a, b]));
    builder.store(out, sum);
    let Kernel { code, args } = &builder.launch.kernel;
    let program = Program::compile(code, Form::of(code, args), Purpose::Stores);
    assert_eq!(program.rows, Some(0));
    program
}

#[test]
fn of_a_block_only_the_transposed_operand_is_copied() {
    let program = transposed(96);
    let [.., Step::Chain { out, .. }] = &program.steps[..] else { panic!("the chain stores") };
    assert!(matches!(out.place, Place::Row { operand: 2, .. }));
    let copies = program.steps.iter().filter_map(|step| match step {
        Step::GatherRow { as_block, .. } => Some(*as_block),
        _ => None,
    });
    assert_eq!(copies.collect::<Vec<_>>(), [false, false]);
}

#[test]
fn rows_that_are_short_or_begin_within_a_line_are_copied() {
    for columns in [16, 100] {
        let program = transposed(columns);
        assert!(matches!(program.steps[..], [.., Step::Chain { .. }, Step::Scatter { .. }]));
    }
}
