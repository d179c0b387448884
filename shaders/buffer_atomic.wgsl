// As buffer_words.wgsl, where several invocations may store to parts of one word.
//
// store_part needs that nobody else changes the bits under the mask: then one exclusive or that
// touches only them does what a fetch-and-clear and a fetch-and-set would.

@group(0) @binding($B) var<storage, $ACCESS> buffer$B: array<atomic<u32>>;
fn load_word$B(w: u32) -> u32 { return atomicLoad(&buffer$B[w]); }
fn load_pair$B(w: u32) -> vec2<u32> { return vec2<u32>(load_word$B(w), load_word$B(w + 1u)); }
fn load_quad$B(w: u32) -> vec4<u32> { return vec4<u32>(load_pair$B(w), load_pair$B(w + 2u)); }
fn store_word$B(w: u32, v: u32) { atomicStore(&buffer$B[w], v); }
fn store_pair$B(w: u32, v: vec2<u32>) { store_word$B(w, v.x); store_word$B(w + 1u, v.y); }
fn store_quad$B(w: u32, v: vec4<u32>) { store_pair$B(w, v.xy); store_pair$B(w + 2u, v.zw); }
fn store_part$B(w: u32, mask: u32, v: u32) {
  atomicXor(&buffer$B[w], (atomicLoad(&buffer$B[w]) ^ v) & mask);
}
