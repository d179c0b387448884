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

/// Whether all dims are in row-major order for an operand with these strides: then [`elementwise_strides`] of such
/// operands alone are row-major.
#[inline]
pub(crate) fn are_row_major(strides: &[usize]) -> bool {
    let mut inner = 0;
    strides.iter().rev().filter(|&&stride| stride != 0).all(|&stride| {
        let is_farther = stride > inner;
        inner = stride;
        is_farther
    })
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

#[cfg(test)]
mod tests {
    use super::super::contiguous_strides;
    use super::*;

    /// Recorded from PyTorch 2.15: the shape, the operands' strides, those of their sum (of one
    /// operand: with 1; of three: `addcmul`) and those of a clone of the first.
    type Case = (&'static [usize], &'static [&'static [usize]], &'static [usize], &'static [usize]);

    const RECORDED: &[Case] = &[
        (&[1, 4, 2, 2], &[&[16, 4, 1, 2]], &[16, 4, 1, 2], &[16, 4, 1, 2]),
        (&[2, 4], &[&[2, 4]], &[1, 2], &[1, 2]),
        (&[2, 1, 3], &[&[1, 6, 2]], &[1, 6, 2], &[1, 6, 2]),
        (&[3, 3, 1, 2], &[&[2, 24, 12, 144]], &[1, 3, 3, 9], &[1, 3, 3, 9]),
        (&[3, 4, 2, 2], &[&[1, 0, 0, 3]], &[1, 6, 3, 24], &[1, 6, 3, 24]),
        (&[2, 2, 2, 4], &[&[0, 1, 0, 4], &[4, 16, 1, 0]], &[8, 16, 4, 1], &[16, 1, 2, 4]),
        (&[1, 2, 4], &[&[2, 1, 2], &[2, 1, 2]], &[2, 1, 2], &[2, 1, 2]),
        (&[1, 3, 1, 4], &[&[3, 1, 3, 6], &[3, 1, 3, 6]], &[3, 1, 3, 3], &[3, 1, 3, 3]),
        (&[2, 2, 2], &[&[1, 2, 0], &[1, 0, 0]], &[2, 4, 1], &[2, 4, 1]),
        (&[3, 3, 4], &[&[1, 24, 6], &[0, 8, 1]], &[1, 12, 3], &[1, 12, 3]),
        (&[4, 1, 3, 4], &[&[4, 96, 32, 1], &[24, 12, 4, 1]], &[4, 48, 16, 1], &[4, 48, 16, 1]),
        (&[2, 2], &[&[1, 2], &[2, 1]], &[1, 2], &[1, 2]),
        (&[1, 2, 3, 1], &[&[2, 4, 16, 48], &[12, 6, 1, 1]], &[1, 1, 2, 6], &[1, 1, 2, 6]),
        (&[2, 2], &[&[1, 2], &[0, 0]], &[1, 2], &[1, 2]),
        (
            &[2, 4, 2, 4],
            &[&[8, 0, 4, 1], &[2, 4, 0, 32], &[8, 2, 1, 16]],
            &[8, 16, 4, 1],
            &[32, 8, 4, 1],
        ),
        (
            &[3, 1, 2, 4],
            &[&[8, 48, 96, 2], &[32, 16, 8, 1], &[1, 6, 3, 6]],
            &[4, 12, 12, 1],
            &[4, 12, 12, 1],
        ),
        (
            &[3, 1, 4, 2],
            &[&[4, 12, 12, 1], &[8, 8, 2, 1], &[8, 4, 1, 0]],
            &[2, 6, 6, 1],
            &[2, 6, 6, 1],
        ),
        (
            &[2, 1, 3, 2],
            &[&[1, 2, 4, 0], &[1, 8, 8, 4], &[12, 6, 2, 1]],
            &[1, 4, 4, 2],
            &[2, 4, 4, 1],
        ),
        (&[3, 3, 2], &[&[2, 24, 12], &[2, 12, 1], &[3, 1, 0]], &[1, 6, 3], &[1, 6, 3]),
        (
            &[2, 2, 2, 1],
            &[&[2, 4, 0, 8], &[1, 2, 0, 2], &[1, 8, 2, 4]],
            &[1, 4, 2, 8],
            &[1, 4, 2, 8],
        ),
        (&[2, 4, 3], &[&[3, 12, 1], &[12, 3, 1], &[3, 6, 1]], &[3, 6, 1], &[3, 6, 1]),
        (
            &[1, 3, 4, 2],
            &[&[24, 4, 1, 12], &[12, 4, 1, 0], &[48, 16, 4, 1]],
            &[24, 4, 1, 12],
            &[24, 4, 1, 12],
        ),
    ];

    #[test]
    fn strides_of_operands_in_row_major_order_are_row_major() {
        assert!(are_row_major(&[6, 0, 1]) && are_row_major(&[0, 0]) && are_row_major(&[]));
        assert!(!are_row_major(&[1, 6]) && !are_row_major(&[2, 0, 2]));
        let (sizes, steps) = ([1, 2, 3], [0, 1, 2, 3, 6, 12]);
        let all = |of: &[usize]| -> Vec<[usize; 3]> {
            let threes = of.iter().flat_map(|&a| of.iter().map(move |&b| [a, b]));
            threes.flat_map(|[a, b]| of.iter().map(move |&c| [a, b, c])).collect()
        };
        let in_order: Vec<_> =
            all(&steps).into_iter().filter(|strides| are_row_major(strides)).collect();
        let mut found = 0;
        for shape in all(&sizes) {
            for (one, other) in in_order.iter().flat_map(|a| in_order.iter().map(move |b| (a, b))) {
                let strides = elementwise_strides(&shape, &[one, other]);
                let row_major = contiguous_strides(&shape);
                assert_eq!(Some(strides), row_major, "{shape:?} {one:?} {other:?}");
                found += 1;
            }
        }
        assert!(found > 10_000, "{found}");
    }

    #[test]
    fn results_get_the_strides_that_pytorch_gives_them() {
        for &(shape, operands, result, clone) in RECORDED {
            // Note [Idle strides]
            let live = |strides: &[usize]| -> Dims {
                (0..shape.len()).filter(|&dim| shape[dim] > 1).map(|dim| strides[dim]).collect()
            };
            let case = format!("{shape:?} {operands:?}");
            assert_eq!(live(&elementwise_strides(shape, operands)), live(result), "{case}");
            let first = Layout::new(Dims::from_slice(shape), Dims::from_slice(operands[0]), 0);
            assert_eq!(live(&preserved_strides(&first)), live(clone), "{case}");
        }
    }

    #[test]
    fn dense_strides_are_kept_and_gaps_closed() {
        let matrix = Layout::contiguous(&[4, 6]).unwrap().t().unwrap();
        assert_eq!(preserved_strides(&matrix).as_slice(), [1, 6]);
        let sliced = matrix.slice(0, None, None, 2).unwrap();
        assert_eq!(preserved_strides(&sliced).as_slice(), [1, 3]);
        let expanded = Layout::contiguous(&[1, 4]).unwrap().expand(&[6, 4]).unwrap().t().unwrap();
        assert_eq!(preserved_strides(&expanded).as_slice(), [6, 1]);
    }
}
