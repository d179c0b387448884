//! How a step runs on a tile: what it reads, where it writes.
#![allow(unsafe_code, reason = "uses views, for the elements of the tile it runs")]

use std::array;

use bytemuck::{Zeroable, cast_slice, cast_slice_mut};
use smallvec::SmallVec;

use super::super::chain::{Link, Out};
use super::super::fraction::{fractions, fractions_past_cache};
use super::super::lanes::{Loop, simd};
use super::super::plan::{Argument, Back, Chain, Draw, Lanes, Place, Step};
use super::super::points::{Tile, each_row, each_row_of, offset_at};
use super::super::random::Stream;
use super::super::registers::{Line, Registers};
use super::super::view::{Ahead, Block, Rows, View};
use super::{Launched, REGISTER};
use crate::dtype::DType;
use crate::kernel::Class;

/// Lines that a loop computes before they are stored past the cache: so few that the processor begins to
/// load for the next ones meanwhile, which makes an addition a third faster.
const PIECE: usize = 512 / size_of::<Line>();

/// Of elements of two bytes, for what a call costs.
const HALF_PIECE: usize = 2 * PIECE;

/// Of random words, some batches of them.
const DRAWN: usize = 2048 / size_of::<Line>();

/// Of a function of one argument, which mostly computes.
const UNARY_PIECE: usize = 8 * PIECE;

