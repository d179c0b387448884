//! From a line of JSON to a [`Case`].
//!
//! A field that it does not know is an error, so that no part of a case goes unread.

use serde_json::{Map, Value as Json};
use taut::{DType, ErrorKind, Scalar};

use crate::case::{
    Arg, Body, Case, Expect, Invocation, Item, Nested, Program, Refusal, ResultLayout, Single,
    Source, Step, TensorRef, ViewStep,
};
use crate::compare::Tolerance;

type Parsed<T> = Result<T, String>;

/// Parses one line.
pub(crate) fn parse_case(line: &str) -> Parsed<Case> {
    let json: Json = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let mut fields = Fields::new(&json)?;
    let id = fields.string("id")?;
    case(&mut fields, &id).map_err(|error| format!("{id}: {error}"))
}

fn case(fields: &mut Fields<'_>, id: &str) -> Parsed<Case> {
    let category = fields.string("category")?;
    fields.ignore(&["tier", "tags"]);
    let tolerance = fields.optional("tol", tolerance)?.unwrap_or(Tolerance::Exact);
    let body = match fields.peek("op").and_then(Json::as_str) {
        Some("program") => {
            fields.ignore(&["op"]);
            Body::Program(program(fields)?)
        }
        _ => Body::Single(single(fields)?),
    };
    fields.finish()?;
    Ok(Case { id: id.to_owned(), category, body, tolerance })
}

fn single(fields: &mut Fields<'_>) -> Parsed<Single> {
    let mut call = invocation(fields, "op")?;
    call.in_place = fields.optional("inplace", boolean)?.unwrap_or(false);
    let layout = fields.optional("layout", result_layout)?;
    let base_after = fields.optional("base_after", string)?;
    let expect = expect(fields, &call.op)?;
    Ok(Single { call, expect, base_after, layout })
}

fn expect(fields: &mut Fields<'_>, op: &str) -> Parsed<Expect> {
    if let Some(value) = fields.optional("value", nested)? {
        return Ok(Expect::Value(value));
    }
    if let Some(text) = fields.optional("text", string)? {
        return Ok(Expect::Text(text.replace("torch.", "")));
    }
    if let Some(dtype) = fields.optional("out_dtype", dtype)? {
        return Ok(match fields.optional("out_shape", sizes)? {
            Some(shape) => Expect::Meta(dtype, shape),
            None => Expect::DType(dtype),
        });
    }
    let json = fields.take("out")?;
    match json {
        Json::String(key) => Ok(Expect::Tensor(key.clone())),
        // The list of an empty tensor stands here as a list of no tensors.
        Json::Array(keys) if keys.is_empty() && op == "tolist" => {
            Ok(Expect::Value(Nested::List(Vec::new())))
        }
        Json::Array(_) => Ok(Expect::Tensors(each(json, string)?)),
        _ => {
            let mut fields = Fields::new(json)?;
            let refusal = refusal(&mut fields, "error")?;
            fields.finish()?;
            Ok(Expect::Refused(refusal))
        }
    }
}

fn refusal(fields: &mut Fields<'_>, field: &'static str) -> Parsed<Refusal> {
    let kind = match fields.string(field)?.as_str() {
        "shape" => ErrorKind::Shape,
        "dtype" => ErrorKind::Dtype,
        "index" => ErrorKind::Index,
        "overlap" => ErrorKind::Overlap,
        "value" => ErrorKind::Value,
        "device" => ErrorKind::Device,
        other => return Err(format!("unknown kind of error '{other}'")),
    };
    Ok(Refusal { kind, message: fields.string("message")? })
}

fn program(fields: &mut Fields<'_>) -> Parsed<Program> {
    Ok(Program {
        inputs: bindings(fields.take("inputs")?)?,
        steps: each(fields.take("steps")?, step)?,
        expect: bindings(fields.take("expect")?)?,
    })
}

fn bindings(json: &Json) -> Parsed<Vec<(String, String)>> {
    let object = json.as_object().ok_or_else(|| format!("expected an object, got {json}"))?;
    object.iter().map(|(name, key)| Ok((name.clone(), string(key)?))).collect()
}

fn step(json: &Json) -> Parsed<Step> {
    let mut fields = Fields::new(json)?;
    let step = if let Some(name) = fields.optional("let", string)? {
        Step::Let(name, invocation(&mut fields, "op")?)
    } else if fields.peek("do").is_some() {
        Step::Do(Invocation { in_place: true, ..invocation(&mut fields, "do")? })
    } else if let Some(name) = fields.optional("check", string)? {
        Step::Check(name, fields.string("out")?)
    } else if let Some(name) = fields.optional("drop", string)? {
        Step::Drop(name)
    } else {
        let refusal = refusal(&mut fields, "fail")?;
        let mut call = invocation(&mut fields, "op")?;
        call.in_place = call.op.ends_with('_') || call.op == "setitem";
        Step::Fail(refusal, call)
    };
    fields.finish()?;
    Ok(step)
}

