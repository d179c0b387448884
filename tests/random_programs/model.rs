//! The naive model: runs the actions of a program eagerly, in plain Rust.
//!
//! A variable is a list of places in a storage, one for each element in row-major order; a view is
//! another list. Nothing is lazy and nothing has strides. Numbers are held as the dtype rounds them.
#![allow(clippy::unwrap_used, reason = "a test, outside of its functions")]

use half::{bf16, f16};
use taut::{DType, Device};

use super::machine::{Action, New, Value, counted, expanded, generator, reshaped};
use super::step::{Op, View};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Int(i64),
    Float(f64),
    /// What the model does not say, as a float sum that rounds; see [`super::fold`].
    Unknown,
}

use Number::{Float, Int, Unknown};

#[derive(Clone, Debug)]
struct Var {
    storage: usize,
    dtype: DType,
    shape: Vec<usize>,
    places: Vec<usize>,
}

#[derive(Default)]
struct Model {
    storages: Vec<Vec<Number>>,
    vars: Vec<Var>,
}

/// Checks every reading of the trace.
///
/// # Errors
/// What was read, and what should have been.
pub(crate) fn check(trace: &[Action]) -> Result<(), String> {
    let mut model = Model::default();
    for (position, action) in trace.iter().enumerate() {
        match action {
            Action::Read { of, bits } => {
                let expected = model.bits(*of);
                let agrees = |(found, expected): (&u64, &Option<u64>)| {
                    expected.is_none_or(|expected| *found == expected)
                };
                if bits.len() != expected.len() || !bits.iter().zip(&expected).all(agrees) {
                    let dtype = model.vars[*of].dtype;
                    let float = dtype.is_floating_point();
                    let show = |bits: &[Option<u64>]| {
                        let show = |&bits: &Option<u64>| match bits {
                            None => "?".to_owned(),
                            Some(bits) if float => f64::from_bits(bits).to_string(),
                            Some(bits) => (bits as i64).to_string(),
                        };
                        bits.iter().map(show).collect::<Vec<_>>().join(" ")
                    };
                    let bits: Vec<Option<u64>> = bits.iter().copied().map(Some).collect();
                    return Err(format!(
                        "action {position}, {dtype} variable {of}: read {}, the model has {}",
                        show(&bits),
                        show(&expected)
                    ));
                }
            }
            action => model.apply(action),
        }
    }
    Ok(())
}

impl Model {
    fn apply(&mut self, action: &Action) {
        match *action {
            Action::New { ref shape, dtype, values } => {
                let len: usize = shape.iter().product();
                let values = match values {
                    New::Counted(first) => {
                        let number = |i| cast(Float(counted(first, i).into()), dtype);
                        (0..len).map(number).collect()
                    }
                    New::Full(value) => vec![cast(Int(value.into()), dtype); len],
                    New::Rand(index) => {
                        let drawn = generator(index).rand(&shape[..], Device::Cpu).unwrap();
                        drawn.to_vec::<f64>().unwrap().into_iter().map(Float).collect()
                    }
                };
                self.push(dtype, shape.clone(), values);
            }
            Action::View { of, view, aliases } => {
                let viewed = self.vars[of].view(view);
                if aliases {
                    self.vars.push(viewed);
                } else {
                    let values = self.values(&viewed);
                    self.push(viewed.dtype, viewed.shape, values);
                }
            }
            Action::Binary { op, lhs, rhs, dtype } => {
                let dtype =
                    if matches!(op, Op::Div | Op::DivInto) { to_float(dtype) } else { dtype };
                let (shape, values) = self.compute(op, lhs, rhs, dtype);
                self.push(dtype, shape, values);
            }
            Action::InPlace { op, lhs, rhs, dtype } => {
                let dtype = if op == Op::Div { to_float(dtype) } else { dtype };
                let (_, values) = self.compute(op, lhs, rhs, dtype);
                let target = self.vars[lhs].clone();
                self.write(&target, &values);
            }
            Action::Neg { of, in_place } => {
                let var = self.vars[of].clone();
                let negate = |value| match value {
                    Int(v) => cast(Int(v.wrapping_neg()), var.dtype),
                    Float(v) => Float(-v),
                    Unknown => Unknown,
                };
                let values: Vec<Number> = self.values(&var).into_iter().map(negate).collect();
                if in_place {
                    self.write(&var, &values);
                } else {
                    self.push(var.dtype, var.shape, values);
                }
            }
            Action::Fold { fold, of, ref dims, keepdim } => {
                let var = self.vars[of].clone();
                let values = self.values(&var);
                let (shape, values) = fold.naive(var.dtype, &var.shape, &values, dims, keepdim);
                self.push(fold.dtype(var.dtype), shape, values);
            }
            Action::Write { to, at, value } => {
                let target = self.vars[to].view(at);
                let values = match value {
                    Value::Int(v) => vec![Int(v); target.places.len()],
                    Value::Float(v) => vec![Float(v); target.places.len()],
                    Value::Var(var) => self.stretched(var, &target.shape),
                };
                self.write(&target, &values);
            }
            Action::Cast { of, dtype, aliases } => {
                let var = self.vars[of].clone();
                if aliases {
                    self.vars.push(var);
                } else {
                    let values = self.values(&var).into_iter().map(|v| cast(v, dtype)).collect();
                    self.push(dtype, var.shape, values);
                }
            }
            Action::Drop { of } => {
                self.vars.remove(of);
            }
            Action::Read { .. } | Action::Refused(_) | Action::Nothing => {}
        }
    }

