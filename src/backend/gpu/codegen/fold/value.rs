//! The value of a fold while it is made, `Folded` in the text: the value in its lane, and what else it carries.
//!
//! Defines how two become one, by the row of the op table as everywhere, and the form in the scratch memory
//! through which one dispatch hands partial results to the next.

use super::super::buffers::buffer_count;
use super::Text;
use crate::backend::gpu::params::{pair, word};
use crate::dtype::{Category, DType, Lane};
use crate::kernel::{Code, Fold, Reduce};
use crate::math::emit;
use crate::ops::Op;

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
pub(super) enum Carried {
    Nothing,
    /// The position of the value.
    Place,
    /// The rounding errors of the sum.
    Error,
}

impl Carried {
    pub(super) fn of(code: &Code, reduce: &Reduce) -> Self {
        let lane = value_dtype(code, reduce).lane();
        match reduce.fold {
            Fold::ArgMax | Fold::ArgMin => Self::Place,
            Fold::Op(Op::Add) if reduce.scan && lane == Lane::F32 => Self::Error,
            Fold::Op(_) => Self::Nothing,
        }
    }
}

impl Text<'_> {
    /// `Folded`, what it begins with, how two become one, and its stored forms.
    pub(super) fn definitions(&self) -> String {
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
        if self.stage.has_runs() {
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
    let components = ["x", "y", "z", "w"];
    let element = |run: &str, component: &str| {
        format!("Folded({})", each(&|field, _| format!("{run}.{field}.{component}")))
    };
    let [x, y, z, w] = components.map(|component| element("a", component));
    format!(
        "struct FoldedRun {{ {} }}\n\
         fn run_of(a: Folded) -> FoldedRun {{ return FoldedRun({}); }}\n\
         fn run_element(a: FoldedRun, k: u32) -> Folded {{\n  return Folded({});\n}}\n\
         fn run_with(a: FoldedRun, k: u32, v: Folded) -> FoldedRun {{\n  \
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
        // One by one: not every language of shaders selects among vectors of 64-bit numbers.
        each(&|field, dtype| {
            let part =
                |(component, k)| format!("select(a.{field}.{component}, v.{field}, k == {k}u)");
            let parts = [("x", 0), ("y", 1), ("z", 2), ("w", 3)].map(part);
            format!("vec4<{dtype}>({})", parts.join(", "))
        }),
        components
            .map(|component| {
                let [a, b] = ["a", "b"].map(|run| element(run, component));
                format!("  let {component} = fold_pair({a}, {b});\n")
            })
            .concat(),
        each(&|field, dtype| {
            let parts = components.map(|component| format!("{component}.{field}"));
            format!("vec4<{dtype}>({})", parts.join(", "))
        }),
    )
}
