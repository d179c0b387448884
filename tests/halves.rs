//! Float16 and bfloat16: every function over all its inputs, and the four operations over hard pairs,
//! give what float32 gives, rounded once. The same bits on every device.
#![allow(clippy::unwrap_used, reason = "a test, outside of its functions")]

mod common;

use half::{bf16, f16};
use taut::{Device, Element, Result, Tensor};

/// What a test asks of a half dtype.
trait Half: Element + PartialEq {
    const MANTISSA_BITS: u16;

    fn of_bits(bits: u16) -> Self;
    /// Its bits, every NaN the same.
    fn bits(self) -> u16;
    fn widened(self) -> f32;
    fn rounded(value: f32) -> Self;
}

macro_rules! half {
    ($half:ident $mantissa_bits:literal) => {
        impl Half for $half {
            const MANTISSA_BITS: u16 = $mantissa_bits;

            fn of_bits(bits: u16) -> Self {
                Self::from_bits(bits)
            }

            fn bits(self) -> u16 {
                if self.is_nan() { Self::NAN.to_bits() } else { self.to_bits() }
            }

            fn widened(self) -> f32 {
                self.to_f32()
            }

            fn rounded(value: f32) -> Self {
                Self::from_f32(value)
            }
        }
    };
}

half!(f16 10);
half!(bf16 7);

type Unary = fn(&Tensor) -> Result<Tensor>;

macro_rules! functions {
    ($($name:ident)*) => {
        [$((stringify!($name), (|x| x.$name()) as Unary)),*]
    };
}

#[rustfmt::skip]
const FUNCTIONS: [(&str, Unary); 34] = functions! {
    neg reciprocal sqrt rsqrt square abs sign relu
    floor ceil trunc round frac
    exp exp2 expm1 log log1p log2 log10
    sin cos tan asin acos atan sinh cosh tanh
    sigmoid silu softplus erf gelu
};

/// The devices that have the dtype.
fn devices<H: Half>() -> Vec<Device> {
    common::devices().into_iter().filter(|device| device.supports(H::DTYPE)).collect()
}

/// The first places where two results differ, up to eight of them.
fn differences<H: Half>(found: &[H], expected: &[H], show: impl Fn(usize) -> String) -> String {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected).enumerate();
    let wrong = pairs.filter(|(_, (found, expected))| found.bits() != expected.bits());
    let lines = wrong.take(8).map(|(k, (found, expected))| {
        let (found, expected) = (found.bits(), expected.bits());
        format!("\n    {}: {found:#06x}, expected {expected:#06x}", show(k))
    });
    lines.collect()
}

fn check_functions<H: Half>() {
    let inputs: Vec<H> = (0..=u16::MAX).map(H::of_bits).collect();
    let wide: Vec<f32> = inputs.iter().map(|x| x.widened()).collect();
    let wide = taut::from_slice(&wide, [wide.len()], Device::Cpu).unwrap();
    let devices = devices::<H>();
    assert!(devices.contains(&Device::Cpu));
    let mut report = String::new();
    for (name, function) in FUNCTIONS {
        // Rounded here, by another's code, and not by the conversion of the library.
        let exact: Vec<f32> = function(&wide).unwrap().to_vec().unwrap();
        let expected: Vec<H> = exact.into_iter().map(H::rounded).collect();
        for &device in &devices {
            let x = taut::from_slice(&inputs, [inputs.len()], device).unwrap();
            let found: Vec<H> = function(&x).unwrap().to_vec().unwrap();
            let show = |k: usize| format!("{device}: {name}({k:#06x})");
            report += &differences(&found, &expected, show);
        }
    }
    assert!(report.is_empty(), "{}:{report}", H::DTYPE);
}

#[test]
fn functions_of_every_float16_are_those_of_float32_rounded_once() {
    check_functions::<f16>();
}

#[test]
fn functions_of_every_bfloat16_are_those_of_float32_rounded_once() {
    check_functions::<bf16>();
}

/// Zeros, subnormals, powers of two with their neighbours, odd significands, the largest, infinity, NaN;
/// of both signs.
fn hard_values<H: Half>() -> Vec<H> {
    let implicit = 1 << H::MANTISSA_BITS;
    let infinity = 0x7fff & !(implicit - 1);
    let mut bits: Vec<u16> = (0..16).collect();
    // Around the smallest normal, one, and the limits; odd significands round to ties.
    let one = H::rounded(1.0).bits();
    for around in [implicit / 2, implicit, 2 * implicit, one, one + implicit, infinity - implicit] {
        bits.extend(around - 12..=around + 12);
    }
    bits.extend(infinity - 16..infinity);
    // Powers of two with a step that reaches every part of the range.
    let step = usize::from(implicit) * (usize::from(infinity / implicit) / 30).max(1);
    for power in (0..infinity).step_by(step) {
        let odd = [power + 1, power + implicit / 2 + 1, power + implicit - 1];
        bits.extend([power].into_iter().chain(odd));
    }
    bits.extend([infinity, infinity + 1, infinity | (implicit / 2)]);
    bits.sort_unstable();
    bits.dedup();
    let negative = bits.iter().map(|&bits| bits | 0x8000);
    bits.iter().copied().chain(negative).map(H::of_bits).collect()
}

type Binary = fn(&Tensor, &Tensor) -> Result<Tensor>;
type Exact = fn(f32, f32) -> f32;

fn check_operations<H: Half>() {
    let values = hard_values::<H>();
    let len = values.len();
    assert!((500..800).contains(&len), "{len} values");
    let operations: [(&str, Binary, Exact); 4] = [
        ("+", |a, b| a.add(b), |a, b| a + b),
        ("-", |a, b| a.sub(b), |a, b| a - b),
        ("*", |a, b| a.mul(b), |a, b| a * b),
        ("/", |a, b| a.div(b), |a, b| a / b),
    ];
    let mut report = String::new();
    for (name, operation, exact) in operations {
        let expected: Vec<H> = values
            .iter()
            .flat_map(|&a| values.iter().map(move |&b| (a.widened(), b.widened())))
            .map(|(a, b)| H::rounded(exact(a, b)))
            .collect();
        for device in devices::<H>() {
            let rows = taut::from_slice(&values, [len, 1], device).unwrap();
            let columns = taut::from_slice(&values, [1, len], device).unwrap();
            let found: Vec<H> = operation(&rows, &columns).unwrap().to_vec().unwrap();
            let show = |k: usize| {
                let (a, b) = (values[k / len].bits(), values[k % len].bits());
                format!("{device}: {a:#06x} {name} {b:#06x}")
            };
            report += &differences(&found, &expected, show);
        }
    }
    assert!(report.is_empty(), "{}:{report}", H::DTYPE);
}

#[test]
fn operations_of_hard_float16_pairs_are_those_of_float32_rounded_once() {
    check_operations::<f16>();
}

#[test]
fn operations_of_hard_bfloat16_pairs_are_those_of_float32_rounded_once() {
    check_operations::<bf16>();
}
