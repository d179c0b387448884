//! The loop of every row of the op table, for every lane it has a meaning in.
//!
//! Nothing here names an operation: a new row has its loops by being in the table.

use super::lanes::{Loop, binary, ternary, unary};
use crate::dtype::{Category, DType, Lane};
use crate::ops::{Op, op_table};

/// One row in one lane type.
macro_rules! row {
    ($arity:ident $lane:ty, []) => {
        unreachable!("verify() refuses an operation without a meaning in its dtype")
    };
    (unary $lane:ty, [$function:path]) => {
        |out, a, _, _| unary::<$lane, _, _>(out, a, $function)
    };
    (binary $lane:ty, [$function:path]) => {
        |out, a, b, _| binary::<$lane, _, _>(out, a, b, $function)
    };
    (ternary $lane:ty, [$function:path]) => {
        |out, a, b, c| ternary::<$lane, $lane, _, _>(out, a, b, c, $function)
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
            match op { $(Op::$variant => row!($arity f32, [$($float)?]),)* }
        }

        fn f64_loop(op: Op) -> Loop {
            match op { $(Op::$variant => row!($arity f64, [$($float)?]),)* }
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
    };
}

op_table!(define_loops);

/// The loop of an operation that computes in `dtype`. Its result is not narrowed.
pub(super) fn loop_of(op: Op, dtype: DType) -> Loop {
    match (dtype.category(), dtype.lane()) {
        (Category::Bool, _) => bool_loop(op),
        (_, Lane::I32) => i32_loop(op),
        (_, Lane::I64) => i64_loop(op),
        (_, Lane::F32) => f32_loop(op),
        (_, Lane::F64) => f64_loop(op),
    }
}
