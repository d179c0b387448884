//! Finding and opening adapters, and losing one.

use super::*;
use crate::backend::gpu::adapter::{self, AdapterKind};
use crate::error::ErrorKind;

#[test]
fn adapters_are_listed_best_first_and_each_once() {
    let adapters = adapter::list();
    let kinds: Vec<AdapterKind> = adapters.iter().map(|adapter| adapter.kind).collect();
    assert!(kinds.is_sorted(), "{kinds:?}");
    for adapter in adapters {
        println!("{adapter:?}");
        assert!(adapter.supports(DType::F32) && !adapter.name.is_empty());
        assert!(adapter.memory.is_some_and(|bytes| bytes > 1 << 20) || adapter.api != "Vulkan");
    }
}

#[test]
fn open_of_a_missing_adapter_says_how_many_there_are() {
    let error = adapter::open(99).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Device);
    let count = adapter::list().len();
    let expected = if count == 0 {
        "No GPU is available: no Vulkan, Metal or DX12 adapter was found; use Device::Cpu".into()
    } else {
        format!("gpu:99 does not exist; this machine has {count} GPU adapters")
    };
    assert_eq!(error.to_string(), expected);
}

#[test]
fn lost_device_gives_errors_that_name_it() {
    let Some(device) = device() else { return };
    let [a, b, c] = [1.0_f32, 2.0, 3.0].map(|value| upload(&device, &[value; 100]));
    let launch = binary(crate::ops::Op::Add, DType::F32, &[100]).launch(&[&a, &b, &c]);
    device.run(std::slice::from_ref(&launch)).unwrap();
    device.context.device.destroy();
    let mut bytes = [0; 4];
    let errors = [
        device.read(&c, 0, &mut bytes).unwrap_err(),
        device.run(&[launch]).unwrap_err(),
        device.write(&a, 0, &bytes).unwrap_err(),
        device.allocate(12_345).unwrap_err(),
        device.wait().unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Device, "{error}");
        assert!(error.to_string().starts_with(&*device.context.label), "{error}");
    }
}

#[test]
fn kernel_of_a_missing_dtype_is_refused_and_others_run() {
    let Some(device) = device_with(GpuOptions { wide: false, ..Default::default() }) else {
        return;
    };
    for dtype in [DType::I64, DType::F64] {
        let [a, b, c] = [(); 3].map(|()| device.allocate(64).unwrap());
        let launch = binary(crate::ops::Op::Add, dtype, &[8]).launch(&[&a, &b, &c]);
        let error = device.run(&[launch]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Dtype);
        assert!(error.to_string().contains(dtype.name()), "{error}");
    }
    let [a, b, c] = [(); 3].map(|()| device.allocate(64).unwrap());
    device.run(&[binary(crate::ops::Op::Add, DType::F32, &[16]).launch(&[&a, &b, &c])]).unwrap();
    assert_eq!(device.wait().unwrap(), None);
}
