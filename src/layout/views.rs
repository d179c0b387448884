//! Views that reorder, insert or drop dims.

use super::{Dims, Layout, normalize_dim, normalize_dims};
use crate::error::{Error, Result};

impl Layout {
    /// Two dims swapped.
    ///
    /// # Errors
    /// `Index` if a dim is out of range.
    pub(crate) fn transpose(&self, dim0: i64, dim1: i64) -> Result<Self> {
        let dim0 = normalize_dim(dim0, self.rank())?;
        let dim1 = normalize_dim(dim1, self.rank())?;
        let mut view = self.clone();
        if dim0 != dim1 {
            view.shape.swap(dim0, dim1);
            view.strides.swap(dim0, dim1);
        }
        Ok(view)
    }

    /// A matrix transposed; fewer than two dims stay as they are.
    ///
    /// # Errors
    /// `Shape` if there are more than two dims.
    pub(crate) fn t(&self) -> Result<Self> {
        match self.rank() {
            0 | 1 => Ok(self.clone()),
            2 => self.transpose(0, 1),
            rank => Err(Error::shape(format!(
                "t() expects a tensor with <= 2 dimensions, but self is {rank}D"
            ))),
        }
    }

    /// Dim `i` of the result is dim `dims[i]`.
    ///
    /// # Errors
    /// `Shape` if there are not as many as dims or one is named twice, `Index` if one is out of range.
    pub(crate) fn permute(&self, dims: &[i64]) -> Result<Self> {
        if dims.len() != self.rank() {
            return Err(Error::shape(format!(
                "permute(): number of dimensions in the tensor input does not match the length of \
                 the desired ordering of dimensions i.e. input.dim() = {} is not equal to \
                 len(dims) = {}",
                self.rank(),
                dims.len()
            )));
        }
        let dims = distinct(dims, self.rank(), || {
            String::from("permute(): duplicate dims are not allowed.")
        })?;
        Ok(self.reorder(&dims))
    }

    /// Dim `source[i]` moves to `destination[i]`; the others keep their order.
    ///
    /// # Errors
    /// `Shape` if the lists differ in length or name a dim twice, `Index` if one is out of range.
    pub(crate) fn movedim(&self, source: &[i64], destination: &[i64]) -> Result<Self> {
        if source.len() != destination.len() {
            return Err(Error::shape(format!(
                "movedim: Invalid source or destination dims: source ({source:?} dims) should \
                 contain the same number of dims as destination ({destination:?} dims)"
            )));
        }
        let from = distinct(source, self.rank(), || {
            format!("movedim: repeated dim in `source` ({source:?})")
        })?;
        let to = distinct(destination, self.rank(), || {
            format!("movedim: repeated dim in `destination` ({destination:?})")
        })?;
        if self.rank() == 0 {
            return Ok(self.clone());
        }
        let mut rest = (0..self.rank()).filter(|dim| !from.contains(dim));
        let order: Dims = (0..self.rank())
            .filter_map(|dim| match to.iter().position(|&to| to == dim) {
                Some(i) => Some(from[i]),
                None => rest.next(),
            })
            .collect();
        Ok(self.reorder(&order))
    }

    /// A dim of size 1 inserted before `dim`, of `rank + 1`.
    ///
    /// # Errors
    /// `Index` if the dim is out of range.
    pub(crate) fn unsqueeze(&self, dim: i64) -> Result<Self> {
        let dim = normalize_dim(dim, self.rank() + 1)?;
        let stride =
            if dim < self.rank() { self.shape[dim].saturating_mul(self.strides[dim]) } else { 1 };
        let mut view = self.clone();
        view.shape.insert(dim, 1);
        view.strides.insert(dim, stride);
        Ok(view)
    }

    /// Without its dims of size 1.
    pub(crate) fn squeeze(&self) -> Self {
        self.drop_singletons(|_| true)
    }

