// Another order of the points, for operands that run along the last dimension but one.
//
// In row-major order a workgroup has 1,024 points of one row, and reads a transposed operand one
// element a cache line. Here it has a tile of 32 by 32 points of the last two dimensions, so that
// what a line holds is used while the line is near. Needs columns to be a multiple of 4.

// The linear index of the first point of an invocation's run; beyond every point outside the space.
fn tile_first(group: u32, local: u32, rows: u32, columns: u32) -> u32 {
  let across = (columns + 31u) / 32u;
  let down = (rows + 31u) / 32u;
  let tile = group / across;
  let column = (group % across) * 32u + (local & 7u) * 4u;
  let row = (tile % down) * 32u + (local >> 3u);
  let first = ((tile / down) * rows + row) * columns + column;
  return select(0xffffffffu, first, row < rows && column < columns);
}
