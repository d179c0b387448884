//! `.npz` archives: arrays or an error.
#![no_main]

#[path = "../../tests/fuzz/allocated.rs"]
mod allocated;
#[path = "../../tests/fuzz/files.rs"]
mod files;
#[path = "../../tests/fuzz/npy.rs"]
#[allow(dead_code, reason = "only how a file is made")]
mod npy;
#[path = "../../tests/fuzz/npz.rs"]
mod npz;

use libfuzzer_sys::arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(file) = npz::input(&mut Unstructured::new(bytes))
        && let Err(why) = npz::check(&file)
    {
        panic!("{why}: {}", file.escape_ascii());
    }
});
