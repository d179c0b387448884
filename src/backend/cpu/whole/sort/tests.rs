//! Lines against a stable sort of the standard library, at several numbers of threads.

use std::cmp::Ordering;

use super::super::super::tests::Builder;
use super::super::super::{CpuBackend, threads};
use super::LONG;
use crate::backend::Backend;
use crate::dtype::{DType, Element};
use crate::kernel::{Ranks, Whole};

/// Lines of so many elements, side by side or one after the other.
struct Case {
    lines: usize,
    len: usize,
    turned: bool,
    descending: bool,
}

fn cases() -> impl Iterator<Item = Case> {
    let shapes = [(1, 1), (3, 2), (70, 65), (5, 700), (1, LONG - 1), (2, LONG + 77), (1, 9001)];
    shapes.into_iter().flat_map(|(lines, len)| {
        [(false, false), (false, true), (true, false), (true, true)]
            .map(|(turned, descending)| Case { lines, len, turned, descending })
    })
}

fn noise(i: usize) -> u64 {
    let x = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (x ^ x >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

impl Case {
    fn strides(&self) -> [usize; 2] {
        if self.turned { [1, self.lines] } else { [self.len, 1] }
    }

    /// Positions, line by line; -1 where nothing was stored.
    fn run<T: Element>(&self, keys: &[T], ranks: Ranks, narrow: bool, count: usize) -> Vec<i64> {
        let backend = CpuBackend::new();
        let upload = |bytes: &[u8]| {
            let buffer = backend.allocate(bytes.len()).unwrap();
            backend.write(&buffer, 0, bytes).unwrap();
            buffer
        };
        let (dtype, size) = if narrow { (DType::I32, 4) } else { (DType::I64, 8) };
        let keys = upload(T::as_bytes(keys));
        let positions = upload(&vec![0xff; self.lines * self.len * size]);
        let mut builder = Builder::new(&[self.lines, self.len]);
        let [from, to] = [&keys, &positions].map(|buffer| builder.buffer(buffer));
        builder.view(from, T::DTYPE, 0, &self.strides());
        builder.view(to, dtype, 0, &[self.len, 1]);
        let whole = Whole::Sort { descending: self.descending, ranks };
        builder.launch.kernel.code.whole = Some(whole);
        let pool = threads::build(count).unwrap();
        pool.install(|| backend.run(&[builder.launch])).unwrap();
        let mut bytes = vec![0; positions.bytes()];
        backend.read(&positions, 0, &mut bytes).unwrap();
        match narrow {
            true => bytes.chunks(4).map(|bytes| i32::from_bytes(bytes).into()).collect(),
            false => bytes.chunks(8).map(i64::from_bytes).collect(),
        }
    }
}

fn check<T: Element>(value: impl Fn(u64) -> T, order: impl Fn(T, T) -> Ordering) {
    for case in cases() {
        let Case { lines, len, turned, descending } = case;
        let keys: Vec<T> = (0..lines * len).map(|i| value(noise(i))).collect();
        let [line_stride, stride] = case.strides();
        let mut expected: Vec<i64> = Vec::new();
        for line in 0..lines {
            let key = |at: i64| keys[line * line_stride + at as usize * stride];
            let mut positions: Vec<i64> = (0..len as i64).collect();
            positions.sort_by(|&a, &b| match descending {
                true => order(key(b), key(a)),
                false => order(key(a), key(b)),
            });
            expected.extend(positions);
        }
        for (count, narrow) in [(1, false), (2, true), (3, false)] {
            let what = format!("{:?} {lines} {len} {turned} {descending} {count}", T::DTYPE);
            assert!(case.run(&keys, Ranks::ALL, narrow, count) == expected, "{what}");
            for (from, to) in [(0, 0), (0, 1), (0, 10), (len / 2, len / 2 + 1), (len / 3, len)] {
                let (from, to) = (from.min(len), to.min(len));
                let got = case.run(&keys, Ranks { from, to }, narrow, count);
                for (got, expected) in got.chunks(len).zip(expected.chunks(len)) {
                    assert!(got[from..to] == expected[from..to], "{what} {from} to {to}");
                }
            }
        }
    }
}

/// Few different numbers, among them both zeros, infinities and NaN.
fn special(i: u64) -> f32 {
    const VALUES: [f32; 9] =
        [0.0, -0.0, 1.0, -1.0, f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-40];
    VALUES[(i >> 20) as usize % VALUES.len()]
}

fn by_number(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

#[test]
fn floats_are_in_stable_order_with_nan_beyond_all() {
    check(special, |a, b| by_number(a.into(), b.into()));
    check(|i| f64::from(special(i)), by_number);
    check(|i| f32::from_bits((i >> 32) as u32), |a, b| by_number(a.into(), b.into()));
    check(f64::from_bits, by_number);
}

#[test]
fn integers_are_in_stable_order() {
    check(|i| (i >> 50) as i64 - 5000, |a, b| a.cmp(&b));
    check(|i| i as i64, |a, b| a.cmp(&b));
    check(|i| i as i64 >> 20 << 12, |a, b| a.cmp(&b));
    check(|i| i as i32, |a, b| a.cmp(&b));
    check(|i| (i >> 30) as i8, |a, b| a.cmp(&b));
    check(|i| i >> 40 & 1 == 1, |a, b| a.cmp(&b));
}

/// So many keys, in four orders.
pub(super) fn orders(len: u64) -> [Vec<u64>; 4] {
    let noise = |i: u64| noise(i as usize) >> 40;
    [
        (0..len).map(noise).collect(),
        (0..len).collect(),
        (0..len).rev().collect(),
        (0..len).map(|i| noise(i) % 3).collect(),
    ]
}
