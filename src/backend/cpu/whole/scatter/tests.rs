//! Rows and single elements against the specification, at several numbers of threads.

use half::f16;

use super::super::super::tests::Builder;
use super::super::super::{CpuBackend, threads};
use super::rows::SHORT;
use crate::backend::Backend;
use crate::dtype::{DType, Element};
use crate::kernel::Whole;
use crate::ops::Op;

/// Of the target before the first element that an address of 0 names.
const BEFORE: usize = 3;

struct Case {
    rows: usize,
    len: usize,
    /// From one row of the sources to the next, and from one source to the next.
    strides: [usize; 2],
}

fn cases() -> impl Iterator<Item = Case> {
    let lens = [1, SHORT - 1, SHORT, 100, 1023, 2500];
    lens.into_iter().flat_map(|len| {
        let rows = 1 + 3000 / len;
        let strides = [[len, 1], [1, rows], [0, 1], [1, 0], [0, 0], [2 * len, 2]];
        strides.map(|strides| Case { rows, len, strides })
    })
}

fn noise(i: usize) -> usize {
    let x = (i as u32).wrapping_mul(0x9e37_79b9) ^ 0x5bd1_e995;
    let x = (x ^ x >> 15).wrapping_mul(0x85eb_ca6b);
    (x ^ x >> 13) as usize
}

impl Case {
    /// One address for each row; rows meet, also in parts, and some are left out.
    fn addresses(&self) -> Vec<i64> {
        let address =
            |row| if row % 7 == 5 { -1 } else { (noise(row) % (2 * self.len + 9)) as i64 };
        (0..self.rows).map(address).collect()
    }

    fn target<T>(&self, value: impl Fn(usize) -> T) -> Vec<T> {
        (0..BEFORE + 3 * self.len + 20).map(value).collect()
    }

    fn sources<T>(&self, value: impl Fn(usize) -> T) -> Vec<T> {
        (0..2 * self.rows * self.len).map(|i| value(noise(i))).collect()
    }

    /// What becomes of the target, and the code of the check if that failed.
    fn run<T: Element>(
        &self,
        fold: Option<Op>,
        addresses: (&[i64], bool),
        sources: &[T],
        target: &[T],
        count: usize,
    ) -> (Vec<u8>, Option<u32>) {
        let strides = [[1, 0], self.strides, [0, 1]];
        scatter(fold, [self.rows, self.len], strides, addresses, sources, target, count)
    }
}

/// What becomes of the target of a scatter over points with these strides of addresses, sources and target, on
/// so many threads, or if 0 on that of the test and those that it asks.
fn scatter<T: Element, const RANK: usize>(
    fold: Option<Op>,
    shape: [usize; RANK],
    strides: [[usize; RANK]; 3],
    (addresses, narrow): (&[i64], bool),
    sources: &[T],
    target: &[T],
    count: usize,
) -> (Vec<u8>, Option<u32>) {
    let backend = CpuBackend::new();
    let upload = |bytes: &[u8]| {
        let buffer = backend.allocate(bytes.len()).unwrap();
        backend.write(&buffer, 0, bytes).unwrap();
        buffer
    };
    let short: Vec<i32> = addresses.iter().map(|&address| address as i32).collect();
    let (dtype, bytes): (_, &[u8]) = match narrow {
        true => (DType::I32, bytemuck::cast_slice(&short)),
        false => (DType::I64, bytemuck::cast_slice(addresses)),
    };
    let buffers = [bytes, T::as_bytes(sources), T::as_bytes(target)].map(upload);
    let mut builder = Builder::new(&shape);
    let [at, from, to] = [0, 1, 2].map(|i| builder.buffer(&buffers[i]));
    builder.view(at, dtype, 0, &strides[0]);
    builder.view(from, T::DTYPE, 0, &strides[1]);
    builder.view(to, T::DTYPE, BEFORE, &strides[2]);
    builder.launch.kernel.code.whole = Some(Whole::Scatter { fold });
    builder.launch.kernel.args.check = 9;
    let launches = [builder.launch];
    match count {
        0 => backend.run(&launches).unwrap(),
        _ => threads::build(count).unwrap().install(|| backend.run(&launches)).unwrap(),
    }
    let mut bytes = vec![0; buffers[2].bytes()];
    let failed = backend.wait().unwrap();
    backend.read(&buffers[2], 0, &mut bytes).unwrap();
    (bytes, failed)
}

