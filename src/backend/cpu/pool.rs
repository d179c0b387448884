//! Blocks of memory kept for reuse.
//!
//! Owns [`Pool`]. A program that allocates and drops tensors of the same sizes faults pages in once.
//!
//! - Sizes are rounded up to classes, four to each power of two, so that at most a fifth is unused.
//! - Blocks are aligned to 64 bytes, large ones to 2 MiB and advised to be huge pages.
//! - Kept bytes are bounded by the most that were alive at once of late; see [`Pool::give_back`].
#![allow(unsafe_code, reason = "calls the system allocator")]

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, OutOfMemory, Result};

/// What every block is aligned to: a cache line, and the widest vector.
const ALIGN: usize = 64;

/// A huge page. Blocks of this size and more begin at a multiple of it.
const HUGE: usize = 2 << 20;

/// Kept whatever the program does.
const FLOOR: usize = 64 << 20;

/// Blocks given back between two looks at the bound.
pub(super) const EPOCH: u64 = 1024;

/// The smallest class is `ALIGN` bytes, the next four to a power of two.
const CLASSES: usize = 4 * (usize::BITS as usize - 6);

/// One allocation. Has no `Drop`: it belongs in the pool it came from.
pub(super) struct Block {
    /// What the allocator gave.
    start: NonNull<u8>,
    /// `start` aligned.
    pointer: NonNull<u8>,
    class: usize,
    /// When it was given back, in blocks given back.
    since: u64,
}

// SAFETY: a block owns its memory; nothing else refers to it.
unsafe impl Send for Block {}

impl Block {
    pub(super) fn pointer(&self) -> NonNull<u8> {
        self.pointer
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_class(self.class)
    }
}

/// See the module.
pub(super) struct Pool {
    shelves: Mutex<Shelves>,
    /// Bytes that each thread keeps: Note [Nearby memory] in `nearby.rs`.
    nearby: Mutex<Vec<Arc<AtomicUsize>>>,
}

struct Shelves {
    /// Blocks by class; the last given back is the first taken, its lines may still be in a cache.
    free: Vec<Vec<Block>>,
    live: usize,
    pooled: usize,
    /// The most bytes alive at once; decays.
    peak: usize,
    given_back: u64,
}

impl Pool {
    pub(super) fn new() -> Self {
        let free = (0..CLASSES).map(|_| Vec::new()).collect();
        let shelves = Shelves { free, live: 0, pooled: 0, peak: 0, given_back: 0 };
        Self { shelves: Mutex::new(shelves), nearby: Mutex::default() }
    }

    /// The count of bytes that a thread keeps from now on, in which it says how many these are.
    pub(super) fn nearby(&self) -> Arc<AtomicUsize> {
        let mut nearby = self.nearby.lock().unwrap_or_else(PoisonError::into_inner);
        // Those of threads that have ended.
        nearby.retain(|count| Arc::strong_count(count) > 1);
        let count = Arc::default();
        nearby.push(Arc::clone(&count));
        count
    }

    /// A block of at least `bytes` bytes, zeroed or with what an earlier one held.
    pub(super) fn take(&self, bytes: usize) -> Result<Block> {
        let Some(class) = class_of(bytes) else { return Err(out_of_memory(bytes, 0, 0)) };
        let size = size_of_class(class);
        let mut shelves = self.lock();
        let kept = shelves.free[class].pop();
        if kept.is_some() {
            shelves.pooled -= size;
        }
        let block = match kept {
            Some(block) => block,
            None => match allocate(class) {
                Some(block) => block,
                None => {
                    let (live, pooled) = shelves.bytes(self.nearby_bytes());
                    shelves.trim(0);
                    allocate(class).ok_or_else(|| out_of_memory(bytes, live, pooled))?
                }
            },
        };
        shelves.live += size;
        shelves.peak = shelves.peak.max(shelves.live);
        Ok(block)
    }

    /// Keeps the block, unless more would be kept than was lately alive at once.
    pub(super) fn give_back(&self, block: Block) {
        let size = size_of_class(block.class);
        let mut shelves = self.lock();
        shelves.live -= size;
        shelves.pooled += size;
        shelves.given_back += 1;
        let since = shelves.given_back;
        shelves.free[block.class].push(Block { since, ..block });
        if since.is_multiple_of(EPOCH) {
            shelves.end_epoch();
        }
        shelves.trim_to_bound();
    }

