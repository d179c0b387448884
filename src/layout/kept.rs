//! Layouts that are kept for good.
//!
//! # Note [Kept layouts]
//! Nearly all layouts of a program are row-major from the start of a storage, in few shapes. These are kept
//! for good, one of each: their handles count nothing, and two of them are equal where they are one. A
//! program that makes up ever new shapes gets counted handles for those beyond [`MAX_KEPT`].

use std::sync::{LazyLock, PoisonError, RwLock};

use rustc_hash::FxHashMap;
use servo_arc::Arc;

use super::{Dims, Walk};

/// Layouts that are kept, of about 100 bytes each.
const MAX_KEPT: usize = 1 << 12;

/// The row-major layout of these sizes, which `make` gives if they are new; none where they do not count up
/// to a layout.
pub(super) fn kept(shape: &[usize], make: impl FnOnce() -> Option<Walk>) -> Option<Arc<Walk>> {
    static KEPT: LazyLock<Kept> = LazyLock::new(Kept::default);
    KEPT.get(shape, make)
}

/// What is kept, by shape.
#[derive(Default)]
struct Kept(RwLock<FxHashMap<Dims, Arc<Walk>>>);

impl Kept {
    /// See [`kept`].
    fn get(&self, shape: &[usize], make: impl FnOnce() -> Option<Walk>) -> Option<Arc<Walk>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(walk) = known.get(shape) {
            return Some(walk.clone());
        }
        let is_full = known.len() >= MAX_KEPT;
        drop(known);
        let walk = make()?;
        if is_full {
            return Some(Arc::new(walk));
        }
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have come first, or have kept the last one: these few may be more.
        let kept = kept.entry(Dims::from_slice(shape));
        Some(kept.or_insert_with(|| Arc::new_leaked(walk)).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Layout;

    fn row(sizes: &[usize]) -> Option<Walk> {
        let ones = Dims::from_elem(1, sizes.len());
        Some(Walk { shape: Dims::from_slice(sizes), strides: ones, offset: 0 })
    }

    #[test]
    fn layouts_of_one_shape_are_one_until_too_many_are_kept() {
        let kept = Kept::default();
        let get = |size| kept.get(&[size], || row(&[size])).expect("a layout");
        for size in 0..MAX_KEPT {
            let [one, other] = [size; 2].map(get);
            assert!(one.is_static() && Arc::ptr_eq(&one, &other));
        }
        let [one, other] = [MAX_KEPT; 2].map(get);
        assert!(!one.is_static() && !Arc::ptr_eq(&one, &other));
        assert_eq!(one, other, "by its numbers");
        assert!(get(5).is_static(), "what is kept stays");
        assert!(kept.get(&[1, 1], || None).is_none());
    }

    #[test]
    fn a_kept_layout_stays_as_it_is() {
        let one = Layout::contiguous(&[3, 5]).unwrap();
        let turned = one.t().unwrap();
        assert_eq!((turned.shape(), one.shape()), (&[5, 3][..], &[3, 5][..]));
        assert_eq!(turned.t().unwrap(), one, "by its numbers");
        assert_ne!(one, Layout::contiguous(&[5, 3]).unwrap());
    }
}
