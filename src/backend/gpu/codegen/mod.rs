//! Kernels to WGSL.
//!
//! Owns the text of a whole shader module: the templates of `shaders/`, filled; the math comes from
//! `math::emit`. A module has the entry point `main` and, for kernels that check, `check`. Knows the
//! structure of a kernel only, never its numbers, and nothing of wgpu.

mod buffers;
mod entries;
mod entry;
mod fold;
mod product;
mod prune;
mod scatter;
mod sort;

use self::buffers::Buffers;
pub(super) use self::buffers::buffer_count;
pub(super) use self::entries::Key;
use self::entry::{Entry, Role};
pub(super) use self::fold::{Stage, scratch_words};
pub(super) use self::product::{Product, Tile, part_bytes};
pub(super) use self::scatter::Scatter;
pub(super) use self::sort::Sort;
use smallvec::SmallVec;

use super::params::ParamLayout;
use crate::dtype::Lane;
use crate::kernel::{Args, Class, Code, Expr, Fold, Value, Whole};
use crate::math::emit::{self, Subnormals};

/// What texts are written for, besides what they compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) subnormals: Subnormals,
    /// Whether there are integers of 64 bits, also for kernels that compute in none.
    pub(super) has_int64: bool,
}

/// Invocations of a workgroup.
pub(super) const WORKGROUP: u64 = 256;

/// Points of an invocation that moves no long runs, see [`Variant::long`].
const RUN: u64 = 4;

/// Bytes of the widest access.
const ACCESS: u64 = 16;

/// Facts about the numbers of a launch for which there is a better text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Variant {
    /// Every contiguous operand that is only loaded, or is stored to, starts at a multiple of 4 elements.
    pub(super) loads_aligned: bool,
    pub(super) stores_aligned: bool,
    /// Runs are as long as the widest access and begin at multiples of that: Note [Wide operands].
    pub(super) long: bool,
    /// See `shaders/tiles.wgsl`.
    pub(super) tiled: bool,
    /// A dispatch sees part of what is fetched from, and stores only the points that it can: see Note
    /// [Fetched windows].
    pub(super) partial: bool,
}

/// Points of a tile's side.
pub(super) const TILE: u64 = 32;

/// Which of a structure's texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Text {
    /// Every point for itself.
    Points(Variant),
    /// Part of a fold.
    Fold(Stage),
    /// Part of a product of matrices.
    Product(Product),
    /// Part of a sort.
    Sort(Sort),
    /// Part of a scatter.
    Scatter(Scatter),
}

impl Text {
    /// All there are.
    pub(super) const COUNT: usize = Self::SORTS + Sort::ALL.len() + Scatter::ALL.len();
    const SORTS: usize = Variant::COUNT + Stage::COUNT + Product::COUNT;

    pub(super) fn index(self) -> usize {
        match self {
            Self::Points(variant) => variant.index(),
            Self::Fold(stage) => Variant::COUNT + stage as usize,
            Self::Product(product) => Variant::COUNT + Stage::COUNT + product.index(),
            Self::Sort(sort) => Self::SORTS + sort.index(),
            Self::Scatter(scatter) => Self::SORTS + Sort::ALL.len() + scatter as usize,
        }
    }

    /// The scratch buffers bound after the kernel's own, and whether they are stored to.
    pub(super) fn scratch(self) -> SmallVec<[bool; 2]> {
        match self {
            Self::Points(_) => SmallVec::new(),
            Self::Fold(stage) => stage.scratch().into(),
            Self::Product(product) => product.scratch().into(),
            Self::Sort(sort) => sort.scratch().iter().map(|s| s.is_stored()).collect(),
            Self::Scatter(scatter) => scatter.scratch().iter().map(|s| s.is_stored()).collect(),
        }
    }

    /// Whether it sees the status words.
    pub(super) fn is_checked(self, code: &Code) -> bool {
        code.check.is_some() || matches!(self, Self::Scatter(scatter) if scatter.is_checked())
    }
}

impl Variant {
    /// All there are.
    pub(super) const COUNT: usize = 32;

    pub(super) fn index(self) -> usize {
        usize::from(self.loads_aligned)
            + 2 * usize::from(self.stores_aligned)
            + 4 * usize::from(self.tiled)
            + 8 * usize::from(self.partial)
            + 16 * usize::from(self.long)
    }

    /// Consecutive points of an invocation.
    pub(super) fn run(self, code: &Code) -> u64 {
        if self.long { long_run(code) } else { RUN }
    }

    /// The variant for a shape and operands at these offsets, in elements.
    pub(super) fn of(
        code: &Code,
        args: &Args,
        shape: &[usize],
        offset: impl Fn(usize) -> usize,
        partial: bool,
    ) -> Self {
        let aligned = |stored: bool, run: u64| {
            contiguous(code)
                .filter(|&i| code.is_stored(i) == stored)
                .all(|i| offset(i).is_multiple_of(run as usize))
        };
        let tiled = match *shape {
            [.., rows, columns] => {
                let side = TILE as usize;
                rows >= side
                    && columns >= side
                    && columns.is_multiple_of(RUN as usize)
                    && code.operands.iter().zip(&args.operands).any(|(operand, args)| {
                        let [.., down, across] = args.strides[..] else { return false };
                        operand.class == Class::Strided && 0 < down && down < across
                    })
            }
            _ => false,
        };
        // Runs are stored whole, and here it may be that only some points of one are.
        let stores_aligned = aligned(true, RUN) && !partial;
        let run = long_run(code);
        let long = run > RUN && !tiled && !partial && aligned(true, run) && aligned(false, run);
        Self { loads_aligned: aligned(false, RUN), stores_aligned, long, tiled, partial }
    }
}

