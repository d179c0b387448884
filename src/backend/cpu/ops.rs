//! The loop of every row of the op table, for every lane it has a meaning in.
//!
//! Nothing here names an operation: a new row has its loops by being in the table.

use bytemuck::Pod;

use super::lanes::{
    Accumulate, AccumulateAt, Blocks, Loop, Operand, Outcome, Scan, accumulate, accumulate_at,
    binary, blocks, mend, scan, unary,
};
use crate::dtype::DType;
use crate::math::algebra::Float;
use crate::math::fmod::Near;
use crate::math::half::{StepBF16, StepF16};
use crate::ops::{Op, op_table};

// Functions go as closures to be inlined always: the shim by which a function item is called is not, and
// a loop around a call is no vector.

/// One row in one lane type.
macro_rules! row {
    ($arity:ident $lane:ty, []) => {
        unreachable!("verify() refuses an operation without a meaning in its dtype")
    };
    (unary $lane:ty, [$function:path]) => {
        |out, a, _, _| {
            unary::<$lane, _, _>(
                out,
                a,
                #[inline(always)]
                |a| $function(a),
            )
        }
    };
    (binary $lane:ty, [$function:path]) => {
        |out, a, b, _| {
            binary::<$lane, _, _>(
                out,
                a,
                b,
                #[inline(always)]
                |a, b| $function(a, b),
            )
        }
    };
    (ternary $lane:ty, [$function:path]) => {
        |out, a, b, c| {
            super::lanes::ternary::<$lane, $lane, _, _>(
                out,
                a,
                b,
                c,
                #[inline(always)]
                |a, b, c| $function(a, b, c),
            )
        }
    };
}

/// One row in one float type, which is computed of [`Near`] numbers, and anew where that is NaN.
macro_rules! near {
    (binary same $lane:ty, [$function:path]) => {
        |out, a, b, _| {
            binary::<Near<$lane>, _, _>(
                out,
                a,
                b,
                #[inline(always)]
                |a, b| $function(a, b),
            );
            mend::<$lane>(out, a, b, |a, b| $function(a, b));
        }
    };
    ($arity:ident $output:ident $lane:ty, [$($function:path)?]) => {
        unreachable!("a remainder has two arguments and is a float")
    };
}

/// The loops of an operation that folds.
#[derive(Clone, Copy)]
pub(super) struct FoldLoops {
    pub(super) accumulate: Accumulate,
    pub(super) accumulate_at: AccumulateAt,
    pub(super) blocks: Blocks,
    pub(super) scan: Scan,
}

/// One row in one lane type, folding.
macro_rules! fold {
    (binary same $lane:ty, [$function:path]) => {
        FoldLoops {
            accumulate: |into, values| {
                accumulate::<$lane, _, _>(
                    into,
                    values,
                    #[inline(always)]
                    |a, b| $function(a, b),
                )
            },
            accumulate_at: |into, places, values| {
                accumulate_at::<$lane, _, _>(
                    into,
                    places,
                    values,
                    #[inline(always)]
                    |a, b| $function(a, b),
                );
            },
            blocks: |into, values, len, start| {
                blocks::<$lane, _, _>(
                    into,
                    values,
                    len,
                    start,
                    #[inline(always)]
                    |a, b| $function(a, b),
                )
            },
            scan: |state, values| {
                scan::<$lane, _, _>(
                    state,
                    values,
                    #[inline(always)]
                    |a, b| $function(a, b),
                )
            },
        }
    };
    ($arity:ident $output:ident $lane:ty, [$($function:path)?]) => {
        unreachable!("a fold has two arguments and a result of one dtype")
    };
}

