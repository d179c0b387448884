//! Folds of rows of no more values than a block has lanes, where the identity is neutral.
//!
//! By Note [Neutral] of `tree` lanes without a value need not be folded, nor need the upper half of the
//! others begin with the identity. So there are half as many lanes as the power of two that holds a row, and
//! the first fold is from where the values lie.

use std::ops::RangeInclusive;

use bytemuck::{Pod, cast_slice, cast_slice_mut};

use super::super::lanes::{Blocks, halved, of_bits, simd};
use crate::dtype::DType;
use crate::kernel::INNER_LANES;
use crate::math::compare;
use crate::ops::Op;

/// Lanes that are in the processor together: four vectors of eight.
const GROUP: usize = 32;

/// Values of a row that is folded here: of fewer there would be lanes that no value reaches.
pub(super) const LENS: RangeInclusive<usize> = GROUP + 1..=INNER_LANES;

/// The loop for rows of a length in [`LENS`], each of which becomes an element, with a neutral identity.
pub(super) fn row_loop(op: Op, dtype: DType) -> Option<Blocks> {
    Some(match (op, dtype) {
        (Op::Add, DType::I32) => {
            |to, from, len, start| rows(to, from, len, start, i32::wrapping_add)
        }
        (Op::Add, DType::I64) => {
            |to, from, len, start| rows(to, from, len, start, i64::wrapping_add)
        }
        (Op::Add, DType::F32) => {
            |to, from, len, start| rows(to, from, len, start, |a: f32, b| a + b)
        }
        (Op::Add, DType::F64) => {
            |to, from, len, start| rows(to, from, len, start, |a: f64, b| a + b)
        }
        (Op::Mul, DType::F32) => {
            |to, from, len, start| rows(to, from, len, start, |a: f32, b| a * b)
        }
        (Op::Mul, DType::F64) => {
            |to, from, len, start| rows(to, from, len, start, |a: f64, b| a * b)
        }
        (Op::Maximum, DType::I32) => |to, from, len, start| rows(to, from, len, start, i32::max),
        (Op::Maximum, DType::I64) => |to, from, len, start| rows(to, from, len, start, i64::max),
        (Op::Maximum, DType::F32) => {
            |to, from, len, start| rows(to, from, len, start, compare::maximum::<f32>)
        }
        (Op::Maximum, DType::F64) => {
            |to, from, len, start| rows(to, from, len, start, compare::maximum::<f64>)
        }
        (Op::Minimum, DType::I32) => |to, from, len, start| rows(to, from, len, start, i32::min),
        (Op::Minimum, DType::I64) => |to, from, len, start| rows(to, from, len, start, i64::min),
        (Op::Minimum, DType::F32) => {
            |to, from, len, start| rows(to, from, len, start, compare::minimum::<f32>)
        }
        (Op::Minimum, DType::F64) => {
            |to, from, len, start| rows(to, from, len, start, compare::minimum::<f64>)
        }
        _ => return None,
    })
}

#[inline(always)]
fn rows<T: Pod>(into: &mut [u8], values: &[u8], len: usize, start: u64, f: impl Fn(T, T) -> T) {
    let start = of_bits(start);
    simd(
        #[inline(always)]
        || fold(cast_slice_mut(into), cast_slice(values), (len, start), f),
    );
}

/// So that no vector lies across two lines of the cache.
#[repr(align(64))]
struct Aligned<T>([[T; GROUP]; INNER_LANES / 2 / GROUP]);

