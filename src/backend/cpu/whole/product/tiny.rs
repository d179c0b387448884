//! Products of many small matrices of floats, for which a call of the crate takes longer than the product.
//!
//! An element is the sum that the crate makes of it where the machine has fused multiplication: from zero on, one
//! product after the other in the order of `k`, each rounded with the sum. Machines without are left to the crate.
#![allow(unsafe_code, reason = "uses views, for the matrices that it multiplies")]

use std::ops::Range;

use bytemuck::{Pod, cast_slice, cast_slice_mut};

use super::super::super::lanes::{has_fused, simd};
use super::{Job, Matrix};

/// Rows, columns and depth of matrices that are small.
pub(super) const MOST: usize = 16;

/// A dtype that is multiplied here.
pub(super) trait Real: Pod + Default {
    /// `self + a * b`, rounded once.
    fn plus_product(self, a: Self, b: Self) -> Self;
}

macro_rules! reals {
    ($($type:ident)*) => {$(
        impl Real for $type {
            #[inline(always)]
            fn plus_product(self, a: Self, b: Self) -> Self {
                a.mul_add(b, self)
            }
        }
    )*};
}

reals!(f32 f64);

/// Whether the matrices are so small, and the results lie where one slice has all of each.
pub(super) fn takes(job: &Job<'_>) -> bool {
    let is_small = [job.m, job.n, job.k].into_iter().all(|size| (1..=MOST).contains(&size));
    is_small && job.out.row == job.n && job.out.column == 1 && has_fused()
}

/// Computes the products of these batches.
pub(super) fn multiply<T: Real>(job: &Job<'_>, batches: Range<usize>) {
    simd(
        #[inline(always)]
        || match job.n {
            4 => all::<T, 4, true>(job, batches),
            8 => all::<T, 8, true>(job, batches),
            16 => all::<T, 16, true>(job, batches),
            1..4 => all::<T, 4, false>(job, batches),
            5..8 => all::<T, 8, false>(job, batches),
            _ => all::<T, 16, false>(job, batches),
        },
    );
}

/// The same in rows of `W` sums, all of which are columns if `WHOLE` says so.
#[inline(always)]
fn all<T: Real, const W: usize, const WHOLE: bool>(job: &Job<'_>, batches: Range<usize>) {
    let span = |matrix: &Matrix<'_>, rows: usize, columns: usize| {
        (rows - 1) * matrix.row + (columns - 1) * matrix.column + 1
    };
    let spans = [span(&job.lhs, job.m, job.k), span(&job.rhs, job.k, job.n)];
    let mut right = [[T::default(); W]; MOST];
    for batch in batches {
        let [lhs, rhs, out] = [&job.lhs, &job.rhs, &job.out].map(|m| job.offset(batch, m));
        // SAFETY: from the first to the last element of a factor, whose buffer nobody writes (`kernel::verify`).
        let (lhs, rhs) =
            unsafe { (job.lhs.view.slice(lhs, spans[0]), job.rhs.view.slice(rhs, spans[1])) };
        // SAFETY: the elements of a result, all of which are this thread's alone as the batch is.
        let out = unsafe { job.out.view.slice_mut(out, job.m * job.n) };
        load::<T, W, WHOLE>(job, cast_slice(rhs), &mut right);
        one::<T, W, WHOLE>(job, cast_slice(lhs), &right, cast_slice_mut(out));
    }
}

/// Copies the rows of the right factor; columns that it does not have stay zero.
#[inline(always)]
fn load<T: Real, const W: usize, const WHOLE: bool>(
    job: &Job<'_>,
    rhs: &[T],
    right: &mut [[T; W]; MOST],
) {
    let Matrix { row, column, .. } = job.rhs;
    for (at, right) in right[..job.k].iter_mut().enumerate() {
        let from = &rhs[at * row..];
        match from.first_chunk::<W>() {
            Some(from) if WHOLE && column == 1 => *right = *from,
            _ => {
                for (c, right) in right[..job.n].iter_mut().enumerate() {
                    *right = from[c * column];
                }
            }
        }
    }
}

/// One product.
#[inline(always)]
fn one<T: Real, const W: usize, const WHOLE: bool>(
    job: &Job<'_>,
    lhs: &[T],
    right: &[[T; W]; MOST],
    out: &mut [T],
) {
    let Matrix { row, column, .. } = job.lhs;
    let right = &right[..job.k];
    for (r, out) in out.chunks_exact_mut(job.n).enumerate() {
        let mut sums = [T::default(); W];
        for (at, right) in right.iter().enumerate() {
            let left = lhs[r * row + at * column];
            for (sum, &right) in sums.iter_mut().zip(right) {
                *sum = sum.plus_product(left, right);
            }
        }
        match out.first_chunk_mut::<W>() {
            Some(out) if WHOLE => *out = sums,
            _ => out.iter_mut().zip(sums).for_each(|(out, sum)| *out = sum),
        }
    }
}
