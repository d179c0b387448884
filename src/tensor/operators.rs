//! `+ - * /`, unary `-` and `+= -= *= /=` on owned and borrowed tensors and numbers.
//!
//! Operators panic where the method returns an error, with the same message, as ndarray's do.

use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use super::arithmetic::Binary;
use super::{Arg, Tensor};
use crate::error::Result;

#[track_caller]
fn expect<T>(result: Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

macro_rules! operator {
    ($trait:ident $method:ident $assign:ident $assign_method:ident $op:expr; $($number:ty)*) => {
        impl<'a, T: Into<Arg<'a>>> $trait<T> for &Tensor {
            type Output = Tensor;

            #[track_caller]
            fn $method(self, other: T) -> Tensor {
                expect($op.apply(self.into(), other.into()))
            }
        }

        impl<'a, T: Into<Arg<'a>>> $trait<T> for Tensor {
            type Output = Tensor;

            #[track_caller]
            fn $method(self, other: T) -> Tensor {
                expect($op.apply((&self).into(), other.into()))
            }
        }

        impl $trait<Tensor> for &Tensor {
            type Output = Tensor;

            #[track_caller]
            fn $method(self, other: Tensor) -> Tensor {
                expect($op.apply(self.into(), (&other).into()))
            }
        }

        impl $trait<Tensor> for Tensor {
            type Output = Tensor;

            #[track_caller]
            fn $method(self, other: Tensor) -> Tensor {
                expect($op.apply((&self).into(), (&other).into()))
            }
        }

        impl<'a, T: Into<Arg<'a>>> $assign<T> for Tensor {
            #[track_caller]
            fn $assign_method(&mut self, other: T) {
                expect($op.apply_into(self, other.into()));
            }
        }

        impl $assign<Tensor> for Tensor {
            #[track_caller]
            fn $assign_method(&mut self, other: Tensor) {
                expect($op.apply_into(self, (&other).into()));
            }
        }

        $(
            impl $trait<&Tensor> for $number {
                type Output = Tensor;

                #[track_caller]
                fn $method(self, other: &Tensor) -> Tensor {
                    expect($op.apply(self.into(), other.into()))
                }
            }

            impl $trait<Tensor> for $number {
                type Output = Tensor;

                #[track_caller]
                fn $method(self, other: Tensor) -> Tensor {
                    expect($op.apply(self.into(), (&other).into()))
                }
            }
        )*
    };
}

macro_rules! operators {
    ($($trait:ident $method:ident $assign:ident $assign_method:ident $op:expr;)*) => {$(
        operator! {
            $trait $method $assign $assign_method $op;
            u8 i8 i16 i32 i64 f32 f64 half::f16 half::bf16 crate::Scalar
        }
    )*};
}

operators! {
    Add add AddAssign add_assign Binary::ADD;
    Sub sub SubAssign sub_assign Binary::SUB;
    Mul mul MulAssign mul_assign Binary::Mul;
    Div div DivAssign div_assign Binary::DIV;
}

impl Neg for &Tensor {
    type Output = Tensor;

    #[track_caller]
    fn neg(self) -> Tensor {
        expect(Tensor::neg(self))
    }
}

impl Neg for Tensor {
    type Output = Tensor;

    #[track_caller]
    fn neg(self) -> Tensor {
        expect(Tensor::neg(&self))
    }
}
