//! Scattering of single elements.

use std::hint::black_box;

use bytemuck::{Pod, cast_slice, cast_slice_mut};

use super::super::super::lanes::simd;
use super::super::super::ops::FoldLoops;
use super::super::super::registers::Scratch;
use super::super::super::view::Block;
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
            let begin = (self.target.offset + block.offset).wrapping_sub(first);
            let (places, own) = (&mut places, &mut *own);
            let mut go = Go { begin, block, own, sources, places, lanes };
            match self.addresses.addresses(&at, stored) {
                Addresses::Narrow(addresses) => go.write(write, addresses),
                Addresses::Wide(addresses) => go.write(write, addresses),
            }
        }
    }
}

/// A block of sources on its way.
struct Go<'a> {
    /// Where an address of 0 leads at the block's first point, wrapping.
    begin: usize,
    /// The block as the target has it.
    block: Block,
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
            Write::Fold { loops, lanes } => {
                self.places.resize(addresses.len(), 0);
                let columns = self.block.columns;
                let places = self.places.chunks_mut(columns).zip(addresses.chunks(columns));
                let rows = (0..).map(|row| {
                    let first = self.begin.wrapping_add(row * self.block.row_stride);
                    Row { first, step: self.block.column_stride }
                });
                #[inline(always)]
                fn all<'a, A: Address + 'a>(
                    rows: impl Iterator<Item = (Row, (&'a mut [usize], &'a [A]))>,
                ) {
                    for (row, (places, addresses)) in rows {
                        for (i, (place, &address)) in places.iter_mut().zip(addresses).enumerate() {
                            *place = row.place(i, address);
                        }
                    }
                }
                simd(
                    #[inline(always)]
                    || all(rows.zip(places)),
                );
                self.fold(&loops, lanes);
            }
        }
    }

    fn row(&self, row: usize) -> Row {
        let first = self.begin.wrapping_add(row * self.block.row_stride);
        Row { first, step: self.block.column_stride }
    }

    fn assign<A: Address, T: Pod>(&mut self, addresses: &[A]) {
        let columns = self.block.columns;
        let rows = addresses.chunks(columns).zip(cast_slice::<_, T>(self.sources).chunks(columns));
        // What is left out is written here, as half of a mask would be as many wrong guesses of a branch.
        let mut nowhere = T::zeroed();
        let nowhere = black_box(&mut nowhere);
        for (row, (addresses, sources)) in rows.enumerate() {
            let row = self.row(row);
            let target: &mut [T] = cast_slice_mut(self.own);
            for (i, (&address, &source)) in addresses.iter().zip(sources).enumerate() {
                let element = target.get_mut(row.place(i, address));
                *element.unwrap_or(&mut *nowhere) = source;
            }
        }
    }

    /// Folds one source into each place.
    fn fold(&mut self, loops: &FoldLoops, lanes: Option<Lanes>) {
        let Some(lanes) = lanes else {
            return (loops.accumulate_at)(self.own, self.places, self.sources);
        };
        let memory = self.lanes.bytes(self.places.len() * lanes.size);
        (lanes.widen)(memory, self.sources, &[], &[]);
        lanes.fold(loops, self.own, self.places, memory);
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
