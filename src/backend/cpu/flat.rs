//! Small launches over contiguous elements: one tile, run where it is asked for.
//!
//! Owns [`FlatKernel`], a program and where its operands lie. Of a small tensor, to look a program up, to say
//! how each operand walks and to keep its buffers takes longer than to run it; here there are only the
//! views to make. And where one loop from memory to memory is all that a program is, it is called.
#![allow(unsafe_code, reason = "uses views, for the elements of the only tile")]

use smallvec::SmallVec;

use super::chain::{ChainLoop, Link, Out};
use super::lanes::Loop;
use super::plan::{Argument, Form, Lanes, Place, Program, Purpose, Step};
use super::tile::{Launched, most_points};
use super::view::{Rows, View};
use crate::backend::{Buffer, Flat, FlatArgs};
use crate::kernel::Code;

/// See the module.
pub(super) struct FlatKernel {
    program: Program,
    only: Option<Only>,
    operands: SmallVec<[Operand; 4]>,
    /// Points of a tile, at most.
    most: usize,
}

/// Where an operand's elements lie.
#[derive(Clone, Copy)]
struct Operand {
    buffer: u8,
    /// Bytes of an element.
    size: u8,
}

/// The only step of a program, if all that it reads and writes are operands.
enum Only {
    Apply { run: Loop, arguments: SmallVec<[u8; 3]>, out: u8 },
    Chain { run: ChainLoop, first: u8, link: Link, other: u8, out: u8 },
}

impl Only {
    fn of(program: &Program) -> Option<Self> {
        let operand = |lanes: &Lanes| match lanes.place {
            Place::Memory(operand) => Some(operand),
            _ => None,
        };
        match &program.steps[..] {
            [Step::Apply { run, arguments, out, round: None, past_cache: false }] => {
                let given = arguments.iter().map(|argument| &argument.lanes);
                let given = given.filter(|lanes| lanes.place != Place::Nowhere);
                let arguments = given.map(operand).collect::<Option<_>>()?;
                Some(Self::Apply { run: *run, arguments, out: operand(out)? })
            }
            [Step::Chain { chain, out, past_cache: false }] => {
                let [(link, Argument { lanes: other, .. })] = &chain.links[..] else { return None };
                let first = operand(&chain.first.lanes)?;
                let (other, out) = (operand(other)?, operand(out)?);
                Some(Self::Chain { run: chain.run, first, link: *link, other, out })
            }
            _ => None,
        }
    }
}

impl FlatKernel {
    pub(super) fn new(code: &Code) -> Self {
        let program = Program::compile(code, Form::FLAT, Purpose::Stores);
        let operands = code.operands.iter();
        let operands =
            operands.map(|o| Operand { buffer: o.buffer, size: o.dtype.size() as u8 }).collect();
        let (only, most) = (Only::of(&program), most_points(&program));
        Self { program, only, operands, most }
    }
}

impl Flat for FlatKernel {
    fn run(&self, FlatArgs { len, offset, scalars, buffers }: FlatArgs<'_>) -> bool {
        // Neither threads nor what goes past the cache come into question for one tile.
        if len > self.most {
            return false;
        }
        let view = |operand: Operand| {
            let buffer: &Buffer = buffers[usize::from(operand.buffer)];
            View::flat(buffer, operand.size.into(), (offset, len))
        };
        let operand = |number: &u8| view(self.operands[usize::from(*number)]);
        match &self.only {
            Some(Only::Chain { run, first, link, other, out }) => {
                let (first, other, out) = (operand(first), operand(other), operand(out));
                // SAFETY: the elements of all points, which this thread alone runs; by Note [In place] the step
                // writes none that it reads.
                unsafe {
                    let links = [(*link, Rows::one(other.slice(0, len)))];
                    let first = Rows::one(first.slice(0, len));
                    run(Out::Cached(out.slice_mut(0, len)), (0, 0), first, &links);
                }
            }
            Some(Only::Apply { run, arguments, out }) => {
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
