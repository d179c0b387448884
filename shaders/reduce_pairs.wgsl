// Folds the values of blocks pairwise: a workgroup folds up to 256 neighbours of one kept point, or
// all of several kept points where there are fewer.
//
// Needs the fold of codegen/fold.rs. Each of the kept points of this dispatch has $PARTIALS values,
// at kept * $IN_KEPT_STEP + i * $IN_PART_STEP; $LANES is a power of two and no less than them, or
// 256. $RESULT is as in reduce_inner.wgsl.

var<workgroup> lanes: array<Folded, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let number = group.y * $ROW + group.x;
  let side = 256u / $LANES;
  let part = number % $PARTS;
  let first_kept = number / $PARTS * side;
  let kept_count = $LEAD_COUNT * $TRAIL_COUNT;
  if first_kept >= kept_count { return; }
  let kept = first_kept + local % side;
  let lane = local / side;
  let count = min($PARTIALS - part * 256u, 256u);
  if kept < kept_count && lane < count {
    lanes[local] = load_folded(kept * $IN_KEPT_STEP + (part * 256u + lane) * $IN_PART_STEP);
  }
  workgroupBarrier();
  for (var step = 1u; step < $LANES; step <<= 1u) {
    if kept < kept_count && lane % (2u * step) == 0u && lane + step < count {
      lanes[local] = fold_pair(lanes[local], lanes[local + step * side]);
    }
    workgroupBarrier();
  }
  if lane == 0u && kept < kept_count {
    let folded = lanes[local];
    let lead = $LEAD_FIRST + kept / $TRAIL_COUNT;
    let trail = $TRAIL_FIRST + kept % $TRAIL_COUNT;
    let linear = lead * $BREADTH + trail;
    $RESULT
  }
}
