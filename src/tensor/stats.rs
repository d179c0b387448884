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
}
