//! Between the host and the tensors of the library: up, down, view steps, layout.
//!
//! With `call.rs`, the only file that names the tensor API.

use half::{bf16, f16};
use taut::{DType, Device, Element, Index, Tensor};

use crate::case::{ResultLayout, ViewStep};
use crate::host::Host;

/// A fresh contiguous tensor that begins its own storage.
pub(crate) fn upload(host: &Host, device: Device) -> taut::Result<Tensor> {
    fn typed<T: Element>(host: &Host, device: Device) -> taut::Result<Tensor> {
        let bytes = host.bytes();
        let values: Vec<T> = bytes.chunks_exact(host.dtype.size()).map(T::from_bytes).collect();
        taut::tensor(values, device)?.view(shape_of(host).as_slice())
    }
    match host.dtype {
        DType::Bool => typed::<bool>(host, device),
        DType::U8 => typed::<u8>(host, device),
        DType::I8 => typed::<i8>(host, device),
        DType::I16 => typed::<i16>(host, device),
        DType::I32 => typed::<i32>(host, device),
        DType::I64 => typed::<i64>(host, device),
        DType::F16 => typed::<f16>(host, device),
        DType::BF16 => typed::<bf16>(host, device),
        DType::F32 => typed::<f32>(host, device),
        DType::F64 => typed::<f64>(host, device),
        other => unreachable!("golden files hold no {other}"),
    }
}

fn shape_of(host: &Host) -> Vec<i64> {
    host.shape.iter().map(|&size| size as i64).collect()
}

/// Evaluates the tensor and brings its bits down.
pub(crate) fn read(tensor: &Tensor) -> taut::Result<Host> {
    fn typed<T: Element>(tensor: &Tensor) -> taut::Result<Vec<u64>> {
        let word = |value: T| {
            let (mut bytes, mut word) = (Vec::with_capacity(8), [0; 8]);
            bytes.extend_from_slice(T::as_bytes(&[value]));
            word[..bytes.len()].copy_from_slice(&bytes);
            u64::from_le_bytes(word)
        };
        Ok(tensor.to_vec::<T>()?.into_iter().map(word).collect())
    }
    let bits = match tensor.dtype() {
        DType::Bool => typed::<bool>(tensor)?,
        DType::U8 => typed::<u8>(tensor)?,
        DType::I8 => typed::<i8>(tensor)?,
        DType::I16 => typed::<i16>(tensor)?,
        DType::I32 => typed::<i32>(tensor)?,
        DType::I64 => typed::<i64>(tensor)?,
        DType::F16 => typed::<f16>(tensor)?,
        DType::BF16 => typed::<bf16>(tensor)?,
        DType::F32 => typed::<f32>(tensor)?,
        DType::F64 => typed::<f64>(tensor)?,
        other => unreachable!("no operation of golden gives {other}"),
    };
    Ok(Host { dtype: tensor.dtype(), shape: tensor.shape().to_vec(), bits })
}

/// The tensor seen through one step. `flip` copies, as PyTorch's does.
pub(crate) fn view(tensor: &Tensor, step: &ViewStep) -> Result<Tensor, String> {
    let viewed = match step {
        ViewStep::Transpose(i, j) => tensor.transpose(*i, *j),
        ViewStep::Permute(dims) => tensor.permute(dims.as_slice()),
        &ViewStep::Slice { dim, start, stop, step } => {
            let dim = if dim < 0 { dim + tensor.shape().len() as i64 } else { dim };
            let whole = Index::Slice { start: None, stop: None, step: 1 };
            let mut items = vec![whole; usize::try_from(dim).map_err(|_| format!("dim {dim}"))?];
            items.push(Index::Slice { start, stop, step });
            tensor.i(items)
        }
        &ViewStep::Select { dim, index } => tensor.select(dim, index),
        &ViewStep::Narrow { dim, start, len } => tensor.narrow(dim, start, len),
        ViewStep::Expand(shape) => tensor.expand(shape.as_slice()),
        ViewStep::Unsqueeze(dim) => tensor.unsqueeze(*dim),
        ViewStep::Squeeze(dim) => tensor.squeeze(*dim),
        ViewStep::View(shape) => tensor.view(shape.as_slice()),
        ViewStep::Reshape(shape) => tensor.reshape(shape.as_slice()),
        ViewStep::Flip(dims) => {
            let host = read(tensor).map_err(|error| error.to_string())?;
            upload(&host.flip(dims)?, tensor.device())
        }
    };
    viewed.map_err(|error| format!("{step:?}: {error}"))
}

/// Says how the memory of `result` differs from what is expected, if it does. Where `source` stands
/// on a storage of no elements, there is no memory to share.
pub(crate) fn check_layout(
    result: &Tensor,
    source: &Tensor,
    has_memory: bool,
    expected: &ResultLayout,
) -> Result<(), String> {
    let aliases = has_memory && result.shares_memory(source);
    if aliases != expected.aliases {
        let shares = |aliases| if aliases { "shares" } else { "does not share" };
        return Err(format!(
            "the result {} memory with its argument, expected that it {}",
            shares(aliases),
            shares(expected.aliases),
        ));
    }
    let shape = result.shape();
    if let Some(expected) = &expected.stride {
        let stride: Vec<i64> = result.stride().iter().map(|&stride| stride as i64).collect();
        // The strides of dims of size 0 or 1, and of empty tensors, carry no meaning.
        let means = !shape.contains(&0);
        let same = shape
            .iter()
            .zip(stride.iter().zip(expected))
            .all(|(&size, (actual, expected))| size == 1 || actual == expected);
        if stride.len() != expected.len() || means && !same {
            return Err(format!("stride {stride:?}, expected {expected:?}, of shape {shape:?}"));
        }
    }
    let offset = result.storage_offset() as i64;
    if let Some(expected) = expected.offset.filter(|&expected| expected != offset) {
        return Err(format!("storage offset {offset}, expected {expected}"));
    }
    let contiguous = result.is_contiguous();
    if let Some(expected) = expected.contiguous.filter(|&expected| expected != contiguous) {
        return Err(format!("is_contiguous() is {contiguous}, expected {expected}"));
    }
    Ok(())
}

/// Waits for the device and forgets an error that no read point has reported yet.
pub(crate) fn drain(device: Device) {
    // The case it belongs to has been judged.
    drop(taut::synchronize(device));
}
