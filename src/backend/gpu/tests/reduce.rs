//! Reductions and scans against the notes of `kernel`, read literally, on the host.

use std::fmt::Debug;

use super::*;
use crate::kernel::{Fold, INNER_BLOCK, INNER_LANES, OUTER_BLOCK, Reduce};
use crate::math::compare;
use crate::ops::Op;

/// A fold of one input, cast to the dtype of `E`, into an output of `R`.
struct Folding<'a> {
    lead: &'a [usize],
    reduced: &'a [usize],
    trail: &'a [usize],
    /// Of the input.
    strides: Option<&'a [usize]>,
    fold: Fold,
    identity: u64,
    scan: bool,
}

impl<'a> Folding<'a> {
    fn new(lead: &'a [usize], reduced: &'a [usize], trail: &'a [usize], fold: Fold) -> Self {
        Self { lead, reduced, trail, strides: None, fold, identity: 0, scan: false }
    }

    fn shape(&self) -> Vec<usize> {
        [self.lead, self.reduced, self.trail].concat()
    }

    fn lens(&self) -> [usize; 3] {
        [self.lead, self.reduced, self.trail].map(|dims| dims.iter().product())
    }

    fn strides(&self) -> Dims {
        self.strides.map_or_else(|| row_major(&self.shape()), Dims::from_slice)
    }

    /// Of a row-major output.
    fn out_strides(&self) -> Dims {
        if self.scan {
            return row_major(&self.shape());
        }
        let mut kept = row_major(&[self.lead, self.trail].concat());
        for _ in self.reduced {
            kept.insert(self.lead.len(), 0);
        }
        kept
    }

    /// Loads buffer 0, casts to `dtype`, and folds into buffer 1.
    fn build(&self, input: DType, dtype: DType, output: DType) -> Build {
        let mut build = Build::new(&self.shape());
        let source = build.operand(0, input, 0, &self.strides());
        let mut value = build.load(source);
        if dtype != input {
            value = build.node(Expr::Cast(value), dtype);
        }
        self.fold(&mut build, value, 1, output);
        build
    }

    fn fold(&self, build: &mut Build, value: Value, buffer: u8, output: DType) {
        let operand = build.operand(buffer, output, 0, &self.out_strides());
        build.0.args.scalars.push(self.identity);
        build.0.code.reduce = Some(Reduce {
            fold: self.fold,
            value,
            operand,
            identity: build.0.args.scalars.len() as u8 - 1,
            lead: self.lead.len() as u8,
            reduced: self.reduced.len() as u8,
            scan: self.scan,
        });
    }

    /// The values of every line, in the order of the kept points.
    fn lines<T: Copy>(&self, values: &[T]) -> Vec<Vec<T>> {
        let (shape, strides) = (self.shape(), self.strides());
        let at = |linear: usize| {
            let mut rest = linear;
            let mut index = 0;
            for (&size, &stride) in shape.iter().zip(&strides).rev() {
                index += rest % size * stride;
                rest /= size;
            }
            values[index]
        };
        let [lead, n, trail] = self.lens();
        let point = |kept: usize, r: usize| (kept / trail * n + r) * trail + kept % trail;
        (0..lead * trail).map(|kept| (0..n).map(|r| at(point(kept, r))).collect()).collect()
    }

    /// The results of every line in the order of the output.
    fn ordered<R: Copy>(&self, lines: &[Vec<R>]) -> Vec<R> {
        let [lead, _, trail] = self.lens();
        let n = lines[0].len();
        let points = (0..lead * n * trail).map(|i| (i / trail / n, i / trail % n, i % trail));
        points.map(|(l, r, t)| lines[l * trail + t][r]).collect()
    }

    /// The length of a buffer that the input fits.
    fn len(&self) -> usize {
        let sizes = self.shape();
        self.strides().iter().zip(&sizes).map(|(stride, size)| stride * (size - 1)).sum::<usize>()
            + 1
    }
}

