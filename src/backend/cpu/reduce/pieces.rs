//! Lanes at equal distances, brought together so that one call folds many.

use bytemuck::{cast_slice, cast_slice_mut};

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
    match pieces.size {
        4 => pick_lanes::<u32>(cast_slice_mut(to), pitch, cast_slice(from), pieces),
        _ => pick_lanes::<u64>(cast_slice_mut(to), pitch, cast_slice(from), pieces),
    }
}

fn pick_lanes<T: Copy>(to: &mut [T], pitch: usize, values: &[T], pieces: Pieces) {
    let Pieces { len, period, from, .. } = pieces;
    /// Lengths that the compiler knows are single moves.
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
    match len {
        1 if pitch == 1 && period == 2 => {
            for (to, pair) in to.iter_mut().zip(values.as_chunks::<2>().0) {
                *to = pair[from];
            }
        }
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
