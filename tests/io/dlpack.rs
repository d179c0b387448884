//! DLPack: lending and borrowing memory.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dlpack_rs::ffi::{DLDataType, DLDevice, DLPackVersion, DLTensor};
use taut::io::dlpack::{
    DLManagedTensor, DLManagedTensorVersioned, Managed, Owned, export, export_legacy, import,
};
use taut::{DType, Device, ErrorKind, Result, Tensor};

use crate::common::devices;

/// Memory of another library's that counts how often it was given back.
struct Lender {
    elements: Vec<f32>,
    shape: Vec<i64>,
    strides: Vec<i64>,
    deleted: Arc<AtomicUsize>,
}

unsafe extern "C" fn delete(managed: *mut DLManagedTensorVersioned) {
    // SAFETY: both are boxes that `lend` made, and this is called once.
    unsafe {
        let managed = Box::from_raw(managed);
        let lender = Box::from_raw(managed.manager_ctx.cast::<Lender>());
        lender.deleted.fetch_add(1, Ordering::SeqCst);
    }
}

/// The struct, with what `change` makes of it, and how often its deleter was called.
fn lend(
    shape: &[i64],
    strides: &[i64],
    change: impl FnOnce(&mut DLManagedTensorVersioned),
) -> (Owned<DLManagedTensorVersioned>, Arc<AtomicUsize>) {
    let deleted = Arc::new(AtomicUsize::new(0));
    let mut lender = Box::new(Lender {
        elements: (0..24).map(|i| i as f32).collect(),
        shape: shape.to_vec(),
        strides: strides.to_vec(),
        deleted: deleted.clone(),
    });
    let dl_tensor = DLTensor {
        data: lender.elements.as_mut_ptr().cast(),
        device: DLDevice { device_type: 1, device_id: 0 },
        ndim: shape.len() as i32,
        dtype: DLDataType { code: 2, bits: 32, lanes: 1 },
        shape: lender.shape.as_mut_ptr(),
        strides: lender.strides.as_mut_ptr(),
        byte_offset: 0,
    };
    let mut managed = Box::new(DLManagedTensorVersioned {
        version: DLPackVersion { major: 1, minor: 1 },
        manager_ctx: Box::into_raw(lender).cast::<c_void>(),
        deleter: Some(delete),
        flags: 0,
        dl_tensor,
    });
    change(&mut managed);
    let managed = NonNull::new(Box::into_raw(managed)).unwrap();
    // SAFETY: just made; the memory is only used through the tensor.
    (unsafe { Owned::from_raw(managed) }, deleted)
}

fn plain() -> (Owned<DLManagedTensorVersioned>, Arc<AtomicUsize>) {
    lend(&[4, 6], &[6, 1], |_| {})
}

/// Where the elements are that the struct speaks of.
fn data(managed: NonNull<DLManagedTensorVersioned>) -> *mut f32 {
    // SAFETY: it has not been deleted.
    unsafe { managed.as_ref() }.dl_tensor.data.cast()
}

fn refused(managed: Owned<impl Managed>) -> taut::Error {
    import(managed).unwrap_err()
}

#[test]
fn every_dtype_goes_there_and_back() -> Result<()> {
    for dtype in DType::ALL {
        let x = taut::tensor([[0, 1, 2], [3, 4, 100]], dtype)?;
        for view in [x.alias(), x.t()?, x.i((1, 1))?, x.i((.., 1..))?, x.narrow(0, 0, 0)?] {
            for there in [import(export(&view)?)?, import(export_legacy(&view)?)?] {
                assert_eq!((there.dtype(), there.shape()), (dtype, view.shape()));
                assert_eq!(there.stride(), view.stride());
                assert_eq!(there.tolist()?, view.tolist()?);
            }
        }
    }
    Ok(())
}

#[test]
fn writes_are_seen_on_both_sides_at_once() -> Result<()> {
    let x = taut::zeros([2, 3], ())?;
    x.add_(1)?;
    let managed = export(&x.i((.., 1))?)?.into_raw();
    let at = data(managed);
    // SAFETY: elements of x, which lives.
    unsafe {
        assert_eq!(at.read(), 1.0);
        // No read point in between.
        x.mul_(5)?;
        assert_eq!(at.read(), 5.0);
        let y = x.neg()?;
        at.write(7.0);
        assert_eq!(y.to_vec::<f32>()?, [-5.0; 6]);
        at.add(3).write(8.0);
    }
    assert_eq!(x.to_vec::<f32>()?, [5.0, 7.0, 5.0, 5.0, 8.0, 5.0]);
    // SAFETY: not deleted yet.
    drop(unsafe { Owned::from_raw(managed) });
    Ok(())
}

