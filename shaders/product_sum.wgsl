// Adds up the parts of a product's results: an invocation those of one result, in the order of k.
//
// Needs load_part and store_result of codegen/product.rs. There are $PARTS parts of each result.

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let number = (group.y * $ROW + group.x) * 256u + local;
  if number >= $BATCHES * $M * $N { return; }
  let column = number % $N;
  let row = number / $N % $M;
  let batch = number / $N / $M;
  $BATCH
  var sum = load_part(number, 0u);
  for (var part = 1u; part < $PARTS; part++) {
    sum += load_part(number, part);
  }
  store_result(out_base + row * $OUT_ROW + column * $OUT_COLUMN, sum);
}
