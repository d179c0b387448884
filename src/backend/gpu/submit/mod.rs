//! From launches to one submission.
//!
//! All launches of a call are dispatches of one compute pass: wgpu puts the barriers that their buffers
//! need between them. Their parameters are written at once, to one uniform buffer that each dispatch
//! sees at an offset of its own; the queue keeps its order, so the next call may overwrite it.

mod dense;
mod fold;
mod planner;
mod product;
mod scatter;
mod sort;
mod whole;

use std::sync::Arc;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use self::fold::Scratch;
use self::planner::Planner;
pub(super) use self::whole::longest_line;
use super::checks::Checks;
use super::codegen::{TILE, Variant, WORKGROUP, scalar_count};
use super::context::Context;
use super::memory::{GpuMemory, Piece, Pool, Slab};
use super::params;
use super::pipeline::{Access, Pipeline, Pipelines};
use super::window::{self, Part, Reach, Sight, Window};
use crate::backend::{Buffer, Launch};
use crate::error::Result;
use crate::kernel::{Class, Code, Kernel, Whole};

/// Bind groups kept before all are dropped.
const KEPT_GROUPS: usize = 4096;

type GroupKey = (Access, SmallVec<[(u64, Part); 8]>);

/// One dispatch.
struct Dispatch {
    pipeline: Arc<Pipeline>,
    check: bool,
    group: Group,
    /// Of its parameters, in bytes.
    offset: u32,
    grid: [u32; 2],
}

/// The buffers of a dispatch.
#[derive(Clone, Debug)]
struct Group {
    bound: wgpu::BindGroup,
    gathered: SmallVec<[Gathered; 1]>,
}

/// What a dispatch sees of a slab, brought together: Note [Pieces] and Note [Far parts].
#[derive(Clone, Debug)]
struct Gathered {
    /// Each with whether it is taken back.
    pieces: Pieces,
    whole: wgpu::Buffer,
}

type Pieces = SmallVec<[(Piece<wgpu::Buffer>, bool); 2]>;

/// What the dispatches of a call share.
#[derive(Debug)]
pub(super) struct Submitter {
    params: wgpu::Buffer,
    plain: wgpu::BindGroup,
    checked: wgpu::BindGroup,
    /// A group that names a destroyed buffer is never asked for again: the names are not reused.
    groups: FxHashMap<GroupKey, wgpu::BindGroup>,
    pool: Arc<Pool>,
    /// By binding, memory that brings pieces together. Dispatches run one after the other, so those of a
    /// call may share it; none is given back before all are submitted.
    together: Vec<Buffer>,
    outgrown: Vec<Buffer>,
}

impl Submitter {
    pub(super) fn new(
        context: &Context,
        pipelines: &Pipelines,
        checks: &Checks,
        pool: &Arc<Pool>,
    ) -> Self {
        let params = params_buffer(context, 1 << 16);
        let (plain, checked) = param_groups(context, pipelines, checks, &params);
        Self {
            params,
            plain,
            checked,
            groups: FxHashMap::default(),
            pool: Arc::clone(pool),
            together: Vec::new(),
            outgrown: Vec::new(),
        }
    }

