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

/// Holds the program's results on small devices to those of the CPU. `limits` are bytes of a buffer and of a
/// binding; `name` is the test's own, which runs once more for each of them.
pub(super) fn check(name: &str, results: fn(Device) -> Result<Results>, limits: &[[&str; 2]]) {
    if adapter::list().is_empty() {
        return println!("not tested: no adapter");
    }
    if std::env::var_os(ALONE).is_some() {
        let expected = results(Device::Cpu).unwrap();
        for (cpu, gpu) in expected.into_iter().zip(results(Device::Gpu(0)).unwrap()) {
            assert!(cpu == gpu, "{} differs", cpu.0);
        }
        return;
    }
    for &[buffer, binding] in limits {
        let mut process = Command::new(std::env::current_exe().unwrap());
        process.args(["--exact", name, "--nocapture"]).env(ALONE, "1");
        process.env("TAUT_MAX_BUFFER", buffer).env("TAUT_MAX_BINDING", binding);
        let output = process.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let failed = String::from_utf8_lossy(&output.stderr);
        let passed = output.status.success() && said.contains("1 passed");
        assert!(passed, "{buffer} {binding}: {said}\n{failed}");
    }
}
