//! ndarray's arrays to tensors and back, without a copy where the memory is its own.

use ndarray::{Array, ArrayD, Axis, ShapeBuilder, arr2, s};
use taut::{HostArray, Result, Tensor, ndarray};

/// Whether an array comes out of a host array at the address where it went in.
fn returns_in_place(array: ArrayD<i32>) -> Result<bool> {
    let (at, expected) = (array.as_ptr(), array.clone());
    let back = HostArray::from(array).into_ndarray()?;
    assert_eq!(back, expected);
    Ok(back.as_ptr() == at)
}

fn numbered() -> ArrayD<i32> {
    Array::from_shape_fn((3, 4), |(i, j)| (10 * i + j) as i32).into_dyn()
}

#[test]
fn into_ndarray_copies_nothing_in_any_order_of_memory() -> Result<()> {
    assert!(returns_in_place(numbered())?);
    assert!(returns_in_place(numbered().reversed_axes())?);
    let fortran = Array::from_shape_fn((3, 4).f(), |(i, j)| (10 * i + j) as i32);
    assert!(returns_in_place(fortran.into_dyn())?);
    // Every second column, from the first on: gaps, and a `Vec` longer than is reached.
    assert!(returns_in_place(numbered().slice_move(s![.., ..;2]).into_dyn())?);
    assert!(returns_in_place(ArrayD::from_elem(vec![], 7))?);
    // An array that begins within its Vec, or runs backwards, has to be copied.
    assert!(!returns_in_place(numbered().slice_move(s![1.., ..]).into_dyn())?);
    assert!(!returns_in_place(numbered().slice_move(s![..;-1, ..]).into_dyn())?);
    Ok(())
}

#[test]
fn into_ndarray_gives_what_was_written_meanwhile() -> Result<()> {
    let array = HostArray::from(numbered().reversed_axes());
    taut::from_numpy(&array)?.add_(1)?;
    let view = taut::from_numpy(&array)?.i(1)?;
    view.mul_(2)?;
    drop(view);
    let expected = &numbered().reversed_axes() + 1;
    let mut expected = expected.into_dyn();
    expected.index_axis_mut(Axis(0), 1).mapv_inplace(|v| 2 * v);
    assert_eq!(array.into_ndarray()?, expected);
    Ok(())
}

#[test]
fn into_ndarray_of_shared_memory_is_a_copy() -> Result<()> {
    let array = HostArray::from(numbered());
    let tensor = taut::from_numpy(&array)?;
    let copy = array.into_ndarray()?;
    tensor.zero_()?;
    assert_eq!(copy, numbered());
    Ok(())
}

#[test]
fn tensor_from_an_array_takes_its_memory() -> Result<()> {
    let array = arr2(&[[1.0f64, 2.0], [3.0, 4.0]]);
    let at = array.as_ptr();
    let x = Tensor::from(array);
    x.add_(1)?;
    let array = x.numpy::<f64>()?;
    assert_eq!(array.read()?.as_ptr(), at);
    drop(x);
    let array = array.into_ndarray()?;
    assert_eq!(array.as_ptr(), at);
    assert_eq!(array, arr2(&[[2.0, 3.0], [4.0, 5.0]]).into_dyn());
    Ok(())
}
