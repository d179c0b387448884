// The algebra of src/math/algebra.rs for 64-bit float lanes: where a kernel has one.
//
// Needs SHADER_F64, SHADER_INT64, algebra_i32_f32.wgsl and algebra_i64.wgsl before it.
// Promises: as algebra_i32_f32.wgsl, the methods are the same at twice the width.

fn guard_a_f64(v: f64) -> f64 { return bitcast<f64>(bitcast<u64>(v) ^ u64(opaque_zero())); }
fn guard_b_f64(v: f64) -> f64 { return bitcast<f64>(bitcast<u64>(v) | u64(opaque_zero())); }

fn add_f64p(a: f64, b: f64) -> f64 { return guard_a_f64(a) + guard_b_f64(b); }
fn sub_f64p(a: f64, b: f64) -> f64 { return guard_a_f64(a) - guard_b_f64(b); }
fn mul_f64p(a: f64, b: f64) -> f64 { return guard_a_f64(a) * guard_b_f64(b); }
fn neg_f64p(a: f64) -> f64 { return bitcast<f64>(bitcast<u64>(a) ^ 0x8000000000000000lu); }
fn special_f64p(bits: u64) -> f64 { return bitcast<f64>(bits ^ u64(opaque_zero())); }

fn is_nan_f64p(a: f64) -> bool {
  return (bitcast<u64>(a) & 0x7ffffffffffffffflu) > 0x7ff0000000000000lu;
}
fn key_f64(a: f64) -> i64 {
  let bits = bitcast<i64>(a);
  return select(bits, bitcast<i64>(0x8000000000000000lu) - bits, bits < 0li);
}
fn eq_f64p(a: f64, b: f64) -> bool {
  return key_f64(a) == key_f64(b) && !is_nan_f64p(a) && !is_nan_f64p(b);
}
fn lt_f64p(a: f64, b: f64) -> bool {
  return key_f64(a) < key_f64(b) && !is_nan_f64p(a) && !is_nan_f64p(b);
}
fn le_f64p(a: f64, b: f64) -> bool {
  return key_f64(a) <= key_f64(b) && !is_nan_f64p(a) && !is_nan_f64p(b);
}

fn shift_even_u64(value: u64, count: u32) -> u64 {
  let whole = value >> count;
  let half = (1lu << (count - 1u)) - 1lu + (whole & 1lu);
  let rest = value & ((1lu << count) - 1lu);
  return whole + ((rest + half) >> count);
}

// m * 2^(e - 1075), m of 53 bits.
struct Parts64 { significand: u64, exponent: i32 }
fn parts_f64(bits: u64) -> Parts64 {
  let field = i32(u32(bits >> 52u) & 0x7ffu);
  let fraction = bits & 0xffffffffffffflu;
  let subnormal = field == 0i;
  let shift = select(0u, zeros_u64(fraction | 1lu) - 11u, subnormal);
  return Parts64(
    select(fraction | 0x10000000000000lu, (fraction << shift) & 0x1ffffffffffffflu, subnormal),
    select(field, 1i - i32(shift), subnormal));
}

// significand (55 bits) * 2^(exponent - 1077), rounded.
fn pack_f64(sign: u64, exponent: i32, significand: u64) -> f64 {
  let below = u32(clamp(1i - exponent, 0i, 54i));
  let rounded = shift_even_u64(significand, 2u + below);
  let bits = (u64(u32(clamp(exponent - 1i, 0i, 2046i))) << 52u) + rounded;
  let limit = 0x7ff0000000000000lu ^ u64(opaque_zero());
  return bitcast<f64>(sign | select(bits, limit, bits > limit));
}

