// Folds the last dimensions as reduce_inner.wgsl does, to the same bits, where elements move in runs of four: an
// invocation has four lanes side by side, so that 64 of them fold a block, or the rows of several kept points.
//
// Needs the fold of codegen/fold.rs, also of four values, $LANES of at least 4, and runs that begin at multiples of four
// elements. $BEFORE, $POINT and $RESULT are as in reduce_inner.wgsl; $TURN loads the run whose first point has the
// index `first`, and $POINT may use
//   k      index of the point in the run, 0 to 3.
// A run at the end may have elements beyond it, which are in the buffer and are not folded.

var<workgroup> lanes: array<FoldedRun, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let number = group.y * $ROW + group.x;
  let width = $LANES / 4u;
  let part = number % $PARTS;
  let first_kept = number / $PARTS * (64u / width);
  if first_kept >= $LEAD_COUNT { return; }
  let kept = first_kept + local / width;
  let own = local % width;
  let lead = $LEAD_FIRST + min(kept, $LEAD_COUNT - 1u);
  let trail = 0u;
  $BEFORE
  var run = run_of(identity());
  let end = min((part + 1u) * 4096u, $REDUCED_COUNT);
  var start = part * 4096u;
  // Four loads at a time, and no question whether there are so many.
  for (; start + 1024u <= end; start += 1024u) {
    for (var turn = 0u; turn < 4u; turn++) {
      let within = kept < $LEAD_COUNT;
      let begin = $REDUCED_FIRST + start + turn * 256u + own * 4u;
      let first = lead * $LENGTH + begin;
      $TURN
      for (var k = 0u; k < 4u; k++) {
        let place = begin + k;
        let linear = first + k;
        $POINT
        run = run_with(run, k, fold_pair(run_element(run, k), point));
      }
    }
  }
  for (; start < end; start += 256u) {
    let begin = start + own * 4u;
    let first = lead * $LENGTH + $REDUCED_FIRST + min(begin, (end - 1u) & ~3u);
    $TURN
    for (var k = 0u; k < 4u; k++) {
      let within = kept < $LEAD_COUNT && begin + k < end;
      let place = $REDUCED_FIRST + min(begin + k, end - 1u);
      let linear = lead * $LENGTH + place;
      $POINT
      if within { run = run_with(run, k, fold_pair(run_element(run, k), point)); }
    }
  }
  var absent = identity();
  for (var half = 32u; half > 0u; half >>= 1u) {
    if half >= width {
      run = fold_runs(run, run_of(absent));
      absent = fold_pair(absent, absent);
    } else {
      // What is written next is below what is read here.
      if own < 2u * half { lanes[local] = run; }
      workgroupBarrier();
      if own < half { run = fold_runs(run, lanes[local + half]); }
    }
  }
  if own == 0u && kept < $LEAD_COUNT {
    let linear = lead * $LENGTH;
    let folded = fold_run(run);
    $RESULT
  }
}
