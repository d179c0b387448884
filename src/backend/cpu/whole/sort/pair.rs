//! A key and its place in one number, and how keys of a line become pairs.

use crate::dtype::DType;

/// A key in the upper half, its place in the line in the lower one. No two of a line are equal.
pub(super) trait Pair: Copy + Default + Ord + Send + Sync {
    fn new(key: u64, place: usize) -> Self;
    fn place(self) -> usize;
    /// The lowest bits of the key, from bit `shift` on.
    fn digit(self, shift: u32) -> usize;
}

impl Pair for u64 {
    #[inline(always)]
    fn new(key: u64, place: usize) -> Self {
        key << 32 | place as u64
    }

    #[inline(always)]
    fn place(self) -> usize {
        self as u32 as usize
    }

    #[inline(always)]
    fn digit(self, shift: u32) -> usize {
        (self >> (32 + shift)) as usize
    }
}

impl Pair for u128 {
    #[inline(always)]
    fn new(key: u64, place: usize) -> Self {
        Self::from(key) << 64 | place as Self
    }

    #[inline(always)]
    fn place(self) -> usize {
        self as u64 as usize
    }

    #[inline(always)]
    fn digit(self, shift: u32) -> usize {
        (self >> (64 + shift)) as usize
    }
}

/// The least and the greatest key, or bounds of them, and which of them comes first.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) least: u64,
    pub(super) greatest: u64,
    pub(super) descending: bool,
}

impl Span {
    /// Of all keys that a dtype may have.
    pub(super) fn of(dtype: DType, descending: bool) -> Self {
        let greatest = if dtype.size() < 8 { u32::MAX.into() } else { u64::MAX };
        Self { least: 0, greatest, descending }
    }

    /// How far a key is from the first one.
    #[inline(always)]
    pub(super) fn rank(&self, key: u64) -> u64 {
        if self.descending { self.greatest - key } else { key - self.least }
    }

    /// Bits that ranks take.
    pub(super) fn bits(&self) -> u32 {
        u64::BITS - (self.greatest - self.least).leading_zeros()
    }

    /// Whether `u64` holds the pairs of so many keys.
    pub(super) fn is_narrow(&self, len: usize) -> bool {
        self.bits() <= 32 && u32::try_from(len).is_ok()
    }
}
