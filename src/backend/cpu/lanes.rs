//! Loops over lanes, and how they reach the machine's vectors.
//!
//! Owns [`Loop`], the one type of everything that is computed over a tile, and the loops over one, two
//! and three arguments that `ops` and `convert` instantiate. Arguments are bytes: a loop knows its own
//! element types, whoever calls it need not.
//!
//! Plain indexed loops without branches vectorise by themselves once the target features are there;
//! [`simd`] brings them. It has two levels beside the target's own baseline (SSE2, NEON): a level costs
//! a copy of every loop, and what lies between SSE2 and AVX2 is too old to be worth one.

use std::array;

use bytemuck::{Pod, cast_slice, cast_slice_mut};
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use fearless_simd::Simd;

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use super::level::level;
use crate::kernel::INNER_LANES;
use crate::math::algebra::Float;

/// Computes every element of the first slice from those of the others, which are as long in elements.
pub(super) type Loop = fn(&mut [u8], &[u8], &[u8], &[u8]);

/// Folds into every element of the first slice the elements of the second, whose length is a multiple of
/// the first's: for each run of that length, element by element.
pub(super) type Accumulate = fn(&mut [u8], &[u8]);

/// Folds each run of so many elements of the second slice, the last of which may be shorter, into one
/// of the first: lane `j` of [`INNER_LANES`] starts with the value that is given by its bits and takes
/// elements `j`, `j + INNER_LANES`, .. one after the other, then the upper half of the lanes is folded
/// into the lower one until one is left.
pub(super) type Blocks = fn(&mut [u8], &[u8], usize, u64);

/// Folds the elements of each line of the second slice, lines of so many, and puts each result in place of what
/// was folded. Each line begins with the only element of the first slice, which at the end is the last result.
pub(super) type Scan = fn(&mut [u8], &mut [u8], usize);

/// Folds each element of the last slice into the element of the first whose place the second gives, one
/// after the other; places that are not there are left out.
pub(super) type AccumulateAt = fn(&mut [u8], &[usize], &[u8]);

/// A number type that mathematical functions are instantiated with.
pub(super) trait Operand: Copy {
    /// What it is in a register.
    type Lane: Pod;
    fn from_lane(lane: Self::Lane) -> Self;
}

/// What such a function returns.
pub(super) trait Outcome: Copy {
    type Lane: Pod;
    fn into_lane(self) -> Self::Lane;
}

macro_rules! plain {
    ($($type:ty)*) => {$(
        impl Operand for $type {
            type Lane = Self;
            #[inline(always)]
            fn from_lane(lane: Self) -> Self {
                lane
            }
        }

        impl Outcome for $type {
            type Lane = Self;
            #[inline(always)]
            fn into_lane(self) -> Self {
                self
            }
        }
    )*};
}

plain!(u8 i8 u16 i16 u32 i32 u64 i64 f32 f64);

/// A mask is a bool, and a bool is an `i32` that is 0 or 1.
impl Outcome for bool {
    type Lane = i32;
    #[inline(always)]
    fn into_lane(self) -> i32 {
        i32::from(self)
    }
}

/// Runs the closure with the widest vectors that the machine has.
#[inline(always)]
pub(super) fn simd<R>(body: impl FnOnce() -> R) -> R {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    {
        let level = level();
        if let Some(avx512) = level.as_avx512() {
            return avx512.vectorize(body);
        }
        if let Some(avx2) = level.as_avx2() {
            return avx2.vectorize(body);
        }
    }
    body()
}

/// Whether `mul_add` within [`simd`] is one instruction.
pub(super) fn has_fused() -> bool {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    {
        let level = level();
        level.as_avx512().is_some() || level.as_avx2().is_some()
    }
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
    false
}

