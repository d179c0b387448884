//! `.npy` files: an array or an error.
#![no_main]

#[path = "../../tests/fuzz/allocated.rs"]
mod allocated;
#[path = "../../tests/fuzz/files.rs"]
mod files;
#[path = "../../tests/fuzz/npy.rs"]
mod npy;

use libfuzzer_sys::arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(file) = npy::input(&mut Unstructured::new(bytes))
        && let Err(why) = npy::check(&file)
    {
        panic!("{why}: {}", file.escape_ascii());
    }
});
