//! Reductions and scans by hand give the bits of the interpreter.

use half::{bf16, f16};
use smallvec::SmallVec;

use super::super::random_kernels::{difference, run_ready};
use super::super::tests::{Builder, row_major};
use super::super::{CpuBackend, reference, threads};
use crate::backend::{Backend, Buffer, Launch};
use crate::dtype::DType;
use crate::kernel::{Expr, Fold, Reduce, Value};
use crate::ops::Op;

const FOLDS: [Fold; 6] = [
    Fold::Op(Op::Add),
    Fold::Op(Op::Mul),
    Fold::Op(Op::Maximum),
    Fold::Op(Op::Minimum),
    Fold::ArgMax,
    Fold::ArgMin,
];

/// A reduction of one operand.
#[derive(Clone, Debug)]
struct Case {
    fold: Fold,
    /// Of the operand, of the value, of the result.
    dtypes: [DType; 3],
    shape: Vec<usize>,
    lead: usize,
    reduced: usize,
    scan: bool,
    /// Of the operand; row-major if none.
    strides: Option<Vec<usize>>,
    /// Infinities, NaN and zeros of both signs among the numbers.
    special: bool,
}

impl Case {
    fn new(fold: Fold, dtype: DType, shape: &[usize], lead: usize, reduced: usize) -> Self {
        let result = if matches!(fold, Fold::Op(_)) { dtype } else { DType::I64 };
        Self {
            fold,
            dtypes: [dtype, dtype, result],
            shape: shape.to_vec(),
            lead,
            reduced,
            scan: false,
            strides: None,
            special: false,
        }
    }

    /// Two launches alike on buffers of their own.
    fn launches(&self, backend: &CpuBackend) -> [Launch; 2] {
        let mut kernel = self.kernel();
        let buffers = |launch: &mut Launch| {
            let args = &launch.kernel.args;
            let mut buffers: SmallVec<[_; 8]> = SmallVec::new();
            for (operand, numbers) in launch.kernel.code.operands.iter().zip(&args.operands) {
                let steps = args.shape.iter().zip(&numbers.strides);
                let reach: usize = steps.map(|(n, stride)| (n - 1) * stride).sum();
                let len = numbers.offset + reach + 1;
                let bytes: Vec<u8> =
                    (0..len).flat_map(|i| element(operand.dtype, i, self.special)).collect();
                let buffer = backend.allocate(bytes.len()).unwrap();
                backend.write(&buffer, 0, &bytes).unwrap();
                buffers.push(buffer);
            }
            launch.buffers = buffers;
        };
        let mut other = kernel.clone();
        buffers(&mut kernel);
        buffers(&mut other);
        [kernel, other]
    }

    fn kernel(&self) -> Launch {
        let [from, value, to] = self.dtypes;
        let mut kernel = Builder::new(&self.shape);
        let strides = match &self.strides {
            Some(strides) => strides.clone(),
            None => row_major(&self.shape).to_vec(),
        };
        let x = kernel.view(0, from, 3, &strides);
        let mut x = kernel.load(x);
        if value != from {
            x = kernel.node(value, Expr::Cast(x));
        }
        end(&mut kernel, self, x, 1, to);
        kernel.launch
    }

    fn check(&self, backend: &CpuBackend) {
        let [ours, theirs] = self.launches(backend);
        compare(backend, &ours, &theirs, self);
    }
}

fn compare(backend: &CpuBackend, ours: &Launch, theirs: &Launch, what: impl std::fmt::Debug) {
    let ready = copied(backend, ours);
    reference::run(backend, theirs);
    if run_ready(backend, &ready)
        && let Some(difference) = difference(backend, &ready, theirs)
    {
        panic!("made ready: {difference}\n{what:?}");
    }
    backend.run(std::slice::from_ref(ours)).unwrap();
    if let Some(difference) = difference(backend, ours, theirs) {
        panic!("{difference}\n{what:?}");
    }
}

/// The launch on copies of its buffers.
fn copied(backend: &CpuBackend, launch: &Launch) -> Launch {
    let copy = |buffer: &Buffer| {
        let mut bytes = vec![0; buffer.bytes()];
        backend.read(buffer, 0, &mut bytes).unwrap();
        let copy = backend.allocate(bytes.len()).unwrap();
        backend.write(&copy, 0, &bytes).unwrap();
        copy
    };
    Launch { kernel: launch.kernel.clone(), buffers: launch.buffers.iter().map(copy).collect() }
}

