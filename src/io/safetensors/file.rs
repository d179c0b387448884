//! A safetensors file of which only the header has been read.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ::safetensors::Dtype as FileDType;
use ::safetensors::tensor::Metadata;

use super::dtype_of;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::io::elements::{Encoding, layout_of, malformed, read_tensor};
use crate::layout::Layout;
use crate::tensor::{Options, Tensor};

/// Bytes before the header, which say how long it is.
const LEN_BYTES: u64 = 8;

/// The format's own limit.
const MAX_HEADER: u64 = 100_000_000;

/// A safetensors file whose tensors are read when they are asked for.
///
/// # Example
/// ```
/// use taut::io::safetensors::{self, File};
/// # let path = std::env::temp_dir().join(format!("taut-file-{}.safetensors", std::process::id()));
/// let (x, y) = (taut::ones([2, 3], ())?, taut::zeros([4], ())?);
/// let metadata = [("format".to_string(), "pt".to_string())].into();
/// safetensors::save_with_metadata(&path, [("x", &x), ("y", &y)], &metadata)?;
///
/// let file = File::open(&path)?;
/// assert_eq!(file.names().collect::<Vec<_>>(), ["x", "y"]);
/// assert_eq!(file.shape("x"), Some(&[2, 3][..]));
/// assert_eq!(file.metadata()["format"], "pt");
/// assert_eq!(file.tensor("x", ())?.to_vec::<f32>()?, [1.0; 6]);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), taut::Error>(())
/// ```
#[derive(Debug)]
pub struct File {
    pub(super) contents: Contents<std::fs::File>,
}

impl File {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// `Io` when the file cannot be read, or is not what the format says.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let file = std::fs::File::open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { contents: Contents::of(file, bytes)? })
    }

    /// The names of the tensors, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.contents.entries.keys().map(String::as_str)
    }

    /// What the file says of itself.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.contents.metadata
    }

    /// The sizes of a tensor, if the file has it.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        Some(&self.contents.entries.get(name)?.sizes)
    }

    /// The dtype of a tensor, if the file has it and taut has the dtype.
    pub fn dtype(&self, name: &str) -> Option<DType> {
        dtype_of(name, self.contents.entries.get(name)?.dtype).ok()
    }

    /// Reads one tensor.
    ///
    /// # Errors
    /// `Value` when the file has no tensor of that name; else as [`load`](super::load).
    pub fn tensor(&self, name: &str, options: impl Into<Options>) -> Result<Tensor> {
        self.contents.tensor(name)?.to(options.into())
    }

    /// Reads every tensor.
    ///
    /// # Errors
    /// As [`load`](super::load).
    pub fn tensors(&self, options: impl Into<Options>) -> Result<BTreeMap<String, Tensor>> {
        self.contents.tensors(options.into())
    }
}

/// A file, or bytes as one, and what its header says.
#[derive(Debug)]
pub(super) struct Contents<R> {
    /// Its position is wherever the last read left it.
    pub(super) source: Mutex<R>,
    entries: BTreeMap<String, Entry>,
    metadata: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Entry {
    dtype: FileDType,
    sizes: Vec<usize>,
    /// From the start of the file.
    bytes: Range<u64>,
}

/// A tensor of the file, checked.
pub(super) struct Place {
    pub(super) dtype: DType,
    pub(super) layout: Layout,
    /// From the start of the file.
    pub(super) bytes: Range<u64>,
}

impl<R: Read + Seek> Contents<R> {
    /// Reads the header of a file of so many bytes.
    pub(super) fn of(mut source: R, file_bytes: u64) -> Result<Self> {
        let mut len = [0; LEN_BYTES as usize];
        source.read_exact(&mut len).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => malformed("not a safetensors file: it is too short"),
            _ => error.into(),
        })?;
        let len = u64::from_le_bytes(len);
        let start = len.saturating_add(LEN_BYTES);
        if len > MAX_HEADER || start > file_bytes {
            return Err(malformed(format!(
                "a safetensors file of {file_bytes} bytes cannot have a header of {len} bytes"
            )));
        }
        let mut text = vec![0; len as usize];
        source.read_exact(&mut text)?;
        // Checks, with checked arithmetic, that the tensors follow each other without gap or overlap
        // and that each has the bytes that its sizes need.
        let header: Metadata = serde_json::from_slice(&text)
            .map_err(|error| malformed(format!("the safetensors header is malformed: {error}")))?;
        let end = start.saturating_add(header.data_len() as u64);
        if end != file_bytes {
            return Err(malformed(format!(
                "expected a safetensors file of {end} bytes, as its header says, but got {file_bytes}"
            )));
        }
        let tensors = header.tensors().into_iter().map(|(name, info)| {
            let (from, to) = info.data_offsets;
            let bytes = start + from as u64..start + to as u64;
            (name, Entry { dtype: info.dtype, sizes: info.shape.clone(), bytes })
        });
        let entries = tensors.collect();
        let metadata = header.metadata().iter().flatten();
        let metadata = metadata.map(|(key, value)| (key.clone(), value.clone())).collect();
        Ok(Self { source: Mutex::new(source), entries, metadata })
    }

    pub(super) fn place(&self, name: &str) -> Result<Place> {
        let Some(entry) = self.entries.get(name) else {
            return Err(Error::value(format!(
                "the safetensors file has no tensor of the name '{}'",
                name.escape_debug()
            )));
        };
        let dtype = dtype_of(name, entry.dtype)?;
        let sizes: Vec<u64> = entry.sizes.iter().map(|&size| size as u64).collect();
        let layout = layout_of(&sizes, dtype)?;
        Ok(Place { dtype, layout, bytes: entry.bytes.clone() })
    }

    pub(super) fn tensor(&self, name: &str) -> Result<Tensor> {
        let Place { dtype, layout, bytes } = self.place(name)?;
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        source.seek(SeekFrom::Start(bytes.start))?;
        let available = Some(bytes.end - bytes.start);
        read_tensor(&mut *source, Encoding { dtype, big_endian: false }, layout, available)
    }

    pub(super) fn tensors(&self, options: Options) -> Result<BTreeMap<String, Tensor>> {
        let read = |name: &String| Ok((name.clone(), self.tensor(name)?.to(options)?));
        self.entries.keys().map(read).collect()
    }
}
