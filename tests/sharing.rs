//! Host arrays and tensors that share memory, in both directions, and the guards between them.

mod common;

use ndarray::{Array, ArrayD, Axis, Ix1, Ix2, ShapeBuilder, arr0, arr1, arr2, s};
use taut::{DType, Device, ErrorKind, HostArray, Result, Tensor, ndarray};

const fn is_send_and_sync<T: Send + Sync>() {}

const _: () = {
    is_send_and_sync::<HostArray<f32>>();
    is_send_and_sync::<HostArray<bool>>();
    is_send_and_sync::<Tensor>();
    is_send_and_sync::<Device>();
    is_send_and_sync::<taut::Generator>();
    is_send_and_sync::<taut::Error>();
};

#[test]
fn numpy_sees_what_happens_to_the_tensor() -> Result<()> {
    let a = taut::ones([5], Device::Cpu)?;
    let b = a.numpy::<f32>()?;
    assert_eq!(b.to_string(), "[1. 1. 1. 1. 1.]");
    a.index_put_(0, 2)?;
    assert_eq!(b.to_string(), "[2. 1. 1. 1. 1.]");
    a.add_(1)?;
    assert_eq!(b.to_string(), "[3. 2. 2. 2. 2.]");
    assert_eq!(b.read()?[[0]], 3.0);
    // Out of place, nothing shows.
    let c = a.add(1)?;
    assert_eq!(b.to_vec()?, [3.0, 2.0, 2.0, 2.0, 2.0]);
    assert_eq!(c.to_vec::<f32>()?, [4.0, 3.0, 3.0, 3.0, 3.0]);
    Ok(())
}

#[test]
fn numpy_of_a_clone_is_independent() -> Result<()> {
    let a = taut::ones([5], ())?;
    let b = a.clone().numpy::<f32>()?;
    a.index_put_(0, 9)?;
    b.write()?[[1]] = 7.0;
    assert_eq!(a.to_vec::<f32>()?, [9.0, 1.0, 1.0, 1.0, 1.0]);
    assert_eq!(b.to_vec()?, [1.0, 7.0, 1.0, 1.0, 1.0]);
    Ok(())
}

#[test]
fn clone_of_an_exported_tensor_copies() -> Result<()> {
    let a = taut::ones([3], ())?;
    let b = a.numpy::<f32>()?;
    let c = a.clone();
    *b.write()? += 1.0;
    assert_eq!(a.to_vec::<f32>()?, [2.0; 3]);
    assert_eq!(c.to_vec::<f32>()?, [1.0; 3]);
    Ok(())
}

#[test]
fn tensor_sees_what_is_written_to_its_host_array() -> Result<()> {
    let a = taut::zeros([2, 3], ())?;
    let doubled = a.mul(2)?;
    let b = a.numpy::<f32>()?;
    b.write()?[[1, 2]] = 5.0;
    // Operations of before do not see it, later ones do.
    assert_eq!(doubled.to_vec::<f32>()?, [0.0; 6]);
    assert_eq!(a.add(1)?.to_vec::<f32>()?, [1.0, 1.0, 1.0, 1.0, 1.0, 6.0]);
    assert_eq!(a.t()?.select(0, 2)?.to_vec::<f32>()?, [0.0, 5.0]);
    Ok(())
}

#[test]
fn recorded_read_comes_before_a_later_host_write() -> Result<()> {
    let a = taut::ones([4], ())?;
    let h = a.numpy::<f32>()?;
    let sum = a.add(&a)?;
    *h.write()? *= 10.0;
    assert_eq!(sum.to_vec::<f32>()?, [2.0; 4]);
    assert_eq!(a.to_vec::<f32>()?, [10.0; 4]);
    Ok(())
}

