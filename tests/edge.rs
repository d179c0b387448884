//! The edges: nothing, one number, very many, many dims, every dtype, several devices.

mod common;

use std::str::FromStr;

use common::devices;
use taut::{DType, Device, ErrorKind, Generator, Result, Rounding, Tensor};

fn gpus() -> impl Iterator<Item = Device> {
    devices().into_iter().filter(|&device| device != Device::Cpu)
}

#[test]
fn nothing_goes_through_every_operation() -> Result<()> {
    for device in devices() {
        for shape in [&[0][..], &[2, 0, 3]] {
            let x = taut::zeros(shape, device)?;
            let y = x.add(1)?.mul(&x)?.div_mode(2, Rounding::Floor)?;
            x.add_(&y)?.fill_(3)?.neg_()?;
            x.copy_(&y)?;
            x.index_put_(taut::Ellipsis, 5)?;
            let z = x.clone().to(DType::I32)?.flatten(0, -1)?;
            assert_eq!((y.shape(), y.numel()), (shape, 0));
            assert_eq!((z.shape(), z.to_vec::<i32>()?.len()), (&[0][..], 0), "{device}");
            assert_eq!(x.to(Device::Cpu)?.shape(), shape, "{device}");
            assert_eq!(taut::rand(shape, device)?.shape(), shape);
            assert!(x.item::<f32>().is_err());
            assert!(x.to_string().contains("[]"), "{x}");
        }
        // Nothing broadcasts with one.
        let x = taut::ones([3, 0], device)?.mul(&taut::ones([3, 1], device)?)?;
        assert_eq!(x.shape(), [3, 0], "{device}");
    }
    Ok(())
}

#[test]
fn zero_dims_are_one_number() -> Result<()> {
    for device in devices() {
        let x = taut::tensor(2.5f32, device)?;
        let y = x.mul(&x)?.add(1)?;
        x.add_(&y)?.sub_(0.5)?;
        assert_eq!((y.dim(), y.item::<f32>()?, x.item::<f32>()?), (0, 7.25, 9.25), "{device}");
        assert_eq!(x.expand([2, 2])?.add(&y)?.to_vec::<f32>()?, [16.5; 4], "{device}");
        assert_eq!(x.view([1, 1])?.squeeze(())?.unsqueeze(0)?.shape(), [1], "{device}");
        x.index_put_((), 4)?;
        assert_eq!(x.i(())?.item::<f32>()?, 4.0, "{device}");
        x.fill_(&y)?;
        assert_eq!(x.tolist()?, y.tolist()?, "{device}");
    }
    Ok(())
}

#[test]
fn many_elements_of_every_width_are_all_visited() -> Result<()> {
    // Past 65,535 workgroups of 256, and no multiple of anything.
    let n = (1 << 24) + 3;
    for device in devices() {
        let x = taut::full([n], 3, (DType::U8, device))?;
        x.narrow(0, 1, n as i64 - 1)?.add_(250)?;
        let y = x.add(5)?;
        let (x, y) = (x.to_vec::<u8>()?, y.to_vec::<u8>()?);
        assert_eq!((x[0], y[0]), (3, 8), "{device}");
        assert!(x[1..].iter().all(|&v| v == 253), "{device}");
        assert!(y[1..].iter().all(|&v| v == 2), "{device}");

        let x = taut::tensor((0..n).map(|i| i as f32).collect::<Vec<_>>(), device)?;
        let y = x.mul(0.5)?;
        let wrong = y.to_vec::<f32>()?.iter().zip(0..).position(|(&v, i)| v != i as f32 * 0.5);
        assert_eq!(wrong, None, "{device}");
    }
    Ok(())
}

