//! Steps whose lanes are all the same within a row: they run for one point of each.
//!
//! # Note [Still steps]
//! Where rows are fetched whole, as an index or a flip along an outer dimension picks them, the address is the
//! same all along a row. To compute it for each point takes longer than to copy the row. So within a row steps
//! that read nothing which moves along it run for one point, if whoever reads their lanes needs no more:
//! steps of the same kind, and fetches, which then copy as many elements as follow each other. A tile is
//! some rows, or a part of one, and its still steps run on a tile of the space that rows are the points of.

use smallvec::SmallVec;

use super::super::plan::{Argument, Lanes, Place, Program, Step};
use crate::kernel::{Args, Code};

/// Points of a row below which one address for all saves nothing.
const SHORT: usize = 8;

/// Of each step whether it is still, or fetches by an address that is. None if there is no such fetch.
pub(super) fn still_steps(program: &Program, code: &Code, args: &Args) -> SmallVec<[bool; 12]> {
    let inner = args.shape.len() - 1;
    if program.rows.is_some()
        || args.shape[inner] < SHORT
        || code.reduce.is_some()
        || program.result.place != Place::Nowhere
        || !program.steps.iter().any(is_fetch)
    {
        return SmallVec::new();
    }
    let stays = |operand: u8| args.operands[usize::from(operand)].strides[inner] == 0;
    let mut registers: SmallVec<[bool; 12]> = SmallVec::from_elem(false, program.registers);
    let is_still = |lanes: &Lanes, registers: &[bool]| match lanes.place {
        Place::Nowhere => true,
        Place::Register(register) => registers[usize::from(register)],
        Place::Row { operand, .. } => stays(operand),
        Place::Memory(_) => false,
    };
    // What is the same all along a row, from the first step to the last.
    let mut still: SmallVec<[bool; 12]> = SmallVec::new();
    for step in &program.steps {
        let same = |a: &Argument| a.uniform || is_still(&a.lanes, &registers);
        let is_same = match step {
            Step::Gather { operand, .. } => stays(*operand),
            Step::GatherRow { row, .. } => is_still(row, &registers),
            Step::Apply { arguments, past_cache: false, .. } => arguments.iter().all(same),
            Step::Chain { chain, past_cache: false, .. } => {
                same(&chain.first) && chain.links.iter().all(|(_, other)| same(other))
            }
            Step::Fetch { at, .. } => is_still(at, &registers),
            _ => false,
        };
        if let Some(register) = written(step) {
            registers[register] = is_same && !is_fetch(step);
        }
        still.push(is_same && (is_fetch(step) || written(step).is_some()));
    }
    while !settle(program, &mut still) {}
    let fetches = program.steps.iter().zip(&still).any(|(step, still)| *still && is_fetch(step));
    if fetches { still } else { SmallVec::new() }
}

fn is_fetch(step: &Step) -> bool {
    matches!(step, Step::Fetch { .. })
}

/// Takes away steps that are still but for others: those of whose lanes another step reads all, and those that
/// read all lanes of a register. Whether nothing is left to take.
fn settle(program: &Program, still: &mut [bool]) -> bool {
    // Registers all of whose lanes a later step reads, from the last step to the first.
    let mut needed: SmallVec<[bool; 12]> = SmallVec::from_elem(false, program.registers);
    for (step, still) in program.steps.iter().zip(&mut *still).rev() {
        if let Some(register) = written(step) {
            *still &= is_fetch(step) || !needed[register];
            needed[register] = false;
        }
        if !*still {
            for (register, needed) in needed.iter_mut().enumerate() {
                *needed |= step.reads_register(register as u16);
            }
        }
    }
    // Those that have a lane for each point, from the first step to the last.
    let mut has_all: SmallVec<[bool; 12]> = SmallVec::from_elem(false, program.registers);
    let mut is_settled = true;
    for (step, still) in program.steps.iter().zip(still) {
        let reads_all =
            |(register, &has_all): (usize, &bool)| has_all && step.reads_register(register as u16);
        if *still && has_all.iter().enumerate().any(reads_all) {
            (*still, is_settled) = (false, false);
        }
        if let Some(register) = written(step) {
            has_all[register] = !*still || is_fetch(step);
        }
    }
    is_settled
}

/// How many registers hold more than one lane of a row.
pub(super) fn moving_registers(program: &Program, still: &[bool]) -> usize {
    let steps = program.steps.iter().zip(still);
    let moving = steps.filter(|(step, still)| !**still || matches!(step, Step::Fetch { .. }));
    let mut registers: SmallVec<[usize; 12]> =
        moving.filter_map(|(step, _)| written(step)).collect();
    registers.sort_unstable();
    registers.dedup();
    registers.len()
}

