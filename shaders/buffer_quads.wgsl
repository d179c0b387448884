// As buffer_words.wgsl; quads, whose offset is a multiple of 4, move in 16-byte accesses.

@group(0) @binding($B) var<storage, $ACCESS> buffer$B: array<vec4<u32>>;
fn load_word$B(w: u32) -> u32 { return buffer$B[w >> 2u][w & 3u]; }
fn load_pair$B(w: u32) -> vec2<u32> {
  let quad = buffer$B[w >> 2u];
  return select(quad.xy, quad.zw, (w & 2u) != 0u);
}
fn load_quad$B(w: u32) -> vec4<u32> { return buffer$B[w >> 2u]; }
fn store_word$B(w: u32, v: u32) { buffer$B[w >> 2u][w & 3u] = v; }
fn store_pair$B(w: u32, v: vec2<u32>) { store_word$B(w, v.x); store_word$B(w + 1u, v.y); }
fn store_quad$B(w: u32, v: vec4<u32>) { buffer$B[w >> 2u] = v; }
fn store_part$B(w: u32, mask: u32, v: u32) { store_word$B(w, (load_word$B(w) & ~mask) | v); }
