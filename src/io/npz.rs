//! NumPy's `.npz`: named arrays, each an `.npy` file in a zip archive.
//!
//! Reads archives as `numpy.savez` (stored) and `numpy.savez_compressed` (deflated) write them, and writes
//! both. An array's name is its file's without `.npy`.
//!
//! An archive that unpacks to far more than it is itself is read no further than its arrays' own headers
//! say, piece by piece; [`names`] looks without unpacking anything. Elements that do not fit the archive's check
//! sum are an error.

use std::borrow::{Borrow, Cow};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::elements::malformed;
use super::npy;
use crate::error::{Error, Result};
use crate::tensor::{Options, Tensor};

/// Whether [`write()`] makes an archive smaller, at the price of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// As `numpy.savez` writes.
    #[default]
    Stored,
    /// As `numpy.savez_compressed` writes.
    Deflated,
}

/// Reads every array of an archive.
///
/// # Errors
/// As [`npy::read`] for each array; `Io` when the source is not a zip archive, its files overlap, or one of
/// them is not an array.
///
/// # Example
/// ```
/// use std::io::Cursor;
/// use taut::io::npz::{self, Compression};
/// let mut archive = Cursor::new(Vec::new());
/// let (x, y) = (taut::ones([2], ())?, taut::arange(3, ())?);
/// npz::write(&mut archive, [("x", &x), ("y", &y)], Compression::Deflated)?;
/// let arrays = npz::read(archive, ())?;
/// assert_eq!(arrays["x"].to_vec::<f32>()?, [1.0, 1.0]);
/// assert_eq!(arrays["y"].to_vec::<i64>()?, [0, 1, 2]);
/// # Ok::<(), taut::Error>(())
/// ```
pub fn read(
    source: impl Read + Seek,
    options: impl Into<Options>,
) -> Result<BTreeMap<String, Tensor>> {
    let options = options.into();
    let mut archive = open(source)?;
    // Or a small archive could be the same deflated zeros many thousand times.
    if archive.has_overlapping_files().map_err(failed)? {
        return Err(malformed("not an npz archive: its files overlap"));
    }
    let mut arrays = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).map_err(failed)?;
        let name = array_name(file.name())?;
        let array = array(&mut file, options).map_err(|error| within(&name, error))?;
        if arrays.insert(name.clone(), array).is_some() {
            return Err(malformed(format!("the npz archive has two arrays of the name '{name}'")));
        }
    }
    Ok(arrays)
}

/// Reads one array of an archive, and unpacks no other.
///
/// # Errors
/// As [`read`]; `Value` when the archive has no array of that name.
///
/// # Example
/// ```
/// use std::io::Cursor;
/// use taut::io::npz::{self, Compression};
/// let mut archive = Cursor::new(Vec::new());
/// npz::write(&mut archive, [("x", taut::ones([2], ())?)], Compression::Stored)?;
/// assert_eq!(npz::names(&mut archive)?, ["x"]);
/// assert_eq!(npz::read_one(&mut archive, "x", ())?.to_vec::<f32>()?, [1.0, 1.0]);
/// # Ok::<(), taut::Error>(())
/// ```
pub fn read_one(
    source: impl Read + Seek,
    name: &str,
    options: impl Into<Options>,
) -> Result<Tensor> {
    let mut archive = open(source)?;
    let Some(index) = archive.index_for_name(&format!("{name}.npy")) else {
        return Err(Error::value(format!("the npz archive has no array of the name '{name}'")));
    };
    let mut file = archive.by_index(index).map_err(failed)?;
    array(&mut file, options.into()).map_err(|error| within(name, error))
}

/// The names of the arrays of an archive, in its order.
///
/// # Errors
/// `Io` when the source is not a zip archive, or one of its files is not an array.
pub fn names(source: impl Read + Seek) -> Result<Vec<String>> {
    let archive = open(source)?;
    archive.file_names().map(array_name).collect()
}

/// Reads every array of a file, see [`read`].
///
/// # Errors
/// As [`read`].
pub fn load(
    path: impl AsRef<Path>,
    options: impl Into<Options>,
) -> Result<BTreeMap<String, Tensor>> {
    read(BufReader::new(File::open(path)?), options)
}

/// Writes an archive of named arrays; a map of tensors will do, or an array of pairs.
///
/// # Errors
/// As [`npy::write`]; `Io` when a name comes twice.
pub fn write<N: AsRef<str>, T: Borrow<Tensor>>(
    target: impl Write + Seek,
    arrays: impl IntoIterator<Item = (N, T)>,
    compression: Compression,
) -> Result<()> {
    let method = match compression {
        Compression::Stored => CompressionMethod::Stored,
        Compression::Deflated => CompressionMethod::Deflated,
    };
    // As NumPy: any file may turn out larger than 4 GiB.
    let options = SimpleFileOptions::default().compression_method(method).large_file(true);
    let mut archive = ZipWriter::new(target);
    for (name, array) in arrays {
        let name = name.as_ref();
        archive.start_file(format!("{name}.npy"), options).map_err(failed)?;
        npy::write(&mut archive, array.borrow()).map_err(|error| within(name, error))?;
    }
    archive.finish().map_err(failed)?;
    Ok(())
}

/// Writes a file of named arrays, see [`write()`].
///
/// # Errors
/// As [`write()`].
///
/// # Example
/// ```
/// use taut::io::npz::{self, Compression};
/// # let path = std::env::temp_dir().join(format!("taut-{}.npz", std::process::id()));
/// npz::save(&path, [("x", taut::ones([2], ())?)], Compression::Stored)?;
/// let arrays = npz::load(&path, ())?;
/// assert_eq!(arrays["x"].to_vec::<f32>()?, [1.0, 1.0]);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), taut::Error>(())
/// ```
pub fn save<N: AsRef<str>, T: Borrow<Tensor>>(
    path: impl AsRef<Path>,
    arrays: impl IntoIterator<Item = (N, T)>,
    compression: Compression,
) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    write(&mut file, arrays, compression)?;
    file.flush()?;
    Ok(())
}

fn open<R: Read + Seek>(source: R) -> Result<ZipArchive<R>> {
    ZipArchive::new(source).map_err(|error| malformed(format!("not an npz archive: {error}")))
}

fn array(file: &mut dyn Read, options: Options) -> Result<Tensor> {
    let array = npy::read_sized(file, None, options)?;
    // The end of the file is where its check sum is compared. What else comes there is left alone.
    file.take(1).read_to_end(&mut Vec::new())?;
    Ok(array)
}

fn array_name(file: Result<Cow<'_, str>, ZipError>) -> Result<String> {
    let file = file.map_err(failed)?;
    let name = file.strip_suffix(".npy").ok_or_else(|| {
        malformed(format!(
            "expected the files of an npz archive to end in .npy, but got '{}'",
            file.escape_debug()
        ))
    })?;
    Ok(name.to_owned())
}

fn failed(error: ZipError) -> Error {
    Error::Io(error.into())
}

/// Says of which array an error is.
fn within(name: &str, error: Error) -> Error {
    let name = name.escape_debug();
    match error {
        Error::Io(cause) => {
            Error::Io(std::io::Error::new(cause.kind(), format!("array '{name}': {cause}")))
        }
        Error::Dtype(cause) => Error::dtype(format!("array '{name}': {cause}")),
        other => other,
    }
}
