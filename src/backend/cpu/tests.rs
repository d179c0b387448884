//! Kernels by hand, whose results are known.

use half::{bf16, f16};
use smallvec::{SmallVec, smallvec};

use super::{CpuBackend, CpuMemory, reference};
use crate::backend::{Backend, Buffer, FlatArgs, Launch};
use crate::dtype::{DType, Element};
use crate::kernel::{
    Args, Check, Class, Code, Dims, Expr, Kernel, Node, OperandArgs, OperandCode, Store, Value,
};
use crate::ops::Op;

/// A launch in the making.
pub(super) struct Builder {
    pub(super) launch: Launch,
}

impl Builder {
    pub(super) fn new(shape: &[usize]) -> Self {
        let code = Code {
            rank: shape.len() as u8,
            operands: SmallVec::new(),
            nodes: SmallVec::new(),
            stores: SmallVec::new(),
            check: None,
            reduce: None,
            whole: None,
        };
        let args = Args {
            shape: Dims::from_slice(shape),
            operands: SmallVec::new(),
            scalars: SmallVec::new(),
            base: 0,
            check: 0,
        };
        let kernel = Kernel { code: code.into(), args };
        Self { launch: Launch { kernel, buffers: SmallVec::new() } }
    }

    /// A view of a buffer, which is added unless it is `same` as one that is there.
    pub(super) fn view(
        &mut self,
        buffer: u8,
        dtype: DType,
        offset: usize,
        strides: &[usize],
    ) -> u8 {
        let kernel = &mut self.launch.kernel;
        let class = Class::of(&kernel.args.shape, strides);
        kernel.code.operands.push(OperandCode { buffer, dtype, class });
        kernel.args.operands.push(OperandArgs { offset, strides: Dims::from_slice(strides) });
        (kernel.code.operands.len() - 1) as u8
    }

    pub(super) fn buffer(&mut self, buffer: &Buffer) -> u8 {
        self.launch.buffers.push(buffer.clone());
        (self.launch.buffers.len() - 1) as u8
    }

    /// A row-major operand on a buffer of its own.
    pub(super) fn operand<T: Element>(&mut self, buffer: &Buffer) -> u8 {
        let buffer = self.buffer(buffer);
        let strides = row_major(&self.launch.kernel.args.shape);
        self.view(buffer, T::DTYPE, 0, &strides)
    }

    pub(super) fn node(&mut self, dtype: DType, expr: Expr) -> Value {
        self.launch.kernel.code.nodes.push(Node { expr, dtype });
        (self.launch.kernel.code.nodes.len() - 1) as Value
    }

    pub(super) fn load(&mut self, operand: u8) -> Value {
        let dtype = self.launch.kernel.code.operands[usize::from(operand)].dtype;
        self.node(dtype, Expr::Load(operand))
    }

    pub(super) fn scalar(&mut self, dtype: DType, bits: u64) -> Value {
        self.launch.kernel.args.scalars.push(bits);
        let k = self.launch.kernel.args.scalars.len() - 1;
        self.node(dtype, Expr::Scalar(k as u8))
    }

    pub(super) fn store(&mut self, operand: u8, value: Value) {
        self.launch.kernel.code.stores.push(Store { operand, value });
    }

    pub(super) fn run(self, backend: &CpuBackend) -> Option<u32> {
        backend.run(&[self.launch]).unwrap();
        backend.wait().unwrap()
    }
}

pub(super) fn row_major(shape: &[usize]) -> Dims {
    let mut strides: Dims = smallvec![1; shape.len()];
    for d in (1..shape.len()).rev() {
        strides[d - 1] = strides[d] * shape[d];
    }
    strides
}

pub(super) fn buffer<T: Element>(backend: &CpuBackend, values: &[T]) -> Buffer {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(T::as_bytes(values));
    let buffer = backend.allocate(bytes.len()).unwrap();
    backend.write(&buffer, 0, &bytes).unwrap();
    buffer
}

