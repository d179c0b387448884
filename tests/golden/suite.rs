//! All cases, all devices, all cores.
//!
//! Owns the order of things: workers take one case after another and run it on every device, the
//! CPU first.
//!
//! # Note [Errors of other cases]
//! An error that depends on data is returned once, by the next read point on its device, whoever
//! reads. So a case that expects an error has its device for itself, and before anyone else goes on
//! what it left behind is drained; other cases share the device.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::thread;

use taut::{DType, Device};

use crate::case::{Case, Invocation};
use crate::host::TensorFile;
use crate::report::{Report, Verdict};
use crate::run::{Attempt, run, same_bits};
use crate::skips;
use crate::tensor::drain;

const MATRIX_PRODUCTS: [&str; 4] = ["matmul", "mm", "bmm", "dot"];

/// A device and who may use it, see Note [Errors of other cases].
pub(crate) struct Lane {
    device: Device,
    /// Its column of the report; none for a CPU that is only the reference of the GPUs.
    column: Option<usize>,
    access: RwLock<()>,
    missing: Vec<DType>,
}

thread_local! {
    /// How and where this thread last panicked.
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

impl Lane {
    pub(crate) fn new(device: Device, column: Option<usize>) -> Self {
        let missing = DType::ALL.into_iter().filter(|&dtype| !device.supports(dtype)).collect();
        Self { device, column, access: RwLock::new(()), missing }
    }

    /// The device and its column, if it has one.
    pub(crate) fn reported(&self) -> Option<(Device, usize)> {
        self.column.map(|column| (self.device, column))
    }
}

/// Runs every case on every lane. The CPU is the first lane.
pub(crate) fn run_all(cases: &[Case], tensors: &TensorFile, lanes: &[Lane], report: &mut Report) {
    panic::set_hook(Box::new(|info| PANIC.with_borrow_mut(|last| *last = info.to_string())));
    let next = AtomicUsize::new(0);
    let report = Mutex::new(report);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let verdicts = judge(case, tensors, lanes);
                    let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                    for (lane, verdict) in lanes.iter().zip(verdicts) {
                        if let Some(column) = lane.column {
                            report.add(&case.category, &case.id, column, verdict);
                        }
                    }
                }
            });
        }
    });
    drop(panic::take_hook());
}

/// A verdict for every lane.
fn judge(case: &Case, tensors: &TensorFile, lanes: &[Lane]) -> Vec<Verdict> {
    let names: Vec<String> = case.calls().into_iter().map(Invocation::name).collect();
    if let Some(reason) = skips::reason(&case.id, &names) {
        return vec![Verdict::Skipped(reason); lanes.len()];
    }
    let mut reference: Option<Attempt> = None;
    lanes
        .iter()
        .map(|lane| {
            if let Some(dtype) = missing_dtype(case, tensors, lane) {
                return Verdict::Skipped(format!("{dtype} on {}", lane.device));
            }
            let attempt = attempt(case, tensors, lane);
            let mut result = attempt.result.clone();
            match &reference {
                None => reference = Some(attempt),
                // Matrix products add in an order that is each device's own.
                Some(_) if names.iter().any(|name| MATRIX_PRODUCTS.contains(&name.as_str())) => {}
                Some(reference) => result = result.and_then(|()| same_bits(&attempt, reference)),
            }
            match result {
                Ok(()) => Verdict::Passed,
                Err(reason) => Verdict::Failed(reason),
            }
        })
        .collect()
}

fn attempt(case: &Case, tensors: &TensorFile, lane: &Lane) -> Attempt {
    let alone = case.expects_refusal();
    let _alone = alone.then(|| lane.access.write().unwrap_or_else(PoisonError::into_inner));
    let _shared = (!alone).then(|| lane.access.read().unwrap_or_else(PoisonError::into_inner));
    let attempt = panic::catch_unwind(AssertUnwindSafe(|| run(case, tensors, lane.device)))
        .unwrap_or_else(|payload| Attempt { result: Err(last_words(&*payload)), seen: vec![] });
    if alone || attempt.result.is_err() {
        // A panic here is that of the case once more.
        drop(panic::catch_unwind(|| drain(lane.device)));
    }
    attempt
}

/// What a panic said. A panic that another thread handed on has left no words on this one.
fn last_words(payload: &(dyn Any + Send)) -> String {
    let words = PANIC.take();
    if !words.is_empty() {
        return words;
    }
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    format!("panicked: {}", text.unwrap_or("no message"))
}

/// A dtype that the case needs and the device has not.
fn missing_dtype(case: &Case, tensors: &TensorFile, lane: &Lane) -> Option<DType> {
    if lane.missing.is_empty() {
        return None;
    }
    let of_keys = case.keys().into_iter().filter_map(|key| tensors.get(key).ok());
    let mut dtypes = of_keys.map(|host| host.dtype).chain(case.dtypes());
    dtypes.find(|dtype| lane.missing.contains(dtype))
}