#[test]
fn operations_on_exported_memory_flush_and_those_on_clones_do_not() -> Result<()> {
    let x = taut::ones([4], ())?;
    let exported = export(&x)?;
    let flushes = || Device::Cpu.stats().map(|stats| stats.flushes);
    // Other tests flush too, so only growth can be told.
    let before = flushes()?;
    x.add_(1)?;
    let view = x.narrow(0, 0, 2)?;
    view.add_(1)?;
    assert!(flushes()? >= before + 2);
    let copy = x.clone();
    drop(exported);
    assert_eq!(copy.to_vec::<f32>()?, [3.0, 3.0, 2.0, 2.0]);
    Ok(())
}

#[test]
fn clone_of_exported_memory_is_independent() -> Result<()> {
    let x = taut::ones([2], ())?;
    let managed = export(&x)?.into_raw();
    let copy = x.clone();
    // SAFETY: an element of x, which lives.
    unsafe { data(managed).write(9.0) };
    assert_eq!(copy.to_vec::<f32>()?, [1.0, 1.0]);
    assert_eq!(x.to_vec::<f32>()?, [9.0, 1.0]);
    // SAFETY: not deleted yet.
    drop(unsafe { Owned::from_raw(managed) });
    Ok(())
}

#[test]
fn exported_memory_outlives_its_tensor() -> Result<()> {
    let managed = export(&taut::full([1000], 3.0f32, ())?)?.into_raw();
    // What the pool would be given if the memory had gone back to it.
    let other = taut::zeros([1000], ())?;
    assert_eq!(other.sum(())?.item::<f32>()?, 0.0);
    // SAFETY: not deleted yet.
    let elements = unsafe { std::slice::from_raw_parts(data(managed), 1000) };
    assert_eq!(elements, [3.0; 1000]);
    // SAFETY: not deleted yet.
    let back = import(unsafe { Owned::from_raw(managed) })?;
    assert_eq!(back.to_vec::<f32>()?, [3.0; 1000]);
    Ok(())
}

#[test]
fn imported_memory_is_shared_and_given_back_once() -> Result<()> {
    let (managed, deleted) = lend(&[2, 3], &[1, 8], |managed| {
        managed.dl_tensor.byte_offset = 4;
    });
    let at = managed.into_raw();
    let elements = data(at);
    // SAFETY: just made.
    let x = import(unsafe { Owned::from_raw(at) })?;
    assert_eq!(x.to_vec::<f32>()?, [1.0, 9.0, 17.0, 2.0, 10.0, 18.0]);
    // SAFETY: elements of the lender, which lives.
    unsafe {
        elements.add(9).write(-9.0);
        assert_eq!(x.i((0, 1))?.item::<f32>()?, -9.0);
        x.mul_(2)?;
        assert_eq!((elements.add(18).read(), elements.read()), (36.0, 0.0));
    }
    let view = x.t()?.i(2)?;
    let waiting = view.add(1)?;
    drop(x);
    assert_eq!(deleted.load(Ordering::SeqCst), 0);
    drop(view);
    assert_eq!(waiting.to_vec::<f32>()?, [35.0, 37.0]);
    drop(waiting);
    taut::synchronize(Device::Cpu)?;
    assert_eq!(deleted.load(Ordering::SeqCst), 1);
    Ok(())
}

#[test]
fn imported_memory_serves_host_arrays_and_expanded_views() -> Result<()> {
    let (managed, deleted) = lend(&[3, 4], &[0, 1], |_| {});
    let x = import(managed)?;
    assert_eq!(x.sum(())?.item::<f32>()?, 18.0);
    assert_eq!(x.add_(1).unwrap_err().kind(), ErrorKind::Overlap);
    let array = x.i(0)?.numpy::<f32>()?;
    array.write()?[[0]] = 5.0;
    assert_eq!(x.to_vec::<f32>()?[8..], [5.0, 1.0, 2.0, 3.0]);
    drop(x);
    // The last holder moves its elements out by copying them.
    assert_eq!(array.into_ndarray()?, ndarray::arr1(&[5.0f32, 1.0, 2.0, 3.0]).into_dyn());
    assert_eq!(deleted.load(Ordering::SeqCst), 1);
    Ok(())
}

