//! NumPy's `.npy`: one array a file.
//!
//! Reads versions 1 to 3 of the format, both byte orders, C and Fortran order; Fortran order becomes
//! strides, without a copy. Writes, byte for byte, what `numpy.save` writes.
//!
//! bool, int8, int16, int32, int64, uint8, float16, float32 and float64 go both ways. NumPy has no
//! bfloat16: convert to float32, or write safetensors. What NumPy has and taut has not (other unsigned
//! integers, complex numbers, text, structured and pickled arrays) is an error that names it.
//!
//! The header is read by a parser of its own that takes no more than NumPy writes. The general parsers of
//! Python literals that were tried take time exponential in the depth of brackets, and the sizes of a
//! shape whose product overflows.

mod header;

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use self::header::Header;
use super::elements::{little_endian, read_tensor};
use crate::error::Result;
use crate::tensor::{Options, Tensor};

/// Reads an array from a source: a file, a socket, the bytes themselves as `&bytes[..]`.
///
/// Takes the array's bytes and no more, so that several that were written one after the other can be
/// read so. The dtype is the file's, unless the options name one.
///
/// # Errors
/// `Io` when the source cannot be read, ends early or is not an `.npy` file; `Dtype` for a dtype that
/// taut has not; `Device` when the device lacks the dtype; `OutOfMemory`.
///
/// # Example
/// ```
/// use taut::io::npy;
/// let mut bytes = Vec::new();
/// npy::write(&mut bytes, &taut::arange(6, ())?.view([2, 3])?)?;
/// let x = npy::read(&bytes[..], ())?;
/// assert_eq!(x.shape(), [2, 3]);
/// assert_eq!(x.to_vec::<i64>()?, [0, 1, 2, 3, 4, 5]);
/// assert!(npy::read(&bytes[..100], ()).is_err());
/// # Ok::<(), taut::Error>(())
/// ```
pub fn read(mut source: impl Read, options: impl Into<Options>) -> Result<Tensor> {
    read_sized(&mut source, None, options.into())
}

/// As [`read`]; where it is known that so many bytes come after the header, they are read into place.
pub(super) fn read_sized(
    source: &mut dyn Read,
    bytes: Option<u64>,
    options: Options,
) -> Result<Tensor> {
    let header = Header::read(source)?;
    let available = bytes.map(|bytes| bytes.saturating_sub(header.bytes));
    let (encoding, layout) = (header.encoding, header.layout()?);
    read_tensor(source, encoding, layout, available)?.to(options)
}

/// Reads an array from a file, see [`read`].
///
/// # Errors
/// As [`read`].
///
/// # Example
/// ```
/// use taut::io::npy;
/// # let path = std::env::temp_dir().join(format!("taut-{}.npy", std::process::id()));
/// npy::save(&path, &taut::ones([2], ())?)?;
/// assert_eq!(npy::load(&path, taut::DType::F64)?.to_vec::<f64>()?, [1.0, 1.0]);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), taut::Error>(())
/// ```
pub fn load(path: impl AsRef<Path>, options: impl Into<Options>) -> Result<Tensor> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let bytes = metadata.is_file().then_some(metadata.len());
    read_sized(&mut BufReader::new(file), bytes, options.into())
}

/// Writes a tensor, from any device.
///
/// A tensor that lies in Fortran order is written so, as NumPy does; any other in C order.
///
/// # Errors
/// `Dtype` for bfloat16; `Io` when the target cannot be written; what went wrong on the device since
/// its last read point.
///
/// # Example
/// ```
/// use taut::{DType, io::npy};
/// let mut bytes = Vec::new();
/// npy::write(&mut bytes, &taut::zeros([2], ())?)?;
/// assert_eq!(&bytes[..6], b"\x93NUMPY");
/// assert!(npy::write(&mut bytes, &taut::zeros([2], DType::BF16)?).is_err());
/// # Ok::<(), taut::Error>(())
/// ```
pub fn write(mut target: impl Write, tensor: &Tensor) -> Result<()> {
    let dims: Vec<i64> = (0..tensor.dim() as i64).rev().collect();
    let reversed = tensor.permute(&dims)?;
    let fortran = !tensor.is_contiguous() && reversed.is_contiguous();
    let header = header::text(tensor.dtype(), tensor.shape(), fortran)?;
    let bytes = little_endian(if fortran { &reversed } else { tensor })?;
    target.write_all(&header)?;
    target.write_all(&bytes)?;
    Ok(())
}

/// Writes a tensor to a file, see [`write()`].
///
/// # Errors
/// As [`write()`].
pub fn save(path: impl AsRef<Path>, tensor: &Tensor) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    write(&mut file, tensor)?;
    file.flush()?;
    Ok(())
}
