//! One operation as the tape holds it.
//!
//! Owns [`Record`] and [`Program`], the little list of expressions that an operation brings along: the
//! plan joins several into one kernel. Loads and scalars are numbered within the record.

use std::panic::Location;

use smallvec::SmallVec;

use super::storage::View;
use crate::dtype::DType;
use crate::kernel::{Dims, Expr, Node, Value};
use crate::ops::{Op, Output};

/// An operation that waits on the tape.
pub(crate) struct Record {
    pub(crate) name: &'static str,
    /// The caller's line.
    pub(crate) location: &'static Location<'static>,
    /// The iteration space, which every view has as its shape.
    pub(crate) shape: Dims,
    pub(crate) program: Program,
    pub(crate) inputs: SmallVec<[View; 3]>,
    /// Where the last value of the program goes.
    pub(crate) output: View,
}

/// The expressions of one operation, in order; the last is the result.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    pub(crate) nodes: SmallVec<[Node; 6]>,
    pub(crate) scalars: SmallVec<[u64; 4]>,
    /// A bool value that is true where the operation must be refused.
    pub(crate) check: Option<Value>,
    /// What the refusal says.
    pub(crate) refusal: &'static str,
}

impl Program {
    pub(crate) fn push(&mut self, expr: Expr, dtype: DType) -> Value {
        self.nodes.push(Node { expr, dtype });
        (self.nodes.len() - 1) as Value
    }

    pub(crate) fn dtype(&self, value: Value) -> DType {
        self.nodes[usize::from(value)].dtype
    }

    /// The element of input `index`.
    pub(crate) fn load(&mut self, index: usize, dtype: DType) -> Value {
        self.push(Expr::Load(index as u8), dtype)
    }

    /// A number whose stored form in `dtype` is `bits`.
    pub(crate) fn scalar_bits(&mut self, bits: u64, dtype: DType) -> Value {
        self.scalars.push(bits);
        self.push(Expr::Scalar((self.scalars.len() - 1) as u8), dtype)
    }

    /// The value in another dtype.
    pub(crate) fn cast(&mut self, value: Value, dtype: DType) -> Value {
        if self.dtype(value) == dtype { value } else { self.push(Expr::Cast(value), dtype) }
    }

    pub(crate) fn unary(&mut self, op: Op, a: Value) -> Value {
        let dtype = self.result(op, a);
        self.push(Expr::Unary(op, a), dtype)
    }

    pub(crate) fn binary(&mut self, op: Op, a: Value, b: Value) -> Value {
        let dtype = self.result(op, a);
        self.push(Expr::Binary(op, [a, b]), dtype)
    }

    pub(crate) fn ternary(&mut self, op: Op, args: [Value; 3]) -> Value {
        let dtype = self.result(op, args[0]);
        self.push(Expr::Ternary(op, args), dtype)
    }

    pub(crate) fn select(&mut self, mask: Value, then: Value, otherwise: Value) -> Value {
        let dtype = self.dtype(then);
        self.push(Expr::Select([mask, then, otherwise]), dtype)
    }

    pub(crate) fn last(&self) -> Value {
        (self.nodes.len() - 1) as Value
    }

    fn result(&self, op: Op, argument: Value) -> DType {
        match op.info().output {
            Output::Same => self.dtype(argument),
            Output::Mask => DType::Bool,
        }
    }
}
