//! Operands that go through workgroup memory, tile by tile: `shaders/tiles.wgsl`.

use std::fmt::Write;

use super::{Entry, Role};
use crate::backend::gpu::params::word;
use crate::kernel::{Class, Code};

/// Bytes of workgroup memory that every device has.
const MEMORY: usize = 16 << 10;

/// Places of a tile: 32 rows of one more than 32 columns.
const PLACES: usize = 32 * 33;

/// Bytes of a place: an element in its stored form.
fn place(code: &Code, operand: usize) -> usize {
    code.operands[operand].dtype.size().max(4)
}

impl Entry<'_> {
    /// The operands that are taken from workgroup memory, the first ones that it holds: which of them are transposed is
    /// a fact about numbers, which a text does not know. Where a kernel checks there are none, as a launch that failed
    /// leaves before its invocations could wait for each other; and none of a buffer that is stored to, as the
    /// barrier orders workgroup memory alone.
    pub(super) fn held(&self) -> Vec<usize> {
        let code = self.code;
        if !self.variant.tiled || self.role != Role::Main || code.check.is_some() {
            return Vec::new();
        }
        let touched: Vec<usize> = self.touched().collect();
        let mut left = MEMORY;
        (0..code.operands.len())
            .filter(|&i| {
                let operand = code.operands[i];
                let is_read = touched.contains(&i) && !code.is_written(operand.buffer.into());
                operand.class == Class::Strided && is_read && !code.is_fetched(i)
            })
            .filter(|&i| {
                let bytes = PLACES * place(code, i);
                let fits = bytes <= left;
                left -= if fits { bytes } else { 0 };
                fits
            })
            .collect()
    }

    /// The memory of the tiles.
    pub(super) fn tile_memory(&self) -> String {
        let memory = |&i: &usize| {
            let form = if place(self.code, i) == 8 { "vec2<u32>" } else { "u32" };
            format!("var<workgroup> tile{i}: array<{form}, {PLACES}>;\n")
        };
        self.tiles.iter().map(memory).collect()
    }

    /// Which tile it is, and the elements of it that an invocation loads for all.
    pub(super) fn tile_loads(&self, group: &str) -> String {
        let rank = self.layout.rank();
        let [rows, columns] = [rank - 2, rank - 1].map(|dim| word(self.layout.size(dim)));
        let mut text = format!("  let tile = tile_of({group}, {rows}, {columns});\n");
        if self.tiles.is_empty() {
            return text;
        }
        // Workgroups beyond the last tile load that one: they have to come to the barrier too.
        let _ =
            writeln!(text, "  var outer = min(tile.outer, (points - 1u) / {rows} / {columns});");
        for dim in (1..rank - 2).rev() {
            let size = word(self.layout.size(dim));
            let _ = writeln!(text, "  let o{dim} = outer % {size};\n  outer /= {size};");
        }
        text.push_str("  for (var k = 0u; k < 4u; k++) {\n");
        for &i in &self.tiles {
            let operand = self.code.operands[i];
            let (bytes, buffer) = (operand.dtype.size(), operand.buffer);
            let stride = |dim| word(self.layout.stride(i, dim));
            let mut element = word(self.layout.offset(i));
            for dim in 0..rank - 2 {
                let at = if dim == 0 { "outer".to_owned() } else { format!("o{dim}") };
                let _ = write!(element, " + {at} * {}", stride(dim));
            }
            let [down, across] = [stride(rank - 2), stride(rank - 1)];
            let _ = write!(
                text,
                "    let at{i} = tile_element(k * 256u + local, {down}, {across});\n    \
                 let row{i} = min(tile.row + at{i}.x, {rows} - 1u);\n    \
                 let column{i} = min(tile.column + at{i}.y, {columns} - 1u);\n    \
                 tile{i}[tile_place(at{i}.x, at{i}.y)] = load_element{bytes}_{buffer}(\
                 {element} + row{i} * {down} + column{i} * {across});\n"
            );
        }
        text.push_str("  }\n  workgroupBarrier();\n");
        text
    }

    /// The element of a tile at the point, in its stored form.
    pub(super) fn tile_element(&self, operand: usize) -> String {
        format!("tile{operand}[tile_place(local >> 3u, (local & 7u) * 4u + k)]")
    }
}