/// Runs a kernel by the backend and by the definition, on buffers of their own, and compares every byte of
/// them.
pub(super) fn assert_as_reference(
    backend: &CpuBackend,
    ours: &Launch,
    theirs: &Launch,
    what: impl std::fmt::Debug,
) {
    reference::run(backend, theirs);
    backend.run(std::slice::from_ref(ours)).unwrap();
    for (one, other) in ours.buffers.iter().zip(&theirs.buffers) {
        let [got, expected] = [one, other].map(|buffer| values::<u8>(backend, buffer));
        assert!(got == expected, "{what:?}");
    }
}

fn values<T: Element>(backend: &CpuBackend, buffer: &Buffer) -> Vec<T> {
    let mut bytes = vec![0; buffer.bytes()];
    backend.read(buffer, 0, &mut bytes).unwrap();
    bytes.chunks(size_of::<T>()).map(T::from_bytes).collect()
}

/// `op` of two row-major operands of one dtype.
fn binary<T: Element>(op: Op, a: &[T], b: &[T]) -> Vec<T> {
    let backend = CpuBackend::new();
    let (x, y) = (buffer(&backend, a), buffer(&backend, b));
    let out = backend.allocate(size_of_val(a)).unwrap();
    let mut k = Builder::new(&[a.len()]);
    let (x, y, to) = (k.operand::<T>(&x), k.operand::<T>(&y), k.operand::<T>(&out));
    let (x, y) = (k.load(x), k.load(y));
    let value = k.node(T::DTYPE, Expr::Binary(op, [x, y]));
    k.store(to, value);
    assert_eq!(k.run(&backend), None);
    values(&backend, &out)
}

#[test]
fn add_of_uint8_wraps() {
    assert_eq!(binary(Op::Add, &[250_u8, 1, 255], &[10, 2, 255]), [4, 3, 254]);
    assert_eq!(binary(Op::Mul, &[-128_i8, 100], &[-1, 3]), [-128, 44]);
}

#[test]
fn add_of_bool_is_or() {
    let (a, b) = ([false, false, true, true], [false, true, false, true]);
    assert_eq!(binary(Op::Add, &a, &b), [false, true, true, true]);
    assert_eq!(binary(Op::Mul, &a, &b), [false, false, false, true]);
}

#[test]
fn add_of_float16_rounds_to_nearest_even() {
    let half = |v: f32| f16::from_f32(v);
    let sums = binary(Op::Add, &[half(2048.0), half(2050.0)], &[half(1.0), half(1.0)]);
    assert_eq!(sums, [half(2048.0), half(2052.0)]);
}

#[test]
fn div_trunc_of_halves_rounds_the_quotient_first() {
    // As PyTorch 2.15 answers; the truncated float32 quotients are 524 and 16.
    let half = |v: f32| f16::from_f32(v);
    assert_eq!(binary(Op::DivTrunc, &[half(41.0)], &[half(0.078_125)]), [half(525.0)]);
    let half = |v: f32| bf16::from_f32(v);
    assert_eq!(binary(Op::DivTrunc, &[half(18.0)], &[half(1.0625)]), [half(17.0)]);
}

#[test]
fn add_of_transposed_operand_spans_blocks() {
    let backend = CpuBackend::new();
    let (rows, columns) = (331, 210);
    let a = buffer(&backend, &(0..rows * columns).map(|v| v as f64).collect::<Vec<_>>());
    let out = backend.allocate(rows * columns * 8).unwrap();
    let mut k = Builder::new(&[rows, columns]);
    let a = k.buffer(&a);
    let a = k.view(a, DType::F64, 0, &[1, rows]);
    let to = k.operand::<f64>(&out);
    let v = k.load(a);
    let i = k.node(DType::I64, Expr::Index);
    let i = k.node(DType::F64, Expr::Cast(i));
    let sum = k.node(DType::F64, Expr::Binary(Op::Add, [v, i]));
    k.store(to, sum);
    k.run(&backend);
    let got = values::<f64>(&backend, &out);
    let expected = |r: usize, c: usize| (r + c * rows + r * columns + c) as f64;
    for r in 0..rows {
        assert!((0..columns).all(|c| got[r * columns + c] == expected(r, c)), "row {r}");
    }
}

