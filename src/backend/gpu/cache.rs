//! Compiled pipelines, kept in a file for the next process.
//!
//! # Note [Pipeline cache]
//! A library that writes to a home folder unasked surprises people, and most drivers keep what they compiled by
//! themselves. So nothing is read or written unless `TAUT_CACHE` names a folder. There each kind of adapter has
//! a file, in a form of its driver's, with a check sum of ours around it: what is damaged, cut short or
//! someone else's counts as not there. The driver itself refuses what an earlier version of it made. A file
//! is replaced as a whole, so that processes may share it: the last one to write is the one that is read.
//! Only Vulkan has such caches.
#![allow(unsafe_code, reason = "wgpu cannot tell whether the data of a pipeline cache is its own")]

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::context::Context;

/// What a file begins with.
const MAGIC: &[u8; 16] = b"taut pipelines 1";

/// Magic, bytes of data, their check sum.
const HEADER: usize = MAGIC.len() + 16;

/// A longer file is begun anew: it never forgets a pipeline, and most of it is of no use any more.
const LONGEST: u64 = 256 << 20;

/// The pipelines of a device, see Note [Pipeline cache].
#[derive(Debug)]
pub(super) struct Cache {
    pub(super) handle: wgpu::PipelineCache,
    path: PathBuf,
    /// Pipelines that had been compiled when the file was last written.
    written: u64,
}

impl Cache {
    /// The cache of a device in a folder, if the device can have one.
    pub(super) fn open(
        context: &Context,
        folder: &Path,
        adapter: &wgpu::AdapterInfo,
    ) -> Option<Self> {
        if !context.device.features().contains(wgpu::Features::PIPELINE_CACHE) {
            return None;
        }
        let path = folder.join(wgpu::util::pipeline_cache_key(adapter)?);
        let fits = fs::metadata(&path).is_ok_and(|file| file.len() <= LONGEST);
        let file = if fits { fs::read(&path).unwrap_or_default() } else { Vec::new() };
        let descriptor = wgpu::PipelineCacheDescriptor {
            label: Some("taut"),
            data: unsealed(&file),
            fallback: true,
        };
        let made = context.scoped(|| {
            // SAFETY: the data is what `PipelineCache::get_data` gave to `keep`, as far as its check sum and the
            // name of its adapter can tell; whoever can forge these can write to the user's own folder.
            unsafe { context.device.create_pipeline_cache(&descriptor) }
        });
        Some(Self { handle: made.ok()?, path, written: 0 })
    }

    /// Writes the file, once enough more pipelines have been compiled: each time it is written as a whole.
    pub(super) fn keep(&mut self, compiled: u64) {
        let more = compiled - self.written;
        if more == 0 || more < self.written / 8 {
            return;
        }
        let first = self.written == 0;
        self.written = compiled;
        let Some(data) = self.handle.get_data() else { return };
        if let Err(error) = replace(&self.path, &sealed(&data))
            && first
        {
            let path = self.path.display();
            eprintln!("taut: TAUT_CACHE: {path}: {error}; what is compiled is not kept");
        }
    }
}

/// The data of a file, if it is as it was written.
fn unsealed(file: &[u8]) -> Option<&[u8]> {
    let (header, data) = file.split_at_checked(HEADER)?;
    (header == header_of(data)).then_some(data)
}

fn sealed(data: &[u8]) -> Vec<u8> {
    [&header_of(data)[..], data].concat()
}

fn header_of(data: &[u8]) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    let (magic, numbers) = header.split_at_mut(MAGIC.len());
    magic.copy_from_slice(MAGIC);
    numbers[..8].copy_from_slice(&(data.len() as u64).to_le_bytes());
    numbers[8..].copy_from_slice(&check_sum(data).to_le_bytes());
    header
}

/// FNV-1a.
fn check_sum(data: &[u8]) -> u64 {
    let step = |sum: u64, &byte: &u8| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    data.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// Puts a file in the place of another, or of none, at one stroke.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let aside = path.with_extension(format!("{}-{number}.tmp", std::process::id()));
    let write = || {
        let mut file = fs::File::options().write(true).create_new(true).open(&aside)?;
        file.write_all(bytes)?;
        drop(file);
        fs::rename(&aside, path)
    };
    let written = write();
    if written.is_err() {
        // It may not even be there.
        let _ = fs::remove_file(&aside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_that_differs_in_any_byte_or_length_is_no_cache() {
        let data: Vec<u8> = (0..100).collect();
        let file = sealed(&data);
        assert_eq!(unsealed(&file), Some(&data[..]));
        for at in 0..file.len() {
            for bit in 0..8 {
                let mut other = file.clone();
                other[at] ^= 1 << bit;
                assert_eq!(unsealed(&other), None, "bit {bit} of byte {at}");
            }
            assert_eq!(unsealed(&file[..at]), None, "cut at {at}");
        }
        assert_eq!(unsealed(&[&file[..], &[0]].concat()), None);
        assert_eq!(unsealed(&sealed(&[])), Some(&[][..]));
    }
}
