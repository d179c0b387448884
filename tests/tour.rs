//! The tour of the README runs on every device, and every statement of it holds.
#![allow(clippy::print_stdout, reason = "the tour prints, as its reader's program would")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::panic::AssertUnwindSafe;

use common::devices;
use taut::{ErrorKind, slice};

use taut::{DType, Device, HostArray, Result};

// As a user would write it: kept as it stands in the documentation.
#[rustfmt::skip]
fn tour(dev: Device) -> Result<()> {
    // Creating. Options are a Device, a DType or (DType, Device); float32 and the CPU are the defaults.
    let x = taut::rand([3], dev)?;
    let x3 = taut::empty([2, 3, 4], dev)?;
    let zeros = taut::zeros([2, 3, 4], dev)?;
    let ones = taut::ones([2, 3, 4], (DType::I32, dev))?;
    println!("{x}\n{zeros}\n{ones}\n{} {} {:?}", ones.dtype(), ones.size(), x3.shape());   // int32 [2, 3, 4] ..

    // Arithmetic: method, function and operator are one thing. Methods return Result; operators panic
    // with the same message, as ndarray's do.
    let (x, y) = (taut::rand([2, 2], dev)?, taut::rand([2, 2], dev)?);
    println!("{}\n{}", &x + &y, taut::add(&x, &y)?);
    y.add_(&x)?;                                  // in place, Result<&Tensor>; += does the same
    println!("{} {} {}", x.sub(&y)?, x.mul(&y)?, taut::div(&x, &y)?);

    // Aliases: alias() is another handle to the same memory, clone() is an independent copy.
    let a = taut::rand([2, 3], dev)?;
    let b = taut::rand([2, 3], dev)?;
    let a1 = a.alias();
    a.sub_(&b)?;
    a.mul_(&b)?.div_(&b)?;
    println!("{a1}");                             // a1 saw every step

    // Indexing gives views; a fully indexed element is a 0-d tensor until item().
    let x = taut::rand([3, 4], dev)?;
    println!("{}\n{}\n{}", x.i((.., ..))?, x.i((0, ..))?, x.i((1, 2))?);
    let v = x.i((1, 2))?.item::<f32>()?;          // an error unless exactly one element
    x.index_put_((.., 1), 0.5)?;                  // x[:, 1] = 0.5
    x.i((0, ..))?.fill_(v)?;                      // writes through the view

    // Host arrays: only from the CPU. On a GPU tensor, numpy() is an error that says: call cpu() first.
    let h: HostArray<f32> = x.cpu()?.numpy()?;
    println!("{h}");

    // view: one dimension may be -1.
    let x = taut::rand([4, 4], dev)?;
    println!("{} {}", x.view([16])?.size(), x.view([-1, 8])?.size());

    // Sharing memory between tensor and host array, in both directions.
    let a = taut::ones([5], Device::Cpu)?;
    let b = a.numpy::<f32>()?;                    // shares
    a.index_put_(0, 2)?;
    a.add_(1)?;
    println!("{b}");                              // [3. 2. 2. 2. 2.]
    let x = HostArray::from(ndarray::Array::<f64, _>::ones(5).into_dyn());   // takes the Vec, no copy
    let y = taut::from_numpy(&x)?;                // shares
    let z = taut::tensor(&x, Device::Cpu)?;       // copies
    *x.write()? += 1.0;                           // y sees it, z does not
    println!("{y} {z}");
    println!("{}", a.clone().numpy::<f32>()?);    // independent
    Ok(())
}

#[test]
fn tour_on_every_device_runs() {
    for dev in devices() {
        tour(dev).unwrap_or_else(|error| panic!("{dev}: {error}"));
    }
}

/// `[start, start + 1, ..]` in the given shape.
fn counting<const N: usize>(shape: [i64; N], dev: Device) -> taut::Tensor {
    let len = shape.iter().product::<i64>();
    taut::arange(len, (DType::F32, dev)).unwrap().view(shape).unwrap()
}

fn values(tensor: &taut::Tensor) -> Vec<f32> {
    tensor.to_vec().unwrap()
}

