//! Extremes of all elements of integers that are narrower than their lanes, where they lie.
//!
//! To widen them first takes several times as long as to read them. An extreme does not depend on the order, and
//! widening keeps it, so the elements themselves are compared, and only the result is widened.

use bytemuck::{Pod, cast_slice};

use super::super::ints::fold;
use super::super::lanes::simd;
use super::extreme::Order;
use super::inner::Line;
use crate::dtype::DType;
use crate::kernel::{Code, Expr, Fold};
use crate::ops::Op;

/// Elements that are compared at a time: some vectors of bytes or of pairs of bytes.
const LANES: usize = 256;

/// Whether the reduction of this code is such an extreme: of elements as they are loaded, with one result.
pub(in super::super) fn is_narrow_extreme(code: &Code) -> bool {
    let Some(reduce) = &code.reduce else { return false };
    let node = code.nodes[usize::from(reduce.value)];
    let is_one = reduce.lead == 0 && reduce.trail(code.rank) == 0 && !reduce.scan;
    let is_extreme = matches!(reduce.fold, Fold::Op(Op::Maximum | Op::Minimum));
    let is_narrow = matches!(node.dtype, DType::U8 | DType::I8 | DType::I16);
    is_one && is_extreme && is_narrow && matches!(node.expr, Expr::Load(_))
}

/// A stored form that is a number.
pub(super) trait Narrow: Pod + Ord + Into<i32> + Send + Sync {
    /// The number in the lane of these bits, which is one of this type.
    fn of_lane(bits: u64) -> Self;
}

macro_rules! narrow {
    ($($type:ident)*) => {$(
        impl Narrow for $type {
            fn of_lane(bits: u64) -> Self {
                bits as Self
            }
        }
    )*};
}

narrow!(u8 i8 i16);

/// The extreme of one kept point after the other.
pub(super) struct NarrowLine<T> {
    order: Order,
    identity: T,
    best: T,
}

impl<T: Narrow> NarrowLine<T> {
    /// `bits` are those of the lane of the identity.
    pub(super) fn new(order: Order, bits: u64) -> Self {
        let identity = T::of_lane(bits);
        Self { order, identity, best: identity }
    }
}

impl<T: Narrow> Line for NarrowLine<T> {
    type Part = T;

    const BLOCK: usize = 1 << 12;

    fn take(&mut self, values: &[u8]) {
        let (order, best, values) = (self.order, self.best, cast_slice(values));
        self.best = simd(
            #[inline(always)]
            || match order {
                Order::Max => fold::<T, LANES>(values, best, T::max),
                Order::Min => fold::<T, LANES>(values, best, T::min),
            },
        );
    }

    fn finish(&mut self) -> T {
        std::mem::replace(&mut self.best, self.identity)
    }

    fn join(&mut self, parts: &[T]) -> u64 {
        self.take(cast_slice(parts));
        let lane: i32 = self.finish().into();
        u64::from(lane as u32)
    }
}
