//! The adapters of the machine, and opening one.
//!
//! Owns the wgpu instance, made at the first question. GL is left out: it has no 64-bit integers.
#![allow(
    unsafe_code,
    reason = "wgpu does not tell the memory of a device, only Vulkan itself does"
)]

use std::sync::OnceLock;

use super::cache::Cache;
use super::context::{self, Context};
use super::{GpuBackend, GpuOptions, exit, probe};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::math::emit::Subnormals;

/// What sort of device an adapter is; in the order in which they are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum AdapterKind {
    Discrete,
    Integrated,
    Virtual,
    Other,
    /// A CPU that plays a GPU, as llvmpipe and WARP do.
    Software,
}

/// One adapter, as `Device::all()` shows it.
#[derive(Clone, Debug)]
pub(crate) struct AdapterInfo {
    pub(crate) name: String,
    /// `Vulkan`, `Metal` or `DX12`.
    pub(crate) api: &'static str,
    pub(crate) driver: String,
    pub(crate) kind: AdapterKind,
    /// Bytes of its own memory, where the API tells: under Vulkan.
    pub(crate) memory: Option<u64>,
    /// Bytes of the longest piece of memory.
    pub(crate) max_buffer: u64,
    features: wgpu::Features,
}

impl AdapterInfo {
    /// Whether the device computes in the dtype.
    pub(crate) fn supports(&self, dtype: DType) -> bool {
        context::supports(self.features, dtype)
    }
}

struct Adapters {
    handles: Vec<wgpu::Adapter>,
    infos: Vec<AdapterInfo>,
}

/// Every adapter: discrete first, software last; the index is that of `Device::gpu`.
///
/// The order is that of the first call for as long as the process lives.
pub(crate) fn list() -> &'static [AdapterInfo] {
    &adapters().infos
}

/// Opens an adapter as the environment wants it, for the subnormals that it turns out to have.
///
/// The end of the process waits for a software adapter, Note [Exit] in `exit.rs`.
///
/// # Errors
/// `Device`, where there is no such adapter or it refuses.
pub(crate) fn open(index: usize) -> Result<GpuBackend> {
    let options = GpuOptions::of_environment();
    let mut device = open_with(index, options.clone())?;
    // Asked in any case: the driver has compiled then, as Note [Exit] wants it.
    let found = probe::subnormals(&device)?;
    if options.subnormals == Subnormals::Kept && found == Subnormals::Flushed {
        device = open_with(index, GpuOptions { subnormals: Subnormals::Flushed, ..options })?;
    }
    if list().get(index).is_some_and(|info| info.kind == AdapterKind::Software) {
        exit::wait_at_exit(&device.context);
    }
    Ok(device)
}

/// As [`open`], with options.
pub(crate) fn open_with(index: usize, options: GpuOptions) -> Result<GpuBackend> {
    let Adapters { handles, infos } = adapters();
    let (Some(handle), Some(info)) = (handles.get(index), infos.get(index)) else {
        return Err(Error::device(match infos.len() {
            0 => "No GPU is available: no Vulkan, Metal or DX12 adapter was found; use Device::Cpu"
                .to_owned(),
            count => format!("gpu:{index} does not exist; this machine has {count} GPU adapters"),
        }));
    };
    let label = format!("gpu:{index} ({}, {})", info.api, info.name).into_boxed_str();
    let mut wanted = wgpu::Features::empty();
    wanted.set(wgpu::Features::SHADER_F64 | wgpu::Features::SHADER_INT64, options.wide);
    // One memory for both: what is a gain there is a loss where the host reads over a bus.
    let mapped = options.mapped.unwrap_or(info.kind == AdapterKind::Integrated);
    wanted.set(wgpu::Features::MAPPABLE_PRIMARY_BUFFERS, mapped);
    wanted.set(wgpu::Features::PIPELINE_CACHE, options.cache.is_some());
    let request = handle.request_device(&wgpu::DeviceDescriptor {
        label: Some("taut"),
        required_features: info.features & wanted,
        required_limits: handle.limits(),
        ..Default::default()
    });
    let (device, queue) = pollster::block_on(request)
        .map_err(|error| Error::device(format!("{label} could not be opened: {error}")))?;
    let context = Context::new(device, queue, label, options.chunk);
    let folder = options.cache.as_ref();
    let cache = folder.and_then(|folder| Cache::open(&context, folder, &handle.get_info()));
    GpuBackend::new(context, &options, info.memory, cache)
}