#[test]
fn creation_gives_shape_dtype_and_values() {
    for dev in devices() {
        let x = taut::rand([3], dev).unwrap();
        assert_eq!((x.shape(), x.dtype(), x.device()), (&[3][..], DType::F32, dev));
        assert!(values(&x).iter().all(|v| (0.0..1.0).contains(v)), "{x}");
        assert_eq!(taut::empty([3], dev).unwrap().shape(), [3]);
        assert_eq!(taut::empty([2, 3], dev).unwrap().shape(), [2, 3]);
        assert_eq!(taut::empty([2, 3, 4], dev).unwrap().shape(), [2, 3, 4]);

        let rand = taut::rand([2, 3, 4], dev).unwrap();
        assert_eq!((rand.dim(), rand.numel()), (3, 24));
        assert_eq!(values(&taut::zeros([2, 3, 4], dev).unwrap()), [0.0; 24]);
        let ones = taut::ones([2, 3, 4], (DType::I32, dev)).unwrap();
        assert_eq!(ones.to_vec::<i32>().unwrap(), [1; 24]);
        assert_eq!(ones.dtype().to_string(), "int32");
        assert_eq!(ones.size().to_string(), "[2, 3, 4]");
        let ones = taut::ones([2, 3, 4], (DType::F32, dev)).unwrap();
        assert_eq!(ones.dtype().to_string(), "float32");
        if dev.supports(DType::F64) {
            let ones = taut::ones([2, 3, 4], (DType::F64, dev)).unwrap();
            assert_eq!(ones.dtype().to_string(), "float64");
            assert_eq!(ones.to_vec::<f64>().unwrap(), [1.0; 24]);
        } else {
            let error = taut::ones([2], (DType::F64, dev)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Device);
            assert!(error.to_string().contains("float64 is not supported on gpu:"), "{error}");
        }
    }
}

#[test]
fn rand_of_one_seed_is_the_same_on_every_device() {
    let draw = |dev| values(&taut::Generator::new(5).rand([1000], dev).unwrap());
    let expected = draw(Device::Cpu);
    for dev in devices() {
        assert_eq!(draw(dev), expected, "{dev}");
    }
}

#[test]
fn arithmetic_in_every_spelling_agrees() {
    for dev in devices() {
        let x = taut::tensor([[1.0f32, 2.0], [3.0, 5.0]], dev).unwrap();
        let y = taut::tensor([[2.0f32, 4.0], [8.0, -4.0]], dev).unwrap();
        let table = [
            (&x + &y, taut::add(&x, &y), x.add(&y), [3.0, 6.0, 11.0, 1.0]),
            (&x - &y, taut::sub(&x, &y), x.sub(&y), [-1.0, -2.0, -5.0, 9.0]),
            (&x * &y, taut::mul(&x, &y), x.mul(&y), [2.0, 8.0, 24.0, -20.0]),
            (&x / &y, taut::div(&x, &y), x.div(&y), [0.5, 0.5, 0.375, -1.25]),
        ];
        for (operator, function, method, expected) in table {
            assert_eq!(values(&operator), expected, "{dev}");
            assert_eq!(values(&function.unwrap()), expected, "{dev}");
            assert_eq!(values(&method.unwrap()), expected, "{dev}");
        }
        assert_eq!(values(&(&x * 2)), [2.0, 4.0, 6.0, 10.0]);
        assert_eq!(values(&(1.0 - &x)), [0.0, -1.0, -2.0, -4.0]);
        assert_eq!(values(&-&x), [-1.0, -2.0, -3.0, -5.0]);
    }
}

#[test]
fn in_place_operation_changes_target_alone() {
    for dev in devices() {
        let x = taut::tensor([[1.0f32, 2.0], [3.0, 5.0]], dev).unwrap();
        let y = taut::tensor([[2.0f32, 4.0], [8.0, -4.0]], dev).unwrap();
        let sum = values(&(&x + &y));
        y.add_(&x).unwrap();
        assert_eq!(values(&y), sum);
        y.sub_(&x).unwrap();
        assert_eq!(values(&y), [2.0, 4.0, 8.0, -4.0]);
        y.mul_(&x).unwrap();
        assert_eq!(values(&y), [2.0, 8.0, 24.0, -20.0]);
        y.div_(&x).unwrap();
        assert_eq!(values(&y), [2.0, 4.0, 8.0, -4.0]);
        let mut z = y.alias();
        z += &x;
        z -= 1;
        z *= 2;
        z /= &x;
        assert_eq!(values(&y), [4.0, 5.0, 20.0 / 3.0, 0.0]);
        assert_eq!(values(&x), [1.0, 2.0, 3.0, 5.0]);
    }
}

