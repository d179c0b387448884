//! Heat spreading through a square plate, of which one edge is kept hot.
//!
//! Explicit steps of the heat equation, written through views of the plate. The loop stays on the
//! device: nothing comes to the host before the last step.
//!
//! ```text
//! cargo run --release --example heat [-- SIZE [STEPS]]
//! ```
#![allow(clippy::print_stdout, reason = "its output is what it is for")]
#![allow(
    clippy::reversed_empty_ranges,
    reason = "a negative end counts from the end, as in PyTorch"
)]

mod everywhere;

use anyhow::{Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use taut::{Device, Tensor};

/// Diffusivity times time step over cell size squared; the scheme is stable up to 0.25.
const RATE: f32 = 0.2;

const HOT: f32 = 100.0;

/// After so many steps the progress bar waits for the device.
const STEPS_PER_TICK: usize = 50;

fn main() -> Result<()> {
    let size = everywhere::argument(1, 128, 3)?;
    let steps = everywhere::argument(2, 2000, 1)?;
    println!("{size} x {size} cells, {steps} steps");
    let plate = everywhere::run::<f32>(|device| simulate(size, steps, device))?;
    ensure!(
        plate.iter().all(|heat| (0.0..=HOT).contains(heat)),
        "no cell can be colder than the cold edges or hotter than the hot one"
    );
    println!("From the hot edge to the cold one, down the middle:");
    for row in (0..size).step_by(size.div_ceil(16)) {
        let heat = plate[row * size + size / 2];
        println!("{row:5} {heat:7.2} {}", "#".repeat((heat / 2.0) as usize));
    }
    Ok(())
}

/// The heat of each cell after `steps`, of shape `(size, size)`.
fn simulate(size: usize, steps: usize, device: Device) -> Result<Tensor> {
    let plate = taut::zeros([size, size], device)?;
    plate.i(0)?.fill_(HOT)?;
    let inner = plate.i((1..-1, 1..-1))?;
    let (above, below) = (plate.i((..-2, 1..-1))?, plate.i((2.., 1..-1))?);
    let (left, right) = (plate.i((1..-1, ..-2))?, plate.i((1..-1, 2..))?);

    let bar = ProgressBar::new(steps as u64)
        .with_style(ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {elapsed}")?)
        .with_prefix(device.to_string());
    for step in 1..=steps {
        let flow = &above + &below + &left + &right - 4 * &inner;
        inner.add_alpha_(&flow, RATE)?;
        if step % STEPS_PER_TICK == 0 {
            taut::synchronize(device)?;
            bar.set_position(step as u64);
        }
    }
    bar.finish_and_clear();
    Ok(plate)
}
