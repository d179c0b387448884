//! What differs: unique, unique_consecutive.
//!
//! Elements, or the slices along a dim, are put in order; each that is not what stands before it begins a
//! new value. Slices are columns of a matrix `(m, n)`, as many as `n`, and have an order by their ranks: Note
//! [Ranks of slices]. How many values there are is known when they have been counted: a read point.
//!
//! # Note [Ranks of slices]
//! Row by row, the elements of a matrix of slices are replaced by their ranks among the row's different
//! values. Two ranks `a`, `b` below `n` are one key, `a * n + b`, whose order is that of the pairs. So pairs
//! of rows become one row, whose ranks are taken again, and after `log2 m` rounds there is one row: the
//! ranks of the slices. Every round sorts all of its rows at once; a sort by one row after the other would
//! be `m` sorts that wait for each other.

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::layout;

use super::super::creation::{arange, empty, full};
use super::super::join::cat;
use super::super::scatter::count_dtype;
use super::super::sizes::IntoDims;
use super::super::{Options, Tensor, dims};

/// The different values of a tensor, where they are in it, and how often: see [`Tensor::unique`].
#[derive(Debug)]
pub struct Unique {
    /// The values: `(k)`, or the tensor with `k` slices along the dim.
    pub values: Tensor,
    /// For each element or slice the index of its value, int64, from 0 on.
    pub inverse: Tensor,
    /// How many elements or slices have each value: `(k)`, int64.
    pub counts: Tensor,
}

impl Tensor {
    /// The different elements in order; with a dim, the different slices along it, in the order of their
    /// first element that differs. PyTorch's `unique` with all that it can return.
    ///
    /// Without a dim, `()`, the values are a vector and the inverse indices have this tensor's shape; with
    /// one, they are a vector, one for each slice. -0 is 0, and the first of both is the value. NaN comes
    /// last and is no other NaN, nor is a slice with NaN another slice. A read point.
    ///
    /// PyTorch leaves the order of slices with NaN open; here NaN is beyond all numbers, and of two NaN that of
    /// the earlier slice comes first.
    ///
    /// # Errors
    /// `Index` for a dim out of range, or of a tensor without dims; `Value` for several dims; `Shape` when
    /// another dim than that one has size 0; what went wrong on the device since its last read point.
    ///
    /// # Example
    /// ```
    /// let x = taut::tensor([[3, 1], [1, 2]], ())?;
    /// let unique = x.unique(())?;
    /// assert_eq!(unique.values.to_vec::<i32>()?, [1, 2, 3]);
    /// assert_eq!(unique.inverse.to_vec::<i64>()?, [2, 0, 0, 1]);
    /// assert_eq!(unique.counts.to_vec::<i64>()?, [2, 1, 1]);
    /// let rows = taut::tensor([[1, 2], [0, 5], [1, 2]], ())?.unique(0)?;
    /// assert_eq!(rows.values.to_vec::<i32>()?, [0, 5, 1, 2]);
    /// assert_eq!(rows.inverse.to_vec::<i64>()?, [1, 0, 1]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn unique(&self, dim: impl IntoDims) -> Result<Unique> {
        let slices = Slices::of("unique", self, &dim.into_dims())?;
        if slices.is_empty() {
            return slices.nothing();
        }
        let mut order = Order::sorted(&slices.columns)?;
        while order.rows() > 1 {
            order = Order::sorted(&paired(&order.ranks()?)?)?;
        }
        slices.values_of(&order)
    }

    /// The elements, or slices along a dim, without those that follow an equal one.
    ///
    /// As [`unique`](Self::unique) in everything but the order, which stays: values come back when others
    /// have been in between. A read point.
    ///
    /// # Errors
    /// As [`unique`](Self::unique).
    ///
    /// # Example
    /// ```
    /// let runs = taut::tensor([1, 1, 2, 2, 2, 1], ())?.unique_consecutive(())?;
    /// assert_eq!(runs.values.to_vec::<i32>()?, [1, 2, 1]);
    /// assert_eq!(runs.inverse.to_vec::<i64>()?, [0, 0, 1, 1, 1, 2]);
    /// assert_eq!(runs.counts.to_vec::<i64>()?, [2, 3, 1]);
    /// # Ok::<(), taut::Error>(())
    /// ```
    #[track_caller]
    pub fn unique_consecutive(&self, dim: impl IntoDims) -> Result<Unique> {
        let slices = Slices::of("unique_consecutive", self, &dim.into_dims())?;
        if slices.is_empty() {
            return slices.nothing();
        }
        let order = Order::given(&slices.columns)?;
        slices.values_of(&order)
    }
}

/// What is compared.
struct Slices {
    name: &'static str,
    /// The tensor, flat where no dim was named.
    source: Tensor,
    dim: usize,
    /// The elements of the slices: `(m, n)`, a column for each.
    columns: Tensor,
    /// The shape of the inverse indices.
    shape: Vec<i64>,
}

