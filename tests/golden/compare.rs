//! When two results are the same.
//!
//! Owns [`Tolerance`] and [`compare`], as `README.md` defines them. Bits in, a sentence out.

use taut::{DType, Scalar};

use crate::case::Nested;
use crate::host::{Host, float_value};

/// How far the floats of a result may lie from the expected ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Tolerance {
    /// Same bits; any NaN matches any NaN.
    Exact,
    /// At most so many representable numbers apart; the zeros are one number.
    Ulp(u64),
    /// `abs(actual - expected) <= atol + rtol * abs(expected)` in float64.
    Close { rtol: f64, atol: f64 },
}

/// Says how `actual` differs from `expected`, if it does.
pub(crate) fn compare(actual: &Host, expected: &Host, tolerance: Tolerance) -> Result<(), String> {
    if actual.dtype != expected.dtype {
        return Err(format!("dtype {}, expected {}", actual.dtype, expected.dtype));
    }
    if actual.shape != expected.shape {
        return Err(format!("shape {:?}, expected {:?}", actual.shape, expected.shape));
    }
    let pairs = || actual.bits.iter().zip(&expected.bits).enumerate();
    let differs = |&(_, (&a, &e)): &(usize, (&u64, &u64))| !matches(actual.dtype, a, e, tolerance);
    let Some((first, (&got, &want))) = pairs().find(differs) else { return Ok(()) };
    let mut message = format!(
        "{} of {} elements differ, the first at {:?}: {}, expected {}",
        pairs().filter(differs).count(),
        actual.bits.len(),
        position(first, &actual.shape),
        actual.show(first),
        expected.show(first),
    );
    if let Some(distance) = ulp_distance(actual.dtype, got, want) {
        message += &format!(", {distance} ULP");
    }
    Err(message)
}

fn matches(dtype: DType, actual: u64, expected: u64, tolerance: Tolerance) -> bool {
    if actual == expected {
        return true;
    }
    if !dtype.is_floating_point() {
        return false;
    }
    let (a, e) = (float_value(dtype, actual), float_value(dtype, expected));
    if a.is_nan() || e.is_nan() {
        return a.is_nan() && e.is_nan();
    }
    if a.is_infinite() || e.is_infinite() {
        return a == e;
    }
    match tolerance {
        Tolerance::Exact => false,
        Tolerance::Ulp(limit) => ulp_distance(dtype, actual, expected).is_some_and(|d| d <= limit),
        Tolerance::Close { rtol, atol } => (a - e).abs() <= atol + rtol * e.abs(),
    }
}

/// How many steps from one representable number to the next lie between two floats, the zeros being
/// one number. `None` for NaN and for other dtypes.
pub(crate) fn ulp_distance(dtype: DType, a: u64, b: u64) -> Option<u64> {
    if !dtype.is_floating_point()
        || float_value(dtype, a).is_nan()
        || float_value(dtype, b).is_nan()
    {
        return None;
    }
    // Sign and magnitude: floats of one sign are ordered as their bits are.
    let sign = 1_u64 << (8 * dtype.size() - 1);
    let magnitude = |bits: u64| bits & (sign - 1);
    let same_sign = (a ^ b) & sign == 0;
    Some(match same_sign {
        true => magnitude(a).abs_diff(magnitude(b)),
        false => magnitude(a) + magnitude(b),
    })
}

/// The index of an element in row-major order.
fn position(mut linear: usize, shape: &[usize]) -> Vec<usize> {
    let mut index: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&size| {
            let here = linear % size;
            linear /= size;
            here
        })
        .collect();
    index.reverse();
    index
}

/// Says how nested lists differ, if they do: types and bits count, NaN payloads do not.
pub(crate) fn compare_nested(actual: &Nested, expected: &Nested) -> Result<(), String> {
    if same_nested(actual, expected) {
        return Ok(());
    }
    Err(format!("{}, expected {}", shorten(&actual.to_string()), shorten(&expected.to_string())))
}

fn same_nested(actual: &Nested, expected: &Nested) -> bool {
    match (actual, expected) {
        (Nested::List(a), Nested::List(e)) => {
            a.len() == e.len() && a.iter().zip(e).all(|(a, e)| same_nested(a, e))
        }
        (Nested::Scalar(Scalar::Float(a)), Nested::Scalar(Scalar::Float(e))) => {
            a.to_bits() == e.to_bits() || a.is_nan() && e.is_nan()
        }
        (Nested::Scalar(a), Nested::Scalar(e)) => a == e,
        _ => false,
    }
}

/// The printed form of a tensor, freed of what depends on where it lives.
///
/// A GPU's tensors print `device='gpu:0'` among the suffixes, and the suffixes wrap by their length:
/// everything up to the last bracket is compared as it stands, the suffixes word by word.
pub(crate) fn compare_text(actual: &str, expected: &str, on_gpu: bool) -> Result<(), String> {
    let same = match on_gpu {
        false => actual == expected,
        true => text_parts(&without_device(actual)) == text_parts(expected),
    };
    match same {
        true => Ok(()),
        false => Err(format!("printed {}, expected {}", quote(actual), quote(expected))),
    }
}

fn without_device(text: &str) -> String {
    let Some(start) = text.rfind(", device='").or_else(|| text.rfind(",\n       device='")) else {
        return text.to_owned();
    };
    let name = start + text[start..].find('\'').unwrap_or(0) + 1;
    let end = text[name..].find('\'').map_or(text.len(), |length| name + length + 1);
    format!("{}{}", &text[..start], &text[end..])
}

fn text_parts(text: &str) -> (&str, String) {
    // A size suffix has brackets of its own.
    let suffixes = text.find("size=").unwrap_or(text.len());
    let body = text[..suffixes].rfind(']').map_or(0, |at| at + 1);
    (&text[..body], text[body..].split_whitespace().collect::<Vec<_>>().join(" "))
}

fn quote(text: &str) -> String {
    shorten(&format!("{text:?}"))
}

/// At most some 300 characters, the rest from the middle left out.
fn shorten(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= 300 {
        return text.to_owned();
    }
    let (head, tail) = (&chars[..200], &chars[chars.len() - 80..]);
    format!("{} … {}", head.iter().collect::<String>(), tail.iter().collect::<String>())
}
