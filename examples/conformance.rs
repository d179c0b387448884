//! Does this machine keep the promise of one answer everywhere?
//!
//! For every GPU adapter: each promise, kept or not, with the number of inputs tried and the first
//! mismatch. The exit status is 1 where one is broken. Run this first on a GPU that nobody has tried.
//!
//! ```text
//! cargo run --release --example conformance [-- gpu:1]
//! ```

#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::process::ExitCode;

use anyhow::Result;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use taut::{DType, Device, Generator, Rounding, Tensor, table};

/// Random inputs of each trial, beside the special values.
const INPUTS: usize = 1 << 18;

/// What was found of one promise.
struct Outcome {
    promise: &'static str,
    tried: usize,
    mismatch: Option<String>,
}

/// Inputs of every kind, the same for every device.
struct Inputs {
    f32: [Vec<f32>; 2],
    f64: [Vec<f64>; 2],
    i32: [Vec<i32>; 2],
    i64: [Vec<i64>; 2],
    subnormal: [Vec<f32>; 2],
}

fn main() -> Result<ExitCode> {
    let only = std::env::args().nth(1);
    let inputs = Inputs::new();
    let mut broken = false;
    let mut adapters = 0;
    for info in Device::all() {
        let name = info.device.to_string();
        if info.device == Device::Cpu || only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        adapters += 1;
        println!("{name}: {} ({}, {})", info.name, info.api, info.driver);
        for outcome in inputs.check(info.device) {
            let Outcome { promise, tried, mismatch } = outcome;
            let verdict = if mismatch.is_none() { "kept" } else { "BROKEN" };
            println!("  {promise:<44} {verdict:<7} {tried:>10} inputs");
            if let Some(mismatch) = mismatch {
                broken = true;
                println!("      {mismatch}");
            }
        }
    }
    if adapters == 0 {
        println!("no GPU adapter found: nothing to check");
    }
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Inputs {
    fn new() -> Self {
        let mut rng = StdRng::seed_from_u64(1);
        let special32 = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            f32::MIN_POSITIVE,
            f32::MAX,
            f32::MIN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::NAN,
            0.1,
            1.5,
            2.5,
            8_388_608.0,
            16_777_217.0,
            3.5e9,
            -129.0,
        ];
        let special64 = special32.map(f64::from);
        let integers = [0, 1, -1, i64::MIN, i64::MAX, 1 << 24, (1 << 24) + 1, (1 << 53) + 1, 255];
        let mut floats = |k: usize| {
            let special = pairs(&special32, k);
            let random = (0..INPUTS).map(|_| f32::from_bits(rng.random()));
            special.into_iter().chain(random).collect::<Vec<f32>>()
        };
        let f32 = [floats(0), floats(1)];
        let mut doubles = |k: usize| {
            let special = pairs(&special64, k);
            let random = (0..INPUTS).map(|_| f64::from_bits(rng.random()));
            special.into_iter().chain(random).collect::<Vec<f64>>()
        };
        let f64 = [doubles(0), doubles(1)];
        let mut longs = |k: usize| {
            let special = pairs(&integers, k);
            // Of every magnitude, and never a zero divisor.
            let random = (0..INPUTS).map(|_| rng.random::<i64>() >> rng.random_range(0..63));
            let nonzero = |v: i64| if k == 1 && v == 0 { 3 } else { v };
            special.into_iter().chain(random).map(nonzero).collect::<Vec<i64>>()
        };
        let i64 = [longs(0), longs(1)];
        let i32 = i64.each_ref().map(|v| {
            let narrow = v.iter().map(|&v| if v as i32 == 0 { 7 } else { v as i32 });
            narrow.collect()
        });
        let subnormal = [0, 1].map(|_| {
            let small = (0..INPUTS).map(|_| f32::from_bits(rng.random::<u32>() & 0x81ff_ffff));
            small.collect()
        });
        Self { f32, f64, i32, i64, subnormal }
    }

    fn check(&self, device: Device) -> Vec<Outcome> {
        let [x, y] = &self.f32;
        let mut outcomes = vec![
            both(device, "no contraction: x * y + x rounds twice", x.len(), |d| {
                on(d, x)?.mul(&on(d, y)?)?.add(&on(d, x)?)
            }),
            both(device, "no reassociation: (x + y) - y as written", x.len(), |d| {
                on(d, x)?.add(&on(d, y)?)?.sub(&on(d, y)?)
            }),
            both(device, "x - x is NaN for NaN and infinity", x.len(), |d| {
                on(d, x)?.sub(&on(d, x)?)
            }),
            both(device, "add f32", x.len(), |d| on(d, x)?.add(&on(d, y)?)),
            both(device, "mul f32", x.len(), |d| on(d, x)?.mul(&on(d, y)?)),
            both(device, "div f32, correctly rounded", x.len(), |d| on(d, x)?.div(&on(d, y)?)),
            both(device, "sqrt f32, correctly rounded", x.len(), |d| on(d, x)?.sqrt()),
            both(device, "remainder f32, exact", x.len(), |d| on(d, x)?.remainder(&on(d, y)?)),
            both(device, "maximum f32 with NaN and zeros", x.len(), |d| {
                on(d, x)?.maximum(&on(d, y)?)
            }),
            both(device, "comparison with NaN", x.len(), |d| on(d, x)?.lt(&on(d, y)?)),
        ];
        let [u, v] = &self.subnormal;
        for (promise, op) in [
            ("subnormals: add", (|a, b| a.add(b)) as fn(&Tensor, &Tensor) -> taut::Result<Tensor>),
            ("subnormals: mul", |a, b| a.mul(b)),
            ("subnormals: div", |a, b| a.div(b)),
        ] {
            outcomes.push(both(device, promise, u.len(), |d| op(&on(d, u)?, &on(d, v)?)));
        }
        for (promise, dtype) in [
            ("f32 -> float16", DType::F16),
            ("f32 -> bfloat16", DType::BF16),
            ("f32 -> int32, saturating", DType::I32),
            ("f32 -> uint8", DType::U8),
        ] {
            outcomes.push(both(device, promise, x.len(), |d| on(d, x)?.to(dtype)));
        }
        let [i, j] = &self.i32;
        outcomes.push(both(device, "int32 -> f32", i.len(), |d| on(d, i)?.to(DType::F32)));
        outcomes.push(both(device, "int32 arithmetic wraps", i.len(), |d| {
            on(d, i)?.mul(&on(d, j)?)?.add(&on(d, j)?)
        }));
        outcomes.push(both(device, "int32 floor division", i.len(), |d| {
            on(d, i)?.div_mode(&on(d, j)?, Rounding::Floor)
        }));
        for dtype in [DType::F16, DType::BF16] {
            let promise = if dtype == DType::F16 { "float16 chain" } else { "bfloat16 chain" };
            outcomes.push(both(device, promise, x.len(), |d| {
                let (x, y) = (on(d, x)?.to(dtype)?, on(d, y)?.to(dtype)?);
                x.mul(&y)?.add(&x)?.div(&y)
            }));
        }
        for name in FUNCTIONS {
            outcomes.push(both(device, name, x.len(), |d| call(name, &[&on(d, x)?])));
        }
        for name in ["pow", "atan2"] {
            outcomes.push(both(device, name, x.len(), |d| {
                if name == "pow" { on(d, x)?.pow(&on(d, y)?) } else { on(d, x)?.atan2(&on(d, y)?) }
            }));
        }
        outcomes.push(both(device, "sum f32 over all, one tree", x.len(), |d| {
            finite(&on(d, x)?)?.sum(())
        }));
        outcomes.push(both(device, "sum f32 over rows, one tree", x.len(), |d| {
            finite(&on(d, &x[..INPUTS])?)?.view([512, -1])?.sum(0)
        }));
        outcomes.push(both(device, "cumsum f32", x.len(), |d| finite(&on(d, x)?)?.cumsum(0)));
        outcomes.push(both(device, "rand: one stream", INPUTS, |d| {
            Generator::new(5).rand([INPUTS], d)
        }));
        outcomes.push(both(device, "randn: one stream", INPUTS, |d| {
            Generator::new(5).randn([INPUTS], d)
        }));
        if device.supports(DType::I64) {
            let [i, j] = &self.i64;
            outcomes.push(both(device, "int64 -> f32", i.len(), |d| on(d, i)?.to(DType::F32)));
            outcomes.push(both(device, "int64 floor division", i.len(), |d| {
                on(d, i)?.div_mode(&on(d, j)?, Rounding::Floor)
            }));
            outcomes.push(both(device, "f32 -> int64, saturating", x.len(), |d| {
                on(d, x)?.to(DType::I64)
            }));
        }
        if device.supports(DType::F64) {
            let [a, b] = &self.f64;
            outcomes.push(both(device, "f64 -> f32", a.len(), |d| on(d, a)?.to(DType::F32)));
            outcomes.push(both(device, "f64 (x + y) - y", a.len(), |d| {
                on(d, a)?.add(&on(d, b)?)?.sub(&on(d, b)?)
            }));
            outcomes.push(both(device, "f64 x * y + x", a.len(), |d| {
                on(d, a)?.mul(&on(d, b)?)?.add(&on(d, a)?)
            }));
            outcomes.push(both(device, "div f64", a.len(), |d| on(d, a)?.div(&on(d, b)?)));
            outcomes.push(both(device, "sqrt f64", a.len(), |d| on(d, a)?.sqrt()));
            outcomes.push(both(device, "exp f64", a.len(), |d| on(d, a)?.exp()));
            outcomes.push(both(device, "sin f64", a.len(), |d| on(d, a)?.sin()));
            outcomes.push(both(device, "log f64", a.len(), |d| on(d, a)?.log()));
        }
        outcomes
    }
}

