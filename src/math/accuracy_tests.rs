//! Errors in units in the last place, against the crate `pxfm`.
//!
//! `cargo test --release -- --ignored exhaustive --nocapture` visits all 2^32 inputs of every unary
//! float32 function; `TAUT_FUNCTION=sin` picks one, `TAUT_STRIDE=31` visits every 31st input. The tests
//! that run always visit a spread of them.

use super::*;

/// A function of one float32, what it should be, and its bound.
struct Unary {
    name: &'static str,
    function: fn(f32) -> f32,
    /// Correctly rounded: where that is what came out, the error is half a unit at most and need not be
    /// known any closer, which makes the long run some times shorter.
    rounded: Option<fn(f32) -> f32>,
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
    unary("exp", exp::exp, Some(pxfm::f_expf), pxfm::f_exp, 1.0),
    unary("exp2", exp::exp2, Some(pxfm::f_exp2f), pxfm::f_exp2, 1.0),
    unary("expm1", exp::expm1, Some(pxfm::f_expm1f), pxfm::f_expm1, 1.0),
    unary("log", log::log, Some(pxfm::f_logf), pxfm::f_log, 1.0),
    unary("log1p", log::log1p, Some(pxfm::f_log1pf), pxfm::f_log1p, 1.0),
    unary("log2", log::log2, Some(pxfm::f_log2f), pxfm::f_log2, 1.0),
    unary("log10", log::log10, Some(pxfm::f_log10f), pxfm::f_log10, 1.0),
    unary("sinh", hyperbolic::sinh, Some(pxfm::f_sinhf), reference_sinh, 1.0),
    unary("cosh", hyperbolic::cosh, Some(pxfm::f_coshf), pxfm::f_cosh, 1.0),
    unary("tanh", hyperbolic::tanh, Some(pxfm::f_tanhf), pxfm::f_tanh, 1.0),
    unary("sigmoid", hyperbolic::sigmoid, None, reference_sigmoid, 1.0),
    unary("silu", hyperbolic::silu, None, reference_silu, 1.0),
    unary("softplus", hyperbolic::softplus, None, reference_softplus, 1.0),
    unary("rsqrt", power::rsqrt, Some(pxfm::f_rsqrtf), pxfm::f_rsqrt, 1.0),
    unary("sin", trig::sin, Some(pxfm::f_sinf), pxfm::f_sin, 1.0),
    unary("cos", trig::cos, Some(pxfm::f_cosf), pxfm::f_cos, 1.0),
    unary("tan", trig::tan, Some(pxfm::f_tanf), pxfm::f_tan, 1.0),
    unary("asin", inverse_trig::asin, Some(pxfm::f_asinf), pxfm::f_asin, 1.0),
    unary("acos", inverse_trig::acos, Some(pxfm::f_acosf), pxfm::f_acos, 1.0),
    unary("atan", inverse_trig::atan, Some(pxfm::f_atanf), pxfm::f_atan, 1.0),
    unary("erf", erf::erf, Some(pxfm::f_erff), pxfm::f_erf, 1.0),
    unary("gelu", erf::gelu, None, reference_gelu, 1.0),
];

const fn unary(
    name: &'static str,
    function: fn(f32) -> f32,
    rounded: Option<fn(f32) -> f32>,
    reference: fn(f64) -> f64,
    bound: f64,
) -> Unary {
    Unary { name, function, rounded, reference, bound }
}

