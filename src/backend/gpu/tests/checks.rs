//! Checks: what fails stores nothing, and the first one is reported, once.

use super::*;
use crate::backend::gpu::checks::SLOTS;

/// `out = out + 1 where every element of the bool buffer is false, else code`.
fn guarded(device: &GpuBackend, bad: bool, code: u32) -> (Launch, Buffer) {
    let mut values = [false; 3000];
    values[2998] = bad;
    let (mask, out) = (upload(device, &values), upload(device, &[1.5_f32; 3000]));
    let mut build = Build::new(&[3000]);
    let (m, o) = (build.dense(0, DType::Bool), build.dense(1, DType::F32));
    let (m, old) = (build.load(m), build.load(o));
    let sum = build.node(Expr::Binary(crate::ops::Op::Add, [old, old]), DType::F32);
    build.store(o, sum);
    build.check(m, code);
    (build.launch(&[&mask, &out]), out)
}

#[test]
fn check_that_holds_stores_and_reports_nothing() {
    let Some(device) = device() else { return };
    let (launch, out) = guarded(&device, false, 5);
    device.run(&[launch]).unwrap();
    assert_eq!(device.wait().unwrap(), None);
    assert_eq!(download::<f32>(&device, &out, 3000), vec![3.0; 3000]);
}

#[test]
fn check_that_fails_stores_nothing_and_reports_once() {
    let Some(device) = device() else { return };
    let (good, stored) = guarded(&device, false, 5);
    let (bad, kept) = guarded(&device, true, 6);
    let (worse, also_kept) = guarded(&device, true, 4);
    device.run(&[good.clone(), bad, worse]).unwrap();
    device.run(&[good]).unwrap();
    assert_eq!(device.wait().unwrap(), Some(6), "the first in launch order");
    assert_eq!(device.wait().unwrap(), None);
    assert_eq!(download::<f32>(&device, &kept, 3000), vec![1.5; 3000]);
    assert_eq!(download::<f32>(&device, &also_kept, 3000), vec![1.5; 3000]);
    assert_eq!(download::<f32>(&device, &stored, 3000), vec![6.0; 3000], "later launches run");
}

#[test]
fn more_checks_than_status_words_are_all_evaluated() {
    let Some(device) = device() else { return };
    let (good, out) = guarded(&device, false, 1);
    let (bad, _) = guarded(&device, true, 9);
    let mut launches = vec![good; SLOTS + 20];
    launches[SLOTS + 10] = bad;
    device.run(&launches).unwrap();
    assert_eq!(device.wait().unwrap(), Some(9));
    // 1.5 doubled that often is infinite: the launches around the failing one ran.
    assert_eq!(download::<f32>(&device, &out, 3000), vec![f32::INFINITY; 3000]);
}
