//! `.npy` against files that NumPy wrote, see `numpy/make.py`.

use std::io::Read;

use taut::io::npy;
use taut::{DType, ErrorKind, Result, Tensor};

use crate::common::devices;
use crate::scratch::{Scratch, from_numpy};

const CODES: [(&str, DType); 9] = [
    ("b1", DType::Bool),
    ("u1", DType::U8),
    ("i1", DType::I8),
    ("i2", DType::I16),
    ("i4", DType::I32),
    ("i8", DType::I64),
    ("f2", DType::F16),
    ("f4", DType::F32),
    ("f8", DType::F64),
];

fn values(dtype: DType) -> Result<Tensor> {
    taut::tensor([[0, 1, 2], [3, 4, 100]], dtype)
}

fn assert_same(got: &Tensor, expected: &Tensor, what: &str) {
    assert_eq!((got.dtype(), got.shape()), (expected.dtype(), expected.shape()), "{what}");
    assert_eq!(got.tolist().unwrap(), expected.tolist().unwrap(), "{what}");
}

fn written(tensor: &Tensor) -> Vec<u8> {
    let mut bytes = Vec::new();
    npy::write(&mut bytes, tensor).unwrap();
    bytes
}

/// An `.npy` file of version 1 with this header and these bytes of elements.
fn file(header: &str, elements: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(elements);
    bytes
}

fn header(descr: &str, shape: &str) -> String {
    format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}")
}

#[test]
fn read_every_dtype_in_both_byte_orders() -> Result<()> {
    for (code, dtype) in CODES {
        let expected = values(dtype)?;
        let names = [format!("{code}.npy"), format!("big_{code}.npy")];
        for name in &names[..if dtype.size() > 1 { 2 } else { 1 }] {
            let bytes = from_numpy(name);
            assert_same(&npy::read(&bytes[..], ())?, &expected, name);
        }
    }
    Ok(())
}

#[test]
fn write_gives_the_bytes_of_numpy() -> Result<()> {
    for device in devices() {
        for (code, dtype) in CODES {
            if device.supports(dtype) {
                let x = values(dtype)?.to(device)?;
                assert!(written(&x) == from_numpy(&format!("{code}.npy")), "{code} from {device}");
            }
        }
        let x = values(DType::I32)?.to(device)?;
        assert!(written(&x.t()?.contiguous()?.t()?) == from_numpy("fortran.npy"), "{device}");
        // Neither order: C.
        assert!(written(&x.i((.., taut::slice(.., ..)))?) == from_numpy("i4.npy"), "{device}");
        assert!(written(&taut::arange(10, (DType::F32, device))?) == from_numpy("one_dim.npy"));
        assert!(written(&taut::zeros([2, 0, 3], device)?) == from_numpy("empty.npy"));
    }
    assert!(written(&taut::tensor(2.5, ())?) == from_numpy("scalar.npy"));
    Ok(())
}

#[test]
fn write_of_a_strided_view_is_row_major() -> Result<()> {
    let x = taut::arange(24, ())?.view([4, 6])?;
    let view = x.i((.., taut::slice(1, ..).step(2)))?;
    let back = npy::read(&written(&view)[..], ())?;
    assert_same(&back, &view, "every second column");
    assert!(back.is_contiguous());
    Ok(())
}

#[test]
fn read_of_fortran_order_is_strides() -> Result<()> {
    let x = npy::read(&from_numpy("fortran.npy")[..], ())?;
    assert_same(&x, &values(DType::I32)?, "fortran");
    assert_eq!(x.stride(), [1, 2]);
    for device in devices() {
        let there = npy::read(&from_numpy("fortran.npy")[..], device)?;
        assert_same(&there.cpu()?, &x, "fortran");
        assert_eq!(there.device(), device);
    }
    Ok(())
}

#[test]
fn read_of_scalars_empties_and_later_versions() -> Result<()> {
    let scalar = npy::read(&from_numpy("scalar.npy")[..], ())?;
    assert_same(&scalar, &taut::tensor(2.5, ())?, "scalar");
    let empty = npy::read(&from_numpy("empty.npy")[..], ())?;
    assert_eq!((empty.shape(), empty.dtype()), (&[2, 0, 3][..], DType::F32));
    for version in ["version_2.npy", "version_3.npy"] {
        assert_same(&npy::read(&from_numpy(version)[..], ())?, &values(DType::I32)?, version);
    }
    // As Python 2 wrote it.
    let old = file("{'shape': (2L,), 'fortran_order': False, \"descr\": '<u1'}", &[7, 8]);
    assert_same(&npy::read(&old[..], ())?, &taut::tensor([7u8, 8], ())?, "old");
    Ok(())
}

#[test]
fn read_takes_one_array_and_no_more() -> Result<()> {
    let mut bytes = from_numpy("f4.npy");
    bytes.extend(from_numpy("i8.npy"));
    bytes.push(9);
    let mut source = &bytes[..];
    assert_same(&npy::read(&mut source, ())?, &values(DType::F32)?, "first");
    assert_same(&npy::read(&mut source, ())?, &values(DType::I64)?, "second");
    assert_eq!(source, [9]);
    Ok(())
}

#[test]
fn read_converts_to_the_options_dtype() -> Result<()> {
    for device in devices() {
        let x = npy::read(&from_numpy("i4.npy")[..], (DType::F32, device))?;
        assert_eq!((x.device(), x.dtype()), (device, DType::F32));
        assert_eq!(x.to_vec::<f32>()?, [0.0, 1.0, 2.0, 3.0, 4.0, 100.0]);
    }
    Ok(())
}

