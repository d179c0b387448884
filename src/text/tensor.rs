//! PyTorch's `str(tensor)`: precision 4, 80 columns.

use super::nest::Nest;
use super::{Printed, exponent_text, non_finite};
use crate::dtype::{Category, DType};
use crate::scalar::Scalar;

const LINE: usize = 80;
const PREFIX: &str = "tensor(";

/// The tensor as PyTorch prints it; dtypes carry no `torch.`.
pub(crate) fn tensor(view: &Printed<'_>) -> String {
    let mut text = String::from(PREFIX);
    let empty = view.len() == 0;
    if empty {
        text.push_str("[]");
    } else {
        text.push_str(&contents(view));
    }
    add_suffixes(&mut text, &suffixes(view, empty));
    text.push(')');
    text
}

fn contents(view: &Printed<'_>) -> String {
    let (mut cells, width) = cells(view.dtype, view.values);
    for cell in &mut cells {
        *cell = format!("{cell:>width$}");
    }
    let lines = |row: &[&str], indent: usize| {
        let count = (LINE.saturating_sub(indent) / (width + 2)).max(1);
        row.chunks(count).map(|line| line.join(", ")).collect()
    };
    // The gap counts as a cell of its own in a line, however wide the cells are.
    let nest = Nest { indent: PREFIX.len(), separator: ",", gap: " ...", lines: &lines };
    nest.text(view, &cells)
}

/// The unpadded elements and the width that lines are cut by.
fn cells(dtype: DType, values: &[Scalar]) -> (Vec<String>, usize) {
    let texts: Vec<String> = match dtype.category() {
        Category::Bool => {
            values.iter().map(|v| if v.to_bool() { "True" } else { "False" }.to_owned()).collect()
        }
        Category::Int => values.iter().map(|v| v.to_i64().to_string()).collect(),
        Category::Float => {
            let notation = Notation::of(values);
            values.iter().map(|v| notation.text(v.to_f64())).collect()
        }
    };
    // Zeros, infinities and NaN do not widen the column, so they may stand out of it.
    let counts = |value: &Scalar| {
        !dtype.is_floating_point() || (value.to_f64().is_finite() && value.to_bool())
    };
    let width = texts.iter().zip(values).filter(|(_, v)| counts(v)).map(|(text, _)| text.len());
    let width = width.max().unwrap_or(1);
    (texts, width)
}

/// How all floats of a tensor are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notation {
    /// `2.`: every finite element is an integer.
    Integer,
    /// `2.0000`.
    Fixed,
    /// `2.0000e+00`.
    Scientific,
}

impl Notation {
    fn of(values: &[Scalar]) -> Self {
        let significant =
            || values.iter().map(|v| v.to_f64()).filter(|v| v.is_finite() && *v != 0.0);
        let (min, max) = significant()
            .fold((f64::INFINITY, 0.0_f64), |(min, max), v| (min.min(v.abs()), max.max(v.abs())));
        // With nothing significant the quotient is 0 and no bound is passed.
        if max / min > 1000.0 || max > 1e8 || min < 1e-4 {
            Self::Scientific
        } else if significant().all(|v| v.fract() == 0.0) {
            Self::Integer
        } else {
            Self::Fixed
        }
    }

    fn text(self, value: f64) -> String {
        if !value.is_finite() {
            return non_finite(value).to_owned();
        }
        match self {
            Self::Integer => format!("{value:.0}."),
            Self::Fixed => format!("{value:.4}"),
            Self::Scientific => scientific(value),
        }
    }
}

/// Python's `{:.4e}` of a finite number.
fn scientific(value: f64) -> String {
    let text = format!("{value:.4e}");
    match text.split_once('e').map(|(digits, exponent)| (digits, exponent.parse())) {
        Some((digits, Ok(exponent))) => format!("{digits}{}", exponent_text(exponent, 2)),
        _ => unreachable!("Rust writes an exponent where it is asked to"),
    }
}

/// What follows the elements, each with the columns that PyTorch counts for it.
fn suffixes(view: &Printed<'_>, empty: bool) -> Vec<(String, usize)> {
    let mut suffixes = Vec::new();
    let mut push = |suffix: String, unsaid: usize| {
        let columns = suffix.len() + unsaid;
        suffixes.push((suffix, columns));
    };
    if let Some(device) = view.device {
        push(format!("device='{device}'"), 0);
    }
    if empty && view.shape.len() != 1 {
        let sizes: Vec<String> = view.shape.iter().map(usize::to_string).collect();
        push(format!("size=({})", sizes.join(", ")), 0);
    }
    // Elements show whether they are int64 or bool; without any, only the default goes unsaid.
    let plain =
        view.dtype == DType::DEFAULT || (!empty && matches!(view.dtype, DType::I64 | DType::Bool));
    if !plain {
        // Lines break where PyTorch's do, which have room for the prefix too.
        push(format!("dtype={}", view.dtype), "torch.".len());
    }
    suffixes
}

/// Appends each suffix, on a line of its own where the current one has no room for it.
fn add_suffixes(text: &mut String, suffixes: &[(String, usize)]) {
    // PyTorch counts two columns more than the elements' last line has.
    let mut column = text.len() - text.rfind('\n').map_or(0, |newline| newline + 1) + 2;
    for (suffix, columns) in suffixes {
        if column + columns + 2 > LINE {
            text.push_str(",\n");
            text.push_str(&" ".repeat(PREFIX.len()));
            column = PREFIX.len() + columns;
        } else {
            text.push_str(", ");
            column += columns + 2;
        }
        text.push_str(suffix);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(shape: &[usize], dtype: DType, device: Option<&str>, values: &[f64]) -> String {
        let values: Vec<Scalar> = values.iter().map(|&v| Scalar::Float(v)).collect();
        tensor(&Printed { shape, dtype, device, values: &values })
    }

    #[test]
    fn tensor_on_a_gpu_names_its_device_before_its_dtype() {
        let gpu = Some("gpu:0");
        assert_eq!(
            print(&[2], DType::F32, gpu, &[1.0, 2.5]),
            "tensor([1.0000, 2.5000], device='gpu:0')"
        );
        assert_eq!(
            print(&[], DType::F64, gpu, &[2.0]),
            "tensor(2., device='gpu:0', dtype=float64)"
        );
        assert_eq!(
            print(&[0, 3], DType::Bool, gpu, &[]),
            "tensor([], device='gpu:0', size=(0, 3), dtype=bool)"
        );
    }

    #[test]
    fn tensor_without_room_for_a_suffix_breaks_the_line() {
        // The elements take 77 columns.
        let text = print(&[10], DType::F32, Some("gpu:0"), &[1234.0; 10]);
        let (elements, suffix) = text.split_once('\n').unwrap();
        assert!(elements.ends_with("1234.],"), "{text}");
        assert_eq!(suffix, "       device='gpu:0')");
    }

    #[test]
    fn tensor_of_nothing_significant_prints_integers() {
        let nan = [0.0, f64::NAN, -0.0, f64::NEG_INFINITY];
        assert_eq!(print(&[4], DType::F32, None, &nan), "tensor([0., nan, -0., -inf])");
    }
}
