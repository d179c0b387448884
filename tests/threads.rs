//! Many threads on one device: values as if each ran alone, and no deadlock.

mod common;

use std::sync::{Barrier, Mutex};
use std::thread;

use common::devices;
use taut::{DType, Device, ErrorKind, Result, Rounding, Tensor};

const THREADS: usize = 8;

/// A small generator (Numerical Recipes' LCG), so that every run is the same.
struct Lcg(u32);

impl Lcg {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as usize % n
    }
}

/// A tensor, and what its storage should hold; `rows` of `COLUMNS`.
struct Modelled {
    tensor: Tensor,
    values: Vec<i32>,
}

const ROWS: usize = 4;
const COLUMNS: usize = 6;

impl Modelled {
    fn new(first: i32, device: Device) -> Result<Self> {
        let values: Vec<i32> = (0..(ROWS * COLUMNS) as i32).map(|i| first + i).collect();
        let tensor = taut::from_slice(&values, (ROWS, COLUMNS), device)?;
        Ok(Self { tensor, values })
    }

    fn step(&mut self, random: &mut Lcg) -> Result<()> {
        let number = random.below(7) as i32 - 3;
        match random.below(8) {
            0 => {
                self.tensor.add_(number)?;
                self.values.iter_mut().for_each(|v| *v += number);
            }
            1 => {
                let row = random.below(ROWS);
                self.tensor.select(0, row as i64)?.mul_(number)?;
                let values = &mut self.values[row * COLUMNS..(row + 1) * COLUMNS];
                values.iter_mut().for_each(|v| *v = v.wrapping_mul(number));
            }
            2 => {
                let column = random.below(COLUMNS);
                self.tensor.t()?.select(0, column as i64)?.fill_(number)?;
                self.values.iter_mut().skip(column).step_by(COLUMNS).for_each(|v| *v = number);
            }
            3 => {
                // Out of place, the old one dropped.
                self.tensor = self.tensor.sub(&self.tensor.mul(2)?)?;
                self.values.iter_mut().for_each(|v| *v = v.wrapping_sub(v.wrapping_mul(2)));
            }
            4 => {
                let copy = self.tensor.clone();
                self.tensor.zero_()?;
                self.tensor = copy;
            }
            5 => {
                // A column beside every column of the same storage.
                self.tensor.add_(&self.tensor.narrow(1, 0, 1)?.clone())?;
                for row in self.values.chunks_mut(COLUMNS) {
                    let first = row[0];
                    row.iter_mut().for_each(|v| *v = v.wrapping_add(first));
                }
            }
            6 => {
                self.tensor.div_mode_(3, Rounding::Floor)?;
                self.values.iter_mut().for_each(|v| *v = v.div_euclid(3));
            }
            _ => {
                self.tensor.eval()?;
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        assert_eq!(self.tensor.to_vec::<i32>()?, self.values);
        Ok(())
    }
}

#[test]
fn threads_with_tensors_of_their_own_see_their_own_values() -> Result<()> {
    for device in devices() {
        let iterations = if device == Device::Cpu { 2000 } else { 120 };
        thread::scope(|scope| {
            for seed in 0..THREADS {
                scope.spawn(move || {
                    let mut random = Lcg(seed as u32);
                    let mut all: Vec<Modelled> = Vec::new();
                    for k in 0..iterations {
                        if all.len() < 3 {
                            all.push(Modelled::new((seed * 100 + k % 7) as i32, device).unwrap());
                        }
                        let at = random.below(all.len());
                        all[at].step(&mut random).unwrap();
                        match random.below(20) {
                            0 => all[at].check().unwrap(),
                            1 => drop(all.swap_remove(at)),
                            _ => {}
                        }
                    }
                    all.iter().for_each(|one| one.check().unwrap());
                });
            }
        });
    }
    Ok(())
}

#[test]
fn shared_tensor_under_a_mutex_takes_every_step_in_order() -> Result<()> {
    for device in devices() {
        let iterations = if device == Device::Cpu { 500 } else { 40 };
        let shared = Mutex::new(Modelled::new(1, device)?);
        thread::scope(|scope| {
            for seed in 0..THREADS {
                let shared = &shared;
                scope.spawn(move || {
                    let mut random = Lcg(100 + seed as u32);
                    for _ in 0..iterations {
                        let mut shared = shared.lock().unwrap();
                        shared.step(&mut random).unwrap();
                        if random.below(16) == 0 {
                            shared.check().unwrap();
                        }
                    }
                });
            }
        });
        shared.lock().unwrap().check()?;
    }
    Ok(())
}

#[test]
fn in_place_operations_of_all_threads_on_one_storage_are_all_done() -> Result<()> {
    for device in devices() {
        let times = 300;
        let x = taut::zeros([THREADS + 1, 5], (DType::I32, device))?;
        thread::scope(|scope| {
            for k in 0..THREADS {
                let all = x.alias();
                let own = x.select(0, k as i64).unwrap();
                scope.spawn(move || {
                    for i in 0..times {
                        all.add_(1).unwrap();
                        own.add_(1000).unwrap();
                        if i % 100 == 0 {
                            all.eval().unwrap();
                        }
                    }
                });
            }
        });
        let all = (THREADS * times) as i32;
        let values = x.to_vec::<i32>()?;
        let expected = |row: usize| if row < THREADS { all + 1000 * times as i32 } else { all };
        for (i, value) in values.into_iter().enumerate() {
            assert_eq!(value, expected(i / 5), "{device}: element {i}");
        }
    }
    Ok(())
}

#[test]
fn concurrent_read_points_agree() -> Result<()> {
    for device in devices() {
        let x = taut::arange(1000, (DType::I32, device))?;
        let y = x.mul(3)?.add(1)?;
        let barrier = Barrier::new(THREADS);
        thread::scope(|scope| {
            for k in 0..THREADS {
                let (x, y, barrier) = (&x, &y, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    for i in 0..50 {
                        let at = (k * 50 + i) as i64;
                        match i % 4 {
                            0 => taut::synchronize(device).unwrap(),
                            1 => drop(y.eval().unwrap()),
                            2 => drop(x.add(1).unwrap()),
                            _ => {}
                        }
                        let value = y.select(0, at).unwrap().item::<i32>().unwrap();
                        assert_eq!(i64::from(value), 3 * at + 1);
                    }
                });
            }
        });
    }
    Ok(())
}

#[test]
fn generators_of_threads_are_their_own() -> Result<()> {
    for device in devices() {
        let alone = taut::Generator::new(9).rand([64], device)?.to_vec::<f32>()?;
        thread::scope(|scope| {
            for _ in 0..THREADS {
                let alone = &alone;
                scope.spawn(move || {
                    let drawn = taut::Generator::new(9).rand([64], device).unwrap();
                    assert_eq!(&drawn.to_vec::<f32>().unwrap(), alone);
                    taut::rand([3], device).unwrap().to_vec::<f32>().unwrap();
                });
            }
        });
    }
    Ok(())
}

#[test]
fn tensors_in_tasks_of_rayon_do_not_deadlock() {
    use rayon::prelude::*;
    // Large enough for several threads, which wait for each other; every thread of the pool asks at
    // once, and one that is none of it.
    let sum = |k: i32| {
        let x = taut::full([1 << 19], k, DType::I32).unwrap();
        x.add(1).unwrap().mul(2).unwrap().sum(()).unwrap().item::<i64>().unwrap()
    };
    let (done, finished) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let outside = thread::spawn(move || (0..20).map(sum).sum::<i64>());
        let inside: i64 = (0..60).into_par_iter().map(sum).sum();
        done.send((inside, outside.join().unwrap())).unwrap();
    });
    let expected = |count: i64| (0..count).map(|k| (k + 1) << 20).sum::<i64>();
    let found = finished.recv_timeout(std::time::Duration::from_secs(120));
    assert_eq!(found, Ok((expected(60), expected(20))), "a timeout is a deadlock");
}

