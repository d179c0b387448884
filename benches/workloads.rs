//! The workloads of `examples/bench` on every device present, beside ndarray, in bytes a second.
//!
//! `TAUT_BENCH_DEVICES` (`cpu,gpu:0`) narrows the devices; without it software adapters are left out.
//! `cargo bench --bench workloads -- add_f32` narrows the workloads.

#[path = "../examples/bench/inputs.rs"]
mod inputs;
#[allow(dead_code, reason = "which stream limits a workload is for the example to tell")]
#[path = "../examples/bench/suite.rs"]
mod suite;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode, Throughput};
use ndarray::{Array1, Array2, Axis, s};
use suite::{Case, Input, Job, SIDE, WORKLOADS, Workload};
use taut::ndarray;
use taut::{DType, Device, DeviceKind, Tensor};

/// Inputs rotate among sets that together exceed four times a GPU's cache.
const GPU_CACHE: u64 = 64 << 20;

fn main() -> taut::Result<()> {
    let mut criterion = Criterion::default().configure_from_args();
    let devices = devices()?;
    for workload in WORKLOADS {
        let Case::Call { inputs, run, ops, .. } = workload.case else { continue };
        let mut group = criterion.benchmark_group(workload.id);
        group
            .sampling_mode(SamplingMode::Flat)
            .sample_size(10)
            .warm_up_time(Duration::from_millis(200))
            .measurement_time(Duration::from_secs(1))
            .throughput(Throughput::Bytes(workload.bytes * u64::from(ops)));
        for &device in &devices {
            if !workload.runs_on(device) || !device.supports(workload.dtype) {
                continue;
            }
            let mut sets: Vec<Vec<Tensor>> = Vec::new();
            group.bench_function(format!("taut {device}"), |bencher| {
                // Made here, so that a workload that is filtered out makes none.
                if sets.is_empty() {
                    if let Err(error) = inputs::check(workload, device) {
                        panic!("{} on {device}: {error}", workload.id);
                    }
                    let count = match device {
                        Device::Cpu => 1,
                        Device::Gpu(_) => (4 * GPU_CACHE).div_ceil(workload.bytes).clamp(2, 32),
                    };
                    let made = (0..count).map(|_| expect(inputs::make(workload, inputs, device)));
                    sets = made.collect();
                }
                bencher.iter_custom(|count| {
                    let start = Instant::now();
                    for i in 0..count as usize {
                        let inputs = &sets[i % sets.len()];
                        // Evaluated while it is alive, and dropped here.
                        let result = expect(run(&Job { device, n: workload.n, inputs }));
                        expect(result.eval());
                    }
                    expect(taut::synchronize(device));
                    start.elapsed()
                });
            });
        }
        if let Some(mut call) = peer(workload, inputs) {
            group.bench_function("ndarray", |bencher| bencher.iter(&mut call));
        }
        group.finish();
    }
    criterion.final_summary();
    Ok(())
}

/// A workload that fails leaves nothing to measure.
fn expect<T>(result: taut::Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

fn devices() -> taut::Result<Vec<Device>> {
    if let Ok(names) = std::env::var("TAUT_BENCH_DEVICES") {
        return names.split(',').map(|name| name.trim().parse()).collect();
    }
    let infos = Device::all().into_iter().filter(|info| info.kind != DeviceKind::Software);
    Ok(infos.map(|info| info.device).collect())
}

/// The workload in ndarray, where it is element-wise, a sum or a matrix product in float32; what a user would write, an
/// array for every operation. Its result is dropped inside the call.
fn peer(workload: &Workload, inputs: &[Input]) -> Option<Box<dyn FnMut()>> {
    if workload.dtype != DType::F32 || workload.only_gpu {
        return None;
    }
    let shapes: Vec<Vec<usize>> = inputs.iter().map(|input| input.shape(workload.n)).collect();
    let vector = move |k: usize| Array1::from_shape_fn(shapes[k][0], |at| inputs::unit(k, at));
    let matrix =
        |k: usize| Array2::from_shape_fn((SIDE, SIDE), |(i, j)| inputs::unit(k, i * SIDE + j));
    let side = workload.n.isqrt();
    let square =
        move |k: usize| Array2::from_shape_fn((side, side), |(i, j)| inputs::unit(k, i * side + j));
    let column = |k: usize| Array2::from_shape_fn((SIDE, 1), |(i, _)| inputs::unit(k, i));
    let row = |k: usize| Array1::from_shape_fn(SIDE, |j| inputs::unit(k, j));

    /// Makes the inputs at the first call, which a workload that is filtered out never gets.
    fn lazily<I: 'static, R: 'static>(
        make: impl Fn() -> I + 'static,
        call: impl Fn(&mut I) -> R + 'static,
    ) -> Option<Box<dyn FnMut()>> {
        let mut made = None;
        Some(Box::new(move || {
            let inputs = made.get_or_insert_with(&make);
            drop(black_box(call(inputs)));
        }))
    }
    match workload.id {
        "div_f32_big" => lazily(move || (vector(0), vector(1)), |(a, b)| &*a / &*b),
        "scalar_f32_big" => lazily(move || vector(0), |a| &*a * 2.0 + 1.0),
        "add_inplace_f32" => lazily(move || (vector(0), vector(1)), |(a, b)| *a += &*b),
        "add_f32_out" => lazily(
            move || (vector(0), vector(1), vector(2)),
            |(a, b, out)| ndarray::Zip::from(out).and(a).and(b).for_each(|o, a, b| *o = *a + *b),
        ),
        "chain_f32_big" => lazily(
            move || [0, 1, 2, 3, 4].map(&vector),
            |[a, b, c, d, e]| ((&*a + &*b) * &*c - &*d) / &*e,
        ),
        "long_chain" => lazily(
            move || (vector(0), vector(1)),
            |(a, b)| (0..5).fold(a.clone(), |t, _| t * &*b + &*a),
        ),
        "small_ops" => lazily(
            move || (vector(0), vector(1)),
            |(a, b)| (1..1000).fold(&*a + &*b, |t, _| &t + &*b),
        ),
        "bcast_row" => lazily(move || (matrix(0), row(1)), |(a, b)| &*a + &*b),
        "bcast_col" => lazily(move || (matrix(0), column(1)), |(a, b)| &*a + &*b),
        "transposed" => lazily(move || (matrix(0), matrix(1)), |(a, b)| &*a + &b.t()),
        "strided" => lazily(
            move || (matrix(0), matrix(1)),
            |(a, b)| &a.slice(s![.., ..;2]) + &b.slice(s![.., ..;2]),
        ),
        "outer" => lazily(move || (column(0), row(1)), |(a, b)| &*a * &*b),
        "matmul_1024" => lazily(move || (square(0), square(1)), |(a, b)| a.dot(&*b)),
        "sum_all" => lazily(move || vector(0), |a| a.sum()),
        "sum_dim0" => lazily(move || matrix(0), |a| a.sum_axis(Axis(0))),
        "sum_dim1" => lazily(move || matrix(0), |a| a.sum_axis(Axis(1))),
        "mul_sum" => lazily(move || (vector(0), vector(1)), |(a, b)| (&*a * &*b).sum()),
        "rand_f32" => None,
        _ => lazily(move || (vector(0), vector(1)), |(a, b)| &*a + &*b),
    }
}
