//! Kernels of groups that were built before.
//!
//! # Note [Templates]
//! What `build` makes of a group follows from its programs, from which views are one and from which of
//! them are stored; sizes and numbers only fill in arguments. That holds where all views have one
//! contiguous layout and nothing folds, checks or is an [`Entire`](super::Entire): most small operations.
//! Such groups are built once. Their scalars are numbered for it, to see where each ends up; afterwards
//! the kernel's arguments are put together from the records. A template is found by a hash and compared
//! in full, so what it was made of and what it is used for are the same but for sizes and numbers.

use std::hash::Hasher;

use rustc_hash::{FxHashMap, FxHasher};
use smallvec::SmallVec;

use super::build::build;
use super::record::Record;
use super::storage::View;
use crate::backend::{Backend, Buffer, Flat, FlatArgs, Launch};
use crate::kernel::{self, Args, Dims, Kernel, Node, OperandArgs, SharedCode};

/// Records of all templates that are kept, at most; then all are forgotten.
const MAX_KEPT: usize = 1 << 14;

/// The kernel of a group, but for its numbers.
pub(super) struct Template {
    /// What it was made of: of each record the lengths of its lists, whether its output is stored, and
    /// which view each one is.
    words: Vec<u32>,
    nodes: Vec<Node>,
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
    /// Bytes loaded and stored at each point.
    read: u64,
    written: u64,
    /// For small launches, if the backend has something for them.
    flat: Option<Box<dyn Flat>>,
}

/// Templates of single records that are looked at before others, a power of two: each has its one place.
const RECENT: usize = 16;

/// Templates that were made before.
#[derive(Default)]
pub(super) struct Templates {
    all: Vec<Template>,
    /// Their numbers, by hash.
    known: FxHashMap<u64, SmallVec<[u32; 2]>>,
    recent: [u32; RECENT],
    /// Records of all.
    kept: usize,
    /// The words of the group at hand.
    words: Vec<u32>,
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
        backend: &dyn Backend,
    ) -> Option<&Template> {
        let [record] = records else {
            let hash = self.describe(records, number, &stored)?;
            let at = self.described(hash, records, stored, backend);
            return Some(&self.all[at]);
        };
        let (kept, layout) = (stored(record.output()), &record.output().layout);
        if !layout.is_contiguous() || !record.is_alike(layout) {
            return None;
        }
        // Names lie anywhere, and what differs between them lies in their low bits.
        let place = (record.name.as_ptr().addr() ^ record.program.nodes.len()) % RECENT;
        let recent = self.recent[place] as usize;
        if self.all.get(recent).is_some_and(|template| template.is_of_one(record, kept)) {
            return Some(&self.all[recent]);
        }
        let hash = self.describe_one(record, kept);
        let at = self.described(hash, records, stored, backend);
        self.recent[place] = at as u32;
        Some(&self.all[at])
    }

    /// The number of the template of what `words` describes.
    fn described(
        &mut self,
        hash: u64,
        records: &[&Record],
        stored: impl Fn(&View) -> bool,
        backend: &dyn Backend,
    ) -> usize {
        let Self { all, known, words, .. } = self;
        let mut found = known.get(&hash).into_iter().flatten().map(|&at| at as usize);
        if let Some(at) = found.find(|&at| all[at].words == *words && all[at].is_of(records)) {
            return at;
        }
        if self.kept > MAX_KEPT {
            (self.all, self.known, self.kept) = Default::default();
        }
        let at = self.all.len();
        self.kept += records.len();
        self.known.entry(hash).or_default().push(at as u32);
        self.all.push(Template::new(self.words.clone(), records, stored, backend));
        at
    }

    /// Writes down what the group is and returns its hash; none if it can have no template.
    fn describe(
        &mut self,
        records: &[&Record],
        number: impl Fn(&View) -> usize,
        stored: &impl Fn(&View) -> bool,
    ) -> Option<u64> {
        let layout = &records[0].output().layout;
        if !layout.is_contiguous() {
            return None;
        }
        self.words.clear();
        self.groups = self.groups.wrapping_add(1);
        let mut hasher = FxHasher::default();
        let mut names = 0;
        for record in records {
            if !record.is_alike(layout) {
                return None;
            }
            self.words.push(lengths(record, stored(record.output())));
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
            hasher.write_usize(record.name.as_ptr().addr());
        }
        self.words.iter().for_each(|&word| hasher.write_u32(word));
        Some(hasher.finish())
    }

    /// [`describe`](Self::describe) for a group of one, which can have a template: its views are told apart by
    /// looking at them.
    fn describe_one(&mut self, record: &Record, stored: bool) -> u64 {
        let views = &record.views[..];
        let mut hasher = FxHasher::default();
        hasher.write_usize(record.name.as_ptr().addr());
        let names = views.iter().enumerate().map(|(i, view)| {
            let known = views[..i].iter().position(|other| view.is_of(&other.storage));
            (known.unwrap_or(i) as u32) << 8 | view.dtype() as u32
        });
        self.words.clear();
        self.words.extend(std::iter::once(lengths(record, stored)).chain(names));
        self.words.iter().for_each(|&word| hasher.write_u32(word));
        hasher.finish()
    }
}

