//! The workloads: what is computed, on what, how many bytes must move, and what must come out.
//!
//! Shared by `examples/bench` and `benches/workloads.rs`. `bytes` is the least that memory must move, each
//! input and each output once; it is part of the definition and never taken from what ran.

use taut::{DType, Device, Result, Tensor};

/// Rows, and columns, of the matrices.
pub(crate) const SIDE: usize = 4096;

/// One thing to measure.
pub(crate) struct Workload {
    pub(crate) id: &'static str,
    pub(crate) dtype: DType,
    /// Points of the iteration space.
    pub(crate) n: usize,
    pub(crate) bytes: u64,
    /// The stream with the same mix of reads and writes.
    pub(crate) limit: &'static str,
    pub(crate) only_gpu: bool,
    pub(crate) case: Case,
}

/// What a call does.
#[derive(Clone, Copy)]
pub(crate) enum Case {
    /// A call of `run` on `inputs`; one measured call is `ops` operations.
    Call { inputs: &'static [Input], run: fn(&Job<'_>) -> Result<Tensor>, expect: Expect, ops: u32 },
    /// Process start to exit, measured from outside.
    ColdStart,
    /// Not to be had, and why.
    Missing(&'static str),
}

/// What a tensor among the inputs looks like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// `(n)`
    Vector,
    /// `(SIDE, SIDE)`
    Matrix,
    /// `(SIDE)`
    Row,
    /// `(SIDE, 1)`
    Column,
    /// `(1, SIDE)`
    Flat,
    /// `(√n, √n)`
    Square,
    /// `(n)`, on the CPU whatever the device.
    Host,
}

/// What a call is given.
pub(crate) struct Job<'a> {
    pub(crate) device: Device,
    pub(crate) n: usize,
    pub(crate) inputs: &'a [Tensor],
}

/// What must come out.
#[derive(Clone, Copy)]
pub(crate) enum Expect {
    /// Each element, bit for bit: `value` of the inputs' elements at `place`, in float32; other dtypes
    /// add the first two.
    Each { place: fn(usize, usize) -> usize, value: fn(&[f32]) -> f32 },
    /// Sums of the product of all inputs: over everything, or over one dim of the matrix.
    Sum { dim: Option<usize> },
    /// The matrix product of the two inputs.
    Product,
    /// Numbers in [0, 1) with the mean of such.
    Random,
    /// The elements of the first input.
    Copy,
}

impl Input {
    pub(crate) fn shape(self, n: usize) -> Vec<usize> {
        match self {
            Self::Vector | Self::Host => vec![n],
            Self::Matrix => vec![SIDE, SIDE],
            Self::Row => vec![SIDE],
            Self::Column => vec![SIDE, 1],
            Self::Flat => vec![1, SIDE],
            Self::Square => vec![n.isqrt(); 2],
        }
    }
}

impl Workload {
    /// The workload as one of the CPU's, if it is.
    pub(crate) fn runs_on(&self, device: Device) -> bool {
        device != Device::Cpu || !self.only_gpu
    }
}

const VV: &[Input] = &[Input::Vector, Input::Vector];

