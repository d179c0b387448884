//! What stands beside a tensor in an operation: another tensor, or a number.

use crate::dtype::{DType, Element};
use crate::ops::promote::{Participant, result_type};
use crate::scalar::Scalar;

use super::Tensor;

/// An argument that is a tensor or a number; every function that takes one takes either.
#[derive(Clone, Copy)]
pub enum Arg<'a> {
    /// A tensor.
    Tensor(&'a Tensor),
    /// A number, which takes part in promotion by its kind only.
    Scalar(Scalar),
}

impl<'a> From<&'a Tensor> for Arg<'a> {
    fn from(tensor: &'a Tensor) -> Self {
        Self::Tensor(tensor)
    }
}

impl<T: Element> From<T> for Arg<'_> {
    fn from(value: T) -> Self {
        Self::Scalar(value.to_scalar())
    }
}

impl From<u32> for Arg<'_> {
    fn from(value: u32) -> Self {
        Self::Scalar(value.into())
    }
}

impl From<usize> for Arg<'_> {
    fn from(value: usize) -> Self {
        Self::Scalar(value.into())
    }
}

impl From<Scalar> for Arg<'_> {
    fn from(value: Scalar) -> Self {
        Self::Scalar(value)
    }
}

impl<'a> Arg<'a> {
    #[inline(always)]
    pub(crate) fn participant(self) -> Participant {
        match self {
            Self::Tensor(tensor) => tensor.participant(),
            Self::Scalar(scalar) => scalar.into(),
        }
    }

    #[inline(always)]
    pub(crate) fn tensor(self) -> Option<&'a Tensor> {
        match self {
            Self::Tensor(tensor) => Some(tensor),
            Self::Scalar(_) => None,
        }
    }
}

/// The dtype in which arguments meet.
#[inline]
pub(crate) fn common_dtype(args: &[Arg<'_>]) -> DType {
    if let [Arg::Tensor(first), rest @ ..] = args {
        let dtype = first.dtype();
        // Numbers change it only if their category is above its own, Note [Promotion categories].
        let leaves_it = |arg: &Arg<'_>| match arg {
            Arg::Tensor(tensor) => tensor.dtype() == dtype,
            Arg::Scalar(scalar) => scalar.category() <= dtype.category(),
        };
        if rest.iter().all(leaves_it) {
            return dtype;
        }
    }
    result_type(args.iter().map(|arg| arg.participant()))
}

impl Tensor {
    #[inline(always)]
    pub(crate) fn participant(&self) -> Participant {
        if self.dim() == 0 {
            Participant::ZeroDim(self.dtype())
        } else {
            Participant::Tensor(self.dtype())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_of_one_dtype_and_numbers_meet_as_by_the_rule_for_all() {
        let numbers = [Scalar::Bool(true), Scalar::Int(2), Scalar::Float(2.0)].map(Arg::Scalar);
        for dtype in DType::ALL {
            let tensors = [&[2][..], &[]].map(|shape| crate::ones(shape, dtype).unwrap());
            let [row, one] = tensors.each_ref().map(Arg::Tensor);
            for number in numbers {
                for args in [
                    &[row, number][..],
                    &[one, number],
                    &[row, one, number],
                    &[one, row, number],
                    &[number, row],
                    &[number, one],
                ] {
                    let rule = result_type(args.iter().map(|arg| arg.participant()));
                    assert_eq!(common_dtype(args), rule, "{dtype}");
                }
            }
        }
    }
}
