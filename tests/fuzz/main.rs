//! What `fuzz/` feeds with the fuzzer's bytes, here with random ones for a short while.
//!
//! `PROPTEST_CASES` sets how many are tried.

#[path = "../common/mod.rs"]
#[allow(dead_code, reason = "no devices")]
mod common;
mod index;
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
