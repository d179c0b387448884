// Addresses of a scatter as two words, low first, and the elements of the target that they lead to.

// The mark of a wrong index: below -1.
fn is_wrong(address: vec2<u32>) -> bool {
  return (address.y >> 31u) != 0u && (address.x & address.y) != 0xffffffffu;
}
// The element, counted within the part of the target that is bound, of which there are $ELEMENTS, for a
// point whose place there is given; or no element.
fn reached(address: vec2<u32>, place: vec2<u32>) -> u32 {
  let element = add_wide(place, address);
  return select(0xffffffffu, element.x, (address.y >> 31u) == 0u && is_below(element, $ELEMENTS));
}