/// The register that a step writes.
fn written(step: &Step) -> Option<usize> {
    let out = match step {
        Step::GatherRow { row, .. } => row,
        Step::Apply { out, .. }
        | Step::Chain { out, .. }
        | Step::Gather { out, .. }
        | Step::Fetch { out, .. }
        | Step::FetchBack { out, .. }
        | Step::Index { out }
        | Step::Random { out, .. }
        | Step::Fraction { out, .. } => out,
        Step::Accumulate { .. } | Step::Copy { .. } | Step::Scatter { .. } => return None,
    };
    match out.place {
        Place::Register(register) | Place::Row { register, .. } => Some(register.into()),
        Place::Memory(_) | Place::Nowhere => None,
    }
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::super::super::CpuBackend;
    use super::super::super::plan::{Form, Purpose};
    use super::super::super::tests::{Builder, assert_as_reference, buffer, row_major};
    use super::*;
    use crate::backend::Launch;
    use crate::dtype::{DType, Element};
    use crate::kernel::Expr;
    use crate::ops::Op;

    const SOURCE: usize = 5000;

    /// What a kernel is to do beside.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Beside {
        Nothing,
        StoresAddress,
    }

    /// Fetches elements `column_stride` apart, each row from `3 * index[row] - 1` on, of int32 or int64; twice, to
    /// two buffers.
    fn launches<T: Element>(
        backend: &CpuBackend,
        [rows, columns, column_stride]: [usize; 3],
        index_strides: [usize; 2],
        (beside, int): (Beside, DType),
    ) -> [Launch; 2] {
        let source: Vec<u8> = (0..SOURCE * size_of::<T>()).map(|i| (i * 7 % 61) as u8).collect();
        let source = buffer(backend, &source);
        let last = SOURCE - (columns - 1) * column_stride - 1;
        let index = |i: usize| (i * 37 % (last / 3) + 1).min(last / 3) as i64;
        let index: Vec<i64> = (0..rows * columns).map(index).collect();
        let index = buffer(backend, &index);
        [(); 2].map(|()| {
            let bytes = vec![0_u8; rows * columns * 8];
            let (out, places) = (buffer(backend, &bytes), buffer(backend, &bytes));
            let mut k = Builder::new(&[rows, columns]);
            let [from, at, to, beside_to] = [&source, &index, &out, &places].map(|b| k.buffer(b));
            let from = k.view(from, T::DTYPE, 1, &[0, column_stride]);
            let at = k.view(at, DType::I64, 0, &index_strides);
            let to = k.view(to, T::DTYPE, 0, &row_major(&[rows, columns]));
            let at = k.load(at);
            let at = if int == DType::I32 { k.node(int, Expr::Cast(at)) } else { at };
            let three = k.scalar(int, 3);
            let at = k.node(int, Expr::Binary(Op::Mul, [at, three]));
            let one = k.scalar(int, 1);
            let at = k.node(int, Expr::Binary(Op::Sub, [at, one]));
            let value = k.node(T::DTYPE, Expr::Fetch { operand: from, at });
            k.store(to, value);
            if beside == Beside::StoresAddress {
                let to = k.view(beside_to, int, 0, &row_major(&[rows, columns]));
                k.store(to, at);
            }
            k.launch
        })
    }

    fn check<T: Element>(backend: &CpuBackend) {
        for columns in [1, 7, 8, 30, 64, 131, 1000] {
            for column_stride in [0, 1, 2] {
                for index_strides in [[1, 0], [0, 0], [columns, 1]] {
                    for beside in [
                        (Beside::Nothing, DType::I32),
                        (Beside::Nothing, DType::I64),
                        (Beside::StoresAddress, DType::I32),
                        (Beside::StoresAddress, DType::I64),
                    ] {
                        let sizes = [11, columns, column_stride];
                        let [ours, theirs] = launches::<T>(backend, sizes, index_strides, beside);
                        let what = (T::DTYPE, sizes, index_strides, beside);
                        assert_as_reference(backend, &ours, &theirs, what);
                    }
                }
            }
        }
    }

    #[test]
    fn rows_fetched_by_one_address_are_those_fetched_by_many() {
        let backend = CpuBackend::new();
        check::<f32>(&backend);
        check::<f64>(&backend);
        check::<u8>(&backend);
        check::<half::f16>(&backend);
        check::<bool>(&backend);
    }

    #[test]
    fn steps_are_still_where_one_point_of_a_row_is_enough() {
        let backend = CpuBackend::new();
        let still = |sizes, index_strides, beside| {
            let [Launch { kernel, .. }, _] =
                launches::<f32>(&backend, sizes, index_strides, (beside, DType::I32));
            let form = Form::of(&kernel.code, &kernel.args);
            let program = Program::compile(&kernel.code, form, Purpose::Stores);
            still_steps(&program, &kernel.code, &kernel.args)
        };
        let none: SmallVec<[bool; 12]> = smallvec![];
        // The address's row, its cast, what is computed of it, the fetch; not the store past the cache.
        let all: SmallVec<[bool; 12]> = smallvec![true, true, true, true, false];
        assert_eq!(still([11, 64, 1], [1, 0], Beside::Nothing), all);
        assert_eq!(still([11, 64, 1], [64, 1], Beside::Nothing), none);
        assert_eq!(still([11, SHORT - 1, 1], [1, 0], Beside::Nothing), none);
        // Each point's address is wanted.
        assert_eq!(still([11, 64, 1], [1, 0], Beside::StoresAddress), none);
    }
}
