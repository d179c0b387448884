//! What a flush would do now, told without doing it.
//!
//! Plans and builds the tape as `flush.rs` does, and writes down the kernels instead of running them.
//! Nothing is taken from the tape, allocated on the device or counted.

use std::fmt::{self, Write};

use triomphe::Arc;

use super::build::{Built, build};
use super::flush::{Order, group_limits};
use super::plan::{Ended, dead_records, plan};
use super::record::Record;
use super::runtime::Runtime;
use super::slots::Slots;
use super::storage::Storage;
use crate::dtype::DType;
use crate::kernel::{Class, Expr, Fold, Kernel, Node, Ranks, Whole};

/// A kernel that would run.
struct Planned {
    members: Vec<usize>,
    built: Built,
    ended: Ended,
}

impl Runtime {
    /// The kernels that a flush would run now; those that write `storage` are marked.
    pub(crate) fn explain(&self, storage: &Arc<Storage>) -> String {
        let _turn = self.turn();
        let mut tape = self.tape.lock();
        tape.write_out();
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write_plan(&tape.records, storage, &mut text);
        text
    }

    fn write_plan(
        &self,
        records: &[Box<Record>],
        storage: &Arc<Storage>,
        out: &mut String,
    ) -> fmt::Result {
        let slots = Slots::of(records);
        let dead = dead_records(records, &slots);
        let kernels = self.planned(records, &dead, &slots);
        let dropped = dead.iter().filter(|&&dead| dead).count();
        writeln!(
            out,
            "{}: {} on the tape, {dropped} dropped as nobody can see what they write; {}",
            self.device(),
            count(records.len(), "operation"),
            count(kernels.len(), "kernel")
        )?;
        if !records.iter().any(|record| record.output().is_of(storage)) {
            writeln!(out, "Nothing on the tape writes the tensor.")?;
        }
        for (number, planned) in kernels.iter().enumerate() {
            let Planned { members, built, ended } = planned;
            let names: Vec<&str> = members.iter().map(|&index| records[index].name).collect();
            let writes = members.iter().any(|&index| records[index].output().is_of(storage));
            writeln!(
                out,
                "kernel {} of {}: {} over {:?}, {} bytes read, {} written{}",
                number + 1,
                kernels.len(),
                names.join(", "),
                &built.kernel.args.shape[..],
                built.bytes_read,
                built.bytes_written,
                if writes { "; writes the tensor" } else { "" }
            )?;
            write_kernel(&built.kernel, out)?;
            writeln!(out, "  ended: {}", Reason { ended: *ended, records })?;
        }
        Ok(())
    }

    /// The kernels in order, halved where they see too many buffers as a flush halves them.
    fn planned(&self, records: &[Box<Record>], dead: &[bool], slots: &Slots) -> Vec<Planned> {
        let limits = self.backend().limits();
        let mut ends = Vec::new();
        let groups = plan(records, dead, slots, group_limits(&limits), Some(&mut ends));
        let order = Order::of(records, &groups, slots);
        let mut waiting: Vec<(Vec<usize>, Ended)> = groups.into_iter().zip(ends).rev().collect();
        let mut kernels = Vec::new();
        while let Some((members, ended)) = waiting.pop() {
            let group: Vec<&Record> = members.iter().map(|&index| &*records[index]).collect();
            let end = members.last().map_or(0, |&index| order.place[index]);
            let built = build(&group, 0, |view| {
                slots.is_held(view) || order.is_read_after(slots.at(view), end)
            });
            match built {
                Some(built) if built.storages.len() > limits.buffers && members.len() > 1 => {
                    let (head, tail) = members.split_at(members.len() / 2);
                    waiting.push((tail.to_vec(), ended));
                    waiting.push((head.to_vec(), Ended::Buffers));
                }
                Some(built) => kernels.push(Planned { members, built, ended }),
                None => {}
            }
        }
        kernels
    }
}

