// A buffer seen as words. $B is its number. Offsets w are in words.

@group(0) @binding($B) var<storage, $ACCESS> buffer$B: array<u32>;
fn load_word$B(w: u32) -> u32 { return buffer$B[w]; }
fn load_pair$B(w: u32) -> vec2<u32> { return vec2<u32>(buffer$B[w], buffer$B[w + 1u]); }
fn load_quad$B(w: u32) -> vec4<u32> { return vec4<u32>(load_pair$B(w), load_pair$B(w + 2u)); }
fn store_word$B(w: u32, v: u32) { buffer$B[w] = v; }
fn store_pair$B(w: u32, v: vec2<u32>) { buffer$B[w] = v.x; buffer$B[w + 1u] = v.y; }
fn store_quad$B(w: u32, v: vec4<u32>) { store_pair$B(w, v.xy); store_pair$B(w + 2u, v.zw); }
fn store_part$B(w: u32, mask: u32, v: u32) { buffer$B[w] = (buffer$B[w] & ~mask) | v; }
