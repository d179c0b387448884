//! Device memory and the pool behind it.
//!
//! # Note [Pool]
//! wgpu zeroes a buffer before its first use and that cannot be turned off, so buffers are kept. A
//! buffer goes back to the pool when its last handle drops, even while the GPU still works on it:
//! there is one queue, and whoever gets it next is queued behind. The pool holds no more than the
//! most that was ever alive at once, or [`GpuOptions::pool`] bytes, whichever is larger.
//!
//! # Note [Pieces]
//! What is longer than the longest wgpu buffer of a device lies in several, all but the last of one
//! length, a multiple of [`GRANULE`], so that no element straddles two. Everything else counts bytes from
//! the beginning of the first. A transfer is cut where the pieces end. What a dispatch sees of several pieces
//! is brought together in a buffer of its own before, and taken back after, if it is stored to: so every
//! kind of kernel works across an end, at the price of a copy of what one binding reaches.
//!
//! [`GpuOptions::pool`]: super::GpuOptions::pool

use std::any::Any;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex};

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::context::{Context, lock};
use crate::backend::{Buffer, Memory};
use crate::error::{Error, OutOfMemory, Result};

/// Every buffer is a multiple of this long: the coarsest alignment of a binding's offset.
pub(super) const GRANULE: u64 = 256;

/// wgpu buffers that follow one another, Note [Pieces], and a name by which caches know them.
#[derive(Debug)]
pub(super) struct Slab {
    buffers: Buffers,
    /// Bytes of each but the last.
    step: u64,
    pub(super) id: u64,
    /// Bytes, a multiple of [`GRANULE`].
    pub(super) size: u64,
}

type Buffers = SmallVec<[wgpu::Buffer; 1]>;

/// What one wgpu buffer, borrowed or held, has of a range of a slab.
#[derive(Clone, Debug)]
pub(super) struct Piece<B> {
    pub(super) buffer: B,
    /// Where it begins in the buffer, and in the range.
    pub(super) offset: u64,
    pub(super) start: u64,
    pub(super) len: u64,
}

impl Slab {
    /// The pieces of a range of bytes, in order.
    pub(super) fn pieces(
        &self,
        start: u64,
        len: u64,
    ) -> impl Iterator<Item = Piece<&wgpu::Buffer>> {
        let mut done = 0;
        std::iter::from_fn(move || {
            let (index, offset) = ((start + done) / self.step, (start + done) % self.step);
            let part = (len - done).min(self.step - offset);
            let buffer = self.buffers.get(index as usize).filter(|_| part > 0)?;
            let piece = Piece { buffer, offset, start: done, len: part };
            done += part;
            Some(piece)
        })
    }

    /// The range, if one buffer has all of it.
    pub(super) fn piece(&self, start: u64, len: u64) -> Option<Piece<&wgpu::Buffer>> {
        self.pieces(start, len).next().filter(|piece| piece.len == len)
    }

    fn destroy(&self) {
        self.buffers.iter().for_each(wgpu::Buffer::destroy);
    }
}

impl Piece<&wgpu::Buffer> {
    pub(super) fn held(&self) -> Piece<wgpu::Buffer> {
        let Self { buffer, offset, start, len } = *self;
        Piece { buffer: buffer.clone(), offset, start, len }
    }
}

/// Buffers that one tensor may have: a device that does not tell its memory is asked no further.
const MAX_PIECES: u64 = 1 << 16;

/// The memory behind a [`Buffer`] of this backend.
pub(super) struct GpuMemory {
    /// There until the drop.
    slab: Option<Slab>,
    bytes: usize,
    pool: Arc<Pool>,
}

impl GpuMemory {
    pub(super) fn slab(&self) -> &Slab {
        match &self.slab {
            Some(slab) => slab,
            None => unreachable!("the slab is only taken by the drop"),
        }
    }
}

impl Memory for GpuMemory {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn bytes(&self) -> usize {
        self.bytes
    }

    fn host(&self) -> Option<NonNull<[u8]>> {
        None
    }
}

impl Drop for GpuMemory {
    fn drop(&mut self) {
        if let Some(slab) = self.slab.take() {
            self.pool.give_back(slab);
        }
    }
}

/// Buffers by size, see Note [Pool].
#[derive(Debug)]
pub(super) struct Pool {
    state: Mutex<PoolState>,
    /// Bytes that may always be kept.
    kept: u64,
    /// Bytes that may be had in all, where less than the device has.
    most: Option<u64>,
    /// Bytes of one wgpu buffer at most.
    step: u64,
    /// Bytes of the device's memory, where it tells.
    memory: Option<u64>,
}

#[derive(Debug, Default)]
struct PoolState {
    /// By bytes and bytes of a piece.
    free: FxHashMap<(u64, u64), Vec<Slab>>,
    live: u64,
    peak: u64,
    pooled: u64,
    next_id: u64,
}

impl Pool {
    pub(super) fn new(kept: u64, most: Option<u64>, step: u64, memory: Option<u64>) -> Self {
        Self { state: Mutex::default(), kept, most, step, memory }
    }

    /// Live and pooled bytes.
    pub(super) fn bytes(&self) -> (u64, u64) {
        let state = lock(&self.state);
        (state.live, state.pooled)
    }

