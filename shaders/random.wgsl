// The Philox4x32-10 stream: J. K. Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3 (2011).
//
// 64-bit numbers are those of wide.wgsl.

// offset + index * words + word, the place in the stream of one word of one point.
fn stream_place(
  offset: vec2<u32>, base: vec2<u32>, linear: u32, words: u32, word: u32
) -> vec2<u32> {
  let index = add_wide(base, vec2<u32>(linear, 0u));
  return add_wide(add_wide(offset, scale_wide(index, words)), vec2<u32>(word, 0u));
}

// The block of four words that holds word number `place`.
struct Block { counter: vec2<u32>, words: vec4<u32> }

fn philox_counter(place: vec2<u32>) -> vec2<u32> {
  return vec2<u32>((place.x >> 2u) | (place.y << 30u), place.y >> 2u);
}

fn philox(counter: vec2<u32>, seed: vec2<u32>) -> Block {
  var c = vec4<u32>(counter, 0u, 0u);
  var key = seed;
  for (var round = 0u; round < 10u; round++) {
    let a = multiply_wide(0xd2511f53u, c.x);
    let b = multiply_wide(0xcd9e8d57u, c.z);
    c = vec4<u32>(b.y ^ c.y ^ key.x, b.x, a.y ^ c.w ^ key.y, a.x);
    key += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  }
  return Block(counter, c);
}
