// Visits every point of an iteration space once, $RUN consecutive points an invocation: 4, 8 or 16.
//
// Needs params.wgsl. $TILE is for all points of a workgroup, $FIRST chooses the invocation's run; $GATE may
// return early; $BEFORE is for what the points of a run share, $POINT runs at each, $AFTER stores whole runs.
// A run of more than 4 goes in turns of 4, before and after which $TURN and $TURNED stand. They may use:
//   first    linear index of the run's first point, a multiple of $RUN;
//   count    points of the run, 1 to $RUN;
//   turn, k  the turn and the point in it, 0 to 3; k at $POINT only;
//   at       index of the point in the run; at $POINT only;
//   linear   index of the point; beyond the end it stays at the last point, so that every load is in
//            range, and whatever has an effect must ask at < count.
// The inner trip count is small and constant, so that compilers unroll it.

@compute @workgroup_size(256)
fn $ENTRY(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
$GATE  let points = params.words[0].x;
$TILE  let first = $FIRST;
  if first >= points { return; }
  let last = points - 1u;
  let count = min(points - first, $RUNu);
$BEFORE$TURN  for (var k = 0u; k < 4u; k++) {
    let at = $AT;
    let linear = min(first + at, last);
$POINT  }
$TURNED$AFTER}
