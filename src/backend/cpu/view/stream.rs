//! Stores past the cache.

use fearless_simd::Simd;

#[cfg(all(target_arch = "x86_64", not(miri)))]
use super::super::level::level;

/// Memory that is written past the cache, as [`stream`] does; begins with a line, if it is not empty.
/// [`fence`] must follow before another thread looks.
pub(in super::super) struct PastCache<'a>(pub(super) &'a mut [u8]);

impl PastCache<'_> {
    pub(in super::super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Writes bytes at a multiple of their number: past the cache, if they are a vector.
    #[inline(always)]
    pub(in super::super) fn write<S: Simd>(&mut self, simd: S, at: usize, bytes: &[u8]) {
        let to = &mut self.0[at..at + bytes.len()];
        assert!(at.is_multiple_of(bytes.len()));
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        match bytes.len() {
            // SAFETY: `simd` says that the machine has it; `to` is as long, and aligned as it lies that
            // many bytes from the beginning of a line.
            64 if simd.level().as_avx512().is_some() => unsafe {
                return stream_avx512(bytes.as_chunks().0, to.as_mut_ptr());
            },
            // SAFETY: as above.
            32 | 64 if simd.level().as_avx2().is_some() => unsafe {
                return stream_avx2(bytes.as_chunks().0, to.as_mut_ptr());
            },
            // SAFETY: as above.
            16 | 32 | 64 => unsafe { return stream_sse2(bytes.as_chunks().0, to.as_mut_ptr()) },
            _ => {}
        }
        let _ = simd;
        to.copy_from_slice(bytes);
    }
}

/// Copies with stores that go past the cache: a line that is written whole need not be read first, and
/// displaces nothing. [`fence`] must follow before another thread looks.
///
/// # Safety
/// `to` is valid for as many bytes and does not overlap.
#[cfg(all(target_arch = "x86_64", not(miri)))]
pub(super) unsafe fn stream(from: &[u8], to: *mut u8) {
    let head = to.align_offset(64).min(from.len());
    let (head, rest) = from.split_at(head);
    let (lines, tail) = rest.as_chunks::<64>();
    // SAFETY: by contract; the lines of `to` begin at multiples of 64.
    unsafe {
        copy(head, to);
        let to = to.add(head.len());
        let level = level();
        if level.as_avx512().is_some() {
            stream_avx512(lines, to);
        } else if level.as_avx2().is_some() {
            stream_avx2(lines.as_flattened().as_chunks().0, to);
        } else {
            stream_sse2(lines.as_flattened().as_chunks().0, to);
        }
        copy(tail, to.add(size_of_val(lines)));
    }
}

/// # Safety
/// As [`stream`].
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
unsafe fn copy(from: &[u8], to: *mut u8) {
    // Mostly there is nothing, which is quicker to see here than to call for.
    if !from.is_empty() {
        // SAFETY: by contract.
        unsafe { to.copy_from_nonoverlapping(from.as_ptr(), from.len()) };
    }
}

/// Functions that store vectors of so many bytes past the cache.
#[cfg(all(target_arch = "x86_64", not(miri)))]
macro_rules! streams {
    ($($name:ident: $feature:literal, $bytes:literal, $load:ident, $store:ident;)*) => {$(
        /// # Safety
        /// The machine has the feature; `to` is valid for the vectors and aligned to them.
        #[target_feature(enable = $feature)]
        #[inline]
        unsafe fn $name(vectors: &[[u8; $bytes]], to: *mut u8) {
            use std::arch::x86_64::{$load, $store};
            for (i, vector) in vectors.iter().enumerate() {
                // SAFETY: by contract.
                unsafe { $store(to.add($bytes * i).cast(), $load(vector.as_ptr().cast())) };
            }
        }
    )*};
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
streams! {
    stream_avx512: "avx512f", 64, _mm512_loadu_si512, _mm512_stream_si512;
    stream_avx2: "avx2", 32, _mm256_loadu_si256, _mm256_stream_si256;
    stream_sse2: "sse2", 16, _mm_loadu_si128, _mm_stream_si128;
}

/// # Safety
/// `to` is valid for as many bytes and does not overlap.
#[cfg(not(all(target_arch = "x86_64", not(miri))))]
pub(super) unsafe fn stream(from: &[u8], to: *mut u8) {
    // SAFETY: by contract.
    unsafe { to.copy_from_nonoverlapping(from.as_ptr(), from.len()) };
}

/// Makes what was stored past the cache visible to whoever synchronises with this thread.
pub(in super::super) fn fence() {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: every x86-64 has SSE.
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}
