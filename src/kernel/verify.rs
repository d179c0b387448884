//! What a legal kernel is: the specification of the parent module, as code.

use super::{Class, Code, Expr, Fold, Kernel, Node, OperandCode, Reduce};
use crate::dtype::DType;
use crate::ops::Output;

/// Panics in debug builds if the kernel is not legal. Runs before every launch, and when a template is made.
pub(crate) fn debug_verify(kernel: &Kernel, buffers: usize) {
    if cfg!(debug_assertions)
        && let Err(why) = verify(kernel, buffers)
    {
        unreachable!("illegal kernel: {why}\n{kernel:#?}");
    }
}

/// Says what is wrong with a kernel.
pub(crate) fn verify(kernel: &Kernel, buffers: usize) -> Result<(), String> {
    let (code, args) = (&kernel.code, &kernel.args);
    let rank = usize::from(code.rank);
    if rank == 0 || args.shape.len() != rank {
        return Err(format!("rank {rank} with shape {:?}", args.shape));
    }
    if kernel.len() == 0 {
        return Err("the iteration space is empty".into());
    }
    if code.operands.len() != args.operands.len() {
        return Err(format!("{} operands, {} given", code.operands.len(), args.operands.len()));
    }
    for (i, (operand, numbers)) in code.operands.iter().zip(&args.operands).enumerate() {
        if usize::from(operand.buffer) >= buffers {
            return Err(format!("operand {i} sees buffer {} of {buffers}", operand.buffer));
        }
        if numbers.strides.len() != rank {
            return Err(format!("operand {i} has strides {:?}", numbers.strides));
        }
        if operand.class != Class::of(&args.shape, &numbers.strides) {
            return Err(format!("operand {i} is not {:?}: {:?}", operand.class, numbers.strides));
        }
    }
    for (i, _) in code.nodes.iter().enumerate() {
        verify_node(code, args.scalars.len(), i).map_err(|why| format!("node {i}: {why}"))?;
    }
    for store in &code.stores {
        let operand = code.operands.get(usize::from(store.operand)).ok_or("store of no operand")?;
        let value = code.nodes.get(usize::from(store.value)).ok_or("store of no value")?;
        if operand.dtype != value.dtype {
            return Err(format!("{} stored to {}", value.dtype, operand.dtype));
        }
    }
    verify_fetches(code)?;
    if let Some(whole) = code.whole {
        return super::whole::verify(kernel, whole);
    }
    if let Some(reduce) = &code.reduce {
        verify_reduce(kernel, reduce)?;
    }
    match &code.check {
        Some(check)
            if code.nodes.get(usize::from(check.value)).map(|n| n.dtype) != Some(DType::Bool) =>
        {
            Err("the check is not bool".into())
        }
        _ => Ok(()),
    }
}

fn verify_reduce(kernel: &Kernel, reduce: &Reduce) -> Result<(), String> {
    let (code, args) = (&kernel.code, &kernel.args);
    let value = code.nodes.get(usize::from(reduce.value)).ok_or("reduction of no value")?;
    let operand =
        args.operands.get(usize::from(reduce.operand)).ok_or("reduction into no operand")?;
    let (lead, reduced) = (usize::from(reduce.lead), usize::from(reduce.reduced));
    let fetches = (0..code.operands.len()).any(|operand| code.is_fetched(operand));
    if reduced == 0 || lead + reduced > args.shape.len() || code.check.is_some() || fetches {
        return Err(format!("malformed {reduce:?} over {:?}", args.shape));
    }
    if usize::from(reduce.identity) >= args.scalars.len() {
        return Err("reduction without an identity".into());
    }
    if reduce.scan {
        return if reduced == 1 { Ok(()) } else { Err("scan over several dimensions".into()) };
    }
    if operand.strides[lead..lead + reduced].iter().any(|&stride| stride != 0) {
        return Err(format!("the result moves along reduced dimensions: {:?}", operand.strides));
    }
    match reduce.fold {
        Fold::Op(op) if op.info().arity == 2 && op.info().computes_in(value.dtype) => Ok(()),
        Fold::Op(op) => Err(format!("fold by {} in {}", op.info().name, value.dtype)),
        Fold::ArgMax | Fold::ArgMin => Ok(()),
    }
}

