//! What is known of each node before the steps are made: who reads it, and whether it has a loop of its own.

use super::super::chain::Side;
use super::super::convert;
use super::super::reduce::is_narrow_extreme;
use super::super::stored::stored_loop;
use super::stores::{loads_of, stores_of};
use super::{Join, NOWHERE, Program, Purpose, State, fraction_of, is_link};
use crate::dtype::DType;
use crate::kernel::{Class, Code, Expr, Node, OperandCode, Value};
use crate::ops::Op;

/// Steps of plain arithmetic that an operation of [many](Op::is_long) takes, at least.
pub(super) const LONG: usize = 8;

impl Program {
    /// Marks the nodes that the stores, or the check, depend on, and counts their readers.
    pub(super) fn find_needed(&mut self, code: &Code, purpose: Purpose) {
        let state = State {
            needed: false,
            read: false,
            stored: false,
            joined: false,
            linked: 0,
            waiting: 0,
            joins: None,
            folds: None,
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
        if let Purpose::Fold(value) = purpose {
            let value = &mut self.values[usize::from(value)];
            // Nobody else wants the lanes.
            value.stored = is_narrow_extreme(code) && value.uses == 1;
        }
        if purpose != Purpose::Stores {
            return;
        }
        for (i, node) in code.nodes.iter().enumerate() {
            let (op, arguments) = match &node.expr {
                Expr::Unary(op, argument) => (Some(*op), std::slice::from_ref(argument)),
                Expr::Binary(op, arguments) => (Some(*op), &arguments[..]),
                Expr::Cast(argument) => (None, std::slice::from_ref(argument)),
                _ => continue,
            };
            let of = code.nodes[usize::from(arguments[0])].dtype;
            let is_loaded = |&value: &Value| {
                let Node { expr, dtype } = code.nodes[usize::from(value)];
                let reads = arguments.iter().map(|&other| u32::from(value == other)).sum::<u32>();
                let is_whole = match expr {
                    Expr::Scalar(_) => true,
                    Expr::Load(operand) => {
                        let class = code.operands[usize::from(operand)].class;
                        self.class_in_tile(class) != Class::Strided
                    }
                    _ => false,
                };
                is_whole && dtype == of && self.values[usize::from(value)].uses == reads
            };
            let State { needed, read, uses, .. } = self.values[i];
            let is_stored = needed && !read && uses == 1 && {
                let store = code.stores.iter().find(|store| usize::from(store.value) == i);
                store.is_some_and(|store| {
                    let OperandCode { buffer, dtype, class } =
                        code.operands[usize::from(store.operand)];
                    dtype == node.dtype
                        && self.class_in_tile(class) == Class::Contiguous
                        && loads_of(code, &code.nodes, buffer) == 0
                })
            };
            let run = || match op {
                Some(op) => stored_loop(op, of),
                None => convert::stored_cast(of, node.dtype),
            };
            if is_stored && arguments.iter().all(is_loaded) && run().is_some() {
                for &value in arguments.iter().chain([&(i as Value)]) {
                    self.values[usize::from(value)].stored = true;
                }
            }
        }
    }

    /// Marks the operations that fold into the elements that they read: Note [In place].
    pub(super) fn find_folds(&mut self, code: &Code, purpose: Purpose) {
        if purpose != Purpose::Stores {
            return;
        }
        for store in &code.stores {
            let OperandCode { buffer, dtype, class } = code.operands[usize::from(store.operand)];
            let Node { expr, dtype: computed } = code.nodes[usize::from(store.value)];
            let Expr::Binary(op, [first, second]) = expr else { continue };
            let first_node = code.nodes[usize::from(first)];
            let [first_state, state] =
                [first, store.value].map(|value| self.values[usize::from(value)]);
            let folds = matches!(op, Op::Add | Op::Sub | Op::Mul | Op::Div)
                && self.class_in_tile(class) == Class::Contiguous
                && convert::narrow(dtype).is_none()
                && [computed, first_node.dtype] == [dtype, dtype]
                && first_node.expr == Expr::Load(store.operand)
                && second != first
                && loads_of(code, &code.nodes, buffer) == 1
                && stores_of(code, buffer) == 1
                && first_state.uses == 1
                && state.uses == 1
                && !state.read;
            if folds {
                for value in [first, store.value] {
                    self.values[usize::from(value)].folds = Some(store.operand);
                }
            }
        }
    }

    /// Marks which operations run in one loop: Note [Chains].
    pub(super) fn find_chains(&mut self, code: &Code, purpose: Purpose) {
        /// Registers of arguments that a chain is to leave in L1.
        const WAITING: u8 = 3;
        for (i, node) in code.nodes.iter().enumerate() {
            let Expr::Binary(op, values) = node.expr else { continue };
            let State { needed, joined, folds, .. } = self.values[i];
            if !needed || joined || folds.is_some() {
                continue;
            }
            if node.dtype == DType::F32
                && op == Op::Mul
                && let Some(inner) = self.find_fraction(code, values)
            {
                for value in inner {
                    self.values[usize::from(value)].joined = true;
                }
                self.values[i].joins = Some(Join::Fraction);
                continue;
            }
            if !is_link(code, i) {
                continue;
            }
            if op == Op::Mul && values[0] == values[1] && self.is_open(code, values[0], 2) {
                self.values[usize::from(values[0])].joined = true;
                self.values[i].joins = Some(Join::Square);
                self.values[i].waiting = self.values[usize::from(values[0])].waiting;
                continue;
            }
            let waits = |value: Value| u8::from(!self.is_at_hand(code, value));
            let [left, right] = values.map(waits);
            self.values[i].waiting = left + right;
            for (side, other_waits) in [(Side::Left, right), (Side::Right, left)] {
                let (before, other) = side.of(values);
                let waiting = self.values[usize::from(before)].waiting;
                if self.is_open(code, before, 1)
                    && before != other
                    && waiting + other_waits <= WAITING
                {
                    self.values[usize::from(before)].joined = true;
                    self.values[i].joins = Some(Join::Chain(side));
                    self.values[i].waiting = waiting + other_waits;
                    break;
                }
            }
            let side = match self.values[i].joins {
                Some(Join::Chain(side)) => side,
                _ => self.head(code, values),
            };
            let (before, other) = side.of(values);
            self.values[usize::from(other)].linked += 1;
            // What is summed as it is computed begins with all elements.
            if self.values[i].joins.is_none() && purpose == Purpose::Stores {
                self.values[usize::from(before)].linked += 1;
            }
        }
    }

    /// Whether a chain ends in this value that can go on with an operation which reads it so often.
    fn is_open(&self, code: &Code, value: Value, reads: u32) -> bool {
        let State { uses, joins, folds, .. } = self.values[usize::from(value)];
        let is_chain = is_link(code, value.into()) && joins != Some(Join::Fraction);
        is_chain && uses == reads && folds.is_none()
    }

    /// On which side of a chain's first operation stands what it begins with: not what is the same
    /// everywhere, or in a row, if there is a choice.
    pub(super) fn head(&self, code: &Code, values: [Value; 2]) -> Side {
        let [left, right] = values.map(|value| match code.nodes[usize::from(value)].expr {
            Expr::Scalar(_) => 2,
            Expr::Load(operand) => {
                let class = code.operands[usize::from(operand)].class;
                match self.class_in_tile(class) {
                    Class::Contiguous => 0,
                    Class::Strided => 1,
                    Class::Uniform => 2,
                }
            }
            _ => 0,
        });
        if left > right { Side::Right } else { Side::Left }
    }

    /// Whether a value is in memory or the same everywhere, so that nothing need be done for it.
    fn is_at_hand(&self, code: &Code, value: Value) -> bool {
        match code.nodes[usize::from(value)].expr {
            Expr::Scalar(_) => true,
            Expr::Load(operand) => {
                let class = code.operands[usize::from(operand)].class;
                self.class_in_tile(class) != Class::Strided
            }
            _ => false,
        }
    }

    /// The cast, shift and words of a [`Join::Fraction`], if this float32 product is one of them alone.
    fn find_fraction(&self, code: &Code, [cast, unit]: [Value; 2]) -> Option<[Value; 3]> {
        let (inner, _) = fraction_of(code, cast)?;
        let is_scaled = matches!(code.nodes[usize::from(unit)].expr, Expr::Scalar(_));
        let is_alone = inner.iter().all(|&v| self.values[usize::from(v)].uses == 1);
        (is_scaled && is_alone).then_some(inner)
    }

    /// What operations of [many steps](Op::is_long) take beyond one.
    pub(super) fn extra_work(&self, code: &Code) -> usize {
        let is_long = |expr: &Expr| match expr {
            Expr::Unary(op, _) | Expr::Binary(op, _) => op.is_long(),
            _ => false,
        };
        let values = code.nodes.iter().zip(&self.values);
        LONG * values.filter(|(node, value)| value.needed && is_long(&node.expr)).count()
    }
}
