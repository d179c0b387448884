//! Many threads build, alias, write in place, read and drop tensors, of one device and of several; a
//! model checks every value.
//!
//! Half of the work is on a thread's own tensors, half on shared ones, each behind a lock so that the model
//! knows the order. Threads panic now and then, with guards held and inside of the library's calls of user
//! code: the others go on. `TAUT_STRESS_SECONDS` and `TAUT_STRESS_THREADS` make it long and wide.

#![allow(clippy::unwrap_used, reason = "a test, outside of its functions")]

mod common;

use std::ops::AddAssign;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use common::devices;
use taut::{DType, Data, Device, ErrorKind, HostArray, Result, Tensor};

const ROWS: usize = 5;
const COLUMNS: usize = 7;

/// Longest without a step of any thread, which is taken for a deadlock.
const PATIENCE: Duration = Duration::from_secs(120);

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// A small generator (Numerical Recipes' LCG), so that each thread's choices are the same every time.
struct Lcg(u32);

impl Lcg {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as usize % n
    }
}

/// A view, and the place of each of its elements.
struct View {
    tensor: Tensor,
    places: Vec<usize>,
}

/// Views of one storage, and what it should hold.
struct Group {
    values: Vec<i32>,
    views: Vec<View>,
    /// Its memory, where the CPU has it.
    host: Option<HostArray<i32>>,
}

impl Group {
    fn new(first: i32, device: Device) -> Result<Self> {
        let values: Vec<i32> = (first..).take(ROWS * COLUMNS).collect();
        let tensor = taut::from_slice(&values, (ROWS, COLUMNS), device)?;
        Self::of(tensor, values)
    }

    fn of(tensor: Tensor, values: Vec<i32>) -> Result<Self> {
        let host = if tensor.device() == Device::Cpu { Some(tensor.numpy()?) } else { None };
        let views = vec![View { tensor, places: (0..ROWS * COLUMNS).collect() }];
        Ok(Self { values, views, host })
    }

    fn whole(&self) -> &Tensor {
        &self.views[0].tensor
    }

    fn set(&mut self, view: usize, new: impl Fn(i32) -> i32) {
        for &place in &self.views[view].places {
            self.values[place] = new(self.values[place]);
        }
    }

    fn seen(&self, view: usize) -> Vec<i32> {
        self.views[view].places.iter().map(|&place| self.values[place]).collect()
    }

    /// Another view of the storage.
    fn alias(&mut self, random: &mut Lcg) -> Result<()> {
        let x = self.whole();
        let at = |row: usize, column: usize| row * COLUMNS + column;
        let (row, column) = (random.below(ROWS), random.below(COLUMNS));
        let view = match random.below(4) {
            0 => View {
                tensor: x.select(0, row as i64)?,
                places: (0..COLUMNS).map(|c| at(row, c)).collect(),
            },
            1 => View {
                tensor: x.i((.., column))?,
                places: (0..ROWS).map(|r| at(r, column)).collect(),
            },
            2 => View {
                tensor: x.t()?,
                places: (0..COLUMNS).flat_map(|c| (0..ROWS).map(move |r| at(r, c))).collect(),
            },
            _ => View {
                tensor: x.i((taut::slice(row as i64, ..).step(2), taut::slice(.., -2)))?,
                places: (row..ROWS)
                    .step_by(2)
                    .flat_map(|r| (0..COLUMNS - 2).map(move |c| at(r, c)))
                    .collect(),
            },
        };
        self.views.push(view);
        Ok(())
    }

    fn step(&mut self, random: &mut Lcg, done: &Done) -> Result<()> {
        let view = random.below(self.views.len());
        let x = self.views[view].tensor.alias();
        let number = random.below(7) as i32 - 3;
        match random.below(12) {
            0 | 1 => {
                x.add_(number)?;
                self.set(view, |v| v.wrapping_add(number));
            }
            2 => {
                x.mul_(number)?;
                self.set(view, |v| v.wrapping_mul(number));
            }
            3 => {
                x.fill_(number)?;
                self.set(view, |_| number);
            }
            4 => {
                // Reads the whole storage, writes a part of it.
                let sum = self.whole().sum(())?.to(DType::I32)?;
                x.add_(&sum)?;
                let sum = self.values.iter().fold(0_i32, |sum, &v| sum.wrapping_add(v));
                self.set(view, |v| v.wrapping_add(sum));
            }
            5 if self.views.len() < 6 => self.alias(random)?,
            6 if view > 0 => drop(self.views.swap_remove(view)),
            7 => {
                // A fresh storage; the old one goes with its views.
                let tensor = self.whole().sub(&self.whole().mul(number)?)?;
                let new = |&v: &i32| v.wrapping_sub(v.wrapping_mul(number));
                *self = Self::of(tensor, self.values.iter().map(new).collect())?;
            }
            8 => self.with_guards(number, random, done)?,
            9 => self.check(view, done)?,
            10 => drop(x.eval()?),
            _ => self.panic(number, random),
        }
        done.steps.fetch_add(1, Relaxed);
        Ok(())
    }

