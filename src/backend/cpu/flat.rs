//! Small launches: one tile of contiguous elements, run where it is asked for.
//!
//! Owns [`FlatKernel`], a program with what remains to be known of it. Of a small tensor, to look a program up,
//! to say how each operand walks and to keep its buffers takes longer than to run it; here there are
//! only the views to make. And where one loop from memory to memory is all that a program is, it is called.
#![allow(unsafe_code, reason = "uses views, for the elements of the only tile")]

use smallvec::SmallVec;

use super::chain::{ChainLoop, Link, Out};
use super::lanes::Loop;
use super::plan::{Argument, Form, Lanes, Place, Program, Purpose, Step};
use super::run::are_worth_threads;
use super::tile::{Launched, most_points};
use super::view::View;
use crate::backend::{Buffer, Flat, FlatArgs};
use crate::kernel::SharedCode;

/// See the module.
pub(super) struct FlatKernel {
    program: Program,
    only: Option<Only>,
    operands: SmallVec<[Operand; 4]>,
    /// Points of a tile.
    most: usize,
    /// Bytes of all buffers for each point.
    bytes: usize,
}

/// Where an operand's elements lie.
#[derive(Clone, Copy)]
struct Operand {
    buffer: u8,
    /// Bytes of an element.
    size: u8,
}

/// The only step of a program, if all that it reads and writes is in memory.
enum Only {
    Apply(Loop, SmallVec<[u8; 3]>, u8),
    Chain(ChainLoop, u8, (Link, u8), u8),
}

impl Only {
    fn of(program: &Program) -> Option<Self> {
        let operand = |lanes: &Lanes| match lanes.place {
            Place::Memory(operand) => Some(operand),
            _ => None,
        };
        match &program.steps[..] {
            [Step::Apply { run, arguments, out, round: None, past_cache: false }] => {
                let given = arguments.iter().filter(|lanes| lanes.place != Place::Nowhere);
                let arguments = given.map(operand).collect::<Option<_>>()?;
                Some(Self::Apply(*run, arguments, operand(out)?))
            }
            [Step::Chain { chain, out, past_cache: false }] => {
                let [(link, Argument { lanes, .. })] = &chain.links[..] else { return None };
                let other = operand(lanes)?;
                let first = operand(&chain.first.lanes)?;
                Some(Self::Chain(chain.run, first, (*link, other), operand(out)?))
            }
            _ => None,
        }
    }
}

impl FlatKernel {
    pub(super) fn new(code: &SharedCode) -> Self {
        let program = Program::compile(code, Form::FLAT, Purpose::Stores);
        let most = most_points(&program);
        let only = Only::of(&program);
        let operands: SmallVec<[_; 4]> = code
            .operands
            .iter()
            .map(|operand| Operand { buffer: operand.buffer, size: operand.dtype.size() as u8 })
            .collect();
        let mut seen: SmallVec<[Operand; 4]> = SmallVec::new();
        for operand in &operands {
            if seen.iter().all(|other| other.buffer != operand.buffer) {
                seen.push(*operand);
            }
        }
        let bytes = seen.iter().map(|operand| usize::from(operand.size)).sum();
        Self { program, only, operands, most, bytes }
    }
}

impl Flat for FlatKernel {
    fn run(&self, FlatArgs { len, offset, scalars, buffers }: FlatArgs<'_>) -> bool {
        let is_one_tile = len <= self.most && !are_worth_threads(&self.program, len);
        if !is_one_tile || Form::is_past_cache(len * self.bytes) {
            return false;
        }
        let view = |operand: Operand| {
            let buffer: &Buffer = buffers[usize::from(operand.buffer)];
            View::flat(buffer, operand.size.into(), (offset, len))
        };
        let operand = |number: &u8| view(self.operands[usize::from(*number)]);
        match &self.only {
            Some(Only::Chain(run, first, (link, other), out)) => {
                let (first, other, out) = (operand(first), operand(other), operand(out));
                // SAFETY: the elements of all points, which this thread alone runs; by Note [In place] the step
                // writes none that it reads.
                unsafe {
                    let links = [(*link, other.slice(0, len))];
                    run(Out::Cached(out.slice_mut(0, len)), 0, first.slice(0, len), &links);
                }
            }
            Some(Only::Apply(run, arguments, out)) => {
                let arguments: SmallVec<[_; 3]> = arguments.iter().map(operand).collect();
                let out = operand(out);
                let argument = |i: usize| match arguments.get(i) {
                    // SAFETY: as above.
                    Some(view) => unsafe { view.slice(0, len) },
                    None => &[],
                };
                let [a, b, c] = [0, 1, 2].map(argument);
                // SAFETY: as above.
                run(unsafe { out.slice_mut(0, len) }, a, b, c);
            }
            None => {
                let views = self.operands.iter().map(|&operand| view(operand));
                Launched::flat(&self.program, &[len], scalars, views).run(0, 1);
            }
        }
        true
    }
}
