//! Products of matrices to WGSL: `shaders/product.wgsl` and `shaders/product_sum.wgsl`, filled.
//!
//! A product that is computed in parts leaves them in scratch memory, in lanes; the sum of the parts
//! rounds to the dtype of the result. All operands are strided, each sees a buffer of its own.

use std::fmt::Write;

use super::buffers::{Buffers, buffer_count};
use super::fold::{UNALIGNED, fill};
use super::{Dialect, library, prune};
use crate::backend::gpu::params::{ParamLayout, ProductParam, ROW, word};
use crate::dtype::{DType, Lane};
use crate::kernel::Code;
use crate::math::emit;

/// Which part of a product a text does, and by which tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Product {
    /// From factors to results.
    Whole(Tile),
    /// From factors to parts of the results, or more of these.
    Partial(Tile),
    /// From parts to results.
    Sum,
}

/// The results of a workgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Tile {
    /// 128 rows and columns: an invocation loads a quarter as much for a product as by the others.
    Large,
    /// 64 rows and columns.
    Square,
    /// 16 rows, 256 columns.
    Wide,
    /// 256 rows, 16 columns.
    Tall,
}

impl Tile {
    pub(crate) const ALL: [Self; 4] = [Self::Large, Self::Square, Self::Wide, Self::Tall];

    /// Rows and columns of blocks of invocations.
    fn blocks(self) -> [usize; 2] {
        match self {
            Self::Large | Self::Square => [16, 16],
            Self::Wide => [4, 64],
            Self::Tall => [64, 4],
        }
    }

    /// Blocks of 4 by 4 results of an invocation, in each direction.
    fn each(self) -> usize {
        if self == Self::Large { 2 } else { 1 }
    }

    /// Rows and columns.
    pub(crate) fn sides(self) -> [u64; 2] {
        self.blocks().map(|blocks| 4 * (blocks * self.each()) as u64)
    }

    /// Elements along `k` in workgroup memory, of which every device has 16 KiB.
    fn depth(self, lane: Lane) -> usize {
        match (self, lane) {
            (Self::Square, Lane::I32 | Lane::F32) => 16,
            (_, Lane::I32 | Lane::F32) => 8,
            (Self::Square, _) => 8,
            (_, _) => 4,
        }
    }
}

impl Product {
    /// All there are.
    pub(crate) const COUNT: usize = 2 * Tile::ALL.len() + 1;

    pub(super) fn index(self) -> usize {
        match self {
            Self::Whole(tile) => tile as usize,
            Self::Partial(tile) => Tile::ALL.len() + tile as usize,
            Self::Sum => 2 * Tile::ALL.len(),
        }
    }

    /// The scratch buffers bound after the kernel's own, and whether they are stored to.
    pub(crate) fn scratch(self) -> &'static [bool] {
        match self {
            Self::Whole(_) => &[],
            Self::Partial(_) => &[true],
            Self::Sum => &[false],
        }
    }
}

/// Bytes of a part of a result.
pub(crate) fn part_bytes(dtype: DType) -> u64 {
    match dtype.lane() {
        Lane::I32 | Lane::F32 => 4,
        Lane::I64 | Lane::F64 => 8,
    }
}

/// The shader module of a part of a product.
pub(super) fn module(code: &Code, product: Product, dialect: Dialect) -> String {
    let buffers = Buffers::of(code, UNALIGNED);
    let layout = ParamLayout::of(code);
    let mut library = library(code, &layout, &buffers, dialect);
    for (number, &stored) in (buffer_count(code)..).zip(product.scratch()) {
        let access = if stored { "read_write" } else { "read" };
        let template = include_str!("../../../../shaders/buffer_words.wgsl");
        library.push_str(&template.replace("$B", &number.to_string()).replace("$ACCESS", access));
    }
    let text = Text { code, layout: &layout, product };
    library.push_str(&text.definitions());
    prune::prune(&library, &text.entry())
}

struct Text<'a> {
    code: &'a Code,
    layout: &'a ParamLayout,
    product: Product,
}

/// Names of the operands in the templates; the sum of parts has the last alone.
const OPERANDS: [&str; 3] = ["LEFT", "RIGHT", "OUT"];

