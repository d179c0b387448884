// Visits every point of a window of a sort: its key becomes an entry, or its rank's place a position.
//
// $WALK says where the operands have the point; its entry is $FIRST + number. $EFFECT does the rest.

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let number = (group.y * $ROW + group.x) * 256u + local;
  if number >= $POINTS { return; }
  $WALK
  let entry = $FIRST + number;
  $EFFECT
}
