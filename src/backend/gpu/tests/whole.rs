//! Sorts and scatters, also beyond what a binding reaches, against the host.

use half::f16;

use super::*;
use crate::backend::gpu::checks::SLOTS;
use crate::kernel::{Ranks, Whole};
use crate::ops::Op;

fn noise(i: usize) -> u32 {
    let mut x = (i as u32).wrapping_mul(0x9e37_79b9) ^ 0x5bd1_e995;
    x ^= x >> 15;
    x = x.wrapping_mul(0x85eb_ca6b);
    x ^ (x >> 13)
}

fn narrow_device() -> Option<GpuBackend> {
    device_with(GpuOptions { max_binding: Some(1024), ..Default::default() })
}

/// Keys in this many columns from `offset` on, sorted along the columns or, turned, along the rows.
fn sort_on(device: &GpuBackend, [rows, columns]: [usize; 2], turned: bool, descending: bool) {
    let offset = 3;
    let keys: Vec<i32> =
        (0..offset + rows * columns).map(|i| (noise(i) % 50) as i32 - 20).collect();
    let (shape, strides) = match turned {
        true => ([columns, rows], [1, columns]),
        false => ([rows, columns], [columns, 1]),
    };
    let (source, out) = (upload(device, &keys), device.allocate(4 * rows * columns).unwrap());
    let mut build = Build::new(&shape);
    build.operand(0, DType::I32, offset, &strides);
    build.operand(1, DType::I32, 0, &strides);
    build.0.code.whole = Some(Whole::Sort { descending, ranks: Ranks::ALL });
    device.run(&[build.launch(&[&source, &out])]).unwrap();
    let got = download::<i32>(device, &out, rows * columns);
    for line in 0..shape[0] {
        let place = |i: usize| line * strides[0] + i * strides[1];
        let mut expected: Vec<usize> = (0..shape[1]).collect();
        let key = |&i: &usize| {
            let key = i64::from(keys[offset + place(i)]);
            if descending { -key } else { key }
        };
        expected.sort_by_key(key);
        let got: Vec<usize> = (0..shape[1]).map(|i| got[place(i)] as usize).collect();
        assert_eq!(got, expected, "{rows} {columns} {turned} {descending} line {line}");
    }
}

#[test]
fn sort_beyond_what_a_binding_reaches_is_stable() {
    let Some(device) = narrow_device() else { return };
    for shape in [[40, 60], [3, 85], [85, 7], [400, 2], [1, 85]] {
        for descending in [false, true] {
            sort_on(&device, shape, false, descending);
        }
    }
    for shape in [[60, 40], [85, 300]] {
        sort_on(&device, shape, true, false);
    }
}

#[test]
fn sort_of_a_line_that_no_binding_holds_is_an_error() {
    let Some(device) = narrow_device() else { return };
    assert_eq!(device.limits().line, 85);
    let (keys, out) = (upload(&device, &[0_i64; 200]), device.allocate(1600).unwrap());
    let mut build = Build::new(&[200]);
    build.dense(0, DType::I64);
    build.dense(1, DType::I64);
    build.0.code.whole = Some(Whole::SORT);
    let error = device.run(&[build.launch(&[&keys, &out])]).unwrap_err();
    assert!(error.to_string().contains("at most 85 elements, got 200"), "{error}");
}

