//! Asking memory for what will be read: the processor foresees only long runs.
//!
//! Other processors than x86-64 are not asked.

use std::ops::Range;

/// A part of what is to be asked for, so that not all comes at once.
#[derive(Clone, Copy)]
pub(in super::super) struct Share {
    part: usize,
    parts: usize,
}

impl Share {
    pub(in super::super) const ALL: Self = Self { part: 0, parts: 1 };

    /// Part `part` of `parts`.
    pub(in super::super) fn new(part: usize, parts: usize) -> Self {
        Self { part, parts }
    }

    /// Part `part` of `parts` of this one.
    pub(in super::super) fn part(self, part: usize, parts: usize) -> Self {
        Self { part: self.part * parts + part, parts: self.parts * parts }
    }

    /// Which of so many things.
    pub(in super::super) fn of(self, len: usize) -> Range<usize> {
        let [start, end] = [self.part, self.part + 1].map(|part| part * len / self.parts);
        start..end
    }
}

/// What is to hold what memory is asked for.
#[derive(Clone, Copy)]
pub(super) enum Cache {
    First,
    /// For more than the first one has room for.
    Second,
}

/// Asks for so many bytes.
#[inline(always)]
pub(super) fn ask(first: *const u8, bytes: usize, cache: Cache) {
    #[cfg(target_arch = "x86_64")]
    for byte in (0..bytes).step_by(64) {
        use std::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};
        let line = first.wrapping_add(byte).cast();
        // SAFETY: this reads nothing, whatever the address is; every x86-64 has it.
        unsafe {
            match cache {
                Cache::First => _mm_prefetch::<_MM_HINT_T0>(line),
                Cache::Second => _mm_prefetch::<_MM_HINT_T1>(line),
            }
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (first, bytes, cache);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_all_in_order() {
        for len in [0, 1, 7, 64, 100] {
            for (steps, rows) in [(1, 64), (2, 5), (3, 1), (5, 200)] {
                let shares = (0..steps).flat_map(|step| {
                    (0..rows).map(move |row| Share::new(step, steps).part(row, rows).of(len))
                });
                let asked: Vec<usize> = shares.flatten().collect();
                assert_eq!(asked, (0..len).collect::<Vec<_>>(), "{len} {steps} {rows}");
            }
        }
    }
}
