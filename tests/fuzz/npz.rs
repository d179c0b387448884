//! `.npz` archives, whole, damaged and of random bytes: arrays or an error, in memory of the order of what
//! the archive can unpack to.
#![allow(clippy::unwrap_used, reason = "a test, outside of its functions")]

use std::io::{Cursor, Write};

use arbitrary::Unstructured;
use proptest::prelude::*;
use taut::ErrorKind;
use taut::io::{npy, npz};

use super::allocated::peak;
use super::files::{FIXED, damaged};
use super::npy::file;

const NAMES: [&str; 8] =
    ["x.npy", "y.npy", "a/b.npy", ".npy", "\u{e9}.npy", "..\\z.npy", "x", "x.npy/"];

/// Deflate makes no byte of more than so many.
const DEFLATED: usize = 1032;

/// The bytes as they are, or an archive with damage, as the first bit says.
pub(crate) fn input(u: &mut Unstructured<'_>) -> arbitrary::Result<Vec<u8>> {
    if !u.arbitrary::<bool>()? {
        return Ok(u.bytes(u.len())?.to_vec());
    }
    let archive = archive(u)?;
    damaged(archive, u)
}

/// An archive whose files may have damage of their own, of which its check sums do not know.
fn archive(u: &mut Unstructured<'_>) -> arbitrary::Result<Vec<u8>> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for _ in 0..u.int_in_range(0..=3)? {
        let methods = [zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated];
        let method = *u.choose(&methods)?;
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        let arrays_only = u.ratio(7, 8)?;
        let name = *u.choose(if arrays_only { &NAMES[..6] } else { &NAMES })?;
        let file = file(u)?;
        let file = if u.ratio(1, 4)? { damaged(file, u)? } else { file };
        // Refused where the name came before.
        if archive.start_file(name, options.large_file(u.arbitrary()?)).is_ok() {
            archive.write_all(&file).unwrap();
        }
    }
    Ok(archive.finish().unwrap().into_inner())
}

/// Reads the archive; its arrays are written and read again. Whether it was one.
///
/// # Errors
/// Where it does not come back, or takes too much memory.
pub(crate) fn check(archive: &[u8]) -> Result<bool, TestCaseError> {
    let (read, bytes) = peak(|| npz::read(Cursor::new(archive), ()));
    let unpacked = archive.len() * DEFLATED;
    prop_assert!(bytes <= FIXED + 4 * unpacked, "{bytes} bytes for one of {}", archive.len());
    let arrays = match read {
        Ok(arrays) => arrays,
        Err(error) => {
            prop_assert!(matches!(error.kind(), ErrorKind::Io | ErrorKind::Dtype), "{error}");
            return Ok(false);
        }
    };
    let mut names = npz::names(Cursor::new(archive)).unwrap();
    names.sort_unstable();
    prop_assert_eq!(&names, &arrays.keys().cloned().collect::<Vec<_>>());
    for compression in [npz::Compression::Stored, npz::Compression::Deflated] {
        let mut written = Cursor::new(Vec::new());
        npz::write(&mut written, &arrays, compression).unwrap();
        let again = npz::read(written, ()).unwrap();
        prop_assert_eq!(&names, &again.keys().cloned().collect::<Vec<_>>());
        for (name, array) in &arrays {
            let [mut before, mut after] = [Vec::new(), Vec::new()];
            npy::write(&mut before, array).unwrap();
            npy::write(&mut after, &again[name]).unwrap();
            prop_assert_eq!(before, after, "{}", name);
        }
    }
    if let Some(name) = names.first() {
        let one = npz::read_one(Cursor::new(archive), name, ()).unwrap();
        prop_assert_eq!(one.shape(), arrays[name].shape());
    }
    Ok(true)
}
