//! Cuts an iteration space into windows that a dispatch can reach.
//!
//! # Note [Windows]
//! A binding reaches only so many bytes of a buffer, and index arithmetic is in u32. A launch that
//! needs more is cut along its outermost dimension, into as few windows as will do; where one slice is
//! still too much, along the next dimension within each slice. A window is a range of consecutive
//! points, so contiguous operands stay contiguous, and the pipeline is that of the whole launch.

//!
//! # Note [Fetched windows]
//! What is read at computed places may be anywhere in its buffer. Where a binding does not reach all of
//! that, the launch runs once for each part of the buffer, and each time the effects of a point happen only
//! if the element that it fetches lies in the part. With several such operands it runs once for each
//! combination of their parts. So every point takes effect once, whatever else its kernel does.

mod fold;
mod product;
mod sight;

use smallvec::SmallVec;

pub(super) use self::fold::{Batch, batches, extents, is_counted};
pub(super) use self::product::{ProductBlock, product_blocks};
use self::sight::Need;
pub(super) use self::sight::{Part, Sight};
use super::memory::GRANULE;
use crate::kernel::{Dims, Kernel, OperandCode};

/// What a device reaches in one dispatch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    /// Bytes of a binding.
    pub(super) binding: u64,
    /// Points: half of what indices count, Note [Counted from a row].
    pub(super) points: u64,
}

/// A range of consecutive points.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub(super) shape: Dims,
    /// Coordinates of its first point.
    pub(super) origin: Dims,
    /// By buffer.
    pub(super) sights: SmallVec<[Sight; 8]>,
    /// By operand: where its buffer begins, [`Sight::origin`].
    pub(super) origins: SmallVec<[u64; 8]>,
    /// Whether points may be left to other windows: Note [Fetched windows].
    pub(super) partial: bool,
}

impl Window {
    /// Points.
    pub(super) fn len(&self) -> u64 {
        self.shape.iter().map(|&size| size as u64).product()
    }

    /// Linear index of the first point in the whole iteration space.
    pub(super) fn start(&self, whole: &[usize]) -> u64 {
        let at = |index, (&size, &origin): (&usize, &usize)| index * size as u64 + origin as u64;
        whole.iter().zip(&self.origin).fold(0, at)
    }

    /// Where the operand starts, in elements of the whole buffer.
    pub(super) fn offset(&self, kernel: &Kernel, operand: usize) -> usize {
        let args = &kernel.args.operands[operand];
        args.offset + args.strides.iter().zip(&self.origin).map(|(s, o)| s * o).sum::<usize>()
    }

    /// Where the operand starts in what the window sees of its buffer, in elements. What is fetched may lie
    /// in a later part than its operand begins: then it wraps, as in the shader.
    pub(super) fn local_offset(&self, kernel: &Kernel, operand: usize) -> usize {
        let bytes = kernel.code.operands[operand].dtype.size();
        // Origins are multiples of a granule, modulo 2^64 too.
        let origin = (self.origins[operand] as i64 / bytes as i64) as usize;
        self.offset(kernel, operand).wrapping_sub(origin)
    }

    /// Settles the part that is seen of the buffer of an operand alone, both of which have this number.
    pub(super) fn see(&mut self, number: usize, part: Part) {
        self.sights[number] = part.into();
        self.origins[number] = part.start;
    }

    /// Bytes of the operand that the window needs.
    fn need(&self, kernel: &Kernel, operand: usize) -> Need {
        let first = self.offset(kernel, operand) as u64;
        let strides = kernel.args.operands[operand].strides.iter();
        let span: u64 = strides.zip(&self.shape).map(|(&s, &n)| (s * (n - 1)) as u64).sum();
        let bytes = kernel.code.operands[operand].dtype.size() as u64;
        let stored = kernel.code.is_stored(operand);
        Need { bytes: first * bytes..(first + span + 1) * bytes, stored }
    }
}

/// The windows of a launch, in order; `sizes` are the bytes of its buffers. `None` where even a single
/// point needs parts of one buffer that no binding reaches at once.
pub(super) fn windows(kernel: &Kernel, sizes: &[u64], reach: Reach) -> Option<Vec<Window>> {
    let mut windows = Vec::new();
    for (fetched, partial) in fetched_parts(kernel, sizes, reach) {
        let cutter = Cutter { kernel, sizes, reach, fetched: &fetched, partial };
        let shape = kernel.args.shape.clone();
        let origin = Dims::from_elem(0, shape.len());
        cutter.cut(shape, origin, &mut windows)?;
    }
    Some(windows)
}

/// By buffer, the part that a window sees of what is fetched from.
type Fetched = SmallVec<[Option<Part>; 8]>;

