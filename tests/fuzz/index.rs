//! Index expressions, against Python's rules.
#![allow(clippy::unwrap_used, reason = "a test, outside of its functions")]

use arbitrary::Unstructured;
use proptest::prelude::*;
use taut::{DType, ErrorKind, Index};

use super::views::sliced;

/// A shape, and what stands between the brackets.
pub(crate) type Input = (Vec<usize>, Vec<Index>);

pub(crate) fn input(u: &mut Unstructured<'_>) -> arbitrary::Result<Input> {
    let shape = (0..u.int_in_range(0..=4)?).map(|_| u.choose(&[1, 2, 3, 4, 0]).copied());
    let shape = shape.collect::<arbitrary::Result<_>>()?;
    let indices =
        (0..u.int_in_range(0..=5)?).map(|_| index(u)).collect::<arbitrary::Result<_>>()?;
    Ok((shape, indices))
}

fn number(u: &mut Unstructured<'_>) -> arbitrary::Result<i64> {
    match u.int_in_range(0..=24_u8)? {
        0 => u.arbitrary(),
        1 => u.choose(&[i64::MIN, i64::MIN + 1, i64::MAX, 1 << 32]).copied(),
        2..5 => u.int_in_range(-9..=12),
        _ => u.int_in_range(-4..=4),
    }
}

fn index(u: &mut Unstructured<'_>) -> arbitrary::Result<Index> {
    let bound = |u: &mut Unstructured<'_>| -> arbitrary::Result<Option<i64>> {
        if u.ratio(1, 3)? { Ok(None) } else { number(u).map(Some) }
    };
    Ok(match u.int_in_range(0..=9_u8)? {
        0..3 => Index::Int(number(u)?),
        3..6 => Index::Slice { start: bound(u)?, stop: bound(u)?, step: number(u)? },
        6..8 => Index::Slice { start: bound(u)?, stop: bound(u)?, step: 1 },
        8 => Index::NewAxis,
        _ => Index::Ellipsis,
    })
}

/// Checks what is read through the index, and what a write through it reaches.
///
/// # Errors
/// Where tensor and model differ.
pub(crate) fn check((shape, indices): &Input) -> Result<(), TestCaseError> {
    let len: usize = shape.iter().product();
    let x = taut::arange(len as i64, DType::I32).unwrap().view(shape).unwrap();
    let picked = match picked(shape, indices) {
        Ok(picked) => picked,
        Err(kind) => {
            let found = x.i(&indices[..]).map(|view| view.shape().to_vec());
            prop_assert!(found.is_err(), "{found:?} instead of an error");
            prop_assert_eq!(found.unwrap_err().kind(), kind);
            let written = x.index_put_(&indices[..], 5).map(drop);
            prop_assert_eq!(written.unwrap_err().kind(), kind);
            return Ok(());
        }
    };
    let view = x.i(&indices[..]);
    prop_assert!(view.is_ok(), "{:?}", view);
    let view = view.unwrap();
    prop_assert_eq!(view.shape(), &picked.shape[..]);
    let expected: Vec<i32> = picked.places.iter().map(|&place| place as i32).collect();
    prop_assert_eq!(view.to_vec::<i32>().unwrap(), expected);
    // Numbered from 1000, so that order shows.
    let source = taut::arange(picked.places.len() as i64, DType::I32).unwrap().add(1000).unwrap();
    x.index_put_(&indices[..], &source.view(&picked.shape).unwrap()).unwrap();
    let mut expected: Vec<i32> = (0..len as i32).collect();
    for (value, &place) in (1000..).zip(&picked.places) {
        expected[place] = value;
    }
    prop_assert_eq!(x.to_vec::<i32>().unwrap(), expected);
    Ok(())
}

/// What an index expression picks, in row-major order.
struct Picked {
    shape: Vec<usize>,
    places: Vec<usize>,
}

fn picked(shape: &[usize], indices: &[Index]) -> Result<Picked, ErrorKind> {
    let takes = |index: &&Index| matches!(index, Index::Int(_) | Index::Slice { .. });
    let left = shape.len().checked_sub(indices.iter().filter(takes).count());
    let left = left.ok_or(ErrorKind::Index)?;
    if indices.iter().filter(|index| **index == Index::Ellipsis).count() > 1 {
        return Err(ErrorKind::Index);
    }
    let mut sizes = shape.iter();
    let mut result = Picked { shape: Vec::new(), places: vec![0] };
    let whole = Index::Slice { start: None, stop: None, step: 1 };
    let mut written = indices.to_vec();
    if !written.contains(&Index::Ellipsis) {
        written.push(Index::Ellipsis);
    }
    for index in written {
        let (index, times) =
            if index == Index::Ellipsis { (whole.clone(), left) } else { (index, 1) };
        for _ in 0..times {
            if index == Index::NewAxis {
                result.shape.push(1);
                continue;
            }
            let size = *sizes.next().unwrap();
            let along: Vec<usize> = match index {
                Index::Int(at) => {
                    let (at, size) = (i128::from(at), size as i128);
                    let at = if at < 0 { at + size } else { at };
                    if !(0..size).contains(&at) {
                        return Err(ErrorKind::Index);
                    }
                    vec![at as usize]
                }
                Index::Slice { step, .. } if step <= 0 => return Err(ErrorKind::Value),
                Index::Slice { start, stop, step } => {
                    let (from, count) = sliced(size as i128, start, stop, step);
                    // A step that leads nowhere may be too large to multiply.
                    (0..count)
                        .map(|k| if k == 0 { from } else { from + k * step as usize })
                        .collect()
                }
                other => unreachable!("{other:?}"),
            };
            if !matches!(index, Index::Int(_)) {
                result.shape.push(along.len());
            }
            let places = result.places.iter();
            result.places = places.flat_map(|p| along.iter().map(move |i| p * size + i)).collect();
        }
    }
    Ok(result)
}