/// Ends a kernel in the fold of a value, its result in a buffer.
fn end(kernel: &mut Builder, case: &Case, value: Value, buffer: u8, to: DType) {
    let kept = case.lead..case.lead + case.reduced;
    let mut shape = case.shape.clone();
    if !case.scan {
        shape[kept.clone()].fill(1);
    }
    let mut strides = row_major(&shape);
    if !case.scan {
        strides[kept].fill(0);
    }
    let operand = kernel.view(buffer, to, 1, &strides);
    let dtype = kernel.launch.kernel.code.nodes[usize::from(value)].dtype;
    kernel.launch.kernel.args.scalars.push(identity(case.fold, dtype));
    let identity = (kernel.launch.kernel.args.scalars.len() - 1) as u8;
    kernel.launch.kernel.code.reduce = Some(Reduce {
        fold: case.fold,
        value,
        operand,
        identity,
        lead: case.lead as u8,
        reduced: case.reduced as u8,
        scan: case.scan,
    });
}

fn identity(fold: Fold, dtype: DType) -> u64 {
    let float = |value: f64| match dtype {
        DType::F16 => f16::from_f64(value).to_bits().into(),
        DType::BF16 => bf16::from_f64(value).to_bits().into(),
        DType::F32 => (value as f32).to_bits().into(),
        DType::F64 => value.to_bits(),
        _ => (value as i64) as u64,
    };
    match (fold, dtype) {
        (Fold::Op(Op::Mul), _) => float(1.0),
        (Fold::Op(Op::Maximum), DType::I32) => i64::from(i32::MIN) as u64,
        (Fold::Op(Op::Minimum), DType::I32) => i32::MAX as u64,
        (Fold::Op(Op::Maximum), DType::I8 | DType::I16) => u64::MAX << (8 * dtype.size() - 1),
        (Fold::Op(Op::Minimum), DType::I8 | DType::I16) => (1 << (8 * dtype.size() - 1)) - 1,
        (Fold::Op(Op::Minimum), DType::Bool) => 1,
        (Fold::Op(Op::Maximum), DType::Bool) => 0,
        (Fold::Op(Op::Maximum), _) => float(f64::NEG_INFINITY),
        (Fold::Op(Op::Minimum), _) => float(f64::INFINITY),
        _ => float(0.0),
    }
}

