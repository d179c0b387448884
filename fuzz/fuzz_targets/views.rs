//! Chains of views, against a model without strides.
#![no_main]

#[path = "../../tests/fuzz/views.rs"]
mod views;

use libfuzzer_sys::arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(input) = views::input(&mut Unstructured::new(bytes))
        && let Err(why) = views::check(&input)
    {
        panic!("{why}: {input:?}");
    }
});