#[test]
fn strided_walk_over_many_elements_visits_all() -> Result<()> {
    let (rows, columns) = (4099, 1031);
    for device in devices() {
        let x =
            taut::arange((rows * columns) as i64, (DType::I32, device))?.view((rows, columns))?;
        let y = x.t()?.add(1)?.contiguous()?.to_vec::<i32>()?;
        let at = |k: usize| (k % rows * columns + k / rows) as i32 + 1;
        assert_eq!(y.iter().enumerate().position(|(k, &v)| v != at(k)), None, "{device}");
        let odd = x.i((taut::slice(1, ..).step(2), ..))?;
        odd.mul_(-1)?;
        let values = x.to_vec::<i32>()?;
        let sign = |k: usize| if k / columns % 2 == 1 { -1 } else { 1 };
        let wrong = values.iter().enumerate().position(|(k, &v)| v != sign(k) * k as i32);
        assert_eq!(wrong, None, "{device}");
    }
    Ok(())
}

#[test]
fn many_dims_that_cannot_merge_are_walked() -> Result<()> {
    for device in devices() {
        for rank in [8, 11] {
            let len = 1 << rank;
            let shape = vec![2; rank];
            let reversed: Vec<usize> = (0..rank).rev().collect();
            let x = taut::arange(len, (DType::I32, device))?.view(&shape)?;
            let backwards = x.permute(&reversed)?;
            let sum = x.add(&backwards)?;
            let flip = |k: i64| (0..rank).fold(0, |v, bit| v << 1 | (k >> bit & 1));
            let expected: Vec<i32> = (0..len).map(|k| (k + flip(k)) as i32).collect();
            assert_eq!(sum.to_vec::<i32>()?, expected, "{device}: rank {rank}");
            backwards.i((1, taut::Ellipsis, 0))?.fill_(-1)?;
            let values = x.to_vec::<i32>()?;
            let hit = |k: usize| k % 2 == 1 && k >> (rank - 1) == 0;
            for (k, value) in values.into_iter().enumerate() {
                let expected = if hit(k) { -1 } else { k as i32 };
                assert_eq!(value, expected, "{device}: rank {rank}, {k}");
            }
        }
    }
    Ok(())
}

#[test]
fn long_strides_reach_far_elements() -> Result<()> {
    for device in devices() {
        let n = 1 << 22;
        let x = taut::zeros([n], (DType::U8, device))?;
        let corners = x.as_strided([2, 2], [n as i64 / 2, n as i64 / 4], n as i64 / 4 - 1)?;
        corners.add_(&taut::tensor([[1u8, 2], [3, 4]], device)?)?;
        let values = x.to_vec::<u8>()?;
        let quarter = n / 4;
        let found: Vec<u8> = (1..=4).map(|k| values[k * quarter - 1]).collect();
        assert_eq!(found, [1, 2, 3, 4], "{device}");
        assert_eq!(values.iter().filter(|&&v| v != 0).count(), 4, "{device}");
        // A stride that reaches nothing may be anything.
        let one = x.as_strided([1, 2], [i64::MAX, 1], 5)?;
        one.fill_(9)?;
        assert_eq!(one.add(1)?.to_vec::<u8>()?, [10, 10], "{device}");
    }
    Ok(())
}

#[test]
fn target_that_overlaps_itself_is_refused() -> Result<()> {
    for device in devices() {
        let x = taut::arange(6, (DType::F32, device))?;
        let windows = x.unfold(0, 3, 1)?;
        let repeated = x.narrow(0, 0, 1)?.expand([3])?;
        for target in [&windows, &repeated] {
            assert_eq!(target.add_(1).map(drop).unwrap_err().kind(), ErrorKind::Overlap);
            assert_eq!(target.copy_(&target.clone()).unwrap_err().kind(), ErrorKind::Overlap);
        }
        assert_eq!(x.to_vec::<f32>()?, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], "{device}");
        // One value everywhere is the same in any order.
        repeated.fill_(8)?;
        windows.narrow(0, 1, 1)?.zero_()?;
        x.unfold(0, 2, 1)?.narrow(0, 3, 2)?.fill_(7)?;
        assert_eq!(x.to_vec::<f32>()?, [8.0, 0.0, 0.0, 7.0, 7.0, 7.0], "{device}");
    }
    Ok(())
}