/// All combinations of the parts of buffers that are fetched from, each with whether it leaves something
/// out.
fn fetched_parts(kernel: &Kernel, sizes: &[u64], reach: Reach) -> Vec<(Fetched, bool)> {
    let mut all: Vec<(Fetched, bool)> = vec![(SmallVec::from_elem(None, sizes.len()), false)];
    for (i, operand) in kernel.code.operands.iter().enumerate() {
        if !kernel.code.is_fetched(i) {
            continue;
        }
        let buffer = usize::from(operand.buffer);
        let size = sizes[buffer];
        let starts = (0..size.div_ceil(reach.binding)).map(|part| part * reach.binding);
        let parts: Vec<Part> =
            starts.map(|start| Part { start, len: reach.binding.min(size - start) }).collect();
        let several = parts.len() > 1;
        all = all
            .iter()
            .flat_map(|(fetched, partial)| {
                parts.iter().map(move |&part| {
                    let mut fetched = fetched.clone();
                    fetched[buffer] = Some(part);
                    (fetched, *partial || several)
                })
            })
            .collect();
    }
    all
}

struct Cutter<'a> {
    kernel: &'a Kernel,
    sizes: &'a [u64],
    reach: Reach,
    fetched: &'a Fetched,
    partial: bool,
}

impl Cutter<'_> {
    fn cut(&self, shape: Dims, origin: Dims, windows: &mut Vec<Window>) -> Option<()> {
        let window = self.window(shape, origin);
        if self.fits(&window) {
            windows.push(window);
            return Some(());
        }
        let Window { shape, origin, .. } = window;
        let dim = shape.iter().position(|&size| size > 1)?;
        let step = self.step(&shape, &origin, dim);
        let mut at = 0;
        while at < shape[dim] {
            let (mut part, mut start) = (shape.clone(), origin.clone());
            part[dim] = step.min(shape[dim] - at);
            start[dim] += at;
            self.cut(part, start, windows)?;
            at += step;
        }
        Some(())
    }

    /// The longest range of the dimension that fits, at least 1.
    fn step(&self, shape: &Dims, origin: &Dims, dim: usize) -> usize {
        // A window further on may reach up to a granule more on either side, by its alignment.
        let strict = Self {
            reach: Reach { binding: self.reach.binding.saturating_sub(GRANULE), ..self.reach },
            ..*self
        };
        let fits = |size: usize| {
            let mut part = shape.clone();
            part[dim] = size;
            strict.fits(&strict.window(part, origin.clone()))
        };
        let (mut low, mut high) = (1, shape[dim]);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if fits(middle) { low = middle } else { high = middle - 1 }
        }
        // Windows that start at multiples of a run keep aligned operands aligned: of the longest, or of the shortest.
        match low {
            16.. => low - low % 16,
            4.. => low - low % 4,
            _ => low,
        }
    }

    fn fits(&self, window: &Window) -> bool {
        window.len() <= self.reach.points
            && window
                .sights
                .iter()
                .zip(self.fetched)
                .all(|(sight, fetched)| fetched.is_some() || sight.fits(self.reach))
    }

    fn window(&self, shape: Dims, origin: Dims) -> Window {
        let partial = self.partial;
        let (sights, origins) = (SmallVec::new(), SmallVec::new());
        let mut window = Window { shape, origin, sights, origins, partial };
        window.sights = (0..self.sizes.len()).map(|buffer| self.sight(&window, buffer)).collect();
        let origin = |(i, operand): (usize, &OperandCode)| {
            let first = window.offset(self.kernel, i) * operand.dtype.size();
            window.sights[usize::from(operand.buffer)].origin(first as u64)
        };
        let origins = self.kernel.code.operands.iter().enumerate().map(origin).collect();
        window.origins = origins;
        window
    }

    /// What the window sees of a buffer: all of it where a binding may, so that bind groups repeat.
    fn sight(&self, window: &Window, buffer: usize) -> Sight {
        if let Some(part) = self.fetched[buffer] {
            return part.into();
        }
        let whole = self.sizes[buffer];
        if whole <= self.reach.binding {
            return Part { start: 0, len: whole }.into();
        }
        let operands = self.kernel.code.operands.iter().enumerate();
        let needs = operands
            .filter(|(_, operand)| usize::from(operand.buffer) == buffer)
            .map(|(i, _)| window.need(self.kernel, i));
        Sight::of(needs, whole, self.reach.binding)
    }
}

/// Whether every operand stays within its buffer; what the unchecked shaders rely on.
pub(super) fn in_range(kernel: &Kernel, bytes: &[u64]) -> bool {
    kernel.code.operands.iter().zip(&kernel.args.operands).all(|(operand, args)| {
        let mut last = args.offset as u128;
        for (&stride, &size) in args.strides.iter().zip(&kernel.args.shape) {
            last += stride as u128 * (size.max(1) - 1) as u128;
        }
        let end = (last + 1) * operand.dtype.size() as u128;
        bytes.get(usize::from(operand.buffer)).is_some_and(|&bytes| end <= u128::from(bytes))
    })
}
