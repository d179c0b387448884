//! Launches that run together leave what they leave one after the other.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use smallvec::SmallVec;

use super::super::CpuBackend;
use super::super::tests::{Builder, row_major};
use super::groups;
use crate::backend::{Backend, Buffer, Launch};
use crate::dtype::{DType, Element};
use crate::kernel::{Expr, Fold, Reduce};
use crate::ops::Op;

const ROWS: usize = 40;
const COLUMNS: usize = 24;
/// Elements of each buffer: the matrix and two rows more.
const ELEMENTS: usize = (ROWS + 2) * COLUMNS;

/// Buffers of float32 whose contents follow from their numbers.
fn buffers(backend: &CpuBackend, count: usize) -> Vec<Buffer> {
    let numbers = |b: usize| (0..ELEMENTS).map(move |i| ((i * 37 + b * 101) % 251) as f32 - 100.5);
    let make = |b: usize| {
        let buffer = backend.allocate(ELEMENTS * 4).unwrap();
        let numbers: Vec<f32> = numbers(b).collect();
        backend.write(&buffer, 0, f32::as_bytes(&numbers).as_ref()).unwrap();
        buffer
    };
    (0..count).map(make).collect()
}

/// Where a kernel reads or writes: a buffer, the first element, and strides over the matrix.
type Place = (usize, usize, [usize; 2]);

/// What a kernel does with the sum of what it reads and the index of the point.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Store,
    /// Over all points in one dimension.
    Flat,
    Fold(Op),
    Scan,
    ArgMax,
}

fn launch(all: &[Buffer], kind: Kind, from: &[Place], to: Place) -> Launch {
    let flat = kind == Kind::Flat;
    let mut k = Builder::new(if flat { &[ROWS * COLUMNS] } else { &[ROWS, COLUMNS] });
    let mut numbers: Vec<usize> = Vec::new();
    let mut view = |k: &mut Builder, (buffer, offset, strides): Place| {
        let known = numbers.iter().position(|&number| number == buffer);
        let number = known.map_or_else(
            || {
                numbers.push(buffer);
                k.buffer(&all[buffer])
            },
            |known| known as u8,
        );
        k.view(number, DType::F32, offset, if flat { &strides[1..] } else { &strides })
    };
    let operands: SmallVec<[u8; 4]> = from.iter().map(|&place| view(&mut k, place)).collect();
    let to = view(&mut k, to);
    let index = k.node(DType::I32, Expr::Index);
    let mut value = k.node(DType::F32, Expr::Cast(index));
    for operand in operands {
        let loaded = k.load(operand);
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
        Kind::Store | Kind::Flat => k.store(to, value),
        Kind::Fold(op) => fold(&mut k, op, false),
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
        Kind::Scan,
        Kind::ArgMax,
    ];
    let kind = kinds[rng.random_range(0..kinds.len())];
    let offset = [0, 0, COLUMNS][rng.random_range(0..3)];
    let folds = matches!(kind, Kind::Fold(_) | Kind::ArgMax);
    let to = (to, offset, if folds { [1, 0] } else { [COLUMNS, 1] });
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
    let mut joined = 0;
    for seed in 0..400 {
        let run = |together: bool| {
            let mut rng = StdRng::seed_from_u64(seed);
            let all = buffers(&backend, 4);
            let launches: Vec<Launch> = (0..6).map(|_| random_launch(&mut rng, &all)).collect();
            if together {
                backend.run(&launches).unwrap();
            } else {
                launches.iter().for_each(|one| backend.run(std::slice::from_ref(one)).unwrap());
            }
            (bits(&backend, &all), groups(&launches).filter(|group| group.len() > 1).count())
        };
        let ((one, _), (other, several)) = (run(false), run(true));
        assert!(one == other, "seed {seed}");
        joined += several;
    }
    assert!(joined > 200, "{joined} groups of several launches in 400 programs");
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
