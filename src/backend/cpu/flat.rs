//! Small launches over contiguous elements, run where they are asked for.
//!
//! Owns [`FlatKernel`], a program and where its operands lie. Of a small tensor, to look a program up, to say
//! how each operand walks and to keep its buffers takes longer than to run it; here its operands are slices. Where
//! one loop from memory to memory is all that a program is, it is called; others need views of them.
#![allow(unsafe_code, reason = "makes slices of memory, for the elements of all points")]

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use bytemuck::bytes_of;
use smallvec::SmallVec;

use super::chain::{FlatLoop, Link, flat_loop};
use super::lanes::Loop;
use super::ops::loop_of;
use super::plan::{Argument, Fill, FillValue, Form, Lanes, Place, Program, Purpose, Step};
use super::run::is_small;
use super::sweep::Way;
use super::tile::{Launched, most_points};
use super::view::{View, flat, flat_mut};
use crate::backend::{Buffer, Flat, FlatArgs};
use crate::dtype::DType;
use crate::kernel::{Code, OperandCode};

/// Bytes of all operands up to which they are in the first cache, whichever way a launch goes.
const WHOLE: usize = if cfg!(test) { 1 << 9 } else { 40 << 10 };

/// Bytes of a part of a larger result.
const PIECE: usize = if cfg!(test) { 1 << 8 } else { 1 << 12 };

/// Links of a chain that waits for memory; of more, what each piece costs counts.
const MOST_LINKS: usize = 4;

/// See the module.
pub(super) struct FlatKernel {
    program: Program,
    only: Option<Only>,
    /// Those of a program that is more than [`Only`] a step.
    operands: SmallVec<[Operand; 4]>,
    /// Bytes of all operands at a point.
    bytes: usize,
    /// Points of a tile, at most.
    most: usize,
}

/// Where an operand's elements lie.
#[derive(Clone, Copy)]
struct Operand {
    buffer: u8,
    dtype: DType,
}

impl Operand {
    fn of(code: &OperandCode) -> Self {
        Self { buffer: code.buffer, dtype: code.dtype }
    }
}

/// The only step of a program, if all that it reads and writes are operands.
enum Only {
    Apply { run: Loop, arguments: [Option<Operand>; 3], out: Operand },
    Chain { run: FlatLoop, first: Operand, links: SmallVec<[(Link, Other); 4]>, out: Operand },
}

/// What a link takes.
#[derive(Clone, Copy)]
enum Other {
    Operand(Operand),
    /// A scalar of the kernel.
    Number(u8),
    Nothing,
}

impl Only {
    fn of(program: &Program, code: &Code) -> Option<Self> {
        let operand = |lanes: &Lanes| match lanes.place {
            Place::Memory(operand) => Some(Operand::of(&code.operands[usize::from(operand)])),
            _ => None,
        };
        match &program.steps[..] {
            [Step::Apply { run, arguments, out, round: None, past_cache: false }] => {
                let given = arguments.iter().map(|argument| &argument.lanes);
                let given = given.filter(|lanes| lanes.place != Place::Nowhere);
                let given: SmallVec<[Operand; 3]> = given.map(operand).collect::<Option<_>>()?;
                let arguments = [0, 1, 2].map(|i| given.get(i).copied());
                Some(Self::Apply { run: *run, arguments, out: operand(out)? })
            }
            [Step::Chain { chain, out, past_cache: false }] => {
                let other = |argument: &Argument| match argument.lanes.place {
                    Place::Memory(_) => operand(&argument.lanes).map(Other::Operand),
                    Place::Register(_) if argument.uniform => {
                        let is_it = |fill: &&Fill| fill.out.place == argument.lanes.place;
                        let fill = program.fills.iter().find(is_it)?;
                        match fill.value {
                            // As it is in a lane.
                            FillValue::Scalar {
                                scalar,
                                dtype: DType::F32 | DType::F64 | DType::I32 | DType::I64,
                            } => Some(Other::Number(scalar)),
                            _ => None,
                        }
                    }
                    Place::Nowhere => Some(Other::Nothing),
                    _ => None,
                };
                let (first, out) = (operand(&chain.first.lanes)?, operand(out)?);
                let links =
                    chain.links.iter().map(|(link, argument)| Some((*link, other(argument)?)));
                let links: SmallVec<[_; 4]> = links.collect::<Option<_>>()?;
                let other = match links[..] {
                    [(_, Other::Operand(other))] => other,
                    [(_, Other::Nothing)] => first,
                    _ => {
                        let run = flat_loop(out.dtype)?;
                        return Some(Self::Chain { run, first, links, out });
                    }
                };
                // One operation has a loop of its own, which looks at no links.
                let (op, side) = links[0].0.row();
                let (left, right) = side.of([first, other]);
                let run = loop_of(op, out.dtype);
                Some(Self::Apply { run, arguments: [Some(left), Some(right), None], out })
            }
            _ => None,
        }
    }
}

