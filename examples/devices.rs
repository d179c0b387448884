//! The devices of this machine, as `Device::all` lists them.
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use taut::{DType, Device, DeviceInfo, DeviceKind};

fn main() {
    let all = Device::all();
    let best = Device::best();
    for info in &all {
        print(info, info.device == best);
    }
    let gpus = all.len() - 1;
    let software = all.iter().filter(|info| info.kind == DeviceKind::Software).count();
    println!("{gpus} GPU adapters, of them {software} in software; Device::best() is {best}");
    if best == Device::Cpu && gpus > 0 {
        println!("To use another, set TAUT_DEVICE, for instance TAUT_DEVICE={}.", all[1].device);
    }
}

fn print(info: &DeviceInfo, best: bool) {
    println!("{}{}", info.device, if best { "  (best)" } else { "" });
    println!("  name    {}", info.name);
    println!("  kind    {}", kind(info.kind));
    println!("  api     {}", info.api);
    if !info.driver.is_empty() {
        println!("  driver  {}", info.driver);
    }
    let gib = |bytes: u64| bytes as f64 / f64::powi(2.0, 30);
    if let Some(bytes) = info.memory_bytes {
        println!("  memory  {:.1} GiB", gib(bytes));
    }
    if info.device != Device::Cpu {
        println!("  tensor  {:.1} GiB at most", gib(info.max_buffer_bytes));
    }
    let names =
        |dtypes: &[DType]| dtypes.iter().map(DType::to_string).collect::<Vec<_>>().join(" ");
    println!("  dtypes  {}", names(&info.dtypes));
    let missing: Vec<DType> =
        DType::ALL.into_iter().filter(|dtype| !info.dtypes.contains(dtype)).collect();
    if !missing.is_empty() {
        println!("  lacks   {}", names(&missing));
    }
    println!();
}

fn kind(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Discrete => "discrete GPU",
        DeviceKind::Integrated => "integrated GPU",
        DeviceKind::Virtual => "virtual GPU",
        DeviceKind::Software => "GPU in software",
        DeviceKind::Cpu => "processor",
        _ => "GPU of an unknown kind",
    }
}
