//! What a device does with subnormal float32 numbers.
//!
//! Vulkan leaves it to the driver, DX12 and Metal flush by default, and wgpu cannot tell: so it is tried, once
//! when the device is opened. Where sums, products or stored numbers are flushed, kernels take the integer
//! path of `algebra_f32_soft.wgsl`.

use smallvec::smallvec;

use super::GpuBackend;
use crate::backend::{Backend, Launch};
use crate::dtype::DType;
use crate::error::Result;
use crate::kernel::{Args, Class, Code, Expr, Kernel, Node, OperandArgs, OperandCode, Store};
use crate::math::emit::Subnormals;
use crate::ops::Op;

/// Pairs whose sum or product is subnormal, or that are themselves.
const PAIRS: [[f32; 2]; 4] =
    [[1e-40, 2e-40], [1e-20, 1e-20], [f32::MIN_POSITIVE, -1e-39], [3e-39, 0.5]];

/// Tries a device that was opened as one that keeps subnormals.
pub(super) fn subnormals(device: &GpuBackend) -> Result<Subnormals> {
    let bytes = PAIRS.len() * 4;
    let buffers = [0, 1, 2, 3].map(|_| device.allocate(bytes));
    let [x, y, sum, product] = buffers;
    let buffers = [x?, y?, sum?, product?];
    for (side, buffer) in buffers[..2].iter().enumerate() {
        let column = PAIRS.map(|pair| pair[side]);
        device.write(buffer, 0, bytemuck::cast_slice(&column))?;
    }
    device.run(&[Launch { kernel: kernel(), buffers: buffers.iter().cloned().collect() }])?;
    let expected = [PAIRS.map(|[x, y]| x + y), PAIRS.map(|[x, y]| x * y)];
    for (buffer, expected) in buffers[2..].iter().zip(expected) {
        let mut got = [0_u8; PAIRS.len() * 4];
        device.read(buffer, 0, &mut got)?;
        if got != *bytemuck::cast_slice::<f32, u8>(&expected) {
            return Ok(Subnormals::Flushed);
        }
    }
    Ok(Subnormals::Kept)
}

/// Stores sums and products of two operands.
fn kernel() -> Kernel {
    let operand = |buffer| OperandCode { buffer, dtype: DType::F32, class: Class::Contiguous };
    let node = |expr| Node { expr, dtype: DType::F32 };
    let dense = OperandArgs { offset: 0, strides: smallvec![1] };
    Kernel {
        code: Code {
            rank: 1,
            operands: (0..4).map(operand).collect(),
            nodes: smallvec![
                node(Expr::Load(0)),
                node(Expr::Load(1)),
                node(Expr::Binary(Op::Add, [0, 1])),
                node(Expr::Binary(Op::Mul, [0, 1])),
            ],
            stores: smallvec![Store { operand: 2, value: 2 }, Store { operand: 3, value: 3 }],
            check: None,
            reduce: None,
            whole: None,
        }
        .into(),
        args: Args {
            shape: smallvec![PAIRS.len()],
            operands: smallvec![dense; 4],
            scalars: smallvec![],
            base: 0,
            check: 0,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::gpu::adapter;

    #[test]
    fn subnormals_are_tried_on_every_adapter() {
        for index in 0..adapter::list().len() {
            let kept = adapter::open_with(index, Default::default()).expect("opens");
            let found = subnormals(&kept).expect("the trial runs");
            let opened = adapter::open(index).expect("opens");
            assert_eq!(opened.subnormals, found);
        }
    }
}
