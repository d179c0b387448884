//! The CPU against every GPU adapter: same inputs, same operations, same bits?
//!
//! Prints the largest difference in units in the last place and the time per element on both, and
//! fails if any difference is not 0. The inputs are random bit patterns, so that subnormal numbers,
//! infinities and NaN are among them.
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use taut::{DType, Device, Element, Generator, Rounding, Tensor};

/// What an operation computes from three inputs of one shape and dtype.
type Operation = fn(&[Tensor; 3]) -> taut::Result<Tensor>;

/// For which dtypes an operation is compared.
#[derive(Clone, Copy, PartialEq)]
enum For {
    Floats,
    Integers,
    Numbers,
}

const OPERATIONS: &[(&str, For, Operation)] = &[
    ("a + b", For::Numbers, |[a, b, _]| a.add(b)),
    ("a - b", For::Numbers, |[a, b, _]| a.sub(b)),
    ("a * b", For::Numbers, |[a, b, _]| a.mul(b)),
    ("a / b", For::Numbers, |[a, b, _]| a.div(b)),
    ("2.5 / a", For::Floats, |[a, ..]| taut::div(2.5, a)),
    ("floor(a / 7)", For::Integers, |[a, ..]| a.div_mode(7, Rounding::Floor)),
    ("floor(a / b)", For::Floats, |[a, b, _]| a.div_mode(b, Rounding::Floor)),
    ("-a", For::Numbers, |[a, ..]| a.neg()),
    ("a.to(float32)", For::Integers, |[a, ..]| a.to(DType::F32)),
    ("a.to(int32)", For::Floats, |[a, ..]| a.to(DType::I32)),
    ("a.to(bfloat16)", For::Floats, |[a, ..]| a.to(DType::BF16)),
    ("(a + b) - b", For::Numbers, |[a, b, _]| a.add(b)?.sub(b)),
    ("((a+b)*c-a)/b", For::Numbers, |[a, b, c]| a.add(b)?.mul(c)?.sub(a)?.div(b)),
    ("a + row of b", For::Numbers, |[a, b, _]| a.add(&b.i(0)?)),
    ("a + b.T", For::Numbers, |[a, b, _]| a.add(&b.t()?.reshape(a.size())?)),
    ("rand", For::Floats, |[a, ..]| Generator::new(11).rand(a.size(), (a.dtype(), a.device()))),
];

const SHAPES: &[[usize; 2]] = &[[3, 5], [1000, 1001]];

const REPEATS: u32 = 5;

fn main() -> Result<()> {
    let gpus: Vec<_> =
        Device::all().into_iter().filter(|info| info.device != Device::Cpu).collect();
    if gpus.is_empty() {
        println!("No GPU adapter was found: there is nothing to compare the CPU with.");
        return Ok(());
    }
    let mut worst = 0;
    for info in gpus {
        println!("cpu and {}: {} ({}, {})\n", info.device, info.name, info.api, info.driver);
        worst = worst.max(compare(info.device, &info.dtypes)?);
        println!();
    }
    ensure!(worst == 0, "the largest difference is {worst} ULP, and must be 0");
    println!("Every result is the same on every device, to the bit.");
    Ok(())
}

/// Prints the table for one adapter and returns the largest difference.
fn compare(gpu: Device, dtypes: &[DType]) -> Result<u64> {
    println!(
        "{:14} {:9} {:>11} {:>8} {:>11} {:>11}",
        "operation", "dtype", "shape", "ULP", "cpu", gpu
    );
    let mut worst = 0;
    for &shape in SHAPES {
        for &dtype in dtypes.iter().filter(|dtype| **dtype != DType::Bool) {
            let here = inputs(dtype, shape)?;
            let there = [here[0].to(gpu)?, here[1].to(gpu)?, here[2].to(gpu)?];
            let kind = if dtype.is_floating_point() { For::Floats } else { For::Integers };
            for (name, applies, operation) in OPERATIONS {
                if *applies != For::Numbers && *applies != kind {
                    continue;
                }
                let what = || format!("{name} of {dtype} {shape:?} on {gpu}");
                let (on_cpu, cpu_time) = timed(&here, *operation).with_context(what)?;
                let (on_gpu, gpu_time) = timed(&there, *operation).with_context(what)?;
                let ulp = difference(&on_cpu, &on_gpu).with_context(what)?;
                worst = worst.max(ulp);
                let len = on_cpu.numel() as f64;
                let each = |time: Duration| format!("{:.3} ns", time.as_secs_f64() * 1e9 / len);
                let (shape, cpu_time, gpu_time) =
                    (format!("{}x{}", shape[0], shape[1]), each(cpu_time), each(gpu_time));
                println!("{name:14} {dtype:9} {shape:>11} {ulp:>8} {cpu_time:>11} {gpu_time:>11}");
            }
        }
    }
    Ok(worst)
}

