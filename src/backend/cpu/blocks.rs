//! Sums and extremes of floats, in the order of Note [Fixed tree] of `kernel`.
//!
//! The lanes of a block stay in the processor, also while they are halved: the end of a block is short
//! then, and nothing comes from memory while it lasts. What is summed may be one operation on what is in
//! memory, or the square of a difference, as in `(a * b).sum()` and `var`; its results are written nowhere.
//! `extremes` has what selects.

mod extremes;

use std::ops::{Add, Div, Mul, Sub};

use bytemuck::{Pod, cast_slice, cast_slice_mut};
use fearless_simd::{Simd, SimdBase, SimdFloatElement, SimdFrom, dispatch};

use super::chain::Link;
use super::lanes::{Blocks, of_bits};
use super::level::level;
use super::view::Rows;
use crate::dtype::DType;
use crate::kernel::INNER_LANES;
use crate::math::algebra::Float;
use crate::ops::Op;
use extremes::{Maximum, Minimum};

/// As [`Blocks`], of what is computed from the elements of rows, each of which is whole blocks or all there
/// is.
pub(super) type LinkedSums = fn(&mut [u8], Rows<'_>, usize, u64, Linked<'_>);

/// What is computed of elements: the link's results, or their squares.
pub(super) struct Linked<'a> {
    pub(super) link: Link,
    /// The link's other argument in as many rows; one element may be all of a row.
    pub(super) other: Rows<'a>,
    /// Only of differences.
    pub(super) is_squared: bool,
}

/// The loop of folds by this operation in this dtype, if it is here.
pub(super) fn block_loop(op: Op, dtype: DType) -> Option<Blocks> {
    Some(match (op, dtype) {
        (Op::Add, DType::F32) => blocks::<f32, Sum>,
        (Op::Add, DType::F64) => blocks::<f64, Sum>,
        (Op::Maximum, DType::F32) => blocks::<f32, Maximum>,
        (Op::Maximum, DType::F64) => blocks::<f64, Maximum>,
        (Op::Minimum, DType::F32) => blocks::<f32, Minimum>,
        (Op::Minimum, DType::F64) => blocks::<f64, Minimum>,
        _ => return None,
    })
}

/// The same for what an operation computes.
pub(super) fn linked_loop(op: Op, dtype: DType) -> Option<LinkedSums> {
    match (op, dtype) {
        (Op::Add, DType::F32) => Some(linked::<f32>),
        (Op::Add, DType::F64) => Some(linked::<f64>),
        _ => None,
    }
}

/// A float with vectors.
trait Number: Pod + PartialEq + SimdFloatElement + Float {}

impl<T: Pod + PartialEq + SimdFloatElement + Float> Number for T {}

/// What folds, with the same bits for vectors as for numbers.
trait Folding<T: Number> {
    fn vectors<S: Simd>(a: T::Native<S>, b: T::Native<S>) -> T::Native<S>;
    fn numbers(a: T, b: T) -> T;
}

/// What folds the runs of a block.
trait Runs<T: Number>: Folding<T> {
    /// The same of what is no NaN.
    type Ordered: Folding<T>;

    /// Folds a number of runs into lanes, each of which is `start`; `value(run, k)` is vector number `k` of a run.
    /// Returns whether it is known that no lane is NaN.
    fn runs<S: Simd, const N: usize>(
        simd: S,
        lanes: &mut [T::Native<S>; N],
        runs_and_start: (usize, T),
        value: impl Fn(usize, usize) -> T::Native<S>,
    ) -> bool;
}

struct Sum;

impl<T: Number> Folding<T> for Sum {
    #[inline(always)]
    fn vectors<S: Simd>(a: T::Native<S>, b: T::Native<S>) -> T::Native<S> {
        a + b
    }

    #[inline(always)]
    fn numbers(a: T, b: T) -> T {
        a + b
    }
}

impl<T: Number> Runs<T> for Sum {
    type Ordered = Self;

    #[inline(always)]
    fn runs<S: Simd, const N: usize>(
        _: S,
        lanes: &mut [T::Native<S>; N],
        (runs, _): (usize, T),
        value: impl Fn(usize, usize) -> T::Native<S>,
    ) -> bool {
        // In the order of memory: by groups of lanes it would take longer.
        for run in 0..runs {
            for (k, lane) in lanes.iter_mut().enumerate() {
                *lane = <Self as Folding<T>>::vectors::<S>(*lane, value(run, k));
            }
        }
        false
    }
}

