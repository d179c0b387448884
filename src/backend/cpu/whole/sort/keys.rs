//! Integers that are ordered as the keys are.

use bytemuck::{AnyBitPattern, cast_slice};
use half::{bf16, f16};

use super::super::super::lanes::simd;
use crate::dtype::DType;

/// Puts what `of` makes of an integer for each element, in as many bits as the dtype has or 32, that orders them,
/// and of its number there.
pub(super) fn put_keys<P>(dtype: DType, bytes: &[u8], out: &mut [P], of: impl Fn(u64, usize) -> P) {
    #[inline(always)]
    fn put<T: AnyBitPattern, P>(
        (bytes, out): (&[u8], &mut [P]),
        of: impl Fn(u64, usize) -> P,
        key: impl Fn(T) -> u64,
    ) {
        let elements: &[T] = cast_slice(bytes);
        simd(
            #[inline(always)]
            move || {
                for (number, (out, &element)) in out.iter_mut().zip(elements).enumerate() {
                    *out = of(key(element), number);
                }
            },
        );
    }
    #[inline(always)]
    fn narrow(value: impl Into<i32>) -> u64 {
        u64::from(value.into() as u32 ^ 1 << 31)
    }
    #[inline(always)]
    fn float(value: impl Into<f32>) -> u64 {
        f32_key(value.into()).into()
    }
    let place = (bytes, out);
    match dtype {
        // Pooled memory may hold any byte; see `Backend::allocate`.
        DType::Bool => put(place, of, |v: u8| u64::from(v != 0)),
        DType::U8 => put(place, of, |v: u8| v.into()),
        DType::I8 => put(place, of, |v: i8| narrow(v)),
        DType::I16 => put(place, of, |v: i16| narrow(v)),
        DType::I32 => put(place, of, |v: i32| narrow(v)),
        DType::I64 => put(place, of, |v: i64| v as u64 ^ 1 << 63),
        // Keys of a half are those of the float32 that it is.
        DType::F16 => put(place, of, |v: f16| float(v)),
        DType::BF16 => put(place, of, |v: bf16| float(v)),
        DType::F32 => put(place, of, |v: f32| float(v)),
        DType::F64 => put(place, of, f64_key),
    }
}

/// Calls `put` with the integer of each element, see [`put_keys`].
pub(super) fn each_key(dtype: DType, bytes: &[u8], mut put: impl FnMut(u64)) {
    let mut keys = [0; 256];
    for bytes in bytes.chunks(keys.len() * dtype.size()) {
        let keys = &mut keys[..bytes.len() / dtype.size()];
        put_keys(
            dtype,
            bytes,
            keys,
            #[inline(always)]
            |key, _| key,
        );
        keys.iter().for_each(|&key| put(key));
    }
}

/// The bits of a positive number with the sign bit set, the bits of a negative one inverted; NaN beyond
/// all, and -0 as 0.
#[inline(always)]
fn f32_key(value: f32) -> u32 {
    let bits = value.to_bits();
    match bits << 1 {
        0 => 1 << 31,
        _ if value.is_nan() => u32::MAX,
        _ => bits ^ ((bits as i32 >> 31) as u32 | 1 << 31),
    }
}

#[inline(always)]
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
    fn put_keys_puts_those_of_each_key_and_their_numbers() {
        let words: Vec<u64> = (1..80).map(|i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        let bytes: &[u8] = cast_slice(&words);
        for dtype in DType::ALL {
            let size = dtype.size();
            let mut put = vec![(0, 0); bytes.len() / size];
            put_keys(dtype, bytes, &mut put, |key, number| (key, number));
            let key = |bytes| keys(dtype, bytes)[0];
            let expected: Vec<_> = bytes.chunks(size).map(key).zip(0..).collect();
            assert_eq!(put, expected, "{dtype}");
        }
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
