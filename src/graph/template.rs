//! Kernels of groups that were built before.
//!
//! # Note [Templates]
//! What `build` makes of a group follows from its programs, from which views are one, from which of them are
//! stored, from how they walk and from what is folded or done with whole tensors; numbers only fill in arguments.
//! So groups are built once. Their scalars are numbered for it, to see where each ends up; afterwards the kernel's
//! arguments are put together from the records. A template is found by a hash and compared in full, so what it
//! was made of and what it is used for are the same but for numbers; that of a single record is looked for where
//! the last one like it was.
//!
//! A group is *flat* if all its views have one contiguous layout and it only evaluates and stores, as most small
//! operations are. Then sizes too only fill in arguments, and one template does for all. Templates of others are of
//! their sizes alone: one is made when a group comes for the second time. Small kernels that run one by one the
//! backend may run with less ado: flat ones by [`Backend::flat`], others by [`Backend::ready`].
//!
//! [`Backend::flat`]: crate::backend::Backend::flat
//! [`Backend::ready`]: crate::backend::Backend::ready

mod pattern;

use std::hash::Hasher;

use rustc_hash::{FxHashMap, FxHashSet, FxHasher};
use smallvec::SmallVec;

use super::alike::Alike;
use super::build::build;
use super::notes::Notes;
use super::plain::Plain;
use super::record::{Entire, Fetching, Folding, Record};
use super::storage::View;
use crate::kernel::{Fold, Node, Whole};
pub(super) use pattern::Pattern;

/// Records of all templates from which on all are forgotten. Unit tests, those of the GPU, are to see it.
const MAX_KEPT: usize = if cfg!(test) { 1 << 4 } else { 1 << 14 };

/// The kernel of a group, but for its numbers.
pub(super) struct Template {
    /// What it was made of: of each record the lengths of its lists, or that it is plain, whether its output is
    /// stored, and which view each one is.
    words: Vec<u32>,
    /// How the views walk, and what is checked, fetched and folded, or done instead; nothing if it is flat.
    walks: Vec<usize>,
    /// Those of records that are not plain.
    nodes: Vec<Node>,
    /// The word of the only record, if that is plain; 0 otherwise.
    only: u32,
    /// The notes of the only record, if that is not flat.
    notes: Option<Notes>,
    /// None where nothing needs to run.
    pub(super) pattern: Option<Pattern>,
}

/// Templates of single records that are looked at before others, a power of two: each has its one place.
const RECENT: usize = 32;

/// Groups without a template that are remembered, at most; then all are forgotten.
const MAX_SEEN: usize = 1 << 12;

/// Templates that were made before.
#[derive(Default)]
pub(super) struct Templates {
    all: Vec<Template>,
    /// Their numbers, by hash.
    known: FxHashMap<u64, SmallVec<[u32; 2]>>,
    /// A number may be of another template by now, or of none.
    recent: [u32; RECENT],
    /// That of the operations that were last looked for by their words, likewise.
    last_alike: usize,
    /// Records of all.
    kept: usize,
    /// How often all were forgotten.
    generation: u64,
    /// The words, and walks, of the group at hand.
    words: Vec<u32>,
    walks: Vec<usize>,
    /// Hashes of groups that have no template yet.
    seen: FxHashSet<u64>,
    /// Of each number, the group that met it last and what it calls it.
    names: Vec<(u32, u32)>,
    groups: u32,
}

impl Templates {
    /// The template of a group, if it can have one. `number` tells storages apart.
    pub(super) fn of(
        &mut self,
        records: &[&Record],
        number: impl Fn(&View) -> usize,
        stored: impl Fn(&View) -> bool,
    ) -> Option<&Template> {
        let at = self.number_of(records, number, stored)?;
        Some(&self.all[at])
    }

    /// The number of the template of a group, which means nothing to another [generation](Self::generation).
    pub(super) fn number_of(
        &mut self,
        records: &[&Record],
        number: impl Fn(&View) -> usize,
        stored: impl Fn(&View) -> bool,
    ) -> Option<usize> {
        if let [record] = records {
            return self.number_of_one(record, stored(record.output()));
        }
        let hash = self.describe(records, number, &stored);
        self.known_or_made(hash, records, stored)
    }