#[test]
fn alias_sees_every_step_and_clone_none() {
    for dev in devices() {
        let a = taut::tensor([[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]], dev).unwrap();
        let b = taut::full([2, 3], 2.0, (DType::F32, dev)).unwrap();
        let (a1, copy) = (a.alias(), a.clone());
        a.sub_(&b).unwrap();
        assert_eq!(values(&a1), [-1.0, 0.0, 1.0, 2.0, 3.0, 4.0]);
        a.mul_(&b).unwrap();
        assert_eq!(values(&a1), [-2.0, 0.0, 2.0, 4.0, 6.0, 8.0]);
        a.div_(&b).unwrap();
        assert_eq!(values(&a1), [-1.0, 0.0, 1.0, 2.0, 3.0, 4.0]);
        let quotient = taut::div(&a, &b).unwrap();
        assert_eq!(values(&quotient), [-0.5, 0.0, 0.5, 1.0, 1.5, 2.0]);
        assert_eq!(values(&a1), [-1.0, 0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(values(&copy), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }
}

#[test]
fn index_gives_views_that_write_through() {
    for dev in devices() {
        let x = counting([3, 4], dev);
        assert_eq!(values(&x.i((.., ..)).unwrap()), values(&x));
        let row = x.i((0, ..)).unwrap();
        assert_eq!((row.shape(), values(&row)), (&[4][..], vec![0.0, 1.0, 2.0, 3.0]));
        assert_eq!(values(&x.i((1, ..)).unwrap()), [4.0, 5.0, 6.0, 7.0]);
        for (at, expected) in [((0, 0), 0.0), ((0, 1), 1.0), ((1, 2), 6.0), ((-1, -1), 11.0)] {
            let element = x.i(at).unwrap();
            assert_eq!(element.dim(), 0);
            assert_eq!(element.item::<f32>().unwrap(), expected);
        }
        x.index_put_((.., 1), 0.5).unwrap();
        x.i((0, ..)).unwrap().fill_(9).unwrap();
        assert_eq!(values(&x)[..8], [9.0, 9.0, 9.0, 9.0, 4.0, 0.5, 6.0, 7.0]);
        assert_eq!(values(&row), [9.0; 4]);
        assert_eq!((x.shape(), x.size().to_string()), (&[3, 4][..], "[3, 4]".to_string()));
    }
}

#[test]
fn view_infers_one_dimension() {
    for dev in devices() {
        let x = counting([4, 4], dev);
        assert_eq!(x.view([16]).unwrap().shape(), [16]);
        let y1 = x.view([-1, 8]).unwrap();
        assert_eq!(y1.size().to_string(), "[2, 8]");
        assert_eq!(x.view([4, -1]).unwrap().shape(), [4, 4]);
        assert_eq!(x.view([-1, 2, 2]).unwrap().shape(), [4, 2, 2]);
        let n = 2_usize;
        assert_eq!(x.view((n, -1)).unwrap().shape(), [2, 8]);
        x.index_put_((1, 0), -1).unwrap();
        assert_eq!(y1.i((0, 4)).unwrap().item::<f32>().unwrap(), -1.0);
        assert_eq!(values(&x.view([16]).unwrap()), values(&x));
    }
}

#[test]
fn numpy_shares_memory_with_tensor() {
    let a = taut::ones([5], Device::Cpu).unwrap();
    let b = a.numpy::<f32>().unwrap();
    assert_eq!(b.to_string(), "[1. 1. 1. 1. 1.]");
    a.index_put_(0, 2).unwrap();
    assert_eq!(b.to_string(), "[2. 1. 1. 1. 1.]");
    a.add_(1).unwrap();
    assert_eq!(a.to_string(), "tensor([3., 2., 2., 2., 2.])");
    assert_eq!(b.to_string(), "[3. 2. 2. 2. 2.]");
    let sum = a.add(1).unwrap(); // out of place: must not show
    assert_eq!(b.to_string(), "[3. 2. 2. 2. 2.]");
    assert_eq!(values(&sum), [4.0, 3.0, 3.0, 3.0, 3.0]);
    b.write().unwrap()[[4]] = 7.0;
    assert_eq!(values(&a), [3.0, 2.0, 2.0, 2.0, 7.0]);
    // Through a view on either side.
    let tail = a.i(3..).unwrap().numpy::<f32>().unwrap();
    a.i(slice(.., ..).step(2)).unwrap().fill_(0).unwrap();
    assert_eq!(tail.to_string(), "[2. 0.]");
    tail.write().unwrap().fill(5.0);
    assert_eq!(values(&a), [0.0, 2.0, 0.0, 5.0, 5.0]);
}

#[test]
fn from_numpy_shares_memory_and_tensor_copies() {
    let x = HostArray::from(ndarray::Array::<f64, _>::ones(5).into_dyn());
    let shared = taut::from_numpy(&x).unwrap();
    assert_eq!(shared.to_string(), "tensor([1., 1., 1., 1., 1.], dtype=float64)");
    let copies: Vec<taut::Tensor> = devices()
        .into_iter()
        .filter(|dev| dev.supports(DType::F64))
        .map(|dev| taut::tensor(&x, dev).unwrap())
        .collect();
    *x.write().unwrap() += 1.0;
    assert_eq!(x.to_string(), "[2. 2. 2. 2. 2.]");
    assert_eq!(shared.to_string(), "tensor([2., 2., 2., 2., 2.], dtype=float64)");
    for copy in copies {
        assert_eq!(copy.to_vec::<f64>().unwrap(), [1.0; 5]);
    }
    shared.i(1).unwrap().mul_(10).unwrap();
    assert_eq!(x.to_string(), "[ 2. 20.  2.  2.  2.]");
}

#[test]
fn clone_numpy_is_independent() {
    let a = taut::ones([5], Device::Cpu).unwrap();
    let b = a.clone().numpy::<f32>().unwrap();
    a.index_put_(0, 9).unwrap();
    assert_eq!(a.to_string(), "tensor([9., 1., 1., 1., 1.])");
    assert_eq!(b.to_string(), "[1. 1. 1. 1. 1.]");
}

#[test]
fn numpy_of_gpu_tensor_is_refused_and_cpu_copies() {
    for dev in devices() {
        let x = counting([3, 4], dev);
        let host = x.cpu().unwrap().numpy::<f32>().unwrap();
        assert_eq!(host.shape(), [3, 4]);
        assert_eq!(host.to_vec().unwrap(), values(&x));
        if dev == Device::Cpu {
            assert!(x.numpy::<f32>().is_ok());
            continue;
        }
        let error = x.numpy::<f32>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Device);
        let expected = format!(
            "can't convert {dev} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to \
             host memory first."
        );
        assert_eq!(error.to_string(), expected);
        x.zero_().unwrap();
        assert_eq!(host.to_vec().unwrap()[11], 11.0);
    }
}

#[test]
fn misuse_is_refused_in_the_words_of_pytorch() {
    for dev in devices() {
        let x = counting([2, 3], dev);
        let ints = taut::zeros([2, 3], (DType::I32, dev)).unwrap();
        let row = taut::zeros([1, 3], dev).unwrap();
        let expanded = row.expand([2, 3]).unwrap();
        let table = [
            (
                x.i((0, ..2)).unwrap().item::<f32>().map(drop),
                ErrorKind::Shape,
                "a Tensor with 2 elements cannot be converted to Scalar",
            ),
            (x.view([-1, -1]).map(drop), ErrorKind::Shape, "only one dimension can be inferred"),
            (x.view([5]).map(drop), ErrorKind::Shape, "shape '[5]' is invalid for input of size 6"),
            (
                x.i((.., 3)).map(drop),
                ErrorKind::Index,
                "index 3 is out of bounds for dimension 1 with size 3",
            ),
            (
                x.i((0, 0, 0)).map(drop),
                ErrorKind::Index,
                "too many indices for tensor of dimension 2",
            ),
            (
                expanded.add_(1).map(drop),
                ErrorKind::Overlap,
                "unsupported operation: more than one element of the written-to tensor refers to a \
                 single memory location. Please clone() the tensor before performing the operation.",
            ),
            (
                ints.add_(&x).map(drop),
                ErrorKind::Dtype,
                "result type Float can't be cast to the desired output type Int",
            ),
            (
                x.add(&taut::zeros([2, 4], dev).unwrap()).map(drop),
                ErrorKind::Shape,
                "The size of tensor a (3) must match the size of tensor b (4) at non-singleton \
                 dimension 1",
            ),
        ];
        for (result, kind, message) in table {
            let error = result.unwrap_err();
            assert_eq!((error.kind(), error.to_string().as_str()), (kind, message), "{dev}");
        }
        // What was refused wrote nothing.
        assert_eq!(values(&row), [0.0; 3]);
        assert_eq!(ints.to_vec::<i32>().unwrap(), [0; 6]);
    }
}

#[test]
fn operator_on_mixed_devices_panics_with_the_message() {
    let here = taut::ones([2], Device::Cpu).unwrap();
    for dev in devices().into_iter().filter(|&dev| dev != Device::Cpu) {
        let there = taut::ones([2], dev).unwrap();
        let error = here.add(&there).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Device);
        let expected = format!(
            "Expected all tensors to be on the same device, but found at least two devices, cpu and \
             {dev}!"
        );
        assert_eq!(error.to_string(), expected);
        let zero_dim = taut::tensor(2.0f32, Device::Cpu).unwrap();
        assert_eq!(values(&(&there * &zero_dim)), [2.0, 2.0]);
    }
    let wrong = taut::ones([3], Device::Cpu).unwrap();
    let panic = std::panic::catch_unwind(AssertUnwindSafe(|| &here + &wrong)).unwrap_err();
    let message = panic.downcast_ref::<String>().map(String::as_str);
    let expected =
        "The size of tensor a (2) must match the size of tensor b (3) at non-singleton dimension 0";
    assert_eq!(message, Some(expected));
}
