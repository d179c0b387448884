//! Random legal kernels give the same bits in `run` and in `reference`.

mod arithmetic;

use proptest::prelude::*;

use super::tests::Builder;
use super::{CpuBackend, reference};
use crate::backend::{Backend, Buffer, FlatArgs, Launch};
use crate::dtype::DType;
use crate::kernel::{Check, Class, Dims, Expr, Fold, OperandArgs, Reduce, Value, verify};
use crate::ops::{Op, Output};

/// A source of decisions that shrinks: once it runs dry, the first choice is taken.
struct Choices<'a>(std::slice::Iter<'a, u32>);

impl Choices<'_> {
    fn below(&mut self, n: usize) -> usize {
        self.0.next().map_or(0, |&v| v as usize % n)
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    fn bits(&mut self) -> u64 {
        (self.below(1 << 32) as u64) << 32 | self.below(1 << 32) as u64
    }
}

/// Strides of a view that visits no element twice: the dimensions in any order, every element or every
/// second one.
fn injective(choices: &mut Choices<'_>, shape: &[usize]) -> Dims {
    let mut strides = Dims::from_elem(0, shape.len());
    let mut order: Vec<usize> = (0..shape.len()).rev().collect();
    if choices.below(2) == 1 {
        order.rotate_left(choices.below(shape.len()));
    }
    let mut stride = 1 + choices.below(4) / 3;
    for d in order {
        strides[d] = stride;
        stride *= shape[d];
    }
    strides
}

/// A launch, and for each of its buffers the bytes that it needs.
struct Case {
    kernel: Builder,
    bytes: Vec<usize>,
    /// The dtype of half the nodes, so that they meet.
    home: DType,
    /// Bytes are such that floats are numbers of moderate size.
    is_mild: bool,
}

impl Case {
    fn new(choices: &mut Choices<'_>) -> Self {
        let rank = 1 + choices.below(4);
        let mut shape = Vec::new();
        let mut len = 1;
        for _ in 0..rank {
            let size = choices.of(&[3, 1, 2, 5, 17, 64, 700, 2100]);
            let size = if len * size > 5000 { 1 } else { size };
            len *= size;
            shape.push(size);
        }
        let home = choices.of(&DType::ALL);
        let mut case =
            Self { kernel: Builder::new(&shape), bytes: Vec::new(), home, is_mild: false };
        case.kernel.launch.kernel.args.base =
            choices.of(&[0, 1, 1000, u64::from(u32::MAX), u64::MAX - 5]);
        for _ in 0..1 + choices.below(14) {
            case.node(choices);
        }
        for _ in 0..1 + choices.below(3) {
            case.store(choices);
        }
        if choices.below(3) == 2 {
            case.fold(choices);
        } else if choices.below(6) == 5 {
            let value = case.value(choices, DType::Bool);
            case.kernel.launch.kernel.code.check = Some(Check { value });
            case.kernel.launch.kernel.args.check = 7;
        }
        case
    }

    /// A kernel that a small launch may be of: over contiguous elements, from one on.
    fn flat(choices: &mut Choices<'_>) -> Self {
        let mut case = Self::new(choices);
        let (len, offset) = (choices.of(&[3, 1, 2, 17, 64, 100, 511, 700]), choices.below(3));
        let kernel = &mut case.kernel.launch.kernel;
        (kernel.code.rank, kernel.code.check, kernel.code.reduce) = (1, None, None);
        (kernel.args.shape, kernel.args.base) = (Dims::from_slice(&[len]), 0);
        case.bytes.fill(0);
        for (code, args) in kernel.code.operands.iter_mut().zip(&mut kernel.args.operands) {
            code.class = Class::Contiguous;
            *args = OperandArgs { offset, strides: Dims::from_slice(&[1]) };
            let bytes = &mut case.bytes[usize::from(code.buffer)];
            *bytes = (*bytes).max((offset + len) * code.dtype.size());
        }
        case
    }

    fn shape(&self) -> Dims {
        self.kernel.launch.kernel.args.shape.clone()
    }

    fn view(&mut self, buffer: u8, dtype: DType, offset: usize, strides: &[usize]) -> u8 {
        let reach: usize = self.shape().iter().zip(strides).map(|(n, s)| (n - 1) * s).sum();
        let needed = (offset + reach + 1) * dtype.size();
        let bytes = &mut self.bytes[usize::from(buffer)];
        *bytes = needed.max(*bytes);
        self.kernel.view(buffer, dtype, offset, strides)
    }

