//! What each element-wise operation is.
//!
//! Owns the table (`table.rs`), one row an operation, and the type rules (`promote.rs`). No loops, no
//! buffers: the backends read the rows through [`op_table!`].
//!
//! # Note [Rows]
//! A row is `Variant name in_place arity rule result { float [..] int [..] bool [..] }`:
//! - `Variant` of [`Op`]; `name`, PyTorch's, of the function and the method, and `in_place`, of the method
//!   that writes into its first argument (`none` where PyTorch has none);
//! - `arity`: `unary`, `binary`, `ternary`;
//! - `rule`, the types it computes in, a [`Rule`]; `custom` rows have no generated functions: those that
//!   record them are written by hand, for options or for types that no rule covers;
//! - `result`: `same`, the dtype it computes in, or `mask`, bool;
//! - its meaning per category: a path below `math`, a function generic over [`Float`] or [`Int`]
//!   (bool is an `Int` that is 0 or 1); empty where PyTorch refuses the category.
//!
//! # Note [Stepwise halves]
//! In float16 and bfloat16 an operation computes in f32 and rounds once, at its end. Rows listed in
//! [`Op::is_stepwise`] round where their function says `.step()` as well, as PyTorch's do.
//!
//! [`Float`]: crate::math::algebra::Float
//! [`Int`]: crate::math::algebra::Int

pub(crate) mod promote;
mod table;

pub(crate) use table::op_table;

use crate::dtype::{Category, DType};

/// The dtypes an operation computes in, from the promoted dtype of its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The promoted dtype.
    Promote,
    /// The promoted dtype; the default float dtype for integers and bool.
    Float,
    /// Every argument becomes bool.
    Truth,
    /// Settled by the hand-written function that records the operation.
    Custom,
}

/// What the result of an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// The dtype it computed in.
    Same,
    /// A truth value.
    Mask,
}

/// One row's facts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpInfo {
    pub(crate) name: &'static str,
    /// `none` where there is no in-place form.
    pub(crate) in_place: &'static str,
    pub(crate) arity: usize,
    pub(crate) rule: Rule,
    pub(crate) output: Output,
    /// Whether the row has a meaning for float, integer, bool.
    pub(crate) float: bool,
    pub(crate) int: bool,
    pub(crate) bool: bool,
}

impl OpInfo {
    /// The dtype of the result of the operation computed in `dtype`.
    #[inline]
    pub(crate) fn result(&self, dtype: DType) -> DType {
        match self.output {
            Output::Same => dtype,
            Output::Mask => DType::Bool,
        }
    }

    /// Whether the operation computes in `dtype`.
    pub(crate) fn computes_in(&self, dtype: DType) -> bool {
        match dtype.category() {
            Category::Float => self.float,
            Category::Int => self.int,
            Category::Bool => self.bool,
        }
    }
}

macro_rules! define_ops {
    (@arity unary) => { 1 };
    (@arity binary) => { 2 };
    (@arity ternary) => { 3 };
    (@rule promote) => { Rule::Promote };
    (@rule float) => { Rule::Float };
    (@rule truth) => { Rule::Truth };
    (@rule custom) => { Rule::Custom };
    (@output same) => { Output::Same };
    (@output mask) => { Output::Mask };
    (@has) => { false };
    (@has $path:path) => { true };
    ($(
        $(#[$doc:meta])*
        $variant:ident $name:ident $in_place:ident $arity:ident $rule:ident $output:ident {
            float [$($float:path)?] int [$($int:path)?] bool [$($bool:path)?]
        }
    )*) => {
        /// An element-wise operation: one row of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Op {
            $($(#[$doc])* $variant,)*
        }

        impl Op {
            #[cfg_attr(not(test), allow(dead_code, reason = "what every test over the table walks"))]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant,)*];

            pub(crate) const fn info(self) -> &'static OpInfo {
                match self {
                    $(Self::$variant => &OpInfo {
                        name: stringify!($name),
                        in_place: stringify!($in_place),
                        arity: define_ops!(@arity $arity),
                        rule: define_ops!(@rule $rule),
                        output: define_ops!(@output $output),
                        float: define_ops!(@has $($float)?),
                        int: define_ops!(@has $($int)?),
                        bool: define_ops!(@has $($bool)?),
                    },)*
                }
            }
        }
    };
}

op_table!(define_ops);

impl Op {
    /// Whether the halves round within the operation, see Note [Stepwise halves].
    pub(crate) const fn is_stepwise(self) -> bool {
        matches!(self, Self::DivTrunc | Self::DivFloor)
    }

    /// Whether the function for floats takes a remainder ([`Float::fmod`]). Wherever a NaN in its place could
    /// change the result, it makes that NaN too.
    pub(crate) const fn takes_remainder(self) -> bool {
        matches!(self, Self::Fmod | Self::Remainder | Self::DivFloor)
    }

    /// Whether the function for floats is approximated, in tens of steps of arithmetic.
    pub(crate) const fn is_long(self) -> bool {
        use Op::*;
        matches!(
            self,
            Exp | Exp2
                | Expm1
                | Log
                | Log1p
                | Log2
                | Log10
                | Rsqrt
                | Sin
                | Cos
                | Tan
                | Asin
                | Acos
                | Atan
                | Sinh
                | Cosh
                | Tanh
                | Sigmoid
                | Silu
                | Softplus
                | Erf
                | Gelu
                | Pow
                | Atan2
                | Hypot
        )
    }

    /// Whether the function for floats is such a chain of steps that it is computed of several numbers in turn.
    /// Those of [angles](Self::takes_angle) are too.
    pub(crate) const fn takes_turns(self) -> bool {
        use Op::*;
        matches!(
            self,
            Expm1 | Log1p | Sinh | Cosh | Tanh | Sigmoid | Silu | Softplus | Erf | Gelu | Pow
        )
    }

    /// Whether the function for integers divides.
    pub(crate) const fn divides(self) -> bool {
        matches!(self, Self::DivTrunc | Self::DivFloor | Self::Fmod | Self::Remainder)
    }

    /// Whether the function for floats takes its argument as an angle.
    pub(crate) const fn takes_angle(self) -> bool {
        matches!(self, Self::Sin | Self::Cos | Self::Tan)
    }
}
