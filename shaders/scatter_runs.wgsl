// Visits entries that are sorted by the elements of the target that they lead to, so that those of one
// element are neighbours in the order of their points. $EFFECT is for the entries from $FROM to $TO.

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  $GATE
  let entry = $FROM + (group.y * $ROW + group.x) * 256u + local;
  if entry >= $TO { return; }
  let element = load_key1_3(entry);
  if element == 0xffffffffu { return; }
  $EFFECT
}
