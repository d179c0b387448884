//! One entry point: `shaders/pointwise.wgsl` around a kernel's expressions.
//!
//! Values that are the same at every point (scalars, uniform operands and what is computed from them)
//! are evaluated before the loop over the run, the others in it. Only what the entry point needs is
//! there: the check's condition, or the stored values.
//!
//! # Note [Computed places]
//! What is fetched, and what a scatter stores to, may be anywhere in a buffer of any size, of which a dispatch
//! sees a part. So such a place is a number of 64 bits, signed and counted from where the part begins, and the
//! part has it if it is below the part's elements, of which there are no more than 2^31. Where a dispatch sees
//! all of what is fetched from, 32 bits are enough.

mod random;
mod tiles;

use std::fmt::Write;
use std::ops::Range;

use super::buffers::Buffers;
use super::{RUN, Variant};
use smallvec::SmallVec;

use crate::backend::gpu::params::{self, FoldParam, ParamLayout, pair, word};
use crate::dtype::{DType, Lane};
use crate::kernel::{Class, Code, Expr, Node, Value};
use crate::math::emit;

/// What an entry point is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Evaluates and stores.
    Main,
    /// Sets the status word of the launch where the condition is true.
    Check,
    /// As main, but the loops are those of a fold: see `fold.rs`.
    Fold,
}

/// An entry point in the making.
pub(super) struct Entry<'a> {
    code: &'a Code,
    variant: Variant,
    buffers: &'a Buffers,
    layout: &'a ParamLayout,
    role: Role,
    /// By node: whether anything here needs it, and whether it is the same at every point.
    needed: Vec<bool>,
    uniform: Vec<bool>,
    /// Operands that are taken from workgroup memory.
    tiles: Vec<usize>,
    /// By node: whether what reads it needs it in its dtype; to be stored rounds a half anyway.
    narrowed: Vec<bool>,
    before: String,
    turn: String,
    point: String,
    turned: String,
    after: String,
}

impl<'a> Entry<'a> {
    pub(super) fn new(
        code: &'a Code,
        variant: Variant,
        buffers: &'a Buffers,
        layout: &'a ParamLayout,
        role: Role,
    ) -> Self {
        let mut needed = vec![false; code.nodes.len()];
        let stored = code.stores.iter().map(|store| store.value);
        let folded = code.reduce.iter().map(|reduce| reduce.value);
        let checked = code.check.iter().map(|check| check.value);
        let roots: SmallVec<[Value; 4]> = match role {
            Role::Main => stored.collect(),
            Role::Fold => stored.chain(folded).collect(),
            Role::Check => checked.collect(),
        };
        roots.iter().for_each(|&root| needed[usize::from(root)] = true);
        for i in (0..code.nodes.len()).rev() {
            if needed[i] {
                for argument in code.nodes[i].expr.arguments() {
                    needed[usize::from(argument)] = true;
                }
            }
        }
        let mut uniform = vec![false; code.nodes.len()];
        for (i, node) in code.nodes.iter().enumerate() {
            uniform[i] = match node.expr {
                Expr::Scalar(_) => true,
                Expr::Load(operand) => code.operands[usize::from(operand)].class == Class::Uniform,
                Expr::Index | Expr::Random { .. } | Expr::Fetch { .. } => false,
                ref expr => expr.arguments().iter().all(|&a| uniform[usize::from(a)]),
            };
        }
        let mut narrowed = vec![false; code.nodes.len()];
        let read = code.nodes.iter().flat_map(|node| node.expr.arguments());
        let folded = code.reduce.iter().map(|reduce| reduce.value);
        for value in read.chain(folded) {
            narrowed[usize::from(value)] = true;
        }
        for (narrowed, node) in narrowed.iter_mut().zip(&code.nodes) {
            *narrowed |= !node.dtype.is_half();
        }
        let (before, turn, point, turned, after) = Default::default();
        let mut entry = Self {
            code,
            variant,
            buffers,
            layout,
            role,
            needed,
            uniform,
            tiles: Vec::new(),
            narrowed,
            before,
            turn,
            point,
            turned,
            after,
        };
        entry.tiles = entry.held();
        entry
    }

