//! Chains of views, against a model without strides.
//!
//! To the model a view is a function from an index to a place in the storage. Arguments may be anything;
//! what has no meaning must be refused, and nothing else.
#![allow(clippy::unwrap_used, reason = "a test, outside of its functions")]

use std::rc::Rc;

use arbitrary::Unstructured;
use proptest::prelude::*;
use taut::{DType, ErrorKind, Result, Tensor};

/// A view as the user asks for it.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Transpose(i64, i64),
    T,
    Permute(Vec<i64>),
    MoveDim(Vec<i64>, Vec<i64>),
    Select(i64, i64),
    Narrow(i64, i64, i64),
    Slice(i64, Option<i64>, Option<i64>, i64),
    Unsqueeze(i64),
    Squeeze(Vec<i64>),
    Expand(Vec<i64>),
    View(Vec<i64>),
    Reshape(Vec<i64>),
    Flatten(i64, i64),
    Diagonal(i64, i64, i64),
    Unfold(i64, i64, i64),
    AsStrided(Vec<i64>, Vec<i64>, i64),
}

/// A contiguous shape, and views of it.
pub(crate) type Input = (Vec<usize>, Vec<Call>);

pub(crate) fn input(u: &mut Unstructured<'_>) -> arbitrary::Result<Input> {
    let shape = list(u, 4, |u| u.choose(&[1, 2, 3, 4, 0]).copied())?;
    Ok((shape, list(u, 8, call)?))
}

fn list<T>(
    u: &mut Unstructured<'_>,
    most: usize,
    mut one: impl FnMut(&mut Unstructured<'_>) -> arbitrary::Result<T>,
) -> arbitrary::Result<Vec<T>> {
    (0..u.int_in_range(0..=most)?).map(|_| one(u)).collect()
}

/// Mostly small, sometimes at the ends of what there is.
fn number(u: &mut Unstructured<'_>) -> arbitrary::Result<i64> {
    Ok(match u.int_in_range(0..=31_u8)? {
        0 => *u.choose(&[i64::MIN, i64::MIN + 1, i64::MAX, 1 << 31, 1 << 32, 1 << 61, 1 << 62])?,
        1..4 => u.int_in_range(-9..=12)?,
        _ => u.int_in_range(-3..=4)?,
    })
}

fn call(u: &mut Unstructured<'_>) -> arbitrary::Result<Call> {
    let bound = |u: &mut Unstructured<'_>| -> arbitrary::Result<Option<i64>> {
        if u.ratio(1, 3)? { Ok(None) } else { number(u).map(Some) }
    };
    Ok(match u.int_in_range(0..=16_u8)? {
        0 => Call::Transpose(number(u)?, number(u)?),
        1 => Call::T,
        2 => Call::Permute(list(u, 4, number)?),
        3 => Call::Permute(u.choose(&[[2, 0, 1], [1, 2, 0], [-1, 1, 0]])?.to_vec()),
        4 => Call::MoveDim(list(u, 2, number)?, list(u, 2, number)?),
        5 => Call::Select(number(u)?, number(u)?),
        6 => Call::Narrow(number(u)?, number(u)?, number(u)?),
        7 => Call::Slice(number(u)?, bound(u)?, bound(u)?, number(u)?),
        8 => Call::Unsqueeze(number(u)?),
        9 => Call::Squeeze(list(u, 2, number)?),
        10 => Call::Expand(list(u, 5, number)?),
        11 => Call::View(list(u, 4, number)?),
        12 => Call::Reshape(list(u, 4, number)?),
        13 => Call::Flatten(number(u)?, number(u)?),
        14 => Call::Diagonal(number(u)?, number(u)?, number(u)?),
        15 => Call::Unfold(number(u)?, number(u)?, number(u)?),
        _ => Call::AsStrided(list(u, 3, number)?, list(u, 3, number)?, number(u)?),
    })
}