/// Note [Fixed tree].
fn tree<T: Copy>(x: &[T], e: T, inner: bool, f: impl Fn(T, T) -> T) -> T {
    let mut values: Vec<T> = if inner {
        let block = |x: &[T]| {
            let mut lanes = [e; INNER_LANES];
            x.iter().enumerate().for_each(|(i, &x)| lanes[i % 256] = f(lanes[i % 256], x));
            for h in [128, 64, 32, 16, 8, 4, 2, 1] {
                (0..h).for_each(|j| lanes[j] = f(lanes[j], lanes[j + h]));
            }
            lanes[0]
        };
        x.chunks(INNER_BLOCK).map(block).collect()
    } else {
        x.chunks(OUTER_BLOCK).map(|block| block.iter().fold(e, |a, &x| f(a, x))).collect()
    };
    while values.len() > 1 {
        values = values
            .chunks(2)
            .map(|pair| if let [a, b] = *pair { f(a, b) } else { pair[0] })
            .collect();
    }
    values[0]
}

/// Bits, but that all NaNs are one.
trait Bits: Element + Debug {
    fn bits(self) -> u64;
}

macro_rules! bits {
    (float $($type:ty)*) => {$(
        impl Bits for $type {
            fn bits(self) -> u64 {
                if self.is_nan() { u64::MAX } else { self.to_bits() as u64 }
            }
        }
    )*};
    (int $($type:ty)*) => {$(
        impl Bits for $type {
            fn bits(self) -> u64 {
                self as u64
            }
        }
    )*};
}

bits!(float f32 f64 half::f16 half::bf16);
bits!(int bool u8 i8 i16 i32 i64);

#[track_caller]
fn assert_bits<T: Bits>(got: &[T], expected: &[T], what: &str) {
    assert_eq!(got.len(), expected.len());
    for (i, (&got, &expected)) in got.iter().zip(expected).enumerate() {
        assert_eq!(got.bits(), expected.bits(), "{what}: {got:?}, not {expected:?}, at {i}");
    }
}

/// Numbers of no pattern.
fn noise(i: usize) -> u32 {
    let mut x = (i as u32).wrapping_mul(0x9e37_79b9) ^ 0x5bd1_e995;
    x ^= x >> 15;
    x = x.wrapping_mul(0x85eb_ca6b);
    x ^ (x >> 13)
}

/// Around zero, over some orders of magnitude.
fn float(i: usize) -> f64 {
    let x = noise(i);
    (f64::from(x as i32) / f64::from(1_u32 << 31)) * [1e-3, 1.0, 40.0, 7e4][(x % 4) as usize]
}

/// Runs a fold and compares it with its tree.
#[track_caller]
fn check<T: Bits, R: Bits>(
    device: &GpuBackend,
    folding: &Folding<'_>,
    value: impl Fn(usize) -> T,
    identity: T,
    f: impl Fn(T, T) -> T,
    result: impl Fn(T) -> R,
) {
    let values: Vec<T> = (0..folding.len()).map(value).collect();
    let mut bytes = Vec::new();
    T::extend_bytes(&[identity], &mut bytes);
    bytes.resize(8, 0);
    let identity_bits = u64::from_le_bytes(bytes.try_into().unwrap());
    let folding = Folding { identity: identity_bits, ..*folding };
    let inner = folding.trail.is_empty();
    let fold = |line: &Vec<T>| vec![result(tree(line, identity, inner, &f))];
    let lines: Vec<Vec<R>> = folding.lines(&values).iter().map(fold).collect();
    let expected = folding.ordered(&lines);
    let source = upload(device, &values);
    let out = device.allocate(expected.len() * size_of::<R>()).unwrap();
    device.run(&[folding.build(T::DTYPE, T::DTYPE, R::DTYPE).launch(&[&source, &out])]).unwrap();
    let got = download::<R>(device, &out, expected.len());
    let what = format!("{:?} of {} over {:?}", folding.fold, T::DTYPE, folding.shape());
    assert_bits(&got, &expected, &what);
}

const SUM: Fold = Fold::Op(Op::Add);

const LENS: [usize; 14] = [1, 2, 3, 15, 16, 17, 255, 256, 257, 4095, 4096, 4097, 20_000, 300_000];

