//! Joining, cutting, repeating: cat, stack, split, chunk, repeat, tile, roll, tril, triu.
//!
//! Made of views and of copies into views; the plan fuses what fits.

use smallvec::SmallVec;

use crate::device::Device;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernel::Dims;
use crate::layout::{self, Layout};
use crate::ops::promote::result_type;

use super::creation::{arange, empty, from_vec};
use super::elementwise::mixed_devices;
use super::sizes::{IntoDims, IntoSizes, new_shape};
use super::{Options, Tensor};

/// The tensors one after the other along a dim, in the dtype in which they meet.
///
/// As in PyTorch, 1-d tensors without elements fit everywhere.
///
/// # Errors
/// `Shape` for no tensors, 0-d tensors, or sizes that differ in another dim; `Index` for a dim out of range;
/// `Device` when the tensors are on different devices.
///
/// # Example
/// ```
/// let (x, y) = (taut::tensor([[1, 2]], ())?, taut::tensor([[3, 4]], ())?);
/// assert_eq!(taut::cat(&[&x, &y], 0)?.shape(), [2, 2]);
/// assert_eq!(taut::cat(&[&x, &y], 1)?.to_vec::<i32>()?, [1, 2, 3, 4]);
/// # Ok::<(), taut::Error>(())
/// ```
#[track_caller]
pub fn cat(tensors: &[&Tensor], dim: i64) -> Result<Tensor> {
    let Some(&first) = tensors.first() else {
        return Err(Error::shape("torch.cat(): expected a non-empty list of Tensors"));
    };
    if let Some(position) = tensors.iter().position(|tensor| tensor.dim() == 0) {
        return Err(Error::shape(format!(
            "zero-dimensional tensor (at position {position}) cannot be concatenated"
        )));
    }
    if let Some(other) = tensors.iter().find(|tensor| tensor.device() != first.device()) {
        return Err(mixed_devices(first.device(), other.device()));
    }
    let dtype = result_type(tensors.iter().map(|tensor| tensor.participant()));
    let counts = |tensor: &&&Tensor| tensor.shape() != [0];
    let model = tensors.iter().find(counts).unwrap_or(&first);
    let dim = layout::normalize_dim(dim, model.dim())?;
    let mut sizes = model.dims();
    sizes[dim] = 0;
    for (position, tensor) in tensors.iter().enumerate().filter(|(_, tensor)| counts(tensor)) {
        if tensor.dim() != model.dim() {
            return Err(Error::shape(format!(
                "Tensors must have same number of dimensions: got {} and {}",
                model.dim(),
                tensor.dim()
            )));
        }
        for (other, (&expected, &got)) in model.shape().iter().zip(tensor.shape()).enumerate() {
            if other != dim && expected != got {
                return Err(Error::shape(format!(
                    "Sizes of tensors must match except in dimension {dim}. Expected size {expected} \
                     but got size {got} for tensor number {position} in the list."
                )));
            }
        }
        sizes[dim] += tensor.shape()[dim];
    }
    let joined = empty(&sizes[..], (dtype, first.device()))?;
    let mut start = 0;
    for tensor in tensors.iter().filter(counts) {
        let size = tensor.shape()[dim] as i64;
        joined.narrow(dim as i64, start, size)?.copy_(tensor)?;
        start += size;
    }
    Ok(joined)
}

/// The tensors side by side along a new dim.
///
/// # Errors
/// `Shape` for no tensors or sizes that differ, `Index` for a dim out of range, `Device` when the tensors
/// are on different devices.
///
/// # Example
/// ```
/// let (x, y) = (taut::tensor([1, 2], ())?, taut::tensor([3, 4], ())?);
/// assert_eq!(taut::stack(&[&x, &y], 1)?.to_vec::<i32>()?, [1, 3, 2, 4]);
/// # Ok::<(), taut::Error>(())
/// ```
#[track_caller]
pub fn stack(tensors: &[&Tensor], dim: i64) -> Result<Tensor> {
    let Some(&first) = tensors.first() else {
        return Err(Error::shape("stack expects a non-empty TensorList"));
    };
    if let Some((position, other)) =
        tensors.iter().enumerate().find(|(_, tensor)| tensor.shape() != first.shape())
    {
        return Err(Error::shape(format!(
            "stack expects each tensor to be equal size, but got {} at entry 0 and {} at entry \
             {position}",
            first.size(),
            other.size()
        )));
    }
    let views: Vec<Tensor> =
        tensors.iter().map(|tensor| tensor.unsqueeze(dim)).collect::<Result<_>>()?;
    let views: Vec<&Tensor> = views.iter().collect();
    // Counted from the end, the new dim is one of the results' dims.
    cat(&views, dim)
}