/// Checks the chain; calls that are refused change nothing.
///
/// # Errors
/// Where tensor and model differ.
pub(crate) fn check((shape, calls): &Input) -> std::result::Result<(), TestCaseError> {
    let len: usize = shape.iter().product();
    let base = taut::arange(len as i64, DType::I32).unwrap();
    let (mut x, mut model) = (base.view(shape).unwrap(), Model::contiguous(shape));
    // Where the library may be unable to tell that elements do not overlap.
    let mut hard = false;
    for call in calls {
        let (found, expected) = (call.of(&x), model.view(call, len));
        match (found, expected) {
            (Ok(view), Some(expected)) => {
                if view.shares_memory(&base) || len == 0 {
                    agree(&view, &expected, call)?;
                    hard |=
                        matches!(call, Call::Unfold(..) | Call::AsStrided(..) | Call::Diagonal(..));
                    (x, model) = (view, expected);
                } else {
                    // A reshape that had to copy.
                    prop_assert!(
                        matches!(call, Call::Reshape(_) | Call::Flatten(..)),
                        "{call:?} copied"
                    );
                    values(&view, &expected)?;
                }
            }
            (Err(error), Some(_)) => {
                let strided = matches!(call, Call::View(_))
                    && error.to_string().contains("Use .reshape(...) instead");
                prop_assert!(strided, "{call:?} of {:?} is refused: {error}", x.shape());
            }
            (Err(_), None) => {}
            (Ok(view), None) => {
                let (from, to) = (x.shape(), view.shape());
                prop_assert!(false, "{call:?} of {from:?} should be refused, but gave {to:?}");
            }
        }
    }
    values(&x, &model)?;
    writes(&base, &x, &model, hard)
}

impl Call {
    fn of(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Transpose(a, b) => x.transpose(*a, *b),
            Self::T => x.t(),
            Self::Permute(dims) => x.permute(&dims[..]),
            Self::MoveDim(from, to) => x.movedim(&from[..], &to[..]),
            Self::Select(dim, index) => x.select(*dim, *index),
            Self::Narrow(dim, start, len) => x.narrow(*dim, *start, *len),
            Self::Slice(dim, start, stop, step) => x.slice(*dim, *start, *stop, *step),
            Self::Unsqueeze(dim) => x.unsqueeze(*dim),
            Self::Squeeze(dims) => x.squeeze(&dims[..]),
            Self::Expand(sizes) => x.expand(&sizes[..]),
            Self::View(sizes) => x.view(&sizes[..]),
            // A copy of very many elements is only recorded, and then dropped.
            Self::Reshape(sizes) => x.reshape(&sizes[..]),
            Self::Flatten(from, to) => x.flatten(*from, *to),
            Self::Diagonal(offset, a, b) => x.diagonal(*offset, *a, *b),
            Self::Unfold(dim, size, step) => x.unfold(*dim, *size, *step),
            Self::AsStrided(sizes, strides, at) => x.as_strided(&sizes[..], &strides[..], *at),
        }
    }
}

/// Most elements that are looked at one by one.
const FEW: usize = 1 << 11;

/// Shape and strides say what the model says.
fn agree(x: &Tensor, model: &Model, call: &Call) -> std::result::Result<(), TestCaseError> {
    prop_assert_eq!(x.shape(), &model.shape[..], "{:?}", call);
    for index in model.indices() {
        let offset = x.storage_offset() as u128;
        let place =
            index.iter().zip(x.stride()).fold(offset, |at, (&i, &s)| at + i as u128 * s as u128);
        prop_assert_eq!(place, (model.place)(&index) as u128, "{:?}: at {:?}", call, index);
    }
    if model.is_small() {
        let places: Vec<usize> = model.indices().map(|index| (model.place)(&index)).collect();
        let dense = places.windows(2).all(|pair| pair[1] == pair[0] + 1);
        prop_assert_eq!(x.is_contiguous(), dense, "{:?}: {:?}", call, x.stride());
    }
    Ok(())
}

/// The elements are what the model says; each is the number of its place.
fn values(x: &Tensor, model: &Model) -> std::result::Result<(), TestCaseError> {
    prop_assert_eq!(x.shape(), &model.shape[..]);
    if !model.is_small() {
        return Ok(());
    }
    let expected: Vec<i32> = model.indices().map(|index| (model.place)(&index) as i32).collect();
    prop_assert_eq!(&x.to_vec::<i32>().unwrap(), &expected);
    let host = x.numpy::<i32>().unwrap();
    let seen: Vec<i32> = host.read().unwrap().iter().copied().collect();
    prop_assert_eq!(seen, expected, "through a host array");
    Ok(())
}

