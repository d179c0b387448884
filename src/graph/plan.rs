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
//! What a record reads at computed places ([`super::record::Fetching`]) is never at hand in a register, and a kernel
//! does not store to a buffer that it fetches from: there the second and the first line do not hold.
//!
//! Among the groups that this leaves open the first with the same iteration space takes it. So a group
//! need not be consecutive on the tape, and interleaved chains still fuse.
//!
//! # Note [Canonical cuts]
//! Where kernels are compiled, the number of operations in one is cut to the sizes of
//! [`CANONICAL_SIZES`], so that chains of any length share a bounded set of pipelines. Cutting changes
//! no bits: a value that crosses a cut is stored in the dtype that it already has.

use smallvec::SmallVec;

use super::record::Record;
use super::slots::Slots;
use super::storage::View;
use crate::layout;

/// Sizes that a compiled group may have; the largest is the most operations a kernel holds.
pub(super) const CANONICAL_SIZES: [usize; 8] = [10, 8, 6, 5, 4, 3, 2, 1];

/// Operations of a group that is cut, at most: kernels of the largest size, and so few that all can be numbered,
/// whatever they are ([`MAX_NUMBERED`]); a group that ends for want of numbers has a remainder of its own.
pub(super) const MOST_CUT: usize = 6 * CANONICAL_SIZES[0];

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

impl GroupLimits {
    /// Operations that become one kernel if they are plain and of one layout; none where longer tapes are worth
    /// more.
    pub(super) fn most_alike(self) -> Option<usize> {
        // They have three views, at most, and a number.
        (!self.canonical).then(|| self.records.min(MAX_NUMBERED / 3))
    }
}

/// One earlier use of a storage.
#[derive(Clone, Copy)]
struct Touch {
    group: u32,
    record: u32,
    /// Index of the input, or none for the output.
    input: Option<u16>,
}

impl Touch {
    fn new(group: usize, record: usize, input: Option<usize>) -> Self {
        // A tape is short, see `MAX_RECORDS`, and a record has few inputs.
        Self { group: group as u32, record: record as u32, input: input.map(|k| k as u16) }
    }

    fn group(self) -> usize {
        self.group as usize
    }

    fn record(self) -> usize {
        self.record as usize
    }

    fn input(self) -> Option<usize> {
        self.input.map(usize::from)
    }
}

struct Group {
    records: Vec<usize>,
    /// Whether others may join.
    open: bool,
    /// Whether a member's value depends on the order of points.
    indexed: bool,
    /// Whether a member reads at computed places.
    fetches: bool,
    operands: usize,
    scalars: usize,
}

impl Group {
    fn new(open: bool) -> Self {
        Self { records: Vec::new(), open, indexed: false, fetches: false, operands: 0, scalars: 0 }
    }

    fn push(&mut self, index: usize, record: &Record) {
        self.records.push(index);
        self.indexed |= record.is_indexed();
        self.fetches |= record.fetch.is_some();
        // A fold ends its kernel, and what is no expression is one by itself.
        self.open &= record.fold.is_none() && record.entire.is_none();
        self.operands += record.views.len();
        self.scalars += record.scalars();
    }

    /// Whether the kernel can number what one more record brings along.
    fn has_room(&self, record: &Record) -> bool {
        self.operands + record.inputs().len() < MAX_NUMBERED
            && self.scalars + record.scalars() <= MAX_NUMBERED
    }
}

/// Why no further operation joined a group. Operations are named by their index on the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// There was none.
    Tape,
    /// `next` has another iteration space.
    Shape { next: usize },
    /// `next` must see what `with` did to memory that they share, see Note [Hazards].
    Hazard { next: usize, with: usize },
    /// It folds.
    Fold,
    /// It, or `next`, folds, and the other reads at computed places.
    Fetch { next: usize },
    /// It, or `next`, is no expression that others could join.
    Entire { next: usize },
    /// It looks at its data first, or `next` does.
    Check { next: usize },
    /// It holds as many operations as a kernel may.
    Full,
    /// Its operands, or scalars, with those of `next` would be more than a kernel can number.
    Numbers { next: usize },
    /// `next` visits the points in another order.
    Order { next: usize },
    /// It was cut at a canonical size, see Note [Canonical cuts].
    Cut,
    /// It was halved, as it saw more buffers than the device can bind.
    Buffers,
    /// `next` looked no further back.
    Reach { next: usize },
}

