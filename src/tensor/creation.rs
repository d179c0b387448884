//! New tensors: from sizes, from numbers, from data.
//!
//! `arange` of floats and `linspace` are computed on the CPU in float64, as PyTorch's CPU kernels compute
//! them, and go where they are asked for.

use crate::device::Device;
use crate::dtype::{Category, DType, Element};
use crate::error::{Error, Result};
use crate::graph::{Program, Storage, View, runtime};
use crate::kernel::{Expr, Value};
use crate::layout::{self, Layout};
use crate::ops::Op;
use crate::scalar::Scalar;

use super::elementwise::{Build, check_dtype, check_fits, new_tensor};
use super::sizes::{IntoSizes, new_shape};
use super::{Options, Tensor};

/// A tensor whose elements are yet to be written.
///
/// They are whatever the memory held; zeros on fresh memory.
///
/// # Errors
/// `Value` for a negative size, `Shape` for too many elements, `Device` when the device lacks the dtype.
///
/// # Example
/// ```
/// assert_eq!(taut::empty([2, 3], ())?.shape(), [2, 3]);
/// # Ok::<(), taut::Error>(())
/// ```
pub fn empty(shape: impl IntoSizes, options: impl Into<Options>) -> Result<Tensor> {
    let options = options.into();
    let shape = new_shape(shape)?;
    let layout = Layout::contiguous(&shape)?;
    let runtime = runtime(options.device())?;
    let dtype = options.dtype.unwrap_or(DType::DEFAULT);
    new_tensor(runtime, dtype, layout)
}

/// A tensor of zeros.
///
/// # Errors
/// As [`empty`].
///
/// # Example
/// ```
/// assert_eq!(taut::zeros([2], ())?.to_vec::<f32>()?, [0.0, 0.0]);
/// # Ok::<(), taut::Error>(())
/// ```
#[track_caller]
pub fn zeros(shape: impl IntoSizes, options: impl Into<Options>) -> Result<Tensor> {
    filled(empty(shape, options)?, Scalar::Int(0))
}

/// A tensor of ones.
///
/// # Errors
/// As [`empty`].
///
/// # Example
/// ```
/// use taut::DType;
/// assert_eq!(taut::ones([2], DType::I32)?.to_vec::<i32>()?, [1, 1]);
/// # Ok::<(), taut::Error>(())
/// ```
#[track_caller]
pub fn ones(shape: impl IntoSizes, options: impl Into<Options>) -> Result<Tensor> {
    filled(empty(shape, options)?, Scalar::Int(1))
}

/// A tensor of one value everywhere.
///
/// Without a dtype among the options the value decides: bool, int64 or the default float dtype.
///
/// # Errors
/// As [`empty`]; `Value` for a number that the dtype cannot hold.
///
/// # Example
/// ```
/// assert_eq!(taut::full([2], 7, ())?.to_vec::<i64>()?, [7, 7]);
/// # Ok::<(), taut::Error>(())
/// ```
#[track_caller]
pub fn full(
    shape: impl IntoSizes,
    value: impl Into<Scalar>,
    options: impl Into<Options>,
) -> Result<Tensor> {
    let (value, mut options) = (value.into(), options.into());
    let dtype = *options.dtype.get_or_insert(value.dtype());
    let tensor = empty(shape, options)?;
    check_fits(value, dtype)?;
    filled(tensor, value)
}

#[track_caller]
fn filled(tensor: Tensor, value: Scalar) -> Result<Tensor> {
    tensor.fill_unchecked(value.into())?;
    Ok(tensor)
}

/// The integers, or the multiples of the step, from 0 up to `end`, which is left out.
///
/// Without a dtype among the options: int64 if all numbers are integers, else the default float dtype.
///
/// # Errors
/// As [`arange_step`].
///
/// # Example
/// ```
/// assert_eq!(taut::arange(3, ())?.to_vec::<i64>()?, [0, 1, 2]);
/// # Ok::<(), taut::Error>(())
/// ```
#[track_caller]
pub fn arange(end: impl Into<Scalar>, options: impl Into<Options>) -> Result<Tensor> {
    arange_step(0, end, 1, options)
}

