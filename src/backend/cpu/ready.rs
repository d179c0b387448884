//! Small kernels whose arguments are known before their buffers are.
//!
//! Owns [`ReadyKernel`], a program and what of a fold no number changes. To look these up, and to ask how many
//! threads so little work is worth, takes longer than to run it; here there are only the views to make.

use super::plan::{Form, Program, Purpose};
use super::reduce::Folding;
use super::run::{Threads, is_small};
use super::tile::Launched;
use crate::backend::{Buffer, Ready};
use crate::kernel::Kernel;

/// See the module.
pub(super) struct ReadyKernel {
    kernel: Kernel,
    program: Program,
    fold: Option<Folding>,
}

impl ReadyKernel {
    /// None if it is worth several threads, or does more than evaluate, store and fold.
    pub(super) fn new(kernel: &Kernel) -> Option<Self> {
        let code = &kernel.code;
        if code.whole.is_some() || code.check.is_some() {
            return None;
        }
        let form = Form::of(code, &kernel.args);
        let program = Program::compile(code, form, Purpose::of(code));
        if !is_small(kernel.len(), &program) {
            return None;
        }
        let fold = code.reduce.as_ref().map(|reduce| Folding::new(kernel, reduce, &program));
        Some(Self { kernel: kernel.clone(), program, fold })
    }
}

impl Ready for ReadyKernel {
    fn run(&self, scalars: &[u64], buffers: &[&Buffer]) {
        let buffer = |number: u8| buffers[usize::from(number)];
        let launched = Launched::of(&self.kernel, scalars, buffer, &self.program);
        match &self.fold {
            Some(fold) => fold.run(launched, scalars, Threads::One),
            None => launched.run(0, launched.tiles()),
        }
    }
}
