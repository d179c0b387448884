//! Compiled kernels.
//!
//! Owns the cache from a kernel's structure to its pipelines. Sizes, strides and numbers are no part of
//! the key, so a new shape never compiles anything. What a submission lacks is compiled together, on as
//! many threads as there are cores.
//!
//! # Note [Unchecked shaders]
//! Shaders compile without wgpu's bounds checks and loop counters. Every index a shader forms is that
//! of an operand's element at a point of the iteration space, or of the run around it: `submit` refuses
//! a launch whose operands leave their buffers ([`in_range`]), points beyond the end are clamped to the
//! last one, what is read at a computed place is clamped to the part of the buffer that is bound, and runs
//! stay within a buffer because they and buffers are aligned ([`GRANULE`]). Tiles of operands are loaded at rows, columns
//! and outer indices clamped to the last ones, to places that are as many as their workgroup memory has. Folds index their
//! workgroup's
//! memory by the invocation and what is added to it within
//! their lanes, and their scratch memory as `submit` laid it out. Products clamp the lines that they load
//! to the last one of their matrix, load nothing from the end of `k` on and store no result that is not
//! there; they index workgroup memory by the cells of a tile, which are as many as it has, and scratch
//! memory as `submit` laid it out. Sorts index both by entries of a line and cells of a tile, whose number
//! they compare with before; a merge stays within its two runs, whatever is in them. Scatters store to
//! elements that they have compared with those of the part of the target that is bound, and read sources at
//! the numbers of points that their own sort has moved. All loops have constant trip counts, or end where a
//! fold's elements or those of `k` do, or halve what is left, or are as long as a tile, or end where entries
//! do. Integer division keeps its checks.
//!
//! [`in_range`]: super::window::in_range
//! [`GRANULE`]: super::memory::GRANULE
#![allow(unsafe_code, reason = "wgpu marks shaders without runtime checks unsafe")]

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::cache::Cache;
use super::codegen::{self, Dialect, Text};
use super::context::{Context, lock};
use super::params::{self, ParamLayout};
use super::threads::side_by_side;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::kernel::{Code, Fold, Whole};
use crate::math::emit::Subnormals;

/// What a kernel's structure became.
#[derive(Debug)]
pub(super) struct Pipeline {
    text: Text,
    /// There once it is dispatched.
    compiled: OnceLock<Compiled>,
    /// Whether it sees the status words.
    pub(super) checked: bool,
    pub(super) params: ParamLayout,
    /// Of group 0, and its name in keys: one bit a buffer, set where it is stored to; scratch buffers of
    /// a fold are the last ones.
    pub(super) layout: wgpu::BindGroupLayout,
    pub(super) access: Access,
}

#[derive(Debug)]
struct Compiled {
    main: wgpu::ComputePipeline,
    check: Option<wgpu::ComputePipeline>,
}

impl Pipeline {
    /// What a dispatch runs: the kernel, or its check, if it has one.
    pub(super) fn entry(&self, check: bool) -> &wgpu::ComputePipeline {
        match self.compiled.get() {
            Some(Compiled { check: Some(entry), .. }) if check => entry,
            Some(compiled) => &compiled.main,
            None => unreachable!("what is dispatched was compiled before"),
        }
    }
}

/// Which buffers a kernel stores to, and thereby its bind group layout.
pub(super) type Access = SmallVec<[bool; 8]>;

/// The layouts of group 1: the parameters; the parameters and the status words.
#[derive(Debug)]
pub(super) struct ParamGroups {
    pub(super) plain: wgpu::BindGroupLayout,
    pub(super) checked: wgpu::BindGroupLayout,
}

/// The cache.
#[derive(Debug)]
pub(super) struct Pipelines {
    dialect: Dialect,
    pub(super) groups: ParamGroups,
    layouts: FxHashMap<Access, wgpu::BindGroupLayout>,
    known: FxHashMap<Code, [Option<Arc<Pipeline>>; Text::COUNT]>,
    /// What is known and not yet compiled.
    missing: Vec<(Code, Arc<Pipeline>)>,
    cache: Option<Cache>,
    /// Pipelines compiled.
    pub(super) count: u64,
}

