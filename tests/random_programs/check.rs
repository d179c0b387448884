//! What must hold for every program.

use proptest::prelude::*;
use taut::{DType, Device};

use super::machine::{Action, run};
use super::model;
use super::step::Step;

/// Where two traces first differ.
///
/// # Errors
/// The first action that is not the same in both.
pub(crate) fn difference(one: &[Action], other: &[Action]) -> Result<(), TestCaseError> {
    for (k, (a, b)) in one.iter().zip(other).enumerate() {
        prop_assert_eq!(a, b, "action {}", k);
    }
    prop_assert_eq!(one.len(), other.len());
    Ok(())
}

/// The trace of a program, which is the same lazily, flushed after every step and in the model.
///
/// # Errors
/// What differs.
pub(crate) fn check(
    steps: &[Step],
    device: Device,
    dtypes: &[DType],
) -> Result<Vec<Action>, TestCaseError> {
    let lazy = run(steps, device, dtypes, false);
    if let Err(why) = model::check(&lazy) {
        return Err(TestCaseError::fail(format!("{device}: {why}")));
    }
    let flushed = run(steps, device, dtypes, true);
    difference(&lazy, &flushed)?;
    Ok(lazy)
}
