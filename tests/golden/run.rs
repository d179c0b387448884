//! One case on one device.
//!
//! Owns the environment of a case (its tensors by key and by name), the run of a single operation
//! and the judgement of errors. `program.rs` runs the programs.

use std::cell::RefCell;
use std::collections::HashMap;

use taut::{Device, Index, Tensor};

use crate::call::{self, Failure, Output, Value};
use crate::case::{
    Arg, Body, Case, Expect, Invocation, Item, Refusal, ResultLayout, Single, Source, TensorRef,
};
use crate::compare::{Tolerance, compare, compare_nested, compare_text};
use crate::host::{Host, TensorFile};
use crate::program;
use crate::tensor::{check_layout, read, upload, view};

/// What a run of a case brought to light.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// The first thing that was wrong.
    pub(crate) result: Result<(), String>,
    /// Every tensor that was compared, by the name of its place in the case.
    pub(crate) seen: Vec<(String, Host)>,
}

/// Runs a case and judges it by what PyTorch recorded.
pub(crate) fn run(case: &Case, tensors: &TensorFile, device: Device) -> Attempt {
    let mut run = Run::new(tensors, device, case.tolerance);
    let result = match &case.body {
        Body::Single(single) => run.single(single),
        Body::Program(steps) => program::run(&mut run, steps),
    };
    Attempt { result, seen: run.seen }
}

/// Says how two devices differ on the tensors that both computed: they must not, whatever the
/// tolerance.
pub(crate) fn same_bits(attempt: &Attempt, reference: &Attempt) -> Result<(), String> {
    for (place, host) in &attempt.seen {
        if let Some((_, other)) = reference.seen.iter().find(|(name, _)| name == place) {
            compare(host, other, Tolerance::Exact)
                .map_err(|difference| format!("{place} differs from the CPU's: {difference}"))?;
        }
    }
    Ok(())
}

/// The environment of one case.
pub(crate) struct Run<'a> {
    tensors: &'a TensorFile,
    pub(crate) device: Device,
    tolerance: Tolerance,
    /// One tensor a key, uploaded at first use.
    constants: RefCell<HashMap<String, Tensor>>,
    pub(crate) variables: HashMap<String, Tensor>,
    seen: Vec<(String, Host)>,
}

impl<'a> Run<'a> {
    fn new(tensors: &'a TensorFile, device: Device, tolerance: Tolerance) -> Self {
        Self {
            tensors,
            device,
            tolerance,
            constants: RefCell::default(),
            variables: HashMap::new(),
            seen: Vec::new(),
        }
    }

    fn single(&mut self, single: &Single) -> Result<(), String> {
        let args = self.arguments(&single.call)?;
        let base = self.target_base(&single.call)?;
        let outcome = self.invoke(&single.call, &args).and_then(|output| {
            // Errors that depend on data may come as late as the read.
            let hosts = read_all(&output)?;
            Ok((output, hosts))
        });
        let (output, hosts) = match (&single.expect, outcome) {
            (Expect::Refused(expected), outcome) => {
                judge_refusal(expected, outcome.map(drop))?;
                return self.unwritten(base);
            }
            (_, Err(failure)) => return Err(describe(failure)),
            (_, Ok(outcome)) => outcome,
        };
        self.judge_result(&single.expect, &output, &hosts)?;
        if let (Some(layout), Output::Tensor(result)) = (&single.layout, &output) {
            self.judge_layout(layout, result, &single.call, &args)?;
        }
        if let (Some(key), Some((base, _))) = (&single.base_after, base) {
            let host = read(&base).map_err(|error| format!("reading the base: {error}"))?;
            self.check("base_after", &host, key)?;
        }
        Ok(())
    }

