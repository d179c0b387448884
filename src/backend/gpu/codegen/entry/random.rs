//! Random words in the text of a kernel: `shaders/random.wgsl` has the generator.

use std::fmt::Write;

use super::{Entry, Role};
use crate::backend::gpu::params::{self, pair};
use crate::kernel::Expr;

impl Entry<'_> {
    /// A block of each stream, so that four words in a row cost one block, not four.
    pub(super) fn random_begin(&mut self) {
        let mut streams = Vec::new();
        for (i, node) in self.code.nodes.iter().enumerate() {
            if let Expr::Random { word, words, scalar } = node.expr
                && self.needed[i]
                && !streams.contains(&scalar)
            {
                streams.push(scalar);
                let place = self.place(word, words, scalar, "first");
                let seed = pair(self.layout.scalar(usize::from(scalar)));
                let _ = writeln!(
                    self.before,
                    "  var block{scalar} = philox(philox_counter({place}), {seed});"
                );
            }
        }
    }

    fn place(&self, word: u8, words: u8, scalar: u8, linear: &str) -> String {
        let offset = pair(self.layout.scalar(usize::from(scalar) + 1));
        let base = pair(params::BASE);
        format!("stream_place({offset}, {base}, {linear}, {words}u, {word}u)")
    }

    pub(super) fn random(&mut self, node: usize, word: u8, words: u8, scalar: u8) -> String {
        if self.role == Role::Fold {
            let offset = pair(self.layout.scalar(usize::from(scalar) + 1));
            let index = format!("add_wide({}, {})", pair(params::BASE), self.wide_index());
            let seed = pair(self.layout.scalar(usize::from(scalar)));
            let place = format!("stream_place({offset}, {index}, 0u, {words}u, {word}u)");
            let _ = writeln!(self.point, "    let place{node} = {place};");
            let block = format!("philox(philox_counter(place{node}), {seed})");
            return format!("bitcast<i32>(get4({block}.words, place{node}.x & 3u))");
        }
        let place = self.place(word, words, scalar, "linear");
        let seed = pair(self.layout.scalar(usize::from(scalar)));
        let _ = writeln!(self.point, "    let place{node} = {place};");
        let _ = writeln!(
            self.point,
            "    if any(philox_counter(place{node}) != block{scalar}.counter) {{\n      \
             block{scalar} = philox(philox_counter(place{node}), {seed});\n    }}"
        );
        format!("bitcast<i32>(get4(block{scalar}.words, place{node}.x & 3u))")
    }
}
