//! From a kernel's code to the steps that a tile runs.
//!
//! Owns [`Program`]. Every value of a tile lies in a register, an array of lanes that stays in L1, or
//! where that saves a copy in the memory of an operand. A program depends on the code and on what
//! [`Form`] says of the arguments; `programs`, or `flat`, keeps those that were made.
//!
//! # Note [In place]
//! A contiguous operand whose stored form is its lane's is used where it lies, unless its buffer is
//! stored to: then it is copied to a register first. So the last operation before a store may write
//! into the destination itself, if no load of that buffer is still to come and no other store goes
//! there. No step ever sees a slice that it writes and another that overlaps it. And where an operation is
//! on the destination itself, as `add_` is, and nothing else sees that buffer, it folds into the elements.
//!
//! # Note [Stored lanes]
//! An operation whose arguments are loaded, of one dtype, and whose result is only stored may run on the
//! stored forms themselves: see `stored`, and `convert` for casts. Wherever these must lie, in memory or in a
//! register, they are not widened or narrowed. The same goes for some extremes, see `narrow` of `reduce`, and
//! for a half times a number, or divided by one, which is a float32: see `number_loop` of `stored`.
//!
//! # Note [Chains]
//! An operation whose result only one other reads, be it twice as a square, may run in the loop of that
//! one: see `chain` and `fraction`. What the operations of a chain take beside has to be there before it
//! begins; of arguments that are in memory anyway there may be any number, of others so few that all stay
//! in L1.
//!
//! # Note [Backwards]
//! Where a vector is turned around, an element is as far away as a scalar less the point's index says. To compute
//! that for each point takes longer than to copy the elements, so such a fetch computes where a row of them
//! begins, and copies them in the opposite order.
//!
//! # Note [Blocks]
//! Where an operand is transposed, that is nearer to itself along another dimension than along the
//! innermost, a tile is a block of both dimensions, so that of every line of that operand that is
//! brought into the cache all elements are used. No operand is contiguous within such a tile.
//!
//! # Note [Rows of blocks]
//! A chain whose result is all that such a tile stores, to a contiguous operand, runs row by row. What it
//! reads in rows, and what it stores, need no copy then; what is transposed, or comes from steps before, lies
//! in registers.
//!
//! # Note [Ahead]
//! Steps that widen what is in memory read it in bursts, and while the others run nothing comes from there. So
//! each step asks for its share of what the next tile will widen, where all that tiles do is to store. Of
//! blocks each step asks for its share of the next one's columns and rows, as the processor foresees only
//! long rows; a step that runs row by row asks row by row: what is asked for at once waits for each other.
//! What goes past the cache need not be there; long rows of a chain whose result goes there ask by themselves.
//!
//! # Note [Past the cache]
//! Where a kernel touches more than the caches hold, its results go past them: to store into a line that is
//! not there reads it first, which would be a third of the traffic of an addition. Memory that is loaded
//! too is in the cache anyway. A chain stores its vectors there itself; another loop runs piece by piece,
//! each stored while the next one's arguments are on their way. The results of scans go the same way.

mod form;
mod joins;
mod marks;
mod steps;
mod stores;
#[cfg(test)]
mod tests;
mod values;

use smallvec::SmallVec;

use super::chain::{Link, Side, chain_loop};
use super::convert;
use super::lanes::Loop;
use super::ops::{fold_of, loop_of};
use super::stored::stored_loop;
use crate::dtype::Lane;
use crate::kernel::{Class, Code, Expr, Node, OperandCode, Value};
use crate::ops::Op;
pub(super) use form::{Form, bytes_touched};
pub(super) use steps::{Argument, Back, Chain, Draw, Fill, FillValue, Lanes, Place, Step, Summed};
use stores::is_stored;

/// Steps from which on memory is asked ahead: of fewer nearly all the time goes to what widens.
const BURSTS: usize = 3;

/// Links of a chain that runs row by row, at most.
pub(super) const ROW_LINKS: usize = 8;

/// What runs in the loop of the node that reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Join {
    /// The operation on this side, and what runs in its loop.
    Chain(Side),
    /// The operation on both sides, and what runs in its loop.
    Square,
    /// Of a fetch, what its address is computed of: Note [Backwards].
    Back(Back),
    /// Of a cast to a half, the operation on what is loaded and a number: Note [Stored lanes].
    Half,
    /// Of a logical or, both comparisons of one value with bounds.
    Outside,
    /// Of a selection, the cast of what the mask does not replace.
    Mark,
    /// The cast on the left to float32, the logical shift that it casts, and the random words shifted.
    Fraction,
}