    fn judge_result(
        &mut self,
        expect: &Expect,
        output: &Output,
        hosts: &[Host],
    ) -> Result<(), String> {
        match (expect, output, hosts) {
            (Expect::Tensor(key), Output::Tensor(_), [host]) => self.check("out", host, key)?,
            (Expect::Tensors(keys), Output::Tensors(_), hosts) if keys.len() == hosts.len() => {
                for (index, (host, key)) in hosts.iter().zip(keys).enumerate() {
                    self.check(&format!("out[{index}]"), host, key)?;
                }
            }
            (Expect::Meta(dtype, shape), Output::Tensor(_), [host]) => {
                if (host.dtype, &host.shape) != (*dtype, shape) {
                    let (got, sizes) = (host.dtype, &host.shape);
                    return Err(format!("{got} {sizes:?}, expected {dtype} {shape:?}"));
                }
            }
            (Expect::DType(expected), Output::DType(dtype), _) => {
                if dtype != expected {
                    return Err(format!("{dtype}, expected {expected}"));
                }
            }
            (Expect::Value(expected), Output::Nested(nested), _) => {
                compare_nested(nested, expected)?;
            }
            (Expect::Text(expected), Output::Text(text), _) => {
                compare_text(text, expected, self.device != Device::Cpu)?;
            }
            _ => return Err(format!("a result of another kind, expected {expect:?}")),
        }
        Ok(())
    }

    fn judge_layout(
        &self,
        layout: &ResultLayout,
        result: &Tensor,
        call: &Invocation,
        args: &[Value],
    ) -> Result<(), String> {
        let (Some(Arg::Tensor(named)), Some(Value::Tensor(source))) =
            (call.args.first(), args.first())
        else {
            return Err("a layout is told of a result whose first argument is a tensor".into());
        };
        let has_memory = match &named.source {
            Source::Key(key) => !self.tensors.get(key)?.bits.is_empty(),
            Source::Variable(_) => true,
        };
        check_layout(result, source, has_memory, layout)
    }

    /// The whole memory that an operation in place may write to, and what it held.
    fn target_base(&self, call: &Invocation) -> Result<Option<(Tensor, Host)>, String> {
        match call.args.first() {
            Some(Arg::Tensor(TensorRef { source: Source::Key(key), .. })) if call.in_place => {
                Ok(Some((self.constant(key)?, self.tensors.get(key)?)))
            }
            _ => Ok(None),
        }
    }

    /// A refused operation must not have written.
    fn unwritten(&self, base: Option<(Tensor, Host)>) -> Result<(), String> {
        let Some((base, before)) = base else { return Ok(()) };
        let after = read(&base).map_err(|error| format!("reading the base: {error}"))?;
        compare(&after, &before, Tolerance::Exact)
            .map_err(|difference| format!("refused, but it has written: {difference}"))
    }

    /// Calls the operation; one in place gives its target.
    pub(crate) fn invoke(&self, call: &Invocation, args: &[Value]) -> Result<Output, Failure> {
        let kwargs: Vec<_> = call
            .kwargs
            .iter()
            .map(|(name, arg)| Ok((name.as_str(), self.value(arg)?)))
            .collect::<Result<_, String>>()
            .map_err(Failure::Broken)?;
        if !call.in_place {
            return call::call(self.device, &call.op, args, &kwargs);
        }
        call::call_in_place(&call.op, args, &kwargs)?;
        match args.first() {
            Some(Value::Tensor(target)) => Ok(Output::Tensor(target.alias())),
            _ => Err(Failure::Undispatched),
        }
    }

    /// Evaluates the positional arguments. What goes wrong here is not the operation's error.
    pub(crate) fn arguments(&self, call: &Invocation) -> Result<Vec<Value>, String> {
        call.args.iter().map(|arg| self.value(arg)).collect()
    }