/// Indices into the tape, kernel by kernel, in the order they must run. `dead` records are left out.
/// `ends`, if it is asked for, says for each kernel why it ended.
pub(super) fn plan(
    records: &[Box<Record>],
    dead: &[bool],
    slots: &Slots,
    limits: GroupLimits,
    ends: Option<&mut Vec<Ended>>,
) -> Vec<Vec<usize>> {
    if ends.is_none()
        && let Some(kernels) = plan_alike(records, dead, limits)
    {
        debug_assert_eq!(kernels, plan_any(records, dead, slots, limits, None), "one plan");
        return kernels;
    }
    plan_any(records, dead, slots, limits, ends)
}

/// Whether all operations of a tape store at each point what they see there, through one layout, and are so few
/// that they become one kernel if it sees no more buffers than a launch may have.
pub(super) fn is_one_kernel(records: &[Box<Record>], limits: GroupLimits) -> bool {
    // There it would have to be of a size that is not cut.
    if limits.canonical || records.len() > limits.records {
        return false;
    }
    let layout = &records[0].output().layout;
    records.iter().all(|record| record.is_alike(layout)) && can_be_numbered(records.iter())
}

/// Whether one kernel can number what these bring along.
fn can_be_numbered<'a>(records: impl Iterator<Item = &'a Box<Record>> + Clone) -> bool {
    let views: usize = records.clone().map(|record| record.views.len()).sum();
    let scalars: usize = records.map(|record| record.scalars()).sum();
    views <= MAX_NUMBERED && scalars <= MAX_NUMBERED
}

/// The plan of a tape whose operations store at each point what they see there, through one layout: none
/// stands in another's way, so that each group is full but the last. Most tapes of small tensors are such.
fn plan_alike(
    records: &[Box<Record>],
    dead: &[bool],
    limits: GroupLimits,
) -> Option<Vec<Vec<usize>>> {
    let layout = &records.first()?.output().layout;
    if !records.iter().all(|record| record.is_alike(layout)) {
        return None;
    }
    let live: Vec<usize> = (0..records.len()).filter(|&index| !dead[index]).collect();
    let mut kernels = Vec::new();
    for group in live.chunks(limits.records) {
        if !can_be_numbered(group.iter().map(|&index| &records[index])) {
            return None;
        }
        if limits.canonical {
            cut(group, &mut kernels);
        } else {
            kernels.push(group.to_vec());
        }
    }
    Some(kernels)
}

/// The plan of any tape.
fn plan_any(
    records: &[Box<Record>],
    dead: &[bool],
    slots: &Slots,
    limits: GroupLimits,
    mut ends: Option<&mut Vec<Ended>>,
) -> Vec<Vec<usize>> {
    let mut groups: Vec<Group> = Vec::new();
    let mut touches: Vec<SmallVec<[Touch; 2]>> = Vec::new();
    touches.resize_with(slots.len(), SmallVec::new);
    let mut reasons: Vec<Ended> = Vec::new();
    for (index, record) in records.iter().enumerate() {
        if dead[index] {
            continue;
        }
        let output = record.views.len() - 1;
        let views = record.views.iter().enumerate();
        let views = views.map(move |(k, view)| ((k < output).then_some(k), view));
        let mut earliest = 0;
        for (input, view) in views.clone() {
            for touch in &touches[slots.at(view)] {
                if let Some((first, _)) = constraint(records, record, (input, view), touch) {
                    earliest = earliest.max(first);
                }
            }
        }
        let from = earliest.max(groups.len().saturating_sub(REACH));
        let joined =
            (from..groups.len()).find(|&g| refusal(records, &groups[g], index, limits).is_none());
        let group = joined.unwrap_or_else(|| {
            groups.push(Group::new(record.program.check.is_none()));
            groups.len() - 1
        });
        if ends.is_some() {
            reasons.resize(groups.len(), Ended::Tape);
            let unexplained = (0..group).filter(|&g| reasons[g] == Ended::Tape);
            for g in unexplained.collect::<Vec<_>>() {
                let mut seen = views.clone().flat_map(|(input, view)| {
                    let seen = touches[slots.at(view)].iter();
                    seen.filter_map(move |touch| constraint(records, record, (input, view), touch))
                });
                let hazard = seen.rfind(|&(first, _)| first > g);
                reasons[g] = match (refusal(records, &groups[g], index, limits), hazard) {
                    (Some(why), _) => why,
                    (None, Some((_, with))) => Ended::Hazard { next: index, with },
                    (None, None) => Ended::Reach { next: index },
                };
            }
            reasons[group] = if record.fold.is_some() { Ended::Fold } else { Ended::Tape };
        }
        groups[group].push(index, record);
        for (input, view) in views {
            let seen = &mut touches[slots.at(view)];
            // What this touch dominates puts no constraint of its own any more.
            seen.retain(|old| {
                let weaker =
                    record.is_fetched(input) || !records[old.record()].is_fetched(old.input());
                let dominated = (input.is_none() || old.input.is_some() && weaker)
                    && old.group() <= group
                    && view_of(records, old).layout == view.layout;
                !dominated
            });
            seen.push(Touch::new(group, index, input));
        }
    }
    let mut kernels = Vec::with_capacity(groups.len());
    for (g, group) in groups.into_iter().enumerate() {
        if limits.canonical {
            cut(&group.records, &mut kernels);
        } else {
            kernels.push(group.records);
        }
        if let Some(ends) = &mut ends {
            ends.resize(kernels.len() - 1, Ended::Cut);
            ends.push(reasons[g]);
        }
    }
    kernels
}

