//! Tapes that came before.
//!
//! # Note [Scores]
//! What becomes of a tape follows from its programs, from which views are of one storage, from how they walk, from
//! what is checked, fetched, folded or done with whole tensors, and from which storages somebody holds; numbers only
//! fill in arguments. A softmax, a variance or a step of a loop records the same tape time and again: of small
//! tensors, to plan it and to look for the template of each kernel takes longer than to compute. So a tape that comes
//! for the second time gets a *score*: which operations are dead, and which kernels run, one after the other. It is
//! found by a hash and compared in full.
//!
//! Only short tapes have one, whose kernels all have [templates](super::template) and run one by one, as those of
//! small tensors do on the CPU.

use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashMap, FxHasher};
use smallvec::SmallVec;

use super::notes::Notes;
use super::record::Record;
use super::slots::Slots;

/// Operations of a tape that has a score, at most.
const MOST: usize = 24;

/// Tapes that are remembered, at most; then all are forgotten.
const MAX_KNOWN: usize = if cfg!(test) { 1 << 3 } else { 1 << 9 };

/// What is known of tapes, by hash.
#[derive(Default)]
pub(super) struct Scores {
    known: FxHashMap<u64, Known>,
    /// That of the templates whose numbers the scores have.
    generation: u64,
}

enum Known {
    /// It came once.
    Met,
    Score(Score),
    /// It can have none.
    Never,
}

/// What becomes of a tape.
pub(super) struct Score {
    /// The operations.
    notes: Vec<Notes>,
    /// Of each slot, whether the storage is held.
    held: SmallVec<[bool; 16]>,
    /// Operations that nobody can see.
    pub(super) dead: SmallVec<[u16; 4]>,
    pub(super) parts: Vec<Part>,
}

/// A kernel.
pub(super) struct Part {
    /// The number of its template.
    pub(super) template: usize,
    pub(super) records: SmallVec<[u16; 8]>,
}

/// Where the score of a tape is kept, for [`Scores::keep`].
pub(super) struct Due {
    hash: u64,
    score: Score,
}

impl Due {
    /// Adds a kernel.
    pub(super) fn add(&mut self, template: usize, records: &[usize]) {
        let records = records.iter().map(|&index| index as u16).collect();
        self.score.parts.push(Part { template, records });
    }
}

impl Scores {
    /// The score of a tape. `generation` is that of the templates, whose numbers mean nothing to another one.
    pub(super) fn find(
        &mut self,
        records: &[Box<Record>],
        slots: &Slots,
        generation: u64,
    ) -> Option<&Score> {
        if self.generation != generation {
            self.known.clear();
            self.generation = generation;
        }
        if records.len() > MOST || self.known.is_empty() {
            return None;
        }
        match self.known.get(&hash(records, slots)) {
            Some(Known::Score(score)) if score.is_of(records, slots) => Some(score),
            _ => None,
        }
    }

    /// Begins the score of a tape that has none, if it is to have one.
    pub(super) fn due(
        &mut self,
        records: &[Box<Record>],
        dead: &[bool],
        slots: &Slots,
    ) -> Option<Due> {
        if records.len() > MOST {
            return None;
        }
        if self.known.len() >= MAX_KNOWN {
            self.known.clear();
        }
        let hash = hash(records, slots);
        match self.known.get(&hash) {
            None => {
                self.known.insert(hash, Known::Met);
                return None;
            }
            Some(Known::Never) => return None,
            Some(Known::Met | Known::Score(_)) => {}
        }
        // Until it is known to have one.
        self.known.insert(hash, Known::Never);
        let notes = records.iter().map(|record| Notes::of(record, |view| slots.at(view))).collect();
        let dead = (0..records.len()).filter(|&index| dead[index]);
        let dead = dead.map(|index| index as u16).collect();
        let (held, parts) = (slots.held().collect(), Vec::new());
        Some(Due { hash, score: Score { notes, held, dead, parts } })
    }

    /// Keeps a score that has all its kernels.
    pub(super) fn keep(&mut self, Due { hash, score }: Due) {
        self.known.insert(hash, Known::Score(score));
    }

    /// A tape had no template for some kernel: it may have one the next time.
    pub(super) fn put_off(&mut self, Due { hash, .. }: Due) {
        self.known.insert(hash, Known::Met);
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.known.values().filter(|known| matches!(known, Known::Score(_))).count()
    }
}

impl Score {
    fn is_of(&self, records: &[Box<Record>], slots: &Slots) -> bool {
        self.notes.len() == records.len()
            && self
                .notes
                .iter()
                .zip(records)
                .all(|(notes, record)| notes.are_of(record, |view| slots.at(view)))
            && slots.held().eq(self.held.iter().copied())
    }
}

/// Tells most tapes apart.
fn hash(records: &[Box<Record>], slots: &Slots) -> u64 {
    let mut hasher = FxHasher::default();
    slots.held().for_each(|held| hasher.write_u8(held.into()));
    for record in records {
        hasher.write_usize(record.name.as_ptr().addr());
        if let Some(fetch) = &record.fetch {
            fetch.strides.hash(&mut hasher);
        }
        if let Some(entire) = &record.entire {
            entire.whole.hash(&mut hasher);
        }
        for view in &record.views {
            hasher.write_usize(slots.at(view) << 8 | view.dtype() as usize);
            match view.layout.place() {
                Some(place) => hasher.write_usize(place),
                None => {
                    hasher.write_usize(view.layout.offset());
                    let sizes = view.layout.shape().iter().chain(view.layout.strides());
                    sizes.for_each(|&size| hasher.write_usize(size));
                }
            }
        }
    }
    hasher.finish()
}
