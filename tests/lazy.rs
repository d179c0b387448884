//! Laziness, seen through the counters: what fuses, what is never stored, what is never compiled.
//!
//! The counters belong to a device, so that the tests of this file run one at a time.

#[path = "common/alone.rs"]
mod alone;
mod common;

use alone::alone;
use common::devices;
use taut::{DType, Device, Result, Stats, Tensor};

/// What `work` added to the counters, its operations run.
fn counted<T>(device: Device, work: impl FnOnce() -> Result<T>) -> Result<(T, Stats)> {
    taut::synchronize(device)?;
    let before = device.stats()?;
    let result = work()?;
    taut::synchronize(device)?;
    let mut stats = device.stats()?;
    stats.kernels -= before.kernels;
    stats.bytes_read -= before.bytes_read;
    stats.bytes_written -= before.bytes_written;
    stats.flushes -= before.flushes;
    stats.pipelines -= before.pipelines;
    Ok((result, stats))
}

/// `n` numbers that differ, in memory.
fn numbers(n: usize, device: Device) -> Result<Tensor> {
    let numbers: Vec<f32> = (0..n).map(|i| (i as f32 + 1.0) * 0.37).collect();
    let x = taut::tensor(numbers, device)?;
    taut::synchronize(device)?;
    Ok(x)
}

fn matrix(device: Device) -> Result<Tensor> {
    numbers(12, device)?.view([3, 4])
}

#[test]
fn expression_of_five_tensors_is_one_kernel() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let n = 1000;
        let [a, b, c, d, e] = [(); 5].map(|()| numbers(n, device).unwrap());
        let (y, stats) = counted(device, || Ok(((&a + &b) * &c - &d) / &e))?;
        let bytes = 4 * n as u64;
        assert_eq!((stats.kernels, stats.flushes), (1, 1), "{device}");
        assert_eq!((stats.bytes_read, stats.bytes_written), (5 * bytes, bytes), "{device}");
        let x = a.to_vec::<f32>()?;
        let expected: Vec<f32> = x.iter().map(|&x| ((x + x) * x - x) / x).collect();
        assert_eq!(y.to_vec::<f32>()?, expected, "{device}");
    }
    Ok(())
}

#[test]
fn long_chain_is_full_kernels_and_one_remainder() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let (a, b) = (numbers(16, device)?, numbers(16, device)?);
        let (x, stats) = counted(device, || Ok((0..1000).fold(a.alias(), |x, _| &x + &b)))?;
        // 64 operations a kernel on the CPU, where each full one of small tensors runs at once; 10 on a GPU.
        let (kernels, flushes) = if device == Device::Cpu { (16, 16) } else { (100, 1) };
        assert_eq!((stats.kernels, stats.flushes), (kernels, flushes), "{device}");
        assert_eq!(stats.bytes_written, kernels * 16 * 4, "{device}");
        let expected: Vec<f32> =
            b.to_vec::<f32>()?.iter().map(|&b| (0..1000).fold(b, |x, _| x + b)).collect();
        assert_eq!(x.to_vec::<f32>()?, expected, "{device}");
    }
    Ok(())
}

#[test]
fn results_that_a_function_keeps_until_it_returns_are_not_stored() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = numbers(256, device)?;
        let (y, stats) = counted(device, || {
            let mut kept = vec![x.alias()];
            for _ in 0..201 {
                kept.push(kept[kept.len() - 1].add(1)?);
            }
            Ok(kept.swap_remove(201))
        })?;
        // 64 operations a kernel on the CPU; 6 x 10, thrice, and 10, 10, 1 on a GPU.
        let kernels = if device == Device::Cpu { 4 } else { 21 };
        assert_eq!((stats.kernels, stats.bytes_written), (kernels, kernels * 1024), "{device}");
        let expected: Vec<f32> =
            x.to_vec::<f32>()?.iter().map(|&x| (0..201).fold(x, |x, _| x + 1.0)).collect();
        assert_eq!(y.to_vec::<f32>()?, expected, "{device}");
    }
    Ok(())
}

