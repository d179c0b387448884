//! One operation as the tape holds it.
//!
//! Owns [`Record`] and [`Program`], the little list of expressions that an operation brings along: the
//! plan joins several into one kernel. Loads and scalars are numbered within the record.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::panic::Location;

use smallvec::SmallVec;

use super::KEPT;
use super::plain::Plain;
use super::storage::{Storage, View};
use crate::dtype::DType;
use crate::kernel::{Dims, Expr, Fold, Node, Value, Whole};
use crate::layout::{self, Layout};
use crate::ops::Op;
use crate::spare::Spare;

thread_local! {
    /// Records that have ended.
    static SPARE: Spare<Box<Record>, KEPT> = const { Spare::new() };
    /// What ended ones folded.
    static FOLDS: Spare<Box<Folding>, KEPT> = const { Spare::new() };
}

/// An operation that waits on the tape.
pub(crate) struct Record {
    pub(crate) name: &'static str,
    /// The caller's line.
    pub(crate) location: &'static Location<'static>,
    pub(crate) program: Program,
    /// What it is, if that is plain.
    pub(super) plain: Option<Plain>,
    /// What the record touches: the inputs, then the output, where the last value of the program goes, or
    /// what it folds to. Each has the iteration space as its shape, unless the operation is [`Entire`] or the
    /// view is one of [`Fetching`] or what a [`Folding`] gives.
    pub(crate) views: SmallVec<[View; 4]>,
    pub(crate) fold: Option<Box<Folding>>,
    pub(crate) fetch: Option<Box<Fetching>>,
    pub(crate) entire: Option<Box<Entire>>,
    /// What a read point says if the operation was refused for its data.
    pub(crate) refusal: Option<Box<Refusal>>,
}

/// An input that the program reads by [`Expr::Fetch`], not at the point: its view has a shape of its own,
/// which says what may be touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fetching {
    /// Index of the input; the program loads no other element of it.
    pub(crate) input: usize,
    /// How far the point's place is from the view's first element, over the iteration space.
    pub(crate) strides: Dims,
}

/// What a read point says of an operation that was refused for its data.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    Value(Cow<'static, str>),
    Index(Cow<'static, str>),
}

/// What the record does instead of evaluating its program, which is empty.
/// Its views have shapes of their own, which say what may be touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entire {
    pub(crate) whole: Whole,
    /// The iteration space.
    pub(crate) shape: Dims,
    /// How each view walks over the iteration space, inputs first.
    pub(crate) strides: SmallVec<[Dims; 3]>,
}

/// A reduction or scan of a record's value.
#[derive(Clone, Debug)]
pub(crate) struct Folding {
    pub(crate) fold: Fold,
    /// The iteration space.
    pub(crate) shape: Dims,
    /// The stored form of the identity, in the value's dtype.
    pub(crate) identity: u64,
    /// For each dimension of the shape, whether it is folded; those have size 1 in the output,
    /// unless this is a scan.
    pub(crate) dims: SmallVec<[bool; 6]>,
    pub(crate) scan: bool,
    /// The dimensions as they lie in the memory of what is folded, the outermost first: Note [Order of folds].
    pub(crate) places: Dims,
}

/// # Note [Order of folds]
/// A fold is of the inner or the outer form by where its dimensions lie in memory, not by their numbers: the
/// sum over the first dimension of a transposed matrix reads each row of the matrix, as the sum over
/// the last dimension of the matrix does, and has its bits. It goes by the layout of the tensor that is
/// folded, which is part of the program, whether that is ever stored or not: so fusion changes no bit. Of
/// a tensor with gaps or repetitions it is the layout of a clone, which is what arrives on another
/// device. Where the place of an element is asked for (`argmax` over several dimensions), in scans, and in
/// exact products, the dimensions are in the order of the shape.
impl Folding {
    /// Puts it where an earlier one was, if this thread has some.
    pub(crate) fn boxed(self) -> Box<Self> {
        match Spare::take(&FOLDS) {
            Some(mut place) => {
                *place = self;
                place
            }
            None => Box::new(self),
        }
    }

