// Multiplies matrices: a workgroup computes a tile of results, an invocation blocks of 4 by 4 of them.
//
// Needs element_left and element_right, which give an element of a factor in its lane, and store_result
// of codegen/product.rs. A tile has 4 * $DOWN rows and 4 * $ACROSS columns; $BLOCK_ROWS * $BLOCK_COLUMNS
// is 256, and $DOWN and $ACROSS are multiples of these. $DEPTH of the elements along k are in workgroup
// memory at once, four lines of a factor side by side; rows of it are one longer than they need be, so
// that invocations that store below each other meet no bank twice. Lines beyond the last one of their
// matrix repeat it, and are not stored; beyond the end of k both factors are 0. Of a part of k, the
// parts of an element of the result are apart from each other in scratch memory.
//
// Each sum starts at 0 and takes its products in the order of k. Nothing stands between a product and
// its sum, so a device may fuse them: see Note [Products] of src/tensor/product/mod.rs.

var<workgroup> left: array<vec4<$LANE>, $LEFT_CELLS>;
var<workgroup> right: array<vec4<$LANE>, $RIGHT_CELLS>;

fn load_left(base: u32, line: u32, at: u32, end: u32) -> vec4<$LANE> {
  if at >= end { return vec4<$LANE>(); }
  let first = base + at * $LEFT_COLUMN;
  let last = $M - 1u;
  return vec4<$LANE>(
    element_left(first + min(line, last) * $LEFT_ROW),
    element_left(first + min(line + 1u, last) * $LEFT_ROW),
    element_left(first + min(line + 2u, last) * $LEFT_ROW),
    element_left(first + min(line + 3u, last) * $LEFT_ROW));
}
fn load_right(base: u32, line: u32, at: u32, end: u32) -> vec4<$LANE> {
  if at >= end { return vec4<$LANE>(); }
  let first = base + at * $RIGHT_ROW;
  let last = $N - 1u;
  return vec4<$LANE>(
    element_right(first + min(line, last) * $RIGHT_COLUMN),
    element_right(first + min(line + 1u, last) * $RIGHT_COLUMN),
    element_right(first + min(line + 2u, last) * $RIGHT_COLUMN),
    element_right(first + min(line + 3u, last) * $RIGHT_COLUMN));
}

// Where a cell of a factor's part of workgroup memory lies: along k and among quads of lines. What is
// near in memory is loaded by neighbours.
fn cell_place(cell: u32, quads: u32, along_k: bool) -> vec2<u32> {
  return select(
    vec2<u32>(cell / quads, cell % quads), vec2<u32>(cell % $DEPTH, cell / $DEPTH), along_k);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let number = group.y * $ROW + group.x;
  let across = ($N + 4u * $ACROSS - 1u) / (4u * $ACROSS);
  let down = ($M + 4u * $DOWN - 1u) / (4u * $DOWN);
  let batch = number / across / down / $PARTS;
  if batch >= $BATCHES { return; }
  let part = number / across / down % $PARTS;
  let first_row = number / across % down * 4u * $DOWN;
  let first_column = number % across * 4u * $ACROSS;
  let block_row = local / $BLOCK_COLUMNS;
  let block_column = local % $BLOCK_COLUMNS;
  $BATCH
  let left_along_k = $LEFT_COLUMN <= $LEFT_ROW;
  let right_along_k = $RIGHT_ROW < $RIGHT_COLUMN;
  $SUMS
  let end = min((part + 1u) * $CHUNK, $K);
  for (var start = part * $CHUNK; start < end; start += $DEPTH) {
    for (var cell = local; cell < $DEPTH * $DOWN; cell += 256u) {
      let place = cell_place(cell, $DOWN, left_along_k);
      left[place.x * ($DOWN + 1u) + place.y] =
        load_left(left_base, first_row + 4u * place.y, start + place.x, end);
    }
    for (var cell = local; cell < $DEPTH * $ACROSS; cell += 256u) {
      let place = cell_place(cell, $ACROSS, right_along_k);
      right[place.x * ($ACROSS + 1u) + place.y] =
        load_right(right_base, first_column + 4u * place.y, start + place.x, end);
    }
    workgroupBarrier();
    for (var at = 0u; at < $DEPTH; at++) {
      $PRODUCTS
    }
    workgroupBarrier();
  }
  $RESULTS
}
