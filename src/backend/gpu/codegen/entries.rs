//! What the texts of sorts and of scatters share: entries in scratch memory, and the points' places.

use std::fmt::Write;

use super::fold::UNALIGNED;
use super::{Buffers, Dialect, buffer_count, library};
use crate::backend::gpu::params::{POINTS, ParamLayout, ROW, WholeParam, word};
use crate::dtype::DType;
use crate::kernel::Code;

/// Words of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    One,
    Two,
}

impl Key {
    /// The key of elements of a dtype.
    pub(crate) fn of(dtype: DType) -> Self {
        if dtype.size() == 8 { Self::Two } else { Self::One }
    }

    pub(crate) fn words(self) -> u64 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// Its type in WGSL.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::One => "u32",
            Self::Two => "vec2<u32>",
        }
    }
}

/// How a text sees a scratch buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scratch {
    Loaded,
    Stored,
    /// Several invocations may store to one word.
    Atomic,
}

impl Scratch {
    pub(crate) fn is_stored(self) -> bool {
        self != Self::Loaded
    }
}

/// The library of a part of a sort or scatter, with its scratch buffers after the kernel's own.
pub(super) fn with_scratch(
    code: &Code,
    layout: &ParamLayout,
    scratch: &[Scratch],
    dialect: Dialect,
) -> String {
    let mut library = library(code, layout, &Buffers::of(code, UNALIGNED), dialect);
    library.push_str(include_str!("../../../../shaders/sort_keys.wgsl"));
    for (number, scratch) in (buffer_count(code)..).zip(scratch) {
        let words = match scratch {
            Scratch::Atomic => include_str!("../../../../shaders/buffer_atomic.wgsl"),
            _ => include_str!("../../../../shaders/buffer_words.wgsl"),
        };
        let access = if scratch.is_stored() { "read_write" } else { "read" };
        for template in [words, include_str!("../../../../shaders/sort_entries.wgsl")] {
            library
                .push_str(&template.replace("$B", &number.to_string()).replace("$ACCESS", access));
        }
    }
    library
}

/// Puts the numbers of a launch where a template or snippet names them.
pub(super) fn with_numbers(text: &str, layout: &ParamLayout) -> String {
    let params = WholeParam::ALL.map(|(param, name)| (name, layout.whole(param)));
    let mut text = text.to_owned();
    for (name, at) in params.into_iter().chain([("$POINTS", POINTS), ("$ROW", ROW)]) {
        text = text.replace(name, &word(at));
    }
    text
}

/// Declares `place` and its number for some operands: their elements at the point with that index.
pub(super) fn walk(layout: &ParamLayout, operands: &[usize], index: &str) -> String {
    let mut text = String::new();
    let mut rest = index.to_owned();
    for dim in (0..layout.rank()).rev() {
        if dim == 0 {
            let _ = writeln!(text, "let c0 = {rest};");
        } else {
            let size = word(layout.size(dim));
            let _ = writeln!(text, "let c{dim} = {rest} % {size};");
            let _ = writeln!(text, "let rest{dim} = {rest} / {size};");
            rest = format!("rest{dim}");
        }
    }
    for &i in operands {
        let mut place = word(layout.offset(i));
        for dim in 0..layout.rank() {
            let _ = write!(place, " + c{dim} * {}", word(layout.stride(i, dim)));
        }
        let _ = writeln!(text, "let place{i} = {place};");
    }
    text
}
