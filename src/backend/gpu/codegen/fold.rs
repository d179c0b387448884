//! Kernels that fold to WGSL: the templates of reductions and scans around a kernel's expressions.
//!
//! A fold's value while it is made is a `Folded`: the value in its lane, and what else it carries. The
//! text defines how two become one, by the row of the op table as everywhere, and their form in the
//! scratch memory through which one dispatch hands partial results to the next.

use std::fmt::Write;
use std::ops::Range;

use super::buffers::{Buffers, buffer_count};
use super::entry::{Entry, Role};
use super::{Dialect, Variant, contiguous, library, prune};
use crate::backend::gpu::params::{FoldParam, ParamLayout, ROW, pair, word};
use crate::dtype::{Category, DType, Lane};
use crate::kernel::{Class, Code, Fold, Reduce};
use crate::math::emit;
use crate::ops::Op;

/// Which part of a fold a text does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    /// From elements to results.
    Whole,
    /// From elements to partial results.
    Partial,
    /// The same without dimensions behind, where runs of four elements begin at multiples of four.
    WholeAligned,
    PartialAligned,
    /// From partial results to fewer.
    Pairs,
    /// From partial results to results.
    Last,
    /// Every prefix of a line.
    Scan,
    /// The same for a part of each line.
    ScanPart,
}

impl Stage {
    /// All there are.
    pub(crate) const COUNT: usize = 8;

    /// The scratch buffers bound after the kernel's own, and whether they are stored to.
    pub(crate) fn scratch(self) -> &'static [bool] {
        match self {
            Self::Whole | Self::WholeAligned | Self::Scan => &[],
            Self::Partial | Self::PartialAligned | Self::ScanPart => &[true],
            Self::Last => &[false],
            Self::Pairs => &[false, true],
        }
    }

    /// The stage that does the same where runs begin so, if there is one for this fold.
    pub(crate) fn aligned(self, code: &Code, reduce: &Reduce) -> Option<Self> {
        let inner = reduce.trail(code.rank) == 0 && contiguous(code).any(|i| !code.is_stored(i));
        match self {
            Self::Whole if inner => Some(Self::WholeAligned),
            Self::Partial if inner => Some(Self::PartialAligned),
            _ => None,
        }
    }

    fn variant(self) -> Variant {
        let loads_aligned = matches!(self, Self::WholeAligned | Self::PartialAligned);
        Variant { loads_aligned, ..UNALIGNED }
    }
}

/// Elements move one by one: neighbours of an invocation are not neighbours in memory.
pub(super) const UNALIGNED: Variant = Variant {
    loads_aligned: false,
    stores_aligned: false,
    long: false,
    tiled: false,
    partial: false,
};

/// Words of a partial result.
pub(crate) fn scratch_words(code: &Code, reduce: &Reduce) -> u64 {
    let value = match value_dtype(code, reduce).lane() {
        Lane::I32 | Lane::F32 => 1,
        Lane::I64 | Lane::F64 => 2,
    };
    value + u64::from(Carried::of(code, reduce) != Carried::Nothing)
}

fn value_dtype(code: &Code, reduce: &Reduce) -> DType {
    code.nodes[usize::from(reduce.value)].dtype
}

/// What goes along with a fold's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carried {
    Nothing,
    /// The position of the value.
    Place,
    /// The rounding errors of the sum.
    Error,
}

impl Carried {
    fn of(code: &Code, reduce: &Reduce) -> Self {
        let lane = value_dtype(code, reduce).lane();
        match reduce.fold {
            Fold::ArgMax | Fold::ArgMin => Self::Place,
            Fold::Op(Op::Add) if reduce.scan && lane == Lane::F32 => Self::Error,
            Fold::Op(_) => Self::Nothing,
        }
    }
}

