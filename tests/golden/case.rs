//! A case as data.
//!
//! Mirrors the format of `README.md`, field by field. `parse.rs` makes it from JSON.

use std::fmt;

use taut::{DType, ErrorKind, Scalar};

use crate::compare::Tolerance;

/// One line of `cases.jsonl`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) category: String,
    pub(crate) body: Body,
    /// How tensors compare.
    pub(crate) tolerance: Tolerance,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Body {
    Single(Single),
    Program(Program),
}

/// One operation and its result.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Single {
    pub(crate) call: Invocation,
    pub(crate) expect: Expect,
    /// Key of the target's whole memory afterwards.
    pub(crate) base_after: Option<String>,
    pub(crate) layout: Option<ResultLayout>,
}

/// An operation and its arguments.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Invocation {
    pub(crate) op: String,
    pub(crate) args: Vec<Arg>,
    pub(crate) kwargs: Vec<(String, Arg)>,
    /// Whether the operation writes into its first argument.
    pub(crate) in_place: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Arg {
    Tensor(TensorRef),
    Scalar(Scalar),
    Str(String),
    DType(DType),
    /// An empty list is one of integers.
    Ints(Vec<i64>),
    Tensors(Vec<TensorRef>),
    Index(Vec<Item>),
    None,
}

/// A tensor, seen through view steps.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TensorRef {
    pub(crate) source: Source,
    pub(crate) view: Vec<ViewStep>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    /// From the file.
    Key(String),
    /// A program's variable.
    Variable(String),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ViewStep {
    Transpose(i64, i64),
    Permute(Vec<i64>),
    Slice { dim: i64, start: Option<i64>, stop: Option<i64>, step: i64 },
    Select { dim: i64, index: i64 },
    Narrow { dim: i64, start: i64, len: i64 },
    Expand(Vec<i64>),
    Unsqueeze(i64),
    Squeeze(i64),
    View(Vec<i64>),
    Reshape(Vec<i64>),
    Flip(Vec<i64>),
}

/// One item of an index expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    Int(i64),
    Slice { start: Option<i64>, stop: Option<i64>, step: i64 },
    Ellipsis,
    NewAxis,
    Tensor(TensorRef),
}

/// The result of a single operation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expect {
    /// The tensor of this key.
    Tensor(String),
    Tensors(Vec<String>),
    /// Only dtype and shape are determined.
    Meta(DType, Vec<usize>),
    DType(DType),
    Value(Nested),
    Text(String),
    Refused(Refusal),
}

/// An error's class, and PyTorch's words for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
}

/// A number, or lists of them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Nested {
    Scalar(Scalar),
    List(Vec<Self>),
}

/// The memory of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResultLayout {
    pub(crate) aliases: bool,
    pub(crate) stride: Option<Vec<i64>>,
    pub(crate) offset: Option<i64>,
    pub(crate) contiguous: Option<bool>,
}

/// Operations one after another.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Program {
    /// Variable and key.
    pub(crate) inputs: Vec<(String, String)>,
    pub(crate) steps: Vec<Step>,
    /// Variable and key, of every variable left at the end.
    pub(crate) expect: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Let(String, Invocation),
    Do(Invocation),
    Check(String, String),
    Drop(String),
    Fail(Refusal, Invocation),
}

impl Case {
    /// Every operation that the case calls.
    pub(crate) fn calls(&self) -> Vec<&Invocation> {
        match &self.body {
            Body::Single(single) => vec![&single.call],
            Body::Program(program) => program.steps.iter().filter_map(Step::call).collect(),
        }
    }

    /// Every tensor of the file that the case names.
    pub(crate) fn keys(&self) -> Vec<&str> {
        let args = self.calls().into_iter().flat_map(|call| &call.args);
        let mut keys: Vec<&str> = args.flat_map(Arg::tensors).filter_map(TensorRef::key).collect();
        match &self.body {
            Body::Single(single) => match &single.expect {
                Expect::Tensor(key) => keys.push(key),
                Expect::Tensors(more) => keys.extend(more.iter().map(String::as_str)),
                _ => {}
            },
            Body::Program(program) => {
                keys.extend(program.inputs.iter().map(|(_, key)| key.as_str()));
            }
        }
        keys
    }

    /// Every dtype that the case names.
    pub(crate) fn dtypes(&self) -> Vec<DType> {
        let calls = self.calls().into_iter();
        let args =
            calls.flat_map(|call| call.args.iter().chain(call.kwargs.iter().map(|(_, arg)| arg)));
        args.filter_map(|arg| match arg {
            Arg::DType(dtype) => Some(*dtype),
            _ => None,
        })
        .collect()
    }

    /// Whether some operation must be refused.
    pub(crate) fn expects_refusal(&self) -> bool {
        match &self.body {
            Body::Single(single) => matches!(single.expect, Expect::Refused(_)),
            Body::Program(program) => {
                program.steps.iter().any(|step| matches!(step, Step::Fail(..)))
            }
        }
    }
}

impl Step {
    fn call(&self) -> Option<&Invocation> {
        match self {
            Self::Let(_, call) | Self::Do(call) | Self::Fail(_, call) => Some(call),
            Self::Check(..) | Self::Drop(_) => None,
        }
    }
}

impl Arg {
    /// Every tensor in the argument.
    fn tensors(&self) -> Vec<&TensorRef> {
        match self {
            Self::Tensor(tensor) => vec![tensor],
            Self::Tensors(tensors) => tensors.iter().collect(),
            Self::Index(items) => items.iter().filter_map(Item::tensor).collect(),
            _ => Vec::new(),
        }
    }
}

impl Item {
    fn tensor(&self) -> Option<&TensorRef> {
        match self {
            Self::Tensor(tensor) => Some(tensor),
            _ => None,
        }
    }
}

impl TensorRef {
    fn key(&self) -> Option<&str> {
        match &self.source {
            Source::Key(key) => Some(key),
            Source::Variable(_) => None,
        }
    }
}

impl Invocation {
    /// The name by which the operation may be skipped. Indexing by tensors is an operation apart.
    pub(crate) fn name(&self) -> String {
        let by_tensor = self.args.iter().any(|arg| match arg {
            Arg::Index(items) => items.iter().any(|item| item.tensor().is_some()),
            _ => false,
        });
        if by_tensor { format!("{}[tensor]", self.op) } else { self.op.clone() }
    }
}

impl fmt::Display for Nested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(Scalar::Bool(v)) => write!(f, "{v}"),
            Self::Scalar(Scalar::Int(v)) => write!(f, "{v}"),
            Self::Scalar(Scalar::Float(v)) => write!(f, "{v:?}"),
            Self::List(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { ", " })?;
                    item.fmt(f)?;
                }
                f.write_str("]")
            }
        }
    }
}
