//! What the tests of every device share.
#![allow(unreachable_pub, reason = "each test is a crate of its own")]

/// The CPU and every GPU adapter of the machine.
///
/// # Panics
/// When `TAUT_REQUIRE_GPU=1` is set and there is no GPU adapter.
pub fn devices() -> Vec<taut::Device> {
    let devices: Vec<taut::Device> =
        taut::Device::all().into_iter().map(|info| info.device).collect();
    if devices.len() == 1 {
        let required = std::env::var("TAUT_REQUIRE_GPU").is_ok_and(|value| value == "1");
        assert!(!required, "TAUT_REQUIRE_GPU=1, but this machine has no GPU adapter");
        println!("no GPU adapter: the tests of GPUs are skipped");
    }
    devices
}
