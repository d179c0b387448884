//! Loops over lanes, and how they reach the machine's vectors.
//!
//! Owns [`Loop`], the one type of everything that is computed over a tile, and the loops over one, two
//! and three arguments that `ops` and `convert` instantiate. Arguments are bytes: a loop knows its own
//! element types, whoever calls it need not.
//!
//! Plain indexed loops without branches vectorise by themselves once the target features are there;
//! [`simd`] brings them. It has two levels beside the target's own baseline (SSE2, NEON): a level costs
//! a copy of every loop, and what lies between SSE2 and AVX2 is too old to be worth one.

use bytemuck::{Pod, cast_slice, cast_slice_mut};
use fearless_simd::Level;
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use fearless_simd::Simd;

/// Computes every element of the first slice from those of the others, which are as long in elements.
pub(super) type Loop = fn(&mut [u8], &[u8], &[u8], &[u8]);

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
        let level = Level::new();
        if let Some(avx512) = level.as_avx512() {
            return avx512.vectorize(
                #[inline(always)]
                || body(),
            );
        }
        if let Some(avx2) = level.as_avx2() {
            return avx2.vectorize(
                #[inline(always)]
                || body(),
            );
        }
    }
    body()
}

/// `out[i] = f(a[i])`.
#[inline(always)]
pub(super) fn unary<A: Operand, R: Outcome, F: Fn(A) -> R>(out: &mut [u8], a: &[u8], f: F) {
    let out: &mut [R::Lane] = cast_slice_mut(out);
    let a: &[A::Lane] = &cast_slice(a)[..out.len()];
    simd(
        #[inline(always)]
        || {
            for i in 0..out.len() {
                out[i] = f(A::from_lane(a[i])).into_lane();
            }
        },
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
    let out: &mut [R::Lane] = cast_slice_mut(out);
    let a: &[A::Lane] = &cast_slice(a)[..out.len()];
    let b: &[A::Lane] = &cast_slice(b)[..out.len()];
    simd(
        #[inline(always)]
        || {
            for i in 0..out.len() {
                out[i] = f(A::from_lane(a[i]), A::from_lane(b[i])).into_lane();
            }
        },
    );
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
    let out: &mut [R::Lane] = cast_slice_mut(out);
    let a: &[A::Lane] = &cast_slice(a)[..out.len()];
    let b: &[B::Lane] = &cast_slice(b)[..out.len()];
    let c: &[B::Lane] = &cast_slice(c)[..out.len()];
    simd(
        #[inline(always)]
        || {
            for i in 0..out.len() {
                let (a, b, c) = (A::from_lane(a[i]), B::from_lane(b[i]), B::from_lane(c[i]));
                out[i] = f(a, b, c).into_lane();
            }
        },
    );
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
