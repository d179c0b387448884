//! add, sub, mul, div and their forms.
//!
//! # Note [Numbers beside halves]
//! In float16 and bfloat16, PyTorch rounds a number or a tensor of one element on the right of add and sub
//! to the dtype first; mul and div keep it in float32. On the left it is always rounded first.

use crate::dtype::{Category, DType};
use crate::error::{Error, Result};
use crate::graph::Refusal;
use crate::kernel::Value;
use crate::ops::Op;
use crate::ops::promote::to_float;
use crate::scalar::Scalar;

use super::arg::common_dtype;
use super::elementwise::{Build, check_meaning};
use super::{Arg, Tensor, plain};

/// How [`Tensor::div_mode`] rounds the quotient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// Not at all: integers divide to floats.
    True,
    /// Towards zero, as C divides integers.
    Trunc,
    /// Towards minus infinity, as Python's `//`.
    Floor,
}

impl std::str::FromStr for Rounding {
    type Err = Error;

    /// Reads PyTorch's `rounding_mode`: `trunc` or `floor`.
    fn from_str(mode: &str) -> Result<Self> {
        match mode {
            "trunc" => Ok(Self::Trunc),
            "floor" => Ok(Self::Floor),
            _ => Err(Error::value(format!(
                "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{mode}'"
            ))),
        }
    }
}

/// The operations of this file, with their options.
#[derive(Clone, Copy)]
pub(crate) enum Binary {
    Add(Scalar),
    Sub(Scalar),
    Mul,
    Div(Rounding),
    Fmod,
    Remainder,
}

impl Binary {
    pub(crate) const ADD: Self = Self::Add(Scalar::Int(1));
    pub(crate) const SUB: Self = Self::Sub(Scalar::Int(1));
    pub(crate) const DIV: Self = Self::Div(Rounding::True);

