//! Where the first largest or smallest value is. NaN is beyond all others.
//!
//! That does not depend on any order, so parts may be of any size.

use bytemuck::{Pod, cast_slice, cast_slice_mut};

use super::super::lanes::simd;
use super::super::registers::Scratch;
use super::inner::Line;
use super::outer::Panel;

/// Which extreme.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Max,
    Min,
}

/// A lane type.
pub(super) trait Ordered: Pod + PartialOrd + Send + Sync {
    fn is_nan(self) -> bool;
}

macro_rules! ordered {
    ($($type:ty, |$v:ident| $is_nan:expr;)*) => {$(
        impl Ordered for $type {
            #[inline(always)]
            fn is_nan(self) -> bool {
                let $v = self;
                $is_nan
            }
        }
    )*};
}

ordered! {
    i32, |_v| false;
    i64, |_v| false;
    f32, |v| v.is_nan();
    f64, |v| v.is_nan();
}

impl Order {
    /// Whether a later value takes the place of the first one so far.
    #[inline(always)]
    pub(super) fn beats<T: Ordered>(self, later: T, first: T) -> bool {
        let beyond = match self {
            Self::Max => later > first,
            Self::Min => later < first,
        };
        // Without short cuts, so that it becomes vectors.
        beyond | (later.is_nan() & !first.is_nan())
    }

    /// The extreme value.
    fn extreme<T: Ordered>(self, values: &[T]) -> T {
        #[inline(always)]
        fn of<T: Ordered>(values: &[T], beats: impl Fn(T, T) -> bool) -> T {
            const LANES: usize = 64;
            let Some((head, rest)) = values.split_first_chunk::<LANES>() else {
                return values.iter().fold(values[0], |a, &b| if beats(b, a) { b } else { a });
            };
            let mut best = *head;
            let (runs, tail) = rest.as_chunks::<LANES>();
            for run in runs {
                for (best, &value) in best.iter_mut().zip(run) {
                    *best = if beats(value, *best) { value } else { *best };
                }
            }
            let all = best.iter().chain(tail);
            all.fold(best[0], |a, &b| if beats(b, a) { b } else { a })
        }
        simd(
            #[inline(always)]
            || match self {
                Self::Max => of(values, |a, b| Self::Max.beats(a, b)),
                Self::Min => of(values, |a, b| Self::Min.beats(a, b)),
            },
        )
    }
}

/// Where the value is first; it is there.
fn place<T: Ordered>(values: &[T], value: T) -> usize {
    const RUN: usize = 64;
    let is_it = |v: T| (v == value) | (v.is_nan() & value.is_nan());
    // All of a run are looked at, in vectors.
    let run = simd(
        #[inline(always)]
        || {
            let is_in = |run: &[T; RUN]| run.iter().fold(false, |found, &v| found | is_it(v));
            let runs = values.as_chunks::<RUN>().0;
            runs.iter().position(is_in).unwrap_or(runs.len())
        },
    );
    match values[run * RUN..].iter().position(|&v| is_it(v)) {
        Some(at) => run * RUN + at,
        None => unreachable!("the extreme is one of the values"),
    }
}

/// The extreme of one kept point after the other.
pub(super) struct ExtremeLine<T> {
    order: Order,
    best: Option<(T, usize)>,
    /// Values so far.
    taken: usize,
}

impl<T: Ordered> ExtremeLine<T> {
    pub(super) fn new(order: Order) -> Self {
        Self { order, best: None, taken: 0 }
    }
}

impl<T: Ordered> Line for ExtremeLine<T> {
    /// The value, its position and how many values there were.
    type Part = (T, usize, usize);

    const BLOCK: usize = 1 << 12;

    fn take(&mut self, values: &[u8]) {
        let values: &[T] = cast_slice(values);
        let extreme = self.order.extreme(values);
        if self.best.is_none_or(|(best, _)| self.order.beats(extreme, best)) {
            let at = place(values, extreme);
            self.best = Some((values[at], self.taken + at));
        }
        self.taken += values.len();
    }

    fn finish(&mut self) -> Self::Part {
        let Some((best, at)) = self.best.take() else { unreachable!("a part is not empty") };
        (best, at, std::mem::take(&mut self.taken))
    }

