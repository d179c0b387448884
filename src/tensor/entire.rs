//! Recording an operation that is no expression: a sort, a scatter, a product of matrices.

use std::panic::Location;

use crate::error::Result;
use crate::graph::{Entire, Program, Record, Refusal};
use crate::kernel::{Dims, Whole};

use super::Tensor;

/// Puts the operation on the tape of the output's device. It has points, and its operands are those of the
/// [`Whole`] in its order, each with the strides by which it walks over the iteration space.
#[track_caller]
pub(super) fn record_entire<const INPUTS: usize>(
    name: &'static str,
    whole: Whole,
    shape: Dims,
    inputs: [(&Tensor, Dims); INPUTS],
    output: (&Tensor, Dims),
    refusal: Refusal,
) -> Result<()> {
    let views = inputs.iter().map(|(input, _)| input.view_ref().clone()).collect();
    let (output, last) = output;
    let strides = inputs.into_iter().map(|(_, strides)| strides).chain([last]).collect();
    output.runtime().record(Record {
        name,
        location: Location::caller(),
        shape,
        program: Program { refusal, ..Program::default() },
        inputs: views,
        output: output.view_ref().clone(),
        fold: None,
        fetch: None,
        entire: Some(Box::new(Entire { whole, strides })),
    })
}
