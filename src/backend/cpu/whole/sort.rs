//! Sorting: positions in the order of their keys.
//!
//! A key becomes an integer that is ordered as the keys are (`keys`), and with its position the low part
//! of one number (`pair`). No two of those are equal, so any order of them is the stable one, on any number
//! of threads. Keys of few bits are sorted by their digits (`radix`), others by comparing, on several
//! threads in parts (`merge`); where not all ranks are asked for, what lies beyond them is never in order
//! (`select`).
#![allow(unsafe_code, reason = "reads and writes the lines that it sorts")]

mod keys;
mod merge;
mod pair;
mod pairs;
mod radix;
mod select;
#[cfg(test)]
mod tests;

use bytemuck::cast_slice_mut;
use keys::{each_key, put_keys};
use pair::{Pair, Span};
use pairs::{FEW, Pairs};
use rayon::prelude::*;
use select::Least;

use super::super::registers::Scratch;
use super::super::run::each_range;
use super::super::threads;
use super::super::view::View;
use super::Blocks;
use crate::backend::Launch;
use crate::dtype::DType;
use crate::kernel::Ranks;

/// Elements below which another thread costs more than it saves. Tests are to see several.
const GRAIN: usize = if cfg!(test) { 1 << 6 } else { 1 << 14 };
/// Elements of a line that several threads sort: at least two grains, so that such a launch runs in our pool.
const LONG: usize = if cfg!(test) { 1 << 11 } else { 1 << 15 };
const _: () = assert!(LONG >= 2 * GRAIN);
/// Elements of lines that are copied together: lines side by side share cache lines.
const TOGETHER: usize = 1 << 14;

/// Runs the launch.
pub(super) fn run(launch: &Launch, descending: bool, ranks: Ranks) {
    let (code, args) = (&launch.kernel.code, &launch.kernel.args);
    let [keys, positions] = [0, 1].map(|i| {
        let buffer = &launch.buffers[usize::from(code.operands[i].buffer)];
        View::new(buffer, &code.operands[i], &args.operands[i], &args.shape)
    });
    let len = args.shape.last().copied().unwrap_or(1);
    let job = Job {
        // Of whole lines, which are rows.
        blocks: Blocks::new(&args.shape, TOGETHER.max(len)),
        len,
        dtype: code.operands[0].dtype,
        descending,
        ranks: (ranks != Ranks::ALL).then_some(ranks),
        keys,
        positions,
    };
    let count = job.blocks.count();
    match launch.kernel.len() / GRAIN {
        0 | 1 => job.sort(0, count),
        worth => threads::run(|| {
            each_range(count, threads::parts(worth, 4), |from, to| job.sort(from, to));
        }),
    }
}

struct Job<'a> {
    blocks: Blocks<'a>,
    /// Of a line.
    len: usize,
    dtype: DType,
    descending: bool,
    /// All, if none.
    ranks: Option<Ranks>,
    keys: View<'a>,
    positions: View<'a>,
}

/// What the lines of a thread need one after the other.
struct Memory<P> {
    pairs: Pairs<P>,
    least: Least<P>,
}

impl<P: Pair> Memory<P> {
    fn new(ranks: Option<Ranks>) -> Self {
        Self { pairs: Pairs::default(), least: Least::new(ranks.map_or(0, |ranks| ranks.to)) }
    }
}

impl Job<'_> {
    fn sort(&self, from: usize, to: usize) {
        let (mut keys, mut positions) = (Scratch::default(), Scratch::default());
        let mut narrow = Memory::<u64>::new(self.ranks);
        let mut wide = Memory::<u128>::new(self.ranks);
        let parts = if self.len < LONG { 1 } else { threads::count() };
        let [key_bytes, position_bytes] =
            [&self.keys, &self.positions].map(|view| self.len * view.size);
        for index in from..to {
            let at = self.blocks.at(index);
            let (source, target) = (at.block(self.keys.strides), at.block(self.positions.strides));
            // Lines whose elements do not follow each other are copied, all of the block together.
            let lines = |is_apart: bool| if is_apart { at.rows } else { 0 };
            let [source_apart, target_apart] = [&source, &target].map(|b| b.column_stride != 1);
            let keys = keys.bytes(lines(source_apart) * key_bytes);
            if source_apart {
                // SAFETY: the elements of these points, which nobody writes.
                unsafe { self.keys.gather(source, keys) };
            }
            let positions = positions.bytes(lines(target_apart) * position_bytes);
            for row in 0..at.rows {
                let keys = match source_apart {
                    true => &keys[row * key_bytes..][..key_bytes],
                    // SAFETY: as above.
                    false => unsafe {
                        self.keys.slice(source.offset + row * source.row_stride, self.len)
                    },
                };
                let out = match target_apart {
                    true => &mut positions[row * position_bytes..][..position_bytes],
                    // SAFETY: the elements of these points, which only this thread has; no other slice of
                    // the line lives.
                    false => unsafe {
                        self.positions.slice_mut(target.offset + row * target.row_stride, self.len)
                    },
                };
                let line = Line { dtype: self.dtype, keys, len: self.len, parts };
                // Which part of all keys there are says how many bits tell them apart. It is worth knowing
                // where fewer make the pairs smaller, or the passes over digits fewer.
                let by_digits = self.ranks.is_none() && self.len >= FEW;
                let span = match by_digits || self.dtype.size() == 8 {
                    true => line.span(self.descending),
                    false => Span::of(self.dtype, self.descending),
                };
                if span.is_narrow(self.len) {
                    line.order(span, self.ranks, &mut narrow, out);
                } else {
                    line.order(span, self.ranks, &mut wide, out);
                }
            }
            if target_apart {
                // SAFETY: the elements of these points, which only this thread has.
                unsafe { self.positions.scatter(target, positions, false) };
            }
        }
    }
}

