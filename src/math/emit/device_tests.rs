//! The preludes and rows run on a real adapter, bits compared with the Rust algebra.
//!
//! Without an adapter that has f64 and i64 these tests have nothing to compare and say so.

use std::sync::OnceLock;

use half::{bf16, f16};
use wgpu::util::DeviceExt;

use super::*;
use crate::math::algebra::Int;

struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
}

fn gpu() -> Option<&'static Gpu> {
    static GPU: OnceLock<Option<Gpu>> = OnceLock::new();
    GPU.get_or_init(|| {
        let descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        let instance = wgpu::Instance::new(descriptor);
        let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::VULKAN));
        let features = wgpu::Features::SHADER_F64 | wgpu::Features::SHADER_INT64;
        let adapter = adapters.into_iter().find(|a| a.features().contains(features))?;
        let descriptor = wgpu::DeviceDescriptor {
            required_features: features,
            required_limits: adapter.limits(),
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).unwrap();
        Some(Gpu { device, queue })
    })
    .as_ref()
}

/// A WGSL scalar in a storage buffer.
trait Scalar: bytemuck::Pod {
    const NAME: &'static str;
}
impl Scalar for i32 {
    const NAME: &'static str = "i32";
}
impl Scalar for u32 {
    const NAME: &'static str = "u32";
}
impl Scalar for i64 {
    const NAME: &'static str = "i64";
}
impl Scalar for f32 {
    const NAME: &'static str = "f32";
}
impl Scalar for f64 {
    const NAME: &'static str = "f64";
}

/// `call` of each `a` and `b`; `None` without an adapter.
fn run<A: Scalar, B: Scalar, R: Scalar>(
    functions: &str,
    call: &str,
    a: &[A],
    b: &[B],
    subnormals: Subnormals,
) -> Option<Vec<R>> {
    let Gpu { device, queue } = gpu()?;
    let mut prelude = prelude(&[Lane::I32, Lane::I64, Lane::F32, Lane::F64], subnormals);
    if subnormals == Subnormals::Flushed {
        // As a device that flushes would see its operands.
        for guard in ["guard_a_f32", "guard_b_f32"] {
            let head = format!("fn {guard}(v: f32) -> f32 {{");
            let flush = "if ((bitcast<u32>(v) & 0x7f800000u) == 0u) { \
                return bitcast<f32>(bitcast<u32>(v) & 0x80000000u); }";
            assert!(prelude.contains(&head));
            prelude = prelude.replace(&head, &format!("{head} {flush}"));
        }
    }
    let (ta, tb, tr) = (A::NAME, B::NAME, R::NAME);
    let source = format!(
        "@group(0) @binding(0) var<storage, read> xs: array<{ta}>;
@group(0) @binding(1) var<storage, read> ys: array<{tb}>;
@group(0) @binding(2) var<storage, read_write> results: array<{tr}>;
@group(0) @binding(3) var<storage, read> zero: array<u32>;
fn opaque_zero() -> u32 {{ return zero[0]; }}
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {{
  let a = xs[id.x];
  let b = ys[id.x];
  _ = zero[0];
  results[id.x] = {call};
}}
{prelude}{functions}"
    );
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: None,
        source: wgpu::ShaderSource::Wgsl(source.into()),
    });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: None,
        layout: None,
        module: &module,
        entry_point: None,
        compilation_options: Default::default(),
        cache: None,
    });
    let layout = pipeline.get_bind_group_layout(0);
    let mut results = Vec::with_capacity(a.len());
    for (a, b) in a.chunks(1 << 20).zip(b.chunks(1 << 20)) {
        let input = |contents: &[u8]| {
            device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: None,
                contents,
                usage: wgpu::BufferUsages::STORAGE,
            })
        };
        let size = (a.len() * size_of::<R>()) as u64;
        let buffer = |usage| {
            let mapped_at_creation = false;
            let label = None;
            device.create_buffer(&wgpu::BufferDescriptor { label, size, usage, mapped_at_creation })
        };
        let output = buffer(wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC);
        let host = buffer(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST);
        let (a, b) = (bytemuck::cast_slice(a), bytemuck::cast_slice(b));
        let buffers = [input(a), input(b), output, input(&[0; 4])];
        let entries: Vec<_> = buffers
            .iter()
            .zip(0..)
            .map(|(buffer, binding)| wgpu::BindGroupEntry {
                binding,
                resource: buffer.as_entire_binding(),
            })
            .collect();
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &layout,
            entries: &entries,
        });
        let mut encoder = device.create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(&pipeline);
            pass.set_bind_group(0, &group, &[]);
            let count = size / size_of::<R>() as u64;
            pass.dispatch_workgroups(count.div_ceil(64) as u32, 1, 1);
        }
        encoder.copy_buffer_to_buffer(&buffers[2], 0, &host, 0, size);
        queue.submit([encoder.finish()]);
        host.slice(..).map_async(wgpu::MapMode::Read, |result| result.unwrap());
        device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
        let bytes = host.slice(..).get_mapped_range().unwrap();
        results.extend(bytemuck::pod_collect_to_vec::<u8, R>(&bytes));
    }
    Some(results)
}