#[test]
fn run_without_checks_leaves_nothing_to_report() {
    let backend = CpuBackend::new();
    backend.run(&[]).unwrap();
    assert_eq!(backend.wait().unwrap(), None);
}

#[test]
fn add_over_many_tiles_and_threads_is_elementwise() {
    let n = 300_007;
    let a: Vec<i32> = (0..n).collect();
    let b: Vec<i32> = (0..n).map(|i| i * 3).collect();
    let sums = binary(Op::Add, &a, &b);
    assert!(sums.iter().enumerate().all(|(i, &v)| v == i as i32 * 4));
}

#[test]
fn in_place_through_views_of_one_buffer_reads_before_it_writes() {
    let backend = CpuBackend::new();
    let memory = buffer(&backend, &(0..10_000).map(|v| v as f32).collect::<Vec<_>>());
    let mut k = Builder::new(&[5000]);
    let b = k.buffer(&memory);
    let (even, odd) = (k.view(b, DType::F32, 0, &[2]), k.view(b, DType::F32, 1, &[2]));
    let (x, y) = (k.load(even), k.load(odd));
    let sum = k.node(DType::F32, Expr::Binary(Op::Add, [x, y]));
    // Swaps as it goes: what is stored comes from before the first store.
    k.store(even, y);
    k.store(odd, sum);
    k.run(&backend);
    let got = values::<f32>(&backend, &memory);
    assert!((0..5000).all(|i| got[2 * i] == (2 * i + 1) as f32));
    assert!((0..5000).all(|i| got[2 * i + 1] == (4 * i + 1) as f32));
}

#[test]
fn load_after_the_value_stored_in_place_sees_what_was_there() {
    let backend = CpuBackend::new();
    let memory = buffer(&backend, &[1_i32, 2, 3, 4]);
    let out = backend.allocate(16).unwrap();
    let mut k = Builder::new(&[4]);
    let (x, to) = (k.operand::<i32>(&memory), k.operand::<i32>(&out));
    let before = k.load(x);
    let negative = k.node(DType::I32, Expr::Unary(Op::Neg, before));
    let again = k.load(x);
    let sum = k.node(DType::I32, Expr::Binary(Op::Add, [again, again]));
    k.store(x, negative);
    k.store(to, sum);
    k.run(&backend);
    assert_eq!(values::<i32>(&backend, &memory), [-1, -2, -3, -4]);
    assert_eq!(values::<i32>(&backend, &out), [2, 4, 6, 8]);
}

#[test]
fn argument_in_stored_form_is_read_before_another_value_replaces_it() {
    let backend = CpuBackend::new();
    let numbers =
        |from: i32| -> Vec<f16> { (0..100).map(|v| f16::from_f32((from + v) as f32)).collect() };
    let (a, b) = (buffer(&backend, &numbers(0)), buffer(&backend, &numbers(1000)));
    let out = backend.allocate(200).unwrap();
    let mut k = Builder::new(&[100]);
    let (x, y) = (k.operand::<f16>(&a), k.operand::<f16>(&b));
    let to = k.operand::<f16>(&out);
    let (first, second) = (k.load(x), k.load(y));
    let sum = k.node(DType::F16, Expr::Binary(Op::Add, [first, second]));
    let one = k.scalar(DType::F16, 0x3c00);
    k.store(to, sum);
    k.store(x, one);
    k.run(&backend);
    let sums: Vec<f16> = (0..100).map(|v| f16::from_f32((1000 + 2 * v) as f32)).collect();
    assert_eq!(values::<f16>(&backend, &out), sums);
    assert_eq!(values::<f16>(&backend, &a), [f16::ONE; 100]);
}