// As div_f32p.
fn div_f64p(a: f64, b: f64) -> f64 {
  let infinity = 0x7ff0000000000000lu;
  let x = bitcast<u64>(a);
  let y = bitcast<u64>(b);
  let sign = (x ^ y) & 0x8000000000000000lu;
  let ax = x & 0x7ffffffffffffffflu;
  let ay = y & 0x7ffffffffffffffflu;
  let n = parts_f64(ax);
  let d = parts_f64(ay);
  let less = n.significand < d.significand;
  let exponent = n.exponent - d.exponent + select(1023i, 1022i, less);
  let scale = select(0x3ff0000000000000lu, 0x4000000000000000lu, less);
  let numerator = bitcast<f64>((n.significand & 0xffffffffffffflu) | scale);
  let one_to_two = bitcast<f64>((d.significand & 0xffffffffffffflu) | 0x3ff0000000000000lu);
  let inverse = guard_a_f64(1.0lf / one_to_two);
  let estimate = bitcast<u64>(numerator * inverse) - 0x3fe0000000000000lu;
  let remainder =
    bitcast<i64>((n.significand << select(52u, 53u, less)) - estimate * d.significand);
  let units = i64(f64(remainder) * inverse * 2.220446049250313e-16lf);
  let divisor = bitcast<i64>(d.significand);
  let near = remainder - units * divisor;
  let step = select(0li, 1li, near >= divisor) - select(0li, 1li, near < 0li);
  let rest = (near - step * divisor) << 1u;
  let bit = select(0li, 1li, rest >= divisor);
  let quotient = ((estimate + bitcast<u64>(units + step)) << 1u) | bitcast<u64>(bit);
  let sticky = select(0lu, 1lu, rest != bit * divisor);
  let finite = bitcast<u64>(pack_f64(sign, exponent, (quotient << 1u) | sticky));
  let invalid = ax > infinity || ay > infinity || (ax == 0lu && ay == 0lu)
    || (ax == infinity && ay == infinity);
  let zero = ax == 0lu || ay == infinity;
  let infinite = ax == infinity || ay == 0lu;
  var bits = select(finite, sign, zero);
  bits = select(bits, sign | infinity, infinite);
  return special_f64p(select(bits, 0x7ff8000000000000lu, invalid));
}

fn sqrt_f64p(a: f64) -> f64 {
  let infinity = 0x7ff0000000000000lu;
  let x = bitcast<u64>(a);
  let p = parts_f64(x & 0x7ffffffffffffffflu);
  // significand * 2^54 or 2^55; its root has 54 bits.
  let even = (bitcast<u32>(p.exponent) & 1u) == 0u;
  let scaled = p.significand << select(54u, 55u, even);
  let moderate = f64(p.significand << select(0u, 1u, even));
  var root = u64(guard_a_f64(sqrt(moderate)) * 134217728.0lf);
  var remainder = bitcast<i64>(scaled - root * root);
  root += bitcast<u64>(remainder / bitcast<i64>(max(root << 1u, 1lu)));
  for (var i = 0u; i < 2u; i++) {
    remainder = bitcast<i64>(scaled - root * root);
    root -= select(0lu, 1lu, remainder < 0li);
  }
  remainder = bitcast<i64>(scaled - root * root);
  root += select(0lu, 1lu, remainder > bitcast<i64>(root << 1u));
  let sticky = select(0lu, 1lu, scaled != root * root);
  let finite = bitcast<u64>(pack_f64(0lu, (p.exponent + 1023i) >> 1u, (root << 1u) | sticky));
  let magnitude = x & 0x7ffffffffffffffflu;
  let same = magnitude == 0lu || x == infinity;
  let invalid = magnitude > infinity || x > 0x8000000000000000lu;
  return special_f64p(select(select(finite, x, same), 0x7ff8000000000000lu, invalid));
}

// 11 bits of the quotient a turn.
fn fmod_f64p(a: f64, b: f64) -> f64 {
  let infinity = 0x7ff0000000000000lu;
  let x = bitcast<u64>(a);
  let ax = x & 0x7ffffffffffffffflu;
  let ay = bitcast<u64>(b) & 0x7ffffffffffffffflu;
  let sign = x & 0x8000000000000000lu;
  if (ax >= infinity || ay > infinity || ay == 0lu) { return special_f64p(0x7ff8000000000000lu); }
  if (ax < ay) { return a; }
  let n = parts_f64(ax);
  let d = parts_f64(ay);
  var rest = n.significand % max(d.significand, 1lu);
  var left = u32(n.exponent - d.exponent);
  while (left > 0u && rest != 0lu) {
    let step = min(left, 11u);
    rest = (rest << step) % max(d.significand, 1lu);
    left -= step;
  }
  let zeros = zeros_u64(rest | 1lu) - 9u;
  let bits = bitcast<u64>(pack_f64(sign, d.exponent + 2i - i32(zeros), rest << zeros));
  return bitcast<f64>(select(bits, sign, rest == 0lu));
}

fn from_int_f64p(a: i64) -> f64 { return cast_i64_f64(a); }
fn to_int_f64p(a: f64) -> i64 { return cast_f64_i64(a); }