/// Rows or columns that the CPU counts on the host, which takes less than to have it done, at most.
const FEW: usize = 1 << 12;

impl Tensor {
    /// Views of `size` indices each along a dim; the last may be smaller.
    ///
    /// # Errors
    /// `Value` for a size of 0 or below, `Index` for a dim out of range.
    ///
    /// # Example
    /// ```
    /// let parts = taut::arange(5, ())?.split(2, 0)?;
    /// assert_eq!(parts[2].to_vec::<i64>()?, [4]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    pub fn split(&self, size: i64, dim: i64) -> Result<Vec<Self>> {
        let (axis, len) = self.axis(dim)?;
        if size < 0 {
            return Err(Error::value(format!(
                "split expects split_size be non-negative, but got split_size={size}"
            )));
        }
        if size == 0 && len > 0 {
            return Err(Error::value(format!(
                "split_size can only be 0 if dimension size is 0, but got dimension size of {len}"
            )));
        }
        let parts = if size == 0 { 1 } else { ((len + size - 1) / size).max(1) };
        let part = |i: i64| self.narrow(axis, i * size, size.min(len - i * size));
        (0..parts).map(part).collect()
    }

    /// Views of the given sizes along a dim, one after the other.
    ///
    /// # Errors
    /// `Shape` unless the sizes sum to the dim's, `Index` for a dim out of range.
    pub fn split_sizes(&self, sizes: impl IntoSizes, dim: i64) -> Result<Vec<Self>> {
        let sizes = sizes.into_sizes();
        let (axis, len) = self.axis(dim)?;
        let sum: i128 = sizes.iter().map(|&size| i128::from(size)).sum();
        if sizes.iter().any(|&size| size < 0) || sum != i128::from(len) {
            return Err(Error::shape(format!(
                "split_with_sizes expects split_sizes to sum exactly to {len} (input tensor's size at \
                 dimension {axis}), but got split_sizes={sizes:?}"
            )));
        }
        let mut start = 0;
        let part = |&size: &i64| {
            let part = self.narrow(axis, start, size);
            start += size;
            part
        };
        sizes.iter().map(part).collect()
    }

    /// At most `chunks` views of equal size along a dim; the last may be smaller.
    ///
    /// # Errors
    /// `Value` unless `chunks` is positive, `Index` for a dim out of range.
    ///
    /// # Example
    /// ```
    /// assert_eq!(taut::arange(5, ())?.chunk(2, 0)?[0].to_vec::<i64>()?, [0, 1, 2]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    pub fn chunk(&self, chunks: i64, dim: i64) -> Result<Vec<Self>> {
        if chunks <= 0 {
            return Err(Error::value(format!(
                "chunk expects `chunks` to be greater than 0, got: {chunks}"
            )));
        }
        let (axis, len) = self.axis(dim)?;
        if len == 0 {
            return (0..chunks).map(|_| self.narrow(axis, 0, 0)).collect();
        }
        self.split(len / chunks + i64::from(len % chunks != 0), axis)
    }

    /// The dim, counted from the front, and its size.
    fn axis(&self, dim: i64) -> Result<(i64, i64)> {
        if self.dim() == 0 {
            return Err(Error::shape("cannot split a 0-d tensor along a dim"));
        }
        let axis = layout::normalize_dim(dim, self.dim())?;
        Ok((axis as i64, self.shape()[axis] as i64))
    }

    /// Copies of the tensor side by side: so many along each dim, new dims leading.
    ///
    /// # Errors
    /// `Shape` for fewer numbers than dims, `Value` for a negative one.
    ///
    /// # Example
    /// ```
    /// assert_eq!(taut::tensor([1, 2], ())?.repeat([2])?.to_vec::<i32>()?, [1, 2, 1, 2]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn repeat(&self, repeats: impl IntoSizes) -> Result<Self> {
        let repeats = repeats.into_sizes();
        let Some(new) = repeats.len().checked_sub(self.dim()) else {
            return Err(Error::shape(
                "Number of dimensions of repeat dims can not be smaller than number of dimensions of \
                 tensor",
            ));
        };
        let old: Dims = std::iter::repeat_n(1, new).chain(self.shape().iter().copied()).collect();
        let sizes: SmallVec<[i64; 6]> =
            old.iter().zip(&repeats).map(|(&size, &times)| size as i64 * times).collect();
        let sizes = new_shape(&sizes[..])?;
        // Each dim in two: how often, and what.
        let pairs = repeats.iter().zip(&old);
        let spread: Vec<i64> = pairs.flat_map(|(&times, &size)| [times, size as i64]).collect();
        let single: Vec<i64> = old.iter().flat_map(|&size| [1, size as i64]).collect();
        let copies = self.reshape(&single[..])?.expand(&spread[..])?.copied()?;
        copies.view(&sizes[..])
    }

    /// [`repeat`](Self::repeat), where dims that are not named count as 1.
    ///
    /// # Errors
    /// `Value` for a negative number.
    #[track_caller]
    pub fn tile(&self, repeats: impl IntoSizes) -> Result<Self> {
        let repeats = repeats.into_sizes();
        let missing = self.dim().saturating_sub(repeats.len());
        let all: Vec<i64> = std::iter::repeat_n(1, missing).chain(repeats).collect();
        self.repeat(&all[..])
    }

    /// The elements moved along dims, those that leave at one end entering at the other.
    ///
    /// Without dims the tensor rolls as if it were flat.
    ///
    /// # Errors
    /// `Shape` unless there is one shift a dim, `Index` for a dim out of range.
    ///
    /// # Example
    /// ```
    /// assert_eq!(taut::arange(4, ())?.roll(1, 0)?.to_vec::<i64>()?, [3, 0, 1, 2]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn roll(&self, shifts: impl IntoDims, dims: impl IntoDims) -> Result<Self> {
        let (shifts, dims) = (shifts.into_dims(), dims.into_dims());
        if dims.is_empty() && shifts.len() == 1 {
            let flat = self.reshape([-1])?.roll(shifts[0], 0)?;
            return flat.view(self.shape());
        }
        if dims.len() != shifts.len() || dims.is_empty() {
            return Err(Error::shape(format!(
                "shifts and dimensions must align. shifts: {}, dims:{}",
                shifts.len(),
                dims.len()
            )));
        }
        let mut rolled = self.contiguous()?;
        for (&shift, &dim) in shifts.iter().zip(&dims) {
            let axis = layout::normalize_dim(dim, self.dim())?;
            if self.numel() == 0 {
                continue;
            }
            let size = self.shape()[axis] as i64;
            let cut = size - shift.rem_euclid(size);
            let (dim, tail) = (axis as i64, size - cut);
            let parts = [rolled.narrow(dim, cut, tail)?, rolled.narrow(dim, 0, cut)?];
            rolled = cat(&[&parts[0], &parts[1]], dim)?;
        }
        if rolled.shares_memory(self) { rolled.try_clone() } else { Ok(rolled) }
    }

    /// The lower triangle of the last two dims, zeros above diagonal `diagonal`.
    ///
    /// # Errors
    /// `Shape` for fewer than two dims.
    ///
    /// # Example
    /// ```
    /// let x = taut::ones([2, 2], ())?;
    /// assert_eq!(x.tril(0)?.to_vec::<f32>()?, [1.0, 0.0, 1.0, 1.0]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn tril(&self, diagonal: i64) -> Result<Self> {
        let [columns, ends] = self.columns_and_diagonal("tril", diagonal)?;
        self.masked_fill(&columns.gt(&ends)?, 0)
    }

    /// The upper triangle of the last two dims, zeros below diagonal `diagonal`.
    ///
    /// # Errors
    /// `Shape` for fewer than two dims.
    #[track_caller]
    pub fn triu(&self, diagonal: i64) -> Result<Self> {
        let [columns, ends] = self.columns_and_diagonal("triu", diagonal)?;
        self.masked_fill(&columns.lt(&ends)?, 0)
    }

    /// The numbers of the columns, and for each row that in which it has the diagonal, for the last two dims.
    #[track_caller]
    fn columns_and_diagonal(&self, name: &str, diagonal: i64) -> Result<[Self; 2]> {
        let &[.., rows, columns] = self.shape() else {
            return Err(Error::shape(format!(
                "{name}: input tensor must have at least 2 dimensions"
            )));
        };
        // A diagonal beyond the matrix is as good as one just outside.
        let first = diagonal.clamp(-(rows as i64), columns as i64);
        if self.device() == Device::Cpu && rows.max(columns) <= FEW {
            let counted = |first: i64, sizes: &[usize]| {
                let numbers = first..first + sizes[0] as i64;
                let numbers = numbers.map(|number| number as i32).collect();
                from_vec(numbers, Layout::contiguous(sizes)?, Device::Cpu.into())
            };
            return Ok([counted(0, &[columns])?, counted(first, &[rows, 1])?]);
        }
        let options = Options::from((DType::I32, self.device()));
        Ok([arange(columns, options)?, arange(rows, options)?.unsqueeze(1)?.add(first)?])
    }
}
