//! float32 and float64, through the crate `matrixmultiply`.
#![allow(unsafe_code, reason = "the crate takes pointers and strides")]

use super::{Job, Matrix, Tile};

/// A dtype that the crate multiplies.
pub(super) trait Float: Copy {
    /// `C = A B`, or `C += A B`; sizes are `m`, `k`, `n`, strides from row to row and from column to column.
    ///
    /// # Safety
    /// `a` and `b` are valid for reads and `c` for writes of their matrices, of which only `c`'s elements
    /// must be all different and nobody else's; with `add` they have values.
    unsafe fn gemm(
        sizes: [usize; 3],
        a: (*const Self, [usize; 2]),
        b: (*const Self, [usize; 2]),
        c: (*mut Self, [usize; 2]),
        add: bool,
    );
}

macro_rules! floats {
    ($($type:ident $gemm:ident)*) => {$(
        impl Float for $type {
            unsafe fn gemm(
                [m, k, n]: [usize; 3],
                (a, a_strides): (*const Self, [usize; 2]),
                (b, b_strides): (*const Self, [usize; 2]),
                (c, c_strides): (*mut Self, [usize; 2]),
                add: bool,
            ) {
                let [a_row, a_column] = a_strides.map(|stride| stride as isize);
                let [b_row, b_column] = b_strides.map(|stride| stride as isize);
                let [c_row, c_column] = c_strides.map(|stride| stride as isize);
                let beta = if add { 1.0 } else { 0.0 };
                // SAFETY: by contract; with a factor of 0 the crate does not read `c`.
                unsafe {
                    matrixmultiply::$gemm(
                        m, k, n, 1.0, a, a_row, a_column, b, b_row, b_column, beta, c, c_row, c_column,
                    );
                }
            }
        }
    )*};
}

floats!(f32 sgemm f64 dgemm);

/// Computes a tile where its matrices lie.
pub(super) fn multiply<T: Float>(job: &Job<'_>, tile: &Tile) {
    let sizes = [tile.rows.len(), job.k, tile.columns.len()];
    if sizes.contains(&0) {
        return;
    }
    let strides = |matrix: &Matrix<'_>| [matrix.row, matrix.column];
    let lhs = job.lhs.view.pointer(tile.lhs + tile.rows.start * job.lhs.row);
    let rhs = job.rhs.view.pointer(tile.rhs + tile.columns.start * job.rhs.column);
    let out = tile.out + tile.rows.start * job.out.row + tile.columns.start * job.out.column;
    let out = job.out.view.pointer(out);
    // SAFETY: the tile lies within the iteration space, so its elements are within the views; those of the
    // result are this thread's alone, as tiles do not overlap, and no factor sees its buffer (`kernel::verify`).
    unsafe {
        T::gemm(
            sizes,
            (lhs.cast_const().cast(), strides(&job.lhs)),
            (rhs.cast_const().cast(), strides(&job.rhs)),
            (out.cast(), strides(&job.out)),
            false,
        );
    }
}

/// `out += lhs rhs`, or `out = lhs rhs`, of row-major matrices, `(m, k) @ (k, n) -> (m, n)`.
pub(super) fn accumulate(
    out: &mut [f32],
    lhs: &[f32],
    rhs: &[f32],
    sizes @ [m, k, n]: [usize; 3],
    add: bool,
) {
    assert!(out.len() == m * n && lhs.len() == m * k && rhs.len() == k * n);
    // SAFETY: the slices are as long as their matrices, as just asserted.
    unsafe {
        f32::gemm(
            sizes,
            (lhs.as_ptr(), [k, 1]),
            (rhs.as_ptr(), [n, 1]),
            (out.as_mut_ptr(), [n, 1]),
            add,
        );
    }
}
