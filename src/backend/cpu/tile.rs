//! One tile: consecutive points, few enough that their lanes stay in L1.
//!
//! Owns [`Launched`], a program with its operands, and the registers it runs in, which each thread
//! keeps. A tile is a range of linear indices, which spans rows where the inner dimension is short; or a
//! block of two dimensions, see Note [Blocks] of `plan`.
#![allow(unsafe_code, reason = "uses views, for the elements of the tile it runs")]

use std::array;
use std::cell::Cell;

use bytemuck::{Pod, Zeroable, cast_slice, cast_slice_mut};
use smallvec::SmallVec;

use super::blocks::{Linked, LinkedSums};
use super::chain::{Link, Out};
use super::convert;
use super::lanes::Loop;
use super::plan::{Argument, Chain, FillValue, Lanes, Place, Program, Step, Summed, lane_size};
use super::points::{Grid, Tile, each_row, offset_of};
use super::random;
use super::view::{Block, View, fence};
use crate::backend::Launch;
use crate::kernel::Class;

/// Bytes of a register that a tile of consecutive points fills.
pub(super) const REGISTER: usize = 4096;

/// Of a tile whose program has one register or two, and waits for memory anyway.
const FEW_REGISTERS: usize = if cfg!(test) { 1 << 9 } else { 1 << 14 };

/// Of a tile whose program has no register, so that nothing need stay in a cache.
const NO_REGISTER: usize = 1 << 16;

/// Of one that a block fills. It is in the second cache rather than the first, but of each column of a
/// transposed operand it holds 256 bytes, which memory gives in half the time of four times 64.
const BLOCK_REGISTER: usize = 1 << 14;

/// Lines that a loop computes before they are stored past the cache: so few that the processor begins to
/// load for the next ones meanwhile, which makes an addition a third faster.
const PIECE: usize = 512 / size_of::<Line>();

/// Of elements of two bytes, for what a call costs.
const HALF_PIECE: usize = 2 * PIECE;

/// Of a function of one argument, which mostly computes.
const UNARY_PIECE: usize = 8 * PIECE;

/// The widest vector, so that registers are aligned to it.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
pub(super) struct Line([u8; 64]);

/// Registers of one thread.
pub(super) type Registers = Vec<Vec<Line>>;

/// Lanes of any number, aligned as registers are.
#[derive(Default)]
pub(super) struct Scratch(Vec<Line>);

impl Scratch {
    /// The first `len` bytes: zeros, or what was there.
    pub(super) fn bytes(&mut self, len: usize) -> &mut [u8] {
        let lines = len.div_ceil(size_of::<Line>());
        if self.0.len() < lines {
            self.0.resize(lines, Line::zeroed());
        }
        &mut cast_slice_mut(&mut self.0)[..len]
    }
}

thread_local! {
    static REGISTERS: Cell<Registers> = const { Cell::new(Vec::new()) };
}

/// A program and what it runs on.
pub(super) struct Launched<'a> {
    pub(super) program: &'a Program,
    shape: &'a [usize],
    /// Points.
    len: usize,
    base: u64,
    scalars: &'a [u64],
    /// Of a program with rows.
    grid: Option<Grid>,
    /// Points of a tile, and so lanes of a register.
    tile: usize,
    views: SmallVec<[View<'a>; 4]>,
}

impl<'a> Launched<'a> {
    pub(super) fn new(launch: &'a Launch, program: &'a Program) -> Self {
        let (code, args) = (&launch.kernel.code, &launch.kernel.args);
        let views = code.operands.iter().zip(&args.operands);
        let views = views
            .map(|(c, a)| View::new(&launch.buffers[usize::from(c.buffer)], c, a, &args.shape))
            .collect();
        let shape = &args.shape;
        let grid = program.rows.map(|dim| Grid::new(shape, dim, BLOCK_REGISTER / program.lane));
        let register = match (&grid, program.registers) {
            (Some(_), _) => BLOCK_REGISTER,
            (None, 0) => NO_REGISTER,
            (None, 1..=2) if program.past_cache => FEW_REGISTERS,
            (None, _) => REGISTER,
        };
        let most = register / program.lane;
        let by_rows = grid.is_none() && program.has_rows() && code.reduce.is_none();
        let tile = if by_rows { part_of(shape[shape.len() - 1], most) } else { most };
        let (len, base, scalars) = (launch.kernel.len(), args.base, &args.scalars[..]);
        Self { program, shape, len, base, scalars, grid, tile, views }
    }

    /// Takes tiles of `len` points, if few registers are to stay in a cache.
    pub(super) fn take_tiles(&mut self, len: usize) {
        if self.grid.is_none() && (1..=2).contains(&self.program.registers) {
            self.tile = len;
        }
    }