    pub(super) fn text(mut self) -> String {
        self.coordinates_begin();
        self.random_begin();
        self.values();
        let checked = self.code.check.is_some();
        match self.role {
            Role::Main | Role::Fold => self.stores(),
            Role::Check => self.report(),
        }
        self.coordinates_advance();
        let gate = match self.role {
            Role::Main if checked => {
                format!("  if atomicLoad(&status[{}]) != 0u {{ return; }}\n", word(params::SLOT))
            }
            _ => String::new(),
        };
        let name = match self.role {
            Role::Main | Role::Fold => "main",
            Role::Check => "check",
        };
        let run = self.variant.run(self.code);
        if self.is_long() {
            let head = format!("  for (var turn = 0u; turn < {}u; turn++) {{\n", run / RUN);
            self.turn.insert_str(0, &head);
            self.turned.push_str("  }\n");
        }
        let template = include_str!("../../../../shaders/pointwise.wgsl");
        let start = template.find("@compute").unwrap_or_default();
        let group = format!("group.y * {} + group.x", word(params::ROW));
        let tile = if self.variant.tiled { self.tile_loads(&group) } else { String::new() };
        let text = self.tile_memory() + &template[start..];
        text.replace("$ENTRY", name)
            .replace("$RUN", &run.to_string())
            .replace("$GATE", &gate)
            .replace("$TILE", &tile)
            .replace("$FIRST", &self.first(&group))
            .replace("$BEFORE", &self.before)
            .replace("$POINT", &self.point)
            .replace("$AFTER", &self.after)
            .replace("$TURNED", &self.turned)
            .replace("$TURN", &self.turn)
            .replace("$AT", if self.is_long() { "turn * 4u + k" } else { "k" })
    }

    /// For a fold: the text before its loops, before the points of a run, and of a point. They see what
    /// `shaders/reduce_inner.wgsl` says, and coordinates.
    pub(super) fn pieces(mut self) -> [String; 3] {
        self.values();
        self.stores();
        [self.before, self.turn, self.point]
    }

    fn values(&mut self) {
        for (i, node) in self.code.nodes.iter().enumerate() {
            if self.needed[i] {
                let value = self.expression(i, node);
                let line = format!("let v{i} = {value};\n");
                if self.uniform[i] {
                    let _ = write!(self.before, "  {line}");
                } else {
                    let _ = write!(self.point, "    {line}");
                }
            }
        }
    }

    /// The linear index of the invocation's first point.
    fn first(&self, group: &str) -> String {
        if self.variant.tiled {
            let rank = self.layout.rank();
            let (rows, columns) = (self.layout.size(rank - 2), self.layout.size(rank - 1));
            format!("tile_first(tile, local, {}, {})", word(rows), word(columns))
        } else {
            format!("(({group}) * 256u + local) * {}u", self.variant.run(self.code))
        }
    }

    /// The operands that this entry point touches.
    fn touched(&self) -> impl Iterator<Item = usize> {
        let needed = self.code.nodes.iter().zip(&self.needed).filter(|(_, needed)| **needed);
        let loads = needed.filter_map(|(node, _)| match node.expr {
            Expr::Load(operand) | Expr::Fetch { operand, .. } => Some(usize::from(operand)),
            _ => None,
        });
        let main = self.role != Role::Check;
        let stores = self.code.stores.iter().filter(move |_| main);
        loads.chain(stores.map(|store| usize::from(store.operand)))
    }

    fn strided(&self) -> bool {
        let places = |&i: &usize| !self.tiles.contains(&i);
        self.touched().filter(places).any(|i| self.code.operands[i].class == Class::Strided)
    }

    /// Coordinates of the first point, where a strided operand needs them.
    fn coordinates_begin(&mut self) {
        if !self.strided() {
            return;
        }
        let rank = self.layout.rank();
        if rank > 1 {
            self.before.push_str("  var rest = first;\n");
        }
        for dim in (1..rank).rev() {
            let size = word(self.layout.size(dim));
            let _ = writeln!(self.before, "  var c{dim} = rest % {size};");
            let _ = writeln!(self.before, "  rest /= {size};");
        }
        let _ = writeln!(self.before, "  var c0 = {};", if rank > 1 { "rest" } else { "first" });
    }

    /// Steps to the next point, but not past the last one.
    fn coordinates_advance(&mut self) {
        if !self.strided() {
            return;
        }
        let rank = self.layout.rank();
        let indent = |dim: usize| "  ".repeat(rank - dim + 2);
        self.point.push_str("    if first + at < last {\n");
        for dim in (0..rank).rev() {
            let _ = writeln!(self.point, "{}c{dim} += 1u;", indent(dim));
            if dim > 0 {
                let size = word(self.layout.size(dim));
                let _ = writeln!(self.point, "{}if c{dim} == {size} {{", indent(dim));
                let _ = writeln!(self.point, "{}c{dim} = 0u;", indent(dim - 1));
            }
        }
        for dim in 1..rank {
            let _ = writeln!(self.point, "{}}}", indent(dim));
        }
        self.point.push_str("    }\n");
    }