fn blocks<T: Number, F: Runs<T>>(into: &mut [u8], values: &[u8], len: usize, start: u64) {
    let (into, values) = (cast_slice_mut::<u8, T>(into), cast_slice::<u8, T>(values));
    let start = of_bits(start);
    dispatch!(level(), simd => {
        for (into, values) in into.iter_mut().zip(values.chunks(len)) {
            *into = fold::<_, F, _, _>(simd, start, [values], |[value]| value, |[value]| value);
        }
    });
}

fn linked<T: Number>(into: &mut [u8], first: Rows<'_>, len: usize, start: u64, linked: Linked<'_>) {
    let Linked { link, other, is_squared } = linked;
    let (into, start) = (cast_slice_mut::<u8, T>(into), (len, of_bits(start)));
    let values = [first, other];
    macro_rules! of_each {
        ($simd:expr, $($link:ident $is_squared:literal,)*) => {
            match (link, is_squared) {
                $((Link::$link, $is_squared) => {
                    linked_by::<_, _, { Link::$link as usize }, $is_squared>($simd, into, values, start);
                })*
                (link, _) => unreachable!("{link:?} has no sums"),
            }
        };
    }
    dispatch!(level(), simd => of_each! {
        simd,
        Add false,
        Sub false,
        Sub true,
        SubFrom false,
        SubFrom true,
        Mul false,
        Div false,
        DivInto false,
    });
}

/// What is computed by the link of this number, or its square.
#[inline(always)]
fn computed<V, const LINK: usize, const IS_SQUARED: bool>(x: V, other: V) -> V
where
    V: Copy + Add<Output = V> + Sub<Output = V> + Mul<Output = V> + Div<Output = V>,
{
    let value = const { Link::ALL[LINK] }.of_two(x, other);
    if IS_SQUARED { value * value } else { value }
}

