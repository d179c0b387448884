//! Launches that run together leave what they leave one after the other.

use half::f16;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use smallvec::SmallVec;

use super::super::CpuBackend;
use super::super::tests::{Builder, buffer, row_major};
use super::groups;
use crate::backend::{Backend, Buffer, Launch};
use crate::dtype::DType;
use crate::kernel::{Expr, Fold, Reduce, Value};
use crate::ops::Op;

const ROWS: usize = 40;
const COLUMNS: usize = 24;
/// Elements of each buffer: the matrix and two rows more.
const ELEMENTS: usize = (ROWS + 2) * COLUMNS;

/// Columns of what an outer fold of a row gives.
const FOLDS: usize = 6;

/// The number at a place of a buffer.
fn number(buffer: usize, i: usize) -> f32 {
    ((i * 37 + buffer * 101) % 251) as f32 - 100.5
}

/// Buffers of float32.
fn buffers(backend: &CpuBackend, count: usize) -> Vec<Buffer> {
    let numbers = |b: usize| (0..ELEMENTS).map(|i| number(b, i)).collect::<Vec<f32>>();
    (0..count).map(|b| buffer(backend, &numbers(b))).collect()
}

/// Four buffers, the last of which is of float16.
fn mixed_buffers(backend: &CpuBackend) -> Vec<Buffer> {
    let halves: Vec<f16> = (0..ELEMENTS).map(|i| f16::from_f32(number(3, i))).collect();
    let mut all = buffers(backend, 3);
    all.push(buffer(backend, &halves));
    all
}

/// What the elements of a buffer are.
fn dtype_of(buffer: &Buffer) -> DType {
    if buffer.bytes() == ELEMENTS * 2 { DType::F16 } else { DType::F32 }
}

/// Where a kernel reads or writes: a buffer, the first element, and strides over the matrix.
type Place = (usize, usize, [usize; 2]);

/// What a kernel does with the sum of what it reads and the index of the point.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Store,
    /// Stores it, with a random number in place of the index.
    Random,
    /// Over all points in one dimension.
    Flat,
    Fold(Op),
    /// Of a row of [`FOLDS`] columns.
    Outer(Op),
    Scan,
    ArgMax,
}

/// The value in a dtype that may be its own.
fn cast(k: &mut Builder, value: Value, dtype: DType) -> Value {
    let is_so = k.launch.kernel.code.nodes[usize::from(value)].dtype == dtype;
    if is_so { value } else { k.node(dtype, Expr::Cast(value)) }
}

fn launch(all: &[Buffer], kind: Kind, from: &[Place], to: Place) -> Launch {
    let mut k = match kind {
        Kind::Flat => Builder::new(&[ROWS * COLUMNS]),
        Kind::Outer(_) => Builder::new(&[ROWS, COLUMNS / FOLDS, FOLDS]),
        _ => Builder::new(&[ROWS, COLUMNS]),
    };
    let mut numbers: Vec<usize> = Vec::new();
    let mut view = |k: &mut Builder, (buffer, offset, strides): Place, folded: bool| {
        let [row, column] = strides;
        let strides: &[usize] = match kind {
            Kind::Flat => &[column],
            Kind::Outer(_) if folded => &[row, 0, 1],
            Kind::Outer(_) => &[row, column * FOLDS, column],
            _ => &[row, column],
        };
        let known = numbers.iter().position(|&number| number == buffer);
        let number = known.map_or_else(
            || {
                numbers.push(buffer);
                k.buffer(&all[buffer])
            },
            |known| known as u8,
        );
        k.view(number, dtype_of(&all[buffer]), offset, strides)
    };
    let operands: SmallVec<[u8; 4]> =
        from.iter().map(|&place| view(&mut k, place, false)).collect();
    let dtype = dtype_of(&all[to.0]);
    let to = view(&mut k, to, true);
    let start = if kind == Kind::Random {
        k.launch.kernel.args.scalars.extend([5, 3]);
        Expr::Random { word: 1, words: 3, scalar: 0 }
    } else {
        Expr::Index
    };
    let start = k.node(DType::I32, start);
    let mut value = k.node(DType::F32, Expr::Cast(start));
    for operand in operands {
        let loaded = k.load(operand);
        let loaded = cast(&mut k, loaded, DType::F32);
        value = k.node(DType::F32, Expr::Binary(Op::Add, [value, loaded]));
    }
    let fold = |k: &mut Builder, op: Op, scan: bool| {
        let identity = if op == Op::Maximum { f32::NEG_INFINITY } else { 0.0 };
        k.scalar(DType::F32, identity.to_bits().into());
        let (fold, lead, reduced, identity) = (Fold::Op(op), 1, 1, 0);
        let reduce = Reduce { fold, value, operand: to, identity, lead, reduced, scan };
        k.launch.kernel.code.reduce = Some(reduce);
    };
    match kind {
        Kind::Store | Kind::Flat | Kind::Random => {
            let value = cast(&mut k, value, dtype);
            k.store(to, value);
        }
        Kind::Fold(op) | Kind::Outer(op) => fold(&mut k, op, false),
        Kind::Scan => fold(&mut k, Op::Add, true),
        Kind::ArgMax => {
            fold(&mut k, Op::Maximum, false);
            let reduce = k.launch.kernel.code.reduce.as_mut();
            reduce.expect("a fold").fold = Fold::ArgMax;
        }
    }
    k.launch
}

