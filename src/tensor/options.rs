//! Where a new tensor lives and what it holds.

use crate::device::Device;
use crate::dtype::DType;

/// The dtype and the device of a new tensor.
///
/// Made from a [`Device`], a [`DType`], both as a tuple in either order, or `()`. What is not named is
/// the default of the function: float32, or the dtype of the data, and the CPU.
///
/// # Example
/// ```
/// use taut::{DType, Device};
/// assert_eq!(taut::ones([2], DType::I32)?.dtype(), DType::I32);
/// assert_eq!(taut::ones([2], (DType::F64, Device::Cpu))?.device(), Device::Cpu);
/// # Ok::<(), taut::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// The dtype, if it was named.
    pub dtype: Option<DType>,
    /// The device, if it was named.
    pub device: Option<Device>,
}

impl Options {
    pub(crate) fn device(self) -> Device {
        self.device.unwrap_or_default()
    }
}

impl From<()> for Options {
    fn from((): ()) -> Self {
        Self::default()
    }
}

impl From<Device> for Options {
    fn from(device: Device) -> Self {
        Self { dtype: None, device: Some(device) }
    }
}

impl From<DType> for Options {
    fn from(dtype: DType) -> Self {
        Self { dtype: Some(dtype), device: None }
    }
}

impl From<(DType, Device)> for Options {
    fn from((dtype, device): (DType, Device)) -> Self {
        Self { dtype: Some(dtype), device: Some(device) }
    }
}

impl From<(Device, DType)> for Options {
    fn from((device, dtype): (Device, DType)) -> Self {
        Self { dtype: Some(dtype), device: Some(device) }
    }
}
