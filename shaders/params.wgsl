// The numbers of one launch, and the status words of checks. Always present.
//
// Layout, in words: 0 points, 1 workgroups in a row of the grid, 2 and 3 base (low, high), 4 the
// opaque zero, 5 the status slot; from word 8 on what params.rs lays out.

struct Params { words: array<vec4<u32>, $VECTORS> }
@group(1) @binding(0) var<uniform> params: Params;
@group(1) @binding(1) var<storage, read_write> status: array<atomic<u32>>;

// Zero, but no compiler can know: see the guards of algebra_i32_f32.wgsl.
fn opaque_zero() -> u32 { return params.words[1].x; }
