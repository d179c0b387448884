//! A kernel interpreted one point at a time, straight from its specification.
//!
//! The living definition that `run` is tested against. Number formats are the crate `half`'s and
//! Rust's `as`, not the conversions of `convert`; operations are their rows, at one point.

use half::{bf16, f16};

mod fold;

use super::ops::loop_of;
use crate::backend::{Backend, Launch};
use crate::dtype::{Category, DType};
use crate::kernel::{Expr, Node, Value};
use crate::ops::Op;

/// A value in its dtype.
#[derive(Clone, Copy, Debug)]
enum Number {
    Int(i64),
    F32(f32),
    F64(f64),
}

use Number::{F32, F64, Int};

/// Runs the launch; returns whether its check failed.
pub(super) fn run(backend: &dyn Backend, launch: &Launch) -> bool {
    let kernel = &launch.kernel;
    let mut memory: Vec<Vec<u8>> = Vec::new();
    for buffer in &launch.buffers {
        let mut bytes = vec![0; buffer.bytes()];
        backend.read(buffer, 0, &mut bytes).unwrap();
        memory.push(bytes);
    }
    if let Some(check) = kernel.code.check {
        for index in 0..kernel.len() {
            if stored(DType::Bool, evaluate(launch, &memory, index)[usize::from(check.value)]) != 0
            {
                return true;
            }
        }
    }
    let mut folded = Vec::new();
    for index in 0..kernel.len() {
        let values = evaluate(launch, &memory, index);
        for store in &kernel.code.stores {
            let value = values[usize::from(store.value)];
            put(launch, &mut memory, store.operand, index, value);
        }
        folded.extend(kernel.code.reduce.map(|reduce| values[usize::from(reduce.value)]));
    }
    if let Some(reduce) = &kernel.code.reduce {
        let dtype = kernel.code.operands[usize::from(reduce.operand)].dtype;
        for (index, result) in fold::fold(launch, reduce, &folded) {
            put(launch, &mut memory, reduce.operand, index, cast(dtype, result));
        }
    }
    for (buffer, bytes) in launch.buffers.iter().zip(&memory) {
        backend.write(buffer, 0, bytes).unwrap();
    }
    false
}

/// The buffer, the byte and the dtype of an operand's element at a point.
fn element(launch: &Launch, operand: u8, mut index: usize) -> (usize, usize, DType) {
    let (code, args) = (&launch.kernel.code, &launch.kernel.args);
    let (code, numbers) =
        (&code.operands[usize::from(operand)], &args.operands[usize::from(operand)]);
    let mut at = numbers.offset;
    for (size, stride) in args.shape.iter().zip(&numbers.strides).rev() {
        at += index % size * stride;
        index /= size;
    }
    (usize::from(code.buffer), at * code.dtype.size(), code.dtype)
}

/// Stores the value at a point.
fn put(launch: &Launch, memory: &mut [Vec<u8>], operand: u8, index: usize, value: Number) {
    let (buffer, at, dtype) = element(launch, operand, index);
    let bits = stored(dtype, value).to_le_bytes();
    memory[buffer][at..at + dtype.size()].copy_from_slice(&bits[..dtype.size()]);
}

fn evaluate(launch: &Launch, memory: &[Vec<u8>], index: usize) -> Vec<Number> {
    let args = &launch.kernel.args;
    let position = args.base.wrapping_add(index as u64);
    let mut values: Vec<Number> = Vec::new();
    for Node { expr, dtype } in &launch.kernel.code.nodes {
        let arguments: Vec<Number> =
            expr.arguments().iter().map(|&a| values[usize::from(a)]).collect();
        let of = |v: Value| launch.kernel.code.nodes[usize::from(v)].dtype;
        values.push(match *expr {
            Expr::Load(operand) => {
                let (buffer, at, dtype) = element(launch, operand, index);
                let mut bits = [0; 8];
                bits[..dtype.size()].copy_from_slice(&memory[buffer][at..at + dtype.size()]);
                loaded(dtype, u64::from_le_bytes(bits))
            }
            Expr::Fetch { operand, .. } => {
                let Int(place) = arguments[0] else { unreachable!("a place is an integer") };
                let (buffer, at, dtype) = element(launch, operand, index);
                let (bytes, size) = (&memory[buffer], dtype.size());
                let last = (bytes.len() / size - 1) as i64;
                let at = ((at / size) as i64).wrapping_add(place).clamp(0, last) as usize * size;
                let mut bits = [0; 8];
                bits[..size].copy_from_slice(&bytes[at..at + size]);
                loaded(dtype, u64::from_le_bytes(bits))
            }
            Expr::Scalar(k) => loaded(*dtype, args.scalars[usize::from(k)]),
            Expr::Index => narrowed(*dtype, Int(position as i64)),
            Expr::Random { word, words, scalar } => {
                let scalar = usize::from(scalar);
                let word = args.scalars[scalar + 1]
                    .wrapping_add(position.wrapping_mul(words.into()))
                    .wrapping_add(word.into());
                Int(philox_word(args.scalars[scalar], word).into())
            }
            Expr::Cast(_) => cast(*dtype, arguments[0]),
            Expr::Select(_) => {
                arguments[if stored(DType::Bool, arguments[0]) != 0 { 1 } else { 2 }]
            }
            Expr::Unary(op, a) | Expr::Binary(op, [a, ..]) | Expr::Ternary(op, [a, ..]) => {
                operation(op, of(a), *dtype, &arguments)
            }
        });
    }
    values
}