// magnitude, rounded; sign is bit 63.
fn round_u64_f64(sign: u64, magnitude: u64) -> f64 {
  let zeros = zeros_u64(magnitude | 1lu);
  let top = magnitude << zeros;
  let sticky = select(0lu, 1lu, (top & 0x1fflu) != 0lu);
  let number = bitcast<u64>(pack_f64(sign, 1086i - i32(zeros), (top >> 9u) | sticky));
  return bitcast<f64>(select(number, 0lu, magnitude == 0lu));
}
fn cast_i32_f64(a: i32) -> f64 { return cast_i64_f64(cast_i32_i64(a)); }
fn cast_i64_f64(a: i64) -> f64 {
  let bits = bitcast<u64>(a);
  return round_u64_f64(bits & 0x8000000000000000lu, select(bits, 0lu - bits, a < 0li));
}
fn cast_f32_f64(a: f32) -> f64 {
  let bits = bitcast<u32>(a);
  let magnitude = bits & 0x7fffffffu;
  let sign = u64(bits & 0x80000000u) << 32u;
  let p = parts_f32(magnitude);
  let finite = (u64(u32(p.exponent + 896i)) << 52u) | (u64(p.significand & 0x7fffffu) << 29u);
  let special = 0x7ff0000000000000lu | (u64(magnitude & 0x7fffffu) << 29u);
  let number = select(select(finite, special, magnitude >= 0x7f800000u), 0lu, magnitude == 0u);
  return special_f64p(sign | number);
}
fn cast_f64_f32(a: f64) -> f32 {
  let bits = bitcast<u64>(a);
  let magnitude = bits & 0x7ffffffffffffffflu;
  let sign = u32(bits >> 32u) & 0x80000000u;
  let p = parts_f64(magnitude);
  let sticky = select(0u, 1u, (p.significand & 0x7fffffflu) != 0lu);
  let significand = u32(p.significand >> 27u) | sticky;
  let finite = bitcast<u32>(pack_f32(sign, clamp(p.exponent - 896i, -100i, 300i), significand));
  let number = select(finite, sign | 0x7f800000u, magnitude == 0x7ff0000000000000lu);
  let invalid = magnitude > 0x7ff0000000000000lu;
  return special_f32p(select(select(number, sign, magnitude == 0lu), 0x7fc00000u, invalid));
}
fn cast_f64_f64(a: f64) -> f64 { return a; }
fn cast_f64_f16(a: f64) -> f32 { return narrow_f16(cast_f64_f32(a)); }
fn cast_f64_bf16(a: f64) -> f32 { return narrow_bf16(cast_f64_f32(a)); }
fn cast_f64_bool(a: f64) -> i32 {
  return select(0i, 1i, (bitcast<u64>(a) & 0x7ffffffffffffffflu) != 0lu);
}
fn cast_f64_i64(a: f64) -> i64 {
  let bits = bitcast<u64>(a);
  let magnitude = bits & 0x7ffffffffffffffflu;
  let exponent = i32(u32(magnitude >> 52u)) - 1075i;
  let significand = (bits & 0xffffffffffffflu) | 0x10000000000000lu;
  let right = significand >> u32(clamp(-exponent, 0i, 53i));
  let whole = bitcast<i64>(select(right, significand << u32(clamp(exponent, 0i, 10i)), exponent > 0i));
  let negative = bits >= 0x8000000000000000lu;
  let limit = bitcast<i64>(select(0x7ffffffffffffffflu, 0x8000000000000000lu, negative));
  let signed = select(whole, 0li - whole, negative);
  return select(select(signed, limit, exponent > 10i), 0li, magnitude > 0x7ff0000000000000lu);
}
fn cast_f64_i32(a: f64) -> i32 {
  let wide = cast_f64_i64(a);
  let low = select(wide, -2147483648li, wide < -2147483648li);
  return i32(select(low, 2147483647li, low > 2147483647li));
}
fn cast_f64_u8(a: f64) -> i32 { return cast_i32_u8(cast_f64_i32(a)); }
fn cast_f64_i8(a: f64) -> i32 { return cast_i32_i8(cast_f64_i32(a)); }
fn cast_f64_i16(a: f64) -> i32 { return cast_i32_i16(cast_f64_i32(a)); }

fn narrow_f64(a: f64) -> f64 { return a; }
