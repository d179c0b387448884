//! The loop of every row of the op table, for every lane it has a meaning in.
//!
//! Nothing here names an operation: a new row has its loops by being in the table.

use bytemuck::Pod;

use super::lanes::{
    Accumulate, AccumulateAt, Blocks, Loop, Operand, Outcome, Scan, accumulate, accumulate_at, all,
    binary, blocks, mend, scan, unary,
};
use super::turns;
use crate::dtype::DType;
use crate::math::algebra::Float;
use crate::math::fmod::Near;
use crate::math::half::{StepBF16, StepF16};
use crate::math::short::{Short, is_short};
use crate::math::trig::is_near;
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

/// One row in one float type, computed of several numbers in turn.
macro_rules! in_turn {
    (unary same $lane:ty, [$function:path]) => {
        |out, a, _, _| {
            turns::unary::<$lane, _>(
                out,
                a,
                #[inline(always)]
                |a| $function(a),
                #[inline(always)]
                |a| $function(a),
            )
        }
    };
    (binary same $lane:ty, [$function:path]) => {
        |out, a, b, _| {
            turns::binary::<$lane, _>(
                out,
                a,
                b,
                #[inline(always)]
                |a, b| $function(a, b),
                #[inline(always)]
                |a, b| $function(a, b),
            )
        }
    };
    ($arity:ident $output:ident $lane:ty, [$($function:path)?]) => {
        unreachable!("a chain has one argument or two and is a float")
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

/// One row in one float type, computed of [`Near`] numbers where all are.
macro_rules! angle {
    (unary same $lane:ty, [$function:path]) => {
        |out, a, b, c| {
            let is_near = all::<$lane>(
                a,
                #[inline(always)]
                |a| is_near(a),
            );
            let run: Loop = if is_near {
                in_turn!(unary same Near<$lane>, [$function])
            } else {
                row!(unary $lane, [$function])
            };
            run(out, a, b, c);
        }
    };
    ($arity:ident $output:ident $lane:ty, [$($function:path)?]) => {
        unreachable!("an angle is the only argument and a float")
    };
}

/// One row of int64, computed of [`Short`] integers where all are.
macro_rules! division {
    (binary same [$function:path]) => {
        |out, a, b, c| {
            let are_short = [a, b].into_iter().all(|lanes| {
                all::<i64>(
                    lanes,
                    #[inline(always)]
                    |lane| is_short(lane),
                )
            });
            let run: Loop = if are_short {
                row!(binary Short<i64>, [$function])
            } else {
                row!(binary i64, [$function])
            };
            run(out, a, b, c);
        }
    };
    ($arity:ident $output:ident [$($function:path)?]) => {
        unreachable!("a division has two arguments and is an integer")
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
            scan: |state, values, len| {
                scan::<$lane, _, _>(
                    state,
                    values,
                    len,
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
                } else if const { Op::$variant.takes_angle() } {
                    angle!($arity $output f32, [$($float)?])
                } else if const { Op::$variant.takes_turns() } {
                    in_turn!($arity $output f32, [$($float)?])
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
                } else if const { Op::$variant.takes_angle() } {
                    angle!($arity $output f64, [$($float)?])
                } else if const { Op::$variant.takes_turns() } {
                    in_turn!($arity $output f64, [$($float)?])
                } else {
                    row!($arity f64, [$($float)?])
                },
            )*}
        }

        fn i32_loop(op: Op) -> Loop {
            match op { $(Op::$variant => row!($arity i32, [$($int)?]),)* }
        }

        fn i64_loop(op: Op) -> Loop {
            match op {$(
                Op::$variant => if const { Op::$variant.divides() } {
                    division!($arity $output [$($int)?])
                } else {
                    row!($arity i64, [$($int)?])
                },
            )*}
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

impl<I: Pod> Operand for Short<I> {
    type Lane = I;
    #[inline(always)]
    fn from_lane(lane: I) -> Self {
        Self(lane)
    }
}

impl<I: Pod> Outcome for Short<I> {
    type Lane = I;
    #[inline(always)]
    fn into_lane(self) -> I {
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

#[cfg(test)]
mod tests {
    use bytemuck::{cast_slice, cast_slice_mut};

    use super::*;
    use crate::math::{arithmetic, trig};

    /// Of whole rounds, and of what is left.
    #[test]
    fn what_takes_turns_has_the_bits_of_each_element() {
        fn compare<T: Pod + PartialEq + std::fmt::Debug>(dtype: DType, of: impl Fn(f64) -> T) {
            let number = |i: u32| match i % 13 {
                0 => [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e-310, -1e300]
                    [i as usize / 13 % 7],
                1 => f64::from(i) * 1e-6,
                _ => (f64::from(i) * 0.37).sin() * f64::from(i % 50),
            };
            let in_turn = |op: &&Op| op.takes_turns() || op.takes_angle();
            assert_eq!(Op::ALL.iter().filter(in_turn).count(), 14);
            for &op in Op::ALL.iter().filter(in_turn) {
                let run = loop_of(op, dtype);
                for len in [1, 63, 64, 65, 128, 300] {
                    let a: Vec<T> = (5..5 + len).map(|i| of(number(i))).collect();
                    let b: Vec<T> = (700..700 + len).map(|i| of(number(i))).collect();
                    let mut got = a.clone();
                    run(cast_slice_mut(&mut got), cast_slice(&a), cast_slice(&b), &[]);
                    for ((a, b), got) in a.iter().zip(&b).zip(&got) {
                        let mut alone = [*a];
                        let [a, b] = [a, b].map(|x| bytemuck::bytes_of(x));
                        run(cast_slice_mut(&mut alone), a, b, &[]);
                        let same = bytemuck::bytes_of(got) == cast_slice::<T, u8>(&alone);
                        assert!(same, "{op:?} in {dtype}: {got:?}, alone {alone:?}, {len}");
                    }
                }
            }
        }
        compare(DType::F32, |x| x as f32);
        compare(DType::F64, |x| x);
    }

    /// Of blocks that go the quick way, and of the same with one element for which there is none.
    #[test]
    fn quick_blocks_have_the_bits_of_each_element() {
        type Division = (Op, fn(i64, i64) -> i64);
        type Angle = (Op, fn(f64) -> f64, fn(f32) -> f32);
        let numbers = (-200..200_i64).map(|i| i * i * i * 977 + i);
        let short: Vec<i64> = numbers.chain([0, (1 << 51) - 1, 1 - (1 << 51)]).collect();
        let mut by = short.clone();
        by.reverse();
        by.rotate_left(7);
        let functions: [Division; 4] = [
            (Op::DivTrunc, arithmetic::int_div_trunc),
            (Op::DivFloor, arithmetic::int_div_floor),
            (Op::Fmod, arithmetic::int_fmod),
            (Op::Remainder, arithmetic::int_remainder),
        ];
        for last in [5, i64::MIN, i64::MAX, 1 << 51] {
            for (op, function) in functions {
                let (mut a, mut b) = (short.clone(), by.clone());
                a.push(last);
                b.push(-1);
                for (a, b) in [(&a, &b), (&b, &a)] {
                    let mut got = vec![0; a.len()];
                    loop_of(op, DType::I64)(
                        cast_slice_mut(&mut got),
                        cast_slice(a),
                        cast_slice(b),
                        &[],
                    );
                    let expected: Vec<i64> =
                        a.iter().zip(b).map(|(&a, &b)| function(a, b)).collect();
                    assert_eq!(got, expected, "{op:?}");
                }
            }
        }
        let functions: [Angle; 3] = [
            (Op::Sin, trig::sin, trig::sin),
            (Op::Cos, trig::cos, trig::cos),
            (Op::Tan, trig::tan, trig::tan),
        ];
        for last in [1.0, 256.0, 4096.0, 1e30, f64::INFINITY, f64::NAN, -0.0] {
            for (op, double, single) in functions {
                let a: Vec<f64> = (-255..255).map(|i| f64::from(i) * 0.998).chain([last]).collect();
                let mut got = vec![0.0_f64; a.len()];
                loop_of(op, DType::F64)(cast_slice_mut(&mut got), cast_slice(&a), &[], &[]);
                for (&a, got) in a.iter().zip(got) {
                    assert_eq!(got.to_bits(), double(a).to_bits(), "{op:?} of {a}");
                }
                let a: Vec<f32> = a.iter().map(|&a| a as f32).collect();
                let mut got = vec![0.0_f32; a.len()];
                loop_of(op, DType::F32)(cast_slice_mut(&mut got), cast_slice(&a), &[], &[]);
                for (&a, got) in a.iter().zip(got) {
                    assert_eq!(got.to_bits(), single(a).to_bits(), "{op:?} of {a}");
                }
            }
        }
    }
}
