//! Folds of integers, which are exact in any order.
//!
//! Note [Fixed tree] of `kernel` has 256 lanes to a block, of which a few at a time would have to pass over all of it
//! to stay in the processor. Sums that wrap and extremes do not see the order, so here a block is read once, from
//! its beginning to its end, into as many lanes as the processor has room for.

use bytemuck::{Pod, cast_slice, cast_slice_mut};

use super::lanes::{Blocks, halved, of_bits, simd};
use crate::dtype::DType;
use crate::ops::Op;

/// Lanes of four bytes that are in the processor together: as many vectors as hide what an operation takes.
const WORDS: usize = 64;

/// The same, of eight bytes.
const LONGS: usize = 32;

/// The loop of folds by this operation in this dtype, if it is here; only for an identity that is neutral.
pub(super) fn int_loop(op: Op, dtype: DType) -> Option<Blocks> {
    Some(match (op, dtype) {
        (Op::Add, DType::I32) => {
            |to, from, len, start| blocks::<_, WORDS>(to, from, len, start, i32::wrapping_add)
        }
        (Op::Maximum, DType::I32) => {
            |to, from, len, start| blocks::<_, WORDS>(to, from, len, start, i32::max)
        }
        (Op::Minimum, DType::I32) => {
            |to, from, len, start| blocks::<_, WORDS>(to, from, len, start, i32::min)
        }
        (Op::Add, DType::I64) => {
            |to, from, len, start| blocks::<_, LONGS>(to, from, len, start, i64::wrapping_add)
        }
        (Op::Maximum, DType::I64) => {
            |to, from, len, start| blocks::<_, LONGS>(to, from, len, start, i64::max)
        }
        (Op::Minimum, DType::I64) => {
            |to, from, len, start| blocks::<_, LONGS>(to, from, len, start, i64::min)
        }
        _ => return None,
    })
}

#[inline(always)]
fn blocks<T: Pod, const LANES: usize>(
    into: &mut [u8],
    values: &[u8],
    len: usize,
    start: u64,
    f: impl Fn(T, T) -> T,
) {
    let (into, values): (&mut [T], &[T]) = (cast_slice_mut(into), cast_slice(values));
    let start = of_bits(start);
    simd(
        #[inline(always)]
        || {
            for (into, block) in into.iter_mut().zip(values.chunks(len)) {
                *into = fold::<T, LANES>(block, start, &f);
            }
        },
    );
}

/// The fold of all values, each lane of which begins with `start`.
#[inline(always)]
pub(super) fn fold<T: Pod, const LANES: usize>(values: &[T], start: T, f: impl Fn(T, T) -> T) -> T {
    let mut lanes = [start; LANES];
    let (runs, rest) = values.as_chunks::<LANES>();
    for run in runs {
        for (lane, &value) in lanes.iter_mut().zip(run) {
            *lane = f(*lane, value);
        }
    }
    for (lane, &value) in lanes.iter_mut().zip(rest) {
        *lane = f(*lane, value);
    }
    halved(&mut lanes, f)
}

#[cfg(test)]
mod tests {
    use super::super::ops::fold_of;
    use super::*;

    #[test]
    fn folds_in_any_order_have_the_bits_of_the_fixed_tree() {
        let mut seed = 1_u64;
        let values: Vec<u64> = (0..9000)
            .map(|_| {
                seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                seed ^ seed >> 31
            })
            .collect();
        let identities = [
            (Op::Add, 0, 0),
            (Op::Maximum, i64::from(i32::MIN) as u64, i64::MIN as u64),
            (Op::Minimum, i32::MAX as u64, i64::MAX as u64),
        ];
        for (op, word, long) in identities {
            for (dtype, start) in [(DType::I32, word), (DType::I64, long)] {
                let size = dtype.size();
                let run = int_loop(op, dtype).expect("integers");
                for len in [1, 3, 31, 32, 33, 63, 64, 65, 100, 128, 255, 256, 1000, 4096] {
                    for count in [1, len, 2 * len, 2 * len + 1, 9000] {
                        let from = &cast_slice::<u64, u8>(&values)[..count * size];
                        let blocks = count.div_ceil(len);
                        let (mut got, mut expected) = (vec![0_u64; blocks], vec![0_u64; blocks]);
                        run(&mut cast_slice_mut(&mut got)[..blocks * size], from, len, start);
                        let out = &mut cast_slice_mut(&mut expected)[..blocks * size];
                        (fold_of(op, dtype).blocks)(out, from, len, start);
                        assert_eq!(got, expected, "{op:?} of {dtype:?}, {count} by {len}");
                    }
                }
            }
        }
    }
}
