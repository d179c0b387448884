//! Compiled kernels.
//!
//! Owns the cache from a kernel's structure to its pipelines. Sizes, strides and numbers are no part of
//! the key, so a new shape never compiles anything.
//!
//! # Note [Unchecked shaders]
//! Shaders compile without wgpu's bounds checks and loop counters. Every index a shader forms is that
//! of an operand's element at a point of the iteration space, or of the run around it: `submit` refuses
//! a launch whose operands leave their buffers ([`in_range`]), points beyond the end are clamped to the
//! last one, what is read at a computed place is clamped to the part of the buffer that is bound, and runs
//! stay within a buffer because they and buffers are aligned ([`GRANULE`]). Folds index their workgroup's
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
use std::sync::Arc;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::codegen::{self, Text};
use super::context::Context;
use super::params::{self, ParamLayout};
use crate::error::{Error, Result};
use crate::kernel::{Code, Fold, Whole};
use crate::math::emit::Subnormals;

/// What a kernel's structure became.
#[derive(Debug)]
pub(super) struct Pipeline {
    text: Text,
    pub(super) main: wgpu::ComputePipeline,
    pub(super) check: Option<wgpu::ComputePipeline>,
    /// Whether it sees the status words.
    pub(super) checked: bool,
    pub(super) params: ParamLayout,
    /// Of group 0, and its name in keys: one bit a buffer, set where it is stored to; scratch buffers of
    /// a fold are the last ones.
    pub(super) layout: wgpu::BindGroupLayout,
    pub(super) access: Access,
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
    subnormals: Subnormals,
    pub(super) groups: ParamGroups,
    layouts: FxHashMap<Access, wgpu::BindGroupLayout>,
    compiled: FxHashMap<Code, [Option<Arc<Pipeline>>; Text::COUNT]>,
    /// Pipelines compiled.
    pub(super) count: u64,
}

impl Pipelines {
    pub(super) fn new(context: &Context, subnormals: Subnormals) -> Self {
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
        Self {
            subnormals,
            groups,
            layouts: FxHashMap::default(),
            compiled: FxHashMap::default(),
            count: 0,
        }
    }

    /// The pipeline of a structure, compiled at its first use.
    ///
    /// # Errors
    /// `Dtype`, where the device lacks a type; `Device`, where it does not take the shader.
    pub(super) fn get(
        &mut self,
        context: &Context,
        code: &Code,
        text: Text,
    ) -> Result<Arc<Pipeline>> {
        let found = self.compiled.get(code).and_then(|made| made[text.index()].as_ref());
        if let Some(pipeline) = found {
            return Ok(Arc::clone(pipeline));
        }
        let pipeline = Arc::new(self.compile(context, code, text)?);
        let made = self.compiled.entry(code.clone()).or_insert([const { None }; Text::COUNT]);
        made[text.index()] = Some(Arc::clone(&pipeline));
        Ok(pipeline)
    }

    /// The text of every shader compiled: made anew, for it is a hundred times what it is made from.
    pub(super) fn texts(&self) -> impl Iterator<Item = String> {
        self.compiled.iter().flat_map(|(code, made)| {
            let made = made.iter().flatten();
            made.map(|pipeline| codegen::module(code, pipeline.text, self.subnormals))
        })
    }

    fn compile(&mut self, context: &Context, code: &Code, text: Text) -> Result<Pipeline> {
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
            .map(|buffer| {
                (0..code.operands.len()).any(|i| {
                    usize::from(code.operands[i].buffer) == buffer && codegen::is_stored(code, i)
                })
            })
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
        let layout = layout.clone();

        let source = codegen::module(code, text, self.subnormals);
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
            let group = if checked { &self.groups.checked } else { &self.groups.plain };
            let pipeline_layout =
                context.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                    label: None,
                    bind_group_layouts: &[Some(&layout), Some(group)],
                    immediate_size: 0,
                });
            let pipeline = |entry| {
                context.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                    label: None,
                    layout: Some(&pipeline_layout),
                    module: &module,
                    entry_point: Some(entry),
                    compilation_options: wgpu::PipelineCompilationOptions {
                        zero_initialize_workgroup_memory: false,
                        ..Default::default()
                    },
                    cache: None,
                })
            };
            (pipeline("main"), code.check.map(|_| pipeline("check")))
        });
        let (main, check) = made.map_err(|error| {
            context.error(format!("a generated shader was refused: {error}\n{source}"))
        })?;
        self.count += 1 + u64::from(check.is_some());
        Ok(Pipeline { text, main, check, checked, params, layout, access })
    }
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