fn invocation(fields: &mut Fields<'_>, field: &'static str) -> Parsed<Invocation> {
    let op = fields.string(field)?;
    let args = fields.optional("args", |json| each(json, arg))?.unwrap_or_default();
    let kwargs = fields.optional("kwargs", |json| {
        let object = Fields::new(json)?.object;
        object.iter().map(|(name, json)| Ok((name.clone(), arg(json)?))).collect()
    })?;
    Ok(Invocation { op, args, kwargs: kwargs.unwrap_or_default(), in_place: false })
}

fn arg(json: &Json) -> Parsed<Arg> {
    if json.is_null() {
        return Ok(Arg::None);
    }
    let mut fields = Fields::new(json)?;
    if let Some(tensor) = tensor_ref(&mut fields)? {
        fields.finish()?;
        return Ok(Arg::Tensor(tensor));
    }
    let arg = if let Some(scalar) = scalar_arg(&mut fields)? {
        Arg::Scalar(scalar)
    } else if let Some(text) = fields.optional("str", string)? {
        Arg::Str(text)
    } else if let Some(dtype) = fields.optional("dtype", dtype)? {
        Arg::DType(dtype)
    } else if let Some(list) = fields.optional("list", list)? {
        list
    } else {
        Arg::Index(each(fields.take("index")?, item)?)
    };
    fields.finish()?;
    Ok(arg)
}

fn tensor_ref(fields: &mut Fields<'_>) -> Parsed<Option<TensorRef>> {
    let source = match (fields.optional("t", string)?, fields.optional("v", string)?) {
        (Some(key), None) => Source::Key(key),
        (None, Some(name)) => Source::Variable(name),
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err("an argument is either a tensor or a variable".into()),
    };
    let view = fields.optional("view", |json| each(json, view_step))?.unwrap_or_default();
    Ok(Some(TensorRef { source, view }))
}

fn scalar_arg(fields: &mut Fields<'_>) -> Parsed<Option<Scalar>> {
    if let Some(value) = fields.optional("int", integer)? {
        return Ok(Some(Scalar::Int(value)));
    }
    if let Some(value) = fields.optional("float", float)? {
        return Ok(Some(Scalar::Float(value)));
    }
    Ok(fields.optional("bool", boolean)?.map(Scalar::Bool))
}

fn list(json: &Json) -> Parsed<Arg> {
    let items = array(json)?;
    if items.iter().all(Json::is_number) {
        return Ok(Arg::Ints(integers(json)?));
    }
    let tensor = |json: &Json| match arg(json)? {
        Arg::Tensor(tensor) => Ok(tensor),
        other => Err(format!("a list of tensors holds {other:?}")),
    };
    Ok(Arg::Tensors(each(json, tensor)?))
}

fn item(json: &Json) -> Parsed<Item> {
    let mut fields = Fields::new(json)?;
    let item = if let Some(tensor) = tensor_ref(&mut fields)? {
        Item::Tensor(tensor)
    } else if let Some(index) = fields.optional("int", integer)? {
        Item::Int(index)
    } else if fields.optional("ellipsis", boolean)?.is_some() {
        Item::Ellipsis
    } else if fields.optional("newaxis", boolean)?.is_some() {
        Item::NewAxis
    } else {
        match array(fields.take("slice")?)? {
            [start, stop, step] => Item::Slice {
                start: bound(start)?,
                stop: bound(stop)?,
                step: bound(step)?.unwrap_or(1),
            },
            other => return Err(format!("a slice has three parts, got {other:?}")),
        }
    };
    fields.finish()?;
    Ok(item)
}

fn view_step(json: &Json) -> Parsed<ViewStep> {
    let parts = array(json)?;
    let (name, rest) = match parts {
        [Json::String(name), rest @ ..] => (name.as_str(), rest),
        _ => return Err(format!("a view step begins with its name, got {json}")),
    };
    Ok(match (name, rest) {
        ("transpose", [i, j]) => ViewStep::Transpose(integer(i)?, integer(j)?),
        ("permute", [dims]) => ViewStep::Permute(integers(dims)?),
        ("slice", [dim, start, stop, step]) => ViewStep::Slice {
            dim: integer(dim)?,
            start: bound(start)?,
            stop: bound(stop)?,
            step: bound(step)?.unwrap_or(1),
        },
        ("select", [dim, index]) => ViewStep::Select { dim: integer(dim)?, index: integer(index)? },
        ("narrow", [dim, start, len]) => {
            ViewStep::Narrow { dim: integer(dim)?, start: integer(start)?, len: integer(len)? }
        }
        ("expand", [shape]) => ViewStep::Expand(integers(shape)?),
        ("unsqueeze", [dim]) => ViewStep::Unsqueeze(integer(dim)?),
        ("squeeze", [dim]) => ViewStep::Squeeze(integer(dim)?),
        ("view", [shape]) => ViewStep::View(integers(shape)?),
        ("reshape", [shape]) => ViewStep::Reshape(integers(shape)?),
        ("flip", [dims]) => ViewStep::Flip(integers(dims)?),
        _ => return Err(format!("unknown view step {json}")),
    })
}

