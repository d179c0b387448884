//! A lock that is held for moments.
//!
//! # Note [Brief locks]
//! A lock that has waiters sleep until they are woken asks whether somebody sleeps each time it is let go: an
//! exchange, which waits until all that was written before has come to the cache, and of small tensors takes as
//! long as the addition. Who waits for this one looks again by itself: soon, then when others had the processor, then
//! after sleeping, so that nobody keeps whoever holds it from running. To look ever later lets the other thread do
//! several things in turn, with what they share in its cache. It is for what mostly takes less than a microsecond.

use std::hint;
use std::thread;
use std::time::Duration;

use spin::mutex::{SpinMutex, SpinMutexGuard};

/// Looks, each after twice the time of the one before; then those between which others get the processor. After them
/// it sleeps.
const LOOKS: [u32; 2] = [7, 64];

/// How long it sleeps between two looks.
const SLEEP: Duration = Duration::from_micros(50);

/// See Note [Brief locks].
pub(super) struct Brief<T>(SpinMutex<T>);

/// What is locked, until this is dropped.
pub(super) type BriefGuard<'a, T> = SpinMutexGuard<'a, T>;

impl<T> Brief<T> {
    pub(super) fn new(value: T) -> Self {
        Self(SpinMutex::new(value))
    }

    #[inline]
    pub(super) fn lock(&self) -> BriefGuard<'_, T> {
        match self.0.try_lock() {
            Some(guard) => guard,
            None => self.wait(),
        }
    }

    #[cold]
    fn wait(&self) -> BriefGuard<'_, T> {
        let mut looks = 0;
        loop {
            if looks < LOOKS[0] {
                (0..1 << looks).for_each(|_| hint::spin_loop());
            } else if looks < LOOKS[1] {
                thread::yield_now();
            } else {
                thread::sleep(SLEEP);
            }
            looks = looks.saturating_add(1);
            // To look takes the line of the cache from nobody; to try does.
            if !self.0.is_locked()
                && let Some(guard) = self.0.try_lock()
            {
                return guard;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_count_count_all() {
        let count = Brief::new(0_u32);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| *count.lock() += 1));
            }
        });
        assert_eq!(*count.lock(), 40_000);
    }

    #[test]
    fn who_waits_long_gets_the_lock_when_it_is_let_go() {
        let lock = Brief::new(1);
        thread::scope(|scope| {
            let mut held = lock.lock();
            let waits = scope.spawn(|| *lock.lock());
            thread::sleep(Duration::from_millis(20));
            *held = 2;
            drop(held);
            assert_eq!(waits.join().ok(), Some(2));
        });
    }
}