    fn buffer(&mut self) -> u8 {
        self.bytes.push(0);
        (self.bytes.len() - 1) as u8
    }

    fn node(&mut self, choices: &mut Choices<'_>) -> Value {
        let dtype = if choices.below(2) == 0 { self.home } else { choices.of(&DType::ALL) };
        match choices.below(10) {
            0 | 1 => self.load(choices, dtype),
            2 => {
                let bits = [choices_bits(dtype, choices.bits()), 0, 1][choices.below(3)];
                self.kernel.scalar(dtype, bits)
            }
            3 => {
                let dtype = choices.of(&[DType::I64, DType::I32]);
                self.kernel.node(dtype, Expr::Index)
            }
            4 => self.random(choices),
            5 => {
                let from = choices.of(&DType::ALL);
                let value = self.value(choices, from);
                self.kernel.node(dtype, Expr::Cast(value))
            }
            6 => {
                let mask = self.value(choices, DType::Bool);
                let (a, b) = (self.value(choices, dtype), self.value(choices, dtype));
                self.kernel.node(dtype, Expr::Select([mask, a, b]))
            }
            _ => self.op(choices),
        }
    }

    fn random(&mut self, choices: &mut Choices<'_>) -> Value {
        let words = 1 + choices.below(5) as u8;
        let word = choices.below(words.into()) as u8;
        let scalars = &mut self.kernel.launch.kernel.args.scalars;
        let scalar = scalars.len() as u8;
        scalars.extend([choices.bits(), choices.bits()]);
        self.kernel.node(DType::I32, Expr::Random { word, words, scalar })
    }

    fn op(&mut self, choices: &mut Choices<'_>) -> Value {
        let op = choices.of(Op::ALL);
        let info = op.info();
        let dtypes: Vec<_> = DType::ALL.into_iter().filter(|&d| info.computes_in(d)).collect();
        let at_home = dtypes.contains(&self.home) && choices.below(3) > 0;
        let dtype = if at_home { self.home } else { choices.of(&dtypes) };
        let arguments: Vec<_> = (0..info.arity).map(|_| self.value(choices, dtype)).collect();
        let expr = match arguments[..] {
            [a] => Expr::Unary(op, a),
            [a, b] => Expr::Binary(op, [a, b]),
            [a, b, c] => Expr::Ternary(op, [a, b, c]),
            _ => unreachable!("no row has another arity"),
        };
        self.kernel.node(if info.output == Output::Mask { DType::Bool } else { dtype }, expr)
    }

    fn load(&mut self, choices: &mut Choices<'_>, dtype: DType) -> Value {
        let operands = &self.kernel.launch.kernel.code.operands;
        let there: Vec<_> = (0..operands.len()).filter(|&o| operands[o].dtype == dtype).collect();
        if !there.is_empty() && choices.below(2) == 1 {
            return self.kernel.load(choices.of(&there) as u8);
        }
        let mut strides = injective(choices, &self.shape());
        for stride in &mut strides {
            if choices.below(4) == 3 {
                *stride = 0;
            }
        }
        // Before the stores there are only loads, which may share a buffer.
        let shared = choices.below(4) == 3 && !self.bytes.is_empty();
        let buffer = if shared { choices.below(self.bytes.len()) as u8 } else { self.buffer() };
        let operand = self.view(buffer, dtype, choices.below(3), &strides);
        self.kernel.load(operand)
    }

    /// A value of a dtype: one that is there, or a load.
    fn value(&mut self, choices: &mut Choices<'_>, dtype: DType) -> Value {
        let nodes = &self.kernel.launch.kernel.code.nodes;
        let there: Vec<_> = (0..nodes.len()).filter(|&i| nodes[i].dtype == dtype).collect();
        if there.is_empty() {
            let strides = injective(choices, &self.shape());
            let buffer = self.buffer();
            let operand = self.view(buffer, dtype, choices.below(2), &strides);
            return self.kernel.load(operand);
        }
        // The latest the most often, so that chains grow.
        if choices.below(2) == 0 {
            return there[there.len() - 1] as Value;
        }
        choices.of(&there) as Value
    }

