//! The inputs of the workloads, and what must come out of them.
//!
//! Inputs are functions of input and place, so that any element of a result can be checked without
//! asking the device for its inputs.

use half::{bf16, f16};
use taut::{DType, Device, Element, Tensor};

use super::suite::{Case, Expect, Input, Job, SIDE, Workload};

/// Results of more elements are checked at both ends only, this many each.
const WINDOW: usize = 1 << 20;

/// Element `at` of input `k`, in [0.5, 1).
pub(crate) fn unit(k: usize, at: usize) -> f32 {
    let mixed = (at as u32).wrapping_mul(0x9e37_79b1).wrapping_add(k as u32 * 0x85eb_ca6b);
    0.5 + (mixed >> 9) as f32 * f32::from_bits(0x3380_0000)
}

/// The element types that inputs are made of.
trait Native: Element {
    fn from_unit(unit: f32) -> Self;
    fn plus(self, other: Self) -> Self;
}

macro_rules! native {
    ($($type:ty, |$u:ident| $from:expr, |$a:ident, $b:ident| $plus:expr;)*) => {$(
        impl Native for $type {
            fn from_unit($u: f32) -> Self {
                $from
            }

            fn plus(self, $b: Self) -> Self {
                let $a = self;
                $plus
            }
        }
    )*};
}

native! {
    f32, |u| u, |a, b| a + b;
    f64, |u| u.into(), |a, b| a + b;
    f16, |u| Self::from_f32(u), |a, b| Self::from_f32(a.to_f32() + b.to_f32());
    bf16, |u| Self::from_f32(u), |a, b| Self::from_f32(a.to_f32() + b.to_f32());
    i32, |u| (u * 100.0) as Self, |a, b| a.wrapping_add(b);
    u8, |u| (u * 100.0) as Self, |a, b| a.wrapping_add(b);
}

/// The inputs of a workload on a device.
pub(crate) fn make(
    workload: &Workload,
    inputs: &[Input],
    device: Device,
) -> taut::Result<Vec<Tensor>> {
    let make = |(k, &input): (usize, &Input)| match workload.dtype {
        DType::F64 => tensor::<f64>(k, input, workload.n, device),
        DType::F16 => tensor::<f16>(k, input, workload.n, device),
        DType::BF16 => tensor::<bf16>(k, input, workload.n, device),
        DType::I32 => tensor::<i32>(k, input, workload.n, device),
        DType::U8 => tensor::<u8>(k, input, workload.n, device),
        _ => tensor::<f32>(k, input, workload.n, device),
    };
    let made = inputs.iter().enumerate().map(make).collect::<taut::Result<Vec<Tensor>>>()?;
    taut::synchronize(device)?;
    Ok(made)
}

fn tensor<T: Native>(k: usize, input: Input, n: usize, device: Device) -> taut::Result<Tensor> {
    let shape = input.shape(n);
    let len = shape.iter().product();
    let elements: Vec<T> = (0..len).map(|at| T::from_unit(unit(k, at))).collect();
    let device = if input == Input::Host { Device::Cpu } else { device };
    taut::from_slice(&elements, &shape[..], device)
}

/// Runs a workload once and compares what it gives with what must come out.
///
/// # Errors
/// What is wrong, beginning with the word `wrong`; or why it could not run.
pub(crate) fn check(workload: &Workload, device: Device) -> Result<(), String> {
    let Case::Call { inputs, run, expect, .. } = workload.case else { return Ok(()) };
    let failed = |error: taut::Error| error.to_string();
    let made = make(workload, inputs, device).map_err(failed)?;
    let result = run(&Job { device, n: workload.n, inputs: &made }).map_err(failed)?;
    match expect {
        Expect::Each { place, value } => {
            let count = inputs.len();
            match workload.dtype {
                DType::F64 => each::<f64>(&result, add),
                DType::F16 => each::<f16>(&result, add),
                DType::BF16 => each::<bf16>(&result, add),
                DType::I32 => each::<i32>(&result, add),
                DType::U8 => each::<u8>(&result, add),
                _ => each::<f32>(&result, |at| {
                    let mut arguments = [0.0; 5];
                    for (k, argument) in arguments[..count].iter_mut().enumerate() {
                        *argument = unit(k, place(k, at));
                    }
                    value(&arguments[..count])
                }),
            }
        }
        Expect::Copy => each::<u8>(&result, |at| u8::from_unit(unit(0, at))),
        Expect::Sum { dim } => sums(&result, inputs.len(), dim, workload.n),
        Expect::Product => product(&result, workload.n.isqrt()),
        Expect::Random => random(&result),
    }
}

