//! Measures taut's workloads, so that they can be laid beside those of other libraries in one run.
//!
//! ```text
//! cargo run --release --example bench -- [--json] [--device cpu|gpu|gpu:N|cuda] [--round N]
//!     [--budget-ms N] [--only a,b] [--plot FILE.svg] [--list]
//! cargo run --release --example bench -- cold [--device ..]
//! ```
//!
//! One line per workload and device, with `--json` one JSON object. Without `--device`: every device of
//! the machine but software adapters. `cuda` is `gpu:0` under the name that CUDA programs print. Results
//! are checked once before they are timed. `cold` prints the sum of [1, 2, 3] and [4, 5, 6], on the
//! device that `TAUT_DEVICE` names if none is given, else on the CPU.
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

mod calls;
mod inputs;
mod roofline;
mod sample;
mod suite;

use std::time::Duration;

use anyhow::{Context, Result, bail};
use roofline::{Point, Roof};
use sample::Samples;
use suite::{Case, WORKLOADS, Workload};
use taut::{DType, Device, DeviceKind};

#[derive(Default)]
struct Options {
    json: bool,
    cold: bool,
    list: bool,
    devices: Vec<Target>,
    round: u32,
    budget: Option<u64>,
    only: Vec<String>,
    plot: Option<String>,
}

/// A device under the name it is reported by.
struct Target {
    device: Device,
    name: String,
}

fn main() -> Result<()> {
    let options = parse(std::env::args().skip(1))?;
    if options.cold {
        let device = options.devices.first().map_or_else(cold_device, |target| target.device);
        let a = taut::tensor([1.0f32, 2.0, 3.0], device)?;
        let b = taut::tensor([4.0f32, 5.0, 6.0], device)?;
        println!("{}", a.add(&b)?);
        return Ok(());
    }
    if options.list {
        for Workload { id, dtype, n, bytes, limit, only_gpu, .. } in WORKLOADS {
            let dtype = short_name(*dtype);
            println!(
                "{id}\t{dtype}\t{n}\t{bytes}\t{limit}\t{}",
                ["both", "gpu"][usize::from(*only_gpu)]
            );
        }
        return Ok(());
    }
    let devices = if options.devices.is_empty() { every_device() } else { options.devices };
    let budget = Duration::from_millis(options.budget.unwrap_or(350));
    let (mut roofs, mut points) = (Vec::new(), Vec::new());
    for (index, target) in devices.iter().enumerate() {
        let wanted = WORKLOADS.iter().filter(|workload| {
            let named = options.only.is_empty() || options.only.iter().any(|id| id == workload.id);
            named && workload.runs_on(target.device)
        });
        for workload in wanted {
            let outcome = run(workload, target.device, budget);
            print(workload, target, options.round, options.json, &outcome);
            if let (Ok(samples), Case::Call { .. }) = (&outcome, workload.case) {
                let (bytes, gbps) = (workload.bytes as f64, workload.bytes as f64 / samples.median);
                points.push(Point { device: index, id: workload.id, bytes, gbps });
            }
        }
        if options.plot.is_some() {
            let gbps = roofline::limit(target.device, budget)?;
            roofs.push(Roof { name: target.name.clone(), gbps });
        }
    }
    if let Some(path) = options.plot {
        std::fs::write(&path, roofline::svg(&roofs, &points)).with_context(|| path)?;
    }
    Ok(())
}

fn parse(arguments: impl Iterator<Item = String>) -> Result<Options> {
    let mut options = Options::default();
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--json" => options.json = true,
            "--list" => options.list = true,
            "cold" => options.cold = true,
            "--device" => options.devices.push(Target::named(&value()?)?),
            "--round" => options.round = value()?.parse()?,
            "--budget-ms" => options.budget = Some(value()?.parse()?),
            "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
            "--plot" => options.plot = Some(value()?),
            _ => bail!("unknown argument {argument}"),
        }
    }
    for id in &options.only {
        if !WORKLOADS.iter().any(|workload| workload.id == id) {
            bail!("unknown workload {id}; --list names them");
        }
    }
    Ok(options)
}

impl Target {
    fn named(name: &str) -> Result<Self> {
        if name == "cuda" {
            return Ok(Self { device: Device::gpu(0)?, name: name.into() });
        }
        let device: Device = name.parse()?;
        Ok(Self { device, name: device.to_string() })
    }
}

fn every_device() -> Vec<Target> {
    let infos = Device::all().into_iter().filter(|info| info.kind != DeviceKind::Software);
    infos.map(|info| Target { device: info.device, name: info.device.to_string() }).collect()
}

fn cold_device() -> Device {
    let named = std::env::var("TAUT_DEVICE").ok();
    named.and_then(|name| name.parse().ok()).unwrap_or(Device::Cpu)
}

fn run(workload: &Workload, device: Device, budget: Duration) -> Result<Samples, String> {
    if !device.supports(workload.dtype) {
        return Err(format!("dtype not supported by the device: {}", workload.dtype));
    }
    match workload.case {
        Case::Missing(why) => Err(why.into()),
        Case::ColdStart => sample::cold_start(device),
        Case::Call { .. } => {
            inputs::check(workload, device)?;
            sample::measure(workload, device, budget).map_err(|error| error.to_string())
        }
    }
}

fn print(
    workload: &Workload,
    target: &Target,
    round: u32,
    json: bool,
    outcome: &Result<Samples, String>,
) {
    let (device, id) = (&target.name, workload.id);
    let head = format!("{{\"peer\":\"taut\",\"device\":\"{device}\",\"workload\":\"{id}\"");
    match outcome {
        Err(error) if json => println!("{head},\"error\":{error:?},\"round\":{round}}}"),
        Err(error) => println!("{device:8} {id:16} {error}"),
        Ok(Samples { median, min, count }) if json => {
            let Workload { n, dtype, bytes, .. } = workload;
            let gbps = *bytes as f64 / median;
            println!(
                "{head},\"n\":{n},\"dtype\":\"{}\",\"median_ns\":{median:.1},\"min_ns\":{min:.1},\
                 \"bytes\":{bytes},\"gbps\":{gbps:.3},\"reps\":{count},\"round\":{round}}}",
                short_name(*dtype)
            );
        }
        Ok(Samples { median, .. }) => {
            let gbps = workload.bytes as f64 / median;
            println!("{device:8} {id:16} {:>12.3} µs {gbps:>9.3} GB/s", median / 1e3);
        }
    }
}

/// The dtype as the tables of workloads call it.
fn short_name(dtype: DType) -> &'static str {
    match dtype {
        DType::F64 => "f64",
        DType::F16 => "f16",
        DType::BF16 => "bf16",
        DType::I32 => "i32",
        DType::U8 => "u8",
        _ => "f32",
    }
}
