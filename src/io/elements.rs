//! Between the bytes of a file and the elements of a tensor.

use std::io::{ErrorKind, Read};

use bytemuck::Pod;
use half::{bf16, f16};
use triomphe::Arc;

use crate::device::Device;
use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::graph::{Storage, View, runtime};
use crate::layout::Layout;
use crate::tensor::{Tensor, reserve};

/// PyTorch has no tensors of more dimensions, and NumPy no arrays.
const MAX_RANK: usize = 64;

/// What is allocated before the first byte has come, where it is unknown how many there are.
const FIRST_BYTES: usize = 1 << 16;

/// How the elements of a file are stored.
#[derive(Clone, Copy)]
pub(super) struct Encoding {
    pub(super) dtype: DType,
    pub(super) big_endian: bool,
}

/// The file is not what its format says it should be.
pub(super) fn malformed(message: impl Into<String>) -> Error {
    Error::Io(std::io::Error::new(ErrorKind::InvalidData, message.into()))
}

/// The row-major layout of sizes that a file gave.
///
/// # Errors
/// `Io` for too many dimensions, or more bytes than can be addressed.
pub(super) fn layout_of(sizes: &[u64], dtype: DType) -> Result<Layout> {
    if sizes.len() > MAX_RANK {
        return Err(malformed(format!(
            "expected at most {MAX_RANK} dimensions, but got {}",
            sizes.len()
        )));
    }
    let too_large = || malformed(format!("a tensor of {dtype} with sizes {sizes:?} is too large"));
    let shape: Option<Vec<usize>> = sizes.iter().map(|&size| usize::try_from(size).ok()).collect();
    let layout = shape.and_then(|shape| Layout::contiguous(&shape).ok()).ok_or_else(too_large)?;
    let bytes = layout.len().checked_mul(dtype.size());
    bytes.filter(|&bytes| isize::try_from(bytes).is_ok()).ok_or_else(too_large)?;
    Ok(layout)
}

/// Reads the elements of a layout without gaps into a new CPU tensor.
///
/// `available` is how many bytes there are at least, where that is known.
///
/// # Errors
/// `Io` when the source ends early or cannot be read, `OutOfMemory`.
pub(super) fn read_tensor(
    source: &mut dyn Read,
    encoding: Encoding,
    layout: Layout,
    available: Option<u64>,
) -> Result<Tensor> {
    let len = layout.len();
    let source = Source { bytes: source, available };
    let big_endian = encoding.big_endian;
    let storage = match encoding.dtype {
        // Whatever the byte is: a `bool` must be 0 or 1.
        DType::Bool => adopt(source.read::<u8>(len, big_endian)?.into_iter().map(|b| b != 0)),
        DType::U8 => adopt(source.read::<u8>(len, big_endian)?),
        DType::I8 => adopt(source.read::<i8>(len, big_endian)?),
        DType::I16 => adopt(source.read::<i16>(len, big_endian)?),
        DType::I32 => adopt(source.read::<i32>(len, big_endian)?),
        DType::I64 => adopt(source.read::<i64>(len, big_endian)?),
        DType::F16 => adopt(source.read::<f16>(len, big_endian)?),
        DType::BF16 => adopt(source.read::<bf16>(len, big_endian)?),
        DType::F32 => adopt(source.read::<f32>(len, big_endian)?),
        DType::F64 => adopt(source.read::<f64>(len, big_endian)?),
    }?;
    Ok(Tensor::from_view(View { storage, layout }))
}

fn adopt<T: Element>(elements: impl IntoIterator<Item = T>) -> Result<Arc<Storage>> {
    // A `Vec` is taken as it is, and one of bytes becomes one of bools where it lies.
    Ok(Storage::adopt(runtime(Device::Cpu)?, elements.into_iter().collect()))
}

struct Source<'a> {
    bytes: &'a mut dyn Read,
    available: Option<u64>,
}

impl Source<'_> {
    /// Memory grows with what has arrived, unless so much is known to be there.
    fn read<T: Pod>(self, len: usize, big_endian: bool) -> Result<Vec<T>> {
        let size = size_of::<T>();
        let known = self.available.is_some_and(|bytes| bytes >= (len * size) as u64);
        let mut elements: Vec<T> = Vec::new();
        while elements.len() < len {
            let from = elements.len();
            let more = if known { len } else { from.max(FIRST_BYTES / size).min(len - from) };
            reserve(&mut elements, more)?;
            elements.resize(from + more, T::zeroed());
            fill(self.bytes, bytemuck::cast_slice_mut(&mut elements[from..]), from * size)
                .map_err(|got| got.of(len * size))?;
        }
        if big_endian != cfg!(target_endian = "big") && size > 1 {
            let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut elements);
            bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
        }
        Ok(elements)
    }
}

/// Why a piece could not be read.
enum Stopped {
    /// The source ended after so many bytes of the whole.
    At(usize),
    By(std::io::Error),
}

impl Stopped {
    fn of(self, expected: usize) -> Error {
        match self {
            Self::At(got) => Error::Io(std::io::Error::new(
                ErrorKind::UnexpectedEof,
                format!("expected {expected} bytes of elements, but the file ends after {got}"),
            )),
            Self::By(error) => Error::Io(error),
        }
    }
}

/// Fills the piece that `before` bytes come before.
fn fill(source: &mut dyn Read, mut piece: &mut [u8], before: usize) -> Result<(), Stopped> {
    let len = piece.len();
    while !piece.is_empty() {
        match source.read(piece) {
            Ok(0) => return Err(Stopped::At(before + len - piece.len())),
            Ok(read) => piece = &mut piece[read..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Stopped::By(error)),
        }
    }
    Ok(())
}

/// The elements in row-major order, little-endian, a bool as 0 or 1.
pub(super) fn little_endian(tensor: &Tensor) -> Result<Vec<u8>> {
    let mut bytes = tensor.to_bytes()?;
    match tensor.dtype().size() {
        // Memory that was never written may hold others.
        _ if tensor.dtype() == DType::Bool => {
            bytes.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
        }
        size if cfg!(target_endian = "big") => {
            bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
        }
        _ => {}
    }
    Ok(bytes)
}