impl Launched<'_> {
    /// The tile's lanes.
    pub(super) fn read<'r>(
        &'r self,
        lanes: Lanes,
        registers: &'r Registers,
        tile: Tile,
    ) -> &'r [u8] {
        match lanes.place {
            Place::Nowhere => &[],
            Place::Register(register) => {
                let bytes: &[u8] = cast_slice(&registers[usize::from(register)]);
                &bytes[..tile.len * usize::from(lanes.size)]
            }
            Place::Memory(operand) => {
                // SAFETY: elements of this tile, by Note [In place] not written by the step that reads.
                unsafe { self.views[usize::from(operand)].slice(tile.start, tile.len) }
            }
            Place::Row { operand, register, same } => {
                let view = &self.views[usize::from(operand)];
                match self.row(view, same, tile) {
                    // SAFETY: elements of this tile, of an operand whose buffer is not stored to.
                    Some((offset, len)) => unsafe { view.slice(offset, len) },
                    None => {
                        let bytes: &[u8] = cast_slice(&registers[usize::from(register)]);
                        &bytes[..tile.len * usize::from(lanes.size)]
                    }
                }
            }
        }
    }

    /// Calls `fill` with the lanes that a step writes and the registers that it reads.
    pub(super) fn write(
        &self,
        out: Lanes,
        registers: &mut Registers,
        tile: Tile,
        fill: impl FnOnce(&mut [u8], &Registers),
    ) {
        match out.place {
            Place::Nowhere | Place::Row { .. } => unreachable!("every step writes somewhere"),
            Place::Register(register) => {
                // Taken out meanwhile; no step reads the register it writes.
                let mut lines = std::mem::take(&mut registers[usize::from(register)]);
                let bytes: &mut [u8] = cast_slice_mut(&mut lines);
                fill(&mut bytes[..tile.len * usize::from(out.size)], registers);
                registers[usize::from(register)] = lines;
            }
            Place::Memory(operand) => {
                let view = &self.views[usize::from(operand)];
                // SAFETY: elements of this tile, by Note [In place] not read by the step that writes.
                fill(unsafe { view.slice_mut(tile.start, tile.len) }, registers);
            }
        }
    }

    /// Runs a step, and asks memory for what is ahead.
    pub(super) fn step(
        &self,
        step: &Step,
        registers: &mut Registers,
        tile: Tile,
        ahead: Ahead<'_>,
    ) {
        if !step.goes_by_rows() {
            ahead.ask();
        }
        match *step {
            Step::Apply { run, ref arguments, out, past_cache: true, .. } => {
                let apply = match (arguments[1].lanes.place, out.size) {
                    (Place::Nowhere, _) => Self::apply_past_cache::<UNARY_PIECE>,
                    (_, 2) => Self::apply_past_cache::<HALF_PIECE>,
                    _ => Self::apply_past_cache::<PIECE>,
                };
                apply(self, run, arguments, out, registers, tile);
            }
            Step::Chain {
                ref chain,
                out: Lanes { place: Place::Row { operand, .. }, .. },
                past_cache,
            } => self.chain_by_rows(chain, (operand, past_cache), registers, tile, ahead),
            Step::Chain { ref chain, out, past_cache } if self.has_rows(chain, tile) => {
                self.chain_on_whole_rows(chain, (out, past_cache), registers, tile);
            }
            Step::Chain { ref chain, out, past_cache: true } => {
                let view = &self.views[memory_of(out)];
                self.with_chain(chain, registers, tile, |first, links| {
                    // SAFETY: elements of this tile, of a buffer that is stored to and not loaded.
                    unsafe { run_past_cache(chain, view, (tile.start, tile.len), 0, first, links) };
                });
            }
            Step::Chain { ref chain, out, past_cache: false } => {
                self.write(out, registers, tile, |out, registers| {
                    self.with_chain(chain, registers, tile, |first, links| {
                        (chain.run)(Out::Cached(out), (0, 0), first, links);
                    });
                });
            }
            Step::Apply { run, ref arguments, out, round, past_cache: false } => {
                let size = usize::from(out.size);
                self.write(out, registers, tile, |out, registers| {
                    let arguments = self.arguments(arguments, registers, tile);
                    // Of what is the same everywhere so few lanes are read that they stay in the first cache.
                    let piece = if arguments.has_uniform() { REGISTER / size } else { tile.len };
                    for start in (0..tile.len).step_by(piece) {
                        let end = tile.len.min(start + piece);
                        let [a, b, c] = arguments.piece(start, end);
                        run(&mut out[start * size..end * size], a, b, c);
                    }
                    if let Some(round) = round {
                        round(out);
                    }
                });
            }
            Step::Accumulate { run, operand, value } => {
                let view = &self.views[usize::from(operand)];
                let value = self.read(value, registers, tile);
                // SAFETY: elements of this tile, of a buffer that no other operand sees.
                run(unsafe { view.slice_mut(tile.start, tile.len) }, value);
            }
            Step::Gather { operand, out } => self.gather(operand, out, registers, tile),
            Step::GatherRow { row, as_block } => {
                let Place::Row { operand, register, same } = row.place else {
                    unreachable!("only a row is gathered as one")
                };
                let view = &self.views[usize::from(operand)];
                let is_there = match self.grid {
                    Some(_) => !as_block && self.rows_of(view, same, tile).is_some(),
                    None => {
                        let in_rows = || self.rows_of(view, same, self.whole_rows(tile)?);
                        self.row(view, same, tile).is_some() || !as_block && in_rows().is_some()
                    }
                };
                if !is_there {
                    let out = Lanes { place: Place::Register(register), ..row };
                    self.gather(operand, out, registers, tile);
                }
            }
            Step::Fetch { operand, at, out } => {
                let view = &self.views[usize::from(operand)];
                self.write(out, registers, tile, |out, registers| {
                    let places = self.read(at, registers, tile);
                    let size = usize::from(at.size);
                    self.each_block(view, tile, |lane, block| {
                        let end = lane + block.len();
                        let bytes = lane * view.size..end * view.size;
                        let places = &places[lane * size..end * size];
                        // SAFETY: a buffer that is fetched from is not stored to.
                        unsafe { view.fetch(block, places, size, &mut out[bytes]) };
                    });
                });
            }
            Step::FetchBack { operand, back, out } => {
                let view = &self.views[usize::from(operand)];
                self.write(out, registers, tile, |out, _| {
                    self.each_block(view, tile, |lane, block| {
                        for row in 0..block.rows {
                            let lane = lane + row * block.columns;
                            let bytes = lane * view.size..(lane + block.columns) * view.size;
                            let at = self.places_back(back, (tile.start + lane) as u64);
                            let offset = block.offset + row * block.row_stride;
                            let row = Block { offset, rows: 1, ..block };
                            // SAFETY: a buffer that is fetched from is not stored to.
                            unsafe { view.fetch_by(row, at, &mut out[bytes]) };
                        }
                    });
                });
            }
            Step::Copy { from, to } => {
                let [from, to] = [from, to].map(|operand| &self.views[usize::from(operand)]);
                let (strides, range) = ([from.strides, to.strides], (tile.start, tile.len));
                each_row_of(self.shape, strides, range, |_, [source, target]| {
                    // SAFETY: elements of this tile, of operands of which only `to` is of a buffer that is
                    // stored to.
                    unsafe { from.copy(source, to, target) };
                });
            }
            Step::Scatter { operand, value, past_cache } => {
                let view = &self.views[usize::from(operand)];
                let value = self.read(value, registers, tile);
                self.each_block(view, tile, |lane, block| {
                    let bytes = lane * view.size..(lane + block.len()) * view.size;
                    // SAFETY: elements of this tile, of an operand that is stored to.
                    unsafe { view.scatter(block, &value[bytes], past_cache) };
                });
            }
            Step::Index { out } => self.write(out, registers, tile, |bytes, _| {
                for (row, bytes) in
                    bytes.chunks_mut(tile.columns * usize::from(out.size)).enumerate()
                {
                    index(bytes, out.size, self.position(tile, row));
                }
            }),
            Step::Random { draw, out } => {
                let mut stream = self.stream(draw);
                self.write(out, registers, tile, |bytes, _| {
                    let lanes: &mut [i32] = cast_slice_mut(bytes);
                    for (row, lanes) in lanes.chunks_mut(tile.columns).enumerate() {
                        stream.fill(lanes, self.position(tile, row));
                    }
                });
            }
            Step::Fraction { draw, count, unit, out, past_cache: true } => {
                let view = &self.views[memory_of(out)];
                let (mut stream, count, unit) = self.fractions(draw, count, unit, registers, tile);
                // SAFETY: elements of this tile, of a buffer that is stored to and not loaded.
                let (head, mut rest) = unsafe { view.past_cache(tile.start, tile.len) };
                let (head, first) = (cast_slice_mut(head), self.position(tile, 0));
                let done = head.len();
                let mut words = [Line::zeroed(); DRAWN];
                let words: &mut [i32] = cast_slice_mut(&mut words);
                stream.fill(&mut words[..done], first);
                fractions(head, &words[..done], count, unit);
                for start in (done..tile.len).step_by(words.len()) {
                    let len = words.len().min(tile.len - start);
                    stream.fill(&mut words[..len], first.wrapping_add(start as u64));
                    fractions_past_cache(&mut rest, start - done, &words[..len], count, unit);
                }
            }
            Step::Fraction { draw, count, unit, out, past_cache: false } => {
                let (mut stream, count, unit) = self.fractions(draw, count, unit, registers, tile);
                let mut words = [Line::zeroed(); DRAWN];
                let words: &mut [i32] = cast_slice_mut(&mut words);
                self.write(out, registers, tile, |bytes, _| {
                    let lanes: &mut [f32] = cast_slice_mut(bytes);
                    for (row, lanes) in lanes.chunks_mut(tile.columns).enumerate() {
                        let mut index = self.position(tile, row);
                        for lanes in lanes.chunks_mut(words.len()) {
                            let words = &mut words[..lanes.len()];
                            stream.fill(words, index);
                            fractions(lanes, words, count, unit);
                            index = index.wrapping_add(lanes.len() as u64);
                        }
                    }
                });
            }
        }
    }

    /// How far away the elements are that points from this one on take.
    fn places_back(&self, Back { last, step, dtype }: Back, first: u64) -> impl Fn(usize) -> i64 {
        let wrap = move |value: i64| match dtype {
            DType::I32 => i64::from(value as i32),
            _ => value,
        };
        let scalar = |number: u8| wrap(self.scalars[usize::from(number)] as i64);
        let (last, step) = (scalar(last), step.map_or(1, scalar));
        let first = self.base.wrapping_add(first) as i64;
        move |i| {
            let way = first.wrapping_add(i as i64).wrapping_mul(step);
            wrap(last.wrapping_sub(way))
        }
    }

    fn stream(&self, Draw { word, words, scalar }: Draw) -> Stream {
        let scalar = usize::from(scalar);
        Stream::new(self.scalars[scalar], self.scalars[scalar + 1], words, word)
    }

    /// The words of a [`Step::Fraction`], and what makes them fractions.
    fn fractions(
        &self,
        draw: Draw,
        count: Lanes,
        unit: Lanes,
        registers: &Registers,
        tile: Tile,
    ) -> (Stream, i32, f32) {
        let count = cast_slice::<u8, i32>(self.read(count, registers, tile))[0];
        let unit = cast_slice::<u8, f32>(self.read(unit, registers, tile))[0];
        (self.stream(draw), count, unit)
    }

    /// Copies the elements that are as far away from the points' places as the lane of `at` says that `outer`
    /// has for their row.
    pub(super) fn fetch_rows(
        &self,
        outer: &Self,
        (operand, at, out): (u8, Lanes, Lanes),
        registers: &mut Registers,
        tile: Tile,
    ) {
        let view = &self.views[usize::from(operand)];
        let size = usize::from(at.size);
        self.write(out, registers, tile, |out, registers| {
            let mut at = outer.read(at, registers, self.rows_of_range(tile));
            each_row(self.shape, view.strides, tile.start, tile.len, |lane, block| {
                let (of_block, rest) = at.split_at(block.rows * size);
                at = rest;
                let bytes = lane * view.size..(lane + block.len()) * view.size;
                // SAFETY: a buffer that is fetched from is not stored to.
                unsafe { view.fetch_rows(block, of_block, size, &mut out[bytes]) };
            });
        });
    }

    /// Copies an operand's elements of the tile.
    pub(super) fn gather(&self, operand: u8, out: Lanes, registers: &mut Registers, tile: Tile) {
        let view = &self.views[usize::from(operand)];
        self.write(out, registers, tile, |out, _| {
            self.each_block(view, tile, |lane, block| {
                let bytes = lane * view.size..(lane + block.len()) * view.size;
                // SAFETY: elements of this tile.
                unsafe { view.gather(block, &mut out[bytes]) };
            });
        });
    }

    fn arguments<'r>(
        &'r self,
        arguments: &[Argument; 3],
        registers: &'r Registers,
        tile: Tile,
    ) -> Arguments<'r> {
        Arguments {
            values: array::from_fn(|i| self.read(arguments[i].lanes, registers, tile)),
            sizes: array::from_fn(|i| usize::from(arguments[i].lanes.size)),
            uniform: array::from_fn(|i| arguments[i].uniform),
        }
    }

    /// The lanes of what a chain takes, or one for all.
    pub(super) fn argument<'r>(
        &'r self,
        argument: &Argument,
        registers: &'r Registers,
        tile: Tile,
    ) -> &'r [u8] {
        let lanes = self.read(argument.lanes, registers, tile);
        if argument.uniform { &lanes[..usize::from(argument.lanes.size)] } else { lanes }
    }

    /// Calls `body` with the lanes that a chain reads.
    fn with_chain(
        &self,
        chain: &Chain,
        registers: &Registers,
        tile: Tile,
        body: impl FnOnce(Rows<'_>, &[(Link, Rows<'_>)]),
    ) {
        let row = |argument: &Argument| Rows::one(self.argument(argument, registers, tile));
        let first = row(&chain.first);
        let linked = |(link, other): &(Link, Argument)| (*link, row(other));
        match &chain.links[..] {
            // To collect costs as much as a small tile.
            [only] => body(first, &[linked(only)]),
            links => body(first, &links.iter().map(linked).collect::<SmallVec<[_; 8]>>()),
        }
    }

    /// Runs a loop whose result goes past the cache, piece by piece.
    fn apply_past_cache<const LINES: usize>(
        &self,
        run: Loop,
        arguments: &[Argument; 3],
        out: Lanes,
        registers: &Registers,
        tile: Tile,
    ) {
        let view = &self.views[memory_of(out)];
        let arguments = self.arguments(arguments, registers, tile);
        let mut memory = [Line::zeroed(); LINES];
        let points = size_of_val(&memory) / view.size;
        for start in (0..tile.len).step_by(points) {
            let len = points.min(tile.len - start);
            let out = &mut cast_slice_mut(&mut memory)[..len * view.size];
            let [a, b, c] = arguments.piece(start, start + len);
            run(out, a, b, c);
            let block = Block::row(tile.start + start, len);
            // SAFETY: elements of this tile, of an operand that is stored to.
            unsafe { view.scatter(block, out, true) };
        }
    }

    /// The index of a row's first point, with the base.
    fn position(&self, tile: Tile, row: usize) -> u64 {
        self.base.wrapping_add((tile.start + row * tile.pitch) as u64)
    }

    /// Where an operand's elements of the tile begin, and how many there are: one for each point, if they
    /// follow each other, or one, if that is all and `same` is true.
    pub(super) fn row(&self, view: &View<'_>, same: bool, tile: Tile) -> Option<(usize, usize)> {
        let len = view.run_of(tile.len, same)?;
        self.is_in_row(tile).then(|| (offset_at(self.shape, view.strides, tile.start), len))
    }

    /// Calls `visit` with the elements of an operand that the tile sees, block by block; the first
    /// argument is the lane of the block's first element.
    #[inline(always)]
    pub(super) fn each_block(
        &self,
        view: &View<'_>,
        tile: Tile,
        mut visit: impl FnMut(usize, Block),
    ) {
        match self.block(view, tile) {
            Some(block) => visit(0, block),
            None => each_row(self.shape, view.strides, tile.start, tile.len, visit),
        }
    }

    /// An operand's elements of the tile, if they are one block for sure.
    #[inline(always)]
    pub(super) fn block(&self, view: &View<'_>, tile: Tile) -> Option<Block> {
        let columns = tile.columns;
        match &self.grid {
            Some(grid) => {
                let offset = offset_at(self.shape, view.strides, tile.start);
                let column_stride = view.strides[self.shape.len() - 1];
                let row_stride = view.strides[grid.dim];
                Some(Block { offset, rows: tile.rows, row_stride, columns, column_stride })
            }
            None => (view.class == Class::Contiguous).then(|| Block::row(tile.start, columns)),
        }
    }
}