    /// The text of a node's value. May add lines before the loop.
    fn expression(&mut self, i: usize, node: &Node) -> String {
        let name = |value: Value| format!("v{value}");
        let dtype_of = |value: Value| self.code.nodes[usize::from(value)].dtype;
        let call = |op, arguments: &[Value]| {
            let function = emit::wgsl(op, dtype_of(arguments[0]));
            let arguments: Vec<String> = arguments.iter().map(|&a| name(a)).collect();
            let call = format!("{}({})", function.name, arguments.join(", "));
            match node.dtype {
                _ if !self.narrowed[i] => call,
                DType::U8 | DType::I8 | DType::I16 | DType::F16 | DType::BF16 => {
                    format!("{}({call})", emit::narrow_name(node.dtype))
                }
                _ => call,
            }
        };
        match node.expr {
            Expr::Load(operand) => self.load(i, usize::from(operand)),
            Expr::Fetch { operand, at } => self.fetch(i, usize::from(operand), at),
            Expr::Scalar(k) => {
                let at = self.layout.scalar(usize::from(k));
                let stored = if node.dtype.size() == 8 { pair(at) } else { word(at) };
                format!("decode_{}({stored})", emit::short(node.dtype))
            }
            Expr::Index if node.dtype == DType::I64 && self.role == Role::Fold => {
                let base = pair(params::BASE);
                format!("bitcast<i64>(decode_u64(add_wide({base}, {})))", self.wide_index())
            }
            Expr::Index if node.dtype == DType::I64 => {
                format!("bitcast<i64>(decode_u64({}) + u64(linear))", pair(params::BASE))
            }
            Expr::Index => format!("bitcast<i32>({} + linear)", word(params::BASE)),
            Expr::Random { word, words, scalar } => self.random(i, word, words, scalar),
            Expr::Cast(a) => {
                let to = if self.narrowed[i] { node.dtype } else { DType::F32 };
                format!("{}({})", emit::cast_name(dtype_of(a).lane(), to), name(a))
            }
            Expr::Select([mask, a, b]) => {
                format!("select({}, {}, {} != 0i)", name(b), name(a), name(mask))
            }
            Expr::Unary(op, a) => call(op, &[a]),
            Expr::Binary(op, arguments) => call(op, &arguments),
            Expr::Ternary(op, arguments) => call(op, &arguments),
        }
    }

    /// The index of a point of a fold, whose dispatches see no window of consecutive points.
    fn wide_index(&self) -> String {
        let [length, breadth] =
            [FoldParam::Length, FoldParam::Breadth].map(|param| word(self.layout.fold(param)));
        format!("wide_index(lead, {length}, place, {breadth}, trail)")
    }

    fn load(&mut self, node: usize, i: usize) -> String {
        let operand = self.code.operands[i];
        let (bytes, buffer) = (operand.dtype.size(), operand.buffer);
        let stored = if self.buffers.wide[i] {
            let (offset, run) = (word(self.layout.offset(i)), self.run_name());
            let text = match self.role {
                Role::Main | Role::Check => &mut self.before,
                Role::Fold => &mut self.turn,
            };
            let _ = writeln!(
                text,
                "  let run{node} = load_run{bytes}{run}_{buffer}({offset} + first);"
            );
            if self.is_long() {
                let part = format!("part{bytes}{run}(run{node}, turn)");
                let _ = writeln!(self.turn, "  let part{node} = {part};");
                format!("get{bytes}(part{node}, k)")
            } else {
                format!("get{bytes}(run{node}, k)")
            }
        } else if self.tiles.contains(&i) {
            self.tile_element(i)
        } else {
            format!("load_element{bytes}_{buffer}({})", self.element(i))
        };
        format!("decode_{}({stored})", emit::short(operand.dtype))
    }

    /// The element beyond the operand's own, Note [Computed places].
    fn fetch(&mut self, node: usize, i: usize, at: Value) -> String {
        let operand = self.code.operands[i];
        let (bytes, buffer) = (operand.dtype.size(), operand.buffer);
        let lane = self.code.nodes[usize::from(at)].dtype.lane();
        let elements = word(self.layout.elements(i));
        let low = if self.variant.partial {
            let at = match lane {
                Lane::I64 => format!("encode_i64(v{at})"),
                _ => format!("sign_extend(v{at})"),
            };
            let own = wide_element(self.code, self.layout, i);
            let _ = writeln!(self.point, "    let place{node} = add_wide({own}, {at});");
            format!("place{node}.x")
        } else {
            let at = match lane {
                Lane::I64 => format!("{}(v{at})", emit::cast_name(lane, DType::I32)),
                _ => format!("v{at}"),
            };
            let own = self.element(i);
            let _ = writeln!(self.point, "    let place{node} = {own} + bitcast<u32>({at});");
            format!("place{node}")
        };
        let stored = format!("load_element{bytes}_{buffer}(min({low}, {elements} - 1u))");
        format!("decode_{}({stored})", emit::short(operand.dtype))
    }

