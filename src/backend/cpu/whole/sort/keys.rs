//! Integers that are ordered as the keys are.

use bytemuck::cast_slice;

use crate::dtype::DType;

/// Calls `put` with an integer for each element, in as many bits as the dtype has or 32, that orders them.
pub(super) fn each_key(dtype: DType, bytes: &[u8], mut put: impl FnMut(u64)) {
    let narrow = |key: i32| u64::from(key as u32 ^ 1 << 31);
    match dtype {
        // Pooled memory may hold any byte; see `Backend::allocate`.
        DType::Bool => bytes.iter().for_each(|&v| put(u64::from(v != 0))),
        DType::U8 => bytes.iter().for_each(|&v| put(v.into())),
        DType::I8 => cast_slice::<_, i8>(bytes).iter().for_each(|&v| put(narrow(v.into()))),
        DType::I16 => cast_slice::<_, i16>(bytes).iter().for_each(|&v| put(narrow(v.into()))),
        DType::I32 => cast_slice::<_, i32>(bytes).iter().for_each(|&v| put(narrow(v))),
        DType::I64 => {
            cast_slice::<_, i64>(bytes).iter().for_each(|&v| put(v as u64 ^ 1 << 63));
        }
        DType::F16 => float_keys::<half::f16>(bytes, put),
        DType::BF16 => float_keys::<half::bf16>(bytes, put),
        DType::F32 => cast_slice::<_, f32>(bytes).iter().for_each(|&v| put(f32_key(v).into())),
        DType::F64 => cast_slice::<_, f64>(bytes).iter().for_each(|&v| put(f64_key(v))),
    }
}

/// Keys of a half are those of the float32 that it is.
fn float_keys<H: bytemuck::AnyBitPattern + Into<f32>>(bytes: &[u8], mut put: impl FnMut(u64)) {
    for &value in cast_slice::<_, H>(bytes) {
        put(f32_key(value.into()).into());
    }
}

/// The bits of a positive number with the sign bit set, the bits of a negative one inverted; NaN beyond
/// all, and -0 as 0.
fn f32_key(value: f32) -> u32 {
    let bits = value.to_bits();
    match bits << 1 {
        0 => 1 << 31,
        _ if value.is_nan() => u32::MAX,
        _ => bits ^ ((bits as i32 >> 31) as u32 | 1 << 31),
    }
}

fn f64_key(value: f64) -> u64 {
    let bits = value.to_bits();
    match bits << 1 {
        0 => 1 << 63,
        _ if value.is_nan() => u64::MAX,
        _ => bits ^ ((bits as i64 >> 63) as u64 | 1 << 63),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(dtype: DType, bytes: &[u8]) -> Vec<u64> {
        let mut keys = Vec::new();
        each_key(dtype, bytes, |key| keys.push(key));
        keys
    }

    #[test]
    fn each_key_of_ascending_floats_ascends_and_joins_zeros() {
        let least = f32::from_bits(1);
        let values = [f32::NEG_INFINITY, -1.5, -least, -0.0, 0.0, least, 2.0, f32::INFINITY];
        let mut expected = keys(DType::F32, cast_slice(&values));
        assert_eq!(expected[3], expected[4]);
        expected.remove(3);
        assert!(expected.is_sorted_by(|a, b| a < b), "{expected:x?}");
        let nans = keys(DType::F32, cast_slice(&[f32::NAN, -f32::NAN]));
        assert!(nans.iter().all(|&nan| nan == u64::from(u32::MAX) && nan > expected[6]));
    }

    #[test]
    fn each_key_of_extreme_integers_ascends() {
        let wide = keys(DType::I64, cast_slice(&[i64::MIN, -1, 0, 1, i64::MAX]));
        let narrow = keys(DType::I8, cast_slice(&[i8::MIN, -1, 0, 1, i8::MAX]));
        for keys in [wide, narrow] {
            assert!(keys.is_sorted_by(|a, b| a < b), "{keys:x?}");
        }
        assert_eq!(keys(DType::Bool, &[0, 1, 7]), [0, 1, 1]);
    }
}