#[test]
fn sum_of_any_length_has_the_bits_of_the_tree() {
    let Some(device) = device() else { return };
    let value = |i: usize| float(i) as f32;
    for n in LENS.map(|n| [n]) {
        for (lead, trail) in [(&[][..], &[][..]), (&[3], &[]), (&[], &[5]), (&[2], &[3])] {
            let folding = Folding::new(lead, &n, trail, SUM);
            check(&device, &folding, value, 0.0, |a, b| a + b, |a| a);
        }
    }
    // Other sizes compile nothing.
    let compiled = device.stats().pipelines;
    for n in [[7], [1000], [9000], [70_000]] {
        for (lead, trail) in [(&[][..], &[][..]), (&[9], &[]), (&[], &[700]), (&[3], &[2])] {
            check(&device, &Folding::new(lead, &n, trail, SUM), value, 0.0, |a, b| a + b, |a| a);
        }
    }
    assert_eq!(device.stats().pipelines, compiled);
}

#[test]
fn sum_of_very_many_blocks_has_the_bits_of_the_tree() {
    let Some(device) = device() else { return };
    let value = |i: usize| float(i) as f32;
    for (n, trail) in [(&[1_500_000], &[][..]), (&[150_001], &[2]), (&[20], &[40_000])] {
        check(&device, &Folding::new(&[], n, trail, SUM), value, 0.0, |a, b| a + b, |a| a);
    }
}

#[test]
fn every_fold_and_lane_has_the_bits_of_the_tree() {
    let Some(device) = device() else { return };
    for n in [&[17][..], &[4097], &[5000]] {
        for (lead, trail) in [(&[2][..], &[][..]), (&[], &[3])] {
            let folding = |op| Folding::new(lead, n, trail, Fold::Op(op));
            let small = |i| noise(i) as i32 % 1000;
            let (add, mul) = (i32::wrapping_add, i32::wrapping_mul);
            check(&device, &folding(Op::Add), small, 0, add, |a| a);
            check(&device, &folding(Op::Mul), |i| small(i) | 1, 1, mul, |a| a);
            check(&device, &folding(Op::Maximum), small, i32::MIN, i32::max, |a| a);
            check(&device, &folding(Op::Minimum), small, i32::MAX, i32::min, |a| a);
            let truth = |i| noise(i) % 5 == 0;
            check(&device, &folding(Op::Add), truth, false, |a, b| a | b, |a| a);
            check(&device, &folding(Op::Mul), |i| !truth(i), true, |a, b| a & b, |a| a);
            let near_one = |i| 1.0 + float(i) as f32 * 1e-6;
            let number = |i| float(i) as f32;
            check(&device, &folding(Op::Mul), near_one, 1.0, |a, b| a * b, |a| a);
            let (low, high) = (f32::NEG_INFINITY, f32::INFINITY);
            check(&device, &folding(Op::Maximum), number, low, compare::maximum, |a| a);
            check(&device, &folding(Op::Minimum), number, high, compare::minimum, |a| a);
            // A narrow dtype wraps after every step, as a half rounds.
            let byte = |i| noise(i) as u8;
            check(&device, &folding(Op::Add), byte, 0, u8::wrapping_add, |a| a);
            let half = |i| half::f16::from_f64(float(i) / 1e4);
            let sum = |a: half::f16, b: half::f16| half::f16::from_f32(a.to_f32() + b.to_f32());
            check(&device, &folding(Op::Add), half, half::f16::ZERO, sum, |a| a);
            if supports(&device, DType::I64) {
                let wide = |i| (i64::from(noise(i) as i32) << 20) + i as i64;
                let (add, mul) = (i64::wrapping_add, i64::wrapping_mul);
                check(&device, &folding(Op::Add), wide, 0, add, |a| a);
                check(&device, &folding(Op::Mul), wide, 1, mul, |a| a);
                check(&device, &folding(Op::Maximum), wide, i64::MIN, i64::max, |a| a);
            }
            if supports(&device, DType::F64) {
                check(&device, &folding(Op::Add), float, 0.0, |a, b| a + b, |a| a);
                let low = f64::NEG_INFINITY;
                check(&device, &folding(Op::Maximum), float, low, compare::maximum, |a| a);
            }
        }
    }
}

