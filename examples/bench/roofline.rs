//! The roofline: every workload as a point against the memory limit of its device.
//!
//! All workloads are bound by memory, so the roof is flat: the bytes that must move lie on the x axis,
//! the bytes per second that were reached on the y axis, both logarithmic.

use std::fmt::Write;
use std::time::Duration;

use taut::{DType, Device, Result};

use super::sample;
use super::suite::{Case, Expect, Input, Workload};

/// Where a workload came to.
pub(crate) struct Point {
    pub(crate) device: usize,
    pub(crate) id: &'static str,
    pub(crate) bytes: f64,
    pub(crate) gbps: f64,
}

/// A device and its roof.
pub(crate) struct Roof {
    pub(crate) name: String,
    pub(crate) gbps: f64,
}

/// The memory limit of a device: the better of taut's own copy and add streams into memory that is
/// there already. Not a physical limit; what else runs on the machine lowers it.
///
/// # Errors
/// What a call returned.
pub(crate) fn limit(device: Device, budget: Duration) -> Result<f64> {
    let stream = |id, bytes, inputs, run| Workload {
        id,
        dtype: DType::F32,
        n: 1 << 24,
        bytes,
        limit: "-",
        only_gpu: false,
        case: Case::Call { inputs, run, expect: Expect::Copy, ops: 1 },
    };
    let streams = [
        stream("copy", 8 << 24, &[Input::Vector; 2], |job| {
            job.inputs[1].copy_(&job.inputs[0])?;
            Ok(job.inputs[1].alias())
        }),
        stream("add", 12 << 24, &[Input::Vector; 3], |job| {
            job.inputs[2].copy_(&job.inputs[0].add(&job.inputs[1])?)?;
            Ok(job.inputs[2].alias())
        }),
    ];
    let mut best = 0.0_f64;
    for stream in &streams {
        let samples = sample::measure(stream, device, budget)?;
        best = best.max(stream.bytes as f64 / samples.median);
    }
    Ok(best)
}

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 600.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 60.0;

/// Told apart by people who see colours differently: the palette of Okabe and Ito.
const COLOURS: [&str; 5] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9"];

/// A picture of the points.
pub(crate) fn svg(roofs: &[Roof], points: &[Point]) -> String {
    let all = points.iter().map(|point| point.gbps).chain(roofs.iter().map(|roof| roof.gbps));
    let (x_low, x_high) = decades(points.iter().map(|point| point.bytes));
    let (y_low, y_high) = decades(all);
    let x = |bytes: f64| LEFT + (bytes.log10() - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT);
    let y = |gbps: f64| {
        HEIGHT - BOTTOM - (gbps.log10() - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)
    };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" \
         fill=\"white\"/>\n"
    );
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    for power in x_low as i32..=x_high as i32 {
        let at = x(f64::powi(10.0, power));
        line(format!(
            "<path d=\"M{at:.1} {TOP}V{}\" stroke=\"#ddd\"/><text x=\"{at:.1}\" y=\"{}\" \
             text-anchor=\"middle\">{}</text>",
            HEIGHT - BOTTOM,
            HEIGHT - BOTTOM + 18.0,
            unit(power, ["B", "kB", "MB", "GB"])
        ));
    }
    for power in y_low as i32..=y_high as i32 {
        let at = y(f64::powi(10.0, power));
        line(format!(
            "<path d=\"M{LEFT} {at:.1}H{}\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{:.1}\" \
             text-anchor=\"end\">{}/s</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            at + 4.0,
            unit(power + 9, ["B", "kB", "MB", "GB"])
        ));
    }
    for (index, roof) in roofs.iter().enumerate() {
        let (at, colour) = (y(roof.gbps), COLOURS[index % COLOURS.len()]);
        line(format!(
            "<path d=\"M{LEFT} {at:.1}H{}\" stroke=\"{colour}\" stroke-width=\"2\"/><text x=\"{}\" \
             y=\"{:.1}\" fill=\"{colour}\">{}: {:.3} GB/s, the better of taut's own copy and add \
             streams</text>",
            WIDTH - RIGHT,
            LEFT + 6.0,
            at - 6.0,
            roof.name,
            roof.gbps
        ));
    }
    for point in points {
        let (at, up) = (x(point.bytes), y(point.gbps));
        let colour = COLOURS[point.device % COLOURS.len()];
        line(format!(
            "<circle cx=\"{at:.1}\" cy=\"{up:.1}\" r=\"4\" fill=\"{colour}\" fill-opacity=\"0.7\">\
             <title>{}: {:.3} GB/s</title></circle><text x=\"{:.1}\" y=\"{:.1}\" font-size=\"8\" \
             fill=\"#555\">{}</text>",
            point.id,
            point.gbps,
            at + 6.0,
            up + 3.0,
            point.id
        ));
    }
    line(format!(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">bytes that must move</text><text x=\"{LEFT}\" \
         y=\"24\" font-size=\"15\">Bytes a second of each workload, and the memory limit</text>",
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 16.0
    ));
    // Writing to a String cannot fail.
    let _ = write!(out, "</svg>");
    out
}

/// Whole powers of ten around the values.
fn decades(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values
        .map(f64::log10)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high { (0.0, 1.0) } else { (low.floor(), high.ceil().max(low.floor() + 1.0)) }
}

/// `10^power` with a unit for every third power.
fn unit(power: i32, units: [&str; 4]) -> String {
    match usize::try_from(power) {
        Ok(power) => {
            let index = (power / 3).min(units.len() - 1);
            format!("{} {}", f64::powi(10.0, (power - 3 * index) as i32), units[index])
        }
        Err(_) => format!("{} {}", f64::powi(10.0, power), units[0]),
    }
}
