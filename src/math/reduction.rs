//! The remainder of any finite number by π/2, with many bits.
//!
//! Source: M. Payne and R. Hanek, "Radian reduction for trigonometric functions" (1983). Of the binary
//! expansion of 2/π only a window of three words matters: bits above it give multiples of 4 quadrants,
//! bits below are beyond the precision. The product with the significand is taken in integers modulo
//! the window, so that nothing is lost to cancellation.
//!
//! The closest that a float32 comes to a multiple of π/2 leaves 2^-30 of a quadrant, a float64 2^-62
//! (J.-M. Muller, "Elementary Functions", table of worst cases), where the window still has 40 and 73
//! bits below.
//!
//! That is long where integers are slow. What is near zero is reduced by a `π/2` in parts so short that their
//! multiples are exact but for the last (W. J. Cody and W. Waite, "Software Manual for the Elementary
//! Functions", 1980).

use super::algebra::{Float, Int};
use super::exp::nearest;
use super::pair::{Pair, power_of_two};

/// The bits of 2/π after a word of zeros, for float32.
const WORDS_32: [u32; 8] = [
    0x0000_0000,
    0xa2f9_836e,
    0x4e44_1529,
    0xfc27_57d1,
    0xf534_ddc0,
    0xdb62_9599,
    0x3c43_9041,
    0xfe51_63ab,
];

/// The same for float64.
const WORDS_64: [u64; 20] = [
    0x0000_0000_0000_0000,
    0xa2f9_836e_4e44_1529,
    0xfc27_57d1_f534_ddc0,
    0xdb62_9599_3c43_9041,
    0xfe51_63ab_debb_c561,
    0xb724_6e3a_424d_d2e0,
    0x0649_2eea_09d1_921c,
    0xfe1d_eb1c_b129_a73e,
    0xe882_35f5_2ebb_4484,
    0xe99c_7026_b45f_7e41,
    0x3991_d639_8353_39f4,
    0x9c84_5f8b_bdf9_283b,
    0x1ff8_97ff_de05_980f,
    0xef2f_118b_5a0a_6d1f,
    0x6d36_7ecf_27cb_09b7,
    0x4f46_3f66_9e5f_ea2d,
    0x7527_bac7_ebe5_f17b,
    0x3d07_39f7_8a52_92ea,
    0x6bfb_5fb1_1f8d_5d08,
    0x5603_3046_fc7b_6bab,
];

/// π/2 and what its nearest f64 lacks.
const FRAC_PI_2: (f64, f64) = (core::f64::consts::FRAC_PI_2, 6.123_233_995_736_766e-17);

/// `π/2` in parts of 16 bits and a last one, for float32.
const PARTS_32: [f64; 4] =
    [1.570770263671875, 2.6063062250614166e-05, 6.077094383272197e-11, 6.123233995736766e-17];

/// The same in parts of 41 bits, for float64.
const PARTS_64: [f64; 3] = [1.5707963267941523, 7.443547480484391e-13, 2.232414100745812e-25];

/// Below it a number has fewer quadrants than the parts leave room for: `2^8` of float32, `2^12` of float64.
#[inline(always)]
fn limit<F: Float>() -> F {
    F::lit(if F::MANTISSA < 52 { 256.0 } else { 4096.0 })
}

/// Whether the number is one that [`Near`](super::fmod::Near) angles may be. Of what is not finite no angle is
/// taken.
#[inline(always)]
pub(crate) fn is_near<F: Float<Mask = bool>>(x: F) -> bool {
    x.abs().lt(limit()) | !x.is_finite()
}

/// `x = quadrant * π/2 + rest`, `|rest| <= π/4`, the quadrant modulo 4.
#[derive(Clone, Copy)]
pub(super) struct Remainder<F: Float> {
    pub(super) quadrant: F::Int,
    pub(super) rest: Pair<F>,
}