    /// # Errors
    /// `OutOfMemory`, after the pool has been given back and the allocation tried once more.
    pub(super) fn allocate(self: &Arc<Self>, context: &Context, bytes: usize) -> Result<Buffer> {
        self.allocate_by(self.step, context, bytes)
    }

    /// Memory in one piece: no more than a binding reaches.
    ///
    /// # Errors
    /// As [`allocate`](Self::allocate).
    pub(super) fn allocate_whole(
        self: &Arc<Self>,
        context: &Context,
        bytes: usize,
    ) -> Result<Buffer> {
        self.allocate_by(context.limits.max_buffer_size / GRANULE * GRANULE, context, bytes)
    }

    fn allocate_by(self: &Arc<Self>, step: u64, context: &Context, bytes: usize) -> Result<Buffer> {
        let size = size_of(bytes as u64, step);
        let step = step.min(size);
        let refused = |live, pooled| {
            Error::OutOfMemory(Box::new(OutOfMemory {
                device: context.label.clone(),
                requested: bytes as u64,
                live,
                pooled,
            }))
        };
        if size / step > MAX_PIECES || self.memory.is_some_and(|memory| size > memory) {
            return Err(refused(self.bytes().0, 0));
        }
        if let Some(slab) = self.take(size, step) {
            return Ok(self.handle(slab, bytes));
        }
        let id = {
            let mut state = lock(&self.state);
            state.next_id += 1;
            state.next_id
        };
        let buffers = match self.create(context, size, step)? {
            Some(buffers) => buffers,
            None => {
                // What is queued may hold buffers that were given back.
                context.wait()?;
                let (live, pooled) = self.bytes();
                self.trim();
                context.wait()?;
                self.create(context, size, step)?.ok_or_else(|| refused(live, pooled))?
            }
        };
        let mut state = lock(&self.state);
        state.live += size;
        state.peak = state.peak.max(state.live);
        drop(state);
        Ok(self.handle(Slab { buffers, step, id, size }, bytes))
    }

    /// Destroys every pooled buffer.
    pub(super) fn trim(&self) {
        let mut state = lock(&self.state);
        for slab in std::mem::take(&mut state.free).into_values().flatten() {
            slab.destroy();
        }
        state.pooled = 0;
    }

    /// New buffers; `None` where there is no memory for them.
    fn create(&self, context: &Context, size: u64, step: u64) -> Result<Option<Buffers>> {
        let (live, pooled) = self.bytes();
        if self.most.is_some_and(|most| live + pooled + size > most) {
            return Ok(None);
        }
        let mut usage = wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::COPY_SRC
            | wgpu::BufferUsages::COPY_DST;
        let mappable = wgpu::Features::MAPPABLE_PRIMARY_BUFFERS;
        if context.device.features().contains(mappable) {
            usage |= wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::MAP_WRITE;
        }
        let mut buffers = Buffers::new();
        let mut left = size;
        while left > 0 {
            let made = context.scoped(|| {
                context.device.create_buffer(&wgpu::BufferDescriptor {
                    label: None,
                    size: left.min(step),
                    usage,
                    mapped_at_creation: false,
                })
            });
            match made {
                Ok(buffer) => buffers.push(buffer),
                Err(wgpu::Error::OutOfMemory { .. }) => {
                    buffers.iter().for_each(wgpu::Buffer::destroy);
                    return Ok(None);
                }
                Err(other) => return Err(context.error(other)),
            }
            left -= left.min(step);
        }
        Ok(Some(buffers))
    }

    fn handle(self: &Arc<Self>, slab: Slab, bytes: usize) -> Buffer {
        Buffer::new(GpuMemory { slab: Some(slab), bytes, pool: Arc::clone(self) })
    }

    fn take(&self, size: u64, step: u64) -> Option<Slab> {
        let mut state = lock(&self.state);
        let slab = state.free.get_mut(&(size, step))?.pop()?;
        state.pooled -= size;
        state.live += size;
        state.peak = state.peak.max(state.live);
        Some(slab)
    }

    fn give_back(&self, slab: Slab) {
        let mut state = lock(&self.state);
        state.live -= slab.size;
        if state.pooled + slab.size <= self.kept.max(state.peak) {
            state.pooled += slab.size;
            state.free.entry((slab.size, slab.step)).or_default().push(slab);
        } else {
            // wgpu waits for the work that uses it.
            slab.destroy();
        }
    }
}

/// The size class: eight steps an octave, so that no more than an eighth is wasted above 2 KiB.
fn class(bytes: u64) -> u64 {
    let bytes = bytes.max(1);
    let step = (bytes.next_power_of_two() / 16).max(GRANULE);
    bytes.div_ceil(step) * step
}

/// Bytes in all, where one buffer has `step` at most: only the last is of a class.
fn size_of(bytes: u64, step: u64) -> u64 {
    let bytes = bytes.max(1);
    let full = (bytes - 1) / step * step;
    full + class(bytes - full).min(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_of_any_size_holds_it_and_wastes_an_eighth() {
        for bytes in (1..5000).chain([1 << 20, (1 << 20) + 1, (1 << 33) + 12_345]) {
            let size = class(bytes);
            assert!(size >= bytes && size.is_multiple_of(GRANULE), "{bytes} in {size}");
            assert!(size - bytes <= (bytes / 8).max(GRANULE), "{bytes} in {size}");
            assert_eq!(class(size), size);
        }
    }
}
