//! Arithmetic in a row: operations each on the result of the one before, in one loop.
//!
//! `a * 2 + 1` as two loops writes and reads a register more than it must, and while it does nothing comes
//! from memory. Here a few vectors of the result stay in the processor until the last operation is done, and
//! an operation costs one read of its other argument, or none where that is the same everywhere. Only
//! what memory would bound is worth it: addition and its like. Each operation rounds, or wraps, as it does
//! alone.

#[cfg(test)]
mod tests;

use std::array;
use std::num::Wrapping;
use std::ops::{Add, Div, Mul, Sub};

use bytemuck::{Pod, cast_slice};
use fearless_simd::{Simd, SimdBase, SimdFrom, dispatch};
use smallvec::SmallVec;

use super::level::level;
use super::view::{Cache, PastCache, Rows, ask};
use crate::dtype::DType;
use crate::ops::Op;

/// An operation on what a chain has come to, `x`, and another argument, `a`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// `x + a`
    Add,
    /// `x - a`
    Sub,
    /// `a - x`
    SubFrom,
    /// `x * a`
    Mul,
    /// `x / a`
    Div,
    /// `a / x`
    DivInto,
    /// `x * x`, of no other argument
    Square,
}

/// On which side of an operation what the chain has come to stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

impl Side {
    /// What stands on this side, and what on the other.
    pub(super) fn of<T>(self, [left, right]: [T; 2]) -> (T, T) {
        match self {
            Self::Left => (left, right),
            Self::Right => (right, left),
        }
    }
}

impl Link {
    /// Each, at the place of its number.
    pub(super) const ALL: [Self; 7] =
        [Self::Add, Self::Sub, Self::SubFrom, Self::Mul, Self::Div, Self::DivInto, Self::Square];

    /// The operation in this dtype as a link; none if it is not worth one.
    pub(super) fn of(op: Op, side: Side, dtype: DType) -> Option<Self> {
        Some(match (op, side) {
            // What is divided as floats is none of integers.
            (Op::Div, _) if !dtype.is_floating_point() => return None,
            (Op::Add, _) => Self::Add,
            (Op::Mul, _) => Self::Mul,
            (Op::Sub, Side::Left) => Self::Sub,
            (Op::Sub, Side::Right) => Self::SubFrom,
            (Op::Div, Side::Left) => Self::Div,
            (Op::Div, Side::Right) => Self::DivInto,
            _ => return None,
        })
    }

    /// The operation, and the side of it on which `x` stands; of a square, on both.
    pub(super) fn row(self) -> (Op, Side) {
        match self {
            Self::Add => (Op::Add, Side::Left),
            Self::Sub => (Op::Sub, Side::Left),
            Self::SubFrom => (Op::Sub, Side::Right),
            Self::Mul | Self::Square => (Op::Mul, Side::Left),
            Self::Div => (Op::Div, Side::Left),
            Self::DivInto => (Op::Div, Side::Right),
        }
    }

    /// The operation on `x` and `a`.
    #[inline(always)]
    pub(super) fn of_two<V>(self, x: V, a: V) -> V
    where
        V: Copy + Add<Output = V> + Sub<Output = V> + Mul<Output = V> + Div<Output = V>,
    {
        let mut value = [x];
        self.apply(
            &mut value,
            |_| a,
            Some(
                #[inline(always)]
                |x, a| x / a,
            ),
        );
        value[0]
    }

