//! Repeating elements in place: repeat_interleave.

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::layout;
use crate::scalar::Scalar;

use super::super::creation::from_slice;
use super::super::sizes::IntoDims;
use super::super::{Arg, Tensor};

impl Tensor {
    /// Each index of a dim several times in a row; without a dim, `()`, each element of the flat tensor.
    ///
    /// `repeats` is a number, or a vector of integers, one for each index: that is a read point, for the
    /// size of the result depends on it.
    ///
    /// # Errors
    /// `Value` for a negative number, `Dtype` unless the numbers are int64 or int32, `Shape` when there are
    /// not as many as indices, `Index` for a dim out of range.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([[1, 2], [3, 4]], ())?;
    /// assert_eq!(x.repeat_interleave(2, 1)?.to_vec::<i32>()?, [1, 1, 2, 2, 3, 3, 4, 4]);
    /// let times = taut::tensor([0i64, 2], ())?;
    /// assert_eq!(x.repeat_interleave(&times, 0)?.to_vec::<i32>()?, [3, 4, 3, 4]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn repeat_interleave<'a>(
        &self,
        repeats: impl Into<Arg<'a>>,
        dim: impl IntoDims,
    ) -> Result<Self> {
        let dims = dim.into_dims();
        let (source, dim) = match dims[..] {
            [] => (self.reshape([-1])?, 0),
            [dim] if self.dim() == 0 => (self.unsqueeze(0)?, layout::normalize_dim(dim, 0)?),
            [dim] => (self.alias(), layout::normalize_dim(dim, self.dim())?),
            _ => {
                return Err(Error::value(format!(
                    "repeat_interleave: expected one dim, but got {dims:?}"
                )));
            }
        };
        let size = source.shape()[dim];
        match repeats.into() {
            Arg::Scalar(Scalar::Int(times)) if times < 0 => {
                Err(Error::value("Repeats must be non-negative"))
            }
            Arg::Scalar(Scalar::Int(times)) => source.each_repeated(dim, times),
            Arg::Scalar(number) => {
                Err(Error::dtype(format!("repeats has to be an integer, but got {number:?}")))
            }
            Arg::Tensor(repeats) => {
                let times = repeats.repetitions()?;
                match times[..] {
                    [times] => source.each_repeated(dim, times),
                    _ if times.len() != size => Err(Error::shape(format!(
                        "repeats must have the same size as input along dim, but got repeats.size(0) = {} \
                         and input.size({dim}) = {size}",
                        times.len()
                    ))),
                    _ => source.index_select(dim as i64, &source.indices_of(&times)?),
                }
            }
        }
    }

    /// Each index of a dim so many times.
    #[track_caller]
    fn each_repeated(&self, dim: usize, times: i64) -> Result<Self> {
        let after = dim as i64 + 1;
        let mut sizes = self.sizes();
        sizes.insert(dim + 1, times);
        let copies = self.unsqueeze(after)?.expand(&sizes[..])?.copied()?;
        let mut sizes = self.sizes();
        sizes[dim] = sizes[dim].checked_mul(times).ok_or_else(|| {
            Error::shape(format!("{} indices {times} times are too many", sizes[dim]))
        })?;
        copies.view(&sizes[..])
    }

    /// The numbers of a vector that says how often.
    fn repetitions(&self) -> Result<Vec<i64>> {
        if self.dim() > 1 {
            return Err(Error::shape("repeats must be 0-dim or 1-dim tensor"));
        }
        let times = match self.dtype() {
            DType::I64 => self.to_vec::<i64>()?,
            DType::I32 => self.to_vec::<i32>()?.into_iter().map(i64::from).collect(),
            other => {
                return Err(Error::dtype(format!(
                    "repeats has to be Long or Int tensor, but got {}",
                    other.message_name()
                )));
            }
        };
        if times.iter().any(|&times| times < 0) {
            return Err(Error::value("repeats can not be negative"));
        }
        Ok(times)
    }

    /// Index 0 as often as the first number says, index 1 as the second, .. on this tensor's device.
    fn indices_of(&self, times: &[i64]) -> Result<Self> {
        let total = times.iter().try_fold(0_usize, |sum, &times| sum.checked_add(times as usize));
        let total = total.filter(|&total| total <= isize::MAX as usize / 8);
        let mut indices: Vec<i64> = Vec::new();
        let room = total.map(|total| indices.try_reserve_exact(total));
        if !matches!(room, Some(Ok(()))) {
            return Err(Error::shape("the repetitions are too many"));
        }
        for (index, &times) in times.iter().enumerate() {
            indices.extend(std::iter::repeat_n(index as i64, times as usize));
        }
        if self.device().supports(DType::I64) {
            return from_slice(&indices, [indices.len()], self.device());
        }
        let narrow: Vec<i32> = indices.iter().map(|&index| index as i32).collect();
        from_slice(&narrow, [narrow.len()], self.device())
    }
}
