//! Between host and device.
//!
//! wgpu copies multiples of 4 bytes at multiples of 4. Reads take whole words and drop the ends. A word
//! that a write has only a part of is read first.
//!
//! # Note [Staging]
//! A long transfer goes through staging buffers of a chunk each, a ring of [`RING`] of them a direction.
//! Each has a thread, which takes one chunk after the other: while it waits for the device, the others
//! copy. So a transfer of any length needs [`RING`] chunks of staging memory, which are kept for the next.
//! Reads are long from one chunk on. Writes are from a ring on: wgpu's own way takes as much memory for shorter
//! ones, and does not wait for the device (of 16 MiB it took 0.7 of the time on llvmpipe).
//! Where the host maps the buffers of tensors themselves (`GpuOptions::mapped`) there is nothing to stage,
//! but for what is short: whoever writes a few bytes must not wait for the kernels that use the buffer.

use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use super::context::{Context, lock};
use super::threads::side_by_side;
use crate::error::Result;

/// Staging buffers of one direction, and threads that copy.
pub(super) const RING: usize = 4;

/// What staging buffers can be used for.
pub(super) const FOR_READS: wgpu::BufferUsages =
    wgpu::BufferUsages::MAP_READ.union(wgpu::BufferUsages::COPY_DST);
const FOR_WRITES: wgpu::BufferUsages =
    wgpu::BufferUsages::MAP_WRITE.union(wgpu::BufferUsages::COPY_SRC);

/// Staging memory, made when it is first needed.
#[derive(Debug, Default)]
pub(super) struct Staging {
    reads: Vec<Stage>,
    writes: Vec<Stage>,
    /// Bytes of short writes since `mark`, which wgpu holds until the device has taken them.
    short: u64,
    mark: Option<wgpu::SubmissionIndex>,
}

/// A staging buffer; those for writes are mapped, or are about to be.
#[derive(Debug)]
struct Stage {
    buffer: wgpu::Buffer,
    mapping: Option<Mapping>,
}

/// A mapping that was asked for.
#[derive(Debug)]
struct Mapping {
    told: Receiver<Result<(), wgpu::BufferAsyncError>>,
    /// After which it comes; after all that was submitted, if it is not known.
    index: Option<wgpu::SubmissionIndex>,
}

impl Staging {
    /// Copies `bytes.len()` bytes from `offset`, whatever their alignment.
    pub(super) fn read(
        &mut self,
        context: &Context,
        source: &wgpu::Buffer,
        offset: u64,
        bytes: &mut [u8],
    ) -> Result<()> {
        let [len, lanes] = needed(context, offset, bytes.len());
        if lanes > 1 && source.usage().contains(wgpu::BufferUsages::MAP_READ) {
            return read_mapped(context, source, offset, bytes);
        }
        let chunks = Mutex::new(chunks_mut(offset, bytes, context.chunk));
        let stages = stages(&mut self.reads, context, FOR_READS, [len, lanes])?;
        let read = side_by_side(stages, |stage| {
            while let Some((at, chunk)) = next(&chunks) {
                read_chunk(context, source, stage, at, chunk)?;
            }
            Ok(())
        });
        if read.is_err() {
            // They may be left mapped, or about to be.
            self.reads.clear();
        }
        read
    }

    /// Copies `bytes` to `offset`; `end_of_data` is where what a program may see of the buffer ends.
    pub(super) fn write(
        &mut self,
        context: &Context,
        buffer: &wgpu::Buffer,
        end_of_data: u64,
        offset: u64,
        bytes: &[u8],
    ) -> Result<()> {
        let end = offset + bytes.len() as u64;
        let first = offset.next_multiple_of(4).min(end);
        let last = (end / 4 * 4).max(first);
        let (head, rest) = bytes.split_at((first - offset) as usize);
        let (words, tail) = rest.split_at((last - first) as usize);
        self.write_part(context, buffer, end_of_data, offset, head)?;
        self.write_words(context, buffer, first, words)?;
        self.write_part(context, buffer, end_of_data, last, tail)?;
        context.check()
    }

