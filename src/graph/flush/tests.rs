//! Which way kernels took: results and counters are the same by all of them.

use std::panic::Location;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use triomphe::Arc;

use super::super::plain::Takes;
use super::super::record::{Folding, Record};
use super::super::runtime::{Runtime, Tape};
use super::super::storage::{Storage, View};
use crate::device::Device;
use crate::dtype::DType;
use crate::kernel::Fold;
use crate::layout::Layout;
use crate::ops::Op;

/// A runtime of the CPU that nothing else runs on.
fn runtime() -> &'static Runtime {
    Box::leak(Box::new(Runtime::new(Device::Cpu, Device::Cpu.open().unwrap())))
}

fn upload(runtime: &'static Runtime, shape: &[usize], values: impl Fn(usize) -> f32) -> View {
    let layout = Layout::contiguous(shape).unwrap();
    let bytes: Vec<u8> = (0..layout.len()).flat_map(|i| values(i).to_ne_bytes()).collect();
    let storage = runtime.upload(DType::F32, layout.len(), &bytes).unwrap();
    View { storage, layout }
}

/// Records the operation on two views, which have one shape.
fn record(op: Op, a: &View, b: &View) -> View {
    let runtime = a.storage.runtime;
    let layout = Layout::contiguous(a.layout.shape()).unwrap();
    let out = View { storage: Storage::new(runtime, DType::F32, layout.len()), layout };
    let mut record = Record::new(op.info().name, Location::caller());
    let [a, b] = [a, b].map(|view| {
        let input = record.input(view);
        record.program.load(input, DType::F32)
    });
    record.program.binary(op, a, b);
    record.add_view(&out);
    runtime.record(record).unwrap();
    out
}

fn values(view: &View) -> Vec<f32> {
    let mut bytes = vec![0; view.storage.bytes()];
    view.storage.runtime.read(&view.storage, 0, &mut bytes).unwrap();
    bytes.chunks_exact(4).map(|b| f32::from_ne_bytes(b.try_into().unwrap())).collect()
}

/// Kernels run, templates made, and whether a kernel needed a launch of its own, since the last asking.
fn ways(runtime: &Runtime) -> (u64, usize, bool) {
    let mut executor = runtime.turn();
    let kernels = runtime.counters.kernels.swap(0, Ordering::Relaxed);
    (kernels, executor.templates.count(), executor.start.single.take().is_some())
}

/// Records a plain operation on two views.
fn plain(op: Op, a: &View, b: &View) -> View {
    let runtime = a.storage.runtime;
    let layout = a.layout.clone();
    let out = View { storage: Storage::new(runtime, DType::F32, layout.len()), layout };
    let caller = (op.info().name, Location::caller());
    runtime.record_plain(caller, (op, DType::F32), Takes::two(a, b), &out).unwrap();
    out
}

#[test]
fn full_kernels_of_small_tensors_run_at_once_but_not_while_another_thread_flushes() {
    let runtime = runtime();
    let [a, b] = [1, 2].map(|k| upload(runtime, &[3], |i| (i * k) as f32));
    let grown = |from: View, times| (0..times).fold(from, |sum, _| plain(Op::Add, &sum, &b));
    let sum = grown(a, 65);
    assert_eq!(ways(runtime).0, 1);
    let busy = runtime.turn();
    let sum = grown(sum, 200);
    drop(busy);
    assert_eq!(ways(runtime).0, 0);
    assert_eq!(values(&sum), [0.0, 531.0, 1062.0]);
}

/// Bytes written since the last asking.
fn written(runtime: &Runtime) -> u64 {
    runtime.counters.bytes_written.swap(0, Ordering::Relaxed)
}