/// A write through the view reaches the places that the model says, each once, or is refused.
fn writes(
    base: &Tensor,
    x: &Tensor,
    model: &Model,
    hard: bool,
) -> std::result::Result<(), TestCaseError> {
    if !model.is_small() {
        return Ok(());
    }
    let mut places: Vec<usize> = model.indices().map(|index| (model.place)(&index)).collect();
    let len = places.len();
    places.sort_unstable();
    places.dedup();
    let overlaps = places.len() < len;
    let mut expected: Vec<i32> = (0..base.numel() as i32).collect();
    for host in [false, true] {
        let done = if host {
            x.numpy::<i32>().unwrap().write().map(|mut all| *all += 1000)
        } else {
            x.add_(1000).map(drop)
        };
        match done {
            Ok(()) => {
                prop_assert!(!overlaps, "wrote {:?} {:?}", x.shape(), x.stride());
                places.iter().for_each(|&place| expected[place] += 1000);
            }
            Err(error) => {
                prop_assert_eq!(error.kind(), ErrorKind::Overlap);
                prop_assert!(overlaps || hard, "refused {:?} {:?}", x.shape(), x.stride());
            }
        }
        prop_assert_eq!(&base.to_vec::<i32>().unwrap(), &expected);
    }
    Ok(())
}

type Place = Rc<dyn Fn(&[usize]) -> usize>;

struct Model {
    shape: Vec<usize>,
    /// The place in the storage of an index.
    place: Place,
}

impl Model {
    fn contiguous(shape: &[usize]) -> Self {
        let sizes = shape.to_vec();
        Self { shape: shape.to_vec(), place: Rc::new(move |index| ravel(index, &sizes)) }
    }

    /// A view, from the function that takes its indices back to those of this one; none if there are
    /// more elements than can be counted.
    fn back(
        &self,
        shape: Vec<usize>,
        back: impl Fn(&[usize]) -> Vec<usize> + 'static,
    ) -> Option<Self> {
        count(&shape)?;
        let place = self.place.clone();
        Some(Self { shape, place: Rc::new(move |index| place(&back(index))) })
    }

    fn len(&self) -> usize {
        if self.shape.contains(&0) { 0 } else { self.shape.iter().product() }
    }

    fn is_small(&self) -> bool {
        self.len() <= FEW
    }

