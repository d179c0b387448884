//! The strides that results get: PyTorch's way of keeping the order of dims of the inputs.

use std::cmp::Ordering;

use super::{Dims, Layout, is_contiguous};

/// The strides of a fresh, dense tensor of `shape` that holds an element-wise result, given the
/// operands' strides once broadcast to `shape`.
///
/// Inputs that agree on dense strides give theirs; else the dims are ordered as the first operand
/// that tells them apart has them.
pub(crate) fn elementwise_strides(shape: &[usize], operands: &[&[usize]]) -> Dims {
    if let Some((first, rest)) = operands.split_first()
        && !operands.iter().all(|strides| is_contiguous(shape, strides))
        && is_dense(shape, first)
        && rest.iter().all(|strides| strides == first)
    {
        return Dims::from_slice(first);
    }
    // Fastest dim first. An insertion sort, as the comparison is not transitive: where it cannot
    // tell, neighbours stay as they are and dims beyond them are tried.
    let mut order: Dims = (0..shape.len()).rev().collect();
    if !operands.iter().all(|strides| is_contiguous(shape, strides)) {
        for i in 1..order.len() {
            let mut moving = i;
            for other in (0..i).rev() {
                match compare(shape, operands, order[other], order[moving]) {
                    Ordering::Greater => {
                        order.swap(other, moving);
                        moving = other;
                    }
                    Ordering::Less => break,
                    Ordering::Equal => {}
                }
            }
        }
    }
    let mut strides = Dims::from_elem(0, shape.len());
    let mut next = 1;
    for dim in order {
        strides[dim] = next;
        next *= shape[dim].max(1);
    }
    strides
}

/// The strides of a clone, or of a `*_like`: the same if the layout is dense, else the same order of
/// dims without the gaps.
pub(crate) fn preserved_strides(layout: &Layout) -> Dims {
    if is_dense(&layout.shape, &layout.strides) {
        return layout.strides.clone();
    }
    elementwise_strides(&layout.shape, &[&layout.strides])
}

/// Whether dim `a` walks faster (`Less`) or slower than dim `b`. Operands that repeat along one of
/// them do not tell; with equal strides the larger size is the slower.
fn compare(shape: &[usize], operands: &[&[usize]], a: usize, b: usize) -> Ordering {
    for strides in operands {
        if strides[a] == 0 || strides[b] == 0 {
            continue;
        }
        match strides[a].cmp(&strides[b]) {
            Ordering::Equal if shape[a] > shape[b] => return Ordering::Greater,
            Ordering::Equal => {}
            unequal => return unequal,
        }
    }
    Ordering::Equal
}

/// Whether the elements fill their extent, each element once: contiguous but for the order of dims.
pub(super) fn is_dense(shape: &[usize], strides: &[usize]) -> bool {
    if shape.contains(&0) {
        return true;
    }
    let mut dims: Dims = (0..shape.len()).filter(|&dim| shape[dim] > 1).collect();
    dims.sort_unstable_by_key(|&dim| strides[dim]);
    let mut expected = 1;
    for dim in dims {
        if strides[dim] != expected {
            return false;
        }
        expected *= shape[dim];
    }
    true
}
