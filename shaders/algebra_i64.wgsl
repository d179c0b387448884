// The algebra of src/math/algebra.rs for 64-bit integer lanes: where a kernel has one.
//
// Needs SHADER_INT64 and algebra_i32_f32.wgsl before it.
// Promises: as there. Shifts take the count modulo 64.

fn div_i64p(a: i64, b: i64) -> i64 {
  let plain = b != 0li && b != -1li;
  return select(select(a, 0li - a, b == -1li), a / select(1li, b, plain), plain);
}
fn rem_i64p(a: i64, b: i64) -> i64 {
  let plain = b != 0li && b != -1li;
  return select(0li, a % select(1li, b, plain), plain);
}

fn zeros_u64(a: u64) -> u32 {
  let high = u32(a >> 32u);
  return select(countLeadingZeros(high), 32u + countLeadingZeros(u32(a & 0xfffffffflu)), high == 0u);
}

// Not i64(a): llvmpipe takes the sign extension of an i32 for positive in a comparison.
fn cast_i32_i64(a: i32) -> i64 {
  let high = u64(bitcast<u32>(a >> 31u) ^ opaque_zero()) << 32u;
  return bitcast<i64>(high | u64(bitcast<u32>(a)));
}
fn cast_i64_i64(a: i64) -> i64 { return a; }
fn cast_i64_i32(a: i64) -> i32 { return bitcast<i32>(u32(bitcast<u64>(a) & 0xfffffffflu)); }
fn cast_i64_bool(a: i64) -> i32 { return select(0i, 1i, a != 0li); }
fn cast_i64_u8(a: i64) -> i32 { return cast_i32_u8(cast_i64_i32(a)); }
fn cast_i64_i8(a: i64) -> i32 { return cast_i32_i8(cast_i64_i32(a)); }
fn cast_i64_i16(a: i64) -> i32 { return cast_i32_i16(cast_i64_i32(a)); }
fn cast_i64_f32(a: i64) -> f32 {
  let bits = bitcast<u64>(a);
  let magnitude = select(bits, 0lu - bits, a < 0li);
  let zeros = zeros_u64(magnitude | 1lu);
  let top = magnitude << zeros;
  let sticky = select(0u, 1u, (top & 0x3ffffffffflu) != 0lu);
  let sign = select(0u, 0x80000000u, a < 0li);
  let number = bitcast<u32>(pack_f32(sign, 190i - i32(zeros), u32(top >> 38u) | sticky));
  return bitcast<f32>(select(number, 0u, a == 0li));
}
fn cast_i64_f16(a: i64) -> f32 { return narrow_f16(cast_i64_f32(a)); }
fn cast_i64_bf16(a: i64) -> f32 { return narrow_bf16(cast_i64_f32(a)); }

fn cast_f32_i64(a: f32) -> i64 {
  let bits = bitcast<u32>(a);
  let magnitude = bits & 0x7fffffffu;
  let exponent = bitcast<i32>(magnitude >> 23u) - 150i;
  let significand = u64((bits & 0x7fffffu) | 0x800000u);
  let right = significand >> u32(clamp(-exponent, 0i, 24i));
  let whole = bitcast<i64>(select(right, significand << u32(clamp(exponent, 0i, 39i)), exponent > 0i));
  let negative = bits >= 0x80000000u;
  let limit = bitcast<i64>(select(0x7ffffffffffffffflu, 0x8000000000000000lu, negative));
  let signed = select(whole, 0li - whole, negative);
  return select(select(signed, limit, exponent > 39i), 0li, magnitude > 0x7f800000u);
}

fn narrow_i64(a: i64) -> i64 { return a; }
