//! Random programs give the same bits lazily, flushed after every step, on every device and in a naive
//! model.
//!
//! `PROPTEST_CASES` sets how many are tried.
#![allow(clippy::print_stdout, reason = "the number of shaders is worth a line")]

#[path = "random_programs/bytes.rs"]
mod bytes;
#[path = "random_programs/check.rs"]
mod check;
mod common;
#[path = "random_programs/fold.rs"]
mod fold;
#[path = "random_programs/machine.rs"]
mod machine;
#[path = "random_programs/model.rs"]
mod model;
#[path = "common/shaders.rs"]
mod shaders;
#[path = "random_programs/step.rs"]
mod step;

use proptest::prelude::*;
use taut::{DType, Device};

use check::{check, difference};
use common::config;
use machine::run;

proptest! {
    #![proptest_config(config(1500))]

    #[test]
    fn programs_on_the_cpu_are_what_the_model_says(program in step::program(30)) {
        check(&program.0, Device::Cpu, &DType::ALL)?;
    }
}

/// Tries programs on every device, then checks the shaders that they made.
fn agree_on_every_device(cases: u32, longest: usize, dtypes: impl Fn(Device) -> Vec<DType>) {
    proptest!(config(cases), |(program in step::program(longest))| {
        for device in common::devices() {
            let dtypes = dtypes(device);
            let here = check(&program.0, device, &dtypes)?;
            difference(&run(&program.0, Device::Cpu, &dtypes, false), &here)?;
        }
    });
    for device in common::devices().into_iter().filter(|&device| device != Device::Cpu) {
        let texts = device.shaders().expect("an open device");
        assert!(!texts.is_empty(), "{device} compiled nothing");
        match shaders::check(&texts) {
            Ok(said) => println!("{device}: {said}"),
            Err(error) => panic!("{device}: {error}"),
        }
    }
}

// Few programs: a new combination of operations is a new pipeline, which takes its time to compile.

#[test]
fn programs_on_every_device_agree() {
    let dtypes = [DType::F32, DType::I32, DType::U8, DType::Bool];
    agree_on_every_device(150, 12, |_| dtypes.into());
}

#[test]
fn programs_of_every_dtype_on_every_device_agree() {
    let all = DType::ALL.into_iter();
    agree_on_every_device(60, 8, |device| {
        all.clone().filter(|&dtype| device.supports(dtype)).collect()
    });
}

#[test]
fn kept_inputs_of_the_fuzzer_pass() {
    for (name, bytes) in common::kept_inputs("programs") {
        let steps = bytes::steps(&bytes);
        if let Err(why) = check(&steps, Device::Cpu, &DType::ALL) {
            panic!("{name}: {why}: {:?}", step::Program(steps));
        }
    }
}
