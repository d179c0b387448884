//! Scatters to WGSL: the templates `shaders/scatter_*.wgsl`, filled.
//!
//! An assignment marks for each element of the target the last point that reaches it, which then writes.
//! What folds, and what reaches few of many elements, sorts its points by the elements that they reach. Where
//! a point is in the target is one of Note [Computed places].

use std::fmt::Write;

use super::entries::{Scratch, walk, with_numbers, with_scratch};
use super::entry::wide_element;
use super::fold::fill;
use super::{Dialect, prune};
use crate::backend::gpu::params::{ParamLayout, SLOT, word};
use crate::kernel::{Code, Whole};
use crate::math::emit;

/// Which part of a scatter a text does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scatter {
    /// From addresses to the status word.
    Check,
    /// Takes the marks away from the elements that are reached.
    Clear,
    /// From addresses to marks: the number after that of the last point that reaches an element.
    Mark,
    /// From sources and marks to the target.
    Write,
    /// From addresses to entries.
    Load,
    /// From the last entry of each element to the target.
    Last,
    /// From all entries of each element to the target.
    Fold,
}

impl Scatter {
    /// All there are.
    pub(crate) const ALL: [Self; 7] =
        [Self::Check, Self::Clear, Self::Mark, Self::Write, Self::Load, Self::Last, Self::Fold];

    /// The scratch buffers bound after the kernel's own.
    pub(crate) fn scratch(self) -> &'static [Scratch] {
        match self {
            Self::Check => &[],
            Self::Clear | Self::Mark => &[Scratch::Atomic],
            Self::Load => &[Scratch::Stored],
            Self::Write | Self::Last | Self::Fold => &[Scratch::Loaded],
        }
    }

    /// Whether it sees the status words.
    pub(crate) fn is_checked(self) -> bool {
        self == Self::Check || self.stores()
    }

    /// Whether it stores to the target.
    fn stores(self) -> bool {
        matches!(self, Self::Write | Self::Last | Self::Fold)
    }
}

/// The shader module of a part of a scatter.
pub(super) fn module(code: &Code, scatter: Scatter, dialect: Dialect) -> String {
    let layout = ParamLayout::of(code);
    let sorted = matches!(scatter, Scatter::Last | Scatter::Fold);
    let template = match sorted {
        true => include_str!("../../../../shaders/scatter_runs.wgsl"),
        false => include_str!("../../../../shaders/scatter_points.wgsl"),
    };
    let status = format!("atomicLoad(&status[{}])", word(SLOT));
    let gate = match scatter.stores() {
        true => format!("if {status} != 0u {{ return; }}\n"),
        false => String::new(),
    };
    let text = &template[template.find("@compute").unwrap_or_default()..];
    let text = fill(text, "$GATE", &gate);
    let text = fill(&text, "$EFFECT", &effect(code, scatter));
    let (operands, index): (&[usize], _) = match (sorted, scatter) {
        (true, _) => (&[1], "point"),
        (false, Scatter::Write) => (&[0, 1], "number"),
        (false, _) => (&[0], "number"),
    };
    let mut steps = walk(&layout, operands, index);
    if !sorted {
        let _ = writeln!(steps, "let place2 = {};", wide_element(code, &layout, 2));
    }
    let text = fill(&text, "$WALK", &steps);
    let mut library = with_scratch(code, &layout, scatter.scratch(), dialect);
    let addresses = include_str!("../../../../shaders/scatter_addresses.wgsl");
    library.push_str(&addresses.replace("$ELEMENTS", &word(layout.elements(2))));
    library.push_str(&load_address(code));
    prune::prune(&with_numbers(&library, &layout), &with_numbers(&text, &layout))
}

fn load_address(code: &Code) -> String {
    let (dtype, buffer) = (code.operands[0].dtype, code.operands[0].buffer);
    let words = match dtype.size() {
        8 => format!("return load_element8_{buffer}(i);"),
        _ => format!("return sign_extend(bitcast<i32>(load_element4_{buffer}(i)));"),
    };
    format!("fn load_address(i: u32) -> vec2<u32> {{ {words} }}\n")
}

fn effect(code: &Code, scatter: Scatter) -> String {
    let dtype = code.operands[1].dtype;
    let (bytes, source, target) = (dtype.size(), code.operands[1].buffer, code.operands[2].buffer);
    let copy =
        format!("store_element{bytes}_{target}(element, load_element{bytes}_{source}(place1));\n");
    match scatter {
        Scatter::Check => {
            let slot = word(SLOT);
            format!("if is_wrong(address) {{ atomicStore(&status[{slot}], 1u); }}\n")
        }
        Scatter::Clear => "if element != 0xffffffffu { store_word3(element, 0u); }\n".to_owned(),
        Scatter::Mark => {
            "if element != 0xffffffffu { atomicMax(&buffer3[element], number + 1u); }\n".to_owned()
        }
        Scatter::Write => format!(
            "if element == 0xffffffffu {{ return; }}\n\
             if load_word3(element) == number + 1u {{\n  {copy}}}\n"
        ),
        Scatter::Load => "store_key1_3(number, element);\n".to_owned(),
        Scatter::Last => format!(
            "if entry + 1u < $COUNT {{\n  if load_key1_3(entry + 1u) == element {{ return; }}\n}}\n\
             let point = load_place1_3(entry);\n\
             $WALK\n{copy}"
        ),
        Scatter::Fold => fold(code),
    }
}

/// The first entry of an element, of those in reach, folds them all.
fn fold(code: &Code) -> String {
    let Some(Whole::Scatter { fold: Some(op) }) = code.whole else {
        unreachable!("a scatter that folds nothing")
    };
    let dtype = code.operands[1].dtype;
    let (bytes, source, target) = (dtype.size(), code.operands[1].buffer, code.operands[2].buffer);
    let (name, narrow) = (emit::short(dtype), emit::narrow_name(dtype));
    let function = emit::wgsl(op, dtype).name;
    format!(
        "if entry > $FROM {{\n  if load_key1_3(entry - 1u) == element {{ return; }}\n}}\n\
         var folded = decode_{name}(load_element{bytes}_{target}(element));\n\
         for (var i = entry; i < $TO; i++) {{\n  \
           if load_key1_3(i) != element {{ break; }}\n  \
           let point = load_place1_3(i);\n  \
           $WALK\n  \
           let v = decode_{name}(load_element{bytes}_{source}(place1));\n  \
           folded = {narrow}({function}(folded, v));\n\
         }}\n\
         store_element{bytes}_{target}(element, encode_{name}(folded));\n"
    )
}
