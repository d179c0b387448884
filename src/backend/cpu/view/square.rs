//! Squares of elements that vectors turn: rows become columns.
//!
//! An element is only copied, so what counts is its size. x86-64 has these by hand; a square of any other
//! processor is a loop that the compiler makes what it can of.

/// A way to turn a square of elements of type `T`.
pub(super) trait Square<T> {
    /// Elements on a side.
    const SIDE: usize;

    /// Copies `to[i + j * along] = from[i * across + j]`.
    ///
    /// # Safety
    /// `from` and `to` are valid for all elements of the square, and aligned to one; the machine has what the
    /// way is named for.
    unsafe fn turn(from: *const T, across: usize, to: *mut T, along: usize);
}

/// What is copied: bits of some size, and the best ways to turn squares of them.
pub(super) trait Bits: Copy {
    type Squares: Square<Self>;
    /// For a machine with AVX2.
    type Wide: Square<Self>;
}

macro_rules! bits {
    ($($bits:ty: $wide:ty,)*) => {$(
        impl Bits for $bits {
            type Squares = Baseline;
            type Wide = $wide;
        }
    )*};
}

bits! {
    u8: Baseline,
    u16: Baseline,
    u32: Avx2,
    u64: Avx2,
}

/// For any processor.
#[cfg(any(not(target_arch = "x86_64"), miri))]
pub(super) struct Baseline;

#[cfg(any(not(target_arch = "x86_64"), miri))]
impl<T: Copy> Square<T> for Baseline {
    const SIDE: usize = 4;

    #[inline(always)]
    unsafe fn turn(from: *const T, across: usize, to: *mut T, along: usize) {
        for j in 0..4 {
            for i in 0..4 {
                // SAFETY: by contract.
                unsafe { to.add(j * along + i).write(from.add(i * across + j).read()) };
            }
        }
    }
}

/// Nobody has it.
#[cfg(any(not(target_arch = "x86_64"), miri))]
use self::Baseline as Avx2;

