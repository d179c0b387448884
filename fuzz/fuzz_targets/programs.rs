//! Programs: lazily, flushed after every step, and in a naive model.
#![no_main]

#[path = "../../tests/random_programs/bytes.rs"]
mod bytes;
#[path = "../../tests/random_programs/check.rs"]
mod check;
#[path = "../../tests/random_programs/fold.rs"]
mod fold;
#[path = "../../tests/random_programs/machine.rs"]
mod machine;
#[path = "../../tests/random_programs/model.rs"]
mod model;
#[path = "../../tests/random_programs/step.rs"]
#[allow(dead_code, reason = "steps come from the fuzzer's bytes, not from strategies")]
mod step;

use libfuzzer_sys::fuzz_target;
use taut::{DType, Device};

fuzz_target!(|data: &[u8]| {
    let steps = bytes::steps(data);
    if let Err(why) = check::check(&steps, Device::Cpu, &DType::ALL) {
        panic!("{why}: {:?}", step::Program(steps));
    }
});
