//! Runs one program on the CPU and on every GPU adapter, for the examples that show both times.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytemuck::NoUninit;
use taut::{Device, Element, Tensor};

/// The elements of what `program` computes, which must be the same bits on every device.
///
/// Prints for each device the time of a first run, which compiles its kernels, and of a second; both
/// end when the elements are on the host.
pub(crate) fn run<T: Element + NoUninit>(
    program: impl Fn(Device) -> Result<Tensor>,
) -> Result<Vec<T>> {
    let timed = |device| -> Result<(Vec<T>, Duration)> {
        let start = Instant::now();
        let elements = program(device)?.to_vec()?;
        Ok((elements, start.elapsed()))
    };
    let mut expected: Option<Vec<T>> = None;
    let devices = Device::all();
    for info in &devices {
        let (elements, first) = timed(info.device).with_context(|| info.device.to_string())?;
        let (again, second) = timed(info.device).with_context(|| info.device.to_string())?;
        println!("{:6} {first:>9.2?}, again {second:>9.2?}  {}", info.device, info.name);
        let expected = expected.get_or_insert_with(|| elements.clone());
        for elements in [&elements, &again] {
            ensure!(
                bytemuck::cast_slice::<T, u8>(elements) == bytemuck::cast_slice::<T, u8>(expected),
                "{} and {} differ, and must agree to the bit",
                info.device,
                devices[0].device
            );
        }
    }
    match devices.len() {
        1 => println!("No GPU adapter was found: there is nothing to compare the CPU with."),
        _ => println!("Every device gives the same result, to the bit."),
    }
    expected.context("no device was found, not even the CPU")
}

/// The argument at `position`, counted from 1, as a number of at least `least`; else `default`.
pub(crate) fn argument(position: usize, default: usize, least: usize) -> Result<usize> {
    let Some(text) = std::env::args().nth(position) else { return Ok(default) };
    let number = text.parse().with_context(|| format!("a number was expected, not {text:?}"))?;
    ensure!(number >= least, "a number of at least {least} was expected, not {number}");
    Ok(number)
}
