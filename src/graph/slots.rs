//! What a flush knows of each storage on its tape.
//!
//! # Note [Slots]
//! A flush asks of every view which storage it is of, many times. So it numbers the storages once and
//! leaves each its number, in `Storage::slot`; what it knows of them then lies in plain arrays. A slot is
//! written and read by who has the executor only (a storage belongs to one device, and so to one
//! executor), and means nothing to the next flush.

use std::sync::atomic::Ordering;

use triomphe::Arc;

use super::record::Record;
use super::storage::View;

/// The storages that the records of a tape touch.
#[derive(Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
}

struct Slot {
    /// Its address.
    storage: usize,
    /// Handles to the storage when it was met, less those of the records met since.
    others: isize,
}

impl Slots {
    /// Numbers the storages of `records`. The caller has the executor.
    pub(super) fn of(records: &[Box<Record>]) -> Self {
        let mut slots = Self::default();
        slots.number(records);
        slots
    }

    /// As [`Self::of`], in the place of those of another tape.
    pub(super) fn number(&mut self, records: &[Box<Record>]) {
        let slots = &mut self.slots;
        slots.clear();
        for view in records.iter().flat_map(|record| &record.views) {
            let storage = Arc::as_ptr(&view.storage).addr();
            let at = view.storage.slot.load(Ordering::Relaxed) as usize;
            match slots.get_mut(at) {
                // A number that an earlier flush left may be another storage's by now.
                Some(Slot { storage: known, others }) if *known == storage => *others -= 1,
                _ => {
                    view.storage.slot.store(slots.len() as u32, Ordering::Relaxed);
                    slots.push(Slot {
                        storage,
                        others: Arc::strong_count(&view.storage) as isize - 1,
                    });
                }
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The number of the storage of a view on the tape.
    pub(super) fn at(&self, view: &View) -> usize {
        let at = view.storage.slot.load(Ordering::Relaxed) as usize;
        debug_assert_eq!(self.slots[at].storage, Arc::as_ptr(&view.storage).addr(), "of the tape");
        at
    }

    /// Of each number in turn, whether the storage is held.
    pub(super) fn held(&self) -> impl Iterator<Item = bool> {
        self.slots.iter().map(|slot| slot.others > 0)
    }

    /// Whether something besides the tape's records held the storage, see Note [Who sees a storage].
    pub(super) fn is_held(&self, view: &View) -> bool {
        self.slots[self.at(view)].others > 0
    }
}
