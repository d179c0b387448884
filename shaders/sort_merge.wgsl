// Merges neighbouring runs of $WIDTH sorted entries, a multiple of 1,024: a workgroup makes 1,024 entries of
// a line, an invocation four of them.
//
// There are $LINES lines of $LENGTH entries. Of equal keys those of the left run come first. How many of the
// first entries of a merge come from the left run is found by bisection: for a workgroup in the runs, for an
// invocation in the part of them that is in workgroup memory, the left one's part first.

var<workgroup> keys: array<$KEY, 1024>;
var<workgroup> places: array<u32, 1024>;
var<workgroup> ends: array<u32, 2>;

fn split_runs(left: u32, left_count: u32, right: u32, right_count: u32, merged: u32) -> u32 {
  var low = select(0u, merged - right_count, merged > right_count);
  var high = min(merged, left_count);
  while low < high {
    let middle = (low + high) / 2u;
    if below$WORDS(load_key$WORDS_0(right + merged - 1u - middle), load_key$WORDS_0(left + middle)) {
      high = middle;
    } else {
      low = middle + 1u;
    }
  }
  return low;
}
fn split_cells(left_count: u32, right_count: u32, merged: u32) -> u32 {
  var low = select(0u, merged - right_count, merged > right_count);
  var high = min(merged, left_count);
  while low < high {
    let middle = (low + high) / 2u;
    if below$WORDS(keys[left_count + merged - 1u - middle], keys[middle]) {
      high = middle;
    } else {
      low = middle + 1u;
    }
  }
  return low;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let number = group.y * $ROW + group.x;
  let across = ($LENGTH + 1023u) / 1024u;
  let line = number / across;
  if line >= $LINES { return; }
  let base = line * $LENGTH;
  let first = number % across * 1024u;
  let start = first / (2u * $WIDTH) * (2u * $WIDTH);
  let middle = min(start + $WIDTH, $LENGTH);
  let end = min(middle + $WIDTH, $LENGTH);
  let merged = first - start;
  let count = min(end - first, 1024u);
  if local < 2u {
    ends[local] = split_runs(
      base + start, middle - start, base + middle, end - middle, merged + local * count);
  }
  workgroupBarrier();
  let left = base + start + ends[0];
  let right = base + middle + merged - ends[0];
  let left_count = ends[1] - ends[0];
  let right_count = count - left_count;
  for (var cell = local; cell < count; cell += 256u) {
    let entry = select(right + cell - left_count, left + cell, cell < left_count);
    keys[cell] = load_key$WORDS_0(entry);
    places[cell] = load_place$WORDS_0(entry);
  }
  workgroupBarrier();
  let begin = 4u * local;
  if begin >= count { return; }
  var i = split_cells(left_count, right_count, begin);
  var j = begin - i;
  for (var k = begin; k < min(begin + 4u, count); k++) {
    let a = keys[min(i, 1023u)];
    let b = keys[min(left_count + j, 1023u)];
    let is_left = j >= right_count || (i < left_count && !below$WORDS(b, a));
    let cell = select(left_count + j, i, is_left);
    store_key$WORDS_1(base + first + k, keys[cell]);
    store_place$WORDS_1(base + first + k, places[cell]);
    i += select(0u, 1u, is_left);
    j += select(1u, 0u, is_left);
  }
}
