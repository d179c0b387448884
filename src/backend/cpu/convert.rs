//! Between storage and lanes, and between dtypes.
//!
//! Widening (loads), narrowing (stores, and the results of operations), Note [Casts], select. All are
//! loops over a tile.

use bytemuck::{cast_slice, cast_slice_mut};
use fearless_simd::{Level, Simd, SimdBase, SimdCvtTruncate, SimdWiden, dispatch};

use super::float16;
use super::lanes::{Loop, in_place, ternary, unary};
use crate::dtype::{DType, Lane};
use crate::math::half::{bf16_bits_to_f32, f16_bits_to_f32, f32_to_bf16_bits, round_to_bf16};

/// From the stored form to the lane; nothing where they are one.
pub(super) fn widen(dtype: DType) -> Option<Loop> {
    Some(match dtype {
        // Pooled memory may hold any byte; see `Backend::allocate`.
        DType::Bool => |out, a, _, _| unary(out, a, |v: u8| i32::from(v != 0)),
        DType::U8 => |out, a, _, _| unary(out, a, |v: u8| i32::from(v)),
        DType::I8 => |out, a, _, _| unary(out, a, |v: i8| i32::from(v)),
        DType::I16 => |out, a, _, _| unary(out, a, |v: i16| i32::from(v)),
        DType::F16 => |out, a, _, _| float16::widen(out, a),
        DType::BF16 => |out, a, _, _| unary(out, a, bf16_bits_to_f32),
        DType::I32 | DType::I64 | DType::F32 | DType::F64 => return None,
    })
}

/// From the lane to the stored form: integers wrap, halves round to nearest even.
pub(super) fn narrow(dtype: DType) -> Option<Loop> {
    Some(match dtype {
        DType::Bool | DType::U8 | DType::I8 => |out, a, _, _| unary(out, a, |v: i32| v as u8),
        DType::I16 => |out, a, _, _| unary(out, a, |v: i32| v as u16),
        DType::F16 => |out, a, _, _| float16::narrow(out, a),
        DType::BF16 => |out, a, _, _| unary(out, a, f32_to_bf16_bits),
        DType::I32 | DType::I64 | DType::F32 | DType::F64 => return None,
    })
}

/// Makes every lane representable in the dtype, as [`narrow`] would; nothing where every lane is.
pub(super) fn round(dtype: DType) -> Option<fn(&mut [u8])> {
    Some(match dtype {
        DType::U8 => |values| in_place(values, |v: i32| i32::from(v as u8)),
        DType::I8 => |values| in_place(values, |v: i32| i32::from(v as i8)),
        DType::I16 => |values| in_place(values, |v: i32| i32::from(v as i16)),
        DType::F16 => float16::round,
        DType::BF16 => |values| in_place(values, round_to_bf16),
        _ => return None,
    })
}

/// From lane to lane, before [`round`]; nothing where the lane stays what it is.
pub(super) fn cast(from: DType, to: DType) -> Option<Loop> {
    if to == DType::Bool {
        return match (from, from.lane()) {
            (DType::Bool, _) => None,
            (_, Lane::I32) => Some(|out, a, _, _| unary(out, a, |v: i32| v != 0)),
            (_, Lane::I64) => Some(|out, a, _, _| unary(out, a, |v: i64| v != 0)),
            (_, Lane::F32) => Some(|out, a, _, _| unary(out, a, |v: f32| v != 0.0)),
            (_, Lane::F64) => Some(|out, a, _, _| unary(out, a, |v: f64| v != 0.0)),
        };
    }
    Some(match (from.lane(), to.lane()) {
        (Lane::I32, Lane::I32)
        | (Lane::I64, Lane::I64)
        | (Lane::F32, Lane::F32)
        | (Lane::F64, Lane::F64) => return None,
        (Lane::I32, Lane::I64) => |out, a, _, _| unary(out, a, |v: i32| i64::from(v)),
        (Lane::I32, Lane::F32) => |out, a, _, _| unary(out, a, |v: i32| v as f32),
        (Lane::I32, Lane::F64) => |out, a, _, _| unary(out, a, |v: i32| f64::from(v)),
        (Lane::I64, Lane::I32) => |out, a, _, _| unary(out, a, |v: i64| v as i32),
        (Lane::I64, Lane::F32) => |out, a, _, _| unary(out, a, |v: i64| v as f32),
        (Lane::I64, Lane::F64) => |out, a, _, _| unary(out, a, |v: i64| v as f64),
        (Lane::F32, Lane::I32) => |out, a, _, _| truncate_f32(cast_slice_mut(out), cast_slice(a)),
        (Lane::F32, Lane::I64) => |out, a, _, _| truncate_long(cast_slice_mut(out), cast_slice(a)),
        (Lane::F32, Lane::F64) => |out, a, _, _| unary(out, a, |v: f32| f64::from(v)),
        (Lane::F64, Lane::I32) => |out, a, _, _| unary(out, a, |v: f64| v as i32),
        (Lane::F64, Lane::I64) => |out, a, _, _| truncate_f64(cast_slice_mut(out), cast_slice(a)),
        (Lane::F64, Lane::F32) => |out, a, _, _| unary(out, a, |v: f64| v as f32),
    })
}

// Towards zero, saturated, NaN to 0, as `as` does: the compiler has no vectors for that.