#[test]
fn overlap_is_judged_as_pytorch_judges_it() -> Result<()> {
    for device in devices() {
        let new = || taut::arange(6, (DType::F32, device))?.view([2, 3]);
        let kind = |result: Result<&Tensor>| result.map(drop).map_err(|error| error.kind());
        let a = new()?;
        assert_eq!(kind(a.add_(&a.select(0, 0)?)), Err(ErrorKind::Overlap));
        assert_eq!(kind(a.copy_(&a.select(0, 0)?)), Err(ErrorKind::Overlap));
        assert_eq!(kind(a.add_(&a.i((0, 0))?)), Err(ErrorKind::Overlap));
        assert_eq!(a.to_vec::<f32>()?, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], "{device}");
        // What it does not look into further is computed from the values before.
        a.add_(&a.select(0, 1)?.expand([2, 3])?)?;
        assert_eq!(a.to_vec::<f32>()?, [3.0, 5.0, 7.0, 6.0, 8.0, 10.0], "{device}");
        a.mul_(&a.narrow(1, 0, 1)?)?;
        assert_eq!(a.to_vec::<f32>()?, [9.0, 15.0, 21.0, 36.0, 48.0, 60.0], "{device}");
        a.index_put_(.., &a.select(0, 1)?)?;
        assert_eq!(a.to_vec::<f32>()?, [36.0, 48.0, 60.0, 36.0, 48.0, 60.0], "{device}");
        a.fill_(&a.i((0, 1))?)?;
        assert_eq!(a.to_vec::<f32>()?, [48.0; 6], "{device}");
        a.add_(&a.alias())?;
        assert_eq!(a.to_vec::<f32>()?, [96.0; 6], "{device}");
    }
    Ok(())
}

#[test]
fn every_dtype_computes_or_says_what_to_do() -> Result<()> {
    for device in devices() {
        for dtype in DType::ALL {
            let made = taut::full([5], 1, (dtype, device));
            if !device.supports(dtype) {
                let error = made.unwrap_err();
                let message = error.to_string();
                assert_eq!(error.kind(), ErrorKind::Device, "{message}");
                let way_out = message.contains(".to(DType::") && message.contains(".cpu()");
                assert!(message.contains(dtype.name()) && way_out, "{message}");
                assert!(taut::ones([2], dtype)?.to(device).is_err(), "{device}: {dtype}");
                continue;
            }
            let x = made?;
            x.i(taut::slice(1, ..).step(2))?.add_(true)?;
            x.mul_(&x.clone())?;
            let expected = if dtype == DType::Bool { [1.0; 5] } else { [1.0, 4.0, 1.0, 4.0, 1.0] };
            assert_eq!(x.to(DType::F32)?.to_vec::<f32>()?, expected, "{device}: {dtype}");
            // There and back again.
            let there = x.cpu()?.to(device)?;
            assert_eq!(there.dtype(), dtype);
            assert_eq!(there.tolist()?, x.tolist()?, "{device}: {dtype}");
        }
    }
    Ok(())
}

#[test]
fn wide_numbers_survive_the_way() -> Result<()> {
    for device in devices() {
        if device.supports(DType::I64) {
            let x = taut::tensor([i64::MAX, i64::MIN, 1 << 53 | 1], device)?;
            assert_eq!(x.add(1)?.to_vec::<i64>()?, [i64::MIN, i64::MIN + 1, (1 << 53) + 2]);
            let y = taut::full([2], i64::MAX - 1, device)?;
            assert_eq!(y.to_vec::<i64>()?, [i64::MAX - 1; 2], "{device}");
        }
        if device.supports(DType::F64) {
            let x = taut::tensor([0.1f64, 1e300, -0.0], device)?;
            let y = x.mul(&x)?.to_vec::<f64>()?;
            assert_eq!(y[0].to_bits(), (0.1f64 * 0.1).to_bits(), "{device}");
            assert_eq!(y[1], f64::INFINITY, "{device}");
        }
    }
    Ok(())
}

