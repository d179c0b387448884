//! The preludes and rows run on a real adapter, bits compared with the Rust algebra.
//!
//! Without an adapter that has f64 and i64 these tests have nothing to compare and say so.

mod preludes;
mod rows;

use std::sync::OnceLock;

use wgpu::util::DeviceExt;

use super::*;

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

/// The prelude for a device that keeps subnormals.
fn kept() -> String {
    prelude(&[Lane::I32, Lane::I64, Lane::F32, Lane::F64], Subnormals::Kept)
}

/// The prelude for a device that flushes them, as such a device would see its operands.
fn flushed() -> String {
    let mut text = prelude(&[Lane::I32, Lane::I64, Lane::F32, Lane::F64], Subnormals::Flushed);
    for guard in ["guard_a_f32", "guard_b_f32"] {
        let head = format!("fn {guard}(v: f32) -> f32 {{");
        let flush = "if ((bitcast<u32>(v) & 0x7f800000u) == 0u) { \
            return bitcast<f32>(bitcast<u32>(v) & 0x80000000u); }";
        replace(&mut text, &head, &format!("{head} {flush}"));
    }
    text
}

/// The prelude for a device that keeps subnormals, whose inverses and inverse roots are off by so many units.
fn inexact(units: i32) -> String {
    let mut text = kept();
    let off = |of: &str| format!("off_f32({of})");
    for native in
        ["1.0f / bitcast<f32>((d.significand & 0x7fffffu) | 0x3f800000u)", "inverseSqrt(moderate)"]
    {
        replace(&mut text, native, &off(native));
    }
    let native = "1.0lf / one_to_two";
    replace(&mut text, native, &format!("off_f64({native})"));
    text + &format!(
        "fn off_f32(v: f32) -> f32 {{ return bitcast<f32>(bitcast<i32>(v) + {units}i); }}
fn off_f64(v: f64) -> f64 {{ return bitcast<f64>(bitcast<i64>(v) + {units}li); }}
"
    )
}

fn replace(text: &mut String, what: &str, by: &str) {
    assert!(text.contains(what), "{what}");
    *text = text.replace(what, by);
}

/// `call` of each `a` and `b`; `None` without an adapter.
fn run<A: Scalar, B: Scalar, R: Scalar>(
    functions: &str,
    call: &str,
    a: &[A],
    b: &[B],
    prelude: &str,
) -> Option<Vec<R>> {
    let Gpu { device, queue } = gpu()?;
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
    compare_with(functions, call, a, b, &kept(), meaning);
}

#[track_caller]
fn compare_with<A: Scalar + Same, B: Scalar + Same, R: Scalar + Same>(
    functions: &str,
    call: &str,
    a: &[A],
    b: &[B],
    prelude: &str,
    meaning: impl Fn(A, B) -> R,
) {
    let Some(results) = run(functions, call, a, b, prelude) else {
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

/// Random inputs a test adds to the special ones.
const COUNT: usize = if cfg!(debug_assertions) { 1 << 14 } else { 1 << 20 };

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

/// Pairs whose quotients are as near to halfway between two numbers as any, in significands of so many bits.
fn hard_pairs(significand: u32) -> Vec<[i64; 2]> {
    // A quotient n / d is (m - r / d) 2^-p for odd m, of p bits, and a small r: m is r / d modulo 2^p.
    let (bits, lowest) = (significand + 1, 1 << (significand - 1));
    let inverse =
        |d: u64| (0..6).fold(d, |x, _| x.wrapping_mul(2_u64.wrapping_sub(d.wrapping_mul(x))));
    let of = |d: u64, r: i64| {
        let m = inverse(d).wrapping_mul(r as u64) & ((1 << bits) - 1);
        let n = (i128::from(m) * i128::from(d) - i128::from(r)) >> bits;
        [n as i64, d as i64]
    };
    let odd = |word: u64| (word >> (65 - significand)) | lowest | 1;
    let all = random().take(COUNT).map(odd).flat_map(|d| [1, -1, 3, -3].map(|r| of(d, r)));
    all.filter(|[n, _]| *n > 0).collect()
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
