//! Products against sums in float64 and in wrapping integers, at several numbers of threads.

use half::{bf16, f16};

use super::super::super::CpuBackend;
use super::super::super::tests::Builder;
use super::super::super::threads;
use crate::backend::{Backend, Buffer};
use crate::dtype::{DType, Element};
use crate::kernel::Whole;

/// Sizes of a product, and the strides of its factors along `m` and `k`, `k` and `n`.
#[derive(Clone, Copy, Debug)]
struct Case {
    batch: usize,
    m: usize,
    n: usize,
    k: usize,
    lhs: [usize; 2],
    rhs: [usize; 2],
}

/// Sizes, with factors row by row, column by column, with gaps, and repeating.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for [batch, m, n, k] in [
        [1, 2, 2, 1],
        [1, 37, 65, 33],
        [3, 5, 7, 9],
        [1, 130, 90, 300],
        [40, 3, 4, 5],
        [2, 17, 33, 600],
    ] {
        let layouts = [
            ([k, 1], [n, 1]),
            ([1, m], [n, 1]),
            ([k, 1], [1, k]),
            ([1, m], [1, k]),
            ([2 * k, 2], [3 * n + 1, 3]),
            ([0, 1], [1, 0]),
        ];
        cases.extend(layouts.map(|(lhs, rhs)| Case { batch, m, n, k, lhs, rhs }));
    }
    cases
}

impl Case {
    /// Elements that the factors of a batch span.
    fn spans(&self) -> [usize; 2] {
        let span = |rows: usize, columns: usize, [row, column]: [usize; 2]| {
            (rows - 1) * row + (columns - 1) * column + 1
        };
        [span(self.m, self.k, self.lhs), span(self.k, self.n, self.rhs)]
    }

    fn places(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let Self { m, n, .. } = *self;
        (0..self.batch * m * n).map(move |i| (i / n / m, i / n % m, i % n))
    }

    /// What every result is the sum of the products of; one right factor serves all batches.
    fn terms<T: Copy>(&self, lhs: &[T], rhs: &[T]) -> Vec<Vec<(T, T)>> {
        let [span, _] = self.spans();
        let term = |(batch, row, column): (usize, usize, usize)| {
            let left = move |at| batch * span + row * self.lhs[0] + at * self.lhs[1];
            let right = move |at| at * self.rhs[0] + column * self.rhs[1];
            (0..self.k).map(|at| (lhs[left(at)], rhs[right(at)])).collect()
        };
        self.places().map(term).collect()
    }

    /// The product of the factors, with so many threads.
    fn run<T: Element>(&self, lhs: &[T], rhs: &[T], count: usize) -> Vec<T> {
        self.run_in_steps(lhs, rhs, count, 1)
    }

    /// The same, with an element between any two of the result.
    fn run_apart<T: Element>(&self, lhs: &[T], rhs: &[T]) -> Vec<T> {
        self.run_in_steps(lhs, rhs, 1, 2)
    }

    /// The same, in elements that lie `step` apart.
    fn run_in_steps<T: Element>(&self, lhs: &[T], rhs: &[T], count: usize, step: usize) -> Vec<T> {
        let backend = CpuBackend::new();
        let upload = |values: &[T]| -> Buffer {
            let mut bytes = Vec::new();
            bytes.extend_from_slice(T::as_bytes(values));
            let buffer = backend.allocate(bytes.len()).unwrap();
            backend.write(&buffer, 0, &bytes).unwrap();
            buffer
        };
        let Self { batch, m, n, k, .. } = *self;
        let mut builder = Builder::new(&[batch, m, n, k]);
        let (left, right) = (upload(lhs), upload(rhs));
        let out = backend.allocate(step * batch * m * n * T::DTYPE.size()).unwrap();
        let numbers = [&left, &right, &out].map(|buffer| builder.buffer(buffer));
        builder.view(numbers[0], T::DTYPE, 0, &[self.spans()[0], self.lhs[0], 0, self.lhs[1]]);
        builder.view(numbers[1], T::DTYPE, 0, &[0, 0, self.rhs[1], self.rhs[0]]);
        builder.view(numbers[2], T::DTYPE, 0, &[m * n, n, 1, 0].map(|stride| step * stride));
        builder.launch.kernel.code.whole = Some(Whole::Product);
        let pool = threads::build(count).unwrap();
        pool.install(|| backend.run(&[builder.launch])).unwrap();
        let mut bytes = vec![0; step * batch * m * n * T::DTYPE.size()];
        backend.read(&out, 0, &mut bytes).unwrap();
        bytes.chunks_exact(T::DTYPE.size()).step_by(step).map(T::from_bytes).collect()
    }