    fn name(self) -> &'static str {
        match self {
            Self::Add(_) => "add",
            Self::Sub(_) => "sub",
            Self::Mul => "mul",
            Self::Div(_) => "div",
            Self::Fmod => "fmod",
            Self::Remainder => "remainder",
        }
    }

    /// Records the operation on two arguments.
    #[inline]
    #[track_caller]
    pub(crate) fn apply(self, lhs: Arg<'_>, rhs: Arg<'_>) -> Result<Tensor> {
        self.apply_to(&[lhs, rhs])
    }

    #[track_caller]
    fn apply_to(self, args: &[Arg<'_>; 2]) -> Result<Tensor> {
        let args = match (self, args) {
            // PyTorch's reflected operator: `s * t` is `t * s`.
            (Self::Mul, [Arg::Scalar(_), Arg::Tensor(_)]) => &[args[1], args[0]],
            _ => args,
        };
        let dtype = common_dtype(args);
        self.check(args, dtype)?;
        if let Some(op) = self.as_plain(args, dtype)
            && let Some(result) = plain::record(self.name(), (op, dtype), args)
        {
            return result;
        }
        let mut build = Build::new(self.name(), args)?;
        let value = self.value(&mut build, args, dtype)?;
        build.finish(value)
    }

    /// Records the operation with its result written into `lhs`.
    #[track_caller]
    pub(crate) fn apply_into(self, target: &Tensor, rhs: Arg<'_>) -> Result<()> {
        let args = [target.into(), rhs];
        let dtype = common_dtype(&args);
        self.check(&args, dtype)?;
        if let Some(op) = self.as_plain(&args, dtype)
            && let Some(done) = plain::record_into(self.name(), (op, dtype), &args)
        {
            return done;
        }
        let mut build = Build::onto(self.name(), target, &args)?;
        let value = self.value(&mut build, &args, dtype)?;
        build.finish_into(value, target)
    }

    /// The row that is all there is to the operation in `dtype`.
    #[inline]
    fn as_plain(self, args: &[Arg<'_>; 2], dtype: DType) -> Option<Op> {
        match self {
            Self::Add(Scalar::Int(1)) => Some(Op::Add),
            Self::Sub(Scalar::Int(1)) => Some(Op::Sub),
            // Of halves, see Note [Numbers beside halves].
            Self::Mul if !dtype.is_half() => Some(Op::Mul),
            Self::Div(Rounding::True) if matches!(dtype, DType::F32 | DType::F64) => {
                args[0].tensor().map(|_| Op::Div)
            }
            _ => None,
        }
    }

    fn value(self, build: &mut Build, args: &[Arg<'_>; 2], dtype: DType) -> Result<Value> {
        let [lhs, rhs] = args;
        match self {
            Self::Add(alpha) => plus(build, Op::Add, args, alpha, dtype),
            Self::Sub(alpha) => plus(build, Op::Sub, args, alpha, dtype),
            Self::Mul => {
                let left = build.value(*lhs, dtype)?;
                times(build, left, rhs, dtype)
            }
            Self::Div(Rounding::True) => match (lhs, rhs) {
                // PyTorch's reflected operator: `s / t` is `t.reciprocal() * s`.
                (Arg::Scalar(_), Arg::Tensor(divisor)) => {
                    let dtype = to_float(divisor.dtype());
                    let value = build.value(*rhs, dtype)?;
                    let inverse = build.program().unary(Op::Reciprocal, value);
                    times(build, inverse, lhs, dtype)
                }
                _ => quotient(build, Op::Div, args, to_float(dtype)),
            },
            Self::Div(Rounding::Trunc) => quotient(build, Op::DivTrunc, args, dtype),
            Self::Div(Rounding::Floor) => quotient(build, Op::DivFloor, args, dtype),
            Self::Fmod => quotient(build, Op::Fmod, args, dtype),
            Self::Remainder => quotient(build, Op::Remainder, args, dtype),
        }
    }

    fn check(self, args: &[Arg<'_>; 2], dtype: DType) -> Result<()> {
        match self {
            Self::Add(alpha) => check_alpha(alpha, dtype),
            Self::Sub(alpha) => {
                let bools = [0, 1].map(|arg| dtype_of(&args[arg]) == DType::Bool);
                if bools == [true, true] {
                    return Err(Error::dtype(
                        "Subtraction, the `-` operator, with two bool tensors is not supported. Use \
                         the `^` or `logical_xor()` operator instead.",
                    ));
                }
                if bools != [false, false] {
                    return Err(Error::dtype(
                        "Subtraction, the `-` operator, with a bool tensor is not supported. If you \
                         are trying to invert a mask, use the `~` or `logical_not()` operator \
                         instead.",
                    ));
                }
                check_alpha(alpha, dtype)
            }
            Self::Mul | Self::Div(Rounding::True) => Ok(()),
            Self::Div(Rounding::Trunc) => check_meaning(Op::DivTrunc, dtype),
            Self::Div(Rounding::Floor) => check_meaning(Op::DivFloor, dtype),
            Self::Fmod => check_meaning(Op::Fmod, dtype),
            Self::Remainder => check_meaning(Op::Remainder, dtype),
        }
    }
}

fn dtype_of(arg: &Arg<'_>) -> DType {
    match arg {
        Arg::Tensor(tensor) => tensor.dtype(),
        Arg::Scalar(scalar) => scalar.dtype(),
    }
}

fn check_alpha(alpha: Scalar, dtype: DType) -> Result<()> {
    if alpha.category() == Category::Bool && dtype != DType::Bool {
        return Err(Error::dtype("Boolean alpha only supported for Boolean results."));
    }
    if alpha.category() == Category::Float && !dtype.is_floating_point() {
        return Err(Error::dtype(
            "For integral input tensors, argument alpha must not be a floating point number.",
        ));
    }
    Ok(())
}

/// `lhs ± alpha * rhs`; the halves round once, at the end.
fn plus(
    build: &mut Build,
    op: Op,
    [lhs, rhs]: &[Arg<'_>; 2],
    alpha: Scalar,
    dtype: DType,
) -> Result<Value> {
    let mut left = build.value(*lhs, dtype)?;
    let mut right = build.value(*rhs, dtype)?;
    if alpha.to_f64() == 1.0 {
        return Ok(build.program().binary(op, left, right));
    }
    let inner = if dtype.is_half() { DType::F32 } else { dtype };
    left = build.program().cast(left, inner);
    right = build.program().cast(right, inner);
    let alpha = build.scalar(alpha, inner);
    let product = build.program().binary(Op::Mul, right, alpha);
    let sum = build.program().binary(op, left, product);
    Ok(build.program().cast(sum, dtype))
}

/// Whether a right operand stays in float32 beside a half, see Note [Numbers beside halves].
fn stays_wide(arg: &Arg<'_>, dtype: DType) -> bool {
    dtype.is_half() && arg.tensor().is_none_or(|tensor| tensor.numel() == 1)
}

/// `left * rhs`.
fn times(build: &mut Build, left: Value, rhs: &Arg<'_>, dtype: DType) -> Result<Value> {
    wide_right(build, Op::Mul, left, rhs, dtype)
}

fn wide_right(
    build: &mut Build,
    op: Op,
    left: Value,
    rhs: &Arg<'_>,
    dtype: DType,
) -> Result<Value> {
    let inner = if stays_wide(rhs, dtype) { DType::F32 } else { dtype };
    let right = build.value(*rhs, inner)?;
    let left = build.program().cast(left, inner);
    let result = build.program().binary(op, left, right);
    Ok(build.program().cast(result, dtype))
}

/// `lhs / rhs`; integers check that no divisor is zero.
fn quotient(build: &mut Build, op: Op, [lhs, rhs]: &[Arg<'_>; 2], dtype: DType) -> Result<Value> {
    if dtype.category() == Category::Int {
        let left = build.value(*lhs, dtype)?;
        let right = build.value(*rhs, dtype)?;
        check_divisor(build, *rhs, right)?;
        return Ok(build.program().binary(op, left, right));
    }
    let left = build.value(*lhs, dtype)?;
    if matches!(op, Op::Fmod | Op::Remainder) {
        let right = build.value(*rhs, dtype)?;
        return Ok(build.program().binary(op, left, right));
    }
    wide_right(build, op, left, rhs, dtype)
}

/// Refuses an integer division by zero: at the call if the divisor is a number, else when it runs.
pub(crate) fn check_divisor(build: &mut Build, arg: Arg<'_>, divisor: Value) -> Result<()> {
    const ZERO_DIVISION: &str = "ZeroDivisionError: integer division or modulo by zero";
    if let Arg::Scalar(scalar) = arg {
        if scalar.to_i64() == 0 && !build.is_empty() {
            return Err(Error::value(ZERO_DIVISION));
        }
        return Ok(());
    }
    let not_zero = build.program().cast(divisor, DType::Bool);
    let (no, yes) = (build.scalar(false, DType::Bool), build.scalar(true, DType::Bool));
    let is_zero = build.program().select(not_zero, no, yes);
    build.refuse_where(is_zero, Refusal::Value(ZERO_DIVISION.into()));
    Ok(())
}

macro_rules! binary_methods {
    ($(
        $(#[$doc:meta])*
        $name:ident $in_place:ident $op:expr, $symbol:literal, $sample:literal, $changed:literal;
    )*) => {
        impl Tensor {
            $(
                #[doc = concat!("Element-wise `self ", $symbol, " other`, broadcasting.")]
                ///
                $(#[$doc])*
                ///
                /// # Errors
                /// `Shape` when the shapes do not broadcast, `Device` when the tensors are on different
                /// devices, `Dtype` where PyTorch refuses the dtypes.
                ///
                /// # Example
                /// ```
                /// let x = taut::tensor([1.0f32, 4.0], ())?;
                #[doc = concat!("assert_eq!(x.", stringify!($name), "(2)?.to_vec::<f32>()?, ", $sample, ");")]
                /// # Ok::<(), taut::Error>(())
                /// ```
                #[track_caller]
                pub fn $name<'a>(&self, other: impl Into<Arg<'a>>) -> Result<Self> {
                    $op.apply(self.into(), other.into())
                }

                #[doc = concat!("[`", stringify!($name), "`](Self::", stringify!($name), ") in place: every alias sees the result.")]
                ///
                /// # Errors
                /// As out of place; also `Dtype` when the result's kind does not fit this dtype, `Shape`
                /// when it does not have this shape, `Overlap` when elements of this tensor share memory.
                /// Nothing is written then.
                ///
                /// # Example
                /// ```
                /// let x = taut::tensor([1.0f32, 4.0], ())?;
                #[doc = concat!("x.", stringify!($in_place), "(2)?;")]
                #[doc = concat!("assert_eq!(x.to_vec::<f32>()?, ", $changed, ");")]
                /// # Ok::<(), taut::Error>(())
                /// ```
                #[track_caller]
                pub fn $in_place<'a>(&self, other: impl Into<Arg<'a>>) -> Result<&Self> {
                    $op.apply_into(self, other.into())?;
                    Ok(self)
                }
            )*
        }
    };
}

binary_methods! {
    /// Bools add as `or`. Correctly rounded.
    add add_ Binary::ADD, "+", "[3.0, 6.0]", "[3.0, 6.0]";
    /// Bools have no difference. Correctly rounded.
    sub sub_ Binary::SUB, "-", "[-1.0, 2.0]", "[-1.0, 2.0]";
    /// Bools multiply as `and`. Correctly rounded.
    mul mul_ Binary::Mul, "*", "[2.0, 8.0]", "[2.0, 8.0]";
    /// Integers divide to the default float dtype. Correctly rounded.
    div div_ Binary::DIV, "/", "[0.5, 2.0]", "[0.5, 2.0]";
    /// The quotient rounded towards minus infinity: Python's `//`. Integers stay integers; a zero divisor is
    /// refused as by [`div_mode`](Self::div_mode).
    floor_divide floor_divide_ Binary::Div(Rounding::Floor), "//", "[0.0, 2.0]", "[0.0, 2.0]";
    /// The remainder with the sign of the divisor: Python's `%`. Exact for floats; a zero divisor of integers
    /// is refused as by [`div_mode`](Self::div_mode).
    remainder remainder_ Binary::Remainder, "%", "[1.0, 0.0]", "[1.0, 0.0]";
    /// The remainder with the sign of the dividend: C's `fmod`. Exact for floats; a zero divisor of integers
    /// is refused as by [`div_mode`](Self::div_mode).
    fmod fmod_ Binary::Fmod, "fmod", "[1.0, 0.0]", "[1.0, 0.0]";
}

impl Tensor {
    /// `self + alpha * other`.
    ///
    /// # Errors
    /// As [`add`](Self::add); `Dtype` for a float alpha with integers.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([1, 2], ())?;
    /// assert_eq!(x.add_alpha(&x, 10)?.to_vec::<i32>()?, [11, 22]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn add_alpha<'a>(
        &self,
        other: impl Into<Arg<'a>>,
        alpha: impl Into<Scalar>,
    ) -> Result<Self> {
        Binary::Add(alpha.into()).apply(self.into(), other.into())
    }

    /// [`add_alpha`](Self::add_alpha) in place.
    ///
    /// # Errors
    /// As [`add_`](Self::add_); `Dtype` for a float alpha with integers.
    #[track_caller]
    pub fn add_alpha_<'a>(
        &self,
        other: impl Into<Arg<'a>>,
        alpha: impl Into<Scalar>,
    ) -> Result<&Self> {
        Binary::Add(alpha.into()).apply_into(self, other.into())?;
        Ok(self)
    }

    /// `self - alpha * other`.
    ///
    /// # Errors
    /// As [`sub`](Self::sub); `Dtype` for a float alpha with integers.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([1, 2], ())?;
    /// assert_eq!(x.sub_alpha(&x, 10)?.to_vec::<i32>()?, [-9, -18]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn sub_alpha<'a>(
        &self,
        other: impl Into<Arg<'a>>,
        alpha: impl Into<Scalar>,
    ) -> Result<Self> {
        Binary::Sub(alpha.into()).apply(self.into(), other.into())
    }

    /// [`sub_alpha`](Self::sub_alpha) in place.
    ///
    /// # Errors
    /// As [`sub_`](Self::sub_); `Dtype` for a float alpha with integers.
    #[track_caller]
    pub fn sub_alpha_<'a>(
        &self,
        other: impl Into<Arg<'a>>,
        alpha: impl Into<Scalar>,
    ) -> Result<&Self> {
        Binary::Sub(alpha.into()).apply_into(self, other.into())?;
        Ok(self)
    }

    /// The quotient, rounded as told; with [`Rounding::Trunc`] and [`Rounding::Floor`] integers stay
    /// integers.
    ///
    /// # Errors
    /// As [`div`](Self::div); `Value` for an integer division by the number zero. A zero inside an
    /// integer tensor is reported at the next read point of the device, and nothing is written.
    ///
    /// # Example
    /// ```
    /// use taut::Rounding;
    /// let x = taut::tensor([7, -7], ())?;
    /// assert_eq!(x.div_mode(2, Rounding::Floor)?.to_vec::<i32>()?, [3, -4]);
    /// assert_eq!(x.div_mode(2, Rounding::Trunc)?.to_vec::<i32>()?, [3, -3]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn div_mode<'a>(&self, other: impl Into<Arg<'a>>, mode: Rounding) -> Result<Self> {
        Binary::Div(mode).apply(self.into(), other.into())
    }

    /// [`div_mode`](Self::div_mode) in place.
    ///
    /// # Errors
    /// As [`div_`](Self::div_) and [`div_mode`](Self::div_mode).
    #[track_caller]
    pub fn div_mode_<'a>(&self, other: impl Into<Arg<'a>>, mode: Rounding) -> Result<&Self> {
        Binary::Div(mode).apply_into(self, other.into())?;
        Ok(self)
    }
}
