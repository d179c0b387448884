//! Operands: strided, broadcast, unaligned, shared buffers, in place; and large grids.

use half::f16;

use super::*;
use crate::ops::Op;

/// Offset and strides.
type View<'a> = (usize, &'a [usize]);

/// `out = a` for two views of two buffers.
fn copy(dtype: DType, shape: &[usize], from: View<'_>, to: View<'_>) -> Build {
    let mut build = Build::new(shape);
    let a = build.operand(0, dtype, from.0, from.1);
    let out = build.operand(1, dtype, to.0, to.1);
    let value = build.load(a);
    build.store(out, value);
    build
}

/// What [`copy`] does, element by element.
fn copied<T: Element>(
    source: &[T],
    target: &[T],
    shape: &[usize],
    from: View<'_>,
    to: View<'_>,
) -> Vec<T> {
    let mut result = target.to_vec();
    for linear in 0..shape.iter().product() {
        let (mut rest, mut read, mut write) = (linear, from.0, to.0);
        for dim in (0..shape.len()).rev() {
            let at = rest % shape[dim];
            rest /= shape[dim];
            read += at * from.1[dim];
            write += at * to.1[dim];
        }
        result[write] = source[read];
    }
    result
}

fn copies_agree<T: Element>(device: &GpuBackend, value: impl Fn(usize) -> T) {
    let cases: &[(&[usize], View<'_>, View<'_>)] = &[
        // Transposed, into contiguous.
        (&[5, 7], (0, &[1, 5]), (0, &[7, 1])),
        // Contiguous, into transposed.
        (&[5, 7], (0, &[7, 1]), (0, &[1, 5])),
        // Broadcast along the outer, then the inner dimension.
        (&[6, 11], (2, &[0, 1]), (0, &[11, 1])),
        (&[6, 11], (2, &[1, 0]), (0, &[11, 1])),
        // One element everywhere.
        (&[4, 9], (3, &[0, 0]), (0, &[9, 1])),
        // Unaligned, into aligned, and back.
        (&[50], (3, &[1]), (4, &[1])),
        (&[50], (4, &[1]), (3, &[1])),
        (&[50], (1, &[1]), (2, &[1])),
        // Every other element, and a column of three dimensions.
        (&[40], (1, &[2]), (1, &[2])),
        (&[3, 4, 5], (1, &[1, 3, 12]), (2, &[25, 6, 1])),
        // A dimension of size 1 with a stride that is never taken.
        (&[3, 1, 5], (0, &[5, usize::MAX / 8, 1]), (0, &[5, 1, 1])),
    ];
    let source: Vec<T> = (0..100).map(&value).collect();
    let target: Vec<T> = (0..100).map(|i| value(i + 100)).collect();
    let read = upload(device, &source);
    for &(shape, from, to) in cases {
        let written = upload(device, &target);
        device.run(&[copy(T::DTYPE, shape, from, to).launch(&[&read, &written])]).unwrap();
        let expected = copied(&source, &target, shape, from, to);
        let name = T::DTYPE;
        assert_eq!(download::<T>(device, &written, 100), expected, "{name} {shape:?} {from:?}");
    }
}

#[test]
fn copy_of_any_layout_moves_those_elements_and_no_others() {
    let Some(device) = device() else { return };
    copies_agree(&device, |i| i as f32 + 0.5);
    copies_agree(&device, |i| i as u8);
    copies_agree(&device, |i| i as i8);
    copies_agree(&device, |i| i as i16 * 99);
    copies_agree(&device, |i| f16::from_f32(i as f32));
    copies_agree(&device, |i| i % 3 == 0);
    if supports(&device, DType::I64) {
        copies_agree(&device, |i| (i as i64) << 33 | i as i64);
    }
    if supports(&device, DType::F64) {
        copies_agree(&device, |i| i as f64 / 3.0);
    }
}

