// As buffer_words.wgsl; pairs, whose offset is a multiple of 2, move in 8-byte accesses.

@group(0) @binding($B) var<storage, $ACCESS> buffer$B: array<vec2<u32>>;
fn load_word$B(w: u32) -> u32 { return buffer$B[w >> 1u][w & 1u]; }
fn load_pair$B(w: u32) -> vec2<u32> { return buffer$B[w >> 1u]; }
fn load_quad$B(w: u32) -> vec4<u32> { return vec4<u32>(load_pair$B(w), load_pair$B(w + 2u)); }
fn store_word$B(w: u32, v: u32) { buffer$B[w >> 1u][w & 1u] = v; }
fn store_pair$B(w: u32, v: vec2<u32>) { buffer$B[w >> 1u] = v; }
fn store_quad$B(w: u32, v: vec4<u32>) { store_pair$B(w, v.xy); store_pair$B(w + 2u, v.zw); }
fn store_part$B(w: u32, mask: u32, v: u32) { store_word$B(w, (load_word$B(w) & ~mask) | v); }