fn truncate_f32(out: &mut [i32], a: &[f32]) {
    #[inline(always)]
    fn by<S: Simd>(simd: S, out: &mut [i32], a: &[f32]) {
        let vector = |out: &mut [i32], a: &[f32]| {
            let a = S::f32s::from_slice(simd, a);
            out.copy_from_slice(S::i32s::truncate_from_precise(a).as_slice());
        };
        by_vectors(S::f32s::LEN, out, a, vector, |a| a as i32);
    }
    dispatch!(Level::new(), simd => by(simd, out, a));
}

fn truncate_f64(out: &mut [i64], a: &[f64]) {
    #[inline(always)]
    fn by<S: Simd>(simd: S, out: &mut [i64], a: &[f64]) {
        let vector = |out: &mut [i64], a: &[f64]| {
            let a = S::f64s::from_slice(simd, a);
            out.copy_from_slice(S::i64s::truncate_from_precise(a).as_slice());
        };
        by_vectors(S::f64s::LEN, out, a, vector, |a| a as i64);
    }
    dispatch!(Level::new(), simd => by(simd, out, a));
}

fn truncate_long(out: &mut [i64], a: &[f32]) {
    #[inline(always)]
    fn by<S: Simd>(simd: S, out: &mut [i64], a: &[f32]) {
        let vector = |out: &mut [i64], a: &[f32]| {
            let (low, high) = S::f32s::from_slice(simd, a).widen();
            let (first, second) = out.split_at_mut(S::f64s::LEN);
            first.copy_from_slice(S::i64s::truncate_from_precise(low).as_slice());
            second.copy_from_slice(S::i64s::truncate_from_precise(high).as_slice());
        };
        by_vectors(S::f32s::LEN, out, a, vector, |a| a as i64);
    }
    dispatch!(Level::new(), simd => by(simd, out, a));
}

/// Converts `width` elements at a time by `vector`, and what is left by `number`.
#[inline(always)]
fn by_vectors<A: Copy, R>(
    width: usize,
    out: &mut [R],
    a: &[A],
    vector: impl Fn(&mut [R], &[A]),
    number: impl Fn(A) -> R,
) {
    debug_assert_eq!(out.len(), a.len());
    let (mut outs, values) = (out.chunks_exact_mut(width), a.chunks_exact(width));
    let rest = values.remainder();
    for (out, a) in outs.by_ref().zip(values) {
        vector(out, a);
    }
    for (out, &a) in outs.into_remainder().iter_mut().zip(rest) {
        *out = number(a);
    }
}

/// Whether every value of `from`, cast to `to` within one lane type, is representable as it is.
pub(super) fn fits(from: DType, to: DType) -> bool {
    from == to
        || from == DType::Bool
        || matches!(to, DType::I32 | DType::F32)
        || matches!((from, to), (DType::U8 | DType::I8, DType::I16))
}

/// The bytes as they are.
pub(super) fn copy() -> Loop {
    |out, a, _, _| out.copy_from_slice(a)
}

/// Lanes of the second argument where the first, bool, is true, else of the third.
pub(super) fn select(lane: Lane) -> Loop {
    match lane {
        Lane::I32 | Lane::F32 => |out, m, a, b| {
            ternary(out, m, a, b, |m: i32, a: u32, b: u32| if m != 0 { a } else { b });
        },
        Lane::I64 | Lane::F64 => |out, m, a, b| {
            ternary(out, m, a, b, |m: i32, a: u64, b: u64| if m != 0 { a } else { b });
        },
    }
}

/// The lane's bits from the stored form of a scalar, zero-extended.
pub(super) fn scalar_lane(dtype: DType, bits: u64) -> u64 {
    match dtype {
        DType::Bool => u64::from(bits as u8 != 0),
        DType::U8 => u64::from(bits as u8),
        DType::I8 => u64::from(i32::from(bits as i8) as u32),
        DType::I16 => u64::from(i32::from(bits as i16) as u32),
        DType::F16 => u64::from(f16_bits_to_f32(bits as u16).to_bits()),
        DType::BF16 => u64::from(bf16_bits_to_f32(bits as u16).to_bits()),
        DType::I32 | DType::F32 => u64::from(bits as u32),
        DType::I64 | DType::F64 => bits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truncations_are_those_of_rust() {
        let edges = [0.0, 0.9, 1.5, 2147483520.0, 2147483648.0, 4294967296.0, 9.3e18, 9.2e18, 1e30];
        let special = [f64::INFINITY, f64::NAN, f64::MAX, f64::MIN_POSITIVE];
        // Every 65,521st float32 too, and lengths that leave some for after the vectors.
        let mut wide: Vec<f64> = edges.iter().chain(&special).flat_map(|&x| [x, -x]).collect();
        wide.extend((0..=u32::MAX).step_by(65_521).map(|bits| f64::from(f32::from_bits(bits))));
        let narrow: Vec<f32> = wide.iter().map(|&x| x as f32).collect();
        for len in [wide.len(), 1, 7, 17, 33] {
            let (mut ints, mut longs, mut widened) = (vec![0; len], vec![0; len], vec![0; len]);
            truncate_f32(&mut ints, &narrow[..len]);
            truncate_f64(&mut longs, &wide[..len]);
            truncate_long(&mut widened, &narrow[..len]);
            for i in 0..len {
                assert_eq!(ints[i], narrow[i] as i32, "{}", narrow[i]);
                assert_eq!(longs[i], wide[i] as i64, "{}", wide[i]);
                assert_eq!(widened[i], narrow[i] as i64, "{}", narrow[i]);
            }
        }
    }
}
