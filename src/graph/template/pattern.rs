//! How a kernel that was built before is made again of other records.
//!
//! Owns [`Pattern`], the kernel of a [template](super), and what the backend keeps for it.

use std::cell::{Cell, OnceCell};

use smallvec::SmallVec;
use triomphe::Arc;

use crate::backend::{Backend, Flat, Launch, Ready};
use crate::graph::alike::Alike;
use crate::graph::build::Built;
use crate::graph::record::Record;
use crate::graph::storage::{Storage, View};
use crate::kernel::{self, Args, Dims, Kernel, OperandArgs, SharedCode};

/// How to make the kernel from records.
pub(in crate::graph) struct Pattern {
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

impl Pattern {
    /// That of a kernel that was built of records whose scalars are numbers, counting through; with the records
    /// as they were.
    pub(super) fn new(built: Built, records: &[&Record], is_flat: bool) -> Self {
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
        let len = if is_flat { records[0].output().layout.len() as u64 } else { 1 };
        Self {
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
    }

    /// A launch of the kernel that is yet to be [filled](Self::fill).
    pub(in crate::graph) fn launch(&self) -> Launch {
        let (operands, scalars) = (SmallVec::new(), SmallVec::new());
        let args = Args { shape: Dims::new(), operands, scalars, base: 0, check: 0 };
        Launch { kernel: Kernel { code: self.code.clone(), args }, buffers: SmallVec::new() }
    }

    /// The launch of one that is not flat, with the code of its check, but for its buffers: a launch is large, so it
    /// is to be [kept](Self::keep).
    pub(in crate::graph) fn exact_launch(
        &self,
        records: &[&Record],
        check: u32,
    ) -> Option<Box<Launch>> {
        let exact = self.exact.as_ref()?;
        let mut launch = self.launch.take().unwrap_or_else(|| {
            let kernel = Kernel { code: self.code.clone(), args: exact.clone() };
            Box::new(Launch { kernel, buffers: SmallVec::new() })
        });
        launch.kernel.args.scalars = self.scalars(records);
        launch.kernel.args.check = check;
        Some(launch)
    }

    /// Keeps what [`exact_launch`](Self::exact_launch) gave for its next run.
    pub(in crate::graph) fn keep(&self, mut launch: Box<Launch>) {
        launch.buffers.clear();
        self.launch.set(Some(launch));
    }

    /// Makes a kernel that of records that the template was found for, with the code of its check.
    pub(in crate::graph) fn fill(&self, kernel: &mut Kernel, records: &[&Record], check: u32) {
        if let Some(exact) = &self.exact {
            *kernel = Kernel { code: self.code.clone(), args: exact.clone() };
            kernel.args.scalars = self.scalars(records);
            kernel.args.check = check;
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
    pub(in crate::graph) fn scalars(&self, records: &[&Record]) -> SmallVec<[u64; 4]> {
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
    pub(in crate::graph) fn is_flat(&self) -> bool {
        self.exact.is_none()
    }

    /// What the backend has for small launches of one that is flat.
    pub(in crate::graph) fn flat(&self, backend: &dyn Backend) -> Option<&dyn Flat> {
        debug_assert!(self.is_flat(), "others are ready, or launched");
        self.flat.get_or_init(|| backend.flat(&self.code)).as_deref()
    }

    /// What the backend has for one that is not flat.
    pub(in crate::graph) fn ready(&self, backend: &dyn Backend) -> Option<&dyn Ready> {
        let exact = self.exact.as_ref()?;
        let made = || backend.ready(&Kernel { code: self.code.clone(), args: exact.clone() });
        self.ready.get_or_init(made).as_deref()
    }

    /// How many buffers the kernel has.
    pub(in crate::graph) fn buffers(&self) -> usize {
        self.buffers.len()
    }

    /// The views whose storages are the kernel's buffers, in order.
    pub(in crate::graph) fn views<'a>(
        &self,
        records: &[&'a Record],
    ) -> impl Iterator<Item = &'a View> {
        self.buffers.iter().map(|&(record, view)| {
            let record = records[usize::from(record)];
            &record.views[usize::from(view)]
        })
    }

    /// As [`scalars`](Self::scalars), of operations that are no records.
    pub(in crate::graph) fn scalars_of(&self, alike: &Alike) -> SmallVec<[u64; 4]> {
        match self.scalars[..] {
            [] => SmallVec::new(),
            [number] => {
                let Some(number) = alike.numbers().nth(number.into()) else {
                    unreachable!("each scalar is a number of an operation")
                };
                SmallVec::from_buf_and_len([number, 0, 0, 0], 1)
            }
            _ => {
                let all: SmallVec<[u64; 16]> = alike.numbers().collect();
                self.scalars.iter().map(|&number| all[usize::from(number)]).collect()
            }
        }
    }

    /// As those of [`views`](Self::views), of operations that are no records.
    pub(in crate::graph) fn storages_of<'a>(
        &self,
        alike: &'a Alike,
    ) -> impl Iterator<Item = &'a Arc<Storage>> {
        self.buffers.iter().map(|&place| alike.storage(place))
    }

    /// Bytes that a kernel of so many points loads, and stores.
    pub(in crate::graph) fn bytes(&self, len: usize) -> [u64; 2] {
        let times = if self.is_flat() { len as u64 } else { 1 };
        [self.read, self.written].map(|bytes| bytes * times)
    }
}
