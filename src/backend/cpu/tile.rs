//! One tile: consecutive points, few enough that their lanes stay in L1.
//!
//! Owns [`Launched`], a program with its operands, and the registers it runs in, which each thread
//! keeps; `steps` has how one step runs, `rows` how a chain runs on rows. A tile is a range of linear
//! indices, which may span rows, Note [Whole rows]; or a block of two dimensions, see
//! Note [Blocks] of `plan`.
#![allow(unsafe_code, reason = "uses views, for the elements of the tile it runs")]

mod rows;
mod steps;
mod still;
#[cfg(test)]
mod tests;

use std::cell::Cell;

use bytemuck::{Zeroable, cast_slice_mut};
use smallvec::SmallVec;

use super::blocks::{Linked, LinkedSums};
use super::convert;
use super::lanes::all;
use super::plan::{Argument, FillValue, Lanes, Place, Program, Step, Summed, lane_size};
use super::points::{Grid, Tile, each_row};
use super::registers::{Line, Registers};
use super::sweep::Way;
use super::view::{Ahead, Block, Runs, View, fence};
use crate::backend::{Buffer, Launch};
use crate::kernel::Kernel;
pub(super) use rows::several_folded_rows;
use still::{moving_registers, still_steps};

/// Bytes of a register that a tile of consecutive points fills.
pub(super) const REGISTER: usize = 4096;

/// Of a tile whose program has one register or two, and waits for memory anyway.
const FEW_REGISTERS: usize = if cfg!(test) { 1 << 9 } else { 1 << 14 };

/// Of a tile whose program has no register, so that nothing need stay in a cache.
const NO_REGISTER: usize = 1 << 16;

/// Of one whose program copies from memory to memory.
const COPIED: usize = if cfg!(test) { 1 << 9 } else { NO_REGISTER };

/// Of one that a block fills, which is in the second cache rather than the first.
const BLOCK_REGISTER: usize = 1 << 14;

/// Of one that a block fills whose program has one register or two.
const FEW_BLOCK_REGISTERS: usize = if cfg!(test) { 1 << 12 } else { 1 << 16 };

/// Bytes of lanes after which a launch may turn, Note [To and fro].
const STEP: usize = if cfg!(test) { 1 << 10 } else { 1 << 16 };

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
    /// Tiles of a row, where rows are cut and the last part is a shorter one.
    across: Option<usize>,
    /// Note [Still steps]; none, or one for each step.
    still: SmallVec<[bool; 12]>,
    /// The rows as points, if there are still steps.
    outer: Option<Box<Self>>,
    views: SmallVec<[View<'a>; 4]>,
}

impl<'a> Launched<'a> {
    pub(super) fn new(launch: &'a Launch, program: &'a Program) -> Self {
        let buffer = |number: u8| &launch.buffers[usize::from(number)];
        Self::of(&launch.kernel, &launch.kernel.args.scalars, buffer, program)
    }

    /// A program of the kernel, with these scalars and buffers.
    pub(super) fn of(
        kernel: &'a Kernel,
        scalars: &'a [u64],
        buffer: impl Fn(u8) -> &'a Buffer,
        program: &'a Program,
    ) -> Self {
        let (code, args) = (&kernel.code, &kernel.args);
        let shape = &args.shape;
        let most = most_points(program);
        let grid = program.rows.map(|dim| Grid::new(shape, dim, most));
        let in_ranges = grid.is_none() && code.reduce.is_none();
        let inner = shape[shape.len() - 1];
        let still = still_steps(program, code, args);
        let (tile, across) = match in_ranges {
            true if !still.is_empty() => {
                let are_few = moving_registers(program, &still) <= 2;
                cut_at_rows(inner, if are_few { FEW_REGISTERS } else { REGISTER } / program.lane)
            }
            true if program.has_rows() => match rows::several_rows(program, shape) {
                Some(tile) => (tile, None),
                // What goes past the cache from where it lies is not to be brought together first.
                None if program.past_cache && (most / 4..=most).contains(&inner) => (inner, None),
                None => part_of(inner, most),
            },
            _ => (most, None),
        };
        let (len, base) = (kernel.len(), args.base);
        let views = SmallVec::new();
        // Views are put where they stay: to move them takes as long as to make them.
        let mut launched = Self {
            program,
            shape,
            len,
            base,
            scalars,
            grid,
            tile,
            across,
            still,
            outer: None,
            views,
        };
        for (c, a) in code.operands.iter().zip(&args.operands) {
            launched.views.push(View::new(buffer(c.buffer), c, a, shape));
        }
        if !launched.still.is_empty() {
            launched.outer = Some(Box::new(launched.rows_as_points()));
        }
        launched
    }

