//! Assignment where index tensors lead: `x[index] = value`.

use super::super::creation::full;
use super::super::elementwise::{check_fits, check_internal_overlap, mixed_devices};
use super::super::gather::{Indices, Selection};
use super::super::{Arg, Tensor};
use super::{Scattering, addresses};
use crate::error::{Error, Result};

impl Selection {
    /// Writes a number or a tensor, broadcast and cast, to what an expression with index tensors names.
    /// Where indices repeat, the last one in row-major order stays. An index out of range writes nothing.
    ///
    /// # Errors
    /// `Overlap` when elements of the target share memory, `Value` for a number that the dtype cannot
    /// hold, `Shape` for a tensor that does not broadcast, `Device` for one that is elsewhere.
    #[track_caller]
    pub(crate) fn write(&self, name: &'static str, value: Arg<'_>) -> Result<()> {
        let target = &self.view;
        check_internal_overlap(target)?;
        let source = match value {
            Arg::Scalar(scalar) => {
                check_fits(scalar, target.dtype())?;
                full((), scalar, (target.dtype(), target.device()))?
            }
            Arg::Tensor(source) => {
                if source.dim() > 0 && source.device() != target.device() {
                    return Err(mixed_devices(target.device(), source.device()));
                }
                source.without_leading_ones(self.shape.len())?
            }
        };
        let sizes = source.shape().iter().rev().zip(self.shape.iter().rev());
        if source.dim() > self.shape.len() || sizes.into_iter().any(|(&n, &to)| n != to && n != 1) {
            return Err(Error::shape(format!(
                "shape mismatch: value tensor of shape {} cannot be broadcast to indexing result of shape \
                 {:?}",
                source.size(),
                &self.shape[..]
            )));
        }
        let shape = self.shape.clone();
        let along = self.along_points();
        let addresses = addresses(name, target.runtime(), shape, &along, Indices::Signed)?;
        Scattering {
            name,
            target,
            places: self.strides(),
            addresses: &addresses,
            source: &source,
            fold: None,
            refusal: super::OUT_OF_BOUNDS,
        }
        .record()
    }
}

impl Tensor {
    /// The tensor without leading dims of size 1 beyond `rank` dims: Python drops them in an assignment.
    pub(in crate::tensor) fn without_leading_ones(&self, rank: usize) -> Result<Self> {
        let extra = self.dim().saturating_sub(rank);
        let leading = self.shape().iter().take_while(|&&size| size == 1).count();
        let mut layout = self.layout().clone();
        for _ in 0..extra.min(leading) {
            layout = layout.select(0, 0)?;
        }
        Ok(self.with_layout(layout))
    }
}
