//! Products of integers, wrapping: exact in any order.

use super::super::super::lanes::simd;

/// Rows and columns whose sums an inner loop holds in registers.
const ROWS: usize = 4;
const COLUMNS: usize = 32;

/// A lane of integers.
pub(super) trait Int: Copy + Default {
    /// `self + a * b`, wrapping.
    fn plus_product(self, a: Self, b: Self) -> Self;
    fn plus(self, a: Self) -> Self;
}

macro_rules! ints {
    ($($type:ty)*) => {$(
        impl Int for $type {
            #[inline(always)]
            fn plus_product(self, a: Self, b: Self) -> Self {
                self.wrapping_add(a.wrapping_mul(b))
            }

            #[inline(always)]
            fn plus(self, a: Self) -> Self {
                self.wrapping_add(a)
            }
        }
    )*};
}

ints!(i32 i64);

/// `out += lhs rhs`, or `out = lhs rhs`, of row-major matrices, `(m, k) @ (k, n) -> (m, n)`.
pub(super) fn accumulate<T: Int>(
    out: &mut [T],
    lhs: &[T],
    rhs: &[T],
    [m, k, n]: [usize; 3],
    add: bool,
) {
    debug_assert!(out.len() == m * n && lhs.len() == m * k && rhs.len() == k * n);
    if !add {
        out.fill(T::default());
    }
    simd(
        #[inline(always)]
        || {
            for column in (0..n).step_by(COLUMNS) {
                let width = COLUMNS.min(n - column);
                for (out, lhs) in out.chunks_mut(ROWS * n).zip(lhs.chunks(ROWS * k)) {
                    if width == COLUMNS && lhs.len() == ROWS * k {
                        panel(out, lhs, rhs, [k, n, column]);
                    } else {
                        edge(out, lhs, rhs, [k, n, column], width);
                    }
                }
            }
        },
    );
}

/// The sums of a full panel of rows and columns.
#[inline(always)]
fn panel<T: Int>(out: &mut [T], lhs: &[T], rhs: &[T], [k, n, column]: [usize; 3]) {
    let mut sums = [[T::default(); COLUMNS]; ROWS];
    for (at, right) in rhs.chunks_exact(n).enumerate() {
        let Some(right) = right[column..].first_chunk::<COLUMNS>() else { continue };
        for (row, sums) in sums.iter_mut().enumerate() {
            let left = lhs[row * k + at];
            for (sum, &right) in sums.iter_mut().zip(right) {
                *sum = sum.plus_product(left, right);
            }
        }
    }
    for (out, sums) in out.chunks_exact_mut(n).zip(&sums) {
        for (out, &sum) in out[column..].iter_mut().zip(sums) {
            *out = out.plus(sum);
        }
    }
}

/// Fewer rows or columns, without registers of their own.
#[inline(always)]
fn edge<T: Int>(out: &mut [T], lhs: &[T], rhs: &[T], [k, n, column]: [usize; 3], width: usize) {
    for (out, left) in out.chunks_exact_mut(n).zip(lhs.chunks_exact(k)) {
        let out = &mut out[column..column + width];
        for (&left, right) in left.iter().zip(rhs.chunks_exact(n)) {
            for (out, &right) in out.iter_mut().zip(&right[column..column + width]) {
                *out = out.plus_product(left, right);
            }
        }
    }
}