impl Text<'_> {
    fn dtype(&self) -> DType {
        self.code.operands[0].dtype
    }

    /// The operands by their names.
    fn operands(&self) -> impl Iterator<Item = (usize, &'static str)> {
        let names = &OPERANDS[OPERANDS.len() - self.code.operands.len()..];
        names.iter().copied().enumerate()
    }

    fn entry(&self) -> String {
        let rank = self.layout.rank();
        let lane = self.dtype().lane();
        let template = match self.product {
            Product::Sum => include_str!("../../../../shaders/product_sum.wgsl"),
            _ => include_str!("../../../../shaders/product.wgsl"),
        };
        let start = template.find("var<").or_else(|| template.find("@compute"));
        let mut text = fill(&template[start.unwrap_or_default()..], "$BATCH", &self.batch());
        if let Product::Whole(tile) | Product::Partial(tile) = self.product {
            text = fill(&text, "$SUMS", &sums(tile, lane));
            text = fill(&text, "$PRODUCTS", &products(tile));
            text = fill(&text, "$RESULTS", &results(tile));
            let ([rows, columns], each) = (tile.blocks(), tile.each());
            let (down, across, depth) = (rows * each, columns * each, tile.depth(lane));
            let unsigned = |number: usize| format!("{number}u");
            text = text
                .replace("$LEFT_CELLS", &(depth * (down + 1)).to_string())
                .replace("$RIGHT_CELLS", &(depth * (across + 1)).to_string())
                .replace("$BLOCK_COLUMNS", &unsigned(columns))
                .replace("$DOWN", &unsigned(down))
                .replace("$ACROSS", &unsigned(across))
                .replace("$DEPTH", &unsigned(depth))
                .replace("$LANE", &lane.to_string());
        }
        for (i, name) in self.operands() {
            let [row, column] = match name {
                "LEFT" => [rank - 3, rank - 1],
                "RIGHT" => [rank - 1, rank - 2],
                _ => [rank - 3, rank - 2],
            };
            for (end, dim) in [("ROW", row), ("COLUMN", column)] {
                text = text.replace(&format!("${name}_{end}"), &word(self.layout.stride(i, dim)));
            }
        }
        let params = ProductParam::ALL.map(|(param, name)| (name, self.layout.product(param)));
        for (name, at) in params.into_iter().chain([("$ROW", ROW)]) {
            text = text.replace(name, &word(at));
        }
        for (name, back) in [("$M", 3), ("$N", 2), ("$K", 1)] {
            text = text.replace(name, &word(self.layout.size(rank - back)));
        }
        text
    }

    /// Where the matrices of a batch begin.
    fn batch(&self) -> String {
        let batches = self.layout.rank() - 3;
        let mut text = String::new();
        let mut rest = "batch".to_owned();
        for dim in (0..batches).rev() {
            let size = word(self.layout.size(dim));
            let _ = writeln!(text, "let c{dim} = {rest} % {size};");
            rest = format!("{rest} / {size}");
        }
        for (i, name) in self.operands() {
            let mut base = word(self.layout.offset(i));
            for dim in 0..batches {
                let _ = write!(base, " + c{dim} * {}", word(self.layout.stride(i, dim)));
            }
            let _ = writeln!(text, "let {}_base = {base};", name.to_lowercase());
        }
        text
    }

    /// The functions that the templates call.
    fn definitions(&self) -> String {
        let dtype = self.dtype();
        let (lane, name, bytes) = (dtype.lane(), emit::short(dtype), dtype.size());
        let (m, n) =
            (self.layout.size(self.layout.rank() - 3), self.layout.size(self.layout.rank() - 2));
        let out = self.code.operands.len() - 1;
        let mut text = String::new();
        if self.product != Product::Sum {
            for (i, side) in ["left", "right"].into_iter().enumerate() {
                let _ = writeln!(
                    text,
                    "fn element_{side}(i: u32) -> {lane} {{ return \
                     decode_{name}(load_element{bytes}_{i}(i)); }}"
                );
            }
        }
        let cast = emit::cast_name(lane, dtype);
        let _ = writeln!(
            text,
            "fn store_result(i: u32, v: {lane}) {{ \
             store_element{bytes}_{out}(i, encode_{name}({cast}(v))); }}"
        );
        let scratch = buffer_count(self.code);
        let (size, words) = if part_bytes(dtype) == 8 { ("pair", 2) } else { ("word", 1) };
        // The stored form of a lane is that of the dtype named like it.
        let whole = format!(
            "{} * {} * {}",
            word(self.layout.product(ProductParam::Batches)),
            word(m),
            word(n)
        );
        let _ = writeln!(
            text,
            "fn part_place(number: u32, part: u32) -> u32 {{ \
             return (part * {whole} + number) * {words}u; }}\n\
             fn load_part(number: u32, part: u32) -> {lane} {{ \
             return decode_{lane}(load_{size}{scratch}(part_place(number, part))); }}\n\
             fn store_part_sum(number: u32, part: u32, v: {lane}) {{ \
             store_{size}{scratch}(part_place(number, part), encode_{lane}(v)); }}"
        );
        text.push_str(&self.store_quad(lane, &word(m), &word(n)));
        text
    }

    /// Stores four neighbours of a row, as far as there are results.
    fn store_quad(&self, lane: Lane, m: &str, n: &str) -> String {
        let out = self.code.operands.len() - 1;
        let rank = self.layout.rank();
        let mut text = format!(
            "fn store_quad(base: u32, batch: u32, part: u32, row: u32, column: u32, v: vec4<{lane}>) {{\n  \
             if row >= {m} {{ return; }}\n"
        );
        let partial = matches!(self.product, Product::Partial(_));
        if partial {
            let _ = writeln!(text, "  let number = (batch * {m} + row) * {n} + column;");
        } else {
            let (row, column) =
                (word(self.layout.stride(out, rank - 3)), word(self.layout.stride(out, rank - 2)));
            let _ = writeln!(text, "  let place = base + row * {row};\n  let step = {column};");
        }
        let continued = word(self.layout.product(ProductParam::Continued));
        for (j, component) in ["x", "y", "z", "w"].into_iter().enumerate() {
            let _ = writeln!(text, "  if column + {j}u < {n} {{");
            if partial {
                let _ = writeln!(text, "    var sum = v.{component};");
                let _ = writeln!(
                    text,
                    "    if {continued} != 0u {{ sum = load_part(number + {j}u, part) + sum; }}\n    \
                     store_part_sum(number + {j}u, part, sum);"
                );
            } else {
                let _ = writeln!(
                    text,
                    "    store_result(place + (column + {j}u) * step, v.{component});"
                );
            }
            text.push_str("  }\n");
        }
        text.push_str("}\n");
        text
    }
}