/// `target[row * 40 + address] = or += source` over points of two dims.
fn scatter<T: Element>(
    device: &GpuBackend,
    [rows, columns, len]: [usize; 3],
    fold: Option<Op>,
    wrong: Option<usize>,
    from: impl Fn(i16) -> T,
    to: impl Fn(T) -> i16,
) {
    let points = rows * columns;
    let mut addresses: Vec<i32> = (0..points)
        .map(|i| (noise(i) % (len - 40 * rows) as u32) as i32)
        .map(|address| if address % 7 == 0 { -1 } else { address })
        .collect();
    if let Some(at) = wrong {
        addresses[at] = -2;
    }
    let sources: Vec<i16> = (0..points).map(|i| (i % 100) as i16).collect();
    let mut model = vec![1_i16; len];
    for (i, &address) in addresses.iter().enumerate().filter(|(_, address)| **address >= 0) {
        let element = &mut model[i / columns * 40 + address as usize];
        *element = if fold.is_some() { *element + sources[i] } else { sources[i] };
    }
    let as_stored = |values: &[i16]| values.iter().map(|&v| from(v)).collect::<Vec<T>>();
    let target = upload(device, &as_stored(&vec![1; len]));
    let (addresses, sources) = (upload(device, &addresses), upload(device, &as_stored(&sources)));
    let mut build = Build::new(&[rows, columns]);
    build.dense(0, DType::I32);
    build.dense(1, T::DTYPE);
    build.operand(2, T::DTYPE, 0, &[40, 0]);
    build.0.code.whole = Some(Whole::Scatter { fold });
    build.0.args.check = 9;
    device.run(&[build.launch(&[&addresses, &sources, &target])]).unwrap();
    assert_eq!(device.wait().unwrap(), wrong.map(|_| 9));
    let got: Vec<i16> = download::<T>(device, &target, len).into_iter().map(to).collect();
    let expected = if wrong.is_some() { vec![1; len] } else { model };
    assert_eq!(got, expected, "{points} to {len} of {}, {fold:?} {wrong:?}", T::DTYPE);
}

#[test]
fn scatter_beyond_what_a_binding_reaches_is_in_order() {
    let Some(device) = narrow_device() else { return };
    for shape in [[10, 70, 3000], [1, 900, 100], [30, 3, 20_000], [3, 200, 200]] {
        for fold in [None, Some(Op::Add)] {
            scatter(&device, shape, fold, None, |v| v, |v| v);
            scatter(&device, shape, fold, None, i32::from, |v| v as i16);
            if shape[1] < 70 {
                scatter(
                    &device,
                    shape,
                    fold,
                    None,
                    |v| f16::from_f32(v.into()),
                    |v| v.to_f32() as i16,
                );
            }
        }
    }
}

#[test]
fn scatter_with_a_wrong_address_stores_nothing() {
    for device in [device(), narrow_device()].into_iter().flatten() {
        for fold in [None, Some(Op::Add)] {
            for wrong in [0, 699] {
                scatter(&device, [10, 70, 3000], fold, Some(wrong), |v| v, |v| v);
            }
            scatter(&device, [10, 70, 3000], fold, None, |v| v, |v| v);
        }
    }
}

/// Each launch that scatters takes a status word, as those that check do.
#[test]
fn more_scatters_than_status_words_all_run_and_report() {
    let Some(device) = device() else { return };
    let target = upload(&device, &[0_i32; 4]);
    let add = |address: i64| {
        let (at, one) = (upload(&device, &[address]), upload(&device, &[1_i32]));
        let mut build = Build::new(&[1]);
        build.dense(0, DType::I64);
        build.dense(1, DType::I32);
        build.operand(2, DType::I32, 0, &[0]);
        build.0.code.whole = Some(Whole::Scatter { fold: Some(Op::Add) });
        build.0.args.check = 7;
        build.launch(&[&at, &one, &target])
    };
    let mut launches = vec![add(2); SLOTS + 20];
    launches[SLOTS + 10] = add(-3);
    device.run(&launches).unwrap();
    assert_eq!(device.wait().unwrap(), Some(7));
    assert_eq!(download::<i32>(&device, &target, 4), [0, 0, SLOTS as i32 + 19, 0]);
}

#[test]
fn scatter_to_addresses_beyond_32_bits_reaches_nothing() {
    for device in [device(), narrow_device()].into_iter().flatten() {
        for fold in [None, Some(Op::Add)] {
            let target = upload(&device, &[1_i32; 1000]);
            let addresses = upload(&device, &[2, (1_i64 << 32) + 2, (1 << 62) + 1, 999]);
            let sources = upload(&device, &[10_i32, 20, 30, 40]);
            let mut build = Build::new(&[4]);
            build.dense(0, DType::I64);
            build.dense(1, DType::I32);
            build.operand(2, DType::I32, 0, &[0]);
            build.0.code.whole = Some(Whole::Scatter { fold });
            device.run(&[build.launch(&[&addresses, &sources, &target])]).unwrap();
            let mut expected = vec![1; 1000];
            let own = i32::from(fold.is_some());
            (expected[2], expected[999]) = (10 + own, 40 + own);
            assert_eq!(download::<i32>(&device, &target, 1000), expected, "{fold:?}");
        }
    }
}
