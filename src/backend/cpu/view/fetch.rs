//! Reads at computed places.
//!
//! Places are clamped to the buffer, so that a wrong one, which a check refuses or nobody looks at, reads
//! another element and nothing else. Where they follow each other, all are copied at once.

use std::ops::{BitOr, BitXor};
use std::slice;

use bytemuck::{Pod, cast_slice, cast_slice_mut};

use super::super::lanes::simd;
use super::copy::copy_row;
use super::{Block, View};

/// How far away the first is and how much farther each next one, if that is the same for all: int32 or int64
/// lanes of `lane` bytes.
fn steady_places(at: &[u8], lane: usize) -> Option<(i64, i64)> {
    /// Whether each is this much more than the one before.
    #[inline(always)]
    fn all<T: Pod + Eq + BitXor<Output = T> + BitOr<Output = T>>(
        at: &[T],
        step: T,
        difference: impl Fn(T, T) -> T,
    ) -> bool {
        let differs = |differs, (&a, &b): (&T, &T)| differs | (difference(b, a) ^ step);
        at.iter().zip(&at[1..]).fold(T::zeroed(), differs) == T::zeroed()
    }
    fn steady<T>(at: &[u8], difference: impl Fn(T, T) -> T) -> Option<(i64, i64)>
    where
        T: Pod + Eq + Into<i64> + TryFrom<i64> + BitXor<Output = T> + BitOr<Output = T>,
    {
        let at: &[T] = cast_slice(at);
        let [first, second, last] = [at.first()?, at.get(1).unwrap_or(&at[0]), at.last()?];
        let [first, second, last] = [first, second, last].map(|&place| place.into());
        let step = second.checked_sub(first)?;
        // Mostly the last says that they are not.
        if step.checked_mul(at.len() as i64 - 1)?.checked_add(first)? != last {
            return None;
        }
        let narrow = T::try_from(step).ok()?;
        let is_steady = simd(
            #[inline(always)]
            || all(at, narrow, difference),
        );
        is_steady.then_some((first, step))
    }
    if lane == 4 { steady(at, i32::wrapping_sub) } else { steady(at, i64::wrapping_sub) }
}

/// The least and the greatest, if there are any.
fn ends<T: Pod + Ord>(values: &[T]) -> Option<(T, T)> {
    let &first = values.first()?;
    #[inline(always)]
    fn all<T: Pod + Ord>(values: &[T], first: T) -> (T, T) {
        values
            .iter()
            .fold((first, first), |(least, most), &value| (least.min(value), most.max(value)))
    }
    Some(simd(
        #[inline(always)]
        || all(values, first),
    ))
}

/// Copies elements in the opposite order.
#[inline(always)]
fn reverse<T: Pod>(from: &[T], to: &mut [T]) {
    to.iter_mut().zip(from.iter().rev()).for_each(|(to, from)| *to = *from);
}

