//! Tiles of several rows against the definition of what a kernel does.

use super::super::tests::{Builder, assert_as_reference, buffer, row_major};
use super::super::{CpuBackend, plan::ROW_LINKS};
use super::*;
use crate::backend::Buffer;
use crate::dtype::{DType, Element};
use crate::kernel::{Dims, Expr};
use crate::ops::Op;

#[test]
fn tiles_end_with_rows_unless_they_were_short() {
    let rows = [1, 63, 255, 256, 700, 1024, 2000, 2050, 5000];
    let tiles = rows.map(|len| part_of(len, 1024));
    let expected = [1024, 1024, 1020, 1024, 700, 1024, 1000, 410, 1000];
    assert_eq!(tiles, expected.map(|tile| (tile, None)));
    for (len, tile) in [(1025, (528, Some(2))), (1_000_003, (1024, Some(977)))] {
        assert_eq!(part_of(len, 1024), tile);
    }
}

/// Runs a kernel twice, on buffers of its own each time, and compares all of them.
fn check(make: impl Fn(&CpuBackend) -> Launch, what: &str) {
    let backend = CpuBackend::new();
    let [ours, theirs] = [make(&backend), make(&backend)];
    assert_as_reference(&backend, &ours, &theirs, what);
}

const SHAPES: [&[usize]; 15] = [
    &[5],
    &[64],
    &[300],
    &[40, 7],
    &[30, 8],
    &[3, 9],
    &[1, 64],
    &[4, 65],
    &[3, 150],
    &[2, 3, 16],
    &[5, 1, 12],
    &[3, 5, 40],
    &[2, 2, 2, 31],
    &[7, 130],
    &[3, 4, 2, 64],
];

/// Of elements that follow each other, of rows of a longer line, of a row that repeats, of a column, of every
/// second element, of one for all.
fn strides(shape: &[usize]) -> [Dims; 6] {
    let apart = |by: usize, inner: usize| {
        let mut wide = Dims::from_slice(shape);
        wide[shape.len() - 1] = by;
        let mut strides = row_major(&wide);
        strides[shape.len() - 1] = inner;
        strides
    };
    let inner = shape[shape.len() - 1];
    let mut row = Dims::from_elem(0, shape.len());
    row[shape.len() - 1] = 1;
    let none = Dims::from_elem(0, shape.len());
    [row_major(shape), apart(inner + 3, 1), row, apart(1, 0), apart(2 * inner, 2), none]
}

/// Elements, enough for any of the strides from a few on.
fn elements<T: Element>(backend: &CpuBackend, of: impl Fn(usize) -> T) -> Buffer {
    buffer(backend, &(0..4000).map(of).collect::<Vec<T>>())
}

#[test]
fn chains_of_rows_are_those_of_points() {
    for shape in SHAPES {
        for (i, first) in strides(shape).iter().enumerate() {
            for (j, second) in strides(shape).iter().enumerate() {
                for links in [1, 2, 3, ROW_LINKS + 1] {
                    let make = |backend: &CpuBackend| {
                        let [a, b] = [3, 7].map(|by| elements(backend, |k| (k * by % 251) as f32));
                        let out = elements(backend, |_| 0_f32);
                        let mut k = Builder::new(shape);
                        let [a, b, out] = [&a, &b, &out].map(|buffer| k.buffer(buffer));
                        let a = k.view(a, DType::F32, 1, first);
                        let b = k.view(b, DType::F32, 2, second);
                        let to = k.view(out, DType::F32, 16, &row_major(shape));
                        let [mut value, b] = [a, b].map(|operand| k.load(operand));
                        let half = k.scalar(DType::F32, 0.3_f32.to_bits().into());
                        for link in 0..links {
                            let other = if link == 1 { half } else { b };
                            let op = [Op::Add, Op::Mul, Op::Sub][link % 3];
                            value = k.node(DType::F32, Expr::Binary(op, [value, other]));
                        }
                        k.store(to, value);
                        k.launch
                    };
                    check(make, &format!("{shape:?} {i} {j} {links}"));
                }
            }
        }
    }
}

#[test]
fn steps_on_several_rows_are_those_on_points() {
    for shape in SHAPES {
        for (i, first) in strides(shape).iter().enumerate() {
            for (j, second) in strides(shape).iter().enumerate() {
                let make = |backend: &CpuBackend| {
                    let [a, b] = [3, 7].map(|by| elements(backend, |k| (k * by % 251) as i32));
                    let out = elements(backend, |_| 0_i32);
                    let mut k = Builder::new(shape);
                    let [a, b, out] = [&a, &b, &out].map(|buffer| k.buffer(buffer));
                    let a = k.view(a, DType::I32, 1, first);
                    let b = k.view(b, DType::I32, 2, second);
                    let to = k.view(out, DType::I32, 16, &row_major(shape));
                    let [a, b] = [a, b].map(|operand| k.load(operand));
                    let is_less = k.node(DType::Bool, Expr::Binary(Op::Lt, [a, b]));
                    let sum = k.node(DType::I32, Expr::Binary(Op::Add, [a, b]));
                    let value = k.node(DType::I32, Expr::Select([is_less, sum, b]));
                    k.store(to, value);
                    k.launch
                };
                check(make, &format!("{shape:?} {i} {j}"));
            }
        }
    }
}

