//! Which way launches go over their points.
//!
//! # Note [To and fro]
//! What a launch touched last is in the cache when the next one begins, and what it touched first may be gone:
//! of tensors a little larger than the cache, launches that all began at the start would find nothing there. So
//! each large one goes the other way than the one before it, in steps that are so long that the processor foresees
//! what comes within one. Results do not depend on it, as they do not depend on which thread takes which part
//! first.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Whether the last large launch, and whether the one at hand, goes from the end to the start. What another device
/// has done here, and what a test has on a backend of its own, may set what others read: any way will do.
static LAST: AtomicBool = AtomicBool::new(false);
static AT_HAND: AtomicBool = AtomicBool::new(false);

/// Bytes that a launch touches at least if it turns: what is less stays in the second cache of each core, where
/// threads are to take the same parts again.
const LARGE: usize = if cfg!(test) { 1 << 11 } else { 1 << 21 };

/// Begins a launch that touches so many bytes.
pub(super) fn begin(bytes: usize) {
    let way = if bytes < LARGE { Way::There } else { Way::turn(&LAST) };
    AT_HAND.store(way == Way::Back, Relaxed);
}

/// The way of a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    There,
    Back,
}

impl Way {
    fn new(is_back: bool) -> Self {
        if is_back { Self::Back } else { Self::There }
    }

    /// That of the launch at hand.
    #[inline]
    pub(super) fn of_launch() -> Self {
        Self::new(AT_HAND.load(Relaxed))
    }

    /// The other way than the last, for a launch that begins.
    #[inline]
    pub(super) fn turn(last_is_back: &AtomicBool) -> Self {
        let is_back = !last_is_back.load(Relaxed);
        last_is_back.store(is_back, Relaxed);
        Self::new(is_back)
    }

    /// The numbers of a range in runs of so many that ascend, each number once.
    #[inline]
    pub(super) fn over(self, range: Range<usize>, run: usize) -> impl Iterator<Item = usize> {
        let Range { start, end } = range;
        let runs = range.len().div_ceil(run);
        (0..runs).flat_map(move |i| {
            let first = start + run * if self == Self::There { i } else { runs - 1 - i };
            first..end.min(first + run)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_visit_each_number_once_from_either_end() {
        let numbers = |way: Way, run| way.over(3..8, run).collect::<Vec<_>>();
        assert_eq!(numbers(Way::There, 1), [3, 4, 5, 6, 7]);
        assert_eq!(numbers(Way::There, 2), [3, 4, 5, 6, 7]);
        assert_eq!(numbers(Way::Back, 1), [7, 6, 5, 4, 3]);
        assert_eq!(numbers(Way::Back, 2), [7, 5, 6, 3, 4]);
        assert_eq!(numbers(Way::Back, 9), [3, 4, 5, 6, 7]);
        assert_eq!(Way::Back.over(3..3, 1).next(), None);
    }
}
