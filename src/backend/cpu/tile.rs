//! One tile: consecutive points, few enough that their lanes stay in L1.
//!
//! Owns [`Launched`], a program with its operands, and the registers it runs in, which each thread
//! keeps. A tile is a range of linear indices: it spans rows where the inner dimension is short.
#![allow(unsafe_code, reason = "uses views, for the elements of the tile it runs")]

use std::cell::Cell;

use bytemuck::{Pod, Zeroable, cast_slice, cast_slice_mut};
use smallvec::SmallVec;

use super::convert;
use super::plan::{FillValue, Lanes, Place, Program, Step};
use super::random;
use super::view::{Run, View};
use crate::backend::Launch;
use crate::dtype::DType;
use crate::kernel::Dims;

/// Bytes of a register.
pub(super) const REGISTER: usize = 4096;

/// The widest vector, so that registers are aligned to it.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// Registers of one thread.
type Registers = Vec<Vec<Line>>;

thread_local! {
    static REGISTERS: Cell<Registers> = const { Cell::new(Vec::new()) };
}

/// Consecutive points.
#[derive(Clone, Copy)]
struct Tile {
    start: usize,
    len: usize,
}

/// A program and what it runs on.
pub(super) struct Launched<'a> {
    pub(super) program: &'a Program,
    shape: &'a [usize],
    base: u64,
    views: SmallVec<[View<'a>; 8]>,
}

impl<'a> Launched<'a> {
    pub(super) fn new(launch: &'a Launch, program: &'a Program) -> Self {
        let (code, args) = (&launch.kernel.code, &launch.kernel.args);
        let views = code.operands.iter().zip(&args.operands);
        let views = views
            .map(|(c, a)| View::new(&launch.buffers[usize::from(c.buffer)], c, a, &args.shape))
            .collect();
        Self { program, shape: &args.shape, base: args.base, views }
    }

    /// Points of a tile.
    pub(super) fn tile(&self) -> usize {
        REGISTER / self.program.lane
    }

    /// Runs the points `start .. end`.
    pub(super) fn run(&self, start: usize, end: usize) {
        self.each_tile(start, end, |_, _| true);
    }

    /// Whether `condition`, a bool value of the program, is true at a point of `start .. end`.
    pub(super) fn any(&self, start: usize, end: usize, condition: Lanes) -> bool {
        let mut found = false;
        self.each_tile(start, end, |registers, at| {
            let lanes = self.read(condition, registers, at);
            found |= lanes.iter().any(|&byte| byte != 0);
            !found
        });
        found
    }

    /// Runs tile after tile while `then` says to go on.
    fn each_tile(&self, start: usize, end: usize, mut then: impl FnMut(&Registers, Tile) -> bool) {
        let mut registers = REGISTERS.take();
        while registers.len() < self.program.registers {
            registers.push(vec![Line::zeroed(); REGISTER / size_of::<Line>()]);
        }
        let tile = self.tile();
        self.fill(&mut registers, tile.min(end - start));
        let mut at = start;
        while at < end {
            let len = tile.min(end - at);
            let tile = Tile { start: at, len };
            for step in &self.program.steps {
                self.step(step, &mut registers, tile);
            }
            if !then(&registers, tile) {
                break;
            }
            at += len;
        }
        REGISTERS.set(registers);
    }

    fn fill(&self, registers: &mut Registers, len: usize) {
        for fill in &self.program.fills {
            let bits = match fill.value {
                FillValue::Bits(bits) => bits,
                FillValue::Element { operand, dtype } => self.element(operand, dtype),
            };
            let Place::Register(register) = fill.out.place else {
                unreachable!("what is the same everywhere is in a register")
            };
            let bytes: &mut [u8] = cast_slice_mut(&mut registers[usize::from(register)]);
            match fill.out.size {
                4 => cast_slice_mut::<u8, u32>(bytes)[..len].fill(bits as u32),
                _ => cast_slice_mut::<u8, u64>(bytes)[..len].fill(bits),
            }
        }
    }

    /// The lane of an operand's first element.
    fn element(&self, operand: u8, dtype: DType) -> u64 {
        let view = &self.views[usize::from(operand)];
        let mut element = [0_u64];
        let bytes = &mut cast_slice_mut::<u64, u8>(&mut element)[..view.size];
        // SAFETY: an element of the operand at every point.
        unsafe { view.gather(Run { offset: 0, stride: 0, len: 1 }, bytes) };
        let bits = match view.size {
            1 => u64::from(bytes[0]),
            2 => u64::from(u16::from_ne_bytes([bytes[0], bytes[1]])),
            4 => u64::from(u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])),
            _ => element[0],
        };
        convert::scalar_lane(dtype, bits)
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
            Place::Nowhere => unreachable!("every step writes somewhere"),
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
            Step::Apply { run, arguments, out, round } => {
                self.write(out, registers, tile, |out, registers| {
                    let [a, b, c] = arguments.map(|lanes| self.read(lanes, registers, tile));
                    run(out, a, b, c);
                    if let Some(round) = round {
                        round(out);
                    }
                });
            }
            Step::Gather { operand, out } => {
                let view = &self.views[usize::from(operand)];
                self.write(out, registers, tile, |out, _| {
                    each_run(self.shape, view.strides, tile, |lane, run| {
                        let bytes = lane * view.size..(lane + run.len) * view.size;
                        // SAFETY: elements of this tile.
                        unsafe { view.gather(run, &mut out[bytes]) };
                    });
                });
            }
            Step::Scatter { operand, value } => {
                let view = &self.views[usize::from(operand)];
                let value = self.read(value, registers, tile);
                each_run(self.shape, view.strides, tile, |lane, run| {
                    let bytes = lane * view.size..(lane + run.len) * view.size;
                    // SAFETY: elements of this tile, of an operand that is stored to.
                    unsafe { view.scatter(run, &value[bytes]) };
                });
            }
            Step::Index { out } => {
                let first = self.base.wrapping_add(tile.start as u64);
                self.write(out, registers, tile, |bytes, _| match out.size {
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
                });
            }
            Step::Random { word, words, seed, offset, out } => {
                let first = self.base.wrapping_add(tile.start as u64);
                self.write(out, registers, tile, |bytes, _| {
                    random::fill(cast_slice_mut(bytes), seed, offset, first, words, word);
                });
            }
        }
    }
}

/// Calls `visit` with the elements of a strided operand that the tile sees, in runs along the inner
/// dimension; the first argument is the lane of the run's first.
#[inline(always)]
fn each_run(shape: &[usize], strides: &[usize], tile: Tile, mut visit: impl FnMut(usize, Run)) {
    let inner = shape.len() - 1;
    let (size, stride) = (shape[inner], strides[inner]);
    let mut index: Dims = SmallVec::from_elem(0, shape.len());
    let mut rest = tile.start;
    let mut offset = 0;
    for d in (0..shape.len()).rev() {
        index[d] = rest % shape[d];
        rest /= shape[d];
        offset += index[d] * strides[d];
    }
    let mut lane = 0;
    let mut at = index[inner];
    offset -= at * stride;
    loop {
        let len = (size - at).min(tile.len - lane);
        visit(lane, Run { offset: offset + at * stride, stride, len });
        lane += len;
        if lane == tile.len {
            return;
        }
        at = 0;
        for d in (0..inner).rev() {
            index[d] += 1;
            offset += strides[d];
            if index[d] < shape[d] {
                break;
            }
            offset -= index[d] * strides[d];
            index[d] = 0;
        }
    }
}