/// `out[i] = f(a[i])`, within [`simd`]. A function of its own, so that the compiler learns from its signature that
/// nothing overlaps; zipped, so that no bound is checked and no iteration left over for a scalar loop.
#[inline(always)]
pub(super) fn map<A: Operand, R: Outcome>(out: &mut [R::Lane], a: &[A::Lane], f: impl Fn(A) -> R) {
    for (out, &a) in out.iter_mut().zip(a) {
        *out = f(A::from_lane(a)).into_lane();
    }
}

/// `out[i] = f(a[i], b[i])`, likewise.
#[inline(always)]
pub(super) fn map_two<A: Operand, R: Outcome>(
    out: &mut [R::Lane],
    (a, b): (&[A::Lane], &[A::Lane]),
    f: impl Fn(A, A) -> R,
) {
    for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
        *out = f(A::from_lane(a), A::from_lane(b)).into_lane();
    }
}

/// `out[i] = f(a[i])`.
#[inline(always)]
pub(super) fn unary<A: Operand, R: Outcome, F: Fn(A) -> R>(out: &mut [u8], a: &[u8], f: F) {
    let (out, a) = (cast_slice_mut(out), cast_slice(a));
    debug_assert_eq!(out.len(), a.len());
    simd(
        #[inline(always)]
        || map(out, a, f),
    );
}

/// `out[i] = f(a[i], b[i])`.
#[inline(always)]
pub(super) fn binary<A, R, F>(out: &mut [u8], a: &[u8], b: &[u8], f: F)
where
    A: Operand,
    R: Outcome,
    F: Fn(A, A) -> R,
{
    let (out, a, b) = (cast_slice_mut(out), cast_slice(a), cast_slice(b));
    debug_assert!(out.len() == a.len() && out.len() == b.len());
    simd(
        #[inline(always)]
        || map_two(out, (a, b), f),
    );
}

/// Whether it holds of every element.
#[inline(always)]
pub(super) fn all<T: Pod>(a: &[u8], f: impl Fn(T) -> bool) -> bool {
    let a: &[T] = cast_slice(a);
    simd(
        #[inline(always)]
        || a.iter().fold(true, |all, &a| all & f(a)),
    )
}

/// `out[i] = f(a[i], b[i])` where `out[i]` is NaN.
pub(super) fn mend<F: Float<Mask = bool> + Pod>(
    out: &mut [u8],
    a: &[u8],
    b: &[u8],
    f: impl Fn(F, F) -> F,
) {
    let out: &mut [F] = cast_slice_mut(out);
    let (a, b): (&[F], &[F]) = (cast_slice(a), cast_slice(b));
    // Mostly there is none, which vectors find out.
    let any = simd(
        #[inline(always)]
        || out.iter().fold(false, |any, out| any | out.is_nan()),
    );
    if any {
        for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
            if out.is_nan() {
                *out = f(a, b);
            }
        }
    }
}

/// `out[i] = f(a[i], b[i], c[i])`.
#[inline(always)]
pub(super) fn ternary<A, B, R, F>(out: &mut [u8], a: &[u8], b: &[u8], c: &[u8], f: F)
where
    A: Operand,
    B: Operand,
    R: Outcome,
    F: Fn(A, B, B) -> R,
{
    #[inline(always)]
    fn map<A: Operand, B: Operand, R: Outcome>(
        out: &mut [R::Lane],
        a: &[A::Lane],
        (b, c): (&[B::Lane], &[B::Lane]),
        f: impl Fn(A, B, B) -> R,
    ) {
        for (((out, &a), &b), &c) in out.iter_mut().zip(a).zip(b).zip(c) {
            *out = f(A::from_lane(a), B::from_lane(b), B::from_lane(c)).into_lane();
        }
    }
    let (out, a) = (cast_slice_mut(out), cast_slice(a));
    let (b, c) = (cast_slice(b), cast_slice(c));
    debug_assert!(out.len() == a.len() && out.len() == b.len() && out.len() == c.len());
    simd(
        #[inline(always)]
        || map(out, a, (b, c), f),
    );
}

