//! Kernels built by hand, on the machine's first adapter.
//!
//! Where there is none a test says so and ends, unless `TAUT_REQUIRE_GPU` is 1. The text of kernels is
//! tested without a device.

mod adapters;
mod checks;
mod counted;
mod elementwise;
mod far;
mod layouts;
mod lost;
mod memory;
mod pieces;
mod pipelines;
mod places;
mod product;
mod random;
mod reduce;
mod small;
mod text;
mod transfer;
mod whole;
mod windows;

use smallvec::SmallVec;

use super::adapter::open_with;
use super::{GpuBackend, GpuOptions};
use crate::backend::{Backend, Buffer, Launch};
use crate::dtype::{DType, Element};
use crate::kernel::{
    Args, Check, Class, Code, Dims, Expr, Kernel, Node, OperandArgs, OperandCode, Store, Value,
};

/// A device of the test's own.
fn device_with(options: GpuOptions) -> Option<GpuBackend> {
    match open_with(0, options) {
        Ok(device) => Some(device),
        Err(error) => {
            let required = std::env::var("TAUT_REQUIRE_GPU").is_ok_and(|value| value == "1");
            assert!(!required, "TAUT_REQUIRE_GPU is set: {error}");
            println!("not tested: {error}");
            None
        }
    }
}

fn device() -> Option<GpuBackend> {
    device_with(GpuOptions::default())
}

/// Whether the device computes in the dtype; says so if not.
fn supports(device: &GpuBackend, dtype: DType) -> bool {
    let supports = device.context.supports(dtype);
    if !supports {
        println!("not tested: {dtype} on {}", &*device.context.label);
    }
    supports
}

fn upload<T: Element>(device: &GpuBackend, values: &[T]) -> Buffer {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(T::as_bytes(values));
    let buffer = device.allocate(bytes.len()).unwrap();
    device.write(&buffer, 0, &bytes).unwrap();
    buffer
}

fn download<T: Element>(device: &GpuBackend, buffer: &Buffer, len: usize) -> Vec<T> {
    let mut bytes = vec![0; len * T::DTYPE.size()];
    device.read(buffer, 0, &mut bytes).unwrap();
    bytes.chunks_exact(T::DTYPE.size()).map(T::from_bytes).collect()
}

/// A kernel in the making.
struct Build(Kernel);

impl Build {
    fn new(shape: &[usize]) -> Self {
        Self(Kernel {
            code: Code {
                rank: shape.len() as u8,
                operands: SmallVec::new(),
                nodes: SmallVec::new(),
                stores: SmallVec::new(),
                check: None,
                reduce: None,
                whole: None,
            }
            .into(),
            args: Args {
                shape: Dims::from_slice(shape),
                operands: SmallVec::new(),
                scalars: SmallVec::new(),
                base: 0,
                check: 0,
            },
        })
    }

    fn operand(&mut self, buffer: u8, dtype: DType, offset: usize, strides: &[usize]) -> u8 {
        let class = Class::of(&self.0.args.shape, strides);
        self.0.code.operands.push(OperandCode { buffer, dtype, class });
        self.0.args.operands.push(OperandArgs { offset, strides: Dims::from_slice(strides) });
        self.0.code.operands.len() as u8 - 1
    }

    /// A row-major operand over the whole shape.
    fn dense(&mut self, buffer: u8, dtype: DType) -> u8 {
        let strides = row_major(&self.0.args.shape);
        self.operand(buffer, dtype, 0, &strides)
    }

    fn node(&mut self, expr: Expr, dtype: DType) -> Value {
        self.0.code.nodes.push(Node { expr, dtype });
        self.0.code.nodes.len() as Value - 1
    }

    fn load(&mut self, operand: u8) -> Value {
        let dtype = self.0.code.operands[usize::from(operand)].dtype;
        self.node(Expr::Load(operand), dtype)
    }

    fn scalar(&mut self, bits: u64, dtype: DType) -> Value {
        self.0.args.scalars.push(bits);
        self.node(Expr::Scalar(self.0.args.scalars.len() as u8 - 1), dtype)
    }

    fn store(&mut self, operand: u8, value: Value) {
        self.0.code.stores.push(Store { operand, value });
    }

    fn check(&mut self, value: Value, code: u32) {
        self.0.code.check = Some(Check { value });
        self.0.args.check = code;
    }

    fn launch(self, buffers: &[&Buffer]) -> Launch {
        Launch { kernel: self.0, buffers: buffers.iter().map(|&buffer| buffer.clone()).collect() }
    }
}

fn row_major(shape: &[usize]) -> Dims {
    let mut strides = Dims::from_elem(1, shape.len());
    for dim in (1..shape.len()).rev() {
        strides[dim - 1] = strides[dim] * shape[dim];
    }
    strides
}

/// `out = a op b` over whole buffers 0, 1 and 2.
fn binary(op: crate::ops::Op, dtype: DType, shape: &[usize]) -> Build {
    let mut build = Build::new(shape);
    let (a, b) = (build.dense(0, dtype), build.dense(1, dtype));
    let out = build.dense(2, dtype);
    let (a, b) = (build.load(a), build.load(b));
    let value = build.node(Expr::Binary(op, [a, b]), dtype);
    build.store(out, value);
    build
}