/// Compares a scatter at several numbers of threads, with addresses of both widths, with what its points do one
/// after the other.
fn compare<T: Element, const RANK: usize>(
    (fold, write): (Option<Op>, impl Fn(T, T) -> T),
    shape: [usize; RANK],
    strides: [[usize; RANK]; 3],
    (addresses, sources, target): (&[i64], &[T], &[T]),
) {
    let mut expected = target.to_vec();
    for point in 0..shape.iter().product() {
        let mut rest = point;
        let mut places = [0; 3];
        for d in (0..RANK).rev() {
            places
                .iter_mut()
                .zip(strides)
                .for_each(|(at, strides)| *at += rest % shape[d] * strides[d]);
            rest /= shape[d];
        }
        let [at, from, to] = places;
        if addresses[at] >= 0 {
            let into = &mut expected[BEFORE + to + addresses[at] as usize];
            *into = write(*into, sources[from]);
        }
    }
    for (count, narrow) in [(0, false), (1, false), (1, true), (2, true), (3, false), (7, true)] {
        let addresses = (addresses, narrow);
        let (got, failed) = scatter(fold, shape, strides, addresses, sources, target, count);
        let what = format!("{:?} {strides:?} {shape:?} {fold:?} {count}", T::DTYPE);
        assert!(failed.is_none() && got == T::as_bytes(&expected), "{what}");
    }
}

fn check<T: Element>(fold: Option<Op>, value: impl Fn(usize) -> T, write: impl Fn(T, T) -> T) {
    for case in cases() {
        let (addresses, strides) = (case.addresses(), [[1, 0], case.strides, [0, 1]]);
        let (sources, target) = (case.sources(&value), case.target(&value));
        let operands = (&addresses[..], &sources[..], &target[..]);
        compare((fold, &write), [case.rows, case.len], strides, operands);
    }
}

#[test]
fn rows_of_any_length_are_written_in_order() {
    check(None, |i| i as u8, |_, source| source);
    check(None, |i| i as u16 as f32, |_, source| source);
    check(None, |i| i as i64, |_, source| source);
}

#[test]
fn rows_of_any_length_are_folded_in_order() {
    let wild = |i: usize| (i as i32 as f32) * 10_f32.powi(i as i32 % 9 - 4);
    check(Some(Op::Add), wild, |a, b| a + b);
    check(Some(Op::Add), |i| f64::from(wild(i)), |a, b| a + b);
    check(Some(Op::Add), |i| i as i64, i64::wrapping_add);
    check(Some(Op::Add), |i| i as i8, i8::wrapping_add);
    check(Some(Op::Add), |i| i % 5 == 0, |a, b| a || b);
    let half = |v: f32| f16::from_f32(v);
    check(Some(Op::Add), |i| half((i % 999) as f32 / 7.0), |a, b| half(a.to_f32() + b.to_f32()));
}

#[test]
fn row_of_wrong_address_is_reported_and_nothing_written() {
    for case in cases() {
        let mut addresses = case.addresses();
        addresses[case.rows / 2] = -2;
        let (sources, target) = (case.sources(|i| i as f32), case.target(|i| i as f32));
        for count in [1, 3] {
            let (got, failed) = case.run(None, (&addresses, false), &sources, &target, count);
            assert_eq!(failed, Some(9), "{} {}", case.rows, case.len);
            assert!(got == f32::as_bytes(&target), "{} {}", case.rows, case.len);
        }
    }
}

/// How far the addresses of a row of points go.
#[derive(Clone, Copy, Debug)]
enum Spread {
    /// Among the elements of a row of the target, as those of an index along rows do.
    Row,
    /// Anywhere in the target.
    All,
    /// Each to the next element, as those of a compaction do.
    Next,
}

fn check_points<T: Element>(
    fold: Option<Op>,
    value: impl Fn(usize) -> T,
    write: impl Fn(T, T) -> T,
) {
    for (shape @ [rows, len], spread) in [
        ([1, 1], Spread::All),
        ([1, 5000], Spread::All),
        ([1, 5000], Spread::Next),
        ([300, 17], Spread::Row),
        ([40, 130], Spread::Row),
        ([40, 130], Spread::All),
        ([3, 1500], Spread::Row),
    ] {
        let pitch = len + 5;
        for (column, sources_strides) in
            [(0, [len, 1]), (1, [0, 0]), (2, [1, rows]), (0, [0, 0]), (0, [2 * len, 2])]
        {
            let mut named = 0;
            let mut address = |i: usize| {
                let place = match spread {
                    _ if noise(i) % 5 == 3 => return -1,
                    Spread::Row => noise(i) % pitch,
                    Spread::All => noise(i) % (rows * pitch),
                    Spread::Next => named,
                };
                named += 1;
                place as i64
            };
            let addresses: Vec<i64> = (0..rows * len).map(&mut address).collect();
            let sources: Vec<T> = (0..2 * rows * len).map(|i| value(noise(i))).collect();
            let target: Vec<T> = (0..BEFORE + 2 * rows * pitch + 2 * len).map(&value).collect();
            let strides = [[len, 1], sources_strides, [pitch, column]];
            compare((fold, &write), shape, strides, (&addresses, &sources, &target));
        }
    }
}

