// Folds the last dimensions: a workgroup folds a block of 4,096 elements, or, where the fold is of
// no more than 128, one of several kept points.
//
// Needs the fold of codegen/fold.rs, also of four values. A kept point has a row of $LANES lanes (a power of two, at
// least 4), of 256 in the order of Note [Fixed tree] of src/kernel/mod.rs: the lanes beyond them never take an
// element and are all alike, `absent` stands for them. An invocation has four lanes side by side, whose elements
// follow each other. $BEFORE, $TURN (before four elements), $POINT and $RESULT may use:
//   lead, trail  the kept point; trail is 0;
//   first        index of the first of the four points; at $TURN only;
//   k            number of the point among the four, 0 to 3; at $POINT only;
//   place        index of the element among the folded ones; at $POINT only;
//   linear       index of the point; at $RESULT, where `folded` is the value, of one with place 0;
//   within       whether the point is one of this invocation; each has its effects once;
//   kept, part   the kept point and the block, counted from the first of this dispatch; at $RESULT only.
// Elements beyond the end stay at the last one, so that every load is in range; where $TURN loads four at once,
// what is loaded beyond the end is in the buffer and is not folded.

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
  // Four runs at a time, and no question whether there are so many.
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