    /// Reads and writes through the host array, with the guard in the way of operations.
    fn with_guards(&mut self, number: i32, random: &mut Lcg, done: &Done) -> Result<()> {
        let Some(host) = &self.host else { return Ok(()) };
        if random.below(2) == 0 {
            let guard = host.read()?;
            assert!(guard.iter().eq(&self.values), "{guard:?} is not {:?}", self.values);
            done.checked.fetch_add(self.values.len() as u64, Relaxed);
            // Reading goes on, writing is refused, and others may run what is recorded.
            let refused = self.whole().add_(1).map(drop).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Value);
            thread::yield_now();
            assert_eq!(self.whole().to_vec::<i32>()?, self.values);
        } else {
            let mut guard = host.write()?;
            guard.mapv_inplace(|v| v ^ number);
            assert_eq!(self.whole().add(1).unwrap_err().kind(), ErrorKind::Value);
            thread::yield_now();
            drop(guard);
            self.values.iter_mut().for_each(|v| *v ^= number);
        }
        Ok(())
    }

    /// A panic in user code, which changes nothing but what was written before it.
    fn panic(&mut self, number: i32, random: &mut Lcg) {
        struct Panics;
        impl Data for Panics {
            type Element = i32;
            fn sizes(&self) -> Result<Vec<usize>> {
                Ok(vec![1])
            }
            fn append_to(&self, _: &mut Vec<i32>) -> Result<()> {
                std::panic::resume_unwind(Box::new(()))
            }
        }
        let choice = random.below(3);
        let outcome = catch_unwind(AssertUnwindSafe(|| match (choice, &self.host) {
            (0, Some(host)) => {
                let mut guard = host.write().unwrap();
                guard.add_assign(number);
                std::panic::resume_unwind(Box::new(()));
            }
            (1, Some(host)) => {
                let _guard = host.read().unwrap();
                std::panic::resume_unwind(Box::new(()));
            }
            _ => taut::tensor(Panics, self.whole().device()).map(drop),
        }));
        assert!(outcome.is_err());
        if choice == 0 && self.host.is_some() {
            self.values.iter_mut().for_each(|v| *v = v.wrapping_add(number));
        }
    }

    fn check(&self, view: usize, done: &Done) -> Result<()> {
        let expected = self.seen(view);
        assert_eq!(self.views[view].tensor.to_vec::<i32>()?, expected);
        done.checked.fetch_add(expected.len() as u64, Relaxed);
        Ok(())
    }

    /// The values of another group, which may be on another device.
    fn copy(&mut self, other: &Self) -> Result<()> {
        self.whole().copy_(other.whole())?;
        self.values.clone_from(&other.values);
        Ok(())
    }
}

#[derive(Default)]
struct Done {
    steps: AtomicU64,
    checked: AtomicU64,
}

/// Runs one thread until the deadline; then all that is left is checked.
fn run(
    seed: u32,
    devices: &[Device],
    shared: &[Mutex<Group>],
    done: &Done,
    until: Instant,
) -> Result<()> {
    let mut random = Lcg(seed);
    let mut own: Vec<Group> = Vec::new();
    while Instant::now() < until {
        if own.len() < 4 {
            let device = devices[random.below(devices.len())];
            own.push(Group::new(random.below(100) as i32, device)?);
        }
        let at = random.below(own.len());
        // A lock that a panic poisoned is the user's affair, and the model is in order.
        let slot = &shared[random.below(shared.len())];
        match random.below(16) {
            0 => own[at].copy(&slot.lock().unwrap_or_else(PoisonError::into_inner))?,
            1 => slot.lock().unwrap_or_else(PoisonError::into_inner).copy(&own[at])?,
            2 => drop(own.swap_remove(at)),
            3 => taut::synchronize(devices[random.below(devices.len())])?,
            4..10 => slot.lock().unwrap_or_else(PoisonError::into_inner).step(&mut random, done)?,
            _ => own[at].step(&mut random, done)?,
        }
    }
    for group in &own {
        (0..group.views.len()).try_for_each(|view| group.check(view, done))?;
    }
    Ok(())
}

/// All threads on these devices, for as long as the settings say.
fn stress(devices: &[Device]) {
    let threads = setting("TAUT_STRESS_THREADS", 4) as u32;
    let until = Instant::now() + Duration::from_secs(setting("TAUT_STRESS_SECONDS", 2));
    let shared: Vec<Mutex<Group>> = (0..6)
        .map(|k| Mutex::new(Group::new(k, devices[k as usize % devices.len()]).unwrap()))
        .collect();
    let done = Done::default();
    let (finished, waiting) = channel();
    thread::scope(|scope| {
        for seed in 0..threads {
            let (shared, done, finished) = (&shared, &done, finished.clone());
            scope.spawn(move || {
                run(seed, devices, shared, done, until).unwrap();
                drop(finished);
            });
        }
        drop::<std::sync::mpsc::Sender<()>>(finished);
        let mut before = 0;
        while waiting.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            let steps = done.steps.load(Relaxed);
            if steps == before {
                // A scope would wait for the threads that hang.
                eprintln!("{devices:?}: no step in {PATIENCE:?}: a deadlock");
                std::process::abort();
            }
            before = steps;
        }
    });
    for slot in shared {
        let group = slot.into_inner().unwrap_or_else(PoisonError::into_inner);
        (0..group.views.len()).for_each(|view| group.check(view, &done).unwrap());
    }
    let (steps, checked) = (done.steps.into_inner(), done.checked.into_inner());
    assert!(checked > 0);
    eprintln!("{devices:?}: {threads} threads, {steps} operations, {checked} values checked");
}

#[test]
fn threads_on_one_device_see_what_the_model_says() {
    for device in devices() {
        stress(&[device]);
    }
}

#[test]
fn threads_on_all_devices_at_once_see_what_the_model_says() {
    let devices = devices();
    if devices.len() > 1 {
        stress(&devices);
    }
}