/// Every block of an invocation: which of its rows and columns of blocks it is.
fn each_block(tile: Tile) -> impl Iterator<Item = (usize, usize)> {
    let each = tile.each();
    (0..each * each).map(move |block| (block / each, block % each))
}

fn sums(tile: Tile, lane: Lane) -> String {
    let rows = each_block(tile).flat_map(|(r, c)| (0..4).map(move |i| (r, c, i)));
    rows.map(|(r, c, i)| format!("var sum{r}{c}{i} = vec4<{lane}>();\n")).collect()
}

fn products(tile: Tile) -> String {
    let [rows, columns] = tile.blocks();
    let mut text = String::new();
    for part in 0..tile.each() {
        let _ =
            writeln!(text, "let a{part} = left[at * ($DOWN + 1u) + block_row + {}u];", part * rows);
        let _ = writeln!(
            text,
            "let b{part} = right[at * ($ACROSS + 1u) + block_column + {}u];",
            part * columns
        );
    }
    for (r, c) in each_block(tile) {
        for (i, component) in ["x", "y", "z", "w"].into_iter().enumerate() {
            let _ = writeln!(text, "sum{r}{c}{i} += a{r}.{component} * b{c};");
        }
    }
    text
}

fn results(tile: Tile) -> String {
    let [rows, columns] = tile.blocks();
    let mut text = String::new();
    for (r, c) in each_block(tile) {
        let (row, column) = (
            format!("first_row + 4u * (block_row + {}u)", r * rows),
            format!("first_column + 4u * (block_column + {}u)", c * columns),
        );
        for i in 0..4 {
            let _ = writeln!(
                text,
                "store_quad(out_base, batch, part, {row} + {i}u, {column}, sum{r}{c}{i});"
            );
        }
    }
    text
}