#[test]
fn results_in_stored_form_go_to_both_halves_of_a_buffer() {
    let backend = CpuBackend::new();
    let a = buffer(&backend, &[f16::from_f32(3.0); 100]);
    let out = backend.allocate(400).unwrap();
    let mut k = Builder::new(&[100]);
    let (x, to) = (k.operand::<f16>(&a), k.buffer(&out));
    let halves = [k.view(to, DType::F16, 0, &[1]), k.view(to, DType::F16, 100, &[1])];
    let (three, one) = (k.load(x), k.scalar(DType::F16, 0x3c00));
    let two = k.node(DType::F16, Expr::Binary(Op::Sub, [three, one]));
    let four = k.scalar(DType::F16, 0x4400);
    k.store(halves[0], two);
    k.store(halves[1], four);
    k.run(&backend);
    let expected = [[f16::from_f32(2.0); 100], [f16::from_f32(4.0); 100]];
    assert_eq!(values::<f16>(&backend, &out), expected.as_flattened());
}

#[test]
fn sum_in_stored_form_of_what_is_the_same_everywhere_goes_past_the_cache() {
    let backend = CpuBackend::new();
    let out = backend.allocate(4000).unwrap();
    let mut k = Builder::new(&[2000]);
    let to = k.operand::<f16>(&out);
    let (one, two) = (k.scalar(DType::F16, 0x3c00), k.scalar(DType::F16, 0x4000));
    let sum = k.node(DType::F16, Expr::Binary(Op::Add, [one, two]));
    k.store(to, sum);
    k.run(&backend);
    assert_eq!(values::<f16>(&backend, &out), [f16::from_f32(3.0); 2000]);
}

#[test]
fn load_with_stride_zero_repeats_over_rows_shorter_than_a_tile() {
    let backend = CpuBackend::new();
    let column = buffer(&backend, &(0..3000).map(|v| v as i64).collect::<Vec<_>>());
    let row = buffer(&backend, &[100_000_i64, 200_000]);
    let out = backend.allocate(6000 * 8).unwrap();
    let mut k = Builder::new(&[3000, 2]);
    let (c, r) = (k.buffer(&column), k.buffer(&row));
    let (c, r) = (k.view(c, DType::I64, 0, &[1, 0]), k.view(r, DType::I64, 0, &[0, 1]));
    let to = k.operand::<i64>(&out);
    let (c, r) = (k.load(c), k.load(r));
    let sum = k.node(DType::I64, Expr::Binary(Op::Add, [c, r]));
    k.store(to, sum);
    k.run(&backend);
    let got = values::<i64>(&backend, &out);
    assert!((0..6000).all(|i| got[i] == (i / 2 + 100_000 * (i % 2 + 1)) as i64));
}

#[test]
fn check_that_fails_stores_nothing_and_reports_first_code() {
    let backend = CpuBackend::new();
    let n = 200_000;
    let mut divisors = vec![3_i32; n];
    let out = buffer(&backend, &vec![-1_i32; n]);
    let launch = |divisors: &[i32], code| {
        let divisor = buffer(&backend, divisors);
        let mut k = Builder::new(&[n]);
        let (d, to) = (k.operand::<i32>(&divisor), k.operand::<i32>(&out));
        let d = k.load(d);
        let one = k.scalar(DType::I32, 1);
        let zero = k.scalar(DType::Bool, 0);
        let yes = k.scalar(DType::Bool, 1);
        let not_zero = k.node(DType::Bool, Expr::Cast(d));
        let is_zero = k.node(DType::Bool, Expr::Select([not_zero, zero, yes]));
        let quotient = k.node(DType::I32, Expr::Binary(Op::DivTrunc, [one, d]));
        k.store(to, quotient);
        k.launch.kernel.code.check = Some(Check { value: is_zero });
        k.launch.kernel.args.check = code;
        k.launch
    };
    divisors[n - 2] = 0;
    backend.run(&[launch(&divisors, 7), launch(&divisors, 8)]).unwrap();
    assert_eq!(values::<i32>(&backend, &out), vec![-1; n]);
    assert_eq!(backend.wait().unwrap(), Some(7));
    assert_eq!(backend.wait().unwrap(), None);
    divisors[n - 2] = 1;
    backend.run(&[launch(&divisors, 9)]).unwrap();
    assert_eq!(backend.wait().unwrap(), None);
    assert_eq!(values::<i32>(&backend, &out)[n - 3..], [0, 1, 0]);
}

