//! `.npy` files, whole, damaged and of random bytes: an array or an error, in memory of the order of the
//! file's.
#![allow(clippy::unwrap_used, reason = "a test, outside of its functions")]

use arbitrary::Unstructured;
use proptest::prelude::*;
use taut::io::npy;
use taut::{DType, ErrorKind};

use super::allocated::peak;
use super::files::{FIXED, damaged, elements, size};

/// What taut has, and at the end what it has not.
const DESCRS: [&str; 24] = [
    "|b1", "|u1", "|i1", "<i2", "<i4", "<i8", "<f2", "<f4", "<f8", ">i2", ">i4", ">i8", ">f2",
    ">f4", ">f8", "=f4", "f8", "u1", "?", "<u4", "<c8", "<U3", "|O", "|V2",
];

/// The bytes as they are, or a file with damage, as the first bit says.
pub(crate) fn input(u: &mut Unstructured<'_>) -> arbitrary::Result<Vec<u8>> {
    if !u.arbitrary::<bool>()? {
        return Ok(u.bytes(u.len())?.to_vec());
    }
    let file = file(u)?;
    damaged(file, u)
}

/// A file as NumPy could have written it, but that its sizes may be too large and its elements too few.
pub(crate) fn file(u: &mut Unstructured<'_>) -> arbitrary::Result<Vec<u8>> {
    let (descr, fortran) = (*u.choose(&DESCRS)?, u.arbitrary::<bool>()?);
    let sizes = (0..u.int_in_range(0..=4)?).map(|_| size(u));
    let sizes = sizes.collect::<arbitrary::Result<Vec<u64>>>()?;
    let shape: String = sizes.iter().map(|size| format!("{size},")).collect();
    let order = if fortran { "True" } else { "False" };
    let text = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({shape}), }}\n");
    let mut file = b"\x93NUMPY".to_vec();
    match u.int_in_range(1..=3_u8)? {
        1 => {
            file.extend([1, 0]);
            file.extend((text.len() as u16).to_le_bytes());
        }
        version => {
            file.extend([version, 0]);
            file.extend((text.len() as u32).to_le_bytes());
        }
    }
    file.extend(text.as_bytes());
    let bytes = sizes.iter().fold(8, |bytes: u64, &size| bytes.saturating_mul(size));
    file.extend(elements(u, bytes)?);
    Ok(file)
}

/// Reads the file; an array is written and read again. Whether it was one.
///
/// # Errors
/// Where the array is not what the file says, or takes too much memory.
pub(crate) fn check(file: &[u8]) -> Result<bool, TestCaseError> {
    let mut source = file;
    let (read, bytes) = peak(|| npy::read(&mut source, ()));
    prop_assert!(bytes <= FIXED + 8 * file.len(), "{bytes} bytes for a file of {}", file.len());
    let array = match read {
        Ok(array) => array,
        Err(error) => {
            prop_assert!(matches!(error.kind(), ErrorKind::Io | ErrorKind::Dtype), "{error}");
            return Ok(false);
        }
    };
    let mut written = Vec::new();
    npy::write(&mut written, &array).unwrap();
    let again = npy::read(&written[..], ()).unwrap();
    prop_assert_eq!((again.dtype(), again.shape()), (array.dtype(), array.shape()));
    let mut rewritten = Vec::new();
    npy::write(&mut rewritten, &again).unwrap();
    prop_assert_eq!(&rewritten, &written);

    // In the order of the file, of which only the order of the bytes is not known here.
    let (size, end) = (array.dtype().size(), file.len() - source.len());
    let theirs = &file[end - array.numel() * size..end];
    let ours = &written[written.len() - array.numel() * size..];
    let mut swapped = theirs.to_vec();
    swapped.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    let truth: Vec<u8> = theirs.iter().map(|&byte| u8::from(byte != 0)).collect();
    let same = match array.dtype() {
        DType::Bool => ours == truth,
        _ => ours == theirs || ours == swapped,
    };
    prop_assert!(same, "{:?} became {:?}", theirs, ours);
    Ok(true)
}