/// Word `index` of the expansion, by selects: an index into memory would not vectorise.
#[inline(always)]
fn word<I: Int>(index: I, offset: i64) -> I {
    let len = if I::BITS == 32 { WORDS_32.len() } else { WORDS_64.len() };
    let mut chosen = I::lit(0);
    for position in 0..len {
        let bits = if I::BITS == 32 {
            i64::from(WORDS_32[position] as i32)
        } else {
            WORDS_64[position] as i64
        };
        let here = index.eq(I::lit(position as i64 - offset));
        chosen = I::select(here, I::lit(bits), chosen);
    }
    chosen
}

/// Both words of the unsigned product.
#[inline(always)]
fn wide_product<I: Int>(a: I, b: I) -> (I, I) {
    let half = I::lit(i64::from(I::BITS) / 2);
    let mask = I::lit((1i64 << (I::BITS / 2)) - 1);
    let (a_high, a_low) = (a.shr_logical(half), a.and(mask));
    let (b_high, b_low) = (b.shr_logical(half), b.and(mask));
    let low = a_low.mul(b_low);
    let first = a_high.mul(b_low).add(low.shr_logical(half));
    let second = a_low.mul(b_high).add(first.and(mask));
    let high = a_high.mul(b_high).add(first.shr_logical(half)).add(second.shr_logical(half));
    (high, second.shl(half).or(low.and(mask)))
}

/// The upper word of `(high, low) << count`, for a count below the width.
#[inline(always)]
fn shift_in<I: Int>(high: I, low: I, count: I) -> I {
    // A shift by the whole width is none, so the lower word moves in two steps.
    let back = I::lit(i64::from(I::BITS) - 1).sub(count);
    high.shl(count).or(low.shr_logical(I::lit(1)).shr_logical(back))
}

/// Reduces a magnitude; of infinities and NaN, some number.
#[inline(always)]
pub(super) fn reduce<F: Float>(magnitude: F) -> Remainder<F> {
    let near = reduce_near(magnitude);
    if F::IS_NEAR {
        return near;
    }
    let far = reduce_far(magnitude);
    let is_near = magnitude.lt(limit());
    Remainder {
        quadrant: F::Int::select(is_near, near.quadrant, far.quadrant),
        rest: Pair::select(is_near, near.rest, far.rest),
    }
}

/// Of a number below the [limit]; of others, something. What the last part loses is below `2^-30` of the rest
/// in float32, `2^-60` in float64, even where that is least.
#[inline(always)]
fn reduce_near<F: Float>(magnitude: F) -> Remainder<F> {
    let (count, quadrant) = nearest(magnitude * F::lit(core::f64::consts::FRAC_2_PI));
    let multiple = |part: f64| count * F::lit(part);
    let less = |rest: F, part: f64| Pair::sum(rest, -multiple(part));
    let rest = if F::MANTISSA < 52 {
        let [first, second, third, last] = PARTS_32;
        let upper = less(magnitude - multiple(first), second);
        let lower = less(upper.high, third);
        Pair::ordered_sum(lower.high, (upper.low + lower.low) - multiple(last))
    } else {
        let [first, second, last] = PARTS_64;
        let upper = less(magnitude - multiple(first), second);
        Pair::ordered_sum(upper.high, upper.low - multiple(last))
    };
    Remainder { quadrant: quadrant.and(F::Int::lit(3)), rest }
}

