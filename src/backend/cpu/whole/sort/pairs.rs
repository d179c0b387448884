//! The pairs of a line, and which way to sort them.

use super::merge;
use super::pair::Pair;
use super::radix;

/// Pairs below which a pass over digits takes longer than comparing. Tests are to see all ways.
pub(super) const FEW: usize = if cfg!(test) { 1 << 6 } else { 1 << 13 };
/// Passes over digits that take no longer than comparing.
const PASSES: u32 = 3;

/// Pairs to be sorted, and as many places that they move to and fro.
#[derive(Default)]
pub(super) struct Pairs<P> {
    own: Vec<P>,
    spare: Vec<P>,
}

impl<P: Pair> Pairs<P> {
    /// Room for so many, with anything in it.
    pub(super) fn of(&mut self, len: usize) -> &mut [P] {
        resize(&mut self.own, len);
        &mut self.own
    }

    pub(super) fn sorted(&self) -> &[P] {
        &self.own
    }

    /// Pairs in the order of their places, whose keys have so many bits, in so many parts.
    pub(super) fn sort(&mut self, bits: u32, parts: usize) {
        let by_digits = self.own.len() >= FEW && radix::passes(bits) <= PASSES;
        if !by_digits && parts < 2 {
            // No two are equal: any order is the stable one.
            return self.own.sort_unstable();
        }
        resize(&mut self.spare, self.own.len());
        if by_digits {
            radix::sort(&mut self.own, &mut self.spare, bits, parts);
        } else {
            merge::sort(&mut self.own, &mut self.spare, parts);
        }
    }
}

/// New memory comes zeroed, and page by page to the threads that write it first.
fn resize<P: Pair>(pairs: &mut Vec<P>, len: usize) {
    if pairs.capacity() < len {
        *pairs = vec![P::default(); len];
    }
    pairs.resize(len, P::default());
}
