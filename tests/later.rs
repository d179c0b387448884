//! `cpu_async`: the same as `cpu`, without waiting.
//!
//! A failed check belongs to its device and is reported at its next read point, so that the tests of
//! this file run one at a time.

#[path = "common/alone.rs"]
mod alone;
mod common;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use alone::alone;
use common::devices;
use pollster::block_on;
use taut::{CpuFuture, DType, Device, Error, ErrorKind, Result, Rounding, Tensor};

fn gpus() -> impl Iterator<Item = Device> {
    devices().into_iter().filter(|&device| device != Device::Cpu)
}

#[derive(Default)]
struct Count(AtomicU32);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[test]
fn future_of_any_view_gives_what_cpu_gives() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let x = taut::arange(60, device)?.view([3, 4, 5])?;
        let bytes = x.to(DType::U8)?;
        let views = [
            x.alias(),
            x.transpose(0, 2)?,
            x.i((1.., 2, 1..3))?,
            x.select(0, 1)?.expand([2, 4, 5])?,
            x.i((1, 2, 3))?,
            x.i((0..0, ..))?,
            bytes.i((2, 1, 1..4))?,
            bytes.view([-1])?.slice(0, Some(7), None, 1)?,
            x.to(DType::F16)?.add(0.5)?,
        ];
        for view in views {
            let (now, later) = (view.cpu()?, block_on(view.cpu_async())?);
            assert_eq!(later.device(), Device::Cpu);
            assert_eq!((later.shape(), later.dtype()), (now.shape(), now.dtype()));
            assert_eq!(later.stride(), now.stride(), "{device}");
            assert_eq!(later.tolist()?, now.tolist()?, "{device}");
        }
    }
    Ok(())
}

#[test]
fn future_gives_the_elements_of_the_call_and_not_later_ones() -> Result<()> {
    let _alone = alone();
    for device in gpus() {
        // The longer ones are copied on the device and come in chunks; 3 bytes more than any chunk.
        for len in [5, 1000, (9 << 20) + 3, (33 << 20) + 3_i64] {
            let x = taut::full([len + 2], 1, (DType::U8, device))?;
            let part = x.slice(0, Some(1), Some(len + 1), 1)?;
            let first = part.cpu_async();
            x.add_(1)?;
            let second = part.cpu_async();
            x.fill_(9)?;
            x.eval()?;
            drop((x, part));
            for (future, expected) in [(second, 2), (first, 1)] {
                let sum = block_on(future)?.sum(())?.item::<i64>()?;
                assert_eq!(sum, expected * len, "{len} on {device}");
            }
        }
        taut::synchronize(device)?;
    }
    Ok(())
}

#[test]
fn futures_polled_together_all_end_and_wake_whoever_polls() -> Result<()> {
    let _alone = alone();
    for device in devices() {
        let tensors: Vec<Tensor> =
            (0..20).map(|i| taut::full([100 + i], i, device)).collect::<Result<_>>()?;
        let mut waiting: Vec<(usize, CpuFuture)> =
            tensors.iter().map(Tensor::cpu_async).enumerate().collect();
        let mut done = vec![None; tensors.len()];
        block_on(poll_fn(|context| {
            waiting.retain_mut(|(i, future)| match pin!(future).poll(context) {
                Poll::Ready(tensor) => {
                    done[*i] = Some(tensor.map_err(|error| error.to_string()));
                    false
                }
                Poll::Pending => true,
            });
            if waiting.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        }));
        for (i, tensor) in done.into_iter().enumerate() {
            let tensor = tensor.unwrap().unwrap();
            assert_eq!(tensor.to_vec::<i64>()?, vec![i as i64; 100 + i], "{device}");
        }
    }
    Ok(())
}

#[test]
fn future_wakes_without_anybody_polling_the_device() -> Result<()> {
    let _alone = alone();
    for device in gpus() {
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let mut future = pin!(taut::ones([1 << 20], device)?.add(1)?.cpu_async());
        let mut polls = 0;
        let deadline = Instant::now() + Duration::from_secs(60);
        let tensor = loop {
            polls += 1;
            match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(tensor) => break tensor?,
                Poll::Pending => {
                    while count.0.load(Relaxed) < polls {
                        assert!(Instant::now() < deadline, "nobody wakes");
                        std::thread::sleep(Duration::from_millis(1));
                    }
                }
            }
        };
        assert!(polls <= 3, "woken {polls} times for nothing");
        assert_eq!(tensor.select(0, -1)?.item::<f32>()?, 2.0);
        let again = future.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(matches!(again, Poll::Ready(Err(_))), "an end is an end");
    }
    Ok(())
}

#[test]
fn future_on_the_cpu_is_ready_and_shares_memory_as_cpu_does() -> Result<()> {
    let _alone = alone();
    let x = taut::ones([3], ())?;
    let mut future = pin!(x.cpu_async());
    let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(same) = polled else { panic!("it waits") };
    assert!(same?.shares_memory(&x));
    Ok(())
}

