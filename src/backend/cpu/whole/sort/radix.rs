//! Sorting by digits, the lowest first.
//!
//! Each pass puts the pairs in the order of one digit and leaves those of equal digits in theirs. A part
//! counts its digits; then it has places of its own among those of each digit, after the earlier parts'. So
//! parts are written by several threads, and the order is the same for any number of them.

use std::array;
use std::mem::{swap, take};
use std::slice::IterMut;

use rayon::prelude::*;

use super::pair::Pair;

/// Bits of a digit: so many places are written to in turn as the first cache has lines for.
const DIGIT: u32 = 8;
const DIGITS: usize = 1 << DIGIT;

/// Puts pairs, which are in the order of their places and whose keys have so many bits, in the order of
/// their keys, by threads for so many parts. `spare` has as many places.
pub(super) fn sort<P: Pair>(own: &mut Vec<P>, spare: &mut Vec<P>, bits: u32, parts: usize) {
    let passes = passes(bits);
    let mut shift = 0;
    for pass in 0..passes {
        // As even as they can be: fewer digits are written faster.
        let width = (bits - shift).div_ceil(passes - pass);
        let digit = Digit { shift, mask: (1 << width) - 1 };
        if digit.order(own, spare, parts) {
            swap(own, spare);
        }
        shift += width;
    }
}

/// How many passes so many bits take.
pub(super) fn passes(bits: u32) -> u32 {
    bits.div_ceil(DIGIT)
}

#[derive(Clone, Copy)]
struct Digit {
    shift: u32,
    mask: usize,
}

impl Digit {
    #[inline(always)]
    fn of<P: Pair>(self, pair: P) -> usize {
        pair.digit(self.shift) & self.mask
    }

    fn count<P: Pair>(self, pairs: &[P]) -> [usize; DIGITS] {
        let mut counts = [0; DIGITS];
        for &pair in pairs {
            counts[self.of(pair) % DIGITS] += 1;
        }
        counts
    }

    /// Writes the pairs in the order of the digit, unless it is the same for all.
    fn order<P: Pair>(self, from: &[P], to: &mut [P], parts: usize) -> bool {
        let len = from.len().div_ceil(parts).max(1);
        let counts: Vec<_> = match parts {
            1 => vec![self.count(from)],
            _ => from.par_chunks(len).map(|part| self.count(part)).collect(),
        };
        let is_all =
            |digit: usize| counts.iter().map(|counts| counts[digit]).sum::<usize>() == from.len();
        if from.first().is_none_or(|&pair| is_all(self.of(pair) % DIGITS)) {
            return false;
        }
        let mut places: Vec<[IterMut<P>; DIGITS]> =
            counts.iter().map(|_| array::from_fn(|_| IterMut::default())).collect();
        let mut rest = to;
        for digit in 0..=self.mask {
            for (places, counts) in places.iter_mut().zip(&counts) {
                let (own, others) = take(&mut rest).split_at_mut(counts[digit]);
                places[digit] = own.iter_mut();
                rest = others;
            }
        }
        match &mut places[..] {
            [places] => self.place(from, places),
            _ => {
                let parts = from.par_chunks(len).zip(places.par_iter_mut());
                parts.for_each(|(part, places)| self.place(part, places));
            }
        }
        true
    }

    fn place<P: Pair>(self, from: &[P], places: &mut [IterMut<P>; DIGITS]) {
        for &pair in from {
            // There are as many as were counted.
            if let Some(place) = places[self.of(pair) % DIGITS].next() {
                *place = pair;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<P: Pair + std::fmt::Debug>(keys: &[u64], bits: u32) {
        let all = || keys.iter().zip(0..).map(|(&key, place)| P::new(key, place));
        let mut expected: Vec<P> = all().collect();
        expected.sort();
        for parts in [1, 2, 3, 7] {
            let (mut own, mut spare) = (all().collect(), expected.clone());
            sort(&mut own, &mut spare, bits, parts);
            assert_eq!(own, expected, "{bits} bits of {} in {parts}", keys.len());
        }
    }

    #[test]
    fn sort_of_any_bits_and_parts_is_stable() {
        let noise = |i: u64| (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        for len in [0, 1, 2, 3, 100, 5000] {
            for bits in [0, 1, 7, 8, 9, 17, 32, 33, 64] {
                let mask = u64::MAX.checked_shr(64 - bits).unwrap_or(0);
                let keys: Vec<u64> = (0..len).map(|i| noise(i) & mask).collect();
                // Digits that are the same for all, and keys that are.
                let sparse: Vec<u64> = keys.iter().map(|key| key & 0x0f00_f000_00f0_000f).collect();
                let few: Vec<u64> = keys.iter().map(|key| key % 3).collect();
                for keys in [keys, sparse, few] {
                    check::<u128>(&keys, bits.max(2));
                    if bits <= 32 {
                        check::<u64>(&keys, bits.max(2));
                    }
                }
            }
        }
    }
}