    /// Queues the launches, whose checks must fit the status words that are left.
    pub(super) fn run(
        &mut self,
        context: &Context,
        pipelines: &mut Pipelines,
        checks: &mut Checks,
        pool: &Arc<Pool>,
        reach: Reach,
        launches: &[Launch],
    ) -> Result<()> {
        if self.groups.len() > KEPT_GROUPS {
            self.groups.clear();
        }
        let mut words = Vec::new();
        let mut dispatches = Vec::new();
        // Alive until all is submitted: the pool may destroy what is given back.
        let mut scratch = Scratch::new(pool);
        let mut planner = Planner {
            submitter: self,
            context,
            pipelines,
            checks,
            scratch: &mut scratch,
            reach,
            words: &mut words,
            dispatches: &mut dispatches,
        };
        let planned = launches.iter().try_for_each(|launch| {
            let code = &launch.kernel.code;
            match (code.whole, &code.reduce) {
                (Some(Whole::Sort { descending, .. }), _) => planner.plan_sort(launch, descending),
                (Some(Whole::Scatter { fold }), _) => planner.plan_scatter(launch, fold.is_some()),
                (Some(Whole::Product), _) => planner.plan_product(launch),
                (None, Some(reduce)) => planner.plan_fold(launch, reduce),
                (None, None) => planner.plan_points(launch),
            }
        });
        if planned.is_err() {
            // What was planned does not run, and is no other call's to compile.
            pipelines.forget_missing();
            return planned;
        }
        pipelines.compile(context)?;
        let bytes = 4 * words.len() as u64;
        if bytes + params::SEEN > self.params.size() {
            self.params = params_buffer(context, bytes);
            (self.plain, self.checked) = param_groups(context, pipelines, checks, &self.params);
        }
        context.queue.write_buffer(&self.params, 0, bytemuck::cast_slice(&words));

        let mut encoder = context.device.create_command_encoder(&Default::default());
        let mut running: Option<wgpu::ComputePass<'static>> = None;
        for dispatch in &dispatches {
            let gathered = &dispatch.group.gathered;
            if !gathered.is_empty() {
                drop(running.take());
                gathered.iter().for_each(|gathered| gathered.bring(&mut encoder));
            }
            let pass = running.get_or_insert_with(|| {
                encoder.begin_compute_pass(&Default::default()).forget_lifetime()
            });
            let pipeline = &dispatch.pipeline;
            let params = if pipeline.checked { &self.checked } else { &self.plain };
            pass.set_pipeline(pipeline.entry(dispatch.check));
            pass.set_bind_group(0, &dispatch.group.bound, &[]);
            pass.set_bind_group(1, params, &[dispatch.offset]);
            pass.dispatch_workgroups(dispatch.grid[0], dispatch.grid[1], 1);
            if gathered.iter().any(Gathered::is_stored) {
                drop(running.take());
                gathered.iter().for_each(|gathered| gathered.take_back(&mut encoder));
            }
        }
        drop(running);
        context.queue.submit([encoder.finish()]);
        self.together.clear();
        self.outgrown.clear();
        context.check()
    }

    /// The group of a pipeline's buffers; it may have fewer than there are.
    fn group<'s>(
        &mut self,
        context: &Context,
        pipeline: &Pipeline,
        bindings: impl Iterator<Item = (&'s Slab, Sight)> + Clone,
    ) -> Result<Group> {
        let no_piece = || context.error("a binding reaches beyond its buffer");
        let mut gathered = SmallVec::new();
        let mut wholes: SmallVec<[Option<Buffer>; 8]> = SmallVec::new();
        for ((slab, sight), &stored) in bindings.clone().zip(&pipeline.access) {
            if let Sight::Near(part) = sight
                && slab.piece(part.start, part.len).is_some()
            {
                wholes.push(None);
                continue;
            }
            let whole = self.whole(context, wholes.len(), sight.len())?;
            let piece = whole.memory::<GpuMemory>().slab().piece(0, sight.len());
            let piece = piece.ok_or_else(no_piece)?.held();
            let pieces = pieces(slab, &sight, stored);
            gathered.push(Gathered { pieces, whole: piece.buffer });
            wholes.push(Some(whole));
        }
        // Borrowed: a group that is there already needs no handle to its buffers.
        let seen = bindings.zip(&wholes).map(|((slab, sight), whole)| {
            let (slab, part) = match (whole, sight) {
                (None, Sight::Near(part)) => (slab, part),
                (Some(whole), sight) => {
                    (whole.memory::<GpuMemory>().slab(), Part { start: 0, len: sight.len() })
                }
                (None, Sight::Far(_)) => unreachable!("far parts are brought together"),
            };
            let piece = slab.piece(part.start, part.len).ok_or_else(no_piece)?;
            Ok((slab.id, part, piece))
        });
        let seen: SmallVec<[(u64, Part, Piece<&wgpu::Buffer>); 8]> = seen.collect::<Result<_>>()?;
        let key =
            (pipeline.access.clone(), seen.iter().map(|(id, part, _)| (*id, *part)).collect());
        let make = || {
            let entries: SmallVec<[wgpu::BindGroupEntry<'_>; 8]> = seen
                .iter()
                .zip(0..)
                .map(|((_, _, piece), binding)| wgpu::BindGroupEntry {
                    binding,
                    resource: binding_of(piece.buffer, piece.offset, piece.len),
                })
                .collect();
            context.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout: &pipeline.layout,
                entries: &entries,
            })
        };
        let bound = self.groups.entry(key).or_insert_with(make).clone();
        Ok(Group { bound, gathered })
    }

    /// Memory in one piece for what a binding sees.
    fn whole(&mut self, context: &Context, binding: usize, bytes: u64) -> Result<Buffer> {
        while self.together.len() <= binding {
            let least = self.pool.allocate_whole(context, 1)?;
            self.together.push(least);
        }
        if (self.together[binding].bytes() as u64) < bytes {
            let larger = self.pool.allocate_whole(context, bytes as usize)?;
            self.outgrown.push(std::mem::replace(&mut self.together[binding], larger));
        }
        Ok(self.together[binding].clone())
    }
}

