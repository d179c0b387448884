// Addresses of a scatter as two words, low first, and the elements of the target that they lead to.

// The mark of a wrong index: below -1.
fn is_wrong(address: vec2<u32>) -> bool {
  return (address.y >> 31u) != 0u && (address.x & address.y) != 0xffffffffu;
}
// The element, counted within the part of the target that is bound, for a point whose place there is
// given, modulo 2^32; or no element.
fn reached(address: vec2<u32>, place: u32) -> u32 {
  let element = place + address.x;
  return select(0xffffffffu, element, address.y == 0u && element < $ELEMENTS);
}