#[test]
fn guard_of_another_thread_refuses_and_never_blocks() -> Result<()> {
    let x = taut::ones([100], DType::I64)?;
    let host = x.numpy::<i64>()?;
    let (held, done) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut guard = host.write().unwrap();
            held.wait();
            guard.fill(7);
            done.wait();
            drop(guard);
            done.wait();
            held.wait();
            let guard = host.read().unwrap();
            held.wait();
            assert_eq!(guard.sum(), 800);
            done.wait();
        });
        held.wait();
        for result in [x.add(1).map(drop), x.add_(1).map(drop), x.to_vec::<i64>().map(drop)] {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Value);
        }
        // Other tensors of the device go on.
        assert_eq!(taut::ones([2], ()).unwrap().add(1).unwrap().to_vec::<f32>().unwrap(), [2.0; 2]);
        done.wait();
        done.wait();
        x.add_(1).unwrap();
        held.wait();
        held.wait();
        assert_eq!(x.mul(2).unwrap().to_vec::<i64>().unwrap(), [16; 100]);
        assert!(x.fill_(0).is_err());
        done.wait();
    });
    assert_eq!(x.to_vec::<i64>()?, [8; 100]);
    Ok(())
}

#[test]
fn guards_and_operations_of_many_threads_lose_no_write() -> Result<()> {
    let x = taut::zeros([16], DType::I64)?;
    let host = x.numpy::<i64>()?;
    let done: i64 = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|k| {
                let (x, host) = (&x, &host);
                scope.spawn(move || {
                    let mut done = 0;
                    for _ in 0..400 {
                        // A refusal leaves nothing behind; what is accepted happens exactly once.
                        let accepted = match k % 4 {
                            0 => host.write().map(|mut guard| *guard += 1).is_ok(),
                            1 => {
                                if let Ok(guard) = host.read() {
                                    let first = guard[[0]];
                                    assert!(guard.iter().all(|&v| v == first), "a torn write");
                                }
                                false
                            }
                            _ => x.add_(1).is_ok(),
                        };
                        done += i64::from(accepted);
                    }
                    done
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(done > 0);
    assert_eq!(x.to_vec::<i64>()?, [done; 16]);
    Ok(())
}
