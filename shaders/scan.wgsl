// Stores the fold of the elements up to each: an invocation walks along one line.
//
// Needs the fold of codegen/fold.rs; $BEFORE, $POINT and $RESULT are as in reduce_inner.wgsl,
// $RESULT runs at each point. Where a binding does not reach the whole line, $BEGIN takes up the
// value that $CARRY of the dispatch before has left.

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let number = (group.y * $ROW + group.x) * 256u + local;
  let row = number / $TRAIL_COUNT;
  if row >= $LEAD_COUNT { return; }
  let kept = number;
  let lead = $LEAD_FIRST + row;
  let trail = $TRAIL_FIRST + number % $TRAIL_COUNT;
  let within = true;
  $BEFORE
  var folded = identity();
  $BEGIN
  for (var at = 0u; at < $REDUCED_COUNT; at++) {
    let place = $REDUCED_FIRST + at;
    let linear = (lead * $LENGTH + place) * $BREADTH + trail;
    $POINT
    folded = fold_pair(folded, point);
    $RESULT
  }
  $CARRY
}