    fn join(&mut self, parts: &[Self::Part]) -> u64 {
        let (mut best, mut place, mut before) = parts[0];
        for &(value, at, len) in &parts[1..] {
            if self.order.beats(value, best) {
                (best, place) = (value, before + at);
            }
            before += len;
        }
        place as u64
    }
}

/// The extremes of kept points side by side.
pub(super) struct ExtremePanel<T> {
    order: Order,
    width: usize,
    /// Of the part, and of all.
    first: usize,
    row: usize,
    best: Best<T>,
}

/// Values, and the rows they are in.
pub(super) struct Best<T> {
    values: Vec<T>,
    rows: Scratch,
}

impl<T> Default for Best<T> {
    fn default() -> Self {
        Self { values: Vec::new(), rows: Scratch::default() }
    }
}

impl<T: Ordered> ExtremePanel<T> {
    pub(super) fn new(order: Order) -> Self {
        Self { order, width: 0, first: 0, row: 0, best: Best::default() }
    }
}

/// Puts the values of a row that are better in place of those that were.
pub(super) fn improve<T: Ordered>(
    order: Order,
    (best, rows): (&mut [T], &mut [i64]),
    values: &[T],
    row: impl Fn(usize) -> i64,
) {
    #[inline(always)]
    fn over<T: Ordered>(
        best: &mut [T],
        rows: &mut [i64],
        values: &[T],
        beats: impl Fn(T, T) -> bool,
        row: impl Fn(usize) -> i64,
    ) {
        /// Mostly none of so many is better.
        const RUN: usize = 64;
        let runs = best.chunks_mut(RUN).zip(rows.chunks_mut(RUN)).zip(values.chunks(RUN));
        for (k, ((best, rows), values)) in runs.enumerate() {
            let pairs = best.iter().zip(values);
            if !pairs.fold(false, |any, (&best, &value)| any | beats(value, best)) {
                continue;
            }
            for (i, ((best, at), &value)) in best.iter_mut().zip(rows).zip(values).enumerate() {
                let better = beats(value, *best);
                *best = if better { value } else { *best };
                *at = if better { row(k * RUN + i) } else { *at };
            }
        }
    }
    simd(
        #[inline(always)]
        || match order {
            Order::Max => over(best, rows, values, |a, b| Order::Max.beats(a, b), row),
            Order::Min => over(best, rows, values, |a, b| Order::Min.beats(a, b), row),
        },
    );
}

impl<T: Ordered> Panel for ExtremePanel<T> {
    type Part = Best<T>;

    const BLOCK: usize = 16;

    fn begin(&mut self, width: usize, row: usize) {
        (self.width, self.first, self.row) = (width, row, row);
        self.best.values.resize(width, T::zeroed());
    }

    fn take(&mut self, column: usize, values: &[u8]) {
        let values: &[T] = cast_slice(values);
        let columns = column..column + values.len();
        let rows: &mut [i64] = cast_slice_mut(self.best.rows.bytes(self.width * size_of::<i64>()));
        let (best, rows) = (&mut self.best.values[columns.clone()], &mut rows[columns]);
        let row = self.row as i64;
        if self.row == self.first {
            best.copy_from_slice(values);
            rows.fill(row);
        } else {
            improve(self.order, (best, rows), values, |_| row);
        }
    }

    fn end_row(&mut self) {
        self.row += 1;
    }

    fn rows(&mut self, values: &[u8]) {
        for row in values.chunks_exact(self.width * size_of::<T>()) {
            self.take(0, row);
            self.end_row();
        }
    }

    fn finish(&mut self) -> &mut Best<T> {
        &mut self.best
    }

    fn join(&mut self, parts: &mut [Best<T>]) -> &mut Best<T> {
        let bytes = self.width * size_of::<i64>();
        self.best = std::mem::take(&mut parts[0]);
        for part in &mut parts[1..] {
            let theirs: &[i64] = cast_slice(part.rows.bytes(bytes));
            let best = &mut self.best;
            let ours = (&mut best.values[..], cast_slice_mut(best.rows.bytes(bytes)));
            improve(self.order, ours, &part.values, |i| theirs[i]);
        }
        &mut self.best
    }

    fn results(part: &mut Best<T>, bytes: usize) -> &[u8] {
        part.rows.bytes(bytes)
    }
}
