//! Kernels of groups that were built before.
//!
//! # Note [Templates]
//! What `build` makes of a group follows from its programs, from which views are one, from which of them are
//! stored, from how they walk and from what is folded; numbers only fill in arguments. So groups that neither
//! fetch nor check, nor are an [`Entire`](super::Entire), are built once. Their scalars are numbered for it, to
//! see where each ends up; afterwards the kernel's arguments are put together from the records. A template is
//! found by a hash and compared in full, so what it was made of and what it is used for are the same but for
//! numbers; that of a single record is looked for where the last one like it was.
//!
//! A group is *flat* if all its views have one contiguous layout and it folds nothing, as most small operations
//! are. Then sizes too only fill in arguments, and one template does for all; and where its launch is small
//! and the only one of its tape, the backend may run it with less ado ([`Backend::flat`]). Templates of others
//! are of their sizes alone: one is made when a group comes for the second time.

use std::cell::{Cell, OnceCell};
use std::hash::Hasher;

use rustc_hash::{FxHashMap, FxHashSet, FxHasher};
use smallvec::SmallVec;

use super::build::build;
use super::notes::Notes;
use super::record::{Folding, Record};
use super::storage::View;
use crate::backend::{Backend, Flat, Launch, Ready};
use crate::kernel::{self, Args, Dims, Fold, Kernel, Node, OperandArgs, SharedCode};

/// Records of all templates from which on all are forgotten. Unit tests, those of the GPU, are to see it.
const MAX_KEPT: usize = if cfg!(test) { 1 << 4 } else { 1 << 14 };

/// The kernel of a group, but for its numbers.
pub(super) struct Template {
    /// What it was made of: of each record the lengths of its lists, or that it is plain, whether its output is
    /// stored, and which view each one is.
    words: Vec<u32>,
    /// How the views walk, and what is folded; nothing if it is flat.
    walks: Vec<usize>,
    /// Those of records that are not plain.
    nodes: Vec<Node>,
    /// The word of the only record, if that is plain; 0 otherwise.
    only: u32,
    /// Those of the only record, if it is not flat.
    notes: Option<Notes>,
    /// None where nothing needs to run.
    pub(super) pattern: Option<Pattern>,
}

/// How to make the kernel from records.
pub(super) struct Pattern {
    code: SharedCode,
    /// The record, and its view, that each buffer is.
    buffers: SmallVec<[(u16, u8); 4]>,
    /// Which of the records' scalars each one is, counting through.
    scalars: SmallVec<[u16; 4]>,
    /// The arguments, but for the scalars, of one that is not flat.
    exact: Option<Args>,
    /// Its launch, without buffers, between two of its runs.
    launch: Cell<Option<Box<Launch>>>,
    /// What the backend has for one that is not flat, once it was asked.
    ready: OnceCell<Option<Box<dyn Ready>>>,
    /// Bytes loaded and stored, of a flat one at each point.
    read: u64,
    written: u64,
    /// What the backend has for small launches of a flat one, once it was asked.
    flat: OnceCell<Option<Box<dyn Flat>>>,
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
        let hash = self.describe(records, number, &stored)?;
        self.known_or_made(hash, records, stored)
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
        let hash = self.describe_one(record, stored)?;
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

    /// Writes down what the group is and returns its hash; none if it can have no template.
    fn describe(
        &mut self,
        records: &[&Record],
        number: impl Fn(&View) -> usize,
        stored: &impl Fn(&View) -> bool,
    ) -> Option<u64> {
        let is_flat = is_flat(records);
        if !is_flat && !records.iter().all(|record| record.is_unconditional()) {
            return None;
        }
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
        Some(hasher.finish())
    }

    /// [`describe`](Self::describe) for a group of one.
    fn describe_one(&mut self, record: &Record, stored: bool) -> Option<u64> {
        let is_flat = is_flat(&[record]);
        if !is_flat && !record.is_unconditional() {
            return None;
        }
        self.walks.clear();
        self.words.clear();
        self.words.extend(words_of_one(record, stored));
        if !is_flat {
            walk(record, &mut |size| self.walks.push(size));
        }
        let mut hasher = FxHasher::default();
        hasher.write_usize(record.name.as_ptr().addr());
        self.words.iter().for_each(|&word| hasher.write_u32(word));
        self.walks.iter().for_each(|&size| hasher.write_usize(size));
        Some(hasher.finish())
    }
}

