//! Unsigned views of integers, as random numbers need them.

use super::algebra::Int;

#[inline(always)]
pub(crate) fn shift_right_logical<I: Int>(a: I, count: I) -> I {
    a.shr_logical(count)
}

/// The upper half of the product of two unsigned numbers, from products of their halves.
#[inline(always)]
pub(crate) fn mul_high<I: Int>(a: I, b: I) -> I {
    let half = I::lit(i64::from(I::BITS) / 2);
    let low = I::lit(1).shl(half).sub(I::lit(1));
    let (a_low, a_high) = (a.and(low), a.shr_logical(half));
    let (b_low, b_high) = (b.and(low), b.shr_logical(half));
    let carry = a_low.mul(b_low).shr_logical(half);
    let middle = a_high.mul(b_low).add(carry);
    let other = a_low.mul(b_high).add(middle.and(low));
    a_high.mul(b_high).add(middle.shr_logical(half)).add(other.shr_logical(half))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mul_high_of_32_bits_is_the_upper_half() {
        for (a, b) in [(u32::MAX, u32::MAX), (1 << 31, 6), (0xDEAD_BEEF, 0x1234_5678), (3, 5)] {
            let expected = (u64::from(a) * u64::from(b)) >> 32;
            assert_eq!(mul_high(a as i32, b as i32) as u32, expected as u32);
        }
    }
}
