//! Tensors on the host: what is uploaded, what was read, what is expected.
//!
//! Owns [`Host`], a dtype, a shape and the bits of every element, and [`TensorFile`], the tensors of
//! `tensors.safetensors`. Knows no tensor of the library.

use std::fs;
use std::path::Path;

use half::{bf16, f16};
use safetensors::{Dtype as FileDType, SafeTensors};
use taut::DType;

/// A tensor in row-major order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) dtype: DType,
    pub(crate) shape: Vec<usize>,
    /// One element each: its bytes, little endian, then zeros.
    pub(crate) bits: Vec<u64>,
}

impl Host {
    /// The tensor whose elements lie one after another in `bytes`.
    pub(crate) fn from_bytes(
        dtype: DType,
        shape: Vec<usize>,
        bytes: &[u8],
    ) -> Result<Self, String> {
        let len: usize = shape.iter().product();
        if bytes.len() != len * dtype.size() {
            return Err(format!("{} bytes for {dtype} of shape {shape:?}", bytes.len()));
        }
        let bits = bytes.chunks_exact(dtype.size()).map(|element| {
            let mut word = [0; 8];
            word[..element.len()].copy_from_slice(element);
            u64::from_le_bytes(word)
        });
        Ok(Self { dtype, bits: bits.collect(), shape })
    }

    /// The elements, one after another.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let size = self.dtype.size();
        self.bits.iter().flat_map(|bits| bits.to_le_bytes().into_iter().take(size)).collect()
    }

    /// The tensor reversed along `dims`: the one view step that copies, done here so that the cases
    /// that use it do not wait for the operation.
    pub(crate) fn flip(&self, dims: &[i64]) -> Result<Self, String> {
        let rank = self.shape.len() as i64;
        let mut flipped = vec![false; self.shape.len()];
        for &dim in dims {
            let dim_index = usize::try_from(if dim < 0 { dim + rank } else { dim });
            *dim_index
                .ok()
                .and_then(|index| flipped.get_mut(index))
                .ok_or_else(|| format!("flip of dim {dim} at rank {rank}"))? = true;
        }
        let source = |linear: usize| {
            let (mut rest, mut stride, mut source) = (linear, 1, 0);
            for (&size, &flip) in self.shape.iter().zip(&flipped).rev() {
                let index = rest % size;
                source += stride * if flip { size - 1 - index } else { index };
                rest /= size;
                stride *= size;
            }
            source
        };
        let bits = (0..self.bits.len()).map(|linear| self.bits[source(linear)]).collect();
        Ok(Self { dtype: self.dtype, shape: self.shape.clone(), bits })
    }

    /// An element as a person reads it, with the bits of floats.
    pub(crate) fn show(&self, element: usize) -> String {
        let bits = self.bits[element];
        let (value, digits) = match self.dtype {
            DType::Bool if bits > 1 => return format!("bool with bits {bits:#x}"),
            DType::Bool => return (bits == 1).to_string(),
            DType::U8 => return bits.to_string(),
            DType::I8 => return (bits as i8).to_string(),
            DType::I16 => return (bits as i16).to_string(),
            DType::I32 => return (bits as i32).to_string(),
            DType::I64 => return (bits as i64).to_string(),
            DType::F16 | DType::BF16 => (float_value(self.dtype, bits), 6),
            DType::F32 => return format!("{:e} ({bits:#010x})", f32::from_bits(bits as u32)),
            _ => (float_value(self.dtype, bits), 18),
        };
        format!("{value:e} ({bits:#0digits$x})")
    }
}

/// The value of a float's bits.
pub(crate) fn float_value(dtype: DType, bits: u64) -> f64 {
    match dtype {
        DType::F16 => f16::from_bits(bits as u16).to_f64(),
        DType::BF16 => bf16::from_bits(bits as u16).to_f64(),
        DType::F32 => f32::from_bits(bits as u32).into(),
        _ => f64::from_bits(bits),
    }
}

/// The tensors of a golden folder, by key.
#[derive(Debug)]
pub(crate) struct TensorFile(SafeTensors<'static>);

impl TensorFile {
    /// Reads the whole file; it stays in memory until the process ends.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::from_bytes(bytes).map_err(|error| format!("{}: {error}", path.display()))
    }

    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Result<Self, String> {
        SafeTensors::deserialize(bytes.leak()).map(Self).map_err(|error| error.to_string())
    }

    /// A copy of the tensor of this key.
    pub(crate) fn get(&self, key: &str) -> Result<Host, String> {
        let view = self.0.tensor(key).map_err(|error| format!("tensor {key}: {error}"))?;
        let dtype = match view.dtype() {
            FileDType::BOOL => DType::Bool,
            FileDType::U8 => DType::U8,
            FileDType::I8 => DType::I8,
            FileDType::I16 => DType::I16,
            FileDType::I32 => DType::I32,
            FileDType::I64 => DType::I64,
            FileDType::F16 => DType::F16,
            FileDType::BF16 => DType::BF16,
            FileDType::F32 => DType::F32,
            FileDType::F64 => DType::F64,
            other => return Err(format!("tensor {key} has dtype {other:?}, which golden has not")),
        };
        Host::from_bytes(dtype, view.shape().to_vec(), view.data())
    }
}
