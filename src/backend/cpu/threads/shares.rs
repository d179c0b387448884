//! Who takes which part of a launch.
//!
//! Each thread has a share of the parts, those that follow each other, and takes one after the other; who is
//! done with its own takes of another's, from the other end. So a thread that comes again to the same tensors
//! finds in its core's cache what it had there, and one that is late holds up nobody.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use smallvec::SmallVec;

use super::super::sweep::Way;
use super::bound;

/// The numbers below some count, as far as they are not taken.
pub(super) struct Shares {
    /// Of each thread the first number that is left, in the upper half, and the one after the last.
    left: SmallVec<[AtomicU64; 8]>,
    /// In which each goes over its own.
    way: Way,
}

impl Shares {
    pub(super) fn new(count: usize, threads: usize, way: Way) -> Self {
        assert!(u32::try_from(count).is_ok(), "{count} parts are more than can be told apart");
        let bound = |thread| bound(thread, threads, count) as u64;
        let share = |thread| AtomicU64::new(bound(thread) << 32 | bound(thread + 1));
        Self { left: (0..threads).map(share).collect(), way }
    }

    /// The next number for a thread; none if all are taken.
    pub(super) fn next(&self, thread: usize) -> Option<usize> {
        let threads = self.left.len();
        let mut others = (1..threads).map(|i| (thread + i) % threads);
        let from_end = self.way == Way::Back;
        self.take(thread, from_end).or_else(|| others.find_map(|other| self.take(other, !from_end)))
    }

    fn take(&self, thread: usize, from_end: bool) -> Option<usize> {
        let less = |left: u64| {
            let (first, end) = (left >> 32, left & u64::from(u32::MAX));
            match first < end {
                true if from_end => Some(left - 1),
                true => Some(left + (1 << 32)),
                false => None,
            }
        };
        let left = self.left[thread].fetch_update(Relaxed, Relaxed, less).ok()?;
        Some(if from_end { (left as u32 - 1) as usize } else { (left >> 32) as usize })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::thread;

    use super::*;

    #[test]
    fn a_thread_takes_its_own_and_then_the_far_end_of_others() {
        let taken = |way, threads: [usize; 6]| {
            let shares = Shares::new(6, 2, way);
            let taken = threads.map(|thread| shares.next(thread).unwrap());
            assert_eq!((shares.next(0), shares.next(1)), (None, None));
            taken
        };
        assert_eq!(taken(Way::There, [0, 1, 0, 1, 0, 1]), [0, 3, 1, 4, 2, 5]);
        assert_eq!(taken(Way::Back, [0, 1, 0, 1, 0, 1]), [2, 5, 1, 4, 0, 3]);
        assert_eq!(taken(Way::There, [0, 0, 0, 0, 1, 0]), [0, 1, 2, 5, 3, 4]);
        assert_eq!(taken(Way::Back, [1, 1, 1, 1, 0, 0]), [5, 4, 3, 0, 2, 1]);
    }

    #[test]
    fn all_are_taken_once() {
        for (count, threads) in [(0, 1), (1, 3), (7, 3), (1000, 4), (1001, 4)] {
            let way = if count % 2 == 0 { Way::There } else { Way::Back };
            let shares = Shares::new(count, threads, way);
            let taken = Mutex::new(Vec::new());
            thread::scope(|scope| {
                for thread in 0..threads {
                    let (shares, taken) = (&shares, &taken);
                    scope.spawn(move || {
                        while let Some(i) = shares.next(thread) {
                            taken.lock().unwrap().push(i);
                        }
                    });
                }
            });
            let mut taken = taken.into_inner().unwrap();
            taken.sort_unstable();
            assert_eq!(taken, (0..count).collect::<Vec<_>>());
        }
    }
}
