//! Programs that were made before.
//!
//! Owns the cache that each thread keeps of its latest programs, by code, form and purpose. A program is
//! found by the address of its code, which the graph shares among launches of one structure; the cache
//! holds the code, so that no other comes to lie there.

use std::cell::RefCell;
use std::sync::Arc;

use super::plan::{Form, Program, Purpose};
use crate::kernel::{Kernel, SharedCode};

/// Programs that a thread keeps, a power of two: each has its one place.
const PLACES: usize = 64;

struct Made {
    code: SharedCode,
    form: Form,
    purpose: Purpose,
    program: Arc<Program>,
}

thread_local! {
    static MADE: RefCell<Vec<Option<Made>>> = const { RefCell::new(Vec::new()) };
}

/// The program of a kernel.
pub(super) fn program(kernel: &Kernel, purpose: Purpose) -> Arc<Program> {
    program_of(&kernel.code, Form::of(&kernel.code, &kernel.args), purpose)
}

/// The program of kernels of this code whose arguments have this form.
pub(super) fn program_of(code: &SharedCode, form: Form, purpose: Purpose) -> Arc<Program> {
    MADE.with_borrow_mut(|made| {
        if made.is_empty() {
            made.resize_with(PLACES, || None);
        }
        // Allocations are 16 bytes apart, and codes are some hundreds long.
        let address = code.address() / 16;
        // What is checked first has two programs.
        let other = usize::from(matches!(purpose, Purpose::Check(_)));
        let place = &mut made[(address ^ (address / PLACES) ^ other) % PLACES];
        match place {
            Some(made) if made.code.is(code) && made.form == form && made.purpose == purpose => {
                Arc::clone(&made.program)
            }
            _ => {
                let program = Arc::new(Program::compile(code, form, purpose));
                let code = code.clone();
                let shared = Arc::clone(&program);
                *place = Some(Made { code, form, purpose, program });
                shared
            }
        }
    })
}
