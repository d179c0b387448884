// Keys that are ordered as the elements of a dtype are, from the stored forms of elements.wgsl.
//
// A key is a word, or two for elements of 8 bytes, the high one last. Of floats NaN is beyond all numbers
// and -0 is 0: a positive number is its bits with the sign bit set, a negative one its bits inverted. A
// float of 16 bits is taken as the high half of a word, which keeps its order.

fn ordered_float(bits: u32, infinity: u32) -> u32 {
  let magnitude = bits & 0x7fffffffu;
  if magnitude == 0u { return 0x80000000u; }
  if magnitude > infinity { return 0xffffffffu; }
  return select(bits | 0x80000000u, ~bits, (bits >> 31u) != 0u);
}
fn ordered_int(v: i32) -> u32 { return bitcast<u32>(v) ^ 0x80000000u; }

fn ordered_bool(v: u32) -> u32 { return bitcast<u32>(decode_bool(v)); }
fn ordered_u8(v: u32) -> u32 { return v; }
fn ordered_i8(v: u32) -> u32 { return ordered_int(decode_i8(v)); }
fn ordered_i16(v: u32) -> u32 { return ordered_int(decode_i16(v)); }
fn ordered_i32(v: u32) -> u32 { return v ^ 0x80000000u; }
fn ordered_f16(v: u32) -> u32 { return ordered_float(v << 16u, 0x7c000000u); }
fn ordered_bf16(v: u32) -> u32 { return ordered_float(v << 16u, 0x7f800000u); }
fn ordered_f32(v: u32) -> u32 { return ordered_float(v, 0x7f800000u); }
fn ordered_i64(v: vec2<u32>) -> vec2<u32> { return vec2<u32>(v.x, v.y ^ 0x80000000u); }
fn ordered_f64(v: vec2<u32>) -> vec2<u32> {
  let magnitude = vec2<u32>(v.x, v.y & 0x7fffffffu);
  if magnitude.x == 0u && magnitude.y == 0u { return vec2<u32>(0u, 0x80000000u); }
  if below2(vec2<u32>(0u, 0x7ff00000u), magnitude) { return vec2<u32>(0xffffffffu); }
  return select(vec2<u32>(v.x, v.y | 0x80000000u), ~v, (v.y >> 31u) != 0u);
}

// Whether a key comes before another. The digit is the number of its words.
fn below1(a: u32, b: u32) -> bool { return a < b; }
fn below2(a: vec2<u32>, b: vec2<u32>) -> bool { return a.y < b.y || (a.y == b.y && a.x < b.x); }