/// What a loop reads of a tile.
struct Arguments<'r> {
    values: [&'r [u8]; 3],
    /// Bytes of a lane.
    sizes: [usize; 3],
    /// All lanes are the same.
    uniform: [bool; 3],
}

impl<'r> Arguments<'r> {
    fn has_uniform(&self) -> bool {
        self.uniform.contains(&true)
    }

    /// The lanes `start .. end`, or as many first ones of what is the same everywhere.
    fn piece(&self, start: usize, end: usize) -> [&'r [u8]; 3] {
        array::from_fn(|i| {
            let first = if self.uniform[i] { 0 } else { start };
            &self.values[i][first * self.sizes[i]..][..(end - start) * self.sizes[i]]
        })
    }
}

/// Runs a chain on elements that follow each other, of this row of what it takes, past the cache but for
/// those before a line of it.
///
/// # Safety
/// As for [`View::slice_mut`], of the elements that `place` says the first and number of.
pub(super) unsafe fn run_past_cache(
    chain: &Chain,
    view: &View<'_>,
    place: (usize, usize),
    row: usize,
    first: Rows<'_>,
    links: &[(Link, Rows<'_>)],
) {
    // SAFETY: by contract.
    let (head, rest) = unsafe { view.past_cache(place.0, place.1) };
    let start = head.len() / view.size;
    if start > 0 {
        (chain.run)(Out::Cached(head), (row, 0), first, links);
    }
    (chain.run)(Out::PastCache(rest), (row, start), first, links);
}

/// The operand that lanes past the cache are of.
pub(super) fn memory_of(lanes: Lanes) -> usize {
    match lanes.place {
        Place::Memory(operand) => usize::from(operand),
        _ => unreachable!("only memory is past the cache"),
    }
}

/// Fills lanes of `size` bytes with consecutive numbers.
fn index(bytes: &mut [u8], size: u8, first: u64) {
    #[inline(always)]
    fn fill<T>(lanes: &mut [T], number: impl Fn(usize) -> T) {
        lanes.iter_mut().enumerate().for_each(|(i, lane)| *lane = number(i));
    }
    simd(
        #[inline(always)]
        || match size {
            4 => fill(cast_slice_mut(bytes), |i| (first as u32).wrapping_add(i as u32)),
            _ => fill(cast_slice_mut(bytes), |i| first.wrapping_add(i as u64)),
        },
    );
}