/// What the tiles of a launch run.
pub(super) struct Program {
    pub(super) fills: Vec<Fill>,
    pub(super) steps: Vec<Step>,
    pub(super) registers: usize,
    /// What a point takes, about, in steps of plain arithmetic.
    pub(super) work: usize,
    /// Bytes of the widest lane.
    pub(super) lane: usize,
    /// Tiles have rows along this dimension beside the innermost: Note [Blocks].
    pub(super) rows: Option<usize>,
    /// Some stores go past the cache: Note [Past the cache].
    pub(super) past_cache: bool,
    /// The results of a scan do.
    pub(super) scans_past_cache: bool,
    /// Operands of which memory is asked for the next tile: Note [Ahead].
    pub(super) ahead: SmallVec<[u8; 4]>,
    form: Form,
    /// Where the value of a check or of a reduction lies.
    pub(super) result: Lanes,
    /// Of each node, the state of its value while the steps are made.
    values: Vec<State>,
    free: Vec<u16>,
}

#[derive(Clone, Copy)]
struct State {
    needed: bool,
    /// Another expression reads it, not only stores.
    read: bool,
    /// Note [Stored lanes].
    stored: bool,
    /// Runs in the loop of the node that reads it: Note [Chains].
    joined: bool,
    /// Reads of this value as what a chain that stores begins with, or a link takes beside.
    linked: u32,
    /// Arguments of the chain that ends here which have to be computed or copied first.
    waiting: u8,
    /// What runs in this node's loop.
    joins: Option<Join>,
    /// The operand that this operation folds into, or that this load is: Note [In place].
    folds: Option<u8>,
    lanes: Lanes,
    /// Reads of `lanes` that have not been made yet, through this node or others sharing it.
    uses: u32,
    /// The node whose lanes these are, where a cast changes nothing.
    root: Value,
}

/// What a program is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Purpose {
    /// To evaluate and store.
    Stores,
    /// To evaluate the value of the check, which is [`Program::result`] then.
    Check(Value),
    /// To evaluate and store, and to keep the value of the reduction, [`Program::result`].
    Fold(Value),
}

impl Purpose {
    /// What a kernel is run for, after its check.
    pub(super) fn of(code: &Code) -> Self {
        code.reduce.map_or(Self::Stores, |reduce| Self::Fold(reduce.value))
    }

    fn stores(self) -> bool {
        !matches!(self, Self::Check(_))
    }
}

const NOWHERE: Lanes = Lanes { place: Place::Nowhere, size: 0 };

pub(super) fn lane_size(lane: Lane) -> u8 {
    match lane {
        Lane::I32 | Lane::F32 => 4,
        Lane::I64 | Lane::F64 => 8,
    }
}

impl Program {
    /// Makes the steps.
    pub(super) fn compile(code: &Code, form: Form, purpose: Purpose) -> Self {
        let mut program = Self {
            fills: Vec::new(),
            steps: Vec::new(),
            registers: 0,
            work: 0,
            lane: 1,
            rows: form.rows,
            past_cache: false,
            scans_past_cache: false,
            ahead: SmallVec::new(),
            form,
            result: NOWHERE,
            values: Vec::new(),
            free: Vec::new(),
        };
        program.find_needed(code, purpose);
        program.find_stored(code, purpose);
        program.find_folds(code, purpose);
        program.find_joins(code, purpose);
        program.find_chains(code, purpose);
        for i in 0..code.nodes.len() {
            if program.values[i].needed && !program.values[i].joined {
                let size = program.size(code, i);
                program.lane = program.lane.max(usize::from(size));
                program.evaluate(code, i, purpose);
            }
            if let Expr::Load(operand) = code.nodes[i].expr
                && program.values[i].needed
                && program.rows.is_some()
            {
                program.ahead.push(operand);
            }
        }
        if purpose.stores() {
            for store in &code.stores {
                program.store(code, store.operand, store.value);
                let is_strided = code.operands[usize::from(store.operand)].class == Class::Strided;
                if program.rows.is_some() && is_strided {
                    program.ahead.push(store.operand);
                }
            }
        }
        if let (Purpose::Fold(_), Some(reduce)) = (purpose, &code.reduce)
            && reduce.scan
        {
            program.scans_past_cache = program.is_past_cache(code, reduce.operand);
            program.past_cache |= program.scans_past_cache;
        }
        if let Purpose::Check(value) | Purpose::Fold(value) = purpose {
            program.result = program.values[usize::from(value)].lanes;
        }
        program.join_rows(code);
        let is_copy = |step: &Step| matches!(step, Step::Copy { .. });
        let are_copies = !program.steps.is_empty() && program.steps.iter().all(is_copy);
        if are_copies && purpose == Purpose::Stores {
            // What was to be gathered there is not.
            program.registers = 0;
        }
        let are_few = program.steps.len() < BURSTS || purpose != Purpose::Stores;
        if program.rows.is_none() && are_few {
            program.ahead.clear();
        }
        program.work = program.steps.len().max(1) + program.extra_work(code);
        program
    }

