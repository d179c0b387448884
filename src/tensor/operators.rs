//! `+ - * /`, `& | ^ << >>`, unary `-` and `!`, and their assigning forms, on owned and borrowed tensors
//! and numbers.
//!
//! Operators panic where the method returns an error, with the same message, as ndarray's do.

use std::ops::{
    Add, AddAssign, BitAnd, BitAndAssign, BitOr, BitOrAssign, BitXor, BitXorAssign, Div, DivAssign,
    Mul, MulAssign, Neg, Not, Shl, ShlAssign, Shr, ShrAssign, Sub, SubAssign,
};

use super::arithmetic::Binary;
use crate::error::Result;
use crate::ops::Op;

use super::{Arg, Tensor, table};

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

macro_rules! table_operators {
    ($($trait:ident $method:ident $assign:ident $assign_method:ident $op:ident;)*) => {$(
        impl<'a, T: Into<Arg<'a>>> $trait<T> for &Tensor {
            type Output = Tensor;

            #[track_caller]
            fn $method(self, other: T) -> Tensor {
                expect(table::apply(Op::$op, &[self.into(), other.into()]))
            }
        }

        impl<'a, T: Into<Arg<'a>>> $trait<T> for Tensor {
            type Output = Tensor;

            #[track_caller]
            fn $method(self, other: T) -> Tensor {
                expect(table::apply(Op::$op, &[(&self).into(), other.into()]))
            }
        }

        impl $trait<Tensor> for &Tensor {
            type Output = Tensor;

            #[track_caller]
            fn $method(self, other: Tensor) -> Tensor {
                expect(table::apply(Op::$op, &[self.into(), (&other).into()]))
            }
        }

        impl $trait<Tensor> for Tensor {
            type Output = Tensor;

            #[track_caller]
            fn $method(self, other: Tensor) -> Tensor {
                expect(table::apply(Op::$op, &[(&self).into(), (&other).into()]))
            }
        }

        impl<'a, T: Into<Arg<'a>>> $assign<T> for Tensor {
            #[track_caller]
            fn $assign_method(&mut self, other: T) {
                expect(table::apply_into(Op::$op, self, &[(&*self).into(), other.into()]));
            }
        }
    )*};
}

table_operators! {
    BitAnd bitand BitAndAssign bitand_assign BitwiseAnd;
    BitOr bitor BitOrAssign bitor_assign BitwiseOr;
    BitXor bitxor BitXorAssign bitxor_assign BitwiseXor;
    Shl shl ShlAssign shl_assign ShiftLeft;
    Shr shr ShrAssign shr_assign ShiftRight;
}

impl Not for &Tensor {
    type Output = Tensor;

    #[track_caller]
    fn not(self) -> Tensor {
        expect(self.bitwise_not())
    }
}

impl Not for Tensor {
    type Output = Tensor;

    #[track_caller]
    fn not(self) -> Tensor {
        expect(self.bitwise_not())
    }
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
