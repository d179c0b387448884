//! Floats in as few decimal digits as identify them, as NumPy's Dragon4 finds them.
//!
//! Source: G. Steele and J. White, "How to print floating-point numbers accurately", 1990, with
//! R. Juckett's handling of ties. Here the candidates come from correctly rounded formatting, and
//! parsing one back tells whether it identifies the number.

use half::{bf16, f16};

use super::exponent_text;
use crate::dtype::DType;

/// A number `d.ddd * 10^exponent`, not negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    /// At least one; no zeros at the end but in 0 itself.
    digits: String,
    exponent: i32,
}

/// The number of the dtype nearest to `value`.
pub(super) fn narrow(value: f64, dtype: DType) -> f64 {
    match dtype {
        DType::F16 => f16::from_f64(value).to_f64(),
        DType::BF16 => bf16::from_f64(value).to_f64(),
        DType::F32 => f64::from(value as f32),
        _ => value,
    }
}

impl Decimal {
    /// Fewest digits that read back as the magnitude of `value` in its dtype.
    pub(super) fn shortest(value: f64, dtype: DType) -> Self {
        const DIGITS: usize = 17; // always enough for binary64
        (1..DIGITS)
            .map(|digits| Self::rounded(value, dtype, digits))
            .find(|decimal| decimal.reads_as(value, dtype))
            .unwrap_or_else(|| Self::rounded(value, dtype, DIGITS))
    }

    /// So many digits: the nearest, ties to even, unless only the next one up reads back as `value`.
    ///
    /// That can be where `value` is a power of two, whose neighbour below is half as far away: in
    /// 16 digits 2^-44 is nearest to 5.684341886080801e-14, which is another number.
    pub(super) fn rounded(value: f64, dtype: DType, digits: usize) -> Self {
        let text = format!("{:.*e}", digits - 1, value.abs());
        let Some((significand, Ok(exponent))) =
            text.split_once('e').map(|(digits, exponent)| (digits, exponent.parse()))
        else {
            unreachable!("Rust writes an exponent where it is asked to");
        };
        let nearest = Self::new(significand.replace('.', ""), exponent);
        let power_of_two = value.to_bits().trailing_zeros() >= f64::MANTISSA_DIGITS - 1;
        if power_of_two && !nearest.reads_as(value, dtype) {
            let next = nearest.successor(digits);
            if next.reads_as(value, dtype) {
                return next;
            }
        }
        nearest
    }

    fn new(mut digits: String, exponent: i32) -> Self {
        let len = digits.trim_end_matches('0').len().max(1);
        digits.truncate(len);
        Self { digits, exponent }
    }

    /// One more in the last of `digits` digits.
    fn successor(&self, digits: usize) -> Self {
        let mut next: Vec<u8> = format!("{:0<digits$}", self.digits).into_bytes();
        let mut exponent = self.exponent;
        let nines = next.iter().rev().take_while(|&&digit| digit == b'9').count();
        let kept = next.len() - nines;
        next.truncate(kept);
        match next.last_mut() {
            Some(digit) => *digit += 1,
            None => {
                next.push(b'1');
                exponent += 1;
            }
        }
        Self::new(next.into_iter().map(char::from).collect(), exponent)
    }

    fn reads_as(&self, value: f64, dtype: DType) -> bool {
        let text = format!("{}e{}", self.digits, self.exponent - self.digits.len() as i32 + 1);
        let read = match dtype {
            DType::F32 => text.parse::<f32>().map(f64::from),
            // In two roundings, but so short a decimal is never that near to a tie without being it.
            _ => text.parse::<f64>().map(|read| narrow(read, dtype)),
        };
        read == Ok(value.abs())
    }

    /// Digits in all.
    pub(super) fn len(&self) -> usize {
        self.digits.len()
    }

    /// Digits of the exponent, two at least.
    pub(super) fn exponent_len(&self) -> usize {
        exponent_text(self.exponent, 2).len() - 2
    }

    /// So many digits that `fraction` of them stand behind the point.
    pub(super) fn len_with_fraction(&self, fraction: usize) -> usize {
        usize::try_from(self.exponent + 1 + fraction as i32).map_or(1, |len| len.max(1))
    }

    /// What stands before and behind the point; the fraction may be empty.
    pub(super) fn positional(&self) -> (String, String) {
        match usize::try_from(self.exponent) {
            Ok(exponent) => {
                let digits = format!("{:0<1$}", self.digits, exponent + 1);
                let (integer, fraction) = digits.split_at(exponent + 1);
                (integer.to_owned(), fraction.to_owned())
            }
            Err(_) => {
                let zeros = self.exponent.unsigned_abs() as usize - 1;
                ("0".to_owned(), format!("{}{}", "0".repeat(zeros), self.digits))
            }
        }
    }

    /// The digit before the point, those behind it (maybe none), and the exponent.
    pub(super) fn scientific(&self, exponent_len: usize) -> (&str, &str, String) {
        let (integer, fraction) = self.digits.split_at(1);
        (integer, fraction, exponent_text(self.exponent, exponent_len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shortest(value: f64, dtype: DType) -> String {
        let decimal = Decimal::shortest(value, dtype);
        format!("{}e{}", decimal.digits, decimal.exponent)
    }

    #[test]
    fn shortest_identifies_the_number_in_its_dtype() {
        assert_eq!(shortest(0.1, DType::F64), "1e-1");
        assert_eq!(shortest(f64::from(0.1_f32), DType::F32), "1e-1");
        assert_eq!(shortest(f16::from_f32(0.1).to_f64(), DType::F16), "1e-1");
        assert_eq!(shortest(bf16::from_f32(0.1).to_f64(), DType::BF16), "1e-1");
        assert_eq!(shortest(f64::from(f32::from_bits(1)), DType::F32), "1e-45");
        assert_eq!(shortest(f64::MAX, DType::F64), "17976931348623157e308");
        assert_eq!(shortest(0.0, DType::F64), "0e0");
    }

    #[test]
    fn shortest_of_a_tie_is_even() {
        assert_eq!(shortest(256.25, DType::F16), "2562e2");
        assert_eq!(shortest(2_097_152.25, DType::F32), "20971522e6");
    }

    #[test]
    fn shortest_of_a_power_of_two_takes_the_digit_that_reads_back() {
        assert_eq!(shortest(2.0_f64.powi(-44), DType::F64), "5684341886080802e-14");
    }

    #[test]
    fn successor_carries_into_a_new_digit() {
        let nines = Decimal::new("999".to_owned(), 4);
        assert_eq!(nines.successor(3), Decimal::new("1".to_owned(), 5));
        assert_eq!(nines.successor(4), Decimal::new("9991".to_owned(), 4));
    }

    #[test]
    fn positional_places_the_point() {
        let parts = |digits: &str, exponent| Decimal::new(digits.to_owned(), exponent).positional();
        let owned = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(parts("125", 0), owned("1", "25"));
        assert_eq!(parts("125", 4), owned("12500", ""));
        assert_eq!(parts("125", -3), owned("0", "00125"));
    }
}