    /// The template of plain operations that are no records, if there is one.
    pub(super) fn of_alike(&mut self, alike: &mut Alike) -> Option<&Template> {
        if let Some((plain, stored)) = alike.only() {
            let recent = self.recent[place_of_plain(plain)] as usize;
            if self.all.get(recent).is_some_and(|template| template.only == plain.word(stored)) {
                return Some(&self.all[recent]);
            }
        }
        let words = alike.words()?;
        let is_it = |template: &Template| template.words == words && template.is_plain();
        if !self.all.get(self.last_alike).is_some_and(is_it) {
            let mut known = self.known.get(&hash_of(words))?.iter().map(|&at| at as usize);
            self.last_alike = known.find(|&at| is_it(&self.all[at]))?;
        }
        Some(&self.all[self.last_alike])
    }

    /// The template of a number.
    pub(super) fn at(&self, number: usize) -> &Template {
        &self.all[number]
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    /// Whether the template of a record that is not flat is where it is looked for first.
    #[cfg(test)]
    pub(super) fn knows_at_once(&self, record: &Record, stored: bool) -> bool {
        let recent = self.recent[place_of(record)] as usize;
        self.all.get(recent).is_some_and(|template| template.is_of_one(record, stored))
    }

    /// [`of`](Self::of) a group of one.
    pub(super) fn of_one(&mut self, record: &Record, stored: bool) -> Option<&Template> {
        let at = self.number_of_one(record, stored)?;
        Some(&self.all[at])
    }

    fn number_of_one(&mut self, record: &Record, stored: bool) -> Option<usize> {
        let place = place_of(record);
        let recent = self.recent[place] as usize;
        if self.all.get(recent).is_some_and(|template| template.is_of_one(record, stored)) {
            return Some(recent);
        }
        let hash = self.describe_one(record, stored);
        let at = self.known_or_made(hash, &[record], |_| stored)?;
        self.recent[place] = at as u32;
        Some(at)
    }

    /// The number of the template of what was described. One that is not flat gets a template when it comes for
    /// the second time.
    fn known_or_made(
        &mut self,
        hash: u64,
        records: &[&Record],
        stored: impl Fn(&View) -> bool,
    ) -> Option<usize> {
        self.known(hash, records).or_else(|| {
            let is_due = self.walks.is_empty() || self.is_seen(hash);
            is_due.then(|| self.make(hash, records, stored))
        })
    }

    /// Whether a group was met before, of late; if it was not, now it was, and if it was, it gets a template.
    fn is_seen(&mut self, hash: u64) -> bool {
        if self.seen.len() >= MAX_SEEN {
            self.seen.clear();
        }
        !self.seen.insert(hash) && self.seen.remove(&hash)
    }

    /// The number of the template of what was described, if there is one.
    fn known(&self, hash: u64, records: &[&Record]) -> Option<usize> {
        let Self { all, known, words, walks, .. } = self;
        let mut found = known.get(&hash)?.iter().map(|&at| at as usize);
        found.find(|&at| {
            let template = &all[at];
            template.words == *words && template.walks == *walks && template.is_of(records)
        })
    }

    /// Makes the template of what was described; returns its number.
    fn make(&mut self, hash: u64, records: &[&Record], stored: impl Fn(&View) -> bool) -> usize {
        if self.kept > MAX_KEPT {
            (self.all, self.known, self.kept) = Default::default();
            self.generation += 1;
        }
        let at = self.all.len();
        self.kept += records.len();
        self.known.entry(hash).or_default().push(at as u32);
        let described = (self.words.clone(), self.walks.clone());
        self.all.push(Template::new(described, records, stored));
        at
    }

    /// Writes down what the group is and returns its hash.
    fn describe(
        &mut self,
        records: &[&Record],
        number: impl Fn(&View) -> usize,
        stored: &impl Fn(&View) -> bool,
    ) -> u64 {
        let is_flat = is_flat(records);
        self.words.clear();
        self.walks.clear();
        self.groups = self.groups.wrapping_add(1);
        let mut hasher = FxHasher::default();
        let mut names = 0;
        for record in records {
            self.words.push(kind(record, stored(record.output())));
            for view in &record.views {
                let number = number(view);
                if self.names.len() <= number {
                    self.names.resize(number + 1, (self.groups.wrapping_sub(1), 0));
                }
                let name = &mut self.names[number];
                if name.0 != self.groups {
                    *name = (self.groups, names);
                    names += 1;
                }
                self.words.push(name.1 << 8 | view.dtype() as u32);
            }
            if !is_flat {
                walk(record, &mut |size| self.walks.push(size));
            }
            if !record.is_plain() {
                hasher.write_usize(record.name.as_ptr().addr());
            }
        }
        self.words.iter().for_each(|&word| hasher.write_u32(word));
        self.walks.iter().for_each(|&size| hasher.write_usize(size));
        hasher.finish()
    }

    /// [`describe`](Self::describe) for a group of one.
    fn describe_one(&mut self, record: &Record, stored: bool) -> u64 {
        let is_flat = is_flat(&[record]);
        self.walks.clear();
        self.words.clear();
        self.words.extend(words_of_one(record, stored));
        if !is_flat {
            walk(record, &mut |size| self.walks.push(size));
        }
        let mut hasher = FxHasher::default();
        if !record.is_plain() {
            hasher.write_usize(record.name.as_ptr().addr());
        }
        self.words.iter().for_each(|&word| hasher.write_u32(word));
        self.walks.iter().for_each(|&size| hasher.write_usize(size));
        hasher.finish()
    }
}

/// The hash of operations that are plain, as of records that are.
fn hash_of(words: &[u32]) -> u64 {
    let mut hasher = FxHasher::default();
    words.iter().for_each(|&word| hasher.write_u32(word));
    hasher.finish()
}

/// Where the template of a single record is looked for first.
#[inline]
fn place_of(record: &Record) -> usize {
    match record.plain {
        Some(plain) => place_of_plain(plain),
        // Where names lie differs in the low bits; how many nodes there are tells numbers from tensors, and how
        // many layouts are no common ones rows and slices from whole tensors.
        None => {
            let others = record.views.iter().filter(|view| !view.layout.is_kept()).count();
            (record.name.as_ptr().addr() ^ record.program.nodes.len() ^ others << 3) % RECENT
        }
    }
}

/// As [`place_of`], of what is plain.
#[inline]
fn place_of_plain(plain: Plain) -> usize {
    // Operations are told apart by the middle of the product.
    (plain.word(false).wrapping_mul(0x9e37_79b9) >> 20) as usize % RECENT
}

/// The records whose programs say more of them than their words do.
fn told<'a>(records: &[&'a Record]) -> impl Iterator<Item = &'a Record> {
    records.iter().copied().filter(|record| !record.is_plain())
}

