//! Asking memory for what will be read: the processor foresees only long runs.
//!
//! Other processors than x86-64 are not asked.

use std::ops::Range;

use smallvec::SmallVec;

/// Runs of bytes at equal distances that memory may be asked for.
pub(in super::super) struct Runs {
    pub(super) first: *const u8,
    /// Bytes from one to the next.
    pub(super) apart: usize,
    /// Of each.
    pub(super) bytes: usize,
    pub(super) count: usize,
    pub(super) cache: Cache,
}

impl Runs {
    fn ask(&self, which: Range<usize>) {
        let mut run = self.first.wrapping_add(which.start * self.apart);
        for _ in which {
            ask(run, self.bytes, self.cache);
            run = run.wrapping_add(self.apart);
        }
    }
}

/// What is asked for: a part of some runs, so that not all comes at once.
#[derive(Clone, Copy)]
pub(in super::super) struct Ahead<'a> {
    runs: &'a [Runs],
    part: usize,
    parts: usize,
}

impl<'a> Ahead<'a> {
    pub(in super::super) const NOTHING: Self = Self { runs: &[], part: 0, parts: 1 };

    /// Part `part` of `parts`.
    pub(in super::super) fn new(runs: &'a [Runs], part: usize, parts: usize) -> Self {
        Self { runs, part, parts }
    }

    /// Asks for all of it.
    pub(in super::super) fn ask(self) {
        for runs in self.runs {
            runs.ask(self.of(runs.count));
        }
    }

    /// What asks for it in so many steps.
    pub(in super::super) fn in_steps(self, steps: usize) -> Steps<'a> {
        let of = |runs: &'a Runs| {
            let left = self.of(runs.count);
            // Divided here, as a step takes hardly longer than a division.
            let each = left.len().div_ceil(steps);
            (runs, left, each)
        };
        Steps(self.runs.iter().map(of).collect())
    }

    /// Which of so many runs.
    fn of(self, count: usize) -> Range<usize> {
        let [start, end] = [self.part, self.part + 1].map(|part| part * count / self.parts);
        start..end
    }
}

/// Asks step by step: of each the runs that are left, and how many a step takes.
pub(in super::super) struct Steps<'a>(SmallVec<[(&'a Runs, Range<usize>, usize); 4]>);

impl Steps<'_> {
    pub(in super::super) fn ask(&mut self) {
        for (runs, left, each) in &mut self.0 {
            let next = left.end.min(left.start + *each);
            runs.ask(left.start..next);
            left.start = next;
        }
    }
}

/// What is to hold what memory is asked for.
#[derive(Clone, Copy)]
pub(in super::super) enum Cache {
    First,
    /// For more than the first one has room for.
    Second,
}

/// Asks for so many bytes.
#[inline(always)]
pub(in super::super) fn ask(first: *const u8, bytes: usize, cache: Cache) {
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
    fn parts_and_steps_are_all_in_order() {
        for count in [0, 1, 7, 64, 100] {
            let run =
                || Runs { first: [].as_ptr(), apart: 64, bytes: 0, count, cache: Cache::First };
            let runs = [run(), run()];
            for (parts, steps) in [(1, 64), (2, 5), (3, 1), (5, 200)] {
                let mut asked = vec![];
                for part in 0..parts {
                    let ahead = Ahead::new(&runs, part, parts);
                    let mut slowly = ahead.in_steps(steps);
                    for _ in 0..steps {
                        let before = slowly.0[1].1.start;
                        slowly.ask();
                        asked.extend(before..slowly.0[1].1.start);
                    }
                    assert_eq!(asked.len(), ahead.of(count).end, "{count} {parts} {steps}");
                }
                assert_eq!(asked, (0..count).collect::<Vec<_>>(), "{count} {parts} {steps}");
            }
        }
    }
}
