//! Small kernels whose arguments are known before their buffers are.
//!
//! Owns [`ReadyKernel`], its programs and what of a fold no number changes. To look these up, and to ask how many
//! threads so little work is worth, takes longer than to run it; here there are only the views to make.

use std::sync::Arc;

use super::Failed;
use super::plan::{Form, Program, Purpose};
use super::reduce::Folding;
use super::run::{Threads, checked, is_small};
use super::tile::Launched;
use crate::backend::{Buffer, Ready};
use crate::kernel::Kernel;

/// See the module.
pub(super) struct ReadyKernel {
    kernel: Kernel,
    program: Program,
    check: Option<Checking>,
    fold: Option<Folding>,
}

/// What looks at the data first.
struct Checking {
    kernel: Kernel,
    program: Program,
    failed: Arc<Failed>,
}

impl Checking {
    /// Whether the data is refused.
    fn refuses<'a>(&'a self, scalars: &'a [u64], buffer: impl Fn(u8) -> &'a Buffer) -> bool {
        let launched = Launched::of(&self.kernel, scalars, buffer, &self.program);
        launched.any(0, launched.tiles(), self.program.result)
    }
}

impl ReadyKernel {
    /// None if it is worth several threads, or is of whole tensors. `failed` is told of data that is refused.
    pub(super) fn new(kernel: &Kernel, failed: &Arc<Failed>) -> Option<Self> {
        let code = &kernel.code;
        if code.whole.is_some() {
            return None;
        }
        let form = Form::of(code, &kernel.args);
        let program = Program::compile(code, form, Purpose::of(code));
        if !is_small(kernel.len(), &program) {
            return None;
        }
        let fold = code.reduce.as_ref().map(|reduce| Folding::new(kernel, reduce, &program));
        let check = code.check.map(|check| {
            let kernel = checked(kernel, check.value);
            let form = Form::of(code, &kernel.args);
            let program = Program::compile(code, form, Purpose::Check(check.value));
            Checking { kernel, program, failed: Arc::clone(failed) }
        });
        let is_large = |check: &Checking| !is_small(check.kernel.len(), &check.program);
        if check.as_ref().is_some_and(is_large) {
            return None;
        }
        Some(Self { kernel: kernel.clone(), program, check, fold })
    }
}

impl Ready for ReadyKernel {
    fn run(&self, scalars: &[u64], check: u32, buffers: &[&Buffer]) {
        let buffer = |number: u8| buffers[usize::from(number)];
        if let Some(checking) = &self.check
            && checking.refuses(scalars, buffer)
        {
            return checking.failed.keep(check);
        }
        let launched = Launched::of(&self.kernel, scalars, buffer, &self.program);
        match &self.fold {
            Some(fold) => fold.run(launched, scalars, Threads::One),
            None => launched.run(0, launched.tiles()),
        }
    }
}
