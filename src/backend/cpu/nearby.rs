//! Small memory that a thread keeps for what it computes next.
//!
//! # Note [Nearby memory]
//! Of a small tensor, to give memory back to the pool and to ask it for some takes as long as to compute: its
//! lock twice, and the allocation that a buffer is. So a thread keeps the last few small buffers that ended
//! there, as they are, and the next one of as many bytes is one of them. The pool takes them for alive; each
//! thread tells it how many bytes it keeps, and [`Pool::bytes`] counts these as kept.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

use super::memory::CpuMemory;
use super::pool::Pool;

/// Bytes of a buffer, at most.
const LARGEST: usize = 1 << 16;

/// Buffers that a thread keeps, at most.
const MOST: usize = 16;

thread_local! {
    static NEARBY: RefCell<Nearby> = const { RefCell::new(Nearby { of: None, kept: Vec::new() }) };
}

/// What a thread keeps.
struct Nearby {
    /// The pool that it is from, the first one that a buffer came from, and how many bytes of it.
    of: Option<(Arc<Pool>, Arc<AtomicUsize>)>,
    /// The last that came is the last one here, with its bytes.
    kept: Vec<(usize, Arc<CpuMemory>)>,
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
    // What does not fit is dropped after this: the pool's lock is not to be waited for in here.
    let _ = NEARBY.try_with(|nearby| nearby.borrow_mut().keep(memory));
}

impl Nearby {
    fn take(&mut self, pool: &Arc<Pool>, bytes: usize) -> Option<Arc<CpuMemory>> {
        let (of, count) = self.of.as_ref()?;
        let at = self.kept.iter().rposition(|(size, _)| *size == bytes)?;
        if !Arc::ptr_eq(of, pool) {
            return None;
        }
        let (_, memory) = self.kept.remove(at);
        subtract(count, memory.pooled_bytes());
        Some(memory)
    }

    /// Returns what it does not keep.
    fn keep(&mut self, memory: Arc<CpuMemory>) -> Option<Arc<CpuMemory>> {
        let is_last = Arc::strong_count(&memory) == 1;
        // What others did with it was before.
        fence(Ordering::Acquire);
        let (bytes, pool) = (memory.len(), memory.pool().filter(|_| is_last));
        let Some(pool) = pool.filter(|_| bytes <= LARGEST) else { return Some(memory) };
        let (of, count) = self.of.get_or_insert_with(|| (Arc::clone(pool), pool.nearby()));
        if !Arc::ptr_eq(of, pool) {
            return Some(memory);
        }
        add(count, memory.pooled_bytes());
        let oldest = (self.kept.len() == MOST).then(|| self.kept.remove(0).1);
        if let Some(oldest) = &oldest {
            subtract(count, oldest.pooled_bytes());
        }
        self.kept.push((bytes, memory));
        oldest
    }
}

impl Drop for Nearby {
    fn drop(&mut self) {
        self.kept.clear();
        if let Some((_, count)) = &self.of {
            count.store(0, Ordering::Relaxed);
        }
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

    fn end(buffer: Buffer) {
        buffer.end();
    }

    #[test]
    fn memory_that_ended_is_the_next_of_its_size_and_counts_as_kept() {
        let pool = Arc::new(Pool::new());
        let buffer = CpuMemory::allocate(&pool, 1000).unwrap();
        let place = buffer.host_pointer();
        assert_eq!(pool.bytes(), (1024, 0));
        end(buffer);
        assert_eq!(pool.bytes(), (0, 1024));
        let other = CpuMemory::allocate(&pool, 999).unwrap();
        assert_ne!(other.host_pointer(), place, "of another size");
        let same = CpuMemory::allocate(&pool, 1000).unwrap();
        assert_eq!(same.host_pointer(), place);
        assert_eq!(pool.bytes(), (2048, 0));
    }

    #[test]
    fn memory_that_somebody_holds_is_not_kept() {
        let pool = Arc::new(Pool::new());
        let buffer = CpuMemory::allocate(&pool, 1000).unwrap();
        end(buffer.clone());
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
                end(CpuMemory::allocate(&pool, LARGEST + 1).unwrap());
                buffers.into_iter().for_each(end);
                let kept = NEARBY.with_borrow(|nearby| nearby.kept.len());
                assert_eq!(kept, MOST);
                let last = CpuMemory::allocate(&pool, 64).unwrap();
                assert_eq!(last.host_pointer(), places[MOST + 2]);
                let others = Arc::new(Pool::new());
                end(CpuMemory::allocate(&others, 64).unwrap());
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