    fn push(&mut self, dtype: DType, shape: Vec<usize>, values: Vec<Number>) {
        let places = (0..values.len()).collect();
        self.storages.push(values);
        self.vars.push(Var { storage: self.storages.len() - 1, dtype, shape, places });
    }

    fn values(&self, var: &Var) -> Vec<Number> {
        var.places.iter().map(|&place| self.storages[var.storage][place]).collect()
    }

    /// All values are there before the first is written.
    fn write(&mut self, var: &Var, values: &[Number]) {
        for (&place, &value) in var.places.iter().zip(values) {
            self.storages[var.storage][place] = cast(value, var.dtype);
        }
    }

    /// The bits of each element that the model knows.
    fn bits(&self, var: usize) -> Vec<Option<u64>> {
        let bits = |number| match number {
            Int(v) => Some(v as u64),
            Float(v) if v.is_nan() => Some(0x7ff8 << 48),
            Float(v) => Some(v.to_bits()),
            Unknown => None,
        };
        self.values(&self.vars[var]).into_iter().map(bits).collect()
    }

    /// The elements of a variable broadcast to a shape.
    fn stretched(&self, var: usize, shape: &[usize]) -> Vec<Number> {
        let var = &self.vars[var];
        let values = self.values(var);
        let lead = shape.len() - var.shape.len();
        indices(shape)
            .map(|index| {
                let own = index[lead..].iter().zip(&var.shape);
                let at = own.fold(0, |at, (&i, &size)| at * size + if size == 1 { 0 } else { i });
                values[at]
            })
            .collect()
    }

    fn compute(&self, op: Op, lhs: usize, rhs: Value, dtype: DType) -> (Vec<usize>, Vec<Number>) {
        let shape = match rhs {
            Value::Var(rhs) => broadcast_shape(&self.vars[lhs].shape, &self.vars[rhs].shape),
            _ => self.vars[lhs].shape.clone(),
        };
        let left = self.stretched(lhs, &shape);
        let right = match rhs {
            Value::Var(rhs) => self.stretched(rhs, &shape),
            Value::Int(v) => vec![Int(v); left.len()],
            Value::Float(v) => vec![Float(v); left.len()],
        };
        let is_number = |value| match value {
            Value::Var(var) => self.vars[var].places.len() == 1,
            _ => true,
        };
        // Which operand stands on the left, and whether the right one is a number to PyTorch,
        // as any tensor of one element is.
        let swapped = matches!(op, Op::SubFrom | Op::DivInto);
        let wide = if swapped { self.vars[lhs].places.len() == 1 } else { is_number(rhs) };
        let pairs = left.into_iter().zip(right);
        let values = pairs.map(|(l, r)| match op {
            Op::DivInto if !matches!(rhs, Value::Var(_)) => {
                let inverse = arithmetic(Op::Div, Int(1), l, dtype, false);
                arithmetic(Op::Mul, inverse, r, dtype, true)
            }
            Op::DivInto => arithmetic(Op::Div, r, l, dtype, wide),
            Op::SubFrom => arithmetic(Op::Sub(None), r, l, dtype, wide),
            op => arithmetic(op, l, r, dtype, wide),
        });
        let values = values.collect();
        (shape, values)
    }
}

