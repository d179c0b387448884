//! Tensors whose memory is a file's.
#![allow(unsafe_code, reason = "maps a file into memory and makes a tensor of it")]

use std::ptr::NonNull;
use std::sync::PoisonError;

use memmap2::MmapOptions;

use super::file::{File, Place};
use crate::backend::cpu::CpuMemory;
use crate::device::Device;
use crate::error::Result;
use crate::graph::{Storage, View, runtime};
use crate::io::elements::malformed;
use crate::tensor::Tensor;

impl File {
    /// A CPU tensor whose memory is the file's: nothing is read before it is used, and nothing copied.
    ///
    /// The mapping is private: what is written to the tensor stays in memory and never reaches the file,
    /// nor another tensor mapped from it. It lives as long as a tensor does that shares it, also after
    /// the [`File`] is gone. A tensor that does not lie in the file at a multiple of its element's size
    /// is read instead; so is an empty one.
    ///
    /// # Safety
    /// While a tensor lives that shares the mapping, nobody may change or shorten the file: elements
    /// would change under an operation, or the system end the program. Replacing the file, as
    /// [`save`](super::save) does, leaves the mapping as it was and is fine.
    ///
    /// # Errors
    /// As [`tensor`](Self::tensor); `Io` when the file cannot be mapped.
    ///
    /// # Example
    /// ```
    /// use taut::io::safetensors::{self, File};
    /// # let path = std::env::temp_dir().join(format!("taut-map-{}.safetensors", std::process::id()));
    /// safetensors::save(&path, [("x", taut::ones([3], ())?)])?;
    /// let file = File::open(&path)?;
    /// // SAFETY: nobody else knows of the file.
    /// let x = unsafe { file.map("x") }?;
    /// x.add_(1)?;
    /// assert_eq!(x.to_vec::<f32>()?, [2.0; 3]);
    /// assert_eq!(file.tensor("x", ())?.to_vec::<f32>()?, [1.0; 3]);
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), taut::Error>(())
    /// ```
    pub unsafe fn map(&self, name: &str) -> Result<Tensor> {
        let Place { dtype, layout, bytes } = self.contents.place(name)?;
        let len = (bytes.end - bytes.start) as usize;
        if len == 0 || bytes.start % dtype.size() as u64 != 0 || cfg!(target_endian = "big") {
            return self.contents.tensor(name);
        }
        let source = self.contents.source.lock().unwrap_or_else(PoisonError::into_inner);
        if source.metadata()?.len() < bytes.end {
            return Err(malformed("the safetensors file was shortened since it was opened"));
        }
        // A mapping of its own for each tensor: two of one name do not share what is written.
        // SAFETY: the caller sees to it that the file stays as it is.
        let mut map =
            unsafe { MmapOptions::new().offset(bytes.start).len(len).map_copy(&*source)? };
        drop(source);
        let Some(pointer) = NonNull::new(map.as_mut_ptr()) else {
            unreachable!("a mapping is somewhere");
        };
        // SAFETY: the mapping is private and writable, stays where it is when `map` moves, and nobody
        // has another pointer to it. It starts at a page, so an element is aligned as in the file.
        let buffer = unsafe { CpuMemory::foreign(pointer, len, map) };
        let storage = Storage::with_buffer(runtime(Device::Cpu)?, dtype, layout.len(), buffer);
        Ok(Tensor::from_view(View { storage, layout }))
    }
}
