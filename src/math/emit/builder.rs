//! The list of statements that symbols record.

use std::cell::RefCell;

use rustc_hash::FxHashMap;

use crate::dtype::Lane;

/// The WGSL type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Type {
    Mask,
    Lane(Lane),
}

/// How a value comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Node {
    Argument(u8),
    /// An integer constant, or the bits of a float one, sign-extended.
    Constant(i64),
    /// A float constant that no compiler may see.
    Opaque(i64),
    /// Text with a place for each argument: `add_f32p({0}, {1})`.
    Form(&'static str, [u32; 3]),
}

#[derive(Default)]
struct Builder {
    nodes: Vec<(Node, Type)>,
    known: FxHashMap<(Node, Type), u32>,
    /// The form of `step`, where it is not the identity.
    step: Option<&'static str>,
}

thread_local! {
    static BUILDER: RefCell<Builder> = RefCell::default();
}

/// Forgets everything recorded on this thread.
pub(super) fn begin(step: Option<&'static str>) {
    BUILDER.with_borrow_mut(|builder| *builder = Builder { step, ..Builder::default() });
}

/// The form that rounds to the dtype of a stepwise operation.
pub(super) fn step_form() -> Option<&'static str> {
    BUILDER.with_borrow(|builder| builder.step)
}

fn push(node: Node, ty: Type) -> u32 {
    BUILDER.with_borrow_mut(|builder| {
        if let Some(&value) = builder.known.get(&(node, ty)) {
            return value;
        }
        let Ok(value) = u32::try_from(builder.nodes.len()) else {
            unreachable!("a row has some hundred statements")
        };
        builder.nodes.push((node, ty));
        builder.known.insert((node, ty), value);
        value
    })
}

pub(super) fn argument(index: u8, ty: Type) -> u32 {
    push(Node::Argument(index), ty)
}

pub(super) fn constant(bits: i64, ty: Type) -> u32 {
    push(Node::Constant(bits), ty)
}

/// The constant behind a guard.
pub(super) fn opaque(bits: i64, ty: Type) -> u32 {
    push(Node::Opaque(bits), ty)
}

/// Records a form applied to at most three values.
pub(super) fn form(text: &'static str, arguments: &[u32], ty: Type) -> u32 {
    // u32::MAX stands for no argument.
    let mut all = [u32::MAX; 3];
    all[..arguments.len()].copy_from_slice(arguments);
    push(Node::Form(text, all), ty)
}

/// The constant that a value is, if it is one.
pub(super) fn constant_of(value: u32) -> Option<i64> {
    BUILDER.with_borrow(|builder| match builder.nodes[value as usize].0 {
        Node::Constant(bits) => Some(bits),
        Node::Argument(_) | Node::Opaque(_) | Node::Form(..) => None,
    })
}

/// The statements that compute and return `value`, and its type.
pub(super) fn finish(value: u32) -> (String, Type) {
    BUILDER.with_borrow(|builder| {
        let mut used = vec![false; builder.nodes.len()];
        used[value as usize] = true;
        for index in (0..builder.nodes.len()).rev() {
            if let (true, (Node::Form(_, arguments), _)) = (used[index], builder.nodes[index]) {
                for argument in arguments.into_iter().filter(|&a| a != u32::MAX) {
                    used[argument as usize] = true;
                }
            }
        }
        let mut text = String::new();
        let mut names: Vec<String> = Vec::with_capacity(builder.nodes.len());
        for (index, &(node, ty)) in builder.nodes.iter().enumerate() {
            let name = match node {
                Node::Argument(argument) => ["a", "b", "c"][usize::from(argument)].to_owned(),
                Node::Constant(bits) => literal(bits, ty),
                Node::Opaque(bits) => opaque_literal(bits, ty),
                Node::Form(..) if !used[index] => String::new(),
                Node::Form(form, [u32::MAX, ..]) => form.to_owned(),
                Node::Form(form, arguments) => {
                    let mut expression = form.to_owned();
                    for (place, argument) in ["{0}", "{1}", "{2}"].into_iter().zip(arguments) {
                        if argument != u32::MAX {
                            expression = expression.replace(place, &names[argument as usize]);
                        }
                    }
                    text.push_str(&format!("  let v{index} = {expression};\n"));
                    format!("v{index}")
                }
            };
            names.push(name);
        }
        let (_, ty) = builder.nodes[value as usize];
        let name = &names[value as usize];
        match ty {
            Type::Mask => text.push_str(&format!("  return select(0i, 1i, {name});\n")),
            Type::Lane(_) => text.push_str(&format!("  return {name};\n")),
        }
        (text, ty)
    })
}

/// A constant as WGSL. Floats by their bits; infinities and NaN are no constant expressions in WGSL.
fn literal(bits: i64, ty: Type) -> String {
    match ty {
        Type::Mask => if bits == 0 { "false" } else { "true" }.to_owned(),
        Type::Lane(Lane::I32) if bits >= 0 => format!("{bits}i"),
        Type::Lane(Lane::I32) => format!("bitcast<i32>({:#x}u)", bits as u32),
        Type::Lane(Lane::I64) if bits >= 0 => format!("{bits}li"),
        Type::Lane(Lane::I64) => format!("bitcast<i64>({bits:#x}lu)"),
        Type::Lane(Lane::F32) if f32::from_bits(bits as u32).is_finite() => {
            format!("bitcast<f32>({:#x}u)", bits as u32)
        }
        Type::Lane(Lane::F64) if f64::from_bits(bits as u64).is_finite() => {
            format!("bitcast<f64>({bits:#x}lu)")
        }
        Type::Lane(Lane::F32 | Lane::F64) => opaque_literal(bits, ty),
    }
}

/// A float constant that is one at run time only.
fn opaque_literal(bits: i64, ty: Type) -> String {
    match ty {
        Type::Lane(Lane::F64) => format!("special_f64p({bits:#x}lu)"),
        Type::Lane(_) => format!("special_f32p({:#x}u)", bits as u32),
        Type::Mask => unreachable!("masks have no special values"),
    }
}
