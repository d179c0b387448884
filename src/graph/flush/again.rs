//! Tapes that came before: their kernels run one after the other, as the [score](crate::graph::score) says.

use smallvec::SmallVec;

use super::{Executor, Made, count, expect_refusal, give_up, let_go, outputs_of};
use crate::graph::record::Record;
use crate::graph::runtime::Runtime;
use crate::graph::spans;

impl Runtime {
    /// Runs the operations of a tape; returns their list, empty.
    pub(super) fn flush_again(
        &self,
        executor: &mut Executor,
        records: Vec<Box<Record>>,
    ) -> Vec<Box<Record>> {
        executor.slots.number(&records);
        let Executor { slots, templates, scores, start, deferred, checks, .. } = executor;
        // Who is told of kernels is told why each ended, too.
        let told = spans::kernels_are_told();
        let score = scores.find(&records, slots, templates.generation()).filter(|_| !told);
        let Some(score) = score else { return self.flush_all(executor, records) };
        count(&self.counters.flushes, 1);
        let mut records: Vec<Option<Box<Record>>> = records.into_iter().map(Some).collect();
        score.dead.iter().for_each(|&index| let_go(&mut records[usize::from(index)]));
        for part in &score.parts {
            let members = part.records.iter();
            let members: SmallVec<[&Record; 16]> =
                members.filter_map(|&index| records[usize::from(index)].as_deref()).collect();
            if let Some(pattern) = &templates.at(part.template).pattern {
                let made = Made::Before(pattern, checks.len() as u32);
                if let Err(error) = self.run_alone(made, &members, start) {
                    give_up(deferred, &error, &[outputs_of(&members)]);
                }
                expect_refusal(checks, &members);
            }
            drop(members);
            part.records.iter().for_each(|&index| let_go(&mut records[usize::from(index)]));
        }
        // Collected where they lie.
        records.into_iter().flatten().collect()
    }
}
