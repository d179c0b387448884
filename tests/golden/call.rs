//! From the name of an operation to the call of the library.
//!
//! With `tensor.rs`, the only file that names the tensor API. Rows of the op table go through
//! `taut::table`; an operation with options, a view, a creation has an arm here. What has none must
//! stand in `skips.rs`, else its cases fail.

use half::{bf16, f16};
use taut::{
    Arg, DType, Device, Element, Index, List, Options, Rounding, Scalar, Tensor, dims, table,
};

use crate::case::Nested;

/// An argument, evaluated.
#[derive(Clone)]
pub(crate) enum Value {
    Tensor(Tensor),
    Scalar(Scalar),
    Str(String),
    DType(DType),
    Ints(Vec<i64>),
    Tensors(Vec<Tensor>),
    Index(Vec<Index>),
    None,
}

/// What an operation gives.
pub(crate) enum Output {
    Tensor(Tensor),
    Tensors(Vec<Tensor>),
    DType(DType),
    Nested(Nested),
    Text(String),
}

/// Why there is no output.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The library said no.
    Refused(taut::Error),
    /// This file has no arm for the operation with such arguments.
    Undispatched,
    /// The arguments could not be made.
    Broken(String),
}

impl From<taut::Error> for Failure {
    fn from(error: taut::Error) -> Self {
        Self::Refused(error)
    }
}

/// A named argument.
pub(crate) type Keyword<'a> = (&'a str, Value);

type Maybe = Result<Option<Tensor>, Failure>;

use Value as V;

