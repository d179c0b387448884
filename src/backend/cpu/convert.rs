//! Between storage and lanes, and between dtypes.
//!
//! Widening (loads), narrowing (stores, and the results of operations), Note [Casts], select. All are
//! loops over a tile; the halves convert by integer arithmetic that vectorises.

use super::lanes::{Loop, in_place, ternary, unary};
use crate::dtype::{DType, Lane};

/// From the stored form to the lane; nothing where they are one.
pub(super) fn widen(dtype: DType) -> Option<Loop> {
    Some(match dtype {
        // Pooled memory may hold any byte; see `Backend::allocate`.
        DType::Bool => |out, a, _, _| unary(out, a, |v: u8| i32::from(v != 0)),
        DType::U8 => |out, a, _, _| unary(out, a, |v: u8| i32::from(v)),
        DType::I8 => |out, a, _, _| unary(out, a, |v: i8| i32::from(v)),
        DType::I16 => |out, a, _, _| unary(out, a, |v: i16| i32::from(v)),
        DType::F16 => |out, a, _, _| unary(out, a, f16_to_f32),
        DType::BF16 => |out, a, _, _| unary(out, a, bf16_to_f32),
        DType::I32 | DType::I64 | DType::F32 | DType::F64 => return None,
    })
}

/// From the lane to the stored form: integers wrap, halves round to nearest even.
pub(super) fn narrow(dtype: DType) -> Option<Loop> {
    Some(match dtype {
        DType::Bool | DType::U8 | DType::I8 => |out, a, _, _| unary(out, a, |v: i32| v as u8),
        DType::I16 => |out, a, _, _| unary(out, a, |v: i32| v as u16),
        DType::F16 => |out, a, _, _| unary(out, a, f32_to_f16),
        DType::BF16 => |out, a, _, _| unary(out, a, f32_to_bf16),
        DType::I32 | DType::I64 | DType::F32 | DType::F64 => return None,
    })
}

/// Makes every lane representable in the dtype, as [`narrow`] would; nothing where every lane is.
pub(super) fn round(dtype: DType) -> Option<fn(&mut [u8])> {
    Some(match dtype {
        DType::U8 => |values| in_place(values, |v: i32| i32::from(v as u8)),
        DType::I8 => |values| in_place(values, |v: i32| i32::from(v as i8)),
        DType::I16 => |values| in_place(values, |v: i32| i32::from(v as i16)),
        DType::F16 => |values| in_place(values, |v: f32| f16_to_f32(f32_to_f16(v))),
        DType::BF16 => |values| in_place(values, |v: f32| bf16_to_f32(f32_to_bf16(v))),
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
        (Lane::F32, Lane::I32) => |out, a, _, _| unary(out, a, |v: f32| v as i32),
        (Lane::F32, Lane::I64) => |out, a, _, _| unary(out, a, |v: f32| v as i64),
        (Lane::F32, Lane::F64) => |out, a, _, _| unary(out, a, |v: f32| f64::from(v)),
        (Lane::F64, Lane::I32) => |out, a, _, _| unary(out, a, |v: f64| v as i32),
        (Lane::F64, Lane::I64) => |out, a, _, _| unary(out, a, |v: f64| v as i64),
        (Lane::F64, Lane::F32) => |out, a, _, _| unary(out, a, |v: f64| v as f32),
    })
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
        DType::F16 => u64::from(f16_to_f32(bits as u16).to_bits()),
        DType::BF16 => u64::from(bf16_to_f32(bits as u16).to_bits()),
        DType::I32 | DType::F32 => u64::from(bits as u32),
        DType::I64 | DType::F64 => bits,
    }
}

/// Exact. The exponent is moved by a multiplication, which also normalises subnormals.
#[inline(always)]
fn f16_to_f32(half: u16) -> f32 {
    let half = u32::from(half);
    let sign = (half & 0x8000) << 16;
    let magnitude = (half & 0x7fff) << 13;
    let scale = f32::from_bits((127 + 112) << 23);
    let finite = (f32::from_bits(magnitude) * scale).to_bits();
    let special = magnitude | 0x7f80_0000;
    f32::from_bits(sign | if magnitude < 0x7c00 << 13 { finite } else { special })
}

/// To nearest even; NaN becomes the quiet NaN of its sign.
#[inline(always)]
fn f32_to_f16(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16) & 0x8000;
    let magnitude = bits & 0x7fff_ffff;
    // Normal: rebias and add half an ulp, less one where the kept part is even. 65520 and above carry
    // into infinity, larger exponents are cut to it.
    let odd = (magnitude >> 13) & 1;
    let normal = (magnitude.wrapping_sub(112 << 23).wrapping_add(0xfff + odd)) >> 13;
    // Subnormal: the ulp of 0.5 is 2^-24, the smallest float16, so that the addition rounds.
    let subnormal = (f32::from_bits(magnitude) + 0.5).to_bits().wrapping_sub(0.5_f32.to_bits());
    let finite = if magnitude < 113 << 23 { subnormal } else { normal };
    let bounded = if magnitude < 0x4780_0000 { finite } else { 0x7c00 };
    let result = if magnitude > 0x7f80_0000 { 0x7e00 } else { bounded };
    (sign | result) as u16
}

/// Exact.
#[inline(always)]
fn bf16_to_f32(half: u16) -> f32 {
    f32::from_bits(u32::from(half) << 16)
}

/// To nearest even; NaN becomes a quiet NaN.
#[inline(always)]
fn f32_to_bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
    let quiet = (bits >> 16) | 0x40;
    (if bits & 0x7fff_ffff > 0x7f80_0000 { quiet } else { rounded }) as u16
}