#[test]
fn transposed_operands_in_tiles_equal_the_plain_order() {
    let Some(device) = device() else { return };
    // Whole tiles, part tiles, outer dimensions, unaligned rows, and a transposed store.
    let shapes: &[&[usize]] =
        &[&[32, 32], &[33, 36], &[64, 100], &[3, 70, 40], &[2, 2, 35, 32], &[40, 41], &[100, 2052]];
    for &shape in shapes {
        let len = shape.iter().product();
        let plain = row_major(shape);
        let mut swapped = plain.clone();
        let rank = shape.len();
        (swapped[rank - 2], swapped[rank - 1]) = (1, shape[rank - 2]);
        for (from, to) in [(&swapped, &plain), (&plain, &swapped)] {
            let source: Vec<u8> = (0..len).map(|i| (i * 7 + i / 251) as u8).collect();
            let (from, to) = ((0, &from[..]), (0, &to[..]));
            let expected = copied(&source, &vec![0; len], shape, from, to);
            let (read, written) = (upload(&device, &source), upload(&device, &vec![0_u8; len]));
            let bytes = copy(DType::U8, shape, from, to).launch(&[&read, &written]);
            device.run(&[bytes]).unwrap();
            assert!(download::<u8>(&device, &written, len) == expected, "u8 {shape:?}");

            let source: Vec<f32> = (0..len).map(|i| i as f32).collect();
            let expected = copied(&source, &vec![0.0; len], shape, from, to);
            let (read, written) = (upload(&device, &source), upload(&device, &vec![0_f32; len]));
            let floats = copy(DType::F32, shape, from, to).launch(&[&read, &written]);
            device.run(&[floats]).unwrap();
            assert!(download::<f32>(&device, &written, len) == expected, "f32 {shape:?}");
        }
    }
}

/// `out = a + b + ..` of operands with these strides, each in a buffer of its own, but for the output, which is where
/// the first one is.
fn sums_agree<T: Element + std::ops::Add<Output = T>>(
    device: &GpuBackend,
    strides: &[&[usize]],
    value: impl Fn(i32) -> T,
) {
    let shape = [2, 40, 44];
    let len: usize = shape.iter().product();
    let mut build = Build::new(&shape);
    let operands: Vec<u8> =
        strides.iter().zip(0..).map(|(own, i)| build.operand(i, T::DTYPE, 0, own)).collect();
    let out = build.operand(0, T::DTYPE, 0, strides[0]);
    let loads: Vec<Value> = operands.iter().map(|&operand| build.load(operand)).collect();
    let sum = loads[1..]
        .iter()
        .fold(loads[0], |sum, &load| build.node(Expr::Binary(Op::Add, [sum, load]), T::DTYPE));
    build.store(out, sum);
    let of = |i: usize| -> Vec<T> { (0..len).map(|at| value((i * len + at) as i32)).collect() };
    let values: Vec<Vec<T>> = (0..strides.len()).map(of).collect();
    let buffers: Vec<Buffer> = values.iter().map(|values| upload(device, values)).collect();
    device.run(&[build.launch(&buffers.iter().collect::<Vec<_>>())]).unwrap();

    let mut expected = values[0].clone();
    for point in 0..len {
        let index = [point / 1760, point / 44 % 40, point % 44];
        let at = |i: usize| index.iter().zip(strides[i]).map(|(index, stride)| index * stride);
        let element = |i: usize| values[i][at(i).sum::<usize>()];
        expected[at(0).sum::<usize>()] =
            (1..strides.len()).fold(element(0), |sum, i| sum + element(i));
    }
    assert_eq!(download::<T>(device, &buffers[0], len), expected);
}

