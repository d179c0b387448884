//! Numbers that look random and are the same on every run.
#![allow(unreachable_pub, reason = "each test crate has its own copy, which nobody else sees")]

/// So many 64-bit words of the stream of a seed (SplitMix64).
pub fn numbers(seed: u64, len: usize) -> Vec<u64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    };
    (0..len).map(|_| next()).collect()
}
