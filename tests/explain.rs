//! What `taut::explain` tells, and that it only tells.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "common/alone.rs"]
mod alone;

use std::sync::MutexGuard;

use taut::{Arg, DType, Device, Result, Tensor, table};

/// The tests of this file share the tape of the CPU; each begins with an empty one.
fn alone() -> MutexGuard<'static, ()> {
    let guard = alone::alone();
    taut::synchronize(Device::Cpu).unwrap();
    guard
}

fn ready(shape: &[usize]) -> Tensor {
    let tensor = taut::ones(shape, Device::Cpu).unwrap();
    tensor.eval().unwrap();
    tensor
}

fn explain(tensor: &Tensor) -> String {
    taut::explain(tensor).to_string()
}

#[test]
fn explain_of_a_chain_is_one_kernel_with_its_expressions() {
    let _alone = alone();
    let (a, b) = (ready(&[4, 8]), ready(&[8]));
    let c = a.add(&b).unwrap().mul(0.5).unwrap();
    let expected = "\
cpu: 2 operations on the tape, 0 dropped as nobody can see what they write; 1 kernel
kernel 1 of 1: add, mul over [4, 8], 160 bytes read, 128 written; writes the tensor
  o0: float32, contiguous, strides [8, 1] from 0, buffer 0, 128 bytes
  o1: float32, strided, strides [0, 1] from 0, buffer 1, 32 bytes
  o2: float32, contiguous, strides [8, 1] from 0, buffer 2, 128 bytes
  v0 = o0: float32
  v1 = o1: float32
  v2 = add(v0, v1): float32
  v3 = 0.5: float32
  v4 = mul(v2, v3): float32
  o2 = v4
  ended: nothing more is on the tape
";
    assert_eq!(explain(&c), expected);
}

#[test]
fn explain_runs_and_drops_nothing() {
    let _alone = alone();
    let a = ready(&[16]);
    let b = a.add(1).unwrap().mul(3).unwrap();
    let before = Device::Cpu.stats().unwrap();
    let first = explain(&b);
    assert_eq!(explain(&b), first);
    assert_eq!(Device::Cpu.stats().unwrap(), before);
    assert_eq!(b.to_vec::<f32>().unwrap(), [6.0; 16]);
    let after = Device::Cpu.stats().unwrap();
    assert_eq!((after.kernels, after.flushes), (before.kernels + 1, before.flushes + 1));
    assert!(explain(&b).contains("Nothing on the tape writes the tensor."), "{}", explain(&b));
}

#[test]
fn explain_counts_what_nobody_can_see() {
    let _alone = alone();
    let a = ready(&[4]);
    drop(a.add(1).unwrap());
    let b = a.mul(2).unwrap();
    assert!(explain(&b).contains("2 operations on the tape, 1 dropped"), "{}", explain(&b));
}

#[test]
fn explain_names_another_iteration_space() {
    let _alone = alone();
    let (a, b) = (ready(&[4]), ready(&[2, 3]));
    let (c, _d) = (a.add(1).unwrap(), b.mul(2).unwrap());
    let text = explain(&c);
    assert!(text.contains("ended: mul (tests/explain.rs:"), "{text}");
    assert!(text.contains("has another iteration space, [2, 3]"), "{text}");
}

#[test]
fn explain_names_both_sides_of_a_hazard() {
    let _alone = alone();
    let a = ready(&[4, 4]);
    a.add_(1).unwrap();
    let b = a.t().unwrap().mul(2).unwrap();
    let text = explain(&b);
    assert!(text.contains("; 2 kernels"), "{text}");
    let hazard = text.lines().find(|line| line.contains("ended: hazard: mul (")).unwrap();
    assert!(hazard.contains("must see all that add ("), "{text}");
}

#[test]
fn explain_of_a_fold_says_what_is_folded() {
    let _alone = alone();
    let a = ready(&[4, 4]);
    let b = a.mul(2).unwrap().sum(1).unwrap();
    let text = explain(&b);
    assert!(text.contains("= fold of v2 by add along [1]"), "{text}");
    assert!(text.contains("ended: a fold ends its kernel"), "{text}");
}

#[test]
fn explain_of_a_check_says_what_is_refused() {
    let _alone = alone();
    let a = taut::tensor([4, 6], ()).unwrap();
    let b = a.add(1).unwrap();
    let c = b.floor_divide(&a).unwrap();
    let text = explain(&c);
    assert!(text.contains("refused where v"), "{text}");
    assert!(text.contains("an operation that checks its data is alone"), "{text}");
}

