//! The plain operations of one layout that a tape begins with.
//!
//! # Note [Alike]
//! A tape of small tensors is mostly plain operations ([Note](super::plain)) of one layout, and as long as it is,
//! it holds no records. Each operation is a few words; each storage is numbered when it is first touched and has
//! one handle, whoever touches it later: a handle more is an atomic addition, and one less another, which of small
//! tensors take longer than to compute. So it is also known who sees a storage: somebody does if there are
//! more handles than one. The first operation that is something else has all [written out](Alike::write_out) as
//! records, and so has a flush that finds no kernel made before.

use std::panic::Location;
use std::sync::atomic::Ordering;

use triomphe::Arc;

use super::plain::{Form, Plain, Takes};
use super::record::Record;
use super::storage::{Storage, View};
use crate::dtype::DType;
use crate::layout::Layout;
use crate::ops::Op;

/// See Note [Alike].
#[derive(Default)]
pub(super) struct Alike {
    /// That of all, which is kept; that of earlier ones where there are none.
    layout: Option<Layout>,
    operations: Vec<Operation>,
    storages: Vec<Known>,
    /// Of each operation what it is, and which storage, of which dtype, each of its views is: as their
    /// [template](super::template) has them, but for what is stored.
    words: Vec<u32>,
}

/// A plain operation, which names storages by number.
struct Operation {
    name: &'static str,
    location: &'static Location<'static>,
    plain: Plain,
    op: Op,
    dtype: DType,
    form: Form,
    first: u16,
    second: Option<u16>,
    output: u16,
}

/// A storage that operations touch.
struct Known {
    /// There until it is written out.
    storage: Option<Arc<Storage>>,
    /// How many views there are of it.
    uses: u32,
    /// One more than the number of the last operation that reads it.
    read: u32,
}

impl Known {
    fn storage(&self) -> &Arc<Storage> {
        match &self.storage {
            Some(storage) => storage,
            None => unreachable!("what is known is there until all is written out"),
        }
    }

    /// Whether somebody else has a handle.
    fn is_held(&self) -> bool {
        Arc::strong_count(self.storage()) > 1
    }
}

impl Operation {
    /// The numbers of its views, as a record has them.
    fn views(&self) -> impl Iterator<Item = u16> {
        [Some(self.first), self.second, Some(self.output)].into_iter().flatten()
    }
}

impl Alike {
    /// Operations, at most: as many as have numbers for all that they touch.
    const MOST: usize = u16::MAX as usize / 3;

    pub(super) fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Operations.
    pub(super) fn len(&self) -> usize {
        self.operations.len()
    }

    /// Elements of all results together.
    pub(super) fn size(&self) -> usize {
        let len = self.layout.as_ref().map_or(0, |layout| layout.len());
        len.saturating_mul(self.operations.len())
    }

    /// The layout of all, if there are some.
    pub(super) fn layout(&self) -> Option<&Layout> {
        self.layout.as_ref()
    }

    /// Whether an operation of a layout, a kept one, may follow.
    #[inline]
    pub(super) fn is_of(&self, layout: &Layout) -> bool {
        self.operations.is_empty()
            || self.operations.len() < Self::MOST
                && self.layout.as_ref().is_some_and(|own| own.is_kept_as(layout))
    }