/// What a slab has of a sight, in order; `stored` is whether the binding is stored to.
fn pieces(slab: &Slab, sight: &Sight, stored: bool) -> Pieces {
    match sight {
        Sight::Near(part) => {
            slab.pieces(part.start, part.len).map(|piece| (piece.held(), stored)).collect()
        }
        Sight::Far(parts) => {
            let mut pieces = Pieces::new();
            let mut before = 0;
            for &(part, stored) in parts {
                let own = slab.pieces(part.start, part.len);
                pieces.extend(
                    own.map(|piece| {
                        (Piece { start: before + piece.start, ..piece.held() }, stored)
                    }),
                );
                before += part.len;
            }
            pieces
        }
    }
}

impl Gathered {
    fn is_stored(&self) -> bool {
        self.pieces.iter().any(|(_, stored)| *stored)
    }

    fn bring(&self, encoder: &mut wgpu::CommandEncoder) {
        for (Piece { buffer, offset, start, len }, _) in &self.pieces {
            encoder.copy_buffer_to_buffer(buffer, *offset, &self.whole, *start, *len);
        }
    }

    fn take_back(&self, encoder: &mut wgpu::CommandEncoder) {
        let stored = self.pieces.iter().filter(|(_, stored)| *stored);
        for (Piece { buffer, offset, start, len }, _) in stored {
            encoder.copy_buffer_to_buffer(&self.whole, *start, buffer, *offset, *len);
        }
    }
}

/// The memory of a launch's buffers, which all operands stay within.
fn slabs<'l>(context: &Context, launch: &'l Launch) -> Result<SmallVec<[&'l Slab; 8]>> {
    let buffers = launch.buffers.iter();
    let bytes: SmallVec<[u64; 8]> = buffers.clone().map(|b| b.bytes() as u64).collect();
    if !window::in_range(&launch.kernel, &bytes) {
        return Err(context.error("a kernel reaches beyond its buffers"));
    }
    let slabs: SmallVec<[&Slab; 8]> =
        buffers.map(|buffer| buffer.memory::<GpuMemory>().slab()).collect();
    debug_assert!(
        slabs.iter().enumerate().all(|(i, a)| {
            let is_written = |buffer| launch.kernel.code.is_written(buffer);
            let again = slabs[..i].iter().position(|b| a.id == b.id);
            again.is_none_or(|first| !is_written(first) && !is_written(i))
        }),
        "a buffer is there twice, and one binding is stored to: {launch:?}"
    );
    Ok(slabs)
}

/// Aligns the parameters for those of another dispatch; where they begin, in bytes.
fn params_begin(context: &Context, words: &mut Vec<u32>) -> u32 {
    let align = context.limits.min_uniform_buffer_offset_alignment as usize / 4;
    words.resize(words.len().next_multiple_of(align.max(4)), 0);
    4 * words.len() as u32
}