#[test]
fn plain_operations_store_what_somebody_holds_and_run_if_somebody_sees_it() {
    let runtime = runtime();
    let [a, b] = [1, 2].map(|k| upload(runtime, &[3], |i| (i * k) as f32));
    for _ in 0..3 {
        let sum = plain(Op::Add, &a, &b);
        let product = plain(Op::Mul, &sum, &b);
        assert_eq!(values(&product), [0.0, 6.0, 24.0]);
        assert_eq!(values(&sum), [0.0, 3.0, 6.0]);
        assert_eq!((ways(runtime).0, written(runtime)), (1, 24), "both held");
        let product = plain(Op::Mul, &plain(Op::Add, &b, &a), &b);
        assert_eq!(values(&product), [0.0, 6.0, 24.0]);
        assert_eq!((ways(runtime).0, written(runtime)), (1, 12), "one held");
        let difference = plain(Op::Sub, &b, &a);
        drop(plain(Op::Mul, &difference, &b));
        assert_eq!(values(&difference), [0.0, 1.0, 2.0]);
        assert_eq!((ways(runtime).0, written(runtime)), (1, 12), "one dead");
        drop(plain(Op::Add, &a, &b));
        runtime.flush();
        assert_eq!((ways(runtime).0, written(runtime)), (0, 0), "nothing held");
    }
}

/// Records a plain operation on two views whose result is the first of them.
fn into(op: Op, a: &View, b: &View) {
    let caller = (op.info().name, Location::caller());
    let takes = Takes::two(a, b);
    a.storage.runtime.record_plain(caller, (op, DType::F32), takes, a).unwrap();
}

#[test]
fn plain_operations_into_what_they_take_run_in_order_and_not_where_nobody_sees_it() {
    let runtime = runtime();
    let b = upload(runtime, &[3], |i| (i * 2) as f32);
    for _ in 0..3 {
        let a = upload(runtime, &[3], |i| i as f32);
        into(Op::Add, &a, &b);
        let product = plain(Op::Mul, &a, &b);
        into(Op::Sub, &a, &b);
        assert_eq!(values(&product), [0.0, 6.0, 24.0]);
        assert_eq!(values(&a), [0.0, 1.0, 2.0]);
        assert_eq!((ways(runtime).0, written(runtime)), (1, 24));
        into(Op::Mul, &a, &b);
        assert_eq!(values(&a), [0.0, 2.0, 8.0]);
        assert_eq!((ways(runtime).0, written(runtime)), (1, 12), "alone");
        into(Op::Mul, &a, &b);
        drop(a);
        runtime.flush();
        assert_eq!((ways(runtime).0, written(runtime)), (0, 0), "nobody sees it");
    }
}

#[test]
fn tapes_that_run_at_once_and_a_little_larger_ones_give_the_same() {
    let runtime = runtime();
    for len in [2047, 2048, 2049, 4095, 4096, 4097] {
        let [a, b] = [1, 2].map(|k| upload(runtime, &[len], |i| (i * k) as f32));
        for _ in 0..3 {
            let sum = plain(Op::Add, &a, &b);
            assert!(values(&sum).iter().enumerate().all(|(i, &x)| x == (3 * i) as f32), "{len}");
            let twice = plain(Op::Add, &plain(Op::Add, &a, &b), &b);
            assert!(values(&twice).iter().enumerate().all(|(i, &x)| x == (5 * i) as f32), "{len}");
            assert_eq!(ways(runtime).0, 2, "{len}");
        }
    }
}

#[test]
fn several_tiles_of_a_program_with_registers_need_no_launch() {
    let runtime = runtime();
    // Of a register 1,024 elements are one tile.
    for len in [1000, 1024, 1025, 1500] {
        let a = upload(runtime, &[len], |i| (i % 7) as f32);
        let b = upload(runtime, &[len], |i| (i % 5) as f32);
        for _ in 0..3 {
            let storage = Storage::new(runtime, DType::Bool, len);
            let out = View { storage, layout: a.layout.clone() };
            let caller = ("lt", Location::caller());
            let takes = Takes::two(&a, &b);
            runtime.record_plain(caller, (Op::Lt, DType::F32), takes, &out).unwrap();
            let mut bytes = vec![2; len];
            runtime.read(&out.storage, 0, &mut bytes).unwrap();
            assert!((0..len).all(|i| bytes[i] == u8::from(i % 7 < i % 5)), "{len}");
            assert_eq!(ways(runtime), (1, 1, false), "{len}");
        }
    }
}

