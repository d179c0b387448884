//! Extremes: the larger or the smaller of two floats, NaN if either is.
//!
//! # Note [Ordered]
//! To select between a lane and a value takes a look at both for NaN, which is more work than the rest. So lanes take
//! values as if none were, which is one instruction where the machine has it, and a mask remembers whether one
//! was: then the runs of the block are folded again. What lanes begin with is mostly what leaves every value
//! as it is, to the bit; then they begin with the first run.

use fearless_simd::{Select, Simd, SimdBase, SimdFrom, SimdMask};

use super::{Folding, Number, Runs};
use crate::math::algebra::Float;
use crate::math::compare;

/// Vectors of a group of lanes, of which those of a block are a multiple. The lanes of a group take the whole block
/// together, so that they are in registers: what selects would else become a store under a mask, for which the next
/// run waits.
const GROUP: usize = 8;

/// As `math` has it.
pub(super) struct Maximum;

/// As `math` has it.
pub(super) struct Minimum;

/// The maximum of what is no NaN.
pub(super) struct Larger;

/// The minimum of what is no NaN.
pub(super) struct Smaller;

impl<T: Number> Folding<T> for Maximum {
    #[inline(always)]
    fn vectors<S: Simd>(a: T::Native<S>, b: T::Native<S>) -> T::Native<S> {
        (b.simd_le(a) | !a.simd_eq(a)).select(a, b)
    }

    #[inline(always)]
    fn numbers(a: T, b: T) -> T {
        compare::maximum(a, b)
    }
}

impl<T: Number> Folding<T> for Minimum {
    #[inline(always)]
    fn vectors<S: Simd>(a: T::Native<S>, b: T::Native<S>) -> T::Native<S> {
        (a.simd_le(b) | !a.simd_eq(a)).select(a, b)
    }

    #[inline(always)]
    fn numbers(a: T, b: T) -> T {
        compare::minimum(a, b)
    }
}

impl<T: Number> Folding<T> for Larger {
    #[inline(always)]
    fn vectors<S: Simd>(a: T::Native<S>, b: T::Native<S>) -> T::Native<S> {
        b.simd_gt(a).select(b, a)
    }

    #[inline(always)]
    fn numbers(a: T, b: T) -> T {
        T::select(Float::gt(b, a), b, a)
    }
}

impl<T: Number> Folding<T> for Smaller {
    #[inline(always)]
    fn vectors<S: Simd>(a: T::Native<S>, b: T::Native<S>) -> T::Native<S> {
        b.simd_lt(a).select(b, a)
    }

    #[inline(always)]
    fn numbers(a: T, b: T) -> T {
        T::select(Float::lt(b, a), b, a)
    }
}

impl<T: Number> Runs<T> for Maximum {
    type Ordered = Larger;

    #[inline(always)]
    fn runs<S: Simd, const N: usize>(
        simd: S,
        lanes: &mut [T::Native<S>; N],
        from: (usize, T),
        value: impl Fn(usize, usize) -> T::Native<S>,
    ) -> bool {
        by_groups::<S, T, Self, N>(simd, lanes, from, f64::NEG_INFINITY, value)
    }
}

impl<T: Number> Runs<T> for Minimum {
    type Ordered = Smaller;

    #[inline(always)]
    fn runs<S: Simd, const N: usize>(
        simd: S,
        lanes: &mut [T::Native<S>; N],
        from: (usize, T),
        value: impl Fn(usize, usize) -> T::Native<S>,
    ) -> bool {
        by_groups::<S, T, Self, N>(simd, lanes, from, f64::INFINITY, value)
    }
}

/// Folds as [`Runs::runs`]; `neutral` is what leaves every value as it is.
#[inline(always)]
fn by_groups<S: Simd, T: Number, F: Runs<T>, const N: usize>(
    simd: S,
    lanes: &mut [T::Native<S>; N],
    (runs, start): (usize, T),
    neutral: f64,
    value: impl Fn(usize, usize) -> T::Native<S>,
) -> bool {
    let starts = T::Native::<S>::simd_from(simd, start);
    let mut are_ordered = starts.simd_eq(starts);
    let is_neutral = runs > 0 && start == T::lit(neutral);
    for (number, group) in lanes.as_chunks_mut::<GROUP>().0.iter_mut().enumerate() {
        let mut held = *group;
        if is_neutral {
            for (k, lane) in held.iter_mut().enumerate() {
                *lane = value(0, number * GROUP + k);
                are_ordered &= lane.simd_eq(*lane);
            }
        }
        for run in usize::from(is_neutral)..runs {
            for (k, lane) in held.iter_mut().enumerate() {
                let value = value(run, number * GROUP + k);
                are_ordered &= value.simd_eq(value);
                *lane = F::Ordered::vectors(*lane, value);
            }
        }
        *group = held;
    }
    if are_ordered.all_true() {
        return true;
    }
    for (number, group) in lanes.as_chunks_mut::<GROUP>().0.iter_mut().enumerate() {
        let mut held = [starts; GROUP];
        for run in 0..runs {
            for (k, lane) in held.iter_mut().enumerate() {
                *lane = F::vectors(*lane, value(run, number * GROUP + k));
            }
        }
        *group = held;
    }
    false
}
