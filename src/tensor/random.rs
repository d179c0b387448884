//! Random tensors.
//!
//! Owns [`Generator`] and the functions that draw from one. The numbers are counter-based, so element
//! `i` of a draw is the same on every device and at any thread count; they are not PyTorch's numbers.
//!
//! Source: J. Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011 (Philox4x32-10).

use std::sync::{Mutex, PoisonError};

use crate::dtype::{Category, DType};
use crate::error::{Error, Result};
use crate::graph::runtime;
use crate::kernel::{Expr, Value};
use crate::ops::Op;

use super::elementwise::{Build, new_tensor};
use super::sizes::{IntoSizes, new_shape};
use super::{Options, Tensor};
use crate::layout::Layout;

/// A stream of random numbers: a seed, and how far it has been drawn.
///
/// # Example
/// ```
/// use taut::Generator;
/// let x = Generator::new(7).rand([3], ())?;
/// let y = Generator::new(7).rand([3], ())?;
/// assert_eq!(x.to_vec::<f32>()?, y.to_vec::<f32>()?);
/// # Ok::<(), taut::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generator {
    seed: u64,
    /// 32-bit words drawn so far.
    offset: u64,
}

/// The generator of the free functions, seeded from the system's entropy at first use.
static DEFAULT: Mutex<Option<Generator>> = Mutex::new(None);

fn with_default<T>(work: impl FnOnce(&mut Generator) -> T) -> T {
    let mut default = DEFAULT.lock().unwrap_or_else(PoisonError::into_inner);
    work(default.get_or_insert_with(Generator::from_entropy))
}

/// Seeds the generator that [`rand()`] and its kin draw from.
///
/// # Example
/// ```
/// taut::manual_seed(1);
/// let x = taut::rand([3], ())?.to_vec::<f32>()?;
/// taut::manual_seed(1);
/// assert_eq!(taut::rand([3], ())?.to_vec::<f32>()?, x);
/// # Ok::<(), taut::Error>(())
/// ```
pub fn manual_seed(seed: u64) {
    with_default(|generator| *generator = Generator::new(seed));
}

/// Floats uniform in [0, 1), see [`Generator::rand`].
///
/// # Errors
/// As [`Generator::rand`].
///
/// # Example
/// ```
/// let x = taut::rand([100], ())?;
/// assert!(x.to_vec::<f32>()?.iter().all(|v| (0.0..1.0).contains(v)));
/// # Ok::<(), taut::Error>(())
/// ```
#[track_caller]
pub fn rand(shape: impl IntoSizes, options: impl Into<Options>) -> Result<Tensor> {
    let (shape, options) = (shape.into_sizes(), options.into());
    with_default(|generator| generator.rand(&shape[..], options))
}

/// Normally distributed floats of mean 0 and variance 1, see [`Generator::randn`].
///
/// # Errors
/// As [`Generator::randn`].
///
/// # Example
/// ```
/// assert_eq!(taut::randn([2, 3], ())?.shape(), [2, 3]);
/// # Ok::<(), taut::Error>(())
/// ```
#[track_caller]
pub fn randn(shape: impl IntoSizes, options: impl Into<Options>) -> Result<Tensor> {
    let (shape, options) = (shape.into_sizes(), options.into());
    with_default(|generator| generator.randn(&shape[..], options))
}

/// Integers uniform from `low` up to `high`, which is left out; see [`Generator::randint`].
///
/// # Errors
/// As [`Generator::randint`].
///
/// # Example
/// ```
/// let x = taut::randint(-3, 4, [100], ())?;
/// assert!(x.to_vec::<i64>()?.iter().all(|v| (-3..4).contains(v)));
/// # Ok::<(), taut::Error>(())
/// ```
#[track_caller]
pub fn randint(
    low: i64,
    high: i64,
    shape: impl IntoSizes,
    options: impl Into<Options>,
) -> Result<Tensor> {
    let (shape, options) = (shape.into_sizes(), options.into());
    with_default(|generator| generator.randint(low, high, &shape[..], options))
}

