//! Every row of the op table.

use super::*;

/// One row of one category, on the device and in Rust.
macro_rules! compare_row {
    ([] $arity:ident $op:ident $dtype:ident, $a:expr, $b:expr, $mode:ident) => {};
    ([$path:path] unary $op:ident $dtype:ident, $a:expr, $b:expr, $mode:ident) => {
        compare_row!(@ $op $dtype, $a, $b, $mode, "(a)", |a, _| $path(a))
    };
    ([$path:path] binary $op:ident $dtype:ident, $a:expr, $b:expr, $mode:ident) => {
        compare_row!(@ $op $dtype, $a, $b, $mode, "(a, b)", |a, b| $path(a, b))
    };
    ([$path:path] ternary $op:ident $dtype:ident, $a:expr, $b:expr, $mode:ident) => {
        compare_row!(@ $op $dtype, $a, $b, $mode, "(a, b, a)", |a, b| $path(a, b, a))
    };
    (@ $op:ident $dtype:ident, $a:expr, $b:expr, $mode:ident, $call:literal, |$x:ident, $y:pat_param| $meaning:expr) => {{
        let function = wgsl(Op::$op, DType::$dtype);
        let call = function.name.clone() + $call;
        compare_with(&function.text, &call, $a, $b, &$mode(), |$x, $y| Lanes::lanes($meaning));
    }};
}

/// A row's result as a lane: masks are 0 or 1.
trait Lanes {
    type Lane: Scalar + Same;
    fn lanes(self) -> Self::Lane;
}
macro_rules! lanes {
    ($($ty:ty)*) => {$(
        impl Lanes for $ty {
            type Lane = $ty;
            fn lanes(self) -> $ty {
                self
            }
        }
    )*};
}
lanes!(i32 i64 f32 f64);
impl Lanes for bool {
    type Lane = i32;
    fn lanes(self) -> i32 {
        self.into()
    }
}

macro_rules! define_row_tests {
    ($(
        $(#[$doc:meta])*
        $variant:ident $name:ident $in_place:ident $arity:ident $rule:ident $output:ident {
            float [$($float:path)?] int [$($int:path)?] bool [$($bool:path)?]
        }
    )*) => {
        #[test]
        fn rows_of_f32_match_rust() {
            let (a, b) = pairs_f32();
            $(compare_row!([$($float)?] $arity $variant F32, &a, &b, kept);)*
        }
        #[test]
        fn rows_of_f32_without_subnormals_match_rust() {
            let (a, b) = pairs_of_small_f32();
            $(compare_row!([$($float)?] $arity $variant F32, &a, &b, flushed);)*
        }
        #[test]
        fn rows_of_f64_match_rust() {
            let (a, b) = pairs_f64();
            $(compare_row!([$($float)?] $arity $variant F64, &a, &b, kept);)*
        }
        #[test]
        fn rows_of_integers_match_rust() {
            let (a, b) = pairs(&special_i64(), |bits| (bits as i64) >> (bits % 64));
            $(compare_row!([$($int)?] $arity $variant I64, &a, &b, kept);)*
            let a: Vec<i32> = a.into_iter().map(|v| v as i32).collect();
            let b: Vec<i32> = b.into_iter().map(|v| v as i32).collect();
            $(compare_row!([$($int)?] $arity $variant I32, &a, &b, kept);)*
            let a: Vec<i32> = a.into_iter().map(|v| v & 1).collect();
            let b: Vec<i32> = b.into_iter().map(|v| v & 1).collect();
            $(compare_row!([$($bool)?] $arity $variant Bool, &a, &b, kept);)*
        }
    };
}

crate::ops::op_table!(define_row_tests);

#[test]
fn stepwise_rows_of_halves_match_rust() {
    use crate::math::half::{StepBF16, StepF16, round_to_bf16, round_to_f16};
    let (a, b) = pairs_f32();
    let narrow = |values: &[f32], round: fn(f32) -> f32| values.iter().map(|&v| round(v)).collect();
    let (x, y): (Vec<f32>, Vec<f32>) = (narrow(&a, round_to_f16), narrow(&b, round_to_f16));
    let floor = wgsl(Op::DivFloor, DType::F16);
    compare(&floor.text, "div_floor_f16(a, b)", &x, &y, |a, b| {
        crate::math::arithmetic::div_floor(StepF16(a), StepF16(b)).0
    });
    let (x, y): (Vec<f32>, Vec<f32>) = (narrow(&a, round_to_bf16), narrow(&b, round_to_bf16));
    let floor = wgsl(Op::DivFloor, DType::BF16);
    compare(&floor.text, "div_floor_bf16(a, b)", &x, &y, |a, b| {
        crate::math::arithmetic::div_floor(StepBF16(a), StepBF16(b)).0
    });
}