    /// Whether the other folds the same, but for the number that it begins with.
    pub(super) fn folds_as(&self, other: &Self) -> bool {
        let Self { fold, shape, identity: _, dims, scan, places } = self;
        *fold == other.fold
            && *scan == other.scan
            && *dims == other.dims
            && *shape == other.shape
            && *places == other.places
    }

    /// The dimensions of a tensor in the order of a clone's strides; those of size 1 come first, if that is not
    /// the order that they have.
    pub(crate) fn places(layout: &Layout) -> Dims {
        let (shape, all) = (layout.shape(), 0..layout.rank());
        if layout.is_contiguous() {
            return layout::dims_of(layout.rank());
        }
        let strides = layout::preserved_strides(layout);
        let (ones, mut others): (Dims, Dims) = all.clone().partition(|&d| shape[d] == 1);
        let is_sorted = others.is_sorted_by_key(|&d| Reverse(strides[d]));
        if is_sorted {
            return all.collect();
        }
        others.sort_by_key(|&d| Reverse(strides[d]));
        ones.into_iter().chain(others).collect()
    }

    /// The dimensions in the order of the kernel (kept, folded, kept), and how many come before and
    /// belong to the fold.
    pub(crate) fn order(&self) -> (Dims, usize, usize) {
        let all = || self.places.iter().copied();
        let after = all().rev().take_while(|&d| !self.dims[d]);
        let count = after.clone().count();
        let trails = after.map(|d| self.shape[d]).product::<usize>() > 1;
        let before = self.places.len() - if trails { count } else { 0 };
        let (before, trail) = self.places.split_at(before);
        let (folded, lead): (Dims, Dims) = before.iter().copied().partition(|&d| self.dims[d]);
        let counts = (lead.len(), folded.len());
        let trail = trail.iter().copied();
        (lead.into_iter().chain(folded).chain(trail).collect(), counts.0, counts.1)
    }
}

impl Record {
    /// An operation of which nothing is known yet but its name. A record is large: only a handle to it moves,
    /// and its memory is that of an earlier one, where this thread has some.
    pub(crate) fn new(name: &'static str, location: &'static Location<'static>) -> Box<Self> {
        if let Some(mut record) = Spare::take(&SPARE) {
            (record.name, record.location) = (name, location);
            return record;
        }
        Box::new(Self {
            name,
            location,
            program: Program::default(),
            plain: None,
            views: SmallVec::new(),
            fold: None,
            fetch: None,
            entire: None,
            refusal: None,
        })
    }

    /// Lets go of all that the record holds, and keeps its memory for a later one of this thread.
    pub(super) fn end(mut self: Box<Self>) {
        let Self { name: _, location: _, program, plain, views, fold, fetch, entire, refusal } =
            &mut *self;
        while let Some(view) = views.pop() {
            Storage::end(view.storage);
        }
        program.clear();
        // A plain one has none of these.
        if plain.take().is_none() {
            if let Some(fold) = fold.take() {
                Spare::keep(&FOLDS, fold);
            }
            (*fetch, *entire, *refusal) = (None, None, None);
        }
        Spare::keep(&SPARE, self);
    }

    /// The number of an input, a new one unless it is known.
    #[inline]
    pub(crate) fn input(&mut self, view: &View) -> usize {
        let known = |other: &View| other.is_of(&view.storage) && other.layout == view.layout;
        self.views.iter().position(known).unwrap_or_else(|| {
            let input = self.views.len();
            self.add_view(view);
            input
        })
    }

    /// Adds a view to those that the record touches.
    #[inline]
    pub(crate) fn add_view(&mut self, view: &View) {
        // To push a clone is slower: it is first put together elsewhere, and is then moved as one word while
        // its halves are on their way to memory.
        self.views.extend(std::slice::from_ref(view).iter().cloned());
    }

