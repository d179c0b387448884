//! What the dispatches of sorts and of scatters share.

use smallvec::SmallVec;

use super::super::codegen::{Key, Sort, Text};
use super::super::memory::{GpuMemory, Slab};
use super::super::params::WholeParam;
use super::super::window::{Part, Reach, Sight, Window};
use super::append_params;
use super::planner::Planner;
use crate::backend::Buffer;
use crate::error::Result;
use crate::kernel::{Args, Class, Code, Dims, Kernel, OperandCode, Whole};

/// Entries of a tile, which a workgroup sorts or merges.
const TILE: u64 = 1024;

/// Numbers of one dispatch, by [`WholeParam`].
#[derive(Clone, Copy, Default)]
pub(super) struct Numbers([u32; WholeParam::ALL.len()]);

impl Numbers {
    pub(super) fn with(mut self, param: WholeParam, value: u64) -> Self {
        self.0[param as usize] = value as u32;
        self
    }
}

/// One dispatch in the making.
pub(super) struct Step<'s> {
    pub(super) text: Text,
    pub(super) window: &'s Window,
    /// Of the launch's status word.
    pub(super) slot: Option<u32>,
    pub(super) bindings: SmallVec<[(&'s Slab, Sight); 4]>,
    pub(super) numbers: Numbers,
    pub(super) groups: u64,
}

/// Entries to sort, each line of so many for itself.
#[derive(Clone, Copy)]
pub(super) struct Lines {
    pub(super) key: Key,
    pub(super) lines: u64,
    pub(super) length: u64,
}

impl Lines {
    pub(super) fn bytes(self) -> u64 {
        self.lines * self.length * entry_bytes(self.key)
    }

    /// The numbers that all dispatches of a sort share.
    pub(super) fn numbers(self) -> Numbers {
        Numbers::default()
            .with(WholeParam::Count, self.lines * self.length)
            .with(WholeParam::Lines, self.lines)
            .with(WholeParam::Length, self.length)
    }
}

/// Elements of a line of any dtype that is sorted.
pub(in crate::backend::gpu) fn longest_line(reach: Reach) -> usize {
    longest(Key::Two, reach) as usize
}

/// Entries that are sorted at once.
pub(super) fn longest(key: Key, reach: Reach) -> u64 {
    (reach.binding / entry_bytes(key)).min(reach.points)
}

/// Bytes of an entry in scratch memory.
pub(super) fn entry_bytes(key: Key) -> u64 {
    4 * (key.words() + 1)
}

impl Planner<'_, '_> {
    pub(super) fn dispatch(&mut self, kernel: &Kernel, step: Step<'_>) -> Result<()> {
        let Step { text, window, slot, bindings, numbers, groups } = step;
        self.push(&kernel.code, text, bindings.into_iter(), groups, |words, pipeline, row| {
            let start = words.len();
            append_params(words, kernel, window, pipeline, row, slot);
            for (param, _) in WholeParam::ALL {
                words[start + pipeline.params.whole(param)] = numbers.0[param as usize];
            }
        })
    }

    /// Puts the entries whose keys are in the first scratch buffer in order; the buffer that they end in.
    pub(super) fn sort(&mut self, lines: Lines) -> Result<Buffer> {
        let (kernel, window) = no_operands();
        let mut from = self.scratch.get(self.context, 0, lines.bytes())?;
        let padded = lines.length.next_power_of_two().min(TILE);
        let numbers = lines.numbers().with(WholeParam::Padded, padded);
        let tiles = lines.length.div_ceil(TILE);
        self.entries(
            (&kernel, &window),
            Sort::Tile(lines.key),
            &[&from],
            numbers,
            lines.lines.div_ceil(TILE / padded) * tiles,
        )?;
        let (mut width, mut turn) = (TILE, 1);
        while width < lines.length {
            let to = self.scratch.get(self.context, turn, lines.bytes())?;
            let numbers = numbers.with(WholeParam::Width, width);
            let groups = lines.lines * tiles;
            self.entries(
                (&kernel, &window),
                Sort::Merge(lines.key),
                &[&from, &to],
                numbers,
                groups,
            )?;
            (from, turn, width) = (to, 1 - turn, 2 * width);
        }
        Ok(from)
    }

    fn entries(
        &mut self,
        (kernel, window): (&Kernel, &Window),
        sort: Sort,
        buffers: &[&Buffer],
        numbers: Numbers,
        groups: u64,
    ) -> Result<()> {
        let bindings = buffers.iter().map(|buffer| seen(buffer, self.reach)).collect();
        let step = Step { text: Text::Sort(sort), window, slot: None, bindings, numbers, groups };
        self.dispatch(kernel, step)
    }
}

/// As much of a scratch buffer as a binding reaches, which is all that is used of it.
pub(super) fn all(buffer: &Buffer, reach: Reach) -> (&Slab, Part) {
    let slab = buffer.memory::<GpuMemory>().slab();
    (slab, Part { start: 0, len: slab.size.min(reach.binding) })
}

pub(super) fn seen(buffer: &Buffer, reach: Reach) -> (&Slab, Sight) {
    let (slab, part) = all(buffer, reach);
    (slab, part.into())
}

/// The kernel with a buffer for each operand and no classes, so that few pipelines serve all.
pub(super) fn apart(kernel: &Kernel) -> Kernel {
    let mut kernel = kernel.clone();
    for (operand, buffer) in kernel.code.operands.iter_mut().zip(0..) {
        *operand = OperandCode { buffer, class: Class::Strided, ..*operand };
    }
    kernel
}

/// The kernel of dispatches that see scratch memory alone, and its window.
fn no_operands() -> (Kernel, Window) {
    let code = Code {
        rank: 0,
        operands: SmallVec::new(),
        nodes: SmallVec::new(),
        stores: SmallVec::new(),
        check: None,
        reduce: None,
        whole: Some(Whole::SORT),
    };
    let args = Args {
        shape: Dims::new(),
        operands: SmallVec::new(),
        scalars: SmallVec::new(),
        base: 0,
        check: 0,
    };
    let window = Window {
        shape: Dims::new(),
        origin: Dims::new(),
        sights: SmallVec::new(),
        origins: SmallVec::new(),
        partial: false,
    };
    (Kernel { code: code.into(), args }, window)
}
