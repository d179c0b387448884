//! Scattering of single elements.

use std::hint::black_box;

use bytemuck::{Pod, cast_slice, cast_slice_mut};

use super::super::super::ops::FoldLoops;
use super::super::super::registers::Scratch;
use super::{Address, Addresses, BLOCK, Job, Lanes, Write, elements};

/// Where the points of a row go in a range.
#[derive(Clone, Copy)]
struct Row {
    /// What the first point adds to its address, wrapping: what is before the range is where no slice reaches.
    first: usize,
    /// From one point to the next.
    step: usize,
}

impl Row {
    /// Where an address leads at a point of the row.
    #[inline(always)]
    fn place<A: Address>(self, column: usize, address: A) -> usize {
        let at = self.first.wrapping_add(column * self.step).wrapping_add(address.wide() as usize);
        if address < A::ZERO { usize::MAX } else { at }
    }
}

#[allow(unsafe_code, reason = "reads what nobody writes")]
impl Job<'_> {
    /// Writes what goes to `own`, the elements from `first` on of the target's buffer.
    pub(super) fn scatter(&self, first: usize, own: &mut [u8], write: &Write) {
        let mut memory: [Scratch; 3] = Default::default();
        let [stored, sources, lanes] = &mut memory;
        let mut places = Vec::with_capacity(BLOCK);
        let size = self.sources.size;
        for at in self.blocks_of(first, own.len() / size) {
            let block = at.block(&self.target.strides);
            // SAFETY: as in `addresses`.
            let sources =
                unsafe { elements(&self.sources, at.block(self.sources.strides), sources) };
            let addresses = self.addresses.addresses(&at, stored);
            for (row, sources) in sources.chunks(at.columns * size).enumerate() {
                let begin = self.target.offset + block.offset + row * block.row_stride;
                let begin = Row { first: begin.wrapping_sub(first), step: block.column_stride };
                let columns = row * at.columns..(row + 1) * at.columns;
                let mut go = Go { begin, own: &mut *own, sources, places: &mut places, lanes };
                match addresses {
                    Addresses::Narrow(addresses) => go.write(write, &addresses[columns]),
                    Addresses::Wide(addresses) => go.write(write, &addresses[columns]),
                }
            }
        }
    }
}

/// A row of sources on its way.
struct Go<'a> {
    begin: Row,
    own: &'a mut [u8],
    sources: &'a [u8],
    places: &'a mut Vec<usize>,
    lanes: &'a mut Scratch,
}

impl Go<'_> {
    /// One source to each address. Places that the range does not have are left out.
    fn write<A: Address>(&mut self, write: &Write, addresses: &[A]) {
        match *write {
            Write::Assign => match self.sources.len() / addresses.len() {
                1 => self.assign::<A, u8>(addresses),
                2 => self.assign::<A, u16>(addresses),
                4 => self.assign::<A, u32>(addresses),
                _ => self.assign::<A, u64>(addresses),
            },
            Write::Fold { .. } => {
                let places = addresses.iter().enumerate();
                self.places.clear();
                self.places.extend(places.map(|(i, &address)| self.begin.place(i, address)));
                write.fold(self.own, self.places, self.sources, self.lanes);
            }
        }
    }

    fn assign<A: Address, T: Pod>(&mut self, addresses: &[A]) {
        let target: &mut [T] = cast_slice_mut(self.own);
        let sources: &[T] = cast_slice(self.sources);
        // What is left out is written here, as half of a mask would be as many wrong guesses of a branch.
        let mut nowhere = T::zeroed();
        let nowhere = black_box(&mut nowhere);
        for (i, (&address, &source)) in addresses.iter().zip(sources).enumerate() {
            let element = target.get_mut(self.begin.place(i, address));
            *element.unwrap_or(&mut *nowhere) = source;
        }
    }
}

impl Write {
    /// Folds one source into each place. Places that the target does not have are left out.
    fn fold(&self, target: &mut [u8], places: &[usize], sources: &[u8], memory: &mut Scratch) {
        let Self::Fold { loops, lanes } = *self else {
            unreachable!("an assignment folds nothing")
        };
        let Some(lanes) = lanes else { return (loops.accumulate_at)(target, places, sources) };
        let memory = memory.bytes(places.len() * lanes.size);
        (lanes.widen)(memory, sources, &[], &[]);
        lanes.fold(&loops, target, places, memory);
    }
}

impl Lanes {
    /// Folds lanes into elements, narrowed each time.
    fn fold(self, loops: &FoldLoops, target: &mut [u8], places: &[usize], lanes: &[u8]) {
        let mut state = [0_u32];
        let state: &mut [u8] = cast_slice_mut(&mut state);
        for (&place, source) in places.iter().zip(lanes.chunks_exact(self.size)) {
            let Some(start) = place.checked_mul(self.stored) else { continue };
            let Some(element) =
                target.get_mut(start..).and_then(|rest| rest.get_mut(..self.stored))
            else {
                continue;
            };
            (self.widen)(state, element, &[], &[]);
            (loops.accumulate)(state, source);
            (self.narrow)(element, state, &[], &[]);
        }
    }
}