#[test]
fn views_share_through_numpy() -> Result<()> {
    let x = taut::arange(12, DType::I32)?.view([3, 4])?;
    let transposed = x.t()?.numpy::<i32>()?;
    let column = x.i((.., 1))?.numpy::<i32>()?;
    let steps = x.i((.., taut::slice(1, ..).step(2)))?.numpy::<i32>()?;
    let expanded = x.narrow(0, 2, 1)?.expand([2, 4])?.numpy::<i32>()?;
    assert_eq!(transposed.shape(), [4, 3]);
    assert_eq!(transposed.to_vec()?, [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
    assert_eq!(steps.to_vec()?, [1, 3, 5, 7, 9, 11]);
    assert_eq!(expanded.to_vec()?, [8, 9, 10, 11, 8, 9, 10, 11]);
    column.write()?[[2]] = -1;
    transposed.write()?[[3, 2]] = -2;
    assert_eq!(x.to_vec::<i32>()?, [0, 1, 2, 3, 4, 5, 6, 7, 8, -1, 10, -2]);
    assert_eq!(expanded.to_vec()?, [8, -1, 10, -2, 8, -1, 10, -2]);
    assert_eq!(steps.to_vec()?, [1, 3, 5, 7, -1, -2]);
    x.mul_(2)?;
    assert_eq!(column.to_vec()?, [2, 10, -2]);
    Ok(())
}

#[test]
fn from_numpy_shares_and_tensor_copies() -> Result<()> {
    let x = HostArray::from(Array::<f64, _>::ones(5).into_dyn());
    let y = taut::from_numpy(&x)?;
    let z = taut::tensor(&x, Device::Cpu)?;
    *x.write()? += 1.0;
    assert_eq!(y.to_vec::<f64>()?, [2.0; 5]);
    assert_eq!(z.to_vec::<f64>()?, [1.0; 5]);
    y.mul_(3)?;
    assert_eq!(x.to_vec()?, [6.0; 5]);
    assert_eq!(y.dtype(), DType::F64);
    assert_eq!(y.numpy::<f64>()?.to_vec()?, [6.0; 5]);
    Ok(())
}

#[test]
fn from_numpy_takes_every_memory_order() -> Result<()> {
    let rows = Array::from_shape_fn((3, 4), |(i, j)| (10 * i + j) as i32);
    let fortran = {
        let mut fortran = Array::<i32, Ix2>::zeros((3, 4).f());
        fortran.assign(&rows);
        fortran
    };
    let sliced = rows.clone().slice_move(s![1.., ..;2]);
    let mut reversed = rows.clone();
    reversed.invert_axis(Axis(1));
    let single = {
        let mut single = Array::<i32, Ix2>::ones((1, 3));
        single.invert_axis(Axis(0));
        single
    };
    for array in [rows.clone(), fortran, sliced, reversed, rows.reversed_axes(), single] {
        let expected: Vec<i32> = array.iter().copied().collect();
        let shape = array.shape().to_vec();
        let host = HostArray::from(array);
        let tensor = taut::from_numpy(&host)?;
        assert_eq!((tensor.shape(), host.shape()), (&shape[..], &shape[..]));
        assert_eq!(tensor.to_vec::<i32>()?, expected);
        assert_eq!(host.to_vec()?, expected);
        assert_eq!(taut::tensor(&host, ())?.to_vec::<i32>()?, expected);
        // Shared, both ways.
        tensor.i((0, 1))?.fill_(99)?;
        assert_eq!(host.read()?[[0, 1]], 99);
        host.write()?[[0, 0]] = -99;
        assert_eq!(tensor.i((0, 0))?.item::<i32>()?, -99);
    }
    Ok(())
}

#[test]
fn from_numpy_of_nothing_and_of_one_number() -> Result<()> {
    let empty = HostArray::from(Array::<f32, Ix2>::zeros((0, 3)));
    assert!(empty.is_empty());
    let tensor = taut::from_numpy(&empty)?;
    assert_eq!(tensor.shape(), [0, 3]);
    tensor.add_(1)?;
    assert_eq!(tensor.to_vec::<f32>()?, [] as [f32; 0]);
    assert_eq!(empty.read()?.len(), 0);
    empty.write()?.fill(1.0);
    assert_eq!(empty.into_ndarray()?.shape(), [0, 3]);

    let number = HostArray::from(arr0(4.0f32));
    let tensor = taut::from_numpy(&number)?;
    tensor.div_(8)?;
    assert_eq!((tensor.dim(), tensor.item::<f32>()?), (0, 0.5));
    assert_eq!(number.read()?[[]], 0.5);
    Ok(())
}

#[test]
fn numpy_of_an_empty_tensor_has_no_elements() -> Result<()> {
    let host = taut::zeros([2, 0, 3], DType::I64)?.numpy::<i64>()?;
    assert_eq!((host.shape(), host.len()), (&[2, 0, 3][..], 0));
    assert_eq!(host.read()?.shape(), [2, 0, 3]);
    let part = taut::zeros([4], ())?.narrow(0, 4, 0)?.numpy::<f32>()?;
    assert_eq!(part.write()?.len(), 0);
    Ok(())
}

#[test]
fn numpy_refuses_another_type() -> Result<()> {
    let error = taut::ones([2], ())?.numpy::<f64>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Dtype);
    let message = error.to_string();
    assert!(message.contains("float32") && message.contains("float64"), "{message}");
    Ok(())
}

#[test]
fn numpy_of_a_gpu_tensor_names_the_way_out() -> Result<()> {
    for device in common::devices().into_iter().filter(|&device| device != Device::Cpu) {
        let x = taut::ones([2], device)?;
        let error = x.numpy::<f32>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Device);
        let message = error.to_string();
        assert!(message.contains("cpu()") && message.contains("numpy"), "{message}");
        let host = x.cpu()?.numpy::<f32>()?;
        host.write()?[[0]] = 3.0;
        assert_eq!(x.to_vec::<f32>()?, [1.0, 1.0], "{device}: the copy is independent");
    }
    Ok(())
}