#[test]
fn nan_and_infinity_are_not_folded_away() -> Result<()> {
    for device in devices() {
        let x = taut::tensor([f32::NAN, f32::INFINITY, 1.0, -0.0], device)?;
        let y = x.sub(&x)?.to_vec::<f32>()?;
        assert!(y[0].is_nan() && y[1].is_nan(), "{device}: {y:?}");
        assert_eq!(y[2..], [0.0, 0.0], "{device}");
        let z = x.mul(0)?.to_vec::<f32>()?;
        assert!(z[0].is_nan() && z[1].is_nan(), "{device}: {z:?}");
        assert_eq!(z[3].to_bits(), (-0.0f32).to_bits(), "{device}");
        assert_eq!(x.add(0)?.to_vec::<f32>()?[3].to_bits(), 0, "{device}: -0 + 0 is 0");
        let (one, tiny) = (taut::tensor([1.0f32], device)?, taut::tensor([1e-10f32], device)?);
        assert_eq!(((&tiny + &one) - &one).item::<f32>()?, 0.0, "{device}");
    }
    Ok(())
}

#[test]
fn devices_do_not_mix() -> Result<()> {
    for device in gpus() {
        let here = taut::ones([2], Device::Cpu)?;
        let there = taut::ones([2], device)?;
        let number = taut::tensor(3.0f32, Device::Cpu)?;
        for error in [
            here.add(&there).unwrap_err(),
            there.mul_(&here).map(drop).unwrap_err(),
            here.sub_(&there).map(drop).unwrap_err(),
            // A number gives way as an operand, not as a target.
            number.add_(&taut::tensor(1.0f32, device)?).map(drop).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Device);
            let message = error.to_string();
            let words =
                "Expected all tensors to be on the same device, but found at least two devices";
            assert!(message.starts_with(words), "{message}");
            assert!(message.contains("cpu") && message.contains(&device.to_string()), "{message}");
        }
        // 0-d CPU tensors mix in, on either side, with their value of now.
        let sum = there.add(&number)?;
        number.fill_(100)?;
        assert_eq!((sum.device(), sum.to_vec::<f32>()?), (device, vec![4.0, 4.0]));
        assert_eq!(number.sub(&there)?.to_vec::<f32>()?, [99.0, 99.0]);
        there.mul_(&number)?;
        assert_eq!(there.to_vec::<f32>()?, [100.0, 100.0]);
        // Promotion is as beside any 0-d tensor.
        let ints = taut::ones([2], (DType::I32, device))?;
        assert_eq!(ints.add(&taut::tensor(1i64, Device::Cpu)?)?.dtype(), DType::I32);
        // Not 0-d tensors of the GPU, nor one element with dims.
        assert!(here.add(&taut::tensor(1.0f32, device)?).is_err());
        assert!(there.add(&taut::ones([1], Device::Cpu)?).is_err());
        // Copies cross.
        here.copy_(&there)?;
        there.copy_(&taut::zeros([1], Device::Cpu)?)?;
        there.index_put_(1, &taut::tensor(5.0f32, Device::Cpu)?)?;
        assert_eq!(here.to_vec::<f32>()?, [100.0, 100.0]);
        assert_eq!(there.to_vec::<f32>()?, [0.0, 5.0]);
        here.fill_(&taut::tensor(2.0f32, device)?)?;
        assert_eq!(here.to_vec::<f32>()?, [2.0, 2.0]);
    }
    Ok(())
}

