//! From two factors to an operation on the tape.

use crate::dtype::DType;
use crate::error::Result;
use crate::kernel::{Dims, Fold, Whole};
use crate::layout::{self, Layout};
use crate::ops::Op;
use crate::scalar::Scalar;

use super::super::creation::zeros;
use super::super::elementwise::{Build, mixed_devices, new_tensor};
use super::super::entire::record_entire;
use super::super::reduce::{Order, Reduction, wide};
use super::super::{Tensor, dims};

/// How a product adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As is best on the device.
    Native,
    /// In the order of a reduction.
    Exact,
}

/// `(.., m, k) @ (.., k, n) -> (.., m, n)`. Shapes and dtypes are known to fit.
#[track_caller]
pub(super) fn product(
    name: &'static str,
    lhs: &Tensor,
    rhs: &Tensor,
    form: Form,
) -> Result<Tensor> {
    let ([lhs_batch @ .., m, k], [rhs_batch @ .., _, n]) = (lhs.shape(), rhs.shape()) else {
        unreachable!("factors have two dims at least")
    };
    if lhs.device() != rhs.device() {
        return Err(mixed_devices(lhs.device(), rhs.device()));
    }
    let batch = layout::broadcast(&[lhs_batch, rhs_batch])?;
    let mut shape = batch;
    shape.extend([*m, *n]);
    if *k == 0 || lhs.dtype() == DType::Bool || shape.contains(&0) {
        return zeros(&shape[..], (lhs.dtype(), lhs.device()));
    }
    if form == Form::Exact {
        return folded(name, lhs, rhs, Order::Shape);
    }
    if *m > 1 && *n > 1 {
        return whole(name, lhs, rhs, shape, *k);
    }
    // What the fold runs along, or what lies beside it, should be near in memory.
    let (matrix, rows, columns) = if *n == 1 { (lhs, -2, -1) } else { (rhs, -1, -2) };
    let stride = |dim: i64| matrix.stride()[(matrix.dim() as i64 + dim) as usize];
    let by_row = stride(columns) <= stride(rows);
    if by_row == (*n == 1) || (*m == 1 && *n == 1) {
        folded(name, lhs, rhs, Order::Memory)
    } else {
        let turned = |factor: &Tensor| factor.transpose(-1, -2);
        folded(name, &turned(rhs)?, &turned(lhs)?, Order::Memory)?.transpose(-1, -2)
    }
}

/// The element-wise product over `(.., m, k, n)`, folded along `k` in the kernel that makes it.
#[track_caller]
fn folded(name: &'static str, lhs: &Tensor, rhs: &Tensor, order: Order) -> Result<Tensor> {
    let (lhs, rhs) = (lhs.unsqueeze(-1)?, rhs.unsqueeze(-3)?);
    let dtype = lhs.dtype();
    let mut build = Build::new(name, &[(&lhs).into(), (&rhs).into()])?;
    let (a, b) =
        (build.value((&lhs).into(), wide(dtype))?, build.value((&rhs).into(), wide(dtype))?);
    let value = build.program().binary(Op::Mul, a, b);
    let sum = Reduction { fold: Fold::Op(Op::Add), identity: Scalar::Int(0), dtype };
    build.reduce_in(order, value, sum, &dims(-2))
}

/// A kernel of its own, over batches, `m`, `n` and `k`. Batches that the rows of one matrix could be are.
#[track_caller]
fn whole(name: &'static str, lhs: &Tensor, rhs: &Tensor, shape: Dims, k: usize) -> Result<Tensor> {
    let out = new_tensor(lhs.runtime(), lhs.dtype(), Layout::contiguous(&shape)?)?;
    let [outer @ .., n] = &shape[..] else { unreachable!("a product is a matrix") };
    // Strides over the batches and rows, of each along the last dim, and along `k`.
    let walk = |tensor: &Tensor, lacks_rows: bool| -> Dims {
        let rank = tensor.dim();
        let batches =
            Layout::new(tensor.shape()[..rank - 2].into(), tensor.stride()[..rank - 2].into(), 0);
        let mut strides = batches.broadcast_strides(&outer[..outer.len() - 1]);
        strides.push(if lacks_rows { 0 } else { tensor.stride()[rank - 2] });
        strides
    };
    let mut space: Dims = outer.into();
    let mut walks = [walk(lhs, false), walk(rhs, true), walk(&out, false)];
    layout::collapse(&mut space, &mut walks);
    space.extend([*n, k]);
    let last = |tensor: &Tensor, back: usize| tensor.stride()[tensor.dim() - back];
    let ends = [[0, last(lhs, 1)], [last(rhs, 1), last(rhs, 2)], [last(&out, 1), 0]];
    for (walk, end) in walks.iter_mut().zip(ends) {
        walk.extend(end);
    }
    let [left, right, own] = walks;
    let factors = [(lhs, left), (rhs, right)];
    record_entire(name, Whole::Product, space, factors, (&out, own), None)?;
    Ok(out)
}