/// Of a number from the [limit] on, by a window of `2/π`; of others, something.
#[inline(always)]
fn reduce_far<F: Float>(magnitude: F) -> Remainder<F> {
    let lit = |value: i64| F::Int::lit(value);
    let width = i64::from(F::Int::BITS);
    let mantissa = i64::from(F::MANTISSA);
    let precision = mantissa + 1;

    let bits = magnitude.to_bits();
    let implied = lit(1).shl(lit(mantissa));
    let significand = bits.and(implied.sub(lit(1))).or(implied);
    // magnitude = significand * 2^exponent. The window begins with the bit of 2/π that gives 2^1.
    let exponent = bits.shr_logical(lit(mantissa)).sub(lit(F::BIAS + mantissa));
    let start = exponent.add(lit(width - 2));
    // Of a power of two: the division and its rest.
    let (index, count) = (start.shr(lit(i64::from(width.ilog2()))), start.and(lit(width - 1)));
    let words = [word(index, 0), word(index, 1), word(index, 2), word(index, 3)];
    let high = shift_in(words[0], words[1], count);
    let middle = shift_in(words[1], words[2], count);
    let low = shift_in(words[2], words[3], count);

    // The product modulo three words: quadrants in the top two bits, their fraction below.
    let (low_carry, low) = wide_product(significand, low);
    let (middle_carry, middle) = wide_product(significand, middle);
    let middle = middle.add(low_carry);
    let carry = F::Int::from_mask(middle.lt_unsigned(low_carry));
    let high = significand.mul(high).add(middle_carry).add(carry);

    let two = lit(2);
    let fraction_high = shift_in(high, middle, two);
    let fraction_middle = shift_in(middle, low, two);
    let fraction_low = low.shl(two);
    // To the nearest quadrant: a fraction of a half or more is one quadrant less a rest.
    let negative = fraction_high.lt(lit(0));
    let quadrant = high.shr_logical(lit(width - 2)).add(F::Int::from_mask(negative));
    // The complement is the negative, but for a unit in the last place of three words.
    let flip = F::Int::select(negative, lit(-1), lit(0));
    let high = fraction_high.xor(flip);
    let middle = fraction_middle.xor(flip);
    let low = fraction_low.xor(flip);

    // Three exact floats of `precision` bits each.
    let spare = lit(width - precision);
    let first = high.shr_logical(spare);
    let second = shift_in(high, middle, lit(precision)).shr_logical(spare);
    let kept = 2 * precision - width;
    let third = shift_in(middle, low, lit(kept)).shr_logical(spare);
    let part = |bits: F::Int, place: i64| F::from_int(bits) * power_of_two(lit(-place));
    let first = part(first, precision);
    let second = part(second, 2 * precision);
    let third = part(third, 3 * precision);
    let sum = Pair::sum(first, second);
    let fraction = Pair::ordered_sum(sum.high, sum.low + third);
    let rest = fraction.mul(Pair::lit(FRAC_PI_2.0, FRAC_PI_2.1));
    Remainder { quadrant: quadrant.and(lit(3)), rest: Pair::select(negative, rest.neg(), rest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares both ways for the magnitudes; returns how many rests were small.
    fn compare<F: Float<Mask = bool> + Into<f64>>(magnitudes: &[F], most: f64) -> usize
    where
        F::Int: PartialEq + std::fmt::Debug,
    {
        let mut small = 0;
        // From where the window begins, which is below the limit.
        let of_both = |magnitude: &&F| magnitude.ge(F::lit(0.01)) && magnitude.lt(limit());
        for &magnitude in magnitudes.iter().filter(of_both) {
            let (near, far) = (reduce_near(magnitude), reduce_far(magnitude));
            let x: f64 = magnitude.into();
            assert_eq!(near.quadrant, far.quadrant, "of {x:e}");
            let difference: f64 =
                ((near.rest.high - far.rest.high) + (near.rest.low - far.rest.low)).into();
            let rest: f64 = far.rest.high.into();
            assert!(difference.abs() <= rest.abs() * most, "{difference:e} of {rest:e}, of {x:e}");
            small += usize::from(rest.abs() < 1e-5);
        }
        small
    }

    #[test]
    fn near_numbers_have_the_rests_of_all() {
        let mut bits = 1_u64;
        let mut doubles = Vec::new();
        for quadrants in 0..2700 {
            // Next to a multiple of π/2, where hardly anything is left, and somewhere between two.
            let at = f64::from(quadrants) * FRAC_PI_2.0;
            bits = bits.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let between = at + ((bits >> 11) as f64 / (1_u64 << 53) as f64 - 0.5) * 1.57;
            doubles.extend([at, at.next_up(), at.next_up().next_up(), between.abs()]);
        }
        let singles: Vec<f32> =
            doubles.iter().map(|&x| x as f32).flat_map(|x| [x, x.next_up()]).collect();
        let small = [compare(&singles, 2f64.powi(-30)), compare(&doubles, 2f64.powi(-60))];
        assert!(small[0] > 50 && small[1] > 5000, "{small:?}");
    }
}