#[test]
fn expression_reading_one_tensor_twice_counts_it_once() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let a = numbers(100, device)?;
        let (_y, stats) = counted(device, || Ok((&a * &a) + &a))?;
        assert_eq!((stats.kernels, stats.bytes_read, stats.bytes_written), (1, 400, 400));
    }
    Ok(())
}

#[test]
fn in_place_chain_is_a_few_kernels() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = numbers(64, device)?;
        let ((), stats) = counted(device, || {
            for _ in 0..50 {
                x.add_(1)?;
                x.mul_(0.5)?;
            }
            Ok(())
        })?;
        let most = if device == Device::Cpu { 2 } else { 10 };
        assert!(stats.kernels <= most, "{device}: {} kernels", stats.kernels);
        assert_eq!(stats.bytes_written, stats.kernels * 64 * 4, "{device}");
        assert_eq!(stats.bytes_read, stats.kernels * 64 * 4, "{device}");
        let mut expected = numbers(64, Device::Cpu)?.to_vec::<f32>()?;
        for value in &mut expected {
            for _ in 0..50 {
                *value = (*value + 1.0) * 0.5;
            }
        }
        assert_eq!(x.to_vec::<f32>()?, expected, "{device}");
    }
    Ok(())
}

#[test]
fn temporaries_are_never_stored() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = numbers(256, device)?;
        let (y, stats) = counted(device, || {
            let mut y = x.add(1)?;
            for _ in 0..9 {
                y = y.mul(0.5)?;
            }
            Ok(y)
        })?;
        assert_eq!((stats.kernels, stats.bytes_written), (1, 1024), "{device}");
        // A temporary that is written in place is one too.
        let (z, stats) = counted(device, || {
            let t = x.mul(3)?;
            t.add_(1)?;
            t.sub_(&x)?;
            t.neg()
        })?;
        assert_eq!((stats.kernels, stats.bytes_written), (1, 1024), "{device}");
        assert_eq!(y.shape(), z.shape());
        let first = x.to_vec::<f32>()?[0];
        assert_eq!(z.to_vec::<f32>()?[0], -((first * 3.0 + 1.0) - first), "{device}");
    }
    Ok(())
}

#[test]
fn dropped_results_launch_nothing() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = numbers(16, device)?;
        let ((), stats) = counted(device, || {
            let y = x.add(1)?;
            y.mul_(2)?;
            let part = y.narrow(0, 0, 4)?;
            part.fill_(0)?;
            let _z = taut::rand([16], device)?.add(&y)?;
            Ok(())
        })?;
        assert_eq!((stats.kernels, stats.bytes_written, stats.bytes_read), (0, 0, 0), "{device}");
        assert_eq!(stats.pipelines, 0, "{device}");
    }
    Ok(())
}

#[test]
fn only_what_a_later_read_sees_is_kept() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = numbers(16, device)?;
        let (row, stats) = counted(device, || {
            let y = x.add(1)?;
            let unused = y.mul(2)?;
            drop(unused);
            y.narrow(0, 4, 4)?.mul(10)
        })?;
        // y is read through another layout, so that it is stored once: two kernels.
        assert_eq!((stats.kernels, stats.bytes_written), (2, 64 + 16), "{device}");
        let expected: Vec<f32> =
            x.to_vec::<f32>()?[4..8].iter().map(|v| (v + 1.0) * 10.0).collect();
        assert_eq!(row.to_vec::<f32>()?, expected, "{device}");
    }
    Ok(())
}

#[test]
fn second_shape_compiles_nothing() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let work = |n: usize, m: usize| -> Result<()> {
            let a = taut::rand([n, m], device)?;
            let b = taut::rand([m, n], device)?;
            let c = (&a + &b.t()?) * 2 - a.narrow(0, 1, 1)?;
            c.i((.., 1..))?.mul_(0.5)?;
            a.add_(&c)?;
            a.to_vec::<f32>()?;
            Ok(())
        };
        work(5, 7)?;
        for (n, m) in [(6, 9), (17, 4), (33, 65)] {
            let ((), stats) = counted(device, || work(n, m))?;
            assert!(stats.kernels > 0);
            assert_eq!(stats.pipelines, 0, "{device}: {n} by {m}");
        }
    }
    Ok(())
}

