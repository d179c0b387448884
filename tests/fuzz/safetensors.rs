//! Safetensors files, whole, damaged and of random bytes: tensors or an error, in memory of the order of the
//! file's, whether they are read or mapped.
#![allow(unsafe_code, reason = "maps files, as a user would")]
#![allow(clippy::unwrap_used, reason = "a test, outside of its functions")]

use std::collections::BTreeMap;
use std::io::Write;

use ::safetensors::SafeTensors;
use arbitrary::Unstructured;
use proptest::prelude::*;
use taut::io::safetensors::{self, File};
use taut::{DType, ErrorKind, Tensor};

use super::allocated::peak;
use super::files::{FIXED, damaged, elements, size};

/// What taut has, and at the end what it has not.
const DTYPES: [(&str, u64); 14] = [
    ("BOOL", 1),
    ("U8", 1),
    ("I8", 1),
    ("I16", 2),
    ("I32", 4),
    ("I64", 8),
    ("F16", 2),
    ("BF16", 2),
    ("F32", 4),
    ("F64", 8),
    ("U16", 2),
    ("F8_E4M3", 1),
    ("C64", 8),
    ("F31", 4),
];

const NAMES: [&str; 6] = ["x", "y", "", "a.b", "\u{e9}", "\\n"];

/// Bytes of a tensor and its entry in a header, for each byte that the header has for it.
const ENTRY: usize = 64;

/// The bytes as they are, or a file with damage, as the first bit says.
pub(crate) fn input(u: &mut Unstructured<'_>) -> arbitrary::Result<Vec<u8>> {
    if !u.arbitrary::<bool>()? {
        return Ok(u.bytes(u.len())?.to_vec());
    }
    let file = file(u)?;
    damaged(file, u)
}

/// A file of up to four tensors, one after the other as its header says, but that a size may be too large.
fn file(u: &mut Unstructured<'_>) -> arbitrary::Result<Vec<u8>> {
    let (mut entries, mut end) = (Vec::new(), 0_u64);
    if u.arbitrary()? {
        entries.push(r#""__metadata__":{"format":"pt","":"\u00e9"}"#.to_owned());
    }
    for _ in 0..u.int_in_range(0..=4)? {
        let known = if u.ratio(1, 8)? { DTYPES.len() } else { 10 };
        let (dtype, bytes) = *u.choose(&DTYPES[..known])?;
        let sizes = (0..u.int_in_range(0..=3)?).map(|_| size(u));
        let sizes = sizes.collect::<arbitrary::Result<Vec<u64>>>()?;
        let start = end;
        end = end.saturating_add(sizes.iter().fold(bytes, |len, &size| len.saturating_mul(size)));
        entries.push(format!(
            r#""{}":{{"dtype":"{dtype}","shape":{sizes:?},"data_offsets":[{start},{end}]}}"#,
            u.choose(&NAMES)?
        ));
    }
    let mut header = format!("{{{}}}", entries.join(","));
    // Elements that are aligned, mostly.
    let aligned = header.len().next_multiple_of(8) - header.len();
    header.extend(std::iter::repeat_n(' ', if u.ratio(3, 4)? { aligned } else { 0 }));
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(elements(u, end)?);
    Ok(file)
}

/// Reads and maps the file; its tensors are written and read again. Whether they were tensors.
///
/// # Errors
/// Where a tensor is not what the file says, or takes too much memory.
pub(crate) fn check(file: &[u8]) -> Result<bool, TestCaseError> {
    let (read, bytes) = peak(|| safetensors::read(file, ()));
    prop_assert!(bytes <= FIXED + ENTRY * file.len(), "{bytes} bytes for one of {}", file.len());
    let tensors = match read {
        Ok(tensors) => tensors,
        Err(error) if error.kind() == ErrorKind::Dtype => return some_dtypes(file).map(|()| false),
        Err(error) => {
            prop_assert_eq!(error.kind(), ErrorKind::Io, "{}", error);
            return Ok(false);
        }
    };
    // The format's own library says the same of it.
    let theirs = SafeTensors::deserialize(file).unwrap();
    prop_assert_eq!(theirs.len(), tensors.len());
    for (name, tensor) in &tensors {
        let view = theirs.tensor(name).unwrap();
        prop_assert_eq!(
            (&view.dtype().to_string()[..], view.shape()),
            (code(tensor), tensor.shape())
        );
        let mut alone = Vec::new();
        safetensors::write(&mut alone, [("x", tensor)], &BTreeMap::new()).unwrap();
        let truth: Vec<u8> = view.data().iter().map(|&byte| u8::from(byte != 0)).collect();
        let expected = if tensor.dtype() == DType::Bool { &truth } else { view.data() };
        prop_assert_eq!(&alone[alone.len() - expected.len()..], expected, "{}", name);
    }
    let opened = open(file);
    let mapped = tensors.keys().map(|name| {
        // SAFETY: nobody else knows of the file.
        (name.clone(), unsafe { opened.map(name) }.unwrap())
    });
    let mapped: BTreeMap<String, Tensor> = mapped.collect();
    let metadata = opened.metadata();
    let written = written(&tensors, metadata);
    prop_assert_eq!(&self::written(&mapped, metadata), &written);
    let again = safetensors::read(&written, ()).unwrap();
    prop_assert_eq!(&self::written(&again, metadata), &written);
    let reopened = open(&written);
    prop_assert_eq!(reopened.metadata(), metadata);
    Ok(true)
}

/// What the dtype is called in a file.
fn code(tensor: &Tensor) -> &'static str {
    let place = DType::ALL.into_iter().position(|dtype| dtype == tensor.dtype());
    DTYPES[place.unwrap()].0
}

fn written(tensors: &BTreeMap<String, Tensor>, metadata: &BTreeMap<String, String>) -> Vec<u8> {
    let mut bytes = Vec::new();
    safetensors::write(&mut bytes, tensors, metadata).unwrap();
    bytes
}

fn open(file: &[u8]) -> File {
    let mut path = tempfile::NamedTempFile::new().unwrap();
    path.write_all(file).unwrap();
    // The file lives on, without a name.
    File::open(path.path()).unwrap()
}

/// Some of the tensors are of a dtype that taut has not; the others can be read.
fn some_dtypes(file: &[u8]) -> Result<(), TestCaseError> {
    let file = open(file);
    for name in file.names() {
        let read = file.tensor(name, ());
        match file.dtype(name) {
            Some(dtype) => match read {
                Ok(tensor) => prop_assert_eq!(tensor.dtype(), dtype),
                // Elements that nobody can count, though a size of 0 says that there are none.
                Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Io, "{}", error),
            },
            None => prop_assert_eq!(read.unwrap_err().kind(), ErrorKind::Dtype),
        }
    }
    Ok(())
}