    /// Writes bytes of one word, and keeps the rest of it.
    fn write_part(
        &mut self,
        context: &Context,
        buffer: &wgpu::Buffer,
        end_of_data: u64,
        offset: u64,
        bytes: &[u8],
    ) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let (at, skip) = (offset / 4 * 4, (offset % 4) as usize);
        let end = skip + bytes.len();
        let mut word = [0; 4];
        if skip != 0 || end < 4 && at + (end as u64) < end_of_data {
            self.read(context, buffer, at, &mut word)?;
        }
        word[skip..end].copy_from_slice(bytes);
        context.queue.write_buffer(buffer, at, &word);
        Ok(())
    }

    fn write_words(
        &mut self,
        context: &Context,
        buffer: &wgpu::Buffer,
        offset: u64,
        words: &[u8],
    ) -> Result<()> {
        if words.is_empty() {
            return Ok(());
        }
        if words.len() as u64 <= context.chunk * RING as u64 {
            context.queue.write_buffer(buffer, offset, words);
            return self.bound_short_writes(context, words.len() as u64);
        }
        if buffer.usage().contains(wgpu::BufferUsages::MAP_WRITE) {
            return write_mapped(context, buffer, offset, words);
        }
        let chunks = Mutex::new(chunks(offset, words, context.chunk));
        let needed = needed(context, offset, words.len());
        let stages = stages(&mut self.writes, context, FOR_WRITES, needed)?;
        let written = side_by_side(stages, |stage| {
            while let Some((at, chunk)) = next(&chunks) {
                write_chunk(context, buffer, stage, at, chunk)?;
            }
            Ok(())
        });
        if written.is_err() {
            self.writes.clear();
        }
        written
    }

    /// Sees to it that what wgpu holds of short writes is never more than a few rings: some of it is on its
    /// way while the rest gathers.
    fn bound_short_writes(&mut self, context: &Context, bytes: u64) -> Result<()> {
        self.short += bytes;
        if self.short >= context.chunk * RING as u64 / 2 {
            self.short = 0;
            let mark = context.queue.submit([]);
            if let Some(earlier) = self.mark.replace(mark) {
                context.wait_for(&earlier)?;
            }
        }
        Ok(())
    }

    /// Bytes of staging memory that are kept for reads and for writes, and those that wgpu may hold for short
    /// writes since the last mark.
    #[cfg(test)]
    pub(super) fn held(&self) -> [u64; 3] {
        let held = |stages: &[Stage]| stages.iter().map(|stage| stage.buffer.size()).sum();
        [held(&self.reads), held(&self.writes), self.short]
    }
}

/// Waits for a submission, and maps the buffer that it copied to.
pub(super) fn mapped(
    context: &Context,
    buffer: &wgpu::Buffer,
    len: u64,
    index: wgpu::SubmissionIndex,
) -> Result<wgpu::BufferView> {
    Mapping::new(buffer, wgpu::MapMode::Read, 0..len, Some(index)).wait(context)?;
    buffer.get_mapped_range(0..len).map_err(|error| context.unmapped(error))
}

impl Mapping {
    fn new(
        buffer: &wgpu::Buffer,
        mode: wgpu::MapMode,
        range: std::ops::Range<u64>,
        index: Option<wgpu::SubmissionIndex>,
    ) -> Self {
        let (sender, told) = mpsc::channel();
        buffer.map_async(mode, range, move |result| {
            // The receiver is gone only if the wait failed, and then nobody asks.
            let _ = sender.send(result);
        });
        Self { told, index }
    }

    fn wait(self, context: &Context) -> Result<()> {
        loop {
            match &self.index {
                Some(index) => context.wait_for(index)?,
                None => context.wait()?,
            }
            // Whoever waits at the same time may be the one to call back, and may not have done so yet.
            match self.told.recv_timeout(Duration::from_millis(10)) {
                Ok(told) => return told.map_err(|error| context.unmapped(error)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(context.unmapped("a transfer was given up"));
                }
            }
        }
    }
}