/// Where the template of a single record is looked for first.
#[inline]
fn place_of(record: &Record) -> usize {
    match record.plain {
        // Operations are told apart by the middle of the product.
        Some(plain) => (plain.word(false).wrapping_mul(0x9e37_79b9) >> 20) as usize % RECENT,
        // Where names lie differs in the low bits; how many nodes there are tells numbers from tensors, and how
        // many layouts are no common ones rows and slices from whole tensors.
        None => {
            let others = record.views.iter().filter(|view| !view.layout.is_kept()).count();
            (record.name.as_ptr().addr() ^ record.program.nodes.len() ^ others << 3) % RECENT
        }
    }
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

/// Tells how a record's views walk and what it folds.
#[inline]
fn walk(record: &Record, tell: &mut impl FnMut(usize)) {
    for View { layout, .. } in &record.views {
        tell(layout.rank());
        layout.shape().iter().chain(layout.strides()).for_each(|&size| tell(size));
        tell(layout.offset());
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
        let pattern = build(&numbered, 0, stored).map(|built| {
            kernel::debug_verify(&built.kernel, built.storages.len());
            let Kernel { code, args } = built.kernel;
            let views = || {
                let views = records.iter().enumerate();
                views.flat_map(|(r, record)| record.views.iter().enumerate().map(move |v| (r, v)))
            };
            let place = |storage| views().find(|(_, (_, view))| view.is_of(storage));
            let places = built.storages.iter().filter_map(place);
            let buffers = places.map(|(record, (view, _))| (record as u16, view as u8)).collect();
            let scalars = args.scalars.iter().map(|&number| number as u16).collect();
            let is_flat = walks.is_empty();
            let len = if is_flat { records[0].output().layout.len() as u64 } else { 1 };
            Pattern {
                flat: OnceCell::new(),
                code,
                buffers,
                scalars,
                exact: (!is_flat).then(|| Args { scalars: SmallVec::new(), ..args }),
                launch: Cell::new(None),
                ready: OnceCell::new(),
                read: built.bytes_read / len,
                written: built.bytes_written / len,
            }
        });
        let notes = match records {
            [record] if !walks.is_empty() => Some(Notes::of(record, first_of(record))),
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

impl Pattern {
    /// A launch of the kernel that is yet to be [filled](Self::fill).
    pub(super) fn launch(&self) -> Launch {
        let (operands, scalars) = (SmallVec::new(), SmallVec::new());
        let args = Args { shape: Dims::new(), operands, scalars, base: 0, check: 0 };
        Launch { kernel: Kernel { code: self.code.clone(), args }, buffers: SmallVec::new() }
    }

    /// The launch of one that is not flat, but for its buffers: a launch is large, so it is to be
    /// [kept](Self::keep).
    pub(super) fn exact_launch(&self, records: &[&Record]) -> Option<Box<Launch>> {
        let exact = self.exact.as_ref()?;
        let mut launch = self.launch.take().unwrap_or_else(|| {
            let kernel = Kernel { code: self.code.clone(), args: exact.clone() };
            Box::new(Launch { kernel, buffers: SmallVec::new() })
        });
        launch.kernel.args.scalars = self.scalars(records);
        Some(launch)
    }

    /// Keeps what [`exact_launch`](Self::exact_launch) gave for its next run.
    pub(super) fn keep(&self, mut launch: Box<Launch>) {
        launch.buffers.clear();
        self.launch.set(Some(launch));
    }

    /// Makes a kernel that of records that the template was found for.
    pub(super) fn fill(&self, kernel: &mut Kernel, records: &[&Record]) {
        if let Some(exact) = &self.exact {
            *kernel = Kernel { code: self.code.clone(), args: exact.clone() };
            kernel.args.scalars = self.scalars(records);
            return;
        }
        let layout = &records[0].output().layout;
        let (len, offset) = (layout.len(), layout.offset());
        let stride = usize::from(len != 1);
        let Kernel { code, args: Args { shape, operands, scalars, base, check } } = kernel;
        if !code.is(&self.code) {
            *code = self.code.clone();
        }
        (*base, *check) = (0, 0);
        shape.clear();
        shape.push(len);
        operands.truncate(self.code.operands.len());
        for operand in &mut *operands {
            operand.offset = offset;
            operand.strides.clear();
            operand.strides.push(stride);
        }
        while operands.len() < self.code.operands.len() {
            operands.push(OperandArgs { offset, strides: Dims::from_buf_and_len([stride; 4], 1) });
        }
        *scalars = self.scalars(records);
    }

    /// The kernel's numbers.
    pub(super) fn scalars(&self, records: &[&Record]) -> SmallVec<[u64; 4]> {
        if self.scalars.is_empty() {
            return SmallVec::new();
        }
        if let ([record], &[number]) = (records, &self.scalars[..]) {
            // Most have one: a number, or what a fold begins with.
            let own = record.program.scalars.get(usize::from(number)).copied();
            let number = own.or_else(|| record.fold.as_ref().map(|fold| fold.identity));
            return SmallVec::from_buf_and_len([number.unwrap_or_default(), 0, 0, 0], 1);
        }
        let mut all: SmallVec<[u64; 16]> = SmallVec::new();
        for record in records {
            all.extend_from_slice(&record.program.scalars);
            if let Some(fold) = &record.fold {
                all.push(fold.identity);
            }
        }
        let mut scalars = SmallVec::new();
        for &number in &self.scalars {
            scalars.push(all[usize::from(number)]);
        }
        scalars
    }

    /// Note [Templates].
    pub(super) fn is_flat(&self) -> bool {
        self.exact.is_none()
    }

    /// What the backend has for small launches.
    pub(super) fn flat(&self, backend: &dyn Backend) -> Option<&dyn Flat> {
        if self.exact.is_some() {
            return None;
        }
        self.flat.get_or_init(|| backend.flat(&self.code)).as_deref()
    }

    /// What the backend has for one that is not flat.
    pub(super) fn ready(&self, backend: &dyn Backend) -> Option<&dyn Ready> {
        let exact = self.exact.as_ref()?;
        let made = || backend.ready(&Kernel { code: self.code.clone(), args: exact.clone() });
        self.ready.get_or_init(made).as_deref()
    }

    /// How many buffers the kernel has.
    pub(super) fn buffers(&self) -> usize {
        self.buffers.len()
    }

    /// The views whose storages are the kernel's buffers, in order.
    pub(super) fn views<'a>(
        &self,
        records: &[&'a Record],
    ) -> impl Iterator<Item = &'a View> + Clone {
        self.buffers.iter().map(|&(record, view)| {
            let record = records[usize::from(record)];
            &record.views[usize::from(view)]
        })
    }

    /// Bytes that a kernel of so many points loads, and stores.
    pub(super) fn bytes(&self, len: usize) -> [u64; 2] {
        let times = if self.exact.is_some() { 1 } else { len as u64 };
        [self.read, self.written].map(|bytes| bytes * times)
    }
}
