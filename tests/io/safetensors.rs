//! Safetensors: round trips, memory maps, and files that nobody should write.

use std::collections::BTreeMap;

use taut::io::safetensors::{self, File};
use taut::{DType, ErrorKind, Result, Tensor};

use crate::common::devices;
use crate::scratch::Scratch;

fn assert_same(got: &Tensor, expected: &Tensor, what: &str) {
    assert_eq!((got.dtype(), got.shape()), (expected.dtype(), expected.shape()), "{what}");
    assert_eq!(got.tolist().unwrap(), expected.tolist().unwrap(), "{what}");
}

/// A file with this header and these bytes of elements.
fn file(header: &str, elements: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(elements);
    bytes
}

fn one(dtype: &str, shape: &str, offsets: &str) -> String {
    format!(r#"{{"x":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}}}"#)
}

/// Maps a tensor of a file that this test wrote.
fn map(file: &File, name: &str) -> Tensor {
    // SAFETY: the file is in a folder of this test's own, which does not change it.
    unsafe { file.map(name) }.unwrap()
}

#[test]
fn every_dtype_goes_both_ways_on_every_device() -> Result<()> {
    let scratch = Scratch::new("safetensors-dtypes");
    for device in devices() {
        let dtypes = DType::ALL.into_iter().filter(|&dtype| device.supports(dtype));
        let mut tensors = BTreeMap::new();
        for dtype in dtypes {
            let x = taut::tensor([[0, 1, 2], [3, 4, 100]], (dtype, device))?;
            tensors.insert(dtype.to_string(), x.alias());
            tensors.insert(format!("{dtype} transposed"), x.t()?);
            tensors.insert(format!("{dtype} scalar"), x.i((1, 1))?);
            tensors.insert(format!("{dtype} empty"), x.narrow(0, 0, 0)?);
        }
        let path = scratch.path("all.safetensors");
        safetensors::save(&path, &tensors)?;
        let read = safetensors::read(&std::fs::read(&path)?, ())?;
        let loaded = safetensors::load(&path, device)?;
        let file = File::open(&path)?;
        assert_eq!(file.names().collect::<Vec<_>>(), tensors.keys().collect::<Vec<_>>());
        for (name, expected) in &tensors {
            assert_same(&read[name], expected, name);
            assert_same(&loaded[name], expected, name);
            assert_eq!(loaded[name].device(), device);
            assert_same(&map(&file, name), expected, name);
            assert_eq!(file.dtype(name), Some(expected.dtype()));
            assert_eq!(file.shape(name), Some(expected.shape()));
        }
        assert_eq!((read.len(), loaded.len()), (tensors.len(), tensors.len()));
    }
    Ok(())
}

#[test]
fn files_are_those_of_the_formats_own_library() -> Result<()> {
    use ::safetensors::{Dtype, SafeTensors, tensor::TensorView};
    let x: Vec<u8> = [1.0f32, 2.0, 3.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    let view = |dtype, shape: &[usize], data| TensorView::new(dtype, shape.to_vec(), data).unwrap();
    let theirs = [
        ("a", view(Dtype::U8, &[5], &[1, 2, 3, 4, 5])),
        ("b", view(Dtype::F32, &[3, 1], &x)),
        ("c", view(Dtype::I16, &[1], &[9, 0])),
    ];
    let metadata = [("format".to_string(), "pt".to_string())];
    let theirs = ::safetensors::serialize(theirs, Some(metadata.clone().into())).unwrap();
    let mut ours = Vec::new();
    let tensors = [
        ("c", taut::tensor([9i16], ())?),
        ("a", taut::tensor([1u8, 2, 3, 4, 5], ())?),
        ("b", taut::tensor([[1.0f32], [2.0], [3.0]], ())?),
    ];
    safetensors::write(&mut ours, tensors, &metadata.into())?;
    assert_eq!(ours, theirs);
    let parsed = SafeTensors::deserialize(&ours).unwrap();
    assert_eq!(parsed.tensor("c").unwrap().data(), [9, 0]);
    Ok(())
}

/// Metadata comes in the order of its keys, not of some hash.
#[test]
fn the_same_tensors_are_the_same_bytes() -> Result<()> {
    let x = taut::ones([2], ())?;
    let metadata = (0..8).map(|key| (format!("{key}\""), "é".to_owned())).collect();
    let mut files = [Vec::new(), Vec::new()];
    for file in &mut files {
        safetensors::write(file, [("x", &x)], &metadata)?;
    }
    assert_eq!(files[0], files[1]);
    let header = String::from_utf8_lossy(&files[0][8..]);
    assert!(header.starts_with(r#"{"__metadata__":{"0\"":"é","1\"":"#), "{header}");
    let (_, theirs) = ::safetensors::SafeTensors::read_metadata(&files[0]).unwrap();
    assert_eq!(theirs.metadata().as_ref().unwrap().len(), 8);
    Ok(())
}

#[test]
fn mapped_tensor_is_the_files_memory_until_it_is_written() -> Result<()> {
    let scratch = Scratch::new("safetensors-map");
    let path = scratch.path("x.safetensors");
    let x = taut::arange(100_000, DType::F32)?;
    safetensors::save(&path, [("x", &x), ("y", &x.neg()?)])?;
    let before = std::fs::read(&path)?;

    let file = File::open(&path)?;
    let (first, second, y) = (map(&file, "x"), map(&file, "x"), map(&file, "y"));
    drop(file);
    assert_same(&first, &x, "mapped");
    first.add_(1)?;
    first.narrow(0, 0, 2)?.mul_(10)?;
    assert_eq!(first.narrow(0, 0, 3)?.to_vec::<f32>()?, [10.0, 20.0, 3.0]);
    // Neither the other mapping nor its neighbour nor the file sees it.
    assert_same(&second, &x, "second");
    assert_same(&y, &x.neg()?, "neighbour");
    assert!(std::fs::read(&path)? == before, "the file changed");
    // Shared with a host array like any other memory, and it outlives what it came from.
    let array = second.numpy::<f32>()?;
    array.write()?[[7]] = -1.0;
    assert_eq!(second.i(7)?.item::<f32>()?, -1.0);
    let view = first.narrow(0, 99_998, 2)?;
    drop((first, second, array));
    assert_eq!(view.to_vec::<f32>()?, [99_999.0, 100_000.0]);
    Ok(())
}

#[test]
fn misaligned_tensors_are_copied() -> Result<()> {
    let scratch = Scratch::new("safetensors-misaligned");
    for spaces in 0..8 {
        let header = format!("{}{}", one("F64", "[2]", "[0,16]"), " ".repeat(spaces));
        let elements: Vec<u8> = [1.5f64, -2.5].iter().flat_map(|v| v.to_le_bytes()).collect();
        let path = scratch.path("x.safetensors");
        std::fs::write(&path, file(&header, &elements))?;
        let x = map(&File::open(&path)?, "x");
        x.mul_(2)?;
        assert_eq!(x.to_vec::<f64>()?, [3.0, -5.0], "{spaces}");
    }
    Ok(())
}

#[test]
fn saving_over_a_mapped_file_leaves_the_mapping() -> Result<()> {
    let scratch = Scratch::new("safetensors-over");
    let path = scratch.path("x.safetensors");
    let x = taut::arange(50_000, ())?;
    safetensors::save(&path, [("x", &x)])?;
    let mapped = map(&File::open(&path)?, "x");
    // The new file is far shorter.
    safetensors::save(&path, [("x", mapped.narrow(0, 0, 2)?)])?;
    assert_same(&mapped, &x, "mapped");
    assert_eq!(safetensors::load(&path, ())?["x"].to_vec::<i64>()?, [0, 1]);
    Ok(())
}

#[cfg(unix)]
#[test]
fn saved_file_has_the_permissions_of_any_new_file() -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new("safetensors-mode");
    let mode = |name: &str| std::fs::metadata(scratch.path(name)).unwrap().permissions().mode();
    safetensors::save(scratch.path("x.safetensors"), [("x", taut::ones([2], ())?)])?;
    std::fs::write(scratch.path("plain"), b"")?;
    assert_eq!(mode("x.safetensors"), mode("plain"));
    Ok(())
}

#[test]
fn names_must_differ() -> Result<()> {
    let x = taut::ones([2], ())?;
    for name in ["x", "__metadata__"] {
        let tensors = [("x", &x), (name, &x)];
        let error = safetensors::write(Vec::new(), tensors, &BTreeMap::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Value);
        assert!(error.to_string().contains(name), "{error}");
    }
    let empty: [(&str, &Tensor); 0] = [];
    let mut bytes = Vec::new();
    safetensors::write(&mut bytes, empty, &BTreeMap::new())?;
    assert!(safetensors::read(&bytes, ())?.is_empty());
    Ok(())
}

#[test]
fn missing_names_and_dtypes_are_named() -> Result<()> {
    let scratch = Scratch::new("safetensors-missing");
    let path = scratch.path("x.safetensors");
    std::fs::write(&path, file(&one("U32", "[2]", "[0,8]"), &[0; 8]))?;
    let file = File::open(&path)?;
    assert_eq!((file.dtype("x"), file.shape("x")), (None, Some(&[2][..])));
    assert_eq!(file.tensor("y", ()).unwrap_err().kind(), ErrorKind::Value);
    let error = file.tensor("x", ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Dtype);
    assert!(
        error.to_string().starts_with("tensor 'x' is of dtype U32, which taut has not"),
        "{error}"
    );
    Ok(())
}

#[test]
fn bools_of_any_byte_are_true() -> Result<()> {
    let bytes = file(&one("BOOL", "[4]", "[0,4]"), &[0, 1, 2, 255]);
    assert_eq!(safetensors::read(&bytes, ())?["x"].to_vec::<bool>()?, [false, true, true, true]);
    let scratch = Scratch::new("safetensors-bools");
    std::fs::write(scratch.path("x"), bytes)?;
    let x = map(&File::open(scratch.path("x"))?, "x");
    assert_eq!(x.sum(())?.item::<i64>()?, 3);
    assert_eq!(x.numpy::<bool>()?.to_vec()?, [false, true, true, true]);
    Ok(())
}

#[test]
fn truncation_anywhere_is_an_error() {
    let bytes = file(&one("F32", "[2]", "[0,8]"), &[0; 8]);
    assert!(safetensors::read(&bytes, ()).is_ok());
    for len in 0..bytes.len() {
        let error = safetensors::read(&bytes[..len], ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{len}: {error}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(safetensors::read(&longer, ()).unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn hostile_headers_are_errors() {
    let two = |first: &str, second: &str| {
        let entry = |offsets| format!(r#"{{"dtype":"F32","shape":[2],"data_offsets":{offsets}}}"#);
        format!(r#"{{"x":{},"y":{}}}"#, entry(first), entry(second))
    };
    let deep = format!(r#"{{"x":{}"#, "[".repeat(100_000));
    let many = format!("[{}1]", "1,".repeat(64));
    let headers = [
        // Products that overflow.
        one("F32", "[4294967296,4294967296,4]", "[0,16]"),
        one("F64", "[2305843009213693952]", "[0,0]"),
        one("F32", "[0,18446744073709551615,2]", "[0,0]"),
        // Offsets that overlap, leave a gap, run backwards, or reach past the end.
        two("[0,8]", "[4,12]"),
        two("[0,8]", "[0,8]"),
        two("[0,8]", "[12,20]"),
        one("F32", "[2]", "[8,0]"),
        one("F32", "[2]", "[0,18446744073709551615]"),
        one("F32", "[2]", "[18446744073709551608,18446744073709551615]"),
        one("F32", "[2]", "[8,16]"),
        one("F32", "[3]", "[0,16]"),
        one("F32", "[1152921504606846976]", "[0,4611686018427387904]"),
        // Not numbers, not sizes, not a dtype, not JSON.
        one("F32", "[-1]", "[0,16]"),
        one("F32", "[1.5]", "[0,16]"),
        one("F32", "4", "[0,16]"),
        one("F32", "[4]", "[0,16,32]"),
        one("F31", "[4]", "[0,16]"),
        one("F32", &many, "[0,4]"),
        r#"{"__metadata__":{"a":1}}"#.into(),
        "[]".into(),
        "{".into(),
        String::new(),
        deep,
    ];
    for header in headers {
        let error = safetensors::read(&file(&header, &[0; 16]), ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{header:.80}: {error}");
    }
    let not_utf8 = [&8u64.to_le_bytes()[..], b"{\"\xff\":1}"].concat();
    assert_eq!(safetensors::read(&not_utf8, ()).unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn header_length_is_compared_with_the_file() {
    for len in [u64::MAX, u64::MAX - 8, 1 << 62, 100_000_001, 100_000_000, 17] {
        let bytes = [&len.to_le_bytes()[..], &[b' '; 16]].concat();
        let error = safetensors::read(&bytes, ()).unwrap_err();
        let expected =
            format!("a safetensors file of 24 bytes cannot have a header of {len} bytes");
        assert_eq!(error.to_string(), expected);
    }
}
