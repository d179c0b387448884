//! Reductions and scans against the notes of `kernel`, read literally, on the host.

mod layouts;
mod positions;
mod scans;
mod trees;
mod windows;

use std::fmt::Debug;

use super::*;
use crate::kernel::{Fold, INNER_BLOCK, INNER_LANES, OUTER_BLOCK, Reduce};
use crate::ops::Op;

/// A fold of one input.
#[derive(Debug)]
struct Folding<'a> {
    lead: &'a [usize],
    reduced: &'a [usize],
    trail: &'a [usize],
    /// Of the input.
    offset: usize,
    strides: Option<&'a [usize]>,
    fold: Fold,
    identity: u64,
    scan: bool,
}

impl<'a> Folding<'a> {
    fn new(lead: &'a [usize], reduced: &'a [usize], trail: &'a [usize], fold: Fold) -> Self {
        Self { lead, reduced, trail, offset: 0, strides: None, fold, identity: 0, scan: false }
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
        let source = build.operand(0, input, self.offset, &self.strides());
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
            let mut index = self.offset;
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
        let last = self.strides().into_iter().zip(&sizes).map(|(stride, size)| stride * (size - 1));
        self.offset + last.sum::<usize>() + 1
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
    bytes.extend_from_slice(T::as_bytes(&[identity]));
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
