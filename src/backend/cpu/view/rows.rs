//! Rows of lanes that lie at equal distances.

use std::marker::PhantomData;
use std::slice;

/// Rows of as many bytes each, at equal distances.
#[derive(Clone, Copy)]
pub(in super::super) struct Rows<'a> {
    first: *const u8,
    count: usize,
    /// Bytes from one to the next.
    step: usize,
    /// Bytes of a row.
    len: usize,
    bytes: PhantomData<&'a [u8]>,
}

impl<'a> Rows<'a> {
    /// # Safety
    /// Every row is valid to read, and nobody writes to it, for the lifetime.
    pub(super) unsafe fn new(first: *const u8, count: usize, (step, len): (usize, usize)) -> Self {
        Self { first, count, step, len, bytes: PhantomData }
    }

    /// One row.
    #[inline(always)]
    pub(in super::super) fn one(bytes: &'a [u8]) -> Self {
        Self { first: bytes.as_ptr(), count: 1, step: 0, len: bytes.len(), bytes: PhantomData }
    }

    /// The same bytes as so many rows that follow each other, or as each of them.
    pub(in super::super) fn of(bytes: &'a [u8], count: usize, are_same: bool) -> Self {
        let (step, len) = match are_same {
            true => (0, bytes.len()),
            false => (bytes.len() / count, bytes.len() / count),
        };
        Self { first: bytes.as_ptr(), count, step, len, bytes: PhantomData }
    }

    /// How many there are.
    #[inline(always)]
    pub(in super::super) fn count(&self) -> usize {
        self.count
    }

    /// Row number `row`.
    #[inline(always)]
    pub(in super::super) fn row(&self, row: usize) -> &'a [u8] {
        assert!(row < self.count);
        // SAFETY: whoever made this vouches for each row, and this is one of them.
        unsafe { slice::from_raw_parts(self.first.wrapping_add(row * self.step), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_where_they_were_said_to_be() {
        let bytes: Vec<u8> = (0..24).collect();
        assert_eq!(Rows::one(&bytes).row(0), bytes);
        for row in 0..4 {
            assert_eq!(Rows::of(&bytes, 4, false).row(row), &bytes[6 * row..6 * row + 6]);
            assert_eq!(Rows::of(&bytes, 4, true).row(row), bytes);
            // SAFETY: the last row ends at byte 3 + 3 * 6 + 2 of 24.
            let apart = unsafe { Rows::new(bytes[3..].as_ptr(), 4, (6, 2)) };
            assert_eq!(apart.row(row), &bytes[3 + 6 * row..][..2]);
        }
    }

    #[test]
    #[should_panic]
    fn there_are_no_rows_after_the_last() {
        Rows::of(&[0; 24], 4, false).row(4);
    }
}
