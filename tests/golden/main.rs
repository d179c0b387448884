//! The golden runner: what PyTorch recorded, on the CPU and on every adapter.
//!
//! `cargo test --test golden` runs the cases of `tests/golden`, whose `README.md` is the format.
//!
//! - `TAUT_GOLDEN=folder`: the cases of another folder.
//! - `TAUT_GOLDEN_ONLY=binary,view,program/core`: these categories, or ids that begin so.
//! - `TAUT_GOLDEN_DEVICE=cpu` or `gpu`: one kind of device.
//! - `TAUT_REQUIRE_GPU=1`: fail where no adapter is found.
//!
//! The last line printed holds the sums alone. Every failure is also in `golden-failures.txt` in
//! the folder of Cargo's temporary files (`target/tmp`).
#![allow(clippy::print_stdout, reason = "printing is what the runner is for")]

mod call;
mod case;
mod compare;
mod host;
mod options;
mod parse;
mod program;
mod report;
mod run;
#[path = "../common/shaders.rs"]
mod shaders;
mod skips;
mod suite;
mod tensor;

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use taut::Device;

use case::Case;
use host::TensorFile;
use options::{Filter, Options, wanted_by_arguments};
use report::{Report, Verdict};
use suite::{Lane, run_all};

fn main() -> ExitCode {
    if !wanted_by_arguments(env::args().skip(1)) {
        return ExitCode::SUCCESS;
    }
    match Options::from_env().and_then(|options| golden(&options)) {
        Ok(report) => {
            println!("{report}");
            if report.failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(error) => {
            println!("golden: {error}");
            ExitCode::FAILURE
        }
    }
}

fn golden(options: &Options) -> Result<Report, String> {
    let tensors = TensorFile::open(&options.folder.join("tensors.safetensors"))?;
    let Loaded { cases, unreadable } = load(&options.folder.join("cases.jsonl"), &options.filter)?;
    println!("golden: {} cases of {}", cases.len(), options.folder.display());

    let (lanes, names) = lanes(options);
    let gpu = lanes.len() > 1;
    let mut report = Report::new(names);
    for (line, error) in unreadable {
        report.add("format", &format!("line {line}"), 0, Verdict::Failed(error));
    }
    for &name in skips::OPERATIONS.iter().filter(|name| call::is_in_table(name)) {
        let stale = "skips.rs names it, but the op table has it: take it out of the list";
        report.add("skips", name, 0, Verdict::Failed(stale.into()));
    }
    if options.gpu && !gpu {
        println!("gpu: no adapter found, its cases are skipped");
    }
    if options.require_gpu && !gpu {
        let missing = "TAUT_REQUIRE_GPU=1, but no adapter was found";
        report.add("devices", "gpu", 0, Verdict::Failed(missing.into()));
    }
    run_all(&cases, &tensors, &lanes, &mut report);
    check_shaders(&lanes, &mut report);
    save_failures(&report)?;
    Ok(report)
}

/// What a file of cases holds.
struct Loaded {
    /// The wanted cases.
    cases: Vec<Case>,
    /// The lines that are none, by number, and why.
    unreadable: Vec<(usize, String)>,
}

fn load(path: &Path, filter: &Filter) -> Result<Loaded, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut loaded = Loaded { cases: Vec::new(), unreadable: Vec::new() };
    for (index, line) in text.lines().enumerate() {
        match parse::parse_case(line) {
            Ok(case) if filter.selects(&case.category, &case.id) => loaded.cases.push(case),
            Ok(_) => {}
            Err(error) => loaded.unreadable.push((index + 1, error)),
        }
    }
    Ok(loaded)
}

/// The CPU and the wanted adapters, and the names of those that are reported.
fn lanes(options: &Options) -> (Vec<Lane>, Vec<String>) {
    let (mut lanes, mut names) = (Vec::new(), Vec::new());
    for info in Device::all() {
        let is_cpu = info.device == Device::Cpu;
        let wanted = if is_cpu { options.cpu } else { options.gpu };
        if wanted {
            println!("{}: {} ({})", info.device, info.name, info.api);
            names.push(info.device.to_string());
        }
        if wanted || is_cpu {
            lanes.push(Lane::new(info.device, wanted.then(|| names.len() - 1)));
        }
    }
    if names.is_empty() {
        names.push("none".into());
    }
    (lanes, names)
}

/// What the cases made the GPUs compile is valid everywhere.
fn check_shaders(lanes: &[Lane], report: &mut Report) {
    for (device, column) in lanes.iter().filter_map(Lane::reported) {
        if device == Device::Cpu {
            continue;
        }
        let texts = device.shaders().map_err(|error| error.to_string());
        match texts.and_then(|texts| shaders::check(&texts)) {
            Ok(said) => println!("{device}: {said}"),
            Err(error) => {
                println!("{device}: {error}");
                report.add("shaders", "all", column, Verdict::Failed(error));
            }
        }
    }
}

/// Every failure of the run, in a file beside what Cargo builds.
fn save_failures(report: &Report) -> Result<(), String> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("golden-failures.txt");
    let lines: String = report.failures().map(|line| line + "\n").collect();
    fs::write(&path, lines).map_err(|error| format!("{}: {error}", path.display()))?;
    if report.failed() {
        println!("every failure: {}", path.display());
    }
    Ok(())
}