/// `into[i] = f(into[i], values[i])` for run after run of `values`, see [`Accumulate`].
#[inline(always)]
pub(super) fn accumulate<A, R, F>(into: &mut [u8], values: &[u8], f: F)
where
    A: Operand,
    R: Outcome<Lane = A::Lane>,
    F: Fn(A, A) -> R,
{
    /// Elements that stay in the processor while all runs are folded into them.
    const KEPT: usize = 64;
    #[inline(always)]
    fn fold<A: Operand, R: Outcome<Lane = A::Lane>>(
        into: &mut [A::Lane],
        values: &[A::Lane],
        f: impl Fn(A, A) -> R,
    ) {
        let f = |a: A::Lane, b| f(A::from_lane(a), A::from_lane(b)).into_lane();
        let (len, runs) = (into.len(), values.len() / into.len().max(1));
        let mut from = 0;
        if runs > 1 {
            for into in into.as_chunks_mut::<KEPT>().0 {
                let mut kept = *into;
                for run in 0..runs {
                    let values = &values[run * len + from..][..KEPT];
                    for (kept, &value) in kept.iter_mut().zip(values) {
                        *kept = f(*kept, value);
                    }
                }
                *into = kept;
                from += KEPT;
            }
        }
        for run in values.chunks_exact(len) {
            for (into, &value) in into[from..].iter_mut().zip(&run[from..]) {
                *into = f(*into, value);
            }
        }
    }
    let (into, values): (&mut [A::Lane], &[A::Lane]) = (cast_slice_mut(into), cast_slice(values));
    debug_assert!(values.len().is_multiple_of(into.len()));
    simd(
        #[inline(always)]
        || fold(into, values, f),
    );
}

/// So that no vector lies across two lines of the cache, which takes several times as long to read soon
/// after it was written.
#[repr(align(64))]
struct Aligned<T>([T; INNER_LANES]);

/// Folds the upper half of the lanes, a power of two of them, into the lower one until one is left.
#[inline(always)]
pub(super) fn halved<T: Copy, const LANES: usize>(
    lanes: &mut [T; LANES],
    f: impl Fn(T, T) -> T,
) -> T {
    /// One time, with lengths that the compiler knows, if there are so many.
    #[inline(always)]
    fn halve<T: Copy, const LANES: usize, const HALF: usize>(
        lanes: &mut [T; LANES],
        f: impl Fn(T, T) -> T,
    ) {
        if LANES < 2 * HALF {
            return;
        }
        let (low, high) = lanes.split_at_mut(HALF);
        for (low, &high) in low.iter_mut().zip(&high[..HALF]) {
            *low = f(*low, high);
        }
    }
    const { assert!(LANES.is_power_of_two() && LANES <= 256) };
    halve::<T, LANES, 128>(lanes, &f);
    halve::<T, LANES, 64>(lanes, &f);
    halve::<T, LANES, 32>(lanes, &f);
    halve::<T, LANES, 16>(lanes, &f);
    halve::<T, LANES, 8>(lanes, &f);
    halve::<T, LANES, 4>(lanes, &f);
    halve::<T, LANES, 2>(lanes, &f);
    halve::<T, LANES, 1>(lanes, &f);
    lanes[0]
}

/// The lane of these bits.
pub(super) fn of_bits<T: Pod>(bits: u64) -> T {
    match size_of::<T>() {
        4 => bytemuck::cast(bits as u32),
        _ => bytemuck::cast(bits),
    }
}

