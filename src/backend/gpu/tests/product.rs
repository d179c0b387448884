//! Products of matrices against sums in float64 and in wrapping integers, on the host.

use half::{bf16, f16};

use super::*;
use crate::backend::gpu::codegen::part_bytes;
use crate::backend::gpu::window::{Reach, product_blocks};
use crate::kernel::Whole;

/// A product of dense or transposed factors, over batches.
#[derive(Clone, Debug)]
pub(super) struct Case {
    batches: Vec<usize>,
    m: usize,
    n: usize,
    k: usize,
    /// Whether a factor lies column by column, and whether it is one for all batches.
    turned: [bool; 2],
    shared: [bool; 2],
}

impl Case {
    pub(super) fn new(batches: &[usize], m: usize, n: usize, k: usize) -> Self {
        let batches = batches.to_vec();
        Self { batches, m, n, k, turned: [false; 2], shared: [false; 2] }
    }

    fn turned(self, turned: [bool; 2]) -> Self {
        Self { turned, ..self }
    }

    fn shared(self, shared: [bool; 2]) -> Self {
        Self { shared, ..self }
    }

    fn count(&self) -> usize {
        self.batches.iter().product()
    }

    /// The strides of a matrix over the batches and its two dimensions.
    fn strides(&self, rows: usize, columns: usize, turned: bool, shared: bool) -> Dims {
        let mut strides: Dims = row_major(&self.batches);
        strides.iter_mut().for_each(|s| *s = if shared { 0 } else { *s * rows * columns });
        strides.extend(if turned { [1, rows] } else { [columns, 1] });
        strides
    }

    /// Elements of each factor.
    fn lens(&self) -> [usize; 2] {
        let count = |shared| if shared { 1 } else { self.count() };
        [count(self.shared[0]) * self.m * self.k, count(self.shared[1]) * self.k * self.n]
    }

    /// The launch's structure: factors in buffers 0 and 1, from `offsets` on, results in buffer 2.
    pub(super) fn build(&self, dtype: DType, offsets: [usize; 2]) -> Build {
        let shape = [&self.batches[..], &[self.m, self.n, self.k]].concat();
        let mut build = Build::new(&shape);
        let rank = shape.len();
        let mut lhs = self.strides(self.m, self.k, self.turned[0], self.shared[0]);
        lhs.insert(rank - 2, 0);
        let mut rhs = self.strides(self.k, self.n, self.turned[1], self.shared[1]);
        rhs.insert(rank - 3, 0);
        rhs.swap(rank - 2, rank - 1);
        let mut out = self.strides(self.m, self.n, false, false);
        out.push(0);
        build.operand(0, dtype, offsets[0], &lhs);
        build.operand(1, dtype, offsets[1], &rhs);
        build.operand(2, dtype, 0, &out);
        build.0.code.whole = Some(Whole::Product);
        build
    }

    /// The products of every result, in order.
    fn terms<T: Copy>(&self, lhs: &[T], rhs: &[T]) -> Vec<Vec<(T, T)>> {
        let Self { m, n, k, .. } = *self;
        let place = |turned, rows, columns, row, column| {
            if turned { column * rows + row } else { row * columns + column }
        };
        let points = (0..self.count() * m * n).map(|i| (i / n / m, i / n % m, i % n));
        points
            .map(|(batch, row, column)| {
                let start = |i: usize| if self.shared[i] { 0 } else { batch };
                let left = |at| start(0) * m * k + place(self.turned[0], m, k, row, at);
                let right = |at| start(1) * k * n + place(self.turned[1], k, n, at, column);
                (0..k).map(|at| (lhs[left(at)], rhs[right(at)])).collect()
            })
            .collect()
    }

