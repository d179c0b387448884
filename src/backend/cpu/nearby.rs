//! Small memory that a thread keeps for what it computes next.
//!
//! # Note [Nearby memory]
//! Of a small tensor, to give memory back to the pool and to ask it for some takes as long as to compute: its
//! lock twice, and the allocation that a buffer is. So a thread keeps the last few small buffers that ended
//! there, as they are, and the next one of as many bytes is one of them. The pool takes them for alive; each
//! thread tells it how many bytes it keeps, and [`Pool::bytes`] counts these as kept. The pool does not see
//! them come back, so the thread also tells it when so many came that it would look at its bound.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

use super::memory::CpuMemory;
use super::pool::{EPOCH, Pool};
use crate::backend::Memory;

/// Bytes of a buffer, at most.
const LARGEST: usize = 1 << 16;

/// Buffers that a thread keeps, at most.
const MOST: usize = 16;

thread_local! {
    static NEARBY: RefCell<Nearby> = const { RefCell::new(Nearby { of: None, kept: Vec::new(), came: 0 }) };
}

/// What a thread keeps.
struct Nearby {
    /// The pool that it is from, the first one that a buffer came from, and how many bytes of it.
    of: Option<(Arc<Pool>, Arc<AtomicUsize>)>,
    /// The last that came is the last one here, with its bytes.
    kept: Vec<(usize, Arc<CpuMemory>)>,
    /// How many came.
    came: u64,
}

/// Memory of so many bytes, if the thread keeps some.
pub(super) fn take(pool: &Arc<Pool>, bytes: usize) -> Option<Arc<CpuMemory>> {
    if bytes > LARGEST {
        return None;
    }
    // None while the thread ends.
    NEARBY.try_with(|nearby| nearby.borrow_mut().take(pool, bytes)).ok().flatten()
}

/// Keeps memory whose last handle this may be.
pub(super) fn keep(memory: Arc<CpuMemory>) {
    // The pool's lock is not to be waited for in here: what is not kept is dropped, and the pool told, after.
    let kept = NEARBY.try_with(|nearby| nearby.borrow_mut().keep(memory));
    if let Ok((_, Some(pool))) = kept {
        pool.end_epoch();
    }
}

/// Lets go of all that the thread keeps; returns whether that was anything.
pub(super) fn let_go() -> bool {
    let kept = NEARBY.try_with(|nearby| nearby.borrow_mut().let_go());
    kept.is_ok_and(|kept| !kept.is_empty())
}

impl Nearby {
    fn take(&mut self, pool: &Arc<Pool>, bytes: usize) -> Option<Arc<CpuMemory>> {
        let (of, count) = self.of.as_ref()?;
        if !Arc::ptr_eq(of, pool) {
            return None;
        }
        let at = self.kept.iter().rposition(|(size, _)| *size == bytes)?;
        // Mostly it is the last one, and nothing is to be moved.
        let is_last = at + 1 == self.kept.len();
        let (_, memory) = if is_last { self.kept.pop()? } else { self.kept.remove(at) };
        subtract(count, memory.pooled_bytes());
        Some(memory)
    }

    /// Returns what it does not keep, and the pool if that is to be told.
    fn keep(&mut self, memory: Arc<CpuMemory>) -> (Option<Arc<CpuMemory>>, Option<Arc<Pool>>) {
        let bytes = memory.bytes();
        let Some(pool) = memory.pool() else { return (Some(memory), None) };
        if bytes > LARGEST || Arc::strong_count(&memory) > 1 {
            return (Some(memory), None);
        }
        // What others did with it was before.
        fence(Ordering::Acquire);
        let (of, count) = self.of.get_or_insert_with(|| (Arc::clone(pool), pool.nearby()));
        if !Arc::ptr_eq(of, pool) {
            return (Some(memory), None);
        }
        add(count, memory.pooled_bytes());
        let oldest = (self.kept.len() == MOST).then(|| self.kept.remove(0).1);
        if let Some(oldest) = &oldest {
            subtract(count, oldest.pooled_bytes());
        }
        self.kept.push((bytes, memory));
        self.came += 1;
        (oldest, self.came.is_multiple_of(EPOCH).then(|| Arc::clone(of)))
    }