/// Same bits, or both NaN.
trait Same: Copy + std::fmt::Debug {
    fn same(self, other: Self) -> bool;
}
macro_rules! same {
    ($($ty:ty: |$a:ident, $b:ident| $same:expr;)*) => {$(
        impl Same for $ty {
            fn same(self, other: Self) -> bool {
                let ($a, $b) = (self, other);
                $same
            }
        }
    )*};
}
same! {
    i32: |a, b| a == b;
    u32: |a, b| a == b;
    i64: |a, b| a == b;
    f32: |a, b| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
    f64: |a, b| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
}

#[track_caller]
fn compare<A: Scalar + Same, B: Scalar + Same, R: Scalar + Same>(
    functions: &str,
    call: &str,
    a: &[A],
    b: &[B],
    meaning: impl Fn(A, B) -> R,
) {
    compare_with(functions, call, a, b, Subnormals::Kept, meaning);
}

#[track_caller]
fn compare_with<A: Scalar + Same, B: Scalar + Same, R: Scalar + Same>(
    functions: &str,
    call: &str,
    a: &[A],
    b: &[B],
    subnormals: Subnormals,
    meaning: impl Fn(A, B) -> R,
) {
    let Some(results) = run(functions, call, a, b, subnormals) else {
        println!("no adapter with f64 and i64: {call} not compared");
        return;
    };
    assert_eq!(results.len(), a.len());
    let differs = |&(i, &result): &(usize, &R)| !result.same(meaning(a[i], b[i]));
    let count = results.iter().enumerate().filter(differs).count();
    if let Some((i, result)) = results.iter().enumerate().find(differs) {
        let expected = meaning(a[i], b[i]);
        panic!(
            "{call} differs for {count} of {}: a = {:?}, b = {:?}: {result:?}, not {expected:?}",
            a.len(),
            a[i],
            b[i]
        );
    }
}