    /// Runs the product of these factors, which begin 3 and 5 elements into their buffers.
    fn run<T: Element>(&self, device: &GpuBackend, lhs: &[T], rhs: &[T]) -> Vec<T> {
        let pad = |values: &[T], by: usize| [&values[..by.min(values.len())], values].concat();
        let offsets = [3.min(lhs.len()), 5.min(rhs.len())];
        let (a, b) = (upload(device, &pad(lhs, offsets[0])), upload(device, &pad(rhs, offsets[1])));
        let len = self.count() * self.m * self.n;
        let out = device.allocate(len * T::DTYPE.size()).unwrap();
        let launch = || self.build(T::DTYPE, offsets).launch(&[&a, &b, &out]);
        device.run(&[launch()]).unwrap();
        let got = download::<T>(device, &out, len);
        device.run(&[launch()]).unwrap();
        let again = download::<T>(device, &out, len);
        let bytes = |values: &[T]| {
            let mut bytes = Vec::new();
            bytes.extend_from_slice(T::as_bytes(values));
            bytes
        };
        assert_eq!(bytes(&got), bytes(&again), "{self:?} twice");
        got
    }
}

/// Shapes around the sides of every tile, with few and with many batches.
fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new(&[], 2, 2, 1),
        Case::new(&[], 65, 63, 17),
        Case::new(&[], 3, 300, 40),
        Case::new(&[], 300, 3, 40),
        Case::new(&[], 16, 17, 2000),
        Case::new(&[5], 7, 9, 11).shared([false, true]),
        Case::new(&[2, 3], 20, 5, 6).shared([true, false]),
        Case::new(&[40], 65, 66, 3),
        Case::new(&[130], 65, 70, 5),
    ];
    for turned in [[true, false], [false, true], [true, true]] {
        cases.push(Case::new(&[], 33, 70, 50).turned(turned));
        cases.push(Case::new(&[2], 10, 18, 600).turned(turned));
    }
    cases
}

fn noise(i: usize) -> u32 {
    let mut x = (i as u32).wrapping_mul(0x9e37_79b9) ^ 0x5bd1_e995;
    x ^= x >> 15;
    x = x.wrapping_mul(0x85eb_ca6b);
    x ^ (x >> 13)
}

/// Floats within the bound of Note [Products] of `tensor::product`, with `u` the lane's and `rounding` half an
/// ULP of the result.
fn check_floats<T: Element>(
    device: &GpuBackend,
    case: &Case,
    from: impl Fn(f64) -> T,
    to: impl Fn(T) -> f64,
    [u, rounding]: [f64; 2],
) {
    if !supports(device, T::DTYPE) {
        return;
    }
    let value = |i: usize| from(f64::from(noise(i) as i32) / f64::from(1_u32 << 31));
    let [left, right] = case.lens();
    let lhs: Vec<T> = (0..left).map(value).collect();
    let rhs: Vec<T> = (left..left + right).map(value).collect();
    let got = case.run(device, &lhs, &rhs);
    for (i, (terms, got)) in case.terms(&lhs, &rhs).into_iter().zip(got).enumerate() {
        let products = || terms.iter().map(|&(a, b)| to(a) * to(b));
        let expected: f64 = products().sum();
        let size: f64 = products().map(f64::abs).sum();
        let k = case.k as f64;
        let bound = k * u / (1.0 - k * u) * size;
        // The model's own sum is in float64, and so is off by as much.
        let bound =
            1.01 * bound + rounding * (expected.abs() + bound) + k * 2.0_f64.powi(-53) * size;
        let got = to(got);
        assert!((got - expected).abs() <= bound, "{case:?} at {i}: {got}, not {expected}");
    }
}

#[test]
fn product_of_floats_is_within_its_bound() {
    let Some(device) = device() else { return };
    let single = 2.0_f64.powi(-24);
    for case in cases() {
        check_floats(&device, &case, |v| v as f32, f64::from, [single, 0.0]);
        check_floats(&device, &case, |v| v, |v| v, [2.0_f64.powi(-53), 0.0]);
    }
    for case in cases().iter().step_by(2) {
        check_floats(&device, case, f16::from_f64, f16::to_f64, [single, 2.0_f64.powi(-11)]);
        check_floats(&device, case, bf16::from_f64, bf16::to_f64, [single, 2.0_f64.powi(-8)]);
    }
}