    #[inline(always)]
    fn apply<V, const N: usize>(
        self,
        values: &mut [V; N],
        other: impl Fn(usize) -> V,
        quotient: Option<impl Quotient<V>>,
    ) where
        V: Copy + Add<Output = V> + Sub<Output = V> + Mul<Output = V>,
    {
        let quotient = || match &quotient {
            Some(quotient) => quotient,
            None => unreachable!("no link of integers divides"),
        };
        // In its place, as a call that several loops share would stay a call.
        macro_rules! each {
            (|$k:ident, $x:ident| $result:expr) => {
                for ($k, value) in values.iter_mut().enumerate() {
                    let $x = *value;
                    *value = $result;
                }
            };
        }
        match self {
            Self::Add => each!(|k, x| x + other(k)),
            Self::Sub => each!(|k, x| x - other(k)),
            Self::SubFrom => each!(|k, x| other(k) - x),
            Self::Mul => each!(|k, x| x * other(k)),
            Self::Div => {
                let quotient = quotient();
                each!(|k, x| quotient(x, other(k)));
            }
            Self::DivInto => {
                let quotient = quotient();
                each!(|k, x| quotient(other(k), x));
            }
            Self::Square => each!(|_k, x| x * x),
        }
    }
}

/// Where the elements of a chain go.
pub(super) enum Out<'a> {
    Cached(&'a mut [u8]),
    /// Rows of so many bytes, which follow each other.
    CachedRows(&'a mut [u8], usize),
    PastCache(PastCache<'a>),
}

/// Computes the elements of a row from the given one on, or of rows from the given one on, of the chain that
/// begins with those of the first argument. Of a row of one element each takes that one.
pub(super) type ChainLoop = fn(Out<'_>, (usize, usize), Rows<'_>, &[(Link, Rows<'_>)]);

/// The loop of chains in this dtype, if there are any.
pub(super) fn chain_loop(dtype: DType) -> Option<ChainLoop> {
    match dtype {
        DType::F32 => Some(chain::<f32>),
        DType::F64 => Some(chain::<f64>),
        DType::I32 => Some(chain::<i32>),
        DType::I64 => Some(chain::<i64>),
        _ => None,
    }
}

/// Computes all elements of the chain that begins with those of the second slice, of as many links as are given:
/// each takes elements beside these, or one for all.
pub(super) type FlatLoop =
    for<'a> fn(&mut [u8], &'a [u8], usize, &dyn Fn(usize) -> (Link, &'a [u8]));

/// The [`FlatLoop`] in this dtype, if there are chains.
pub(super) fn flat_loop(dtype: DType) -> Option<FlatLoop> {
    match dtype {
        DType::F32 => Some(flat::<f32>),
        DType::F64 => Some(flat::<f64>),
        DType::I32 => Some(flat::<i32>),
        DType::I64 => Some(flat::<i64>),
        _ => None,
    }
}

/// What divides.
trait Quotient<V>: Fn(V, V) -> V {}

impl<V, F: Fn(V, V) -> V> Quotient<V> for F {}

/// A number with vectors.
trait Number: Pod {
    type Vector<S: Simd>: SimdBase<S, Element = Self>;
    /// What one is computed as by itself: it wraps where vectors do.
    type Single: Pod
        + Add<Output = Self::Single>
        + Sub<Output = Self::Single>
        + Mul<Output = Self::Single>;

    /// What divides, if a link may.
    fn quotient() -> Option<impl Quotient<Self::Single>>;
    fn quotients<S: Simd>() -> Option<impl Quotient<Self::Vector<S>>>;
}

macro_rules! numbers {
    ($($type:ident $vector:ident $single:ty, $quotient:tt;)*) => {$(
        impl Number for $type {
            type Vector<S: Simd> = S::$vector;
            type Single = $single;

            #[inline(always)]
            fn quotient() -> Option<impl Quotient<$single>> {
                numbers!($quotient $single)
            }

            #[inline(always)]
            fn quotients<S: Simd>() -> Option<impl Quotient<S::$vector>> {
                numbers!($quotient S::$vector)
            }
        }
    )*};
    ([/] $of:ty) => {
        Some(
            #[inline(always)]
            |a: $of, b: $of| a / b,
        )
    };
    ([] $of:ty) => {
        None::<fn($of, $of) -> $of>
    };
}

numbers! {
    f32 f32s f32, [/];
    f64 f64s f64, [/];
    i32 i32s Wrapping<i32>, [];
    i64 i64s Wrapping<i64>, [];
}

/// Operations of a chain that is so short that the way to them costs little. Of others, and of long rows that come
/// from memory, eight vectors are computed together, which all are in the processor.
const FEW_LINKS: usize = 2;

/// Bytes of the vectors of a short one that are computed together.
const FEW_TOGETHER: usize = 256;

/// How many bytes ahead memory is asked for what will be read of a long row that comes from there: while the
/// operations of a long chain run, the processor sees too little of what comes.
const AHEAD: usize = 4096;

/// Bytes of a long row: of a short one, what lies so far ahead is somebody else's to ask for.
const LONG: usize = 8 * AHEAD;

/// Takes bytes, and vectors that follow each other.
trait Sink {
    /// Whether so much is read and written that it comes from memory. Then it goes past the cache, each byte once, at
    /// multiples of how many come together.
    const IS_LARGE: bool;

    fn len(&self) -> usize;
    fn put<S: Simd>(&mut self, simd: S, at: usize, bytes: &[u8]);
    fn put_all<S: Simd, V: SimdBase<S>>(&mut self, simd: S, at: usize, vectors: &[V])
    where
        V::Element: Pod;
}

impl Sink for &mut [u8] {
    const IS_LARGE: bool = false;

    #[inline(always)]
    fn len(&self) -> usize {
        <[u8]>::len(self)
    }

    #[inline(always)]
    fn put<S: Simd>(&mut self, _: S, at: usize, bytes: &[u8]) {
        self[at..at + bytes.len()].copy_from_slice(bytes);
    }

    #[inline(always)]
    fn put_all<S: Simd, V: SimdBase<S>>(&mut self, simd: S, at: usize, vectors: &[V])
    where
        V::Element: Pod,
    {
        // One look at the bounds for all.
        let size = size_of::<V::Element>() * V::LEN;
        let mut out = &mut self[at..][..vectors.len() * size];
        for (k, vector) in vectors.iter().enumerate() {
            out.put(simd, k * size, cast_slice(vector.as_slice()));
        }
    }
}

impl Sink for PastCache<'_> {
    const IS_LARGE: bool = true;

    #[inline(always)]
    fn len(&self) -> usize {
        PastCache::len(self)
    }

    #[inline(always)]
    fn put<S: Simd>(&mut self, simd: S, at: usize, bytes: &[u8]) {
        self.write(simd, at, bytes);
    }

    #[inline(always)]
    fn put_all<S: Simd, V: SimdBase<S>>(&mut self, simd: S, at: usize, vectors: &[V])
    where
        V::Element: Pod,
    {
        let size = size_of::<V::Element>() * V::LEN;
        for (k, vector) in vectors.iter().enumerate() {
            self.put(simd, at + k * size, cast_slice(vector.as_slice()));
        }
    }
}

/// A link and the elements it takes: those beside the chain's, one for all of them, or none for a square.
type Taken<'a, T> = (Link, &'a [T]);

fn chain<T: Number>(
    out: Out<'_>,
    (row, start): (usize, usize),
    first: Rows<'_>,
    links: &[(Link, Rows<'_>)],
) {
    match out {
        Out::Cached(out) => chain_row::<T>(out, (row, start), first, links),
        Out::CachedRows(out, bytes) => chain_rows::<T>((out, bytes), row, first, links),
        Out::PastCache(out) => chain_row::<T>(out, (row, start), first, links),
    }
}

/// See [`FlatLoop`].
fn flat<'a, T: Number>(
    out: &mut [u8],
    first: &'a [u8],
    links: usize,
    link: &dyn Fn(usize) -> (Link, &'a [u8]),
) {
    let taken = (0..links).map(|number| {
        let (link, bytes) = link(number);
        (link, numbers::<T>(bytes))
    });
    chain_taken(out, numbers(first), taken);
}

/// The elements of a row, after a look at each link before the loop over the elements, which looks at all again and
/// again.
#[inline(always)]
fn chain_taken<'a, T: Number>(
    out: impl Sink,
    first: &[T],
    mut links: impl ExactSizeIterator<Item = Taken<'a, T>>,
) {
    if links.len() == 1
        && let Some(only) = links.next()
    {
        return chain_of(out, first, &[only]);
    }
    let mut all: SmallVec<[Taken<'_, T>; 16]> = SmallVec::new();
    for link in links {
        all.push(link);
    }
    chain_of(out, first, &all);
}

/// The elements of a row.
fn chain_row<T: Number>(
    out: impl Sink,
    (row, start): (usize, usize),
    first: Rows<'_>,
    links: &[(Link, Rows<'_>)],
) {
    let place = (row, start, out.len() / size_of::<T>());
    let taken = links.iter().map(|&(link, rows)| (link, elements::<T>(rows, place)));
    chain_taken(out, elements(first, place), taken);
}

/// The same of rows from `from` on, with one look at what the machine has, and of a single link one at which it
/// is: for each of some hundred elements they would take longer than the operation.
fn chain_rows<T: Number>(
    out: (&mut [u8], usize),
    from: usize,
    first: Rows<'_>,
    links: &[(Link, Rows<'_>)],
) {
    macro_rules! of_each {
        ($simd:expr, $($link:ident)*) => {
            match links {
                $(&[(Link::$link, other)] => {
                    rows_by::<_, T, { Link::$link as usize }>($simd, out, from, [first, other]);
                })*
                _ => {
                    let mut taken: SmallVec<[Taken<'_, T>; 16]> = SmallVec::new();
                    each_row::<T>(out, from, #[inline(always)] |out, place| {
                        taken.clear();
                        taken.extend(links.iter().map(|&(link, rows)| (link, elements(rows, place))));
                        blocks_of::<_, T, _, 8>($simd, out, elements(first, place), &taken);
                    });
                }
            }
        };
    }
    dispatch!(level(), simd => of_each!(simd, Add Sub SubFrom Mul Div DivInto));
}

/// The same of the link of this number.
#[inline(always)]
fn rows_by<S: Simd, T: Number, const LINK: usize>(
    simd: S,
    out: (&mut [u8], usize),
    from: usize,
    [first, other]: [Rows<'_>; 2],
) {
    each_row::<T>(
        out,
        from,
        #[inline(always)]
        |out, place| {
            let links = [(const { Link::ALL[LINK] }, elements(other, place))];
            blocks_of::<S, T, _, 8>(simd, out, elements(first, place), &links);
        },
    );
}

/// Calls `visit` with what each row of so many bytes goes to, and its place.
#[inline(always)]
fn each_row<T>(
    (out, bytes): (&mut [u8], usize),
    from: usize,
    mut visit: impl FnMut(&mut [u8], (usize, usize, usize)),
) {
    for (row, out) in out.chunks_mut(bytes).enumerate() {
        let len = out.len() / size_of::<T>();
        visit(out, (from + row, 0, len));
    }
}

/// So many elements of a row from `start` on, or the one that all take.
#[inline(always)]
fn elements<T: Number>(rows: Rows<'_>, (row, start, len): (usize, usize, usize)) -> &[T] {
    let elements = numbers(rows.row(row));
    if elements.len() > 1 { &elements[start..][..len] } else { elements }
}

/// Bytes as elements.
#[inline(always)]
fn numbers<T: Number>(bytes: &[u8]) -> &[T] {
    // Those of a square have no address.
    if bytes.is_empty() { &[] } else { cast_slice(bytes) }
}

/// The same, of the elements themselves.
fn chain_of<T: Number>(out: impl Sink, first: &[T], links: &[Taken<'_, T>]) {
    dispatch!(level(), simd => blocks(simd, out, first, links));
}

#[inline(always)]
fn blocks<S: Simd, T: Number, O: Sink>(simd: S, out: O, first: &[T], links: &[Taken<'_, T>]) {
    let bytes = T::Vector::<S>::LEN * size_of::<T>();
    if is_long(&out) || links.len() > FEW_LINKS || FEW_TOGETHER / bytes != 4 {
        blocks_of::<S, T, _, 8>(simd, out, first, links);
    } else {
        blocks_of::<S, T, _, 4>(simd, out, first, links);
    }
}

/// Whether what is read comes from memory, and long enough.
#[inline(always)]
fn is_long<O: Sink>(out: &O) -> bool {
    O::IS_LARGE && out.len() >= LONG
}

/// The same, so many vectors at a time.
#[inline(always)]
fn blocks_of<S: Simd, T: Number, O: Sink, const N: usize>(
    simd: S,
    mut out: O,
    first: &[T],
    links: &[Taken<'_, T>],
) {
    let (width, len) = (T::Vector::<S>::LEN, out.len() / size_of::<T>());
    let mut done = 0;
    let ahead = streams(&out, first, links);
    while len - done >= N * width {
        for stream in &ahead {
            ask(stream.wrapping_add(done).cast(), N * width * size_of::<T>(), Cache::First);
        }
        block::<S, T, N>(simd, &mut out, done, first, links);
        done += N * width;
    }
    while len - done >= width {
        block::<S, T, 1>(simd, &mut out, done, first, links);
        done += width;
    }
    if done < len && width <= len && !O::IS_LARGE {
        // A vector that begins among what is done puts that again, sooner than the rest one by one.
        block::<S, T, 1>(simd, &mut out, len - width, first, links);
        return;
    }
    for done in done..len {
        let of = |values: &[T]| {
            let values: &[T::Single] = cast_slice(values);
            if values.len() == 1 { values[0] } else { values[done] }
        };
        let mut value = [of(first)];
        for (link, other) in links {
            link.apply(&mut value, |_| of(other), T::quotient());
        }
        out.put(simd, done * size_of::<T>(), cast_slice(&value));
    }
}

/// Where that begins which memory is asked for while the first elements are computed, each place once.
#[inline(always)]
fn streams<T: Number, O: Sink>(
    out: &O,
    first: &[T],
    links: &[Taken<'_, T>],
) -> SmallVec<[*const T; 8]> {
    let mut streams = SmallVec::new();
    if is_long(out) {
        for elements in [first].into_iter().chain(links.iter().map(|(_, other)| *other)) {
            let ahead = elements.as_ptr().wrapping_byte_add(AHEAD);
            if elements.len() > 1 && !streams.contains(&ahead) {
                streams.push(ahead);
            }
        }
    }
    streams
}

/// The elements of `N` vectors from `done` on.
#[inline(always)]
fn block<S: Simd, T: Number, const N: usize>(
    simd: S,
    out: &mut impl Sink,
    done: usize,
    first: &[T],
    links: &[Taken<'_, T>],
) {
    let width = T::Vector::<S>::LEN;
    let mut values: [T::Vector<S>; N] = if let [first] = first {
        [T::Vector::<S>::simd_from(simd, *first); N]
    } else {
        let first = &first[done..][..N * width];
        array::from_fn(
            #[inline(always)]
            |k| vector::<S, T>(simd, first, k),
        )
    };
    for (link, other) in links {
        if *link == Link::Square {
            link.apply(
                &mut values,
                |_| unreachable!("a square takes nothing beside"),
                T::quotients::<S>(),
            );
        } else if let [other] = other {
            let other = T::Vector::<S>::simd_from(simd, *other);
            link.apply(
                &mut values,
                #[inline(always)]
                |_| other,
                T::quotients::<S>(),
            );
        } else {
            let other = &other[done..][..N * width];
            link.apply(
                &mut values,
                #[inline(always)]
                |k| vector::<S, T>(simd, other, k),
                T::quotients::<S>(),
            );
        }
    }
    out.put_all(simd, done * size_of::<T>(), &values);
}

/// Vector number `k` of the elements.
#[inline(always)]
fn vector<S: Simd, T: Number>(simd: S, elements: &[T], k: usize) -> T::Vector<S> {
    let width = T::Vector::<S>::LEN;
    T::Vector::<S>::from_slice(simd, &elements[k * width..(k + 1) * width])
}
