//! From a group of records to one kernel.
//!
//! Owns the joining of programs: a value that one record writes and a later one reads through the same
//! layout stays in a register; equal expressions are computed once; what nobody uses goes.
//!
//! # Note [Order of points]
//! A kernel that folds nothing visits its points in the order in which its first store's elements lie in
//! memory, whatever order the shape gives them: what is computed of transposed tensors alone is as
//! contiguous as it would be of others, and what is stored there is never scattered. Where a value depends
//! on the place of its point in the shape's order, as random numbers do, the kernel keeps to that.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use triomphe::Arc;

use super::record::{Entire, Folding, Record};
use super::storage::{Storage, View};
use crate::kernel::{
    Args, Check, Class, Code, Dims, Expr, Kernel, Node, OperandArgs, OperandCode, Reduce, Store,
    Value, Whole,
};
use crate::layout::{self, Layout};

/// A kernel and the storages its buffers stand for, in the order of `OperandCode::buffer`.
pub(crate) struct Built {
    pub(crate) kernel: Kernel,
    pub(crate) storages: SmallVec<[Arc<Storage>; 8]>,
    /// Bytes of distinct elements that are loaded, and stored.
    pub(crate) bytes_read: u64,
    pub(crate) bytes_written: u64,
}

/// Nodes up to which an equal one is searched for by looking at each.
const FEW_NODES: usize = 16;

/// A view as a kernel walks through it.
#[derive(Clone, Copy)]
struct Operand<'a> {
    view: &'a View,
    /// Over the records' iteration space.
    strides: &'a [usize],
    /// Where beyond the point it is fetched from.
    at: Option<Value>,
}

impl Operand<'_> {
    /// Bytes of the elements that are touched, each counted once; of those that are fetched at most.
    fn bytes(&self, shape: &[usize]) -> u64 {
        let bytes = distinct_bytes(self.view);
        let points: usize = shape.iter().product();
        let each = (points * self.view.dtype().size()) as u64;
        if self.at.is_some() { bytes.min(each) } else { bytes }
    }
}