const fn call(
    inputs: &'static [Input],
    run: fn(&Job<'_>) -> Result<Tensor>,
    expect: Expect,
) -> Case {
    Case::Call { inputs, run, expect, ops: 1 }
}

/// Each element from those at the same place.
const fn same(value: fn(&[f32]) -> f32) -> Expect {
    Expect::Each { place: |_, at| at, value }
}

const ADD: Case = call(VV, |job| job.inputs[0].add(&job.inputs[1]), same(|x| x[0] + x[1]));

const CHAIN: Case = call(
    &[Input::Vector; 5],
    |job| {
        let [a, b, c, d, e] = job.inputs else { unreachable!("five inputs") };
        a.add(b)?.mul(c)?.sub(d)?.div(e)
    },
    same(|x| ((x[0] + x[1]) * x[2] - x[3]) / x[4]),
);

const LONG_CHAIN: Case = call(
    VV,
    |job| {
        let (a, b) = (&job.inputs[0], &job.inputs[1]);
        let mut t = a.alias();
        for _ in 0..5 {
            t = t.mul(b)?.add(a)?;
        }
        Ok(t)
    },
    same(|x| (0..5).fold(x[0], |t, _| t * x[1] + x[0])),
);

const SMALL_OPS: Case = Case::Call {
    inputs: VV,
    run: |job| {
        let (a, b) = (&job.inputs[0], &job.inputs[1]);
        let mut t = a.add(b)?;
        for _ in 1..1000 {
            t = t.add(b)?;
        }
        Ok(t)
    },
    expect: same(|x| (0..1000).fold(x[0], |t, _| t + x[1])),
    ops: 1000,
};

const fn row(
    id: &'static str,
    dtype: DType,
    n: usize,
    bytes: u64,
    limit: &'static str,
    case: Case,
) -> Workload {
    Workload { id, dtype, n, bytes, limit, only_gpu: false, case }
}

const fn gpu(workload: Workload) -> Workload {
    Workload { only_gpu: true, ..workload }
}

/// Every workload, in the order they run.
pub(crate) const WORKLOADS: &[Workload] = &[
    row("add_f32_big", DType::F32, 1 << 24, 201_326_592, "add", ADD),
    row(
        "add_f32_out",
        DType::F32,
        1 << 24,
        201_326_592,
        "add",
        call(
            &[Input::Vector; 3],
            |job| {
                let [a, b, out] = job.inputs else { unreachable!("three inputs") };
                out.copy_(&a.add(b)?)?;
                Ok(out.alias())
            },
            same(|x| x[0] + x[1]),
        ),
    ),
    row("add_f32_huge", DType::F32, 1 << 26, 805_306_368, "add", ADD),
    gpu(row("add_f32_n28", DType::F32, 1 << 28, 3_221_225_472, "add", ADD)),
    row(
        "add_inplace_f32",
        DType::F32,
        1 << 24,
        201_326_592,
        "inplace",
        call(
            VV,
            |job| {
                job.inputs[0].add_(&job.inputs[1])?;
                Ok(job.inputs[0].alias())
            },
            same(|x| x[0] + x[1]),
        ),
    ),
    row(
        "div_f32_big",
        DType::F32,
        1 << 24,
        201_326_592,
        "add",
        call(VV, |job| job.inputs[0].div(&job.inputs[1]), same(|x| x[0] / x[1])),
    ),
    row(
        "scalar_f32_big",
        DType::F32,
        1 << 24,
        134_217_728,
        "scale",
        call(&[Input::Vector], |job| job.inputs[0].mul(2)?.add(1), same(|x| x[0] * 2.0 + 1.0)),
    ),
    row("chain_f32_big", DType::F32, 1 << 24, 402_653_184, "chain", CHAIN),
    gpu(row("chain_f32_n26", DType::F32, 1 << 26, 1_610_612_736, "chain", CHAIN)),
    row("long_chain", DType::F32, 1 << 24, 201_326_592, "add", LONG_CHAIN),
    gpu(row("long_chain_n26", DType::F32, 1 << 26, 805_306_368, "add", LONG_CHAIN)),
    row(
        "bcast_row",
        DType::F32,
        1 << 24,
        134_234_112,
        "scale",
        call(
            &[Input::Matrix, Input::Row],
            |job| job.inputs[0].add(&job.inputs[1]),
            Expect::Each {
                place: |k, at| if k == 0 { at } else { at % SIDE },
                value: |x| x[0] + x[1],
            },
        ),
    ),
    row(
        "bcast_col",
        DType::F32,
        1 << 24,
        134_234_112,
        "scale",
        call(
            &[Input::Matrix, Input::Column],
            |job| job.inputs[0].add(&job.inputs[1]),
            Expect::Each {
                place: |k, at| if k == 0 { at } else { at / SIDE },
                value: |x| x[0] + x[1],
            },
        ),
    ),
    row(
        "transposed",
        DType::F32,
        1 << 24,
        201_326_592,
        "add",
        call(
            &[Input::Matrix, Input::Matrix],
            |job| job.inputs[0].add(&job.inputs[1].t()?),
            Expect::Each {
                place: |k, at| if k == 0 { at } else { at % SIDE * SIDE + at / SIDE },
                value: |x| x[0] + x[1],
            },
        ),
    ),
    row(
        "strided",
        DType::F32,
        1 << 23,
        167_772_160,
        "chain",
        call(
            &[Input::Matrix, Input::Matrix],
            |job| {
                let even = (.., taut::slice(.., ..).step(2));
                job.inputs[0].i(even)?.add(&job.inputs[1].i(even)?)
            },
            Expect::Each { place: |_, at| 2 * at, value: |x| x[0] + x[1] },
        ),
    ),
    row(
        "outer",
        DType::F32,
        1 << 24,
        67_141_632,
        "fill",
        call(
            &[Input::Column, Input::Flat],
            |job| job.inputs[0].mul(&job.inputs[1]),
            Expect::Each {
                place: |k, at| if k == 0 { at / SIDE } else { at % SIDE },
                value: |x| x[0] * x[1],
            },
        ),
    ),
    row("add_f64_big", DType::F64, 1 << 24, 402_653_184, "add", ADD),
    row("add_f16_big", DType::F16, 1 << 24, 100_663_296, "add", ADD),
    row("add_bf16_big", DType::BF16, 1 << 24, 100_663_296, "add", ADD),
    row("add_i32_big", DType::I32, 1 << 24, 201_326_592, "add", ADD),
    row("add_u8_big", DType::U8, 1 << 24, 50_331_648, "add", ADD),
    row("sweep_2e08", DType::F32, 1 << 8, 3072, "-", ADD),
    row("sweep_2e12", DType::F32, 1 << 12, 49_152, "-", ADD),
    row("sweep_2e16", DType::F32, 1 << 16, 786_432, "-", ADD),
    row("sweep_2e20", DType::F32, 1 << 20, 12_582_912, "-", ADD),
    row("sweep_2e24", DType::F32, 1 << 24, 201_326_592, "add", ADD),
    row("small_ops", DType::F32, 1024, 12_288, "-", SMALL_OPS),
    gpu(row(
        "small_ops_graph",
        DType::F32,
        1024,
        12_288,
        "-",
        Case::Missing("not expressible: taut has no graphs to capture, small_ops is it"),
    )),
    row(
        "sum_all",
        DType::F32,
        1 << 24,
        67_108_864,
        "read",
        call(&[Input::Vector], |job| job.inputs[0].sum(()), Expect::Sum { dim: None }),
    ),
    row(
        "sum_dim0",
        DType::F32,
        1 << 24,
        67_125_248,
        "read",
        call(&[Input::Matrix], |job| job.inputs[0].sum(0), Expect::Sum { dim: Some(0) }),
    ),
    row(
        "sum_dim1",
        DType::F32,
        1 << 24,
        67_125_248,
        "read",
        call(&[Input::Matrix], |job| job.inputs[0].sum(1), Expect::Sum { dim: Some(1) }),
    ),
    row(
        "mul_sum",
        DType::F32,
        1 << 24,
        134_217_728,
        "dot",
        call(VV, |job| job.inputs[0].mul(&job.inputs[1])?.sum(()), Expect::Sum { dim: None }),
    ),
    row(
        "rand_f32",
        DType::F32,
        1 << 24,
        67_108_864,
        "fill",
        call(&[], |job| taut::rand([job.n], job.device), Expect::Random),
    ),
    row(
        "matmul_1024",
        DType::F32,
        1 << 20,
        12_582_912,
        "-",
        call(
            &[Input::Square, Input::Square],
            |job| job.inputs[0].matmul(&job.inputs[1]),
            Expect::Product,
        ),
    ),
    row("cold_start", DType::F32, 3, 36, "-", Case::ColdStart),
    gpu(row("h2d_pinned", DType::U8, 1 << 28, 268_435_456, "-", PINNED)),
    gpu(row(
        "h2d_pageable",
        DType::U8,
        1 << 28,
        268_435_456,
        "-",
        call(&[Input::Host], |job| job.inputs[0].to(job.device), Expect::Copy),
    )),
    gpu(row("d2h_pinned", DType::U8, 1 << 28, 268_435_456, "-", PINNED)),
    gpu(row(
        "d2h_pageable",
        DType::U8,
        1 << 28,
        268_435_456,
        "-",
        call(&[Input::Vector], |job| job.inputs[0].cpu(), Expect::Copy),
    )),
    gpu(row(
        "d2d_copy",
        DType::U8,
        1 << 30,
        2_147_483_648,
        "-",
        call(
            VV,
            |job| {
                job.inputs[1].copy_(&job.inputs[0])?;
                Ok(job.inputs[1].alias())
            },
            Expect::Copy,
        ),
    )),
];

const PINNED: Case = Case::Missing("not expressible: taut has no pinned host tensors");
