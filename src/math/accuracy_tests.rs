//! Errors in units in the last place, against the crate `pxfm`.
//!
//! `cargo test --release -- --ignored exhaustive --nocapture` visits all 2^32 inputs of every unary
//! float32 function; the tests that run always visit a spread of them.

use super::*;

/// A function of one float32, what it should be in float64, and its bound.
struct Unary {
    name: &'static str,
    function: fn(f32) -> f32,
    reference: fn(f64) -> f64,
    bound: f64,
}

/// A function of one float64, its reference, and its bound.
struct Double {
    name: &'static str,
    function: fn(f64) -> f64,
    reference: fn(f64) -> f64,
    bound: f64,
}

const UNARY: &[Unary] = &[
    Unary { name: "exp", function: exp::exp, reference: pxfm::f_exp, bound: 1.0 },
    Unary { name: "exp2", function: exp::exp2, reference: pxfm::f_exp2, bound: 1.0 },
    Unary { name: "expm1", function: exp::expm1, reference: pxfm::f_expm1, bound: 1.0 },
    Unary { name: "log", function: log::log, reference: pxfm::f_log, bound: 1.0 },
    Unary { name: "log1p", function: log::log1p, reference: pxfm::f_log1p, bound: 1.0 },
    Unary { name: "log2", function: log::log2, reference: pxfm::f_log2, bound: 1.0 },
    Unary { name: "log10", function: log::log10, reference: pxfm::f_log10, bound: 1.0 },
    // MORE UNARY
];

const DOUBLE: &[Double] = &[
    Double { name: "exp", function: exp::exp, reference: pxfm::f_exp, bound: 2.0 },
    Double { name: "exp2", function: exp::exp2, reference: pxfm::f_exp2, bound: 2.0 },
    Double { name: "expm1", function: exp::expm1, reference: pxfm::f_expm1, bound: 2.0 },
    Double { name: "log", function: log::log, reference: pxfm::f_log, bound: 2.0 },
    Double { name: "log1p", function: log::log1p, reference: pxfm::f_log1p, bound: 2.0 },
    Double { name: "log2", function: log::log2, reference: pxfm::f_log2, bound: 2.0 },
    Double { name: "log10", function: log::log10, reference: pxfm::f_log10, bound: 2.0 },
    // MORE DOUBLE
];

/// The error of `got` in units in the last place of the exact result.
fn error(got: f32, exact: f64) -> f64 {
    let rounded = exact as f32;
    if got.to_bits() == rounded.to_bits() || got.is_nan() && rounded.is_nan() {
        // A zero of the right sign, too.
        return if exact.is_finite() && rounded.is_finite() {
            (f64::from(got) - exact).abs() / unit(exact)
        } else {
            0.0
        };
    }
    if got.is_nan() || rounded.is_nan() || got == 0.0 && rounded == 0.0 {
        return f64::INFINITY;
    }
    let got = if got.is_infinite() { 2f64.powi(128).copysign(got.into()) } else { got.into() };
    let exact = exact.clamp(-(2f64.powi(129)), 2f64.powi(129));
    (got - exact).abs() / unit(exact)
}

/// The spacing of float32 numbers at `exact`.
fn unit(exact: f64) -> f64 {
    let exponent = (exact.to_bits() >> 52 & 0x7ff) as i32 - 1023;
    2f64.powi(exponent.clamp(-126, 127) - 23)
}

/// Steps between two float64 numbers.
fn steps(got: f64, exact: f64) -> f64 {
    if got.is_nan() || exact.is_nan() {
        return if got.is_nan() && exact.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if got == 0.0 && exact == 0.0 && got.is_sign_negative() != exact.is_sign_negative() {
        return f64::INFINITY;
    }
    let order = |v: f64| {
        let bits = v.to_bits() as i64;
        if bits < 0 { i64::MIN.wrapping_sub(bits) } else { bits }
    };
    (i128::from(order(got)) - i128::from(order(exact))).unsigned_abs() as f64
}

/// The worst error over the bit patterns `start, start + stride, ..`, and where.
fn worst(function: &Unary, start: u64, stride: usize) -> (f64, f32) {
    let mut worst = (0.0, 0.0);
    for bits in (start..1 << 32).step_by(stride) {
        let x = f32::from_bits(bits as u32);
        let error = error((function.function)(x), (function.reference)(x.into()));
        if error > worst.0 {
            worst = (error, x);
        }
    }
    worst
}

#[test]
#[ignore = "visits 2^32 inputs of each function, some minutes each"]
fn exhaustive() {
    let only = std::env::var("TAUT_FUNCTION").ok();
    println!("| function | worst error (ULP) | at |\n|---|---|---|");
    for function in UNARY.iter().filter(|f| only.as_deref().is_none_or(|name| name == f.name)) {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let (error, x) = std::thread::scope(|scope| {
            let spawn = |start| scope.spawn(move || worst(function, start as u64, threads));
            let handles: Vec<_> = (0..threads).map(spawn).collect();
            let results = handles.into_iter().map(|handle| handle.join().unwrap());
            results.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap()
        });
        println!("| {} | {error:.4} | {x:e} ({:#010x}) |", function.name, x.to_bits());
        assert!(error <= function.bound, "{} is worse than {}", function.name, function.bound);
    }
}

#[test]
fn unary_f32_functions_keep_their_bounds() {
    // A prime stride, so that all exponents and last bits come by.
    let stride = if cfg!(debug_assertions) { 65_537 } else { 1_021 };
    let mut broken = Vec::new();
    for function in UNARY {
        let (error, x) = worst(function, 0, stride);
        println!("{:9} {error:.4} at {x:e}", function.name);
        if error > function.bound {
            broken.push(function.name);
        }
    }
    assert!(broken.is_empty(), "{broken:?}");
}

#[test]
fn unary_f64_functions_keep_their_bounds() {
    let count = if cfg!(debug_assertions) { 20_000 } else { 1_000_000 };
    let mut broken = Vec::new();
    for function in DOUBLE {
        let mut worst = (0.0, 0.0);
        let mut state = 1u64;
        for index in 0..count {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            // Any bits, and exponents near that of 1.
            let near = state & 0x803f_ffff_ffff_ffff | 0x3fc0_0000_0000_0000;
            let wide = state & 0x80ff_ffff_ffff_ffff | 0x3f80_0000_0000_0000;
            let x = f64::from_bits([state, near, wide][index % 3]);
            let error = steps((function.function)(x), (function.reference)(x));
            if error > worst.0 {
                worst = (error, x);
            }
        }
        for x in [0.0, -0.0, 1.0, -1.0, f64::INFINITY, -f64::INFINITY, f64::NAN, 5e-324, -5e-324] {
            let error = steps((function.function)(x), (function.reference)(x));
            if error > worst.0 {
                worst = (error, x);
            }
        }
        println!("{:9} {} at {:e}", function.name, worst.0, worst.1);
        if worst.0 > function.bound {
            broken.push(function.name);
        }
    }
    assert!(broken.is_empty(), "{broken:?}");
}
