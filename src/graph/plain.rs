//! Plain operations.
//!
//! # Note [Plain operations]
//! Most operations are one row of the table, of one tensor, of two that are alike (of one dtype, on one device,
//! of one [kept](crate::layout::Layout::is_kept) layout), or of one tensor and a number. What becomes of such
//! an operation follows from few facts, which are one number, [`Plain`]: of small tensors, to
//! look at programs, layouts and dtypes again and again takes longer than to compute. As long as a tape has no
//! other operations they are no records ([Note](super::alike)); the record of one is like any other, and who does
//! not ask whether it is plain sees no difference.

use std::num::NonZeroU32;
use std::panic::Location;

use smallvec::SmallVec;

use super::record::Record;
use super::storage::View;
use crate::dtype::DType;
use crate::kernel::{Expr, Node};
use crate::ops::Op;

/// What a plain operation is: two of one number have the same program, but for a number in it, and as many
/// views, of the same dtypes, of which the same ones are of one storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plain(NonZeroU32);

/// What a plain operation takes: views of one dtype and of one kept layout, each of a storage of its own, and
/// the stored form of a number in that dtype.
#[derive(Clone, Copy)]
pub(crate) struct Takes<'a> {
    pub(super) form: Form,
    pub(super) first: &'a View,
    pub(super) second: Option<&'a View>,
}

/// What a plain operation takes, but for its views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    One,
    Two,
    NumberRight(u64),
    NumberLeft(u64),
}

impl<'a> Takes<'a> {
    pub(crate) fn one(first: &'a View) -> Self {
        Self { form: Form::One, first, second: None }
    }

    pub(crate) fn two(first: &'a View, second: &'a View) -> Self {
        Self { form: Form::Two, first, second: Some(second) }
    }

    pub(crate) fn number_right(first: &'a View, number: u64) -> Self {
        Self { form: Form::NumberRight(number), first, second: None }
    }

    pub(crate) fn number_left(number: u64, first: &'a View) -> Self {
        Self { form: Form::NumberLeft(number), first, second: None }
    }
}

impl Form {
    /// The number that is taken.
    pub(super) fn number(self) -> Option<u64> {
        match self {
            Self::One | Self::Two => None,
            Self::NumberRight(bits) | Self::NumberLeft(bits) => Some(bits),
        }
    }

    /// As a number.
    fn word(self) -> u32 {
        match self {
            Self::One => 0,
            Self::Two => 1,
            Self::NumberRight(_) => 2,
            Self::NumberLeft(_) => 3,
        }
    }
}

impl Plain {
    /// In each of them; no other word that describes a record has this bit.
    const MARK: NonZeroU32 = NonZeroU32::new(1 << 30).unwrap();

    #[inline]
    pub(super) fn new(op: Op, dtype: DType, takes: Takes<'_>, output: &View) -> Self {
        let in_place = u32::from(takes.first.is_of(&output.storage));
        let form = takes.form.word();
        Self(Self::MARK | ((op as u32) << 8 | (dtype as u32) << 4 | form << 1 | in_place))
    }

    /// As a number, with one more fact.
    pub(super) fn word(self, stored: bool) -> u32 {
        self.0.get() | u32::from(stored) << 31
    }
}

impl Record {
    /// A plain operation in `dtype`. The output has the dtype of the result and the layout of what is taken; it
    /// is the first of that, or of a storage of its own.
    pub(super) fn plain(
        (name, location): (&'static str, &'static Location<'static>),
        (op, dtype): (Op, DType),
        takes: Takes<'_>,
        output: &View,
    ) -> Box<Self> {
        let mut record = Self::new(name, location);
        let Takes { form, first, second } = takes;
        record.make_plain(Plain::new(op, dtype, takes, output), (op, dtype), form);
        match second {
            Some(second) => record.views.extend([first, second, output].into_iter().cloned()),
            None => record.views.extend([first, output].into_iter().cloned()),
        }
        debug_assert!(record.is_what_plain_says(), "{op:?} in {dtype}");
        record
    }

    /// Makes a new record that of a plain operation, whose views are yet to come.
    pub(super) fn make_plain(&mut self, plain: Plain, (op, dtype): (Op, DType), form: Form) {
        let of = |expr| Node { expr, dtype };
        let result = |expr| Node { expr, dtype: op.info().result(dtype) };
        let two = |left, right| {
            let result = result(Expr::Binary(op, [0, 1]));
            SmallVec::from_buf_and_len([of(left), of(right), result, result], 3)
        };
        self.program.nodes = match form {
            Form::One => {
                let result = result(Expr::Unary(op, 0));
                let nodes = [of(Expr::Load(0)), result, result, result];
                SmallVec::from_buf_and_len(nodes, 2)
            }
            Form::Two => two(Expr::Load(0), Expr::Load(1)),
            Form::NumberRight(_) => two(Expr::Load(0), Expr::Scalar(0)),
            Form::NumberLeft(_) => two(Expr::Scalar(0), Expr::Load(0)),
        };
        self.program.scalars.extend(form.number());
        self.plain = Some(plain);
    }

    /// Whether the operation says that it is plain.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.plain.is_some()
    }

    pub(super) fn is_what_plain_says(&self) -> bool {
        let layout = &self.output().layout;
        let [first, others @ ..] = self.inputs() else { return false };
        let apart =
            |view: &View| !view.is_of(&first.storage) && !self.output().is_of(&view.storage);
        layout.is_kept()
            && self.views.iter().all(|view| view.layout == *layout)
            && self.inputs().iter().all(|view| view.dtype() == first.dtype())
            && self.program.dtype(self.program.last()) == self.output().dtype()
            && others.iter().all(apart)
    }
}
