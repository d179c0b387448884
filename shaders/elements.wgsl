// Elements between their stored form and their lane, and runs of them in registers.
//
// The stored form of an element is a u32, zero-extended, or a vec2<u32>, low word first. A run holds
// the stored forms of four elements, packed, a long run those of as many as are named after an x; the digit before is
// the size of one in bytes. k and turn are 0 to 3, and nothing here indexes a register by them, which would send it to
// memory where a loop is not unrolled.
// encode_DTYPE takes only values that are representable in the dtype.

struct Run8 { low: vec4<u32>, high: vec4<u32> }

fn get1(run: u32, k: u32) -> u32 { return (run >> (k * 8u)) & 0xffu; }
fn get2(run: vec2<u32>, k: u32) -> u32 {
  return (select(run.x, run.y, k > 1u) >> ((k & 1u) * 16u)) & 0xffffu;
}
fn get4(run: vec4<u32>, k: u32) -> u32 {
  let pair = select(run.xy, run.zw, k > 1u);
  return select(pair.x, pair.y, (k & 1u) != 0u);
}
fn get8(run: Run8, k: u32) -> vec2<u32> {
  let quad = select(run.low, run.high, k > 1u);
  return select(quad.xy, quad.zw, (k & 1u) != 0u);
}

// The run with element k, zero before, set.
fn set1(run: u32, k: u32, v: u32) -> u32 { return run | (v << (k * 8u)); }
fn set2(run: vec2<u32>, k: u32, v: u32) -> vec2<u32> {
  let bits = v << ((k & 1u) * 16u);
  return run | select(vec2<u32>(bits, 0u), vec2<u32>(0u, bits), k > 1u);
}
fn set4(run: vec4<u32>, k: u32, v: u32) -> vec4<u32> {
  return select(run, vec4<u32>(v), vec4<u32>(0u, 1u, 2u, 3u) == vec4<u32>(k));
}
fn set8(run: Run8, k: u32, v: vec2<u32>) -> Run8 {
  let place = vec4<u32>(0u, 0u, 1u, 1u);
  return Run8(
    select(run.low, v.xyxy, place == vec4<u32>(k)),
    select(run.high, v.xyxy, place + 2u == vec4<u32>(k)));
}

// The four elements of a turn of a long run, and the run with them set.
fn part1x8(run: vec2<u32>, turn: u32) -> u32 { return select(run.x, run.y, turn > 0u); }
fn part1x16(run: vec4<u32>, turn: u32) -> u32 { return get4(run, turn); }
fn part2x8(run: vec4<u32>, turn: u32) -> vec2<u32> { return select(run.xy, run.zw, turn > 0u); }
fn join1x8(run: vec2<u32>, turn: u32, part: u32) -> vec2<u32> {
  return select(run, vec2<u32>(part), vec2<u32>(0u, 1u) == vec2<u32>(turn));
}
fn join1x16(run: vec4<u32>, turn: u32, part: u32) -> vec4<u32> { return set4(run, turn, part); }
fn join2x8(run: vec4<u32>, turn: u32, part: vec2<u32>) -> vec4<u32> {
  return select(run, part.xyxy, vec4<u32>(0u, 0u, 1u, 1u) == vec4<u32>(turn));
}

// A byte that another dtype left behind still counts as true or false.
fn decode_bool(v: u32) -> i32 { return select(0i, 1i, v != 0u); }
fn decode_u8(v: u32) -> i32 { return bitcast<i32>(v); }
fn decode_i8(v: u32) -> i32 { return bitcast<i32>(v << 24u) >> 24u; }
fn decode_i16(v: u32) -> i32 { return bitcast<i32>(v << 16u) >> 16u; }
fn decode_i32(v: u32) -> i32 { return bitcast<i32>(v); }
fn decode_f16(v: u32) -> f32 { return f16_bits_to_f32(v); }
fn decode_bf16(v: u32) -> f32 { return bf16_bits_to_f32(v); }
fn decode_f32(v: u32) -> f32 { return bitcast<f32>(v); }
fn decode_u64(v: vec2<u32>) -> u64 { return u64(v.x) | (u64(v.y) << 32u); }
fn decode_i64(v: vec2<u32>) -> i64 { return bitcast<i64>(decode_u64(v)); }
fn decode_f64(v: vec2<u32>) -> f64 { return bitcast<f64>(decode_u64(v)); }

fn encode_bool(v: i32) -> u32 { return bitcast<u32>(v); }
fn encode_u8(v: i32) -> u32 { return bitcast<u32>(v); }
fn encode_i8(v: i32) -> u32 { return bitcast<u32>(v) & 0xffu; }
fn encode_i16(v: i32) -> u32 { return bitcast<u32>(v) & 0xffffu; }
fn encode_i32(v: i32) -> u32 { return bitcast<u32>(v); }
fn encode_f16(v: f32) -> u32 { return f32_to_f16_bits(v); }
fn encode_bf16(v: f32) -> u32 { return f32_to_bf16_bits(v); }
fn encode_f32(v: f32) -> u32 { return bitcast<u32>(v); }
fn encode_u64(v: u64) -> vec2<u32> { return vec2<u32>(u32(v), u32(v >> 32u)); }
fn encode_i64(v: i64) -> vec2<u32> { return encode_u64(bitcast<u64>(v)); }
fn encode_f64(v: f64) -> vec2<u32> { return encode_u64(bitcast<u64>(v)); }