impl Pipelines {
    pub(super) fn new(context: &Context, subnormals: Subnormals, cache: Option<Cache>) -> Self {
        let params = wgpu::BindGroupLayoutEntry {
            binding: 0,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Uniform,
                has_dynamic_offset: true,
                min_binding_size: None,
            },
            count: None,
        };
        let layout = |entries: &[wgpu::BindGroupLayoutEntry]| {
            context
                .device
                .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries })
        };
        let groups =
            ParamGroups { plain: layout(&[params]), checked: layout(&[params, storage(1, true)]) };
        let has_int64 = context.supports(DType::I64);
        Self {
            dialect: Dialect { subnormals, has_int64 },
            groups,
            layouts: FxHashMap::default(),
            known: FxHashMap::default(),
            missing: Vec::new(),
            cache,
            count: 0,
        }
    }

    /// The pipeline of a structure; it may still have to be compiled, by [`compile`](Self::compile).
    ///
    /// # Errors
    /// `Dtype`, where the device lacks a type; `Device`, where it has too few buffers.
    pub(super) fn get(
        &mut self,
        context: &Context,
        code: &Code,
        text: Text,
    ) -> Result<Arc<Pipeline>> {
        let found = self.known.get(code).and_then(|made| made[text.index()].as_ref());
        if let Some(pipeline) = found {
            return Ok(Arc::clone(pipeline));
        }
        let pipeline = Arc::new(self.lay_out(context, code, text)?);
        self.missing.push((code.clone(), Arc::clone(&pipeline)));
        let made = self.known.entry(code.clone()).or_insert([const { None }; Text::COUNT]);
        made[text.index()] = Some(Arc::clone(&pipeline));
        Ok(pipeline)
    }

    /// Compiles what is missing.
    ///
    /// # Errors
    /// `Device`, where the device does not take a shader: the first of them, which are then forgotten.
    pub(super) fn compile(&mut self, context: &Context) -> Result<()> {
        if self.missing.is_empty() {
            return Ok(());
        }
        let missing = &self.missing;
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let (next, errors) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let (groups, dialect) = (&self.groups, self.dialect);
        let cache = self.cache.as_ref().map(|cache| &cache.handle);
        side_by_side(&mut vec![(); cores.min(missing.len())], |()| {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some((code, pipeline)) = missing.get(index) else { return Ok(()) };
                match compile(context, groups, code, pipeline, dialect, cache) {
                    // It is in this list alone.
                    Ok(compiled) => drop(pipeline.compiled.set(compiled)),
                    Err(error) => lock(&errors).push((index, error)),
                }
            }
        })?;
        let compiled = missing.iter().filter_map(|(_, pipeline)| pipeline.compiled.get());
        self.count += compiled.map(|made| 1 + u64::from(made.check.is_some())).sum::<u64>();
        if let Some(cache) = &mut self.cache {
            cache.keep(self.count);
        }
        self.forget_missing();
        let errors = errors.into_inner().unwrap_or_else(PoisonError::into_inner);
        errors.into_iter().min_by_key(|(index, _)| *index).map_or(Ok(()), |(_, error)| Err(error))
    }

    /// Forgets what is not compiled.
    pub(super) fn forget_missing(&mut self) {
        for (code, pipeline) in self.missing.drain(..) {
            if pipeline.compiled.get().is_none()
                && let Some(made) = self.known.get_mut(&code)
            {
                made[pipeline.text.index()] = None;
            }
        }
    }

    /// The text of every shader compiled: made anew, for it is a hundred times what it is made from.
    pub(super) fn texts(&self) -> impl Iterator<Item = String> {
        self.known.iter().flat_map(|(code, made)| {
            let made = made.iter().flatten();
            made.map(|pipeline| codegen::module(code, pipeline.text, self.dialect))
        })
    }

    /// All of a pipeline but what takes long.
    fn lay_out(&mut self, context: &Context, code: &Code, text: Text) -> Result<Pipeline> {
        let checked = text.is_checked(code);
        // Positions are stored as int64 without computing in it.
        let result = code.reduce.iter().filter(|reduce| matches!(reduce.fold, Fold::Op(_)));
        let result = result.filter_map(|r| code.operands.get(usize::from(r.operand)));
        let computes = match code.whole {
            Some(Whole::Product) => &code.operands[..],
            Some(Whole::Scatter { fold: Some(_) }) => &code.operands[1..],
            _ => &[],
        };
        let mut dtypes =
            code.nodes.iter().map(|n| n.dtype).chain(result.chain(computes).map(|o| o.dtype));
        if let Some(dtype) = dtypes.find(|&dtype| !context.supports(dtype)) {
            return Err(Error::dtype(format!(
                "{dtype} is not supported on {}; use .to(..) another dtype or .cpu()",
                context.label
            )));
        }
        let access: Access = (0..codegen::buffer_count(code))
            .map(|buffer| code.is_written(buffer))
            .chain(text.scratch())
            .collect();
        let available = context.limits.max_storage_buffers_per_shader_stage as usize;
        let needed = access.len() + usize::from(checked);
        if needed > available {
            return Err(context.error(format!("a kernel needs {needed} buffers of {available}")));
        }
        let params = ParamLayout::of(code);
        if 4 * params.len(codegen::scalar_count(code)) as u64 > params::SEEN {
            return Err(context.error("a kernel has too many parameters"));
        }
        let layout = self.layouts.entry(access.clone()).or_insert_with_key(|access| {
            let entries: Vec<_> =
                access.iter().zip(0..).map(|(&stored, binding)| storage(binding, stored)).collect();
            context.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: None,
                entries: &entries,
            })
        });
        let (layout, compiled) = (layout.clone(), OnceLock::new());
        Ok(Pipeline { text, compiled, checked, params, layout, access })
    }
}

