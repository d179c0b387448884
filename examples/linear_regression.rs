//! A straight fit by gradient descent, with the gradient written by hand.
//!
//! The model is `y = x w + b`. Products and sums are used and not a matrix product, as they give
//! the same bits on every device.
//!
//! ```text
//! cargo run --release --example linear_regression [-- SAMPLES]
//! ```
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

mod everywhere;

use anyhow::{Result, ensure};
use taut::{Device, Generator, Tensor};

const WEIGHTS: [f32; 4] = [3.0, -2.0, 0.5, 1.25];

const BIAS: f32 = 0.75;

const NOISE: f32 = 0.1;

const STEPS: usize = 60;

const LEARNING_RATE: f32 = 0.1;

fn main() -> Result<()> {
    let samples = everywhere::argument(1, 100_000, 100)?;
    println!("{samples} samples, {STEPS} steps");
    let found = everywhere::run::<f32>(|device| fit(samples, device))?;
    println!("true  {WEIGHTS:.4?} {BIAS:.4}");
    let (bias, weights) = (found[WEIGHTS.len()], &found[..WEIGHTS.len()]);
    println!("found {weights:.4?} {bias:.4}");
    // Six standard errors of a coefficient, and what the descent has left of its start.
    let bound = 6.0 * NOISE / (samples as f32).sqrt() + 1e-3;
    for (found, truth) in found.iter().zip(WEIGHTS.iter().chain([&BIAS])) {
        ensure!((found - truth).abs() <= bound, "{found} is further than {bound} from {truth}");
    }
    Ok(())
}

/// The weights that were found and, behind them, the bias.
fn fit(samples: usize, device: Device) -> Result<Tensor> {
    let mut generator = Generator::new(1);
    let x = generator.randn([samples, WEIGHTS.len()], device)?;
    let noise = generator.randn([samples], device)? * NOISE;
    let y = predict(&x, &taut::tensor(WEIGHTS, device)?, &taut::tensor(BIAS, device)?)? + noise;

    let w = taut::zeros([WEIGHTS.len()], device)?;
    let b = taut::tensor(0.0f32, device)?;
    for _ in 0..STEPS {
        let error = predict(&x, &w, &b)? - &y;
        // Of mean(error^2): 2 mean(error x) by the weights, 2 mean(error) by the bias.
        let by_w = (&x * error.unsqueeze(1)?).mean(0)? * 2;
        let by_b = error.mean(())? * 2;
        w.sub_alpha_(&by_w, LEARNING_RATE)?;
        b.sub_alpha_(&by_b, LEARNING_RATE)?;
    }
    Ok(taut::cat(&[&w, &b.unsqueeze(0)?], 0)?)
}

/// `x w + b`: `(n, k), (k), () -> (n)`.
fn predict(x: &Tensor, w: &Tensor, b: &Tensor) -> Result<Tensor> {
    Ok((x * w).sum(1)? + b)
}
