// The algebra of src/math/algebra.rs for 32-bit lanes. Always present.
//
// Needs from the kernel: fn opaque_zero() -> u32, zero at run time, unknown to every compiler.
// Needs + - * from algebra_f32_native.wgsl or algebra_f32_soft.wgsl.
// Promises: every function gives the bits its namesake in the Rust algebra gives, NaN payloads aside,
// on any device whose native quotient, root and inverse root of significands of 24 bits are within 16
// ULP, and whose + rounds normal numbers to nearest even. Nothing here takes a subnormal from a float
// operation, or gives one to it where that counts.
// Names: NAME_LANEp is an algebra operation, cast_LANE_DTYPE and narrow_DTYPE are Note [Casts].
//
// Guards. An operand passes through guard_a or guard_b before it enters a float operation, so that no
// compiler can contract, reassociate or cancel across two of them. The two forms differ, else x - x
// would be seen through, and NaN with it.

fn guard_a_f32(v: f32) -> f32 { return bitcast<f32>(bitcast<u32>(v) ^ opaque_zero()); }
fn guard_b_f32(v: f32) -> f32 { return bitcast<f32>(bitcast<u32>(v) | opaque_zero()); }

fn neg_f32p(a: f32) -> f32 { return bitcast<f32>(bitcast<u32>(a) ^ 0x80000000u); }

// Bits that no compiler may take for an infinity or NaN in a constant expression.
fn special_f32p(bits: u32) -> f32 { return bitcast<f32>(bits ^ opaque_zero()); }

fn is_nan_f32p(a: f32) -> bool { return (bitcast<u32>(a) & 0x7fffffffu) > 0x7f800000u; }

// Orders as the numbers do; both zeros are 0.
fn key_f32(a: f32) -> i32 {
  let bits = bitcast<i32>(a);
  return select(bits, bitcast<i32>(0x80000000u) - bits, bits < 0i);
}
fn eq_f32p(a: f32, b: f32) -> bool {
  return key_f32(a) == key_f32(b) && !is_nan_f32p(a) && !is_nan_f32p(b);
}
fn lt_f32p(a: f32, b: f32) -> bool {
  return key_f32(a) < key_f32(b) && !is_nan_f32p(a) && !is_nan_f32p(b);
}
fn le_f32p(a: f32, b: f32) -> bool {
  return key_f32(a) <= key_f32(b) && !is_nan_f32p(a) && !is_nan_f32p(b);
}

// value >> count, to nearest even; count in 1..=31.
fn shift_even_u32(value: u32, count: u32) -> u32 {
  let whole = value >> count;
  let half = (1u << (count - 1u)) - 1u + (whole & 1u);
  let rest = value & ((1u << count) - 1u);
  return whole + ((rest + half) >> count);
}

// The significand of a finite nonzero number, 24 bits, and its exponent: m * 2^(e - 150).
struct Parts32 { significand: u32, exponent: i32 }
fn parts_f32(bits: u32) -> Parts32 {
  let field = (bits >> 23u) & 0xffu;
  let fraction = bits & 0x7fffffu;
  let zeros = countLeadingZeros(fraction | 1u);
  let subnormal = field == 0u;
  let shift = select(0u, zeros - 8u, subnormal);
  return Parts32(
    select(fraction | 0x800000u, (fraction << shift) & 0xffffffu, subnormal),
    select(bitcast<i32>(field), 1i - bitcast<i32>(shift), subnormal));
}

// significand (26 bits: 24, one to round by, one sticky) * 2^(exponent - 152), rounded; sign is bit 31.
fn pack_f32(sign: u32, exponent: i32, significand: u32) -> f32 {
  let below = u32(clamp(1i - exponent, 0i, 25i));
  let rounded = shift_even_u32(significand, 2u + below);
  let bits = (u32(clamp(exponent - 1i, 0i, 254i)) << 23u) + rounded;
  return bitcast<f32>(sign | min(bits, 0x7f800000u ^ opaque_zero()));
}

