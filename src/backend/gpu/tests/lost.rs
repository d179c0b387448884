//! A device that is lost, as tensors see it.
//!
//! The devices of tensors live as long as the process, so the test that loses one runs in a process of
//! its own.

use std::any::Any;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::*;
use crate::backend::gpu::adapter;
use crate::error::ErrorKind;
use crate::{Device, Error, Result, Tensor};

/// Set in the process that loses its device.
const ALONE: &str = "TAUT_TEST_ALONE";

#[test]
fn loss_of_a_device_is_an_error_of_every_later_call_and_nothing_else() {
    if adapter::list().is_empty() {
        return println!("not tested: no adapter");
    }
    if std::env::var_os(ALONE).is_some() {
        return lose_and_go_on();
    }
    let name = "backend::gpu::tests::lost::\
                loss_of_a_device_is_an_error_of_every_later_call_and_nothing_else";
    let mut process = Command::new(std::env::current_exe().unwrap());
    process.args(["--exact", name, "--nocapture"]).env(ALONE, "1");
    let mut process = process.stdout(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(300);
    let status = loop {
        if let Some(status) = process.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            process.kill().unwrap();
            panic!("a call on a lost device does not return");
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let mut said = String::new();
    process.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(status.success() && said.contains("1 passed"), "{status}\n{said}");
}

fn lose_and_go_on() {
    let lost = Device::Gpu(0);
    let host = crate::tensor([1.0_f32, 2.0, 3.0], ()).unwrap();
    let done = crate::tensor([1.0_f32, 2.0, 3.0], lost).unwrap();
    let evaluated = done.add(1).unwrap();
    evaluated.eval().unwrap();
    let pending = evaluated.mul(&done).unwrap();
    let dropped = done.clone();
    crate::synchronize(lost).unwrap();
    let other = device().unwrap();
    let kept = upload(&other, &[7_u8; 5]);

    let asked = evaluated.cpu_async();
    let backend: &dyn Any = lost.open().unwrap();
    let backend: &GpuBackend = backend.downcast_ref().unwrap();
    backend.context.device.destroy();

    let named = |what: &str, error: Error| {
        assert_eq!(error.kind(), ErrorKind::Device, "{what}: {error}");
        let text = error.to_string();
        assert!(text.starts_with("gpu:0 (") && text.contains("lost"), "{what}: {text}");
    };
    // It ends, with the elements if they were quicker.
    match pollster::block_on(asked) {
        Ok(tensor) => assert_eq!(tensor.to_vec::<f32>().unwrap(), [2.0, 3.0, 4.0]),
        Err(error) => named("awaited", error),
    }
    // Twice: the first call may be the one that finds out.
    for _ in 0..2 {
        let refused: [(&str, Result<()>); 13] = [
            ("to_vec", evaluated.to_vec::<f32>().map(drop)),
            ("pending", pending.to_vec::<f32>().map(drop)),
            ("item", done.i(0).and_then(|x| x.item::<f32>()).map(drop)),
            ("cpu", evaluated.cpu().map(drop)),
            ("cpu_async", pollster::block_on(evaluated.cpu_async()).map(drop)),
            ("eval", done.add(2).and_then(|x| x.eval()?.to_vec::<f32>()).map(drop)),
            ("synchronize", crate::synchronize(lost)),
            ("in place", done.add_(1).and_then(|x| x.to_vec::<f32>()).map(drop)),
            ("creation", crate::zeros([4], lost).and_then(|x| x.to_vec::<f32>()).map(drop)),
            ("upload", crate::tensor([1, 2], lost).and_then(|x| x.to_vec::<i64>()).map(drop)),
            ("to the device", host.to(lost).and_then(|x| x.to_vec::<f32>()).map(drop)),
            ("sum", done.sum(()).and_then(|x| x.item::<f32>()).map(drop)),
            ("product", done.dot(&evaluated).and_then(|x| x.item::<f32>()).map(drop)),
        ];
        for (what, result) in refused {
            named(what, result.expect_err(what));
        }
        for text in [format!("{evaluated}"), format!("{pending:?}")] {
            assert!(text.starts_with("tensor(<error: gpu:0 ("), "{text}");
            assert!(text.contains("lost") && text.contains("size="), "{text}");
        }
        assert!(lost.stats().is_ok() && lost.info().is_ok());
        assert!(!lost.shaders().unwrap().is_empty());
        let next = done.add(1).unwrap();
        assert!(crate::explain(&next).to_string().contains("add"));
    }
    drop((dropped, pending, evaluated.cpu_async()));
    drop(done.add(1));
    // On a thread of its own, too.
    let elsewhere = std::thread::spawn(move || evaluated.to_vec::<f32>().map(drop));
    named("another thread", elsewhere.join().unwrap().unwrap_err());

    let sum: Tensor = host.add(&host).unwrap();
    assert_eq!(sum.to_vec::<f32>().unwrap(), [2.0, 4.0, 6.0]);
    assert_eq!(download::<u8>(&other, &kept, 5), [7; 5]);
    let (a, out) = (upload(&other, &[1_i32, 2]), other.allocate(8).unwrap());
    other.run(&[binary(crate::ops::Op::Add, DType::I32, &[2]).launch(&[&a, &a, &out])]).unwrap();
    assert_eq!(download::<i32>(&other, &out, 2), [2, 4]);
}
