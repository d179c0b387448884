//! Nodes that run in the loop of the one that reads them, apart from [chains](super): addresses that fall with the
//! index, halves and numbers, bounds and marks of indices.

use smallvec::{SmallVec, smallvec};

use super::super::convert;
use super::super::stored::number_loop;
use super::stores::loads_of;
use super::{Back, Join, Program, Purpose, State};
use crate::dtype::DType;
use crate::kernel::{Class, Code, Expr, Node, Value};
use crate::ops::Op;

/// The values that are nothing but a part of another.
type Inner = SmallVec<[Value; 5]>;

impl Program {
    /// Marks what runs in the loop of its reader.
    pub(super) fn find_joins(&mut self, code: &Code, purpose: Purpose) {
        for (i, node) in code.nodes.iter().enumerate() {
            if !self.values[i].needed {
                continue;
            }
            let found = match node.expr {
                // Points of a block do not have indices that follow each other.
                Expr::Fetch { at, .. } if self.rows.is_none() => back_of(code, at),
                Expr::Cast(_) if purpose.stores() => self.half_of(code, i),
                Expr::Binary(Op::LogicalOr, values) => outside_of(code, values),
                Expr::Select([_, _, value]) => mark_of(code, i, value),
                _ => None,
            };
            let Some((join, inner)) = found else { continue };
            let are_alone = inner.iter().all(|&v| self.values[usize::from(v)].uses == 1);
            if are_alone {
                self.values[i].joins = Some(join);
                for value in inner {
                    self.values[usize::from(value)].joined = true;
                }
            }
            if are_alone && join == Join::Half {
                let ([loaded, _], _) = parts_of_half(code, i);
                for value in [usize::from(loaded), i] {
                    self.values[value].stored = true;
                }
            }
        }
    }

    /// The join of a cast to a half, if that is of an operation on a loaded half and a number, and nothing but a
    /// store reads it: Note [Stored lanes].
    fn half_of(&self, code: &Code, i: usize) -> Option<(Join, Inner)> {
        let Node { expr: Expr::Cast(result), dtype } = code.nodes[i] else { return None };
        let node = |value: Value| code.nodes[usize::from(value)];
        let Node { expr: Expr::Binary(op, [left, number]), dtype: DType::F32 } = node(result)
        else {
            return None;
        };
        let Expr::Cast(loaded) = node(left).expr else { return None };
        let Expr::Load(operand) = node(loaded).expr else { return None };
        let is_contiguous = |operand: u8| {
            let class = code.operands[usize::from(operand)].class;
            self.class_in_tile(class) == Class::Contiguous
        };
        let State { read, uses, .. } = self.values[i];
        let store = code.stores.iter().find(|store| usize::from(store.value) == i)?;
        let target = code.operands[usize::from(store.operand)];
        let fits = number_loop(op, dtype).is_some()
            && node(loaded).dtype == dtype
            && matches!(node(number).expr, Expr::Scalar(_))
            && is_contiguous(operand)
            && is_contiguous(store.operand)
            && target.dtype == dtype
            && loads_of(code, &code.nodes, target.buffer) == 0
            && self.values[usize::from(loaded)].uses == 1
            && !read
            && uses == 1;
        fits.then(|| (Join::Half, smallvec![result, left]))
    }

    /// The loop of a node and what it joins.
    pub(super) fn join(&mut self, code: &Code, i: usize, purpose: Purpose) {
        let node = |value: Value| code.nodes[usize::from(value)];
        match self.values[i].joins {
            Some(Join::Half) => {
                let (values, op) = parts_of_half(code, i);
                let Some(run) = number_loop(op, code.nodes[i].dtype) else {
                    unreachable!("as `find_joins` saw")
                };
                self.apply(code, i, run, &values, purpose);
            }
            Some(Join::Outside) => {
                let Expr::Binary(_, values) = code.nodes[i].expr else {
                    unreachable!("as `find_joins` saw")
                };
                let [(value, least), (_, end)] = values.map(|value| match node(value).expr {
                    Expr::Binary(_, [value, bound]) => (value, bound),
                    _ => unreachable!("as `find_joins` saw"),
                });
                let run = convert::outside(node(value).dtype.lane());
                self.apply(code, i, run, &[value, least, end], purpose);
                // Of the second comparison.
                self.used(value);
            }
            Some(Join::Mark) => {
                let Expr::Select([mask, mark, cast]) = code.nodes[i].expr else {
                    unreachable!("as `find_joins` saw")
                };
                let Expr::Cast(value) = node(cast).expr else {
                    unreachable!("as `find_joins` saw")
                };
                self.apply(code, i, convert::marked(), &[mask, mark, value], purpose);
            }
            _ => unreachable!("called for these"),
        }
    }
}

