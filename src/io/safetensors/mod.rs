//! Safetensors: named tensors with metadata in one file.
//!
//! Every dtype of taut goes both ways; others (unsigned integers of more than 8 bits, 8-bit floats,
//! complex numbers) are errors that name them.
//!
//! | to | use | what is copied |
//! |---|---|---|
//! | read all tensors | [`load`], or [`read`] from bytes | from the file into tensors |
//! | read some | [`File::open`], then [`File::tensor`] | those tensors only |
//! | read none before it is used | [`File::map`] | nothing: the tensor is the file's memory |
//! | write | [`save`], [`save_with_metadata`], [`write()`] | one tensor at a time to the host |
//!
//! The header is parsed and checked by the `safetensors` crate; it is at most 100 MB and no longer than the
//! file, every tensor's bytes are what its sizes say, and the tensors cover the file without gap or overlap.

mod file;
mod map;
mod write;

use std::collections::BTreeMap;
use std::path::Path;

use ::safetensors::Dtype as FileDType;

pub use self::file::File;
pub use self::write::{save, save_with_metadata, write};

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::tensor::{Options, Tensor};

/// Reads every tensor of a file that is in memory.
///
/// # Errors
/// `Io` when the bytes are not a whole safetensors file; `Dtype` for a dtype that taut has not; `Device`
/// when the device lacks one; `OutOfMemory`.
///
/// # Example
/// ```
/// use taut::io::safetensors;
/// let mut bytes = Vec::new();
/// let weights = taut::ones([2, 3], taut::DType::BF16)?;
/// safetensors::write(&mut bytes, [("weights", &weights)], &Default::default())?;
/// let tensors = safetensors::read(&bytes, ())?;
/// assert_eq!(tensors["weights"].shape(), [2, 3]);
/// assert!(safetensors::read(&bytes[..bytes.len() - 1], ()).is_err());
/// # Ok::<(), taut::Error>(())
/// ```
pub fn read(bytes: &[u8], options: impl Into<Options>) -> Result<BTreeMap<String, Tensor>> {
    let source = std::io::Cursor::new(bytes);
    file::Contents::of(source, bytes.len() as u64)?.tensors(options.into())
}

/// Reads every tensor of a file.
///
/// # Errors
/// As [`read`].
///
/// # Example
/// ```
/// use taut::{Device, io::safetensors};
/// # let path = std::env::temp_dir().join(format!("taut-load-{}.safetensors", std::process::id()));
/// safetensors::save(&path, [("x", taut::arange(3, ())?)])?;
/// let tensors = safetensors::load(&path, Device::best())?;
/// assert_eq!(tensors["x"].to_vec::<i64>()?, [0, 1, 2]);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), taut::Error>(())
/// ```
pub fn load(
    path: impl AsRef<Path>,
    options: impl Into<Options>,
) -> Result<BTreeMap<String, Tensor>> {
    File::open(path)?.tensors(options)
}

const DTYPES: [(DType, FileDType); 10] = [
    (DType::Bool, FileDType::BOOL),
    (DType::U8, FileDType::U8),
    (DType::I8, FileDType::I8),
    (DType::I16, FileDType::I16),
    (DType::I32, FileDType::I32),
    (DType::I64, FileDType::I64),
    (DType::F16, FileDType::F16),
    (DType::BF16, FileDType::BF16),
    (DType::F32, FileDType::F32),
    (DType::F64, FileDType::F64),
];

fn dtype_of(name: &str, dtype: FileDType) -> Result<DType> {
    let found = DTYPES.iter().find(|(_, theirs)| *theirs == dtype);
    found.map(|(ours, _)| *ours).ok_or_else(|| {
        Error::dtype(format!(
            "tensor '{}' is of dtype {dtype}, which taut has not; expected one of {}",
            name.escape_debug(),
            DTYPES.map(|(_, theirs)| theirs.to_string()).join(", ")
        ))
    })
}

fn file_dtype(dtype: DType) -> FileDType {
    match DTYPES.iter().find(|(ours, _)| *ours == dtype) {
        Some((_, theirs)) => *theirs,
        None => unreachable!("every dtype is in the table"),
    }
}
