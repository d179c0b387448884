//! Sorting: positions in the order of their keys.
//!
//! A key becomes an integer that is ordered as the keys are, and with its position the low part of one
//! number. No two of those are equal, so any sort of them is the stable one, on any number of threads.
#![allow(unsafe_code, reason = "reads and writes the lines that it sorts")]

use bytemuck::{cast_slice, cast_slice_mut};
use rayon::prelude::*;

use super::super::registers::Scratch;
use super::super::run::each_range;
use super::super::threads;
use super::super::view::View;
use super::{At, Blocks};
use crate::backend::Launch;
use crate::dtype::DType;

/// Elements below which another thread costs more than it saves. Tests are to see several.
const GRAIN: usize = if cfg!(test) { 1 << 6 } else { 1 << 14 };
/// Elements of a line that several threads sort.
const LONG: usize = 1 << 15;
/// Elements of lines that are copied together: lines side by side share cache lines.
const TOGETHER: usize = 1 << 14;

/// Runs the launch.
pub(super) fn run(launch: &Launch, descending: bool) {
    let (code, args) = (&launch.kernel.code, &launch.kernel.args);
    let [keys, positions] = [0, 1].map(|i| {
        let buffer = &launch.buffers[usize::from(code.operands[i].buffer)];
        View::new(buffer, &code.operands[i], &args.operands[i], &args.shape)
    });
    let len = args.shape.last().copied().unwrap_or(1);
    let job = Job {
        // Of whole lines, which are rows.
        blocks: Blocks::new(&args.shape, TOGETHER.max(len)),
        len,
        dtype: code.operands[0].dtype,
        descending,
        keys,
        positions,
    };
    let parts = match launch.kernel.len() / GRAIN {
        0 | 1 => 1,
        worth => worth.min(4 * threads::count()),
    };
    each_range(job.blocks.count(), parts, |from, to| job.sort(from, to));
}

struct Job<'a> {
    blocks: Blocks<'a>,
    /// Of a line.
    len: usize,
    dtype: DType,
    descending: bool,
    keys: View<'a>,
    positions: View<'a>,
}

impl Job<'_> {
    fn sort(&self, from: usize, to: usize) {
        let (mut keys, mut positions) = (Scratch::default(), Scratch::default());
        // Key and position in one number: 32 bits each where that is enough.
        let narrow = self.dtype.size() < 8 && u32::try_from(self.len).is_ok();
        let (mut pairs, mut wide_pairs) = (Vec::new(), Vec::new());
        for index in from..to {
            let at = self.blocks.at(index);
            let points = at.rows * at.columns;
            let keys = keys.bytes(points * self.keys.size);
            // SAFETY: the elements of these points, which nobody writes.
            unsafe { self.keys.gather(at.block(self.keys.strides), keys) };
            let positions = positions.bytes(points * self.positions.size);
            let lines = keys.chunks(self.len * self.keys.size);
            for (keys, out) in lines.zip(positions.chunks_mut(self.len * self.positions.size)) {
                if narrow {
                    pairs.clear();
                    let flip = if self.descending { u32::MAX } else { 0 };
                    each_key(self.dtype, keys, |key| {
                        let place = pairs.len() as u64;
                        pairs.push(u64::from(key as u32 ^ flip) << 32 | place);
                    });
                    order(&mut pairs);
                    store(out, pairs.iter().map(|&pair| pair as u32 as usize));
                } else {
                    wide_pairs.clear();
                    let flip = if self.descending { u64::MAX } else { 0 };
                    each_key(self.dtype, keys, |key| {
                        let place = wide_pairs.len() as u128;
                        wide_pairs.push(u128::from(key ^ flip) << 64 | place);
                    });
                    order(&mut wide_pairs);
                    store(out, wide_pairs.iter().map(|&pair| pair as u64 as usize));
                }
            }
            self.store(&at, positions);
        }
    }

    fn store(&self, at: &At, positions: &[u8]) {
        // SAFETY: the elements of these points, which only this thread has.
        unsafe { self.positions.scatter(at.block(self.positions.strides), positions, false) };
    }
}

fn order<T: Ord + Send>(pairs: &mut [T]) {
    if pairs.len() < LONG { pairs.sort_unstable() } else { pairs.par_sort_unstable() }
}

/// Writes positions as int64 or int32, as many bytes as there are for each.
fn store(out: &mut [u8], positions: impl ExactSizeIterator<Item = usize>) {
    if out.len() == 8 * positions.len() {
        let out: &mut [i64] = cast_slice_mut(out);
        out.iter_mut().zip(positions).for_each(|(out, position)| *out = position as i64);
    } else {
        let out: &mut [i32] = cast_slice_mut(out);
        out.iter_mut().zip(positions).for_each(|(out, position)| *out = position as i32);
    }
}

/// Calls `put` with an integer for each element, in as many bits as the dtype has or 32, that orders them.
fn each_key(dtype: DType, bytes: &[u8], mut put: impl FnMut(u64)) {
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