    pub(crate) fn output(&self) -> &View {
        &self.views[self.views.len() - 1]
    }

    pub(crate) fn inputs(&self) -> &[View] {
        &self.views[..self.views.len() - 1]
    }

    /// The iteration space.
    pub(crate) fn shape(&self) -> &[usize] {
        match (&self.fold, &self.entire) {
            (Some(fold), _) => &fold.shape,
            (_, Some(entire)) => &entire.shape,
            _ => self.output().layout.shape(),
        }
    }

    /// Whether the operation may be refused for its data, when it runs.
    pub(crate) fn may_refuse(&self) -> bool {
        if self.is_plain() {
            return false;
        }
        let scatters = |entire: &Entire| matches!(entire.whole, Whole::Scatter { .. });
        self.program.check.is_some() || self.entire.as_deref().is_some_and(scatters)
    }

    /// Whether the record evaluates its program at each point and stores the value.
    pub(crate) fn is_pointwise(&self) -> bool {
        self.fold.is_none() && self.fetch.is_none() && self.entire.is_none()
    }

    /// Whether that is all, unconditionally, and every view has this layout.
    #[inline]
    pub(crate) fn is_alike(&self, layout: &Layout) -> bool {
        if self.is_plain() { self.output().layout == *layout } else { self.looks_alike(layout) }
    }

    fn looks_alike(&self, layout: &Layout) -> bool {
        self.is_pointwise()
            && self.program.check.is_none()
            && self.views.iter().all(|view| view.layout == *layout)
    }

    /// The same operation once more.
    pub(crate) fn duplicate(&self) -> Box<Self> {
        Box::new(Self {
            name: self.name,
            location: self.location,
            program: self.program.clone(),
            plain: self.plain,
            views: self.views.clone(),
            fold: self.fold.clone(),
            fetch: self.fetch.clone(),
            entire: self.entire.clone(),
            refusal: self.refusal.clone(),
        })
    }

    /// Whether an input is read at computed places.
    pub(crate) fn is_fetched(&self, input: Option<usize>) -> bool {
        input.is_some() && self.fetch.as_ref().map(|fetch| fetch.input) == input
    }

    /// Whether the value depends on the place of a point in the iteration order.
    pub(crate) fn is_indexed(&self) -> bool {
        self.program.nodes.iter().any(|node| node.expr.is_placed())
    }

    /// Numbers that the record brings along.
    pub(crate) fn scalars(&self) -> usize {
        self.program.scalars.len() + usize::from(self.fold.is_some())
    }

    /// Whether the kernel must visit the points in another order than the record's own.
    pub(crate) fn is_reordered(&self) -> bool {
        self.fold.as_ref().is_some_and(|fold| !fold.order().0.is_sorted())
    }
}

/// The expressions of one operation, in order; the last is the result.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    pub(crate) nodes: SmallVec<[Node; 4]>,
    pub(crate) scalars: SmallVec<[u64; 2]>,
    /// A bool value that is true where the operation must be refused.
    pub(crate) check: Option<Value>,
}

impl Program {
    fn clear(&mut self) {
        self.nodes.clear();
        self.scalars.clear();
        self.check = None;
    }

    pub(crate) fn push(&mut self, expr: Expr, dtype: DType) -> Value {
        let value = self.nodes.len() as Value;
        self.nodes.push(Node { expr, dtype });
        value
    }

    pub(crate) fn dtype(&self, value: Value) -> DType {
        self.nodes[usize::from(value)].dtype
    }

    /// The element of input `index`.
    pub(crate) fn load(&mut self, index: usize, dtype: DType) -> Value {
        self.push(Expr::Load(index as u8), dtype)
    }

    /// A number whose stored form in `dtype` is `bits`.
    pub(crate) fn scalar_bits(&mut self, bits: u64, dtype: DType) -> Value {
        let scalar = self.scalars.len() as u8;
        self.scalars.push(bits);
        self.push(Expr::Scalar(scalar), dtype)
    }