#[test]
fn result_is_cast_to_the_dtype_of_its_operand() {
    let Some(device) = device() else { return };
    for (lead, trail) in [(&[7][..], &[][..]), (&[], &[7])] {
        for n in [[3], [5000]] {
            let folding = Folding::new(lead, &n, trail, SUM);
            let value = |i: usize| float(i) as f32 / 1e3;
            let add = |a: f32, b: f32| a + b;
            check(&device, &folding, value, 0.0, add, half::f16::from_f32);
            check(&device, &folding, value, 0.0, add, half::bf16::from_f32);
            let count = |i| i32::from(noise(i) % 3 == 0);
            check(&device, &folding, count, 0, |a, b| a + b, |a| a as u8);
            check(&device, &folding, count, 0, |a, b| a + b, |a| a != 0);
        }
    }
}

/// The position of the first value that none is beyond.
fn position<T: Copy>(line: &[T], is_nan: impl Fn(T) -> bool, beyond: impl Fn(T, T) -> bool) -> i64 {
    let nan = line.iter().position(|&x| is_nan(x));
    let first =
        || (0..line.len()).fold(0, |best, r| if beyond(line[r], line[best]) { r } else { best });
    nan.unwrap_or_else(first) as i64
}

#[track_caller]
fn check_position<T: Bits>(
    device: &GpuBackend,
    folding: &Folding<'_>,
    value: impl Fn(usize) -> T,
    is_nan: impl Fn(T) -> bool,
    beyond: impl Fn(T, T) -> bool,
) {
    let values: Vec<T> = (0..folding.len()).map(value).collect();
    let places = |line: &Vec<T>| match folding.scan {
        true => (0..line.len()).map(|r| position(&line[..=r], &is_nan, &beyond)).collect(),
        false => vec![position(line, &is_nan, &beyond)],
    };
    let lines: Vec<Vec<i64>> = folding.lines(&values).iter().map(places).collect();
    let expected = folding.ordered(&lines);
    let source = upload(device, &values);
    let out = device.allocate(expected.len() * 8).unwrap();
    device.run(&[folding.build(T::DTYPE, T::DTYPE, DType::I64).launch(&[&source, &out])]).unwrap();
    let what = format!("{:?} of {} over {:?}", folding.fold, T::DTYPE, folding.shape());
    assert_bits(&download::<i64>(device, &out, expected.len()), &expected, &what);
}

#[test]
fn position_of_the_first_extreme_is_found() {
    let Some(device) = device() else { return };
    for n in [&[1][..], &[17], &[257], &[5000], &[30, 20]] {
        for (lead, trail) in [(&[2][..], &[][..]), (&[], &[3])] {
            let largest = Folding::new(lead, n, trail, Fold::ArgMax);
            let smallest = Folding::new(lead, n, trail, Fold::ArgMin);
            // Few values, so that many are equal.
            let int = |i| noise(i) as i32 % 40;
            check_position(&device, &largest, int, |_| false, |a, b| a > b);
            check_position(&device, &smallest, int, |_| false, |a, b| a < b);
            let number = |i| (float(i) / 1e3).round() as f32;
            check_position(&device, &largest, number, f32::is_nan, |a, b| a > b);
            check_position(&device, &smallest, number, f32::is_nan, |a, b| a < b);
            let nan = |i| if noise(i) % 300 == 7 { f32::NAN } else { number(i) };
            check_position(&device, &largest, nan, f32::is_nan, |a, b| a > b);
            check_position(&device, &smallest, nan, f32::is_nan, |a, b| a < b);
            let none = |_| f32::NEG_INFINITY;
            check_position(&device, &largest, none, f32::is_nan, |a, b| a > b);
            if supports(&device, DType::I64) {
                let wide = |i| i64::from(noise(i) as i32 % 40) << 33;
                check_position(&device, &largest, wide, |_| false, |a, b| a > b);
            }
            if supports(&device, DType::F64) {
                check_position(&device, &smallest, float, f64::is_nan, |a, b| a < b);
            }
        }
    }
}