const DOUBLE: &[Double] = &[
    Double { name: "exp", function: exp::exp, reference: pxfm::f_exp, bound: 2.0 },
    Double { name: "exp2", function: exp::exp2, reference: pxfm::f_exp2, bound: 2.0 },
    Double { name: "expm1", function: exp::expm1, reference: pxfm::f_expm1, bound: 2.0 },
    Double { name: "log", function: log::log, reference: pxfm::f_log, bound: 2.0 },
    Double { name: "log1p", function: log::log1p, reference: pxfm::f_log1p, bound: 2.0 },
    Double { name: "log2", function: log::log2, reference: pxfm::f_log2, bound: 2.0 },
    Double { name: "log10", function: log::log10, reference: pxfm::f_log10, bound: 2.0 },
    Double { name: "sinh", function: hyperbolic::sinh, reference: reference_sinh, bound: 2.0 },
    Double { name: "cosh", function: hyperbolic::cosh, reference: pxfm::f_cosh, bound: 2.0 },
    Double { name: "tanh", function: hyperbolic::tanh, reference: pxfm::f_tanh, bound: 2.0 },
    Double {
        name: "sigmoid",
        function: hyperbolic::sigmoid,
        reference: reference_sigmoid,
        bound: 2.0,
    },
    Double { name: "silu", function: hyperbolic::silu, reference: reference_silu, bound: 2.0 },
    Double {
        name: "softplus",
        function: hyperbolic::softplus,
        reference: reference_softplus,
        bound: 2.0,
    },
    Double { name: "rsqrt", function: power::rsqrt, reference: pxfm::f_rsqrt, bound: 2.0 },
    Double { name: "sin", function: trig::sin, reference: pxfm::f_sin, bound: 2.0 },
    Double { name: "cos", function: trig::cos, reference: pxfm::f_cos, bound: 2.0 },
    Double { name: "tan", function: trig::tan, reference: pxfm::f_tan, bound: 2.0 },
    Double { name: "asin", function: inverse_trig::asin, reference: pxfm::f_asin, bound: 2.0 },
    Double { name: "acos", function: inverse_trig::acos, reference: pxfm::f_acos, bound: 2.0 },
    Double { name: "atan", function: inverse_trig::atan, reference: pxfm::f_atan, bound: 2.0 },
    Double { name: "erf", function: erf::erf, reference: pxfm::f_erf, bound: 2.0 },
];

// Where pxfm itself does not give C99's special values.

fn reference_sinh(x: f64) -> f64 {
    if x == 0.0 { x } else { pxfm::f_sinh(x) }
}

fn reference_pow(x: f64, y: f64) -> f64 {
    if x == 1.0 || y == 0.0 { 1.0 } else { pxfm::f_pow(x, y) }
}

/// `(high + low) / (1 + a)` for `a` of [0, 1] with hardly more error than that of the last rounding.
fn over_one_and(a: f64, high: f64, low: f64) -> f64 {
    let sum = 1.0 + a;
    let lost = a - (sum - 1.0);
    let quotient = high / sum;
    let rest = (-quotient).mul_add(sum, high) + low - quotient * lost;
    // A zero keeps its sign and an infinity stays one.
    if rest.is_finite() && rest != 0.0 { quotient + rest / sum } else { quotient }
}

fn reference_sigmoid(x: f64) -> f64 {
    let a = pxfm::f_exp(-x.abs());
    over_one_and(a, if x < 0.0 { a } else { 1.0 }, 0.0)
}

fn reference_silu(x: f64) -> f64 {
    if x < -700.0 && x.is_finite() {
        // Half the exponential at a time: it underflows before its product with x does.
        let root = pxfm::f_exp(x / 2.0);
        return (x * root) * root;
    }
    let a = pxfm::f_exp(-x.abs());
    if x < 0.0 { over_one_and(a, x * a, x.mul_add(a, -(x * a))) } else { over_one_and(a, x, 0.0) }
}

fn reference_gelu(x: f64) -> f64 {
    let tail = pxfm::f_erfc(x.abs() * core::f64::consts::FRAC_1_SQRT_2);
    if x == f64::INFINITY {
        return x;
    }
    if x > 0.0 { x - 0.5 * x * tail } else { 0.5 * x * tail }
}

