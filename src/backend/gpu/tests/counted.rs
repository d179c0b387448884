//! Folds beyond what indices count: Note [Counted from a row], on devices that are told to count less. Of some the
//! graph asks the CPU.

use half::{bf16, f16};

use super::small::{Results, Small, bytes, check};
use super::*;
use crate::dtype::Element;
use crate::{Device, Result, Tensor};

/// Of a tensor of 36,000 elements where half of so many are counted.
const SIZES: [i64; 3] = [40, 30, 30];
const LEN: i64 = 36_000;

/// Positions and extremes in a dtype.
fn extreme<T: Element>(x: &Tensor, all: &mut Results) -> Result<()> {
    let x = x.to(T::DTYPE)?;
    // Neither collapses.
    let cut = x.i((.., .., 1..))?;
    let turned = x.permute([2, 0, 1])?;
    all.extend([
        ("any", bytes::<bool>(&cut.gt(90)?.any(())?)?),
        ("argmax of all", bytes::<i64>(&x.flatten(0, -1)?.argmax(())?)?),
        ("argmax of a view", bytes::<i64>(&turned.argmax(())?)?),
        ("argmax along", bytes::<i64>(&x.argmax(1)?)?),
        ("argmax of one each", bytes::<i64>(&x.view([1, 180, -1])?.argmax(0)?)?),
        ("argmin along a slice", bytes::<i64>(&cut.argmin(2)?)?),
        ("largest", bytes::<T>(&cut.amax(())?)?),
        ("largest along", bytes::<T>(&turned.amax(2)?)?),
    ]);
    Ok(())
}

/// Folds of several forms in a dtype that they add up in.
fn folded<T: Element>(x: &Tensor, all: &mut Results) -> Result<()> {
    let x = x.to(T::DTYPE)?;
    let cut = x.i((.., .., 1..))?;
    let wide = x.view([2, 18_000])?;
    all.extend([
        ("sum", bytes::<T>(&x.sum(())?)?),
        ("sum of a slice", bytes::<T>(&cut.sum(())?)?),
        (
            "sum of a turned sum",
            bytes::<T>(&x.permute([2, 0, 1])?.add(1)?.add(&x.view([30, 40, 30])?)?.sum(())?)?,
        ),
        ("inner", bytes::<T>(&cut.sum(2)?)?),
        ("inner two", bytes::<T>(&cut.sum([1, 2])?)?),
        ("middle", bytes::<T>(&cut.sum(1)?)?),
        ("outer", bytes::<T>(&cut.sum(0)?)?),
        ("outer two", bytes::<T>(&cut.sum([0, 1])?)?),
        ("ends", bytes::<T>(&cut.sum([0, 2])?)?),
        ("rows longer than what is counted", bytes::<T>(&wide.sum(0)?)?),
        // Rows too long to be counted from, of kept and of folded points.
        (
            "of long rows",
            bytes::<T>(&wide.i((.., ..17_500))?.unsqueeze(2)?.expand([2, 17_500, 3])?.sum(2)?)?,
        ),
        (
            "along long rows",
            bytes::<T>(&wide.i((.., ..17_500))?.add(&wide.i((.., 500..))?)?.sum(())?)?,
        ),
        ("scan", bytes::<T>(&x.flatten(0, -1)?.cumsum(0)?)?),
        ("scan of a slice", bytes::<T>(&cut.cumsum(1)?)?),
        ("scan of a view", bytes::<T>(&x.permute([1, 2, 0])?.cumsum(0)?)?),
    ]);
    // Folds beside what is stored at every point, in place too.
    let y = x.clone();
    y.i((.., .., 1..))?.add_(1)?;
    let sum = y.i((.., .., 1..))?.sum(())?;
    all.push(("stored beside", bytes::<T>(&y)?));
    all.push(("sum beside", bytes::<T>(&sum)?));
    Ok(())
}

/// Bytes of what a program makes of it on the device: the same on all.
fn results(device: Device) -> Result<Results> {
    let values: Vec<i32> = (0..LEN as i32).map(|i| i * 7919 % 101 - 7).collect();
    let x = crate::from_slice(&values, SIZES, device)?;
    let mut all = Results::new();
    extreme::<u8>(&x, &mut all)?;
    extreme::<f16>(&x, &mut all)?;
    extreme::<i32>(&x, &mut all)?;
    folded::<f32>(&x.div(8)?, &mut all)?;
    if Device::Gpu(0).supports(DType::I64) {
        extreme::<i64>(&x, &mut all)?;
        folded::<i64>(&x, &mut all)?;
    }
    if Device::Gpu(0).supports(DType::F64) {
        extreme::<f64>(&x, &mut all)?;
        folded::<f64>(&x.div(8)?, &mut all)?;
    }
    all.push(("mean of bf16", bytes::<bf16>(&x.to(DType::BF16)?.mean(())?)?));
    // Numbers of a stream beyond what is counted.
    crate::manual_seed(7);
    all.push(("sum of rand", bytes::<f32>(&crate::rand([LEN], device)?.sum(())?)?));
    all.push(("inner of rand", bytes::<f32>(&crate::rand(SIZES, device)?.sum(2)?)?));
    all.push(("outer of rand", bytes::<f32>(&crate::rand(SIZES, device)?.sum(0)?)?));
    all.push(("long of rand", bytes::<f32>(&crate::rand([2, LEN], device)?.sum(1)?)?));
    let steps = crate::arange(LEN, (DType::I32, device))?;
    all.push(("largest of steps", bytes::<i32>(&steps.mul(3)?.amax(())?)?));
    Ok(all)
}

#[test]
fn folds_beyond_what_is_counted_have_the_bits_of_the_cpu() {
    let name =
        "backend::gpu::tests::counted::folds_beyond_what_is_counted_have_the_bits_of_the_cpu";
    let few = Small { points: 8192, ..Small::new(128 << 20, 128 << 20) };
    let narrow = Small { binding: 128 << 10, ..few };
    check(name, results, &[few, narrow, Small { buffer: 6400, ..narrow }]);
}
