//! Out to the host: item, to_vec, tolist. Read points, on every device.

use crate::device::Device;
use crate::dtype::{DType, Element};
use crate::error::{Error, OutOfMemory, Result};
use crate::scalar::Scalar;

use super::Tensor;

/// Nested lists of numbers, as [`Tensor::tolist`] gives them.
#[derive(Clone, Debug, PartialEq)]
pub enum List {
    /// The element of a 0-d tensor.
    Scalar(Scalar),
    /// One entry an index of the first dimension.
    List(Vec<Self>),
}

impl Tensor {
    /// The value of a tensor of one element.
    ///
    /// `T` must hold every value of the dtype: the dtype's own type, or a wider one.
    ///
    /// # Errors
    /// `Shape` unless there is exactly one element; `Dtype` when `T` is too narrow; what went wrong on
    /// the device since its last read point.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([[1.5f32, 2.5]], ())?;
    /// assert_eq!(x.select(1, -1)?.item::<f64>()?, 2.5);
    /// assert!(x.item::<f32>().is_err());
    /// # Ok::<(), taut::Error>(())
    /// ```
    pub fn item<T: Element>(&self) -> Result<T> {
        let scalar = self.item_scalar()?;
        T::from_scalar(scalar, self.dtype()).ok_or_else(|| no_loss(self.dtype(), T::DTYPE))
    }

    /// [`item`](Self::item), of whatever kind the dtype is.
    ///
    /// # Errors
    /// `Shape` unless there is exactly one element.
    pub fn item_scalar(&self) -> Result<Scalar> {
        if self.numel() != 1 {
            return Err(Error::shape(format!(
                "a Tensor with {} elements cannot be converted to Scalar",
                self.numel()
            )));
        }
        // No element is larger.
        let mut bytes = [0; size_of::<f64>()];
        let bytes = &mut bytes[..self.dtype().size()];
        self.read_into(bytes)?;
        Ok(read_scalar(self.dtype(), bytes))
    }

    /// The elements in row-major order.
    ///
    /// # Errors
    /// `Dtype` unless `T` is the dtype's type or a wider one.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([[1, 2], [3, 4]], ())?;
    /// assert_eq!(x.t()?.to_vec::<i32>()?, [1, 3, 2, 4]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>> {
        if T::DTYPE == self.dtype() {
            let mut elements = Vec::new();
            reserve(&mut elements, self.numel())?;
            if self.device() == Device::Cpu {
                // From where they lie, so that nothing is written twice.
                self.read_with(|bytes| T::append(&mut elements, bytes))?;
                return Ok(elements);
            }
            elements.resize(self.numel(), T::default());
            match T::as_bytes_mut(&mut elements) {
                Some(bytes) => self.read_into(bytes)?,
                None => {
                    let bytes = self.to_bytes()?;
                    let bytes = bytes.chunks_exact(size_of::<T>());
                    elements
                        .iter_mut()
                        .zip(bytes)
                        .for_each(|(to, bytes)| *to = T::from_bytes(bytes));
                }
            }
            return Ok(elements);
        }
        let convert = |s| T::from_scalar(s, self.dtype());
        let elements: Option<Vec<T>> = self.scalars()?.into_iter().map(convert).collect();
        elements.ok_or_else(|| no_loss(self.dtype(), T::DTYPE)).and_then(|elements| {
            // An empty tensor of a dtype that does not fit is refused like any other.
            let fits = T::from_scalar(Scalar::Int(0), self.dtype()).is_some();
            if fits { Ok(elements) } else { Err(no_loss(self.dtype(), T::DTYPE)) }
        })
    }

    /// The elements as nested lists.
    ///
    /// # Errors
    /// What went wrong on the device since its last read point.
    ///
    /// # Example
    /// ```
    /// use taut::{List, Scalar};
    /// let x = taut::tensor([1, 2], ())?;
    /// let one_two = vec![List::Scalar(Scalar::Int(1)), List::Scalar(Scalar::Int(2))];
    /// assert_eq!(x.tolist()?, List::List(one_two));
    /// # Ok::<(), taut::Error>(())
    /// ```
    pub fn tolist(&self) -> Result<List> {
        Ok(nest(self.shape(), &self.scalars()?))
    }

    /// The elements in row-major order, as numbers.
    pub(crate) fn scalars(&self) -> Result<Vec<Scalar>> {
        let dtype = self.dtype();
        let bytes = self.to_bytes()?;
        Ok(bytes.chunks_exact(dtype.size()).map(|bytes| read_scalar(dtype, bytes)).collect())
    }

    /// The elements in row-major order, as they are stored.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = host_bytes(self.numel() * self.dtype().size())?;
        self.read_into(&mut bytes)?;
        Ok(bytes)
    }

    /// Calls `see` with the bytes of all elements, row-major.
    #[track_caller]
    fn read_with(&self, mut see: impl FnMut(&[u8])) -> Result<()> {
        if self.numel() == 0 {
            return Ok(());
        }
        self.with_contiguous(|tensor| {
            let range = (tensor.storage_offset(), tensor.numel());
            self.runtime().read_with(tensor.storage(), range, &mut |bytes| {
                see(bytes);
                Ok(())
            })
        })
    }

    /// Puts the elements in row-major order into as many bytes.
    fn read_into(&self, bytes: &mut [u8]) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.with_contiguous(|tensor| {
            self.runtime().read(tensor.storage(), tensor.storage_offset(), bytes)
        })
    }

    /// Calls `read` with a tensor of the same elements that lie in row-major order.
    #[track_caller]
    fn with_contiguous(&self, read: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        if self.is_contiguous() { read(self) } else { read(&self.contiguous()?) }
    }
}