impl Generator {
    /// A generator at the start of the stream of this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, offset: 0 }
    }

    /// A generator seeded from the system's entropy.
    pub fn from_entropy() -> Self {
        Self::new(rand::random())
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Floats uniform in [0, 1): multiples of 2^-24 in float32, 2^-53 in float64, 2^-11 in float16, 2^-8
    /// in bfloat16.
    ///
    /// # Errors
    /// `Dtype` unless the dtype is a float; else as [`empty`](crate::empty).
    #[track_caller]
    pub fn rand(&mut self, shape: impl IntoSizes, options: impl Into<Options>) -> Result<Tensor> {
        let options = options.into();
        let dtype = options.dtype.unwrap_or(DType::DEFAULT);
        if dtype.category() != Category::Float {
            return Err(Error::dtype(format!(
                "rand gives floats, but got dtype {dtype}; use randint for integers"
            )));
        }
        let words = if dtype == DType::F64 { 2 } else { 1 };
        self.draw("rand", shape, options, dtype, words, |build, word| {
            if dtype == DType::F64 {
                return fraction(build, word, 0);
            }
            let digits = match dtype {
                DType::F16 => 11,
                DType::BF16 => 8,
                _ => 24,
            };
            let number = leading(build, word, 0, digits, 0.0);
            build.program().cast(number, dtype)
        })
    }

    /// Normally distributed floats of mean 0 and variance 1.
    ///
    /// By the method of G. Box and M. Muller (1958) in the dtype's lane, one number from each pair of
    /// uniform ones; magnitudes reach 6.6 in float32 and the halves, 8.6 in float64.
    ///
    /// # Errors
    /// As [`rand`](Self::rand).
    #[track_caller]
    pub fn randn(&mut self, shape: impl IntoSizes, options: impl Into<Options>) -> Result<Tensor> {
        let options = options.into();
        let dtype = options.dtype.unwrap_or(DType::DEFAULT);
        if dtype.category() != Category::Float {
            return Err(Error::dtype(format!(
                "randn gives floats, but got dtype {dtype}; use randint for integers"
            )));
        }
        let lane = if dtype == DType::F64 { DType::F64 } else { DType::F32 };
        let words = if dtype == DType::F64 { 4 } else { 2 };
        self.draw("randn", shape, options, dtype, words, |build, word| {
            let (uniform, angle) = if lane == DType::F64 {
                let uniform = fraction(build, word, 0);
                // Half a step above the fraction: its logarithm is finite.
                let half = build.scalar(f64::powi(2.0, -54), lane);
                (build.program().binary(Op::Add, uniform, half), fraction(build, word, 2))
            } else {
                // Dense near 0, where the tail of the distribution is.
                (leading(build, word, 0, 31, 0.5), leading(build, word, 1, 24, 0.0))
            };
            let log = build.program().unary(Op::Log, uniform);
            let minus_two = build.scalar(-2, lane);
            let square = build.program().binary(Op::Mul, log, minus_two);
            let radius = build.program().unary(Op::Sqrt, square);
            let turn = build.scalar(std::f64::consts::TAU, lane);
            let angle = build.program().binary(Op::Mul, angle, turn);
            let cosine = build.program().unary(Op::Cos, angle);
            let number = build.program().binary(Op::Mul, radius, cosine);
            build.program().cast(number, dtype)
        })
    }

    /// Integers uniform from `low` up to `high`, which is left out; int64 unless the options say
    /// otherwise.
    ///
    /// The range may span up to 2^32 numbers; for a range of `r` the probabilities of two numbers differ
    /// by at most `r / 2^32` of themselves. For float dtypes the bounds must fit an int32.
    ///
    /// # Errors
    /// `Value` when the range is empty, spans more than 2^32 numbers or does not fit the dtype; else as
    /// [`empty`](crate::empty).
    #[track_caller]
    pub fn randint(
        &mut self,
        low: i64,
        high: i64,
        shape: impl IntoSizes,
        options: impl Into<Options>,
    ) -> Result<Tensor> {
        let options = options.into();
        let dtype = options.dtype.unwrap_or(DType::I64);
        if low >= high {
            return Err(Error::value(format!(
                "random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
            )));
        }
        let range = i128::from(high) - i128::from(low);
        if range > 1 << 32 {
            return Err(Error::value(format!(
                "randint spans at most 2^32 numbers, but got {range} from {low} to {high}"
            )));
        }
        for bound in [low, high - 1] {
            super::elementwise::check_fits(bound.into(), dtype)?;
            let wide = dtype.is_floating_point() && i32::try_from(bound).is_err();
            if (dtype == DType::U8 && bound < 0) || wide {
                return Err(Error::value(format!(
                    "{bound} is out of bounds for randint in {dtype}"
                )));
            }
        }
        self.draw("randint", shape, options, dtype, 1, |build, word| {
            let word = word(build, 0);
            let number = below(build, word, range as u64);
            // Both the number and the shift fit 32 bits, or the dtype is int64 and holds the sum.
            let wide =
                if dtype.lane() == crate::dtype::Lane::I64 { DType::I64 } else { DType::I32 };
            let wide = if dtype.is_floating_point() { DType::I32 } else { wide };
            let mut number = build.program().cast(number, wide);
            if wide == DType::I64 {
                // The sign that the cast copied goes again: the word is unsigned.
                let (up, down) =
                    (build.scalar(1_i64 << 32, DType::I64), build.scalar(32, DType::I64));
                number = build.program().binary(Op::Mul, number, up);
                number = build.program().binary(Op::ShiftRightLogical, number, down);
            }
            let shift = build.scalar(low, wide);
            let number = build.program().binary(Op::Add, number, shift);
            build.program().cast(number, dtype)
        })
    }

    fn draw(
        &mut self,
        name: &'static str,
        shape: impl IntoSizes,
        options: Options,
        dtype: DType,
        words: u8,
        number: impl FnOnce(&mut Build, Word) -> Value,
    ) -> Result<Tensor> {
        let shape = new_shape(shape)?;
        let layout = Layout::contiguous(&shape)?;
        let runtime = runtime(options.device())?;
        let len = layout.len() as u64;
        let target = new_tensor(runtime, dtype, layout)?;
        let mut build = Build::over(name, runtime, shape);
        build.program().scalars.extend_from_slice(&[self.seed, self.offset]);
        let word: Word = match words {
            1 => |build, word| random_word(build, word, 1),
            2 => |build, word| random_word(build, word, 2),
            _ => |build, word| random_word(build, word, 4),
        };
        let value = number(&mut build, word);
        build.write(value, &target)?;
        self.offset = self.offset.wrapping_add(len * u64::from(words));
        Ok(target)
    }
}

