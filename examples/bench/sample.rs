//! Timing.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use taut::{Device, Result, Tensor};

use super::calls::on_cpu;
use super::inputs;
use super::suite::{Case, Job, Workload};

/// Inputs rotate among sets that together exceed four times a cache of this size.
const GPU_CACHE: u64 = 64 << 20;

/// Nanoseconds of one operation.
pub(crate) struct Samples {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) count: usize,
}

impl Samples {
    fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        Self { median: samples[samples.len() / 2], min: samples[0], count: samples.len() }
    }
}

/// Measures a workload that is [`Case::Call`].
///
/// # Errors
/// What a call returned.
pub(crate) fn measure(workload: &Workload, device: Device, budget: Duration) -> Result<Samples> {
    let Case::Call { inputs, run, ops, .. } = workload.case else {
        unreachable!("only calls are measured here")
    };
    let sets = sets(workload, device, inputs.len());
    let sets = (0..sets).map(|_| inputs::make(workload, inputs, device));
    let sets: Vec<Vec<Tensor>> = sets.collect::<Result<_>>()?;
    let call = |i: usize| -> Result<()> {
        // The result is evaluated while it is alive, so that laziness drops nothing, and dropped here.
        run(&Job { device, n: workload.n, inputs: &sets[i % sets.len()] })?.eval()?;
        Ok(())
    };
    let mut samples = match device {
        Device::Cpu => on_cpu(&call, budget)?,
        Device::Gpu(_) => on_gpu(&call, device, budget)?,
    };
    samples.iter_mut().for_each(|sample| *sample /= f64::from(ops));
    Ok(Samples::of(samples))
}

/// How many sets of inputs there are.
fn sets(workload: &Workload, device: Device, inputs: usize) -> u64 {
    if device == Device::Cpu || inputs == 0 {
        return 1;
    }
    (4 * GPU_CACHE).div_ceil(workload.bytes).clamp(2, 32)
}

/// A sample is a batch of at least 5 ms with one wait at its end.
fn on_gpu(
    call: &impl Fn(usize) -> Result<()>,
    device: Device,
    budget: Duration,
) -> Result<Vec<f64>> {
    let batch = |calls: usize| -> Result<Duration> {
        let start = Instant::now();
        for i in 0..calls {
            call(i)?;
        }
        taut::synchronize(device)?;
        Ok(start.elapsed())
    };
    batch(3)?;
    let each = batch(5)?.as_secs_f64() / 5.0;
    let calls = (5e-3 / each).ceil().clamp(1.0, 2000.0) as usize;
    let (mut samples, start) = (Vec::new(), Instant::now());
    while samples.len() < 7 || (start.elapsed() < budget && samples.len() < 200) {
        samples.push(batch(calls)?.as_secs_f64() * 1e9 / calls as f64);
        if samples.len() >= 3 && start.elapsed() > 8 * budget {
            break;
        }
    }
    Ok(samples)
}

/// Process start to exit of a 3-element add, by running this program with `cold`.
///
/// # Errors
/// Why it could not be run, or what it printed instead of the sums.
pub(crate) fn cold_start(device: Device) -> std::result::Result<Samples, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut samples = Vec::new();
    for round in 0..16 {
        let start = Instant::now();
        let output = Command::new(&program)
            .args(["cold", "--device", &device.to_string()])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| error.to_string())?;
        let elapsed = start.elapsed();
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() || !["5", "7", "9"].iter().all(|sum| text.contains(sum)) {
            return Err(format!("wrong: it printed {text:?}"));
        }
        // The first brings the program's file into memory.
        if round > 0 {
            samples.push(elapsed.as_secs_f64() * 1e9);
        }
    }
    Ok(Samples::of(samples))
}