fn read_chunk(
    context: &Context,
    source: &wgpu::Buffer,
    stage: &Stage,
    at: u64,
    chunk: &mut [u8],
) -> Result<()> {
    let first = at / 4 * 4;
    let skip = (at - first) as usize;
    let end = skip + chunk.len();
    let len = (end as u64).next_multiple_of(4);
    let mut encoder = context.device.create_command_encoder(&Default::default());
    encoder.copy_buffer_to_buffer(source, first, &stage.buffer, 0, len);
    let index = context.queue.submit([encoder.finish()]);
    let view = mapped(context, &stage.buffer, len, index)?;
    chunk.copy_from_slice(&view[skip..end]);
    drop(view);
    stage.buffer.unmap();
    Ok(())
}

fn write_chunk(
    context: &Context,
    target: &wgpu::Buffer,
    stage: &mut Stage,
    at: u64,
    chunk: &[u8],
) -> Result<()> {
    if let Some(mapping) = stage.mapping.take() {
        mapping.wait(context)?;
    }
    let (buffer, len) = (&stage.buffer, chunk.len() as u64);
    let view = buffer.get_mapped_range_mut(0..len);
    view.map_err(|error| context.unmapped(error))?.copy_from_slice(chunk);
    buffer.unmap();
    let mut encoder = context.device.create_command_encoder(&Default::default());
    encoder.copy_buffer_to_buffer(buffer, 0, target, at, len);
    let index = context.queue.submit([encoder.finish()]);
    // For the next chunk, which waits for it.
    let all = 0..buffer.size();
    stage.mapping = Some(Mapping::new(buffer, wgpu::MapMode::Write, all, Some(index)));
    Ok(())
}

/// Bytes of each stage, and how many, for a transfer.
fn needed(context: &Context, offset: u64, len: usize) -> [u64; 2] {
    // A word beyond either end.
    let words = offset % 8 + len as u64;
    let lanes = words.div_ceil(context.chunk).clamp(1, RING as u64);
    [words.next_power_of_two().max(4096).min(context.chunk), lanes]
}

/// The first `lanes` stages, of `len` bytes or more each.
fn stages<'s>(
    all: &'s mut Vec<Stage>,
    context: &Context,
    usage: wgpu::BufferUsages,
    [len, lanes]: [u64; 2],
) -> Result<&'s mut [Stage]> {
    for lane in 0..lanes as usize {
        if all.get(lane).is_some_and(|stage| stage.buffer.size() >= len) {
            continue;
        }
        let buffer = staging_buffer(context, usage, len)?;
        let stage = Stage { buffer, mapping: None };
        match all.get_mut(lane) {
            Some(smaller) => *smaller = stage,
            None => all.push(stage),
        }
    }
    Ok(&mut all[..lanes as usize])
}

/// A staging buffer; one for writes is mapped.
pub(super) fn staging_buffer(
    context: &Context,
    usage: wgpu::BufferUsages,
    size: u64,
) -> Result<wgpu::Buffer> {
    let made = context.scoped(|| {
        context.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("taut staging"),
            size,
            usage,
            mapped_at_creation: usage.contains(wgpu::BufferUsages::MAP_WRITE),
        })
    });
    made.map_err(|error| context.error(error))
}

/// Chunks and where they go: all but the first begin at a multiple of 8.
fn chunks(offset: u64, bytes: &[u8], chunk: u64) -> impl Iterator<Item = (u64, &[u8])> {
    let (head, rest) = bytes.split_at(head(offset, bytes.len(), chunk));
    let begins = (offset + head.len() as u64..).step_by(chunk as usize);
    std::iter::once((offset, head)).chain(begins.zip(rest.chunks(chunk as usize)))
}

