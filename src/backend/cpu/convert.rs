//! Between storage and lanes, and between dtypes.
//!
//! Widening (loads), narrowing (stores, and the results of operations), Note [Casts], select. All are
//! loops over a tile.

use bytemuck::{Pod, cast_slice, cast_slice_mut};
use fearless_simd::{Simd, SimdBase, SimdCvtTruncate, SimdWiden, dispatch};

use super::float16;
use super::lanes::{Loop, in_place, ternary, unary};
use super::level::level;
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

/// From stored form to stored form, as [`cast`] between what widens and what narrows, for some dtypes of
/// which one is narrower than its lane.
pub(super) fn stored_cast(from: DType, to: DType) -> Option<Loop> {
    use DType::{BF16, Bool, F16, F32, F64, I8, I16, I32, I64, U8};
    Some(match (from, to) {
        (U8 | I8, Bool) => |out, a, _, _| unary(out, a, |v: u8| u8::from(v != 0)),
        (I16, Bool) => |out, a, _, _| unary(out, a, |v: u16| u8::from(v != 0)),
        (F16 | BF16, Bool) => |out, a, _, _| unary(out, a, |v: u16| u8::from(v << 1 != 0)),
        (I32, Bool) => |out, a, _, _| unary(out, a, |v: i32| u8::from(v != 0)),
        (I64, Bool) => |out, a, _, _| unary(out, a, |v: i64| u8::from(v != 0)),
        (F32, Bool) => |out, a, _, _| unary(out, a, |v: f32| u8::from(v != 0.0)),
        (F64, Bool) => |out, a, _, _| unary(out, a, |v: f64| u8::from(v != 0.0)),
        (I16, U8 | I8) => |out, a, _, _| unary(out, a, |v: u16| v as u8),
        (I32, U8 | I8) => |out, a, _, _| unary(out, a, |v: u32| v as u8),
        (I64, U8 | I8) => |out, a, _, _| unary(out, a, |v: u64| v as u8),
        (I32, I16) => |out, a, _, _| unary(out, a, |v: u32| v as u16),
        (I64, I16) => |out, a, _, _| unary(out, a, |v: u64| v as u16),
        (F32, U8 | I8) => |out, a, _, _| truncate_short(out, a, |v| v as u8),
        (F32, I16) => |out, a, _, _| truncate_short(out, a, |v| v as u16),
        (Bool, I32) => |out, a, _, _| unary(out, a, |v: u8| i32::from(v != 0)),
        (Bool, I64) => |out, a, _, _| unary(out, a, |v: u8| i64::from(v != 0)),
        (Bool, F32) => |out, a, _, _| unary(out, a, |v: u8| f32::from(u8::from(v != 0))),
        (U8, I32) => |out, a, _, _| unary(out, a, |v: u8| i32::from(v)),
        (I8, I32) => |out, a, _, _| unary(out, a, |v: i8| i32::from(v)),
        (I16, I32) => |out, a, _, _| unary(out, a, |v: i16| i32::from(v)),
        (U8, F32) => |out, a, _, _| unary(out, a, |v: u8| f32::from(v)),
        (I8, F32) => |out, a, _, _| unary(out, a, |v: i8| f32::from(v)),
        (I16, F32) => |out, a, _, _| unary(out, a, |v: i16| f32::from(v)),
        (U8, I64) => |out, a, _, _| unary(out, a, |v: u8| i64::from(v)),
        (I8, I64) => |out, a, _, _| unary(out, a, |v: i8| i64::from(v)),
        (I16, I64) => |out, a, _, _| unary(out, a, |v: i16| i64::from(v)),
        (F16, F32) => |out, a, _, _| float16::widen(out, a),
        (BF16, F32) => |out, a, _, _| unary(out, a, bf16_bits_to_f32),
        _ => return None,
    })
}

// Towards zero, saturated, NaN to 0, as `as` does: the compiler has no vectors for that.

fn truncate_f32(out: &mut [i32], a: &[f32]) {
    dispatch!(level(), simd => truncate_by(simd, out, a));
}

#[inline(always)]
fn truncate_by<S: Simd>(simd: S, out: &mut [i32], a: &[f32]) {
    let vector = |out: &mut [i32], a: &[f32]| {
        let a = S::f32s::from_slice(simd, a);
        out.copy_from_slice(S::i32s::truncate_from_precise(a).as_slice());
    };
    by_vectors(S::f32s::LEN, out, a, vector, |a| a as i32);
}

