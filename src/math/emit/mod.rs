//! The second reading of the algebra: WGSL text.
//!
//! Owns the text of each row of the op table ([`wgsl`]) and the preludes below `shaders/` that such
//! text calls ([`prelude`]). Must not know kernels: buffers, indices and loops are the GPU backend's.
//!
//! # Note [Emitted text]
//! A row's function is evaluated once on symbols ([`symbols`]), which record what is done to them in a
//! per-thread list of statements ([`builder`]). Equal subexpressions are recorded once, constant ones
//! are evaluated, unused ones dropped. Float operations are calls of prelude functions, so that a
//! device with other needs gets another prelude and the same text.

mod builder;
mod symbols;

use std::fmt::Write;

use self::builder::Type;
use self::symbols::{SymF32, SymF64, SymI32, SymI64, Symbol};
use crate::dtype::{Category, DType, Lane};
use crate::ops::Op;

/// A WGSL function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Whether the device keeps subnormal float32 numbers or flushes them to zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subnormals {
    Kept,
    Flushed,
}

const I32_F32: &str = include_str!("../../../shaders/algebra_i32_f32.wgsl");
const F32_NATIVE: &str = include_str!("../../../shaders/algebra_f32_native.wgsl");
const F32_SOFT: &str = include_str!("../../../shaders/algebra_f32_soft.wgsl");
const I64: &str = include_str!("../../../shaders/algebra_i64.wgsl");
const F64: &str = include_str!("../../../shaders/algebra_f64.wgsl");

/// The prelude for kernels with these lanes. The kernel provides `fn opaque_zero() -> u32`.
///
/// It holds, besides what [`wgsl`] calls:
/// - `cast_LANE_DTYPE(lane) -> lane`, see [`cast_name`];
/// - `narrow_DTYPE(lane) -> lane`, see [`narrow_name`];
/// - `f32_to_f16_bits(f32) -> u32`, `f16_bits_to_f32(u32) -> f32`, and the same for `bf16`.
///
/// Casts to and from int64 and float64 are there only if `lanes` names those lanes.
pub(crate) fn prelude(lanes: &[Lane], subnormals: Subnormals) -> String {
    let mut text = I32_F32.to_owned();
    // f64 is Vulkan's alone, where no device was seen to flush it.
    text.push_str(match subnormals {
        Subnormals::Kept => F32_NATIVE,
        Subnormals::Flushed => F32_SOFT,
    });
    let double = lanes.contains(&Lane::F64);
    if double || lanes.contains(&Lane::I64) {
        text.push_str(I64);
    }
    if double {
        text.push_str(F64);
    }
    text
}

/// The name of the prelude function that converts a lane's value to a dtype.
pub(crate) fn cast_name(from: Lane, to: DType) -> String {
    format!("cast_{from}_{}", short(to))
}

/// The name of the prelude function that makes a lane's value representable in a dtype.
pub(crate) fn narrow_name(dtype: DType) -> String {
    format!("narrow_{}", short(dtype))
}

/// The dtype's name within WGSL names: `f16`, `i64`, `bool`.
pub(crate) const fn short(dtype: DType) -> &'static str {
    match dtype {
        DType::Bool => "bool",
        DType::U8 => "u8",
        DType::I8 => "i8",
        DType::I16 => "i16",
        DType::I32 => "i32",
        DType::I64 => "i64",
        DType::F16 => "f16",
        DType::BF16 => "bf16",
        DType::F32 => "f32",
        DType::F64 => "f64",
    }
}

macro_rules! call {
    ([$($path:path)?] unary, $type:ty) => { call!(@ [$($path)?] $type, 0) };
    ([$($path:path)?] binary, $type:ty) => { call!(@ [$($path)?] $type, 0 1) };
    ([$($path:path)?] ternary, $type:ty) => { call!(@ [$($path)?] $type, 0 1 2) };
    (@ [] $type:ty, $($argument:literal)*) => { None };
    (@ [$path:path] $type:ty, $($argument:literal)*) => {
        Some($path($(<$type as Symbol>::argument($argument)),*).value())
    };
}

macro_rules! define_text {
    ($(
        $(#[$doc:meta])*
        $variant:ident $name:ident $in_place:ident $arity:ident $rule:ident $output:ident {
            float [$($float:path)?] int [$($int:path)?] bool [$($bool:path)?]
        }
    )*) => {
        /// Records a row's meaning for a dtype; `None` where it has none.
        fn record(op: Op, dtype: DType) -> Option<u32> {
            match op {
                $(Op::$variant => match (dtype.category(), dtype.lane()) {
                    (Category::Bool, _) => call!([$($bool)?] $arity, SymI32),
                    (_, Lane::I32) => call!([$($int)?] $arity, SymI32),
                    (_, Lane::I64) => call!([$($int)?] $arity, SymI64),
                    (_, Lane::F32) => call!([$($float)?] $arity, SymF32),
                    (_, Lane::F64) => call!([$($float)?] $arity, SymF64),
                },)*
            }
        }
    };
}

crate::ops::op_table!(define_text);

/// The WGSL function of a row for the lane of `dtype`.
///
/// Arguments are of the lane, so is the result, but that rows which give a truth value return an i32
/// that is 0 or 1. The result is not narrowed. One text serves all dtypes of a lane and category; the
/// name tells texts apart, so a kernel may hold each name once: `add_f32` also for float16, but
/// `div_floor_f16`, which rounds within (Note [Stepwise halves] in `ops`), and `add_bool`.
pub(crate) fn wgsl(op: Op, dtype: DType) -> Function {
    let info = op.info();
    let lane = dtype.lane();
    let stepwise = op.is_stepwise() && dtype.is_half();
    let suffix = match dtype.category() {
        _ if stepwise => short(dtype).to_owned(),
        Category::Bool => "bool".to_owned(),
        Category::Int | Category::Float => lane.to_string(),
    };
    let name = format!("{}_{suffix}", info.name);
    let narrow = match dtype {
        DType::F16 if stepwise => Some("narrow_f16({0})"),
        DType::BF16 if stepwise => Some("narrow_bf16({0})"),
        _ => None,
    };

    builder::begin(narrow);
    let Some(value) = record(op, dtype) else {
        unreachable!("verify() refuses {} of {dtype}", info.name)
    };
    let (body, result) = builder::finish(value);
    let parameters = ["a", "b", "c"].map(|name| format!("{name}: {lane}"))[..info.arity].join(", ");
    let output = match result {
        Type::Mask => Lane::I32,
        Type::Lane(lane) => lane,
    };
    let mut text = format!("fn {name}({parameters}) -> {output} {{\n");
    text.push_str(&body);
    let _ = writeln!(text, "}}");
    Function { name, text }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod device_tests;
