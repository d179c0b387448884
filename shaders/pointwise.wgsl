// Visits every point of an iteration space once, four consecutive points an invocation.
//
// Needs params.wgsl. $FIRST chooses the invocation's run; $GATE may return early; $BEFORE is for what the four points share, $POINT
// runs at each, $AFTER stores whole runs. They may use:
//   first    linear index of the run's first point, a multiple of 4;
//   count    points of the run, 1 to 4;
//   k        0 to 3; at $POINT only;
//   linear   index of the point; beyond the end it stays at the last point, so that every load is in
//            range, and whatever has an effect must ask k < count.
// The trip count is constant, so that compilers unroll it.

@compute @workgroup_size(256)
fn $ENTRY(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
$GATE  let points = params.words[0].x;
  let first = $FIRST;
  if first >= points { return; }
  let last = points - 1u;
  let count = min(points - first, 4u);
$BEFORE  for (var k = 0u; k < 4u; k++) {
    let linear = min(first + k, last);
$POINT  }
$AFTER}