fn adapters() -> &'static Adapters {
    static ADAPTERS: OnceLock<Adapters> = OnceLock::new();
    ADAPTERS.get_or_init(|| {
        let backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        descriptor.backends = backends;
        // Validation layers are for wgpu's own developers, and slow.
        descriptor.flags = wgpu::InstanceFlags::empty();
        let instance = wgpu::Instance::new(descriptor);
        let found = pollster::block_on(instance.enumerate_adapters(backends));
        let mut handles: Vec<(wgpu::AdapterInfo, wgpu::Adapter)> =
            found.into_iter().map(|adapter| (adapter.get_info(), adapter)).collect();
        // Vulkan first among the APIs, so that it stays where one device is there twice: it alone has f64.
        handles
            .sort_by_key(|(info, _)| (kind(info), api_rank(info), info.device_pci_bus_id.clone()));
        let mut kept: Vec<(wgpu::AdapterInfo, wgpu::Adapter)> = Vec::new();
        for (info, adapter) in handles {
            if !kept.iter().any(|(other, _)| same_device(other, &info)) {
                kept.push((info, adapter));
            }
        }
        let infos = kept.iter().map(|(info, adapter)| describe(info, adapter)).collect();
        Adapters { handles: kept.into_iter().map(|(_, adapter)| adapter).collect(), infos }
    })
}

/// Whether two entries are one device under two APIs. Within one API each entry is a device of its own.
fn same_device(a: &wgpu::AdapterInfo, b: &wgpu::AdapterInfo) -> bool {
    if a.backend == b.backend {
        return false;
    }
    if !a.device_pci_bus_id.is_empty() && !b.device_pci_bus_id.is_empty() {
        return a.device_pci_bus_id == b.device_pci_bus_id;
    }
    (a.vendor, a.device) == (b.vendor, b.device)
}

fn describe(info: &wgpu::AdapterInfo, adapter: &wgpu::Adapter) -> AdapterInfo {
    let limits = adapter.limits();
    AdapterInfo {
        name: info.name.clone(),
        api: match info.backend {
            wgpu::Backend::Vulkan => "Vulkan",
            wgpu::Backend::Metal => "Metal",
            wgpu::Backend::Dx12 => "DX12",
            _ => "other",
        },
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
        kind: kind(info),
        memory: memory(adapter),
        max_buffer: limits.max_buffer_size,
        features: adapter.features(),
    }
}

/// Bytes of the device's own memory.
#[cfg(any(windows, target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn memory(adapter: &wgpu::Adapter) -> Option<u64> {
    // SAFETY: the guard lives to the end of the function, and nothing is destroyed through it.
    let vulkan = unsafe { adapter.as_hal::<wgpu::hal::api::Vulkan>() }?;
    let instance = vulkan.shared_instance().raw_instance();
    // SAFETY: the physical device is of this instance, and both are alive while the guard is.
    let memory =
        unsafe { instance.get_physical_device_memory_properties(vulkan.raw_physical_device()) };
    // Flag 1 is VK_MEMORY_HEAP_DEVICE_LOCAL_BIT.
    let heaps = memory.memory_heaps.iter().take(memory.memory_heap_count as usize);
    heaps.filter(|heap| heap.flags.as_raw() & 1 != 0).map(|heap| heap.size).max()
}

#[cfg(not(any(windows, target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn memory(_: &wgpu::Adapter) -> Option<u64> {
    None
}

fn kind(info: &wgpu::AdapterInfo) -> AdapterKind {
    match info.device_type {
        wgpu::DeviceType::DiscreteGpu => AdapterKind::Discrete,
        wgpu::DeviceType::IntegratedGpu => AdapterKind::Integrated,
        wgpu::DeviceType::VirtualGpu => AdapterKind::Virtual,
        wgpu::DeviceType::Cpu => AdapterKind::Software,
        wgpu::DeviceType::Other => AdapterKind::Other,
    }
}

fn api_rank(info: &wgpu::AdapterInfo) -> u8 {
    match info.backend {
        wgpu::Backend::Vulkan => 0,
        wgpu::Backend::Metal => 1,
        _ => 2,
    }
}
