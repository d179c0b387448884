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

use super::algebra::{Float, Int};
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
    (high, a.mul(b))
}

/// The upper word of `(high, low) << count`, for a count below the width.
#[inline(always)]
fn shift_in<I: Int>(high: I, low: I, count: I) -> I {
    // A shift by the whole width is none, so the lower word moves in two steps.
    let back = I::lit(i64::from(I::BITS) - 1).sub(count);
    high.shl(count).or(low.shr_logical(I::lit(1)).shr_logical(back))
}

/// Reduces a magnitude; of infinities and NaN, some finite number.
#[inline(always)]
pub(super) fn reduce<F: Float>(magnitude: F) -> Remainder<F> {
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
    let start = F::Int::select(start.lt(lit(0)), lit(0), start);
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
    let rest = Pair::select(negative, rest.neg(), rest);

    // Below π/4 the number is its own rest.
    let small = magnitude.lt(F::lit(core::f64::consts::FRAC_PI_4));
    Remainder {
        quadrant: F::Int::select(small, lit(0), quadrant.and(lit(3))),
        rest: Pair::select(small, Pair::new(magnitude), rest),
    }
}