    /// Whether a run goes in turns.
    fn is_long(&self) -> bool {
        self.variant.run(self.code) > RUN
    }

    /// What the names of functions of runs end with: `shaders/elements.wgsl`.
    fn run_name(&self) -> &'static str {
        match self.variant.run(self.code) {
            16 => "x16",
            8 => "x8",
            _ => "",
        }
    }

    /// Whether the point is this dispatch's to have an effect.
    fn once(&self) -> String {
        let mut text = String::from(if self.role == Role::Fold { "within" } else { "at < count" });
        if self.variant.partial {
            for (node, Node { expr, .. }) in self.code.nodes.iter().enumerate() {
                if let Expr::Fetch { operand, .. } = *expr
                    && self.needed[node]
                {
                    let elements = word(self.layout.elements(operand.into()));
                    let _ = write!(text, " && is_below(place{node}, {elements})");
                }
            }
        }
        text
    }

    /// The index of the operand's element at the point.
    pub(super) fn element(&self, i: usize) -> String {
        let mut text = word(self.layout.offset(i));
        match self.code.operands[i].class {
            Class::Uniform => {}
            Class::Contiguous => text.push_str(" + linear"),
            Class::Strided => {
                let stays = self.stays(i);
                for dim in (0..self.layout.rank()).filter(|dim| !stays.contains(dim)) {
                    let _ = write!(text, " + c{dim} * {}", word(self.layout.stride(i, dim)));
                }
            }
        }
        text
    }

    /// The dimensions along which an operand is known to stay where it is: a fold's result.
    fn stays(&self, operand: usize) -> Range<usize> {
        let fold = self.code.reduce.filter(|r| usize::from(r.operand) == operand && !r.scan);
        fold.map_or(0..0, |r| r.lead.into()..usize::from(r.lead + r.reduced))
    }

    fn stores(&mut self) {
        for (number, store) in self.code.stores.iter().enumerate() {
            let i = usize::from(store.operand);
            let operand = self.code.operands[i];
            let (bytes, buffer) = (operand.dtype.size(), operand.buffer);
            let value = format!("encode_{}(v{})", emit::short(operand.dtype), store.value);
            if self.buffers.wide[i] {
                let register = |points| match bytes as u64 * points {
                    4 => "u32",
                    8 => "vec2<u32>",
                    16 => "vec4<u32>",
                    _ => "Run8",
                };
                let (offset, run) = (word(self.layout.offset(i)), self.run_name());
                let whole = register(self.variant.run(self.code));
                let _ = writeln!(self.before, "  var out{number} = {whole}();");
                let mut own = format!("out{number}");
                if self.is_long() {
                    own = format!("own{number}");
                    let _ = writeln!(self.turn, "  var {own} = {}();", register(RUN));
                    let joined = format!("join{bytes}{run}(out{number}, turn, {own})");
                    let _ = writeln!(self.turned, "  out{number} = {joined};");
                }
                let _ = writeln!(self.point, "    {own} = set{bytes}({own}, k, {value});");
                let _ = writeln!(
                    self.after,
                    "  store_run{bytes}{run}_{buffer}({offset} + first, count, out{number});"
                );
            } else {
                let element = self.element(i);
                let once = self.once();
                let _ = writeln!(
                    self.point,
                    "    if {once} {{ store_element{bytes}_{buffer}({element}, {value}); }}"
                );
            }
        }
    }

    fn report(&mut self) {
        if let Some(check) = &self.code.check {
            let once = self.once();
            let _ = writeln!(
                self.point,
                "    if {once} && v{} != 0i {{ atomicStore(&status[{}], 1u); }}",
                check.value,
                word(params::SLOT)
            );
        }
    }
}

/// The index of the element of an operand at computed places, but for what is computed, as a number of 64 bits.
pub(super) fn wide_element(code: &Code, layout: &ParamLayout, i: usize) -> String {
    let wide = |low, high| format!("vec2<u32>({}, {})", word(low), word(high));
    let mut text = wide(layout.offset(i), layout.offset_high(i));
    match code.operands[i].class {
        Class::Uniform => {}
        Class::Contiguous => text = format!("add_wide({text}, vec2<u32>(linear, 0u))"),
        Class::Strided => {
            for dim in 0..layout.rank() {
                let stride = wide(layout.stride(i, dim), layout.stride_high(i, dim));
                text = format!("add_wide({text}, scale_wide({stride}, c{dim}))");
            }
        }
    }
    text
}
