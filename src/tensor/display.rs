//! Printing: what PyTorch's `str(tensor)` gives.

use std::fmt;

use crate::device::Device;
use crate::error::Result;
use crate::scalar::Scalar;
use crate::text::{self, Printed};

use super::Tensor;

impl Tensor {
    /// The elements that the printed form shows, in the order that `text` wants them.
    pub(crate) fn text_values(&self) -> Result<Vec<Scalar>> {
        let Some(kept) = text::kept(self.shape()) else { return self.scalars() };
        // One view for each corner of the summary, so that only what is shown is read.
        let mut shown = vec![Scalar::Int(0); kept.iter().map(|part| part.len()).product()];
        let mut corners = vec![(self.alias(), Vec::new())];
        for (dim, part) in kept.iter().enumerate() {
            let mut next = Vec::new();
            for (view, starts) in corners {
                let mut push = |from: usize, len: usize, at: usize| -> Result<()> {
                    let mut starts: Vec<usize> = starts.clone();
                    starts.push(at);
                    next.push((view.narrow(dim as i64, from as i64, len as i64)?, starts));
                    Ok(())
                };
                push(0, part.head, 0)?;
                if part.tail > 0 {
                    push(self.shape()[dim] - part.tail, part.tail, part.head)?;
                }
            }
            corners = next;
        }
        let sizes: Vec<usize> = kept.iter().map(|part| part.len()).collect();
        for (view, starts) in corners {
            let scalars = view.scalars()?;
            for (i, scalar) in scalars.into_iter().enumerate() {
                let (mut rest, mut place, mut weight) = (i, 0, 1);
                for dim in (0..sizes.len()).rev() {
                    place += (starts[dim] + rest % view.shape()[dim]) * weight;
                    rest /= view.shape()[dim];
                    weight *= sizes[dim];
                }
                shown[place] = scalar;
            }
        }
        Ok(shown)
    }
}

/// As PyTorch prints a tensor: `dtype=int32` where it says `torch.int32`, `device='gpu:0'` where it
/// says `cuda:0`. A read point; a tensor whose evaluation failed prints the error instead.
impl fmt::Display for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let device = (self.device() != Device::Cpu).then(|| self.device().to_string());
        match self.text_values() {
            Ok(values) => f.write_str(&text::tensor(&Printed {
                shape: self.shape(),
                dtype: self.dtype(),
                device: device.as_deref(),
                values: &values,
            })),
            Err(error) => {
                write!(f, "tensor(<error: {error}>, size={}, dtype={})", self.size(), self.dtype())
            }
        }
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