/// Mathematical functions of one float.
const FUNCTIONS: [&str; 24] = [
    "exp",
    "exp2",
    "expm1",
    "log",
    "log1p",
    "log2",
    "log10",
    "rsqrt",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "sigmoid",
    "erf",
    "gelu",
    "silu",
    "softplus",
    "round",
    "reciprocal",
];

/// The values of one side of all pairs.
fn pairs<T: Copy>(values: &[T], side: usize) -> Vec<T> {
    let n = values.len();
    (0..n * n).map(|k| values[if side == 0 { k / n } else { k % n }]).collect()
}

fn on<T: taut::Element>(device: Device, values: &[T]) -> taut::Result<Tensor> {
    taut::from_slice(values, [values.len()], device)
}

fn call(name: &str, args: &[&Tensor]) -> taut::Result<Tensor> {
    let args: Vec<taut::Arg<'_>> = args.iter().map(|&tensor| tensor.into()).collect();
    table::call(name, &args).unwrap_or_else(|| panic!("no row is called {name}"))
}

/// The tensor with what is not finite, or huge, replaced by zero.
fn finite(x: &Tensor) -> taut::Result<Tensor> {
    x.abs()?.lt(1e30)?.where_cond(x, 0)
}

/// Runs a program on the CPU and on the device and compares bits; any NaN is any other.
fn both(
    device: Device,
    promise: &'static str,
    tried: usize,
    program: impl Fn(Device) -> taut::Result<Tensor>,
) -> Outcome {
    let run = |device| -> taut::Result<Tensor> { program(device)?.cpu() };
    let mismatch = match (run(Device::Cpu), run(device)) {
        (Ok(expected), Ok(got)) => first_difference(&expected, &got),
        (Err(error), _) => Some(format!("on the CPU: {error}")),
        (_, Err(error)) => Some(error.to_string()),
    };
    Outcome { promise, tried, mismatch }
}