#[test]
fn templates_of_plain_operations_that_are_forgotten_are_made_again() {
    let runtime = runtime();
    let [a, b] = [1, 2].map(|k| upload(runtime, &[3], |i| (i * k) as f32));
    for round in 0..6 {
        for _ in 0..2 {
            assert_eq!(values(&plain(Op::Mul, &a, &b)), [0.0, 2.0, 8.0], "{round}");
            let sum = plain(Op::Add, &plain(Op::Mul, &a, &b), &b);
            assert_eq!(values(&sum), [0.0, 4.0, 12.0], "{round}");
        }
        // A template of more operations than are kept, and one for which all are forgotten.
        let generation = runtime.turn().templates.generation();
        for operations in [18, 19].map(|some| some + 2 * round) {
            let sums: Vec<View> = (0..operations).map(|_| record(Op::Add, &b, &b)).collect();
            assert_eq!(values(&sums[0]), [0.0, 4.0, 8.0]);
        }
        assert!(runtime.turn().templates.generation() > generation, "{round}");
    }
}

#[test]
fn what_a_panic_left_behind_does_not_run_with_what_comes_next() {
    let runtime = runtime();
    let [a, b] = [1, 2].map(|k| upload(runtime, &[3], |i| (i * k) as f32));
    for round in 0..3 {
        let lost = plain(Op::Add, &a, &b);
        // As a kernel leaves it that panics while the tape is locked.
        let mut tape = runtime.tape.lock();
        let Tape { alike, executor: Some(executor), .. } = &mut *tape else { unreachable!() };
        std::mem::swap(alike, &mut executor.alike);
        drop(tape);
        let product = plain(Op::Mul, &a, &b);
        assert_eq!(values(&product), [0.0, 2.0, 8.0], "{round}");
        assert_eq!(ways(runtime).0, 1, "{round}");
        assert_eq!(Arc::strong_count(&lost.storage), 1, "{round}");
        let why = runtime.read(&lost.storage, 0, &mut [0; 12]).unwrap_err();
        assert!(why.to_string().contains("panicked"), "{why}");
    }
}

#[test]
fn plain_operations_before_others_become_records_with_them() {
    let runtime = runtime();
    let [a, b] = [1, 2].map(|k| upload(runtime, &[2, 3], |i| (i * k) as f32));
    for _ in 0..3 {
        let sum = plain(Op::Add, &a, &b);
        let product = record(Op::Mul, &plain(Op::Sub, &sum, &a), &b);
        let last = plain(Op::Add, &product, &sum);
        drop(product);
        assert_eq!(values(&last), [0.0, 7.0, 22.0, 45.0, 76.0, 115.0]);
        assert_eq!(
            (ways(runtime).0, written(runtime)),
            (1, 48),
            "the sum, which is held, and the last"
        );
        let rows = sums(&plain(Op::Add, &a, &b), 0.0);
        assert_eq!(values(&rows), [9.0, 36.0]);
        assert_eq!((ways(runtime).0, written(runtime)), (1, 8));
    }
}

#[test]
fn who_waits_for_a_turn_gets_it_after_one_who_needed_none() {
    let runtime = runtime();
    let [a, b] = [1, 2].map(|k| upload(runtime, &[3], |i| (i * k) as f32));
    // Its kernel was made before from the second time on.
    (0..2).for_each(|_| assert_eq!(values(&plain(Op::Add, &a, &b)), [0.0, 3.0, 6.0]));
    let turn = runtime.turn();
    let sum = plain(Op::Add, &a, &b);
    let (done, ended) = mpsc::channel();
    let wait = |waiting| {
        while runtime.tape.lock().waiting < waiting {
            thread::yield_now();
        }
    };
    let flushes = done.clone();
    thread::spawn(move || {
        runtime.flush();
        flushes.send(true)
    });
    wait(1);
    thread::spawn(move || done.send(runtime.synchronize().is_ok()));
    wait(2);
    drop(turn);
    for _ in 0..2 {
        assert_eq!(ended.recv_timeout(Duration::from_secs(30)), Ok(true));
    }
    assert_eq!(values(&sum), [0.0, 3.0, 6.0]);
}

