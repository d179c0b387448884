//! Philox4x32-10, the counter-based generator behind every random tensor.
//!
//! Source: J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC11;
//! the known answers are those of its authors' library Random123.

use super::lanes::simd;

/// Blocks that are computed at once, side by side in vectors.
const BATCH: usize = 64;

/// Fills `out` with word `offset + index * words + word` of the stream for consecutive indices.
pub(super) fn fill(out: &mut [i32], seed: u64, offset: u64, index: u64, words: u8, word: u8) {
    let step = u64::from(words);
    let first = offset.wrapping_add(index.wrapping_mul(step)).wrapping_add(u64::from(word));
    let mut blocks = [[0; BATCH]; 4];
    if words < 4 {
        // Several lanes to a block.
        let mut lane = 0;
        while lane < out.len() {
            let start = first.wrapping_add((lane as u64).wrapping_mul(step));
            let base = start / 4;
            let available = (BATCH as u64 * 4 - start % 4).div_ceil(step);
            let count = (out.len() - lane).min(available as usize);
            // Where the stream wraps, the next block does not follow this one.
            let unwrapped = ((u64::MAX - start) / step).saturating_add(1);
            let count = count.min(usize::try_from(unwrapped).unwrap_or(usize::MAX));
            batch(seed, |i| base.wrapping_add(i as u64), &mut blocks);
            let from = (start % 4) as usize;
            for (i, out) in out[lane..lane + count].iter_mut().enumerate() {
                let at = from + i * usize::from(words);
                *out = blocks[at % 4][at / 4] as i32;
            }
            lane += count;
        }
    } else {
        // At most one lane to a block.
        for (k, out) in out.chunks_mut(BATCH).enumerate() {
            let start = first.wrapping_add(((k * BATCH) as u64).wrapping_mul(step));
            let position = |i: usize| start.wrapping_add(i as u64 * step);
            batch(seed, |i| position(i) / 4, &mut blocks);
            for (i, out) in out.iter_mut().enumerate() {
                *out = blocks[(position(i) % 4) as usize][i] as i32;
            }
        }
    }
}

/// The blocks of [`BATCH`] counters.
#[inline(always)]
fn batch(seed: u64, counter: impl Fn(usize) -> u64, blocks: &mut [[u32; BATCH]; 4]) {
    simd(
        #[inline(always)]
        || {
            let [a, b, c, d] = blocks;
            for i in 0..BATCH {
                let counter = counter(i);
                let block = philox([counter as u32, (counter >> 32) as u32, 0, 0], seed);
                [a[i], b[i], c[i], d[i]] = block;
            }
        },
    );
}

/// Ten rounds; the key is the seed, its low word first.
#[inline(always)]
fn philox(mut block: [u32; 4], seed: u64) -> [u32; 4] {
    const MULTIPLIERS: [u32; 2] = [0xd251_1f53, 0xcd9e_8d57];
    const WEYL: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];
    let mut key = [seed as u32, (seed >> 32) as u32];
    for _ in 0..10 {
        let first = u64::from(MULTIPLIERS[0]) * u64::from(block[0]);
        let second = u64::from(MULTIPLIERS[1]) * u64::from(block[2]);
        block = [
            (second >> 32) as u32 ^ block[1] ^ key[0],
            second as u32,
            (first >> 32) as u32 ^ block[3] ^ key[1],
            first as u32,
        ];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_known_answers_of_random123() {
        assert_eq!(philox([0; 4], 0), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(
            philox([u32::MAX; 4], u64::MAX),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], 0x299f_31d0_a409_3822),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn fill_any_window_is_word_of_its_block() {
        for words in [1, 2, 3, 4, 5, 8] {
            for (index, offset) in [(0, 0), (5, 3), (1 << 40, 7), (3, u64::MAX - 40)] {
                for word in [0, words - 1] {
                    let mut out = [0; 300];
                    fill(&mut out, 42, offset, index, words, word);
                    for (i, &got) in out.iter().enumerate() {
                        let w = offset
                            .wrapping_add((index + i as u64).wrapping_mul(words.into()))
                            .wrapping_add(word.into());
                        let block = philox([(w / 4) as u32, (w / 4 >> 32) as u32, 0, 0], 42);
                        assert_eq!(got as u32, block[(w % 4) as usize], "{words} {index} {i}");
                    }
                }
            }
        }
    }
}