    /// Without those of `dims` that have size 1.
    ///
    /// # Errors
    /// `Index` if a dim is out of range, `Shape` if one is named twice.
    pub(crate) fn squeeze_dims(&self, dims: &[i64]) -> Result<Self> {
        let dims = normalize_dims(dims, self.rank())?;
        Ok(self.drop_singletons(|dim| dims.contains(&dim)))
    }

    fn drop_singletons(&self, candidate: impl Fn(usize) -> bool) -> Self {
        let kept = (0..self.rank()).filter(|&dim| self.shape[dim] != 1 || !candidate(dim));
        self.reorder(&kept.collect::<Dims>())
    }

    fn reorder(&self, dims: &[usize]) -> Self {
        Self::new(
            dims.iter().map(|&dim| self.shape[dim]).collect(),
            dims.iter().map(|&dim| self.strides[dim]).collect(),
            self.offset,
        )
    }
}

/// The dims, or a `Shape` error with this message if one is named twice. A dim that is out of range
/// goes first.
fn distinct(dims: &[i64], rank: usize, message: impl FnOnce() -> String) -> Result<Dims> {
    let dims: Dims = dims.iter().map(|&dim| normalize_dim(dim, rank)).collect::<Result<_>>()?;
    let repeats = dims.iter().enumerate().any(|(i, dim)| dims[..i].contains(dim));
    if repeats { Err(Error::shape(message())) } else { Ok(dims) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn contiguous(shape: &[usize]) -> Layout {
        Layout::contiguous(shape).unwrap()
    }

    #[test]
    fn zero_dims_take_dim_zero_where_pytorch_does() {
        let scalar = contiguous(&[]);
        for same in [
            scalar.transpose(0, -1),
            scalar.t(),
            scalar.permute(&[]),
            scalar.movedim(&[0], &[-1]),
            scalar.squeeze_dims(&[0]),
        ] {
            assert_eq!(same.unwrap(), scalar);
        }
        assert_eq!(scalar.unsqueeze(-1).unwrap(), contiguous(&[1]));
        for error in [scalar.transpose(0, 1), scalar.movedim(&[0], &[1]), scalar.unsqueeze(1)] {
            assert_eq!(error.unwrap_err().kind(), ErrorKind::Index);
        }
        assert_eq!(scalar.permute(&[0]).unwrap_err().kind(), ErrorKind::Shape);
        assert_eq!(scalar.squeeze_dims(&[0, -1]).unwrap_err().kind(), ErrorKind::Shape);
    }

    #[test]
    fn movedim_keeps_the_order_of_the_others() {
        let moved = contiguous(&[2, 3, 4, 5]).movedim(&[0, 1], &[-1, 0]).unwrap();
        assert_eq!(moved.shape(), [3, 4, 5, 2]);
        assert_eq!(moved.strides(), [20, 5, 1, 60]);
    }

    #[test]
    fn movedim_repeated_dim_shows_the_list() {
        let layout = contiguous(&[2, 3]);
        let error = layout.movedim(&[0, -2], &[0, 1]).unwrap_err();
        assert_eq!(error.to_string(), "movedim: repeated dim in `source` ([0, -2])");
        let error = layout.movedim(&[0, 1], &[0, 0]).unwrap_err();
        assert_eq!(error.to_string(), "movedim: repeated dim in `destination` ([0, 0])");
    }

    #[test]
    fn unsqueeze_strides_over_the_dim_it_precedes() {
        let strides =
            |dim| contiguous(&[2, 3]).t().unwrap().unsqueeze(dim).unwrap().strides.clone();
        assert_eq!(strides(1).as_slice(), [1, 6, 3]);
        assert_eq!(strides(2).as_slice(), [1, 3, 1]);
    }

    #[test]
    fn squeeze_drops_only_size_one() {
        let layout = contiguous(&[1, 3, 1]);
        assert_eq!(layout.squeeze().shape(), [3]);
        assert_eq!(layout.squeeze_dims(&[0, 1]).unwrap().shape(), [3, 1]);
        assert_eq!(layout.squeeze_dims(&[]).unwrap(), layout);
    }
}
