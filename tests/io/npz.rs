//! `.npz` against archives that NumPy wrote, see `numpy/make.py`.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};

use taut::io::npz::{self, Compression};
use taut::{DType, ErrorKind, Result};

use crate::common::devices;
use crate::scratch::{Scratch, from_numpy};

/// A zip archive of these files.
fn archive(files: &[(&str, &[u8])]) -> Cursor<Vec<u8>> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap()
}

#[test]
fn read_archives_of_numpy() -> Result<()> {
    for name in ["stored.npz", "deflated.npz"] {
        let archive = from_numpy(name);
        for device in devices() {
            let arrays = npz::read(Cursor::new(&archive), device)?;
            assert_eq!(arrays.keys().collect::<Vec<_>>(), ["x", "y"]);
            assert_eq!(arrays["x"].shape(), [2, 3]);
            assert_eq!(arrays["x"].device(), device);
            assert_eq!(arrays["x"].to_vec::<f32>()?, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
            assert_eq!(arrays["y"].to_vec::<i64>()?, (0..1000).collect::<Vec<_>>());
        }
        assert_eq!(npz::names(Cursor::new(&archive))?, ["x", "y"]);
        let y = npz::read_one(Cursor::new(&archive), "y", DType::F32)?;
        assert_eq!(y.narrow(0, 998, 2)?.to_vec::<f32>()?, [998.0, 999.0]);
        let error = npz::read_one(Cursor::new(&archive), "z", ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Value);
    }
    Ok(())
}

#[test]
fn write_and_read_give_the_same_arrays() -> Result<()> {
    let scratch = Scratch::new("npz");
    for device in devices() {
        let x = taut::arange(60_000, (DType::I32, device))?.view([200, 300])?;
        let arrays = BTreeMap::from([
            ("x".to_string(), x.alias()),
            ("sub/folder".to_string(), x.t()?),
            ("\u{e9}".to_string(), taut::zeros([0], device)?),
        ]);
        let mut sizes = Vec::new();
        for compression in [Compression::Stored, Compression::Deflated] {
            let path = scratch.path("arrays.npz");
            npz::save(&path, &arrays, compression)?;
            sizes.push(std::fs::metadata(&path)?.len());
            let back = npz::load(&path, ())?;
            assert_eq!(back.keys().collect::<Vec<_>>(), arrays.keys().collect::<Vec<_>>());
            for (name, array) in &arrays {
                assert_eq!(back[name].shape(), array.shape(), "{name}");
                assert_eq!(back[name].tolist()?, array.tolist()?, "{name}");
            }
        }
        assert!(sizes[1] < sizes[0], "{sizes:?}");
    }
    Ok(())
}

#[test]
fn write_refuses_what_cannot_be_told_apart() -> Result<()> {
    let x = taut::ones([2], ())?;
    let write = |name: &'static str, dtype| {
        let arrays = [("x", x.alias()), (name, x.to(dtype)?)];
        npz::write(Cursor::new(Vec::new()), arrays, Compression::Stored)
    };
    assert_eq!(write("x", DType::F32).unwrap_err().kind(), ErrorKind::Io);
    let error = write("y", DType::BF16).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Dtype);
    assert!(error.to_string().starts_with("array 'y': NumPy has no bfloat16"), "{error}");
    Ok(())
}

#[test]
fn truncation_anywhere_is_an_error() {
    for name in ["stored.npz", "deflated.npz"] {
        let bytes = from_numpy(name);
        for len in (0..bytes.len()).step_by(7).chain([bytes.len() - 1]) {
            assert_eq!(
                npz::read(Cursor::new(&bytes[..len]), ()).unwrap_err().kind(),
                ErrorKind::Io,
                "{name} cut to {len} bytes"
            );
        }
    }
}

#[test]
fn any_changed_byte_is_an_error_or_another_array() {
    let bytes = from_numpy("deflated.npz");
    for at in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0xff;
        // What it is depends on the byte; that it comes back at all is what is tested.
        if let Ok(arrays) = npz::read(Cursor::new(&bytes), ()) {
            assert!(arrays.len() <= 2);
        }
    }
}

/// NumPy finds it too: the archive has a check sum.
#[test]
fn changed_elements_are_an_error() -> Result<()> {
    let mut file = Cursor::new(Vec::new());
    npz::write(&mut file, [("x", taut::arange(10, DType::U8)?)], Compression::Stored)?;
    let mut bytes = file.into_inner();
    let elements: Vec<u8> = (0..10).collect();
    let at = bytes.windows(10).position(|window| window == elements).unwrap();
    bytes[at + 5] ^= 1;
    for error in [
        npz::read(Cursor::new(&bytes), ()).unwrap_err(),
        npz::read_one(Cursor::new(&bytes), "x", ()).unwrap_err(),
    ] {
        assert_eq!(error.to_string(), "array 'x': Invalid checksum");
    }
    Ok(())
}

#[test]
fn files_that_are_no_arrays_are_errors() {
    let error = npz::read(archive(&[("readme.txt", b"hello")]), ()).unwrap_err();
    assert!(error.to_string().contains("'readme.txt'"), "{error}");
    let error = npz::read(archive(&[("x.npy", b"hello")]), ()).unwrap_err();
    assert!(error.to_string().starts_with("array 'x': not an npy file"), "{error}");
    assert_eq!(npz::read(Cursor::new(b"hello"), ()).unwrap_err().kind(), ErrorKind::Io);
}

/// 64 MiB of zeros deflate to 64 KiB; the array's header claims 4 bytes of them, or far too many.
#[test]
fn bombs_are_read_as_far_as_the_header_says() -> Result<()> {
    for (size, fits) in [("1", true), ("1000000000000", false)] {
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({size},), }}");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.resize(64 << 20, 0);
        let archive = archive(&[("x.npy", &bytes)]);
        assert!(archive.get_ref().len() < 1 << 20);
        match npz::read(archive, ()) {
            Ok(arrays) if fits => assert_eq!(arrays["x"].to_vec::<f32>()?, [0.0]),
            Ok(_) => panic!("4 TB were read"),
            Err(error) => {
                assert!(!fits && error.to_string().contains("but the file ends after"), "{error}");
            }
        }
    }
    Ok(())
}

/// Every entry of the archive is the same few bytes of it, so that all of them unpack to its square.
#[test]
fn files_that_overlap_are_errors() -> Result<()> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("0.npy", zip::write::SimpleFileOptions::default()).unwrap();
    taut::io::npy::write(&mut writer, &taut::zeros([1 << 20], DType::U8)?)?;
    for copy in 1..100 {
        writer.shallow_copy_file("0.npy", &format!("{copy}.npy")).unwrap();
    }
    let archive = writer.finish().unwrap();
    assert!(archive.get_ref().len() < 1 << 14);
    let error = npz::read(archive.clone(), ()).unwrap_err();
    assert_eq!(error.to_string(), "not an npz archive: its files overlap");
    assert_eq!(npz::read_one(archive, "7", ())?.numel(), 1 << 20);
    Ok(())
}
