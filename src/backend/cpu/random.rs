//! Philox4x32-10, the counter-based generator behind every random tensor.
//!
//! Source: J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC11;
//! the known answers are those of its authors' library Random123.

use std::array;

use bytemuck::{cast_slice, try_cast_slice_mut};

use super::lanes::simd;

/// Blocks that are computed at once, side by side in vectors.
const BATCH: usize = 64;

/// Their words in the order of the stream, two and two.
type Words = [[u64; 2]; BATCH];

/// Of each round, the keys of its two products.
type Keys = [[u64; 2]; 10];

/// One part of all blocks of a batch, in 64-bit lanes of whose halves the lower ones count, as vectors have
/// only the product of such.
type Part = [u64; BATCH];

/// Aligned, so that no vector lies across two lines of the cache.
#[repr(align(64))]
struct Blocks([Part; 4]);

/// A stream of words.
pub(super) struct Stream {
    keys: Keys,
    /// The word that a lane is: `offset + index * words + word` of the stream.
    offset: u64,
    word: u8,
    words: u8,
    /// The last batch that was not drawn to where its words are wanted, and the counter of its first block.
    drawn: Words,
    drawn_from: Option<u64>,
    blocks: Blocks,
}

impl Stream {
    pub(super) fn new(seed: u64, offset: u64, words: u8, word: u8) -> Self {
        let (drawn, blocks) = ([[0; 2]; BATCH], Blocks([[0; BATCH]; 4]));
        Self { keys: keys_of(seed), offset, word, words, drawn, drawn_from: None, blocks }
    }

    /// Fills `out` with the words of consecutive indices.
    pub(super) fn fill(&mut self, out: &mut [i32], index: u64) {
        let Self {
            ref keys,
            offset,
            word,
            words,
            ref mut drawn,
            ref mut drawn_from,
            ref mut blocks,
        } = *self;
        let step = u64::from(words);
        let first = offset.wrapping_add(index.wrapping_mul(step)).wrapping_add(u64::from(word));
        if words < 4 {
            // Several lanes to a block.
            let mut lane = 0;
            while lane < out.len() {
                let start = first.wrapping_add((lane as u64).wrapping_mul(step));
                // What the words before this one left over is not drawn again.
                let known =
                    drawn_from.filter(|&base| (start / 4).wrapping_sub(base) < BATCH as u64);
                let base = known.unwrap_or(start / 4);
                let from = (start - 4 * base) as usize;
                let available = (BATCH * 4 - from).div_ceil(words.into());
                let count = (out.len() - lane).min(available);
                // Where the stream wraps, the next block does not follow this one.
                let unwrapped = ((u64::MAX - start) / step).saturating_add(1);
                let count = count.min(usize::try_from(unwrapped).unwrap_or(usize::MAX));
                let out = &mut out[lane..lane + count];
                lane += count;
                let counter = move |i: usize| base.wrapping_add(i as u64);
                if words == 1
                    && known.is_none()
                    && let Some(out) = whole_batch(out)
                {
                    batch(keys, counter, out, blocks);
                    continue;
                }
                if known.is_none() {
                    batch(keys, counter, drawn, blocks);
                    *drawn_from = Some(base);
                }
                let drawn: &[i32] = &cast_slice(drawn)[from..];
                if words == 1 {
                    out.copy_from_slice(&drawn[..count]);
                } else {
                    let drawn = drawn.iter().step_by(words.into());
                    out.iter_mut().zip(drawn).for_each(|(out, &word)| *out = word);
                }
            }
        } else {
            // At most one lane to a block.
            *drawn_from = None;
            for (k, out) in out.chunks_mut(BATCH).enumerate() {
                let start = first.wrapping_add(((k * BATCH) as u64).wrapping_mul(step));
                let position = move |i: usize| start.wrapping_add(i as u64 * step);
                batch(keys, move |i| position(i) / 4, drawn, blocks);
                let drawn: &[i32] = cast_slice(drawn);
                for (i, out) in out.iter_mut().enumerate() {
                    *out = drawn[4 * i + (position(i) % 4) as usize];
                }
            }
        }
    }
}

/// The lanes as words, if they are a batch of them and lie as such do.
fn whole_batch(lanes: &mut [i32]) -> Option<&mut Words> {
    try_cast_slice_mut(lanes).ok()?.try_into().ok()
}

