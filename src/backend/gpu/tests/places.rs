//! Reading and writing at computed places of tensors that no binding reaches: Note [Computed places].

use half::f16;

use super::small::{Results, Small, bytes, check};
use super::*;
use crate::dtype::Element;
use crate::{Device, Result, Tensor};

const SIZES: [i64; 3] = [40, 30, 30];
const LEN: i64 = 36_000;

/// Places of several ranks and strides in a tensor of a dtype.
fn of_dtype<T: Element>(x: &Tensor, all: &mut Results) -> Result<()> {
    let x = x.to(T::DTYPE)?;
    let device = x.device();
    let flat = x.flatten(0, -1)?;
    let places = crate::arange(3000, device)?.mul(7919)?.remainder(LEN)?;
    let few = crate::arange(25, device)?.mul(7)?.remainder(30)?;
    let some = crate::arange(50, device)?.mul(11)?.remainder(40)?;
    // Neither collapses.
    let cut = x.i((.., .., 1..))?;
    let turned = x.permute([2, 0, 1])?;
    all.extend([
        ("take", bytes::<T>(&flat.take(&places)?)?),
        ("index_select", bytes::<T>(&x.index_select(1, &few)?)?),
        ("index_select of a view", bytes::<T>(&turned.index_select(0, &few)?)?),
        ("index", bytes::<T>(&x.i((&some.narrow(0, 0, 25)?, .., &few))?)?),
        ("index of a slice", bytes::<T>(&cut.i((5.., &few, ..))?)?),
        ("index by i32", bytes::<T>(&x.i(&some.to(DType::I32)?)?)?),
        ("flip", bytes::<T>(&turned.flip([0, 2])?)?),
        ("mask", bytes::<T>(&x.masked_select(&x.ne(0)?)?)?),
    ]);
    let along = crate::arange(20 * 30 * 30, device)?.remainder(40)?.view([20, 30, 30])?;
    all.push(("gather", bytes::<T>(&x.gather(0, &along)?)?));
    all.push((
        "gather of a view",
        bytes::<T>(&x.transpose(0, 1)?.gather(1, &along.transpose(0, 1)?)?)?,
    ));

    let values = flat.narrow(0, 100, 3000)?.clone();
    let y = flat.clone();
    y.put_(&places, &values, false)?;
    all.push(("put", bytes::<T>(&y)?));
    let y = x.clone();
    y.index_put_((.., &few), &x.i((.., 0..25))?)?;
    y.index_put_((&some, 1), 1)?;
    y.permute([2, 0, 1])?.index_put_((&few, 3..), 0)?;
    all.push(("index_put", bytes::<T>(&y)?));
    let y = x.clone();
    y.scatter_(0, &along, &x.narrow(0, 20, 20)?.clone())?;
    y.i((.., .., 1..))?.scatter_(
        1,
        &along.i((.., .., 1..))?.clone().remainder(30)?,
        &cut.clone(),
    )?;
    all.push(("scatter", bytes::<T>(&y)?));
    let y = x.clone();
    y.masked_scatter_(&x.eq(1)?, &flat.clone())?;
    all.push(("masked_scatter", bytes::<T>(&y)?));
    if T::DTYPE != DType::Bool {
        let y = x.clone();
        y.scatter_add_(0, &along, &x.narrow(0, 5, 20)?.clone())?;
        y.transpose(0, 2)?.index_add_(0, &few, &x.narrow(2, 0, 25)?.transpose(0, 2)?.clone())?;
        all.push(("scatter_add", bytes::<T>(&y)?));
    }
    Ok(())
}

/// Bytes of what a program makes of it on the device: the same on all.
fn results(device: Device) -> Result<Results> {
    let values: Vec<i32> = (0..LEN as i32).map(|i| i * 7919 % 101 - 7).collect();
    let x = crate::from_slice(&values, SIZES, device)?;
    let mut all = Results::new();
    of_dtype::<bool>(&x.gt(50)?, &mut all)?;
    of_dtype::<u8>(&x, &mut all)?;
    of_dtype::<f16>(&x, &mut all)?;
    if Device::Gpu(0).supports(DType::I64) {
        of_dtype::<i64>(&x, &mut all)?;
    }
    if Device::Gpu(0).supports(DType::F64) {
        of_dtype::<f64>(&x, &mut all)?;
    }
    // What is refused writes nothing.
    let y = x.clone();
    let far = crate::full([3], LEN, (DType::I64, device))?;
    y.flatten(0, -1)?.index_put_(&far, 1)?;
    assert!(y.to_vec::<i32>().is_err());
    assert!(x.flatten(0, -1)?.take(&far)?.to_vec::<i32>().is_err());
    all.push(("refused", bytes::<i32>(&y)?));
    Ok(all)
}

#[test]
fn computed_places_beyond_every_binding_have_the_bits_of_the_cpu() {
    let name = "backend::gpu::tests::places::computed_places_beyond_every_binding_have_the_bits_of_the_cpu";
    let narrow = Small::new(128 << 20, 32 << 10);
    check(name, results, &[narrow]);
}
