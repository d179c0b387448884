//! Selection: the least of a line's pairs, without an order of the others.

use super::pair::Pair;

/// The least pairs of those that came, at most so many, and some more.
///
/// Pairs gather until there are twice as many; then the greater half goes, and what is greater than all
/// that stayed is turned away at once. Each half takes linear time, so all pairs do, in whichever order
/// they come; in a random one nearly all are turned away.
pub(super) struct Least<P> {
    pairs: Vec<P>,
    most: usize,
    /// What is greater is none of them.
    bound: Option<P>,
}

/// Pairs beyond twice as many as are asked for, so that few are not halved all the time.
const MORE: usize = 64;

impl<P: Pair> Least<P> {
    pub(super) fn new(most: usize) -> Self {
        Self { pairs: Vec::new(), most, bound: None }
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// Forgets all pairs.
    pub(super) fn clear(&mut self) {
        self.pairs.clear();
        self.bound = None;
    }

    /// Where so many pairs go that are all there are, if none of them would be turned away as they come.
    pub(super) fn room_for(&mut self, len: usize) -> Option<&mut [P]> {
        if len > (2 * self.most).saturating_add(MORE) {
            return None;
        }
        self.pairs.resize(len, P::default());
        Some(&mut self.pairs)
    }

    #[inline(always)]
    pub(super) fn put(&mut self, pair: P) {
        if self.bound.is_none_or(|bound| pair < bound) {
            self.keep(pair);
        }
    }

    #[inline(never)]
    fn keep(&mut self, pair: P) {
        self.pairs.push(pair);
        if self.pairs.len() >= (2 * self.most).saturating_add(MORE) {
            self.halve();
        }
    }

    /// Lets the pairs beyond so many go; the greatest that stays is the last one, if any went.
    fn halve(&mut self) -> bool {
        let is_more = self.pairs.len() > self.most;
        if is_more {
            self.bound = self.most.checked_sub(1).map(|last| {
                let (_, bound, _) = self.pairs.select_nth_unstable(last);
                *bound
            });
            self.pairs.truncate(self.most);
        }
        is_more
    }

    /// The pairs, in any order.
    pub(super) fn all(&mut self) -> &[P] {
        self.halve();
        &self.pairs
    }

    /// The pairs beyond the `from` least, in order.
    pub(super) fn beyond(&mut self, from: usize) -> &[P] {
        let ends_with_greatest = self.halve();
        if from >= self.pairs.len() {
            return &[];
        }
        let is_only = ends_with_greatest && from + 1 == self.pairs.len();
        if from > 0 && !is_only {
            self.pairs.select_nth_unstable(from);
        }
        self.pairs[from..].sort_unstable();
        &self.pairs[from..]
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::orders;
    use super::*;

    #[test]
    fn least_pairs_are_those_of_a_sort() {
        for len in [0, 1, 5, 3000] {
            for keys in orders(len) {
                let pairs = || keys.iter().zip(0..).map(|(&key, place)| u64::new(key, place));
                let mut sorted: Vec<u64> = pairs().collect();
                sorted.sort_unstable();
                for (from, to) in
                    [(0, 0), (0, 1), (0, 10), (3, 4), (100, 200), (1499, 1500), (0, 3000)]
                {
                    let mut least = Least::new(to);
                    for _ in 0..2 {
                        least.clear();
                        pairs().for_each(|pair| least.put(pair));
                        let end = to.min(sorted.len());
                        let expected = sorted.get(from..end).unwrap_or(&[]);
                        assert_eq!(least.beyond(from), expected, "{from} to {to} of {len}");
                        least.clear();
                        if let Some(room) = least.room_for(sorted.len()) {
                            room.iter_mut().zip(pairs()).for_each(|(place, pair)| *place = pair);
                            let found = least.beyond(from);
                            assert_eq!(found, expected, "{from} to {to} of {len}, all at once");
                        }
                    }
                }
            }
        }
    }
}
