// Another order of the points, for operands that run along the last dimension but one.
//
// In row-major order a workgroup has 1,024 points of one row, and reads a transposed operand one element a cache line.
// Here it has a tile of 32 by 32 points of the last two dimensions, so that what a line holds is used while the line
// is near. Needs columns to be a multiple of 4.
//
// Where workgroup memory is to be had, an operand is loaded into it first, by neighbours that load along whichever of
// the two dimensions is nearer in memory, and is taken from there in the order of the points: a row of a tile has 33
// places, so that neither way meets the same bank twice where places have 4 bytes.

// The tile of a workgroup: the index of its dimensions before the last two, its first row and its first column.
struct Tile { outer: u32, row: u32, column: u32 }

fn tile_of(group: u32, rows: u32, columns: u32) -> Tile {
  let across = (columns + 31u) / 32u;
  let down = (rows + 31u) / 32u;
  let row = group / across;
  return Tile(row / down, (row % down) * 32u, (group % across) * 32u);
}

// The linear index of the first point of an invocation's run; beyond every point outside the space.
fn tile_first(tile: Tile, local: u32, rows: u32, columns: u32) -> u32 {
  let column = tile.column + (local & 7u) * 4u;
  let row = tile.row + (local >> 3u);
  let first = (tile.outer * rows + row) * columns + column;
  return select(0xffffffffu, first, row < rows && column < columns);
}

// Element e of a tile, 0 to 1,023, as its row and column: neighbours along the dimension with the smaller stride.
fn tile_element(e: u32, stride_down: u32, stride_across: u32) -> vec2<u32> {
  return select(vec2<u32>(e >> 5u, e & 31u), vec2<u32>(e & 31u, e >> 5u), stride_down < stride_across);
}

// Where an element of a tile lies in workgroup memory.
fn tile_place(row: u32, column: u32) -> u32 { return row * 33u + column; }
