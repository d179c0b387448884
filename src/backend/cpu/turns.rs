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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{hyperbolic, power};

    /// Numbers of both signs, zeros, infinities and NaN among them.
    fn numbers(len: usize, from: usize) -> Vec<f64> {
        let special = [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1.0, 1e-310, -1e30];
        let number = |i: usize| match i % 11 {
            0 => special[i / 11 % special.len()],
            _ => (i as f64 * 0.37).sin() * f64::from(i as u32 % 40),
        };
        (from..from + len).map(number).collect()
    }

    /// Of whole rounds, of none, and of what is left.
    #[test]
    fn what_is_computed_in_turn_has_the_bits_of_what_is_alone() {
        for len in [0, 1, 15, ROUND - 1, ROUND, ROUND + 1, 2 * ROUND, 3 * ROUND + 17] {
            let (a, b) = (numbers(len, 3), numbers(len, 1000));
            let mut got = vec![0.0_f64; len];
            unary::<f64, f64>(
                cast_slice_mut(&mut got),
                cast_slice(&a),
                hyperbolic::tanh,
                hyperbolic::tanh,
            );
            for (&a, got) in a.iter().zip(&got) {
                assert_eq!(got.to_bits(), hyperbolic::tanh(a).to_bits(), "{a} of {len}");
            }
            let [a, b] = [a, b].map(|x| x.iter().map(|&x| x as f32).collect::<Vec<_>>());
            let mut got = vec![0.0_f32; len];
            binary::<f32, f32>(
                cast_slice_mut(&mut got),
                cast_slice(&a),
                cast_slice(&b),
                power::pow,
                power::pow,
            );
            for ((&a, &b), got) in a.iter().zip(&b).zip(&got) {
                assert_eq!(got.to_bits(), power::pow(a, b).to_bits(), "{a}, {b} of {len}");
            }
        }
    }
}
