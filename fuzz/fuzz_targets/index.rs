//! Index expressions, against Python's rules.
#![no_main]

#[path = "../../tests/fuzz/index.rs"]
mod index;
#[path = "../../tests/fuzz/views.rs"]
#[allow(dead_code, reason = "only how it slices")]
mod views;

use libfuzzer_sys::arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(input) = index::input(&mut Unstructured::new(bytes))
        && let Err(why) = index::check(&input)
    {
        panic!("{why}: {input:?}");
    }
});