fn first_difference(expected: &Tensor, got: &Tensor) -> Option<String> {
    let difference = || -> taut::Result<Option<String>> {
        // Floats of every dtype widen to float64 without loss, and a zero keeps its sign.
        let (a, b) = if expected.dtype().is_floating_point() {
            (expected.to(DType::F64)?.to_vec::<f64>()?, got.to(DType::F64)?.to_vec::<f64>()?)
        } else {
            let of = |t: &Tensor| t.to(DType::I64)?.to_vec::<i64>();
            let bits = |v: Vec<i64>| v.into_iter().map(|v| f64::from_bits(v as u64)).collect();
            let (a, b): (Vec<i64>, Vec<i64>) = (of(expected)?, of(got)?);
            let position = a.iter().zip(&b).position(|(a, b)| a != b);
            if let Some(i) = position {
                return Ok(Some(format!("element {i}: {} instead of {}", b[i], a[i])));
            }
            (bits(a), bits(b))
        };
        let differs =
            |(a, b): (&f64, &f64)| a.to_bits() != b.to_bits() && !(a.is_nan() && b.is_nan());
        Ok(a.iter()
            .zip(&b)
            .position(differs)
            .map(|i| format!("element {i}: {:e} instead of {:e}", b[i], a[i])))
    };
    difference().unwrap_or_else(|error| Some(error.to_string()))
}
