//! What counts of an operation: of two with the same notes only numbers differ.
//!
//! Kernels and tapes that came before are known by them. Layouts and folds are compared by their handles or
//! whole, which of what comes again is sooner done than to write down how each view walks.

use smallvec::SmallVec;

use super::plain::Plain;
use super::record::{Entire, Fetching, Folding, Record};
use super::storage::View;
use crate::dtype::DType;
use crate::kernel::{Node, Value};
use crate::layout::Layout;

/// See the module.
pub(super) struct Notes {
    plain: Option<Plain>,
    /// Nothing, if it is plain.
    nodes: SmallVec<[Node; 4]>,
    scalars: usize,
    check: Option<Value>,
    fold: Option<Box<Folding>>,
    fetch: Option<Box<Fetching>>,
    entire: Option<Box<Entire>>,
    /// The storages by number.
    views: SmallVec<[(usize, DType, Layout); 3]>,
}

impl Notes {
    /// Those of an operation. `number` tells storages apart.
    pub(super) fn of(record: &Record, number: impl Fn(&View) -> usize) -> Self {
        let view = |view: &View| (number(view), view.dtype(), view.layout.clone());
        let (nodes, scalars) = match record.plain {
            Some(_) => Default::default(),
            None => (record.program.nodes.clone(), record.program.scalars.len()),
        };
        let views = record.views.iter().map(view).collect();
        Self {
            plain: record.plain,
            nodes,
            scalars,
            check: record.program.check,
            fold: record.fold.clone(),
            fetch: record.fetch.clone(),
            entire: record.entire.clone(),
            views,
        }
    }

    /// Whether an operation has the same.
    #[inline]
    pub(super) fn are_of(&self, record: &Record, number: impl Fn(&View) -> usize) -> bool {
        let is_same = |(view, (known, dtype, layout)): (&View, &(usize, DType, Layout))| {
            number(view) == *known && view.dtype() == *dtype && view.layout == *layout
        };
        self.plain == record.plain
            && self.views.len() == record.views.len()
            && record.views.iter().zip(&self.views).all(is_same)
            && (record.is_plain() || self.tell_of(record))
    }

    /// Whether they say the same of what is not plain.
    fn tell_of(&self, record: &Record) -> bool {
        let fold = match (&self.fold, &record.fold) {
            (Some(one), Some(other)) => one.folds_as(other),
            (None, None) => true,
            _ => false,
        };
        fold && self.check == record.program.check
            && self.fetch == record.fetch
            && self.entire == record.entire
            && self.scalars == record.program.scalars.len()
            && self.nodes == record.program.nodes
    }
}