#[test]
fn tiles_of_more_operands_than_workgroups_have_memory_for_are_exact() {
    let Some(device) = device() else { return };
    let (plain, turned): (&[usize], &[usize]) = (&[1760, 44, 1], &[1760, 1, 40]);
    let (row, column, far): (&[usize], &[usize], &[usize]) = (&[0, 0, 1], &[44, 1, 0], &[1, 2, 80]);
    let cases: [&[&[usize]]; 4] = [
        &[plain, turned, row, turned, column, far],
        // In place where it is transposed.
        &[turned, plain],
        &[turned, turned, far, row],
        &[far, plain, turned],
    ];
    for strides in cases {
        sums_agree(&device, strides, |i| i);
        sums_agree(&device, strides, |i| i as f32);
        if supports(&device, DType::I64) {
            sums_agree(&device, strides, |i| i64::from(i) << 20);
        }
    }
    let texts = device.shaders();
    let held = |text: &String| text.matches("var<workgroup> tile").count();
    assert_eq!(texts.iter().map(held).max(), Some(3), "as many tiles as fit");
}

#[test]
fn add_in_place_uses_one_binding() {
    let Some(device) = device() else { return };
    let values: Vec<f32> = (0..2000).map(|i| i as f32).collect();
    let (x, y) = (upload(&device, &values), upload(&device, &values));
    let mut build = Build::new(&[2000]);
    let (a, b) = (build.dense(0, DType::F32), build.dense(1, DType::F32));
    let (va, vb) = (build.load(a), build.load(b));
    let sum = build.node(Expr::Binary(Op::Add, [va, vb]), DType::F32);
    build.store(a, sum);
    let launch = build.launch(&[&x, &y]);
    device.run(&[launch.clone(), launch]).unwrap();
    let expected: Vec<f32> = values.iter().map(|v| v * 3.0).collect();
    assert_eq!(download::<f32>(&device, &x, 2000), expected);
}

#[test]
fn two_stores_to_one_buffer_of_bytes_both_arrive() {
    let Some(device) = device() else { return };
    let (x, out) = (upload(&device, &[3_u8; 64]), upload(&device, &[0_u8; 64]));
    let mut build = Build::new(&[22]);
    let source = build.dense(0, DType::U8);
    let (low, high) = (build.operand(1, DType::U8, 0, &[1]), build.operand(1, DType::U8, 22, &[1]));
    let value = build.load(source);
    let twice = build.node(Expr::Binary(Op::Add, [value, value]), DType::U8);
    build.store(low, value);
    build.store(high, twice);
    device.run(&[build.launch(&[&x, &out])]).unwrap();
    let expected: Vec<u8> = (0..64).map(|i| [3, 6, 0][(i / 22).min(2)]).collect();
    assert_eq!(download::<u8>(&device, &out, 64), expected);
}

#[test]
fn launches_of_one_call_see_each_other_in_order() {
    let Some(device) = device() else { return };
    let buffers: Vec<Buffer> = (0..3).map(|i| upload(&device, &[i as f32 + 1.0; 4096])).collect();
    let mut launches = Vec::new();
    for step in 0..60 {
        let pick = |i: usize| &buffers[(step + i) % 3];
        launches.push(binary(Op::Sub, DType::F32, &[4096]).launch(&[pick(0), pick(1), pick(2)]));
    }
    device.run(&launches).unwrap();
    let mut expected = [1.0_f32, 2.0, 3.0];
    for step in 0..60 {
        expected[(step + 2) % 3] = expected[step % 3] - expected[(step + 1) % 3];
    }
    for (buffer, expected) in buffers.iter().zip(expected) {
        assert_eq!(download::<f32>(&device, buffer, 4096), vec![expected; 4096]);
    }
}

#[test]
fn seventy_thousand_workgroups_reach_every_point() {
    let Some(device) = device() else { return };
    let len = 70_000 * 1024 + 5;
    let out = device.allocate(len).unwrap();
    let mut build = Build::new(&[len]);
    let target = build.dense(0, DType::U8);
    let index = build.node(Expr::Index, DType::I32);
    let byte = build.node(Expr::Cast(index), DType::U8);
    build.store(target, byte);
    device.run(&[build.launch(&[&out])]).unwrap();
    let stored = download::<u8>(&device, &out, len);
    assert_eq!(stored.iter().zip(0_u64..).find(|(v, i)| **v != *i as u8), None);
}