    /// Note [Rows of blocks], and Note [Whole rows] of `tile`.
    fn join_rows(&mut self, code: &Code) {
        if self.form.by_row
            && let [
                ..,
                Step::Chain { chain, out, past_cache },
                Step::Scatter { operand, value, past_cache: past },
            ] = &mut self.steps[..]
            && let Place::Register(register) = out.place
            && out.place == value.place
            && chain.links.len() <= ROW_LINKS
            && code.operands[usize::from(*operand)].class == Class::Contiguous
        {
            out.place = Place::Row { operand: *operand, register, same: false };
            *past_cache = *past;
            self.steps.pop();
        }
        let takes_rows = |step: &Step| match (self.rows, self.form.by_row) {
            (Some(_), by_row) => by_row && step.goes_by_rows(),
            (None, _) => matches!(step, Step::Chain { .. }),
        };
        for i in 0..self.steps.len() {
            let Step::GatherRow { row, .. } = &self.steps[i] else { continue };
            let place = row.place;
            let is_block = self.result.place == place
                || self.steps.iter().any(|step| step.reads(place) && !takes_rows(step));
            if let Step::GatherRow { as_block, .. } = &mut self.steps[i] {
                *as_block = is_block;
            }
        }
    }

    /// Bytes of a lane of node `i`.
    fn size(&self, code: &Code, i: usize) -> u8 {
        let dtype = code.nodes[i].dtype;
        if self.values[i].stored { dtype.size() as u8 } else { lane_size(dtype.lane()) }
    }

    /// What a chain computes last, if [`LinkedSums`](super::blocks::LinkedSums) can sum it and nobody else
    /// wants it, and the steps before it.
    pub(super) fn summed(&self) -> Option<(Summed<'_>, &[Step])> {
        let (last, before) = self.steps.split_last()?;
        let Step::Chain { chain, out, past_cache: false } = last else { return None };
        // In memory it is a store too.
        if out.place != self.result.place || !matches!(out.place, Place::Register(_)) {
            return None;
        }
        let ((link, other), is_squared) = match &chain.links[..] {
            [first] if first.0 != Link::Square => (first, false),
            [first @ (Link::Sub | Link::SubFrom, _), (Link::Square, _)] => (first, true),
            _ => return None,
        };
        Some((Summed { first: chain.first.lanes, link: *link, other, is_squared }, before))
    }

    /// The first step that asks memory for the next tile: the one that runs row by row, if there is one.
    pub(super) fn first_asking(&self) -> usize {
        self.steps.iter().position(Step::goes_by_rows).unwrap_or(0)
    }

    /// Whether some operands are used where they lie within rows only.
    pub(super) fn has_rows(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::GatherRow { .. }))
    }

    /// Whether there are such operands, and chains alone read them.
    pub(super) fn chains_rows(&self) -> bool {
        let is_copied = |step: &Step| matches!(step, Step::GatherRow { as_block: true, .. });
        self.has_rows() && !self.steps.iter().any(is_copied)
    }
}

/// Whether a node can be a link of a chain.
fn is_link(code: &Code, i: usize) -> bool {
    let Node { expr, dtype } = code.nodes[i];
    let Expr::Binary(op, _) = expr else { return false };
    chain_loop(dtype).is_some() && Link::of(op, Side::Left, dtype).is_some()
}

/// The cast, shift and words that a [`Join::Fraction`] is of, if this value is their cast, and what they are
/// shifted by.
fn fraction_of(code: &Code, cast: Value) -> Option<([Value; 3], Value)> {
    let expr_of = |value: Value| code.nodes[usize::from(value)].expr;
    let Expr::Cast(shift) = expr_of(cast) else { return None };
    let Expr::Binary(Op::ShiftRightLogical, [word, count]) = expr_of(shift) else { return None };
    let is_random = matches!(expr_of(word), Expr::Random { .. });
    let is_scalar = matches!(expr_of(count), Expr::Scalar(_));
    (is_random && is_scalar).then_some(([cast, shift, word], count))
}