// No branches here: a driver may look for what decides them through all of a kernel, again and again.
fn div_f32p(a: f32, b: f32) -> f32 {
  let x = bitcast<u32>(a);
  let y = bitcast<u32>(b);
  let sign = (x ^ y) & 0x80000000u;
  let ax = x & 0x7fffffffu;
  let ay = y & 0x7fffffffu;
  let n = parts_f32(ax);
  let d = parts_f32(ay);
  // Scale the quotient to [1, 2).
  let less = n.significand < d.significand;
  let exponent = n.exponent - d.exponent + select(127i, 126i, less);
  // 24 bits of it by the native inverse; the true remainder is small, so modulo 2^32 is exact.
  let numerator = bitcast<f32>((n.significand & 0x7fffffu) | select(0x3f800000u, 0x40000000u, less));
  let inverse = guard_a_f32(1.0f / bitcast<f32>((d.significand & 0x7fffffu) | 0x3f800000u));
  let estimate = bitcast<u32>(numerator * inverse) - 0x3f000000u;
  let remainder =
    bitcast<i32>((n.significand << select(23u, 24u, less)) - estimate * d.significand);
  let units = i32(f32(remainder) * inverse * 0x1p-23f);
  // Of less than a unit, above or below; then of none, and a bit more.
  let divisor = bitcast<i32>(d.significand);
  let near = remainder - units * divisor;
  let step = select(0i, 1i, near >= divisor) - select(0i, 1i, near < 0i);
  let rest = (near - step * divisor) << 1u;
  let bit = select(0i, 1i, rest >= divisor);
  let quotient = ((estimate + bitcast<u32>(units + step)) << 1u) | bitcast<u32>(bit);
  let sticky = select(0u, 1u, rest != bit * divisor);
  let finite = bitcast<u32>(pack_f32(sign, exponent, (quotient << 1u) | sticky));
  let invalid = ax > 0x7f800000u || ay > 0x7f800000u || (ax == 0u && ay == 0u)
    || (ax == 0x7f800000u && ay == 0x7f800000u);
  let zero = ax == 0u || ay == 0x7f800000u;
  let infinite = ax == 0x7f800000u || ay == 0u;
  var bits = select(finite, sign, zero);
  bits = select(bits, sign | 0x7f800000u, infinite);
  return special_f32p(select(bits, 0x7fc00000u, invalid));
}

// As the quotient, from the native inverse root. The square of a number halfway between two has more bits than
// a significand and is none; no root is subnormal.
fn sqrt_f32p(a: f32) -> f32 {
  let x = bitcast<u32>(a);
  let p = parts_f32(x & 0x7fffffffu);
  // significand * 2^23 or 2^24, so that an even power of two is left; its root has 24 bits.
  let odd = (bitcast<u32>(p.exponent) & 1u) != 0u;
  let scaled = p.significand << select(24u, 23u, odd);
  let moderate = bitcast<f32>((p.significand & 0x7fffffu) | select(0x40000000u, 0x3f800000u, odd));
  let inverse = guard_a_f32(inverseSqrt(moderate));
  let estimate = bitcast<u32>(moderate * inverse) - 0x3f000000u;
  let units = i32(f32(bitcast<i32>(scaled - estimate * estimate)) * inverse * 0x1p-24f);
  let root = estimate + bitcast<u32>(units);
  let remainder = bitcast<i32>(scaled - root * root);
  let half = bitcast<i32>(root);
  let nearest = root + select(0u, 1u, remainder > half) - select(0u, 1u, remainder <= -half);
  let finite = (bitcast<u32>((p.exponent + 127i) >> 1u) << 23u) + (nearest & 0x7fffffu);
  let magnitude = x & 0x7fffffffu;
  let same = magnitude == 0u || x == 0x7f800000u;
  let invalid = magnitude > 0x7f800000u || x > 0x80000000u;
  return special_f32p(select(select(finite, x, same), 0x7fc00000u, invalid));
}

// The exact remainder with the sign of the dividend. 8 bits of the quotient a turn.
fn fmod_f32p(a: f32, b: f32) -> f32 {
  let x = bitcast<u32>(a);
  let ax = x & 0x7fffffffu;
  let ay = bitcast<u32>(b) & 0x7fffffffu;
  if (ax >= 0x7f800000u || ay > 0x7f800000u || ay == 0u) { return special_f32p(0x7fc00000u); }
  if (ax < ay) { return a; }
  let n = parts_f32(ax);
  let d = parts_f32(ay);
  var rest = n.significand % max(d.significand, 1u);
  var left = u32(n.exponent - d.exponent);
  while (left > 0u && rest != 0u) {
    let step = min(left, 8u);
    rest = (rest << step) % max(d.significand, 1u);
    left -= step;
  }
  // rest * 2^(d.exponent - 150) is a number: nothing rounds.
  let zeros = countLeadingZeros(rest | 1u) - 6u;
  let bits = bitcast<u32>(pack_f32(x & 0x80000000u, d.exponent + 2i - bitcast<i32>(zeros), rest << zeros));
  return bitcast<f32>(select(bits, x & 0x80000000u, rest == 0u));
}

// Integers wrap; division by zero gives the dividend, its remainder is 0, MIN / -1 is MIN.
fn div_i32p(a: i32, b: i32) -> i32 {
  let plain = b != 0i && b != -1i;
  return select(select(a, 0i - a, b == -1i), a / select(1i, b, plain), plain);
}
fn rem_i32p(a: i32, b: i32) -> i32 {
  let plain = b != 0i && b != -1i;
  return select(0i, a % select(1i, b, plain), plain);
}

fn from_int_f32p(a: i32) -> f32 { return cast_i32_f32(a); }
fn to_int_f32p(a: f32) -> i32 { return cast_f32_i32(a); }

// Casts between 32-bit lanes. See Note [Casts] of src/kernel/mod.rs.

