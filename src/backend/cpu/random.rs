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
            batch(seed, move |i| base.wrapping_add(i as u64), &mut blocks);
            let from = (start % 4) as usize;
            let out = &mut out[lane..lane + count];
            if words == 1 {
                interleave(out, from, &blocks);
            } else {
                for (i, out) in out.iter_mut().enumerate() {
                    let at = from + i * usize::from(words);
                    *out = blocks[at % 4][at / 4] as i32;
                }
            }
            lane += count;
        }
    } else {
        // At most one lane to a block.
        for (k, out) in out.chunks_mut(BATCH).enumerate() {
            let start = first.wrapping_add(((k * BATCH) as u64).wrapping_mul(step));
            let position = move |i: usize| start.wrapping_add(i as u64 * step);
            batch(seed, move |i| position(i) / 4, &mut blocks);
            for (i, out) in out.iter_mut().enumerate() {
                *out = blocks[(position(i) % 4) as usize][i] as i32;
            }
        }
    }
}

/// Copies words that follow each other, from word `from` of the first block on.
#[inline(always)]
fn interleave(out: &mut [i32], from: usize, blocks: &[[u32; BATCH]; 4]) {
    let word = |at: usize| blocks[at % 4][at / 4] as i32;
    let head = (4 - from) % 4;
    let (head, rest) = out.split_at_mut(head.min(out.len()));
    let first = from.div_ceil(4);
    let (quads, tail) = rest.as_chunks_mut::<4>();
    head.iter_mut().enumerate().for_each(|(i, out)| *out = word(from + i));
    let after = 4 * (first + quads.len());
    tail.iter_mut().enumerate().for_each(|(i, out)| *out = word(after + i));
    simd(
        #[inline(always)]
        || {
            let [a, b, c, d] = blocks;
            let blocks = a[first..].iter().zip(&b[first..]).zip(&c[first..]).zip(&d[first..]);
            for (quad, (((a, b), c), d)) in quads.iter_mut().zip(blocks) {
                *quad = [*a as i32, *b as i32, *c as i32, *d as i32];
            }
        },
    );
}

/// The blocks of [`BATCH`] counters.
#[inline(always)]
fn batch(seed: u64, counter: impl Fn(usize) -> u64, blocks: &mut [[u32; BATCH]; 4]) {
    // A function of its own, so that the compiler learns that the blocks are apart from all else.
    #[inline(always)]
    fn fill(
        seed: u64,
        counter: impl Fn(usize) -> u64,
        a: &mut [u32; BATCH],
        b: &mut [u32; BATCH],
        c: &mut [u32; BATCH],
        d: &mut [u32; BATCH],
    ) {
        for i in 0..BATCH {
            let counter = counter(i);
            let block = philox([counter as u32, (counter >> 32) as u32, 0, 0], seed);
            [a[i], b[i], c[i], d[i]] = block;
        }
    }
    let [a, b, c, d] = blocks;
    simd(
        #[inline(always)]
        move || fill(seed, counter, a, b, c, d),
    );
}

/// Ten rounds; the key is the seed, its low word first.
///
/// Written out, as loops that hold loops do not vectorise; in 64-bit lanes whose upper halves are zero, as
/// vectors have only the product of such.
#[inline(always)]
fn philox(block: [u32; 4], seed: u64) -> [u32; 4] {
    let block = block.map(u64::from);
    let block = round(round(round(block, seed, 0), seed, 1), seed, 2);
    let block = round(round(round(block, seed, 3), seed, 4), seed, 5);
    round(round(round(round(block, seed, 6), seed, 7), seed, 8), seed, 9).map(|word| word as u32)
}

#[inline(always)]
fn round([a, b, c, d]: [u64; 4], seed: u64, number: u32) -> [u64; 4] {
    let key = (seed as u32).wrapping_add(number.wrapping_mul(0x9e37_79b9));
    let other_key = ((seed >> 32) as u32).wrapping_add(number.wrapping_mul(0xbb67_ae85));
    let first = a.wrapping_mul(0xd251_1f53);
    let second = c.wrapping_mul(0xcd9e_8d57);
    let low = u64::from(u32::MAX);
    [
        (second >> 32) ^ b ^ u64::from(key),
        second & low,
        (first >> 32) ^ d ^ u64::from(other_key),
        first & low,
    ]
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
                        let block = philox([(w / 4) as u32, ((w / 4) >> 32) as u32, 0, 0], 42);
                        assert_eq!(got as u32, block[(w % 4) as usize], "{words} {index} {i}");
                    }
                }
            }
        }
    }
}