#[test]
fn same_seed_gives_the_same_bits_everywhere() -> Result<()> {
    let shape = [3, 1, 701];
    for dtype in [DType::F32, DType::F16, DType::BF16, DType::F64] {
        let draw = |device| Generator::new(42).rand(shape, (dtype, device))?.cpu()?.tolist();
        let expected = draw(Device::Cpu)?;
        for device in gpus().filter(|device| device.supports(dtype)) {
            assert_eq!(draw(device)?, expected, "{device}: {dtype}");
        }
    }
    for dtype in [DType::I64, DType::I32, DType::I16, DType::U8, DType::F32] {
        let draw = |device| Generator::new(7).randint(3, 119, shape, (dtype, device))?.tolist();
        let expected = draw(Device::Cpu)?;
        for device in gpus().filter(|device| device.supports(dtype)) {
            assert_eq!(draw(device)?, expected, "{device}: {dtype}");
        }
    }
    // The stream goes on: later draws differ, and lie where they lie whatever was drawn together.
    for device in devices() {
        let mut stream = Generator::new(1);
        let (a, b) = (stream.rand([5], device)?, stream.rand([5], device)?);
        let both = Generator::new(1).rand([10], device)?.to_vec::<f32>()?;
        assert_eq!([a.to_vec::<f32>()?, b.to_vec::<f32>()?].concat(), both, "{device}");
    }
    Ok(())
}

#[test]
fn manual_seed_repeats_what_follows() -> Result<()> {
    // The only test of this file that draws from the default generator.
    let mut first = None;
    for device in devices() {
        taut::manual_seed(5);
        let drawn = [taut::rand([9], device)?, taut::randint(0, 9, [9], (DType::F32, device))?];
        let drawn = [drawn[0].to_vec::<f32>()?, drawn[1].to_vec::<f32>()?];
        assert_eq!(first.get_or_insert(drawn.clone()), &drawn, "{device}");
    }
    Ok(())
}

#[test]
fn rand_is_uniform_and_randint_keeps_its_bounds() -> Result<()> {
    let n = 100_000;
    for device in devices() {
        let mut generator = Generator::new(11);
        let x = generator.rand([n], device)?.to_vec::<f32>()?;
        assert!(x.iter().all(|v| (0.0..1.0).contains(v)), "{device}");
        let mean = x.iter().map(|&v| f64::from(v)).sum::<f64>() / n as f64;
        let square = x.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>() / n as f64;
        // Five standard errors: sqrt(1/12/n) and sqrt(4/45/n).
        assert!((mean - 0.5).abs() < 5.0 * (1.0 / 12.0 / n as f64).sqrt(), "{device}: {mean}");
        assert!((square - 1.0 / 3.0).abs() < 5.0 * (4.0 / 45.0 / n as f64).sqrt(), "{device}");
        let neighbours = x.windows(2).map(|w| f64::from(w[0] - 0.5) * f64::from(w[1] - 0.5));
        let correlation = neighbours.sum::<f64>() / n as f64 * 12.0;
        assert!(correlation.abs() < 5.0 / (n as f64).sqrt(), "{device}: {correlation}");

        let dice = generator.randint(-2, 4, [n], (DType::I32, device))?.to_vec::<i32>()?;
        let mut counts = [0_usize; 6];
        dice.iter().for_each(|&v| counts[(v + 2) as usize] += 1);
        let expected = n as f64 / 6.0;
        let chi: f64 = counts.iter().map(|&c| (c as f64 - expected).powi(2) / expected).sum();
        // The 0.99999 quantile for five degrees of freedom is 30.9.
        assert!(chi < 30.9, "{device}: {counts:?}");
        let one = generator.randint(5, 6, [100], (DType::U8, device))?.to_vec::<u8>()?;
        assert_eq!(one, [5; 100], "{device}");
        if device.supports(DType::I64) {
            let low = -(1_i64 << 40);
            let wide = generator.randint(low, low + (1 << 32), [1000], device)?.to_vec::<i64>()?;
            assert!(wide.iter().all(|v| (low..low + (1 << 32)).contains(v)), "{device}");
            assert!(wide.iter().any(|v| *v >= low + (1 << 31)), "{device}: the upper half");
        }
        assert_eq!(generator.randint(3, 3, [1], device).unwrap_err().kind(), ErrorKind::Value);
    }
    Ok(())
}

