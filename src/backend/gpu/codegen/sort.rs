//! Sorts to WGSL: the templates `shaders/sort_*.wgsl`, filled.
//!
//! From keys to entries in scratch memory, in tiles, in runs that are merged, and from places to positions.

use super::entries::{Key, Scratch, walk, with_numbers, with_scratch};
use super::fold::fill;
use super::{Dialect, prune};
use crate::backend::gpu::params::ParamLayout;
use crate::kernel::Code;
use crate::math::emit;

/// Which part of a sort a text does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Sort {
    /// From the operand to the keys of entries.
    Load,
    /// From keys to sorted tiles. The kernel has no operands.
    Tile(Key),
    /// From sorted runs to runs twice as long. The kernel has no operands.
    Merge(Key),
    /// From sorted entries to positions.
    Store,
}

impl Sort {
    /// All there are.
    pub(crate) const ALL: [Self; 6] = [
        Self::Load,
        Self::Tile(Key::One),
        Self::Tile(Key::Two),
        Self::Merge(Key::One),
        Self::Merge(Key::Two),
        Self::Store,
    ];

    pub(super) fn index(self) -> usize {
        match self {
            Self::Load => 0,
            Self::Tile(key) => 1 + key as usize,
            Self::Merge(key) => 3 + key as usize,
            Self::Store => 5,
        }
    }

    /// The scratch buffers bound after the kernel's own.
    pub(crate) fn scratch(self) -> &'static [Scratch] {
        match self {
            Self::Load | Self::Tile(_) => &[Scratch::Stored],
            Self::Merge(_) => &[Scratch::Loaded, Scratch::Stored],
            Self::Store => &[Scratch::Loaded],
        }
    }
}

/// The shader module of a part of a sort.
pub(super) fn module(code: &Code, sort: Sort, dialect: Dialect) -> String {
    let layout = ParamLayout::of(code);
    let (template, key) = match sort {
        Sort::Load | Sort::Store => {
            let template = include_str!("../../../../shaders/sort_points.wgsl");
            (template, Key::of(code.operands[0].dtype))
        }
        Sort::Tile(key) => (include_str!("../../../../shaders/sort_tile.wgsl"), key),
        Sort::Merge(key) => (include_str!("../../../../shaders/sort_merge.wgsl"), key),
    };
    let start = template.find("var<").or_else(|| template.find("@compute"));
    let mut text = template[start.unwrap_or_default()..].to_owned();
    let (operand, effect) = match sort {
        Sort::Load => (0, load(code)),
        Sort::Store => (1, store(code)),
        Sort::Tile(_) | Sort::Merge(_) => (0, String::new()),
    };
    if !effect.is_empty() {
        text = fill(&text, "$WALK", &walk(&layout, &[operand], "number"));
        text = fill(&text, "$EFFECT", &effect);
    }
    let text = text.replace("$WORDS", &key.words().to_string()).replace("$KEY", key.name());
    let library = with_scratch(code, &layout, sort.scratch(), dialect);
    prune::prune(&with_numbers(&library, &layout), &with_numbers(&text, &layout))
}

fn load(code: &Code) -> String {
    let (dtype, buffer) = (code.operands[0].dtype, code.operands[0].buffer);
    let (name, bytes) = (emit::short(dtype), dtype.size());
    format!(
        "let key = ordered_{name}(load_element{bytes}_{buffer}(place0));\n\
         store_key$WORDS_2(entry, key ^ $KEY($FLIP));\n"
    )
}

/// Positions are below 2^32; int64 takes them by their bits, on every device.
fn store(code: &Code) -> String {
    let (dtype, buffer) = (code.operands[1].dtype, code.operands[1].buffer);
    let position = if dtype.size() == 8 { "vec2<u32>(position, 0u)" } else { "position" };
    let bytes = dtype.size();
    format!(
        "let position = load_place$WORDS_2(entry);\n\
         store_element{bytes}_{buffer}(place1, {position});\n"
    )
}
