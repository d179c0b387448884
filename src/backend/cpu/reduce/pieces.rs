//! Lanes at equal distances, brought together so that one call folds many.

use bytemuck::{cast_slice, cast_slice_mut};

use super::super::lanes::simd;

/// One piece out of each of several periods.
#[derive(Clone, Copy)]
pub(super) struct Pieces {
    /// Bytes of a lane.
    pub(super) size: usize,
    /// In lanes.
    pub(super) len: usize,
    pub(super) period: usize,
    pub(super) from: usize,
}

/// Copies pieces to every `pitch` lanes of `to`.
pub(super) fn pick(to: &mut [u8], pitch: usize, from: &[u8], pieces: Pieces) {
    simd(
        #[inline(always)]
        || match pieces.size {
            4 => pick_lanes::<u32>(cast_slice_mut(to), pitch, cast_slice(from), pieces),
            _ => pick_lanes::<u64>(cast_slice_mut(to), pitch, cast_slice(from), pieces),
        },
    );
}

#[inline(always)]
fn pick_lanes<T: Copy>(to: &mut [T], pitch: usize, values: &[T], pieces: Pieces) {
    let Pieces { len, period, from, .. } = pieces;
    /// Lengths that the compiler knows are single moves.
    #[inline(always)]
    fn arrays<T: Copy, const LEN: usize>(
        to: &mut [T],
        pitch: usize,
        values: &[T],
        (period, from): (usize, usize),
    ) {
        for (to, values) in to.chunks_exact_mut(pitch).zip(values.chunks_exact(period)) {
            if let (Some(to), Some(piece)) =
                (to.first_chunk_mut::<LEN>(), values[from..].first_chunk::<LEN>())
            {
                *to = *piece;
            }
        }
    }
    if pitch == len && period == 2 * len && from % len == 0 {
        match len {
            1 => return halves::<T, 1, 2>(to, values, from > 0),
            2 => return halves::<T, 2, 4>(to, values, from > 0),
            4 => return halves::<T, 4, 8>(to, values, from > 0),
            8 => return halves::<T, 8, 16>(to, values, from > 0),
            16 => return halves::<T, 16, 32>(to, values, from > 0),
            _ => {}
        }
    }
    match len {
        1 if pitch == 1 => {
            for (to, values) in to.iter_mut().zip(values.chunks_exact(period)) {
                *to = values[from];
            }
        }
        1 => arrays::<T, 1>(to, pitch, values, (period, from)),
        2 => arrays::<T, 2>(to, pitch, values, (period, from)),
        4 => arrays::<T, 4>(to, pitch, values, (period, from)),
        8 => arrays::<T, 8>(to, pitch, values, (period, from)),
        16 => arrays::<T, 16>(to, pitch, values, (period, from)),
        _ => {
            for (to, values) in to.chunks_exact_mut(pitch).zip(values.chunks_exact(period)) {
                to[..len].copy_from_slice(&values[from..from + len]);
            }
        }
    }
}

/// The first half of each period, or the other: with lengths that the compiler knows, vectors are shuffled.
#[inline(always)]
fn halves<T: Copy, const LEN: usize, const PERIOD: usize>(
    to: &mut [T],
    values: &[T],
    is_other: bool,
) {
    let pairs = to.as_chunks_mut::<LEN>().0.iter_mut().zip(values.as_chunks::<PERIOD>().0);
    if is_other {
        pairs.for_each(|(to, values)| to.copy_from_slice(&values[LEN..]));
    } else {
        pairs.for_each(|(to, values)| to.copy_from_slice(&values[..LEN]));
    }
}
