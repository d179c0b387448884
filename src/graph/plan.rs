//! The plan: which operations run together.
//!
//! Owns the grouping of a tape. A group becomes one kernel, or a few where the backend's limits ask for
//! it. Must not know buffers or backends.
//!
//! # Note [Hazards]
//! An operation may run in a group only if it sees the memory that program order shows it. For each
//! earlier touch of one of its storages, by an operation of group `g` (reads against reads never
//! conflict):
//! - no element in common, provably: no constraint;
//! - the same layout: group `g` or later, for within a kernel a point reads before it writes and a
//!   value that was written is at hand in a register;
//! - anything else: group `g + 1` or later.
//!
//! Among the groups that this leaves open the first with the same iteration space takes it. So a group
//! need not be consecutive on the tape, and interleaved chains still fuse.
//!
//! # Note [Canonical cuts]
//! Where kernels are compiled, the number of operations in one is cut to the sizes of
//! [`CANONICAL_SIZES`], so that chains of any length share a bounded set of pipelines. Cutting changes
//! no bits: a value that crosses a cut is stored in the dtype that it already has.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::record::Record;
use super::storage::{Storage, View};
use crate::layout;

/// Sizes that a compiled group may have; the largest is the most operations a kernel holds.
pub(super) const CANONICAL_SIZES: [usize; 8] = [10, 8, 6, 5, 4, 3, 2, 1];

/// How far back an operation looks for a group to join.
const REACH: usize = 64;

/// Operands, and scalars, that the records of one group bring along at most: a kernel numbers them in a
/// byte.
const MAX_NUMBERED: usize = 255;

/// What bounds a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct GroupLimits {
    pub(super) records: usize,
    pub(super) canonical: bool,
}

/// One earlier use of a storage.
struct Touch {
    group: usize,
    record: usize,
    /// Index of the input, or none for the output.
    input: Option<usize>,
}

struct Group {
    records: Vec<usize>,
    /// Whether others may join.
    open: bool,
    /// Whether a member's value depends on the order of points.
    indexed: bool,
    operands: usize,
    scalars: usize,
}

impl Group {
    fn new(open: bool) -> Self {
        Self { records: Vec::new(), open, indexed: false, operands: 0, scalars: 0 }
    }

    fn push(&mut self, index: usize, record: &Record) {
        self.records.push(index);
        self.indexed |= record.is_indexed();
        // A fold ends its kernel.
        self.open &= record.fold.is_none();
        self.operands += record.inputs.len() + 1;
        self.scalars += record.scalars();
    }

    /// Whether the kernel can number what one more record brings along.
    fn has_room(&self, record: &Record) -> bool {
        self.operands + record.inputs.len() < MAX_NUMBERED
            && self.scalars + record.scalars() <= MAX_NUMBERED
    }
}

/// Indices into the tape, kernel by kernel, in the order they must run. `dead` records are left out.
pub(super) fn plan(records: &[Record], dead: &[bool], limits: GroupLimits) -> Vec<Vec<usize>> {
    let mut groups: Vec<Group> = Vec::new();
    let mut touches: FxHashMap<*const Storage, SmallVec<[Touch; 4]>> = FxHashMap::default();
    for (index, record) in records.iter().enumerate() {
        if dead[index] {
            continue;
        }
        let views = record.inputs.iter().enumerate().map(|(k, v)| (Some(k), v));
        let views = views.chain([(None, &record.output)]);
        let earliest = views.clone().fold(0, |earliest, (input, view)| {
            let seen = touches.get(&key(view)).into_iter().flatten();
            seen.filter(|touch| touch.input.is_none() || input.is_none())
                .filter_map(|touch| constraint(records, view, touch))
                .fold(earliest, usize::max)
        });
        let solo = record.program.check.is_some();
        let from = earliest.max(groups.len().saturating_sub(REACH));
        let joined = (from..groups.len()).find(|&g| {
            let group = &groups[g];
            !solo
                && group.open
                && group.records.len() < limits.records
                && group.has_room(record)
                && records[group.records[0]].shape == record.shape
                && !(group.indexed && record.is_reordered())
        });
        let group = joined.unwrap_or_else(|| {
            groups.push(Group::new(!solo));
            groups.len() - 1
        });
        groups[group].push(index, record);
        for (input, view) in views {
            let seen = touches.entry(key(view)).or_default();
            // What this touch dominates puts no constraint of its own any more.
            seen.retain(|old| {
                let dominated = (input.is_none() || old.input.is_some())
                    && old.group <= group
                    && view_of(records, old).layout == view.layout;
                !dominated
            });
            seen.push(Touch { group, record: index, input });
        }
    }
    let mut kernels = Vec::with_capacity(groups.len());
    for group in groups {
        if limits.canonical {
            cut(&group.records, &mut kernels);
        } else {
            kernels.push(group.records);
        }
    }
    kernels
}

/// Cuts a group at canonical points, see Note [Canonical cuts].
fn cut(mut records: &[usize], kernels: &mut Vec<Vec<usize>>) {
    while !records.is_empty() {
        let fits = |size: &&usize| **size <= records.len();
        let size = CANONICAL_SIZES.iter().find(fits).copied().unwrap_or(1);
        let (head, tail) = records.split_at(size);
        kernels.push(head.to_vec());
        records = tail;
    }
}

fn key(view: &View) -> *const Storage {
    std::sync::Arc::as_ptr(&view.storage)
}

fn view_of<'a>(records: &'a [Record], touch: &Touch) -> &'a View {
    let record = &records[touch.record];
    touch.input.map_or(&record.output, |k| &record.inputs[k])
}

/// The first group in which `view` may be touched after an earlier touch; see Note [Hazards].
fn constraint(records: &[Record], view: &View, touch: &Touch) -> Option<usize> {
    let other = view_of(records, touch);
    // What a fold gives is not at hand before the kernel ends.
    let folded = touch.input.is_none() && records[touch.record].fold.is_some();
    if view.layout == other.layout && !folded {
        Some(touch.group)
    } else if layout::provably_disjoint(&view.layout, &other.layout) {
        None
    } else {
        Some(touch.group + 1)
    }
}

/// Which records nobody can see: their storage is held by the tape alone, and nothing that counts reads
/// it later.
pub(super) fn dead_records(records: &[Record], held: impl Fn(&View) -> bool) -> Vec<bool> {
    let mut read: rustc_hash::FxHashSet<*const Storage> = Default::default();
    let mut dead = vec![false; records.len()];
    for (index, record) in records.iter().enumerate().rev() {
        let output = key(&record.output);
        // A record that may refuse counts: its error must surface.
        let counts =
            record.program.check.is_some() || read.contains(&output) || held(&record.output);
        dead[index] = !counts;
        if counts {
            read.extend(record.inputs.iter().map(key));
        }
    }
    dead
}
