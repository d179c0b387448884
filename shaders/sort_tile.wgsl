// Sorts tiles of entries in workgroup memory: 1,024 of a line, or all of several lines where they are short.
//
// There are $LINES lines of $LENGTH entries. $PADDED is 1,024, or the power of two that holds a line; what a
// tile has beyond the end of a line is beyond all its entries. Entries come with their keys alone: their
// places are made here. A bitonic network puts pairs of a key and a place in order, no two of which are
// the same, so that equal keys keep the order of their places.

var<workgroup> keys: array<$KEY, 1024>;
var<workgroup> places: array<u32, 1024>;

// Whether what is in the first cell belongs after what is in the second.
fn belongs_after(first: u32, second: u32) -> bool {
  let a = keys[first];
  let b = keys[second];
  return below$WORDS(b, a) || (!below$WORDS(a, b) && places[second] < places[first]);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let number = group.y * $ROW + group.x;
  let across = ($LENGTH + $PADDED - 1u) / $PADDED;
  let first_line = number / across * (1024u / $PADDED);
  if first_line >= $LINES { return; }
  let first = number % across * $PADDED;
  for (var cell = local; cell < 1024u; cell += 256u) {
    let line = first_line + cell / $PADDED;
    let place = first + cell % $PADDED;
    let is_there = line < $LINES && place < $LENGTH;
    keys[cell] = $KEY(0xffffffffu);
    places[cell] = select(0xffffffffu, place, is_there);
    if is_there { keys[cell] = load_key$WORDS_0(line * $LENGTH + place); }
  }
  workgroupBarrier();
  for (var run = 2u; run <= $PADDED; run <<= 1u) {
    for (var step = run >> 1u; step > 0u; step >>= 1u) {
      for (var pair = local; pair < 512u; pair += 256u) {
        let low = ((pair & ~(step - 1u)) << 1u) | (pair & (step - 1u));
        let high = low + step;
        let ascends = (low & ($PADDED - 1u) & run) == 0u;
        if belongs_after(low, high) == ascends {
          let key = keys[low];
          let place = places[low];
          keys[low] = keys[high];
          places[low] = places[high];
          keys[high] = key;
          places[high] = place;
        }
      }
      workgroupBarrier();
    }
  }
  for (var cell = local; cell < 1024u; cell += 256u) {
    let line = first_line + cell / $PADDED;
    let rank = first + cell % $PADDED;
    if line < $LINES && rank < $LENGTH {
      store_key$WORDS_0(line * $LENGTH + rank, keys[cell]);
      store_place$WORDS_0(line * $LENGTH + rank, places[cell]);
    }
  }
}