/// The same for one kind.
#[inline(always)]
fn linked_by<S: Simd, T: Number, const LINK: usize, const IS_SQUARED: bool>(
    simd: S,
    into: &mut [T],
    values: [Rows<'_>; 2],
    (block, start): (usize, T),
) {
    let each = into.len() / values[0].count();
    for (row, into) in into.chunks_mut(each).enumerate() {
        let values = values.map(|rows| cast_slice(rows.row(row)));
        linked_in::<S, T, LINK, IS_SQUARED>(simd, into, values, (block, start));
    }
}

/// The same of one row.
#[inline(always)]
fn linked_in<S: Simd, T: Number, const LINK: usize, const IS_SQUARED: bool>(
    simd: S,
    into: &mut [T],
    [first, other]: [&[T]; 2],
    (block, start): (usize, T),
) {
    let vectors = computed::<T::Native<S>, LINK, IS_SQUARED>;
    let numbers = computed::<T, LINK, IS_SQUARED>;
    for (i, (into, first)) in into.iter_mut().zip(first.chunks(block)).enumerate() {
        *into = if let &[other] = other {
            let others = T::Native::<S>::simd_from(simd, other);
            let vector = |[first]: [T::Native<S>; 1]| vectors(first, others);
            fold::<_, Sum, _, _>(simd, start, [first], vector, |[first]| numbers(first, other))
        } else {
            let other = &other[i * block..][..first.len()];
            let vector = |[first, other]: [T::Native<S>; 2]| vectors(first, other);
            let number = |[first, other]: [T; 2]| numbers(first, other);
            fold::<_, Sum, _, _>(simd, start, [first, other], vector, number)
        };
    }
}

/// The fold of the elements of a block, which are computed from those of slices of one length.
#[inline(always)]
fn fold<S: Simd, F: Runs<T>, T: Number, const M: usize>(
    simd: S,
    start: T,
    values: [&[T]; M],
    vector: impl Fn([T::Native<S>; M]) -> T::Native<S>,
    number: impl Fn([T; M]) -> T,
) -> T {
    match INNER_LANES / T::Native::<S>::LEN {
        16 => fold_in::<S, F, T, M, 16>(simd, start, values, vector, number),
        32 => fold_in::<S, F, T, M, 32>(simd, start, values, vector, number),
        64 => fold_in::<S, F, T, M, 64>(simd, start, values, vector, number),
        _ => fold_in::<S, F, T, M, 128>(simd, start, values, vector, number),
    }
}

/// The same, in so many vectors of lanes.
#[inline(always)]
fn fold_in<S: Simd, F: Runs<T>, T: Number, const M: usize, const N: usize>(
    simd: S,
    start: T,
    values: [&[T]; M],
    vector: impl Fn([T::Native<S>; M]) -> T::Native<S>,
    number: impl Fn([T; M]) -> T,
) -> T {
    let width = const { T::Native::<S>::LEN };
    let parts = values.map(<[T]>::as_chunks::<INNER_LANES>);
    let mut lanes = [T::Native::<S>::simd_from(simd, start); N];
    let runs = parts[0].0.len();
    let value = |run: usize, k: usize| {
        let of = |(runs, _): (&[[T; INNER_LANES]], _)| {
            T::Native::<S>::from_slice(simd, &runs[run][k * width..(k + 1) * width])
        };
        vector(parts.map(of))
    };
    let are_ordered = F::runs(simd, &mut lanes, (runs, start), value);
    let rests = parts.map(|(_, rest)| rest);
    if rests[0].is_empty() {
        return match are_ordered {
            true => halved::<S, F::Ordered, T, N>(lanes),
            false => halved::<S, F, T, N>(lanes),
        };
    }
    // Of their own, so that the others are in the processor.
    let mut others = lanes;
    for i in 0..rests[0].len() {
        let lane = &mut others[i / width].as_mut_slice()[i % width];
        *lane = F::numbers(*lane, number(rests.map(|rest| rest[i])));
    }
    halved::<S, F, T, N>(others)
}

/// Folds the upper half of the lanes into the lower one until one is left.
#[inline(always)]
fn halved<S: Simd, F: Folding<T>, T: Number, const N: usize>(mut lanes: [T::Native<S>; N]) -> T {
    let mut half = N / 2;
    while half > 0 {
        for k in 0..half {
            lanes[k] = F::vectors(lanes[k], lanes[k + half]);
        }
        half /= 2;
    }
    let mut last = lanes[0];
    let lanes = last.as_mut_slice();
    let mut half = lanes.len() / 2;
    while half > 0 {
        for k in 0..half {
            lanes[k] = F::numbers(lanes[k], lanes[k + half]);
        }
        half /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::super::chain::{Out, chain_loop};
    use super::super::ops::fold_of;
    use super::*;

    /// Numbers of many magnitudes, some of which are zeros, and few NaN.
    fn numbers(dtype: DType, count: usize, mut seed: u64) -> Vec<u64> {
        let mut next = || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let power = 2f64.powi((seed >> 58) as i32 - 32);
            match seed >> 44 & 4095 {
                0 => f64::NAN,
                1..100 => 0.0,
                100..200 => -0.0,
                _ => ((seed >> 12) as f64 - 2f64.powi(51)) * power,
            }
        };
        let mut lanes = vec![0_u64; count];
        match dtype {
            DType::F32 => {
                let lanes: &mut [f32] = cast_slice_mut(&mut lanes);
                lanes.iter_mut().for_each(|lane| *lane = next() as f32);
            }
            _ => cast_slice_mut(&mut lanes).iter_mut().for_each(|lane: &mut f64| *lane = next()),
        }
        lanes
    }

    fn is_nan(dtype: DType, bytes: &[u8]) -> bool {
        match dtype {
            DType::F32 => bytemuck::pod_read_unaligned::<f32>(bytes).is_nan(),
            _ => bytemuck::pod_read_unaligned::<f64>(bytes).is_nan(),
        }
    }

    #[test]
    fn folds_have_the_bits_of_the_generic_loops() {
        let mut nonzero = 0;
        for dtype in [DType::F32, DType::F64] {
            let (size, linked) = (dtype.size(), linked_loop(Op::Add, dtype).expect("floats"));
            let chain = chain_loop(dtype).expect("floats");
            let generic = fold_of(Op::Add, dtype).blocks;
            for (round, block) in
                [1, 3, 16, 255, 256, 257, 1000, 4095, 4096].into_iter().enumerate()
            {
                for count in [1, block, block + 1, 3 * block - 1] {
                    let [a, b] = [1, 2].map(|seed| numbers(dtype, count, seed + round as u64));
                    let [a, b]: [&[u8]; 2] =
                        [&a, &b].map(|lanes| &cast_slice(lanes)[..count * size]);
                    let bytes = count.div_ceil(block) * size;
                    let (mut got, mut expected) = (vec![0_u64; bytes], vec![0_u64; bytes]);
                    let got = &mut cast_slice_mut::<_, u8>(&mut got)[..bytes];
                    let expected = &mut cast_slice_mut::<_, u8>(&mut expected)[..bytes];
                    for start in [0, 1 << (8 * size - 1)] {
                        for op in [Op::Add, Op::Maximum, Op::Minimum] {
                            block_loop(op, dtype).expect("floats")(got, a, block, start);
                            (fold_of(op, dtype).blocks)(expected, a, block, start);
                            assert_eq!(got, expected, "{op:?} {dtype:?} {block} {count}");
                        }
                        let kinds = Link::ALL.map(|link| (link, false));
                        let squares = [(Link::Sub, true), (Link::SubFrom, true)];
                        for (link, is_squared) in kinds.into_iter().take(6).chain(squares) {
                            for other in [b, &b[..size]] {
                                let compute = |first: &[u8], links: &[(Link, &[u8])]| {
                                    let mut values = vec![0_u64; count];
                                    let out = &mut cast_slice_mut(&mut values)[..count * size];
                                    let links = links.iter();
                                    let links: Vec<_> =
                                        links.map(|(link, o)| (*link, Rows::one(o))).collect();
                                    chain(Out::Cached(out), (0, 0), Rows::one(first), &links);
                                    values
                                };
                                let mut values = compute(a, &[(link, other)]);
                                if is_squared {
                                    let values_of = &cast_slice(&values)[..count * size];
                                    let squares = compute(values_of, &[(Link::Mul, values_of)]);
                                    let links = [(link, other), (Link::Square, &[])];
                                    assert_eq!(compute(a, &links), squares, "{dtype:?} {count}");
                                    values = squares;
                                }
                                let values = &cast_slice(&values)[..count * size];
                                let other = Rows::one(other);
                                let row = Rows::one(a);
                                linked(got, row, block, start, Linked { link, other, is_squared });
                                generic(expected, values, block, start);
                                for (got, expected) in got.chunks(size).zip(expected.chunks(size)) {
                                    let same = got == expected
                                        || is_nan(dtype, got) && is_nan(dtype, expected);
                                    assert!(
                                        same,
                                        "{dtype:?} {link:?} {is_squared} {block} {count}"
                                    );
                                    nonzero += usize::from(got.iter().any(|&byte| byte != 0));
                                }
                            }
                        }
                    }
                }
            }
        }
        assert!(nonzero > 2000, "{nonzero}");
    }

    #[test]
    fn extremes_have_the_bits_of_the_generic_loops() {
        let mut seed = 1_u64;
        let mut random = || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            seed >> 32
        };
        for dtype in [DType::F32, DType::F64] {
            let size = dtype.size();
            let mantissa = if dtype == DType::F32 { 23 } else { 52 };
            let infinity = u64::MAX >> (64 - 8 * size + 1) >> mantissa << mantissa;
            let sign = 1_u64 << (8 * size - 1);
            // Zeros and infinities of both signs, and NaN of both kinds, with payloads.
            let quiet = infinity | 1 << (mantissa - 1);
            let special = [0, infinity, quiet | 1, quiet | 2, infinity | 3, infinity | 4];
            let of_sign = |random: u64| if random & 1 == 0 { 0 } else { sign };
            for len in [1, 255, 256, 257, 300, 512, 1000, 4096] {
                for seldom in [1, 2, 100, 10_000] {
                    for kinds in [1, 2, 6] {
                        let mut next = || match random() % seldom {
                            0 => special[random() as usize % kinds] | of_sign(random()),
                            _ => {
                                let part = (random() & 0xf_ffff) << (mantissa - 20);
                                (infinity / 2 + part) | of_sign(random())
                            }
                        };
                        let mut values = vec![0_u64; 3 * len];
                        let values: &mut [u8] = &mut cast_slice_mut(&mut values)[..3 * len * size];
                        match size {
                            4 => cast_slice_mut(values).fill_with(|| next() as u32),
                            _ => cast_slice_mut(values).fill_with(&mut next),
                        }
                        for start in [infinity, infinity | sign, 0, quiet | 5, infinity | 6] {
                            for op in [Op::Maximum, Op::Minimum] {
                                let (mut got, mut expected) = ([0_u64; 3], [0_u64; 3]);
                                let got = &mut cast_slice_mut(&mut got)[..3 * size];
                                let expected = &mut cast_slice_mut(&mut expected)[..3 * size];
                                block_loop(op, dtype).expect("floats")(got, values, len, start);
                                (fold_of(op, dtype).blocks)(expected, values, len, start);
                                assert_eq!(got, expected, "{op:?} {dtype:?} {len} {start:x}");
                            }
                        }
                    }
                }
            }
        }
    }
}
