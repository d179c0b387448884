//! A program may end while a GPU still has work to do.

mod common;

use std::process::{Command, exit};

use common::devices;
use taut::{Device, Result};

/// Set in the program that this test runs.
const CHILD: &str = "TAUT_TEST_ENDS_EARLY";

/// Queues a kernel that a software adapter compiles when it gets there, and does not wait.
fn leave_work(device: Device) -> Result<()> {
    taut::ones([64], device)?.sin()?.exp()?.tanh()?.eval()?;
    Ok(())
}

#[test]
fn program_that_ends_with_work_queued_ends_well() {
    if std::env::var_os(CHILD).is_some() {
        devices().into_iter().for_each(|device| leave_work(device).expect("queues"));
        exit(0)
    }
    let this = std::env::current_exe().expect("a path");
    for run in 0..20 {
        let mut child = Command::new(&this);
        child
            .args(["--nocapture", "--exact", "program_that_ends_with_work_queued_ends_well"])
            .env(CHILD, "1");
        let output = child.output().expect("runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "run {run}: {}\n{errors}", output.status);
        assert!(!errors.contains("panicked"), "run {run}: {errors}");
    }
}
