//! What a device has done, for tests and for the curious.

use crate::device::Device;
use crate::error::Result;
use crate::graph::{Stats, runtime};

impl Device {
    /// Counts of what the device has done since it was opened, and what it holds.
    ///
    /// # Errors
    /// `Device` when it does not exist or cannot be opened.
    ///
    /// # Example
    /// ```
    /// use taut::Device;
    /// let kernels = Device::Cpu.stats()?.kernels;
    /// (taut::ones([4], ())? + 1).mul(2)?.to_vec::<f32>()?;
    /// assert_eq!(Device::Cpu.stats()?.kernels, kernels + 1);
    /// # Ok::<(), taut::Error>(())
    /// ```
    pub fn stats(self) -> Result<Stats> {
        Ok(runtime(self)?.stats())
    }

    /// The WGSL text of every shader that the device has compiled, sorted, each once; none of the CPU.
    ///
    /// # Errors
    /// `Device` when it does not exist or cannot be opened.
    ///
    /// # Example
    /// ```
    /// use taut::Device;
    /// for info in Device::all() {
    ///     (taut::ones([4], info.device)? + 1).mul(2)?.to_vec::<f32>()?;
    ///     assert_eq!(info.device.shaders()?.is_empty(), info.device == Device::Cpu);
    /// }
    /// # Ok::<(), taut::Error>(())
    /// ```
    pub fn shaders(self) -> Result<Vec<String>> {
        let mut texts = runtime(self)?.shaders();
        texts.sort_unstable();
        texts.dedup();
        Ok(texts)
    }
}
