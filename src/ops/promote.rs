//! PyTorch's type promotion.
//!
//! Owns the rule by which the dtypes of tensors, 0-d tensors and plain numbers meet.
//!
//! # Note [Promotion categories]
//! Participants come in three ranks: tensors with dimensions, 0-d tensors, wrapped numbers. Each rank
//! promotes among itself; a lower rank changes the result of a higher one only if its category (bool,
//! integer, float) is higher. A wrapped number alone brings int64 or the default float dtype.

use crate::dtype::{Category, DType};
use crate::scalar::Scalar;

/// One argument of an operation, as promotion sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Participant {
    /// A tensor with dimensions.
    Tensor(DType),
    /// A 0-d tensor.
    ZeroDim(DType),
    /// A plain number, of this dtype when alone.
    Wrapped(DType),
}

impl From<Scalar> for Participant {
    fn from(scalar: Scalar) -> Self {
        Self::Wrapped(scalar.dtype())
    }
}

/// The dtype in which the participants meet.
pub(crate) fn result_type(participants: impl IntoIterator<Item = Participant>) -> DType {
    let (mut tensors, mut zero_dims, mut wrapped) = (None, None, None);
    for participant in participants {
        let (rank, dtype) = match participant {
            Participant::Tensor(dtype) => (&mut tensors, dtype),
            Participant::ZeroDim(dtype) => (&mut zero_dims, dtype),
            Participant::Wrapped(dtype) => (&mut wrapped, dtype),
        };
        *rank = Some(rank.map_or(dtype, |other: DType| other.promote(dtype)));
    }
    combine(tensors, combine(zero_dims, wrapped)).unwrap_or(DType::DEFAULT)
}

/// The higher rank's dtype, unless the lower rank's category is above it.
fn combine(higher: Option<DType>, lower: Option<DType>) -> Option<DType> {
    match (higher, lower) {
        (Some(h), Some(l)) if h.category() < l.category() => Some(h.promote(l)),
        (Some(h), _) => Some(h),
        (None, l) => l,
    }
}

/// The promoted dtype of an operation that computes in floats: integers become the default dtype.
pub(crate) fn to_float(dtype: DType) -> DType {
    if dtype.category() == Category::Float { dtype } else { DType::DEFAULT }
}

#[cfg(test)]
mod tests {
    use super::Participant::{Tensor, Wrapped, ZeroDim};
    use super::*;

    #[test]
    fn result_type_ranks_meet_by_category() {
        assert_eq!(result_type([Tensor(DType::U8), Wrapped(DType::I64)]), DType::U8);
        assert_eq!(result_type([Tensor(DType::U8), Wrapped(DType::F32)]), DType::F32);
        assert_eq!(result_type([Tensor(DType::F16), ZeroDim(DType::F64)]), DType::F16);
        assert_eq!(result_type([Tensor(DType::I32), ZeroDim(DType::F64)]), DType::F64);
        assert_eq!(result_type([ZeroDim(DType::I32), Wrapped(DType::F32)]), DType::F32);
        assert_eq!(result_type([Tensor(DType::Bool), Wrapped(DType::I64)]), DType::I64);
    }
}
