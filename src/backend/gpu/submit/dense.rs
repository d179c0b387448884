//! Folds whose operands lie too far apart for a binding.
//!
//! # Note [Dense copies]
//! A block of the inner form is folded by one workgroup, so one dispatch has to see all of it. Where it is
//! spread over more than a binding reaches, as a row of a large transposed tensor is, the operands of that
//! buffer are copied to memory of their own first, in the order of the points, and those that are stored to
//! are copied back after it. Such copies are kernels of points, which can be cut down to one of them. What a
//! point stores no other point touches, so that nothing is read too late.

use smallvec::SmallVec;

use super::super::memory::GRANULE;
use super::planner::Planner;
use crate::backend::{Buffer, Launch};
use crate::dtype::DType;
use crate::error::Result;
use crate::kernel::{Args, Class, Code, Dims, Expr, Kernel, Node, OperandArgs, OperandCode, Store};

/// A launch with what is to be copied before it and after.
#[derive(Debug)]
pub(super) struct Dense {
    pub(super) before: Vec<Launch>,
    pub(super) launch: Launch,
    pub(super) after: Vec<Launch>,
}

/// An operand in its buffer.
struct View<'v> {
    buffer: &'v Buffer,
    args: OperandArgs,
}

impl Planner<'_, '_> {
    /// The launch with dense operands where it has others.
    pub(super) fn dense(&mut self, launch: &Launch) -> Result<Dense> {
        let mut dense = Dense { before: Vec::new(), launch: launch.clone(), after: Vec::new() };
        let (code, args) = (&launch.kernel.code, &launch.kernel.args);
        for (number, buffer) in launch.buffers.iter().enumerate() {
            let operands = || {
                (0..code.operands.len()).filter(|&i| usize::from(code.operands[i].buffer) == number)
            };
            if operands().all(|i| code.operands[i].class != Class::Strided) {
                continue;
            }
            let mut places: SmallVec<[(usize, u64); 4]> = SmallVec::new();
            let mut end = 0;
            for i in operands() {
                places.push((i, end));
                let shape = elements(&args.shape, &args.operands[i].strides);
                let points: u64 = shape.iter().map(|&size| size as u64).product();
                end += (points * code.operands[i].dtype.size() as u64).next_multiple_of(GRANULE);
            }
            let memory = self.scratch.own(self.context, end)?;
            for (i, start) in places {
                let dtype = code.operands[i].dtype;
                let shape = elements(&args.shape, &args.operands[i].strides);
                let offset = start as usize / dtype.size();
                let far = View { buffer, args: args.operands[i].clone() };
                let own = OperandArgs { offset, strides: row_major(&shape) };
                let near = View { buffer: &memory, args: own };
                let loads = |node: &Node| node.expr == Expr::Load(i as u8);
                if code.nodes.iter().any(loads) {
                    dense.before.push(copy(&shape, &far, &near, dtype));
                }
                if code.is_stored(i) {
                    dense.after.push(copy(&shape, &near, &far, dtype));
                }
                let mut strides = near.args.strides;
                for (stride, &size) in strides.iter_mut().zip(&shape) {
                    *stride = if size == 1 { 0 } else { *stride };
                }
                let kernel = &mut dense.launch.kernel;
                kernel.code.operands[i].class = Class::of(&args.shape, &strides);
                kernel.args.operands[i] = OperandArgs { offset, strides };
            }
            dense.launch.buffers[number] = memory;
        }
        Ok(dense)
    }
}

/// An operand's own dimensions: of size 1 where it repeats.
fn elements(shape: &[usize], strides: &[usize]) -> Dims {
    let size = |(&size, &stride): (&usize, &usize)| if stride == 0 { 1 } else { size };
    shape.iter().zip(strides).map(size).collect()
}

fn row_major(shape: &[usize]) -> Dims {
    let mut strides = Dims::from_elem(1, shape.len());
    for dim in (1..shape.len()).rev() {
        strides[dim - 1] = strides[dim] * shape[dim];
    }
    strides
}

/// Copies one view of this shape to another.
fn copy(shape: &Dims, from: &View<'_>, to: &View<'_>, dtype: DType) -> Launch {
    let operand = |(buffer, view): (u8, &View<'_>)| OperandCode {
        buffer,
        dtype,
        class: Class::of(shape, &view.args.strides),
    };
    let code = Code {
        rank: shape.len() as u8,
        operands: [(0, from), (1, to)].into_iter().map(operand).collect(),
        nodes: SmallVec::from_iter([Node { expr: Expr::Load(0), dtype }]),
        stores: SmallVec::from_iter([Store { operand: 1, value: 0 }]),
        check: None,
        reduce: None,
        whole: None,
    };
    let args = Args {
        shape: shape.clone(),
        operands: [from, to].into_iter().map(|view| view.args.clone()).collect(),
        scalars: SmallVec::new(),
        base: 0,
        check: 0,
    };
    let buffers = [from, to].into_iter().map(|view| view.buffer.clone()).collect();
    Launch { kernel: Kernel { code: code.into(), args }, buffers }
}