#[test]
fn views_of_one_storage_before_another_are_found_at_once() {
    let runtime = runtime();
    let a = upload(runtime, &[2, 2], |i| i as f32);
    let transposed = Layout::new([2, 2].as_slice().into(), [1, 2].as_slice().into(), 0);
    let other = View { storage: Arc::clone(&a.storage), layout: transposed };
    for is_known in [false, true, true] {
        let sum = record(Op::Add, &a, &other);
        let tape = runtime.tape.lock();
        let same = tape.records[0].duplicate();
        drop(tape);
        runtime.flush();
        assert_eq!(runtime.turn().templates.knows_at_once(&same, true), is_known);
        assert_eq!(values(&sum), [0.0, 3.0, 3.0, 6.0]);
    }
}

#[test]
fn one_template_does_for_all_sizes_and_small_ones_need_no_launch() {
    let runtime = runtime();
    for (len, has_launch) in [(1, false), (3, false), (300, false), (1 << 17, true), (7, false)] {
        let [a, b] = [1, 2].map(|k| upload(runtime, &[len], |i| (i * k) as f32));
        let sum = record(Op::Add, &a, &b);
        runtime.flush();
        assert_eq!(ways(runtime), (1, 1, has_launch), "{len}");
        let expected: Vec<f32> = (0..len).map(|i| (i * 3) as f32).collect();
        assert_eq!(values(&sum), expected, "{len}");
    }
    // Another operation is another template; so are two of them, which are one kernel.
    let [a, b] = [1, 2].map(|k| upload(runtime, &[5], |i| (i * k) as f32));
    for _ in 0..3 {
        let product = record(Op::Mul, &a, &b);
        runtime.flush();
        assert_eq!(ways(runtime), (1, 2, false));
        assert_eq!(values(&product), [0.0, 2.0, 8.0, 18.0, 32.0]);
    }
    for _ in 0..3 {
        let product = record(Op::Mul, &a, &b);
        let sum = record(Op::Add, &product, &a);
        runtime.flush();
        assert_eq!(ways(runtime), (1, 3, false));
        assert_eq!(values(&sum), [0.0, 3.0, 10.0, 21.0, 36.0]);
    }
}

#[test]
fn what_walks_has_a_template_from_the_second_time_on() {
    let runtime = runtime();
    let a = upload(runtime, &[2, 3], |i| i as f32);
    let columns = upload(runtime, &[3, 2], |i| (i * 10) as f32);
    let transposed = Layout::new([2, 3].as_slice().into(), [1, 2].as_slice().into(), 0);
    let b = View { storage: Arc::clone(&columns.storage), layout: transposed };
    // A template that is not flat has its own launch.
    for (templates, has_launch) in [(0, true), (1, false), (1, false), (1, false)] {
        let sum = record(Op::Add, &a, &b);
        runtime.flush();
        assert_eq!(ways(runtime), (1, templates, has_launch));
        assert_eq!(values(&sum), [0.0, 21.0, 42.0, 13.0, 34.0, 55.0]);
    }
}

/// Records the sums of the rows of a view, from a number on.
fn sums(a: &View, start: f32) -> View {
    let runtime = a.storage.runtime;
    let shape = a.layout.shape();
    let layout = Layout::contiguous(&[shape[0], 1]).unwrap();
    let out = View { storage: Storage::new(runtime, DType::F32, shape[0]), layout };
    let mut record = Record::new("sum", Location::caller());
    let input = record.input(a);
    record.program.load(input, DType::F32);
    record.add_view(&out);
    record.fold = Some(Box::new(Folding {
        fold: Fold::Op(Op::Add),
        shape: shape.into(),
        identity: start.to_bits().into(),
        dims: [false, true].as_slice().into(),
        scan: false,
        places: Folding::places(&a.layout),
    }));
    runtime.record(record).unwrap();
    out
}