/// The shader module of a stage.
pub(super) fn module(code: &Code, stage: Stage, dialect: Dialect) -> String {
    let Some(reduce) = &code.reduce else { unreachable!("a stage of a kernel that folds nothing") };
    let buffers = Buffers::of(code, stage.variant());
    let layout = ParamLayout::of(code);
    let text = Text { code, reduce, stage, buffers: &buffers, layout: &layout };
    let mut library = library(code, &layout, &buffers, dialect);
    for (number, &stored) in (buffer_count(code)..).zip(stage.scratch()) {
        let access = if stored { "read_write" } else { "read" };
        let template = include_str!("../../../../shaders/buffer_words.wgsl");
        library.push_str(&template.replace("$B", &number.to_string()).replace("$ACCESS", access));
    }
    library.push_str(&text.definitions());
    prune::prune(&library, &text.entry())
}

struct Text<'a> {
    code: &'a Code,
    reduce: &'a Reduce,
    stage: Stage,
    buffers: &'a Buffers,
    layout: &'a ParamLayout,
}

impl Text<'_> {
    fn entry(&self) -> String {
        let template = match self.stage {
            Stage::Pairs | Stage::Last => include_str!("../../../../shaders/reduce_pairs.wgsl"),
            Stage::Scan | Stage::ScanPart => include_str!("../../../../shaders/scan.wgsl"),
            _ if self.is_inner() => include_str!("../../../../shaders/reduce_inner.wgsl"),
            _ => include_str!("../../../../shaders/reduce_outer.wgsl"),
        };
        let start = template.find("var<").or_else(|| template.find("@compute"));
        let [before, turn, point] = self.pieces();
        let (begin, carry) = match self.stage {
            Stage::Partial | Stage::PartialAligned | Stage::ScanPart => (
                "if $CONTINUED != 0u { folded = load_folded($PLACE); }\n",
                "store_folded($PLACE, folded);\n",
            ),
            _ => ("", ""),
        };
        let mut text = template[start.unwrap_or_default()..].to_owned();
        let result = self.result();
        let snippets = [
            ("$BEFORE", before.as_str()),
            ("$TURN", &turn),
            ("$POINT", &point),
            ("$RESULT", &result),
            ("$BEGIN", begin),
            ("$CARRY", carry),
        ];
        for (name, snippet) in snippets {
            text = fill(&text, name, snippet);
        }
        text = text.replace("$PLACE", self.place()).replace("$ROW", &word(ROW));
        for (param, name) in FoldParam::ALL {
            text = text.replace(name, &word(self.layout.fold(param)));
        }
        text
    }

    /// Whether elements are folded four side by side.
    fn is_inner(&self) -> bool {
        let is_partial = matches!(self.stage, Stage::Partial | Stage::PartialAligned);
        let from_elements = is_partial || matches!(self.stage, Stage::Whole | Stage::WholeAligned);
        from_elements && self.reduce.trail(self.code.rank) == 0
    }

    /// Where a partial result goes.
    fn place(&self) -> &'static str {
        match self.stage {
            Stage::ScanPart => "kept",
            Stage::Partial | Stage::PartialAligned | Stage::Pairs => {
                "kept * $KEPT_STEP + (part + $PART_FIRST) * $PART_STEP"
            }
            Stage::Whole | Stage::WholeAligned | Stage::Last | Stage::Scan => "",
        }
    }

    /// What comes before the loops, before the points of a run, and at each point.
    fn pieces(&self) -> [String; 3] {
        if matches!(self.stage, Stage::Pairs | Stage::Last) {
            return Default::default();
        }
        let [lead, reduced, trail] = self.parts();
        let [values, turn, point] = self.points().pieces();
        let strided = |i: usize| self.code.operands[i].class == Class::Strided;
        let mut before = String::new();
        if (0..self.code.operands.len()).any(strided) {
            before.push_str(&self.coordinates(lead, "lead"));
            before.push_str(&self.coordinates(trail, "trail"));
        }
        before.push_str(&dedent(&values));
        let mut text = String::new();
        // The result stays where it is along folded dimensions.
        let moves = |&i: &usize| self.reduce.scan || i != usize::from(self.reduce.operand);
        if (0..self.code.operands.len()).filter(moves).any(strided) {
            text.push_str(&self.coordinates(reduced, "place"));
        }
        text.push_str(&dedent(&point));
        let value = self.reduce.value;
        let _ = match Carried::of(self.code, self.reduce) {
            Carried::Nothing => writeln!(text, "let point = Folded(v{value});"),
            Carried::Place => writeln!(text, "let point = Folded(v{value}, place);"),
            Carried::Error => writeln!(text, "let point = Folded(v{value}, f32());"),
        };
        [before, dedent(&turn), text]
    }

    fn points(&self) -> Entry<'_> {
        Entry::new(self.code, self.stage.variant(), self.buffers, self.layout, Role::Fold)
    }

    /// The dimensions before the folded ones, those and the rest.
    fn parts(&self) -> [Range<usize>; 3] {
        let (lead, rank) = (usize::from(self.reduce.lead), usize::from(self.code.rank));
        let middle = lead + usize::from(self.reduce.reduced);
        [0..lead, lead..middle, middle..rank]
    }

    /// The coordinates along some dimensions, from the index among their points.
    fn coordinates(&self, dims: Range<usize>, index: &str) -> String {
        let mut text = String::new();
        let mut rest = index.to_owned();
        for dim in dims.clone().rev() {
            if dim == dims.start {
                let _ = writeln!(text, "let c{dim} = {rest};");
            } else {
                let size = word(self.layout.size(dim));
                let _ = writeln!(text, "let c{dim} = {rest} % {size};");
                let _ = writeln!(text, "let rest{dim} = {rest} / {size};");
                rest = format!("rest{dim}");
            }
        }
        text
    }

    fn result(&self) -> String {
        if matches!(self.stage, Stage::Partial | Stage::PartialAligned | Stage::Pairs) {
            return "store_folded($PLACE, folded);\n".to_owned();
        }
        let i = usize::from(self.reduce.operand);
        let operand = self.code.operands[i];
        let mut text = String::new();
        if self.stage == Stage::Last && operand.class == Class::Strided {
            let [lead, _, trail] = self.parts();
            text.push_str(&self.coordinates(lead, "lead"));
            text.push_str(&self.coordinates(trail, "trail"));
        }
        let element = self.points().element(i);
        let (bytes, buffer) = (operand.dtype.size(), operand.buffer);
        let _ = writeln!(text, "store_element{bytes}_{buffer}({element}, encode_result(folded));");
        text
    }

    /// `Folded`, what it begins with, how two become one, and its stored forms.
    fn definitions(&self) -> String {
        let dtype = value_dtype(self.code, self.reduce);
        let lane = dtype.lane();
        let at = self.layout.scalar(usize::from(self.reduce.identity));
        let stored = if dtype.size() == 8 { pair(at) } else { word(at) };
        let identity = format!("decode_{}({stored})", emit::short(dtype));
        let mut text = match Carried::of(self.code, self.reduce) {
            Carried::Nothing => format!(
                "struct Folded {{ value: {lane} }}\n\
                 fn identity() -> Folded {{ return Folded({identity}); }}\n\
                 fn fold_pair(a: Folded, b: Folded) -> Folded {{\n  \
                   return Folded({});\n}}\n",
                self.folded(dtype)
            ),
            Carried::Place => format!(
                "struct Folded {{ value: {lane}, place: u32 }}\n\
                 fn identity() -> Folded {{ return Folded({lane}(), 0xffffffffu); }}\n{}",
                self.extremes(dtype)
            ),
            // TwoSum, see the scans of `kernel`.
            Carried::Error => format!(
                "struct Folded {{ value: f32, error: f32 }}\n\
                 fn identity() -> Folded {{ return Folded({identity}, f32()); }}\n\
                 fn fold_pair(a: Folded, b: Folded) -> Folded {{\n  \
                   let s = add_f32p(a.value, b.value);\n  \
                   let t = sub_f32p(s, a.value);\n  \
                   let low = add_f32p(sub_f32p(a.value, sub_f32p(s, t)), sub_f32p(b.value, t));\n  \
                   return Folded(s, add_f32p(a.error, low));\n}}\n"
            ),
        };
        if self.is_inner() {
            text.push_str(&runs(lane, Carried::of(self.code, self.reduce)));
        }
        text.push_str(&self.encode_result(lane));
        text.push_str(&self.scratch(lane));
        text
    }

    /// The value of a fold by a row, narrowed as every operation's.
    fn folded(&self, dtype: DType) -> String {
        let Fold::Op(op) = self.reduce.fold else { unreachable!("the fold carries nothing") };
        let call = format!("{}(a.value, b.value)", emit::wgsl(op, dtype).name);
        format!("{}({call})", emit::narrow_name(dtype))
    }

    /// The first of the values beyond all others. Lanes without elements have no place.
    fn extremes(&self, dtype: DType) -> String {
        let lane = dtype.lane();
        let (low, high) = match self.reduce.fold {
            Fold::ArgMin => ("b", "a"),
            _ => ("a", "b"),
        };
        let beats = match dtype.category() {
            Category::Float => {
                format!("!is_nan_{lane}p(a) && (is_nan_{lane}p(b) || lt_{lane}p({low}, {high}))")
            }
            Category::Int | Category::Bool => format!("{low} < {high}"),
        };
        format!(
            "fn beaten(a: {lane}, b: {lane}) -> bool {{ return {beats}; }}\n\
             fn fold_pair(a: Folded, b: Folded) -> Folded {{\n  \
               let first = b.place < a.place && !beaten(b.value, a.value);\n  \
               let taken = a.place == 0xffffffffu || first || beaten(a.value, b.value);\n  \
               if b.place != 0xffffffffu && taken {{ return b; }}\n  \
               return a;\n}}\n"
        )
    }

    /// The stored form of the result, in the dtype of its operand.
    fn encode_result(&self, lane: Lane) -> String {
        let Some(operand) = self.code.operands.get(usize::from(self.reduce.operand)) else {
            return String::new();
        };
        let dtype = operand.dtype;
        let name = emit::short(dtype);
        let cast = |from: Lane, value: &str| {
            format!("encode_{name}({}({value}))", emit::cast_name(from, dtype))
        };
        let form = if dtype.size() == 8 { "vec2<u32>" } else { "u32" };
        match Carried::of(self.code, self.reduce) {
            Carried::Nothing => format!(
                "fn encode_result(a: Folded) -> {form} {{ return {}; }}\n",
                cast(lane, "a.value")
            ),
            Carried::Error => format!(
                "fn encode_result(a: Folded) -> {form} {{\n  \
                   let finite = (bitcast<u32>(a.error) & 0x7f800000u) != 0x7f800000u;\n  \
                   let sum = add_f32p(a.value, a.error);\n  \
                   let value = bitcast<f32>(select(bitcast<u32>(a.value), bitcast<u32>(sum), finite));\n  \
                   return {};\n}}\n",
                cast(lane, "value")
            ),
            // Positions are below 2^32; integers take them by their bits, on every device.
            Carried::Place => {
                let value = match dtype {
                    DType::I64 => "vec2<u32>(a.place, 0u)".to_owned(),
                    _ if dtype.category() == Category::Float => {
                        cast(Lane::I64, "decode_i64(vec2<u32>(a.place, 0u))")
                    }
                    _ => cast(Lane::I32, "bitcast<i32>(a.place)"),
                };
                format!("fn encode_result(a: Folded) -> {form} {{ return {value}; }}\n")
            }
        }
    }

    /// Partial results as words.
    fn scratch(&self, lane: Lane) -> String {
        let first = buffer_count(self.code);
        let last = first + self.stage.scratch().len().saturating_sub(1);
        let words = scratch_words(self.code, self.reduce);
        let (encode, decode) = match lane {
            Lane::I32 => ("encode_i32", "decode_i32"),
            Lane::I64 => ("encode_i64", "decode_i64"),
            Lane::F32 => ("encode_f32", "decode_f32"),
            Lane::F64 => ("encode_f64", "decode_f64"),
        };
        let wide = matches!(lane, Lane::I64 | Lane::F64);
        let size = if wide { "pair" } else { "word" };
        let next = if wide { 2 } else { 1 };
        let (store, load) = match Carried::of(self.code, self.reduce) {
            Carried::Nothing => (String::new(), String::new()),
            Carried::Place => (
                format!("  store_word{last}(i * {words}u + {next}u, a.place);\n"),
                format!(", load_word{first}(i * {words}u + {next}u)"),
            ),
            Carried::Error => (
                format!("  store_word{last}(i * {words}u + {next}u, encode_f32(a.error));\n"),
                format!(", decode_f32(load_word{first}(i * {words}u + {next}u))"),
            ),
        };
        format!(
            "fn store_folded(i: u32, a: Folded) {{\n  \
               store_{size}{last}(i * {words}u, {encode}(a.value));\n{store}}}\n\
             fn load_folded(i: u32) -> Folded {{\n  \
               return Folded({decode}(load_{size}{first}(i * {words}u)){load});\n}}\n"
        )
    }
}