/// A row of the table, computed in `dtype`, with a result of dtype `to`.
fn operation(op: Op, dtype: DType, to: DType, arguments: &[Number]) -> Number {
    let lanes: Vec<Vec<u8>> = arguments.iter().map(|&n| lane(dtype, n)).collect();
    let argument = |i: usize| lanes.get(i).map_or(&[] as &[u8], Vec::as_slice);
    let mut out = [0_u64];
    let size = lane(to, Int(0)).len();
    let out_bytes = &mut bytemuck::cast_slice_mut::<u64, u8>(&mut out)[..size];
    loop_of(op, dtype)(out_bytes, argument(0), argument(1), argument(2));
    narrowed(to, from_lane(to, out[0]))
}

/// The number with the stored form `bits`.
fn loaded(dtype: DType, bits: u64) -> Number {
    match dtype {
        DType::Bool => Int(i64::from(bits as u8 != 0)),
        DType::U8 => Int(i64::from(bits as u8)),
        DType::I8 => Int(i64::from(bits as i8)),
        DType::I16 => Int(i64::from(bits as i16)),
        DType::I32 => Int(i64::from(bits as i32)),
        DType::I64 => Int(bits as i64),
        DType::F16 => F32(f16::from_bits(bits as u16).to_f32()),
        DType::BF16 => F32(bf16::from_bits(bits as u16).to_f32()),
        DType::F32 => F32(f32::from_bits(bits as u32)),
        DType::F64 => F64(f64::from_bits(bits)),
    }
}

/// The stored form of a number.
fn stored(dtype: DType, value: Number) -> u64 {
    match (dtype, value) {
        (_, Int(v)) => v as u64,
        (DType::F16, F32(v)) => f16::from_f32(v).to_bits().into(),
        (DType::BF16, F32(v)) => bf16::from_f32(v).to_bits().into(),
        (_, F32(v)) => v.to_bits().into(),
        (_, F64(v)) => v.to_bits(),
    }
}

/// The value a dtype has in place of `value`, of its lane.
fn narrowed(dtype: DType, value: Number) -> Number {
    loaded(dtype, stored(dtype, value))
}

fn cast(to: DType, value: Number) -> Number {
    let truth = match value {
        Int(v) => v != 0,
        F32(v) => v != 0.0,
        F64(v) => v != 0.0,
    };
    if to == DType::Bool {
        return Int(truth.into());
    }
    match (to.category(), value) {
        (Category::Float, _) => match (to, value) {
            (DType::F64, Int(v)) => F64(v as f64),
            (DType::F64, F32(v)) => F64(v.into()),
            (DType::F64, F64(v)) => F64(v),
            (_, Int(v)) => narrowed(to, F32(v as f32)),
            (_, F32(v)) => narrowed(to, F32(v)),
            (_, F64(v)) => narrowed(to, F32(v as f32)),
        },
        (_, Int(v)) => narrowed(to, Int(v)),
        (_, F32(v)) if to == DType::I64 => Int(v as i64),
        (_, F64(v)) if to == DType::I64 => Int(v as i64),
        (_, F32(v)) => narrowed(to, Int((v as i32).into())),
        (_, F64(v)) => narrowed(to, Int((v as i32).into())),
    }
}

/// The number as the lane of a dtype.
fn lane(dtype: DType, value: Number) -> Vec<u8> {
    match (super::plan::lane_size(dtype.lane()), value) {
        (4, Int(v)) => (v as i32).to_ne_bytes().to_vec(),
        (_, Int(v)) => v.to_ne_bytes().to_vec(),
        (_, F32(v)) => v.to_ne_bytes().to_vec(),
        (_, F64(v)) => v.to_ne_bytes().to_vec(),
    }
}

fn from_lane(dtype: DType, bits: u64) -> Number {
    match dtype {
        DType::F16 | DType::BF16 | DType::F32 => F32(f32::from_bits(bits as u32)),
        DType::F64 => F64(f64::from_bits(bits)),
        DType::I64 => Int(bits as i64),
        _ => Int(i64::from(bits as i32)),
    }
}

/// Word `word` of the Philox4x32-10 stream of a seed.
fn philox_word(seed: u64, word: u64) -> i32 {
    let (mut k0, mut k1) = (seed as u32, (seed >> 32) as u32);
    let (mut a, mut b, mut c, mut d) = ((word / 4) as u32, ((word / 4) >> 32) as u32, 0_u32, 0_u32);
    for round in 0..10 {
        if round > 0 {
            k0 = k0.wrapping_add(0x9e37_79b9);
            k1 = k1.wrapping_add(0xbb67_ae85);
        }
        let first = u128::from(a) * 0xd251_1f53;
        let second = u128::from(c) * 0xcd9e_8d57;
        (a, b, c, d) = (
            (second >> 32) as u32 ^ b ^ k0,
            second as u32,
            (first >> 32) as u32 ^ d ^ k1,
            first as u32,
        );
    }
    [a, b, c, d][(word % 4) as usize] as i32
}