/// How many nodes, scalars and inputs a record has, and whether its output is stored.
fn lengths(record: &Record, stored: bool) -> u32 {
    let program = &record.program;
    let lengths = [program.nodes.len(), program.scalars.len(), record.inputs().len()];
    let [nodes, scalars, inputs] = lengths.map(|len| len.min(0xff) as u32);
    nodes | scalars << 8 | inputs << 16 | u32::from(stored) << 24
}

impl Template {
    fn new(
        words: Vec<u32>,
        records: &[&Record],
        stored: impl Fn(&View) -> bool,
        backend: &dyn Backend,
    ) -> Self {
        let nodes = records.iter().flat_map(|r| &r.program.nodes).copied().collect();
        let mut scalars = 0..;
        let numbered: Vec<Box<Record>> = records
            .iter()
            .map(|record| {
                let mut numbered = record.duplicate();
                numbered.program.scalars.iter_mut().zip(&mut scalars).for_each(|(s, n)| *s = n);
                numbered
            })
            .collect();
        let numbered: SmallVec<[&Record; 16]> = numbered.iter().map(|record| &**record).collect();
        let pattern = build(&numbered, 0, stored).map(|built| {
            if cfg!(debug_assertions)
                && let Err(why) = kernel::verify(&built.kernel, built.storages.len())
            {
                unreachable!("illegal kernel: {why}\n{:#?}", built.kernel);
            }
            let Kernel { code, args } = built.kernel;
            let views = || {
                let views = records.iter().enumerate();
                views.flat_map(|(r, record)| record.views.iter().enumerate().map(move |v| (r, v)))
            };
            let place = |storage| views().find(|(_, (_, view))| view.is_of(storage));
            let places = built.storages.iter().filter_map(place);
            let buffers = places.map(|(record, (view, _))| (record as u16, view as u8)).collect();
            let len = records[0].output().layout.len() as u64;
            Pattern {
                flat: backend.flat(&code),
                code,
                buffers,
                scalars: args.scalars.iter().map(|&number| number as u16).collect(),
                read: built.bytes_read / len,
                written: built.bytes_written / len,
            }
        });
        Self { words, nodes, pattern }
    }

    /// Whether [`describe_one`](Templates::describe_one) would write the same down, and the nodes are the same.
    #[inline]
    fn is_of_one(&self, record: &Record, stored: bool) -> bool {
        let [first, words @ ..] = &self.words[..] else { return false };
        let views = &record.views[..];
        *first == lengths(record, stored)
            && words.len() == views.len()
            && words.iter().zip(views).enumerate().all(|(i, (word, view))| {
                let mut before = views[..i].iter();
                let known = before.position(|other| view.is_of(&other.storage)).unwrap_or(i);
                *word == (known as u32) << 8 | view.dtype() as u32
            })
            && self.nodes[..] == record.program.nodes[..]
    }

    fn is_of(&self, records: &[&Record]) -> bool {
        let mut nodes = &self.nodes[..];
        let same = records.iter().all(|record| {
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

    /// Makes a kernel that of records that the template was found for.
    pub(super) fn fill(&self, kernel: &mut Kernel, records: &[&Record]) {
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
    fn scalars(&self, records: &[&Record]) -> SmallVec<[u64; 4]> {
        if self.scalars.is_empty() {
            return SmallVec::new();
        }
        let all: SmallVec<[u64; 16]> =
            records.iter().flat_map(|record| &record.program.scalars).copied().collect();
        self.scalars.iter().map(|&number| all[usize::from(number)]).collect()
    }

    /// Whether the backend has something for small launches.
    pub(super) fn is_flat(&self) -> bool {
        self.flat.is_some()
    }

    /// Runs the kernel of one record on the buffers of its [views](Self::views), if that is a small launch;
    /// returns whether it did.
    pub(super) fn run_flat(&self, record: &Record, buffers: &[&Buffer]) -> bool {
        let Some(flat) = &self.flat else { return false };
        let layout = &record.output().layout;
        let scalars = self.scalars(&[record]);
        let (len, offset) = (layout.len(), layout.offset());
        flat.run(FlatArgs { len, offset, scalars: &scalars, buffers })
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
        [self.read, self.written].map(|bytes| bytes * len as u64)
    }
}
