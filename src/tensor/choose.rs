//! Choosing between values: where_cond, clamp, masked_fill.

use crate::dtype::{Category, DType};
use crate::error::{Error, Result};
use crate::kernel::Value;
use crate::layout::{self, Overlap};
use crate::ops::Op;
use crate::ops::promote::result_type;

use super::arg::common_dtype;
use super::elementwise::{Build, check_fits, check_meaning};
use super::in_place::without_repeats;
use super::reduce::{highest, lowest};
use super::{Arg, Tensor, dims};

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
        let value = build.program().select(mask, then, otherwise);
        build.finish(value)
    }

    /// The elements with NaN and infinities replaced by numbers; `None` stands for zero and for the largest
    /// and the smallest finite number of the dtype.
    ///
    /// # Errors
    /// None of its own.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([f32::NAN, f32::INFINITY, 1.0], ())?;
    /// assert_eq!(x.nan_to_num(None, None, None)?.to_vec::<f32>()?, [0.0, f32::MAX, 1.0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn nan_to_num(
        &self,
        nan: Option<f64>,
        posinf: Option<f64>,
        neginf: Option<f64>,
    ) -> Result<Self> {
        let dtype = self.dtype();
        if dtype.category() != Category::Float {
            return self.try_clone();
        }
        let largest = match dtype {
            DType::F16 => half::f16::MAX.to_f64(),
            DType::BF16 => half::bf16::MAX.to_f64(),
            DType::F32 => f32::MAX.into(),
            _ => f64::MAX,
        };
        let mut build = Build::new("nan_to_num", &[self.into()])?;
        let input = build.load(self)?;
        let mut value = input;
        let bounds = [posinf.unwrap_or(largest), neginf.unwrap_or(-largest)];
        if bounds == [largest, -largest] {
            // As a bound of all: one operation instead of four.
            let [high, low] = bounds.map(|bound| build.scalar(bound, dtype));
            value = build.program().ternary(Op::Clamp, [input, low, high]);
        } else {
            for (infinity, number) in [f64::INFINITY, f64::NEG_INFINITY].into_iter().zip(bounds) {
                let infinity = build.scalar(infinity, dtype);
                let number = build.scalar(number, dtype);
                let mask = build.program().binary(Op::Eq, input, infinity);
                value = build.program().select(mask, number, value);
            }
        }
        let mask = build.program().unary(Op::IsNan, input);
        let number = build.scalar(nan.unwrap_or(0.0), dtype);
        let value = build.program().select(mask, number, value);
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
        let (build, value) = clamped(None, self, min.into().0, max.into().0)?;
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
        let (build, value) = clamped(Some(self), self, min.into().0, max.into().0)?;
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
        let (build, value) = filled(None, self, mask, value.into())?;
        build.finish(value)
    }

    /// [`masked_fill`](Self::masked_fill) in place.
    ///
    /// # Errors
    /// As [`masked_fill`](Self::masked_fill); `Shape` when the mask does not broadcast to this shape.
    #[track_caller]
    pub fn masked_fill_<'a>(&self, mask: &Self, value: impl Into<Arg<'a>>) -> Result<&Self> {
        let value = value.into();
        if layout::internal_overlap(self.layout()) != Overlap::Yes {
            let (build, value) = filled(Some(self), self, mask, value)?;
            build.finish_into(value, self)?;
            return Ok(self);
        }
        // An element that the view repeats is filled where any of its places is masked.
        let mask =
            if mask.dtype() == DType::Bool { mask.expand(self.size())? } else { mask.alias() };
        let repeated = self.stride().iter().enumerate().filter(|(_, stride)| **stride == 0);
        let repeated: Vec<i64> = repeated.map(|(dim, _)| dim as i64).collect();
        let target = self.with_layout(without_repeats(self.layout()));
        target.masked_fill_(&mask.any(dims(&repeated[..]).keepdim())?, value)?;
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
fn clamped(
    target: Option<&Tensor>,
    input: &Tensor,
    min: Option<Arg<'_>>,
    max: Option<Arg<'_>>,
) -> Result<(Build, Value)> {
    let args: Vec<Arg<'_>> = [Some(input.into()), min, max].into_iter().flatten().collect();
    if args.len() == 1 {
        return Err(Error::value("torch.clamp: At least one of 'min' or 'max' must not be None"));
    }
    let dtype = common_dtype(&args);
    check_meaning(Op::Clamp, dtype)?;
    let (min, max) = (reachable(min, dtype, Side::Min)?, reachable(max, dtype, Side::Max)?);
    let mut build = Build::at("clamp", target, &args)?;
    let value = build.value(input.into(), dtype)?;
    let min = min.map(|min| build.value(min, dtype)).transpose()?;
    let max = max.map(|max| build.value(max, dtype)).transpose()?;
    let value = match (min, max) {
        (Some(min), Some(max)) => build.program().ternary(Op::Clamp, [value, min, max]),
        (Some(min), None) => build.program().binary(Op::Maximum, value, min),
        (_, Some(max)) => build.program().binary(Op::Minimum, value, max),
        (None, None) => value,
    };
    Ok((build, value))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Min,
    Max,
}

/// A bound that some element can reach: a number beyond what an integer dtype holds leaves its side open,
/// and is refused where every element would have to become it.
fn reachable(bound: Option<Arg<'_>>, dtype: DType, side: Side) -> Result<Option<Arg<'_>>> {
    let Some(Arg::Scalar(scalar)) = bound else { return Ok(bound) };
    if dtype.category() != Category::Int {
        return Ok(bound);
    }
    let value = i128::from(scalar.to_i64());
    let (low, high) = (lowest(dtype).to_i64(), highest(dtype).to_i64());
    let (below, above) = (value < i128::from(low), value > i128::from(high));
    match (side, below, above) {
        (_, false, false) => Ok(bound),
        (Side::Min, true, _) | (Side::Max, _, true) => Ok(None),
        _ => {
            let name = if side == Side::Min { "min" } else { "max" };
            Err(Error::value(format!(
                "Clamp {name} value {value} is outside the representable range of {}",
                dtype.message_name()
            )))
        }
    }
}

#[track_caller]
fn filled(
    target: Option<&Tensor>,
    input: &Tensor,
    mask: &Tensor,
    value: Arg<'_>,
) -> Result<(Build, Value)> {
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
    let mut build = Build::at("masked_fill", target, &[input.into(), mask.into(), value])?;
    let kept = build.load(input)?;
    let mask = build.load(mask)?;
    let value = build.value(value, input.dtype())?;
    let value = build.program().select(mask, value, kept);
    Ok((build, value))
}