/// How many tapes have a score.
fn scores(runtime: &Runtime) -> usize {
    runtime.turn().scores.count()
}

#[test]
fn a_tape_that_came_before_runs_again_on_other_numbers() {
    let runtime = runtime();
    let b = upload(runtime, &[2, 1], |i| (i + 1) as f32);
    for round in 0..5 {
        let a = upload(runtime, &[2, 3], |i| (i + round) as f32);
        let sum = sums(&a, round as f32);
        let product = record(Op::Mul, &sum, &b);
        drop(sum);
        // Each of 256 lanes begins with the number.
        let first = (3 + (3 + 256) * round) as f32;
        assert_eq!(values(&product), [first, (first + 9.0) * 2.0], "{round}");
        assert_eq!(ways(runtime).0, 2);
        assert_eq!(scores(runtime), usize::from(round > 0));
    }
}

#[test]
fn tapes_that_differ_in_what_is_held_or_shared_or_dead_have_scores_of_their_own() {
    let runtime = runtime();
    let a = upload(runtime, &[2, 3], |i| i as f32);
    let b = upload(runtime, &[2, 1], |i| (i + 1) as f32);
    let turned = Layout::new([2, 3].as_slice().into(), [1, 2].as_slice().into(), 0);
    let turned = View { storage: Arc::clone(&a.storage), layout: turned };
    for _ in 0..4 {
        let sum = sums(&a, 0.0);
        let product = record(Op::Mul, &sum, &b);
        assert_eq!([values(&product), values(&sum)], [[3.0, 24.0], [3.0, 12.0]], "held");
        assert_eq!(ways(runtime).0, 2);
        let product = record(Op::Mul, &sums(&a, 0.0), &b);
        assert_eq!(values(&product), [3.0, 24.0], "not held");
        let sum = sums(&a, 0.0);
        let square = record(Op::Mul, &sum, &sum);
        drop(sum);
        assert_eq!(values(&square), [9.0, 144.0], "shared");
        let product = record(Op::Mul, &sums(&turned, 0.0), &b);
        assert_eq!(values(&product), [6.0, 18.0], "turned");
        ways(runtime);
        let sum = sums(&a, 0.0);
        drop(record(Op::Mul, &sum, &b));
        assert_eq!(values(&sum), [3.0, 12.0], "dead");
        assert_eq!(ways(runtime).0, 1);
    }
    assert_eq!(scores(runtime), 5);
}

#[test]
fn tapes_of_rows_of_one_storage_have_scores_of_their_own() {
    let runtime = runtime();
    let a = upload(runtime, &[5, 3], |i| i as f32);
    let b = upload(runtime, &[1, 1], |_| 2.0);
    for round in 0..4 {
        for row in 0..5 {
            let layout = Layout::new([1, 3].as_slice().into(), [3, 1].as_slice().into(), 3 * row);
            let row_of_a = View { storage: Arc::clone(&a.storage), layout };
            let product = record(Op::Mul, &sums(&row_of_a, 0.0), &b);
            assert_eq!(values(&product), [2.0 * (9 * row + 3) as f32], "{row}");
        }
        assert_eq!(scores(runtime), if round > 0 { 5 } else { 0 });
    }
}

#[test]
fn scores_go_with_the_templates_that_they_name() {
    let runtime = runtime();
    let [a, b] = [2, 1].map(|size| upload(runtime, &[2, size], |i| (i + 1) as f32));
    for round in 0..6 {
        let product = record(Op::Mul, &sums(&a, 0.0), &b);
        assert_eq!(values(&product), [3.0, 14.0], "{round}");
        // A template of more operations than are kept.
        let others: Vec<View> = (0..18 + round).map(|_| record(Op::Add, &b, &b)).collect();
        assert_eq!(values(&others[0]), [2.0, 4.0]);
    }
}