    /// Looks at the bound once more, as if so many blocks had been given back.
    pub(super) fn end_epoch(&self) {
        let mut shelves = self.lock();
        shelves.end_epoch();
        shelves.trim_to_bound();
    }

    /// Bytes of blocks that are out, and of those kept, here or by threads.
    pub(super) fn bytes(&self) -> (usize, usize) {
        let nearby = self.nearby_bytes();
        self.lock().bytes(nearby)
    }

    /// Bytes that threads keep.
    fn nearby_bytes(&self) -> usize {
        let nearby = self.nearby.lock().unwrap_or_else(PoisonError::into_inner);
        nearby.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    fn lock(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.lock().trim(0);
    }
}

impl Shelves {
    /// Bytes of blocks that are out, and of those kept, of which threads keep so many.
    fn bytes(&self, nearby: usize) -> (usize, usize) {
        // Threads go on meanwhile.
        let live = self.live.saturating_sub(nearby);
        (live, self.live - live + self.pooled)
    }

    /// What was alive at once decays.
    fn end_epoch(&mut self) {
        self.peak = self.live.max(self.peak - self.peak / 4);
    }

    fn trim_to_bound(&mut self) {
        let bound = self.peak.max(FLOOR);
        if self.pooled > bound {
            self.trim(bound);
        }
    }

