//! NumPy's `str(array)`: precision 8, 75 columns. Written for NumPy 2.4.
//!
//! bfloat16, which NumPy lacks, prints under float32's rules in as few digits as bfloat16 needs.

use super::decimal::{Decimal, narrow};
use super::nest::Nest;
use super::{Printed, non_finite};
use crate::dtype::{Category, DType};
use crate::scalar::Scalar;

const LINE: usize = 75;
/// Most digits behind the point.
const PRECISION: usize = 8;

/// The array as NumPy prints it; its device plays no part.
pub(crate) fn host_array(view: &Printed<'_>) -> String {
    match view.values {
        [value] if view.shape.is_empty() => alone(*value, view.dtype),
        [] => "[]".to_owned(),
        values => {
            let nest = Nest { indent: 0, separator: "", gap: "...", lines: &fill };
            nest.text(view, &cells(view.dtype, values))
        }
    }
}

/// Words into lines no wider than the form allows; a line holds at least one.
fn fill(row: &[&str], indent: usize) -> Vec<String> {
    let start = indent + 1;
    // One column for each bracket that may close behind the words.
    let limit = LINE.saturating_sub(start);
    let mut lines = vec![String::new()];
    for word in row {
        let Some(line) = lines.last_mut() else { unreachable!("there is a first line") };
        if line.is_empty() {
            line.push_str(word);
        } else if start + line.len() + 1 + word.len() > limit {
            // Padding at the end of a line goes, but for that of the last line.
            line.truncate(line.trim_end().len());
            lines.push((*word).to_owned());
        } else {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines
}

fn cells(dtype: DType, values: &[Scalar]) -> Vec<String> {
    match dtype.category() {
        Category::Bool => {
            values.iter().map(|v| if v.to_bool() { " True" } else { "False" }.to_owned()).collect()
        }
        Category::Int => {
            let texts: Vec<String> = values.iter().map(|v| v.to_i64().to_string()).collect();
            let width = texts.iter().map(String::len).max().unwrap_or(0);
            texts.iter().map(|text| format!("{text:>width$}")).collect()
        }
        Category::Float => {
            let values: Vec<f64> = values.iter().map(|v| v.to_f64()).collect();
            let column = Column::of(dtype, &values);
            values.iter().map(|&v| column.text(v)).collect()
        }
    }
}

/// A 0-d array is printed as its element, in as many digits as it needs.
fn alone(value: Scalar, dtype: DType) -> String {
    let value = match dtype.category() {
        Category::Bool => return if value.to_bool() { "True" } else { "False" }.to_owned(),
        Category::Int => return value.to_i64().to_string(),
        Category::Float => value.to_f64(),
    };
    if !value.is_finite() {
        return non_finite(value).to_owned();
    }
    let sign = sign(value);
    let decimal = Decimal::shortest(value, dtype);
    // Unlike an array's, the lower bound is not rounded to the dtype; float64's upper one is far off.
    let upper = if dtype == DType::F64 { 1e16 } else { scientific_from(dtype) };
    if value == 0.0 || (1e-4..upper).contains(&value.abs()) {
        let (integer, fraction) = decimal.positional();
        let fraction = if fraction.is_empty() { "0" } else { &fraction };
        format!("{sign}{integer}.{fraction}")
    } else {
        let (integer, fraction, exponent) = decimal.scientific(2);
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{sign}{integer}{point}{fraction}{exponent}")
    }
}

/// From here on a magnitude is written with an exponent.
fn scientific_from(dtype: DType) -> f64 {
    match dtype {
        DType::F16 => 1e3,
        DType::F64 => 1e8,
        _ => 1e6,
    }
}

fn sign(value: f64) -> &'static str {
    if value.is_sign_negative() { "-" } else { "" }
}

/// How the floats of an array are written, aligned at the point.
struct Column {
    dtype: DType,
    /// Columns before the point, sign included.
    left: usize,
    /// Columns behind it, exponent included.
    right: usize,
    /// Digits behind the point and of the exponent, where there is one.
    scientific: Option<(usize, usize)>,
}

impl Column {
    fn of(dtype: DType, values: &[f64]) -> Self {
        let finite = || values.iter().copied().filter(|v| v.is_finite());
        let mut column = if is_scientific(dtype, finite()) {
            Self::scientific(dtype, finite())
        } else {
            Self::positional(dtype, finite())
        };
        // The others are as wide as a whole cell, and may need more.
        let others = values.iter().filter(|v| !v.is_finite()).map(|&v| non_finite(v).len());
        if let Some(width) = others.max() {
            column.left = column.left.max(width.saturating_sub(column.right + 1));
        }
        column
    }

    fn positional(dtype: DType, finite: impl Iterator<Item = f64>) -> Self {
        let mut column = Self { dtype, left: 0, right: 0, scientific: None };
        for value in finite {
            let (integer, fraction) = column.shorten(value).positional();
            column.left = column.left.max(sign(value).len() + integer.len());
            column.right = column.right.max(fraction.len());
        }
        column
    }

    fn scientific(dtype: DType, finite: impl Iterator<Item = f64>) -> Self {
        let (mut left, mut precision, mut exponent_len) = (0, 0, 0);
        for value in finite {
            let shortest = Decimal::shortest(value, dtype);
            let decimal = if shortest.len() > PRECISION + 1 {
                Decimal::rounded(value, dtype, PRECISION + 1)
            } else {
                shortest
            };
            left = left.max(sign(value).len() + 1);
            precision = precision.max(decimal.len() - 1);
            exponent_len = exponent_len.max(decimal.exponent_len());
        }
        let right = precision + 2 + exponent_len;
        Self { dtype, left, right, scientific: Some((precision, exponent_len)) }
    }

    /// As few digits as identify the number, but no more than the precision behind the point.
    fn shorten(&self, value: f64) -> Decimal {
        let shortest = Decimal::shortest(value, self.dtype);
        let most = shortest.len_with_fraction(PRECISION);
        if shortest.len() > most { Decimal::rounded(value, self.dtype, most) } else { shortest }
    }

    fn text(&self, value: f64) -> String {
        if !value.is_finite() {
            return format!("{:>1$}", non_finite(value), self.left + 1 + self.right);
        }
        let (integer, behind) = match self.scientific {
            None => self.shorten(value).positional(),
            Some((precision, exponent_len)) => {
                // Every number gets all digits: its own, not zeros, where they go on.
                let decimal = Decimal::rounded(value, self.dtype, precision + 1);
                let (integer, fraction, exponent) = decimal.scientific(exponent_len);
                (integer.to_owned(), format!("{fraction:0<precision$}{exponent}"))
            }
        };
        let before = format!("{}{integer}", sign(value));
        format!("{before:>0$}.{behind:<1$}", self.left, self.right)
    }
}

/// Whether the magnitudes are too large, too small or too far apart to be written out; compared in
/// the arithmetic of the dtype.
fn is_scientific(dtype: DType, finite: impl Iterator<Item = f64>) -> bool {
    let dtype = if dtype == DType::BF16 { DType::F32 } else { dtype };
    let (mut min, mut max) = (f64::INFINITY, 0.0_f64);
    for magnitude in finite.map(f64::abs).filter(|&v| v != 0.0) {
        min = min.min(magnitude);
        max = max.max(magnitude);
    }
    max >= scientific_from(dtype) || min < narrow(1e-4, dtype) || narrow(max / min, dtype) > 1000.0
}

#[cfg(test)]
mod tests {
    use half::bf16;

    use super::*;

    fn print(shape: &[usize], dtype: DType, values: &[f64]) -> String {
        let values: Vec<Scalar> = values.iter().map(|&v| Scalar::Float(v)).collect();
        host_array(&Printed { shape, dtype, device: Some("gpu:0"), values: &values })
    }

    #[test]
    fn host_array_shares_one_column_and_names_no_device() {
        assert_eq!(print(&[5], DType::F32, &[3.0, 2.0, 2.0, 2.0, 2.0]), "[3. 2. 2. 2. 2.]");
        assert_eq!(print(&[2, 1], DType::F64, &[-0.5, 10.25]), "[[-0.5 ]\n [10.25]]");
    }

    #[test]
    fn host_array_of_bfloat16_has_its_digits_and_the_range_of_float32() {
        let tenth = bf16::from_f64(0.1).to_f64();
        let pi = bf16::PI.to_f64();
        assert_eq!(print(&[2], DType::BF16, &[tenth, pi]), "[0.1  3.14]");
        assert_eq!(print(&[], DType::BF16, &[pi]), "3.14");
        assert_eq!(print(&[2], DType::BF16, &[98816.0, 1024.0]), "[99000.  1024.]");
        assert_eq!(print(&[1], DType::BF16, &[1_048_576.0]), "[1.05e+06]");
    }

    #[test]
    fn fill_breaks_where_no_word_fits_and_trims_there() {
        let word = "1234567 ";
        let lines = fill(&[word; 9], 0);
        assert_eq!(lines, [format!("{}1234567", "1234567  ".repeat(7)), word.to_owned()]);
    }
}