/// Why an operation cannot join a group, hazards aside.
fn refusal(
    records: &[Box<Record>],
    group: &Group,
    next: usize,
    limits: GroupLimits,
) -> Option<Ended> {
    let (first, record) = (&records[group.records[0]], &records[next]);
    if record.program.check.is_some() || first.program.check.is_some() {
        Some(Ended::Check { next })
    } else if record.entire.is_some() || first.entire.is_some() {
        Some(Ended::Entire { next })
    } else if !group.open {
        Some(Ended::Fold)
    } else if group.records.len() >= limits.records {
        Some(Ended::Full)
    } else if first.shape() != record.shape() {
        Some(Ended::Shape { next })
    } else if !group.has_room(record) {
        Some(Ended::Numbers { next })
    } else if group.fetches && record.fold.is_some() {
        Some(Ended::Fetch { next })
    } else if group.indexed && record.is_reordered() {
        Some(Ended::Order { next })
    } else {
        None
    }
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

fn view_of<'a>(records: &'a [Box<Record>], touch: &Touch) -> &'a View {
    let record = &records[touch.record()];
    touch.input().map_or(record.output(), |k| &record.views[k])
}

/// The first group in which `view` may be touched after an earlier touch, and who touched it; see
/// Note [Hazards].
#[inline]
fn constraint(
    records: &[Box<Record>],
    record: &Record,
    (input, view): (Option<usize>, &View),
    touch: &Touch,
) -> Option<(usize, usize)> {
    if touch.input.is_some() && input.is_some() {
        return None;
    }
    let other = view_of(records, touch);
    // What a fold gives is not at hand before the kernel ends.
    let folded = touch.input.is_none() && records[touch.record()].fold.is_some();
    if record.is_fetched(input) || records[touch.record()].is_fetched(touch.input()) {
        return Some((touch.group() + 1, touch.record()));
    }
    if view.layout == other.layout && !folded {
        Some((touch.group(), touch.record()))
    } else if layout::provably_disjoint(&view.layout, &other.layout) {
        None
    } else {
        Some((touch.group() + 1, touch.record()))
    }
}

/// Which records nobody can see: their storage is held by the tape alone, and nothing that counts reads
/// it later.
pub(super) fn dead_records(records: &[Box<Record>], slots: &Slots) -> SmallVec<[bool; 32]> {
    let mut read_after: SmallVec<[bool; 64]> = SmallVec::from_elem(false, slots.len());
    let mut all_dead = SmallVec::from_elem(false, records.len());
    // As slices, where they lie is not asked for each one.
    let (read, dead) = (&mut read_after[..], &mut all_dead[..]);
    for (index, record) in records.iter().enumerate().rev() {
        // A record that may refuse counts: its error must surface.
        let counts = record.may_refuse()
            || read[slots.at(record.output())]
            || slots.is_held(record.output());
        dead[index] = !counts;
        if counts {
            record.inputs().iter().for_each(|input| read[slots.at(input)] = true);
        }
    }
    all_dead
}