    /// Adds an operation of the [layout of all](Self::is_of).
    #[inline]
    pub(super) fn push(
        &mut self,
        (name, location): (&'static str, &'static Location<'static>),
        (op, dtype): (Op, DType),
        takes: Takes<'_>,
        output: &View,
    ) {
        if self.operations.is_empty() {
            self.layout = Some(output.layout.clone());
        }
        let Takes { form, first, second } = takes;
        let plain = Plain::new(op, dtype, takes, output);
        let read = self.operations.len() as u32 + 1;
        let word = |number: u16, dtype: DType| u32::from(number) << 8 | dtype as u32;
        let first = self.number(&first.storage, read);
        let second = second.map(|second| self.number(&second.storage, read));
        let result = output.storage.dtype;
        let output = self.number(&output.storage, 0);
        let (kind, of, to) = (plain.word(false), word(first, dtype), word(output, result));
        match second {
            Some(second) => self.words.extend_from_slice(&[kind, of, word(second, dtype), to]),
            None => self.words.extend_from_slice(&[kind, of, to]),
        }
        let operation = Operation { name, location, plain, op, dtype, form, first, second, output };
        self.operations.push(operation);
    }

    /// The number of a storage, a new one unless it is known. The caller holds the tape's lock.
    #[inline]
    fn number(&mut self, storage: &Arc<Storage>, read: u32) -> u16 {
        let at = storage.place.load(Ordering::Relaxed);
        // A number that an earlier tape left may be another storage's by now.
        if let Some(known) = self.storages.get_mut(usize::from(at))
            && known.storage.as_ref().is_some_and(|known| Arc::ptr_eq(known, storage))
        {
            known.uses += 1;
            known.read = known.read.max(read);
            return at;
        }
        let at = self.storages.len() as u16;
        storage.place.store(at, Ordering::Relaxed);
        // To push it is slower: it is put together elsewhere, and is then moved as one word while its parts are on
        // their way to memory.
        let known = |storage| Known { storage: Some(Arc::clone(storage)), uses: 1, read };
        self.storages.extend(std::iter::once(storage).map(known));
        at
    }

    /// How many results somebody keeps.
    pub(super) fn kept(&self) -> usize {
        let mut outputs = self.operations.iter().map(|operation| operation.output).peekable();
        let mut kept = 0;
        while let Some(output) = outputs.next() {
            // Of one that is written again once is enough.
            let is_last = outputs.peek() != Some(&output);
            kept += usize::from(is_last && self.storages[usize::from(output)].is_held());
        }
        kept
    }

    /// Bytes of memory that goes once these do.
    pub(super) fn hoarded_bytes(&self) -> usize {
        let storages = self.storages.iter().filter(|known| !known.is_held());
        let storages = storages.map(Known::storage);
        storages.filter(|storage| storage.buffer().is_some()).map(|storage| storage.bytes()).sum()
    }

    /// The words of all, with what is stored as handles are now; none if nobody sees what one of them writes, nor
    /// what is computed of it.
    pub(super) fn words(&mut self) -> Option<&[u32]> {
        let Self { operations, storages, words, .. } = self;
        let mut at = 0;
        for (operation, read) in operations.iter().zip(1..) {
            let output = &storages[usize::from(operation.output)];
            let is_held = output.is_held();
            if !is_held && output.read <= read {
                // The last one is held, and so somebody sees what is read by a later one, if all are seen.
                return None;
            }
            words[at] = operation.plain.word(is_held);
            at += 3 + usize::from(operation.second.is_some());
        }
        Some(words)
    }

    /// The only operation, with whether somebody sees its result.
    pub(super) fn only(&self) -> Option<(Plain, bool)> {
        let [only] = &self.operations[..] else { return None };
        Some((only.plain, self.storages[usize::from(only.output)].is_held()))
    }

    /// The storage of a view of an operation, both by number.
    #[inline]
    pub(super) fn storage(&self, (operation, view): (u16, u8)) -> &Arc<Storage> {
        let operation = &self.operations[usize::from(operation)];
        let number = match (view, operation.second) {
            (0, _) => operation.first,
            (1, Some(second)) => second,
            _ => operation.output,
        };
        self.storages[usize::from(number)].storage()
    }

    /// What operations write.
    pub(super) fn outputs(&self) -> impl Iterator<Item = &Arc<Storage>> {
        let numbers = self.operations.iter().map(|operation| usize::from(operation.output));
        numbers.map(|number| self.storages[number].storage())
    }

    /// The numbers that operations take.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> {
        self.operations.iter().filter_map(|operation| operation.form.number())
    }

    /// Moves all to the end of a list of records.
    pub(super) fn write_out(&mut self, records: &mut Vec<Box<Record>>) {
        let Self { layout, operations, storages, words } = self;
        let Some(layout) = layout else { return };
        for operation in operations.drain(..) {
            let Operation { name, location, plain, op, dtype, form, .. } = operation;
            let mut record = Record::new(name, location);
            record.make_plain(plain, (op, dtype), form);
            for number in operation.views() {
                let known = &mut storages[usize::from(number)];
                known.uses -= 1;
                // The last one takes the handle.
                let storage = match known.uses {
                    0 => known.storage.take(),
                    _ => known.storage.clone(),
                };
                let Some(storage) = storage else { unreachable!("there for each use") };
                record.views.push(View { storage, layout: layout.clone() });
            }
            debug_assert!(record.is_what_plain_says(), "{op:?} in {dtype}");
            records.push(record);
        }
        storages.clear();
        words.clear();
    }

    /// Lets go of all.
    pub(super) fn clear(&mut self) {
        self.operations.clear();
        self.words.clear();
        while let Some(known) = self.storages.pop() {
            if let Some(storage) = known.storage {
                Storage::end(storage);
            }
        }
    }
}
