//! Dims and sizes as users write them: negative dims count from the end.

use super::Dims;
use crate::error::{Error, Result};

/// The dim that `dim` names among `rank`. A rank of 0 counts as 1, as in PyTorch, where `sum(dim=0)`
/// of a 0-d tensor is fine.
///
/// # Errors
/// `Index` if out of range.
pub(crate) fn normalize_dim(dim: i64, rank: usize) -> Result<usize> {
    wrap(dim, rank.max(1)).ok_or_else(|| {
        let rank = rank.max(1);
        Error::index(format!(
            "Dimension out of range (expected to be in range of [-{rank}, {}], but got {dim})",
            rank - 1
        ))
    })
}

/// Each of `dims`, in the order given.
///
/// # Errors
/// `Index` if one is out of range, `Shape` if one is named twice.
pub(crate) fn normalize_dims(dims: &[i64], rank: usize) -> Result<Dims> {
    let mut normal = Dims::new();
    for &dim in dims {
        let dim = normalize_dim(dim, rank)?;
        if normal.contains(&dim) {
            return Err(Error::shape(format!(
                "dim {dim} appears multiple times in the list of dims"
            )));
        }
        normal.push(dim);
    }
    Ok(normal)
}

/// The sizes of a tensor to be made.
///
/// # Errors
/// `Value` if one is negative.
pub(crate) fn check_sizes(sizes: &[i64]) -> Result<Dims> {
    let size = |&size: &i64| {
        usize::try_from(size).map_err(|_| {
            Error::value(format!(
                "Trying to create tensor with negative dimension {size}: {sizes:?}"
            ))
        })
    };
    sizes.iter().map(size).collect()
}

/// `index`, or `index + len` if negative, if that is below `len`.
pub(super) fn wrap(index: i64, len: usize) -> Option<usize> {
    let magnitude = usize::try_from(index.unsigned_abs()).ok()?;
    let index = if index < 0 { len.checked_sub(magnitude)? } else { magnitude };
    (index < len).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn normalize_dim_out_of_range_says_the_range() {
        assert_eq!(normalize_dim(-2, 2).unwrap(), 0);
        for dim in [2, -3, i64::MIN, i64::MAX] {
            let error = normalize_dim(dim, 2).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Index);
            assert_eq!(
                error.to_string(),
                format!(
                    "Dimension out of range (expected to be in range of [-2, 1], but got {dim})"
                )
            );
        }
    }

    #[test]
    fn normalize_dim_of_rank_zero_takes_zero_and_minus_one() {
        assert_eq!(normalize_dim(0, 0).unwrap(), 0);
        assert_eq!(normalize_dim(-1, 0).unwrap(), 0);
        assert!(normalize_dim(1, 0).is_err());
    }

    #[test]
    fn normalize_dims_twice_the_same_is_a_shape_error() {
        assert_eq!(normalize_dims(&[-1, 0], 2).unwrap().as_slice(), [1, 0]);
        let error = normalize_dims(&[0, -2], 2).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Shape);
        assert_eq!(error.to_string(), "dim 0 appears multiple times in the list of dims");
    }

    #[test]
    fn check_sizes_negative_is_a_value_error() {
        assert_eq!(check_sizes(&[2, 0]).unwrap().as_slice(), [2, 0]);
        let error = check_sizes(&[4, -3]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Value);
        assert_eq!(
            error.to_string(),
            "Trying to create tensor with negative dimension -3: [4, -3]"
        );
    }
}
