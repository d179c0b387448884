//! Buffers: transfers at any alignment, the pool, running out.

use super::*;
use crate::error::{Error, ErrorKind};

#[test]
fn transfers_at_any_offset_and_length_move_those_bytes_only() {
    let Some(device) = device() else { return };
    for offset in 0..6 {
        for len in 1..10 {
            let buffer = upload(&device, &[0xee_u8; 18]);
            let bytes: Vec<u8> = (1..=len as u8).collect();
            device.write(&buffer, offset, &bytes).unwrap();
            let mut expected = vec![0xee_u8; 18];
            expected[offset..offset + len].copy_from_slice(&bytes);
            assert_eq!(download::<u8>(&device, &buffer, 18), expected);
            let mut part = vec![0; len];
            device.read(&buffer, offset, &mut part).unwrap();
            assert_eq!(part, bytes);
        }
    }
}

#[test]
fn transfer_of_several_chunks_arrives_whole() {
    let Some(device) = device() else { return };
    let bytes: Vec<u8> = (0..70 << 20).map(|i: u32| (i ^ (i >> 11)) as u8).collect();
    let buffer = device.allocate(bytes.len() + 1).unwrap();
    device.write(&buffer, 1, &bytes).unwrap();
    let mut back = vec![0; bytes.len()];
    device.read(&buffer, 1, &mut back).unwrap();
    assert!(back == bytes);
}

#[test]
fn fresh_memory_is_zero() {
    let Some(device) = device() else { return };
    let buffer = device.allocate(1000).unwrap();
    assert_eq!(download::<u8>(&device, &buffer, 1000), vec![0; 1000]);
}

#[test]
fn pool_takes_dropped_buffers_and_gives_them_out_again() {
    let Some(device) = device() else { return };
    let first = device.allocate(100_000).unwrap();
    let live = device.stats().live_bytes;
    assert!(live >= 100_000);
    let alias = first.clone();
    drop(first);
    assert_eq!(device.stats().pooled_bytes, 0, "a handle is left");
    drop(alias);
    let stats = device.stats();
    assert_eq!((stats.live_bytes, stats.pooled_bytes), (0, live));
    let again = device.allocate(99_990).unwrap();
    let stats = device.stats();
    assert_eq!((stats.live_bytes, stats.pooled_bytes), (live, 0));
    assert_eq!(again.bytes(), 99_990);
}

#[test]
fn pool_keeps_no_more_than_was_alive_at_once() {
    let Some(device) = device_with(GpuOptions { pool: 0, ..Default::default() }) else { return };
    for size in (1..50).map(|i| i * 4096) {
        drop(device.allocate(size).unwrap());
        assert!(device.stats().pooled_bytes <= 49 * 4096);
    }
}

#[test]
fn allocation_beyond_the_device_is_an_error_and_not_the_end() {
    let Some(device) = device() else { return };
    let error = device.allocate(1 << 50).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Memory);
    let Error::OutOfMemory(details) = error else { unreachable!("by its kind") };
    assert_eq!((details.requested, &*details.device), (1 << 50, &*device.context.label));
    let buffer = upload(&device, &[1_u8, 2, 3]);
    assert_eq!(download::<u8>(&device, &buffer, 3), [1, 2, 3]);
}

#[test]
fn allocation_without_room_takes_the_pool_then_fails() {
    let options = GpuOptions { max_memory: Some(1 << 20), ..Default::default() };
    let Some(device) = device_with(options) else { return };
    let kept = device.allocate(400_000).unwrap();
    let live = device.stats().live_bytes;
    drop(device.allocate(300_000).unwrap());
    let pooled = device.stats().pooled_bytes;
    assert!(pooled >= 300_000);
    // Of another size: no room beside the pooled buffer, but in its place.
    let next = device.allocate(500_000).unwrap();
    assert_eq!(device.stats().pooled_bytes, 0);
    drop(next);
    let Error::OutOfMemory(details) = device.allocate(800_000).unwrap_err() else {
        panic!("another error")
    };
    assert_eq!((details.requested, details.live), (800_000, live));
    assert!(details.pooled >= 500_000);
    drop(kept);
    assert!(device.allocate(800_000).is_ok());
}

#[test]
fn memory_given_back_while_in_use_is_reused_in_queue_order() {
    let Some(device) = device() else { return };
    let len = 1 << 20;
    let out = device.allocate(4 * len).unwrap();
    for round in 0..5 {
        let [a, b] = [1.0_f32, 2.0].map(|value| upload(&device, &vec![value + round as f32; len]));
        let launch = binary(crate::ops::Op::Add, DType::F32, &[len]).launch(&[&a, &b, &out]);
        device.run(&[launch]).unwrap();
        drop((a, b));
        // These take the memory of a and b, which the launch may still be reading.
        let [c, d] = [(); 2].map(|()| upload(&device, &vec![-1.0_f32; len]));
        assert_eq!(device.stats().pooled_bytes, 0);
        let expected = vec![3.0 + 2.0 * round as f32; len];
        assert!(download::<f32>(&device, &out, len) == expected);
        drop((c, d));
    }
}

#[test]
fn failure_is_remembered_and_named() {
    let Some(device) = device() else { return };
    // A copy beyond the end: an error that no scope catches.
    let slab = device.context.device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 16,
        usage: wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    device.context.queue.write_buffer(&slab, 16, &[0; 4]);
    let error = device.allocate(16).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Device);
    assert!(error.to_string().starts_with(&*device.context.label), "{error}");
    assert_eq!(device.wait().unwrap_err().to_string(), error.to_string());
}