    /// All indices if they are few, else the corners.
    fn indices(&self) -> impl Iterator<Item = Vec<usize>> + use<'_> {
        let small = self.is_small();
        let count = if small { self.len() } else { 1 << self.shape.len().min(6) };
        (0..count).map(move |k| match small {
            true => unravel(k, &self.shape),
            false => (0..self.shape.len()).map(|d| (k >> d & 1) * (self.shape[d] - 1)).collect(),
        })
    }

    fn dim(&self, dim: i64) -> Option<usize> {
        wrap(dim, self.shape.len().max(1))
    }

    /// As [`Self::dim`], where a 0-d tensor has none.
    fn existing(&self, dim: i64) -> Option<usize> {
        wrap(dim, self.shape.len())
    }

    fn dims(&self, dims: &[i64]) -> Option<Vec<usize>> {
        let dims = dims.iter().map(|&dim| self.dim(dim)).collect::<Option<Vec<_>>>()?;
        let twice = (1..dims.len()).any(|k| dims[..k].contains(&dims[k]));
        (!twice).then_some(dims)
    }

    /// The view, if it has a meaning. `storage` is how many elements there are to see.
    fn view(&self, call: &Call, storage: usize) -> Option<Self> {
        let rank = self.shape.len();
        let mut shape = self.shape.clone();
        match *call {
            Call::Transpose(a, b) => {
                let (a, b) = (self.dim(a)?, self.dim(b)?);
                self.permuted(
                    &(0..rank)
                        .map(|d| {
                            if d == a {
                                b
                            } else if d == b {
                                a
                            } else {
                                d
                            }
                        })
                        .collect::<Vec<_>>(),
                )
            }
            Call::T if rank > 2 => None,
            Call::T => self.permuted(&(0..rank).rev().collect::<Vec<_>>()),
            Call::Permute(ref dims) if dims.len() != rank => None,
            Call::Permute(ref dims) => self.permuted(&self.dims(dims)?),
            Call::MoveDim(ref from, ref to) if from.len() != to.len() => None,
            Call::MoveDim(ref from, ref to) => {
                let (from, to) = (self.dims(from)?, self.dims(to)?);
                let mut order = vec![None; rank];
                for (&from, &to) in from.iter().zip(&to).filter(|_| rank > 0) {
                    order[to] = Some(from);
                }
                let mut rest = (0..rank).filter(|dim| !from.contains(dim));
                let order = order.into_iter().map(|dim| dim.or_else(|| rest.next()).unwrap());
                self.permuted(&order.collect::<Vec<_>>())
            }
            Call::Select(dim, index) => {
                let dim = self.existing(dim)?;
                let at = wrap(index, shape.remove(dim))?;
                self.back(shape, move |index| inserted(index, dim, at))
            }
            Call::Narrow(dim, start, len) => {
                let dim = self.existing(dim)?;
                let (size, start) = (self.shape[dim] as i128, i128::from(start));
                let from = if start < 0 { start + size } else { start };
                if len < 0 || start < -size || start > size || from + i128::from(len) > size {
                    return None;
                }
                shape[dim] = len as usize;
                self.back(shape, move |index| moved(index, dim, |i| i + from as usize))
            }
            Call::Slice(dim, start, stop, step) => {
                let dim = self.existing(dim)?;
                let size = self.shape[dim] as i128;
                if step <= 0 {
                    return None;
                }
                let (from, count) = sliced(size, start, stop, step);
                shape[dim] = count;
                self.back(shape, move |index| moved(index, dim, |i| from + i * step as usize))
            }
            Call::Unsqueeze(dim) => {
                let dim = wrap(dim, rank + 1)?;
                shape.insert(dim, 1);
                self.back(shape, move |index| removed(index, dim))
            }
            Call::Squeeze(ref dims) => {
                let chosen = self.dims(dims)?;
                let goes =
                    |d: usize| self.shape[d] == 1 && (dims.is_empty() || chosen.contains(&d));
                let kept: Vec<usize> = (0..rank).filter(|&d| !goes(d)).collect();
                let shape = kept.iter().map(|&d| self.shape[d]).collect();
                self.back(shape, move |index| {
                    let mut all = vec![0; rank];
                    kept.iter().zip(index).for_each(|(&d, &i)| all[d] = i);
                    all
                })
            }
            Call::Expand(ref sizes) => {
                let lead = sizes.len().checked_sub(rank)?;
                let own = self.shape.clone();
                let shape = sizes.iter().enumerate().map(|(d, &size)| match d.checked_sub(lead) {
                    None => usize::try_from(size).ok(),
                    Some(d) if size == -1 => Some(own[d]),
                    Some(d) => {
                        usize::try_from(size).ok().filter(|&size| own[d] == 1 || own[d] == size)
                    }
                });
                let shape = shape.collect::<Option<Vec<_>>>()?;
                self.back(shape, move |index| {
                    index[lead..]
                        .iter()
                        .zip(&own)
                        .map(|(&i, &size)| if size == 1 { 0 } else { i })
                        .collect()
                })
            }
            Call::View(ref sizes) | Call::Reshape(ref sizes) => {
                self.reshaped(inferred(sizes, self.len())?)
            }
            Call::Flatten(from, to) => {
                let (from, to) = (self.dim(from)?, self.dim(to)?);
                if from > to {
                    return None;
                }
                if rank > 0 {
                    let merged = &self.shape[from..=to];
                    let len = if merged.contains(&0) { Some(0) } else { count(merged) };
                    shape.splice(from..=to, [len?]);
                } else {
                    shape.push(1);
                }
                self.reshaped(shape)
            }
            Call::Diagonal(offset, a, b) => {
                let (a, b) = (self.dim(a)?, self.dim(b)?);
                if a == b {
                    return None;
                }
                let offset = i128::from(offset);
                let (down, right) = (offset.min(0).abs(), offset.max(0));
                let len = (self.shape[a] as i128 - down).min(self.shape[b] as i128 - right).max(0);
                shape.remove(a.max(b));
                shape.remove(a.min(b));
                shape.push(len as usize);
                self.back(shape, move |index| {
                    let (&k, rest) = index.split_last().unwrap();
                    let (at_a, at_b) = (k + down as usize, k + right as usize);
                    let (first, second) = if a < b { (at_a, at_b) } else { (at_b, at_a) };
                    inserted(&inserted(rest, a.min(b), first), a.max(b), second)
                })
            }
            Call::Unfold(dim, size, step) => {
                let dim = self.dim(dim)?;
                let len = self.shape.get(dim).copied().unwrap_or(1) as i128;
                if !(0..=len).contains(&i128::from(size)) || step <= 0 {
                    return None;
                }
                if rank > 0 {
                    shape[dim] = ((len - i128::from(size)) / i128::from(step) + 1) as usize;
                }
                shape.push(size as usize);
                self.back(shape, move |index| {
                    let (&k, rest) = index.split_last().unwrap();
                    let window = |i: usize| if i == 0 { k } else { i * step as usize + k };
                    if rest.is_empty() { Vec::new() } else { moved(rest, dim, window) }
                })
            }
            Call::AsStrided(ref sizes, ref strides, at) => {
                let size = |&n: &i64| usize::try_from(n).ok();
                let shape = sizes.iter().map(size).collect::<Option<Vec<_>>>()?;
                let strides = strides.iter().map(size).collect::<Option<Vec<_>>>()?;
                let at = size(&at)?;
                if shape.len() != strides.len() {
                    return None;
                }
                let last =
                    shape.iter().zip(&strides).map(|(&n, &s)| (n.max(1) - 1) as u128 * s as u128);
                let last = last.sum::<u128>() + at as u128;
                if !shape.contains(&0) && last >= storage as u128 {
                    return None;
                }
                let whole = Self { shape: Vec::new(), place: Rc::new(|index| index[0]) };
                whole.back(shape, move |index| {
                    vec![
                        index
                            .iter()
                            .zip(&strides)
                            .fold(at, |at, (&i, &s)| at + if i == 0 { 0 } else { i * s }),
                    ]
                })
            }
        }
    }

    fn permuted(&self, order: &[usize]) -> Option<Self> {
        let shape =
            order.iter().filter(|_| !self.shape.is_empty()).map(|&d| self.shape[d]).collect();
        let order = order.to_vec();
        self.back(shape, move |index| {
            let mut all = vec![0; index.len()];
            order.iter().zip(index).for_each(|(&d, &i)| all[d] = i);
            all
        })
    }

    fn reshaped(&self, shape: Vec<usize>) -> Option<Self> {
        let (from, to) = (self.shape.clone(), shape.clone());
        self.back(shape, move |index| unravel(ravel(index, &to), &from))
    }
}