fn compile(
    context: &Context,
    groups: &ParamGroups,
    code: &Code,
    pipeline: &Pipeline,
    dialect: Dialect,
    cache: Option<&wgpu::PipelineCache>,
) -> Result<Compiled> {
    let source = codegen::module(code, pipeline.text, dialect);
    let made = context.scoped(|| {
        let descriptor = wgpu::ShaderModuleDescriptor {
            label: None,
            source: wgpu::ShaderSource::Wgsl(Cow::Borrowed(&source)),
        };
        let checks = wgpu::ShaderRuntimeChecks {
            bounds_checks: false,
            force_loop_bounding: false,
            ..wgpu::ShaderRuntimeChecks::checked()
        };
        // SAFETY: Note [Unchecked shaders] says why no access is out of bounds and all loops end.
        let module = unsafe { context.device.create_shader_module_trusted(descriptor, checks) };
        let group = if pipeline.checked { &groups.checked } else { &groups.plain };
        let pipeline_layout =
            context.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: None,
                bind_group_layouts: &[Some(&pipeline.layout), Some(group)],
                immediate_size: 0,
            });
        let entry = |entry| {
            context.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: None,
                layout: Some(&pipeline_layout),
                module: &module,
                entry_point: Some(entry),
                compilation_options: wgpu::PipelineCompilationOptions {
                    zero_initialize_workgroup_memory: false,
                    ..Default::default()
                },
                cache,
            })
        };
        Compiled { main: entry("main"), check: code.check.map(|_| entry("check")) }
    });
    made.map_err(|error| {
        context.error(format!("a generated shader was refused: {error}\n{source}"))
    })
}

fn storage(binding: u32, stored: bool) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Storage { read_only: !stored },
            has_dynamic_offset: false,
            min_binding_size: None,
        },
        count: None,
    }
}
