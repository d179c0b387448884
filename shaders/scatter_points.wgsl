// Visits every point of a window of a scatter.
//
// $WALK says where the operands have the point; element is where its address leads, see
// scatter_addresses.wgsl. $GATE may return early; $EFFECT does the rest.

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  $GATE
  let number = (group.y * $ROW + group.x) * 256u + local;
  if number >= $POINTS { return; }
  $WALK
  let address = load_address(place0);
  let element = reached(address, place2);
  $EFFECT
}