#[test]
fn new_scalars_compile_nothing() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = numbers(32, device)?;
        let work = |a: f64, b: f64| -> Result<Vec<f32>> { ((&x * a) + b).to_vec() };
        work(2.0, 3.0)?;
        // Equal scalars, and those that a simplifier would like, are numbers like others.
        for (a, b) in [(1.5, 4.5), (2.0, 2.0), (1.0, 0.0), (0.0, -0.0), (f64::NAN, f64::INFINITY)] {
            let (_, stats) = counted(device, || work(a, b))?;
            assert_eq!((stats.kernels, stats.pipelines), (1, 0), "{device}: {a}, {b}");
        }
    }
    Ok(())
}

#[test]
fn chains_of_every_length_share_sixteen_pipelines() -> Result<()> {
    let _alone = alone();
    type Chain = fn(usize, Device) -> Result<Tensor>;
    let chains: [(&str, Chain); 3] = [
        ("in place", |len, device| {
            let x = numbers(8, device)?;
            for _ in 0..len {
                x.add_(1)?;
            }
            Ok(x)
        }),
        ("out of place", |len, device| {
            let mut x = numbers(8, device)?;
            for _ in 0..len {
                x = x.add(1)?;
            }
            Ok(x)
        }),
        ("with a fill", |len, device| {
            let x = taut::full([8], 0.5, device)?;
            for _ in 0..len {
                x.add_(1)?;
            }
            Ok(x)
        }),
    ];
    for device in devices() {
        for (name, chain) in chains {
            let ((), stats) = counted(device, || {
                for len in 1..=200 {
                    let x = chain(len, device)?.to_vec::<f32>()?;
                    let start = if name == "with a fill" { 0.5 } else { 0.37 };
                    let expected = (0..len).fold(start, |x: f32, _| x + 1.0);
                    assert_eq!(x[0], expected, "{device}: {name}, {len}");
                }
                Ok(())
            })?;
            assert!(stats.pipelines <= 16, "{device}: {name}: {} pipelines", stats.pipelines);
        }
    }
    Ok(())
}

#[test]
fn interleaved_chains_of_two_shapes_are_two_kernels() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let (x, y) = (numbers(16, device)?, matrix(device)?);
        let ((), stats) = counted(device, || {
            for _ in 0..4 {
                x.add_(1)?;
                y.mul_(2)?;
            }
            Ok(())
        })?;
        assert_eq!(stats.kernels, 2, "{device}");
        assert_eq!(y.to_vec::<f32>()?[0], 0.37 * 16.0, "{device}");
    }
    Ok(())
}

#[test]
fn fill_or_clone_and_change_are_one_kernel() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = numbers(16, device)?;
        let (z, stats) = counted(device, || {
            let z = taut::zeros([16], device)?;
            z.add_(&x)?;
            Ok(z)
        })?;
        assert_eq!((stats.kernels, stats.bytes_read, stats.bytes_written), (1, 64, 64), "{device}");
        let (copy, stats) = counted(device, || {
            let copy = x.clone();
            copy.add_(1)?;
            Ok(copy)
        })?;
        assert_eq!((stats.kernels, stats.bytes_read, stats.bytes_written), (1, 64, 64), "{device}");
        assert_eq!(z.to_vec::<f32>()?, x.to_vec::<f32>()?, "{device}");
        assert_eq!(copy.sub(&x)?.to_vec::<f32>()?[0], (0.37f32 + 1.0) - 0.37, "{device}");
    }
    Ok(())
}

