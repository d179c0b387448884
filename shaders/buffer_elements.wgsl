// Elements and runs of four elements, or as many as are named after an x, in a buffer of words. $B is
// its number.
//
// The digit is the size of an element in bytes, i the index of an element. Runs begin at a multiple
// of their length. store_run stores the first count elements of a run; where that ends within a word,
// the rest of the word is written back as it was, so nobody else may store to it meanwhile.
// store_element1 and store_element2 need buffer_atomic.wgsl.

fn load_element1_$B(i: u32) -> u32 {
  return (load_word$B(i >> 2u) >> ((i & 3u) * 8u)) & 0xffu;
}
fn load_element2_$B(i: u32) -> u32 {
  return (load_word$B(i >> 1u) >> ((i & 1u) * 16u)) & 0xffffu;
}
fn load_element4_$B(i: u32) -> u32 { return load_word$B(i); }
fn load_element8_$B(i: u32) -> vec2<u32> { return load_pair$B(i * 2u); }

fn store_element1_$B(i: u32, v: u32) {
  let shift = (i & 3u) * 8u;
  store_part$B(i >> 2u, 0xffu << shift, v << shift);
}
fn store_element2_$B(i: u32, v: u32) {
  let shift = (i & 1u) * 16u;
  store_part$B(i >> 1u, 0xffffu << shift, v << shift);
}
fn store_element4_$B(i: u32, v: u32) { store_word$B(i, v); }
fn store_element8_$B(i: u32, v: vec2<u32>) { store_pair$B(i * 2u, v); }

fn load_run1_$B(i: u32) -> u32 { return load_word$B(i >> 2u); }
fn load_run2_$B(i: u32) -> vec2<u32> { return load_pair$B(i >> 1u); }
fn load_run4_$B(i: u32) -> vec4<u32> { return load_quad$B(i); }
fn load_run8_$B(i: u32) -> Run8 {
  return Run8(load_quad$B(i * 2u), load_quad$B(i * 2u + 4u));
}
fn load_run1x8_$B(i: u32) -> vec2<u32> { return load_pair$B(i >> 2u); }
fn load_run1x16_$B(i: u32) -> vec4<u32> { return load_quad$B(i >> 2u); }
fn load_run2x8_$B(i: u32) -> vec4<u32> { return load_quad$B(i >> 1u); }

fn store_run1_$B(i: u32, count: u32, v: u32) {
  if count == 4u {
    store_word$B(i >> 2u, v);
  } else {
    let mask = (1u << (8u * count)) - 1u;
    store_part$B(i >> 2u, mask, v & mask);
  }
}
fn store_run2_$B(i: u32, count: u32, v: vec2<u32>) {
  let w = i >> 1u;
  if count == 4u {
    store_pair$B(w, v);
  } else if count == 1u {
    store_part$B(w, 0xffffu, v.x & 0xffffu);
  } else {
    store_word$B(w, v.x);
    if count == 3u { store_part$B(w + 1u, 0xffffu, v.y & 0xffffu); }
  }
}
fn store_run4_$B(i: u32, count: u32, v: vec4<u32>) {
  if count == 4u {
    store_quad$B(i, v);
  } else {
    store_word$B(i, v.x);
    if count > 1u { store_word$B(i + 1u, v.y); }
    if count > 2u { store_word$B(i + 2u, v.z); }
  }
}
fn store_run8_$B(i: u32, count: u32, v: Run8) {
  let w = i * 2u;
  if count == 4u {
    store_quad$B(w, v.low);
    store_quad$B(w + 4u, v.high);
  } else {
    store_pair$B(w, v.low.xy);
    if count > 1u { store_pair$B(w + 2u, v.low.zw); }
    if count > 2u { store_pair$B(w + 4u, v.high.xy); }
  }
}
fn store_run1x8_$B(i: u32, count: u32, v: vec2<u32>) {
  if count == 8u {
    store_pair$B(i >> 2u, v);
  } else {
    store_run1_$B(i, min(count, 4u), v.x);
    if count > 4u { store_run1_$B(i + 4u, count - 4u, v.y); }
  }
}
fn store_run1x16_$B(i: u32, count: u32, v: vec4<u32>) {
  if count == 16u {
    store_quad$B(i >> 2u, v);
  } else {
    store_run1x8_$B(i, min(count, 8u), v.xy);
    if count > 8u { store_run1x8_$B(i + 8u, count - 8u, v.zw); }
  }
}
fn store_run2x8_$B(i: u32, count: u32, v: vec4<u32>) {
  if count == 8u {
    store_quad$B(i >> 1u, v);
  } else {
    store_run2_$B(i, min(count, 4u), v.xy);
    if count > 4u { store_run2_$B(i + 4u, count - 4u, v.zw); }
  }
}
