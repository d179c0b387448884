//! Sorting in parts, which are merged.
//!
//! Each thread compares in a part of its own. Runs are merged in twos until there is one; a merge is cut in
//! halves that know nothing of each other, so that the last one too is the work of all threads.

use std::mem::swap;

use rayon::prelude::*;

use super::pair::Pair;

/// Pairs that are merged in one go. Tests are to see several.
const GRAIN: usize = if cfg!(test) { 1 << 6 } else { 1 << 15 };

/// Puts pairs in order, by threads for so many parts. `spare` has as many places.
pub(super) fn sort<P: Pair>(own: &mut Vec<P>, spare: &mut Vec<P>, parts: usize) {
    let mut run = own.len().div_ceil(parts).max(1);
    // No two are equal: any order is the stable one.
    own.par_chunks_mut(run).for_each(<[P]>::sort_unstable);
    while run < own.len() {
        let to = spare.par_chunks_mut(2 * run);
        own.par_chunks(2 * run).zip(to).for_each(|(from, to)| {
            let (a, b) = from.split_at(run.min(from.len()));
            merge(a, b, to);
        });
        swap(own, spare);
        run *= 2;
    }
}

/// Merges two runs, on several threads where they are long.
fn merge<P: Pair>(a: &[P], b: &[P], to: &mut [P]) {
    if to.len() <= GRAIN {
        return merge_here(a, b, to);
    }
    let (long, short) = if a.len() < b.len() { (b, a) } else { (a, b) };
    let middle = long[long.len() / 2];
    let (low, high) = long.split_at(long.len() / 2);
    let (less, greater) = short.split_at(short.partition_point(|&pair| pair < middle));
    let (left, right) = to.split_at_mut(low.len() + less.len());
    rayon::join(|| merge(low, less, left), || merge(high, greater, right));
}

/// Merges two runs without a branch that depends on their order.
fn merge_here<P: Pair>(a: &[P], b: &[P], to: &mut [P]) {
    let (mut i, mut j) = (0, 0);
    let mut places = to.iter_mut();
    while let (Some(&left), Some(&right)) = (a.get(i), b.get(j)) {
        let is_right = right < left;
        if let Some(place) = places.next() {
            *place = if is_right { right } else { left };
        }
        j += usize::from(is_right);
        i += usize::from(!is_right);
    }
    places.zip(a[i..].iter().chain(&b[j..])).for_each(|(place, &pair)| *place = pair);
}

#[cfg(test)]
mod tests {
    use super::super::tests::orders;
    use super::*;

    #[test]
    fn sort_in_any_parts_is_that_of_one() {
        for len in [0, 1, 2, 5, 129, 5000] {
            for keys in orders(len) {
                let pairs: Vec<u64> =
                    keys.iter().zip(0..).map(|(&key, place)| u64::new(key, place)).collect();
                let mut expected = pairs.clone();
                expected.sort();
                for parts in [1, 2, 3, 7] {
                    let (mut own, mut spare) = (pairs.clone(), pairs.clone());
                    sort(&mut own, &mut spare, parts);
                    assert_eq!(own, expected, "{len} in {parts}");
                }
            }
        }
    }
}