/// Calls an operation that gives something new.
pub(crate) fn call(
    device: Device,
    op: &str,
    args: &[Value],
    kwargs: &[Keyword<'_>],
) -> Result<Output, Failure> {
    if let Some(output) = inspect(op, args)? {
        return Ok(output);
    }
    if let Some(tensor) = create(device, op, args, kwargs)? {
        return Ok(Output::Tensor(tensor));
    }
    if let Some(output) = joins(op, args, kwargs)? {
        return Ok(output);
    }
    if let Some(tensor) = gathers(op, args, kwargs)? {
        return Ok(Output::Tensor(tensor));
    }
    if let Some(output) = reductions(op, args, kwargs)? {
        return Ok(output);
    }
    if let Some(output) = sorts(op, args, kwargs)? {
        return Ok(output);
    }
    for theme in [arithmetic, copies, products, views, from_table] {
        if let Some(tensor) = theme(op, args, kwargs)? {
            return Ok(Output::Tensor(tensor));
        }
    }
    Err(Failure::Undispatched)
}

/// Operations whose result is no tensor.
fn inspect(op: &str, args: &[Value]) -> Result<Option<Output>, Failure> {
    Ok(Some(match (op, args) {
        ("item", [V::Tensor(t)]) => Output::Nested(Nested::Scalar(item(t)?)),
        ("tolist", [V::Tensor(t)]) => Output::Nested(nested(t.tolist()?)),
        ("display", [V::Tensor(t)]) => Output::Text(t.to_string()),
        ("result_type", [a, b]) => Output::DType(taut::result_type(operand(a)?, operand(b)?)),
        ("promote_types", [V::DType(a), V::DType(b)]) => Output::DType(a.promote(*b)),
        ("can_cast", [V::DType(from), V::DType(to)]) => {
            Output::Nested(Nested::Scalar(Scalar::Bool(from.can_cast(*to))))
        }
        _ => return Ok(None),
    }))
}

fn item(tensor: &Tensor) -> taut::Result<Scalar> {
    fn typed<T: Element>(tensor: &Tensor) -> taut::Result<Scalar> {
        tensor.item::<T>().map(Element::to_scalar)
    }
    match tensor.dtype() {
        DType::Bool => typed::<bool>(tensor),
        DType::U8 => typed::<u8>(tensor),
        DType::I8 => typed::<i8>(tensor),
        DType::I16 => typed::<i16>(tensor),
        DType::I32 => typed::<i32>(tensor),
        DType::I64 => typed::<i64>(tensor),
        DType::F16 => typed::<f16>(tensor),
        DType::BF16 => typed::<bf16>(tensor),
        DType::F32 => typed::<f32>(tensor),
        DType::F64 => typed::<f64>(tensor),
        other => unreachable!("no operation of golden gives {other}"),
    }
}

fn nested(list: List) -> Nested {
    match list {
        List::Scalar(scalar) => Nested::Scalar(scalar),
        List::List(items) => Nested::List(items.into_iter().map(nested).collect()),
    }
}

/// Creation, by shape or after the model of a tensor.
fn create(device: Device, op: &str, args: &[Value], kwargs: &[Keyword<'_>]) -> Maybe {
    let dtype = match kwargs {
        [] | [("dtype", V::None)] => None,
        [("dtype", V::DType(dtype))] => Some(*dtype),
        _ => return Ok(None),
    };
    let options: Options = match dtype {
        Some(dtype) => (dtype, device).into(),
        None => device.into(),
    };
    // A `_like` stays on its model's device and, unless told, keeps its dtype.
    let like: Options = match dtype {
        Some(dtype) => dtype.into(),
        None => ().into(),
    };
    let int = Scalar::Int;
    let created = match (op, args) {
        ("zeros", [V::Ints(shape)]) => taut::zeros(shape.as_slice(), options),
        ("ones", [V::Ints(shape)]) => taut::ones(shape.as_slice(), options),
        ("empty", [V::Ints(shape)]) => taut::empty(shape.as_slice(), options),
        ("full", [V::Ints(shape), V::Scalar(v)]) => taut::full(shape.as_slice(), *v, options),
        ("zeros_like", [V::Tensor(t)]) => taut::zeros_like(t, like),
        ("ones_like", [V::Tensor(t)]) => taut::ones_like(t, like),
        ("empty_like", [V::Tensor(t)]) => taut::empty_like(t, like),
        ("full_like", [V::Tensor(t), V::Scalar(v)]) => taut::full_like(t, *v, like),
        ("arange", [V::Scalar(end)]) => taut::arange(*end, options),
        ("arange", [V::Scalar(start), V::Scalar(end)]) => {
            taut::arange_step(*start, *end, int(1), options)
        }
        ("arange", [V::Scalar(start), V::Scalar(end), V::Scalar(step)]) => {
            taut::arange_step(*start, *end, *step, options)
        }
        ("linspace", [V::Scalar(start), V::Scalar(end), V::Scalar(Scalar::Int(steps))]) => {
            taut::linspace(*start, *end, *steps, options)
        }
        ("eye", [V::Scalar(Scalar::Int(n))]) => taut::eye(*n, *n, options),
        ("eye", [V::Scalar(Scalar::Int(rows)), V::Scalar(Scalar::Int(columns))]) => {
            taut::eye(*rows, *columns, options)
        }
        _ => return Ok(None),
    };
    Ok(Some(created?))
}

/// The operations with operators of their own, and their variants.
fn arithmetic(op: &str, args: &[Value], kwargs: &[Keyword<'_>]) -> Maybe {
    // `rounding_mode=None` is the plain call.
    let kwargs = match kwargs {
        [("rounding_mode", V::None)] => &[],
        _ => kwargs,
    };
    Ok(Some(match (op, args, kwargs) {
        ("add", [a, b], []) => taut::add(operand(a)?, operand(b)?)?,
        ("sub", [a, b], []) => taut::sub(operand(a)?, operand(b)?)?,
        ("mul", [a, b], []) => taut::mul(operand(a)?, operand(b)?)?,
        // `2 / t` is Python's reflected operator, whose rounding is not the function's. Ours panics
        // where the function returns an error, so the function goes first.
        ("div", [V::Scalar(a), V::Tensor(b)], []) => {
            taut::div(*a, b)?;
            *a / b
        }
        ("div", [a, b], []) => taut::div(operand(a)?, operand(b)?)?,
        ("add", [V::Tensor(a), b], [("alpha", V::Scalar(alpha))]) => {
            a.add_alpha(operand(b)?, *alpha)?
        }
        ("sub", [V::Tensor(a), b], [("alpha", V::Scalar(alpha))]) => {
            a.sub_alpha(operand(b)?, *alpha)?
        }
        ("div", [V::Tensor(a), b], [("rounding_mode", V::Str(mode))]) => {
            a.div_mode(operand(b)?, mode.parse::<Rounding>()?)?
        }
        ("square", [V::Tensor(t)], []) => t.square()?,
        ("pow", [a, b], []) => taut::pow(operand(a)?, operand(b)?)?,
        ("floor_divide", [a, b], []) => taut::floor_divide(operand(a)?, operand(b)?)?,
        ("remainder", [a, b], []) => taut::remainder(operand(a)?, operand(b)?)?,
        ("fmod", [V::Tensor(a), b], []) => a.fmod(operand(b)?)?,
        ("lerp", [V::Tensor(a), V::Tensor(b), weight], []) => a.lerp(b, operand(weight)?)?,
        ("addcmul", [V::Tensor(t), V::Tensor(a), V::Tensor(b)], _) => {
            t.addcmul(a, b, value(kwargs)?)?
        }
        ("addcdiv", [V::Tensor(t), V::Tensor(a), V::Tensor(b)], _) => {
            t.addcdiv(a, b, value(kwargs)?)?
        }
        ("where", [V::Tensor(mask), a, b], []) => mask.where_cond(operand(a)?, operand(b)?)?,
        ("masked_fill", [V::Tensor(t), V::Tensor(mask), value], []) => {
            t.masked_fill(mask, operand(value)?)?
        }
        ("clamp", [V::Tensor(t)], _) => t.clamp(bound(kwargs, "min")?, bound(kwargs, "max")?)?,
        _ => return Ok(None),
    }))
}

/// The factor of addcmul and addcdiv.
fn value(kwargs: &[Keyword<'_>]) -> Result<Scalar, Failure> {
    match kwargs {
        [] => Ok(Scalar::Int(1)),
        [("value", V::Scalar(value))] => Ok(*value),
        _ => Err(Failure::Undispatched),
    }
}

/// A bound of clamp.
fn bound<'a>(kwargs: &'a [Keyword<'_>], name: &str) -> Result<Option<Arg<'a>>, Failure> {
    match kwargs.iter().find(|(known, _)| *known == name) {
        None | Some((_, V::None)) => Ok(None),
        Some((_, value)) => operand(value).map(Some),
    }
}

/// Operations that join, cut and repeat.
fn joins(op: &str, args: &[Value], kwargs: &[Keyword<'_>]) -> Result<Option<Output>, Failure> {
    if !kwargs.is_empty() {
        return Ok(None);
    }
    let ints = |value: &Value| match value {
        V::Scalar(Scalar::Int(v)) => Some(vec![*v]),
        V::Ints(list) => Some(list.clone()),
        V::None => Some(Vec::new()),
        _ => None,
    };
    if let (V::Tensors(list), [V::Scalar(Scalar::Int(dim))]) = (&args[0], &args[1..]) {
        let list: Vec<&Tensor> = list.iter().collect();
        return Ok(Some(Output::Tensor(match op {
            "cat" => taut::cat(&list, *dim)?,
            "stack" => taut::stack(&list, *dim)?,
            _ => return Ok(None),
        })));
    }
    if let (V::Ints(list), [V::Scalar(Scalar::Int(dim))]) = (&args[0], &args[1..])
        && list.is_empty()
    {
        return Ok(Some(Output::Tensor(match op {
            "cat" => taut::cat(&[], *dim)?,
            "stack" => taut::stack(&[], *dim)?,
            _ => return Ok(None),
        })));
    }
    let V::Tensor(t) = &args[0] else { return Ok(None) };
    let Some(rest) = args[1..].iter().map(ints).collect::<Option<Vec<_>>>() else {
        return Ok(None);
    };
    let first = rest.first().map_or(0, |list| list.first().copied().unwrap_or(0));
    let dim = rest.get(1).and_then(|list| list.first()).copied().unwrap_or(0);
    let tensor = match (op, rest.as_slice()) {
        ("split", _) => {
            let sizes = matches!(args[1], V::Ints(_));
            let parts = if sizes { t.split_sizes(&rest[0], dim) } else { t.split(first, dim) };
            return Ok(Some(Output::Tensors(parts?)));
        }
        ("chunk", _) => return Ok(Some(Output::Tensors(t.chunk(first, dim)?))),
        ("repeat", [times]) => t.repeat(times),
        ("tile", [times]) => t.tile(times),
        ("roll", [shifts]) => t.roll(shifts, ()),
        ("roll", [shifts, dims]) => t.roll(shifts, dims),
        ("tril", _) => t.tril(first),
        ("triu", _) => t.triu(first),
        _ => return Ok(None),
    };
    Ok(Some(Output::Tensor(tensor?)))
}

/// Operations that read at computed places.
fn gathers(op: &str, args: &[Value], kwargs: &[Keyword<'_>]) -> Maybe {
    let ([V::Tensor(t), rest @ ..], []) = (args, kwargs) else { return Ok(None) };
    Ok(Some(match (op, rest) {
        ("index_select", [V::Scalar(Scalar::Int(dim)), V::Tensor(index)]) => {
            t.index_select(*dim, index)?
        }
        ("gather", [V::Scalar(Scalar::Int(dim)), V::Tensor(index)]) => t.gather(*dim, index)?,
        ("take_along_dim", [V::Tensor(index), V::Scalar(Scalar::Int(dim))]) => {
            t.take_along_dim(index, *dim)?
        }
        ("take_along_dim", [V::Tensor(index)] | [V::Tensor(index), V::None]) => {
            t.take_along_dim(index, ())?
        }
        ("flip", [V::Ints(dims)]) => t.flip(dims)?,
        ("flip", [V::Scalar(Scalar::Int(dim))]) => t.flip(*dim)?,
        _ => return Ok(None),
    }))
}

/// Reductions and scans.
fn reductions(op: &str, args: &[Value], kwargs: &[Keyword<'_>]) -> Result<Option<Output>, Failure> {
    let [V::Tensor(t), rest @ ..] = args else { return Ok(None) };
    let keyword = |name: &str| kwargs.iter().find(|(known, _)| *known == name).map(|(_, v)| v);
    let dim = rest.first().or(keyword("dim"));
    let mut over = match dim {
        None | Some(V::None) => dims(()),
        Some(V::Scalar(Scalar::Int(dim))) => dims(*dim),
        Some(V::Ints(list)) => dims(list.as_slice()),
        Some(_) => return Ok(None),
    };
    let keepdim = matches!(keyword("keepdim"), Some(V::Scalar(Scalar::Bool(true))));
    if keepdim {
        over = over.keepdim();
    }
    let dtype = match keyword("dtype") {
        Some(V::DType(dtype)) => Some(*dtype),
        _ => None,
    };
    if let Some(dtype) = dtype {
        over = over.dtype(dtype);
    }
    let correction = match keyword("correction") {
        Some(V::Scalar(correction)) => *correction,
        _ => Scalar::Int(1),
    };
    let reduced = match (op, dim) {
        ("sum", _) => t.sum(over),
        ("prod", _) => t.prod(over),
        ("mean", _) => t.mean(over),
        ("var", _) => t.var_correction(over, correction),
        ("std", _) => t.std_correction(over, correction),
        ("amax", _) => t.amax(over),
        ("amin", _) => t.amin(over),
        ("any", _) => t.any(over),
        ("all", _) => t.all(over),
        ("argmax", _) => t.argmax(over),
        ("argmin", _) => t.argmin(over),
        ("max", None) => t.max(),
        ("min", None) => t.min(),
        ("max" | "min", Some(V::Scalar(Scalar::Int(dim)))) => {
            let by = if op == "max" { Tensor::max_dim } else { Tensor::min_dim };
            let (values, indices) = by(t, *dim, keepdim)?;
            return Ok(Some(Output::Tensors(vec![values, indices])));
        }
        ("cumsum", Some(V::Scalar(Scalar::Int(dim)))) => match dtype {
            Some(dtype) => t.cumsum_dtype(*dim, dtype),
            None => t.cumsum(*dim),
        },
        _ => return Ok(None),
    };
    Ok(Some(Output::Tensor(reduced?)))
}

/// Sorts, and what a mask selects.
fn sorts(op: &str, args: &[Value], kwargs: &[Keyword<'_>]) -> Result<Option<Output>, Failure> {
    let [V::Tensor(t), rest @ ..] = args else { return Ok(None) };
    let keyword = |name: &str| kwargs.iter().find(|(known, _)| *known == name).map(|(_, v)| v);
    let flag = |name: &str, default: bool| match keyword(name) {
        Some(V::Scalar(Scalar::Bool(flag))) => *flag,
        _ => default,
    };
    let dim = match keyword("dim") {
        Some(V::Scalar(Scalar::Int(dim))) => *dim,
        _ => -1,
    };
    let (values, positions) = match (op, rest) {
        ("sort", []) => t.sort(dim, flag("descending", false))?,
        ("topk", [V::Scalar(Scalar::Int(k))]) => t.topk(*k, dim, flag("largest", true))?,
        ("topk", [V::Scalar(Scalar::Int(k)), V::Scalar(Scalar::Int(dim))]) => {
            t.topk(*k, *dim, flag("largest", true))?
        }
        ("masked_select", [V::Tensor(mask)]) => {
            return Ok(Some(Output::Tensor(t.masked_select(mask)?)));
        }
        ("nonzero", []) => return Ok(Some(Output::Tensor(t.nonzero()?))),
        _ => return Ok(None),
    };
    Ok(Some(Output::Tensors(vec![values, positions])))
}

/// Operations that move values.
fn copies(op: &str, args: &[Value], kwargs: &[Keyword<'_>]) -> Maybe {
    Ok(Some(match (op, args, kwargs) {
        ("clone", [V::Tensor(t)], []) => t.clone(),
        ("contiguous", [V::Tensor(t)], []) => t.contiguous()?,
        ("to", [V::Tensor(t), V::DType(dtype)], []) => t.to(*dtype)?,
        _ => return Ok(None),
    }))
}

/// Matrix products.
fn products(op: &str, args: &[Value], kwargs: &[Keyword<'_>]) -> Maybe {
    let ([V::Tensor(a), V::Tensor(b)], []) = (args, kwargs) else { return Ok(None) };
    Ok(Some(match op {
        "matmul" => a.matmul(b)?,
        "mm" => a.mm(b)?,
        "bmm" => a.bmm(b)?,
        "dot" => a.dot(b)?,
        _ => return Ok(None),
    }))
}

/// Views of the first argument.
fn views(op: &str, args: &[Value], kwargs: &[Keyword<'_>]) -> Maybe {
    let ([V::Tensor(t), rest @ ..], []) = (args, kwargs) else { return Ok(None) };
    let ints: Option<Vec<i64>> = rest
        .iter()
        .map(|value| match value {
            V::Scalar(Scalar::Int(v)) => Some(*v),
            _ => None,
        })
        .collect();
    let viewed = match (op, rest, ints.as_deref()) {
        ("t", _, Some([])) => t.t(),
        ("transpose" | "swapaxes", _, Some(&[i, j])) => t.transpose(i, j),
        ("permute", [V::Ints(dims)], _) => t.permute(dims.as_slice()),
        ("movedim", _, Some(&[from, to])) => t.movedim(from, to),
        ("movedim", [V::Ints(from), V::Ints(to)], _) => t.movedim(from.as_slice(), to.as_slice()),
        ("select", _, Some(&[dim, index])) => t.select(dim, index),
        ("narrow", _, Some(&[dim, start, len])) => t.narrow(dim, start, len),
        ("unsqueeze", _, Some(&[dim])) => t.unsqueeze(dim),
        ("squeeze", _, Some([])) => t.squeeze(()),
        ("squeeze", _, Some(&[dim])) => t.squeeze(dim),
        ("squeeze", [V::Ints(dims)], _) => t.squeeze(dims.as_slice()),
        ("view", [V::Ints(shape)], _) => t.view(shape.as_slice()),
        ("reshape", [V::Ints(shape)], _) => t.reshape(shape.as_slice()),
        ("expand", [V::Ints(shape)], _) => t.expand(shape.as_slice()),
        ("broadcast_to", [V::Ints(shape)], _) => t.broadcast_to(shape.as_slice()),
        ("flatten", _, Some([])) => t.flatten(0, -1),
        ("flatten", _, Some(&[start])) => t.flatten(start, -1),
        ("flatten", _, Some(&[start, end])) => t.flatten(start, end),
        ("index", [V::Index(items)], _) => t.i(items.clone()),
        _ => return Ok(None),
    };
    Ok(Some(viewed?))
}

/// A row of the op table.
fn from_table(op: &str, args: &[Value], kwargs: &[Keyword<'_>]) -> Maybe {
    if !kwargs.is_empty() {
        return Ok(None);
    }
    let operands = args.iter().map(operand).collect::<Result<Vec<_>, _>>()?;
    Ok(table::call(op, &operands).transpose()?)
}

/// Calls an operation that writes into its first argument.
pub(crate) fn call_in_place(
    op: &str,
    args: &[Value],
    kwargs: &[Keyword<'_>],
) -> Result<(), Failure> {
    let [V::Tensor(target), rest @ ..] = args else { return Err(Failure::Undispatched) };
    let written = match (op, rest, kwargs) {
        ("setitem", [V::Index(items), value], []) => {
            target.index_put_(items.clone(), operand(value)?)
        }
        ("add_", [x], []) => target.add_(operand(x)?),
        ("sub_", [x], []) => target.sub_(operand(x)?),
        ("mul_", [x], []) => target.mul_(operand(x)?),
        ("div_", [x], [] | [("rounding_mode", V::None)]) => target.div_(operand(x)?),
        ("add_", [x], [("alpha", V::Scalar(alpha))]) => target.add_alpha_(operand(x)?, *alpha),
        ("sub_", [x], [("alpha", V::Scalar(alpha))]) => target.sub_alpha_(operand(x)?, *alpha),
        ("div_", [x], [("rounding_mode", V::Str(mode))]) => {
            target.div_mode_(operand(x)?, mode.parse::<Rounding>()?)
        }
        ("fill_", [value], []) => target.fill_(operand(value)?),
        ("pow_", [x], []) => target.pow_(operand(x)?),
        ("floor_divide_", [x], []) => target.floor_divide_(operand(x)?),
        ("remainder_", [x], []) => target.remainder_(operand(x)?),
        ("masked_fill_", [V::Tensor(mask), value], []) => {
            target.masked_fill_(mask, operand(value)?)
        }
        ("clamp_", [], _) => target.clamp_(bound(kwargs, "min")?, bound(kwargs, "max")?),
        ("zero_", [], []) => target.zero_(),
        ("copy_", [V::Tensor(source)], []) => target.copy_(source),
        (_, _, []) => {
            let operands = rest.iter().map(operand).collect::<Result<Vec<_>, _>>()?;
            let written = table::call_in_place(op, target, &operands);
            return Ok(written.ok_or(Failure::Undispatched)??);
        }
        _ => return Err(Failure::Undispatched),
    };
    written?;
    Ok(())
}

/// Whether the op table has a row of this name, in place if it ends in `_`.
pub(crate) fn is_in_table(op: &str) -> bool {
    let Ok(target) = taut::ones([1], Device::Cpu) else { return false };
    let operands = [Arg::Tensor(&target), Arg::Tensor(&target), Arg::Tensor(&target)];
    (1..=operands.len()).any(|arity| match op.ends_with('_') {
        true => table::call_in_place(op, &target, &operands[1..arity]).is_some(),
        false => table::call(op, &operands[..arity]).is_some(),
    })
}

fn operand(value: &Value) -> Result<Arg<'_>, Failure> {
    match value {
        V::Tensor(tensor) => Ok(Arg::Tensor(tensor)),
        V::Scalar(scalar) => Ok(Arg::Scalar(*scalar)),
        _ => Err(Failure::Undispatched),
    }
}
