// Folds the last dimensions: a workgroup folds a block of 4,096 elements, or, where the fold is of
// no more than 128, one of several kept points.
//
// Needs the fold of codegen/fold.rs. A kept point has a row of $LANES lanes (a power of two), of
// 256 in the order of Note [Fixed tree] of src/kernel/mod.rs: the lanes beyond them never take an
// element and are all alike, `absent` stands for them. $BEFORE, $POINT and $RESULT may use:
//   lead, trail  the kept point; trail is 0;
//   place        index of the element among the folded ones; not at $BEFORE;
//   linear       index of the point; at $RESULT, where `folded` is the value, of one with place 0;
//   within       whether the point is one of this invocation; each has its effects once;
//   kept, part   the kept point and the block, counted from the first of this dispatch; at $RESULT only.
// Elements beyond the end stay at the last one, so that every load is in range.

var<workgroup> lanes: array<Folded, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let number = group.y * $ROW + group.x;
  let width = $LANES;
  let part = number % $PARTS;
  let first_kept = number / $PARTS * (256u / width);
  if first_kept >= $LEAD_COUNT { return; }
  let kept = first_kept + local / width;
  let lane = local % width;
  let lead = $LEAD_FIRST + min(kept, $LEAD_COUNT - 1u);
  let trail = 0u;
  $BEFORE
  var folded = identity();
  let end = min((part + 1u) * 4096u, $REDUCED_COUNT);
  var start = part * 4096u;
  // Four loads at a time, and no question whether there are so many.
  for (; start + 1024u <= end; start += 1024u) {
    for (var k = 0u; k < 4u; k++) {
      let within = kept < $LEAD_COUNT;
      let place = $REDUCED_FIRST + start + k * 256u + lane;
      let linear = (lead * $LENGTH + place) * $BREADTH + trail;
      $POINT
      folded = fold_pair(folded, point);
    }
  }
  for (; start < end; start += 256u) {
    let within = kept < $LEAD_COUNT && start + lane < end;
    let place = $REDUCED_FIRST + min(start + lane, end - 1u);
    let linear = (lead * $LENGTH + place) * $BREADTH + trail;
    $POINT
    if within { folded = fold_pair(folded, point); }
  }
  var absent = identity();
  for (var half = 128u; half > 0u; half >>= 1u) {
    if half >= width {
      folded = fold_pair(folded, absent);
      absent = fold_pair(absent, absent);
    } else {
      // What is written next is below what is read here.
      if lane < 2u * half { lanes[local] = folded; }
      workgroupBarrier();
      if lane < half { folded = fold_pair(folded, lanes[local + half]); }
    }
  }
  if lane == 0u && kept < $LEAD_COUNT {
    let linear = lead * $LENGTH * $BREADTH + trail;
    $RESULT
  }
}
