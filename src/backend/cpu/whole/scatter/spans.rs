//! What the addresses of each block reach, found where they are checked.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::super::super::lanes::simd;
use super::super::super::registers::Scratch;
use super::super::super::threads;
use super::super::Blocks;
use super::{Address, Addresses, Places};

/// The least and the greatest of some addresses; of none the least is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) least: usize,
    pub(super) most: usize,
}

impl Span {
    const NONE: Self = Self { least: usize::MAX, most: 0 };

    pub(super) fn is_empty(self) -> bool {
        self.least > self.most
    }

    fn with(self, other: Self) -> Self {
        Self { least: self.least.min(other.least), most: self.most.max(other.most) }
    }

    /// Of addresses; none if one is below -1.
    fn of<A: Address>(addresses: &[A]) -> Option<Self> {
        // -1, which names nothing, is the greatest of all if it has no sign.
        let mut ends = [A::MOST, A::NOTHING, A::NOTHING];
        #[inline(always)]
        fn all<A: Address>([lowest, least, most]: &mut [A; 3], addresses: &[A]) {
            for &address in addresses {
                *lowest = address.min(*lowest);
                *least = address.least_unsigned(*least);
                *most = address.max(*most);
            }
        }
        simd(
            #[inline(always)]
            || all(&mut ends, addresses),
        );
        let [lowest, least, most] = ends;
        match (lowest < A::NOTHING, most < A::ZERO) {
            (true, _) => None,
            (_, true) => Some(Self::NONE),
            _ => Some(Self { least: least.wide() as usize, most: most.wide() as usize }),
        }
    }
}

/// The spans of all blocks, found in so many parts; none if an address is below -1.
pub(super) fn spans(places: &Places, blocks: &Blocks, parts: usize) -> Option<Vec<Span>> {
    let refused = AtomicBool::new(false);
    let some = |from, to| {
        let mut memory = Scratch::default();
        let mut spans = Vec::with_capacity(to - from);
        for index in from..to {
            if refused.load(Relaxed) {
                break;
            }
            let span = match places.addresses(&blocks.at(index), &mut memory) {
                Addresses::Narrow(addresses) => Span::of(addresses),
                Addresses::Wide(addresses) => Span::of(addresses),
            };
            match span {
                Some(span) => spans.push(span),
                None => refused.store(true, Relaxed),
            }
        }
        spans
    };
    let (count, parts) = (blocks.count(), parts.min(blocks.count()));
    let spans = if parts < 2 {
        some(0, count)
    } else {
        let bound = |i| threads::bound(i, parts, count);
        threads::map(parts, |i| some(bound(i), bound(i + 1))).concat()
    };
    (!refused.into_inner()).then_some(spans)
}

/// What all of them reach.
pub(super) fn union(spans: &[Span]) -> Span {
    spans.iter().copied().fold(Span::NONE, Span::with)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn span_is_of_what_is_named() {
        for [addresses, expected] in [
            [&[][..], &[][..]],
            [&[-1], &[]],
            [&[-1, -1, -1], &[]],
            [&[0], &[0, 0]],
            [&[7, -1, 3, 3, -1, 12, 5, 4, 3], &[3, 12]],
            [&[i32::MAX, -1, i32::MAX - 1], &[i32::MAX - 1, i32::MAX]],
        ] {
            let wide: Vec<i64> = addresses.iter().map(|&address| address.into()).collect();
            for span in [Span::of(addresses), Span::of(&wide)] {
                let Some(span) = span else { unreachable!("none of {addresses:?} is wrong") };
                assert_eq!(span.is_empty(), expected.is_empty(), "{addresses:?}");
                if let &[least, most] = expected {
                    let [least, most] = [least, most].map(|end| end as usize);
                    assert_eq!(span, Span { least, most }, "{addresses:?}");
                }
            }
        }
        for wrong in [-2, i32::MIN] {
            for at in [0, 40, 99] {
                let mut addresses = [5; 100];
                addresses[at] = wrong;
                assert_eq!(Span::of(&addresses), None);
                assert_eq!(Span::of(&addresses.map(i64::from)), None);
            }
        }
    }
}