/// A place in rows of the matrix, perhaps some elements further on, or one element a row.
fn place(rng: &mut StdRng, buffer: usize) -> Place {
    let strides = [[COLUMNS, 1], [COLUMNS, 0], [COLUMNS + 1, 1], [1, ROWS]];
    let strides = strides[[0, 0, 0, 1, 2, 3][rng.random_range(0..6)]];
    let offsets = [0, 0, 0, 3, COLUMNS, 2 * COLUMNS - 1];
    let end = strides[0] * (ROWS - 1) + strides[1] * (COLUMNS - 1);
    let offset = offsets[rng.random_range(0..offsets.len())];
    (buffer, offset.min(ELEMENTS - 1 - end), strides)
}

fn random_launch(rng: &mut StdRng, all: &[Buffer]) -> Launch {
    let to = rng.random_range(0..all.len());
    let mut from: Vec<Place> = Vec::new();
    for _ in 0..rng.random_range(1..3) {
        let buffer = rng.random_range(0..all.len());
        if buffer != to {
            from.push(place(rng, buffer));
        }
    }
    let kinds = [
        Kind::Store,
        Kind::Store,
        Kind::Flat,
        Kind::Fold(Op::Add),
        Kind::Fold(Op::Maximum),
        Kind::Outer(Op::Add),
        Kind::Outer(Op::Maximum),
        Kind::Scan,
        Kind::ArgMax,
        Kind::Random,
    ];
    let kind = kinds[rng.random_range(0..kinds.len())];
    let offset = [0, 0, COLUMNS][rng.random_range(0..3)];
    let strides = match kind {
        Kind::Fold(_) | Kind::ArgMax => [1, 0],
        Kind::Outer(_) => [FOLDS, 0],
        _ => [COLUMNS, 1],
    };
    let to = (to, offset, strides);
    if kind == Kind::Flat {
        from.iter_mut().for_each(|(_, offset, strides)| {
            (*offset, *strides) = ((*offset).min(2 * COLUMNS), [COLUMNS, 1]);
        });
    }
    let mut launch = launch(all, kind, &from, to);
    launch.kernel.args.base = [0, 1000][rng.random_range(0..2)];
    launch
}

fn bits(backend: &CpuBackend, all: &[Buffer]) -> Vec<u8> {
    let read = |buffer: &Buffer| {
        let mut bytes = vec![0; buffer.bytes()];
        backend.read(buffer, 0, &mut bytes).unwrap();
        bytes
    };
    all.iter().flat_map(read).collect()
}

#[test]
fn launches_together_leave_the_bits_of_one_after_the_other() {
    let backend = CpuBackend::new();
    // Of those that ran together: all, those that fold outwards, draw, and touch float16.
    let mut joined = [0; 4];
    for seed in 0..400 {
        let run = |together: bool| {
            let mut rng = StdRng::seed_from_u64(seed);
            let all = mixed_buffers(&backend);
            let launches: Vec<Launch> = (0..6).map(|_| random_launch(&mut rng, &all)).collect();
            if together {
                backend.run(&launches).unwrap();
            } else {
                launches.iter().for_each(|one| backend.run(std::slice::from_ref(one)).unwrap());
            }
            (bits(&backend, &all), launches)
        };
        let ((one, launches), (other, _)) = (run(false), run(true));
        assert!(one == other, "seed {seed}");
        for launch in groups(&launches).filter(|group| group.len() > 1).flatten() {
            let code = &launch.kernel.code;
            let is_outer = code.reduce.is_some_and(|reduce| reduce.trail(code.rank) > 0);
            let draws = code.nodes.iter().any(|n| matches!(n.expr, Expr::Random { .. }));
            let is_half = code.operands.iter().any(|operand| operand.dtype == DType::F16);
            let is = [true, is_outer, draws, is_half];
            joined.iter_mut().zip(is).for_each(|(count, is)| *count += usize::from(is));
        }
    }
    let [all, others @ ..] = joined;
    assert!(all > 400 && others.iter().all(|&count| count > 40), "{joined:?} of 2400 launches");
}

