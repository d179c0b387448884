//! The steps of each value, in order.

use super::*;

impl Program {
    pub(super) fn evaluate(&mut self, code: &Code, i: usize, purpose: Purpose) {
        let node = code.nodes[i];
        let size = self.size(code, i);
        match node.expr {
            Expr::Load(operand) => self.load(code, i, operand, purpose),
            Expr::Fetch { operand, at } => self.fetch(code, i, (operand, at), purpose),
            Expr::Scalar(scalar) => {
                self.fill(i, size, FillValue::Scalar { scalar, dtype: node.dtype });
            }
            Expr::Index => {
                let out = self.destination(code, i, purpose);
                self.steps.push(Step::Index { out });
            }
            Expr::Random { word, words, scalar } => {
                let out = self.destination(code, i, purpose);
                self.steps.push(Step::Random { draw: Draw { word, words, scalar }, out });
            }
            _ if matches!(self.values[i].joins, Some(Join::Half | Join::Outside | Join::Mark)) => {
                self.join(code, i, purpose);
            }
            Expr::Cast(value) => self.cast(code, i, value, purpose),
            Expr::Select(values) => {
                self.apply(code, i, convert::select(node.dtype.lane()), &values, purpose);
            }
            Expr::Unary(op, a) => {
                self.apply(code, i, self.loop_for(code, i, op, a), &[a], purpose);
            }
            Expr::Binary(op, values) => {
                if let Some(operand) = self.values[i].folds {
                    return self.fold(code, i, (op, values[1], operand));
                }
                match self.values[i].joins {
                    Some(Join::Chain(_) | Join::Square) => return self.chain(code, i, purpose),
                    Some(Join::Fraction) => return self.fraction(code, i, values, purpose),
                    None if is_link(code, i) => return self.chain(code, i, purpose),
                    _ => {}
                }
                self.apply(code, i, self.loop_for(code, i, op, values[0]), &values, purpose);
            }
            Expr::Ternary(op, values) => {
                let dtype = code.nodes[usize::from(values[0])].dtype;
                self.apply(code, i, loop_of(op, dtype), &values, purpose);
            }
        }
    }

    /// The loop of an operation, by its first argument: Note [Stored lanes].
    pub(super) fn loop_for(&self, code: &Code, i: usize, op: Op, argument: Value) -> Loop {
        let dtype = code.nodes[usize::from(argument)].dtype;
        let stored = stored_loop(op, dtype).filter(|_| self.values[i].stored);
        stored.unwrap_or_else(|| loop_of(op, dtype))
    }

    /// Note [In place].
    pub(super) fn fold(&mut self, code: &Code, i: usize, (op, value, operand): (Op, Value, u8)) {
        let Node { dtype, .. } = code.nodes[i];
        let run = fold_of(op, dtype).accumulate;
        let lanes = self.values[usize::from(value)].lanes;
        self.steps.push(Step::Accumulate { run, operand, value: lanes });
        self.used(value);
        self.values[i].lanes = Lanes { place: Place::Memory(operand), size: dtype.size() as u8 };
    }

    /// Note [Chains].
    pub(super) fn fraction(
        &mut self,
        code: &Code,
        i: usize,
        [cast, unit]: [Value; 2],
        purpose: Purpose,
    ) {
        let Some(([.., word], count)) = fraction_of(code, cast) else {
            unreachable!("as `find_chains` saw")
        };
        let Expr::Random { word, words, scalar } = code.nodes[usize::from(word)].expr else {
            unreachable!("as `find_chains` saw")
        };
        let [count_lanes, unit_lanes] = [count, unit].map(|v| self.values[usize::from(v)].lanes);
        let (out, past_cache) = self.destination_anywhere(code, i, purpose);
        self.steps.push(Step::Fraction {
            draw: Draw { word, words, scalar },
            count: count_lanes,
            unit: unit_lanes,
            out,
            past_cache,
        });
        self.used(count);
        self.used(unit);
    }

