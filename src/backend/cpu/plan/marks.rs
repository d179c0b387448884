//! What is known of each node before the steps are made: who reads it, and whether it has a loop of its own.

use super::super::pairs::{Side, pair_loop};
use super::super::stored::stored_loop;
use super::{NOWHERE, Program, Purpose, State};
use crate::kernel::{Class, Code, Expr, Node, OperandCode, Value};

impl Program {
    /// Marks the nodes that the stores, or the check, depend on, and counts their readers.
    pub(super) fn find_needed(&mut self, code: &Code, purpose: Purpose) {
        let state = State {
            needed: false,
            read: false,
            stored: false,
            joined: false,
            joins: None,
            lanes: NOWHERE,
            uses: 0,
            root: 0,
        };
        self.values.resize(code.nodes.len(), state);
        if let Purpose::Check(value) | Purpose::Fold(value) = purpose {
            self.values[usize::from(value)].needed = true;
            self.values[usize::from(value)].read = true;
            // Nobody takes this one away, so that its register lasts.
            self.values[usize::from(value)].uses = 1;
        }
        if purpose.stores() {
            for store in &code.stores {
                self.values[usize::from(store.value)].needed = true;
                self.values[usize::from(store.value)].uses += 1;
            }
        }
        for i in (0..code.nodes.len()).rev() {
            if self.values[i].needed {
                for argument in code.nodes[i].expr.arguments() {
                    let argument = &mut self.values[usize::from(argument)];
                    argument.needed = true;
                    argument.read = true;
                    argument.uses += 1;
                }
            }
        }
        for (i, value) in self.values.iter_mut().enumerate() {
            value.root = i as Value;
        }
    }

    /// Marks what runs on stored forms: Note [Stored lanes].
    pub(super) fn find_stored(&mut self, code: &Code, purpose: Purpose) {
        if purpose != Purpose::Stores {
            return;
        }
        for (i, node) in code.nodes.iter().enumerate() {
            let Expr::Binary(op, [a, b]) = node.expr else { continue };
            let is_loaded = |value: Value| {
                let Node { expr, dtype } = code.nodes[usize::from(value)];
                let reads = u32::from(value == a) + u32::from(value == b);
                let is_whole = match expr {
                    Expr::Scalar(_) => true,
                    Expr::Load(operand) => {
                        let class = code.operands[usize::from(operand)].class;
                        self.class_in_tile(class) != Class::Strided
                    }
                    _ => false,
                };
                is_whole && dtype == node.dtype && self.values[usize::from(value)].uses == reads
            };
            let State { needed, read, uses, .. } = self.values[i];
            let is_stored = needed && !read && uses == 1 && {
                let store = code.stores.iter().find(|store| usize::from(store.value) == i);
                store.is_some_and(|store| {
                    let OperandCode { buffer, dtype, class } =
                        code.operands[usize::from(store.operand)];
                    let is_loaded = |o: u8| code.operands[usize::from(o)].buffer == buffer;
                    dtype == node.dtype
                        && self.class_in_tile(class) == Class::Contiguous
                        && !code
                            .nodes
                            .iter()
                            .any(|n| matches!(n.expr, Expr::Load(o) if is_loaded(o)))
                })
            };
            if is_stored && is_loaded(a) && is_loaded(b) && stored_loop(op, node.dtype).is_some() {
                for value in [a, b, i as Value] {
                    self.values[usize::from(value)].stored = true;
                }
            }
        }
    }

    /// Marks which operations run in one loop: Note [Pairs].
    pub(super) fn find_pairs(&mut self, code: &Code) {
        for (i, node) in code.nodes.iter().enumerate() {
            let Expr::Binary(second, values) = node.expr else { continue };
            if !self.values[i].needed {
                continue;
            }
            for (side, value) in [Side::Left, Side::Right].into_iter().zip(values) {
                let Expr::Binary(first, _) = code.nodes[usize::from(value)].expr else { continue };
                let State { uses, joins, .. } = self.values[usize::from(value)];
                if uses == 1
                    && joins.is_none()
                    && pair_loop(first, second, side, node.dtype).is_some()
                {
                    self.values[usize::from(value)].joined = true;
                    self.values[i].joins = Some(side);
                    break;
                }
            }
        }
    }
}