fn write_kernel(kernel: &Kernel, out: &mut String) -> fmt::Result {
    let (code, args) = (&kernel.code, &kernel.args);
    for (k, (operand, numbers)) in code.operands.iter().zip(&args.operands).enumerate() {
        let class = match operand.class {
            Class::Uniform => "uniform",
            Class::Contiguous => "contiguous",
            Class::Strided => "strided",
        };
        let sizes = args.shape.iter().zip(&numbers.strides);
        let elements: usize =
            sizes.filter(|(_, stride)| **stride != 0).map(|(size, _)| size).product();
        writeln!(
            out,
            "  o{k}: {}, {class}, strides {:?} from {}, buffer {}, {} bytes",
            operand.dtype,
            &numbers.strides[..],
            numbers.offset,
            operand.buffer,
            elements * operand.dtype.size()
        )?;
    }
    for (v, node) in code.nodes.iter().enumerate() {
        writeln!(out, "  v{v} = {}: {}", Expression { node, kernel }, node.dtype)?;
    }
    if let Some(check) = &code.check {
        writeln!(out, "  refused where v{} is true anywhere", check.value)?;
    }
    for store in &code.stores {
        writeln!(out, "  o{} = v{}", store.operand, store.value)?;
    }
    match code.whole {
        Some(Whole::Sort { descending, ranks }) => {
            let order = if descending { "descending" } else { "ascending" };
            write!(out, "  o1 = ranks of o0, {order}")?;
            if ranks != Ranks::ALL {
                write!(out, ", {} to {}", ranks.from, ranks.to)?;
            }
            writeln!(out)?;
        }
        Some(Whole::Scatter { fold: None }) => writeln!(out, "  o2[o0] = o1")?,
        Some(Whole::Scatter { fold: Some(op) }) => {
            writeln!(out, "  o2[o0] = {}(o2[o0], o1)", op.info().name)?;
        }
        Some(Whole::Product) => writeln!(out, "  o2 = o0 @ o1")?,
        None => {}
    }
    if let Some(reduce) = &code.reduce {
        let fold = match reduce.fold {
            Fold::Op(op) => op.info().name,
            Fold::ArgMax => "argmax",
            Fold::ArgMin => "argmin",
        };
        let (kind, first) = (if reduce.scan { "scan" } else { "fold" }, reduce.lead);
        let dims: Vec<u8> = (first..first + reduce.reduced).collect();
        writeln!(
            out,
            "  o{} = {kind} of v{} by {fold} along {dims:?}",
            reduce.operand, reduce.value
        )?;
    }
    Ok(())
}

/// A node with what it names.
struct Expression<'a> {
    node: &'a Node,
    kernel: &'a Kernel,
}

impl fmt::Display for Expression<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.node.expr {
            Expr::Load(k) => write!(f, "o{k}"),
            Expr::Fetch { operand, at } => write!(f, "o{operand}[v{at}]"),
            Expr::Scalar(k) => number(self.node.dtype, self.kernel.args.scalars[usize::from(k)], f),
            Expr::Index => f.write_str("index"),
            Expr::Random { word, .. } => write!(f, "random word {word}"),
            Expr::Cast(a) => write!(f, "cast(v{a})"),
            Expr::Select([mask, a, b]) => write!(f, "v{mask} ? v{a} : v{b}"),
            Expr::Unary(op, a) => write!(f, "{}(v{a})", op.info().name),
            Expr::Binary(op, [a, b]) => write!(f, "{}(v{a}, v{b})", op.info().name),
            Expr::Ternary(op, [a, b, c]) => write!(f, "{}(v{a}, v{b}, v{c})", op.info().name),
        }
    }
}

/// A scalar, from its stored form.
fn number(dtype: DType, bits: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match dtype {
        DType::Bool => write!(f, "{}", bits != 0),
        DType::U8 => write!(f, "{}", bits as u8),
        DType::I8 => write!(f, "{}", bits as i8),
        DType::I16 => write!(f, "{}", bits as i16),
        DType::I32 => write!(f, "{}", bits as i32),
        DType::I64 => write!(f, "{}", bits as i64),
        DType::F16 => write!(f, "{}", half::f16::from_bits(bits as u16)),
        DType::BF16 => write!(f, "{}", half::bf16::from_bits(bits as u16)),
        DType::F32 => write!(f, "{}", f32::from_bits(bits as u32)),
        DType::F64 => write!(f, "{}", f64::from_bits(bits)),
    }
}

/// Why a kernel ended, in words.
pub(super) struct Reason<'a> {
    pub(super) ended: Ended,
    pub(super) records: &'a [Box<Record>],
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |index: usize| {
            let record = &self.records[index];
            format!("{} ({})", record.name, record.location)
        };
        match self.ended {
            Ended::Tape => f.write_str("nothing more is on the tape"),
            Ended::Shape { next } => {
                let shape = self.records[next].shape();
                write!(f, "{} has another iteration space, {shape:?}", named(next))
            }
            Ended::Hazard { next, with } => write!(
                f,
                "hazard: {} must see all that {} did to memory that both use",
                named(next),
                named(with)
            ),
            Ended::Fold => f.write_str("a fold ends its kernel"),
            Ended::Fetch { next } => {
                write!(f, "a fold does not read at computed places, so {} is not in", named(next))
            }
            Ended::Entire { next } => write!(
                f,
                "a sort, a scatter or a matrix product is alone, so {} is not in",
                named(next)
            ),
            Ended::Check { next } => {
                write!(
                    f,
                    "an operation that checks its data is alone, so {} is not in",
                    named(next)
                )
            }
            Ended::Full => f.write_str("it holds as many operations as a kernel may"),
            Ended::Numbers { next } => {
                write!(f, "with {} it would have more operands than can be numbered", named(next))
            }
            Ended::Order { next } => {
                write!(f, "{} visits the points in another order", named(next))
            }
            Ended::Cut => f.write_str("cut at a canonical size, so that few pipelines serve all"),
            Ended::Buffers => f.write_str("halved, as together it would bind too many buffers"),
            Ended::Reach { next } => write!(f, "{} did not look further back", named(next)),
        }
    }
}

/// `1 kernel`, `2 kernels`.
fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