/// So many zeros.
///
/// # Errors
/// As [`reserve`].
pub(crate) fn host_bytes(len: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reserve(&mut bytes, len)?;
    bytes.resize(len, 0);
    Ok(bytes)
}

/// Makes room for so many more elements.
///
/// # Errors
/// `OutOfMemory` where the host does not have them: asking for a huge tensor must not end the program.
pub(crate) fn reserve<T>(elements: &mut Vec<T>, more: usize) -> Result<()> {
    if elements.try_reserve_exact(more).is_ok() {
        return Ok(());
    }
    let stats = Device::Cpu.stats()?;
    Err(Error::OutOfMemory(Box::new(OutOfMemory {
        device: Device::Cpu.to_string().into(),
        requested: more.saturating_mul(size_of::<T>()) as u64,
        live: stats.live_bytes,
        pooled: stats.pooled_bytes,
    })))
}

fn nest(shape: &[usize], elements: &[Scalar]) -> List {
    match shape {
        [] => List::Scalar(elements[0]),
        [size, rest @ ..] => {
            let len = elements.len() / (*size).max(1);
            let part = |i: usize| nest(rest, &elements[i * len..(i + 1) * len]);
            List::List((0..*size).map(part).collect())
        }
    }
}

fn read_scalar(dtype: DType, bytes: &[u8]) -> Scalar {
    match dtype {
        DType::Bool => bool::from_bytes(bytes).to_scalar(),
        DType::U8 => u8::from_bytes(bytes).to_scalar(),
        DType::I8 => i8::from_bytes(bytes).to_scalar(),
        DType::I16 => i16::from_bytes(bytes).to_scalar(),
        DType::I32 => i32::from_bytes(bytes).to_scalar(),
        DType::I64 => i64::from_bytes(bytes).to_scalar(),
        DType::F16 => half::f16::from_bytes(bytes).to_scalar(),
        DType::BF16 => half::bf16::from_bytes(bytes).to_scalar(),
        DType::F32 => f32::from_bytes(bytes).to_scalar(),
        DType::F64 => f64::from_bytes(bytes).to_scalar(),
    }
}

fn no_loss(from: DType, to: DType) -> Error {
    Error::dtype(format!(
        "cannot read {from} as {to} without loss; convert first with .to(DType::..), or read it as {from}"
    ))
}