#[test]
fn casts_fuse_with_what_is_around_them() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = taut::tensor(vec![1u8, 2, 3, 255], device)?;
        let (y, stats) = counted(device, || x.to(DType::F32)?.mul(1.5)?.to(DType::I16)?.add(1))?;
        assert_eq!((stats.kernels, stats.bytes_read, stats.bytes_written), (1, 4, 8), "{device}");
        assert_eq!(y.to_vec::<i16>()?, [2, 4, 5, 383], "{device}");
    }
    Ok(())
}

#[test]
fn hundreds_of_draws_of_one_shape_are_what_each_is_alone() -> Result<()> {
    let _alone = alone();
    // More scalars than one kernel can number.
    for device in devices() {
        // int64 takes the most scalars.
        let dtype = if device.supports(DType::I64) { DType::I64 } else { DType::I32 };
        let draw = |from: &mut taut::Generator, i| from.randint(i, i + 100, [3], (dtype, device));
        let mut together = taut::Generator::new(3);
        let draws: Vec<Tensor> = (0..150).map(|i| draw(&mut together, i)).collect::<Result<_>>()?;
        let mut alone = taut::Generator::new(3);
        for (i, drawn) in draws.iter().enumerate() {
            let expected = draw(&mut alone, i as i64)?.to_vec::<i64>()?;
            assert_eq!(drawn.to_vec::<i64>()?, expected, "{device}: draw {i}");
        }
    }
    Ok(())
}

#[test]
fn read_transposed_after_write_sees_it() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = numbers(9, device)?.view([3, 3])?;
        let before = x.to_vec::<f32>()?;
        let (y, stats) = counted(device, || {
            x.add_(1)?;
            x.t()?.mul(2)
        })?;
        assert_eq!(stats.kernels, 2, "{device}");
        let at = |i: usize, j: usize| (before[3 * j + i] + 1.0) * 2.0;
        let expected: Vec<f32> = (0..9).map(|k| at(k / 3, k % 3)).collect();
        assert_eq!(y.to_vec::<f32>()?, expected, "{device}");
    }
    Ok(())
}

#[test]
fn write_after_transposed_read_does_not_reach_it() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = numbers(9, device)?.view([3, 3])?;
        let before = x.to_vec::<f32>()?;
        let (y, stats) = counted(device, || {
            let y = x.t()?.mul(2)?;
            x.zero_()?;
            Ok(y)
        })?;
        assert_eq!(stats.kernels, 2, "{device}");
        let expected: Vec<f32> = (0..9).map(|k| before[3 * (k % 3) + k / 3] * 2.0).collect();
        assert_eq!(y.to_vec::<f32>()?, expected, "{device}");
        assert_eq!(x.to_vec::<f32>()?, [0.0; 9], "{device}");
    }
    Ok(())
}

#[test]
fn read_then_write_through_one_layout_is_one_kernel() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = numbers(9, device)?;
        let before = x.to_vec::<f32>()?;
        let ((y, z), stats) = counted(device, || {
            let y = x.add(1)?;
            x.mul_(3)?;
            let z = x.add(&y)?;
            Ok((y, z))
        })?;
        assert_eq!((stats.kernels, stats.bytes_read, stats.bytes_written), (1, 36, 3 * 36));
        assert_eq!(y.to_vec::<f32>()?[2], before[2] + 1.0, "{device}");
        assert_eq!(z.to_vec::<f32>()?[2], before[2] * 3.0 + (before[2] + 1.0), "{device}");
    }
    Ok(())
}

