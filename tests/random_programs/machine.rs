//! Runs a program on a device.
//!
//! Owns [`Machine`], which resolves each step to what it means for the variables that are there (an
//! [`Action`]) and does it. Two runs of one program must agree on every action and every outcome.
#![allow(clippy::unwrap_used, reason = "a test, outside of its functions")]

use taut::{DType, Device, ErrorKind, Generator, Result, Rounding, Scalar, Tensor};

use super::fold::Fold;
use super::step::{Op, Operand, SHAPES, Step, View};

/// A step with its variables and dtypes settled.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    New {
        shape: Vec<usize>,
        dtype: DType,
        values: New,
    },
    View {
        of: usize,
        view: View,
        aliases: bool,
    },
    Binary {
        op: Op,
        lhs: usize,
        rhs: Value,
        dtype: DType,
    },
    InPlace {
        op: Op,
        lhs: usize,
        rhs: Value,
        dtype: DType,
    },
    Neg {
        of: usize,
        in_place: bool,
    },
    Fold {
        fold: Fold,
        of: usize,
        dims: Vec<usize>,
        keepdim: bool,
    },
    Write {
        to: usize,
        at: View,
        value: Value,
    },
    Cast {
        of: usize,
        dtype: DType,
        aliases: bool,
    },
    /// The elements of a variable.
    Read {
        of: usize,
        bits: Vec<u64>,
    },
    Drop {
        of: usize,
    },
    /// The step was refused: nothing has changed.
    Refused(ErrorKind),
    /// The step means nothing here.
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum New {
    Counted(i8),
    Full(i8),
    /// The draw of this number.
    Rand(usize),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    Var(usize),
    Int(i64),
    Float(f64),
}

impl Value {
    fn scalar(self) -> Option<Scalar> {
        match self {
            Self::Var(_) => None,
            Self::Int(v) => Some(Scalar::Int(v)),
            Self::Float(v) => Some(Scalar::Float(v)),
        }
    }
}

/// The generator of the `index`th draw of a program.
pub(crate) fn generator(index: usize) -> Generator {
    Generator::new(index as u64)
}

pub(crate) struct Machine<'a> {
    device: Device,
    dtypes: &'a [DType],
    /// Run every step at once.
    flush: bool,
    /// Whether every device has int64, in which integers are summed.
    wide: bool,
    vars: Vec<Tensor>,
    draws: usize,
    trace: Vec<Action>,
}

/// The actions of the program, and then a reading of every variable that is left.
pub(crate) fn run(steps: &[Step], device: Device, dtypes: &[DType], flush: bool) -> Vec<Action> {
    let (vars, trace) = (Vec::new(), Vec::new());
    let wide = Device::all().iter().all(|info| info.dtypes.contains(&DType::I64));
    let mut machine = Machine { device, dtypes, flush, wide, vars, draws: 0, trace };
    for &step in steps {
        let action = machine.step(step).unwrap_or_else(|error| Action::Refused(error.kind()));
        machine.trace.push(action);
        if machine.flush
            && let Some(var) = machine.vars.first()
        {
            var.eval().unwrap();
        }
    }
    for of in 0..machine.vars.len() {
        let action = machine.read(of).unwrap();
        machine.trace.push(action);
    }
    machine.trace
}