impl Var {
    fn view(&self, view: View) -> Self {
        let rank = self.shape.len();
        let place = |dim: usize| dim % rank.max(1);
        let size = |dim: usize| self.shape[place(dim)];
        let mut shape = self.shape.clone();
        // From an index of the view to one of this variable.
        type Back<'a> = Box<dyn Fn(&[usize]) -> Vec<usize> + 'a>;
        let back: Back<'_> = match view {
            View::Alias => Box::new(|index| index.to_vec()),
            View::Transpose(a, b) => {
                shape.swap(place(a), place(b));
                Box::new(move |index| {
                    let mut index = index.to_vec();
                    index.swap(place(a), place(b));
                    index
                })
            }
            View::Select { dim, index: chosen } => {
                let chosen = chosen % size(dim);
                shape.remove(place(dim));
                Box::new(move |index| {
                    let mut index = index.to_vec();
                    index.insert(place(dim), chosen);
                    index
                })
            }
            View::Narrow { dim, start, len } => {
                let start = start.min(size(dim));
                shape[place(dim)] = len.min(size(dim) - start);
                Box::new(move |index| {
                    let mut index = index.to_vec();
                    index[place(dim)] += start;
                    index
                })
            }
            View::Every { dim, start, step } => {
                shape[place(dim)] = size(dim).saturating_sub(start).div_ceil(step);
                Box::new(move |index| {
                    let mut index = index.to_vec();
                    index[place(dim)] = start + index[place(dim)] * step;
                    index
                })
            }
            View::Unsqueeze { dim } => {
                let dim = dim % (rank + 1);
                shape.insert(dim, 1);
                Box::new(move |index| {
                    let mut index = index.to_vec();
                    index.remove(dim);
                    index
                })
            }
            View::Squeeze => {
                shape.retain(|&size| size != 1);
                return Self { shape, ..self.clone() };
            }
            View::Diagonal => {
                let len = shape[0].min(shape[1]);
                shape.drain(..2);
                shape.push(len);
                Box::new(|index| {
                    let (last, rest) = index.split_last().unwrap();
                    [&[*last, *last], rest].concat()
                })
            }
            View::Expand { size, lead } => {
                shape = expanded(&shape, size, lead);
                let skip = usize::from(lead);
                Box::new(move |index| {
                    let own = index[skip..].iter().zip(&self.shape);
                    own.map(|(&i, &size)| if size == 1 { 0 } else { i }).collect()
                })
            }
            View::Reshape { split } => {
                return Self { shape: reshaped(&shape, split), ..self.clone() };
            }
            View::Unfold { dim, size: window } => {
                shape[place(dim)] = size(dim) - window + 1;
                shape.push(window);
                Box::new(move |index| {
                    let (last, rest) = index.split_last().unwrap();
                    let mut index = rest.to_vec();
                    index[place(dim)] += last;
                    index
                })
            }
        };
        let linear = |index: &[usize]| {
            index.iter().zip(&self.shape).fold(0, |at, (&i, &size)| at * size + i)
        };
        let places = indices(&shape).map(|index| self.places[linear(&back(&index))]).collect();
        drop(back);
        Self { shape, places, ..*self }
    }
}