macro_rules! define_loops {
    ($(
        $(#[$doc:meta])*
        $variant:ident $name:ident $in_place:ident $arity:ident $rule:ident $output:ident {
            float [$($float:path)?] int [$($int:path)?] bool [$($bool:path)?]
        }
    )*) => {
        fn f32_loop(op: Op) -> Loop {
            match op {$(
                Op::$variant => if const { Op::$variant.takes_remainder() } {
                    near!($arity $output f32, [$($float)?])
                } else {
                    row!($arity f32, [$($float)?])
                },
            )*}
        }

        /// Note [Stepwise halves] in `ops`: other rows round at their end only, as every loop's result is.
        fn f16_loop(op: Op) -> Loop {
            match op {$(
                Op::$variant => if const { Op::$variant.is_stepwise() } {
                    row!($arity StepF16, [$($float)?])
                } else {
                    f32_loop(op)
                },
            )*}
        }

        fn bf16_loop(op: Op) -> Loop {
            match op {$(
                Op::$variant => if const { Op::$variant.is_stepwise() } {
                    row!($arity StepBF16, [$($float)?])
                } else {
                    f32_loop(op)
                },
            )*}
        }

        fn f64_loop(op: Op) -> Loop {
            match op {$(
                Op::$variant => if const { Op::$variant.takes_remainder() } {
                    near!($arity $output f64, [$($float)?])
                } else {
                    row!($arity f64, [$($float)?])
                },
            )*}
        }

        fn i32_loop(op: Op) -> Loop {
            match op { $(Op::$variant => row!($arity i32, [$($int)?]),)* }
        }

        fn i64_loop(op: Op) -> Loop {
            match op { $(Op::$variant => row!($arity i64, [$($int)?]),)* }
        }

        fn bool_loop(op: Op) -> Loop {
            match op { $(Op::$variant => row!($arity i32, [$($bool)?]),)* }
        }

        fn f32_fold(op: Op) -> FoldLoops {
            match op { $(Op::$variant => fold!($arity $output f32, [$($float)?]),)* }
        }

        fn f64_fold(op: Op) -> FoldLoops {
            match op { $(Op::$variant => fold!($arity $output f64, [$($float)?]),)* }
        }

        fn i32_fold(op: Op) -> FoldLoops {
            match op { $(Op::$variant => fold!($arity $output i32, [$($int)?]),)* }
        }

        fn i64_fold(op: Op) -> FoldLoops {
            match op { $(Op::$variant => fold!($arity $output i64, [$($int)?]),)* }
        }

        fn bool_fold(op: Op) -> FoldLoops {
            match op { $(Op::$variant => fold!($arity $output i32, [$($bool)?]),)* }
        }
    };
}

op_table!(define_loops);

macro_rules! stepwise {
    ($($type:ident)*) => {$(
        impl Operand for $type {
            type Lane = f32;
            #[inline(always)]
            fn from_lane(lane: f32) -> Self {
                Self(lane)
            }
        }

        impl Outcome for $type {
            type Lane = f32;
            #[inline(always)]
            fn into_lane(self) -> f32 {
                self.0
            }
        }
    )*};
}

stepwise!(StepF16 StepBF16);

impl<F: Float + Pod> Operand for Near<F> {
    type Lane = F;
    #[inline(always)]
    fn from_lane(lane: F) -> Self {
        Self(lane)
    }
}

impl<F: Float + Pod> Outcome for Near<F> {
    type Lane = F;
    #[inline(always)]
    fn into_lane(self) -> F {
        self.0
    }
}

/// The loop of an operation that computes in `dtype`. Its result is not narrowed.
pub(super) fn loop_of(op: Op, dtype: DType) -> Loop {
    match dtype {
        DType::Bool => bool_loop(op),
        DType::U8 | DType::I8 | DType::I16 | DType::I32 => i32_loop(op),
        DType::I64 => i64_loop(op),
        DType::F16 => f16_loop(op),
        DType::BF16 => bf16_loop(op),
        DType::F32 => f32_loop(op),
        DType::F64 => f64_loop(op),
    }
}

/// The loops that fold by an operation in `dtype`. Results are not narrowed.
pub(super) fn fold_of(op: Op, dtype: DType) -> FoldLoops {
    debug_assert!(!(dtype.is_half() && op.is_stepwise()), "nobody folds by a rounded quotient");
    match dtype {
        DType::Bool => bool_fold(op),
        DType::U8 | DType::I8 | DType::I16 | DType::I32 => i32_fold(op),
        DType::I64 => i64_fold(op),
        DType::F16 | DType::BF16 | DType::F32 => f32_fold(op),
        DType::F64 => f64_fold(op),
    }
}
