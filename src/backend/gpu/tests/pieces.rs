//! Tensors of several wgpu buffers: Note [Pieces], with buffers made so small that small tensors have many.

use super::small::{Results, Small, bytes, check};
use super::*;
use crate::{Device, Result};

#[test]
fn transfers_across_pieces_move_those_bytes_only() {
    let options = GpuOptions { max_buffer: Some(512), ..Default::default() };
    let Some(device) = device_with(options) else { return };
    let bytes: Vec<u8> = (0..3000_u32).map(|i| (i ^ (i >> 8)) as u8).collect();
    let buffer = upload(&device, &bytes);
    assert_eq!(download::<u8>(&device, &buffer, bytes.len()), bytes);
    for (offset, len) in [(0, 512), (511, 2), (510, 1030), (1024, 512), (3, 2990), (2999, 1)] {
        let part: Vec<u8> = (0..len).map(|i| 255 - (i % 251) as u8).collect();
        device.write(&buffer, offset, &part).unwrap();
        let mut expected = bytes.clone();
        expected[offset..offset + len].copy_from_slice(&part);
        assert_eq!(download::<u8>(&device, &buffer, bytes.len()), expected, "{offset} {len}");
        let mut back = vec![0; len];
        device.read(&buffer, offset, &mut back).unwrap();
        assert_eq!(back, part, "{offset} {len}");
        device.write(&buffer, 0, &bytes).unwrap();
    }
}

#[test]
fn pieces_come_back_from_the_pool_as_they_were() {
    let options = GpuOptions { max_buffer: Some(1024), ..Default::default() };
    let Some(device) = device_with(options) else { return };
    let first = device.allocate(5000).unwrap();
    let live = device.stats().live_bytes;
    assert_eq!(live, 4 * 1024 + 1024);
    drop(first);
    let again = upload(&device, &[3_u8; 5000]);
    let stats = device.stats();
    assert_eq!((stats.live_bytes, stats.pooled_bytes), (live, 0));
    assert_eq!(download::<u8>(&device, &again, 5000), [3; 5000]);
}

/// Bytes of what a program makes of it on the device: the same on all.
fn results(device: Device) -> Result<Results> {
    let (rows, columns) = (73_i64, 211_i64);
    let values: Vec<f32> =
        (0..rows * columns).map(|i| (i * 7919 % 10_007) as f32 - 5000.5).collect();
    let x = crate::from_slice(&values, [rows, columns], device)?;
    let small = crate::from_slice(&values[..columns as usize], [columns], device)?;
    let bytes_of: Vec<u8> = values.iter().map(|&v| v as i32 as u8).collect();
    let u = crate::from_slice(&bytes_of, [rows, columns], device)?;
    let ints = x.to(DType::I32)?;
    let places = crate::arange(4000, device)?.mul(3571)?.remainder(rows * columns)?;
    let mut all = vec![
        ("back", bytes::<f32>(&x)?),
        ("element-wise", bytes::<f32>(&x.mul(2)?.add(&x)?.exp()?)?),
        ("broadcast", bytes::<f32>(&x.add(&small)?.mul(&x.i((.., 3..4))?)?)?),
        ("transposed", bytes::<f32>(&x.t()?.add(1)?)?),
        ("bytes", bytes::<u8>(&u.add(&u.t()?.contiguous()?.view([rows, columns])?)?)?),
        ("narrow", bytes::<half::f16>(&x.to(DType::F16)?.mul(&x.to(DType::F16)?)?)?),
        ("inner", bytes::<f32>(&x.sum(1)?)?),
        ("outer", bytes::<f32>(&x.sum(0)?)?),
        ("all", bytes::<f32>(&x.sum(())?)?),
        ("position", bytes::<i64>(&x.argmax(())?)?),
        ("scan", bytes::<f32>(&x.cumsum(1)?)?),
        ("outer scan", bytes::<f32>(&x.cumsum(0)?)?),
        ("line", bytes::<f32>(&x.flatten(0, -1)?.cumsum(0)?)?),
        ("product", bytes::<i32>(&ints.mm(&ints.t()?)?)?),
        ("exact product", bytes::<f32>(&x.matmul_exact(&x.t()?)?)?),
        ("take", bytes::<f32>(&x.take(&places)?)?),
        ("take bytes", bytes::<u8>(&u.take(&places)?)?),
    ];
    let y = x.clone();
    y.i((3..70, 5..200))?.mul_(&x.i((1..68, 9..204))?)?;
    y.t()?.add_(&x.t()?)?;
    all.push(("in place", bytes::<f32>(&y)?));
    let b = u.clone();
    b.i((.., 1..210))?.add_(&u.i((.., 0..209))?)?;
    all.push(("bytes in place", bytes::<u8>(&b)?));
    let one = x.clone().flatten(0, -1)?;
    one.narrow(0, 0, 7000)?.add_(&one.narrow(0, 7001, 7000)?)?;
    all.push(("within one storage", bytes::<f32>(&one)?));
    all.push(("scan of a fill", bytes::<f32>(&crate::full([9001], 0.25, device)?.cumsum(0)?)?));
    Ok(all)
}

#[test]
fn tensors_in_pieces_have_the_bits_of_the_cpu() {
    let name = "backend::gpu::tests::pieces::tensors_in_pieces_have_the_bits_of_the_cpu";
    check(name, results, &[Small::new(1024, 128 << 20), Small::new(6400, 64 << 10)]);
}