#[test]
fn layouts_of_the_input_do_not_change_the_fold() {
    let Some(device) = device() else { return };
    let value = |i: usize| float(i) as f32;
    let cases: [([&[usize]; 3], &[usize]); 8] = [
        // Transposed, broadcast, with gaps; several dimensions of each part.
        ([&[5], &[300], &[]], &[1, 5]),
        ([&[5], &[300], &[]], &[0, 1]),
        ([&[5], &[300], &[]], &[1, 0]),
        ([&[4], &[7, 11], &[]], &[11, 44, 1]),
        ([&[2, 3], &[20, 30], &[]], &[40, 3000, 100, 1]),
        ([&[], &[50], &[3, 4]], &[30, 9, 2]),
        ([&[2, 3], &[5, 70], &[4, 6]], &[1, 100_000, 7000, 90, 14, 2]),
        ([&[3], &[4, 5, 6], &[2]], &[2, 72, 12, 6, 1]),
    ];
    for ([lead, reduced, trail], strides) in cases {
        let folding = Folding { strides: Some(strides), ..Folding::new(lead, reduced, trail, SUM) };
        check(&device, &folding, value, 0.0, |a, b| a + b, |a| a);
    }
}

#[test]
fn special_values_go_through_the_tree() {
    let Some(device) = device() else { return };
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let specials: [&[f32]; 6] =
        [&[-0.0], &[-0.0, 0.0], &[nan, 1.0], &[inf, 1.0], &[inf, -inf], &[1e-40, -1e-41, 1e-45]];
    for values in specials {
        for n in [[1], [2], [40], [5000]] {
            for (lead, trail) in [(&[2][..], &[][..]), (&[], &[3])] {
                let value = |i: usize| values[i % values.len()];
                let folding = |op| Folding::new(lead, &n, trail, Fold::Op(op));
                check(&device, &folding(Op::Add), value, 0.0, |a, b| a + b, |a| a);
                check(&device, &folding(Op::Add), value, -0.0, |a, b| a + b, |a| a);
                check(&device, &folding(Op::Mul), value, 1.0, |a, b| a * b, |a| a);
                check(&device, &folding(Op::Maximum), value, -inf, compare::maximum, |a| a);
                check(&device, &folding(Op::Minimum), value, inf, compare::minimum, |a| a);
            }
        }
    }
}

#[test]
fn half_input_is_folded_in_float32() {
    let Some(device) = device() else { return };
    for (lead, trail) in [(&[3][..], &[][..]), (&[], &[3])] {
        let folding = Folding::new(lead, &[5001], trail, SUM);
        let values: Vec<half::f16> =
            (0..folding.len()).map(|i| half::f16::from_f64(float(i))).collect();
        let lines = folding.lines(&values);
        let sum = |line: &Vec<half::f16>| {
            let wide: Vec<f32> = line.iter().map(|x| x.to_f32()).collect();
            vec![half::f16::from_f32(tree(&wide, 0.0, trail.is_empty(), |a, b| a + b))]
        };
        let expected = folding.ordered(&lines.iter().map(sum).collect::<Vec<_>>());
        let (source, out) = (upload(&device, &values), device.allocate(6).unwrap());
        let build = folding.build(DType::F16, DType::F32, DType::F16);
        device.run(&[build.launch(&[&source, &out])]).unwrap();
        assert_bits(&download(&device, &out, 3), &expected, "a half");
    }
}

