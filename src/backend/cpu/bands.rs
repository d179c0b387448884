//! Launches that run together, some rows at a time.
//!
//! # Note [Bands]
//! A softmax is three kernels over the same rows: what a row needs is in the cache when the next kernel comes to
//! it, if that comes before the other rows do. So launches that follow each other wait for the next as long
//! as it [`joins`] them: all visit as many rows (steps along the outermost dimension), and row `r` of one
//! touches, of what any of them stores, nothing that another row of another touches. They then run one
//! after the other on a band of rows, on one thread, before the next band. Every point computes what it
//! would have, and every fold is of one row, so no bit changes.
//!
//! What is stored for a later one of them stays in the cache; only the rest may go past it.
//!
//! It must not cost more than it saves. A kernel in blocks (a transposed operand) wants many rows at once
//! and stays alone; there are several bands for each thread; and what waits keeps its memory, so launches
//! that wait store at most two and a half times what the largest of their operands has.

use std::sync::Arc;

use smallvec::SmallVec;

use super::plan::{Form, Program, Purpose};
use super::programs::program_of;
use super::run::{self, each_range};
use super::sweep::{self, Way};
use super::threads;
use crate::backend::{Buffer, Launch};
use crate::kernel::{Args, Code, Kernel};

/// Bytes of a band, of all that its launches touch: they stay in the second cache of a core.
const BAND: usize = if cfg!(test) { 1 << 10 } else { 1 << 19 };

/// Bytes that a launch touches at least: a cache keeps less from one launch to the next anyway.
const LARGE: usize = if cfg!(test) { 1 << 11 } else { 1 << 21 };

/// Launches that run together: what waits keeps its memory.
pub(super) const MOST: usize = 8;

/// What row `r` of an operand touches, in bytes: from `start + r * pitch` on, at most `reach` of them.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Walk {
    start: usize,
    pitch: usize,
    reach: usize,
    stored: bool,
}

/// Bands there are at least: some for each thread, so that one that is late holds up little.
fn shares() -> usize {
    // Tests are to see the same on every machine.
    if cfg!(test) { 8 } else { 4 * threads::count() }
}

/// Whether a kernel should wait to run with those that wait already; with none, whether it may wait at all.
/// `buffers` are its own, those that have no memory yet being nobody else's. Unsafe code relies on it: Note
/// [Who may touch what] in `view.rs`.
pub(super) fn joins(waiting: &[Launch], kernel: &Kernel, buffers: &[Option<&Buffer>]) -> bool {
    let rows = waiting.first().map_or(kernel, |first| &first.kernel).args.shape[0];
    let is_first = waiting.is_empty();
    let has_rows = is_in_rows(kernel, rows) && !(is_first && kernel.args.shape.len() < 2);
    if !has_rows || waiting.len() >= MOST {
        return false;
    }
    if Form::of(&kernel.code, &kernel.args).is_in_blocks() {
        return false;
    }
    let mut row = Row::default();
    row.add(kernel, rows, |number| buffers.get(number).copied().flatten());
    if is_first {
        // Only what is large asks for threads, which starts them.
        return row.bytes() <= BAND
            && row.bytes().saturating_mul(rows) >= LARGE
            && rows >= shares();
    }
    let mut has_common = false;
    for other in waiting {
        row.add(&other.kernel, rows, |number| Some(&other.buffers[number]));
        for (one, walk) in walks(kernel, rows) {
            let Some(own) = buffers[one] else { continue };
            for (two, before) in walks(&other.kernel, rows) {
                let theirs = &other.buffers[two];
                let same = own.is(theirs);
                has_common |= same;
                let conflict = if same { !walk.is_beside(&before) } else { overlap(own, theirs) };
                if (walk.stored || before.stored) && conflict {
                    return false;
                }
            }
        }
    }
    has_common && row.bytes() <= BAND && 2 * row.stored() <= 5 * row.largest()
}

/// Cuts a list into launches of which each joins those before it.
pub(super) fn groups(mut launches: &[Launch]) -> impl Iterator<Item = &[Launch]> {
    std::iter::from_fn(move || {
        let joined = |&len: &usize| {
            let Launch { kernel, buffers } = &launches[len];
            let buffers: SmallVec<[_; 8]> = buffers.iter().map(Some).collect();
            joins(&launches[..len], kernel, &buffers)
        };
        let len = match launches.len() {
            0 => return None,
            1 => 1,
            several => (0..several).take_while(joined).count().max(1),
        };
        let (group, rest) = launches.split_at(len);
        launches = rest;
        Some(group)
    })
}

/// Runs launches that [joined](joins) one after the other.
pub(super) fn run(launches: &[Launch]) {
    let rows = launches[0].kernel.args.shape[0];
    let mut row = Row::default();
    for Launch { kernel, buffers } in launches {
        row.add(kernel, rows, |number| Some(&buffers[number]));
    }
    sweep::begin(row.bytes().saturating_mul(rows));
    let shares = shares();
    let height = (BAND / row.bytes().max(1)).clamp(1, rows.div_ceil(shares));
    let bands = rows.div_ceil(height);
    let programs: Vec<Arc<Program>> = (0..launches.len())
        .map(|i| {
            let (launch, later) = (&launches[i], &launches[i + 1..]);
            let code = &launch.kernel.code;
            let mut form = Form::of(code, &launch.kernel.args);
            form.past_cache &= !later.iter().any(|later| needs(later, launch));
            program_of(code, form, Purpose::of(code))
        })
        .collect();
    each_range(bands, shares, |from, to| {
        let mut parts = launches.to_vec();
        for first in Way::of_launch().over(from..to, 1).map(|band| band * height) {
            let len = height.min(rows - first);
            for ((part, launch), program) in parts.iter_mut().zip(launches).zip(&programs) {
                cut(&mut part.kernel.args, &launch.kernel.args, rows, (first, len));
                run::run_here(part, program);
            }
        }
    });
}