    fn value(&self, arg: &Arg) -> Result<Value, String> {
        Ok(match arg {
            Arg::Tensor(tensor) => Value::Tensor(self.tensor(tensor)?),
            Arg::Scalar(scalar) => Value::Scalar(*scalar),
            Arg::Str(text) => Value::Str(text.clone()),
            Arg::DType(dtype) => Value::DType(*dtype),
            Arg::Ints(ints) => Value::Ints(ints.clone()),
            Arg::Tensors(tensors) => {
                Value::Tensors(tensors.iter().map(|t| self.tensor(t)).collect::<Result<_, _>>()?)
            }
            Arg::Index(items) => {
                Value::Index(items.iter().map(|item| self.item(item)).collect::<Result<_, _>>()?)
            }
            Arg::None => Value::None,
        })
    }

    fn item(&self, item: &Item) -> Result<Index, String> {
        Ok(match item {
            Item::Int(index) => Index::Int(*index),
            &Item::Slice { start, stop, step } => Index::Slice { start, stop, step },
            Item::Ellipsis => Index::Ellipsis,
            Item::NewAxis => Index::NewAxis,
            Item::Tensor(tensor) => self.tensor(tensor)?.into(),
        })
    }

    fn tensor(&self, tensor: &TensorRef) -> Result<Tensor, String> {
        let source = match &tensor.source {
            Source::Key(key) => self.constant(key)?,
            Source::Variable(name) => self.variable(name)?.alias(),
        };
        let seen = tensor.view.iter().try_fold(source, |seen, step| view(&seen, step));
        seen.map_err(|error| format!("building an argument: {error}"))
    }

    fn constant(&self, key: &str) -> Result<Tensor, String> {
        if let Some(tensor) = self.constants.borrow().get(key) {
            return Ok(tensor.alias());
        }
        let tensor = self.fresh(key)?;
        self.constants.borrow_mut().insert(key.to_owned(), tensor.alias());
        Ok(tensor)
    }

    /// The tensor of this key in memory of its own.
    pub(crate) fn fresh(&self, key: &str) -> Result<Tensor, String> {
        let host = self.tensors.get(key)?;
        upload(&host, self.device).map_err(|error| format!("uploading {key}: {error}"))
    }

    pub(crate) fn variable(&self, name: &str) -> Result<&Tensor, String> {
        self.variables.get(name).ok_or_else(|| format!("no variable {name}"))
    }

    /// Compares a result with the tensor of this key.
    pub(crate) fn check(&mut self, place: &str, host: &Host, key: &str) -> Result<(), String> {
        let expected = self.tensors.get(key)?;
        self.seen.push((place.to_owned(), host.clone()));
        compare(host, &expected, self.tolerance)
            .map_err(|difference| format!("{place}: {difference}"))
    }
}

/// Evaluates every tensor of a result.
pub(crate) fn read_all(output: &Output) -> Result<Vec<Host>, Failure> {
    let hosts: taut::Result<_> = match output {
        Output::Tensor(tensor) => read(tensor).map(|host| vec![host]),
        Output::Tensors(tensors) => tensors.iter().map(read).collect(),
        Output::DType(_) | Output::Nested(_) | Output::Text(_) => Ok(Vec::new()),
    };
    Ok(hosts?)
}

/// The kind must match; the words are shown when it does not.
pub(crate) fn judge_refusal(
    expected: &Refusal,
    outcome: Result<(), Failure>,
) -> Result<(), String> {
    let Refusal { kind, message } = expected;
    match outcome {
        Ok(()) => Err(format!("accepted, expected an error of kind {kind:?}: {message}")),
        Err(Failure::Refused(error)) if error.kind() == *kind => Ok(()),
        Err(failure) => Err(format!("{}; expected kind {kind:?}: {message}", describe(failure))),
    }
}

/// A failure in a sentence.
pub(crate) fn describe(failure: Failure) -> String {
    match failure {
        Failure::Refused(error) => format!("refused as {:?}: {error}", error.kind()),
        Failure::Undispatched => {
            "call.rs has no arm for the operation with such arguments, skips.rs does not name it"
                .into()
        }
        Failure::Broken(message) => message,
    }
}