/// Something that is refused on the device, and the line of it.
fn refused(device: Device) -> Result<u32> {
    let x = taut::tensor([6, 7], device)?;
    x.div_mode_(&taut::tensor([2, 0], device)?, Rounding::Floor)?;
    Ok(line!() - 1)
}

fn assert_refused(result: Result<Tensor>, line: u32) {
    let error = result.expect_err("refused");
    let place = format!("{}:{line}:", file!());
    assert_eq!(error.kind(), ErrorKind::Value);
    assert!(error.to_string().contains(&place), "{error}");
}

#[test]
fn failed_check_is_told_by_the_future_of_the_first_call_after_it_and_once() -> Result<()> {
    let _alone = alone();
    for device in gpus() {
        let other = taut::ones([2], device)?;
        let line = refused(device)?;
        let (first, second) = (other.cpu_async(), other.cpu_async());
        // It is not theirs to tell.
        assert_eq!(other.to_vec::<f32>()?, [1.0, 1.0]);
        assert_eq!(block_on(second)?.to_vec::<f32>()?, [1.0, 1.0]);
        assert_refused(block_on(first), line);
        taut::synchronize(device)?;
    }
    Ok(())
}

#[test]
fn dropped_future_leaves_what_it_did_not_tell_to_the_next_read_point() -> Result<()> {
    let _alone = alone();
    for device in gpus() {
        let other = taut::ones([2], device)?;
        // A blocking one.
        let line = refused(device)?;
        drop(other.cpu_async());
        assert_refused(other.cpu(), line);
        assert_eq!(other.to_vec::<f32>()?, [1.0, 1.0]);
        // Another future, even over several.
        let line = refused(device)?;
        (0..5).for_each(|_| drop(other.cpu_async()));
        assert_refused(block_on(other.cpu_async()), line);
        taut::synchronize(device)?;
        // Of two, the first that was asked for knows the first error.
        let line = refused(device)?;
        let known = other.cpu_async();
        let x = taut::ones([3], (DType::I64, device))?;
        x.index_put_(&taut::tensor([7], device)?, 1)?;
        drop((known, other.cpu_async()));
        assert_refused(other.cpu(), line);
        taut::synchronize(device)?;
    }
    Ok(())
}

#[test]
fn dropped_futures_leave_no_memory_behind() -> Result<()> {
    let _alone = alone();
    for device in gpus() {
        let x = taut::ones([3 << 20], device)?;
        block_on(x.cpu_async())?;
        let live = device.stats()?.live_bytes;
        for _ in 0..10 {
            drop(x.cpu_async());
            let mut future = pin!(x.cpu_async());
            let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(!matches!(polled, Poll::Ready(Err(_))));
        }
        // Reads follow one another, so that all before this one are over.
        block_on(x.cpu_async())?;
        assert_eq!(device.stats()?.live_bytes, live, "{device}");
    }
    Ok(())
}

#[test]
fn memory_that_runs_out_is_told_by_the_future() -> Result<()> {
    let _alone = alone();
    for device in gpus() {
        let huge = taut::zeros([1_i64 << 50], (DType::U8, device))?;
        let part = huge.slice(0, Some(0), Some(4), 1)?;
        let is_memory = |error: Error| assert_eq!(error.kind(), ErrorKind::Memory, "{error}");
        is_memory(block_on(part.cpu_async()).unwrap_err());
        // The tensor has no elements; the device has told.
        is_memory(block_on(part.cpu_async()).unwrap_err());
        taut::synchronize(device)?;
        let wide = taut::ones([1], (DType::U8, device))?.expand([1_i64 << 50])?;
        is_memory(block_on(wide.cpu_async()).unwrap_err());
        drop((huge, part, wide));
        taut::synchronize(device).unwrap_or_default();
    }
    Ok(())
}

#[test]
fn futures_of_many_threads_give_each_its_own() -> Result<()> {
    let _alone = alone();
    for device in gpus() {
        std::thread::scope(|scope| {
            for thread in 0..4_i64 {
                scope.spawn(move || {
                    let x = taut::full([999], thread, (DType::I64, device)).unwrap();
                    for step in 0..40 {
                        let future = x.cpu_async();
                        x.add_(1).unwrap();
                        let expected = vec![thread + step; 999];
                        if step % 3 == 0 {
                            drop(future);
                        } else {
                            let seen = block_on(future).unwrap();
                            assert_eq!(seen.to_vec::<i64>().unwrap(), expected);
                        }
                        if step % 5 == 0 {
                            assert_eq!(x.to_vec::<i64>().unwrap()[998], thread + step + 1);
                        }
                    }
                });
            }
        });
        taut::synchronize(device)?;
    }
    Ok(())
}