#[test]
fn dropped_or_refused_structs_are_deleted_once() {
    let (managed, deleted) = plain();
    drop(managed);
    assert_eq!(deleted.load(Ordering::SeqCst), 1);

    type Change = fn(&mut DLManagedTensorVersioned);
    let cases: [(Change, ErrorKind, &str); 9] = [
        (|m| m.version.major = 2, ErrorKind::Value, "expected DLPack of version 1, but got 2.1"),
        (|m| m.dl_tensor.device.device_type = 2, ErrorKind::Device, "but got device type 2"),
        (|m| m.dl_tensor.dtype.lanes = 4, ErrorKind::Dtype, "code 2, 32 bits and 4 lanes"),
        (|m| m.dl_tensor.dtype.code = 5, ErrorKind::Dtype, "code 5, 32 bits"),
        (|m| m.flags = 1, ErrorKind::Value, "the memory is read-only"),
        (|m| m.dl_tensor.byte_offset = 2, ErrorKind::Value, "aligned to 4 bytes"),
        (|m| m.dl_tensor.data = std::ptr::null_mut(), ErrorKind::Value, "aligned to 4 bytes"),
        (|m| m.dl_tensor.ndim = -1, ErrorKind::Value, "-1 dimensions"),
        (|m| m.dl_tensor.shape = std::ptr::null_mut(), ErrorKind::Value, "without sizes"),
    ];
    for (change, kind, expected) in cases {
        let (managed, deleted) = lend(&[4, 6], &[6, 1], change);
        let error = refused(managed);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(deleted.load(Ordering::SeqCst), 1, "{error}");
    }
    for (shape, strides) in [
        ([4, 6], [-6, 1]),
        ([-4, 6], [6, 1]),
        ([i64::MAX, 6], [6, 1]),
        ([4, 6], [i64::MAX, 1]),
        ([2, 2], [i64::MAX / 2, i64::MAX / 2]),
    ] {
        let (managed, deleted) = lend(&shape, &strides, |_| {});
        let error = refused(managed);
        assert_eq!(error.kind(), ErrorKind::Value, "{error}");
        assert_eq!(deleted.load(Ordering::SeqCst), 1);
    }
}

#[test]
fn structs_without_strides_or_elements_or_deleter_will_do() -> Result<()> {
    let (managed, _) = lend(&[4, 6], &[], |m| m.dl_tensor.strides = std::ptr::null_mut());
    assert_eq!(import(managed)?.stride(), [6, 1]);
    let (managed, deleted) = lend(&[4, 0], &[-1, -1], |m| m.dl_tensor.data = std::ptr::null_mut());
    let empty = import(managed)?;
    assert_eq!((empty.shape(), empty.numel()), (&[4, 0][..], 0));
    assert_eq!(deleted.load(Ordering::SeqCst), 1);

    // The struct from before version 1, on memory that nobody has to give back.
    let mut elements = [1i64, 2, 3];
    let mut shape = [3];
    let mut managed = DLManagedTensor {
        dl_tensor: DLTensor {
            data: elements.as_mut_ptr().cast(),
            device: DLDevice { device_type: 1, device_id: 0 },
            ndim: 1,
            dtype: DLDataType { code: 0, bits: 64, lanes: 1 },
            shape: shape.as_mut_ptr(),
            strides: std::ptr::null_mut(),
            byte_offset: 0,
        },
        manager_ctx: std::ptr::null_mut(),
        deleter: None,
    };
    // SAFETY: the arrays outlive the tensor.
    let x = import(unsafe { Owned::from_raw(NonNull::from(&mut managed)) })?;
    x.add_(1)?;
    assert_eq!(x.to_vec::<i64>()?, [2, 3, 4]);
    drop(x);
    assert_eq!(elements, [2, 3, 4]);
    Ok(())
}

#[test]
fn gpu_tensors_are_refused_with_the_way_out() -> Result<()> {
    for device in devices().into_iter().filter(|&device| device != Device::Cpu) {
        let x = taut::ones([2], device)?;
        let error = export(&x).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Device);
        assert!(error.to_string().contains("call .cpu() first"), "{error}");
        let there: Tensor = import(export(&x.cpu()?)?)?.to(device)?;
        assert_eq!(there.to_vec::<f32>()?, [1.0, 1.0]);
    }
    Ok(())
}

#[test]
fn bools_of_another_library_are_true_or_false() -> Result<()> {
    let (managed, _) = lend(&[4], &[1], |managed| {
        managed.dl_tensor.dtype = DLDataType { code: 6, bits: 8, lanes: 1 };
        // SAFETY: 96 bytes of the lender's.
        unsafe { managed.dl_tensor.data.cast::<[u8; 4]>().write([0, 1, 2, 255]) };
    });
    let x = import(managed)?;
    assert_eq!(x.to_vec::<bool>()?, [false, true, true, true]);
    assert_eq!(x.sum(())?.item::<i64>()?, 3);
    Ok(())
}