/// `start`, `start + step`, and so on up to `end`, which is left out.
///
/// # Errors
/// `Value` for a step of zero, bounds on the wrong side, or bounds that are not finite; of floats on a GPU what
/// went wrong on the CPU, which computes them, since its last read point.
///
/// # Example
/// ```
/// assert_eq!(taut::arange_step(1, 2, 0.5, ())?.to_vec::<f32>()?, [1.0, 1.5]);
/// # Ok::<(), taut::Error>(())
/// ```
#[track_caller]
pub fn arange_step(
    start: impl Into<Scalar>,
    end: impl Into<Scalar>,
    step: impl Into<Scalar>,
    options: impl Into<Options>,
) -> Result<Tensor> {
    let (start, end, step, options) = (start.into(), end.into(), step.into(), options.into());
    let floats = [start, end, step].iter().any(|s| s.category() == Category::Float);
    let dtype = options.dtype.unwrap_or(if floats { DType::DEFAULT } else { DType::I64 });
    let (first, last, stride) = (start.to_f64(), end.to_f64(), step.to_f64());
    if stride == 0.0 || stride.is_nan() {
        return Err(Error::value(format!("step must be nonzero, but got {stride}")));
    }
    if !first.is_finite() || !last.is_finite() {
        return Err(Error::value(format!("unsupported range: {first} -> {last}")));
    }
    if (stride > 0.0) != (last >= first) && last != first {
        return Err(Error::value(format!(
            "upper bound and lower bound inconsistent with step sign: {first} -> {last} by {stride}"
        )));
    }
    let integral = dtype.category() != Category::Float;
    let len = if integral && !floats {
        let span = i128::from(end.to_i64()) - i128::from(start.to_i64());
        let step = i128::from(step.to_i64());
        ((span + step - step.signum()) / step) as f64
    } else {
        ((last - first) / stride).ceil()
    };
    let len = checked_len(len)?;
    if integral && dtype != DType::Bool {
        return integers(len, start.to_i64(), step.to_i64(), dtype, options);
    }
    let range = computed("arange", len, (dtype, Device::Cpu), index_of(len), |build, index| {
        let [first, stride] = [first, stride].map(|number| build.scalar(number, DType::F64));
        let program = build.program();
        let index = program.cast(index, DType::F64);
        let offset = program.binary(Op::Mul, index, stride);
        program.binary(Op::Add, first, offset)
    })?;
    range.to(options.device())
}

/// `start + i * step`, computed where the tensor lives; wraps like every integer.
#[track_caller]
fn integers(len: usize, start: i64, step: i64, dtype: DType, options: Options) -> Result<Tensor> {
    let wide = if dtype == DType::I64 { DType::I64 } else { DType::I32 };
    computed("arange", len, (dtype, options.device()), wide, |build, index| {
        let [start, step] = [start, step].map(|number| build.scalar(number, wide));
        let offset = build.program().binary(Op::Mul, index, step);
        build.program().binary(Op::Add, start, offset)
    })
}

