//! Loops of long functions, which take several numbers in turn.
//!
//! See [`turns`](crate::math::turns). A loop goes by rounds of [`ROUND`] elements, a quarter of which are the first of
//! four, and so on: vectors of each quarter, of whatever width, are what is computed in turn. What is left at
//! the end is computed one by one; the bits are the same.

use bytemuck::{Zeroable as _, cast_slice, cast_slice_mut};

use super::lanes::{Operand, Outcome, map, map_two, simd};
use crate::math::turns::{Four, Two};

/// Elements of a round: four vectors of the widest kind.
const ROUND: usize = 64;

/// Elements of a quarter.
const STEP: usize = ROUND / 4;

/// The four at one place of the quarters.
#[inline(always)]
fn four<A: Operand>(lanes: &[A::Lane; ROUND], place: usize) -> Four<A> {
    let at = |quarter: usize| A::from_lane(lanes[quarter * STEP + place]);
    Two(Two(at(0), at(1)), Two(at(2), at(3)))
}

/// Puts four results at one place of the quarters.
#[inline(always)]
fn put<R: Outcome>(lanes: &mut [R::Lane; ROUND], place: usize, results: Four<R>) {
    let Two(Two(first, second), Two(third, fourth)) = results;
    for (quarter, result) in [first, second, third, fourth].into_iter().enumerate() {
        lanes[quarter * STEP + place] = result.into_lane();
    }
}

/// `out[i] = f(a[i])`, with `f` for four and for one.
#[inline(always)]
pub(super) fn unary<A, R>(
    out: &mut [u8],
    a: &[u8],
    of_four: impl Fn(Four<A>) -> Four<R>,
    of_one: impl Fn(A) -> R,
) where
    A: Operand,
    R: Outcome,
{
    let out: &mut [R::Lane] = cast_slice_mut(out);
    let a: &[A::Lane] = cast_slice(a);
    debug_assert_eq!(out.len(), a.len());
    let (rounds, out) = out.as_chunks_mut::<ROUND>();
    let (a_rounds, a) = a.as_chunks::<ROUND>();
    simd(
        #[inline(always)]
        || {
            for (out, a) in rounds.iter_mut().zip(a_rounds) {
                // Of its own, so that the compiler knows that nothing overlaps.
                let (a, mut results) = (*a, [R::Lane::zeroed(); ROUND]);
                for place in 0..STEP {
                    put(&mut results, place, of_four(four::<A>(&a, place)));
                }
                *out = results;
            }
            map(out, a, of_one);
        },
    );
}

/// `out[i] = f(a[i], b[i])`, with `f` for four and for one.
#[inline(always)]
pub(super) fn binary<A, R>(
    out: &mut [u8],
    a: &[u8],
    b: &[u8],
    of_four: impl Fn(Four<A>, Four<A>) -> Four<R>,
    of_one: impl Fn(A, A) -> R,
) where
    A: Operand,
    R: Outcome,
{
    let out: &mut [R::Lane] = cast_slice_mut(out);
    let [a, b]: [&[A::Lane]; 2] = [cast_slice(a), cast_slice(b)];
    debug_assert!(out.len() == a.len() && out.len() == b.len());
    let (rounds, out) = out.as_chunks_mut::<ROUND>();
    let ((a_rounds, a), (b_rounds, b)) = (a.as_chunks::<ROUND>(), b.as_chunks::<ROUND>());
    simd(
        #[inline(always)]
        || {
            for ((out, a), b) in rounds.iter_mut().zip(a_rounds).zip(b_rounds) {
                let (a, b, mut results) = (*a, *b, [R::Lane::zeroed(); ROUND]);
                for place in 0..STEP {
                    let result = of_four(four::<A>(&a, place), four::<A>(&b, place));
                    put(&mut results, place, result);
                }
                *out = results;
            }
            map_two(out, (a, b), of_one);
        },
    );
}