/// The stored form of element `i`.
fn element(dtype: DType, i: usize, special: bool) -> Vec<u8> {
    let random = (i as u64).wrapping_add(7).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let random = (random ^ random >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 20;
    // Around one, so that products of thousands stay in range, with a few ties.
    let number = 0.75 + (random % 4099) as f64 / 8192.0;
    let number = if random.is_multiple_of(3) { -number } else { number };
    let number = match (special, random % 61) {
        (true, 0) => f64::NAN,
        (true, 1) => f64::INFINITY,
        (true, 2) => f64::NEG_INFINITY,
        (true, 3) => 0.0,
        (true, 4..20) => -0.0,
        _ => number,
    };
    match dtype {
        DType::Bool => vec![(random % 2) as u8],
        DType::F16 => f16::from_f64(number).to_le_bytes().to_vec(),
        DType::BF16 => bf16::from_f64(number).to_le_bytes().to_vec(),
        DType::F32 => (number as f32).to_le_bytes().to_vec(),
        DType::F64 => number.to_le_bytes().to_vec(),
        _ => random.to_le_bytes()[..dtype.size()].to_vec(),
    }
}

const DTYPES: [DType; 7] =
    [DType::I32, DType::I64, DType::F32, DType::F64, DType::Bool, DType::U8, DType::F16];

#[test]
fn every_fold_of_any_length_gives_bits_of_reference() {
    let backend = CpuBackend::new();
    for fold in FOLDS {
        for dtype in DTYPES {
            for n in [1, 2, 3, 15, 16, 17, 100, 128, 129, 255, 256, 257, 4095, 4096, 4097, 20_000] {
                if n > 300 && !matches!(dtype, DType::F32 | DType::I64 | DType::F16) {
                    continue;
                }
                let mut case = Case::new(fold, dtype, &[n], 0, 1);
                case.special = n % 2 == 1 && n < 300;
                case.check(&backend);
                case.scan = n < 300 || matches!(fold, Fold::Op(_));
                if case.scan {
                    case.check(&backend);
                }
            }
        }
    }
}

#[test]
fn extremes_of_narrow_elements_give_bits_of_reference() {
    let backend = CpuBackend::new();
    for op in [Op::Maximum, Op::Minimum] {
        for dtype in [DType::U8, DType::I8, DType::I16, DType::F16, DType::BF16] {
            for n in [1, 2, 255, 256, 257, 4095, 4096, 4097, 20_000] {
                let mut case = Case::new(Fold::Op(op), dtype, &[n], 0, 1);
                for special in [false, true] {
                    case.special = special;
                    case.check(&backend);
                }
                // Apart, all the same, and of another dtype than what is loaded.
                case.strides = Some(vec![3]);
                case.check(&backend);
                case.strides = Some(vec![0]);
                case.check(&backend);
                case.strides = None;
                case.dtypes = [DType::I32, dtype, dtype];
                case.check(&backend);
            }
        }
    }
}

#[test]
fn every_fold_along_rows_gives_bits_of_reference() {
    let backend = CpuBackend::new();
    for fold in FOLDS {
        for dtype in DTYPES {
            for (lead, n, trail) in [
                (3, 5, 1),
                (700, 2, 1),
                (40, 17, 1),
                (70, 4, 1),
                (2000, 7, 1),
                (130, 8, 1),
                (9, 16, 1),
                (33, 31, 1),
                (100, 32, 1),
                (33, 33, 1),
                (40, 64, 1),
                (9, 200, 1),
                (7, 256, 1),
                (5, 257, 1),
                (1, 1, 5),
                (1, 15, 3),
                (2, 16, 7),
                (3, 17, 40),
                (60, 3, 4),
                (2, 33, 129),
                (1, 300, 2),
                (1, 3, 3000),
            ] {
                let mut case = Case::new(fold, dtype, &[lead, n, trail], 1, 1);
                if trail == 1 {
                    case.shape.pop();
                } else if lead == 1 {
                    case.shape.remove(0);
                    case.lead = 0;
                }
                case.special = n % 2 == 1;
                case.check(&backend);
                case.scan = true;
                case.check(&backend);
            }
        }
    }
}

#[test]
fn sum_of_many_blocks_gives_bits_of_reference() {
    let backend = CpuBackend::new();
    let add = Fold::Op(Op::Add);
    for (shape, lead) in [
        (vec![70_001], 0),
        (vec![2, 33_000], 1),
        (vec![9, 8193], 1),
        (vec![9000, 7], 0),
        (vec![2, 600, 70], 1),
        (vec![40, 5000], 0),
    ] {
        for fold in [add, Fold::ArgMax] {
            let mut case = Case::new(fold, DType::F32, &shape, lead, 1);
            case.check(&backend);
            case.scan = fold == add;
            case.check(&backend);
        }
    }
}

#[test]
fn halves_widened_for_the_fold_round_once() {
    let backend = CpuBackend::new();
    for dtype in [DType::F16, DType::BF16] {
        for fold in FOLDS {
            for (shape, lead) in [(vec![3000], 0), (vec![20, 37], 1), (vec![37, 20], 0)] {
                let mut case = Case::new(fold, dtype, &shape, lead, 1);
                case.dtypes = [dtype, DType::F32, dtype];
                case.check(&backend);
                case.scan = true;
                case.check(&backend);
            }
        }
    }
}

#[test]
fn results_are_cast_to_the_dtype_of_their_operand() {
    let backend = CpuBackend::new();
    for from in DType::ALL {
        for to in DType::ALL {
            for shape in [vec![30, 7], vec![7, 30]] {
                let mut case = Case::new(Fold::Op(Op::Add), from, &shape, 0, 1);
                case.dtypes[2] = to;
                case.special = true;
                case.check(&backend);
                case.fold = Fold::ArgMin;
                case.lead = 1;
                case.check(&backend);
            }
        }
    }
}

#[test]
fn operands_of_any_strides_fold_alike() {
    let backend = CpuBackend::new();
    for (lead, reduced) in [(0, 1), (1, 1), (0, 2), (1, 2), (2, 1), (0, 3)] {
        for strides in [[1, 30, 1200], [0, 1, 41], [1, 31, 0], [0, 0, 0], [2400, 60, 2]] {
            for fold in [Fold::Op(Op::Add), Fold::Op(Op::Maximum), Fold::ArgMin] {
                let mut case = Case::new(fold, DType::F32, &[30, 40, 23], lead, reduced);
                case.strides = Some(strides.to_vec());
                case.check(&backend);
                case.scan = reduced == 1;
                case.check(&backend);
            }
        }
    }
}

#[test]
fn values_that_are_stored_too_fold_as_they_are_stored() {
    let backend = CpuBackend::new();
    for (shape, lead, reduced) in [(vec![60, 70], 1, 1), (vec![60, 70], 0, 1), (vec![5000], 0, 1)] {
        for dtype in [DType::F32, DType::F16, DType::U8] {
            let case = Case::new(Fold::Op(Op::Add), dtype, &shape, lead, reduced);
            let mut kernel = Builder::new(&shape);
            let strides = row_major(&shape);
            let x = kernel.view(0, dtype, 0, &strides);
            let square = kernel.view(2, dtype, 0, &strides);
            let v = kernel.load(x);
            let squared = kernel.node(dtype, Expr::Binary(Op::Mul, [v, v]));
            let twice = kernel.node(dtype, Expr::Binary(Op::Add, [squared, v]));
            // In place, and elsewhere.
            kernel.store(x, twice);
            kernel.store(square, squared);
            end(&mut kernel, &case, squared, 1, dtype);
            let len: usize = shape.iter().product();
            let launch = |mut launch: Launch| {
                for _ in 0..3 {
                    let bytes: Vec<u8> = (0..=len).flat_map(|i| element(dtype, i, false)).collect();
                    let buffer = backend.allocate(bytes.len()).unwrap();
                    backend.write(&buffer, 0, &bytes).unwrap();
                    launch.buffers.push(buffer);
                }
                launch
            };
            let [ours, theirs] = [launch(kernel.launch.clone()), launch(kernel.launch.clone())];
            compare(&backend, &ours, &theirs, &case);
        }
    }
}

#[test]
fn sums_of_one_operation_and_of_squared_differences_give_bits_of_reference() {
    let backend = CpuBackend::new();
    let shapes = [[1, 1], [7, 5], [40, 70], [3, 256], [5, 1000], [2, 9000], [1, 40_000]];
    let ops = [Op::Add, Op::Sub, Op::Mul, Op::Div];
    for ([rows, len], op, dtype) in shapes
        .iter()
        .flat_map(|shape| ops.map(|op| (*shape, op)))
        .flat_map(|(shape, op)| [DType::F32, DType::F64].map(|dtype| (shape, op, dtype)))
    {
        // As the first operand; one element a row; one row for all; one element.
        for strides in [[len, 1], [1, 0], [0, 1], [0, 0]] {
            for (is_swapped, is_squared) in
                [(false, false), (true, false), (false, true), (true, true)]
            {
                let case = Case::new(Fold::Op(Op::Add), dtype, &[rows, len], 1, 1);
                let mut kernel = Builder::new(&[rows, len]);
                let a = kernel.view(0, dtype, 0, &[len, 1]);
                let b = kernel.view(1, dtype, 0, &strides);
                let (a, b) = (kernel.load(a), kernel.load(b));
                let arguments = if is_swapped { [b, a] } else { [a, b] };
                let mut value = kernel.node(dtype, Expr::Binary(op, arguments));
                if is_squared {
                    value = kernel.node(dtype, Expr::Binary(Op::Mul, [value, value]));
                }
                end(&mut kernel, &case, value, 2, dtype);
                let launch = |mut launch: Launch| {
                    for elements in [rows * len, rows * len, rows + 1] {
                        let bytes: Vec<u8> =
                            (0..elements).flat_map(|i| element(dtype, i, false)).collect();
                        let buffer = backend.allocate(bytes.len()).unwrap();
                        backend.write(&buffer, 0, &bytes).unwrap();
                        launch.buffers.push(buffer);
                    }
                    launch
                };
                let [ours, theirs] = [launch(kernel.launch.clone()), launch(kernel.launch.clone())];
                compare(&backend, &ours, &theirs, (&case, op, strides, is_swapped, is_squared));
            }
        }
    }
}

#[test]
fn folds_of_rows_that_lie_apart_give_bits_of_reference() {
    let backend = CpuBackend::new();
    for inner in [7, 8, 30, 128, 200] {
        let shape = [3, 4, inner];
        let apart = vec![4 * (inner + 3) + 5, inner + 3, 1];
        let others = [vec![0, 1, 0], vec![0, 0, 1], vec![1, 0, 0], apart.clone()];
        for (lead, reduced) in [(2, 1), (1, 2), (0, 3), (1, 1), (0, 1)] {
            for (other, op) in others.iter().zip([Op::Mul, Op::Sub, Op::Add, Op::Maximum]) {
                for fold in [Fold::Op(Op::Add), Fold::Op(Op::Maximum), Fold::ArgMax] {
                    let dtype = DType::F32;
                    let case = Case::new(fold, dtype, &shape, lead, reduced);
                    let mut kernel = Builder::new(&shape);
                    let a = kernel.view(0, dtype, 0, &apart);
                    let b = kernel.view(1, dtype, 0, other);
                    let (a, b) = (kernel.load(a), kernel.load(b));
                    let value = kernel.node(dtype, Expr::Binary(op, [a, b]));
                    end(&mut kernel, &case, value, 2, case.dtypes[2]);
                    let launch = |mut launch: Launch| {
                        for _ in 0..3 {
                            let bytes: Vec<u8> =
                                (0..5000).flat_map(|i| element(dtype, i, false)).collect();
                            let buffer = backend.allocate(bytes.len()).unwrap();
                            backend.write(&buffer, 0, &bytes).unwrap();
                            launch.buffers.push(buffer);
                        }
                        launch
                    };
                    let ours = launch(kernel.launch.clone());
                    let theirs = launch(kernel.launch.clone());
                    compare(&backend, &ours, &theirs, (&case, op, other));
                }
            }
        }
    }
}

#[test]
fn scan_in_place_reads_before_it_writes() {
    let backend = CpuBackend::new();
    for (shape, lead) in [(vec![50, 90], 1), (vec![90, 50], 0)] {
        let mut kernel = Builder::new(&shape);
        let x = kernel.view(0, DType::F32, 0, &row_major(&shape));
        let v = kernel.load(x);
        kernel.launch.kernel.args.scalars.push(0);
        kernel.launch.kernel.code.reduce = Some(Reduce {
            fold: Fold::Op(Op::Add),
            value: v,
            operand: x,
            identity: 0,
            lead,
            reduced: 1,
            scan: true,
        });
        let launch = || {
            let mut launch = kernel.launch.clone();
            let bytes: Vec<u8> = (0..4500).flat_map(|i| element(DType::F32, i, false)).collect();
            let buffer = backend.allocate(bytes.len()).unwrap();
            backend.write(&buffer, 0, &bytes).unwrap();
            launch.buffers.push(buffer);
            launch
        };
        compare(&backend, &launch(), &launch(), shape);
    }
}

#[test]
fn number_of_threads_changes_no_bit() {
    let backend = CpuBackend::new();
    let (one, four) = (threads::build(1).unwrap(), threads::build(4).unwrap());
    for (shape, lead) in [
        (vec![300_007], 0),
        (vec![3, 50_000], 1),
        (vec![60, 2000], 1),
        (vec![20_000, 5], 0),
        (vec![600, 300], 0),
        (vec![3, 1000, 40], 1),
    ] {
        for fold in FOLDS {
            for scan in [false, true] {
                let mut case = Case::new(fold, DType::F32, &shape, lead, 1);
                case.scan = scan;
                let [a, b] = case.launches(&backend);
                one.install(|| backend.run(std::slice::from_ref(&a))).unwrap();
                four.install(|| backend.run(std::slice::from_ref(&b))).unwrap();
                assert_eq!(difference(&backend, &a, &b), None, "{case:?}");
            }
        }
    }
}

#[test]
fn sum_of_negative_zeros_is_positive_zero() {
    let backend = CpuBackend::new();
    for shape in [vec![1], vec![5], vec![3, 5]] {
        let case = Case::new(Fold::Op(Op::Add), DType::F32, &shape, 0, 1);
        let [launch, _] = case.launches(&backend);
        let zeros = (-0.0_f32).to_le_bytes().repeat(launch.buffers[0].bytes() / 4);
        backend.write(&launch.buffers[0], 0, &zeros).unwrap();
        backend.run(std::slice::from_ref(&launch)).unwrap();
        let mut result = [1; 4];
        backend.read(&launch.buffers[1], 4, &mut result).unwrap();
        assert_eq!(f32::from_le_bytes(result).to_bits(), 0, "{shape:?}");
    }
}