    /// Frees blocks, the one unused the longest first, until at most `bound` bytes are kept.
    fn trim(&mut self, bound: usize) {
        while self.pooled > bound {
            // The two classes whose first block is the oldest: that of the second ends the turn of the first.
            let mut oldest = [(u64::MAX, 0); 2];
            for (class, blocks) in self.free.iter().enumerate() {
                let Some(first) = blocks.first() else { continue };
                if first.since < oldest[0].0 {
                    oldest = [(first.since, class), oldest[0]];
                } else if first.since < oldest[1].0 {
                    oldest[1] = (first.since, class);
                }
            }
            let [(_, class), (end, _)] = oldest;
            let size = size_of_class(class);
            let excess = (self.pooled - bound).div_ceil(size);
            let older = self.free[class].iter().take_while(|block| block.since < end);
            let count = older.take(excess).count();
            self.free[class].drain(..count).for_each(free);
            self.pooled -= count * size;
        }
    }
}

fn out_of_memory(requested: usize, live: usize, pooled: usize) -> Error {
    Error::OutOfMemory(Box::new(OutOfMemory {
        device: "cpu".into(),
        requested: requested as u64,
        live: live as u64,
        pooled: pooled as u64,
    }))
}

/// The class of the smallest blocks that hold `bytes`; none if no allocation can be so large.
fn class_of(bytes: usize) -> Option<usize> {
    if bytes <= ALIGN {
        return Some(0);
    }
    // Powers of two are cut in four: the two bits below the highest of `bytes - 1` say which part.
    let last = bytes - 1;
    let power = last.ilog2();
    let part = (last >> (power - 2)) & 3;
    let class = 4 * (power as usize - 6) + part + 1;
    (class < CLASSES && size_of_class(class) <= isize::MAX as usize - 2 * HUGE).then_some(class)
}

fn size_of_class(class: usize) -> usize {
    let (power, part) = (class / 4 + 6, class % 4);
    (4 + part) << (power - 2)
}

/// The allocation of a block: aligned by hand within it, as the allocator knows zeroed pages of the
/// system only for its own natural alignment, and would else touch them all.
fn layout(class: usize) -> (Layout, usize) {
    let size = size_of_class(class);
    let align = if size >= HUGE { HUGE } else { ALIGN };
    match Layout::from_size_align(size + align, 16) {
        Ok(layout) => (layout, align),
        Err(_) => unreachable!("class_of() bounds the size"),
    }
}

fn allocate(class: usize) -> Option<Block> {
    let (layout, align) = layout(class);
    // SAFETY: the size of the layout is not 0.
    let start = NonNull::new(unsafe { alloc_zeroed(layout) })?;
    let padding = start.as_ptr().align_offset(align);
    // SAFETY: `padding < align`, and the allocation is `align` bytes larger than the block.
    let pointer = unsafe { start.add(padding) };
    if align == HUGE {
        advise_huge(pointer, size_of_class(class));
    }
    Some(Block { start, pointer, class, since: 0 })
}

fn free(block: Block) {
    let (layout, _) = layout(block.class);
    // SAFETY: `start` came from `alloc_zeroed` with the layout of this class, and a block is consumed
    // when it is freed.
    unsafe { dealloc(block.start.as_ptr(), layout) };
}

/// Asks for huge pages: a fault then maps 2 MiB, and large tensors miss the TLB less often.
#[cfg(all(target_os = "linux", target_pointer_width = "64", not(miri)))]
fn advise_huge(pointer: NonNull<u8>, bytes: usize) {
    const MADV_HUGEPAGE: i32 = 14;
    // The C library is linked by std on this target; the crate `libc` would add nothing but the name.
    unsafe extern "C" {
        fn madvise(address: *mut u8, bytes: usize, advice: i32) -> i32;
    }
    // SAFETY: the range is memory of a block that we own; this advice changes no contents. It may be
    // refused, and nothing depends on it.
    unsafe { madvise(pointer.as_ptr(), bytes, MADV_HUGEPAGE) };
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64", not(miri))))]
fn advise_huge(_: NonNull<u8>, _: usize) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_of_any_size_is_smallest_that_holds_it() {
        for bytes in (1..5000).chain([1 << 20, (1 << 20) + 1, 3 << 30, (1 << 40) + 12345]) {
            let class = class_of(bytes).unwrap();
            assert!(size_of_class(class) >= bytes, "{bytes}");
            assert!(class == 0 || size_of_class(class - 1) < bytes, "{bytes}");
        }
        assert_eq!(class_of(usize::MAX), None);
        assert_eq!(class_of(isize::MAX as usize), None);
    }

    #[test]
    fn take_after_give_back_returns_same_block() {
        let pool = Pool::new();
        let block = pool.take(5000).unwrap();
        let first = block.pointer();
        assert_eq!(first.as_ptr() as usize % ALIGN, 0);
        assert_eq!(pool.bytes(), (5120, 0));
        pool.give_back(block);
        assert_eq!(pool.bytes(), (0, 5120));
        let block = pool.take(4700).unwrap();
        assert_eq!(block.pointer(), first);
        pool.give_back(block);
    }

    #[test]
    fn take_of_large_block_is_aligned_to_huge_page() {
        let pool = Pool::new();
        let block = pool.take(5 << 20).unwrap();
        assert_eq!(block.pointer().as_ptr() as usize % HUGE, 0);
        pool.give_back(block);
    }

    #[test]
    fn give_back_beyond_bound_frees_down_to_it() {
        let pool = Pool::new();
        let blocks: Vec<_> = (0..6).map(|_| pool.take(32 << 20).unwrap()).collect();
        blocks.into_iter().for_each(|b| pool.give_back(b));
        assert_eq!(pool.bytes(), (0, 192 << 20), "as much as was alive at once is kept");
        for _ in 0..20 * EPOCH {
            let block = pool.take(64).unwrap();
            pool.give_back(block);
        }
        assert!(pool.bytes().1 <= FLOOR, "{:?} bytes kept", pool.bytes().1);
    }

    #[test]
    fn blocks_of_sizes_no_longer_used_go_before_the_one_in_use() {
        let pool = Pool::new();
        let small: Vec<_> = (0..3).map(|_| pool.take(24 << 20).unwrap()).collect();
        let tiny: Vec<_> = (0..100).map(|_| pool.take(64).unwrap()).collect();
        small.into_iter().chain(tiny).for_each(|block| pool.give_back(block));
        let first = pool.take(40 << 20).unwrap();
        let pointer = first.pointer();
        pool.give_back(first);
        assert_eq!(pool.bytes(), (0, ((24 + 40) << 20) + 6400), "the two oldest made room");
        for _ in 0..10 {
            let block = pool.take(40 << 20).unwrap();
            assert_eq!(block.pointer(), pointer);
            pool.give_back(block);
        }
    }

    #[test]
    fn take_of_more_than_the_address_space_is_out_of_memory() {
        let pool = Pool::new();
        let kept = pool.take(1 << 20).unwrap();
        pool.give_back(kept);
        for bytes in [usize::MAX, isize::MAX as usize, 1 << 60] {
            match pool.take(bytes) {
                Err(Error::OutOfMemory(e)) => assert_eq!(e.requested, bytes as u64),
                _ => panic!("{bytes} bytes"),
            }
        }
        assert_eq!(pool.bytes(), (0, 0), "the pool was given back before the last try");
    }
}
