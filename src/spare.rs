//! Places that a thread keeps for what it makes next.
//!
//! A flush ends many records and storages at once, and the next tape asks for as many: allocators are slow to
//! take the one and to give the other.

use std::cell::RefCell;
use std::thread::LocalKey;

/// Places that are kept.
const MOST: usize = 1024;

/// What has ended, to be filled anew.
pub(super) struct Spare<T>(RefCell<Vec<T>>);

impl<T> Spare<T> {
    pub(super) const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    /// One of them; none while the thread ends.
    pub(super) fn take(spare: &'static LocalKey<Self>) -> Option<T> {
        spare.try_with(|spare| spare.0.borrow_mut().pop()).ok().flatten()
    }

    /// Keeps one, unless there are enough or the thread ends. It holds nothing that would do something when it
    /// is dropped.
    pub(super) fn keep(spare: &'static LocalKey<Self>, ended: T) {
        let _ = spare.try_with(|spare| {
            let mut spare = spare.0.borrow_mut();
            if spare.len() < MOST {
                spare.push(ended);
            }
        });
    }
}
