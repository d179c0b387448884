//! Timing of calls on the CPU, for this example and `benches/operations`.

use std::time::{Duration, Instant};

use taut::Result;

/// Nanoseconds of a call, several times over. A sample is one call, or enough calls for about 200 µs.
///
/// # Errors
/// What a call returned.
pub(crate) fn on_cpu(call: &impl Fn(usize) -> Result<()>, budget: Duration) -> Result<Vec<f64>> {
    let start = Instant::now();
    call(0)?;
    call(1)?;
    let mut calls = 1;
    if start.elapsed() < Duration::from_millis(4) {
        let (start, mut warm) = (Instant::now(), 0);
        while start.elapsed() < Duration::from_millis(20) {
            call(warm)?;
            warm += 1;
        }
        let each = start.elapsed().as_secs_f64() / warm as f64;
        calls = (200e-6 / each).ceil().max(1.0) as usize;
    }
    let (mut samples, start) = (Vec::new(), Instant::now());
    while samples.len() < 5 || (start.elapsed() < budget && samples.len() < 2000) {
        let sample = Instant::now();
        for i in 0..calls {
            call(i)?;
        }
        samples.push(sample.elapsed().as_secs_f64() * 1e9 / calls as f64);
        if samples.len() >= 3 && start.elapsed() > 8 * budget {
            break;
        }
    }
    Ok(samples)
}