    /// Note [Chains].
    pub(super) fn chain(&mut self, code: &Code, i: usize, purpose: Purpose) {
        let dtype = code.nodes[i].dtype;
        let Some(run) = chain_loop(dtype) else { unreachable!("as `find_chains` saw") };
        let (mut first, mut values) = (i as Value, Vec::new());
        loop {
            let Expr::Binary(op, arguments) = code.nodes[usize::from(first)].expr else {
                unreachable!("as `find_chains` saw")
            };
            let joins = self.values[usize::from(first)].joins;
            if joins == Some(Join::Square) {
                values.push((Link::Square, None));
                first = arguments[0];
                continue;
            }
            let side = match joins {
                Some(Join::Chain(side)) => side,
                _ => self.head(code, arguments),
            };
            let (before, other) = side.of(arguments);
            let Some(link) = Link::of(op, side, dtype) else {
                unreachable!("as `find_chains` saw")
            };
            values.push((link, Some(other)));
            first = before;
            if joins.is_none() {
                break;
            }
        }
        values.reverse();
        let argument = |value: Option<Value>| {
            self.argument(value.map_or(NOWHERE, |value| self.values[usize::from(value)].lanes))
        };
        let links = values.iter().map(|&(link, value)| (link, argument(value))).collect();
        let chain = Box::new(Chain { run, first: argument(Some(first)), links });
        let (out, past_cache) = self.destination_anywhere(code, i, purpose);
        self.steps.push(Step::Chain { chain, out, past_cache });
        self.used(first);
        for value in values.into_iter().filter_map(|(_, value)| value) {
            self.used(value);
        }
    }

    pub(super) fn argument(&self, lanes: Lanes) -> Argument {
        Argument { lanes, uniform: self.fills.iter().any(|fill| fill.out.place == lanes.place) }
    }

    pub(super) fn load(&mut self, code: &Code, i: usize, operand: u8, purpose: Purpose) {
        let OperandCode { buffer, dtype, class } = code.operands[usize::from(operand)];
        let size = dtype.size() as u8;
        let is_stored_form = self.values[i].stored;
        let widen = convert::widen(dtype).filter(|_| !is_stored_form);
        if self.values[i].folds.is_some() {
            return;
        }
        match self.class_in_tile(class) {
            Class::Uniform => {
                let lane = self.size(code, i);
                self.fill(i, lane, FillValue::Element { operand, dtype });
            }
            Class::Contiguous => {
                let memory = Lanes { place: Place::Memory(operand), size };
                if widen.is_none() && !is_stored(code, buffer, purpose) {
                    self.values[i].lanes = memory;
                    return;
                }
                let out = self.destination(code, i, purpose);
                if widen.is_some() && self.form.past_cache {
                    self.ahead.push(operand);
                }
                let run = widen.unwrap_or(convert::copy());
                self.push_apply(run, [memory, NOWHERE, NOWHERE], out, None);
            }
            Class::Strided => match widen {
                None if !is_stored(code, buffer, purpose) => {
                    let Place::Register(register) = self.register(size).place else {
                        unreachable!("asked for one")
                    };
                    // Only chains take one element for all.
                    let same = self.values[i].linked == self.values[i].uses;
                    let row = Lanes { place: Place::Row { operand, register, same }, size };
                    self.steps.push(Step::GatherRow { row, as_block: true });
                    self.values[i].lanes = row;
                }
                None => {
                    let out = self.destination(code, i, purpose);
                    self.steps.push(Step::Gather { operand, out });
                }
                Some(run) => {
                    let stored = self.register(size);
                    self.steps.push(Step::Gather { operand, out: stored });
                    let out = self.destination(code, i, purpose);
                    self.push_apply(run, [stored, NOWHERE, NOWHERE], out, None);
                    self.release(stored);
                }
            },
        }
    }

    pub(super) fn fetch(
        &mut self,
        code: &Code,
        i: usize,
        (operand, at): (u8, Value),
        purpose: Purpose,
    ) {
        let dtype = code.operands[usize::from(operand)].dtype;
        let (places, joins) = (self.values[usize::from(at)].lanes, self.values[i].joins);
        let fetch = |out| match joins {
            Some(Join::Back(back)) => Step::FetchBack { operand, back, out },
            _ => Step::Fetch { operand, at: places, out },
        };
        match convert::widen(dtype) {
            None => {
                let out = self.destination(code, i, purpose);
                self.steps.push(fetch(out));
            }
            Some(run) => {
                let stored = self.register(dtype.size() as u8);
                self.steps.push(fetch(stored));
                let out = self.destination(code, i, purpose);
                self.push_apply(run, [stored, NOWHERE, NOWHERE], out, None);
                self.release(stored);
            }
        }
        if joins.is_none() {
            self.used(at);
        }
    }