/// What a [`Join::Half`] loads and its number, and its operation.
fn parts_of_half(code: &Code, i: usize) -> ([Value; 2], Op) {
    let expr = |value: Value| code.nodes[usize::from(value)].expr;
    if let Expr::Cast(result) = code.nodes[i].expr
        && let Expr::Binary(op, [left, number]) = expr(result)
        && let Expr::Cast(loaded) = expr(left)
    {
        return ([loaded, number], op);
    }
    unreachable!("as `find_joins` saw")
}

/// Whether a value is below one bound or not below another, if that is what a logical or is of.
fn outside_of(code: &Code, [below, beyond]: [Value; 2]) -> Option<(Join, Inner)> {
    let node = |value: Value| code.nodes[usize::from(value)];
    let Expr::Binary(Op::Lt, [value, _]) = node(below).expr else { return None };
    let Expr::Binary(Op::Ge, [other, _]) = node(beyond).expr else { return None };
    let is_index = matches!(node(value).dtype, DType::I32 | DType::I64);
    (value == other && is_index).then(|| (Join::Outside, smallvec![below, beyond]))
}

/// Whether a selection is of int32, and casts an int64 that the mask does not replace.
fn mark_of(code: &Code, i: usize, cast: Value) -> Option<(Join, Inner)> {
    let node = |value: Value| code.nodes[usize::from(value)];
    let Expr::Cast(value) = node(cast).expr else { return None };
    let is_narrowed = [node(value).dtype, code.nodes[i].dtype] == [DType::I64, DType::I32];
    is_narrowed.then(|| (Join::Mark, smallvec![cast]))
}

/// What an address is computed of, and the values that are nothing else, if it is a scalar less the index or a
/// multiple of it: Note [Backwards].
fn back_of(code: &Code, at: Value) -> Option<(Join, Inner)> {
    let node = |value: Value| code.nodes[usize::from(value)];
    let Node { expr: Expr::Binary(Op::Sub, [first, way]), dtype } = node(at) else { return None };
    let Expr::Scalar(last) = node(first).expr else { return None };
    let mut inner = smallvec![at, first, way];
    let step = match node(way).expr {
        Expr::Index => None,
        Expr::Binary(Op::Mul, [index, step]) if node(index).expr == Expr::Index => {
            inner.extend([index, step]);
            let Expr::Scalar(step) = node(step).expr else { return None };
            Some(step)
        }
        _ => return None,
    };
    Some((Join::Back(Back { last, step, dtype }), inner))
}

#[cfg(test)]
mod tests {
    use super::super::super::CpuBackend;
    use super::super::super::tests::{Builder, assert_as_reference, buffer, row_major};
    use super::super::{Form, Lanes, Step};
    use super::*;
    use crate::backend::Launch;
    use crate::dtype::Element;
    use crate::kernel::Kernel;

    /// The steps of a launch, which are then run and compared with what the definition says.
    fn steps(make: impl Fn(&CpuBackend) -> Launch, what: &str) -> Vec<Step> {
        let backend = CpuBackend::new();
        let [ours, theirs] = [make(&backend), make(&backend)];
        let Kernel { code, args } = &ours.kernel;
        let program = Program::compile(code, Form::of(code, args), Purpose::Stores);
        assert_as_reference(&backend, &ours, &theirs, what);
        program.steps
    }

