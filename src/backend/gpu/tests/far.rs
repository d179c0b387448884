//! Operands of one buffer that lie further apart than a binding reaches: Note [Far parts].

use super::small::{Results, Small, bytes, check};
use super::*;
use crate::ops::Op;
use crate::{Device, Result};

/// Bytes of what a program makes of it on the device: the same on all.
fn results(device: Device) -> Result<Results> {
    // A buffer of 384 KiB, where a binding has 128.
    let (rows, columns) = (12_i64, 8192_i64);
    let values: Vec<f32> =
        (0..rows * columns).map(|i| (i * 7919 % 10_007) as f32 - 5000.5).collect();
    let x = crate::from_slice(&values, [rows, columns], device)?;
    let small: Vec<u8> = values.iter().map(|&v| v as i32 as u8).collect();
    let u = crate::from_slice(&small, [rows, columns], device)?;
    let flat = x.flatten(0, -1)?;
    let n = rows * columns / 2;
    let (low, high) = (flat.narrow(0, 0, n)?, flat.narrow(0, n, n)?);
    let t = x.view([512, -1])?.t()?;
    let row = |k: i64| x.select(0, k);
    let mut all = vec![
        ("halves", bytes::<f32>(&low.add(&high)?)?),
        (
            "odd halves",
            bytes::<f32>(&flat.narrow(0, 0, n - 1)?.sub(&flat.narrow(0, n + 1, n - 1)?)?)?,
        ),
        ("rows", bytes::<f32>(&row(0)?.add(&row(11)?)?)?),
        ("three rows", bytes::<f32>(&row(0)?.gt(0)?.where_cond(&row(9)?, &row(11)?)?)?),
        ("bytes", bytes::<u8>(&u.select(0, 1)?.add(&u.select(0, 10)?)?)?),
        ("columns", bytes::<f32>(&x.narrow(1, 3, 5)?.mul(&x.narrow(1, 8000, 5)?)?)?),
        ("joined", bytes::<f32>(&crate::cat(&[&x, &high.view([6, 8192])?, &x], 0)?)?),
        ("joined along", bytes::<f32>(&crate::cat(&[&x, &x], 1)?)?),
        ("stacked", bytes::<f32>(&crate::stack(&[&x, &x, &x], 1)?)?),
        ("transposed", bytes::<f32>(&t.contiguous()?)?),
        ("sum of halves", bytes::<f32>(&low.add(&high)?.sum(())?)?),
        ("scan of halves", bytes::<f32>(&low.add(&high)?.narrow(0, 0, 40_000)?.cumsum(0)?)?),
        ("outer sum of halves", bytes::<f32>(&low.mul(&high)?.view([64, -1])?.sum(0)?)?),
        ("sum of a transpose", bytes::<f32>(&t.add(1)?.sum(0)?)?),
        ("sum of a wide transpose", bytes::<f32>(&t.contiguous()?.sum(1)?)?),
        ("sum of all of a transpose", bytes::<f32>(&x.view([-1, 32])?.t()?.add(1)?.sum(())?)?),
        ("position in a transpose", bytes::<i64>(&x.view([-1, 32])?.t()?.argmax(1)?)?),
        ("sorted", bytes::<f32>(&low.add(&high)?.view([-1, 128])?.sort(-1, false)?.0)?),
    ];
    let y = x.clone().flatten(0, -1)?;
    y.narrow(0, 0, n)?.add_(&y.narrow(0, n, n)?)?;
    y.narrow(0, 1, 100)?.mul_(&y.narrow(0, 2 * n - 100, 100)?)?;
    all.push(("in place", bytes::<f32>(&y)?));
    let v = u.clone();
    v.select(0, 11)?.sub_(&v.select(0, 0)?)?;
    v.narrow(1, 5, 1001)?.select(0, 2)?.mul_(&v.narrow(1, 7, 1001)?.select(0, 10)?)?;
    all.push(("bytes in place", bytes::<u8>(&v)?));
    // Two targets and two sources, all of one storage, and a fold beside them.
    let z = x.clone();
    let (first, last) = (z.select(0, 0)?, z.select(0, 11)?);
    first.add_(&z.select(0, 9)?)?;
    last.mul_(&z.select(0, 10)?)?;
    let sum = first.add(&last)?.sum(())?;
    all.push(("two in place", bytes::<f32>(&z)?));
    all.push(("sum beside", bytes::<f32>(&sum)?));
    let w = x.clone();
    w.view([-1, 32])?.t()?.add_(1)?;
    all.push((
        "sum of a transpose in place",
        bytes::<f32>(&w.view([-1, 32])?.t()?.mul_(2)?.sum(1)?)?,
    ));
    Ok(all)
}

#[test]
fn operands_far_apart_have_the_bits_of_the_cpu() {
    let name = "backend::gpu::tests::far::operands_far_apart_have_the_bits_of_the_cpu";
    check(name, results, &[Small::new(128 << 20, 128 << 10), Small::new(6400, 128 << 10)]);
}

#[test]
fn point_that_stores_to_far_places_stores_both() {
    let options = GpuOptions { max_binding: Some(1024), ..Default::default() };
    let Some(device) = device_with(options) else { return };
    let values: Vec<i32> = (0..10_000).collect();
    let x = upload(&device, &values);
    let mut build = Build::new(&[700]);
    let low = build.operand(0, DType::I32, 5, &[1]);
    let middle = build.operand(0, DType::I32, 4000, &[2]);
    let high = build.operand(0, DType::I32, 9000, &[1]);
    let [a, b, c] = [low, middle, high].map(|operand| build.load(operand));
    let sum = build.node(Expr::Binary(Op::Add, [a, b]), DType::I32);
    let product = build.node(Expr::Binary(Op::Mul, [b, c]), DType::I32);
    build.store(low, product);
    build.store(high, sum);
    device.run(&[build.launch(&[&x])]).unwrap();
    let mut expected = values.clone();
    for i in 0..700 {
        expected[5 + i] = values[4000 + 2 * i].wrapping_mul(values[9000 + i]);
        expected[9000 + i] = values[5 + i] + values[4000 + 2 * i];
    }
    assert_eq!(download::<i32>(&device, &x, 10_000), expected);
}
