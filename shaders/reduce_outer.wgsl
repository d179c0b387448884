// Folds dimensions that others follow: an invocation folds up to 64 blocks of 16 elements of one
// kept point, so that neighbours load neighbouring elements.
//
// Needs the fold of codegen/fold.rs; $BEFORE, $POINT and $RESULT are as in reduce_inner.wgsl. Where
// a dispatch has only part of a block, $BEGIN takes up the value that the one before has left. The
// blocks, $CHUNK elements together (16 times a power of two), are folded pairwise as they come:
// stack[l] holds the value of 2^l of them where bit l of their count is set.

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let number = (group.y * $ROW + group.x) * 256u + local;
  let column = number % $TRAIL_COUNT;
  let part = number / $TRAIL_COUNT % $PARTS;
  let row = number / $TRAIL_COUNT / $PARTS;
  if row >= $LEAD_COUNT { return; }
  let kept = row * $TRAIL_COUNT + column;
  let lead = $LEAD_FIRST + row;
  let trail = $TRAIL_FIRST + column;
  let within = true;
  $BEFORE
  let end = min((part + 1u) * $CHUNK, $REDUCED_COUNT);
  var at = part * $CHUNK;
  var stack: array<Folded, 7>;
  var blocks = 0u;
  while at < end {
    var folded = identity();
    $BEGIN
    let block_end = min(at + 16u, end);
    for (; at + 4u <= block_end; at += 4u) {
      for (var k = 0u; k < 4u; k++) {
        let place = $REDUCED_FIRST + at + k;
        let linear = (lead * $LENGTH + place) * $BREADTH + trail;
        $POINT
        folded = fold_pair(folded, point);
      }
    }
    for (; at < block_end; at++) {
      let place = $REDUCED_FIRST + at;
      let linear = (lead * $LENGTH + place) * $BREADTH + trail;
      $POINT
      folded = fold_pair(folded, point);
    }
    var level = 0u;
    while ((blocks >> level) & 1u) != 0u {
      folded = fold_pair(stack[level], folded);
      level++;
    }
    stack[level] = folded;
    blocks++;
  }
  var level = countTrailingZeros(blocks);
  var folded = stack[level];
  for (level++; level < 7u; level++) {
    if ((blocks >> level) & 1u) != 0u { folded = fold_pair(stack[level], folded); }
  }
  let linear = lead * $LENGTH * $BREADTH + trail;
  $RESULT
}