/// The blocks of [`BATCH`] counters.
///
/// Some rounds of all blocks, then the next ones. A round waits for the one before it, but there is always a
/// block that does not; and what lies in memory meanwhile is so little that the first cache holds it.
fn batch(keys: &Keys, counter: impl Fn(usize) -> u64, words: &mut Words, blocks: &mut Blocks) {
    // A function of its own, so that the compiler learns that the parts are apart from each other.
    #[inline(always)]
    fn batch(
        keys: &Keys,
        counter: impl Fn(usize) -> u64,
        words: &mut Words,
        a: &mut Part,
        b: &mut Part,
        c: &mut Part,
        d: &mut Part,
    ) {
        // Written out, as loops that hold loops do not vectorise.
        let [first, second, third, last @ ..] = *keys;
        let [fourth, fifth, sixth, seventh, last @ ..] = last;
        let [eighth, ninth, tenth] = last;
        for i in 0..BATCH {
            let counter = counter(i);
            let block = round([counter, counter >> 32, 0, 0], first);
            [a[i], b[i], c[i], d[i]] = round(round(block, second), third);
        }
        for i in 0..BATCH {
            let block = round(round([a[i], b[i], c[i], d[i]], fourth), fifth);
            [a[i], b[i], c[i], d[i]] = round(round(block, sixth), seventh);
        }
        for i in 0..BATCH {
            let block = round(round([a[i], b[i], c[i], d[i]], eighth), ninth);
            words[i] = last_round(block, tenth);
        }
    }
    let Blocks([a, b, c, d]) = blocks;
    simd(
        #[inline(always)]
        move || batch(keys, counter, words, a, b, c, d),
    );
}

/// The keys of the rounds; the first is the seed, its low word first.
fn keys_of(seed: u64) -> Keys {
    array::from_fn(|i| {
        let key = (seed as u32).wrapping_add((i as u32).wrapping_mul(0x9e37_79b9));
        let other_key = ((seed >> 32) as u32).wrapping_add((i as u32).wrapping_mul(0xbb67_ae85));
        [key.into(), other_key.into()]
    })
}

/// The products of a round.
#[inline(always)]
fn products(a: u64, c: u64) -> [u64; 2] {
    let low = u64::from(u32::MAX);
    [(a & low).wrapping_mul(0xd251_1f53), (c & low).wrapping_mul(0xcd9e_8d57)]
}

#[inline(always)]
fn round([a, b, c, d]: [u64; 4], [key, other_key]: [u64; 2]) -> [u64; 4] {
    let [first, second] = products(a, c);
    [(second >> 32) ^ b ^ key, second, (first >> 32) ^ d ^ other_key, first]
}

/// A round whose words are wanted two and two.
#[inline(always)]
fn last_round([a, b, c, d]: [u64; 4], [key, other_key]: [u64; 2]) -> [u64; 2] {
    let low = u64::from(u32::MAX);
    let [first, second] = products(a, c);
    let pairs = [
        second.rotate_left(32) ^ ((b ^ key) & low),
        first.rotate_left(32) ^ ((d ^ other_key) & low),
    ];
    if cfg!(target_endian = "big") { pairs.map(|pair| pair.rotate_left(32)) } else { pairs }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words_of(block: [u32; 4], seed: u64) -> [u32; 4] {
        keys_of(seed).into_iter().fold(block.map(u64::from), round).map(|word| word as u32)
    }

    #[test]
    fn philox_known_answers_of_random123() {
        assert_eq!(words_of([0; 4], 0), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(
            words_of([u32::MAX; 4], u64::MAX),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            words_of([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], 0x299f_31d0_a409_3822),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn fill_any_window_is_word_of_its_block() {
        for words in [1, 2, 3, 4, 5, 8] {
            for (index, offset) in [(0, 0), (5, 3), (1 << 40, 7), (3, u64::MAX - 40)] {
                for word in [0, words - 1] {
                    let mut out = [0; 600];
                    // In pieces, each of which begins within a batch.
                    let mut stream = Stream::new(42, offset, words, word);
                    let mut at = index;
                    for out in out.chunks_mut(131) {
                        stream.fill(out, at);
                        at += out.len() as u64;
                    }
                    for (i, &got) in out.iter().enumerate() {
                        let w = offset
                            .wrapping_add((index + i as u64).wrapping_mul(words.into()))
                            .wrapping_add(word.into());
                        let block = words_of([(w / 4) as u32, ((w / 4) >> 32) as u32, 0, 0], 42);
                        assert_eq!(got as u32, block[(w % 4) as usize], "{words} {index} {i}");
                    }
                }
            }
        }
    }
}
