//! float16 by the machine's own conversions, where it has them: the bits of `math::half`.
//!
//! Theirs differ from ours in NaN alone: to float16 they keep of its payload what fits, to float32 they
//! make a signalling one quiet. Where a NaN is seen, the bits are made ours.
#![allow(unsafe_code, reason = "calls functions for features that the machine was seen to have")]

use bytemuck::{cast_slice, cast_slice_mut};

use super::lanes;
#[cfg(target_arch = "x86_64")]
use super::level::level;
use crate::math::half::{f16_bits_to_f32, f32_to_f16_bits, round_to_f16};

/// Returns what the function makes of its arguments by the conversions of this machine, if it has them.
macro_rules! by_machine {
    ($name:ident($($argument:expr),*)) => {
        #[cfg(target_arch = "x86_64")]
        {
            let level = level();
            if level.as_avx512().is_some() {
                // SAFETY: the machine has AVX-512, as just seen.
                return unsafe { avx512::$name($($argument),*) };
            }
            if level.as_avx2().is_some() {
                // SAFETY: the machine has AVX2 and F16C, which is part of that level.
                return unsafe { avx2::$name($($argument),*) };
            }
        }
    };
}

/// From stored forms to lanes.
pub(super) fn widen(out: &mut [u8], a: &[u8]) {
    by_machine!(widen(cast_slice_mut(out), cast_slice(a)));
    lanes::unary(out, a, f16_bits_to_f32);
}

/// From lanes to stored forms.
pub(super) fn narrow(out: &mut [u8], a: &[u8]) {
    by_machine!(narrow(cast_slice_mut(out), cast_slice(a)));
    lanes::unary(out, a, f32_to_f16_bits);
}

/// Makes lanes float16 numbers.
pub(super) fn round(values: &mut [u8]) {
    by_machine!(round(cast_slice_mut(values)));
    lanes::in_place(values, round_to_f16);
}

/// `out[i] = f(a[i], b[i])` of stored forms.
#[inline(always)]
pub(super) fn binary(out: &mut [u8], a: &[u8], b: &[u8], f: impl Fn(f32, f32) -> f32) {
    by_machine!(binary(cast_slice_mut(out), cast_slice(a), cast_slice(b), f));
    lanes::binary::<u16, u16, _>(
        out,
        a,
        b,
        #[inline(always)]
        |a, b| f32_to_f16_bits(f(f16_bits_to_f32(a), f16_bits_to_f32(b))),
    );
}

/// `out[i] = f(a[i], b[i])` of stored forms and float32 numbers.
#[inline(always)]
pub(super) fn with_number(out: &mut [u8], a: &[u8], b: &[u8], f: impl Fn(f32, f32) -> f32) {
    by_machine!(with_number(cast_slice_mut(out), cast_slice(a), cast_slice(b), f));
    lanes::ternary::<u16, f32, u16, _>(
        out,
        a,
        b,
        b,
        #[inline(always)]
        |a, b, _| f32_to_f16_bits(f(f16_bits_to_f32(a), b)),
    );
}