impl Machine<'_> {
    fn step(&mut self, step: Step) -> Result<Action> {
        match step {
            Step::Numbers { shape, dtype, first } => {
                let (shape, dtype) = (SHAPES[shape], self.dtype(dtype));
                let len: usize = shape.iter().product();
                let numbers: Vec<f32> = (0..len).map(|i| counted(first, i)).collect();
                let x = taut::from_slice(&numbers, shape, ())?.to((dtype, self.device))?;
                self.vars.push(x);
                Ok(Action::New { shape: shape.to_vec(), dtype, values: New::Counted(first) })
            }
            Step::Full { shape, dtype, value } => {
                let (shape, dtype) = (SHAPES[shape], self.dtype(dtype));
                self.vars.push(taut::full(shape, value, (dtype, self.device))?);
                Ok(Action::New { shape: shape.to_vec(), dtype, values: New::Full(value) })
            }
            Step::Rand { shape } => {
                let (shape, index) = (SHAPES[shape], self.draws);
                self.draws += 1;
                self.vars.push(generator(index).rand(shape, self.device)?);
                let values = New::Rand(index);
                Ok(Action::New { shape: shape.to_vec(), dtype: DType::F32, values })
            }
            Step::View { of, view } => {
                let Some(of) = self.var(of) else { return Ok(Action::Nothing) };
                let Some(x) = view.of(&self.vars[of])? else { return Ok(Action::Nothing) };
                let aliases = x.shares_memory(&self.vars[of]);
                self.vars.push(x);
                Ok(Action::View { of, view, aliases })
            }
            Step::Binary { op, lhs, rhs } => {
                let Some((lhs, rhs)) = self.pair(lhs, rhs) else { return Ok(Action::Nothing) };
                let dtype = self.compute_dtype(lhs, rhs);
                let x = self.binary(op, lhs, rhs)?;
                self.vars.push(x);
                Ok(Action::Binary { op, lhs, rhs, dtype })
            }
            Step::InPlace { op, lhs, rhs } => {
                let Some((lhs, rhs)) = self.pair(lhs, rhs) else { return Ok(Action::Nothing) };
                let dtype = self.compute_dtype(lhs, rhs);
                let done = self.in_place(op, lhs, rhs)?;
                Ok(if done { Action::InPlace { op, lhs, rhs, dtype } } else { Action::Nothing })
            }
            Step::Neg { of } => {
                let Some(of) = self.var(of) else { return Ok(Action::Nothing) };
                self.vars.push(self.vars[of].neg()?);
                Ok(Action::Neg { of, in_place: false })
            }
            Step::NegInPlace { of } => {
                let Some(of) = self.var(of) else { return Ok(Action::Nothing) };
                self.vars[of].neg_()?;
                Ok(Action::Neg { of, in_place: true })
            }
            Step::Fold { fold, of, dims, keepdim } => {
                let Some(of) = self.var(of) else { return Ok(Action::Nothing) };
                let x = &self.vars[of];
                if fold.dtype(x.dtype()) == DType::I64 && !self.wide {
                    return Ok(Action::Nothing);
                }
                let dims = fold.dims(dims, x.dim());
                let x = fold.of(x, &dims, keepdim)?;
                self.vars.push(x);
                Ok(Action::Fold { fold, of, dims, keepdim })
            }
            Step::Fill { of, value } => {
                let Some(to) = self.var(of) else { return Ok(Action::Nothing) };
                let value = self.value(value);
                match value {
                    Value::Var(value) => self.vars[to].fill_(&self.vars[value])?,
                    Value::Int(value) => self.vars[to].fill_(value)?,
                    Value::Float(value) => self.vars[to].fill_(value)?,
                };
                Ok(Action::Write { to, at: View::Alias, value })
            }
            Step::Zero { of } => {
                let Some(to) = self.var(of) else { return Ok(Action::Nothing) };
                self.vars[to].zero_()?;
                Ok(Action::Write { to, at: View::Alias, value: Value::Int(0) })
            }
            Step::Copy { to, from } => {
                let Some(to) = self.var(to) else { return Ok(Action::Nothing) };
                let fits = |from: &Tensor| stretches(from.shape(), self.vars[to].shape());
                let Some(from) = self.var_where(from, fits) else { return Ok(Action::Nothing) };
                self.vars[to].copy_(&self.vars[from])?;
                Ok(Action::Write { to, at: View::Alias, value: Value::Var(from) })
            }
            Step::Put { of, at, value } => {
                let Some(to) = self.var(of) else { return Ok(Action::Nothing) };
                let Some(target) = at.of(&self.vars[to])? else { return Ok(Action::Nothing) };
                if !target.shares_memory(&self.vars[to]) {
                    return Ok(Action::Nothing);
                }
                let mut value = self.value(value);
                if let Value::Var(var) = value {
                    let fits = |from: &Tensor| stretches(from.shape(), target.shape());
                    let Some(var) = self.var_where(var, fits) else { return Ok(Action::Nothing) };
                    value = Value::Var(var);
                }
                match value {
                    Value::Var(value) => target.index_put_((), &self.vars[value])?,
                    Value::Int(value) => target.index_put_((), value)?,
                    Value::Float(value) => target.index_put_((), value)?,
                };
                Ok(Action::Write { to, at, value })
            }
            Step::Clone { of } => {
                let Some(of) = self.var(of) else { return Ok(Action::Nothing) };
                self.vars.push(self.vars[of].clone());
                Ok(Action::View { of, view: View::Alias, aliases: false })
            }
            Step::Contiguous { of } => {
                let Some(of) = self.var(of) else { return Ok(Action::Nothing) };
                let x = self.vars[of].contiguous()?;
                let aliases = x.shares_memory(&self.vars[of]);
                self.vars.push(x);
                Ok(Action::View { of, view: View::Alias, aliases })
            }
            Step::Cast { of, dtype } => {
                let Some(of) = self.var(of) else { return Ok(Action::Nothing) };
                let dtype = self.dtype(dtype);
                let x = self.vars[of].to(dtype)?;
                let aliases = x.shares_memory(&self.vars[of]);
                self.vars.push(x);
                Ok(Action::Cast { of, dtype, aliases })
            }
            Step::Read { of } => match self.var(of) {
                Some(of) => self.read(of),
                None => Ok(Action::Nothing),
            },
            Step::Drop { of } => {
                let Some(of) = self.var(of) else { return Ok(Action::Nothing) };
                self.vars.remove(of);
                Ok(Action::Drop { of })
            }
        }
    }

    fn dtype(&self, dtype: usize) -> DType {
        self.dtypes[dtype % self.dtypes.len()]
    }

    fn var(&self, number: usize) -> Option<usize> {
        // The latest first: what was just made is what is interesting.
        let count = self.vars.len();
        (count > 0).then(|| count - 1 - number % count)
    }

    fn var_where(&self, number: usize, fits: impl Fn(&Tensor) -> bool) -> Option<usize> {
        (0..self.vars.len()).filter_map(|k| self.var(number + k)).find(|&k| fits(&self.vars[k]))
    }

    fn value(&self, operand: Operand) -> Value {
        match operand {
            Operand::Var(number) => self.var(number).map_or(Value::Int(1), Value::Var),
            Operand::Int(value) => Value::Int(value.into()),
            Operand::Float(quarters) => Value::Float(f64::from(quarters) / 4.0),
        }
    }

    /// The operands; a variable on the right is one that broadcasts with the left.
    fn pair(&self, lhs: usize, rhs: Operand) -> Option<(usize, Value)> {
        let lhs = self.var(lhs)?;
        let mut rhs = self.value(rhs);
        if let Value::Var(var) = rhs {
            let left = self.vars[lhs].shape();
            rhs = Value::Var(self.var_where(var, |x| broadcast(left, x.shape()))?);
        }
        Some((lhs, rhs))
    }

    fn compute_dtype(&self, lhs: usize, rhs: Value) -> DType {
        let lhs = &self.vars[lhs];
        match (rhs, rhs.scalar()) {
            (Value::Var(rhs), _) => taut::result_type(lhs, &self.vars[rhs]),
            (_, scalar) => taut::result_type(lhs, scalar.unwrap_or(Scalar::Int(0))),
        }
    }

    /// The operand on the right; ones for zeros where integers are divided.
    ///
    /// Such a division may fail later; `tests/deferred.rs` is about that.
    fn divisor(&self, op: Op, lhs: usize, rhs: Value) -> Result<Option<Tensor>> {
        let dtype = self.compute_dtype(lhs, rhs);
        match rhs {
            Value::Var(rhs) if op.divides_integers(dtype) => {
                let rhs = self.vars[rhs].to(dtype)?;
                rhs.masked_fill(&rhs.eq(0)?, 1).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The right operand: the divisor without zeros where there is one.
    fn operand<'a>(&'a self, divisor: Option<&'a Tensor>, rhs: Value) -> taut::Arg<'a> {
        match (rhs, rhs.scalar()) {
            (Value::Var(rhs), _) => divisor.unwrap_or(&self.vars[rhs]).into(),
            (_, scalar) => scalar.unwrap_or(Scalar::Int(0)).into(),
        }
    }

    fn binary(&self, op: Op, lhs: usize, rhs: Value) -> Result<Tensor> {
        let x = &self.vars[lhs];
        let divisor = self.divisor(op, lhs, rhs)?;
        let rhs = self.operand(divisor.as_ref(), rhs);
        match op {
            Op::Add(None) => x.add(rhs),
            Op::Add(Some(alpha)) => x.add_alpha(rhs, alpha),
            Op::Sub(None) => x.sub(rhs),
            Op::Sub(Some(alpha)) => x.sub_alpha(rhs, alpha),
            Op::Mul => x.mul(rhs),
            Op::Div => x.div(rhs),
            Op::DivTrunc => x.div_mode(rhs, Rounding::Trunc),
            Op::DivFloor => x.div_mode(rhs, Rounding::Floor),
            Op::SubFrom => taut::sub(rhs, x),
            Op::DivInto => taut::div(rhs, x),
        }
    }

    fn in_place(&self, op: Op, lhs: usize, rhs: Value) -> Result<bool> {
        let x = &self.vars[lhs];
        let divisor = self.divisor(op, lhs, rhs)?;
        let rhs = self.operand(divisor.as_ref(), rhs);
        match op {
            Op::Add(None) => x.add_(rhs)?,
            Op::Add(Some(alpha)) => x.add_alpha_(rhs, alpha)?,
            Op::Sub(None) => x.sub_(rhs)?,
            Op::Sub(Some(alpha)) => x.sub_alpha_(rhs, alpha)?,
            Op::Mul => x.mul_(rhs)?,
            Op::Div => x.div_(rhs)?,
            Op::DivTrunc => x.div_mode_(rhs, Rounding::Trunc)?,
            Op::DivFloor => x.div_mode_(rhs, Rounding::Floor)?,
            Op::SubFrom | Op::DivInto => return Ok(false),
        };
        Ok(true)
    }

    fn read(&self, of: usize) -> Result<Action> {
        Ok(Action::Read { of, bits: bits(&self.vars[of])? })
    }
}

pub(crate) fn counted(first: i8, index: usize) -> f32 {
    // Quarters tell truncation from rounding; a prime step tells elements apart.
    f32::from(first) + (index * 7 % 23) as f32 * 0.25
}

impl View {
    /// The view of a tensor, if it has dims for it.
    fn of(self, x: &Tensor) -> Result<Option<Tensor>> {
        let (rank, shape) = (x.dim(), x.shape());
        let signed = |n: usize| n as i64;
        let place = |dim: usize| dim % rank.max(1);
        if rank == 0 && !matches!(self, Self::Alias | Self::Unsqueeze { .. } | Self::Expand { .. })
        {
            return Ok(None);
        }
        Ok(Some(match self {
            Self::Alias => x.alias(),
            Self::Transpose(a, b) => x.transpose(signed(place(a)), signed(place(b)))?,
            Self::Select { dim, index } => {
                let size = shape[place(dim)];
                if size == 0 {
                    return Ok(None);
                }
                x.select(signed(place(dim)), signed(index % size))?
            }
            Self::Narrow { dim, start, len } => {
                let start = start.min(shape[place(dim)]);
                let len = len.min(shape[place(dim)] - start);
                x.narrow(signed(place(dim)), signed(start), signed(len))?
            }
            Self::Every { dim, start, step } => {
                x.slice(signed(place(dim)), Some(signed(start)), None, signed(step))?
            }
            Self::Unsqueeze { dim } => x.unsqueeze(signed(dim % (rank + 1)))?,
            Self::Squeeze => x.squeeze(())?,
            Self::Diagonal if rank < 2 => return Ok(None),
            Self::Diagonal => x.diagonal(0, 0, 1)?,
            Self::Expand { size, lead } => x.expand(expanded(shape, size, lead))?,
            Self::Reshape { split } => x.reshape(reshaped(shape, split))?,
            Self::Unfold { dim, size } if size > shape[place(dim)] => return Ok(None),
            Self::Unfold { dim, size } => x.unfold(signed(place(dim)), signed(size), 1)?,
        }))
    }
}

pub(crate) fn expanded(shape: &[usize], size: usize, lead: bool) -> Vec<usize> {
    let sizes = shape.iter().map(|&old| if old == 1 { size } else { old });
    lead.then_some(size).into_iter().chain(sizes).collect()
}

pub(crate) fn reshaped(shape: &[usize], split: bool) -> Vec<usize> {
    let len: usize = shape.iter().product();
    if split && len.is_multiple_of(2) { vec![2, len / 2] } else { vec![len] }
}

pub(crate) fn broadcast(a: &[usize], b: &[usize]) -> bool {
    a.iter().rev().zip(b.iter().rev()).all(|(&a, &b)| a == b || a == 1 || b == 1)
}

fn stretches(from: &[usize], to: &[usize]) -> bool {
    from.len() <= to.len()
        && from.iter().rev().zip(to.iter().rev()).all(|(&from, &to)| from == to || from == 1)
}

/// The elements as bits, every NaN the same.
pub(crate) fn bits(x: &Tensor) -> Result<Vec<u64>> {
    const NAN: u64 = 0x7ff8 << 48;
    Ok(match x.dtype() {
        DType::Bool => x.to_vec::<bool>()?.into_iter().map(u64::from).collect(),
        DType::F16 | DType::BF16 | DType::F32 | DType::F64 => {
            let values = x.to_vec::<f64>()?.into_iter();
            values.map(|v| if v.is_nan() { NAN } else { v.to_bits() }).collect()
        }
        _ => x.to_vec::<i64>()?.into_iter().map(|v| v as u64).collect(),
    })
}
