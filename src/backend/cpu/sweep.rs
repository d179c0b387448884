//! Which way launches go over their points.
//!
//! # Note [To and fro]
//! What a launch touched last is in the cache when the next one begins, and what it touched first may be gone:
//! of tensors a little larger than the cache, launches that all began at the start would find nothing there. So
//! each goes the other way than the one before it. Results do not depend on it, as they do not depend on which
//! thread takes which part first.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Whether the launch at hand goes from the end to the start. Only tests have several of these backends, whose
/// launches may set what others read: any way will do.
static BACKWARDS: AtomicBool = AtomicBool::new(false);

/// The way of a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    There,
    Back,
}

impl Way {
    fn new(backwards: bool) -> Self {
        if backwards { Self::Back } else { Self::There }
    }

    /// That of the launch at hand.
    #[inline]
    pub(super) fn of_launch() -> Self {
        Self::new(BACKWARDS.load(Relaxed))
    }

    /// The other way than that of the launch before, for one that begins.
    #[inline]
    pub(super) fn turn() -> Self {
        let backwards = !BACKWARDS.load(Relaxed);
        BACKWARDS.store(backwards, Relaxed);
        Self::new(backwards)
    }

    /// The numbers of a range, each once.
    #[inline]
    pub(super) fn over(self, range: Range<usize>) -> impl Iterator<Item = usize> {
        let Range { start, end } = range;
        range.map(move |i| match self {
            Self::There => i,
            Self::Back => start + (end - 1 - i),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_visit_each_number_once_from_either_end() {
        assert_eq!(Way::There.over(3..6).collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!(Way::Back.over(3..6).collect::<Vec<_>>(), [5, 4, 3]);
        assert_eq!(Way::Back.over(3..3).next(), None);
    }
}