fn result_layout(json: &Json) -> Parsed<ResultLayout> {
    let mut fields = Fields::new(json)?;
    let layout = ResultLayout {
        aliases: boolean(fields.take("aliases")?)?,
        stride: fields.optional("stride", integers)?,
        offset: fields.optional("offset", integer)?,
        contiguous: fields.optional("contiguous", boolean)?,
    };
    fields.finish()?;
    Ok(layout)
}

fn tolerance(json: &Json) -> Parsed<Tolerance> {
    if json == "exact" {
        return Ok(Tolerance::Exact);
    }
    let mut fields = Fields::new(json)?;
    let tolerance = match fields.optional("ulp", integer)? {
        Some(ulp) => Tolerance::Ulp(ulp.try_into().map_err(|_| format!("ulp {ulp}"))?),
        None => Tolerance::Close {
            rtol: float(fields.take("rtol")?)?,
            atol: float(fields.take("atol")?)?,
        },
    };
    fields.finish()?;
    Ok(tolerance)
}

fn nested(json: &Json) -> Parsed<Nested> {
    Ok(match json {
        Json::Array(_) => Nested::List(each(json, nested)?),
        Json::Bool(value) => Nested::Scalar(Scalar::Bool(*value)),
        Json::Number(number) if number.is_i64() => Nested::Scalar(Scalar::Int(integer(json)?)),
        _ => Nested::Scalar(Scalar::Float(float(json)?)),
    })
}

fn bound(json: &Json) -> Parsed<Option<i64>> {
    if json.is_null() { Ok(None) } else { integer(json).map(Some) }
}

fn integer(json: &Json) -> Parsed<i64> {
    json.as_i64().ok_or_else(|| format!("expected an integer, got {json}"))
}

fn float(json: &Json) -> Parsed<f64> {
    match json {
        Json::String(name) if name == "nan" => Ok(f64::NAN),
        Json::String(name) if name == "inf" => Ok(f64::INFINITY),
        Json::String(name) if name == "-inf" => Ok(f64::NEG_INFINITY),
        Json::Number(number) if number.is_f64() => {
            number.as_f64().ok_or_else(|| format!("expected a float, got {json}"))
        }
        _ => Err(format!("expected a float, got {json}")),
    }
}

fn boolean(json: &Json) -> Parsed<bool> {
    json.as_bool().ok_or_else(|| format!("expected a boolean, got {json}"))
}

fn string(json: &Json) -> Parsed<String> {
    json.as_str().map(str::to_owned).ok_or_else(|| format!("expected a string, got {json}"))
}

fn array(json: &Json) -> Parsed<&[Json]> {
    json.as_array().map(Vec::as_slice).ok_or_else(|| format!("expected a list, got {json}"))
}

fn each<T>(json: &Json, read: impl Fn(&Json) -> Parsed<T>) -> Parsed<Vec<T>> {
    array(json)?.iter().map(read).collect()
}

fn integers(json: &Json) -> Parsed<Vec<i64>> {
    each(json, integer)
}

fn sizes(json: &Json) -> Parsed<Vec<usize>> {
    let size = |n: i64| usize::try_from(n).map_err(|_| format!("size {n}"));
    integers(json)?.into_iter().map(size).collect()
}

fn dtype(json: &Json) -> Parsed<DType> {
    let name = string(json)?;
    let found = DType::ALL.into_iter().find(|dtype| dtype.name() == name);
    found.ok_or_else(|| format!("unknown dtype '{name}'"))
}

/// The fields of an object; at the end, all must have been read.
struct Fields<'a> {
    object: &'a Map<String, Json>,
    read: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    fn new(json: &'a Json) -> Parsed<Self> {
        let object = json.as_object().ok_or_else(|| format!("expected an object, got {json}"))?;
        Ok(Self { object, read: Vec::new() })
    }

    fn peek(&self, name: &str) -> Option<&'a Json> {
        self.object.get(name)
    }

    fn take(&mut self, name: &'static str) -> Parsed<&'a Json> {
        self.read.push(name);
        self.peek(name).ok_or_else(|| {
            let names: Vec<&String> = self.object.keys().collect();
            format!("no field '{name}' among {names:?}")
        })
    }

    fn optional<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a Json) -> Parsed<T>,
    ) -> Parsed<Option<T>> {
        self.read.push(name);
        let value = self.peek(name).map(read).transpose();
        value.map_err(|error| format!("{name}: {error}"))
    }

    fn string(&mut self, name: &'static str) -> Parsed<String> {
        string(self.take(name)?)
    }

    fn ignore(&mut self, names: &[&'static str]) {
        self.read.extend(names);
    }

    fn finish(&self) -> Parsed<()> {
        match self.object.keys().find(|name| !self.read.contains(&name.as_str())) {
            Some(name) => Err(format!("unknown field '{name}'")),
            None => Ok(()),
        }
    }
}