#[test]
fn writes_of_disjoint_slices_fuse_and_of_overlapping_ones_do_not() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = taut::zeros([8], device)?;
        taut::synchronize(device)?;
        let ((), stats) = counted(device, || {
            x.narrow(0, 0, 4)?.add_(1)?;
            x.narrow(0, 4, 4)?.add_(2)?;
            Ok(())
        })?;
        assert_eq!(stats.kernels, 1, "{device}");
        let ((), stats) = counted(device, || {
            x.narrow(0, 0, 5)?.mul_(10)?;
            x.narrow(0, 3, 5)?.add_(1)?;
            x.narrow(0, 1, 5)?.mul_(2)?;
            Ok(())
        })?;
        assert_eq!(stats.kernels, 3, "{device}");
        let expected = [10.0, 20.0, 20.0, 22.0, 42.0, 6.0, 3.0, 3.0];
        assert_eq!(x.to_vec::<f32>()?, expected, "{device}");
        // Even and odd elements never meet.
        let ((), stats) = counted(device, || {
            x.slice(0, None, None, 2)?.fill_(0)?;
            x.slice(0, Some(1), None, 2)?.add_(1)?;
            Ok(())
        })?;
        assert_eq!(stats.kernels, 1, "{device}");
        let expected = [0.0, 21.0, 0.0, 23.0, 0.0, 7.0, 0.0, 4.0];
        assert_eq!(x.to_vec::<f32>()?, expected, "{device}");
    }
    Ok(())
}

#[test]
fn expanded_read_of_what_was_written_sees_it() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = matrix(device)?;
        let before = x.to_vec::<f32>()?;
        let row = x.narrow(0, 0, 1)?;
        let (y, stats) = counted(device, || {
            row.mul_(100)?;
            let y = x.add(&row)?;
            row.zero_()?;
            Ok(y)
        })?;
        assert_eq!(stats.kernels, 3, "{device}");
        let row: Vec<f32> = before[..4].iter().map(|v| v * 100.0).collect();
        let x_then = |i: usize| if i < 4 { row[i] } else { before[i] };
        let expected: Vec<f32> = (0..12).map(|i| x_then(i) + row[i % 4]).collect();
        assert_eq!(y.to_vec::<f32>()?, expected, "{device}");
        assert_eq!(x.to_vec::<f32>()?[..4], [0.0; 4], "{device}");
    }
    Ok(())
}

#[test]
fn operand_that_aliases_the_target_elsewhere_is_read_before_the_write() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = numbers(9, device)?.view([3, 3])?;
        let before = x.to_vec::<f32>()?;
        // A column beside every column: no point of the kernel may see what another wrote.
        x.mul_(&x.narrow(1, 1, 1)?)?;
        let expected: Vec<f32> = (0..9).map(|k| before[k] * before[k / 3 * 3 + 1]).collect();
        assert_eq!(x.to_vec::<f32>()?, expected, "{device}");
        // The same through steps: even elements into odd ones of one storage.
        let y = taut::arange(10, (DType::F32, device))?;
        y.slice(0, Some(1), None, 2)?.copy_(&y.slice(0, None, None, 2)?)?;
        let expected = [0.0, 0.0, 2.0, 2.0, 4.0, 4.0, 6.0, 6.0, 8.0, 8.0];
        assert_eq!(y.to_vec::<f32>()?, expected, "{device}");
    }
    Ok(())
}

#[test]
fn writes_through_views_reach_the_base() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = taut::zeros([2, 3, 4], (DType::I32, device))?;
        x.select(0, 1)?.add_(1)?;
        x.permute([2, 0, 1])?.select(0, 3)?.add_(10)?;
        x.i((.., 1.., 0))?.fill_(7)?;
        x.view([24])?.narrow(0, 22, 2)?.mul_(-1)?;
        let expected = [
            [[0, 0, 0, 10], [7, 0, 0, 10], [7, 0, 0, 10]],
            [[1, 1, 1, 11], [7, 1, 1, 11], [7, 1, -1, -11]],
        ];
        let expected: Vec<i32> = expected.into_iter().flatten().flatten().collect();
        assert_eq!(x.to_vec::<i32>()?, expected, "{device}");
    }
    Ok(())
}

#[test]
fn write_through_the_view_of_a_dropped_temporary_counts() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = numbers(12, device)?;
        let column = {
            let temporary = x.view([3, 4])?.add(1)?;
            temporary.mul_(2)?;
            temporary.select(1, 2)?
        };
        column.sub_(1)?;
        let other = column.alias();
        drop(column);
        let before = x.to_vec::<f32>()?;
        let expected: Vec<f32> =
            [2, 6, 10].iter().map(|&k: &usize| (before[k] + 1.0) * 2.0 - 1.0).collect();
        assert_eq!(other.to_vec::<f32>()?, expected, "{device}");
    }
    Ok(())
}