/// `steps` numbers evenly spaced from `start` to `end`, both included.
///
/// # Errors
/// `Value` for a negative number of steps, or an end that the dtype cannot hold; on a GPU what went wrong on the
/// CPU, which computes the numbers, since its last read point.
///
/// # Example
/// ```
/// assert_eq!(taut::linspace(0, 1, 3, ())?.to_vec::<f32>()?, [0.0, 0.5, 1.0]);
/// # Ok::<(), taut::Error>(())
/// ```
#[track_caller]
pub fn linspace(
    start: impl Into<Scalar>,
    end: impl Into<Scalar>,
    steps: i64,
    options: impl Into<Options>,
) -> Result<Tensor> {
    let (start, end, options) = (start.into(), end.into(), options.into());
    let Ok(len) = usize::try_from(steps) else {
        return Err(Error::value(format!("number of steps must be non-negative, but got {steps}")));
    };
    let dtype = options.dtype.unwrap_or(DType::DEFAULT);
    // What is no number of the result need not be one of the dtype.
    for scalar in [start, end].into_iter().take(len) {
        check_fits(scalar, dtype)?;
    }
    let narrow = |x: f64| round_to(x, dtype);
    let (first, last) = (narrow(start.to_f64()), narrow(end.to_f64()));
    let intervals = len.saturating_sub(1).max(1) as f64;
    let step = wide(dtype, (last - first) / intervals);
    let middle = if len == 1 { 1 } else { len / 2 };
    let counts = index_of(len);
    let points = computed("linspace", len, (dtype, Device::Cpu), counts, |build, index| {
        let [first, last, forth, back] =
            [first, last, step, -step].map(|number| build.scalar(number, DType::F64));
        let [middle, end] =
            [middle, len.saturating_sub(1)].map(|number| build.scalar(number as i64, counts));
        let program = build.program();
        let round = |program: &mut Program, value| {
            program.cast(value, if dtype == DType::F64 { DType::F64 } else { DType::F32 })
        };
        // From both ends towards the middle, as PyTorch does, so that both are exact.
        let is_first = program.binary(Op::Lt, index, middle);
        let left = program.binary(Op::Sub, end, index);
        let steps = program.select(is_first, index, left);
        let steps = program.cast(steps, DType::F64);
        let step = program.select(is_first, forth, back);
        let from = program.select(is_first, first, last);
        let offset = program.binary(Op::Mul, step, steps);
        let offset = round(program, offset);
        let offset = program.cast(offset, DType::F64);
        let value = program.binary(Op::Add, from, offset);
        round(program, value)
    })?;
    points.to(options.device())
}

/// The value as PyTorch's CPU kernels hold it while they compute in `dtype`.
fn wide(dtype: DType, value: f64) -> f64 {
    if dtype == DType::F64 { value } else { f64::from(value as f32) }
}

fn round_to(value: f64, dtype: DType) -> f64 {
    match dtype.category() {
        Category::Float => wide(dtype, value),
        _ => value.trunc(),
    }
}

/// The matrix with ones on its diagonal and zeros elsewhere, `(rows, columns)`.
///
/// # Errors
/// `Value` for a negative size.
///
/// # Example
/// ```
/// assert_eq!(taut::eye(2, 2, ())?.to_vec::<f32>()?, [1.0, 0.0, 0.0, 1.0]);
/// # Ok::<(), taut::Error>(())
/// ```
#[track_caller]
pub fn eye(rows: i64, columns: i64, options: impl Into<Options>) -> Result<Tensor> {
    for (name, size) in [("n", rows), ("m", columns)] {
        if size < 0 {
            return Err(Error::value(format!("{name} must be greater or equal to 0, got {size}")));
        }
    }
    let matrix = zeros([rows, columns], options)?;
    filled(matrix.with_layout(matrix.layout().diagonal(0, 0, 1)?), Scalar::Int(1))?;
    Ok(matrix)
}

fn checked_len(len: f64) -> Result<usize> {
    if len >= isize::MAX as f64 {
        return Err(Error::shape(format!("invalid size, possible overflow: {len} elements")));
    }
    Ok(len.max(0.0) as usize)
}

/// A tensor whose elements `element` computes of their index, an int32 or int64, where it is made.
#[track_caller]
fn computed(
    name: &'static str,
    len: usize,
    made: (DType, Device),
    index: DType,
    element: impl FnOnce(&mut Build, Value) -> Value,
) -> Result<Tensor> {
    let target = empty([len], made)?;
    let mut build = Build::over(name, target.runtime(), target.dims());
    let index = build.program().push(Expr::Index, index);
    let value = element(&mut build, index);
    build.write(value, &target)?;
    Ok(target)
}