impl Slices {
    /// # Errors
    /// See [`Tensor::unique`].
    #[track_caller]
    fn of(name: &'static str, tensor: &Tensor, dims: &[i64]) -> Result<Self> {
        let dim = match *dims {
            [] => {
                let source = tensor.reshape([-1])?;
                let columns = source.unsqueeze(0)?;
                return Ok(Self { name, source, dim: 0, columns, shape: tensor.sizes() });
            }
            [dim] => dim,
            _ => return Err(Error::value(format!("{name}: expected one dim, but got {dims:?}"))),
        };
        if tensor.dim() == 0 {
            return Err(Error::index(format!(
                "Dimension specified as {dim} but tensor has no dimensions"
            )));
        }
        let dim = layout::normalize_dim(dim, tensor.dim())?;
        let n = tensor.shape()[dim] as i64;
        let zeros = tensor.shape().iter().filter(|&&size| size == 0).count();
        let refused = |why: &str| {
            Err(Error::shape(format!(
                "{why}, so {name} cannot be applied, got shape {} and dim {dim}",
                tensor.size()
            )))
        };
        let columns = match (n, zeros) {
            (0, 1) => tensor.reshape([0, 0])?,
            (0, _) => return refused("Number of zero sized dimensions is more than one"),
            (_, 0) => tensor.movedim(dim as i64, -1)?.reshape([-1, n])?,
            _ => return refused("There are 0 sized dimensions, and they aren't selected"),
        };
        Ok(Self { name, source: tensor.alias(), dim, columns, shape: vec![n] })
    }

    /// Whether there are no slices.
    fn is_empty(&self) -> bool {
        self.columns.shape()[1] == 0
    }

    #[track_caller]
    fn nothing(&self) -> Result<Unique> {
        let options = Options::from((DType::I64, self.source.device()));
        Ok(Unique {
            values: self.source.copied()?,
            inverse: empty(&self.shape[..], options)?,
            counts: empty([0], options)?,
        })
    }

    /// The values by an order of one row.
    #[track_caller]
    fn values_of(&self, order: &Order) -> Result<Unique> {
        let name = self.name;
        let (begins, count) = (order.begins.select(0, 0)?, order.count.select(0, 0)?);
        let n = begins.numel() as i64;
        let (places, found) = begins.places_by(name, &count)?;
        let options = Options::from((count.dtype(), count.device()));
        let starts = arange(n, options)?.compacted(name, &places, found)?;
        // The first element of a run is the first in the tensor, for the sort is stable.
        let first = match &order.positions {
            Some(positions) => positions.select(0, 0)?.compacted(name, &places, found)?,
            None => starts.alias(),
        };
        let ends = cat(&[&starts.narrow(0, 1, found as i64 - 1)?, &full([1], n, options)?], 0)?;
        Ok(Unique {
            values: self.source.index_select(self.dim as i64, &first)?,
            inverse: order.ranks()?.to(DType::I64)?.view(&self.shape[..])?,
            counts: ends.sub(&starts)?.to(DType::I64)?,
        })
    }
}

/// Rows in some order, and where in it another value begins.
struct Order {
    /// Where the elements of the order are in their rows; in place if none.
    positions: Option<Tensor>,
    /// Bool: whether an element is not what stands before it.
    begins: Tensor,
    /// How many have begun, the element's own among them, in the dtype of [`count_dtype`].
    count: Tensor,
}

impl Order {
    /// Each row sorted.
    #[track_caller]
    fn sorted(rows: &Tensor) -> Result<Self> {
        let (sorted, positions) = rows.sort(1, false)?;
        Self::new(Some(positions), differ(&sorted)?)
    }

    /// The columns as they stand, as one row.
    #[track_caller]
    fn given(columns: &Tensor) -> Result<Self> {
        let differ = differ(columns)?;
        let begins =
            if columns.shape()[0] == 1 { differ } else { differ.any(dims(0).keepdim())? };
        Self::new(None, begins)
    }

    #[track_caller]
    fn new(positions: Option<Tensor>, begins: Tensor) -> Result<Self> {
        let count = begins.cumsum_dtype(1, count_dtype(begins.shape()[1]))?;
        Ok(Self { positions, begins, count })
    }

    fn rows(&self) -> usize {
        self.begins.shape()[0]
    }

    /// For each element the number of values before its own, at its place in its row.
    #[track_caller]
    fn ranks(&self) -> Result<Tensor> {
        let ranks = self.count.sub(1)?;
        match &self.positions {
            None => Ok(ranks),
            Some(positions) => {
                let placed = empty(self.count.size(), (ranks.dtype(), ranks.device()))?;
                placed.scatter_(1, positions, &ranks)?;
                Ok(placed)
            }
        }
    }
}

/// Whether an element is not what stands before it in its row, where nothing stands before the first: bool.
#[track_caller]
fn differ(rows: &Tensor) -> Result<Tensor> {
    let more = rows.shape()[1] as i64 - 1;
    let differ = full(rows.size(), true, (DType::Bool, rows.device()))?;
    let differs = rows.narrow(1, 1, more)?.ne(&rows.narrow(1, 0, more)?)?;
    differ.narrow(1, 1, more)?.copy_(&differs)?;
    Ok(differ)
}

/// Two rows of ranks after the other as one of keys; a last one without another stays.
///
/// # Errors
/// `Shape` when the keys of so many slices do not fit int64.
#[track_caller]
fn paired(ranks: &Tensor) -> Result<Tensor> {
    let [m, n] = [ranks.shape()[0] as i64, ranks.shape()[1] as i64];
    let Some(keys) = n.checked_mul(n) else {
        return Err(Error::shape(format!("unique: {n} slices are more than can be told apart")));
    };
    let dtype = if i32::try_from(keys).is_ok() { DType::I32 } else { DType::I64 };
    let ranks = ranks.to(dtype)?;
    let pairs = ranks.narrow(0, 0, m / 2 * 2)?.view([m / 2, 2, n])?;
    let keys = pairs.select(1, 0)?.mul(n)?.add(&pairs.select(1, 1)?)?;
    if m % 2 == 0 { Ok(keys) } else { cat(&[&keys, &ranks.narrow(0, m - 1, 1)?], 0) }
}