    fn store(&mut self, choices: &mut Choices<'_>) {
        let code = &self.kernel.launch.kernel.code;
        let value = choices.below(code.nodes.len());
        let dtype = code.nodes[value].dtype;
        // In place: an operand that is alone on its buffer and visits no element twice.
        let args = &self.kernel.launch.kernel.args;
        let own: Vec<_> = (0..code.operands.len())
            .filter(|&o| {
                let alone =
                    code.operands.iter().filter(|p| p.buffer == code.operands[o].buffer).count();
                let strides = &args.operands[o].strides;
                let repeats = args.shape.iter().zip(strides).any(|(&n, &s)| n > 1 && s == 0);
                code.operands[o].dtype == dtype
                    && alone == 1
                    && !repeats
                    && !code.stores.iter().any(|s| usize::from(s.operand) == o)
            })
            .collect();
        if !own.is_empty() && choices.below(2) == 1 {
            let operand = choices.of(&own);
            self.kernel.store(operand as u8, value as Value);
            return;
        }
        let strides = injective(choices, &self.shape());
        let buffer = self.buffer();
        let operand = self.view(buffer, dtype, choices.below(3), &strides);
        self.kernel.store(operand, value as Value);
    }

    /// Ends the kernel in a reduction or scan of one of its values.
    fn fold(&mut self, choices: &mut Choices<'_>) {
        let shape = self.shape();
        let scan = choices.below(3) == 2;
        let lead = choices.below(shape.len());
        let reduced = if scan { 1 } else { 1 + choices.below(shape.len() - lead) };
        let value = choices.below(self.kernel.launch.kernel.code.nodes.len());
        let dtype = self.kernel.launch.kernel.code.nodes[value].dtype;
        let folds: Vec<_> = [Op::Add, Op::Mul, Op::Maximum, Op::Minimum, Op::Sub, Op::BitwiseXor]
            .into_iter()
            .filter(|op| op.info().computes_in(dtype))
            .map(Fold::Op)
            .chain([Fold::ArgMax, Fold::ArgMin])
            .collect();
        let bits = [choices_bits(dtype, choices.bits()), 0, 1][choices.below(3)];
        let scalars = &mut self.kernel.launch.kernel.args.scalars;
        scalars.push(bits);
        let identity = (scalars.len() - 1) as u8;
        let buffer = self.buffer();
        let strides = if scan {
            injective(choices, &shape)
        } else {
            let mut kept = shape.clone();
            kept[lead..lead + reduced].fill(1);
            let mut strides = injective(choices, &kept);
            strides[lead..lead + reduced].fill(0);
            strides
        };
        let to = choices.of(&DType::ALL);
        let operand = self.view(buffer, to, choices.below(3), &strides);
        self.kernel.launch.kernel.code.reduce = Some(Reduce {
            fold: choices.of(&folds),
            value: value as Value,
            operand,
            identity,
            lead: lead as u8,
            reduced: reduced as u8,
            scan,
        });
    }

    /// The launch on fresh buffers filled from a seed.
    fn launch(&self, backend: &CpuBackend, seed: u64) -> Launch {
        let mut launch = self.kernel.launch.clone();
        let mut state = seed;
        for &bytes in &self.bytes {
            let contents: Vec<u8> = (0..bytes)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    if self.is_mild {
                        return 0x3c + (state >> 40) as u8 % 8;
                    }
                    // Bytes that are often all zeros or ones make the special numbers.
                    [(state >> 40) as u8, 0, 0xff, 0x7f][(state >> 60) as usize % 4]
                })
                .collect();
            let buffer = backend.allocate(bytes).unwrap();
            backend.write(&buffer, 0, &contents).unwrap();
            launch.buffers.push(buffer);
        }
        launch
    }
}

fn choices_bits(dtype: DType, bits: u64) -> u64 {
    if dtype.size() == 8 { bits } else { bits & ((1 << (8 * dtype.size())) - 1) }
}

/// The stored elements that differ, but for which NaN it is.
pub(super) fn difference(backend: &CpuBackend, a: &Launch, b: &Launch) -> Option<String> {
    let code = &a.kernel.code;
    for (i, (x, y)) in a.buffers.iter().zip(&b.buffers).enumerate() {
        let (mut left, mut right) = (vec![0; x.bytes()], vec![0; x.bytes()]);
        backend.read(x, 0, &mut left).unwrap();
        backend.read(y, 0, &mut right).unwrap();
        let folded = code.reduce.map(|reduce| reduce.operand);
        let dtype = code
            .stores
            .iter()
            .map(|s| s.operand)
            .chain(folded)
            .map(|operand| code.operands[usize::from(operand)])
            .find(|o| usize::from(o.buffer) == i)
            .map_or(DType::U8, |o| o.dtype);
        let elements = left.chunks(dtype.size()).zip(right.chunks(dtype.size()));
        for (at, (l, r)) in elements.enumerate() {
            if l != r && !(is_nan(dtype, l) && is_nan(dtype, r)) {
                return Some(format!("buffer {i}, {dtype} {at}: run {l:?}, reference {r:?}"));
            }
        }
    }
    None
}

