// Sum, difference and product of f32 for devices that flush subnormals.
//
// Needs algebra_i32_f32.wgsl. Promises the bits of IEEE 754 where the device rounds the sum of numbers
// that are not subnormal, with a sum that is not, to nearest even.

// a * 2^64, exact, for |a| below 2^-64: never subnormal, zeros stay.
fn lift_f32(a: f32) -> f32 {
  let bits = bitcast<u32>(a);
  let sign = bits & 0x80000000u;
  let p = parts_f32(bits & 0x7fffffffu);
  let lifted = (u32(p.exponent + 64i) << 23u) | (p.significand & 0x7fffffu);
  return bitcast<f32>(sign | select(lifted, 0u, (bits & 0x7fffffffu) == 0u));
}

fn add_f32p(a: f32, b: f32) -> f32 {
  let larger = max(bitcast<u32>(a) & 0x7fffffffu, bitcast<u32>(b) & 0x7fffffffu);
  // Beside a number of 2^-64 or more a subnormal does not count, flushed or not.
  let near = larger < 0x1f800000u;
  let x = bitcast<f32>(select(bitcast<u32>(a), bitcast<u32>(lift_f32(a)), near));
  let y = bitcast<f32>(select(bitcast<u32>(b), bitcast<u32>(lift_f32(b)), near));
  let sum = bitcast<u32>(guard_a_f32(x) + guard_b_f32(y));
  // A subnormal sum is a multiple of the least number, so it was exact: lowering does not round.
  let p = parts_f32(sum & 0x7fffffffu);
  let lowered = bitcast<u32>(pack_f32(sum & 0x80000000u, p.exponent - 64i, p.significand << 2u));
  let zero = (sum & 0x7fffffffu) == 0u;
  return bitcast<f32>(select(sum, lowered, near && !zero));
}
fn sub_f32p(a: f32, b: f32) -> f32 { return add_f32p(a, neg_f32p(b)); }

fn mul_f32p(a: f32, b: f32) -> f32 {
  let sign = (bitcast<u32>(a) ^ bitcast<u32>(b)) & 0x80000000u;
  let ax = bitcast<u32>(a) & 0x7fffffffu;
  let ay = bitcast<u32>(b) & 0x7fffffffu;
  let x = parts_f32(ax);
  let y = parts_f32(ay);
  // 48 bits of the product, by halves of 12 bits: 24 in high, 24 in rest.
  let x_high = x.significand >> 12u;
  let y_high = y.significand >> 12u;
  let x_low = x.significand & 0xfffu;
  let y_low = y.significand & 0xfffu;
  let low = x_low * y_low;
  let middle = x_high * y_low + x_low * y_high + (low >> 12u);
  let high = x_high * y_high + (middle >> 12u);
  let rest = ((middle & 0xfffu) << 12u) | (low & 0xfffu);
  let long = high >= 0x800000u;
  let kept = select((high << 3u) | (rest >> 21u), (high << 2u) | (rest >> 22u), long);
  let sticky = select(0u, 1u, (rest & select(0x1fffffu, 0x3fffffu, long)) != 0u);
  let exponent = x.exponent + y.exponent - select(127i, 126i, long);
  let finite = bitcast<u32>(pack_f32(sign, exponent, kept | sticky));
  let zero = ax == 0u || ay == 0u;
  let infinite = ax == 0x7f800000u || ay == 0x7f800000u;
  let invalid = ax > 0x7f800000u || ay > 0x7f800000u || (zero && infinite);
  let bits = select(select(finite, sign, zero), sign | 0x7f800000u, infinite);
  return special_f32p(select(bits, 0x7fc00000u, invalid));
}