/// The keys of a line.
struct Line<'a> {
    dtype: DType,
    keys: &'a [u8],
    len: usize,
    /// How many to cut it into, for threads.
    parts: usize,
}

impl Line<'_> {
    /// Elements of a part.
    fn part(&self) -> usize {
        self.len.div_ceil(self.parts)
    }

    /// What `work` makes of each part of the keys and the place where it begins.
    fn each_part<T: Send>(&self, work: impl Fn(usize, &[u8]) -> T + Sync) -> Vec<T> {
        let parts = self.keys.par_chunks(self.part() * self.dtype.size()).enumerate();
        parts.map(|(part, keys)| work(part * self.part(), keys)).collect()
    }

    fn span(&self, descending: bool) -> Span {
        let span = |keys: &[u8]| {
            let (mut least, mut greatest) = (u64::MAX, 0);
            each_key(self.dtype, keys, |key| {
                (least, greatest) = (key.min(least), key.max(greatest));
            });
            Span { least, greatest, descending }
        };
        if self.parts < 2 {
            return span(self.keys);
        }
        let join = |a: Span, b: Span| Span {
            least: a.least.min(b.least),
            greatest: a.greatest.max(b.greatest),
            descending,
        };
        let spans = self.each_part(|_, keys| span(keys)).into_iter();
        spans.reduce(join).unwrap_or(Span { least: 0, greatest: 0, descending })
    }

    /// Writes the positions of all ranks, or of some.
    fn order<P: Pair>(
        &self,
        span: Span,
        ranks: Option<Ranks>,
        memory: &mut Memory<P>,
        out: &mut [u8],
    ) {
        let size = out.len() / self.len;
        if let Some(ranks) = ranks {
            let found = self.select(span, &mut memory.least).beyond(ranks.from);
            store(&mut out[ranks.from.min(self.len) * size..][..found.len() * size], size, found);
            return;
        }
        let pairs = &mut memory.pairs;
        self.fill(span, pairs.of(self.len));
        pairs.sort(span.bits(), self.parts);
        let sorted = pairs.sorted();
        if self.parts < 2 {
            return store(out, size, sorted);
        }
        let parts = out.par_chunks_mut(self.part() * size).zip(sorted.par_chunks(self.part()));
        parts.for_each(|(out, sorted)| store(out, size, sorted));
    }

    /// Makes pairs of all keys.
    fn fill<P: Pair>(&self, span: Span, pairs: &mut [P]) {
        let fill = |first: usize, keys: &[u8], pairs: &mut [P]| {
            put_keys(
                self.dtype,
                keys,
                pairs,
                #[inline(always)]
                |key, number| P::new(span.rank(key), first + number),
            );
        };
        if self.parts < 2 {
            return fill(0, self.keys, pairs);
        }
        let keys = self.keys.par_chunks(self.part() * self.dtype.size());
        let parts = keys.zip(pairs.par_chunks_mut(self.part())).enumerate();
        parts.for_each(|(part, (keys, pairs))| fill(part * self.part(), keys, pairs));
    }

    /// Brings the least pairs together.
    fn select<'m, P: Pair>(&self, span: Span, least: &'m mut Least<P>) -> &'m mut Least<P> {
        let select = |least: &mut Least<P>, first: usize, keys: &[u8]| {
            let mut place = first;
            each_key(self.dtype, keys, |key| {
                least.put(P::new(span.rank(key), place));
                place += 1;
            });
        };
        least.clear();
        if let Some(pairs) = least.room_for(self.len) {
            self.fill(span, pairs);
            return least;
        }
        if self.parts < 2 {
            select(least, 0, self.keys);
            return least;
        }
        let most = least.most();
        let parts = self.each_part(|first, keys| {
            let mut least = Least::new(most);
            select(&mut least, first, keys);
            least
        });
        for mut part in parts {
            part.all().iter().for_each(|&pair| least.put(pair));
        }
        least
    }
}

/// Writes positions of so many bytes each.
fn store<P: Pair>(out: &mut [u8], size: usize, pairs: &[P]) {
    if size == 8 {
        let out: &mut [i64] = cast_slice_mut(out);
        out.iter_mut().zip(pairs).for_each(|(out, pair)| *out = pair.place() as i64);
    } else {
        let out: &mut [i32] = cast_slice_mut(out);
        out.iter_mut().zip(pairs).for_each(|(out, pair)| *out = pair.place() as i32);
    }
}
