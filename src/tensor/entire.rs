//! Recording an operation that is no expression: a sort, a scatter, a product of matrices.

use std::panic::Location;

use crate::error::Result;
use crate::graph::{Entire, Record, Refusal};
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
    refusal: Option<Refusal>,
) -> Result<()> {
    let runtime = output.0.runtime();
    let all = inputs.into_iter().chain([output]);
    let (views, strides) = all.map(|(view, strides)| (view.view_ref().clone(), strides)).unzip();
    let mut record = Record::new(name, Location::caller());
    record.views = views;
    record.entire = Some(Box::new(Entire { whole, shape, strides }));
    record.refusal = refusal.map(Box::new);
    runtime.record(record)
}