fn reference_softplus(x: f64) -> f64 {
    if x > 20.0 { x } else { pxfm::f_log1p(pxfm::f_exp(x)) }
}

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
    let special =
        [0, 0x8000_0000, 1, 0x8000_0001, 0x7f7f_ffff, 0xff7f_ffff, 0x7f80_0000, 0xff80_0000];
    for bits in (start..1 << 32).step_by(stride).chain(special) {
        let x = f32::from_bits(bits as u32);
        let got = (function.function)(x);
        if worst.0 > 0.5 && function.rounded.is_some_and(|f| f(x).to_bits() == got.to_bits()) {
            continue;
        }
        let error = error(got, (function.reference)(x.into()));
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
    let stride: usize = std::env::var("TAUT_STRIDE").map_or(1, |stride| stride.parse().unwrap());
    println!("| function | worst error (ULP) | at |\n|---|---|---|");
    for function in UNARY.iter().filter(|f| only.as_deref().is_none_or(|name| name == f.name)) {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let (error, x) = std::thread::scope(|scope| {
            let spawn = |start| {
                scope.spawn(move || worst(function, (start * stride) as u64, threads * stride))
            };
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

/// The worst error of a function of two, over pairs drawn near 1 and from all bits.
fn worst_pair(function: fn(f32, f32) -> f32, reference: fn(f64, f64) -> f64) -> (f64, f32, f32) {
    let mut worst = (0.0, 0.0, 0.0);
    let special = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.0, 3.0, -3.0, 1e-45, 3e38, -3e38];
    let mut visit = |x: f32, y: f32| {
        let error = error(function(x, y), reference(x.into(), y.into()));
        if error > worst.0 {
            worst = (error, x, y);
        }
    };
    let limits = [f32::INFINITY, -f32::INFINITY, f32::NAN];
    for x in special.into_iter().chain(limits) {
        for y in special.into_iter().chain(limits) {
            visit(x, y);
        }
    }
    let mut state = 1u64;
    let count = if cfg!(debug_assertions) { 50_000 } else { 4_000_000 };
    for index in 0..count {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (x, y) = ((state >> 32) as u32, state as u32 ^ (state >> 17) as u32);
        let near = |bits: u32| f32::from_bits(bits & 0x83ff_ffff | 0x3c00_0000);
        match index % 3 {
            0 => visit(f32::from_bits(x), f32::from_bits(y)),
            1 => visit(near(x), near(y)),
            _ => visit(near(x).abs(), near(y) * 30.0),
        }
    }
    worst
}

#[test]
fn binary_f32_functions_keep_their_bounds() {
    type Case = (&'static str, fn(f32, f32) -> f32, fn(f64, f64) -> f64, f64);
    let cases: &[Case] = &[
        ("pow", power::pow, reference_pow, 1.0),
        ("hypot", power::hypot, pxfm::f_hypot, 1.0),
        ("atan2", inverse_trig::atan2, pxfm::f_atan2, 1.0),
    ];
    for &(name, function, reference, bound) in cases {
        let (error, x, y) = worst_pair(function, reference);
        println!("{name:9} {error:.4} at {x:e}, {y:e}");
        assert!(error <= bound, "{name}");
    }
}

#[test]
fn gelu_of_f64_keeps_its_bound_in_the_tail() {
    // Computed with 300 bits: the argument of erfc must not be rounded first.
    let values = [
        (-37.5, -1.7270073785932332e-306),
        (-33.50549119943473, -6.71638586849921e-245),
        (-12.0, -2.1317785344932147e-32),
        (-5.72, -3.0465879212085483e-08),
        (-1.5, -0.1002108019032871),
        (-1.0, -0.15865525393145705),
        (-0.3, -0.1146265733433142),
        (0.7, 0.5306254434438489),
        (2.25, 2.2224949365261493),
        (6.0, 5.999999994080474),
    ];
    for (x, exact) in values {
        let error = steps(erf::gelu(x), exact);
        assert!(error <= 2.0, "gelu({x}) is {error} steps off");
    }
}

#[test]
fn binary_f64_functions_keep_their_bounds() {
    type Case = (&'static str, fn(f64, f64) -> f64, fn(f64, f64) -> f64);
    let cases: &[Case] = &[
        ("pow", power::pow, reference_pow),
        ("hypot", power::hypot, pxfm::f_hypot),
        ("atan2", inverse_trig::atan2, |y, x| pxfm::f_atan2(y, x).copysign(y)),
    ];
    let count = if cfg!(debug_assertions) { 20_000 } else { 1_000_000 };
    for &(name, function, reference) in cases {
        let mut worst = (0.0, 0.0, 0.0);
        let mut state = 1u64;
        for index in 0..count {
            let mut next = || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                state ^ state >> 29
            };
            let near =
                |bits: u64| f64::from_bits(bits & 0x803f_ffff_ffff_ffff | 0x3fc0_0000_0000_0000);
            let (x, y) = (next(), next());
            let (x, y) = match index % 3 {
                0 => (f64::from_bits(x), f64::from_bits(y)),
                1 => (near(x), near(y)),
                _ => (near(x).abs(), near(y) * 200.0),
            };
            let error = steps(function(x, y), reference(x, y));
            if error > worst.0 {
                worst = (error, x, y);
            }
        }
        println!("{name:9} {} at {:e}, {:e}", worst.0, worst.1, worst.2);
        assert!(worst.0 <= 2.0, "{name}");
    }
}