/// So many of the lower bytes of a number.
fn low(bits: &u64, bytes: usize) -> &[u8] {
    let all = bytes_of(bits);
    if cfg!(target_endian = "big") { &all[all.len() - bytes..] } else { &all[..bytes] }
}

/// Some of `len` elements.
fn elements<'a>(bytes: &'a [u8], len: usize, some: &Range<usize>) -> &'a [u8] {
    let size = bytes.len() / len;
    &bytes[some.start * size..some.end * size]
}

/// Whether the last launch in pieces went from the end to the start.
static LAST: AtomicBool = AtomicBool::new(false);

/// Calls `run` with parts of `len` elements of a result, and which these are: Note [To and fro].
fn each_piece(len: usize, out: &mut [u8], mut run: impl FnMut(&mut [u8], Range<usize>)) {
    let size = out.len() / len;
    let most = PIECE / size;
    for i in Way::turn(&LAST).over(0..len.div_ceil(most), 1) {
        let piece = i * most..len.min((i + 1) * most);
        run(&mut out[piece.start * size..piece.end * size], piece);
    }
}

impl FlatKernel {
    pub(super) fn new(code: &Code) -> Self {
        let program = Program::compile(code, Form::FLAT, Purpose::Stores);
        let operands = code.operands.iter().map(Operand::of).collect();
        let bytes = code.operands.iter().map(|operand| operand.dtype.size()).sum();
        let (only, most) = (Only::of(&program, code), most_points(&program));
        Self { program, only, operands, bytes, most }
    }
}

impl Flat for FlatKernel {
    fn run(&self, FlatArgs { len, offset, scalars, buffers }: FlatArgs<'_>) -> bool {
        // For one tile, or few points, neither threads nor what goes past the cache come into question.
        if len > self.most && !is_small(len, &self.program) {
            return false;
        }
        let place = |operand: &Operand| {
            let buffer: &Buffer = buffers[usize::from(operand.buffer)];
            (buffer, operand.dtype.size(), (offset, len))
        };
        let operand = |operand: &Operand| {
            let (buffer, size, place) = place(operand);
            // SAFETY: the launch is this thread's alone, and by Note [In place], which `Only` goes by, its one step
            // reads no buffer that it stores to.
            unsafe { flat(buffer, size, place) }
        };
        let result = |out: &Operand| {
            let (buffer, size, place) = place(out);
            // SAFETY: as above, and there is one result.
            unsafe { flat_mut(buffer, size, place) }
        };
        let is_whole = len * self.bytes <= WHOLE;
        match &self.only {
            Some(Only::Chain { run, first, links, out }) => {
                let (first, size) = (operand(first), first.dtype.size());
                let taken = |other: &Other| match other {
                    Other::Operand(other) => operand(other),
                    Other::Number(scalar) => low(&scalars[usize::from(*scalar)], size),
                    Other::Nothing => &[],
                };
                let link = |number: usize| {
                    let (link, other) = &links[number];
                    (*link, taken(other))
                };
                let (out, count) = (result(out), links.len());
                if is_whole || count > MOST_LINKS {
                    run(out, first, count, &link);
                } else {
                    each_piece(len, out, |out, piece| {
                        let link = |number: usize| match links[number] {
                            (link, Other::Operand(other)) => {
                                (link, elements(operand(&other), len, &piece))
                            }
                            _ => link(number),
                        };
                        run(out, elements(first, len, &piece), count, &link);
                    });
                }
            }
            Some(Only::Apply { run, arguments, out }) => {
                let argument = |given: &Option<Operand>| given.as_ref().map_or(&[][..], operand);
                let [a, b, c] = arguments;
                let (a, b, c, out) = (argument(a), argument(b), argument(c), result(out));
                if is_whole {
                    run(out, a, b, c);
                } else {
                    each_piece(len, out, |out, piece| {
                        let [a, b, c] = [a, b, c].map(|bytes| elements(bytes, len, &piece));
                        run(out, a, b, c);
                    });
                }
            }
            None => {
                let views = self.operands.iter().map(|operand| {
                    let (buffer, size, place) = place(operand);
                    View::flat(buffer, size, place)
                });
                let len = [len];
                let launched = Launched::flat(&self.program, &len, scalars, views);
                launched.run(0, launched.tiles());
            }
        }
        true
    }
}