#[test]
fn two_readers_are_fine() -> Result<()> {
    let x = taut::ones([3], ())?;
    let (h, k) = (x.numpy::<f32>()?, x.narrow(0, 1, 2)?.numpy::<f32>()?);
    let (one, two) = (h.read()?, k.read()?);
    assert_eq!((one.sum(), two.sum()), (3.0, 2.0));
    // Reading through the tensor and computing from it are fine beside them.
    assert_eq!(x.add(1)?.to_vec::<f32>()?, [2.0; 3]);
    assert_eq!(x.to_vec::<f32>()?, [1.0; 3]);
    assert_eq!(x.to_string(), "tensor([1., 1., 1.])");
    Ok(())
}

#[test]
fn writing_beside_a_reader_is_an_error() -> Result<()> {
    let x = taut::ones([3], ())?;
    let h = x.numpy::<f32>()?;
    let reader = h.read()?;
    let refused = [
        h.write().map(drop),
        x.add_(1).map(drop),
        x.fill_(0).map(drop),
        x.narrow(0, 0, 1)?.zero_().map(drop),
        x.copy_(&taut::zeros([3], ())?).map(drop),
        x.index_put_(0, 5).map(drop),
        x.neg_().map(drop),
    ];
    for result in refused {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Value);
        assert!(error.to_string().contains("read()"), "{error}");
    }
    assert_eq!(reader.sum(), 3.0);
    drop(reader);
    x.add_(1)?;
    assert_eq!(h.to_vec()?, [2.0; 3]);
    Ok(())
}

#[test]
fn anything_beside_a_writer_is_an_error() -> Result<()> {
    let x = taut::ones([3], ())?;
    let h = x.numpy::<f32>()?;
    let mut writer = h.write()?;
    writer[[1]] = 5.0;
    let refused = [
        h.read().map(drop),
        h.write().map(drop),
        h.to_vec().map(drop),
        x.add(1).map(drop),
        x.add_(1).map(drop),
        x.t()?.mul(2).map(drop),
        x.to_vec::<f32>().map(drop),
        x.select(0, 0)?.item::<f32>().map(drop),
        x.tolist().map(drop),
        x.to(DType::F64).map(drop),
        taut::tensor(&h, ()).map(drop),
    ];
    for (k, result) in refused.into_iter().enumerate() {
        let error = result.expect_err(&format!("case {k}"));
        assert_eq!(error.kind(), ErrorKind::Value, "case {k}");
        assert!(error.to_string().contains("write()"), "{error}");
    }
    // Printing says so too, and does not panic.
    assert!(x.to_string().contains("<error:"), "{x}");
    assert!(h.to_string().contains("<error:"), "{h}");
    writer[[2]] = 6.0;
    drop(writer);
    assert_eq!(x.add(1)?.to_vec::<f32>()?, [2.0, 6.0, 7.0]);
    assert_eq!(h.read()?.sum(), 12.0);
    h.write()?.fill(0.0);
    assert_eq!(x.to_vec::<f32>()?, [0.0; 3]);
    Ok(())
}

#[test]
fn other_storages_go_on_beside_a_writer() -> Result<()> {
    let (x, y) = (taut::ones([3], ())?, taut::ones([3], ())?);
    let h = x.numpy::<f32>()?;
    let pending = x.add(1)?;
    let writer = h.write()?;
    y.add_(1)?;
    assert_eq!(y.to_vec::<f32>()?, [2.0; 3]);
    assert_eq!(pending.mul(2)?.to_vec::<f32>()?, [4.0; 3]);
    drop(writer);
    Ok(())
}

#[test]
fn write_through_strides_that_overlap_is_an_error() -> Result<()> {
    let x = taut::arange(6, DType::F32)?;
    let windows = x.unfold(0, 3, 1)?.numpy::<f32>()?;
    let repeated = x.narrow(0, 0, 1)?.expand([4])?.numpy::<f32>()?;
    for host in [&windows, &repeated] {
        assert_eq!(host.write().map(drop).unwrap_err().kind(), ErrorKind::Overlap);
    }
    assert_eq!(windows.read()?.row(1), [1.0, 2.0, 3.0]);
    assert_eq!(repeated.read()?.sum(), 0.0);
    // A failed write leaves no guard behind.
    x.add_(1)?;
    Ok(())
}