/// An operand that is fetched from shares neither itself nor its buffer.
fn verify_fetches(code: &Code) -> Result<(), String> {
    for (i, node) in code.nodes.iter().enumerate() {
        let Expr::Fetch { operand, at } = node.expr else { continue };
        let Some(fetched) = code.operands.get(usize::from(operand)) else {
            return Err(format!("node {i} fetches from no operand"));
        };
        if fetched.dtype != node.dtype {
            return Err(format!("node {i} fetches {fetched:?} as {}", node.dtype));
        }
        let at = code.nodes[usize::from(at)].dtype;
        if !matches!(at, DType::I64 | DType::I32) {
            return Err(format!("node {i} fetches at a place of {at}"));
        }
        let sees = |o: &OperandCode| o.buffer == fetched.buffer;
        let uses = |node: &&Node| match node.expr {
            Expr::Load(o) | Expr::Fetch { operand: o, .. } => o == operand,
            _ => false,
        };
        if code.operands.iter().filter(|o| sees(o)).count() > 1
            || code.nodes.iter().filter(uses).count() > 1
            || code.stores.iter().any(|store| store.operand == operand)
        {
            return Err(format!("operand {operand} is fetched from and used otherwise"));
        }
    }
    Ok(())
}

fn verify_node(code: &Code, scalars: usize, i: usize) -> Result<(), String> {
    let node = code.nodes[i];
    let arguments = node.expr.arguments();
    if arguments.iter().any(|&a| usize::from(a) >= i) {
        return Err("an argument comes later".into());
    }
    let dtype_of = |k: usize| code.nodes[usize::from(arguments[k])].dtype;
    let same = |from: usize| {
        (from..arguments.len()).all(|k| dtype_of(k) == dtype_of(from)).then(|| dtype_of(from))
    };
    match node.expr {
        Expr::Load(operand) => match code.operands.get(usize::from(operand)) {
            Some(o) if o.dtype == node.dtype => Ok(()),
            other => Err(format!("loads {other:?} as {}", node.dtype)),
        },
        Expr::Scalar(k) if usize::from(k) >= scalars => Err(format!("scalar {k} of {scalars}")),
        Expr::Random { words, word, scalar } => {
            let fits =
                usize::from(scalar) + 1 < scalars && word < words && node.dtype == DType::I32;
            fits.then_some(()).ok_or_else(|| "malformed stream".into())
        }
        Expr::Index if !matches!(node.dtype, DType::I32 | DType::I64) => {
            Err(format!("index as {}", node.dtype))
        }
        Expr::Scalar(_) | Expr::Index | Expr::Cast(_) | Expr::Fetch { .. } => Ok(()),
        Expr::Select(_) => {
            let fits = dtype_of(0) == DType::Bool && same(1) == Some(node.dtype);
            fits.then_some(()).ok_or_else(|| "select of mixed dtypes".into())
        }
        Expr::Unary(op, _) | Expr::Binary(op, _) | Expr::Ternary(op, _) => {
            let info = op.info();
            if info.arity != arguments.len() {
                return Err(format!("{} with {} arguments", info.name, arguments.len()));
            }
            let dtype = same(0).ok_or("arguments of mixed dtypes")?;
            if !info.computes_in(dtype) {
                return Err(format!("{} has no meaning in {dtype}", info.name));
            }
            let result = if info.output == Output::Mask { DType::Bool } else { dtype };
            if result != node.dtype {
                return Err(format!("{} gives {result}, not {}", info.name, node.dtype));
            }
            Ok(())
        }
    }
}