    /// Points of a tile.
    pub(super) fn tile(&self) -> usize {
        self.tile
    }

    /// How many tiles there are.
    pub(super) fn tiles(&self) -> usize {
        match &self.grid {
            Some(grid) => {
                let rest = self.len / self.shape[self.shape.len() - 1] / self.shape[grid.dim];
                rest * grid.across * grid.down
            }
            None => self.len.div_ceil(self.tile()),
        }
    }

    /// Tile number `i`.
    fn at(&self, i: usize) -> Tile {
        let Some(grid) = &self.grid else {
            let start = i * self.tile();
            return Tile::range(start, self.tile().min(self.len - start));
        };
        let inner = self.shape[self.shape.len() - 1];
        let (column, i) = (i % grid.across * grid.columns, i / grid.across);
        let (row, mut i) = (i % grid.down * grid.rows, i / grid.down);
        let columns = grid.columns.min(inner - column);
        let rows = grid.rows.min(self.shape[grid.dim] - row);
        // The linear index, from the indices along the other dimensions.
        let (mut start, mut pitch, mut scale) = (column, 0, inner);
        for d in (0..self.shape.len() - 1).rev() {
            if d == grid.dim {
                pitch = scale;
                start += row * scale;
            } else {
                start += i % self.shape[d] * scale;
                i /= self.shape[d];
            }
            scale *= self.shape[d];
        }
        Tile { start, len: rows * columns, rows, columns, pitch }
    }

    /// Runs the tiles `start .. end`.
    pub(super) fn run(&self, start: usize, end: usize) {
        self.each_tile(start, end, |_, _| true);
    }

    /// Whether `condition`, a bool value of the program, is true at a point of the tiles `start .. end`.
    pub(super) fn any(&self, start: usize, end: usize, condition: Lanes) -> bool {
        let mut found = false;
        self.each_tile(start, end, |registers, tile| {
            let lanes = self.read(condition, registers, tile);
            found |= lanes.iter().any(|&byte| byte != 0);
            !found
        });
        found
    }

    /// Runs tile after tile while `then` says to go on.
    fn each_tile(&self, start: usize, end: usize, mut then: impl FnMut(&Registers, Tile) -> bool) {
        self.with_registers(|registers| {
            for i in start..end {
                let tile = self.at(i);
                if self.grid.is_some() && i + 1 < end {
                    self.ask_for(self.at(i + 1));
                }
                for step in &self.program.steps {
                    self.step(step, registers, tile);
                }
                if !then(registers, tile) {
                    break;
                }
            }
        });
    }

    /// Asks memory for the elements of a block that are in columns: the processor does not see by itself
    /// where the next ones are, as it does in rows.
    fn ask_for(&self, tile: Tile) {
        for view in &self.views {
            self.each_block(view, tile, |_, block| {
                if block.is_by_column() {
                    view.ask_for(block);
                }
            });
        }
    }

    /// Calls `body` with the thread's registers, made ready for tiles of this launch.
    pub(super) fn with_registers<R>(&self, body: impl FnOnce(&mut Registers) -> R) -> R {
        let mut registers = REGISTERS.take();
        if registers.len() < self.program.registers {
            registers.resize_with(self.program.registers, Vec::new);
        }
        let lines = (self.tile * self.program.lane).div_ceil(size_of::<Line>());
        for register in &mut registers[..self.program.registers] {
            if register.len() < lines {
                register.resize(lines, Line::zeroed());
            }
        }
        self.fill(&mut registers, self.tile().min(self.len));
        let result = body(&mut registers);
        REGISTERS.set(registers);
        if self.program.past_cache {
            fence();
        }
        result
    }

