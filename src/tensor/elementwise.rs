//! Recording an element-wise operation.
//!
//! Owns [`Build`]: devices, broadcasting and loads are settled here once, for every operation; what the
//! operation computes is added by the caller; the result goes to a new tensor or into an existing one.

use std::panic::Location;

use smallvec::SmallVec;
use triomphe::Arc;

use crate::device::Device;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::graph::{Fetching, Folding, Program, Record, Refusal, Runtime, Storage, View, runtime};
use crate::kernel::{Dims, Expr, Value};
use crate::layout::{self, Layout, Overlap};
use crate::ops::Op;
use crate::scalar::Scalar;

use super::reduce::{Order, Reduction};
use super::{Arg, Tensor};

/// An element-wise operation in the making.
///
/// Small on purpose: it moves through every function that records.
pub(crate) struct Build {
    runtime: &'static Runtime,
    /// A layout of the iteration space; its sizes alone matter.
    space: Layout,
    /// Its views are the inputs until it is finished.
    record: Box<Record>,
}

impl Build {
    /// Settles device and shape for the tensors among `args`.
    ///
    /// # Errors
    /// `Device` when they are on different devices (0-d CPU tensors mix in), `Shape` when they do not
    /// broadcast.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn new(name: &'static str, args: &[Arg<'_>]) -> Result<Self> {
        let (runtime, space) = common_space(args)?;
        Ok(Self { runtime, space, record: Record::new(name, Location::caller()) })
    }

    /// As [`Self::new`], for an operation that writes into a target: what shares memory is refused before the
    /// shapes are looked at, as PyTorch does.
    ///
    /// # Errors
    /// `Overlap`; as [`Self::new`].
    #[inline]
    #[track_caller]
    pub(crate) fn onto(name: &'static str, target: &Tensor, args: &[Arg<'_>]) -> Result<Self> {
        check_internal_overlap(target)?;
        let mut inputs = args.iter().filter_map(|arg| arg.tensor());
        inputs.try_for_each(|input| check_partial_overlap(input, target))?;
        Self::new(name, args)
    }

    /// [`Self::onto`] a target, or [`Self::new`] where there is none.
    ///
    /// # Errors
    /// As these.
    #[track_caller]
    pub(crate) fn at(
        name: &'static str,
        target: Option<&Tensor>,
        args: &[Arg<'_>],
    ) -> Result<Self> {
        match target {
            Some(target) => Self::onto(name, target, args),
            None => Self::new(name, args),
        }
    }

    /// An operation over a given shape on a given device.
    #[track_caller]
    pub(crate) fn over(name: &'static str, runtime: &'static Runtime, shape: Dims) -> Self {
        let record = Record::new(name, Location::caller());
        Self { runtime, space: space_of(shape), record }
    }

    /// What the operation computes.
    #[inline]
    pub(crate) fn program(&mut self) -> &mut Program {
        &mut self.record.program
    }

    pub(crate) fn dtype(&self, value: Value) -> DType {
        self.record.program.dtype(value)
    }

    /// Has the operation refused at the next read point if this bool value is true anywhere.
    pub(crate) fn refuse_where(&mut self, value: Value, refusal: Refusal) {
        self.record.program.check = Some(value);
        self.record.refusal = Some(Box::new(refusal));
    }

    /// The argument's value in `dtype`.
    #[inline(always)]
    pub(crate) fn value(&mut self, arg: Arg<'_>, dtype: DType) -> Result<Value> {
        match arg {
            Arg::Scalar(scalar) => Ok(self.scalar(scalar, dtype)),
            Arg::Tensor(tensor) => {
                let value = self.load(tensor)?;
                let same = tensor.dtype() == dtype;
                Ok(if same { value } else { self.record.program.cast(value, dtype) })
            }
        }
    }

    pub(crate) fn scalar(&mut self, scalar: impl Into<Scalar>, dtype: DType) -> Value {
        self.record.program.scalar_bits(scalar_bits(scalar.into(), dtype), dtype)
    }

    /// The element of a tensor, in its own dtype.
    #[inline]
    pub(crate) fn load(&mut self, tensor: &Tensor) -> Result<Value> {
        if !std::ptr::eq(tensor.runtime(), self.runtime) {
            // A 0-d CPU tensor beside GPU tensors: its value now is its value in program order.
            let scalar = tensor.item_scalar()?;
            return Ok(self.scalar(scalar, tensor.dtype()));
        }
        let index = if tensor.layout().has_sizes_of(&self.space) {
            self.record.input(tensor.view_ref())
        } else {
            let strides = tensor.layout().broadcast_strides(self.shape());
            let shape = Dims::from_slice(self.shape());
            let layout = Layout::new(shape, strides, tensor.layout().offset());
            self.record.input(&View { storage: tensor.storage().clone(), layout })
        };
        Ok(self.record.program.load(index, tensor.dtype()))
    }

    /// The element of `source` that is `at` away from the point's place, which `strides` over the
    /// iteration space give. Comes after all loads, once; see `Expr::Fetch`.
    pub(crate) fn fetch(&mut self, source: &Tensor, strides: Dims, at: Value) -> Value {
        debug_assert!(std::ptr::eq(source.runtime(), self.runtime) && self.record.fetch.is_none());
        let input = self.record.views.len();
        self.record.add_view(source.view_ref());
        self.record.fetch = Some(Box::new(Fetching { input, strides }));
        self.record.program.push(Expr::Fetch { operand: input as u8, at }, source.dtype())
    }

    /// As [`Self::finish`], with dense strides of the caller's choice for the result.
    pub(crate) fn finish_as(self, value: Value, strides: Dims) -> Result<Tensor> {
        let dtype = self.dtype(value);
        let tensor = new_tensor(self.runtime, dtype, Layout::dense(self.dims(), strides)?)?;
        self.store(value, &tensor)?;
        Ok(tensor)
    }

    /// Records the operation with a new tensor as its result, laid out as PyTorch would lay it out.
    ///
    /// # Errors
    /// `Device` when the device lacks the dtype.
    #[inline(always)]
    pub(crate) fn finish(self, value: Value) -> Result<Tensor> {
        let dtype = self.dtype(value);
        let inputs = &self.record.views;
        let layouts = || inputs.iter().map(|view| &view.layout);
        let layout = if layouts().all(|layout| layout.is_contiguous())
            || layouts().all(|layout| layout::are_row_major(layout.strides()))
        {
            self.space.made_contiguous()?
        } else {
            let inputs: SmallVec<[&[usize]; 4]> =
                inputs.iter().map(|view| view.layout.strides()).collect();
            Layout::dense(self.dims(), layout::elementwise_strides(self.shape(), &inputs))?
        };
        let tensor = new_tensor(self.runtime, dtype, layout)?;
        self.store(value, &tensor)?;
        Ok(tensor)
    }

    /// The iteration space.
    fn shape(&self) -> &[usize] {
        self.space.shape()
    }

    fn dims(&self) -> Dims {
        layout::sizes_of(self.shape())
    }

    /// The dimensions of the iteration space.
    pub(crate) fn rank(&self) -> usize {
        self.space.rank()
    }

    /// Whether there are no points.
    pub(crate) fn is_empty(&self) -> bool {
        self.space.is_empty()
    }

    /// Records a fold of the value over the dims of `mask`, which the result keeps with size 1.
    pub(crate) fn finish_fold(
        self,
        value: Value,
        reduction: &Reduction,
        identity: u64,
        (mask, order): (&[bool], Order),
    ) -> Result<Tensor> {
        let mut shape = self.dims();
        shape.iter_mut().zip(mask).filter(|(_, folded)| **folded).for_each(|(size, _)| *size = 1);
        self.finish_folding(value, reduction, identity, (mask, order), shape, false)
    }

    /// Records a scan of the value along the one dim of `mask`.
    pub(crate) fn finish_scan(
        self,
        value: Value,
        reduction: &Reduction,
        identity: u64,
        mask: &[bool],
    ) -> Result<Tensor> {
        let shape = self.dims();
        self.finish_folding(value, reduction, identity, (mask, Order::Shape), shape, true)
    }

    fn finish_folding(
        mut self,
        value: Value,
        reduction: &Reduction,
        identity: u64,
        (mask, order): (&[bool], Order),
        shape: Dims,
        scan: bool,
    ) -> Result<Tensor> {
        let result = new_tensor(self.runtime, reduction.dtype, Layout::contiguous(&shape)?)?;
        if self.space.is_empty() {
            // Nothing to fold: the identity, where there is a result at all.
            if result.numel() > 0 {
                result.fill_unchecked(reduction.identity.into())?;
            }
            return Ok(result);
        }
        let mut points = self.dims();
        if points.is_empty() {
            points.push(1);
            for input in &mut self.record.views {
                input.layout = input.layout.unsqueeze(0)?;
            }
        }
        let mut dims = SmallVec::from_slice(mask);
        dims.resize(points.len(), true);
        let output = result.view_ref().clone();
        let layout = output.layout.clone();
        let layout = if layout.rank() == 0 { layout.unsqueeze(0)? } else { layout };
        let places = match self.record.views.first() {
            Some(input) if order == Order::Memory => Folding::places(&input.layout),
            _ => layout::dims_of(points.len()),
        };
        let fold = Folding { fold: reduction.fold, shape: points, identity, dims, scan, places };
        self.record.fold = Some(fold.boxed());
        self.record(value, &View { layout, ..output })?;
        Ok(result)
    }

    /// Records the operation with its result written into `target`, cast to its dtype. No elements of the
    /// target share memory among themselves or in part with an input, as [`Self::onto`] sees to.
    ///
    /// # Errors
    /// `Device` when the target is on another device than the operation, `Dtype` when the result's category is
    /// above the target's, `Shape` when the operation's shape is not the target's. Nothing is written then.
    pub(crate) fn finish_into(self, value: Value, target: &Tensor) -> Result<()> {
        self.check_target(target)?;
        let (from, to) = (self.dtype(value), target.dtype());
        if !from.can_cast(to) {
            return Err(Error::dtype(format!(
                "result type {} can't be cast to the desired output type {}",
                from.message_name(),
                to.message_name()
            )));
        }
        self.write_checked(value, target)
    }

    /// As [`Self::finish_into`], casting to the target's dtype whatever it is.
    pub(crate) fn write(self, value: Value, target: &Tensor) -> Result<()> {
        self.check_target(target)?;
        self.write_checked(value, target)
    }

    fn write_checked(mut self, value: Value, target: &Tensor) -> Result<()> {
        let value = self.record.program.cast(value, target.dtype());
        self.detach_inputs(target)?;
        self.store(value, target)
    }

    fn check_shape(&self, target: &Tensor) -> Result<()> {
        if target.layout().has_sizes_of(&self.space) {
            return Ok(());
        }
        Err(Error::shape(format!(
            "output with shape {} doesn't match the broadcast shape {}",
            target.size(),
            super::Size(self.shape())
        )))
    }

    #[inline(always)]
    fn store(self, value: Value, target: &Tensor) -> Result<()> {
        if target.numel() == 0 {
            return Ok(());
        }
        self.record(value, target.view_ref())
    }

    /// The last value of the program is what is stored.
    #[inline(always)]
    fn record(mut self, value: Value, output: &View) -> Result<()> {
        let program = &mut self.record.program;
        if value != program.last() {
            let node = program.nodes[usize::from(value)];
            program.nodes.push(node);
        }
        self.record.add_view(output);
        self.runtime.record(self.record)
    }

    fn check_target(&self, target: &Tensor) -> Result<()> {
        if !std::ptr::eq(self.runtime, target.runtime()) {
            // A 0-d CPU tensor gives way as an operand, not as a target.
            return Err(mixed_devices(target.device(), self.runtime.device()));
        }
        self.check_shape(target)
    }

    /// Inputs that may share elements with the target at other points are copied first: a kernel has
    /// no order among its points.
    fn detach_inputs(&mut self, target: &Tensor) -> Result<()> {
        for input in &mut self.record.views {
            let shares = Arc::ptr_eq(&input.storage, target.storage())
                && input.layout != *target.layout()
                && !layout::provably_disjoint(&input.layout, target.layout());
            if shares {
                let copy = Tensor::from_view(input.clone()).copied()?;
                *input = copy.view_ref().clone();
            }
        }
        Ok(())
    }
}

