//! Choosing between values: where_cond, clamp, masked_fill.

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernel::Value;
use crate::ops::Op;
use crate::ops::promote::result_type;

use super::elementwise::{Build, check_fits, check_meaning};
use super::{Arg, Tensor};

impl Tensor {
    /// Elements of `then` where this bool tensor is true, else of `otherwise`: PyTorch's
    /// `torch.where(self, then, otherwise)`.
    ///
    /// All three broadcast; the values meet by promotion.
    ///
    /// # Errors
    /// `Dtype` unless this tensor is bool, `Shape` when the shapes do not broadcast, `Value` for a number
    /// that the dtype cannot hold.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([-1.0f32, 2.0], ())?;
    /// assert_eq!(x.gt(0)?.where_cond(&x, 0)?.to_vec::<f32>()?, [0.0, 2.0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn where_cond<'a>(
        &self,
        then: impl Into<Arg<'a>>,
        otherwise: impl Into<Arg<'a>>,
    ) -> Result<Self> {
        let (then, otherwise) = (then.into(), otherwise.into());
        if self.dtype() != DType::Bool {
            return Err(Error::dtype(format!(
                "where expected condition to be a boolean tensor, but got a tensor with dtype {}",
                self.dtype().message_name()
            )));
        }
        let dtype = result_type([then.participant(), otherwise.participant()]);
        for arg in [then, otherwise] {
            if let Arg::Scalar(scalar) = arg {
                check_fits(scalar, dtype)?;
            }
        }
        let mut build = Build::new("where", &[self.into(), then, otherwise])?;
        let mask = build.load(self)?;
        let then = build.value(then, dtype)?;
        let otherwise = build.value(otherwise, dtype)?;
        let value = build.program.select(mask, then, otherwise);
        build.finish(value)
    }

    /// Every element, but not below `min` nor above `max`; `None` leaves a side open.
    ///
    /// Where the bounds cross the result is `max`; NaN stays NaN.
    ///
    /// # Errors
    /// `Value` without any bound, `Dtype` for bool, `Shape` when the shapes do not broadcast.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([-1.0f32, 0.5, 2.0], ())?;
    /// assert_eq!(x.clamp(0, 1)?.to_vec::<f32>()?, [0.0, 0.5, 1.0]);
    /// assert_eq!(x.clamp(None, 1)?.to_vec::<f32>()?, [-1.0, 0.5, 1.0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn clamp<'a>(&self, min: impl Into<Limit<'a>>, max: impl Into<Limit<'a>>) -> Result<Self> {
        let (build, value) = clamped(self, min.into().0, max.into().0)?;
        build.finish(value)
    }

    /// [`clamp`](Self::clamp) in place.
    ///
    /// # Errors
    /// As [`clamp`](Self::clamp); `Dtype` when the result's kind does not fit this dtype, `Shape` when it
    /// does not have this shape, `Overlap` when elements of this tensor share memory.
    #[track_caller]
    pub fn clamp_<'a>(
        &self,
        min: impl Into<Limit<'a>>,
        max: impl Into<Limit<'a>>,
    ) -> Result<&Self> {
        let (build, value) = clamped(self, min.into().0, max.into().0)?;
        build.finish_into(value, self)?;
        Ok(self)
    }

    /// The elements with those where `mask` is true replaced by a number or a 0-d tensor.
    ///
    /// Keeps the dtype; the value is cast to it.
    ///
    /// # Errors
    /// `Dtype` unless the mask is bool, `Shape` when the shapes do not broadcast or the value is not 0-d,
    /// `Value` for a number that the dtype cannot hold.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([1.0f32, 2.0], ())?;
    /// assert_eq!(x.masked_fill(&x.gt(1)?, 0)?.to_vec::<f32>()?, [1.0, 0.0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn masked_fill<'a>(&self, mask: &Self, value: impl Into<Arg<'a>>) -> Result<Self> {
        let (build, value) = filled(self, mask, value.into())?;
        build.finish(value)
    }

    /// [`masked_fill`](Self::masked_fill) in place.
    ///
    /// # Errors
    /// As [`masked_fill`](Self::masked_fill); `Shape` when the mask does not broadcast to this shape,
    /// `Overlap` when elements of this tensor share memory.
    #[track_caller]
    pub fn masked_fill_<'a>(&self, mask: &Self, value: impl Into<Arg<'a>>) -> Result<&Self> {
        let (build, value) = filled(self, mask, value.into())?;
        build.finish_into(value, self)?;
        Ok(self)
    }
}

/// A bound of [`Tensor::clamp`]: a number, a tensor, or `None`.
#[derive(Clone, Copy)]
pub struct Limit<'a>(Option<Arg<'a>>);

impl<'a, T: Into<Arg<'a>>> From<T> for Limit<'a> {
    fn from(value: T) -> Self {
        Self(Some(value.into()))
    }
}

impl<'a> From<Option<Arg<'a>>> for Limit<'a> {
    fn from(value: Option<Arg<'a>>) -> Self {
        Self(value)
    }
}

#[track_caller]
fn clamped<'a>(
    input: &'a Tensor,
    min: Option<Arg<'a>>,
    max: Option<Arg<'a>>,
) -> Result<(Build<'a>, Value)> {
    let args: Vec<Arg<'_>> = [Some(input.into()), min, max].into_iter().flatten().collect();
    if args.len() == 1 {
        return Err(Error::value("torch.clamp: At least one of 'min' or 'max' must not be None"));
    }
    let dtype = result_type(args.iter().map(|arg| arg.participant()));
    check_meaning(Op::Clamp, dtype)?;
    let mut build = Build::new("clamp", &args)?;
    let value = build.value(input.into(), dtype)?;
    let min = min.map(|min| build.value(min, dtype)).transpose()?;
    let max = max.map(|max| build.value(max, dtype)).transpose()?;
    let value = match (min, max) {
        (Some(min), Some(max)) => build.program.ternary(Op::Clamp, [value, min, max]),
        (Some(min), None) => build.program.binary(Op::Maximum, value, min),
        (_, Some(max)) => build.program.binary(Op::Minimum, value, max),
        (None, None) => unreachable!("refused above"),
    };
    Ok((build, value))
}

#[track_caller]
fn filled<'a>(input: &'a Tensor, mask: &'a Tensor, value: Arg<'a>) -> Result<(Build<'a>, Value)> {
    if mask.dtype() != DType::Bool {
        return Err(Error::dtype(format!(
            "masked_fill_ only supports boolean masks, but got mask with dtype {}",
            mask.dtype()
        )));
    }
    match value {
        Arg::Scalar(scalar) => check_fits(scalar, input.dtype())?,
        Arg::Tensor(tensor) if tensor.dim() > 0 => {
            return Err(Error::shape(format!(
                "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {} \
                 dimension(s).",
                tensor.dim()
            )));
        }
        Arg::Tensor(_) => {}
    }
    let mut build = Build::new("masked_fill", &[input.into(), mask.into(), value])?;
    let kept = build.load(input)?;
    let mask = build.load(mask)?;
    let value = build.value(value, input.dtype())?;
    let value = build.program.select(mask, value, kept);
    Ok((build, value))
}