    /// What the still steps run on.
    fn rows_as_points(&self) -> Self {
        let (inner, shape) = match self.shape {
            [inner] => (*inner, &[1][..]),
            [shape @ .., inner] => (*inner, shape),
            [] => unreachable!("a kernel has a dimension"),
        };
        Self {
            program: self.program,
            shape,
            len: self.len / inner,
            base: self.base,
            scalars: self.scalars,
            grid: None,
            tile: self.tile.div_ceil(inner),
            across: None,
            still: SmallVec::new(),
            outer: None,
            views: self.views.iter().map(View::without_inner).collect(),
        }
    }

    /// Of `len` points, over views of as many elements.
    #[inline]
    pub(super) fn flat(
        program: &'a Program,
        len: &'a [usize; 1],
        scalars: &'a [u64],
        views: impl Iterator<Item = View<'a>>,
    ) -> Self {
        let (shape, tile) = (&len[..], len[0].min(most_points(program)));
        let (len, base) = (len[0], 0);
        let (grid, across, still, outer) = (None, None, SmallVec::new(), None);
        let mut launched = Self {
            program,
            shape,
            len,
            base,
            scalars,
            grid,
            tile,
            across,
            still,
            outer,
            views: SmallVec::new(),
        };
        // As in `of`.
        for view in views {
            launched.views.push(view);
        }
        launched
    }

    /// Takes tiles of `len` points, if few registers are to stay in a cache.
    pub(super) fn take_tiles(&mut self, len: usize) {
        if self.grid.is_none() && (1..=2).contains(&self.program.registers) {
            self.tile = len;
        }
    }

    /// Points of all tiles.
    pub(super) fn points(&self) -> usize {
        self.len
    }

    /// Points of a tile.
    pub(super) fn tile(&self) -> usize {
        self.tile
    }

    /// How many tiles there are.
    pub(super) fn tiles(&self) -> usize {
        let inner = self.shape[self.shape.len() - 1];
        match (&self.grid, self.across) {
            (Some(grid), _) => self.len / inner / self.shape[grid.dim] * grid.across * grid.down,
            (None, Some(across)) => self.len / inner * across,
            // To divide takes longer than to look.
            (None, None) if (1..=self.tile).contains(&self.len) => 1,
            (None, None) => self.len.div_ceil(self.tile),
        }
    }

