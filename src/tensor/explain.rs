//! Seeing why: the kernels that would run for a tensor.

use std::fmt;

use super::Tensor;

/// What [`explain`] tells; prints as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation(String);

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The kernels that would run if the tensor's elements were asked for now: all that waits on the tape of
/// its device, for reading one tensor runs the whole tape.
///
/// For each kernel its operations, its operands (how they lie in memory and their bytes), its expressions,
/// what it stores and why it ended where it did. A kernel that was full, of small tensors on the CPU, has run
/// before, and is not told. Nothing runs, and nothing is dropped; what a later
/// operation or a dropped tensor changes, this does not know.
///
/// # Example
/// ```
/// let x = taut::ones([4], ())?;
/// x.eval()?;
/// let y = x.mul(2)?.add(1)?;
/// let why = taut::explain(&y).to_string();
/// assert!(why.contains("kernel 1 of 1: mul, add over [4], 16 bytes read, 16 written"), "{why}");
/// # Ok::<(), taut::Error>(())
/// ```
pub fn explain(tensor: &Tensor) -> Explanation {
    Explanation(tensor.runtime().explain(tensor.storage()))
}
