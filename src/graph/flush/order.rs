//! What is known of a tape's kernels before they run: their order, and why each ended.

use crate::graph::explain::Reason;
use crate::graph::plan::Ended;
use crate::graph::record::Record;
use crate::graph::slots::Slots;

/// Why each kernel ended, the last one first; nothing where nobody is told.
pub(super) struct Reasons(Vec<String>);

impl Reasons {
    pub(super) fn of(ends: Option<Vec<Ended>>, records: &[Box<Record>]) -> Self {
        let ends = ends.into_iter().flatten().rev();
        Self(ends.map(|ended| Reason { ended, records }.to_string()).collect())
    }

    pub(super) fn next(&mut self) -> String {
        self.0.pop().unwrap_or_default()
    }

    /// A kernel became two.
    pub(super) fn split(&mut self, reason: String) {
        self.0.extend([reason, Reason { ended: Ended::Buffers, records: &[] }.to_string()]);
    }
}

/// When kernels run, and who reads what they write.
pub(in crate::graph) struct Order {
    /// The place of each record in the order of running.
    pub(in crate::graph) place: Vec<usize>,
    /// Of each slot, one more than the place of the last record that reads it.
    last_read: Vec<usize>,
}

impl Order {
    pub(in crate::graph) fn of(
        records: &[Box<Record>],
        groups: &[Vec<usize>],
        slots: &Slots,
    ) -> Self {
        let mut place = vec![0; records.len()];
        let mut last_read = vec![0; slots.len()];
        for (position, &index) in groups.iter().flatten().enumerate() {
            place[index] = position;
            for input in records[index].inputs() {
                last_read[slots.at(input)] = position + 1;
            }
        }
        Self { place, last_read }
    }

    pub(in crate::graph) fn is_read_after(&self, slot: usize, place: usize) -> bool {
        self.last_read[slot] > place + 1
    }
}
