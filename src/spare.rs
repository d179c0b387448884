//! Places that a thread keeps for what it makes next.
//!
//! A flush ends many records and storages at once, and the next tape asks for as many; kernels ask for memory of
//! their own and are done with it: allocators are slow to take the one and to give the other.

use std::cell::RefCell;
use std::thread::LocalKey;

/// What has ended, at most so many, to be filled anew.
pub(crate) struct Spare<T, const MOST: usize>(RefCell<Vec<T>>);

impl<T, const MOST: usize> Spare<T, MOST> {
    pub(crate) const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    /// One of them, the one that came last; none while the thread ends.
    pub(crate) fn take(spare: &'static LocalKey<Self>) -> Option<T> {
        spare.try_with(|spare| spare.0.borrow_mut().pop()).ok().flatten()
    }

    /// Keeps one, unless there are enough or the thread ends. It holds nothing that would do something when it
    /// is dropped.
    pub(crate) fn keep(spare: &'static LocalKey<Self>, ended: T) {
        let _ = spare.try_with(|spare| {
            let mut spare = spare.0.borrow_mut();
            if spare.len() < MOST {
                spare.push(ended);
            }
        });
    }
}