    /// Runs the points `start .. start + len`, at most a tile, and returns the lanes of `value` there.
    pub(super) fn evaluate<'r>(
        &'r self,
        start: usize,
        len: usize,
        value: Lanes,
        registers: &'r mut Registers,
    ) -> &'r [u8] {
        let tile = Tile::range(start, len);
        for step in &self.program.steps {
            self.step(step, registers, tile);
        }
        self.read(value, registers, tile)
    }

    /// Sums the values at the points `start .. start + len`, at most a tile, into elements of `into`, so many
    /// into each; lanes begin with these bits. Only for a program that has something [summed](Program::summed).
    pub(super) fn sums(
        &self,
        (start, len): (usize, usize),
        into: &mut [u8],
        (run, block, bits): (LinkedSums, usize, u64),
        registers: &mut Registers,
    ) {
        let Some((Summed { first, link, other, is_squared }, steps)) = self.program.summed() else {
            unreachable!("asked for by whoever calls")
        };
        let tile = Tile::range(start, len);
        for step in steps {
            self.step(step, registers, tile);
        }
        let other = self.argument(other, registers, tile);
        run(
            into,
            self.read(first, registers, tile),
            block,
            bits,
            Linked { link, other, is_squared },
        );
    }

    /// Stores elements that follow each other in a space of this shape, from point `start` on, into an
    /// operand that has these strides there. They are the caller's alone to touch.
    pub(super) fn store(
        &self,
        operand: u8,
        (shape, strides): (&[usize], &[usize]),
        start: usize,
        elements: &[u8],
    ) {
        let view = &self.views[usize::from(operand)];
        each_row(shape, strides, start, elements.len() / view.size, |at, block| {
            let bytes = at * view.size..(at + block.len()) * view.size;
            // SAFETY: elements of an operand that is stored to, which no other thread touches.
            unsafe { view.scatter(block, &elements[bytes], self.program.scans_past_cache) };
        });
    }

    fn fill(&self, registers: &mut Registers, len: usize) {
        for fill in &self.program.fills {
            let (bits, dtype) = match fill.value {
                FillValue::Scalar { scalar, dtype } => (self.scalars[usize::from(scalar)], dtype),
                FillValue::Element { operand, dtype } => (self.element(operand), dtype),
            };
            let is_stored = fill.out.size < lane_size(dtype.lane());
            let bits = if is_stored { bits } else { convert::scalar_lane(dtype, bits) };
            let Place::Register(register) = fill.out.place else {
                unreachable!("what is the same everywhere is in a register")
            };
            let bytes: &mut [u8] = cast_slice_mut(&mut registers[usize::from(register)]);
            match fill.out.size {
                1 => bytes[..len].fill(bits as u8),
                2 => cast_slice_mut::<u8, u16>(bytes)[..len].fill(bits as u16),
                4 => cast_slice_mut::<u8, u32>(bytes)[..len].fill(bits as u32),
                _ => cast_slice_mut::<u8, u64>(bytes)[..len].fill(bits),
            }
        }
    }

    /// The bits of an operand's first element.
    fn element(&self, operand: u8) -> u64 {
        let view = &self.views[usize::from(operand)];
        let mut element = [0_u64];
        let bytes = &mut cast_slice_mut::<u64, u8>(&mut element)[..view.size];
        // SAFETY: an element of the operand at every point.
        unsafe {
            view.gather(
                Block { offset: 0, rows: 1, row_stride: 0, columns: 1, column_stride: 0 },
                bytes,
            )
        };
        match view.size {
            1 => u64::from(bytes[0]),
            2 => u64::from(u16::from_ne_bytes([bytes[0], bytes[1]])),
            4 => u64::from(u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])),
            _ => element[0],
        }
    }

    /// The tile's lanes.
    fn read<'r>(&'r self, lanes: Lanes, registers: &'r Registers, tile: Tile) -> &'r [u8] {
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
    fn write(
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

    fn step(&self, step: &Step, registers: &mut Registers, tile: Tile) {
        match *step {
            Step::Apply { run, arguments, out, past_cache: true, .. } => {
                let apply = match (arguments[1].place, out.size) {
                    (Place::Nowhere, _) => Self::apply_past_cache::<UNARY_PIECE>,
                    (_, 2) => Self::apply_past_cache::<HALF_PIECE>,
                    _ => Self::apply_past_cache::<PIECE>,
                };
                apply(self, run, arguments, out, registers, tile);
            }
            Step::Chain { ref chain, out, past_cache: true } => {
                let view = &self.views[memory_of(out)];
                // SAFETY: elements of this tile, of a buffer that is stored to and not loaded.
                let (head, rest) = unsafe { view.past_cache(tile.start, tile.len) };
                let start = head.len() / view.size;
                self.with_chain(chain, registers, tile, |first, links| {
                    (chain.run)(Out::Cached(head), 0, first, links);
                    (chain.run)(Out::PastCache(rest), start, first, links);
                });
            }
            Step::Chain { ref chain, out, past_cache: false } => {
                self.write(out, registers, tile, |out, registers| {
                    self.with_chain(chain, registers, tile, |first, links| {
                        (chain.run)(Out::Cached(out), 0, first, links);
                    });
                });
            }
            Step::Apply { run, arguments, out, round, past_cache: false } => {
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
            Step::GatherRow { row } => {
                let Place::Row { operand, register, same } = row.place else {
                    unreachable!("only a row is gathered as one")
                };
                if self.row(&self.views[usize::from(operand)], same, tile).is_none() {
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
            Step::Random { word, words, scalar, out } => {
                let scalar = usize::from(scalar);
                let (seed, offset) = (self.scalars[scalar], self.scalars[scalar + 1]);
                self.write(out, registers, tile, |bytes, _| {
                    let lanes: &mut [i32] = cast_slice_mut(bytes);
                    for (row, lanes) in lanes.chunks_mut(tile.columns).enumerate() {
                        let first = self.position(tile, row);
                        random::fill(lanes, seed, offset, first, words, word);
                    }
                });
            }
        }
    }

    /// Copies an operand's elements of the tile.
    fn gather(&self, operand: u8, out: Lanes, registers: &mut Registers, tile: Tile) {
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
        arguments: [Lanes; 3],
        registers: &'r Registers,
        tile: Tile,
    ) -> Arguments<'r> {
        Arguments {
            values: arguments.map(|lanes| self.read(lanes, registers, tile)),
            sizes: arguments.map(|lanes| usize::from(lanes.size)),
            uniform: arguments.map(|lanes| self.program.is_uniform(lanes)),
        }
    }

    /// The lanes of a link's other argument, or one for all.
    fn argument<'r>(
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
        body: impl FnOnce(&[u8], &[(Link, &[u8])]),
    ) {
        let links = chain.links.iter();
        let links = links.map(|(link, other)| (*link, self.argument(other, registers, tile)));
        let links: SmallVec<[_; 8]> = links.collect();
        body(self.read(chain.first, registers, tile), &links);
    }

    /// Runs a loop whose result goes past the cache, piece by piece.
    fn apply_past_cache<const LINES: usize>(
        &self,
        run: Loop,
        arguments: [Lanes; 3],
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
            let block = Block {
                offset: tile.start + start,
                rows: 1,
                row_stride: 0,
                columns: len,
                column_stride: 1,
            };
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
    fn row(&self, view: &View<'_>, same: bool, tile: Tile) -> Option<(usize, usize)> {
        let inner = self.shape.len() - 1;
        let len = match view.strides[inner] {
            1 => tile.len,
            0 if same => 1,
            _ => return None,
        };
        let is_row =
            self.grid.is_none() && tile.start % self.shape[inner] + tile.len <= self.shape[inner];
        is_row.then(|| (offset_of(self.shape, view.strides, tile.start).0, len))
    }

    /// Calls `visit` with the elements of an operand that the tile sees, block by block; the first
    /// argument is the lane of the block's first element.
    #[inline(always)]
    fn each_block(&self, view: &View<'_>, tile: Tile, mut visit: impl FnMut(usize, Block)) {
        let columns = tile.columns;
        match &self.grid {
            Some(grid) => {
                let (offset, column_stride, _) = offset_of(self.shape, view.strides, tile.start);
                let row_stride = view.strides[grid.dim];
                visit(0, Block { offset, rows: tile.rows, row_stride, columns, column_stride });
            }
            None if view.class == Class::Contiguous => {
                let offset = tile.start;
                visit(0, Block { offset, rows: 1, row_stride: 0, columns, column_stride: 1 });
            }
            None => each_row(self.shape, view.strides, tile.start, tile.len, visit),
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

/// Points of a tile of at most `most`, so that tiles end where rows of `len` points do, if that takes no
/// very short ones.
fn part_of(len: usize, most: usize) -> usize {
    if len <= most {
        return if len >= most / 16 { len } else { most };
    }
    let mut parts = len.div_ceil(most)..=4 * len / most;
    parts.find(|parts| len.is_multiple_of(*parts)).map_or(most, |parts| len / parts)
}

/// The operand that lanes past the cache are of.
fn memory_of(lanes: Lanes) -> usize {
    match lanes.place {
        Place::Memory(operand) => usize::from(operand),
        _ => unreachable!("only memory is past the cache"),
    }
}

/// Fills lanes of `size` bytes with consecutive numbers.
fn index(bytes: &mut [u8], size: u8, first: u64) {
    match size {
        4 => {
            let lanes: &mut [u32] = cast_slice_mut(bytes);
            for (i, lane) in lanes.iter_mut().enumerate() {
                *lane = (first as u32).wrapping_add(i as u32);
            }
        }
        _ => {
            let lanes: &mut [u64] = cast_slice_mut(bytes);
            for (i, lane) in lanes.iter_mut().enumerate() {
                *lane = first.wrapping_add(i as u64);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_end_with_rows_unless_they_were_short() {
        let rows = [1, 63, 64, 100, 1024, 1025, 2000, 2050, 5000, 1_000_003];
        let tiles = rows.map(|len| part_of(len, 1024));
        assert_eq!(tiles, [1024, 1024, 64, 100, 1024, 1024, 1000, 410, 1000, 1024]);
    }
}