#[test]
fn long_programs_run_before_the_tape_grows_without_bound() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        // Not so small that each full kernel of it runs at once.
        let size = 1 << 15;
        let x = taut::zeros([size], (DType::I32, device))?;
        let ((), stats) = counted(device, || {
            for _ in 0..5000 {
                x.add_(1)?;
            }
            Ok(())
        })?;
        assert!((4..=10).contains(&stats.flushes), "{device}: {} flushes", stats.flushes);
        assert_eq!(x.to_vec::<i32>()?, vec![5000; size], "{device}");
    }
    Ok(())
}

#[test]
fn temporaries_within_one_flush_share_memory() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        // Each step reads the one before through another layout, so that none fuse.
        let (rows, steps) = (256, 40);
        let x = numbers(rows * rows, device)?.view([rows, rows])?;
        let bytes = (rows * rows * 4) as u64;
        let before = device.stats()?;
        let mut y = x.alias();
        for _ in 0..steps {
            y = y.t()?.contiguous()?.add(1)?;
        }
        let y = y.select(0, 0)?.add(0)?;
        taut::synchronize(device)?;
        let after = device.stats()?;
        let grown = (after.live_bytes + after.pooled_bytes)
            .saturating_sub(before.live_bytes + before.pooled_bytes);
        let most = if device == Device::Cpu { 4 } else { 2 * steps };
        assert!(grown <= most * bytes, "{device}: {grown} bytes for tensors of {bytes}");
        assert_eq!(y.shape(), [rows], "{device}");
    }
    Ok(())
}

#[test]
fn sort_and_scatter_are_kernels_of_their_own_and_read_nothing_back() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = numbers(5000, device)?;
        let (sorted, stats) = counted(device, || {
            let (values, positions) = x.neg()?.sort(0, false)?;
            let back = taut::zeros([5000], device)?.scatter(0, &positions, &values.neg()?)?;
            Ok(back)
        })?;
        // The keys, the sort, one pass for values, addresses and zeros, and the scatter.
        assert_eq!(stats.flushes, 1, "{device}: nothing is read before the end");
        assert_eq!(stats.kernels, 4, "{device}");
        assert_eq!(sorted.to_vec::<f32>()?, x.to_vec::<f32>()?, "{device}");
        let (found, stats) = counted(device, || x.masked_select(&x.gt(100)?))?;
        assert!(found.numel() > 4000, "{device}");
        assert!(stats.flushes <= 2, "{device}: the count is all that is read");
    }
    Ok(())
}

#[test]
fn value_that_is_kept_and_summed_is_both() -> Result<()> {
    let _alone = alone();
    type Make = fn(&Tensor, &Tensor) -> Result<Tensor>;
    let makes: [Make; 4] = [
        |a, b| a.mul(b),
        |a, _| a.mul(2),
        |a, _| a.mul(a),
        |a, b| {
            let off = a.sub(b)?;
            off.mul(&off)
        },
    ];
    for device in devices() {
        for (shape, make) in [[1, 1000], [3, 400], [2, 5000], [1, 40_000]]
            .into_iter()
            .flat_map(|shape| makes.map(|make| (shape, make)))
        {
            let n = shape[0] * shape[1];
            let a = numbers(n as usize, device)?.view(shape)?;
            let b = a.add(0.25)?;
            taut::synchronize(device)?;
            let apart = make(&a, &b)?.to_vec::<f32>()?;
            let kept = make(&a, &b)?;
            let sums = kept.sum(1)?;
            let expected = taut::tensor(apart.clone(), device)?.view(shape)?.sum(1)?;
            assert_eq!(sums.to_vec::<f32>()?, expected.to_vec::<f32>()?, "{device} {shape:?}");
            assert!(kept.to_vec::<f32>()? == apart, "{device} {shape:?}");
        }
    }
    Ok(())
}