/// `y = x * 3`, stored, and the sum of `y + index`, with a random word stored at each point too.
#[test]
fn stores_beside_a_fold_happen_at_every_point() {
    let Some(device) = device() else { return };
    let cases: [[&[usize]; 3]; 5] = [
        [&[3], &[5000], &[]],
        [&[70], &[3], &[]],
        [&[2], &[700], &[5]],
        [&[2], &[3], &[5]],
        [&[2, 2], &[6, 7], &[]],
    ];
    for [lead, reduced, trail] in cases {
        let folding = Folding::new(lead, reduced, trail, SUM);
        let len = folding.len();
        let x: Vec<u8> = (0..len).map(|i| noise(i) as u8).collect();
        let mut build = Build::new(&folding.shape());
        let (source, target) = (build.dense(0, DType::U8), build.dense(1, DType::U8));
        let words = build.dense(3, DType::I32);
        let value = build.load(source);
        let three = build.scalar(3, DType::U8);
        let tripled = build.node(Expr::Binary(Op::Mul, [value, three]), DType::U8);
        let index = build.node(Expr::Index, DType::I32);
        let wide = build.node(Expr::Cast(tripled), DType::I32);
        let sum = build.node(Expr::Binary(Op::Add, [wide, index]), DType::I32);
        build.0.args.scalars.extend([0x1234_5678_9abc_def0, 7]);
        let random = build.node(Expr::Random { word: 0, words: 1, scalar: 1 }, DType::I32);
        build.store(target, tripled);
        build.store(words, random);
        build.0.args.base = 1000;
        folding.fold(&mut build, sum, 2, DType::I32);
        let source = upload(&device, &x);
        let stored = upload(&device, &vec![0_u8; len]);
        let [lead, _, trail] = folding.lens();
        let out = device.allocate(4 * lead * trail).unwrap();
        let (stream, plain) =
            (device.allocate(4 * len).unwrap(), device.allocate(4 * len).unwrap());
        device.run(&[build.launch(&[&source, &stored, &out, &stream])]).unwrap();

        let tripled: Vec<u8> = x.iter().map(|x| x.wrapping_mul(3)).collect();
        assert_eq!(download::<u8>(&device, &stored, len), tripled);
        let sums: Vec<i32> =
            tripled.iter().zip(1000..).map(|(&x, i): (&u8, i32)| i32::from(x) + i).collect();
        let line = |line: &Vec<i32>| vec![line.iter().sum()];
        let lines: Vec<Vec<i32>> = folding.lines(&sums).iter().map(line).collect();
        assert_eq!(download::<i32>(&device, &out, lead * trail), folding.ordered(&lines));
        // The same stream without a fold.
        let mut build = Build::new(&folding.shape());
        let words = build.dense(0, DType::I32);
        build.0.args.scalars.extend([0x1234_5678_9abc_def0, 7]);
        let random = build.node(Expr::Random { word: 0, words: 1, scalar: 0 }, DType::I32);
        build.store(words, random);
        build.0.args.base = 1000;
        device.run(&[build.launch(&[&plain])]).unwrap();
        let expected = download::<i32>(&device, &plain, len);
        assert_eq!(download::<i32>(&device, &stream, len), expected);
    }
}

/// A scan by a plain fold.
#[track_caller]
fn check_scan<T: Bits, R: Bits>(
    device: &GpuBackend,
    folding: &Folding<'_>,
    value: impl Fn(usize) -> T,
    scan: impl Fn(&[T]) -> Vec<R>,
) {
    let values: Vec<T> = (0..folding.len()).map(value).collect();
    let lines: Vec<Vec<R>> = folding.lines(&values).iter().map(|line| scan(line)).collect();
    let expected = folding.ordered(&lines);
    let source = upload(device, &values);
    let out = device.allocate(expected.len() * size_of::<R>()).unwrap();
    device.run(&[folding.build(T::DTYPE, T::DTYPE, R::DTYPE).launch(&[&source, &out])]).unwrap();
    let what = format!("scan by {:?} of {:?}", folding.fold, folding.shape());
    assert_bits(&download::<R>(device, &out, expected.len()), &expected, &what);
}

/// Note [Scans]: a sum in float32.
fn running_sum(line: &[f32]) -> Vec<f32> {
    let (mut a, mut c) = (0.0_f32, 0.0_f32);
    let step = |&x: &f32| {
        let s = a + x;
        let t = s - a;
        c += (a - (s - t)) + (x - t);
        a = s;
        if c.is_finite() { s + c } else { s }
    };
    line.iter().map(step).collect()
}

fn scanning<'a>(
    lead: &'a [usize],
    n: &'a [usize],
    trail: &'a [usize],
    fold: Fold,
    identity: u64,
) -> Folding<'a> {
    Folding { identity, scan: true, ..Folding::new(lead, n, trail, fold) }
}