fn workgroups(code: &Code, shape: &[usize], variant: Variant) -> u64 {
    let product = |sizes: &[usize]| sizes.iter().map(|&size| size as u64).product::<u64>();
    match *shape {
        [ref outer @ .., rows, columns] if variant.tiled => {
            product(outer) * (rows as u64).div_ceil(TILE) * (columns as u64).div_ceil(TILE)
        }
        _ => product(shape).div_ceil(WORKGROUP * variant.run(code)),
    }
}

/// Workgroups in two dimensions: one alone would end at 65,535.
fn grid(context: &Context, groups: u64) -> [u32; 2] {
    let most = u64::from(context.limits.max_compute_workgroups_per_dimension);
    let rows = groups.div_ceil(most);
    [groups.div_ceil(rows) as u32, rows as u32]
}

fn append_params(
    words: &mut Vec<u32>,
    kernel: &Kernel,
    window: &Window,
    pipeline: &Pipeline,
    row: u32,
    slot: Option<u32>,
) {
    let layout = &pipeline.params;
    let scalars = scalar_count(&kernel.code);
    let start = words.len();
    words.resize(start + layout.len(scalars), 0);
    let own = &mut words[start..];
    let base = kernel.args.base.wrapping_add(window.start(&kernel.args.shape));
    own[params::POINTS] = window.len() as u32;
    own[params::ROW] = row;
    params::put_pair(own, params::BASE, base);
    own[params::SLOT] = slot.unwrap_or_default();
    for (dim, &size) in window.shape.iter().enumerate() {
        own[layout.size(dim)] = size as u32;
    }
    for (i, operand) in kernel.code.operands.iter().enumerate() {
        own[layout.offset(i)] = window.local_offset(kernel, i) as u32;
        let computed = kernel.code.is_computed(i);
        if computed {
            let part = &window.sights[usize::from(operand.buffer)];
            own[layout.elements(i)] = (part.len() / operand.dtype.size() as u64) as u32;
            own[layout.offset_high(i)] = (window.local_offset(kernel, i) as u64 >> 32) as u32;
        }
        if operand.class == Class::Strided {
            for (dim, &stride) in kernel.args.operands[i].strides.iter().enumerate() {
                // The stride of a dimension of size 1 may be anything and is never taken.
                let taken = if window.shape[dim] > 1 { stride } else { 0 };
                own[layout.stride(i, dim)] = taken as u32;
                if computed {
                    own[layout.stride_high(i, dim)] = (taken as u64 >> 32) as u32;
                }
            }
        }
    }
    for (k, &scalar) in kernel.args.scalars.iter().take(scalars).enumerate() {
        params::put_pair(own, layout.scalar(k), scalar);
    }
}

fn params_buffer(context: &Context, bytes: u64) -> wgpu::Buffer {
    context.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("taut parameters"),
        size: (bytes + params::SEEN).next_power_of_two(),
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

fn param_groups(
    context: &Context,
    pipelines: &Pipelines,
    checks: &Checks,
    params: &wgpu::Buffer,
) -> (wgpu::BindGroup, wgpu::BindGroup) {
    let seen = wgpu::BindGroupEntry { binding: 0, resource: binding_of(params, 0, params::SEEN) };
    let status = wgpu::BindGroupEntry { binding: 1, resource: checks.words.as_entire_binding() };
    let group = |layout, entries: &[wgpu::BindGroupEntry<'_>]| {
        context.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout,
            entries,
        })
    };
    let plain = group(&pipelines.groups.plain, std::slice::from_ref(&seen));
    (plain, group(&pipelines.groups.checked, &[seen, status]))
}

fn binding_of(buffer: &wgpu::Buffer, offset: u64, len: u64) -> wgpu::BindingResource<'_> {
    wgpu::BindingResource::Buffer(wgpu::BufferBinding {
        buffer,
        offset,
        size: wgpu::BufferSize::new(len),
    })
}