/// # Errors
/// `Overlap` when two elements of the target are one. PyTorch lets such targets pass where only
/// `as_strided` and `unfold` make them, and leaves the result open.
pub(crate) fn check_internal_overlap(target: &Tensor) -> Result<()> {
    let repeats = match layout::internal_overlap(target.layout()) {
        Overlap::TooHard => layout::may_overlap_self(target.layout()),
        overlap => overlap == Overlap::Yes,
    };
    if repeats {
        return Err(Error::overlap(
            "unsupported operation: more than one element of the written-to tensor refers to a \
             single memory location. Please clone() the tensor before performing the operation.",
        ));
    }
    Ok(())
}

/// # Errors
/// `Overlap` when input and target share some elements, but are not the same.
pub(crate) fn check_partial_overlap(input: &Tensor, target: &Tensor) -> Result<()> {
    let shares = input.shares_memory(target);
    if shares && layout::overlap(input.layout(), target.layout()) == Overlap::Partial {
        return Err(Error::overlap(
            "unsupported operation: some elements of the input tensor and the written-to tensor refer \
             to a single memory location. Please clone() the tensor before performing the operation.",
        ));
    }
    Ok(())
}

/// A tensor over a new storage for the elements of a dense layout, which are yet to be written.
///
/// # Errors
/// `Device` when the device lacks the dtype, `Shape` when the bytes cannot be counted.
pub(crate) fn new_tensor(
    runtime: &'static Runtime,
    dtype: DType,
    layout: Layout,
) -> Result<Tensor> {
    check_dtype(runtime.device(), dtype)?;
    let storage = new_storage(runtime, dtype, &layout)?;
    Ok(Tensor::from_view(View { storage, layout }))
}

