//! The printed forms: how a tensor and a host array look as text.
//!
//! Owns [`tensor()`], PyTorch's `str(tensor)`, and [`host_array()`], NumPy's `str(array)`, both under
//! default print options and to the character; and [`kept()`], which elements they look at. Pure
//! functions of shapes and scalars: nothing here knows tensors, buffers or devices.
//!
//! # Note [Summaries]
//! More than 1000 elements print as a summary: of every dimension longer than six, only the first
//! three and the last three indices. Widths and notation follow the elements that are shown, so the
//! others need not be read, nor brought from a device.

mod decimal;
mod host_array;
mod nest;
mod tensor;

#[cfg(test)]
mod golden;

pub(crate) use self::{host_array::host_array, tensor::tensor};

use crate::dtype::DType;
use crate::scalar::Scalar;

/// Elements that print in full; one more and it is a summary.
const THRESHOLD: usize = 1000;

/// Indices shown at each end of a summarised dimension.
const EDGE: usize = 3;

/// What is printed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printed<'a> {
    /// Of the whole tensor, also where it is summarised.
    pub(crate) shape: &'a [usize],
    pub(crate) dtype: DType,
    /// As PyTorch would name it; `None` on the CPU, which is not printed.
    pub(crate) device: Option<&'a str>,
    /// Row-major: the block of shape `kept(shape)`, or every element where that is `None`.
    pub(crate) values: &'a [Scalar],
}

impl Printed<'_> {
    /// Elements of the whole tensor.
    fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

/// The indices of one dimension that are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// So many from the start.
    pub(crate) head: usize,
    /// So many up to the end.
    pub(crate) tail: usize,
    /// Whether nothing is left out; then `head` is the size and `tail` is 0.
    pub(crate) whole: bool,
}

impl Kept {
    /// Indices shown.
    pub(crate) fn len(self) -> usize {
        self.head + self.tail
    }

    fn whole(size: usize) -> Self {
        Self { head: size, tail: 0, whole: true }
    }

    fn edges(size: usize) -> Self {
        if size > 2 * EDGE {
            Self { head: EDGE, tail: EDGE, whole: false }
        } else {
            Self::whole(size)
        }
    }
}

/// Per dimension, what is shown of a tensor of this shape; `None` where it prints in full.
pub(crate) fn kept(shape: &[usize]) -> Option<Vec<Kept>> {
    let len: usize = shape.iter().product();
    (len > THRESHOLD).then(|| shape.iter().map(|&size| Kept::edges(size)).collect())
}

/// Python's names of the numbers that have no digits.
fn non_finite(value: f64) -> &'static str {
    match value {
        f64::INFINITY => "inf",
        f64::NEG_INFINITY => "-inf",
        _ => "nan",
    }
}

/// The exponent as C, Python and NumPy write it: signed, with so many digits at least.
fn exponent_text(exponent: i32, digits: usize) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("e{sign}{:0digits$}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_up_to_the_threshold_is_none() {
        assert_eq!(kept(&[]), None);
        assert_eq!(kept(&[1000]), None);
        assert_eq!(kept(&[0, 5000]), None);
    }

    #[test]
    fn kept_of_a_long_tensor_is_the_edges_of_its_long_dims() {
        let edges = Kept { head: 3, tail: 3, whole: false };
        let two = Kept { head: 2, tail: 0, whole: true };
        let six = Kept { head: 6, tail: 0, whole: true };
        assert_eq!(kept(&[1001]), Some(vec![edges]));
        assert_eq!(kept(&[2, 600, 6]), Some(vec![two, edges, six]));
        assert_eq!([two, edges, six].map(Kept::len), [2, 6, 6]);
    }

    #[test]
    fn exponent_text_is_signed_and_padded() {
        assert_eq!(exponent_text(-5, 2), "e-05");
        assert_eq!(exponent_text(0, 2), "e+00");
        assert_eq!(exponent_text(123, 2), "e+123");
        assert_eq!(exponent_text(7, 3), "e+007");
    }
}