/// Whether the kernel may be cut into so many rows, each of which it visits by itself.
fn is_in_rows(kernel: &Kernel, rows: usize) -> bool {
    let (Code { check, whole, reduce, .. }, shape) = (&*kernel.code, &kernel.args.shape);
    let cut = match reduce {
        Some(reduce) => reduce.lead > 0 && shape[0] == rows,
        None => shape[0] == rows || shape.len() == 1 && shape[0].is_multiple_of(rows),
    };
    let fetches = || (0..kernel.code.operands.len()).any(|i| kernel.code.is_fetched(i));
    rows > 1 && cut && check.is_none() && whole.is_none() && !fetches()
}

/// How the kernel's operands walk over rows, each with the number of its buffer.
fn walks(kernel: &Kernel, rows: usize) -> impl Iterator<Item = (usize, Walk)> {
    let shape = &kernel.args.shape;
    let operands = kernel.code.operands.iter().zip(&kernel.args.operands).enumerate();
    operands.map(move |(i, (operand, args))| {
        // Of one dimension a row may be several points.
        let points = shape[0] / rows;
        let inner = shape.iter().zip(&args.strides).skip(1);
        let last: usize = inner.map(|(size, stride)| (size - 1) * stride).sum();
        let last = last + (points - 1) * args.strides[0];
        let size = operand.dtype.size();
        let [start, pitch, reach] = [args.offset, points * args.strides[0], last + 1];
        let stored = kernel.code.is_stored(i);
        let walk = Walk { start: start * size, pitch: pitch * size, reach: reach * size, stored };
        (usize::from(operand.buffer), walk)
    })
}

/// What a row of some kernels touches, about.
#[derive(Default)]
struct Row<'a> {
    /// Of each buffer that has memory the bytes, and whether it is stored to; of others those of each operand.
    touched: SmallVec<[(Option<&'a Buffer>, usize, bool); 16]>,
}

impl<'a> Row<'a> {
    fn add(&mut self, kernel: &Kernel, rows: usize, buffer: impl Fn(usize) -> Option<&'a Buffer>) {
        for (number, walk) in walks(kernel, rows) {
            let (buffer, bytes) = (buffer(number), walk.pitch.min(walk.reach));
            let same = |known: &Option<&Buffer>| {
                known.zip(buffer).is_some_and(|(known, buffer)| known.is(buffer))
            };
            match self.touched.iter_mut().find(|(known, ..)| same(known)) {
                Some((_, most, stored)) => {
                    (*most, *stored) = ((*most).max(bytes), *stored | walk.stored);
                }
                None => self.touched.push((buffer, bytes, walk.stored)),
            }
        }
    }

    fn bytes(&self) -> usize {
        self.touched.iter().map(|(_, bytes, _)| bytes).sum()
    }

    fn stored(&self) -> usize {
        self.touched.iter().filter(|(.., stored)| *stored).map(|(_, bytes, _)| bytes).sum()
    }

    fn largest(&self) -> usize {
        self.touched.iter().map(|&(_, bytes, _)| bytes).max().unwrap_or(0)
    }
}

impl Walk {
    /// Whether row `r` of one touches nothing that another row of the other does.
    fn is_beside(&self, other: &Self) -> bool {
        let start = self.start.min(other.start);
        let end = (self.start + self.reach).max(other.start + other.reach);
        self.pitch == other.pitch && end - start <= self.pitch
    }
}

/// Whether two buffers share memory, as those that others own may.
fn overlap(one: &Buffer, other: &Buffer) -> bool {
    let range = |buffer: &Buffer| {
        let start = buffer.host_pointer().map_or(0, |pointer| pointer.addr().get());
        start..start + buffer.bytes()
    };
    let (one, other) = (range(one), range(other));
    one.start < other.end && other.start < one.end
}

/// Whether a launch touches what an earlier one stores.
fn needs(later: &Launch, launch: &Launch) -> bool {
    let stored = launch.buffers.iter().enumerate();
    let mut stored = stored.filter(|(number, _)| launch.kernel.code.is_written(*number));
    stored.any(|(_, buffer)| later.buffers.iter().any(|other| other.is(buffer)))
}

/// Makes the numbers of a part those of `len` of the rows from `first` on.
fn cut(part: &mut Args, whole: &Args, rows: usize, (first, len): (usize, usize)) {
    let points = whole.shape[0] / rows;
    part.shape[0] = points * len;
    for (part, whole) in part.operands.iter_mut().zip(&whole.operands) {
        part.offset = whole.offset + first * points * whole.strides[0];
    }
    let before = first * points * whole.shape[1..].iter().product::<usize>();
    part.base = whole.base + before as u64;
}

#[cfg(test)]
mod tests;