fn cast_i32_bool(a: i32) -> i32 { return select(0i, 1i, a != 0i); }
fn cast_i32_u8(a: i32) -> i32 { return a & 255i; }
fn cast_i32_i8(a: i32) -> i32 { return (a << 24u) >> 24u; }
fn cast_i32_i16(a: i32) -> i32 { return (a << 16u) >> 16u; }
fn cast_i32_i32(a: i32) -> i32 { return a; }
// Both halves are numbers, so the sum alone rounds.
fn cast_i32_f32(a: i32) -> f32 {
  return guard_a_f32(f32(a >> 16u) * 65536.0f) + guard_b_f32(f32(a & 0xffffi));
}
fn cast_i32_f16(a: i32) -> f32 { return narrow_f16(cast_i32_f32(a)); }
fn cast_i32_bf16(a: i32) -> f32 { return narrow_bf16(cast_i32_f32(a)); }

fn cast_f32_bool(a: f32) -> i32 { return select(0i, 1i, (bitcast<u32>(a) & 0x7fffffffu) != 0u); }
fn cast_f32_i32(a: f32) -> i32 {
  let bits = bitcast<u32>(a);
  let magnitude = bits & 0x7fffffffu;
  let exponent = bitcast<i32>(magnitude >> 23u) - 150i;
  let significand = (bits & 0x7fffffu) | 0x800000u;
  let right = significand >> u32(clamp(-exponent, 0i, 24i));
  let whole = select(right, significand << u32(clamp(exponent, 0i, 7i)), exponent > 0i);
  let negative = bits >= 0x80000000u;
  let signed = bitcast<i32>(select(whole, 0u - whole, negative));
  let limit = bitcast<i32>(select(0x7fffffffu, 0x80000000u, negative));
  return select(select(signed, limit, exponent > 7i), 0i, magnitude > 0x7f800000u);
}
fn cast_f32_u8(a: f32) -> i32 { return cast_i32_u8(cast_f32_i32(a)); }
fn cast_f32_i8(a: f32) -> i32 { return cast_i32_i8(cast_f32_i32(a)); }
fn cast_f32_i16(a: f32) -> i32 { return cast_i32_i16(cast_f32_i32(a)); }
fn cast_f32_f16(a: f32) -> f32 { return narrow_f16(a); }
fn cast_f32_bf16(a: f32) -> f32 { return narrow_bf16(a); }
fn cast_f32_f32(a: f32) -> f32 { return a; }

// What every operation's result passes through: the value made representable in its dtype.

fn narrow_bool(a: i32) -> i32 { return a; }
fn narrow_u8(a: i32) -> i32 { return cast_i32_u8(a); }
fn narrow_i8(a: i32) -> i32 { return cast_i32_i8(a); }
fn narrow_i16(a: i32) -> i32 { return cast_i32_i16(a); }
fn narrow_i32(a: i32) -> i32 { return a; }
fn narrow_f32(a: f32) -> f32 { return a; }
fn narrow_f16(a: f32) -> f32 { return f16_bits_to_f32(f32_to_f16_bits(a)); }
fn narrow_bf16(a: f32) -> f32 { return bf16_bits_to_f32(f32_to_bf16_bits(a)); }

// The stored forms of the halves.

fn f32_to_f16_bits(a: f32) -> u32 {
  let bits = bitcast<u32>(a);
  let magnitude = bits & 0x7fffffffu;
  // From 65520 on the carry runs into the infinity; beyond 65536 the exponent no longer fits.
  let normal = min((magnitude - 0x37fff001u + ((magnitude >> 13u) & 1u)) >> 13u, 0x7c00u);
  // The last place of 0.5 is 2^-24, the least of them.
  let subnormal = bitcast<u32>(bitcast<f32>(min(magnitude, 0x38800000u)) + 0.5f) - 0x3f000000u;
  let number = select(normal, subnormal, magnitude < 0x38800000u);
  return ((bits >> 16u) & 0x8000u) | select(number, 0x7e00u, magnitude > 0x7f800000u);
}
fn f16_bits_to_f32(bits: u32) -> f32 {
  let magnitude = (bits & 0x7fffu) << 13u;
  // Of a subnormal the fraction, beside 2^-14.
  let low = bitcast<u32>(bitcast<f32>((magnitude & 0x7fffffu) | 0x38800000u) - 0x1p-14f);
  var number = select(magnitude + 0x38000000u, low, magnitude < 0x800000u);
  number = select(number, magnitude | 0x7f800000u, magnitude >= 0xf800000u);
  return special_f32p(((bits & 0x8000u) << 16u) | number);
}
fn f32_to_bf16_bits(a: f32) -> u32 {
  let bits = bitcast<u32>(a);
  let number = (bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u;
  return select(number, (bits >> 16u) | 0x40u, (bits & 0x7fffffffu) > 0x7f800000u);
}
fn bf16_bits_to_f32(bits: u32) -> f32 { return special_f32p(bits << 16u); }