/// Truncated to 32 bits, and then to those of the result.
fn truncate_short<R: Pod>(out: &mut [u8], a: &[u8], wrap: impl Fn(i32) -> R) {
    /// So few that they stay in the first cache.
    const PIECE: usize = 256;
    let (out, a): (&mut [R], &[f32]) = (cast_slice_mut(out), cast_slice(a));
    dispatch!(level(), simd => {
        for (out, a) in out.chunks_mut(PIECE).zip(a.chunks(PIECE)) {
            let whole = &mut [0; PIECE][..a.len()];
            truncate_by(simd, whole, a);
            for (out, &whole) in out.iter_mut().zip(&*whole) {
                *out = wrap(whole);
            }
        }
    });
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
    dispatch!(level(), simd => by(simd, out, a));
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
    dispatch!(level(), simd => by(simd, out, a));
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

/// Whether the first argument is below the second or not below the third.
pub(super) fn outside(lane: Lane) -> Loop {
    match lane {
        Lane::I32 | Lane::F32 => |out, a, least, end| {
            ternary(out, a, least, end, |a: i32, least: i32, end: i32| (a < least) | (a >= end));
        },
        Lane::I64 | Lane::F64 => |out, a, least, end| {
            ternary(out, a, least, end, |a: i64, least: i64, end: i64| (a < least) | (a >= end));
        },
    }
}

/// The second argument where the first, bool, is true, else the third, an int64, as an int32.
pub(super) fn marked() -> Loop {
    |out, m, mark, a| {
        ternary(out, a, m, mark, |a: i64, m: i32, mark: i32| if m != 0 { mark } else { a as i32 });
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

    #[test]
    fn stored_casts_have_the_bits_of_lanes() {
        let mut casts = 0;
        let dtypes = DType::ALL;
        for (from, to) in dtypes.iter().flat_map(|&from| dtypes.iter().map(move |&to| (from, to))) {
            let Some(stored) = stored_cast(from, to) else { continue };
            casts += 1;
            // Bits of all kinds, of floats near the ends of integers too, and many zeros.
            let mut bits = 1_u64;
            let mut random = || {
                bits = bits.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                let (word, count) = (bits >> 20 << 20, (bits >> 33) % 80);
                match (from, count) {
                    (_, 70..) => 0,
                    (DType::F32, 0..35) => {
                        let one =
                            |word: u32| (word as f32 * 2f32.powi(count as i32 - 35)).to_bits();
                        u64::from(one(word as u32)) | u64::from(one((word >> 32) as u32)) << 32
                    }
                    (DType::F32 | DType::F64, 69) => 1 << 63 | 1 << 31,
                    _ => word >> (count % 64),
                }
            };
            let words: Vec<u64> = (0..40_000).map(|_| random()).collect();
            let a: &[u8] = &cast_slice(&words)[..319_992];
            let len = a.len() / from.size();
            // The lanes that are widened, cast and narrowed.
            let mut lanes = [vec![0_u64; len], vec![0; len]];
            let [x, y] = lanes.each_mut().map(|lanes| cast_slice_mut::<_, u8>(lanes));
            let bytes_of = |dtype: DType| match dtype.lane() {
                Lane::I32 | Lane::F32 => 4 * len,
                Lane::I64 | Lane::F64 => 8 * len,
            };
            let (x, y) = (&mut x[..bytes_of(from)], &mut y[..bytes_of(to)]);
            widen(from).unwrap_or(copy())(x, a, &[], &[]);
            cast(from, to).unwrap_or(copy())(y, x, &[], &[]);
            let mut results = [vec![0_u64; len], vec![0; len]];
            let results = results.each_mut().map(|results| cast_slice_mut::<_, u8>(results));
            let [expected, got] = results.map(|bytes| &mut bytes[..len * to.size()]);
            narrow(to).unwrap_or(copy())(expected, y, &[], &[]);
            stored(got, a, &[], &[]);
            assert!(got == expected, "{from:?} to {to:?}");
            assert!(got.iter().any(|&byte| byte != 0), "{from:?} to {to:?}");
        }
        assert_eq!(casts, 34);
    }
}
