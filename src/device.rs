//! The devices of the machine.
//!
//! Owns [`Device`], their enumeration and the opening of their backends, once each. Knows the two
//! backends by name; nothing above it does.

use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::backend::Backend;
use crate::backend::cpu::CpuBackend;
use crate::backend::gpu::adapter::{self as gpu, AdapterInfo, AdapterKind};
use crate::dtype::DType;
use crate::error::{Error, Result};

/// Where a tensor lives.
///
/// # Example
/// ```
/// use taut::Device;
/// let device = Device::best();
/// let x = taut::ones([2], device)?;
/// assert_eq!(x.device(), device);
/// # Ok::<(), taut::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Device {
    /// The processor and its memory.
    #[default]
    Cpu,
    /// The GPU of this index; [`Device::gpu`] says whether it exists.
    Gpu(u32),
}

/// What is known of a device without opening it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceInfo {
    /// The handle to create tensors with.
    pub device: Device,
    /// The maker's name of it.
    pub name: String,
    /// `Vulkan`, `Metal`, `Dx12` or `CPU`.
    pub api: String,
    /// The driver and its version, where there is one.
    pub driver: String,
    /// What kind of device it is.
    pub kind: DeviceKind,
    /// Bytes of memory of its own, where the API tells.
    pub memory_bytes: Option<u64>,
    /// The largest single piece of memory that it gives, in bytes.
    pub max_buffer_bytes: u64,
    /// The dtypes that it has.
    pub dtypes: Vec<DType>,
}

/// The kinds of device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeviceKind {
    /// A GPU with memory of its own.
    Discrete,
    /// A GPU that shares the processor's memory.
    Integrated,
    /// A GPU that another system lends.
    Virtual,
    /// A GPU made of software, such as llvmpipe.
    Software,
    /// The processor.
    Cpu,
    /// A GPU that does not say.
    Other,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.pad("cpu"),
            Self::Gpu(index) => f.pad(&format!("gpu:{index}")),
        }
    }
}

impl Device {
    /// The GPU of this index, in the order of [`Device::all`].
    ///
    /// # Errors
    /// `Device` when the machine has no GPU of that index.
    pub fn gpu(index: usize) -> Result<Self> {
        let count = gpu::list().len();
        if index >= count {
            return Err(Error::device(format!(
                "gpu:{index} does not exist: this machine has {count} GPU adapters"
            )));
        }
        Ok(Self::Gpu(index as u32))
    }

    /// Every device of the machine: the CPU, then the GPUs.
    ///
    /// # Example
    /// ```
    /// assert_eq!(taut::Device::all()[0].device, taut::Device::Cpu);
    /// ```
    pub fn all() -> Vec<DeviceInfo> {
        let gpus = gpu::list().iter().enumerate();
        let gpus = gpus.map(|(index, adapter)| gpu_info(Self::Gpu(index as u32), adapter));
        std::iter::once(cpu_info()).chain(gpus).collect()
    }

    /// The device that a program should use when its user named none: a discrete GPU, else an
    /// integrated one, else the CPU.
    ///
    /// The environment variable `TAUT_DEVICE` (`cpu`, `gpu`, `gpu:1`) overrides the choice, and is the
    /// only way to a software adapter here. A name that fits no device leaves the CPU, with a line on
    /// standard error.
    pub fn best() -> Self {
        if let Ok(name) = std::env::var("TAUT_DEVICE") {
            return name.parse().unwrap_or_else(|error| {
                eprintln!("taut: TAUT_DEVICE={name}: {error}; using the CPU");
                Self::Cpu
            });
        }
        let infos = Self::all();
        let first = |kind| infos.iter().find(|info| info.kind == kind).map(|info| info.device);
        first(DeviceKind::Discrete)
            .or_else(|| first(DeviceKind::Integrated))
            .or_else(|| first(DeviceKind::Virtual))
            .unwrap_or(Self::Cpu)
    }

    /// What is known of the device.
    ///
    /// # Errors
    /// `Device` when it does not exist.
    pub fn info(self) -> Result<DeviceInfo> {
        match self {
            Self::Cpu => Ok(cpu_info()),
            Self::Gpu(index) => {
                Self::gpu(index as usize)?;
                Ok(gpu_info(self, &gpu::list()[index as usize]))
            }
        }
    }

    /// Whether tensors of this dtype can live on the device.
    pub fn supports(self, dtype: DType) -> bool {
        match self {
            Self::Cpu => true,
            // Asked for every result: the adapter's own list, not a description made anew.
            Self::Gpu(index) => {
                gpu::list().get(index as usize).is_some_and(|adapter| adapter.supports(dtype))
            }
        }
    }

    /// The backend, opened at first use.
    pub(crate) fn open(self) -> Result<&'static dyn Backend> {
        static CPU: OnceLock<CpuBackend> = OnceLock::new();
        static GPUS: Mutex<Vec<(Device, &'static dyn Backend)>> = Mutex::new(Vec::new());
        let Self::Gpu(index) = self else {
            return Ok(CPU.get_or_init(CpuBackend::new));
        };
        Self::gpu(index as usize)?;
        let mut opened = GPUS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, backend)) = opened.iter().find(|(device, _)| *device == self) {
            return Ok(*backend);
        }
        // A device lives as long as the process: tensors of any thread may still refer to it.
        let backend: &'static dyn Backend = Box::leak(Box::new(gpu::open(index as usize)?));
        opened.push((self, backend));
        Ok(backend)
    }
}

impl std::str::FromStr for Device {
    type Err = Error;

    /// Reads `cpu`, `gpu` or `gpu:1`.
    fn from_str(name: &str) -> Result<Self> {
        let name = name.trim();
        match name.strip_prefix("gpu") {
            None if name == "cpu" => Ok(Self::Cpu),
            Some("") => Self::gpu(0),
            Some(rest) => match rest.strip_prefix(':').map(str::parse) {
                Some(Ok(index)) => Self::gpu(index),
                _ => Err(Error::device(format!("expected cpu, gpu or gpu:N, but got '{name}'"))),
            },
            None => Err(Error::device(format!("expected cpu, gpu or gpu:N, but got '{name}'"))),
        }
    }
}

fn cpu_info() -> DeviceInfo {
    DeviceInfo {
        device: Device::Cpu,
        name: std::env::consts::ARCH.into(),
        api: "CPU".into(),
        driver: String::new(),
        kind: DeviceKind::Cpu,
        memory_bytes: None,
        max_buffer_bytes: isize::MAX as u64,
        dtypes: DType::ALL.into(),
    }
}

fn gpu_info(device: Device, adapter: &AdapterInfo) -> DeviceInfo {
    DeviceInfo {
        device,
        name: adapter.name.clone(),
        api: adapter.api.into(),
        driver: adapter.driver.clone(),
        kind: match adapter.kind {
            AdapterKind::Discrete => DeviceKind::Discrete,
            AdapterKind::Integrated => DeviceKind::Integrated,
            AdapterKind::Virtual => DeviceKind::Virtual,
            AdapterKind::Software => DeviceKind::Software,
            AdapterKind::Other => DeviceKind::Other,
        },
        memory_bytes: adapter.memory,
        max_buffer_bytes: adapter.max_buffer,
        dtypes: DType::ALL.into_iter().filter(|&dtype| adapter.supports(dtype)).collect(),
    }
}
