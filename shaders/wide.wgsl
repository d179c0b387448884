// Numbers of 64 bits as vec2<u32>, low word first: no device needs 64-bit integers for these.
//
// Needs multiply_wide of wide_product_soft.wgsl or wide_product_native.wgsl.

fn add_wide(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let low = a.x + b.x;
  return vec2<u32>(low, a.y + b.y + select(0u, 1u, low < a.x));
}

// The product, modulo 2^64.
fn scale_wide(a: vec2<u32>, b: u32) -> vec2<u32> {
  return multiply_wide(a.x, b) + vec2<u32>(0u, a.y * b);
}

fn sign_extend(v: i32) -> vec2<u32> {
  return vec2<u32>(bitcast<u32>(v), bitcast<u32>(v >> 31u));
}

fn is_below(a: vec2<u32>, b: u32) -> bool { return a.y == 0u && a.x < b; }

// (lead * length + place) * breadth + trail.
fn wide_index(lead: u32, length: u32, place: u32, breadth: u32, trail: u32) -> vec2<u32> {
  let line = add_wide(multiply_wide(lead, length), vec2<u32>(place, 0u));
  return add_wide(scale_wide(line, breadth), vec2<u32>(trail, 0u));
}