/// The operands that may be wide: Note [Wide operands].
pub(super) fn contiguous(code: &Code) -> impl Iterator<Item = usize> {
    let moves = |&i: &usize| code.operands[i].class == Class::Contiguous && !code.is_fetched(i);
    (0..code.operands.len()).filter(moves)
}

/// Points of which no contiguous operand has more than an access moves, and at least [`RUN`].
fn long_run(code: &Code) -> u64 {
    let widest = contiguous(code).map(|i| code.operands[i].dtype.size() as u64).max();
    widest.map_or(RUN, |bytes| (ACCESS / bytes).max(RUN))
}

/// The shader module of a kernel.
pub(super) fn module(code: &Code, text: Text, dialect: Dialect) -> String {
    match text {
        Text::Points(variant) => pointwise(code, variant, dialect),
        Text::Fold(stage) => fold::module(code, stage, dialect),
        Text::Product(product) => product::module(code, product, dialect),
        Text::Sort(sort) => sort::module(code, sort, dialect),
        Text::Scatter(scatter) => scatter::module(code, scatter, dialect),
    }
}

fn pointwise(code: &Code, variant: Variant, dialect: Dialect) -> String {
    let buffers = Buffers::of(code, variant);
    let layout = ParamLayout::of(code);

    let mut entries = Entry::new(code, variant, &buffers, &layout, Role::Main).text();
    if code.check.is_some() {
        entries.push('\n');
        entries.push_str(&Entry::new(code, variant, &buffers, &layout, Role::Check).text());
    }

    prune::prune(&library(code, &layout, &buffers, dialect), &entries)
}

/// Everything that an entry point may call or see.
fn library(code: &Code, layout: &ParamLayout, buffers: &Buffers, dialect: Dialect) -> String {
    let vectors = layout.len(scalar_count(code)) / 4;
    let mut library =
        include_str!("../../../../shaders/params.wgsl").replace("$VECTORS", &vectors.to_string());
    library.push_str(&emit::prelude(
        &[Lane::I32, Lane::I64, Lane::F32, Lane::F64],
        dialect.subnormals,
    ));
    library.push_str(include_str!("../../../../shaders/elements.wgsl"));
    library.push_str(include_str!("../../../../shaders/wide.wgsl"));
    library.push_str(match dialect.has_int64 {
        true => include_str!("../../../../shaders/wide_product_native.wgsl"),
        false => include_str!("../../../../shaders/wide_product_soft.wgsl"),
    });
    library.push_str(include_str!("../../../../shaders/random.wgsl"));
    library.push_str(include_str!("../../../../shaders/tiles.wgsl"));
    library.push_str(&buffers.text());
    library.push_str(&operations(code));
    library
}

/// The scalars that the text may read.
pub(super) fn scalar_count(code: &Code) -> usize {
    let used = |expr: &Expr| match *expr {
        Expr::Scalar(k) => usize::from(k) + 1,
        Expr::Random { scalar, .. } => usize::from(scalar) + 2,
        _ => 0,
    };
    let identity = code.reduce.map_or(0, |reduce| usize::from(reduce.identity) + 1);
    code.nodes.iter().map(|node| used(&node.expr)).max().unwrap_or(0).max(identity)
}

/// The functions of the rows that the kernel evaluates, each once.
fn operations(code: &Code) -> String {
    let mut names = Vec::new();
    let mut text = String::new();
    let dtype_of = |value: Value| code.nodes[usize::from(value)].dtype;
    let evaluated = code.nodes.iter().filter_map(|node| match node.expr {
        Expr::Unary(op, a) => Some((op, a)),
        Expr::Binary(op, [a, ..]) => Some((op, a)),
        Expr::Ternary(op, [a, ..]) => Some((op, a)),
        _ => None,
    });
    let folded = code.reduce.iter().filter_map(|reduce| match reduce.fold {
        Fold::Op(op) => Some((op, reduce.value)),
        Fold::ArgMax | Fold::ArgMin => None,
    });
    let evaluated = evaluated.chain(folded).map(|(op, first)| (op, dtype_of(first)));
    let scattered = code.operands.get(1).and_then(|source| match code.whole {
        Some(Whole::Scatter { fold: Some(op) }) => Some((op, source.dtype)),
        _ => None,
    });
    for (op, dtype) in evaluated.chain(scattered) {
        let function = emit::wgsl(op, dtype);
        if !names.contains(&function.name) {
            text.push_str(&function.text);
            names.push(function.name);
        }
    }
    text
}