#[inline(always)]
fn fold<T: Pod>(into: &mut [T], values: &[T], (len, start): (usize, T), f: impl Fn(T, T) -> T) {
    let half = len.next_power_of_two() / 2;
    let Aligned(lanes) = &mut Aligned([[start; GROUP]; INNER_LANES / 2 / GROUP]);
    let lanes = &mut lanes[..half / GROUP];
    for (into, row) in into.iter_mut().zip(values.chunks_exact(len)) {
        let (low, high) = row.split_at(half);
        let (low, (high, rest)) = (low.as_chunks::<GROUP>().0, high.as_chunks::<GROUP>());
        for (k, (lanes, low)) in lanes.iter_mut().zip(low).enumerate() {
            let mut kept = *low;
            match high.get(k) {
                Some(high) => {
                    for (lane, &value) in kept.iter_mut().zip(high) {
                        *lane = f(f(start, *lane), value);
                    }
                }
                None => {
                    for lane in &mut kept {
                        *lane = f(start, *lane);
                    }
                }
            }
            *lanes = kept;
        }
        if let Some(lanes) = lanes.get_mut(high.len()) {
            for (lane, &value) in lanes.iter_mut().zip(rest) {
                *lane = f(*lane, value);
            }
        }
        let mut groups = lanes.len();
        while groups > 1 {
            groups /= 2;
            let (low, high) = lanes.split_at_mut(groups);
            for (low, high) in low.iter_mut().zip(high) {
                for (low, &high) in low.iter_mut().zip(&*high) {
                    *low = f(*low, high);
                }
            }
        }
        *into = halved(&mut lanes[0], &f);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::ops::fold_of;
    use super::*;

    /// Bits of any kind, among which are zeros of both signs, infinities and NaN.
    fn values(dtype: DType, count: usize) -> Vec<u64> {
        let mut seed = count as u64;
        let mut next = || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let number = ((seed >> 24) as i32 as f64) * 2f64.powi((seed >> 59) as i32 - 16);
            match seed >> 50 & 255 {
                0 => f64::INFINITY,
                1 => f64::NEG_INFINITY,
                2 => f64::NAN,
                3..40 => -0.0,
                40..80 => 0.0,
                _ => number,
            }
        };
        let mut lanes = vec![0_u64; count];
        match dtype {
            DType::F32 => {
                let lanes: &mut [f32] = cast_slice_mut(&mut lanes);
                lanes.iter_mut().for_each(|lane| *lane = next() as f32);
            }
            DType::F64 => {
                cast_slice_mut(&mut lanes).iter_mut().for_each(|lane: &mut f64| *lane = next());
            }
            _ => {
                lanes.iter_mut().for_each(|lane| *lane = next().to_bits().wrapping_mul(0x9e37_79b9))
            }
        }
        lanes
    }

    #[test]
    fn rows_have_the_bits_of_blocks_of_all_lanes() {
        let float = |value: f64| [u64::from((value as f32).to_bits()), value.to_bits()];
        let identities = [
            (Op::Add, [0, 0], [0, 0]),
            (Op::Mul, [1, 1], float(1.0)),
            (Op::Maximum, [i32::MIN as u32 as u64, i64::MIN as u64], float(f64::NEG_INFINITY)),
            (Op::Minimum, [i32::MAX as u64, i64::MAX as u64], float(f64::INFINITY)),
        ];
        let mut compared = 0;
        for (op, ints, floats) in identities {
            let dtypes = [DType::I32, DType::I64, DType::F32, DType::F64];
            for (dtype, start) in dtypes.into_iter().zip(ints.into_iter().chain(floats)) {
                let Some(run) = row_loop(op, dtype) else { continue };
                let size = dtype.size();
                for len in LENS {
                    for count in [1, 3, 8] {
                        let all = values(dtype, count * len);
                        let all = &cast_slice::<u64, u8>(&all)[..count * len * size];
                        let (mut got, mut expected) = ([0_u64; 8], [0_u64; 8]);
                        run(&mut cast_slice_mut(&mut got)[..count * size], all, len, start);
                        let out = &mut cast_slice_mut(&mut expected)[..count * size];
                        (fold_of(op, dtype).blocks)(out, all, len, start);
                        compared += usize::from(got != [0; 8]);
                        let is_nan = |bits: u64| match dtype {
                            DType::F64 => f64::from_bits(bits).is_nan(),
                            _ => false,
                        };
                        let narrow = |bits: [u64; 8]| -> [f32; 16] { bytemuck::cast(bits) };
                        let same = match dtype {
                            DType::F32 => narrow(got).iter().zip(narrow(expected)).all(|(a, b)| {
                                a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
                            }),
                            _ => got
                                .iter()
                                .zip(expected)
                                .all(|(&a, b)| a == b || is_nan(a) && is_nan(b)),
                        };
                        assert!(same, "{op:?} {dtype:?} {count} of {len}: {got:?} {expected:?}");
                    }
                }
            }
        }
        assert!(compared > 5000, "{compared}");
    }
}
