//! Where values go: to registers, to memory, past the cache.

use super::super::convert;
use super::{Lanes, NOWHERE, Place, Program, Purpose, State, Step};
use crate::kernel::{Class, Code, Expr, Node, OperandCode, Value};

impl Program {
    pub(super) fn store(&mut self, code: &Code, operand: u8, value: Value) {
        let mut lanes = self.values[usize::from(value)].lanes;
        if lanes.place == Place::Memory(operand) {
            return;
        }
        let OperandCode { dtype, class, .. } = code.operands[usize::from(operand)];
        let size = dtype.size() as u8;
        let is_stored_form = self.values[usize::from(value)].stored;
        let narrow = convert::narrow(dtype).filter(|_| !is_stored_form);
        let past_cache = self.is_past_cache(code, operand);
        self.past_cache |= past_cache;
        let is_copy = narrow.is_none() && !past_cache && self.rows.is_none();
        if is_copy && let Some(from) = self.take_row(value) {
            self.steps.push(Step::Copy { from, to: operand });
        } else if self.class_in_tile(class) == Class::Contiguous && !past_cache {
            let out = Lanes { place: Place::Memory(operand), size };
            let run = narrow.unwrap_or(convert::copy());
            self.push_apply(run, [lanes, NOWHERE, NOWHERE], out, None);
        } else if let Some(run) = narrow
            && past_cache
            && self.class_in_tile(class) == Class::Contiguous
        {
            let out = Lanes { place: Place::Memory(operand), size };
            self.push_past_cache(run, [lanes, NOWHERE, NOWHERE], out);
        } else {
            if let Some(run) = narrow {
                let stored = self.register(size);
                self.push_apply(run, [lanes, NOWHERE, NOWHERE], stored, None);
                self.release(stored);
                lanes = stored;
            }
            self.steps.push(Step::Scatter { operand, value: lanes, past_cache });
        }
        self.used(value);
    }

    /// The operand whose rows this value is, if nobody but its only store reads it: to be copied from there.
    fn take_row(&mut self, value: Value) -> Option<u8> {
        let State { lanes: Lanes { place, .. }, uses, .. } =
            self.values[usize::from(self.values[usize::from(value)].root)];
        let Place::Row { operand, .. } = place else { return None };
        if uses > 1 || self.steps.iter().any(|step| step.reads(place)) {
            return None;
        }
        let is_it = |step: &Step| matches!(step, Step::GatherRow { row, .. } if row.place == place);
        let gathered = self.steps.iter().position(is_it)?;
        self.steps.remove(gathered);
        Some(operand)
    }

    /// What a contiguous operand is to a tile with rows.
    pub(super) fn class_in_tile(&self, class: Class) -> Class {
        if self.rows.is_some() && class == Class::Contiguous { Class::Strided } else { class }
    }

    /// Note [Past the cache].
    pub(super) fn is_past_cache(&self, code: &Code, operand: u8) -> bool {
        let OperandCode { buffer, class, .. } = code.operands[usize::from(operand)];
        let is_read = loads_of(code, &code.nodes, buffer) > 0;
        class == Class::Contiguous && self.form.past_cache && !is_read
    }

    /// The memory past the cache that node `i` is to be evaluated to, if nothing but a store reads it.
    pub(super) fn destination_past_cache(
        &mut self,
        code: &Code,
        i: usize,
        purpose: Purpose,
    ) -> Option<Lanes> {
        let State { read, uses, .. } = self.values[i];
        if read || uses != 1 || !purpose.stores() {
            return None;
        }
        let operand = code.stores.iter().find(|store| usize::from(store.value) == i)?.operand;
        let OperandCode { dtype, class, .. } = code.operands[usize::from(operand)];
        let fits = self.class_in_tile(class) == Class::Contiguous
            && self.is_past_cache(code, operand)
            && (convert::narrow(dtype).is_none() || self.values[i].stored);
        if !fits {
            return None;
        }
        let out = Lanes { place: Place::Memory(operand), size: dtype.size() as u8 };
        self.values[i].lanes = out;
        Some(out)
    }

    /// Where node `i` is to be evaluated to, and whether that is past the cache, by a loop that stores there
    /// itself.
    pub(super) fn destination_anywhere(
        &mut self,
        code: &Code,
        i: usize,
        purpose: Purpose,
    ) -> (Lanes, bool) {
        match self.destination_past_cache(code, i, purpose) {
            Some(out) => {
                self.past_cache = true;
                (out, true)
            }
            None => (self.destination(code, i, purpose), false),
        }
    }

    /// Where node `i` is to be evaluated to: Note [In place].
    pub(super) fn destination(&mut self, code: &Code, i: usize, purpose: Purpose) -> Lanes {
        let dtype = code.nodes[i].dtype;
        let size = self.size(code, i);
        let direct = code
            .stores
            .iter()
            .filter(|store| usize::from(store.value) == i && purpose.stores())
            .map(|store| store.operand)
            .find(|&operand| {
                let destination = code.operands[usize::from(operand)];
                let is_loaded_later = loads_of(code, &code.nodes[i..], destination.buffer) > 0;
                self.class_in_tile(destination.class) == Class::Contiguous
                    && !self.is_past_cache(code, operand)
                    && (convert::narrow(dtype).is_none() || self.values[i].stored)
                    && !is_loaded_later
                    && stores_of(code, destination.buffer) == 1
            });
        let out = match direct {
            Some(operand) => Lanes { place: Place::Memory(operand), size },
            None => self.register(size),
        };
        self.values[i].lanes = out;
        out
    }
}

/// How many of the nodes load from a buffer.
pub(super) fn loads_of(code: &Code, nodes: &[Node], buffer: u8) -> usize {
    let sees = |o: u8| code.operands[usize::from(o)].buffer == buffer;
    nodes.iter().filter(|node| matches!(node.expr, Expr::Load(o) if sees(o))).count()
}

/// How many stores go to a buffer.
pub(super) fn stores_of(code: &Code, buffer: u8) -> usize {
    code.stores.iter().filter(|s| code.operands[usize::from(s.operand)].buffer == buffer).count()
}

pub(super) fn is_stored(code: &Code, buffer: u8, purpose: Purpose) -> bool {
    purpose.stores() && code.is_written(buffer.into())
}
