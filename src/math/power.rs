//! Powers and roots: pow, rsqrt, hypot.
//!
//! Source: `x^y = exp(y log x)` with the logarithm and the product as pairs; special values by C99,
//! annex F. Roots by the pair's residual, which IEEE square roots and division make small.
//!
//! Error: at most 1 ULP in float32 and 2 in float64.

use super::algebra::{Float, Int, Mask};
use super::exp::reduce;
use super::halves::Halves;
use super::log::log_pair;
use super::pair::{Pair, power_of_two};
use super::rounding::round;

/// `x^y`.
#[inline(always)]
pub(crate) fn pow<F: Float>(x: F, y: F) -> F {
    let (zero, one) = (F::lit(0.0), F::lit(1.0));
    let magnitude = x.abs();

    // No larger power gives anything but 0, 1 and infinity, and the product stays finite.
    let most = power_of_two(F::Int::lit(if F::MANTISSA < 52 { 40 } else { 70 }));
    let bounded = F::select(y.gt(most), most, F::select(y.lt(-most), -most, y));
    let product = log_pair(magnitude).mul_single(bounded);
    // Where reduce() clamps, the low part must not come back.
    let moderate = product.high.abs().lt(F::lit(2000.0));
    let reduced = reduce(product.high, F::select(moderate, product.low, zero));
    let result = reduced.exponent.scale(reduced.significand().round());

    // Powers of 0 and infinity, and infinite powers: grow or vanish.
    let grows = magnitude.gt(one).xor(y.lt(zero));
    let limit = F::select(grows, F::infinity(), zero);
    let extreme = magnitude.eq(zero).or(magnitude.is_infinite()).or(y.is_infinite());
    let result = F::select(extreme, limit, result);
    let result = F::select(magnitude.eq(one), one, result);

    // Negative bases have powers of whole numbers only; the sign stays with odd ones.
    let whole = round(y).eq(y);
    let half = y * F::lit(0.5);
    let odd = whole.and(round(half).ne(half));
    let negative = x.is_sign_negative();
    let result = F::select(negative.and(odd), -result, result);
    let refused = x.lt(zero).and(x.is_finite()).and(whole.not());
    let result = F::select(refused.or(x.is_nan()).or(y.is_nan()), F::nan(), result);
    F::select(x.eq(one).or(y.eq(zero)), one, result)
}

/// `x^y`, wrapping; a negative power is 0, but of 1 and -1.
#[inline(always)]
pub(crate) fn int_pow<I: Int>(x: I, y: I) -> I {
    let (zero, one) = (I::lit(0), I::lit(1));
    let mut result = one;
    let mut square = x;
    // Square and multiply, over every bit but the sign.
    for bit in 0..i64::from(I::BITS) - 1 {
        let set = y.shr(I::lit(bit)).and(one).ne(zero);
        result = I::select(set, result.mul(square), result);
        square = square.mul(square);
    }
    let odd = y.and(one).ne(zero);
    let of_minus_one = I::select(odd, I::lit(-1), one);
    let unit = I::select(x.eq(I::lit(-1)), of_minus_one, zero);
    let negative = I::select(x.eq(one), one, unit);
    I::select(y.lt(zero), negative, result)
}

/// `1 / sqrt(x)`: the inverse of the root, corrected by what both lack, which split products tell.
#[inline(always)]
pub(crate) fn rsqrt<F: Float>(x: F) -> F {
    let (zero, one) = (F::lit(0.0), F::lit(1.0));
    // Lifted by an even power, so that the residual is not lost among the subnormals.
    let lift = i64::from(F::MANTISSA) + 7;
    let small = x.lt(power_of_two(F::Int::lit(-F::BIAS / 2)));
    let lifted = x * F::select(small, power_of_two(F::Int::lit(2 * lift)), one);
    let root = lifted.sqrt();
    let inverse = one / root;
    let (r, i) = (Halves::split(root), Halves::split(inverse));
    let of_square = ((lifted - r.high * r.high) - (r.high + r.high) * r.low) - r.low * r.low;
    let of_one = ((one - i.high * r.high) - i.high * r.low) - i.low * root;
    let correction = of_one - (of_square * inverse) * (inverse * F::lit(0.5));
    let result = inverse + inverse * correction;
    let result = result * F::select(small, power_of_two(F::Int::lit(lift)), one);
    let result = F::select(x.eq(zero), F::infinity().copysign(x), result);
    let result = F::select(x.eq(F::infinity()), zero, result);
    F::select(x.lt(zero).or(x.is_nan()), F::nan(), result)
}

/// `sqrt(a^2 + b^2)` without overflow on the way; infinite if either is, even beside NaN.
#[inline(always)]
pub(crate) fn hypot<F: Float>(a: F, b: F) -> F {
    let (a, b) = (a.abs(), b.abs());
    let larger = F::select(a.lt(b), b, a);
    let half = F::BIAS / 2;
    let up = half + i64::from(F::MANTISSA) + 10;
    let big = larger.gt(power_of_two(F::Int::lit(half)));
    let small = larger.lt(power_of_two(F::Int::lit(30 - half)));
    let choose = |down: i64, lift: i64| {
        let power = F::Int::select(small, F::Int::lit(lift), F::Int::lit(0));
        power_of_two::<F>(F::Int::select(big, F::Int::lit(down), power))
    };
    let to = choose(-half - 2, up);
    let back = choose(half + 2, -up);
    let (x, y) = (a * to, b * to);
    let sum = Pair::product(x, x).add(Pair::product(y, y));
    let result = sum.sqrt().round() * back;
    let result = F::select(a.is_nan().or(b.is_nan()), F::nan(), result);
    F::select(a.is_infinite().or(b.is_infinite()), F::infinity(), result)
}
