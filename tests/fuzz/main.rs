//! What `fuzz/` feeds with the fuzzer's bytes, here with random ones for a short while.
//!
//! `PROPTEST_CASES` sets how many are tried.

#[cfg(any(feature = "npy", feature = "safetensors"))]
mod allocated;
#[path = "../common/mod.rs"]
#[allow(dead_code, reason = "no devices")]
mod common;
#[cfg(any(feature = "npy", feature = "safetensors"))]
mod files;
mod index;
#[cfg(feature = "npy")]
mod npy;
#[cfg(feature = "npz")]
mod npz;
#[cfg(feature = "safetensors")]
mod safetensors;
mod views;

use arbitrary::Unstructured;
use common::config;
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #![proptest_config(config(4000))]

    #[test]
    fn views_are_what_the_model_says(bytes in vec(any::<u8>(), 0..200)) {
        let input = views::input(&mut Unstructured::new(&bytes)).unwrap();
        prop_assert!(views::check(&input).is_ok(), "{input:?}: {:?}", views::check(&input));
    }
}

proptest! {
    #![proptest_config(config(4000))]

    #[test]
    fn index_expressions_are_what_python_says(bytes in vec(any::<u8>(), 0..200)) {
        let input = index::input(&mut Unstructured::new(&bytes)).unwrap();
        prop_assert!(index::check(&input).is_ok(), "{input:?}: {:?}", index::check(&input));
    }
}

#[cfg(feature = "npy")]
proptest! {
    #![proptest_config(config(4000))]

    #[test]
    fn npy_files_are_arrays_or_errors(bytes in vec(any::<u8>(), 0..300)) {
        let file = npy::input(&mut Unstructured::new(&bytes)).unwrap();
        npy::check(&file)?;
    }
}

#[cfg(feature = "npz")]
proptest! {
    #![proptest_config(config(4000))]

    #[test]
    fn npz_archives_are_arrays_or_errors(bytes in vec(any::<u8>(), 0..300)) {
        let file = npz::input(&mut Unstructured::new(&bytes)).unwrap();
        npz::check(&file)?;
    }
}

#[cfg(feature = "safetensors")]
proptest! {
    #![proptest_config(config(4000))]

    #[test]
    fn safetensors_files_are_tensors_or_errors(bytes in vec(any::<u8>(), 0..300)) {
        let file = safetensors::input(&mut Unstructured::new(&bytes)).unwrap();
        safetensors::check(&file)?;
    }
}

#[test]
fn kept_inputs_of_the_fuzzer_pass() {
    for (name, bytes) in common::kept_inputs("views") {
        let input = views::input(&mut Unstructured::new(&bytes)).unwrap();
        views::check(&input).unwrap_or_else(|why| panic!("{name}: {why}: {input:?}"));
    }
    for (name, bytes) in common::kept_inputs("index") {
        let input = index::input(&mut Unstructured::new(&bytes)).unwrap();
        index::check(&input).unwrap_or_else(|why| panic!("{name}: {why}: {input:?}"));
    }
}

/// Some of the inputs are files, and some are not.
#[cfg(any(feature = "npy", feature = "safetensors"))]
fn kept_files_pass(
    target: &str,
    input: impl Fn(&mut Unstructured<'_>) -> arbitrary::Result<Vec<u8>>,
    check: impl Fn(&[u8]) -> Result<bool, TestCaseError>,
) {
    let mut found = [0, 0];
    for (name, bytes) in common::kept_inputs(target) {
        let file = input(&mut Unstructured::new(&bytes)).expect("an input");
        let read = check(&file).unwrap_or_else(|why| panic!("{name}: {why}"));
        found[usize::from(read)] += 1;
    }
    assert!(found.iter().all(|&inputs| inputs > 0), "{found:?} inputs are errors and files");
}

#[cfg(feature = "npy")]
#[test]
fn kept_npy_files_pass() {
    kept_files_pass("npy", npy::input, npy::check);
}

#[cfg(feature = "npz")]
#[test]
fn kept_npz_archives_pass() {
    kept_files_pass("npz", npz::input, npz::check);
}

#[cfg(feature = "safetensors")]
#[test]
fn kept_safetensors_files_pass() {
    kept_files_pass("safetensors", safetensors::input, safetensors::check);
}
