//! Memory that runs out: an error at the next read point, and nothing else.
//!
//! What a GPU has is lowered through the environment, so these tests run in processes of their own.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "common/alone.rs"]
mod alone;
mod common;

use std::process::Command;

use alone::alone;
use common::devices;
use taut::{DType, Device, Error, ErrorKind, OutOfMemory, Tensor};

/// More than any machine addresses, so that no system lends it in the hope that it is never used.
const TOO_MUCH: usize = 1 << 50;

/// Set in a process that a test has started.
const ALONE: &str = "TAUT_TEST_ALONE";

/// Runs the test again in a process of its own with so many bytes of GPU memory; whether this is it.
fn is_alone(test: &str, memory: usize) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let mut process = Command::new(std::env::current_exe().unwrap());
    process.args(["--exact", test, "--nocapture"]);
    process.env(ALONE, "1").env("TAUT_MAX_MEMORY", memory.to_string());
    let output = process.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{output:?}");
    false
}

fn gpus() -> impl Iterator<Item = Device> {
    devices().into_iter().filter(|&device| device != Device::Cpu)
}

fn details(error: Error) -> OutOfMemory {
    assert_eq!(error.kind(), ErrorKind::Memory, "{error}");
    match error {
        Error::OutOfMemory(details) => *details,
        other => panic!("{other}"),
    }
}

#[test]
fn tensor_beyond_every_memory_is_an_error_at_the_read_point_and_the_device_goes_on() {
    let _alone = alone();
    for device in devices() {
        let kept = taut::arange(1000, device).unwrap();
        kept.eval().unwrap();
        let live = device.stats().unwrap().live_bytes;
        // What is recorded is not yet had: the next read point says that it cannot be.
        let huge = taut::zeros([TOO_MUCH], (DType::U8, device)).unwrap();
        huge.eval().unwrap();
        let error = taut::synchronize(device).unwrap_err();
        assert!(error.to_string().contains("out of memory: tried to allocate"), "{error}");
        let error = details(error);
        assert_eq!(error.requested, TOO_MUCH as u64, "{device}");
        assert!(error.device.starts_with(&device.to_string()), "{}", error.device);
        assert!(error.live >= live, "{error}");
        // Once: what can be computed is.
        taut::synchronize(device).unwrap();
        assert_eq!(kept.sum(()).unwrap().item::<i64>().unwrap(), 499_500, "{device}");
        // The tensor says why it has no elements, however it is asked, and so does what depends on it.
        assert_eq!(
            details(huge.select(0, 5).unwrap().item::<u8>().unwrap_err()).requested,
            error.requested
        );
        let text = huge.to_string();
        assert!(text.starts_with("tensor(<error: ") && text.contains("out of memory"), "{text}");
        let more = huge.add(1).unwrap().sum(()).unwrap();
        assert_eq!(more.item::<i64>().unwrap_err().kind(), ErrorKind::Memory, "{device}");
        assert_eq!(huge.to_vec::<u8>().unwrap_err().kind(), ErrorKind::Memory, "{device}");
        drop((huge, more));
        assert_eq!(kept.add(1).unwrap().to_vec::<i64>().unwrap()[999], 1000, "{device}");
    }
}

#[test]
fn copy_of_too_much_to_another_device_is_an_error() {
    let _alone = alone();
    for device in gpus() {
        let one = taut::ones([1], (DType::U8, device)).unwrap();
        let wide = one.expand([TOO_MUCH as i64]).unwrap();
        assert_eq!(wide.cpu().unwrap_err().kind(), ErrorKind::Memory, "{device}");
        let one = taut::ones([1], DType::U8).unwrap();
        let wide = one.expand([TOO_MUCH as i64]).unwrap();
        let copied = wide.to(device).and_then(|x| x.select(0, 3)?.item::<u8>());
        assert_eq!(copied.unwrap_err().kind(), ErrorKind::Memory, "{device}");
        assert_eq!(one.to(device).unwrap().item::<u8>().unwrap(), 1);
    }
}

/// 1 MiB of float32.
fn mebibyte(value: f32, device: Device) -> Tensor {
    let x = taut::full([1 << 18], value, device).unwrap();
    x.eval().unwrap();
    x
}

#[test]
fn gpu_that_is_full_refuses_one_more_and_takes_it_once_there_is_room() {
    if !is_alone("gpu_that_is_full_refuses_one_more_and_takes_it_once_there_is_room", 8 << 20) {
        return;
    }
    for device in gpus() {
        let mut held: Vec<Tensor> = (0..7).map(|i| mebibyte(i as f32, device)).collect();
        taut::synchronize(device).unwrap();
        let more = [mebibyte(7.0, device), mebibyte(8.0, device)];
        let error = details(taut::synchronize(device).unwrap_err());
        assert_eq!(error.requested, 1 << 20);
        assert!((7 << 20..=8 << 20).contains(&error.live), "{error}");
        for (i, x) in held.iter().enumerate() {
            assert_eq!(x.select(0, -1).unwrap().item::<f32>().unwrap(), i as f32);
        }
        assert!(more.iter().any(|x| x.to_vec::<f32>().is_err()));
        drop(more);
        // In place needs nothing.
        held[3].add_(0.5).unwrap();
        assert_eq!(held[3].select(0, 0).unwrap().item::<f32>().unwrap(), 3.5);
        // Another size takes the place of what was dropped, which the pool had kept.
        held.truncate(3);
        let other = taut::full([5 << 17], 9, device).unwrap();
        assert_eq!(other.select(0, 5).unwrap().item::<i64>().unwrap(), 9);
        assert_eq!(held[2].select(0, 0).unwrap().item::<f32>().unwrap(), 2.0);
    }
}

#[test]
fn chain_of_temporaries_needs_memory_for_a_few_of_them() {
    if !is_alone("chain_of_temporaries_needs_memory_for_a_few_of_them", 8 << 20) {
        return;
    }
    for device in gpus() {
        // Nothing is asked for before the end, and a scan ends its kernel.
        let mut x = taut::ones([1 << 10, 1 << 8], device).unwrap();
        for _ in 0..24 {
            x = x.cumsum(1).unwrap().mul(0.5).unwrap();
        }
        assert_eq!(x.i((5, 0)).unwrap().item::<f32>().unwrap(), 0.5_f32.powi(24));
    }
}