    /// The product, which is the same to the bit at any number of threads.
    fn run_at_all_threads<T: Element>(&self, lhs: &[T], rhs: &[T]) -> Vec<T> {
        let bytes = |values: &[T]| {
            let mut bytes = Vec::new();
            bytes.extend_from_slice(T::as_bytes(values));
            bytes
        };
        let one = self.run(lhs, rhs, 1);
        for count in [2, 3, 7] {
            let some = self.run(lhs, rhs, count);
            assert_eq!(bytes(&one), bytes(&some), "{self:?} at {count} threads");
        }
        one
    }
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
    from: impl Fn(f64) -> T,
    to: impl Fn(T) -> f64,
    [u, rounding]: [f64; 2],
) {
    for case in cases() {
        let value = |i: usize| from(f64::from(noise(i) as i32) / f64::from(1_u32 << 31));
        let [left, right] = case.spans();
        let lhs: Vec<T> = (0..case.batch * left).map(value).collect();
        let rhs: Vec<T> = (7..7 + right).map(value).collect();
        let got = case.run_at_all_threads(&lhs, &rhs);
        for (i, (terms, got)) in case.terms(&lhs, &rhs).into_iter().zip(got).enumerate() {
            let products = || terms.iter().map(|&(a, b)| to(a) * to(b));
            let expected: f64 = products().sum();
            let size: f64 = products().map(f64::abs).sum();
            let k = case.k as f64;
            let bound = 1.01 * k * u / (1.0 - k * u) * size;
            // The model's own sum is in float64, and so is off by as much.
            let bound = bound + rounding * (expected.abs() + bound) + k * 2.0_f64.powi(-53) * size;
            let got = to(got);
            assert!((got - expected).abs() <= bound, "{case:?} at {i}: {got}, not {expected}");
        }
    }
}

#[test]
fn product_of_floats_is_within_its_bound_at_any_thread_count() {
    let single = 2.0_f64.powi(-24);
    check_floats(|v| v as f32, f64::from, [single, 0.0]);
    check_floats(|v| v, |v| v, [2.0_f64.powi(-53), 0.0]);
    check_floats(f16::from_f64, f16::to_f64, [single, 2.0_f64.powi(-11)]);
    check_floats(bf16::from_f64, bf16::to_f64, [single, 2.0_f64.powi(-8)]);
}

fn check_ints<T: Element + PartialEq + std::fmt::Debug>(
    from: impl Fn(i64) -> T,
    to: impl Fn(T) -> i64,
) {
    for case in cases() {
        let value = |i: usize| from(i64::from(noise(i)) << 20 | i64::from(noise(i + 1)));
        let [left, right] = case.spans();
        let lhs: Vec<T> = (0..case.batch * left).map(value).collect();
        let rhs: Vec<T> = (7..7 + right).map(value).collect();
        let got = case.run_at_all_threads(&lhs, &rhs);
        for (i, (terms, got)) in case.terms(&lhs, &rhs).into_iter().zip(got).enumerate() {
            let sum = |sum: i64, &(a, b): &(T, T)| sum.wrapping_add(to(a).wrapping_mul(to(b)));
            let expected = from(terms.iter().fold(0, sum));
            assert_eq!(got, expected, "{case:?} of {} at {i}", T::DTYPE);
        }
    }
}

#[test]
fn product_of_ints_wraps_exactly_at_any_thread_count() {
    check_ints(|v| v as u8, i64::from);
    check_ints(|v| v as i8, i64::from);
    check_ints(|v| v as i16, i64::from);
    check_ints(|v| v as i32, i64::from);
    check_ints(|v| v, |v| v);
}

