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
