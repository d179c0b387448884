//! Reductions and running sums: what one means to the library, and in the naive model.
//!
//! The model knows integers, extremes and truth, and float sums that are exact in any order. The others
//! are unknown to it: for them it is the runs that must agree with each other.

use taut::{DType, Result, Tensor, dims};

use super::model::Number::{self, Float, Int, Unknown};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fold {
    Sum,
    Prod,
    AMax,
    AMin,
    Any,
    All,
    ArgMax,
    CumSum,
}

impl Fold {
    /// The dtype of the result.
    pub(crate) fn dtype(self, of: DType) -> DType {
        match self {
            Self::Sum | Self::Prod | Self::CumSum if of.is_floating_point() => of,
            Self::Sum | Self::Prod | Self::CumSum | Self::ArgMax => DType::I64,
            Self::AMax | Self::AMin => of,
            Self::Any | Self::All if of == DType::U8 => DType::U8,
            Self::Any | Self::All => DType::Bool,
        }
    }

    /// Which of the chosen dims it works on; all of them where none is.
    pub(crate) fn dims(self, chosen: [bool; 3], rank: usize) -> Vec<usize> {
        let mut dims: Vec<usize> =
            (0..rank).filter(|&dim| chosen.get(dim).is_some_and(|&chosen| chosen)).collect();
        match self {
            Self::ArgMax => dims.truncate(1),
            Self::CumSum if dims.is_empty() => dims.push(0),
            Self::CumSum => dims.truncate(1),
            _ => {}
        }
        dims
    }

    /// The reduction by the library.
    pub(crate) fn of(self, x: &Tensor, over: &[usize], keepdim: bool) -> Result<Tensor> {
        let signed: Vec<i64> = over.iter().map(|&dim| dim as i64).collect();
        let over = if keepdim { dims(&signed[..]).keepdim() } else { dims(&signed[..]) };
        match self {
            Self::Sum => x.sum(over),
            Self::Prod => x.prod(over),
            Self::AMax => x.amax(over),
            Self::AMin => x.amin(over),
            Self::Any => x.any(over),
            Self::All => x.all(over),
            Self::ArgMax => x.argmax(over),
            Self::CumSum => x.cumsum(signed[0]),
        }
    }

    /// The reduction in the model: the shape and the elements of the result.
    pub(crate) fn naive(
        self,
        dtype: DType,
        shape: &[usize],
        values: &[Number],
        over: &[usize],
        keepdim: bool,
    ) -> (Vec<usize>, Vec<Number>) {
        let folded = |dim: usize| over.is_empty() || over.contains(&dim);
        let kept: Vec<usize> =
            shape.iter().enumerate().map(|(d, &size)| if folded(d) { 1 } else { size }).collect();
        // The elements of each result, in row-major order, with their own places.
        let mut groups = vec![Vec::new(); kept.iter().product()];
        for (at, &value) in values.iter().enumerate() {
            let (mut rest, mut group, mut stride) = (at, 0, 1);
            for (dim, &size) in shape.iter().enumerate().rev() {
                if !folded(dim) {
                    group += rest % size * stride;
                    stride *= size;
                }
                rest /= size;
            }
            groups[group].push((at, value));
        }
        if self == Self::CumSum {
            let mut sums = values.to_vec();
            for group in groups {
                let mut line = Vec::new();
                for (at, value) in group {
                    line.push(value);
                    sums[at] = Self::Sum.folded(dtype, &line);
                }
            }
            return (shape.to_vec(), sums);
        }
        let result = groups.into_iter().map(|group| {
            let line: Vec<Number> = group.into_iter().map(|(_, value)| value).collect();
            self.folded(dtype, &line)
        });
        let result = result.collect();
        let dropped = (0..shape.len()).filter(|&dim| !folded(dim)).map(|dim| shape[dim]).collect();
        (if keepdim { kept } else { dropped }, result)
    }

    fn folded(self, dtype: DType, line: &[Number]) -> Number {
        if line.iter().any(|value| matches!(value, Unknown)) {
            return Unknown;
        }
        match self {
            Self::Any => Int(line.iter().any(truth).into()),
            Self::All => Int(line.iter().all(truth).into()),
            Self::ArgMax => Int(position(line)),
            _ if dtype.is_floating_point() => self.floats(dtype, line),
            Self::AMax => Int(integers(line).max().unwrap_or(0)),
            Self::AMin => Int(integers(line).min().unwrap_or(0)),
            Self::Prod => Int(integers(line).fold(1, i64::wrapping_mul)),
            Self::Sum | Self::CumSum => Int(integers(line).fold(0, i64::wrapping_add)),
        }
    }

    fn floats(self, dtype: DType, line: &[Number]) -> Number {
        let values = || line.iter().map(float);
        let result = match self {
            Self::AMax | Self::AMin if values().any(f64::is_nan) => return Float(f64::NAN),
            Self::AMax => values().fold(f64::NEG_INFINITY, f64::max),
            Self::AMin => values().fold(f64::INFINITY, f64::min),
            Self::Sum => {
                // Sums of quarters below this have no bit to round, whatever the order.
                let limit = match dtype {
                    DType::BF16 => 64.0,
                    DType::F16 => 512.0,
                    _ => 4_194_304.0,
                };
                let exact = values().all(|v| (v * 4.0).fract() == 0.0);
                if !exact || values().map(f64::abs).sum::<f64>() >= limit {
                    return Unknown;
                }
                values().sum()
            }
            _ => return Unknown,
        };
        // The sign of a zero is a matter of order.
        if result == 0.0 { Unknown } else { Float(result) }
    }
}

fn integers(line: &[Number]) -> impl Iterator<Item = i64> {
    line.iter().map(|value| match *value {
        Int(v) => v,
        Float(_) | Unknown => unreachable!("an integer dtype"),
    })
}

fn float(value: &Number) -> f64 {
    match *value {
        Float(v) => v,
        Int(_) | Unknown => unreachable!("a float dtype"),
    }
}

fn truth(value: &Number) -> bool {
    match *value {
        Int(v) => v != 0,
        Float(v) => v != 0.0,
        Unknown => unreachable!("asked for before"),
    }
}

/// Where the first of the largest is; NaN is the largest.
fn position(line: &[Number]) -> i64 {
    let larger = |a: Number, b: Number| match (a, b) {
        (Int(a), Int(b)) => a > b,
        (Float(a), Float(b)) => a > b || (a.is_nan() && !b.is_nan()),
        _ => unreachable!("one dtype"),
    };
    let mut best = 0;
    for (k, &value) in line.iter().enumerate() {
        if larger(value, line[best]) {
            best = k;
        }
    }
    best as i64
}