#[test]
fn points_are_written_in_order_wherever_they_go() {
    check_points(None, |i| i as u8, |_, source| source);
    check_points(None, |i| i as i16, |_, source| source);
    check_points(None, |i| i as u16 as f32, |_, source| source);
    check_points(None, |i| i as i64, |_, source| source);
}

#[test]
fn points_are_folded_in_order_wherever_they_go() {
    let wild = |i: usize| (i as i32 as f32) * 10_f32.powi(i as i32 % 9 - 4);
    check_points(Some(Op::Add), wild, |a, b| a + b);
    check_points(Some(Op::Add), |i| f64::from(wild(i)), |a, b| a + b);
    check_points(Some(Op::Add), |i| i as i64, i64::wrapping_add);
    check_points(Some(Op::Add), |i| i as u8, u8::wrapping_add);
    let half = |v: f32| f16::from_f32(v);
    check_points(
        Some(Op::Add),
        |i| half((i % 999) as f32 / 7.0),
        |a, b| half(a.to_f32() + b.to_f32()),
    );
}

#[test]
fn rows_and_points_of_three_dimensions_are_written_in_order() {
    // Rows whose addresses are those of another dimension too; points; rows too short to be written as such.
    for (shape @ [outer, rows, len], addresses_strides) in [
        ([3, 50, 40], [0, 1, 0]),
        ([3, 50, 40], [50, 1, 0]),
        ([5, 30, 41], [30 * 41, 41, 1]),
        ([7, 300, 3], [0, 1, 0]),
    ] {
        let sources_strides = [rows * len, len, 1];
        for target_strides in [[5, 0, 1], [0, 3, 1]] {
            let last = |strides: [usize; 3]| -> usize {
                strides.iter().zip(shape).map(|(stride, size)| stride * (size - 1)).sum()
            };
            let address = |i| if noise(i) % 6 == 1 { -1 } else { (noise(i) % 90) as i64 };
            let addresses: Vec<i64> = (0..=last(addresses_strides)).map(address).collect();
            let sources: Vec<f32> = (0..outer * rows * len).map(|i| noise(i) as f32).collect();
            let target: Vec<f32> =
                (0..BEFORE + 100 + last(target_strides)).map(|i| i as f32).collect();
            let strides = [addresses_strides, sources_strides, target_strides];
            let operands = (&addresses[..], &sources[..], &target[..]);
            compare((None, |_, source| source), shape, strides, operands);
            compare((Some(Op::Add), |a, b| a + b), shape, strides, operands);
        }
    }
}

#[test]
fn points_that_all_are_left_out_change_nothing() {
    let target = [1.0_f32, 2.0, 3.0, 4.0];
    let addresses = [-1; 6];
    let strides = [[3, 1], [0, 0], [0, 0]];
    let (got, failed) = scatter(None, [2, 3], strides, (&addresses, false), &[9.0], &target, 2);
    assert!(failed.is_none() && got == f32::as_bytes(&target));
}

#[test]
fn point_of_wrong_address_is_reported_and_nothing_written() {
    let target: Vec<f32> = (0..9000).map(|i| i as f32).collect();
    for wrong in [0, 1023, 1024, 4999] {
        for (narrow, address) in [(false, -2), (true, -2), (false, i64::MIN)] {
            let mut addresses: Vec<i64> = (0..5000).map(|i| i as i64).collect();
            addresses[wrong] = address;
            let strides = [[0, 1], [0, 0], [0, 0]];
            for count in [1, 3] {
                let addresses = (&addresses[..], narrow);
                let (got, failed) =
                    scatter(None, [1, 5000], strides, addresses, &[9.0], &target, count);
                assert_eq!(failed, Some(9), "{wrong} {address}");
                assert!(got == f32::as_bytes(&target), "{wrong} {address}");
            }
        }
    }
}
