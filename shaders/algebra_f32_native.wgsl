// Sum, difference and product of f32 for devices that keep subnormals.
//
// Needs the guards of algebra_i32_f32.wgsl. Promises the bits of IEEE 754 where the device rounds + - *
// to nearest even and neither flushes subnormals on the way in nor on the way out.

fn add_f32p(a: f32, b: f32) -> f32 { return guard_a_f32(a) + guard_b_f32(b); }
fn sub_f32p(a: f32, b: f32) -> f32 { return guard_a_f32(a) - guard_b_f32(b); }
fn mul_f32p(a: f32, b: f32) -> f32 { return guard_a_f32(a) * guard_b_f32(b); }