/// Gives the word of this number among those of an element.
type Word = fn(&mut Build, u8) -> Value;

/// One of the `words` random words of an element; seed and offset are the first scalars.
fn random_word(build: &mut Build, word: u8, words: u8) -> Value {
    build.program().push(Expr::Random { word, words, scalar: 0 }, DType::I32)
}

/// The leading `digits` bits of a word plus `above`, as a float32 fraction of 2^digits.
fn leading(build: &mut Build, word: Word, index: u8, digits: i32, above: f64) -> Value {
    let word = word(build, index);
    let bits = shifted(build, word, 32 - digits);
    let mut number = build.program().cast(bits, DType::F32);
    if above != 0.0 {
        let above = build.scalar(above, DType::F32);
        number = build.program().binary(Op::Add, number, above);
    }
    let unit = build.scalar(f64::powi(2.0, -digits), DType::F32);
    build.program().binary(Op::Mul, number, unit)
}

/// 53 random bits, 27 from one word and 26 from the next, as a float64 in [0, 1).
fn fraction(build: &mut Build, word: Word, index: u8) -> Value {
    let [high, low] = [word(build, index), word(build, index + 1)];
    let high = shifted(build, high, 5);
    let low = shifted(build, low, 6);
    let [high, low] = [high, low].map(|v| build.program().cast(v, DType::F64));
    let scale = build.scalar(f64::from(1 << 26), DType::F64);
    let high = build.program().binary(Op::Mul, high, scale);
    let bits = build.program().binary(Op::Add, high, low);
    let unit = build.scalar(f64::powi(2.0, -53), DType::F64);
    build.program().binary(Op::Mul, bits, unit)
}

/// A number below `range`, from a word that is uniform: the upper half of their product.
fn below(build: &mut Build, word: Value, range: u64) -> Value {
    if range == 1 << 32 {
        return word;
    }
    let range = build.program().scalar_bits(range, DType::I32);
    build.program().binary(Op::MulHigh, word, range)
}

/// The word as an unsigned number, shifted right by at least one bit.
fn shifted(build: &mut Build, word: Value, bits: i32) -> Value {
    let bits = build.scalar(bits, DType::I32);
    build.program().binary(Op::ShiftRightLogical, word, bits)
}