#[test]
fn save_and_load_a_file() -> Result<()> {
    let scratch = Scratch::new("npy");
    // Larger than what is read at first.
    let x = taut::arange(100_000, DType::F64)?.view([250, 400])?;
    npy::save(scratch.path("x.npy"), &x)?;
    assert_same(&npy::load(scratch.path("x.npy"), ())?, &x, "load");
    let mut bytes = Vec::new();
    std::fs::File::open(scratch.path("x.npy"))?.read_to_end(&mut bytes)?;
    assert_same(&npy::read(&bytes[..], ())?, &x, "read");
    assert_eq!(npy::load(scratch.path("none.npy"), ()).unwrap_err().kind(), ErrorKind::Io);
    Ok(())
}

#[test]
fn into_ndarray_after_read_copies_nothing() -> Result<()> {
    let x = npy::read(&from_numpy("f8.npy")[..], ())?.numpy::<f64>()?;
    let at = x.read()?.as_ptr();
    let array = x.into_ndarray()?;
    assert_eq!(array.as_ptr(), at);
    assert_eq!(array.shape(), [2, 3]);
    Ok(())
}

#[test]
fn read_makes_bools_of_any_byte() -> Result<()> {
    let bytes = file(&header("'|b1'", "(4,)"), &[0, 1, 2, 255]);
    let x = npy::read(&bytes[..], ())?;
    assert_eq!(x.to_vec::<bool>()?, [false, true, true, true]);
    assert_eq!(x.sum(())?.item::<i64>()?, 3);
    assert_eq!(&written(&x)[128..], [0, 1, 1, 1]);
    Ok(())
}

#[test]
fn dtypes_without_a_counterpart_are_named() -> Result<()> {
    let cases = [
        ("uint32.npy", "npy dtype '<u4' is an unsigned integer of more than 8 bits"),
        ("complex64.npy", "npy dtype '<c8' is complex numbers"),
        ("text.npy", "npy dtype '<U1' is text"),
        ("pickled.npy", "npy dtype '|O' is pickled Python objects"),
        ("structured.npy", "the npy file holds a structured array"),
    ];
    for (name, expected) in cases {
        let error = npy::read(&from_numpy(name)[..], ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Dtype, "{name}");
        assert!(error.to_string().starts_with(expected), "{error}");
    }
    let error = npy::write(Vec::new(), &taut::zeros([2], DType::BF16)?).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Dtype);
    assert!(error.to_string().contains(".to(DType::F32)"), "{error}");
    Ok(())
}

#[test]
fn truncation_anywhere_is_an_error() {
    let bytes = from_numpy("f4.npy");
    for len in 0..bytes.len() {
        let error = npy::read(&bytes[..len], ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{len}: {error}");
    }
    let error = npy::read(&bytes[..140], ()).unwrap_err();
    let expected = "expected 24 bytes of elements, but the file ends after 12";
    assert_eq!(error.to_string(), expected);
}

/// None of these may panic, take long or ask for memory that its few bytes do not warrant.
#[test]
fn hostile_headers_are_errors() {
    let many = format!("({})", "1,".repeat(65));
    let shapes = [
        // Products that overflow, in elements, with zeros, in bytes.
        "(4294967296, 4294967296, 4)",
        "(0, 18446744073709551615, 2)",
        "(4611686018427387904,)",
        // Claims that the file does not keep.
        "(1152921504606846975,)",
        "(1000000000000,)",
        // No sizes.
        "(18446744073709551616,)",
        "(-1,)",
        "(1.5,)",
        "('a',)",
        "((1,),)",
        "(1 2)",
        "(,)",
        "[2]",
        "2",
        "None",
        many.as_str(),
    ];
    for shape in shapes {
        let bytes = file(&header("'<f8'", shape), &[0; 64]);
        let error = npy::read(&bytes[..], ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{shape}: {error}");
    }
    let deep = "[".repeat(5000);
    let headers = [
        "",
        "{",
        "{}",
        "{'descr': '<f4'",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': ()}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (), 'more': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': ()} {}",
        "{'descr': '<f\\x34', 'fortran_order': False, 'shape': ()}",
        "{'fortran_order': False, 'shape': (), 'descr': '<f4}",
        "{'shape': ('",
        "{'\u{e9}': 1}",
        deep.as_str(),
    ];
    for text in headers {
        let error = npy::read(&file(text, &[0; 64])[..], ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{text:.60}: {error}");
    }
    let nested = format!("{{'descr': {deep}");
    assert_eq!(npy::read(&file(&nested, &[])[..], ()).unwrap_err().kind(), ErrorKind::Dtype);
    for descr in ["''", "'<'", "'f'", "'<f16'", "'<b8'", "'<\u{1f600}'"] {
        let error = npy::read(&file(&header(descr, "()"), &[0; 64])[..], ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Dtype, "{descr}: {error}");
    }
}

#[test]
fn header_length_is_bounded_before_it_is_believed() {
    for (version, len) in [(1u8, 4), (2, 4), (3, 4), (2, 0)] {
        let mut bytes = b"\x93NUMPY".to_vec();
        bytes.extend([version, 0]);
        bytes.extend([0xff; 4]);
        bytes.extend(vec![b' '; len]);
        let error = npy::read(&bytes[..], ()).unwrap_err();
        assert!(error.to_string().contains("at most 10000 bytes"), "{error}");
    }
    let error = npy::read(&b"\x93NUMPY\x04\x00aaaaaaaa"[..], ()).unwrap_err();
    assert!(error.to_string().contains("version 1.0, 2.0 or 3.0, but got 4.0"), "{error}");
    let error = npy::read(&b"PK\x03\x04aaaaaaaa"[..], ()).unwrap_err();
    assert!(error.to_string().contains("PK\\x03\\x04aa"), "{error}");
}