/// A stream of bits, reproducible.
fn random() -> impl Iterator<Item = u64> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    std::iter::repeat_with(move || {
        // xorshift64*: G. Marsaglia, S. Vigna.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    })
}

const COUNT: usize = 1 << 20;

/// Values at which something happens, and their neighbours.
fn special_f32() -> Vec<f32> {
    let mut values = Vec::new();
    for power in
        (-149..128).step_by(9).chain([-126, -127, -25, -24, -14, 15, 16, 30, 31, 32, 63, 64, 127])
    {
        let value = 2f64.powi(power) as f32;
        values.extend([value, value.next_up(), value.next_down(), value * 1.5]);
    }
    values.extend([0.0, f32::MAX, f32::INFINITY, f32::NAN, 65519.0, 65520.0, 0.1, 2.5, 255.5, 3.0]);
    let negative: Vec<f32> = values.iter().map(|v| -v).collect();
    values.extend(negative);
    values
}

fn special_f64() -> Vec<f64> {
    let mut values: Vec<f64> = special_f32().into_iter().map(f64::from).collect();
    for power in (-1074..1024).step_by(37).chain([-1022, -1023, -150, -149, 53, 62, 63, 64]) {
        let value =
            if power < -1022 { f64::from_bits(1 << (power + 1074)) } else { 2f64.powi(power) };
        values.extend([value, value.next_up(), value.next_down(), -value]);
    }
    values.extend([f64::MAX, f64::from(f32::MAX).next_up(), 3.4028235677973366e38, 2147483647.9]);
    values
}

fn special_i64() -> Vec<i64> {
    let mut values = vec![0];
    for shift in 0..64 {
        let value = 1i64 << shift;
        values.extend([value, value.wrapping_sub(1), value.wrapping_add(1), value.wrapping_neg()]);
        values.extend([
            value | value >> 24,
            value | value >> 24 | value >> 30,
            value | value >> 53,
        ]);
    }
    values
}

/// The cross product of special values, then random ones.
fn pairs<T: Copy>(special: &[T], convert: impl Fn(u64) -> T) -> (Vec<T>, Vec<T>) {
    let mut a = Vec::new();
    let mut b = Vec::new();
    for &x in special {
        for &y in special {
            a.push(x);
            b.push(y);
        }
    }
    let mut bits = random();
    for _ in 0..COUNT {
        a.extend(bits.next().map(&convert));
        b.extend(bits.next().map(&convert));
    }
    (a, b)
}

fn bits_f32(bits: u64) -> f32 {
    f32::from_bits((bits >> 32) as u32)
}

fn pairs_f32() -> (Vec<f32>, Vec<f32>) {
    let (mut a, mut b) = pairs(&special_f32(), bits_f32);
    // Moderate numbers too: random bits mostly overflow or vanish.
    let mut bits = random().skip(7);
    for _ in 0..COUNT {
        let mut moderate =
            || bits.next().map(|v| f32::from_bits((v >> 32) as u32 & 0x87ff_ffff | 0x3800_0000));
        a.extend(moderate());
        b.extend(moderate());
    }
    (a, b)
}

fn pairs_f64() -> (Vec<f64>, Vec<f64>) {
    let (mut a, mut b) = pairs(&special_f64(), f64::from_bits);
    let mut bits = random().skip(7);
    for _ in 0..COUNT {
        let mut moderate = || {
            bits.next().map(|v| f64::from_bits(v & 0x80ff_ffff_ffff_ffff | 0x3f00_0000_0000_0000))
        };
        a.extend(moderate());
        b.extend(moderate());
    }
    (a, b)
}

fn truth(value: bool) -> i32 {
    value.into()
}

#[test]
fn arithmetic_of_f32_matches_rust() {
    let (a, b) = pairs_f32();
    compare("", "add_f32p(a, b)", &a, &b, |a: f32, b: f32| a + b);
    compare("", "sub_f32p(a, b)", &a, &b, |a: f32, b: f32| a - b);
    compare("", "mul_f32p(a, b)", &a, &b, |a: f32, b: f32| a * b);
    compare("", "div_f32p(a, b)", &a, &b, |a: f32, b: f32| a / b);
    compare("", "fmod_f32p(a, b)", &a, &b, |a: f32, b: f32| a % b);
    compare("", "sqrt_f32p(a)", &a, &b, |a: f32, _: f32| a.sqrt());
    compare("", "sub_f32p(add_f32p(a, b), b)", &a, &b, |a: f32, b: f32| (a + b) - b);
    compare("", "sub_f32p(a, a)", &a, &b, |a: f32, _: f32| {
        #[allow(clippy::eq_op, reason = "NaN for infinities")]
        (a - a)
    });
    compare("", "sub_f32p(mul_f32p(a, b), a)", &a, &b, |a: f32, b: f32| a * b - a);
    compare("", "mul_f32p(a, 0.0f)", &a, &b, |a: f32, _: f32| a * 0.0);
}

/// Pairs whose sums, products and quotients are near the subnormal numbers.
fn pairs_of_small_f32() -> (Vec<f32>, Vec<f32>) {
    let (mut a, mut b) = pairs_f32();
    let mut bits = random().skip(3);
    let mut next = || bits.next().map_or(0, |v| (v >> 32) as u32);
    for _ in 0..COUNT {
        a.push(f32::from_bits(next() & 0x80ff_ffff));
        b.push(f32::from_bits(next() & 0x80ff_ffff));
        a.push(f32::from_bits(next() & 0x87ff_ffff | 0x1800_0000));
        b.push(f32::from_bits(next() & 0x87ff_ffff | 0x2000_0000));
    }
    (a, b)
}

#[test]
fn arithmetic_without_subnormals_matches_rust() {
    let (a, b) = pairs_of_small_f32();
    let flushed = Subnormals::Flushed;
    compare_with("", "add_f32p(a, b)", &a, &b, flushed, |a: f32, b: f32| a + b);
    compare_with("", "sub_f32p(a, b)", &a, &b, flushed, |a: f32, b: f32| a - b);
    compare_with("", "mul_f32p(a, b)", &a, &b, flushed, |a: f32, b: f32| a * b);
    compare_with("", "div_f32p(a, b)", &a, &b, flushed, |a: f32, b: f32| a / b);
    compare_with("", "sqrt_f32p(a)", &a, &b, flushed, |a: f32, _: f32| a.sqrt());
    compare_with("", "cast_f32_f16(a)", &a, &b, flushed, |a: f32, _: f32| {
        f16::from_f32(a).to_f32()
    });
    let exp = wgsl(Op::Exp, DType::F32);
    compare_with(&exp.text, "exp_f32(a)", &a, &b, flushed, |a: f32, _: f32| {
        crate::math::exp::exp(a)
    });
}

#[test]
fn arithmetic_of_f64_matches_rust() {
    let (a, b) = pairs_f64();
    compare("", "add_f64p(a, b)", &a, &b, |a: f64, b: f64| a + b);
    compare("", "sub_f64p(a, b)", &a, &b, |a: f64, b: f64| a - b);
    compare("", "mul_f64p(a, b)", &a, &b, |a: f64, b: f64| a * b);
    compare("", "div_f64p(a, b)", &a, &b, |a: f64, b: f64| a / b);
    compare("", "fmod_f64p(a, b)", &a, &b, |a: f64, b: f64| a % b);
    compare("", "sqrt_f64p(a)", &a, &b, |a: f64, _: f64| a.sqrt());
    compare("", "sub_f64p(add_f64p(a, b), b)", &a, &b, |a: f64, b: f64| (a + b) - b);
    compare("", "sub_f64p(mul_f64p(a, b), a)", &a, &b, |a: f64, b: f64| a * b - a);
}

#[test]
fn comparisons_match_rust() {
    let (a, b) = pairs_f32();
    compare("", "select(0i, 1i, eq_f32p(a, b))", &a, &b, |a: f32, b: f32| truth(a == b));
    compare("", "select(0i, 1i, lt_f32p(a, b))", &a, &b, |a: f32, b: f32| truth(a < b));
    compare("", "select(0i, 1i, le_f32p(a, b))", &a, &b, |a: f32, b: f32| truth(a <= b));
    compare("", "select(0i, 1i, is_nan_f32p(a))", &a, &b, |a: f32, _: f32| truth(a.is_nan()));
    let (a, b) = pairs_f64();
    compare("", "select(0i, 1i, eq_f64p(a, b))", &a, &b, |a: f64, b: f64| truth(a == b));
    compare("", "select(0i, 1i, lt_f64p(a, b))", &a, &b, |a: f64, b: f64| truth(a < b));
    compare("", "select(0i, 1i, le_f64p(a, b))", &a, &b, |a: f64, b: f64| truth(a <= b));
    compare("", "select(0i, 1i, is_nan_f64p(a))", &a, &b, |a: f64, _: f64| truth(a.is_nan()));
}

#[test]
fn integer_division_matches_rust() {
    let special: Vec<i32> = special_i64().into_iter().map(|v| v as i32).collect();
    let (a, b) = pairs(&special, |bits| bits as i32);
    compare("", "div_i32p(a, b)", &a, &b, |a: i32, b: i32| Int::div(a, b));
    compare("", "rem_i32p(a, b)", &a, &b, |a: i32, b: i32| Int::rem(a, b));
    let (a, b) = pairs(&special_i64(), |bits| bits as i64);
    compare("", "div_i64p(a, b)", &a, &b, |a: i64, b: i64| Int::div(a, b));
    compare("", "rem_i64p(a, b)", &a, &b, |a: i64, b: i64| Int::rem(a, b));
}

#[test]
fn casts_from_f32_match_rust() {
    let (a, b) = pairs_f32();
    compare("", "cast_f32_bool(a)", &a, &b, |a: f32, _: f32| truth(a != 0.0));
    compare("", "cast_f32_u8(a)", &a, &b, |a: f32, _: f32| i32::from(a as i32 as u8));
    compare("", "cast_f32_i8(a)", &a, &b, |a: f32, _: f32| i32::from(a as i32 as i8));
    compare("", "cast_f32_i16(a)", &a, &b, |a: f32, _: f32| i32::from(a as i32 as i16));
    compare("", "cast_f32_i32(a)", &a, &b, |a: f32, _: f32| a as i32);
    compare("", "cast_f32_i64(a)", &a, &b, |a: f32, _: f32| a as i64);
    compare("", "cast_f32_f16(a)", &a, &b, |a: f32, _: f32| f16::from_f32(a).to_f32());
    compare("", "cast_f32_bf16(a)", &a, &b, |a: f32, _: f32| bf16::from_f32(a).to_f32());
    compare("", "cast_f32_f64(a)", &a, &b, |a: f32, _: f32| f64::from(a));
}

#[test]
fn casts_from_f64_match_rust() {
    let (a, mut b) = pairs_f64();
    // Numbers in the range of float32, where rounding to it is hard.
    b.extend(
        random()
            .take(COUNT)
            .map(|v| f64::from(bits_f32(v)) * (1.0 + (v & 7) as f64 * 2f64.powi(-26))),
    );
    compare("", "cast_f64_f32(a)", &b, &b, |a: f64, _: f64| a as f32);
    compare("", "cast_f64_f16(a)", &b, &b, |a: f64, _: f64| f16::from_f32(a as f32).to_f32());
    compare("", "cast_f64_bf16(a)", &b, &b, |a: f64, _: f64| bf16::from_f32(a as f32).to_f32());
    compare("", "cast_f64_bool(a)", &a, &a, |a: f64, _: f64| truth(a != 0.0));
    compare("", "cast_f64_u8(a)", &b, &b, |a: f64, _: f64| i32::from(a as i32 as u8));
    compare("", "cast_f64_i8(a)", &b, &b, |a: f64, _: f64| i32::from(a as i32 as i8));
    compare("", "cast_f64_i16(a)", &b, &b, |a: f64, _: f64| i32::from(a as i32 as i16));
    compare("", "cast_f64_i32(a)", &b, &b, |a: f64, _: f64| a as i32);
    compare("", "cast_f64_i64(a)", &b, &b, |a: f64, _: f64| a as i64);
}

#[test]
fn casts_from_integers_match_rust() {
    let (a, _) = pairs(&special_i64(), |bits| (bits as i64) >> (bits % 64));
    compare("", "cast_i64_f32(a)", &a, &a, |a: i64, _: i64| a as f32);
    compare("", "cast_i64_f64(a)", &a, &a, |a: i64, _: i64| a as f64);
    compare("", "cast_i64_f16(a)", &a, &a, |a: i64, _: i64| f16::from_f32(a as f32).to_f32());
    compare("", "cast_i64_bf16(a)", &a, &a, |a: i64, _: i64| bf16::from_f32(a as f32).to_f32());
    compare("", "cast_i64_i32(a)", &a, &a, |a: i64, _: i64| a as i32);
    compare("", "cast_i64_u8(a)", &a, &a, |a: i64, _: i64| i32::from(a as u8));
    compare("", "cast_i64_i8(a)", &a, &a, |a: i64, _: i64| i32::from(a as i8));
    compare("", "cast_i64_i16(a)", &a, &a, |a: i64, _: i64| i32::from(a as i16));
    compare("", "cast_i64_bool(a)", &a, &a, |a: i64, _: i64| truth(a != 0));
    let a: Vec<i32> = a.into_iter().map(|v| v as i32).collect();
    compare("", "cast_i32_f32(a)", &a, &a, |a: i32, _: i32| a as f32);
    compare("", "cast_i64_f32(cast_i32_i64(a))", &a, &a, |a: i32, _: i32| a as f32);
    compare("", "cast_i64_f64(cast_i32_i64(a))", &a, &a, |a: i32, _: i32| f64::from(a));
    compare("", "cast_i32_f64(a)", &a, &a, |a: i32, _: i32| f64::from(a));
    compare("", "cast_i32_f16(a)", &a, &a, |a: i32, _: i32| f16::from_f32(a as f32).to_f32());
    compare("", "cast_i32_bf16(a)", &a, &a, |a: i32, _: i32| bf16::from_f32(a as f32).to_f32());
    compare("", "cast_i32_i64(a)", &a, &a, |a: i32, _: i32| i64::from(a));
    compare("", "cast_i32_u8(a)", &a, &a, |a: i32, _: i32| i32::from(a as u8));
    compare("", "cast_i32_i8(a)", &a, &a, |a: i32, _: i32| i32::from(a as i8));
    compare("", "cast_i32_i16(a)", &a, &a, |a: i32, _: i32| i32::from(a as i16));
    compare("", "cast_i32_bool(a)", &a, &a, |a: i32, _: i32| truth(a != 0));
}

#[test]
fn stored_halves_match_half() {
    let (a, _) = pairs_f32();
    let a: Vec<f32> = a.into_iter().filter(|v| !v.is_nan()).collect();
    compare("", "f32_to_f16_bits(a)", &a, &a, |a: f32, _: f32| {
        u32::from(f16::from_f32(a).to_bits())
    });
    compare("", "f32_to_bf16_bits(a)", &a, &a, |a: f32, _: f32| {
        u32::from(bf16::from_f32(a).to_bits())
    });
    let a: Vec<u32> = (0..0x10000).collect();
    compare("", "f16_bits_to_f32(a)", &a, &a, |a: u32, _: u32| f16::from_bits(a as u16).to_f32());
    compare("", "bf16_bits_to_f32(a)", &a, &a, |a: u32, _: u32| bf16::from_bits(a as u16).to_f32());
}

/// One row of one category, on the device and in Rust.
macro_rules! compare_row {
    ([] $arity:ident $op:ident $dtype:ident, $a:expr, $b:expr) => {};
    ([$path:path] unary $op:ident $dtype:ident, $a:expr, $b:expr) => {
        compare_row!(@ $op $dtype, $a, $b, "(a)", |a, _| $path(a))
    };
    ([$path:path] binary $op:ident $dtype:ident, $a:expr, $b:expr) => {
        compare_row!(@ $op $dtype, $a, $b, "(a, b)", |a, b| $path(a, b))
    };
    ([$path:path] ternary $op:ident $dtype:ident, $a:expr, $b:expr) => {
        compare_row!(@ $op $dtype, $a, $b, "(a, b, a)", |a, b| $path(a, b, a))
    };
    (@ $op:ident $dtype:ident, $a:expr, $b:expr, $call:literal, |$x:ident, $y:pat_param| $meaning:expr) => {{
        let function = wgsl(Op::$op, DType::$dtype);
        let call = function.name.clone() + $call;
        compare(&function.text, &call, $a, $b, |$x, $y| Lanes::lanes($meaning));
    }};
}

/// A row's result as a lane: masks are 0 or 1.
trait Lanes {
    type Lane: Scalar + Same;
    fn lanes(self) -> Self::Lane;
}
macro_rules! lanes {
    ($($ty:ty)*) => {$(
        impl Lanes for $ty {
            type Lane = $ty;
            fn lanes(self) -> $ty {
                self
            }
        }
    )*};
}
lanes!(i32 i64 f32 f64);
impl Lanes for bool {
    type Lane = i32;
    fn lanes(self) -> i32 {
        self.into()
    }
}

macro_rules! define_row_tests {
    ($(
        $(#[$doc:meta])*
        $variant:ident $name:ident $arity:ident $rule:ident $output:ident {
            float [$($float:path)?] int [$($int:path)?] bool [$($bool:path)?]
        }
    )*) => {
        #[test]
        fn rows_of_f32_match_rust() {
            let (a, b) = pairs_f32();
            $(compare_row!([$($float)?] $arity $variant F32, &a, &b);)*
        }
        #[test]
        fn rows_of_f64_match_rust() {
            let (a, b) = pairs_f64();
            $(compare_row!([$($float)?] $arity $variant F64, &a, &b);)*
        }
        #[test]
        fn rows_of_integers_match_rust() {
            let (a, b) = pairs(&special_i64(), |bits| (bits as i64) >> (bits % 64));
            $(compare_row!([$($int)?] $arity $variant I64, &a, &b);)*
            let a: Vec<i32> = a.into_iter().map(|v| v as i32).collect();
            let b: Vec<i32> = b.into_iter().map(|v| v as i32).collect();
            $(compare_row!([$($int)?] $arity $variant I32, &a, &b);)*
            let a: Vec<i32> = a.into_iter().map(|v| v & 1).collect();
            let b: Vec<i32> = b.into_iter().map(|v| v & 1).collect();
            $(compare_row!([$($bool)?] $arity $variant Bool, &a, &b);)*
        }
    };
}

crate::ops::op_table!(define_row_tests);

#[test]
fn stepwise_rows_of_halves_match_rust() {
    use crate::math::half::{StepBF16, StepF16, round_to_bf16, round_to_f16};
    let (a, b) = pairs_f32();
    let narrow = |values: &[f32], round: fn(f32) -> f32| values.iter().map(|&v| round(v)).collect();
    let (x, y): (Vec<f32>, Vec<f32>) = (narrow(&a, round_to_f16), narrow(&b, round_to_f16));
    let floor = wgsl(Op::DivFloor, DType::F16);
    compare(&floor.text, "div_floor_f16(a, b)", &x, &y, |a, b| {
        crate::math::arithmetic::div_floor(StepF16(a), StepF16(b)).0
    });
    let (x, y): (Vec<f32>, Vec<f32>) = (narrow(&a, round_to_bf16), narrow(&b, round_to_bf16));
    let floor = wgsl(Op::DivFloor, DType::BF16);
    compare(&floor.text, "div_floor_bf16(a, b)", &x, &y, |a, b| {
        crate::math::arithmetic::div_floor(StepBF16(a), StepBF16(b)).0
    });
}