    pub(super) fn cast(&mut self, code: &Code, i: usize, value: Value, purpose: Purpose) {
        let (from, to) = (code.nodes[usize::from(value)].dtype, code.nodes[i].dtype);
        if let Some(run) = convert::stored_cast(from, to).filter(|_| self.values[i].stored) {
            return self.apply(code, i, run, &[value], purpose);
        }
        match convert::cast(from, to) {
            Some(run) => self.apply(code, i, run, &[value], purpose),
            // Stores narrow by themselves.
            None if convert::fits(from, to) || !self.values[i].read => {
                let root = self.values[usize::from(value)].root;
                let uses = self.values[i].uses;
                let shared = &mut self.values[usize::from(root)];
                shared.uses += uses;
                shared.uses -= 1;
                let lanes = shared.lanes;
                self.values[i].lanes = lanes;
                self.values[i].root = root;
            }
            None => {
                self.apply(code, i, convert::copy(), &[value], purpose);
            }
        }
    }

    pub(super) fn apply(
        &mut self,
        code: &Code,
        i: usize,
        run: Loop,
        values: &[Value],
        purpose: Purpose,
    ) {
        let mut lanes = [NOWHERE; 3];
        for (lanes, &value) in lanes.iter_mut().zip(values) {
            *lanes = self.values[usize::from(value)].lanes;
        }
        // Where all is in the cache, nothing is on its way meanwhile.
        let waits = lanes.iter().any(|lanes| matches!(lanes.place, Place::Memory(_)));
        if waits && let Some(out) = self.destination_past_cache(code, i, purpose) {
            self.push_past_cache(run, lanes, out);
        } else {
            let out = self.destination(code, i, purpose);
            let round = convert::round(code.nodes[i].dtype).filter(|_| self.values[i].read);
            self.push_apply(run, lanes, out, round);
        }
        for &value in values {
            self.used(value);
        }
    }

    pub(super) fn fill(&mut self, i: usize, size: u8, value: FillValue) {
        // Never one that was used before, and never given back.
        let out = Lanes { place: Place::Register(self.registers as u16), size };
        self.registers += 1;
        self.fills.push(Fill { out, value });
        self.values[i].lanes = out;
        self.values[i].uses += 1;
    }

    pub(super) fn push_apply(
        &mut self,
        run: Loop,
        arguments: [Lanes; 3],
        out: Lanes,
        round: Option<fn(&mut [u8])>,
    ) {
        let arguments = arguments.map(|lanes| self.argument(lanes));
        self.steps.push(Step::Apply { run, arguments, out, round, past_cache: false });
    }

    pub(super) fn push_past_cache(&mut self, run: Loop, arguments: [Lanes; 3], out: Lanes) {
        self.past_cache = true;
        let arguments = arguments.map(|lanes| self.argument(lanes));
        self.steps.push(Step::Apply { run, arguments, out, round: None, past_cache: true });
    }

    pub(super) fn register(&mut self, size: u8) -> Lanes {
        let register = self.free.pop().unwrap_or_else(|| {
            self.registers += 1;
            (self.registers - 1) as u16
        });
        Lanes { place: Place::Register(register), size }
    }

    pub(super) fn release(&mut self, lanes: Lanes) {
        if let Place::Register(register) | Place::Row { register, .. } = lanes.place {
            self.free.push(register);
        }
    }

    /// One read of the value has been made; its register is free after the last.
    pub(super) fn used(&mut self, value: Value) {
        let root = self.values[usize::from(value)].root;
        let shared = &mut self.values[usize::from(root)];
        shared.uses -= 1;
        if shared.uses == 0 {
            let lanes = shared.lanes;
            self.release(lanes);
        }
    }
}
