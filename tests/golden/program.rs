//! A program: operations on shared memory, one after another.
//!
//! Nothing is read but where the program says so: what is left between the reads is what a lazy
//! runtime may reorder, fuse or drop.

use crate::call::Output;
use crate::case::{Program, Step};
use crate::run::{Run, describe, judge_refusal, read_all};
use crate::tensor::read;

/// Runs the steps, then compares every variable that is left.
pub(crate) fn run(run: &mut Run<'_>, program: &Program) -> Result<(), String> {
    for (name, key) in &program.inputs {
        let tensor = run.fresh(key)?;
        run.variables.insert(name.clone(), tensor);
    }
    for (index, step) in program.steps.iter().enumerate() {
        self::step(run, index, step).map_err(|error| format!("step {index}, {error}"))?;
    }
    for (name, key) in &program.expect {
        check(run, name, key, "at the end").map_err(|error| format!("at the end, {error}"))?;
    }
    match run.variables.keys().find(|name| !program.expect.iter().any(|(left, _)| left == *name)) {
        Some(name) => Err(format!("nothing is expected of variable {name}")),
        None => Ok(()),
    }
}

fn step(run: &mut Run<'_>, index: usize, step: &Step) -> Result<(), String> {
    match step {
        Step::Let(name, call) => {
            let args = run.arguments(call)?;
            let output = run.invoke(call, &args);
            match output.map_err(|failure| format!("{}: {}", call.op, describe(failure)))? {
                Output::Tensor(tensor) => run.variables.insert(name.clone(), tensor),
                _ => return Err(format!("{}: a variable is one tensor", call.op)),
            };
        }
        Step::Do(call) => {
            let args = run.arguments(call)?;
            run.invoke(call, &args)
                .map_err(|failure| format!("{}: {}", call.op, describe(failure)))?;
        }
        Step::Check(name, key) => check(run, name, key, &format!("step {index}"))?,
        Step::Drop(name) => {
            run.variables.remove(name).ok_or_else(|| format!("no variable {name}"))?;
        }
        Step::Fail(refusal, call) => {
            let args = run.arguments(call)?;
            // Errors that depend on data may come as late as the read.
            let outcome = run.invoke(call, &args).and_then(|output| read_all(&output));
            judge_refusal(refusal, outcome.map(drop))
                .map_err(|error| format!("{}: {error}", call.op))?;
        }
    }
    Ok(())
}

fn check(run: &mut Run<'_>, name: &str, key: &str, place: &str) -> Result<(), String> {
    let host = read(run.variable(name)?).map_err(|error| format!("{name}: {error}"))?;
    run.check(&format!("{name} {place}"), &host, key)
}