/// Note [Templates].
fn is_flat(records: &[&Record]) -> bool {
    let layout = &records[0].output().layout;
    layout.is_contiguous() && records.iter().all(|record| record.is_alike(layout))
}

/// The words of a group of one: its views are told apart by looking at them.
#[inline]
fn words_of_one(record: &Record, stored: bool) -> impl Iterator<Item = u32> {
    let views = &record.views[..];
    let number = first_of(record);
    let words = views.iter().map(move |view| (number(view) as u32) << 8 | view.dtype() as u32);
    std::iter::once(kind(record, stored)).chain(words)
}

/// The number of the first of a record's views that is of the storage of one of them.
#[inline]
fn first_of(record: &Record) -> impl Fn(&View) -> usize {
    |view| record.views.iter().position(|other| view.is_of(&other.storage)).unwrap_or_default()
}

/// What a plain record is, or how many nodes, scalars and inputs one has; and whether its output is stored.
#[inline]
fn kind(record: &Record, stored: bool) -> u32 {
    if let Some(plain) = record.plain {
        return plain.word(stored);
    }
    let program = &record.program;
    let lengths = [program.nodes.len(), program.scalars.len(), record.inputs().len()];
    let [nodes, scalars, inputs] = lengths.map(|len| len.min(0xff) as u32);
    nodes | scalars << 8 | inputs << 16 | u32::from(stored) << 24
}

