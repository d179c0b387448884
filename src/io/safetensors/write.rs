//! Writing safetensors, one tensor at a time.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::Path;

use ::safetensors::tensor::{Metadata, TensorInfo};

use super::file_dtype;
use crate::error::{Error, Result};
use crate::io::elements::{little_endian, malformed};
use crate::tensor::Tensor;

/// What a header's length is a multiple of, so that the first tensor is aligned to any dtype.
const ALIGNMENT: usize = 8;

/// Writes named tensors from any device, views as contiguous copies; a map of tensors will do, or an
/// array of pairs.
///
/// # Errors
/// `Value` when a name comes twice or is `__metadata__`; `Io` when the target cannot be written; what
/// went wrong on a device since its last read point.
///
/// # Example
/// ```
/// use taut::io::safetensors;
/// let mut bytes = Vec::new();
/// let x = taut::arange(6, ())?.view([2, 3])?;
/// safetensors::write(&mut bytes, [("x", &x), ("x transposed", &x.t()?)], &Default::default())?;
/// let tensors = safetensors::read(&bytes, ())?;
/// assert_eq!(tensors["x transposed"].to_vec::<i64>()?, [0, 3, 1, 4, 2, 5]);
/// # Ok::<(), taut::Error>(())
/// ```
pub fn write<N: AsRef<str>, T: Borrow<Tensor>>(
    mut target: impl Write,
    tensors: impl IntoIterator<Item = (N, T)>,
    metadata: &BTreeMap<String, String>,
) -> Result<()> {
    let mut tensors: Vec<(N, T)> = tensors.into_iter().collect();
    // As the format's own library: large elements first, so that all are aligned.
    tensors.sort_by(|(name, x), (other_name, y)| {
        let [dtype, other] = [x, y].map(|tensor| file_dtype(tensor.borrow().dtype()));
        other.cmp(&dtype).then_with(|| name.as_ref().cmp(other_name.as_ref()))
    });
    target.write_all(&header(&tensors, metadata)?)?;
    for (_, tensor) in &tensors {
        target.write_all(&little_endian(tensor.borrow())?)?;
    }
    Ok(())
}

/// Writes a file of named tensors, see [`write()`].
///
/// The file appears whole or not at all: it is written beside the target and then renamed, so that
/// tensors mapped from a file of that name stay as they are.
///
/// # Errors
/// As [`write()`].
pub fn save<N: AsRef<str>, T: Borrow<Tensor>>(
    path: impl AsRef<Path>,
    tensors: impl IntoIterator<Item = (N, T)>,
) -> Result<()> {
    save_with_metadata(path, tensors, &BTreeMap::new())
}

/// Writes a file of named tensors and what it says of itself, see [`save`].
///
/// # Errors
/// As [`write()`].
pub fn save_with_metadata<N: AsRef<str>, T: Borrow<Tensor>>(
    path: impl AsRef<Path>,
    tensors: impl IntoIterator<Item = (N, T)>,
    metadata: &BTreeMap<String, String>,
) -> Result<()> {
    let path = path.as_ref();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any new file: what the umask leaves of it.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let file = builder.tempfile_in(folder.unwrap_or(Path::new(".")))?;
    let mut target = BufWriter::new(file);
    write(&mut target, tensors, metadata)?;
    let file = target.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// The length of the header, and the header.
fn header<N: AsRef<str>, T: Borrow<Tensor>>(
    tensors: &[(N, T)],
    metadata: &BTreeMap<String, String>,
) -> Result<Vec<u8>> {
    let mut names: Vec<&str> = tensors.iter().map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    let twice = names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
    if let Some(name) = twice.or(names.iter().find(|name| **name == "__metadata__").copied()) {
        return Err(Error::value(format!(
            "expected tensors of different names, none of them __metadata__, but got '{name}'"
        )));
    }
    let mut end = 0;
    let entries = tensors.iter().map(|(name, tensor)| {
        let tensor = tensor.borrow();
        let start = end;
        end += tensor.numel() * tensor.dtype().size();
        let info = TensorInfo {
            dtype: file_dtype(tensor.dtype()),
            shape: tensor.shape().to_vec(),
            data_offsets: (start, end),
        };
        (name.as_ref().to_owned(), info)
    });
    let entries = entries.collect();
    let header = Metadata::new(None, entries).map_err(|error| {
        malformed(format!("the tensors do not fit a safetensors file: {error}"))
    })?;
    let mut text = serde_json::to_vec(&header).map_err(std::io::Error::from)?;
    if !metadata.is_empty() {
        // Sorted: the format's own library has it in the order of a hash, which no two runs share.
        let mut entry = br#""__metadata__":"#.to_vec();
        serde_json::to_writer(&mut entry, metadata).map_err(std::io::Error::from)?;
        if !tensors.is_empty() {
            entry.push(b',');
        }
        text.splice(1..1, entry);
    }
    text.resize(text.len().next_multiple_of(ALIGNMENT), b' ');
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.append(&mut text);
    Ok(bytes)
}