#[test]
fn kernels_of_a_softmax_join() {
    let backend = CpuBackend::new();
    let all = buffers(&backend, 4);
    let (whole, row) = ([COLUMNS, 1], [1, 0]);
    let launches = [
        launch(&all, Kind::Fold(Op::Maximum), &[(0, 0, whole)], (1, 0, row)),
        launch(&all, Kind::Store, &[(0, 0, whole), (1, 0, row)], (2, 0, whole)),
        launch(&all, Kind::Fold(Op::Add), &[(2, 0, whole)], (3, 0, row)),
        launch(&all, Kind::Store, &[(2, 0, whole), (3, 0, row)], (0, 0, whole)),
    ];
    let lengths: Vec<usize> = groups(&launches).map(<[Launch]>::len).collect();
    assert_eq!(lengths, [4]);
}

#[test]
fn what_another_row_touches_keeps_launches_apart() {
    let backend = CpuBackend::new();
    let all = buffers(&backend, 3);
    let rows = [COLUMNS, 1];
    let apart = |first: Launch, second: Launch| {
        let launches = [first, second];
        assert_eq!(groups(&launches).count(), 2);
    };
    let store = |from: Place, to: Place| launch(&all, Kind::Store, &[from], to);
    // The second reads the row after, or overwrites the row before.
    apart(store((0, 0, rows), (1, 0, rows)), store((1, COLUMNS, rows), (2, 0, rows)));
    apart(store((0, 0, rows), (1, 0, rows)), store((2, 0, rows), (0, COLUMNS, rows)));
    // Both write, a row apart; the second reads one row everywhere.
    apart(store((0, 0, rows), (1, 0, rows)), store((0, 0, rows), (1, COLUMNS, rows)));
    apart(store((0, 0, rows), (1, 0, rows)), store((1, 0, [0, 1]), (2, 0, rows)));
    // Columns in place of rows, and one element for all.
    apart(store((0, 0, rows), (1, 0, rows)), store((1, 0, [1, ROWS]), (2, 0, rows)));
    apart(store((0, 0, rows), (1, 0, rows)), store((1, 0, [0, 0]), (2, 0, rows)));
    // One row everywhere does no harm where nobody stores.
    let launches = [store((0, 0, rows), (1, 0, rows)), store((0, 0, [0, 1]), (2, 0, rows))];
    assert_eq!(groups(&launches).count(), 1);
    // Nothing in common.
    apart(store((0, 0, rows), (0, 0, rows)), store((1, 0, rows), (2, 0, rows)));
}

#[test]
fn a_kernel_of_one_dimension_joins_rows_that_divide_it() {
    let backend = CpuBackend::new();
    let all = buffers(&backend, 2);
    let first = launch(&all, Kind::Store, &[(0, 0, [COLUMNS, 1])], (1, 0, [COLUMNS, 1]));
    let flat = |points: usize| {
        let mut k = Builder::new(&[points]);
        let from = k.buffer(&all[1]);
        let strides = row_major(&[points]);
        let (from, to) =
            (k.view(from, DType::F32, 0, &strides), k.view(from, DType::F32, 0, &strides));
        let value = k.load(from);
        let value = k.node(DType::F32, Expr::Unary(Op::Neg, value));
        k.store(to, value);
        k.launch
    };
    let count = |second: Launch| groups(&[first.clone(), second]).count();
    assert_eq!(count(flat(ROWS * COLUMNS)), 1);
    assert_eq!(count(flat(ROWS * COLUMNS - ROWS)), 2, "rows of another length");
    assert_eq!(count(flat(ROWS * COLUMNS - 1)), 2, "no rows");
}