#[test]
fn created_ranges_are_equal_on_every_device() -> Result<()> {
    for device in gpus() {
        let pairs: [fn(Device) -> Result<Tensor>; 6] = [
            |device| taut::arange_step(-1.0, 2.0, 0.1, device),
            |device| taut::arange_step(7, -8, -3, (DType::I16, device)),
            |device| taut::linspace(-1.3, 2.7, 101, device),
            |device| taut::linspace(0, 1, 7, (DType::BF16, device)),
            |device| taut::eye(3, 5, (DType::U8, device)),
            |device| taut::full([2, 2], 0.1, (DType::F16, device)),
        ];
        for (k, make) in pairs.into_iter().enumerate() {
            let (here, there) = (make(Device::Cpu)?, make(device)?);
            assert_eq!(
                (here.dtype(), here.shape()),
                (there.dtype(), there.shape()),
                "{device}: {k}"
            );
            assert_eq!(here.tolist()?, there.tolist()?, "{device}: {k}");
        }
    }
    Ok(())
}

#[test]
fn gpu_tensor_prints_its_device() -> Result<()> {
    assert_eq!(taut::ones([2], ())?.to_string(), "tensor([1., 1.])");
    for device in gpus() {
        let text = taut::ones([2], device)?.to_string();
        assert_eq!(text, format!("tensor([1., 1.], device='{device}')"));
        let text = taut::zeros([2], (DType::I32, device))?.to_string();
        assert_eq!(text, format!("tensor([0, 0], device='{device}', dtype=int32)"));
    }
    Ok(())
}

#[test]
fn device_names_are_read() {
    assert_eq!(Device::from_str("cpu").unwrap(), Device::Cpu);
    assert_eq!(Device::from_str(" cpu ").unwrap(), Device::Cpu);
    for wrong in ["", "cuda", "cpu:0", "gpu:", "gpu:x", "gpu0", "gpu:-1", "GPU:0"] {
        let error = Device::from_str(wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Device, "{wrong}");
        assert!(error.to_string().contains("expected cpu, gpu or gpu:N"), "{error}");
    }
    let error = Device::from_str("gpu:9999").unwrap_err();
    assert!(error.to_string().contains("gpu:9999 does not exist"), "{error}");
    for device in devices() {
        assert_eq!(Device::from_str(&device.to_string()).unwrap(), device);
    }
    if let Some(first) = gpus().next() {
        assert_eq!(Device::from_str("gpu").unwrap(), first);
    }
}

#[test]
fn impossible_sizes_are_errors() {
    assert_eq!(taut::zeros([-1], ()).unwrap_err().kind(), ErrorKind::Value);
    assert_eq!(taut::empty([1_i64 << 40, 1 << 40], ()).unwrap_err().kind(), ErrorKind::Shape);
    for device in devices() {
        let words = "Storage size calculation overflowed with sizes=[4611686018427387904]";
        let number = taut::ones([1], device).unwrap();
        for error in [
            // The elements can be counted, their bytes cannot.
            taut::zeros([1_i64 << 62], device).unwrap_err(),
            taut::rand([1_i64 << 62], device).unwrap_err(),
            number.expand([1_i64 << 62]).unwrap().add(1).unwrap_err(),
        ] {
            assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Shape, words));
        }
        assert_eq!(taut::zeros([usize::MAX], device).unwrap_err().kind(), ErrorKind::Shape);
        if device.supports(DType::I64) {
            assert_eq!(taut::arange(1_i64 << 62, device).unwrap_err().kind(), ErrorKind::Shape);
        }
        assert_eq!(number.add(1).unwrap().item::<f32>().unwrap(), 2.0, "{device}");
    }
    let one = ndarray::arr0(1.0f32);
    let many = one.broadcast([1_usize << 44]).unwrap();
    assert_eq!(taut::tensor(many, ()).unwrap_err().kind(), ErrorKind::Shape);
}

#[test]
fn parts_of_any_number_do_not_overflow() {
    let x = taut::arange(4, ()).unwrap();
    let error = x.split_sizes([i64::MAX, i64::MAX, 6], 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Shape);
    let parts = x.chunk(i64::MAX, 0).unwrap();
    assert_eq!(parts.len(), 4);
    assert_eq!(parts[3].item::<i64>().unwrap(), 3);
}