#[test]
fn explain_of_many_operations_names_the_limits() {
    let _alone = alone();
    // Of small tensors, what is a full kernel runs at once.
    let size = [1 << 15];
    let a = ready(&size);
    let long = (0..100).fold(a.alias(), |t, _| t.add(1).unwrap());
    assert!(explain(&long).contains("as many operations as a kernel may"), "{}", explain(&long));
    drop(long);
    taut::synchronize(Device::Cpu).unwrap();
    let others: Vec<Tensor> = (0..70).map(|_| ready(&size)).collect();
    let wide = others.iter().fold(a, |t, other| t.add(other).unwrap());
    assert!(explain(&wide).contains("would bind too many buffers"), "{}", explain(&wide));
}

#[test]
fn explain_of_compiled_kernels_names_canonical_cuts() {
    for info in Device::all().into_iter().filter(|info| info.device != Device::Cpu) {
        let a = taut::ones([4], (DType::F32, info.device)).unwrap();
        a.eval().unwrap();
        let b = (0..13).fold(a.alias(), |t, _| t.add(1).unwrap());
        let text = explain(&b);
        assert!(text.contains("; 2 kernels"), "{text}");
        assert!(text.contains("cut at a canonical size"), "{text}");
    }
}

#[test]
fn kernels_of_transposed_tensors_go_as_their_memory_does() {
    let _alone = alone();
    let (a, b) = (ready(&[4, 8]).t().unwrap(), ready(&[4, 8]).t().unwrap());
    let sum = explain(&a.add(&b).unwrap());
    assert!(sum.contains("add over [32]"), "{sum}");
    assert_eq!(sum.matches("contiguous, strides [1] from 0").count(), 3, "{sum}");
    let rows = explain(&a.sum(0).unwrap());
    assert!(rows.contains("o0: float32, contiguous, strides [8, 1] from 0"), "{rows}");
    // A target in the other order is what is not strided.
    let c = ready(&[8, 4]);
    c.copy_(&a.add(&b).unwrap()).unwrap();
    let copied = explain(&c);
    assert!(copied.contains("contiguous, strides [4, 1] from 0"), "{copied}");
}

/// Tensors that are alike are recorded the short way, views into others are not: both are the same kernel.
#[test]
fn operations_recorded_the_short_way_are_those_recorded_the_long_way() {
    let _alone = alone();
    let unary = ["neg", "exp", "relu", "abs", "logical_not", "isnan", "bitwise_not", "sqrt"];
    let binary = ["maximum", "eq", "lt", "atan2", "bitwise_and", "logical_xor"];
    let arithmetic = |name, a: Arg<'_>, b: Arg<'_>| match name {
        "add" => taut::add(a, b),
        "sub" => taut::sub(a, b),
        "mul" => taut::mul(a, b),
        _ => taut::div(a, b),
    };
    let number = || Arg::from(3);
    let mut compared = 0;
    for dtype in [DType::F32, DType::F64, DType::F16, DType::I32, DType::U8, DType::Bool] {
        let ones = |size| {
            let tensor = taut::ones([size], dtype).unwrap();
            tensor.eval().unwrap();
            tensor
        };
        let short = [ones(6), ones(6)];
        let long = [ones(8), ones(8)].map(|tensor| tensor.i(2..).unwrap());
        let mut same = |what: &str, make: &dyn Fn(&[Tensor; 2]) -> Option<Result<Tensor>>| {
            let [short, long] = [&short, &long].map(|tensors| {
                let made = make(tensors)?.map_err(|error| error.to_string());
                let text = made.map(|tensor| explain(&tensor).replace(" from 2,", " from 0,"));
                taut::synchronize(Device::Cpu).unwrap();
                Some(text)
            });
            assert_eq!(short, long, "{what} of {dtype}");
            compared += usize::from(matches!(short, Some(Ok(_))));
        };
        for name in unary {
            same(name, &|[a, _]| table::call(name, &[a.into()]));
            same(name, &|[a, _]| Some(table::call_in_place(name, a, &[])?.map(|()| a.alias())));
        }
        for name in binary {
            same(name, &|[a, b]| table::call(name, &[a.into(), b.into()]));
            same(name, &|[a, _]| table::call(name, &[a.into(), a.into()]));
            same(name, &|[a, _]| table::call(name, &[a.into(), number()]));
            same(name, &|[a, _]| table::call(name, &[number(), a.into()]));
            let onto = |a: &Tensor, b: Arg<'_>| {
                Some(table::call_in_place(name, a, &[b])?.map(|()| a.alias()))
            };
            same(name, &|[a, b]| onto(a, b.into()));
            same(name, &|[a, _]| onto(a, number()));
        }
        for name in ["add", "sub", "mul", "div"] {
            same(name, &|[a, b]| Some(arithmetic(name, a.into(), b.into())));
            same(name, &|[a, _]| Some(arithmetic(name, a.into(), a.into())));
            same(name, &|[a, _]| Some(arithmetic(name, a.into(), number())));
            same(name, &|[a, _]| Some(arithmetic(name, number(), a.into())));
        }
    }
    assert!(compared > 200, "{compared}");
}