/// Three tensors of random bits on the CPU.
fn inputs(dtype: DType, shape: [usize; 2]) -> Result<[Tensor; 3]> {
    let mut generator = Generator::new(dtype as u64 + 1);
    let mut draw = || -> taut::Result<Tensor> {
        let len = shape.iter().product::<usize>();
        let words = generator.randint(i32::MIN.into(), 1 << 31, [2 * len], DType::I32)?;
        let words: Vec<u32> =
            words.to_vec::<i32>()?.iter().map(|word| word.cast_unsigned()).collect();
        let (low, high) = words.split_at(len);
        let wide = || low.iter().zip(high).map(|(&l, &h)| u64::from(h) << 32 | u64::from(l));
        match dtype {
            DType::U8 => from_bits(low.iter().map(|&w| w as u8), shape),
            DType::I8 => from_bits(low.iter().map(|&w| w as i8), shape),
            DType::I16 => from_bits(low.iter().map(|&w| w as i16), shape),
            DType::I32 => from_bits(low.iter().map(|&w| w.cast_signed()), shape),
            DType::I64 => from_bits(wide().map(u64::cast_signed), shape),
            DType::F16 => from_bits(low.iter().map(|&w| half::f16::from_bits(w as u16)), shape),
            DType::BF16 => from_bits(low.iter().map(|&w| half::bf16::from_bits(w as u16)), shape),
            DType::F64 => from_bits(wide().map(f64::from_bits), shape),
            _ => from_bits(low.iter().map(|&w| f32::from_bits(w)), shape),
        }
    };
    Ok([draw()?, draw()?, draw()?])
}

fn from_bits<T: Element>(
    elements: impl Iterator<Item = T>,
    shape: [usize; 2],
) -> taut::Result<Tensor> {
    taut::from_slice(&elements.collect::<Vec<T>>(), shape, ())
}

/// The result, and the time of one run after a first that may compile.
fn timed(inputs: &[Tensor; 3], operation: Operation) -> Result<(Tensor, Duration)> {
    let device = inputs[0].device();
    let result = operation(inputs)?;
    taut::synchronize(device)?;
    let start = Instant::now();
    for _ in 0..REPEATS {
        operation(inputs)?.eval()?;
        taut::synchronize(device)?;
    }
    Ok((result, start.elapsed() / REPEATS))
}

/// The largest distance of two elements, counted in numbers of their dtype; any NaN equals any NaN.
fn difference(a: &Tensor, b: &Tensor) -> Result<u64> {
    ensure!(a.dtype() == b.dtype() && a.shape() == b.shape(), "dtype or shape differs");
    Ok(match a.dtype() {
        DType::F16 => distance::<half::f16>(a, b, |v| (!v.is_nan()).then(|| key(v.to_bits(), 16)))?,
        DType::BF16 => {
            distance::<half::bf16>(a, b, |v| (!v.is_nan()).then(|| key(v.to_bits(), 16)))?
        }
        DType::F32 => distance::<f32>(a, b, |v| (!v.is_nan()).then(|| key(v.to_bits(), 32)))?,
        DType::F64 => distance::<f64>(a, b, |v| (!v.is_nan()).then(|| key(v.to_bits(), 64)))?,
        _ => distance::<i64>(a, b, |v| Some(v.into()))?,
    })
}

/// The place of a float among all floats of its width; the two zeros are neighbours.
fn key(bits: impl Into<u64>, width: u32) -> i128 {
    let bits = i128::from(bits.into());
    let sign = 1 << (width - 1);
    if bits & sign == 0 { bits } else { -1 - (bits & (sign - 1)) }
}

fn distance<T: Element>(a: &Tensor, b: &Tensor, key: fn(T) -> Option<i128>) -> Result<u64> {
    let (a, b) = (a.to_vec::<T>()?, b.to_vec::<T>()?);
    let each = a.into_iter().zip(b).map(|(a, b)| match (key(a), key(b)) {
        (None, None) => 0,
        (Some(a), Some(b)) => u64::try_from((a - b).unsigned_abs()).unwrap_or(u64::MAX),
        _ => u64::MAX,
    });
    Ok(each.max().unwrap_or(0))
}
