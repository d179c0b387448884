//! How much memory something asks for: an allocator that counts, each thread by itself.
#![allow(unsafe_code, reason = "an allocator hands out raw memory")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    /// Bytes that are held, and the most that ever were; less than zero where another thread's were freed.
    static HELD: Cell<(i128, i128)> = const { Cell::new((0, 0)) };
}

fn count(more: usize, less: usize) {
    // Not at all while the thread ends.
    let _ = HELD.try_with(|held| {
        let (now, most) = held.get();
        // A request counts before it is granted, also where it never is.
        let asked = now + more as i128;
        held.set((asked - less as i128, most.max(asked)));
    });
}

// SAFETY: hands everything on to the system's allocator; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promises.
        let memory = unsafe { System.alloc(layout) };
        if memory.is_null() {
            count(0, layout.size());
        }
        memory
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promises.
        let memory = unsafe { System.alloc_zeroed(layout) };
        if memory.is_null() {
            count(0, layout.size());
        }
        memory
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller's promises.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, 0);
        // SAFETY: the caller's promises.
        let moved = unsafe { System.realloc(memory, layout, size) };
        count(0, if moved.is_null() { size } else { layout.size() });
        moved
    }
}

/// What a function returns, and the most bytes that its thread asked for beyond what it had before.
pub(crate) fn peak<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.with(|held| {
        let (now, _) = held.get();
        held.set((now, now));
        now
    });
    let result = run();
    let (_, most) = HELD.with(Cell::get);
    (result, (most - before) as usize)
}

#[test]
fn peak_counts_what_is_freed_and_what_is_refused() {
    let ((), bytes) = peak(|| drop((vec![1u8; 1000], vec![1u8; 500])));
    assert_eq!(bytes, 1500);
    let (refused, bytes) =
        peak(|| Vec::<u8>::new().try_reserve_exact(isize::MAX as usize).is_err());
    assert_eq!((refused, bytes), (true, isize::MAX as usize));
}