fn check_ints<T: Element + PartialEq + std::fmt::Debug>(
    device: &GpuBackend,
    case: &Case,
    from: impl Fn(i64) -> T,
    to: impl Fn(T) -> i64,
) {
    if !supports(device, T::DTYPE) {
        return;
    }
    let value = |i: usize| from(i64::from(noise(i)) << 20 | i64::from(noise(i + 1)));
    let [left, right] = case.lens();
    let lhs: Vec<T> = (0..left).map(value).collect();
    let rhs: Vec<T> = (left..left + right).map(value).collect();
    let got = case.run(device, &lhs, &rhs);
    for (i, (terms, got)) in case.terms(&lhs, &rhs).into_iter().zip(got).enumerate() {
        let sum = |sum: i64, &(a, b): &(T, T)| sum.wrapping_add(to(a).wrapping_mul(to(b)));
        assert_eq!(got, from(terms.iter().fold(0, sum)), "{case:?} of {} at {i}", T::DTYPE);
    }
}

fn check_all_ints(device: &GpuBackend, case: &Case) {
    check_ints(device, case, |v| v as u8, i64::from);
    check_ints(device, case, |v| v as i8, i64::from);
    check_ints(device, case, |v| v as i16, i64::from);
    check_ints(device, case, |v| v as i32, i64::from);
    check_ints(device, case, |v| v, |v| v);
}

#[test]
fn product_of_ints_wraps_exactly() {
    let Some(device) = device() else { return };
    for case in cases() {
        check_all_ints(&device, &case);
    }
}

#[test]
fn product_of_one_buffer_with_itself_is_that_of_copies() {
    let Some(device) = device() else { return };
    let case = Case::new(&[], 30, 30, 30);
    let values: Vec<i32> = (0..900).map(|i| noise(i) as i32).collect();
    let expected = case.run(&device, &values, &values);
    let (source, out) = (upload(&device, &values), device.allocate(3600).unwrap());
    let mut build = case.build(DType::I32, [0, 0]);
    build.0.code.operands[1].buffer = 0;
    build.0.code.operands[2].buffer = 1;
    device.run(&[build.launch(&[&source, &out])]).unwrap();
    assert_eq!(download::<i32>(&device, &out, 900), expected);
}

#[test]
fn product_beyond_what_a_binding_reaches_is_the_same() {
    let Some(device) = device_with(GpuOptions { max_binding: Some(1024), ..Default::default() })
    else {
        return;
    };
    let cases = [
        Case::new(&[], 40, 30, 20),
        Case::new(&[], 4, 5, 900),
        Case::new(&[], 4, 5, 900).turned([true, false]),
        Case::new(&[3], 10, 12, 100).shared([false, true]),
        Case::new(&[], 3, 700, 30),
        Case::new(&[50], 5, 6, 7),
    ];
    for case in cases {
        check_all_ints(&device, &case);
        check_floats(&device, &case, |v| v as f32, f64::from, [2.0_f64.powi(-24), 0.0]);
    }
}

#[test]
fn blocks_of_a_product_cover_it_once_within_reach() {
    let reach = Reach { binding: 1024, points: 1 << 31 };
    for case in [Case::new(&[3], 40, 30, 500), Case::new(&[], 4, 5, 9000).turned([true, false])] {
        let kernel = case.build(DType::F32, [0, 0]).0;
        let [left, right] = case.lens();
        let sizes = [left, right, case.count() * case.m * case.n];
        let sizes = sizes.map(|len| (4 * len as u64).next_multiple_of(256));
        let blocks = product_blocks(&kernel, sizes, part_bytes(DType::F32), reach).unwrap();
        let mut points = 0;
        for block in &blocks {
            let results: usize = block.results.iter().map(|range| range.len()).product();
            let mut k = 0;
            for window in &block.windows {
                assert_eq!(window.k.start, k, "in the order of k");
                k = window.k.end;
                assert!(window.parts.iter().all(|part| part.len <= 1024));
                points += results * window.k.len();
            }
            assert_eq!(k, case.k);
        }
        assert_eq!(points, kernel.len(), "{case:?}");
    }
}