/// Four values side by side: see `shaders/reduce_inner.wgsl`.
fn runs(lane: Lane, carried: Carried) -> String {
    let mut fields = vec![("value", lane.to_string())];
    match carried {
        Carried::Nothing => {}
        Carried::Place => fields.push(("place", "u32".to_owned())),
        Carried::Error => unreachable!("errors are carried by scans alone"),
    }
    let each = |text: &dyn Fn(&str, &str) -> String| {
        let texts = fields.iter().map(|(field, dtype)| text(field, dtype));
        texts.collect::<Vec<_>>().join(", ")
    };
    let parts = |text: &dyn Fn(&str, &str, &str) -> String| {
        each(&|field, dtype| {
            let part = |component: &str| text(field, dtype, component);
            format!("vec4<{dtype}>({})", ["x", "y", "z", "w"].map(part).join(", "))
        })
    };
    let part =
        |component: &str| format!("Folded({})", each(&|field, _| format!("a.{field}.{component}")));
    let [x, y, z, w] = ["x", "y", "z", "w"].map(part);
    format!(
        "struct FoldedRun {{ {} }}\n\
         fn run_of(a: Folded) -> FoldedRun {{ return FoldedRun({}); }}\n\
         fn run_element(a: FoldedRun, k: u32) -> Folded {{\n  return Folded({});\n}}\n\
         fn run_with(a: FoldedRun, k: u32, v: Folded) -> FoldedRun {{\n  \
           let own = vec4<u32>(0u, 1u, 2u, 3u) == vec4<u32>(k);\n  \
           return FoldedRun({});\n}}\n\
         fn fold_runs(a: FoldedRun, b: FoldedRun) -> FoldedRun {{\n\
         {}  return FoldedRun({});\n}}\n\
         fn fold_run(a: FoldedRun) -> Folded {{\n  \
           return fold_pair(fold_pair({x}, {z}), fold_pair({y}, {w}));\n}}\n",
        each(&|field, dtype| format!("{field}: vec4<{dtype}>")),
        each(&|field, dtype| format!("vec4<{dtype}>(a.{field})")),
        each(&|field, _| {
            let pair = |low, high| format!("select(a.{field}.{low}, a.{field}.{high}, k > 1u)");
            format!("select({}, {}, (k & 1u) != 0u)", pair("x", "z"), pair("y", "w"))
        }),
        each(&|field, dtype| format!("select(a.{field}, vec4<{dtype}>(v.{field}), own)")),
        ["x", "y", "z", "w"]
            .map(|component| {
                let of = |run: &str| each(&|field, _| format!("{run}.{field}.{component}"));
                format!(
                    "  let {component} = fold_pair(Folded({}), Folded({}));\n",
                    of("a"),
                    of("b")
                )
            })
            .concat(),
        parts(&|field, _, component| format!("{component}.{field}")),
    )
}

/// Puts the lines of a snippet where the template has a line with its name, indented as that is.
pub(super) fn fill(template: &str, name: &str, snippet: &str) -> String {
    let mut text = String::new();
    for line in template.split_inclusive('\n') {
        match line.split_once(name) {
            Some((indent, "\n")) => {
                snippet.split_inclusive('\n').for_each(|own| text.extend([indent, own]));
            }
            _ => text.push_str(line),
        }
    }
    text
}

/// The text without the indentation that all its lines have.
fn dedent(text: &str) -> String {
    let margin = text.lines().map(|line| line.len() - line.trim_start().len()).min();
    text.split_inclusive('\n').map(|line| &line[margin.unwrap_or_default()..]).collect()
}