/// The dtype of the indices of float64 programs: the narrow one becomes a float64 in one instruction.
fn index_of(len: usize) -> DType {
    if i32::try_from(len).is_ok() { DType::I32 } else { DType::I64 }
}

fn from_bytes(layout: Layout, dtype: DType, options: Options, bytes: &[u8]) -> Result<Tensor> {
    let runtime = runtime(options.device())?;
    check_dtype(options.device(), dtype)?;
    let storage = runtime.upload(dtype, layout.len(), bytes)?;
    Ok(Tensor::from_view(View { storage, layout }))
}

/// A tensor of the given shape with these elements in row-major order.
///
/// An explicit dtype among the options converts before the upload.
///
/// # Errors
/// `Shape` when there are not as many elements as the shape has.
///
/// # Example
/// ```
/// let x = taut::from_slice(&[1.0f32, 2.0, 3.0, 4.0], [2, 2], ())?;
/// assert_eq!(x.shape(), [2, 2]);
/// # Ok::<(), taut::Error>(())
/// ```
pub fn from_slice<T: Element>(
    elements: &[T],
    shape: impl IntoSizes,
    options: impl Into<Options>,
) -> Result<Tensor> {
    let options = options.into();
    let layout = Layout::contiguous(&new_shape(shape)?)?;
    if layout.len() != elements.len() {
        return Err(Error::shape(format!(
            "shape '{:?}' is invalid for input of size {}",
            layout.shape(),
            elements.len()
        )));
    }
    let bytes = T::as_bytes(elements);
    match options.dtype {
        Some(dtype) if dtype != T::DTYPE => {
            let here = from_bytes(layout, T::DTYPE, Options::default(), bytes)?;
            here.to((dtype, options.device()))
        }
        _ => from_bytes(layout, T::DTYPE, options, bytes),
    }
}

/// A tensor of the given shape of the elements of a `Vec`, which the CPU takes without a copy.
pub(crate) fn from_vec<T: Element>(
    elements: Vec<T>,
    layout: Layout,
    options: Options,
) -> Result<Tensor> {
    let storage = Storage::adopt(runtime(Device::Cpu)?, elements);
    let device = options.device();
    Tensor::from_view(View { storage, layout }).to(Options { device: Some(device), ..options })
}

macro_rules! like {
    ($($name:ident $function:ident ($($arg:ident: $type:ty)?) $what:literal;)*) => {$(
        #[doc = concat!("A tensor of ", $what, " with the shape, dtype, device and order in memory of another.")]
        ///
        /// Options override dtype and device.
        ///
        /// # Errors
        #[doc = concat!("As [`", stringify!($function), "`].")]
        #[track_caller]
        pub fn $name(
            model: &Tensor,
            $($arg: $type,)?
            options: impl Into<Options>,
        ) -> Result<Tensor> {
            let tensor = model.new_like(options.into())?;
            $(
                let $arg = $arg.into();
                check_fits($arg, tensor.dtype())?;
            )?
            like!(@fill $function tensor $($arg)?)
        }
    )*};
    (@fill empty $tensor:ident) => { Ok($tensor) };
    (@fill zeros $tensor:ident) => { filled($tensor, Scalar::Int(0)) };
    (@fill ones $tensor:ident) => { filled($tensor, Scalar::Int(1)) };
    (@fill full $tensor:ident $value:ident) => { filled($tensor, $value) };
}

like! {
    empty_like empty () "unwritten elements";
    zeros_like zeros () "zeros";
    ones_like ones () "ones";
    full_like full (value: impl Into<Scalar>) "one value";
}

impl Tensor {
    fn new_like(&self, options: Options) -> Result<Self> {
        let runtime = runtime(options.device.unwrap_or(self.device()))?;
        let dtype = options.dtype.unwrap_or(self.dtype());
        let strides = layout::preserved_strides(self.layout());
        new_tensor(runtime, dtype, Layout::dense(self.dims(), strides)?)
    }
}