/// As [`chunks`].
fn chunks_mut(offset: u64, bytes: &mut [u8], chunk: u64) -> impl Iterator<Item = (u64, &mut [u8])> {
    let (head, rest) = bytes.split_at_mut(head(offset, bytes.len(), chunk));
    let begins = (offset + head.len() as u64..).step_by(chunk as usize);
    std::iter::once((offset, head)).chain(begins.zip(rest.chunks_mut(chunk as usize)))
}

/// Bytes of the first chunk.
fn head(offset: u64, len: usize, chunk: u64) -> usize {
    len.min((chunk - offset % 8) as usize)
}

fn next<C>(chunks: &Mutex<impl Iterator<Item = C>>) -> Option<C> {
    lock(chunks).next()
}

/// What a transfer to or from a mapped buffer sees of it.
struct Seen {
    range: std::ops::Range<u64>,
    skip: usize,
}

impl Seen {
    /// Mapped ranges begin at multiples of 8; so do all chunks but the first, so that none sees another's.
    fn of(at: u64, len: usize) -> Self {
        let first = at / 8 * 8;
        Self { range: first..(at + len as u64).next_multiple_of(4), skip: (at - first) as usize }
    }
}

/// Copies out of the buffer of a tensor, which nobody uses meanwhile.
fn read_mapped(context: &Context, source: &wgpu::Buffer, at: u64, bytes: &mut [u8]) -> Result<()> {
    let all = Seen::of(at, bytes.len()).range;
    let chunks = Mutex::new(chunks_mut(at, bytes, context.chunk));
    with_mapped(context, source, wgpu::MapMode::Read, all, || {
        while let Some((at, chunk)) = next(&chunks) {
            let Seen { range, skip } = Seen::of(at, chunk.len());
            let view = source.get_mapped_range(range).map_err(|error| context.unmapped(error))?;
            chunk.copy_from_slice(&view[skip..skip + chunk.len()]);
        }
        Ok(())
    })
}

/// As [`read_mapped`], the other way.
fn write_mapped(context: &Context, target: &wgpu::Buffer, at: u64, bytes: &[u8]) -> Result<()> {
    let all = Seen::of(at, bytes.len()).range;
    let chunks = Mutex::new(chunks(at, bytes, context.chunk));
    with_mapped(context, target, wgpu::MapMode::Write, all, || {
        while let Some((at, chunk)) = next(&chunks) {
            let Seen { range, skip } = Seen::of(at, chunk.len());
            let view = target.get_mapped_range_mut(range);
            let mut view = view.map_err(|error| context.unmapped(error))?;
            view.slice(skip..skip + chunk.len()).copy_from_slice(chunk);
        }
        Ok(())
    })
}

/// Maps a range while `copy` runs, on several threads.
fn with_mapped(
    context: &Context,
    buffer: &wgpu::Buffer,
    mode: wgpu::MapMode,
    range: std::ops::Range<u64>,
    copy: impl Fn() -> Result<()> + Sync,
) -> Result<()> {
    Mapping::new(buffer, mode, range, None).wait(context)?;
    let copied = side_by_side(&mut [(); RING], |()| copy());
    buffer.unmap();
    copied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_all_bytes_in_order_and_begin_where_a_mapping_may() {
        for chunk in [8, 16, 64] {
            for offset in 0..20 {
                for len in 0..200_usize {
                    let bytes: Vec<u8> = (0..len as u8).collect();
                    let mut seen = Vec::new();
                    for (at, part) in chunks(offset, &bytes, chunk) {
                        assert_eq!(at, offset + seen.len() as u64);
                        assert!(at == offset || at.is_multiple_of(8));
                        let Seen { range, skip } = Seen::of(at, part.len());
                        assert!(range.end - range.start <= chunk && skip < 8);
                        seen.extend_from_slice(part);
                    }
                    assert_eq!(seen, bytes);
                    let mut own = bytes.clone();
                    let again =
                        chunks_mut(offset, &mut own, chunk).map(|(at, part)| (at, part.len()));
                    let parts = chunks(offset, &bytes, chunk).map(|(at, part)| (at, part.len()));
                    assert!(again.eq(parts));
                }
            }
        }
    }
}