/// Every index of a shape, row-major.
fn indices(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> {
    let len: usize = shape.iter().product();
    (0..len).map(move |mut at| {
        let mut index = vec![0; shape.len()];
        for (i, &size) in index.iter_mut().zip(shape).rev() {
            *i = at % size;
            at /= size;
        }
        index
    })
}

fn broadcast_shape(a: &[usize], b: &[usize]) -> Vec<usize> {
    let rank = a.len().max(b.len());
    let size = |shape: &[usize], dim: usize| {
        (dim + shape.len()).checked_sub(rank).map_or(1, |dim| shape[dim])
    };
    let merged = |dim| if size(a, dim) == 1 { size(b, dim) } else { size(a, dim) };
    (0..rank).map(merged).collect()
}

fn to_float(dtype: DType) -> DType {
    if dtype.is_floating_point() { dtype } else { DType::F32 }
}

/// A number in a dtype.
fn cast(value: Number, dtype: DType) -> Number {
    match (value, dtype) {
        (Unknown, _) => Unknown,
        (Int(v), DType::Bool) => Int((v != 0).into()),
        (Float(v), DType::Bool) => Int((v != 0.0).into()),
        (Float(v), DType::I64) => Int(v as i64),
        // Through int32, where it saturates; the narrower ones wrap then.
        (Float(v), DType::U8 | DType::I8 | DType::I16 | DType::I32) => {
            cast(Int((v as i32).into()), dtype)
        }
        (Int(v), DType::U8) => Int((v as u8).into()),
        (Int(v), DType::I8) => Int((v as i8).into()),
        (Int(v), DType::I16) => Int((v as i16).into()),
        (Int(v), DType::I32) => Int((v as i32).into()),
        (Int(v), DType::I64) => Int(v),
        (Int(v), DType::F64) => Float(v as f64),
        (Int(v), _) => cast(Float((v as f32).into()), dtype),
        (Float(v), DType::F64) => Float(v),
        (Float(v), DType::F32) => Float((v as f32).into()),
        (Float(v), DType::F16) => Float(f16::from_f32(v as f32).into()),
        (Float(v), DType::BF16) => Float(bf16::from_f32(v as f32).into()),
        (_, other) => unreachable!("{other}"),
    }
}

/// One operation in a dtype. `wide`: the right operand is a number or has one element; it stays in
/// float32 beside halves when it multiplies or divides.
fn arithmetic(op: Op, l: Number, r: Number, dtype: DType, wide: bool) -> Number {
    let half = matches!(dtype, DType::F16 | DType::BF16);
    let keeps = half && wide && !matches!(op, Op::Add(_) | Op::Sub(_));
    let l = cast(l, dtype);
    let r = cast(r, if keeps { DType::F32 } else { dtype });
    match (l, r) {
        (Unknown, _) | (_, Unknown) => Unknown,
        // The machine divides by ones where there are zeros.
        (Int(l), Int(0)) if op.divides_integers(dtype) => {
            cast(Int(integers(op, l, 1, dtype)), dtype)
        }
        (Int(l), Int(r)) => cast(Int(integers(op, l, r, dtype)), dtype),
        (Float(l), Float(r)) if dtype == DType::F64 => Float(doubles(op, l, r)),
        (Float(l), Float(r)) => {
            let round = |v: f32| match cast(Float(v.into()), dtype) {
                Float(v) => v as f32,
                Int(_) | Unknown => unreachable!("a float dtype"),
            };
            // With an operand kept in float32, the steps are those of float32.
            let whole = |v: f32| if keeps { v } else { round(v) };
            Float(round(singles(op, l as f32, r as f32, whole)).into())
        }
        _ => unreachable!("both were cast to one dtype"),
    }
}

fn integers(op: Op, l: i64, r: i64, dtype: DType) -> i64 {
    if dtype == DType::Bool {
        return match op {
            Op::Add(alpha) => l | (r & i64::from(alpha != Some(0))),
            Op::Mul => l & r,
            other => unreachable!("{other:?} of bools"),
        };
    }
    let scaled = |alpha: Option<i8>| r.wrapping_mul(alpha.unwrap_or(1).into());
    match op {
        Op::Add(alpha) => l.wrapping_add(scaled(alpha)),
        Op::Sub(alpha) => l.wrapping_sub(scaled(alpha)),
        Op::Mul => l.wrapping_mul(r),
        Op::DivTrunc => l.wrapping_div(r),
        Op::DivFloor => {
            let quotient = l.wrapping_div(r);
            quotient - i64::from(l.wrapping_rem(r) != 0 && (l < 0) != (r < 0))
        }
        other => unreachable!("{other:?} of integers"),
    }
}

macro_rules! floats {
    ($name:ident $float:ty) => {
        fn $name(op: Op, l: $float, r: $float, round: impl Fn($float) -> $float) -> $float {
            let scaled = |alpha: Option<i8>| alpha.map_or(r, |alpha| r * <$float>::from(alpha));
            match op {
                Op::Add(alpha) => l + scaled(alpha),
                Op::Sub(alpha) => l - scaled(alpha),
                Op::Mul => l * r,
                Op::Div => l / r,
                Op::DivTrunc => round(l / r).trunc(),
                // PyTorch's steps, each rounded.
                Op::DivFloor if r == 0.0 => l / r,
                Op::DivFloor => {
                    let remainder = round(l % r);
                    let mut quotient = round(round(l - remainder) / r);
                    if remainder != 0.0 && (r < 0.0) != (remainder < 0.0) {
                        quotient = round(quotient - 1.0);
                    }
                    if quotient == 0.0 {
                        return (0.0 as $float).copysign(round(l / r));
                    }
                    let floor = quotient.floor();
                    if round(quotient - floor) > 0.5 { round(floor + 1.0) } else { floor }
                }
                other => unreachable!("{other:?} of floats"),
            }
        }
    };
}

floats!(singles f32);
floats!(doubles_rounded f64);

fn doubles(op: Op, l: f64, r: f64) -> f64 {
    doubles_rounded(op, l, r, |v| v)
}
