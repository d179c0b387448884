//! The functions of the op table: one method, and one in place, for every row without a hand-written
//! one.

use crate::dtype::DType;
use crate::error::Result;
use crate::kernel::Value;
use crate::ops::promote::to_float;
use crate::ops::{Op, Rule, op_table};

use super::arg::common_dtype;
use super::elementwise::{Build, check_meaning};
use super::{Arg, Tensor, plain};

/// Records a row on its arguments.
#[track_caller]
pub(crate) fn apply(op: Op, args: &[Arg<'_>]) -> Result<Tensor> {
    let dtype = dtype_in(op, args);
    if op.info().computes_in(dtype)
        && let Some(result) = plain::record(op.info().name, (op, dtype), args)
    {
        return result;
    }
    let mut build = Build::new(op.info().name, args)?;
    let value = value(&mut build, (op, dtype), args)?;
    build.finish(value)
}

/// Records a row with its result written into the first argument.
#[track_caller]
pub(crate) fn apply_into(op: Op, target: &Tensor, args: &[Arg<'_>]) -> Result<()> {
    let dtype = dtype_in(op, args);
    if op.info().computes_in(dtype)
        && let Some(done) = plain::record_into(op.info().name, (op, dtype), args)
    {
        return done;
    }
    let mut build = Build::onto(op.info().name, target, args)?;
    let value = value(&mut build, (op, dtype), args)?;
    build.finish_into(value, target)
}

/// The dtype that the row computes in, if it computes in that.
#[inline]
fn dtype_in(op: Op, args: &[Arg<'_>]) -> DType {
    let promoted = common_dtype(args);
    match op.info().rule {
        Rule::Promote | Rule::Custom => promoted,
        Rule::Float => to_float(promoted),
        Rule::Truth => DType::Bool,
    }
}

/// The row's value, computed in `dtype`. Shapes have been looked at: PyTorch does so before it looks at the
/// dtype.
fn value(build: &mut Build, (op, dtype): (Op, DType), args: &[Arg<'_>]) -> Result<Value> {
    check_meaning(op, dtype)?;
    let mut values = [0; 3];
    for (value, &arg) in values.iter_mut().zip(args) {
        *value = build.value(arg, dtype)?;
    }
    Ok(match args.len() {
        1 => build.program().unary(op, values[0]),
        2 => build.program().binary(op, values[0], values[1]),
        _ => build.program().ternary(op, values),
    })
}

/// The row of this name applied to arguments, if there is one that can be called so.
#[doc(hidden)]
#[track_caller]
pub fn call(name: &str, args: &[Arg<'_>]) -> Option<Result<Tensor>> {
    let op = *Op::ALL.iter().find(|op| op.info().name == name)?;
    let info = op.info();
    (info.rule != Rule::Custom && info.arity == args.len()).then(|| apply(op, args))
}

/// The row whose in-place form has this name, applied to a target and further arguments.
#[doc(hidden)]
#[track_caller]
pub fn call_in_place(name: &str, target: &Tensor, args: &[Arg<'_>]) -> Option<Result<()>> {
    let op = *Op::ALL.iter().find(|op| op.info().in_place == name && name != "none")?;
    let all: Vec<Arg<'_>> = std::iter::once(target.into()).chain(args.iter().copied()).collect();
    let info = op.info();
    let callable = info.rule != Rule::Custom && info.arity == all.len();
    callable.then(|| apply_into(op, target, &all))
}

macro_rules! define_methods {
    ($(
        $(#[$doc:meta])*
        $variant:ident $name:ident $in_place:ident $arity:ident $rule:ident $output:ident {
            float [$($float:path)?] int [$($int:path)?] bool [$($bool:path)?]
        }
    )*) => {
        impl Tensor {
            $(define_methods! { @method $rule $arity [$(#[$doc])*] $variant $name $in_place })*
        }
    };
    (@method custom $arity:ident [$($doc:tt)*] $variant:ident $name:ident $in_place:ident) => {};
    (@method $rule:ident unary [$($doc:tt)*] $variant:ident $name:ident $in_place:ident) => {
        $($doc)*
        ///
        /// # Errors
        /// `Dtype` where PyTorch has no such operation for the dtype.
        #[track_caller]
        pub fn $name(&self) -> Result<Self> {
            apply(Op::$variant, &[self.into()])
        }

        define_methods! { @in_place $in_place $variant $name () }
    };
    (@method $rule:ident binary [$($doc:tt)*] $variant:ident $name:ident $in_place:ident) => {
        $($doc)*
        ///
        /// # Errors
        /// `Shape` when the shapes do not broadcast, `Device` when the tensors are on different devices,
        /// `Dtype` where PyTorch has no such operation for the dtype.
        #[track_caller]
        pub fn $name<'a>(&self, other: impl Into<Arg<'a>>) -> Result<Self> {
            apply(Op::$variant, &[self.into(), other.into()])
        }

        define_methods! { @in_place $in_place $variant $name (other) }
    };
    (@method $rule:ident ternary [$($doc:tt)*] $variant:ident $name:ident $in_place:ident) => {
        $($doc)*
        ///
        /// # Errors
        /// `Shape` when the shapes do not broadcast, `Device` when the tensors are on different devices,
        /// `Dtype` where PyTorch has no such operation for the dtype.
        #[track_caller]
        pub fn $name<'a>(
            &self,
            second: impl Into<Arg<'a>>,
            third: impl Into<Arg<'a>>,
        ) -> Result<Self> {
            apply(Op::$variant, &[self.into(), second.into(), third.into()])
        }

        define_methods! { @in_place $in_place $variant $name (second third) }
    };
    (@in_place none $($rest:tt)*) => {};
    (@in_place $in_place:ident $variant:ident $name:ident ($($arg:ident)*)) => {
        #[doc = concat!("[`", stringify!($name), "`](Self::", stringify!($name), ") in place: every alias sees the result.")]
        ///
        /// # Errors
        /// As out of place; also `Dtype` when the result's kind does not fit this dtype, `Shape` when it
        /// does not have this shape, `Overlap` when elements of this tensor share memory. Nothing is
        /// written then.
        #[track_caller]
        pub fn $in_place<'a>(&self $(, $arg: impl Into<Arg<'a>>)*) -> Result<&Self>
        where
            Self: 'a,
        {
            apply_into(Op::$variant, self, &[self.into() $(, $arg.into())*])?;
            Ok(self)
        }
    };
}

op_table!(define_methods);