#[cfg(all(target_arch = "x86_64", not(miri)))]
use x86_64::{Avx2, Baseline};

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod x86_64 {
    use std::arch::x86_64::{
        __m128i, __m256i, _mm_loadl_epi64, _mm_loadu_si128, _mm_storel_epi64, _mm_storeu_si128,
        _mm_unpackhi_epi16, _mm_unpackhi_epi32, _mm_unpackhi_epi64, _mm_unpacklo_epi8,
        _mm_unpacklo_epi16, _mm_unpacklo_epi32, _mm_unpacklo_epi64, _mm256_castsi128_si256,
        _mm256_inserti128_si256, _mm256_storeu_si256, _mm256_unpackhi_epi32, _mm256_unpackhi_epi64,
        _mm256_unpacklo_epi32, _mm256_unpacklo_epi64,
    };
    use std::array;

    use super::Square;

    /// SSE2, which every x86-64 has.
    pub(in super::super) struct Baseline;

    pub(in super::super) struct Avx2;

    impl Square<u8> for Baseline {
        const SIDE: usize = 8;

        #[inline(always)]
        unsafe fn turn(from: *const u8, across: usize, to: *mut u8, along: usize) {
            // SAFETY: by contract; rows and columns are eight bytes.
            unsafe {
                let row = |i: usize| _mm_loadl_epi64(from.add(i * across).cast());
                // Of two rows the elements of a column follow each other; then of four, and of all.
                let two: [__m128i; 4] =
                    array::from_fn(|k| _mm_unpacklo_epi8(row(2 * k), row(2 * k + 1)));
                let four = [
                    [_mm_unpacklo_epi16(two[0], two[1]), _mm_unpacklo_epi16(two[2], two[3])],
                    [_mm_unpackhi_epi16(two[0], two[1]), _mm_unpackhi_epi16(two[2], two[3])],
                ];
                for (k, [upper, lower]) in four.into_iter().enumerate() {
                    let all = [_mm_unpacklo_epi32(upper, lower), _mm_unpackhi_epi32(upper, lower)];
                    for (l, columns) in all.into_iter().enumerate() {
                        let to = to.add((4 * k + 2 * l) * along);
                        _mm_storel_epi64(to.cast(), columns);
                        let second = _mm_unpackhi_epi64(columns, columns);
                        _mm_storel_epi64(to.add(along).cast(), second);
                    }
                }
            }
        }
    }

    impl Square<u16> for Baseline {
        const SIDE: usize = 8;

        #[inline(always)]
        unsafe fn turn(from: *const u16, across: usize, to: *mut u16, along: usize) {
            // SAFETY: by contract; rows and columns are eight elements.
            unsafe {
                let row = |i: usize| _mm_loadu_si128(from.add(i * across).cast());
                // As above, of each half of the columns.
                let two: [[__m128i; 4]; 2] = [
                    array::from_fn(|k| _mm_unpacklo_epi16(row(2 * k), row(2 * k + 1))),
                    array::from_fn(|k| _mm_unpackhi_epi16(row(2 * k), row(2 * k + 1))),
                ];
                for (k, two) in two.into_iter().enumerate() {
                    let four = [
                        [_mm_unpacklo_epi32(two[0], two[1]), _mm_unpacklo_epi32(two[2], two[3])],
                        [_mm_unpackhi_epi32(two[0], two[1]), _mm_unpackhi_epi32(two[2], two[3])],
                    ];
                    for (l, [upper, lower]) in four.into_iter().enumerate() {
                        let to = to.add((4 * k + 2 * l) * along);
                        _mm_storeu_si128(to.cast(), _mm_unpacklo_epi64(upper, lower));
                        _mm_storeu_si128(to.add(along).cast(), _mm_unpackhi_epi64(upper, lower));
                    }
                }
            }
        }
    }

    impl Square<u32> for Baseline {
        const SIDE: usize = 4;

        #[inline(always)]
        unsafe fn turn(from: *const u32, across: usize, to: *mut u32, along: usize) {
            // SAFETY: by contract; rows and columns are four elements.
            unsafe {
                let row = |i: usize| _mm_loadu_si128(from.add(i * across).cast());
                let two = [
                    [_mm_unpacklo_epi32(row(0), row(1)), _mm_unpacklo_epi32(row(2), row(3))],
                    [_mm_unpackhi_epi32(row(0), row(1)), _mm_unpackhi_epi32(row(2), row(3))],
                ];
                for (k, [upper, lower]) in two.into_iter().enumerate() {
                    let to = to.add(2 * k * along);
                    _mm_storeu_si128(to.cast(), _mm_unpacklo_epi64(upper, lower));
                    _mm_storeu_si128(to.add(along).cast(), _mm_unpackhi_epi64(upper, lower));
                }
            }
        }
    }

    impl Square<u64> for Baseline {
        const SIDE: usize = 2;

        #[inline(always)]
        unsafe fn turn(from: *const u64, across: usize, to: *mut u64, along: usize) {
            // SAFETY: by contract; rows and columns are two elements.
            unsafe {
                let row = |i: usize| _mm_loadu_si128(from.add(i * across).cast());
                _mm_storeu_si128(to.cast(), _mm_unpacklo_epi64(row(0), row(1)));
                _mm_storeu_si128(to.add(along).cast(), _mm_unpackhi_epi64(row(0), row(1)));
            }
        }
    }

    /// Two halves of rows side by side, as memory gives them without a shuffle.
    ///
    /// # Safety
    /// Both are valid for 16 bytes; the machine has AVX2.
    #[inline(always)]
    unsafe fn halves<T>(low: *const T, high: *const T) -> __m256i {
        // SAFETY: by contract.
        unsafe {
            let low = _mm256_castsi128_si256(_mm_loadu_si128(low.cast()));
            _mm256_inserti128_si256::<1>(low, _mm_loadu_si128(high.cast()))
        }
    }

    impl Square<u32> for Avx2 {
        const SIDE: usize = 8;

        #[inline(always)]
        unsafe fn turn(from: *const u32, across: usize, to: *mut u32, along: usize) {
            for first in [0, 4] {
                // SAFETY: by contract; rows and columns are eight elements.
                unsafe {
                    let (from, to) = (from.add(first), to.add(first * along));
                    // Each half as the squares of four.
                    let rows = |i: usize| halves(from.add(i * across), from.add((i + 4) * across));
                    let rows: [__m256i; 4] = array::from_fn(rows);
                    let [low, high] = [[rows[0], rows[1]], [rows[2], rows[3]]];
                    let two = [
                        [low, high].map(|[a, b]| _mm256_unpacklo_epi32(a, b)),
                        [low, high].map(|[a, b]| _mm256_unpackhi_epi32(a, b)),
                    ];
                    for (k, [upper, lower]) in two.into_iter().enumerate() {
                        let to = to.add(2 * k * along);
                        _mm256_storeu_si256(to.cast(), _mm256_unpacklo_epi64(upper, lower));
                        let to = to.add(along);
                        _mm256_storeu_si256(to.cast(), _mm256_unpackhi_epi64(upper, lower));
                    }
                }
            }
        }
    }

    impl Square<u64> for Avx2 {
        const SIDE: usize = 4;

        #[inline(always)]
        unsafe fn turn(from: *const u64, across: usize, to: *mut u64, along: usize) {
            for first in [0, 2] {
                // SAFETY: by contract; rows and columns are four elements.
                unsafe {
                    let (from, to) = (from.add(first), to.add(first * along));
                    let upper = halves(from, from.add(2 * across));
                    let lower = halves(from.add(across), from.add(3 * across));
                    _mm256_storeu_si256(to.cast(), _mm256_unpacklo_epi64(upper, lower));
                    let to = to.add(along);
                    _mm256_storeu_si256(to.cast(), _mm256_unpackhi_epi64(upper, lower));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns<T: Copy + Default + PartialEq + std::fmt::Debug, S: Square<T>>(of: fn(usize) -> T) {
        let (side, across, along) = (S::SIDE, S::SIDE + 3, S::SIDE + 1);
        let from: Vec<T> = (0..side * across).map(of).collect();
        let mut to = vec![T::default(); side * along];
        // SAFETY: both have room for the square; the caller asked for the feature.
        unsafe { S::turn(from.as_ptr(), across, to.as_mut_ptr(), along) };
        for j in 0..side {
            for i in 0..along {
                let expected = if i < side { from[i * across + j] } else { T::default() };
                assert_eq!(to[j * along + i], expected, "{i} {j} of {side}");
            }
        }
    }

    #[test]
    fn squares_are_turned_and_nothing_beside() {
        turns::<u8, Baseline>(|i| 1 + i as u8);
        turns::<u16, Baseline>(|i| 1 + i as u16);
        turns::<u32, Baseline>(|i| 1 + i as u32);
        turns::<u64, Baseline>(|i| 1 + i as u64);
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        if fearless_simd::Level::new().as_avx2().is_some() {
            turns::<u8, <u8 as Bits>::Wide>(|i| 1 + i as u8);
            turns::<u16, <u16 as Bits>::Wide>(|i| 1 + i as u16);
            turns::<u32, <u32 as Bits>::Wide>(|i| 1 + i as u32);
            turns::<u64, <u64 as Bits>::Wide>(|i| 1 + i as u64);
        }
    }
}
