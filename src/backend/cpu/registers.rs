//! Memory for lanes, aligned to the widest vector.

use std::mem::take;

use bytemuck::{Pod, Zeroable, cast_slice_mut};

use crate::spare::Spare;

/// The widest vector, so that registers are aligned to it.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
pub(super) struct Line([u8; 64]);

/// Registers of one thread.
pub(super) type Registers = Vec<Vec<Line>>;

/// Bytes of memory that a thread keeps for the next [`Scratch`], at most, of each of a few.
const KEPT: usize = 1 << 16;

thread_local! {
    /// Memory of those that have ended.
    static SPARE: Spare<Vec<Line>, 16> = const { Spare::new() };
}

/// Lanes of any number, aligned as registers are, where some that have ended were, if there are any.
#[derive(Default)]
pub(super) struct Scratch(Vec<Line>);

impl Scratch {
    /// The first `len` bytes: zeros, or what was there.
    pub(super) fn bytes(&mut self, len: usize) -> &mut [u8] {
        let lines = len.div_ceil(size_of::<Line>());
        if self.0.capacity() == 0 {
            self.0 = Spare::take(&SPARE).unwrap_or_default();
        }
        if self.0.len() < lines {
            self.0.resize(lines, Line::zeroed());
        }
        &mut cast_slice_mut(&mut self.0)[..len]
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if (1..=KEPT / size_of::<Line>()).contains(&self.0.capacity()) {
            // Nobody may count on zeros.
            #[cfg(test)]
            self.0.fill(Line([0xa5; 64]));
            Spare::keep(&SPARE, take(&mut self.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_what_has_ended_is_that_of_the_next() {
        let mut first = Scratch::default();
        let start = first.bytes(1000).as_ptr();
        drop(first);
        let mut second = Scratch::default();
        let bytes = second.bytes(900);
        assert_eq!((bytes.as_ptr(), bytes.len()), (start, 900));
        let more = second.bytes(3000);
        assert!(more[..1024].iter().all(|&b| b == 0xa5) && more[1024..].iter().all(|&b| b == 0));
        // What is large is not kept.
        let mut large = Scratch::default();
        large.bytes(KEPT + 1);
        drop((second, large));
        let kept = Spare::take(&SPARE).expect("the second one's");
        assert!(kept.len() >= 3000 / 64 && kept.capacity() * 64 <= KEPT, "{}", kept.capacity());
        assert!(Spare::take(&SPARE).is_none());
    }
}
