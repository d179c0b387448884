//! Between host and device.
//!
//! wgpu copies multiples of 4 bytes at multiples of 4. Reads take whole words and drop the ends. Writes
//! whose ends share a word with other data read that word first.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::context::Context;
use crate::error::Result;

/// Bytes moved at a time, so that a large transfer does not need its size again in staging memory.
const CHUNK: u64 = 32 << 20;

/// A buffer that the host can map, made at the first read.
#[derive(Debug, Default)]
pub(super) struct Staging {
    buffer: Option<wgpu::Buffer>,
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
        let end = offset + bytes.len() as u64;
        let mut at = offset;
        while at < end {
            let first = at / 4 * 4;
            let last = end.next_multiple_of(4).min(first + CHUNK);
            let stop = end.min(last);
            let part = &mut bytes[(at - offset) as usize..(stop - offset) as usize];
            self.read_words(context, source, first, last - first, (at - first) as usize, part)?;
            at = stop;
        }
        Ok(())
    }

    fn read_words(
        &mut self,
        context: &Context,
        source: &wgpu::Buffer,
        offset: u64,
        len: u64,
        skip: usize,
        bytes: &mut [u8],
    ) -> Result<()> {
        let buffer = self.room(context, len)?;
        let mut encoder = context.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(source, offset, &buffer, 0, len);
        let index = context.queue.submit([encoder.finish()]);
        match mapped(context, &buffer, len, index) {
            Ok(view) => bytes.copy_from_slice(&view[skip..skip + bytes.len()]),
            Err(error) => {
                // It may be left mapped, or about to be.
                self.buffer = None;
                return Err(error);
            }
        }
        buffer.unmap();
        Ok(())
    }

    fn room(&mut self, context: &Context, len: u64) -> Result<wgpu::Buffer> {
        if let Some(buffer) = self.buffer.as_ref().filter(|buffer| buffer.size() >= len) {
            return Ok(buffer.clone());
        }
        let buffer = staging_buffer(context, len.next_power_of_two().max(4096))?;
        self.buffer = Some(buffer.clone());
        Ok(buffer)
    }
}

/// A buffer that the host can map for reading.
pub(super) fn staging_buffer(context: &Context, size: u64) -> Result<wgpu::Buffer> {
    let made = context.scoped(|| {
        context.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("taut staging"),
            size,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    });
    made.map_err(|error| context.error(error))
}

/// Waits for a submission, and maps the buffer that it copied to.
pub(super) fn mapped(
    context: &Context,
    buffer: &wgpu::Buffer,
    len: u64,
    index: wgpu::SubmissionIndex,
) -> Result<wgpu::BufferView> {
    let (sender, receiver) = mpsc::channel();
    buffer.map_async(wgpu::MapMode::Read, 0..len, move |result| {
        // The receiver is gone only if the wait failed, and then nobody asks.
        let _ = sender.send(result);
    });
    loop {
        context.wait_for(&index)?;
        // Whoever waits at the same time may be the one to call back, and may not have done so yet.
        match receiver.recv_timeout(Duration::from_millis(10)) {
            Ok(Ok(())) => return buffer.get_mapped_range(0..len).map_err(|e| context.error(e)),
            Ok(Err(error)) => return Err(context.error(error)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(context.error("a read was given up"));
            }
        }
    }
}

/// Copies `bytes` to `offset`; `end_of_data` is where what a program may see of the buffer ends.
pub(super) fn write(
    context: &Context,
    staging: &mut Staging,
    buffer: &wgpu::Buffer,
    end_of_data: u64,
    offset: u64,
    bytes: &[u8],
) -> Result<()> {
    let end = offset + bytes.len() as u64;
    let (first, last) = (offset / 4 * 4, end.next_multiple_of(4));
    let (head, tail) = ((offset - first) as usize, (last - end) as usize);
    if head == 0 && tail == 0 {
        return write_words(context, buffer, offset, bytes);
    }
    let mut words = vec![0; (last - first) as usize];
    let len = words.len();
    if head != 0 {
        staging.read(context, buffer, first, &mut words[..4])?;
    }
    if tail != 0 && end < end_of_data {
        staging.read(context, buffer, last - 4, &mut words[len - 4..])?;
    }
    words[head..len - tail].copy_from_slice(bytes);
    write_words(context, buffer, first, &words)
}

fn write_words(context: &Context, buffer: &wgpu::Buffer, offset: u64, words: &[u8]) -> Result<()> {
    for (chunk, at) in words.chunks(CHUNK as usize).zip((offset..).step_by(CHUNK as usize)) {
        context.queue.write_buffer(buffer, at, chunk);
        if words.len() as u64 > CHUNK {
            // Starts the copy, and waits for it: else every chunk's staging memory lives at once.
            context.queue.submit([]);
            context.wait()?;
        }
    }
    context.check()
}