trait Row {
    fn row(&self, index: usize) -> Vec<f32>;
}

impl Row for ndarray::ArrayRef<f32, ndarray::IxDyn> {
    fn row(&self, index: usize) -> Vec<f32> {
        self.index_axis(Axis(0), index).iter().copied().collect()
    }
}

#[test]
fn into_ndarray_moves_what_came_from_a_vec() -> Result<()> {
    let array = arr2(&[[1i64, 2], [3, 4]]);
    let before = array.as_ptr();
    let host = HostArray::from(array);
    let tensor = taut::from_numpy(&host)?;
    tensor.mul_(2)?;
    drop(tensor);
    let array = host.into_ndarray()?;
    assert_eq!(array.as_ptr(), before);
    assert_eq!(array, arr2(&[[2i64, 4], [6, 8]]).into_dyn());
    Ok(())
}

#[test]
fn into_ndarray_copies_what_is_shared_or_not_whole() -> Result<()> {
    let array = arr1(&[1.0f32, 2.0, 3.0]);
    let before = array.as_ptr();
    let host = HostArray::from(array);
    let tensor = taut::from_numpy(&host)?;
    let mut moved = host.into_ndarray()?;
    assert_ne!(moved.as_ptr(), before);
    moved[[0]] = 9.0;
    assert_eq!(tensor.to_vec::<f32>()?, [1.0, 2.0, 3.0]);
    let part = tensor.narrow(0, 1, 2)?.numpy::<f32>()?;
    drop(tensor);
    assert_eq!(part.into_ndarray()?, arr1(&[2.0f32, 3.0]).into_dyn());
    // Memory of our own is copied out.
    let own = taut::ones([2, 2], DType::F64)?.numpy::<f64>()?;
    assert_eq!(own.into_ndarray()?, ArrayD::<f64>::ones(vec![2, 2]));
    Ok(())
}

#[test]
fn into_ndarray_waits_for_what_was_recorded() -> Result<()> {
    let host = HostArray::from(arr1(&[1, 2, 3]));
    {
        let tensor = taut::from_numpy(&host)?;
        for _ in 0..100 {
            tensor.add_(1)?;
        }
    }
    assert_eq!(host.into_ndarray()?, arr1(&[101, 102, 103]).into_dyn());
    Ok(())
}

#[test]
fn into_ndarray_beside_a_guard_keeps_the_guard_valid() -> Result<()> {
    let host = HostArray::from(arr1(&[1, 2, 3]));
    let other = host.alias();
    let reader = other.read()?;
    assert_eq!(host.into_ndarray()?.len(), 3);
    assert_eq!(reader.sum(), 6);
    Ok(())
}

#[test]
fn bools_are_bools_whatever_the_memory_held() -> Result<()> {
    // Memory that goes back to the pool with bytes that are no bools.
    for round in 0..8 {
        let n = 100 + round;
        let junk = taut::full([n], 0xAB, DType::U8)?;
        taut::synchronize(Device::Cpu)?;
        drop(junk);
        let flags = taut::empty([n], DType::Bool)?;
        let host = flags.numpy::<bool>()?;
        let read = host.read()?;
        for &flag in read.iter() {
            assert!(u8::from(flag) <= 1);
        }
        let trues = read.iter().filter(|&&flag| flag).count();
        drop(read);
        assert_eq!(flags.to_vec::<bool>()?.into_iter().filter(|&flag| flag).count(), trues);
    }
    let host = taut::tensor([true, false], ())?.numpy::<bool>()?;
    host.write()?[[1]] = true;
    assert_eq!(host.to_vec()?, [true, true]);
    Ok(())
}

#[test]
fn half_types_share_too() -> Result<()> {
    use half::{bf16, f16};
    let x = taut::ones([2], DType::F16)?;
    let h = x.numpy::<f16>()?;
    x.div_(3)?;
    assert_eq!(h.read()?[[0]], f16::from_f32(1.0 / 3.0));
    let y = HostArray::from(Array::<bf16, Ix1>::from_elem(2, bf16::from_f32(2.0)));
    taut::from_numpy(&y)?.add_(0.5)?;
    assert_eq!(y.read()?[[1]], bf16::from_f32(2.5));
    Ok(())
}

#[test]
fn guards_outlive_the_tensor_and_its_handle() -> Result<()> {
    let host = {
        let x = taut::arange(4, ())?;
        x.add_(1)?;
        x.numpy::<i64>()?
    };
    let reader = host.read()?;
    assert_eq!(reader.sum(), 10);
    Ok(())
}