#[test]
fn into_vec_gives_back_what_adopt_took_with_what_was_written() {
    let backend = CpuBackend::new();
    let owned = vec![1.5_f64; 1000];
    let address = owned.as_ptr();
    let memory = CpuMemory::adopt(owned);
    let mut k = Builder::new(&[1000]);
    let x = k.operand::<f64>(&memory);
    let v = k.load(x);
    let twice = k.node(DType::F64, Expr::Binary(Op::Add, [v, v]));
    k.store(x, twice);
    k.run(&backend);
    let other = memory.clone();
    let memory = CpuMemory::into_vec::<f64>(memory).unwrap_err();
    drop(other);
    let memory = CpuMemory::into_vec::<i64>(memory).unwrap_err();
    let back = CpuMemory::into_vec::<f64>(memory).unwrap();
    assert_eq!(back.as_ptr(), address);
    assert_eq!(back, vec![3.0; 1000]);
}

#[test]
fn stats_count_live_and_pooled_bytes() {
    let backend = CpuBackend::new();
    let memory = backend.allocate(4096).unwrap();
    assert_eq!(backend.stats().live_bytes, 4096);
    drop(memory);
    assert_eq!((backend.stats().live_bytes, backend.stats().pooled_bytes), (0, 4096));
}

#[test]
fn small_launches_are_run_and_large_ones_are_not() {
    const ALL: usize = 20_000;
    let backend = CpuBackend::new();
    let [a, b] = [1.0, 2.0].map(|times| (0..ALL).map(|i| i as f32 * times).collect::<Vec<_>>());
    let (a, b) = (buffer(&backend, &a), buffer(&backend, &b));
    for (op, scale) in [(Op::Sub, false), (Op::Sub, true), (Op::Atan2, false)] {
        let of_element = |i: usize| match (op, scale) {
            (Op::Atan2, _) => 1_f32.atan2(2.0),
            (_, true) => -5.0 * i as f32,
            _ => -(i as f32),
        };
        let to = buffer(&backend, &[0_f32; ALL]);
        let mut k = Builder::new(&[4]);
        let (x, y, z) = (k.operand::<f32>(&a), k.operand::<f32>(&b), k.operand::<f32>(&to));
        let (x, mut y) = (k.load(x), k.load(y));
        if scale {
            let three = k.scalar(DType::F32, 3_f32.to_bits().into());
            y = k.node(DType::F32, Expr::Binary(Op::Mul, [y, three]));
        }
        let value = k.node(DType::F32, Expr::Binary(op, [x, y]));
        k.store(z, value);
        let Kernel { code, args } = &k.launch.kernel;
        let buffers: Vec<&Buffer> = k.launch.buffers.iter().collect();
        let flat = backend.flat(code).expect("for every kernel");
        let run = |len, offset| {
            flat.run(FlatArgs { len, offset, scalars: &args.scalars, buffers: &buffers })
        };
        assert!(run(4, 1) && run(60, 3939) && !run(ALL, 0));
        // In pieces, there and back.
        assert!(run(701, 5000) && run(702, 6000));
        let written = [1..5, 3939..3999, 5000..5701, 6000..6702];
        let is_written = |i: usize| written.iter().any(|range| range.contains(&i));
        let expected = |i| if is_written(i) { of_element(i) } else { 0.0 };
        let expected: Vec<f32> = (0..ALL).map(expected).collect();
        assert_eq!(values::<f32>(&backend, &to), expected);
    }
}

#[test]
#[should_panic(expected = "an operand reaches Some(20) bytes")]
fn a_small_launch_past_the_end_of_a_buffer_is_refused() {
    let backend = CpuBackend::new();
    let (a, to) = (buffer(&backend, &[1_f32; 4]), buffer(&backend, &[0_f32; 4]));
    let mut k = Builder::new(&[4]);
    let (x, y) = (k.operand::<f32>(&a), k.operand::<f32>(&to));
    let value = k.load(x);
    k.store(y, value);
    let flat = backend.flat(&k.launch.kernel.code).expect("for every kernel");
    flat.run(FlatArgs { len: 4, offset: 1, scalars: &[], buffers: &[&a, &to] });
}
