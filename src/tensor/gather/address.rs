//! From index tensors to distances in elements.

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernel::Value;
use crate::ops::Op;

use super::super::Tensor;
use super::super::elementwise::Build;

/// An index tensor along one dim of what it indexes.
pub(crate) struct Along {
    /// The dim, as an error names it.
    pub(crate) dim: usize,
    /// int64 or int32.
    pub(crate) index: Tensor,
    /// Indices that there are.
    pub(crate) size: usize,
    /// Elements from one index to the next.
    pub(crate) stride: usize,
}

/// Which indices count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Indices {
    /// From 0 on.
    Natural,
    /// Negative ones too, from the end.
    Signed,
}

/// Values of a program that say where index tensors lead.
pub(crate) struct Address {
    /// Elements from the place that index 0 has everywhere, int32 or int64; anything where `wrong`.
    pub(crate) at: Value,
    /// Bool: an index is out of range.
    pub(crate) wrong: Value,
}

/// Adds to a program the sum of the distances that index tensors lead to at a point, over whose space
/// each broadcasts: in int32 where that is enough for all. There is at least one.
///
/// # Errors
/// `Device` where int64 is needed and the device lacks it.
pub(crate) fn address(build: &mut Build, along: &[Along], indices: Indices) -> Result<Address> {
    let reach = along.iter().map(|along| along.size.saturating_mul(along.stride.max(1)));
    let fits = reach.fold(0, usize::saturating_add) <= i32::MAX as usize;
    let dtype = if fits { DType::I32 } else { DType::I64 };
    let device = along[0].index.device();
    if !device.supports(dtype) {
        return Err(Error::device(format!(
            "indexing a tensor of so many elements needs int64, which {device} does not have"
        )));
    }
    let mut sum: Option<Address> = None;
    for Along { index, size, stride, .. } in along {
        // Compared in the dtype that they have, or a large one would come back as a small one.
        let own = if fits { index.dtype() } else { DType::I64 };
        let index = build.value(index.into(), own)?;
        let (zero, size) = (build.scalar(0, own), build.scalar(*size as i64, own));
        let beyond = build.program().binary(Op::Ge, index, size);
        let index = match indices {
            Indices::Natural => index,
            Indices::Signed => {
                let negative = build.program().binary(Op::Lt, index, zero);
                let from_end = build.program().binary(Op::Add, index, size);
                build.program().select(negative, from_end, index)
            }
        };
        let below = build.program().binary(Op::Lt, index, zero);
        let wrong = build.program().binary(Op::LogicalOr, below, beyond);
        let mut at = build.program().cast(index, dtype);
        if *stride != 1 {
            let stride = build.scalar(*stride as i64, dtype);
            at = build.program().binary(Op::Mul, at, stride);
        }
        sum = Some(match sum {
            None => Address { at, wrong },
            Some(sum) => Address {
                at: build.program().binary(Op::Add, sum.at, at),
                wrong: build.program().binary(Op::LogicalOr, sum.wrong, wrong),
            },
        });
    }
    sum.ok_or_else(|| unreachable!("an address of no index tensor"))
}