/// The elements of a shape, with sizes of 0 counted as 1, as long as they can be counted.
fn count(shape: &[usize]) -> Option<usize> {
    let count = shape.iter().try_fold(1_usize, |n, &size| n.checked_mul(size.max(1)))?;
    (count <= isize::MAX as usize).then_some(count)
}

fn wrap(index: i64, len: usize) -> Option<usize> {
    let (index, len) = (i128::from(index), len as i128);
    (-len..len).contains(&index).then_some(index.rem_euclid(len.max(1)) as usize)
}

/// The first index of a slice and how many it has, as in Python.
pub(crate) fn sliced(
    size: i128,
    start: Option<i64>,
    stop: Option<i64>,
    step: i64,
) -> (usize, usize) {
    let clamp = |bound: i64| {
        let bound = i128::from(bound);
        (if bound < 0 { bound + size } else { bound }).clamp(0, size)
    };
    let (from, to) = (start.map_or(0, clamp), stop.map_or(size, clamp));
    let step = i128::from(step);
    (from as usize, ((to - from).max(0) + step - 1).div_euclid(step) as usize)
}

/// The sizes with -1 replaced, if they hold `len` elements.
fn inferred(sizes: &[i64], len: usize) -> Option<Vec<usize>> {
    let open = sizes.iter().filter(|&&size| size == -1).count();
    if open > 1 || sizes.iter().any(|&size| size < -1) {
        return None;
    }
    let given: Vec<usize> = sizes.iter().filter_map(|&size| usize::try_from(size).ok()).collect();
    let product = if given.contains(&0) { 0 } else { count(&given)? };
    let rest = match open {
        0 if product == len => 0,
        1 if product > 0 && len.is_multiple_of(product) => len / product,
        _ => return None,
    };
    Some(sizes.iter().map(|&size| usize::try_from(size).unwrap_or(rest)).collect())
}

fn ravel(index: &[usize], shape: &[usize]) -> usize {
    index.iter().zip(shape).fold(0, |at, (&i, &size)| at * size + i)
}

fn unravel(mut at: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (i, &size) in index.iter_mut().zip(shape).rev() {
        *i = at % size;
        at /= size;
    }
    index
}

fn inserted(index: &[usize], at: usize, value: usize) -> Vec<usize> {
    let mut index = index.to_vec();
    index.insert(at, value);
    index
}

fn removed(index: &[usize], at: usize) -> Vec<usize> {
    let mut index = index.to_vec();
    index.remove(at);
    index
}

fn moved(index: &[usize], dim: usize, to: impl Fn(usize) -> usize) -> Vec<usize> {
    let mut index = index.to_vec();
    index[dim] = to(index[dim]);
    index
}