    /// How a half meets a number.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Kind {
        Alone,
        InPlace,
        StoredTwice,
        Turned,
    }

    /// `op(h, number)` over a shape, in float32, as a half.
    fn of_half<T: Element>(
        backend: &CpuBackend,
        (shape, kind): (&[usize], Kind),
        (op, number): (Op, f32),
        strides: &[usize],
    ) -> Launch {
        // Of NaN the loops are tested by themselves.
        let exponent = if T::DTYPE == DType::F16 { 0x7c00 } else { 0x7f80 };
        let number_of = |bits: u16| match bits & exponent == exponent {
            true => bits & (exponent | 0x8000),
            false => bits,
        };
        let bits: Vec<u16> = (0..6000_u32).map(|i| number_of((i * 40503 + 77) as u16)).collect();
        let numbers = || bytemuck::cast_vec::<u16, half::f16>(bits.clone());
        let [from, to, other] =
            [numbers(), numbers(), numbers()].map(|bits| buffer(backend, &bits));
        let mut k = Builder::new(shape);
        let [from, to, other] = [&from, &to, &other].map(|buffer| k.buffer(buffer));
        let dense = row_major(shape);
        let from = k.view(from, T::DTYPE, 1, strides);
        let source = if kind == Kind::InPlace { k.view(to, T::DTYPE, 3, &dense) } else { from };
        let to = k.view(to, T::DTYPE, 3, &dense);
        let half = k.load(source);
        let wide = k.node(DType::F32, Expr::Cast(half));
        let number = k.scalar(DType::F32, number.to_bits().into());
        let values = if kind == Kind::Turned { [number, wide] } else { [wide, number] };
        let result = k.node(DType::F32, Expr::Binary(op, values));
        let result = k.node(T::DTYPE, Expr::Cast(result));
        k.store(to, result);
        if kind == Kind::StoredTwice {
            let other = k.view(other, T::DTYPE, 0, &dense);
            k.store(other, result);
        }
        k.launch
    }

    fn halves<T: Element>() {
        for shape in [&[1][..], &[2], &[15], &[16], &[17], &[300], &[2049], &[5000], &[70, 33]] {
            let dense = row_major(shape);
            let mut apart = dense.clone();
            apart.iter_mut().for_each(|stride| *stride *= 2);
            for op in [Op::Mul, Op::Div, Op::Add] {
                for number in [3.0, 0.1, -0.3, 1e-30] {
                    for kind in [Kind::Alone, Kind::InPlace, Kind::StoredTwice, Kind::Turned] {
                        for strides in [&dense, &apart] {
                            if shape == [5000] && strides == &apart {
                                continue;
                            }
                            let what = format!("{:?} {shape:?} {op:?} {number} {kind:?}", T::DTYPE);
                            let make = |backend: &CpuBackend| {
                                of_half::<T>(backend, (shape, kind), (op, number), strides)
                            };
                            let steps = steps(make, &what);
                            let is_one = matches!(
                                steps[..],
                                [Step::Apply { out: Lanes { size: 2, .. }, .. }]
                            );
                            let expected = kind == Kind::Alone
                                && op != Op::Add
                                && (strides == &dense || shape == [1]);
                            // A single element is not seen to be contiguous.
                            assert!(is_one == expected || shape == [1], "{what} {strides:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn half_and_a_number_are_one_step_with_the_bits_of_three() {
        halves::<half::f16>();
        halves::<half::bf16>();
    }

    /// What an index becomes, as an address, where it is not below 0 or from 7 on; with another bound, or another
    /// reader of a part, if so asked.
    fn of_index<T: Element + TryFrom<i64>>(
        backend: &CpuBackend,
        points: usize,
        is_read_too: bool,
        is_stored_too: bool,
    ) -> Launch {
        let special = [0, 6, 7, -1, 8, 3, i64::from(i32::MAX), i64::from(i32::MIN)];
        let far = [1 << 32, i64::MIN, i64::MAX, (1 << 32) + 3, -(1 << 32)];
        let all: Vec<T> =
            special.into_iter().chain(far).filter_map(|value| value.try_into().ok()).collect();
        let values: Vec<T> = (0..points).map(|i| all[i * 7 % all.len()]).collect();
        let values = buffer(backend, &values);
        let outs = [(); 2].map(|()| buffer(backend, &vec![0_i32; points]));
        let mut k = Builder::new(&[points]);
        let from = k.operand::<T>(&values);
        let to = k.operand::<i32>(&outs[0]);
        let other = k.operand::<i32>(&outs[1]);
        let index = k.load(from);
        let zero = k.scalar(T::DTYPE, 0);
        let size = k.scalar(T::DTYPE, 7);
        let beyond = k.node(DType::Bool, Expr::Binary(Op::Ge, [index, size]));
        let below = k.node(DType::Bool, Expr::Binary(Op::Lt, [index, zero]));
        let wrong = k.node(DType::Bool, Expr::Binary(Op::LogicalOr, [below, beyond]));
        let at = k.node(DType::I32, Expr::Cast(index));
        let mark = k.scalar(DType::I32, -2_i32 as u32 as u64);
        let marked = k.node(DType::I32, Expr::Select([wrong, mark, at]));
        k.store(to, marked);
        if is_read_too {
            let sum = k.node(DType::I32, Expr::Binary(Op::Add, [at, marked]));
            k.store(other, sum);
        } else if is_stored_too {
            let is_below = k.node(DType::I32, Expr::Cast(below));
            k.store(other, is_below);
        }
        k.launch
    }

    #[test]
    fn bounds_and_marks_of_an_index_are_a_step_each_with_the_bits_of_many() {
        let count = |steps: Vec<Step>| {
            let computes = |step: &&Step| matches!(step, Step::Apply { .. } | Step::Chain { .. });
            steps.iter().filter(computes).count()
        };
        for points in [1, 2, 7, 63, 64, 65, 511, 1000, 2500] {
            let what = format!("{points}");
            let wide = |read, stored| {
                count(steps(|backend| of_index::<i64>(backend, points, read, stored), &what))
            };
            assert_eq!(wide(false, false), 2, "{what}");
            assert!(wide(true, false) > 3, "{what}");
            assert!(wide(false, true) > 3, "{what}");
            let narrow = |read, stored| {
                count(steps(|backend| of_index::<i32>(backend, points, read, stored), &what))
            };
            assert_eq!(narrow(false, false), 2, "{what}");
            narrow(true, false);
            narrow(false, true);
        }
    }
}