    fn let_go(&mut self) -> Vec<(usize, Arc<CpuMemory>)> {
        if let Some((_, count)) = &self.of {
            count.store(0, Ordering::Relaxed);
        }
        std::mem::take(&mut self.kept)
    }
}

impl Drop for Nearby {
    fn drop(&mut self) {
        self.let_go();
    }
}

/// Adds to the count of this thread, which nobody else changes.
fn add(count: &AtomicUsize, bytes: usize) {
    count.store(count.load(Ordering::Relaxed) + bytes, Ordering::Relaxed);
}

/// As [`add`].
fn subtract(count: &AtomicUsize, bytes: usize) {
    count.store(count.load(Ordering::Relaxed) - bytes, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Buffer;

    #[test]
    fn memory_that_ended_is_the_next_of_its_size_and_counts_as_kept() {
        let pool = Arc::new(Pool::new());
        let buffer = CpuMemory::allocate(&pool, 1000).unwrap();
        let place = buffer.host_pointer();
        assert_eq!(pool.bytes(), (1024, 0));
        buffer.end();
        assert_eq!(pool.bytes(), (0, 1024));
        let other = CpuMemory::allocate(&pool, 999).unwrap();
        assert_ne!(other.host_pointer(), place, "of another size");
        let same = CpuMemory::allocate(&pool, 1000).unwrap();
        assert_eq!(same.host_pointer(), place);
        assert_eq!(pool.bytes(), (2048, 0));
    }

    #[test]
    fn memory_of_a_large_phase_goes_while_small_tensors_come_and_go() {
        let pool = Arc::new(Pool::new());
        let large: Vec<_> = (0..4).map(|_| pool.take(64 << 20).unwrap()).collect();
        large.into_iter().for_each(|block| pool.give_back(block));
        assert_eq!(pool.bytes(), (0, 256 << 20));
        for _ in 0..20 * EPOCH {
            CpuMemory::allocate(&pool, 1024).unwrap().end();
        }
        assert!(pool.bytes().1 <= (64 << 20) + 1024, "{:?}", pool.bytes());
        assert!(let_go() && !let_go());
    }

    #[test]
    fn memory_that_somebody_holds_is_not_kept() {
        let pool = Arc::new(Pool::new());
        let buffer = CpuMemory::allocate(&pool, 1000).unwrap();
        buffer.clone().end();
        assert_eq!(pool.bytes(), (1024, 0));
        let next = CpuMemory::allocate(&pool, 1000).unwrap();
        assert_ne!(next.host_pointer(), buffer.host_pointer());
    }

    #[test]
    fn a_thread_keeps_few_and_small_ones_of_one_pool_and_none_when_it_ends() {
        let pool = Arc::new(Pool::new());
        std::thread::scope(|scope| {
            // Joined, so that what the thread keeps has been dropped too.
            let thread = scope.spawn(|| {
                let buffers: Vec<_> =
                    (0..MOST + 3).map(|_| CpuMemory::allocate(&pool, 64).unwrap()).collect();
                let places: Vec<_> = buffers.iter().map(Buffer::host_pointer).collect();
                CpuMemory::allocate(&pool, LARGEST + 1).unwrap().end();
                buffers.into_iter().for_each(Buffer::end);
                let kept = NEARBY.with_borrow(|nearby| nearby.kept.len());
                assert_eq!(kept, MOST);
                let last = CpuMemory::allocate(&pool, 64).unwrap();
                assert_eq!(last.host_pointer(), places[MOST + 2]);
                let others = Arc::new(Pool::new());
                CpuMemory::allocate(&others, 64).unwrap().end();
                assert_eq!(others.bytes(), (0, 64));
                assert_eq!(NEARBY.with_borrow(|nearby| nearby.kept.len()), MOST - 1);
                last.end();
            });
            thread.join().unwrap();
        });
        assert_eq!(pool.bytes().0, 0);
        let block = pool.take(64).unwrap();
        pool.give_back(block);
        // 64 bytes each, and those of the large one.
        assert_eq!(pool.bytes(), (0, 64 * (MOST + 3) + (LARGEST / 4 * 5)));
        assert_eq!(Arc::strong_count(&pool), 1, "the thread's handle went with it");
    }
}