    /// Tile number `i`.
    fn at(&self, i: usize) -> Tile {
        let inner = self.shape[self.shape.len() - 1];
        let Some(grid) = &self.grid else {
            if let Some(across) = self.across {
                let column = i % across * self.tile();
                let len = self.tile().min(inner - column);
                return Tile::range(i / across * inner + column, len);
            }
            let start = i * self.tile();
            return Tile::range(start, self.tile().min(self.len - start));
        };
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
            // Of all lanes, not to the first: a loop that may end early is no vector.
            found |= !all(
                self.read(condition, registers, tile),
                #[inline(always)]
                |byte: u8| byte == 0,
            );
            !found
        });
        found
    }

    /// Runs tile after tile while `then` says to go on.
    fn each_tile(&self, start: usize, end: usize, mut then: impl FnMut(&Registers, Tile) -> bool) {
        self.with_registers(|registers| {
            let asks = !self.program.ahead.is_empty();
            let is_one = end - start == 1;
            let run = if is_one { 1 } else { (STEP / (self.tile() * self.program.lane)).max(1) };
            let tiles = Way::of_launch().over(start..end, run);
            let mut tiles = tiles.map(|i| self.at(i)).peekable();
            while let Some(tile) = tiles.next() {
                let next = if asks { tiles.peek().copied() } else { None };
                self.run_tile(registers, tile, next);
                if !then(registers, tile) {
                    break;
                }
            }
        });
    }

    /// Runs all steps, and asks memory for what the next tile will read meanwhile.
    #[inline]
    fn run_tile(&self, registers: &mut Registers, tile: Tile, next: Option<Tile>) {
        let Some(next) = next else {
            for (number, step) in self.program.steps.iter().enumerate() {
                self.step_of((number, step), registers, tile, Ahead::NOTHING);
            }
            return;
        };
        let runs = self.ahead(next);
        let first = self.program.first_asking();
        let parts = self.program.steps.len() - first;
        for (number, step) in self.program.steps.iter().enumerate() {
            let ahead = match number.checked_sub(first) {
                Some(part) => Ahead::new(&runs, part, parts),
                None => Ahead::NOTHING,
            };
            self.step_of((number, step), registers, tile, ahead);
        }
    }

    /// Runs a step on as many points as are needed: Note [Still steps].
    #[inline]
    fn step_of(
        &self,
        (number, step): (usize, &Step),
        registers: &mut Registers,
        tile: Tile,
        ahead: Ahead<'_>,
    ) {
        match &self.outer {
            Some(outer) if self.still[number] => match *step {
                Step::Fetch { operand, at, out } => {
                    ahead.ask();
                    self.fetch_rows(outer, (operand, at, out), registers, tile);
                }
                _ => outer.step(step, registers, self.rows_of_range(tile), ahead),
            },
            _ => self.step(step, registers, tile, ahead),
        }
    }

    /// Rows, or a part of one, as points of the space that rows are in.
    fn rows_of_range(&self, tile: Tile) -> Tile {
        let inner = self.shape[self.shape.len() - 1];
        Tile::range(tile.start / inner, tile.len.div_ceil(inner))
    }

    /// Whether the tile is of one row of points.
    fn is_in_row(&self, tile: Tile) -> bool {
        let inner = self.shape[self.shape.len() - 1];
        self.grid.is_none() && tile.start % inner + tile.len <= inner
    }

    /// What memory is asked for.
    fn ahead(&self, tile: Tile) -> SmallVec<[Runs; 4]> {
        let operands = self.program.ahead.iter();
        let runs = operands.filter_map(|&operand| {
            let view = &self.views[usize::from(operand)];
            view.runs(self.block(view, tile)?)
        });
        runs.collect()
    }

    /// Calls `body` with the thread's registers, made ready for tiles of this launch.
    pub(super) fn with_registers<R>(&self, body: impl FnOnce(&mut Registers) -> R) -> R {
        // None while the thread ends.
        let mut registers = REGISTERS.try_with(Cell::take).unwrap_or_default();
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
        let _ = REGISTERS.try_with(|kept| kept.set(registers));
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
        self.run_tile(registers, tile, None);
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
        // What is a block lies in one row, or has to be brought together.
        let rows = self.whole_rows(tile).filter(|rows| rows.columns.is_multiple_of(block));
        for step in steps {
            match step {
                Step::GatherRow { row, .. } if rows.is_none() => {
                    self.copy_rows(*row, registers, tile);
                }
                _ => self.step(step, registers, tile, Ahead::NOTHING),
            }
        }
        let rows = rows.unwrap_or(tile);
        let first = self.rows(&Argument { lanes: first, uniform: false }, registers, rows);
        let other = self.rows(other, registers, rows);
        run(into, first, block, bits, Linked { link, other, is_squared });
    }

    /// Calls `fill` with the first `len` elements of an operand, which follow each other. They are the caller's
    /// alone to touch, and no step sees their buffer.
    pub(super) fn fill_first(&self, operand: u8, len: usize, fill: impl FnOnce(&mut [u8])) {
        // SAFETY: the caller's alone, and while values are folded at once no step has a slice of this buffer, see
        // Note [Who may touch what] in `view`.
        fill(unsafe { self.views[usize::from(operand)].slice_mut(0, len) });
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
        unsafe { view.gather(Block::row(0, 1), bytes) };
        match view.size {
            1 => u64::from(bytes[0]),
            2 => u64::from(u16::from_ne_bytes([bytes[0], bytes[1]])),
            4 => u64::from(u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])),
            _ => element[0],
        }
    }
}

/// Points of a tile of a program, at most.
pub(super) fn most_points(program: &Program) -> usize {
    let register = match (program.rows, program.registers) {
        (Some(_), 0..=2) => FEW_BLOCK_REGISTERS,
        (Some(_), _) => BLOCK_REGISTER,
        (None, 0) if matches!(program.steps[..], [Step::Copy { .. }, ..]) => COPIED,
        (None, 0) => NO_REGISTER,
        (None, 1..=2) if program.past_cache => FEW_REGISTERS,
        (None, _) => REGISTER,
    };
    register / program.lane
}

/// Points of a tile of at most `most`, so that tiles end where rows of `len` points do, if that takes no
/// very short ones; and how many tiles a row then is, if the last is shorter than the others.
fn part_of(len: usize, most: usize) -> (usize, Option<usize>) {
    // Of short rows the tiles begin with lines of the cache.
    if len < most / 16 { (most, None) } else { cut_at_rows(len, most) }
}

/// Points of a tile of at most `most` that is some rows of `len` points, or a part of one; and how many tiles
/// a row then is, if the last is shorter than the others.
fn cut_at_rows(len: usize, most: usize) -> (usize, Option<usize>) {
    if len <= most {
        return (most / len * len, None);
    }
    let mut parts = len.div_ceil(most)..=4 * len / most;
    match parts.find(|parts| len.is_multiple_of(*parts)) {
        Some(parts) => (len / parts, None),
        None => {
            let tile = len.div_ceil(len.div_ceil(most)).next_multiple_of(16).min(most);
            (tile, Some(len.div_ceil(tile)))
        }
    }
}
