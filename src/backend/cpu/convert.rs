//! Between storage and lanes, and between dtypes.
//!
//! Widening (loads), narrowing (stores, and the results of operations), Note [Casts], select. All are
//! loops over a tile.

use super::float16;
use super::lanes::{Loop, in_place, ternary, unary};
use crate::dtype::{DType, Lane};
use crate::math::half::{
    bf16_bits_to_f32, f16_bits_to_f32, f32_to_bf16_bits, round_to_bf16, round_to_f16,
};

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
        DType::F16 => |values| in_place(values, round_to_f16),
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
        DType::F16 => u64::from(f16_bits_to_f32(bits as u16).to_bits()),
        DType::BF16 => u64::from(bf16_bits_to_f32(bits as u16).to_bits()),
        DType::I32 | DType::F32 => u64::from(bits as u32),
        DType::I64 | DType::F64 => bits,
    }
}