impl View<'_> {
    /// For each element of the block, row by row, copies the one that is `at` away from it: int32 or
    /// int64 lanes of `lane` bytes. Where there is none it copies another of the buffer.
    ///
    /// # Safety
    /// Nothing writes to the operand's buffer meanwhile.
    pub(in super::super) unsafe fn fetch(
        &self,
        block: Block,
        at: &[u8],
        lane: usize,
        to: &mut [u8],
    ) {
        // SAFETY: by contract.
        unsafe {
            match self.size {
                1 => self.fetch_typed::<u8>(block, at, lane, to),
                2 => self.fetch_typed::<u16>(block, at, lane, to),
                4 => self.fetch_typed::<u32>(block, at, lane, to),
                _ => self.fetch_typed::<u64>(block, at, lane, to),
            }
        }
    }

    /// For each element of the block copies the one that is as far away as `at` says of its row: int32 or
    /// int64 lanes of `lane` bytes. Where there is none it copies another of the buffer.
    ///
    /// # Safety
    /// As [`View::fetch`].
    pub(in super::super) unsafe fn fetch_rows(
        &self,
        block: Block,
        at: &[u8],
        lane: usize,
        to: &mut [u8],
    ) {
        // SAFETY: by contract.
        unsafe {
            match self.size {
                1 => self.fetch_same::<u8>(block, at, lane, to),
                2 => self.fetch_same::<u16>(block, at, lane, to),
                4 => self.fetch_same::<u32>(block, at, lane, to),
                _ => self.fetch_same::<u64>(block, at, lane, to),
            }
        }
    }

    /// For each element of a row copies the one that is as far away as `at` says of its number: by places that are
    /// steady, but for where they wrap. Where there is none it copies another of the buffer.
    ///
    /// # Safety
    /// As [`View::fetch`].
    pub(in super::super) unsafe fn fetch_by(
        &self,
        row: Block,
        at: impl Fn(usize) -> i64,
        to: &mut [u8],
    ) {
        // SAFETY: by contract.
        unsafe {
            match self.size {
                1 => self.fetch_steady::<u8>(row, at, cast_slice_mut(to)),
                2 => self.fetch_steady::<u16>(row, at, cast_slice_mut(to)),
                4 => self.fetch_steady::<u32>(row, at, cast_slice_mut(to)),
                _ => self.fetch_steady::<u64>(row, at, cast_slice_mut(to)),
            }
        }
    }

    /// # Safety
    /// As [`View::fetch`], and `T` has the size of an element.
    unsafe fn fetch_steady<T: Pod>(
        &self,
        Block { offset, columns, column_stride, .. }: Block,
        at: impl Fn(usize) -> i64,
        to: &mut [T],
    ) {
        let (first, last) = (at(0), at(columns - 1));
        // What is the same for all that wraps ends where it does without wrapping only if none has wrapped.
        let run = || {
            let step = at(1).checked_sub(first)?;
            let end = step.checked_mul(columns as i64 - 1)?.checked_add(first)?;
            let step = step.checked_add(column_stride as i64).filter(|_| end == last)?;
            Some(((offset as i64).checked_add(first)?, step))
        };
        // SAFETY: by contract.
        unsafe {
            if !run().is_some_and(|(first, step)| self.fetch_run(first, step, to)) {
                for (i, to) in to.iter_mut().enumerate() {
                    *to = self.element(offset + i * column_stride, at(i));
                }
            }
        }
    }

    /// # Safety
    /// As [`View::fetch`], and `T` has the size of an element.
    unsafe fn fetch_same<T: Pod>(&self, block: Block, at: &[u8], lane: usize, to: &mut [u8]) {
        let to: &mut [T] = cast_slice_mut(to);
        let Block { offset, row_stride, columns, column_stride, .. } = block;
        let places = at.chunks_exact(lane).map(|at| match lane {
            4 => i64::from(cast_slice::<u8, i32>(at)[0]),
            _ => cast_slice::<u8, i64>(at)[0],
        });
        for (r, (to, at)) in to.chunks_exact_mut(columns).zip(places).enumerate() {
            let row = offset + r * row_stride;
            let first = (row as i64).checked_add(at);
            // SAFETY: by contract.
            unsafe {
                if !first.is_some_and(|first| self.fetch_run(first, column_stride as i64, to)) {
                    for (c, to) in to.iter_mut().enumerate() {
                        *to = self.element(row + c * column_stride, at);
                    }
                }
            }
        }
    }

    /// Whether the buffer has an element so far from the origin.
    fn has<T>(&self, place: i64) -> bool {
        let (before, all) = (self.offset as i64, (self.bytes / size_of::<T>()) as i64);
        (-before..all - before).contains(&place)
    }

    /// The element that is `at` away from the one `place` elements from the origin, or another of the buffer.
    ///
    /// # Safety
    /// As [`View::fetch`], and `T` has the size of an element.
    #[inline(always)]
    unsafe fn element<T: Pod>(&self, place: usize, at: i64) -> T {
        let (before, all) = (self.offset as i64, (self.bytes / size_of::<T>()) as i64);
        // The last element of the buffer is there: the operand's first is.
        let place = (place as i64).wrapping_add(at).clamp(-before, all - before - 1);
        // SAFETY: in bounds, as just clamped; nobody writes, by contract.
        unsafe { self.pointer.cast::<T>().offset(place as isize).read() }
    }

    /// Copies the elements from `first` elements from the origin on that are `step` from each other, if all
    /// are in the buffer and follow each other, forwards or backwards; says whether it did.
    ///
    /// # Safety
    /// As [`View::fetch`], and `T` has the size of an element.
    unsafe fn fetch_run<T: Pod>(&self, first: i64, step: i64, to: &mut [T]) -> bool {
        let last = step.checked_mul(to.len() as i64 - 1).and_then(|way| way.checked_add(first));
        let are_there = |last: &i64| self.has::<T>(first) && self.has::<T>(*last);
        let Some(last) = last.filter(are_there) else {
            return false;
        };
        if !matches!(step, 1 | -1) {
            return false;
        }
        // SAFETY: from the least to the greatest in bounds, as just asked, and aligned as all elements;
        // nobody writes, by contract.
        let from = unsafe {
            let least = self.pointer.cast::<T>().offset(first.min(last) as isize);
            slice::from_raw_parts(least, to.len())
        };
        match step {
            // SAFETY: as many elements, of which nobody else has those that are written.
            1 => unsafe { copy_row(from.as_ptr(), to.as_mut_ptr(), to.len()) },
            _ => simd(
                #[inline(always)]
                || reverse(from, to),
            ),
        }
        true
    }

    /// # Safety
    /// As [`View::fetch`], and `T` has the size of an element.
    unsafe fn fetch_typed<T: Pod>(&self, block: Block, at: &[u8], lane: usize, to: &mut [u8]) {
        let to: &mut [T] = cast_slice_mut(to);
        let Block { offset, rows, row_stride, columns, column_stride } = block;
        for r in 0..rows {
            let row = offset + r * row_stride;
            let to = &mut to[r * columns..][..columns];
            let at = &at[r * columns * lane..][..columns * lane];
            let steady = steady_places(at, lane).and_then(|(first, step)| {
                let step = step.checked_add(column_stride as i64)?;
                Some(((row as i64).checked_add(first)?, step))
            });
            // SAFETY: by contract.
            unsafe {
                if steady.is_some_and(|(first, step)| self.fetch_run(first, step, to)) {
                    continue;
                }
                match lane {
                    4 => self.fetch_each::<T, i32>((row, column_stride), cast_slice(at), to),
                    _ => self.fetch_each::<T, i64>((row, column_stride), cast_slice(at), to),
                }
            }
        }
    }

    /// # Safety
    /// As [`View::fetch`], and `T` has the size of an element.
    unsafe fn fetch_each<T: Pod, A: Pod + Ord + Into<i64>>(
        &self,
        (row, step): (usize, usize),
        at: &[A],
        to: &mut [T],
    ) {
        // Mostly all are there, and each need not be asked.
        let are_there = ends(at).is_some_and(|(least, most)| {
            let least = (row as i64).checked_add(least.into());
            let last = (row + (at.len() - 1) * step) as i64;
            let most = last.checked_add(most.into());
            [least, most].into_iter().all(|place| place.is_some_and(|place| self.has::<T>(place)))
        });
        let places = at.iter().enumerate().map(|(c, &at)| (row + c * step, at.into()));
        if !are_there {
            for (to, (place, at)) in to.iter_mut().zip(places) {
                // SAFETY: by contract.
                *to = unsafe { self.element(place, at) };
            }
            return;
        }
        for (to, (place, at)) in to.iter_mut().zip(places) {
            // SAFETY: in bounds, as the first place and the least address are, and the last and the
            // greatest, as just asked; nobody writes, by contract.
            *to = unsafe { self.pointer.cast::<T>().offset(place as isize + at as isize).read() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Backend;
    use crate::backend::cpu::CpuBackend;
    use crate::dtype::DType;
    use crate::kernel::{Class, Dims, OperandArgs, OperandCode};

    #[test]
    fn ends_are_the_least_and_the_greatest() {
        assert_eq!(ends::<i32>(&[]), None);
        assert_eq!(ends(&[7_i64]), Some((7, 7)));
        let mut values = [3_i32; 100];
        (values[41], values[99]) = (i32::MIN, i32::MAX);
        assert_eq!(ends(&values), Some((i32::MIN, i32::MAX)));
        assert_eq!(ends(&values[..99]), Some((i32::MIN, 3)));
        assert_eq!(ends(&values[42..]), Some((3, i32::MAX)));
    }

    /// Reads by addresses of rows of `columns` points, against the definition.
    fn check(column_stride: usize, columns: usize, addresses: &[i64]) {
        const LEN: i64 = 1000;
        const OFFSET: usize = 7;
        let backend = CpuBackend::new();
        let elements: Vec<f32> = (0..LEN).map(|i| i as f32).collect();
        let buffer = backend.allocate(4 * elements.len()).unwrap();
        backend.write(&buffer, 0, cast_slice(&elements)).unwrap();
        let (shape, strides) = ([columns], Dims::from_slice(&[column_stride]));
        let code = OperandCode { buffer: 0, dtype: DType::F32, class: Class::of(&shape, &strides) };
        let args = OperandArgs { offset: OFFSET, strides };
        let view = View::new(&buffer, &code, &args, &shape);
        let row = Block { column_stride, ..Block::row(0, columns) };
        let expected = |column: usize, at: i64| {
            let place = (OFFSET + column * column_stride) as i128 + i128::from(at);
            elements[place.clamp(0, i128::from(LEN) - 1) as usize]
        };
        // What wraps is another element, and nothing is asked of it but that it is read.
        let is_far = |at: &i64| at.unsigned_abs() > 1 << 40;
        for &at in addresses {
            let mut got = vec![0_f32; columns];
            // SAFETY: nobody writes the buffer.
            unsafe { view.fetch_rows(row, cast_slice(&[at]), 8, cast_slice_mut(&mut got)) };
            let all: Vec<f32> = (0..columns).map(|column| expected(column, at)).collect();
            assert!(got == all || is_far(&at), "{at} {column_stride} {columns}");
        }
        for first in 0..addresses.len() {
            let of_column = |column: usize| addresses[(first + column * 3) % addresses.len()];
            let wide: Vec<i64> = (0..columns).map(of_column).collect();
            let all: Vec<f32> = (0..columns).map(|i| expected(i, wide[i])).collect();
            let narrow: Option<Vec<i32>> = wide.iter().map(|&at| at.try_into().ok()).collect();
            let mut got = vec![0_f32; columns];
            let got = cast_slice_mut(&mut got);
            // SAFETY: nobody writes the buffer.
            unsafe { view.fetch(row, cast_slice(&wide), 8, got) };
            let got_wide: Vec<f32> = cast_slice(got).to_vec();
            assert!(got_wide == all || wide.iter().any(is_far), "{wide:?} {column_stride}");
            if let Some(narrow) = narrow {
                // SAFETY: nobody writes the buffer.
                unsafe { view.fetch(row, cast_slice(&narrow), 4, got) };
                assert!(cast_slice::<_, f32>(got) == all, "{narrow:?} {column_stride}");
            }
        }
    }

    #[test]
    fn places_at_the_ends_of_a_buffer_and_beyond_read_what_is_there() {
        for column_stride in [0, 1, 2] {
            for columns in [1, 2, 17, 64] {
                let (before, after) = (7, (993 - (columns - 1) * column_stride) as i64);
                let inside = [-before, 0, 1, after - 1];
                check(column_stride, columns, &inside);
                check(column_stride, columns, &[inside[0], inside[1], -before - 1, inside[3]]);
                check(column_stride, columns, &[inside[0], after, inside[1], inside[3]]);
                let far = [i32::MIN, i32::MAX].map(i64::from);
                check(column_stride, columns, &[far[0], 5, far[1], 0, -1]);
                check(column_stride, columns, &[3, i64::MIN, 0, i64::MAX, 5]);
            }
        }
    }

    #[test]
    fn places_are_steady_if_each_step_is_the_same() {
        let narrow = |at: &[i32]| steady_places(cast_slice(at), 4);
        let wide = |at: &[i64]| steady_places(cast_slice(at), 8);
        assert_eq!(narrow(&[7]), Some((7, 0)));
        assert_eq!(narrow(&[7, 7, 7]), Some((7, 0)));
        assert_eq!(narrow(&[7, 5, 3, 1]), Some((7, -2)));
        assert_eq!(wide(&[-3, -2, -1, 0, 1]), Some((-3, 1)));
        assert_eq!(narrow(&[0, 1, 2, 4]), None);
        assert_eq!(narrow(&[0, 2, 1, 3]), None);
        assert_eq!(narrow(&[0, 0, 0, 0, 4]), None);
        // Steps that are the same only as they wrap.
        assert_eq!(narrow(&[i32::MIN, 0, i32::MIN]), None);
        assert_eq!(narrow(&[i32::MAX, i32::MIN]), None);
        assert_eq!(wide(&[i64::MAX, i64::MIN]), None);
        assert_eq!(wide(&[0, i64::MAX, -2]), None);
        assert_eq!(wide(&[]), None);
    }
}