#[test]
fn scans_store_every_prefix() {
    let Some(device) = device() else { return };
    let cases: [[&[usize]; 3]; 4] =
        [[&[], &[3000], &[]], [&[300], &[7], &[]], [&[], &[100], &[9]], [&[2, 3], &[50], &[3]]];
    for [lead, n, trail] in cases {
        let folding = |fold, identity| scanning(lead, n, trail, fold, identity);
        let number = |i: usize| float(i) as f32;
        check_scan(&device, &folding(SUM, 0), number, running_sum);
        let infinite = |i: usize| if i % 19 == 18 { f32::INFINITY } else { number(i) };
        check_scan(&device, &folding(SUM, 0), infinite, running_sum);
        let half = |line: &[f32]| running_sum(line).into_iter().map(half::f16::from_f32).collect();
        check_scan(&device, &folding(SUM, 0), number, |line| -> Vec<half::f16> { half(line) });
        let int = |i| noise(i) as i32;
        check_scan(&device, &folding(SUM, 0), int, |line| {
            line.iter()
                .scan(0, |a: &mut i32, &x| {
                    *a = a.wrapping_add(x);
                    Some(*a)
                })
                .collect::<Vec<i32>>()
        });
        let highest = Fold::Op(Op::Maximum);
        let low = u64::from(f32::NEG_INFINITY.to_bits());
        check_scan(&device, &folding(highest, low), number, |line| {
            let step = |a: &mut f32, &x: &f32| {
                *a = compare::maximum(*a, x);
                Some(*a)
            };
            line.iter().scan(f32::NEG_INFINITY, step).collect::<Vec<f32>>()
        });
        let few = |i: usize| (float(i) / 1e3).round() as f32;
        let largest = folding(Fold::ArgMax, 0);
        check_position(&device, &largest, few, f32::is_nan, |a, b| a > b);
        if supports(&device, DType::F64) {
            check_scan(&device, &folding(SUM, 0), float, |line| {
                line.iter()
                    .scan(0.0, |a, &x| {
                        *a += x;
                        Some(*a)
                    })
                    .collect::<Vec<f64>>()
            });
        }
    }
}

#[test]
fn folds_in_windows_have_the_bits_of_the_tree() {
    let options = GpuOptions { max_binding: Some(40 << 10), ..Default::default() };
    let Some(device) = device_with(options) else { return };
    let value = |i: usize| float(i) as f32;
    let add = |a: f32, b: f32| a + b;
    let cases: [[&[usize]; 3]; 9] = [
        [&[], &[100_001], &[]],
        [&[3], &[20_001], &[]],
        [&[2000], &[20], &[]],
        [&[3], &[30, 700], &[]],
        [&[], &[5000], &[7]],
        [&[], &[900, 3], &[20]],
        // Rows of which a binding has few, or part of one.
        [&[2], &[40], &[1500]],
        [&[], &[3], &[20_000]],
        [&[50], &[3], &[300]],
    ];
    for [lead, n, trail] in cases {
        let folding = Folding::new(lead, n, trail, SUM);
        check(&device, &folding, value, 0.0, add, |a| a);
        check(&device, &folding, value, 0.0, add, half::f16::from_f32);
        let place = Folding::new(lead, n, trail, Fold::ArgMin);
        check_position(&device, &place, value, f32::is_nan, |a, b| a < b);
    }
    // Both lines lie all over the buffer.
    let folding = Folding { strides: Some(&[1, 2]), ..Folding::new(&[2], &[20_000], &[], SUM) };
    check(&device, &folding, value, 0.0, add, |a| a);
    let scans: [[&[usize]; 3]; 3] =
        [[&[], &[20_000], &[]], [&[3], &[9001], &[]], [&[2], &[30], &[2000]]];
    for [lead, n, trail] in scans {
        check_scan(&device, &scanning(lead, n, trail, SUM, 0), value, running_sum);
    }
}

#[test]
fn fold_of_blocks_beyond_every_binding_is_refused() {
    let options = GpuOptions { max_binding: Some(4 << 10), ..Default::default() };
    let Some(device) = device_with(options) else { return };
    let (x, out) = (upload(&device, &vec![1_f32; 9000]), device.allocate(4).unwrap());
    let build = Folding::new(&[], &[9000], &[], SUM).build(DType::F32, DType::F32, DType::F32);
    let error = device.run(&[build.launch(&[&x, &out])]).unwrap_err();
    assert!(error.to_string().contains("a block of a fold"), "{error}");
}
