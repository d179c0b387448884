//! A program on the CPU and on a device that is told to be small, which only a process of its own can be.

use std::process::Command;

use crate::backend::gpu::adapter;
use crate::dtype::Element;
use crate::{Device, Result, Tensor};

/// Set in the process whose device is small.
const ALONE: &str = "TAUT_TEST_ALONE";

/// What a program makes, by name: the bytes are the same on all devices.
pub(super) type Results = Vec<(&'static str, Vec<u8>)>;

/// The bytes of a tensor's elements.
pub(super) fn bytes<T: Element>(x: &Tensor) -> Result<Vec<u8>> {
    Ok(T::as_bytes(&x.to_vec::<T>()?).to_vec())
}

/// What a device is told of itself: bytes of a buffer and of a binding, and points of a dispatch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Small {
    pub(super) buffer: u64,
    pub(super) binding: u64,
    pub(super) points: u64,
}

impl Small {
    pub(super) fn new(buffer: u64, binding: u64) -> Self {
        Self { buffer, binding, points: 1 << 31 }
    }
}

/// Holds the program's results on small devices to those of the CPU. `name` is the test's own, which runs once
/// more for each of them.
pub(super) fn check(name: &str, results: fn(Device) -> Result<Results>, devices: &[Small]) {
    if adapter::list().is_empty() {
        return println!("not tested: no adapter");
    }
    if std::env::var_os(ALONE).is_some() {
        let expected = results(Device::Cpu).unwrap();
        let got = results(Device::Gpu(0)).unwrap();
        let differ = expected.iter().zip(&got).filter(|(cpu, gpu)| cpu != gpu);
        let differ: Vec<&str> = differ.map(|(cpu, _)| cpu.0).collect();
        assert!(differ.is_empty() && expected.len() == got.len(), "{differ:?} differ");
        return;
    }
    for &Small { buffer, binding, points } in devices {
        let mut process = Command::new(std::env::current_exe().unwrap());
        process.args(["--exact", name, "--nocapture"]).env(ALONE, "1");
        process.env("TAUT_MAX_BUFFER", buffer.to_string());
        process.env("TAUT_MAX_BINDING", binding.to_string());
        process.env("TAUT_MAX_POINTS", points.to_string());
        let output = process.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let failed = String::from_utf8_lossy(&output.stderr);
        let passed = output.status.success() && said.contains("1 passed");
        assert!(passed, "{buffer} {binding} {points}: {said}\n{failed}");
    }
}
