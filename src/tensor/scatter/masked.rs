//! Writing where a mask is true: masked_scatter.
//!
//! The running count of the mask says for each element which one of the source is its own, so that every
//! element finds its value by itself. How many there are need not be known before: a source that is too
//! short is found by the kernel, which then writes nothing.

use super::*;
use crate::kernel::Value;
use crate::tensor::creation::zeros;

impl Tensor {
    /// The elements with those where `mask` is true replaced by the elements of `source`, in row-major order
    /// of both; this tensor and the mask broadcast together.
    ///
    /// The source may have any shape and be longer than needed.
    ///
    /// # Errors
    /// `Dtype` when the source has another dtype or the mask is not bool; `Shape` when mask and tensor do not
    /// broadcast; `Device` when the tensors are on several devices; `Value`, at the next read point, when
    /// the source has fewer elements than the mask has ones, with nothing written.
    ///
    /// # Example
    /// ```
    /// let x = taut::zeros([2, 3], ())?;
    /// let mask = taut::tensor([true, false, true], ())?;
    /// let source = taut::tensor([1.0f32, 2.0, 3.0, 4.0], ())?;
    /// let y = x.masked_scatter(&mask, &source)?;
    /// assert_eq!(y.to_vec::<f32>()?, [1.0, 0.0, 2.0, 3.0, 0.0, 4.0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn masked_scatter(&self, mask: &Self, source: &Self) -> Result<Self> {
        let common = layout::broadcast(&[self.shape(), mask.shape()])?;
        let sizes: Vec<i64> = common.iter().map(|&size| size as i64).collect();
        let (own, mask) = (self.expand(&sizes[..])?, mask.expand(&sizes[..])?);
        check(self, &mask, source)?;
        if own.numel() == 0 {
            return own.copied();
        }
        let (build, value) = own.replaced("masked_scatter", &mask, source)?;
        let strides = Dims::from_slice(Layout::contiguous(&common)?.strides());
        build.finish_as(value, strides)
    }

    /// [`masked_scatter`](Self::masked_scatter) in place.
    ///
    /// A mask or a source that shares memory with this tensor is read before anything is written.
    ///
    /// # Errors
    /// As [`masked_scatter`](Self::masked_scatter); `Shape` when the mask does not broadcast to this shape;
    /// `Overlap` when elements of this tensor share memory.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([1, -2, 3, -4], ())?;
    /// x.masked_scatter_(&x.lt(0)?, &taut::tensor([20, 40], ())?)?;
    /// assert_eq!(x.to_vec::<i32>()?, [1, 20, 3, 40]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn masked_scatter_(&self, mask: &Self, source: &Self) -> Result<&Self> {
        check_internal_overlap(self)?;
        let mask = mask.expand(self.size())?;
        check(self, &mask, source)?;
        if self.numel() > 0 {
            let own = source.shares_memory(self).then(|| source.copied()).transpose()?;
            let source = own.as_ref().unwrap_or(source);
            let (build, value) = self.replaced("masked_scatter_", &mask, source)?;
            build.finish_into(value, self)?;
        }
        Ok(self)
    }

    /// The value of each element: the mask's `n`-th takes the source's `n`-th. The mask has this tensor's
    /// shape, and there are elements.
    #[track_caller]
    fn replaced(&self, name: &'static str, mask: &Self, source: &Self) -> Result<(Build, Value)> {
        let dtype = count_dtype(mask.numel());
        let count = mask.reshape([-1])?.cumsum_dtype(0, dtype)?.view(self.size())?;
        // Of no elements none can be fetched; one that is never stored stands for them.
        let stock = match source.numel() {
            0 => zeros([1], (source.dtype(), source.device()))?,
            _ => source.reshape([-1])?.contiguous()?,
        };
        // Beyond what the mask can ask for, it does not matter how many there are.
        let available = source.numel().min(mask.numel());
        let mut build = Build::over(name, self.runtime(), self.dims());
        let kept = build.load(self)?;
        let mask = build.load(mask)?;
        let count = build.load(&count)?;
        let limit = build.scalar(available as i64, dtype);
        let beyond = build.program().binary(Op::Gt, count, limit);
        let wanting = build.program().binary(Op::LogicalAnd, mask, beyond);
        let why = format!(
            "Number of elements of source < number of ones in mask, source has {} elements",
            source.numel()
        );
        build.refuse_where(wanting, Refusal::Value(why.into()));
        let (zero, one) = (build.scalar(0, dtype), build.scalar(1, dtype));
        let place = build.program().binary(Op::Sub, count, one);
        let at = build.program().select(mask, place, zero);
        let taken = build.fetch(&stock, Dims::from_elem(0, self.dim()), at);
        let value = build.program().select(mask, taken, kept);
        Ok((build, value))
    }
}

/// # Errors
/// `Dtype` when the source has another dtype than the target or the mask is not bool; `Device` when they are
/// on several devices.
fn check(target: &Tensor, mask: &Tensor, source: &Tensor) -> Result<()> {
    if source.dtype() != target.dtype() {
        return Err(Error::dtype(format!(
            "masked_scatter: expected self and source to have same dtypes but got {} and {}",
            target.dtype().message_name(),
            source.dtype().message_name()
        )));
    }
    if mask.dtype() != DType::Bool {
        return Err(Error::dtype(format!(
            "masked_scatter_ only supports boolean masks, but got mask with dtype {}",
            mask.dtype().message_name()
        )));
    }
    for other in [mask, source] {
        if !std::ptr::eq(other.runtime(), target.runtime()) {
            return Err(mixed_devices(target.device(), other.device()));
        }
    }
    Ok(())
}