#[test]
fn product_with_values_that_are_not_finite_has_them_where_they_belong() {
    let case = Case { batch: 1, m: 20, n: 19, k: 18, lhs: [18, 1], rhs: [19, 1] };
    let mut lhs = vec![1.0_f32; 20 * 18];
    let mut rhs = vec![1.0_f32; 18 * 19];
    lhs[3 * 18] = f32::NAN;
    lhs[4 * 18] = f32::INFINITY;
    rhs[7] = f32::NEG_INFINITY;
    let got = case.run(&lhs, &rhs, 2);
    for ((_, row, column), got) in case.places().zip(got) {
        let expected = match (row, column) {
            (3, _) => f32::NAN,
            (4, 7) => f32::NEG_INFINITY,
            (4, _) => f32::INFINITY,
            (_, 7) => f32::NEG_INFINITY,
            _ => 18.0,
        };
        let same = got == expected || got.is_nan() && expected.is_nan();
        assert!(same, "{got} at {row}, {column}, not {expected}");
    }
}

#[test]
fn product_leaves_the_rest_of_its_buffer() {
    let backend = CpuBackend::new();
    let ones: Vec<u8> = 1.0_f32.to_le_bytes().repeat(64);
    let [a, out] = [0, 1].map(|_| backend.allocate(256).unwrap());
    backend.write(&a, 0, &ones).unwrap();
    backend.write(&out, 0, &ones).unwrap();
    let mut builder = Builder::new(&[3, 3, 4]);
    let numbers = [&a, &out].map(|buffer| builder.buffer(buffer));
    builder.view(numbers[0], DType::F32, 0, &[4, 0, 1]);
    builder.view(numbers[0], DType::F32, 0, &[0, 4, 1]);
    builder.view(numbers[1], DType::F32, 8, &[8, 2, 0]);
    builder.launch.kernel.code.whole = Some(Whole::Product);
    backend.run(&[builder.launch]).unwrap();
    let mut bytes = [0; 256];
    backend.read(&out, 0, &mut bytes).unwrap();
    for (i, value) in bytes.as_chunks::<4>().0.iter().enumerate() {
        let stored = (8..32).contains(&i) && matches!(i % 8, 0 | 2 | 4);
        assert_eq!(f32::from_le_bytes(*value), if stored { 4.0 } else { 1.0 }, "at {i}");
    }
}

/// The product of small matrices by the crate, which takes it where results do not lie densely.
#[test]
fn products_of_small_matrices_have_the_bits_of_the_crate() {
    fn check<T: Element>(from: impl Fn(f64) -> T, is_nan: impl Fn(T) -> bool) {
        let mut seen = 0;
        for [m, n, k] in [
            [1, 1, 1],
            [2, 2, 2],
            [4, 4, 4],
            [4, 4, 1],
            [3, 4, 16],
            [8, 8, 8],
            [5, 7, 9],
            [16, 16, 16],
            [16, 13, 15],
            [7, 3, 2],
            [17, 4, 4],
            [4, 17, 4],
            [4, 4, 17],
        ] {
            for (lhs, rhs) in [
                ([k, 1], [n, 1]),
                ([1, m], [1, k]),
                ([2 * k, 2], [3 * n + 1, 3]),
                ([0, 1], [1, 0]),
                ([k, 1], [0, 0]),
            ] {
                let case = Case { batch: 50, m, n, k, lhs, rhs };
                let value = |i: usize| match noise(i) % 97 {
                    0 => f64::INFINITY,
                    1 => -0.0,
                    2 => 0.0,
                    3 => f64::NAN,
                    _ => f64::from(noise(i) as i32) * 2.0_f64.powi((noise(i + 9) % 40) as i32 - 50),
                };
                let [left, right] = case.spans();
                let lhs: Vec<T> = (0..case.batch * left).map(|i| from(value(i))).collect();
                let rhs: Vec<T> = (7..7 + right).map(|i| from(value(i))).collect();
                let got = case.run_at_all_threads(&lhs, &rhs);
                let apart = case.run_apart(&lhs, &rhs);
                assert_eq!(got.len(), apart.len());
                for (i, (&got, &apart)) in got.iter().zip(&apart).enumerate() {
                    let bits = |value: T| T::as_bytes(&[value]).to_vec();
                    let is_same = bits(got) == bits(apart);
                    assert!(is_same || is_nan(got) && is_nan(apart), "{case:?} at {i}");
                    seen += usize::from(!is_nan(got));
                }
            }
        }
        assert!(seen > 10_000, "{seen}");
    }
    check(|v| v as f32, f32::is_nan);
    check(|v| v, f64::is_nan);
}