/// See [`Blocks`].
#[inline(always)]
pub(super) fn blocks<A, R, F>(into: &mut [u8], values: &[u8], len: usize, start: u64, f: F)
where
    A: Operand,
    R: Outcome<Lane = A::Lane>,
    F: Fn(A, A) -> R,
{
    /// Lanes of a group: eight vectors of four elements.
    const GROUP: usize = 32;
    const { assert!(INNER_LANES.is_multiple_of(GROUP)) };
    #[inline(always)]
    fn fold<A: Operand, R: Outcome<Lane = A::Lane>>(
        into: &mut [A::Lane],
        values: &[A::Lane],
        (len, start): (usize, A::Lane),
        f: impl Fn(A, A) -> R,
    ) {
        let f = |a: A::Lane, b| f(A::from_lane(a), A::from_lane(b)).into_lane();
        for (into, block) in into.iter_mut().zip(values.chunks(len)) {
            let Aligned(lanes) = &mut Aligned([start; INNER_LANES]);
            let (runs, rest) = block.as_chunks::<INNER_LANES>();
            // A few at a time, which stay in the processor while they take the whole block.
            for (group, lanes) in lanes.as_chunks_mut::<GROUP>().0.iter_mut().enumerate() {
                let mut kept = *lanes;
                for run in runs {
                    for (lane, &value) in kept.iter_mut().zip(&run[group * GROUP..]) {
                        *lane = f(*lane, value);
                    }
                }
                *lanes = kept;
            }
            for (lane, &value) in lanes.iter_mut().zip(rest) {
                *lane = f(*lane, value);
            }
            *into = halved(lanes, f);
        }
    }
    let start = of_bits(start);
    simd(
        #[inline(always)]
        || fold(cast_slice_mut(into), cast_slice(values), (len, start), f),
    );
}

/// `into[places[i]] = f(into[places[i]], values[i])`, see [`AccumulateAt`].
#[inline(always)]
pub(super) fn accumulate_at<A, R, F>(into: &mut [u8], places: &[usize], values: &[u8], f: F)
where
    A: Operand,
    R: Outcome<Lane = A::Lane>,
    F: Fn(A, A) -> R,
{
    let (into, values): (&mut [A::Lane], &[A::Lane]) = (cast_slice_mut(into), cast_slice(values));
    debug_assert_eq!(places.len(), values.len());
    for (&place, &value) in places.iter().zip(values) {
        if let Some(into) = into.get_mut(place) {
            *into = f(A::from_lane(*into), A::from_lane(value)).into_lane();
        }
    }
}

/// Lines that are scanned in turn, as each value waits for the one before.
pub(super) const TOGETHER: usize = 4;

/// `state = f(state, values[i]); values[i] = state`, one after the other, see [`Scan`].
#[inline(always)]
pub(super) fn scan<A, R, F>(state: &mut [u8], values: &mut [u8], len: usize, f: F)
where
    A: Operand,
    R: Outcome<Lane = A::Lane>,
    F: Fn(A, A) -> R,
{
    let (state, values): (&mut [A::Lane], &mut [A::Lane]) =
        (cast_slice_mut(state), cast_slice_mut(values));
    let f = |a: A::Lane, b| f(A::from_lane(a), A::from_lane(b)).into_lane();
    let start = state[0];
    let mut groups = values.chunks_exact_mut(TOGETHER * len);
    for group in &mut groups {
        let mut lines = group.chunks_exact_mut(len);
        let mut lines: [&mut [A::Lane]; TOGETHER] =
            array::from_fn(|_| lines.next().unwrap_or_default());
        let mut last = [start; TOGETHER];
        for i in 0..len {
            for (last, line) in last.iter_mut().zip(&mut lines) {
                *last = f(*last, line[i]);
                line[i] = *last;
            }
        }
        state[0] = last[TOGETHER - 1];
    }
    for line in groups.into_remainder().chunks_mut(len) {
        let mut last = start;
        for value in line {
            last = f(last, *value);
            *value = last;
        }
        state[0] = last;
    }
}

/// `values[i] = f(values[i])`.
#[inline(always)]
pub(super) fn in_place<T: Pod, F: Fn(T) -> T>(values: &mut [u8], f: F) {
    let values: &mut [T] = cast_slice_mut(values);
    simd(
        #[inline(always)]
        || {
            for value in values {
                *value = f(*value);
            }
        },
    );
}
