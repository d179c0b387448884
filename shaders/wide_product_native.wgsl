// The 64-bit product for devices with SHADER_INT64, where it is an instruction or two.

fn multiply_wide(a: u32, b: u32) -> vec2<u32> {
  let product = u64(a) * u64(b);
  return vec2<u32>(u32(product), u32(product >> 32u));
}
