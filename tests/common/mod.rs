//! What the integration tests share.
#![allow(unreachable_pub, reason = "each test crate has its own copy, which nobody else sees")]

/// The CPU and every GPU adapter of the machine.
///
/// Without an adapter it says that the GPU part is skipped; with `TAUT_REQUIRE_GPU=1` that is a failure.
pub fn devices() -> Vec<taut::Device> {
    let devices: Vec<taut::Device> = taut::Device::all().iter().map(|info| info.device).collect();
    if devices.len() == 1 {
        let required = std::env::var("TAUT_REQUIRE_GPU").is_ok_and(|value| value == "1");
        assert!(!required, "TAUT_REQUIRE_GPU=1, but this machine has no GPU adapter");
        eprintln!("skipped on GPUs: this machine has no GPU adapter");
    }
    devices
}

/// Names and bytes of the inputs of a fuzz target that are kept in `tests/fuzz/seeds`.
#[allow(dead_code, reason = "only some test crates have a fuzz target")]
pub fn kept_inputs(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds");
    let files = std::fs::read_dir(folder.join(target)).expect("a folder of inputs");
    let paths = files.map(|file| file.expect("a file").path());
    let kept: Vec<_> = paths
        .map(|path| (path.display().to_string(), std::fs::read(&path).expect("an input")))
        .collect();
    assert!(!kept.is_empty(), "no inputs for {target}");
    kept
}

/// So many cases, or what `PROPTEST_CASES` says.
#[allow(dead_code, reason = "only some test crates have properties")]
pub fn config(cases: u32) -> proptest::prelude::ProptestConfig {
    let chosen = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    proptest::prelude::ProptestConfig {
        cases: chosen.unwrap_or(cases),
        max_shrink_iters: 4096,
        failure_persistence: None,
        ..Default::default()
    }
}
