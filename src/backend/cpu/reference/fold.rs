//! Reductions and scans, straight from Note [Fixed tree] and its neighbours.

use super::Number::{self, F32, F64, Int};
use super::{loaded, operation};
use crate::backend::Launch;
use crate::dtype::{DType, Lane};
use crate::kernel::{Fold, INNER_BLOCK, INNER_LANES, OUTER_BLOCK, Reduce};
use crate::ops::Op;

/// The results with the index of a point that each is stored at, from the values at all points.
pub(super) fn fold(launch: &Launch, reduce: &Reduce, values: &[Number]) -> Vec<(usize, Number)> {
    let (code, args) = (&launch.kernel.code, &launch.kernel.args);
    let (lead, reduced) = (usize::from(reduce.lead), usize::from(reduce.reduced));
    let points = |dims: &[usize]| dims.iter().product::<usize>();
    let before = points(&args.shape[..lead]);
    let n = points(&args.shape[lead..lead + reduced]);
    let after = points(&args.shape[lead + reduced..]);
    let dtype = code.nodes[usize::from(reduce.value)].dtype;
    let e = loaded(dtype, args.scalars[usize::from(reduce.identity)]);
    let mut results = Vec::new();
    for kept in 0..before * after {
        let index = |r: usize| (kept / after * n + r) * after + kept % after;
        let x: Vec<Number> = (0..n).map(|r| values[index(r)]).collect();
        if reduce.scan {
            results.extend(
                scan(reduce.fold, dtype, e, &x)
                    .into_iter()
                    .enumerate()
                    .map(|(r, result)| (index(r), result)),
            );
            continue;
        }
        results.push((
            index(0),
            match reduce.fold {
                Fold::Op(op) => {
                    let apply = |a: Number, b: Number| operation(op, dtype, dtype, &[a, b]);
                    tree(&x, e, code.rank == reduce.lead + reduce.reduced, apply)
                }
                order => Int(place(order, &x)),
            },
        ));
    }
    results
}

fn tree(x: &[Number], e: Number, inner: bool, apply: impl Fn(Number, Number) -> Number) -> Number {
    let mut y: Vec<Number> = if inner {
        x.chunks(INNER_BLOCK)
            .map(|block| {
                let mut lanes = [e; INNER_LANES];
                for (i, &x) in block.iter().enumerate() {
                    lanes[i % INNER_LANES] = apply(lanes[i % INNER_LANES], x);
                }
                for h in [128, 64, 32, 16, 8, 4, 2, 1] {
                    for j in 0..h {
                        lanes[j] = apply(lanes[j], lanes[j + h]);
                    }
                }
                lanes[0]
            })
            .collect()
    } else {
        x.chunks(OUTER_BLOCK).map(|block| block.iter().fold(e, |a, &x| apply(a, x))).collect()
    };
    while y.len() > 1 {
        y = y
            .chunks(2)
            .map(|pair| match *pair {
                [a, b] => apply(a, b),
                _ => pair[0],
            })
            .collect();
    }
    y[0]
}

fn scan(fold: Fold, dtype: DType, e: Number, x: &[Number]) -> Vec<Number> {
    match fold {
        Fold::Op(Op::Add) if dtype.lane() == Lane::F32 => {
            let F32(mut a) = e else { unreachable!("a number of the lane") };
            let mut c = 0.0;
            x.iter()
                .map(|&x| {
                    let F32(x) = x else { unreachable!("a number of the lane") };
                    let s = a + x;
                    let t = s - a;
                    c += (a - (s - t)) + (x - t);
                    a = s;
                    F32(if c.is_finite() { s + c } else { s })
                })
                .collect()
        }
        Fold::Op(op) => {
            let mut a = e;
            x.iter()
                .map(|&x| {
                    a = operation(op, dtype, dtype, &[a, x]);
                    a
                })
                .collect()
        }
        order => (0..x.len()).map(|r| Int(place(order, &x[..=r]))).collect(),
    }
}

/// The position of the first extreme.
fn place(order: Fold, x: &[Number]) -> i64 {
    let is_nan = |v: Number| match v {
        Int(_) => false,
        F32(v) => v.is_nan(),
        F64(v) => v.is_nan(),
    };
    if let Some(r) = x.iter().position(|&v| is_nan(v)) {
        return r as i64;
    }
    let larger = |a: Number, b: Number| match (a, b) {
        (Int(a), Int(b)) => a > b,
        (F32(a), F32(b)) => a > b,
        (F64(a), F64(b)) => a > b,
        _ => unreachable!("values share one dtype"),
    };
    let beyond = |a, b| if order == Fold::ArgMax { larger(a, b) } else { larger(b, a) };
    // The first that none is beyond.
    (0..x.len()).fold(0, |best, r| if beyond(x[r], x[best]) { r } else { best }) as i64
}