#[derive(Default)]
struct Builder<'a> {
    operands: SmallVec<[Operand<'a>; 8]>,
    nodes: SmallVec<[Node; 32]>,
    /// Where each node is, once there are more than a few.
    known: FxHashMap<Node, Value>,
    scalars: SmallVec<[u64; 16]>,
    /// What each written view holds by now.
    written: SmallVec<[(&'a View, Value); 8]>,
    check: Option<Value>,
    fold: Option<(&'a Folding, Value)>,
}

/// Joins records, which share an iteration space and have no hazards. `stored` says whether memory of a
/// written storage is needed afterwards; if none is, and nothing is checked, there is no kernel.
pub(crate) fn build(
    records: &[&Record],
    check: u32,
    stored: impl Fn(&View) -> bool,
) -> Option<Built> {
    if let [record @ Record { entire: Some(entire), .. }] = records {
        return Some(build_entire(record, entire, check));
    }
    let spread = records.iter().find(|r| r.fold.is_some()).map(|r| spread(r.output(), r.shape()));
    let mut builder = Builder::default();
    for record in records {
        builder.join(record);
    }
    let written = std::mem::take(&mut builder.written);
    let mut stores: SmallVec<[(usize, Value); 4]> = SmallVec::new();
    for (view, value) in written {
        if stored(view) {
            stores.push((builder.operand(view), value));
        }
    }
    if stores.is_empty() && builder.check.is_none() && builder.fold.is_none() {
        return None;
    }
    let fold = builder.fold.zip(spread.as_ref());
    let fold = fold.map(|((fold, value), view)| (fold, value, builder.operand(view)));
    Some(builder.finish(records[0].shape(), &stores, fold, check))
}

impl<'a> Builder<'a> {
    fn join(&mut self, record: &'a Record) {
        let program = &record.program;
        let mut values: SmallVec<[Value; 8]> = SmallVec::new();
        for node in &program.nodes {
            let at = |value: Value| values[usize::from(value)];
            let expr = match node.expr {
                Expr::Load(k) => {
                    let view = &record.views[usize::from(k)];
                    match self.held(view) {
                        Some(value) => {
                            values.push(value);
                            continue;
                        }
                        None => Expr::Load(self.operand(view) as u8),
                    }
                }
                Expr::Fetch { operand, at: place } => {
                    let Some(fetch) = &record.fetch else {
                        unreachable!("a record that fetches says how")
                    };
                    let view = &record.views[usize::from(operand)];
                    let place = at(place);
                    Expr::Fetch { operand: self.fetched(view, &fetch.strides, place), at: place }
                }
                Expr::Scalar(k) => Expr::Scalar(self.scalar(program.scalars[usize::from(k)])),
                Expr::Random { word, words, scalar } => {
                    let at = usize::from(scalar);
                    // Two numbers side by side: never shared with others.
                    let scalar = self.scalars.len() as u8;
                    self.scalars.extend_from_slice(&program.scalars[at..at + 2]);
                    Expr::Random { word, words, scalar }
                }
                other => other.with_arguments(at),
            };
            values.push(self.node(Node { expr, dtype: node.dtype }));
        }
        if let Some(check) = program.check {
            self.check = Some(values[usize::from(check)]);
        }
        let result = values[usize::from(program.last())];
        let output = record.output();
        if let Some(fold) = &record.fold {
            self.fold = Some((fold, result));
            return;
        }
        match self.written.iter_mut().rfind(|(view, _)| same(view, output)) {
            Some((_, value)) => *value = result,
            None => self.written.push((output, result)),
        }
    }

    /// The value that was written through the same layout in this kernel.
    fn held(&self, view: &View) -> Option<Value> {
        // The last written is the likeliest.
        self.written.iter().rfind(|(other, _)| same(other, view)).map(|&(_, value)| value)
    }

    fn operand(&mut self, view: &'a View) -> usize {
        let known = |other: &Operand<'_>| other.at.is_none() && same(other.view, view);
        self.operands.iter().position(known).unwrap_or_else(|| {
            self.operands.push(Operand { view, strides: view.layout.strides(), at: None });
            self.operands.len() - 1
        })
    }

    /// The operand of a fetch, which belongs to it alone.
    fn fetched(&mut self, view: &'a View, strides: &'a [usize], at: Value) -> u8 {
        let known = self.operands.iter().position(|other| {
            other.at == Some(at) && same(other.view, view) && other.strides == strides
        });
        known.unwrap_or_else(|| {
            self.operands.push(Operand { view, strides, at: Some(at) });
            self.operands.len() - 1
        }) as u8
    }

    fn scalar(&mut self, bits: u64) -> u8 {
        // Not shared: whether two scalars are equal must not change the code.
        self.scalars.push(bits);
        (self.scalars.len() - 1) as u8
    }

    fn node(&mut self, node: Node) -> Value {
        let next = self.nodes.len() as Value;
        let known = match self.nodes.len() {
            0..=FEW_NODES => self.nodes.iter().rposition(|other| *other == node),
            _ => {
                if self.known.is_empty() {
                    let nodes = self.nodes.iter().enumerate();
                    self.known.extend(nodes.map(|(value, &node)| (node, value as Value)));
                }
                let value = *self.known.entry(node).or_insert(next);
                (value != next).then_some(usize::from(value))
            }
        };
        known.map_or_else(
            || {
                self.nodes.push(node);
                next
            },
            |value| value as Value,
        )
    }

    /// Drops what no store needs, collapses the iteration space and sets the numbers in order.
    #[inline]
    fn finish(
        self,
        shape: &[usize],
        stores: &[(usize, Value)],
        fold: Option<(&Folding, Value, usize)>,
        check: u32,
    ) -> Built {
        let mut used: SmallVec<[bool; 32]> = SmallVec::from_elem(false, self.nodes.len());
        for &(_, value) in stores {
            used[usize::from(value)] = true;
        }
        if let Some((_, value, _)) = fold {
            used[usize::from(value)] = true;
        }
        if let Some(value) = self.check {
            used[usize::from(value)] = true;
        }
        for index in (0..self.nodes.len()).rev() {
            if used[index] {
                for argument in self.nodes[index].expr.arguments() {
                    used[usize::from(argument)] = true;
                }
            }
        }
        let mut compact = Compact::default();
        let mut nodes: SmallVec<[Node; 16]> = SmallVec::new();
        let mut renamed: SmallVec<[Value; 32]> = SmallVec::from_elem(0, self.nodes.len());
        let mut loaded: SmallVec<[usize; 8]> = SmallVec::new();
        let mut scalars = SmallVec::new();
        for (index, node) in self.nodes.iter().enumerate().filter(|&(index, _)| used[index]) {
            let at = |value: Value| renamed[usize::from(value)];
            let expr = match node.expr {
                Expr::Load(operand) => {
                    let operand = compact.operand(usize::from(operand));
                    loaded.push(usize::from(operand));
                    Expr::Load(operand)
                }
                Expr::Fetch { operand, at: place } => {
                    let operand = compact.operand(usize::from(operand));
                    loaded.push(usize::from(operand));
                    Expr::Fetch { operand, at: at(place) }
                }
                Expr::Scalar(k) => {
                    scalars.push(self.scalars[usize::from(k)]);
                    Expr::Scalar((scalars.len() - 1) as u8)
                }
                Expr::Random { word, words, scalar } => {
                    let from = usize::from(scalar);
                    let scalar = scalars.len() as u8;
                    scalars.extend_from_slice(&self.scalars[from..from + 2]);
                    Expr::Random { word, words, scalar }
                }
                other => other.with_arguments(at),
            };
            renamed[index] = nodes.len() as Value;
            nodes.push(Node { expr, dtype: node.dtype });
        }
        let stores: SmallVec<[Store; 2]> = stores
            .iter()
            .map(|&(operand, value)| Store {
                operand: compact.operand(operand),
                value: renamed[usize::from(value)],
            })
            .collect();

        let reduce = fold.map(|(fold, value, operand)| {
            scalars.push(fold.identity);
            Reduce {
                fold: fold.fold,
                value: renamed[usize::from(value)],
                operand: compact.operand(operand),
                identity: (scalars.len() - 1) as u8,
                lead: 0,
                reduced: 0,
                scan: fold.scan,
            }
        });

        let seen: SmallVec<[Operand<'_>; 8]> =
            compact.order.iter().map(|&k| self.operands[k]).collect();
        let bytes = |operand: usize| seen[operand].bytes(shape);
        let bytes_read = loaded.iter().map(|&k| bytes(k)).sum();
        let written = stores.iter().map(|store| store.operand).chain(reduce.map(|r| r.operand));
        let bytes_written = written.map(|operand| bytes(operand.into())).sum();

        let strides: SmallVec<[&[usize]; 8]> = seen.iter().map(|operand| operand.strides).collect();
        let (shape, strides, [lead, reduced]) = match fold {
            Some((fold, ..)) => {
                let (order, lead, reduced) = fold.order();
                collapse_parts(shape, &strides, &order, [lead, reduced])
            }
            None => {
                let order = order_of(shape.len(), &nodes, &stores, &seen);
                let (shape, strides) = collapse(shape, &strides, &order);
                (shape, strides, [0, 0])
            }
        };
        let reduce = reduce.map(|reduce| Reduce { lead, reduced, ..reduce });
        let mut storages: SmallVec<[Arc<Storage>; 8]> = SmallVec::new();
        let mut operands = SmallVec::new();
        let mut numbers = SmallVec::new();
        let mut fetched: SmallVec<[usize; 2]> = SmallVec::new();
        for (&Operand { view, at, .. }, strides) in seen.iter().zip(strides) {
            let mut known = storages.iter().enumerate();
            let known = known.position(|(i, s)| view.is_of(s) && !fetched.contains(&i));
            let buffer = known.filter(|_| at.is_none()).unwrap_or_else(|| {
                storages.push(view.storage.clone());
                storages.len() - 1
            });
            if at.is_some() {
                // Numbered for itself, even where others see the same memory.
                fetched.push(buffer);
            }
            operands.push(OperandCode {
                buffer: buffer as u8,
                dtype: view.dtype(),
                class: Class::of(&shape, &strides),
            });
            numbers.push(OperandArgs { offset: view.layout.offset(), strides });
        }
        let check_node = self.check.map(|value| Check { value: renamed[usize::from(value)] });
        let code = Code {
            rank: shape.len() as u8,
            operands,
            nodes,
            stores,
            check: check_node,
            reduce,
            whole: None,
        };
        let args = Args { shape, operands: numbers, scalars, base: 0, check };
        Built { kernel: Kernel { code: code.into(), args }, storages, bytes_read, bytes_written }
    }
}

/// The kernel of an operation that is no expression. Its operands are its views, in order.
fn build_entire(record: &Record, entire: &Entire, check: u32) -> Built {
    let mut shape = entire.shape.clone();
    let mut strides = entire.strides.clone();
    if shape.is_empty() {
        shape.push(1);
        strides.iter_mut().for_each(|strides| strides.push(0));
    }
    if matches!(entire.whole, Whole::Scatter { .. }) {
        // Of the points only their order matters.
        layout::collapse(&mut shape, &mut strides);
    }
    let mut storages: SmallVec<[Arc<Storage>; 8]> = SmallVec::new();
    let mut operands = SmallVec::new();
    let mut numbers = SmallVec::new();
    for (view, strides) in record.views.iter().zip(strides) {
        let known = storages.iter().position(|storage| view.is_of(storage));
        let buffer = known.unwrap_or_else(|| {
            storages.push(view.storage.clone());
            storages.len() - 1
        });
        operands.push(OperandCode {
            buffer: buffer as u8,
            dtype: view.dtype(),
            class: Class::of(&shape, &strides),
        });
        numbers.push(OperandArgs { offset: view.layout.offset(), strides });
    }
    let code = Code {
        rank: shape.len() as u8,
        operands,
        nodes: SmallVec::new(),
        stores: SmallVec::new(),
        check: None,
        reduce: None,
        whole: Some(entire.whole),
    };
    let args = Args { shape, operands: numbers, scalars: SmallVec::new(), base: 0, check };
    let bytes_read = record.inputs().iter().map(distinct_bytes).sum();
    let bytes_written = distinct_bytes(record.output());
    Built { kernel: Kernel { code: code.into(), args }, storages, bytes_read, bytes_written }
}

/// Renumbers operands in the order of their first use.
#[derive(Default)]
struct Compact {
    order: SmallVec<[usize; 8]>,
}

impl Compact {
    fn operand(&mut self, old: usize) -> u8 {
        let known = self.order.iter().position(|&k| k == old);
        known.unwrap_or_else(|| {
            self.order.push(old);
            self.order.len() - 1
        }) as u8
    }
}

/// The view of a fold's result over the whole iteration space: it stays where it is along folded
/// dimensions.
fn spread(output: &View, shape: &[usize]) -> View {
    let strides = output.layout.broadcast_strides(shape);
    let layout = Layout::new(Dims::from_slice(shape), strides, output.layout.offset());
    View { storage: output.storage.clone(), layout }
}

/// The dimensions of the iteration space in the order that Note [Order of points] gives them.
fn order_of(rank: usize, nodes: &[Node], stores: &[Store], operands: &[Operand<'_>]) -> Dims {
    let mut order: Dims = (0..rank).collect();
    if let Some(store) = stores.first()
        && !nodes.iter().any(|node| node.expr.is_placed())
    {
        // Those of size 1 go wherever that is.
        let strides = operands[usize::from(store.operand)].strides;
        order.sort_by_key(|&d| Reverse(strides[d]));
    }
    order
}

/// The strides of each operand.
type AllStrides = SmallVec<[Dims; 8]>;

/// The dimensions `dims` of the iteration space, in this order, merged where every operand allows it.
fn collapse(shape: &[usize], strides: &[&[usize]], dims: &[usize]) -> (Dims, AllStrides) {
    let mut sizes: Dims = dims.iter().map(|&d| shape[d]).collect();
    let mut steps: AllStrides =
        strides.iter().map(|strides| dims.iter().map(|&d| strides[d]).collect()).collect();
    layout::collapse(&mut sizes, &mut steps);
    (sizes, steps)
}

/// The same for a fold, each part of the dimensions by itself: so many of them lead, so many are folded, and
/// the others are beside. Also says how many of the first two are left.
fn collapse_parts(
    shape: &[usize],
    strides: &[&[usize]],
    order: &[usize],
    [lead, reduced]: [usize; 2],
) -> (Dims, AllStrides, [u8; 2]) {
    let mut collapsed = Dims::new();
    let mut all: AllStrides = smallvec::smallvec![Dims::new(); strides.len()];
    let mut counts = [0; 3];
    let ranges = [0..lead, lead..lead + reduced, lead + reduced..order.len()];
    for (part, range) in ranges.into_iter().enumerate() {
        let (sizes, steps) = collapse(shape, strides, &order[range]);
        if part == 1 || sizes.iter().product::<usize>() > 1 {
            counts[part] = sizes.len() as u8;
            collapsed.extend(sizes);
            all.iter_mut().zip(steps).for_each(|(all, steps)| all.extend(steps));
        }
    }
    (collapsed, all, [counts[0], counts[1]])
}

fn same(a: &View, b: &View) -> bool {
    a.is_of(&b.storage) && a.layout == b.layout
}

/// Bytes of the elements that a view sees, each counted once.
fn distinct_bytes(view: &View) -> u64 {
    let sizes = view.layout.shape().iter().zip(view.layout.strides());
    let elements: usize = sizes.filter(|(_, stride)| **stride != 0).map(|(size, _)| size).product();
    (elements * view.dtype().size()) as u64
}
