//! One launch: its check, its stores, on as many threads as it is worth.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use smallvec::SmallVec;

use super::plan::{Program, Purpose, bytes_touched};
use super::programs::program;
use super::reduce;
use super::sweep;
use super::threads;
use super::tile::Launched;
use super::whole;
use crate::backend::Launch;
use crate::kernel::{Expr, Kernel, Value, debug_verify};

/// Points a thread is given at least, times what each takes: below, waking threads costs more than it saves.
const GRAIN: usize = if cfg!(test) { 1 << 11 } else { 1 << 15 };

/// Who may run parts of a launch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Threads {
    All,
    One,
}

/// Runs a launch, or a band of one, on this thread alone; it has no check and is not over whole tensors.
pub(super) fn run_here(launch: &Launch, program: &Program) {
    if let Some(reduce) = &launch.kernel.code.reduce {
        return reduce::run(launch, reduce, program, Threads::One);
    }
    let launched = Launched::new(launch, program);
    launched.run(0, launched.tiles());
}

/// Runs a launch; returns the code of its check if that failed.
pub(super) fn run(launch: &Launch) -> Option<u32> {
    debug_verify(&launch.kernel, launch.buffers.len());
    sweep::begin(bytes_touched(&launch.kernel.code, &launch.kernel.args));
    if let Some(whole) = launch.kernel.code.whole {
        return whole::run(launch, whole);
    }
    let failed = check(launch);
    if failed.is_none() {
        let program = program(&launch.kernel, Purpose::of(&launch.kernel.code));
        if let Some(reduce) = &launch.kernel.code.reduce {
            reduce::run(launch, reduce, &program, Threads::All);
        } else {
            let launched = Launched::new(launch, &program);
            each_part(&launched, |start, end| launched.run(start, end));
        }
    }
    failed
}

/// The kernel over as many points as its check tells apart: of a dimension along which nothing moves that
/// the check reads, as along the rows that an index picks, one.
pub(super) fn checked(kernel: &Kernel, value: Value) -> Kernel {
    let (code, mut args) = (&kernel.code, kernel.args.clone());
    let mut needed = vec![false; code.nodes.len()];
    needed[usize::from(value)] = true;
    let mut still: SmallVec<[bool; 4]> = args.shape.iter().map(|_| true).collect();
    for (i, node) in code.nodes.iter().enumerate().rev() {
        if !needed[i] {
            continue;
        }
        match node.expr {
            Expr::Load(operand) => {
                let strides = &args.operands[usize::from(operand)].strides;
                still.iter_mut().zip(strides).for_each(|(still, stride)| *still &= *stride == 0);
            }
            Expr::Index | Expr::Random { .. } | Expr::Fetch { .. } => still.fill(false),
            _ => {}
        }
        node.expr.arguments().into_iter().for_each(|node| needed[usize::from(node)] = true);
    }
    let sizes = args.shape.iter_mut();
    sizes.zip(still).filter(|(_, still)| *still).for_each(|(size, _)| *size = 1);
    Kernel { code: code.clone(), args }
}

fn check(launch: &Launch) -> Option<u32> {
    let check = launch.kernel.code.check?;
    let kernel = &checked(&launch.kernel, check.value);
    let program = program(kernel, Purpose::Check(check.value));
    let buffer = |number: u8| &launch.buffers[usize::from(number)];
    let launched = Launched::of(kernel, &kernel.args.scalars, buffer, &program);
    let condition = program.result;
    let found = AtomicBool::new(false);
    each_part(&launched, |start, end| {
        if !found.load(Relaxed) && launched.any(start, end, condition) {
            found.store(true, Relaxed);
        }
    });
    found.into_inner().then_some(kernel.args.check)
}

/// Calls `part` for ranges that together are all tiles, on several threads if that pays.
fn each_part(launched: &Launched<'_>, part: impl Fn(usize, usize) + Sync) {
    let tiles = launched.tiles();
    each_range(tiles, parts(launched), part);
}

/// Calls `part` for `parts` ranges that together are `0 .. len`.
pub(super) fn each_range(len: usize, parts: usize, part: impl Fn(usize, usize) + Sync) {
    let parts = parts.min(len);
    if parts < 2 {
        return part(0, len);
    }
    let bound = |i| threads::bound(i, parts, len);
    threads::each(parts, |i| part(bound(i), bound(i + 1)));
}

/// How many parts the points are worth: a few a thread, so that one that is late holds up little.
pub(super) fn parts(launched: &Launched<'_>) -> usize {
    threads::parts(grains(launched.points(), launched.program), 4)
}

/// Whether so many points are worth one part on any machine.
pub(super) fn is_small(points: usize, program: &Program) -> bool {
    grains(points, program) <= 1
}

fn grains(points: usize, program: &Program) -> usize {
    // To the nearest: a little less than two are two.
    points.saturating_mul(program.work).saturating_add(GRAIN / 2) / GRAIN
}