    /// The value in another dtype.
    pub(crate) fn cast(&mut self, value: Value, dtype: DType) -> Value {
        if self.dtype(value) == dtype { value } else { self.push(Expr::Cast(value), dtype) }
    }

    pub(crate) fn unary(&mut self, op: Op, a: Value) -> Value {
        let dtype = self.result(op, a);
        self.push(Expr::Unary(op, a), dtype)
    }

    pub(crate) fn binary(&mut self, op: Op, a: Value, b: Value) -> Value {
        let dtype = self.result(op, a);
        self.push(Expr::Binary(op, [a, b]), dtype)
    }

    pub(crate) fn ternary(&mut self, op: Op, args: [Value; 3]) -> Value {
        let dtype = self.result(op, args[0]);
        self.push(Expr::Ternary(op, args), dtype)
    }

    pub(crate) fn select(&mut self, mask: Value, then: Value, otherwise: Value) -> Value {
        let dtype = self.dtype(then);
        self.push(Expr::Select([mask, then, otherwise]), dtype)
    }

    pub(crate) fn last(&self) -> Value {
        (self.nodes.len() - 1) as Value
    }

    fn result(&self, op: Op, argument: Value) -> DType {
        op.info().result(self.dtype(argument))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a sum over these dimensions of a tensor with this layout goes by.
    fn order(shape: &[usize], strides: &[usize], folded: &[usize]) -> (Vec<usize>, usize, usize) {
        let fold = Folding {
            fold: Fold::Op(Op::Add),
            shape: shape.into(),
            identity: 0,
            dims: (0..shape.len()).map(|d| folded.contains(&d)).collect(),
            scan: false,
            places: Folding::places(&Layout::new(shape.into(), strides.into(), 0)),
        };
        let (order, lead, reduced) = fold.order();
        (order.to_vec(), lead, reduced)
    }

    #[test]
    fn folds_of_contiguous_tensors_go_by_the_shape() {
        assert_eq!(order(&[2, 3, 5], &[15, 5, 1], &[2]), (vec![0, 1, 2], 2, 1));
        assert_eq!(order(&[2, 3, 5], &[15, 5, 1], &[1]), (vec![0, 1, 2], 1, 1));
        assert_eq!(order(&[2, 3, 5], &[15, 5, 1], &[0, 2]), (vec![1, 0, 2], 1, 2));
        assert_eq!(order(&[2, 3, 1], &[3, 1, 1], &[1]), (vec![0, 2, 1], 2, 1));
        // Of a dimension of size 1 the stride says nothing.
        assert_eq!(order(&[2, 1, 5], &[5, 1, 1], &[1]), (vec![0, 1, 2], 1, 1));
        assert_eq!(order(&[2, 3], &[3, 1], &[]), (vec![0, 1], 0, 0));
    }

    #[test]
    fn folds_of_permuted_tensors_go_by_their_memory() {
        assert_eq!(order(&[3, 2], &[1, 3], &[0]), (vec![1, 0], 1, 1));
        assert_eq!(order(&[3, 2], &[1, 3], &[1]), (vec![1, 0], 0, 1));
        assert_eq!(order(&[3, 2], &[1, 3], &[0, 1]), (vec![1, 0], 0, 2));
        assert_eq!(order(&[5, 2, 3], &[1, 15, 5], &[0]), (vec![1, 2, 0], 2, 1));
        assert_eq!(order(&[5, 1, 2, 3], &[1, 7, 15, 5], &[0, 2]), (vec![1, 3, 2, 0], 2, 2));
        // An expanded dimension is where a clone has it, as are those of one stride.
        assert_eq!(order(&[3, 2, 4], &[1, 3, 0], &[0]), (vec![1, 0, 2], 1, 1));
        assert_eq!(order(&[4, 3, 2], &[0, 1, 3], &[2]), (vec![0, 2, 1], 1, 1));
        assert_eq!(order(&[3, 5000], &[1, 1], &[1]), (vec![1, 0], 0, 1));
    }
}
