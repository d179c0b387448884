//! Kernels that fold to WGSL: the templates of reductions and scans around a kernel's expressions.

mod value;

use std::fmt::Write;
use std::ops::Range;

use self::value::Carried;
pub(crate) use self::value::scratch_words;
use super::buffers::{Buffers, buffer_count};
use super::entry::{Entry, Role};
use super::{Dialect, Variant, contiguous, library, prune};
use crate::backend::gpu::params::{FoldParam, ParamLayout, ROW, word};
use crate::kernel::{Class, Code, Reduce};

/// Which part of a fold a text does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    /// From elements to results.
    Whole,
    /// From elements to partial results.
    Partial,
    /// The same where runs of four elements begin at multiples of four.
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
    pub(crate) fn aligned(self, code: &Code) -> Option<Self> {
        let loads = contiguous(code).any(|i| !code.is_stored(i));
        match self {
            Self::Whole if loads => Some(Self::WholeAligned),
            Self::Partial if loads => Some(Self::PartialAligned),
            _ => None,
        }
    }

    /// Whether elements are folded, four side by side.
    fn has_runs(self) -> bool {
        matches!(self, Self::Whole | Self::WholeAligned | Self::Partial | Self::PartialAligned)
    }

    fn variant(self) -> Variant {
        let loads_aligned = matches!(self, Self::WholeAligned | Self::PartialAligned);
        Variant { loads_aligned, ..UNALIGNED }
    }
}

/// Elements move one by one.
pub(super) const UNALIGNED: Variant = Variant {
    loads_aligned: false,
    stores_aligned: false,
    long: false,
    tiled: false,
    partial: false,
};

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
            _ if self.is_outer() => include_str!("../../../../shaders/reduce_outer.wgsl"),
            _ => include_str!("../../../../shaders/reduce_inner.wgsl"),
        };
        let start = template.find("var<").or_else(|| template.find("@compute"));
        let [before, turn, point] = self.pieces();
        let (begin, carry) = match self.stage {
            Stage::Partial | Stage::PartialAligned => (
                "for (var k = 0u; k < 4u; k++) {\n  \
                   let kept = first_kept + k;\n  \
                   if $CONTINUED != 0u && column + k < $TRAIL_COUNT {\n    \
                     run = run_with(run, k, load_folded($PLACE));\n  }\n}\n",
                "",
            ),
            Stage::ScanPart => (
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

    /// Whether four kept points are side by side, not four elements of one.
    fn is_outer(&self) -> bool {
        self.stage.has_runs() && self.reduce.trail(self.code.rank) > 0
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
        let [values, loads, point] = self.points().pieces();
        let strided = |i: usize| self.code.operands[i].class == Class::Strided;
        let (mut before, mut turn, mut text) = (String::new(), String::new(), String::new());
        if (0..self.code.operands.len()).any(strided) {
            before.push_str(&self.coordinates(lead, "lead"));
            if !self.is_outer() {
                before.push_str(&self.coordinates(trail.clone(), "trail"));
            }
        }
        before.push_str(&dedent(&values));
        // The result stays where it is along folded dimensions.
        let moves = |&i: &usize| self.reduce.scan || i != usize::from(self.reduce.operand);
        if (0..self.code.operands.len()).filter(moves).any(strided) {
            let places = self.coordinates(reduced, "place");
            if self.is_outer() {
                turn.push_str(&places);
                text.push_str(&self.coordinates(trail, "trail"));
            } else {
                text.push_str(&places);
            }
        }
        turn.push_str(&dedent(&loads));
        text.push_str(&dedent(&point));
        let value = self.reduce.value;
        let _ = match Carried::of(self.code, self.reduce) {
            Carried::Nothing => writeln!(text, "let point = Folded(v{value});"),
            Carried::Place => writeln!(text, "let point = Folded(v{value}, place);"),
            Carried::Error => writeln!(text, "let point = Folded(v{value}, f32());"),
        };
        [before, turn, text]
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
        if operand.class == Class::Strided {
            let [lead, _, trail] = self.parts();
            if self.stage == Stage::Last {
                text.push_str(&self.coordinates(lead, "lead"));
            }
            if self.stage == Stage::Last || self.is_outer() {
                text.push_str(&self.coordinates(trail, "trail"));
            }
        }
        let element = self.points().element(i);
        let (bytes, buffer) = (operand.dtype.size(), operand.buffer);
        let _ = writeln!(text, "store_element{bytes}_{buffer}({element}, encode_result(folded));");
        text
    }
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
