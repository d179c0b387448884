//! Safetensors files: tensors or an error.
#![no_main]

#[path = "../../tests/fuzz/allocated.rs"]
mod allocated;
#[path = "../../tests/fuzz/files.rs"]
mod files;
#[path = "../../tests/fuzz/safetensors.rs"]
mod safetensors;

use libfuzzer_sys::arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(file) = safetensors::input(&mut Unstructured::new(bytes))
        && let Err(why) = safetensors::check(&file)
    {
        panic!("{why}: {}", file.escape_ascii());
    }
});