fn copies<T: Element>(of: fn(usize) -> T) {
    for shape in SHAPES {
        for (i, from) in strides(shape).iter().enumerate() {
            for (j, to) in strides(shape).iter().enumerate() {
                let repeats = shape.iter().zip(to).any(|(&size, &stride)| size > 1 && stride == 0);
                if repeats {
                    continue;
                }
                // To one place, to two, and added to beside.
                for stores in 1..=3 {
                    let make = |backend: &CpuBackend| {
                        let a = elements(backend, of);
                        let outs = [(); 3].map(|()| elements(backend, |_| of(0)));
                        let mut k = Builder::new(shape);
                        let a = k.buffer(&a);
                        let a = k.view(a, T::DTYPE, 1, from);
                        let a = k.load(a);
                        for (store, out) in outs[..stores].iter().enumerate() {
                            let out = k.buffer(out);
                            let out = k.view(out, T::DTYPE, 5, to);
                            let sum = (store == 2)
                                .then(|| k.node(T::DTYPE, Expr::Binary(Op::Add, [a, a])));
                            k.store(out, sum.unwrap_or(a));
                        }
                        k.launch
                    };
                    check(make, &format!("{:?} {shape:?} {i} {j} {stores}", T::DTYPE));
                }
            }
        }
    }
}

#[test]
fn copies_between_strided_operands_go_where_they_belong() {
    copies(|i| (i * 7 % 251) as u8);
    copies(|i| half::f16::from_f32((i % 1000) as f32));
    copies(|i| i as i32);
    copies(|i| i as f64);
}

#[test]
fn places_that_fall_with_the_index_are_fetched_as_the_reference_has_it() {
    fn launch<T: Element>(
        backend: &CpuBackend,
        (shape, strides): (&[usize], &[usize]),
        (int, step): (DType, Option<i64>),
        is_computed: bool,
    ) -> Launch {
        let points: usize = shape.iter().product();
        let ends = shape.iter().zip(strides).map(|(size, stride)| (size - 1) * stride);
        let reach = points * step.map_or(1, |step| step.unsigned_abs() as usize) + 9;
        let len = 2 * reach + ends.sum::<usize>();
        let source: Vec<u8> = (0..len * size_of::<T>()).map(|i| (i * 7 % 61) as u8).collect();
        let (source, out) = (buffer(backend, &source), buffer(backend, &vec![0_u8; points * 8]));
        let mut k = Builder::new(shape);
        let [from, to] = [&source, &out].map(|b| k.buffer(b));
        let from = k.view(from, T::DTYPE, reach, strides);
        let to = k.view(to, T::DTYPE, 0, &row_major(shape));
        let mut way = k.node(int, Expr::Index);
        if let Some(step) = step {
            let step = k.scalar(int, step as u64);
            way = k.node(int, Expr::Binary(Op::Mul, [way, step]));
        }
        let last = k.scalar(int, 5);
        let at = k.node(int, Expr::Binary(Op::Sub, [last, way]));
        let mut value = k.node(T::DTYPE, Expr::Fetch { operand: from, at });
        if is_computed {
            value = k.node(T::DTYPE, Expr::Binary(Op::Add, [value, value]));
        }
        k.store(to, value);
        k.launch
    }
    fn check_all<T: Element>() {
        for shape in [&[1][..], &[2], &[3000], &[5, 40], &[3, 4, 33]] {
            let mut apart = row_major(shape).to_vec();
            apart.iter_mut().for_each(|stride| *stride *= 2);
            for strides in [vec![0; shape.len()], row_major(shape).to_vec(), apart] {
                for step in [None, Some(1), Some(2), Some(-1), Some(0), Some(3)] {
                    for int in [DType::I32, DType::I64] {
                        for is_computed in [false, true] {
                            let what = format!("{shape:?} {strides:?} {step:?} {int:?}");
                            let place = (shape, &strides[..]);
                            check(
                                |backend| launch::<T>(backend, place, (int, step), is_computed),
                                &what,
                            );
                        }
                    }
                }
            }
        }
    }
    check_all::<f32>();
    check_all::<f64>();
    check_all::<u8>();
    check_all::<half::f16>();
}
