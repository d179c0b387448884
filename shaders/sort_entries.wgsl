// Entries in scratch memory: a key and the place that it had in its line. $B is the buffer's number.
//
// There are $COUNT of them, i is the index of one; all first words of keys come first, then all second
// ones, if there are any, then the places. The digit is the number of words of a key.

fn load_key1_$B(i: u32) -> u32 { return load_word$B(i); }
fn load_key2_$B(i: u32) -> vec2<u32> {
  return vec2<u32>(load_word$B(i), load_word$B($COUNT + i));
}
fn load_place1_$B(i: u32) -> u32 { return load_word$B($COUNT + i); }
fn load_place2_$B(i: u32) -> u32 { return load_word$B(2u * $COUNT + i); }
fn store_key1_$B(i: u32, v: u32) { store_word$B(i, v); }
fn store_key2_$B(i: u32, v: vec2<u32>) {
  store_word$B(i, v.x);
  store_word$B($COUNT + i, v.y);
}
fn store_place1_$B(i: u32, v: u32) { store_word$B($COUNT + i, v); }
fn store_place2_$B(i: u32, v: u32) { store_word$B(2u * $COUNT + i, v); }
