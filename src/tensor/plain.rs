//! Recording plain operations, the short way: see Note [Plain operations] in `graph/plain.rs`.
//!
//! Whoever comes here goes on as for any other operation if the answer is none; nothing was recorded then.

use std::panic::Location;

use super::elementwise::scalar_bits;
use super::{Arg, Tensor};
use crate::dtype::DType;
use crate::error::Result;
use crate::graph::{Storage, Takes, View};
use crate::ops::Op;

/// Records a row, computed in `dtype`, on its arguments, if that is plain.
// As a call it would put its result together in memory, and the caller would wait for that to move it on.
#[inline(always)]
#[track_caller]
pub(crate) fn record(
    name: &'static str,
    (op, dtype): (Op, DType),
    args: &[Arg<'_>],
) -> Option<Result<Tensor>> {
    let (first, takes) = takes(args, dtype)?;
    let (runtime, layout, len) = (first.runtime(), first.layout().clone(), first.numel());
    if len == 0 {
        return None;
    }
    // Not larger than the first one, nor of a dtype that some devices lack.
    let storage = Storage::new(runtime, op.info().result(dtype), len);
    let output = View { storage, layout };
    let recorded = runtime.record_plain((name, Location::caller()), (op, dtype), takes, &output);
    Some(recorded.map(|()| Tensor::from_view(output)))
}

/// Records a row, computed in `dtype`, on its arguments, the first of which is a tensor and takes the result,
/// if that is plain.
#[inline]
#[track_caller]
pub(crate) fn record_into(
    name: &'static str,
    (op, dtype): (Op, DType),
    args: &[Arg<'_>],
) -> Option<Result<()>> {
    if op.info().result(dtype) != dtype {
        return None;
    }
    let (target, takes) = takes(args, dtype)?;
    if target.layout().is_empty() {
        return None;
    }
    let caller = (name, Location::caller());
    Some(target.runtime().record_plain(caller, (op, dtype), takes, target.view_ref()))
}

/// What is taken, and the first tensor of it.
// As `record`.
#[inline(always)]
fn takes<'a>(args: &[Arg<'a>], dtype: DType) -> Option<(&'a Tensor, Takes<'a>)> {
    let (first, takes) = match *args {
        [Arg::Tensor(only)] => (only, Takes::one(only.view_ref())),
        [Arg::Tensor(first), Arg::Tensor(second)] => {
            let is_alike = second.dtype() == dtype
                && second.layout().is_kept_as(first.layout())
                && std::ptr::eq(second.runtime(), first.runtime())
                && !second.shares_memory(first);
            if !is_alike {
                return None;
            }
            (first, Takes::two(first.view_ref(), second.view_ref()))
        }
        [Arg::Tensor(tensor), Arg::Scalar(number)] => {
            (tensor, Takes::number_right(tensor.view_ref(), scalar_bits(number, dtype)))
        }
        [Arg::Scalar(number), Arg::Tensor(tensor)] => {
            (tensor, Takes::number_left(scalar_bits(number, dtype), tensor.view_ref()))
        }
        _ => return None,
    };
    (first.dtype() == dtype && first.layout().is_kept()).then_some((first, takes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether `op` in `dtype` on these arguments is plain.
    fn is_plain(op: Op, dtype: DType, args: &[Arg<'_>]) -> bool {
        record("test", (op, dtype), args).is_some()
    }

    #[test]
    fn alike_tensors_and_numbers_are_plain_and_others_are_not() {
        let ones = |size: usize, dtype| crate::ones([size], dtype).unwrap();
        let (a, b) = (ones(4, DType::F32), ones(4, DType::F32));
        let (add, float) = (Op::Add, DType::F32);
        let three = || Arg::from(3);
        assert!(is_plain(add, float, &[(&a).into(), (&b).into()]));
        assert!(is_plain(add, float, &[(&a).into(), three()]));
        assert!(is_plain(add, float, &[three(), (&a).into()]));
        assert!(is_plain(Op::Neg, float, &[(&a).into()]));
        let others = [
            (ones(4, DType::F64), "of another dtype"),
            (ones(5, float), "of another shape"),
            (a.alias(), "of the same storage"),
            (ones(6, float).i(2..).unwrap(), "not at the start of its storage"),
        ];
        for (other, what) in &others {
            assert!(!is_plain(add, float, &[(&a).into(), other.into()]), "{what}");
        }
        let (int, empty) = (ones(4, DType::I32), ones(0, float));
        assert!(!is_plain(add, float, &[(&int).into(), three()]), "computed in another dtype");
        assert!(!is_plain(add, float, &[(&empty).into(), three()]), "empty");
        assert!(!is_plain(add, float, &[three(), three()]), "no tensor");
        assert!(!is_plain(Op::Lerp, float, &[(&a).into(), (&b).into(), three()]), "of three");
    }

    #[test]
    fn a_target_of_another_dtype_than_the_result_is_not_plain() {
        let [a, b] = [0, 1].map(|_| crate::ones([4], ()).unwrap());
        let args = [(&a).into(), (&b).into()];
        assert!(record_into("test", (Op::Add, DType::F32), &args).is_some());
        assert!(record_into("test", (Op::Lt, DType::F32), &args).is_none());
    }
}