/// Tells how a record's views walk and what it checks, fetches and folds, or does instead.
#[inline]
fn walk(record: &Record, tell: &mut impl FnMut(usize)) {
    for View { layout, .. } in &record.views {
        tell(layout.rank());
        layout.shape().iter().chain(layout.strides()).for_each(|&size| tell(size));
        tell(layout.offset());
    }
    tell(record.program.check.map_or(0, |value| 1 + usize::from(value)));
    if let Some(fetch) = &record.fetch {
        let Fetching { input, strides } = &**fetch;
        tell(1 + input);
        strides.iter().for_each(|&stride| tell(stride));
    } else {
        tell(0);
    }
    tell(usize::from(record.entire.is_some()));
    if let Some(entire) = &record.entire {
        return walk_entire(entire, tell);
    }
    let Some(fold) = &record.fold else { return tell(0) };
    let Folding { fold, shape, identity: _, dims, scan, places } = &**fold;
    tell(match fold {
        Fold::ArgMax => 1,
        Fold::ArgMin => 2,
        Fold::Op(op) => 3 + *op as usize,
    });
    tell(shape.len());
    shape.iter().for_each(|&size| tell(size));
    dims.iter().for_each(|&folded| tell(usize::from(folded)));
    places.iter().for_each(|&place| tell(place));
    tell(usize::from(*scan));
}

fn walk_entire(Entire { whole, shape, strides }: &Entire, tell: &mut impl FnMut(usize)) {
    match *whole {
        Whole::Sort { descending, ranks } => {
            [1, usize::from(descending), ranks.from, ranks.to].into_iter().for_each(&mut *tell);
        }
        Whole::Scatter { fold } => {
            [2, fold.map_or(0, |op| 1 + op as usize)].into_iter().for_each(&mut *tell)
        }
        Whole::Product => tell(3),
    }
    tell(shape.len());
    shape.iter().chain(strides.iter().flatten()).for_each(|&size| tell(size));
}

impl Template {
    fn new(
        (words, walks): (Vec<u32>, Vec<usize>),
        records: &[&Record],
        stored: impl Fn(&View) -> bool,
    ) -> Self {
        let nodes = told(records).flat_map(|record| &record.program.nodes).copied().collect();
        let only = match records {
            [Record { plain: Some(plain), .. }] => plain.word(stored(records[0].output())),
            _ => 0,
        };
        let mut scalars = 0..;
        let numbered: Vec<Box<Record>> = records
            .iter()
            .map(|record| {
                let mut numbered = record.duplicate();
                let identity = numbered.fold.iter_mut().map(|fold| &mut fold.identity);
                let own = numbered.program.scalars.iter_mut().chain(identity);
                own.zip(&mut scalars).for_each(|(scalar, number)| *scalar = number);
                numbered
            })
            .collect();
        let numbered: SmallVec<[&Record; 16]> = numbered.iter().map(|record| &**record).collect();
        let is_flat = walks.is_empty();
        let pattern =
            build(&numbered, 0, stored).map(|built| Pattern::new(built, records, is_flat));
        let notes = match records {
            [record] if !is_flat => Some(Notes::of(record, first_of(record))),
            _ => None,
        };
        Self { words, walks, nodes, only, notes, pattern }
    }

    /// Whether [`describe_one`](Templates::describe_one) would write the same down, and the nodes are the same.
    #[inline]
    fn is_of_one(&self, record: &Record, stored: bool) -> bool {
        if let Some(plain) = record.plain {
            return self.only == plain.word(stored);
        }
        if let Some(notes) = &self.notes {
            return self.words[0] == kind(record, stored) && notes.are_of(record, first_of(record));
        }
        self.walks.is_empty()
            && self.words.iter().copied().eq(words_of_one(record, stored))
            && is_flat(&[record])
            && self.nodes[..] == record.program.nodes[..]
    }

    /// Whether it is of plain operations of one layout.
    fn is_plain(&self) -> bool {
        self.walks.is_empty() && self.nodes.is_empty()
    }

    fn is_of(&self, records: &[&Record]) -> bool {
        let mut nodes = &self.nodes[..];
        let same = told(records).all(|record| {
            let own = &record.program.nodes[..];
            let same = nodes.get(..own.len()) == Some(own);
            nodes = nodes.get(own.len()..).unwrap_or_default();
            same
        });
        same && nodes.is_empty()
    }
}