/// A storage for the elements of a dense layout.
///
/// # Errors
/// `Shape` when their bytes cannot be counted.
fn new_storage(runtime: &'static Runtime, dtype: DType, layout: &Layout) -> Result<Arc<Storage>> {
    let len = layout.len();
    match len.checked_mul(dtype.size()) {
        Some(bytes) if isize::try_from(bytes).is_ok() => Ok(Storage::new(runtime, dtype, len)),
        _ => Err(Error::shape(format!(
            "Storage size calculation overflowed with sizes={:?}",
            layout.shape()
        ))),
    }
}

/// # Errors
/// `Device` when the device cannot hold the dtype.
pub(crate) fn check_dtype(device: Device, dtype: DType) -> Result<()> {
    if device.supports(dtype) {
        return Ok(());
    }
    let info = device.info()?;
    let way_out = if dtype == DType::F64 { ".to(DType::F32)" } else { ".to(DType::I32)" };
    Err(Error::device(format!(
        "{dtype} is not supported on {device} ({}, {}); use {way_out} or .cpu()",
        info.api, info.name
    )))
}

/// The runtime of the tensors among `args`, and a layout of the shape that they broadcast to.
#[inline(always)]
fn common_space(args: &[Arg<'_>]) -> Result<(&'static Runtime, Layout)> {
    let mut tensors = args.iter().filter_map(|arg| arg.tensor());
    if let Some(first) = tensors.next() {
        let (runtime, space) = (first.runtime(), first.layout());
        let is_like =
            |t: &Tensor| std::ptr::eq(t.runtime(), runtime) && t.layout().has_sizes_of(space);
        if tensors.all(is_like) {
            return Ok((runtime, space.clone()));
        }
    }
    mixed_space(args)
}

/// As [`common_space`], where it is not that of the first tensor.
#[inline(never)]
fn mixed_space(args: &[Arg<'_>]) -> Result<(&'static Runtime, Layout)> {
    let tensors: SmallVec<[&Tensor; 3]> = args.iter().filter_map(|arg| arg.tensor()).collect();
    let runtime = common_runtime(&tensors)?;
    // Mostly the others stretch to one of them.
    if let Some(widest) = tensors.iter().max_by_key(|tensor| (tensor.dim(), tensor.numel()))
        && tensors.iter().all(|tensor| layout::stretches_to(tensor.shape(), widest.shape()))
    {
        return Ok((runtime, widest.layout().clone()));
    }
    let shapes: SmallVec<[&[usize]; 4]> = tensors.iter().map(|tensor| tensor.shape()).collect();
    Ok((runtime, space_of(layout::broadcast(&shapes)?)))
}

/// A layout of these sizes, which may come to more elements than any memory has.
fn space_of(shape: Dims) -> Layout {
    Layout::contiguous(&shape).unwrap_or_else(|_| {
        let strides = Dims::from_elem(0, shape.len());
        Layout::new(shape, strides, 0)
    })
}

/// The runtime of the tensors, 0-d CPU tensors giving way to others.
fn common_runtime(tensors: &[&Tensor]) -> Result<&'static Runtime> {
    let mut common: Option<(&'static Runtime, bool)> = None;
    for tensor in tensors {
        let yields = tensor.device() == Device::Cpu && tensor.dim() == 0;
        let here = tensor.runtime();
        match common {
            Some((other, _)) if std::ptr::eq(other, here) => {
                common = Some((other, yields && common.is_some_and(|(_, y)| y)));
            }
            Some((_, false)) if yields => {}
            Some((other, false)) => return Err(mixed_devices(other.device(), here.device())),
            Some((_, true)) | None => common = Some((here, yields)),
        }
    }
    match common {
        Some((runtime, _)) => Ok(runtime),
        None => runtime(Device::Cpu),
    }
}

/// PyTorch's words for arguments on several devices.
pub(crate) fn mixed_devices(one: Device, other: Device) -> Error {
    Error::device(format!(
        "Expected all tensors to be on the same device, but found at least two devices, {one} and \
         {other}!"
    ))
}

/// # Errors
/// `Dtype` when the operation has no meaning in `dtype`.
pub(crate) fn check_meaning(op: Op, dtype: DType) -> Result<()> {
    let info = op.info();
    if info.computes_in(dtype) {
        return Ok(());
    }
    Err(Error::dtype(format!("\"{}\" not implemented for '{}'", info.name, dtype.message_name())))
}

/// The stored form of a number in `dtype`: integers wrap, floats round to nearest even (halves through
/// float32, as PyTorch's), a float in an integer dtype is truncated.
pub(crate) fn scalar_bits(scalar: Scalar, dtype: DType) -> u64 {
    match dtype {
        DType::Bool => u64::from(scalar.to_bool()),
        DType::U8 => scalar.to_i64() as u8 as u64,
        DType::I8 => scalar.to_i64() as i8 as u8 as u64,
        DType::I16 => scalar.to_i64() as i16 as u16 as u64,
        DType::I32 => scalar.to_i64() as i32 as u32 as u64,
        DType::I64 => scalar.to_i64() as u64,
        DType::F16 => half::f16::from_f32(scalar.to_f64() as f32).to_bits().into(),
        DType::BF16 => half::bf16::from_f32(scalar.to_f64() as f32).to_bits().into(),
        DType::F32 => (scalar.to_f64() as f32).to_bits().into(),
        DType::F64 => scalar.to_f64().to_bits(),
    }
}

/// Whether a number may be converted to `dtype` where PyTorch checks that nothing overflows; a negative
/// integer fits an unsigned dtype if its magnitude does.
pub(crate) fn check_fits(scalar: Scalar, dtype: DType) -> Result<()> {
    let (low, high) = match dtype {
        DType::Bool | DType::F64 => return Ok(()),
        DType::U8 => (-255.0, 255.0),
        DType::I8 => (i8::MIN.into(), i8::MAX.into()),
        DType::I16 => (i16::MIN.into(), i16::MAX.into()),
        DType::I32 => (i32::MIN.into(), i32::MAX.into()),
        DType::I64 => (i64::MIN as f64, i64::MAX as f64),
        DType::F16 => (-65504.0, 65504.0),
        DType::BF16 => (half::bf16::MIN.to_f64(), half::bf16::MAX.to_f64()),
        DType::F32 => (f32::MIN.into(), f32::MAX.into()),
    };
    let value = scalar.to_f64();
    let fits = match scalar {
        Scalar::Float(v) if dtype.is_floating_point() && !v.is_finite() => true,
        Scalar::Float(v) if dtype == DType::U8 => (0.0..=high).contains(&v),
        _ => (low..=high).contains(&value),
    };
    if fits {
        return Ok(());
    }
    let c_name = match dtype {
        DType::U8 => "uint8_t",
        DType::I8 => "int8_t",
        DType::I16 => "int16_t",
        DType::I32 => "int",
        DType::I64 => "int64_t",
        DType::F16 => "c10::Half",
        DType::BF16 => "c10::BFloat16",
        DType::F32 => "float",
        DType::Bool | DType::F64 => unreachable!("every number fits"),
    };
    Err(Error::value(format!("value cannot be converted to type {c_name} without overflow")))
}
