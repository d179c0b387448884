//! Comparisons, extrema and tests of a number's class.
//!
//! Meaning: IEEE 754-2019 predicates; extrema carry NaN from either side and keep the first of equal
//! zeros, sign of NaN is 0, as PyTorch's do.

use super::algebra::{Float, Int, Mask};

macro_rules! comparisons {
    ($($name:ident $int_name:ident;)*) => {$(
        #[inline(always)]
        pub(crate) fn $name<F: Float>(a: F, b: F) -> F::Mask {
            a.$name(b)
        }

        #[inline(always)]
        pub(crate) fn $int_name<I: Int>(a: I, b: I) -> I::Mask {
            a.$name(b)
        }
    )*};
}

comparisons! {
    eq int_eq;
    ne int_ne;
    lt int_lt;
    le int_le;
    gt int_gt;
    ge int_ge;
}

/// The smaller; NaN if either is.
#[inline(always)]
pub(crate) fn minimum<F: Float>(a: F, b: F) -> F {
    // Where only `b` is NaN, the comparison is false.
    F::select(a.is_nan().or(a.le(b)), a, b)
}

/// The larger; NaN if either is.
#[inline(always)]
pub(crate) fn maximum<F: Float>(a: F, b: F) -> F {
    F::select(a.is_nan().or(b.le(a)), a, b)
}

/// The smaller; the other where one is NaN.
#[inline(always)]
pub(crate) fn fmin<F: Float>(a: F, b: F) -> F {
    F::select(b.lt(a), b, F::select(a.is_nan(), b, a))
}

/// The larger; the other where one is NaN.
#[inline(always)]
pub(crate) fn fmax<F: Float>(a: F, b: F) -> F {
    F::select(a.lt(b), b, F::select(a.is_nan(), b, a))
}

/// `a` between `low` and `high`; `high` where they cross.
#[inline(always)]
pub(crate) fn clamp<F: Float>(a: F, low: F, high: F) -> F {
    minimum(maximum(a, low), high)
}

#[inline(always)]
pub(crate) fn int_minimum<I: Int>(a: I, b: I) -> I {
    I::select(b.lt(a), b, a)
}

#[inline(always)]
pub(crate) fn int_maximum<I: Int>(a: I, b: I) -> I {
    I::select(a.lt(b), b, a)
}

#[inline(always)]
pub(crate) fn int_clamp<I: Int>(a: I, low: I, high: I) -> I {
    int_minimum(int_maximum(a, low), high)
}

/// Zero where negative; keeps -0 and NaN.
#[inline(always)]
pub(crate) fn relu<F: Float>(a: F) -> F {
    let zero = F::lit(0.0);
    F::select(a.lt(zero), zero, a)
}

#[inline(always)]
pub(crate) fn int_relu<I: Int>(a: I) -> I {
    int_maximum(a, I::lit(0))
}

#[inline(always)]
pub(crate) fn abs<F: Float>(a: F) -> F {
    a.abs()
}

#[inline(always)]
pub(crate) fn int_abs<I: Int>(a: I) -> I {
    I::select(a.lt(I::lit(0)), a.neg(), a)
}

/// -1, 0 or 1.
#[inline(always)]
pub(crate) fn sign<F: Float>(a: F) -> F {
    let zero = F::lit(0.0);
    let negative = F::select(a.lt(zero), F::lit(-1.0), zero);
    F::select(a.gt(zero), F::lit(1.0), negative)
}

#[inline(always)]
pub(crate) fn int_sign<I: Int>(a: I) -> I {
    let zero = I::lit(0);
    I::from_mask(a.gt(zero)).sub(I::from_mask(a.lt(zero)))
}

#[inline(always)]
pub(crate) fn copysign<F: Float>(a: F, b: F) -> F {
    a.copysign(b)
}

#[inline(always)]
pub(crate) fn isnan<F: Float>(a: F) -> F::Mask {
    a.is_nan()
}

#[inline(always)]
pub(crate) fn isinf<F: Float>(a: F) -> F::Mask {
    a.is_infinite()
}

#[inline(always)]
pub(crate) fn isfinite<F: Float>(a: F) -> F::Mask {
    a.is_finite()
}

#[inline(always)]
pub(crate) fn signbit<F: Float>(a: F) -> F::Mask {
    a.is_sign_negative()
}

#[inline(always)]
pub(crate) fn int_signbit<I: Int>(a: I) -> I::Mask {
    a.lt(I::lit(0))
}

/// What `isnan` and `isinf` say of integers.
#[inline(always)]
pub(crate) fn int_never<I: Int>(a: I) -> I::Mask {
    a.ne(a)
}

/// What `isfinite` says of integers.
#[inline(always)]
pub(crate) fn int_always<I: Int>(a: I) -> I::Mask {
    int_never(a).not()
}
