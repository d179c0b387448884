// Folds dimensions that others follow: an invocation folds up to 64 blocks of 16 elements of four kept points side by
// side, so that it loads four elements at once, and neighbours load neighbouring ones.
//
// Needs the fold of codegen/fold.rs, also of four values; $BEFORE, $TURN, $POINT and $RESULT are as in
// reduce_inner.wgsl, but that the four points have one place and each its own trail, which only $POINT and
// $RESULT know. Where a dispatch has only part of a block, $BEGIN takes up the values that the one before has left. The
// blocks, $CHUNK elements together (16 times a power of two), are folded pairwise as they come:
// stack[l] holds the values of 2^l of them where bit l of their count is set.

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let number = (group.y * $ROW + group.x) * 256u + local;
  let columns = ($TRAIL_COUNT + 3u) / 4u;
  let column = number % columns * 4u;
  let part = number / columns % $PARTS;
  let row = number / columns / $PARTS;
  if row >= $LEAD_COUNT { return; }
  let first_kept = row * $TRAIL_COUNT + column;
  let lead = $LEAD_FIRST + row;
  $BEFORE
  let end = min((part + 1u) * $CHUNK, $REDUCED_COUNT);
  var at = part * $CHUNK;
  var stack: array<FoldedRun, 7>;
  var blocks = 0u;
  while at < end {
    var run = run_of(identity());
    $BEGIN
    let block_end = min(at + 16u, end);
    for (; at + 4u <= block_end; at += 4u) {
      for (var turn = 0u; turn < 4u; turn++) {
        let place = $REDUCED_FIRST + at + turn;
        let line = (lead * $LENGTH + place) * $BREADTH;
        let first = line + $TRAIL_FIRST + column;
        $TURN
        for (var k = 0u; k < 4u; k++) {
          let within = column + k < $TRAIL_COUNT;
          let trail = $TRAIL_FIRST + min(column + k, $TRAIL_COUNT - 1u);
          let linear = line + trail;
          $POINT
          run = run_with(run, k, fold_pair(run_element(run, k), point));
        }
      }
    }
    for (; at < block_end; at++) {
      let place = $REDUCED_FIRST + at;
      let line = (lead * $LENGTH + place) * $BREADTH;
      let first = line + $TRAIL_FIRST + column;
      $TURN
      for (var k = 0u; k < 4u; k++) {
        let within = column + k < $TRAIL_COUNT;
        let trail = $TRAIL_FIRST + min(column + k, $TRAIL_COUNT - 1u);
        let linear = line + trail;
        $POINT
        run = run_with(run, k, fold_pair(run_element(run, k), point));
      }
    }
    var level = 0u;
    while ((blocks >> level) & 1u) != 0u {
      run = fold_runs(stack[level], run);
      level++;
    }
    stack[level] = run;
    blocks++;
  }
  var level = countTrailingZeros(blocks);
  var run = stack[level];
  for (level++; level < 7u; level++) {
    if ((blocks >> level) & 1u) != 0u { run = fold_runs(stack[level], run); }
  }
  for (var k = 0u; k < 4u; k++) {
    if column + k < $TRAIL_COUNT {
      let kept = first_kept + k;
      let trail = $TRAIL_FIRST + column + k;
      let linear = lead * $LENGTH * $BREADTH + trail;
      let folded = run_element(run, k);
      $RESULT
    }
  }
}
