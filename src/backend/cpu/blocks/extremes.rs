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

/// The largest value, or the smallest, as `math` has it.
pub(super) struct Extreme<const LARGEST: bool>;

pub(super) type Maximum = Extreme<true>;
pub(super) type Minimum = Extreme<false>;

/// The same of what is no NaN.
pub(super) struct Ordered<const LARGEST: bool>;

impl<T: Number, const LARGEST: bool> Folding<T> for Extreme<LARGEST> {
    #[inline(always)]
    fn vectors<S: Simd>(a: T::Native<S>, b: T::Native<S>) -> T::Native<S> {
        let keeps = if LARGEST { b.simd_le(a) } else { a.simd_le(b) };
        (keeps | !a.simd_eq(a)).select(a, b)
    }

    #[inline(always)]
    fn numbers(a: T, b: T) -> T {
        if LARGEST { compare::maximum(a, b) } else { compare::minimum(a, b) }
    }
}

impl<T: Number, const LARGEST: bool> Folding<T> for Ordered<LARGEST> {
    #[inline(always)]
    fn vectors<S: Simd>(a: T::Native<S>, b: T::Native<S>) -> T::Native<S> {
        let beats = if LARGEST { b.simd_gt(a) } else { b.simd_lt(a) };
        beats.select(b, a)
    }

    #[inline(always)]
    fn numbers(a: T, b: T) -> T {
        let beats = if LARGEST { Float::gt(b, a) } else { Float::lt(b, a) };
        T::select(beats, b, a)
    }
}

impl<T: Number, const LARGEST: bool> Runs<T> for Extreme<LARGEST> {
    type Ordered = Ordered<LARGEST>;

    #[inline(always)]
    fn runs<S: Simd, const N: usize>(
        simd: S,
        lanes: &mut [T::Native<S>; N],
        (runs, start): (usize, T),
        value: impl Fn(usize, usize) -> T::Native<S>,
    ) -> bool {
        let neutral = if LARGEST { f64::NEG_INFINITY } else { f64::INFINITY };
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
                    *lane = <Self::Ordered as Folding<T>>::vectors::<S>(*lane, value);
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
                    *lane =
                        <Self as Folding<T>>::vectors::<S>(*lane, value(run, number * GROUP + k));
                }
            }
            *group = held;
        }
        false
    }
}
