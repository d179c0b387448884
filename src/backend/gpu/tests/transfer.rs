//! Transfers in chunks, Note [Staging]: with chunks so small that everything is long.

use super::*;
use crate::backend::gpu::context::lock;
use crate::backend::gpu::transfer::{self, RING};

/// A device that transfers so many bytes at a time, with and without mapped buffers.
fn devices(chunk: u64) -> impl Iterator<Item = GpuBackend> {
    let devices = [Some(false), Some(true)].map(move |mapped| {
        let device = device_with(GpuOptions { chunk, mapped, ..Default::default() })?;
        let has = device.context.device.features();
        let has = has.contains(wgpu::Features::MAPPABLE_PRIMARY_BUFFERS);
        if mapped == Some(true) && !has {
            println!("not tested: mapped buffers on {}", &*device.context.label);
        }
        assert!(has == (mapped == Some(true)) || !has);
        Some(device)
    });
    devices.into_iter().flatten()
}

fn bytes(len: usize, seed: u32) -> Vec<u8> {
    (seed..).map(|i| (i ^ (i >> 7) ^ (i >> 13)) as u8).take(len).collect()
}

#[test]
fn transfers_of_many_chunks_move_those_bytes_only() {
    for device in devices(64) {
        let len = 3000;
        let buffer = device.allocate(len).unwrap();
        let mut expected = bytes(len, 1);
        device.write(&buffer, 0, &expected).unwrap();
        for round in 0..60 {
            let (start, size) = ((round * 37) % 70, (round * 541) % 2900 + 1);
            let new = bytes(size, 1000 * round as u32);
            device.write(&buffer, start, &new).unwrap();
            expected[start..start + size].copy_from_slice(&new);
            let mut whole = vec![0; len];
            device.read(&buffer, 0, &mut whole).unwrap();
            assert!(whole == expected, "write of {size} at {start}");
            let mut part = vec![0; size];
            device.read(&buffer, start, &mut part).unwrap();
            assert!(part == new, "read of {size} at {start}");
            let later = device.read_later(&buffer, start, vec![0; size]).unwrap();
            // It is of now.
            device.write(&buffer, start, &vec![0xee; size]).unwrap();
            device.write(&buffer, start, &new).unwrap();
            assert!(pollster::block_on(later).unwrap() == new, "later, of {size} at {start}");
        }
    }
}

#[test]
fn transfers_of_any_length_hold_a_ring_of_chunks() {
    let chunk = 4096;
    for device in devices(chunk) {
        for len in [100, 5000, 1 << 20, (1 << 20) + 3, 9000] {
            let values = bytes(len, len as u32);
            let buffer = upload(&device, &values);
            assert!(download::<u8>(&device, &buffer, len) == values);
            let held = lock(&device.state).staging.held();
            assert!(held.iter().all(|&bytes| bytes <= RING as u64 * chunk), "{held:?}");
        }
        let mapped = device.context.device.features();
        if !mapped.contains(wgpu::Features::MAPPABLE_PRIMARY_BUFFERS) {
            let held = lock(&device.state).staging.held();
            assert_eq!(held[..2], [RING as u64 * chunk; 2], "all of it was needed");
        }
    }
}

#[test]
fn short_writes_are_sent_off_before_they_add_up() {
    for device in devices(4096) {
        let parts: Vec<Buffer> = (0..100).map(|i| upload(&device, &bytes(1000, i))).collect();
        let held = lock(&device.state).staging.held();
        assert!(held[2] < RING as u64 * 4096 / 2, "{held:?}");
        for (i, part) in (0..).zip(&parts) {
            assert_eq!(download::<u8>(&device, part, 1000), bytes(1000, i));
        }
    }
}

#[test]
fn kernels_see_what_was_transferred_in_chunks_before_and_not_after() {
    for device in devices(1024) {
        let len = 50_000;
        let [a, b, out] = [(); 3].map(|()| device.allocate(4 * len).unwrap());
        let launch = binary(crate::ops::Op::Add, DType::I32, &[len]).launch(&[&a, &b, &out]);
        for round in 0..8 {
            let values: Vec<i32> = (round..).take(len).collect();
            for buffer in [&a, &b] {
                device.write(buffer, 0, bytemuck::cast_slice(&values)).unwrap();
            }
            device.run(std::slice::from_ref(&launch)).unwrap();
            device.write(&a, 0, &vec![0x55; 4 * len]).unwrap();
            let doubled: Vec<i32> = values.iter().map(|&value| 2 * value).collect();
            assert!(download::<i32>(&device, &out, len) == doubled);
        }
    }
}

#[test]
fn transfers_in_chunks_on_a_lost_device_are_errors() {
    for device in devices(1024) {
        let values = bytes(100_000, 3);
        let buffer = upload(&device, &values);
        let later = device.read_later(&buffer, 0, vec![0; 100_000]).unwrap();
        device.context.device.destroy();
        let mut back = vec![0; 100_000];
        assert!(device.read(&buffer, 0, &mut back).is_err());
        assert!(device.write(&buffer, 0, &values).is_err());
        assert!(device.read_later(&buffer, 0, back).is_err());
        // Whatever was first.
        assert!(pollster::block_on(later).map_or(true, |bytes| bytes == values));
    }
}

#[test]
fn buffer_that_is_not_mapped_is_a_failure_of_the_device_for_good() {
    let Some(device) = device() else { return };
    let context = &device.context;
    let staging = transfer::staging_buffer(context, transfer::FOR_READS, 64).unwrap();
    let map = || transfer::mapped(context, &staging, 64, context.queue.submit([]));
    let first = map().unwrap();
    let refused = map().map(drop).unwrap_err().to_string();
    assert!(refused.contains("a mapping failed"), "{refused}");
    assert_eq!(device.allocate(16).unwrap_err().to_string(), refused);
    drop(first);
}