fn is_nan(dtype: DType, bytes: &[u8]) -> bool {
    match (dtype, bytes) {
        (DType::F16, &[a, b]) => half::f16::from_le_bytes([a, b]).is_nan(),
        (DType::BF16, &[a, b]) => half::bf16::from_le_bytes([a, b]).is_nan(),
        (DType::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]).is_nan(),
        (DType::F64, _) => f64::from_le_bytes(bytes.try_into().unwrap()).is_nan(),
        _ => false,
    }
}

/// Runs a launch as a small one, if it is.
fn run_flat(backend: &CpuBackend, Launch { kernel, buffers }: &Launch) -> bool {
    let buffers: Vec<&Buffer> = buffers.iter().collect();
    let args = FlatArgs {
        len: kernel.len(),
        offset: kernel.args.operands[0].offset,
        scalars: &kernel.args.scalars,
        buffers: &buffers,
    };
    backend.flat(&kernel.code).expect("for every kernel").run(args)
}

/// Compares a small launch with `reference`.
fn agree_flat(case: &Case, seed: u64) -> Result<(), TestCaseError> {
    let backend = CpuBackend::new();
    let (ours, theirs) = (case.launch(&backend, seed), case.launch(&backend, seed));
    verify(&ours.kernel, ours.buffers.len()).map_err(TestCaseError::fail)?;
    reference::run(&backend, &theirs);
    let is_small = run_flat(&backend, &ours);
    // So many fit a register of the widest lanes.
    prop_assert!(is_small || ours.kernel.len() > 512);
    if !is_small {
        backend.run(std::slice::from_ref(&ours)).unwrap();
    }
    match difference(&backend, &ours, &theirs) {
        Some(what) => Err(TestCaseError::fail(format!("{what}\n{:#?}", ours.kernel))),
        None => Ok(()),
    }
}

/// Runs a launch as one made ready before, if it can be.
pub(super) fn run_ready(backend: &CpuBackend, Launch { kernel, buffers }: &Launch) -> bool {
    let mut bare = kernel.clone();
    bare.args.scalars.clear();
    let Some(ready) = backend.ready(&bare) else { return false };
    let buffers: Vec<&Buffer> = buffers.iter().collect();
    ready.run(&kernel.args.scalars, kernel.args.check, &buffers);
    true
}

/// Compares `run`, and a launch made ready, with `reference`.
fn agree(case: &Case, seed: u64) -> Result<(), TestCaseError> {
    let backend = CpuBackend::new();
    let (ours, theirs) = (case.launch(&backend, seed), case.launch(&backend, seed));
    verify(&ours.kernel, ours.buffers.len()).map_err(TestCaseError::fail)?;
    let failed = reference::run(&backend, &theirs);
    backend.run(std::slice::from_ref(&ours)).unwrap();
    let code = failed.then_some(ours.kernel.args.check);
    prop_assert_eq!(backend.wait().unwrap(), code);
    let ready = case.launch(&backend, seed);
    if run_ready(&backend, &ready) {
        prop_assert_eq!(backend.wait().unwrap(), code);
        if let Some(what) = difference(&backend, &ready, &theirs) {
            return Err(TestCaseError::fail(format!("made ready: {what}\n{:#?}", ready.kernel)));
        }
    }
    match difference(&backend, &ours, &theirs) {
        Some(what) => Err(TestCaseError::fail(format!("{what}\n{:#?}", ours.kernel))),
        None => Ok(()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn run_of_any_kernel_gives_bits_of_reference(
        decisions in prop::collection::vec(any::<u32>(), 1..150),
        seed: u64,
    ) {
        agree(&Case::new(&mut Choices(decisions.iter())), seed)?;
    }

    #[test]
    fn small_launch_of_any_kernel_gives_bits_of_reference(
        decisions in prop::collection::vec(any::<u32>(), 1..150),
        seed: u64,
    ) {
        agree_flat(&Case::flat(&mut Choices(decisions.iter())), seed)?;
    }

    #[test]
    fn run_of_arithmetic_gives_bits_of_reference(
        decisions in prop::collection::vec(any::<u32>(), 1..100),
        seed: u64,
    ) {
        agree(&Case::arithmetic(&mut Choices(decisions.iter())), seed)?;
    }
}