fn add<T: Native>(at: usize) -> T {
    T::from_unit(unit(0, at)).plus(T::from_unit(unit(1, at)))
}

/// Compares elements bit for bit: every one, or the first and the last of many.
fn each<T: Native>(result: &Tensor, expected: impl Fn(usize) -> T) -> Result<(), String> {
    let n = result.numel();
    let windows = if n <= 1 << 24 { [0..n, n..n] } else { [0..WINDOW, n - WINDOW..n] };
    let flat = result.reshape([-1]).map_err(|error| error.to_string())?;
    for window in windows.into_iter().filter(|window| !window.is_empty()) {
        let start = window.start;
        let part = flat.i(start as i64..window.end as i64).and_then(|part| part.to_vec::<T>());
        let part = part.map_err(|error| error.to_string())?;
        for (at, &got) in part.iter().enumerate() {
            let expected = expected(start + at);
            if got != expected {
                return Err(format!("wrong: {got:?} at {}, not {expected:?}", start + at));
            }
        }
    }
    Ok(())
}

/// Compares sums with those in float64, within the bound of the fixed tree: `(16 + log2 n) u Σ|x|`.
fn sums(result: &Tensor, inputs: usize, dim: Option<usize>, n: usize) -> Result<(), String> {
    let value = |at: usize| (0..inputs).map(|k| unit(k, at)).product::<f32>();
    let mut expected = vec![0.0_f64; if dim.is_some() { SIDE } else { 1 }];
    for at in 0..n {
        let place = match dim {
            None => 0,
            Some(0) => at % SIDE,
            Some(_) => at / SIDE,
        };
        expected[place] += f64::from(value(at));
    }
    let bound = (16.0 + (n as f64).log2()) * f64::from(f32::EPSILON) / 2.0;
    let got = result.to_vec::<f32>().map_err(|error| error.to_string())?;
    if got.len() != expected.len() {
        return Err(format!("wrong: {} sums, not {}", got.len(), expected.len()));
    }
    for (got, expected) in got.into_iter().zip(expected) {
        if (f64::from(got) - expected).abs() > bound * expected {
            return Err(format!("wrong: result {got} instead of {expected}"));
        }
    }
    Ok(())
}

/// Compares every 61st result with the sum in float64, within `k u / (1 - k u) Σ|a||b|`.
fn product(result: &Tensor, side: usize) -> Result<(), String> {
    let got = result.to_vec::<f32>().map_err(|error| error.to_string())?;
    if got.len() != side * side {
        return Err(format!("wrong: {} results, not {}", got.len(), side * side));
    }
    let ku = side as f64 * f64::from(f32::EPSILON) / 2.0;
    let value = |k: usize, row: usize, column: usize| f64::from(unit(k, row * side + column));
    for (at, got) in got.into_iter().enumerate().step_by(61) {
        let term = |k| value(0, at / side, k) * value(1, k, at % side);
        let expected: f64 = (0..side).map(term).sum();
        if (f64::from(got) - expected).abs() > ku / (1.0 - ku) * expected {
            return Err(format!("wrong: result {got} instead of {expected}"));
        }
    }
    Ok(())
}

fn random(result: &Tensor) -> Result<(), String> {
    let numbers = result.to_vec::<f32>().map_err(|error| error.to_string())?;
    if let Some(number) = numbers.iter().find(|number| !(0.0..1.0).contains(*number)) {
        return Err(format!("wrong: {number} is not in [0, 1)"));
    }
    let mean = numbers.iter().map(|&number| f64::from(number)).sum::<f64>() / numbers.len() as f64;
    // The standard error of the mean of n numbers is 0.29 / sqrt(n).
    if (mean - 0.5).abs() * (numbers.len() as f64).sqrt() > 2.0 {
        return Err(format!("wrong: mean {mean}"));
    }
    Ok(())
}
