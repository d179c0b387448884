//! Naive models and random layouts for the tests of this module.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Dims, Layout};

/// The elements in row-major order, by counting through all indices.
pub(super) fn elements(layout: &Layout) -> Vec<usize> {
    (0..layout.len()).map(|linear| layout.offset_of(&index_of(linear, layout.shape()))).collect()
}

/// The index of a point, from its row-major number.
pub(super) fn index_of(mut linear: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (entry, &size) in index.iter_mut().zip(shape).rev() {
        *entry = linear % size;
        linear /= size;
    }
    index
}

/// Any sizes with any strides.
pub(super) fn any_layout() -> impl Strategy<Value = Layout> {
    (vec((0_usize..5, 0_usize..14), 0..4), 0_usize..8).prop_map(|(dims, offset)| {
        let (shape, strides): (Vec<_>, Vec<_>) = dims.into_iter().unzip();
        Layout::new(Dims::from_vec(shape), Dims::from_vec(strides), offset)
    })
}

/// A choice of one view, whose dims and indices are taken modulo what there is.
#[derive(Clone, Debug)]
enum Step {
    Transpose(i64, i64),
    Slice(i64, i64, i64, i64),
    Select(i64, i64),
    Unsqueeze(i64),
    Expand(usize, i64),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..4_i64, 0..4_i64).prop_map(|(a, b)| Step::Transpose(a, b)),
        (0..4_i64, -6..6_i64, -6..8_i64, 1..4_i64).prop_map(|(d, a, b, s)| Step::Slice(d, a, b, s)),
        (0..4_i64, 0..6_i64).prop_map(|(dim, index)| Step::Select(dim, index)),
        (0..5_i64).prop_map(Step::Unsqueeze),
        (0..4_usize, 2..4_i64).prop_map(|(dim, size)| Step::Expand(dim, size)),
    ]
}

fn applied(layout: &Layout, step: &Step) -> Layout {
    let rank = layout.rank() as i64;
    let view = match *step {
        Step::Unsqueeze(dim) => layout.unsqueeze(dim % (rank + 1)),
        _ if rank == 0 => Ok(layout.clone()),
        Step::Transpose(a, b) => layout.transpose(a % rank, b % rank),
        Step::Slice(dim, start, stop, step) => {
            layout.slice(dim % rank, Some(start), Some(stop), step)
        }
        Step::Select(dim, index) => match layout.shape()[dim as usize % layout.rank()] {
            0 => Ok(layout.clone()),
            size => layout.select(dim % rank, index % size as i64),
        },
        Step::Expand(dim, size) => {
            let dim = dim % layout.rank();
            let mut sizes = vec![-1; layout.rank()];
            if layout.shape()[dim] == 1 {
                sizes[dim] = size;
            }
            layout.expand(&sizes)
        }
    };
    view.unwrap()
}

fn view_of(base: Layout, steps: &[Step]) -> Layout {
    steps.iter().fold(base, |layout, step| applied(&layout, step))
}

fn any_base() -> impl Strategy<Value = Layout> {
    vec(prop_oneof![4 => 1_usize..6, 1 => Just(1)], 0..4)
        .prop_map(|shape| Layout::contiguous(&shape).unwrap())
}

/// What a few views make of a contiguous layout.
pub(super) fn any_view() -> impl Strategy<Value = Layout> {
    (any_base(), vec(any_step(), 0..5)).prop_map(|(base, steps)| view_of(base, &steps))
}

/// Two sequences of views of one contiguous layout.
pub(super) fn two_views() -> impl Strategy<Value = (Layout, Layout)> {
    (any_base(), vec(any_step(), 0..4), vec(any_step(), 0..4))
        .prop_map(|(base, a, b)| (view_of(base.clone(), &a), view_of(base, &b)))
}