/// Conversions of one set of features, `$to_f32` and `$to_f16` of `$lanes` lanes.
#[cfg(target_arch = "x86_64")]
macro_rules! machine {
    ($name:ident $features:literal $lanes:literal $to_f32:ident $to_f16:ident $load:ident $store:ident
        $load_f32:ident $store_f32:ident) => {
        mod $name {
            use std::arch::x86_64::*;

            use crate::math::half::{f16_bits_to_f32, f32_to_f16_bits, round_to_f16};

            #[inline]
            #[target_feature(enable = $features)]
            fn to_f32(out: &mut [f32], a: &[u16]) {
                let (out, out_rest) = out.as_chunks_mut::<$lanes>();
                let (a, rest) = a.as_chunks::<$lanes>();
                for (out, a) in out.iter_mut().zip(a) {
                    // SAFETY: both are as many lanes as are loaded and stored.
                    unsafe {
                        let a = $to_f32($load(a.as_ptr().cast()));
                        $store_f32(out.as_mut_ptr(), a);
                    }
                }
                for (out, &a) in out_rest.iter_mut().zip(rest) {
                    *out = f16_bits_to_f32(a);
                }
            }

            #[inline]
            #[target_feature(enable = $features)]
            fn to_f16(out: &mut [u16], a: &[f32]) {
                let (out, out_rest) = out.as_chunks_mut::<$lanes>();
                let (a, rest) = a.as_chunks::<$lanes>();
                for (out, a) in out.iter_mut().zip(a) {
                    // SAFETY: both are as many lanes as are loaded and stored.
                    unsafe {
                        let a = $to_f16::<_MM_FROUND_TO_NEAREST_INT>($load_f32(a.as_ptr()));
                        $store(out.as_mut_ptr().cast(), a);
                    }
                }
                for (out, &a) in out_rest.iter_mut().zip(rest) {
                    *out = f32_to_f16_bits(a);
                }
            }

            #[inline]
            #[target_feature(enable = $features)]
            fn has_nan(values: &[u16]) -> bool {
                values.iter().fold(0, |most, value| most.max(value & 0x7fff)) > 0x7c00
            }

            #[inline]
            #[target_feature(enable = $features)]
            fn drop_payloads(values: &mut [u16]) {
                for value in values {
                    *value = if *value & 0x7fff > 0x7c00 { *value & 0xfe00 } else { *value };
                }
            }

            #[target_feature(enable = $features)]
            pub(super) fn widen(out: &mut [f32], a: &[u16]) {
                to_f32(out, a);
                if has_nan(a) {
                    out.iter_mut().zip(a).for_each(|(out, &a)| *out = f16_bits_to_f32(a));
                }
            }

            #[target_feature(enable = $features)]
            pub(super) fn narrow(out: &mut [u16], a: &[f32]) {
                to_f16(out, a);
                if has_nan(out) {
                    drop_payloads(out);
                }
            }

            #[target_feature(enable = $features)]
            pub(super) fn round(values: &mut [f32]) {
                if values.iter().fold(false, |any, value| any | value.is_nan()) {
                    values.iter_mut().for_each(|value| *value = round_to_f16(*value));
                    return;
                }
                let (chunks, rest) = values.as_chunks_mut::<$lanes>();
                let mut halves = [0; $lanes];
                for values in chunks {
                    to_f16(&mut halves, values);
                    to_f32(values, &halves);
                }
                rest.iter_mut().for_each(|value| *value = round_to_f16(*value));
            }

            #[target_feature(enable = $features)]
            pub(super) fn binary(
                out: &mut [u16],
                a: &[u16],
                b: &[u16],
                f: impl Fn(f32, f32) -> f32,
            ) {
                let (outs, out_rest) = out.as_chunks_mut::<$lanes>();
                let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<$lanes>(), b.as_chunks::<$lanes>());
                for ((out, a), b) in outs.iter_mut().zip(a).zip(b) {
                    let (mut first, mut second) = ([0.0; $lanes], [0.0; $lanes]);
                    to_f32(&mut first, a);
                    to_f32(&mut second, b);
                    for (a, &b) in first.iter_mut().zip(&second) {
                        *a = f(*a, b);
                    }
                    to_f16(out, &first);
                }
                for ((out, &a), &b) in out_rest.iter_mut().zip(a_rest).zip(b_rest) {
                    *out = f32_to_f16_bits(f(f16_bits_to_f32(a), f16_bits_to_f32(b)));
                }
                if has_nan(out) {
                    drop_payloads(out);
                }
            }

            #[target_feature(enable = $features)]
            pub(super) fn with_number(
                out: &mut [u16],
                a: &[u16],
                b: &[f32],
                f: impl Fn(f32, f32) -> f32,
            ) {
                let (outs, out_rest) = out.as_chunks_mut::<$lanes>();
                let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<$lanes>(), b.as_chunks::<$lanes>());
                for ((out, a), b) in outs.iter_mut().zip(a).zip(b) {
                    let mut values = [0.0; $lanes];
                    to_f32(&mut values, a);
                    for (a, &b) in values.iter_mut().zip(b) {
                        *a = f(*a, b);
                    }
                    to_f16(out, &values);
                }
                for ((out, &a), &b) in out_rest.iter_mut().zip(a_rest).zip(b_rest) {
                    *out = f32_to_f16_bits(f(f16_bits_to_f32(a), b));
                }
                if has_nan(out) {
                    drop_payloads(out);
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
machine!(avx512 "avx512f,avx512bw,avx512vl" 16 _mm512_cvtph_ps _mm512_cvtps_ph
    _mm256_loadu_si256 _mm256_storeu_si256 _mm512_loadu_ps _mm512_storeu_ps);
#[cfg(target_arch = "x86_64")]
machine!(avx2 "avx2,f16c" 8 _mm256_cvtph_ps _mm256_cvtps_ph
    _mm_loadu_si128 _mm_storeu_si128 _mm256_loadu_ps _mm256_storeu_ps);

#[cfg(test)]
mod tests {
    use super::*;

    /// What is tested: the functions that this machine gets, and those of lesser ones that it can run.
    struct Way {
        widen: fn(&mut [f32], &[u16]),
        narrow: fn(&mut [u16], &[f32]),
        round: fn(&mut [f32]),
        product: fn(&mut [u16], &[u16], &[u16]),
    }

    fn ways() -> Vec<Way> {
        #[allow(unused_mut, reason = "other machines have but one")]
        let mut ways = vec![Way {
            widen: |out, a| widen(cast_slice_mut(out), cast_slice(a)),
            narrow: |out, a| narrow(cast_slice_mut(out), cast_slice(a)),
            round: |values| round(cast_slice_mut(values)),
            product: |out, a, b| {
                binary(cast_slice_mut(out), cast_slice(a), cast_slice(b), |a, b| a * b);
            },
        }];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("f16c") {
            ways.push(Way {
                // SAFETY: the features are there, as just seen.
                widen: |out, a| unsafe { avx2::widen(out, a) },
                // SAFETY: as above.
                narrow: |out, a| unsafe { avx2::narrow(out, a) },
                // SAFETY: as above.
                round: |values| unsafe { avx2::round(values) },
                // SAFETY: as above.
                product: |out, a, b| unsafe { avx2::binary(out, a, b, |a, b| a * b) },
            });
        }
        ways
    }

    /// Every 251st float32 and all around the float16 numbers and the middles between them.
    #[test]
    fn conversions_have_the_bits_of_math_half() {
        let halves: Vec<u16> = (0..=u16::MAX).collect();
        let exact: Vec<f32> = halves.iter().map(|&h| f16_bits_to_f32(h)).collect();
        let near = exact.iter().flat_map(|x| {
            let step = 1_u32 << 12;
            [0, 1, u32::MAX, step, step - 1, step + 1].map(|d| x.to_bits().wrapping_add(d))
        });
        let bits = near.chain((0..=u32::MAX).step_by(251));
        let values: Vec<f32> = bits.map(f32::from_bits).collect();
        for Way { widen, narrow, round, .. } in ways() {
            // In pieces of several lengths too: a NaN decides how its neighbours are converted.
            let pieces = [&halves[..], &halves[0x7bf0..0x7c10], &halves[3..20]];
            for halves in pieces.into_iter().chain(halves.chunks(1)) {
                let mut got = vec![0_f32; halves.len()];
                widen(&mut got, halves);
                for (&half, got) in halves.iter().zip(got) {
                    assert_eq!(got.to_bits(), f16_bits_to_f32(half).to_bits(), "{half:#x}");
                }
            }
            for values in values.chunks(1 << 12) {
                let mut got = vec![0_u16; values.len()];
                narrow(&mut got, values);
                for (value, got) in values.iter().zip(got) {
                    assert_eq!(got, f32_to_f16_bits(*value), "{:#x}", value.to_bits());
                }
            }
            // NaN among them decides how all of a piece are rounded.
            for values in values.chunks(97) {
                let mut got = values.to_vec();
                round(&mut got);
                for (value, got) in values.iter().zip(got) {
                    let expected = round_to_f16(*value);
                    assert_eq!(got.to_bits(), expected.to_bits(), "{:#x}", value.to_bits());
                }
            }
        }
    }

    #[test]
    fn binary_has_the_bits_of_math_half() {
        let a: Vec<u16> = (0..=u16::MAX).collect();
        for (Way { product, .. }, shift) in
            ways().iter().flat_map(|way| [0, 1, 0x3c00, 0x7c00, 0x8000, 12345].map(|s| (way, s)))
        {
            let b: Vec<u16> = a.iter().map(|h| h.wrapping_mul(40503).wrapping_add(shift)).collect();
            for len in [a.len(), 300, 17, 1] {
                let (a, b) = (&a[a.len() - len..], &b[b.len() - len..]);
                let mut got = vec![0_u16; len];
                product(&mut got, a, b);
                for ((&a, &b), got) in a.iter().zip(b).zip(got) {
                    let product = f32_to_f16_bits(f16_bits_to_f32(a) * f16_bits_to_f32(b));
                    let is_nan = |half: u16| half & 0x7fff > 0x7c00;
                    assert!(got == product || is_nan(got) && is_nan(product), "{a:#x} {b:#x}");
                }
            }
        }
    }
}
