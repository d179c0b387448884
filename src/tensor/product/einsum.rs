//! Einstein summation.
//!
//! # Note [Canonical order]
//! Every operand is seen with one dim for each label of the equation: those of the output in its order, then
//! those that are summed; a label that an operand lacks has size 1. Operands are contracted from left to
//! right: what a pair shares and nothing later needs is summed by a matrix product.

use smallvec::SmallVec;

use crate::error::{Error, Result};

use super::super::{Tensor, dims};

/// A letter, or a dim that an ellipsis covers, counted from the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    Covered(usize),
    Letter(u8),
}

/// The labels of one operand or of the output; an ellipsis stands for itself.
type Subscripts = SmallVec<[Option<Label>; 8]>;

/// The sum of products that the equation describes, as `torch.einsum`: `"ij,jk->ik"` is a matrix product.
///
/// Letters name dims; a letter that is repeated in an operand takes the diagonal, one that is missing in
/// the output is summed, `...` covers the dims without a name. Without `->` the output has the ellipsis and then
/// the letters that occur once, in alphabetical order. Operands are contracted pairwise, from left to
/// right, and sums over pairs are matrix products: see [`Tensor::matmul`] for their dtypes and error.
///
/// # Errors
/// `Value` for an equation that is malformed, or that has more or fewer operands; `Shape` for sizes that do not
/// fit; `Dtype` for products of dtypes that differ, and of bool; `Device` when operands are on different devices.
///
/// # Example
/// ```
/// let a = taut::tensor([[1, 2], [3, 4]], ())?;
/// assert_eq!(taut::einsum("ij,jk->ik", &[&a, &a])?.to_vec::<i32>()?, [7, 10, 15, 22]);
/// assert_eq!(taut::einsum("ij->ji", &[&a])?.to_vec::<i32>()?, [1, 3, 2, 4]);
/// assert_eq!(taut::einsum("ii", &[&a])?.item::<i64>()?, 5);
/// # Ok::<(), taut::Error>(())
/// ```
#[track_caller]
pub fn einsum(equation: &str, operands: &[&Tensor]) -> Result<Tensor> {
    if operands.is_empty() {
        return Err(Error::value(
            "einsum(): must specify the equation string and at least one operand, or at least one operand \
             and its subscripts list",
        ));
    }
    let (left, right) = match equation.split_once("->") {
        Some((left, right)) => (left, Some((left.len() + 2, right))),
        None => (equation, None),
    };
    let mut inputs = Vec::new();
    let mut start = 0;
    for (number, text) in left.split(',').enumerate() {
        let Some(operand) = operands.get(number) else {
            return Err(malformed("fewer operands were provided than specified in the equation"));
        };
        let subscripts = parse(text, start, &format!("operand {number}"))?;
        inputs.push(named(&subscripts, operand, number)?);
        start += text.len() + 1;
    }
    if inputs.len() < operands.len() {
        return Err(malformed("more operands were provided than specified in the equation"));
    }
    let output = output(right, &inputs)?;
    let mut order = output.clone();
    let mut summed: Vec<Label> = inputs.iter().flatten().copied().collect();
    summed.sort_unstable();
    summed.dedup();
    order.extend(summed.into_iter().filter(|label| !output.contains(label)));
    let canonical: Vec<Tensor> = operands
        .iter()
        .zip(&inputs)
        .enumerate()
        .map(|(number, (operand, labels))| spread(operand, labels, &order, number))
        .collect::<Result<_>>()?;
    check_sizes(&canonical, &order)?;
    contract(canonical, output.len())
}

fn malformed(what: impl std::fmt::Display) -> Error {
    Error::value(format!("einsum(): {what}"))
}

/// Reads the subscripts of one operand; `start` is their place in the equation.
fn parse(text: &str, start: usize, owner: &str) -> Result<Subscripts> {
    let mut subscripts = Subscripts::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let at = start + text.len() - rest.len();
        if first == ' ' {
            rest = &rest[1..];
        } else if let Some(after) = rest.strip_prefix("...") {
            if subscripts.contains(&None) {
                return Err(malformed(format!(
                    "found '.' for {owner} for which an ellipsis was already found"
                )));
            }
            subscripts.push(None);
            rest = after;
        } else if first == '.' {
            return Err(malformed(format!(
                "found '.' for {owner} that is not part of any ellipsis"
            )));
        } else if first.is_ascii_alphabetic() {
            subscripts.push(Some(Label::Letter(first as u8)));
            rest = &rest[1..];
        } else {
            return Err(malformed(format!(
                "invalid subscript given at index {at} in the equation string, subscripts must be in \
                 [a-zA-Z]"
            )));
        }
    }
    Ok(subscripts)
}

/// A label for each dim of an operand.
fn named(subscripts: &Subscripts, operand: &Tensor, number: usize) -> Result<Vec<Label>> {
    let rank = operand.dim();
    let ellipsis = subscripts.contains(&None);
    let letters = subscripts.iter().flatten().count();
    if letters > rank || (!ellipsis && letters != rank) {
        let why = if ellipsis { "is more than" } else { "does not match" };
        let end = if ellipsis { "" } else { " and no ellipsis was given" };
        return Err(Error::shape(format!(
            "einsum(): the number of subscripts in the equation ({letters}) {why} the number of dimensions \
             ({rank}) for operand {number}{end}"
        )));
    }
    let covered = (0..rank - letters).rev().map(Label::Covered);
    let mut labels = Vec::with_capacity(rank);
    for subscript in subscripts {
        match subscript {
            Some(label) => labels.push(*label),
            None => labels.extend(covered.clone()),
        }
    }
    Ok(labels)
}

/// The labels of the output: as given, or those that occur once.
fn output(given: Option<(usize, &str)>, inputs: &[Vec<Label>]) -> Result<Vec<Label>> {
    let all = || inputs.iter().flatten();
    let covered = all().filter_map(|label| match label {
        Label::Covered(back) => Some(back + 1),
        Label::Letter(_) => None,
    });
    let covered = (0..covered.max().unwrap_or(0)).rev().map(Label::Covered);
    let Some((start, text)) = given else {
        let mut letters: Vec<Label> = all()
            .filter(|label| matches!(label, Label::Letter(_)))
            .filter(|label| all().filter(|other| other == label).count() == 1)
            .copied()
            .collect();
        letters.sort_unstable();
        return Ok(covered.chain(letters).collect());
    };
    let mut labels = Vec::new();
    for subscript in parse(text, start, "the output")? {
        let Some(label) = subscript else {
            labels.extend(covered.clone());
            continue;
        };
        let Label::Letter(letter) = label else { unreachable!("only letters are written") };
        let letter = char::from(letter);
        if labels.contains(&label) {
            return Err(malformed(format!(
                "output subscript {letter} appears more than once in the output"
            )));
        }
        if !all().any(|other| *other == label) {
            return Err(malformed(format!(
                "output subscript {letter} does not appear in the equation for any input operand"
            )));
        }
        labels.push(label);
    }
    Ok(labels)
}

/// The operand in the canonical order, its repeated labels on their diagonal.
fn spread(operand: &Tensor, labels: &[Label], order: &[Label], number: usize) -> Result<Tensor> {
    let (mut view, mut labels) = (operand.alias(), labels.to_vec());
    let mut at = 0;
    while let Some(&label) = labels.get(at) {
        let Some(again) = labels[at + 1..].iter().position(|&other| other == label) else {
            at += 1;
            continue;
        };
        let again = at + 1 + again;
        let (size, other) = (view.shape()[at], view.shape()[again]);
        if size != other {
            return Err(Error::shape(format!(
                "einsum(): subscript {} is repeated for operand {number} but the sizes don't match, \
                 {other} != {size}",
                name(label)
            )));
        }
        // The diagonal becomes the last dim; back to where its label first stood.
        view = view.diagonal(0, at as i64, again as i64)?.movedim(-1, at as i64)?;
        labels.remove(again);
    }
    let place = |label: &Label| labels.iter().position(|own| own == label);
    let present: Vec<usize> = order.iter().filter_map(place).collect();
    view = view.permute(&present[..])?;
    for (dim, label) in order.iter().enumerate() {
        if place(label).is_none() {
            view = view.unsqueeze(dim as i64)?;
        }
    }
    Ok(view)
}

fn name(label: Label) -> String {
    match label {
        Label::Letter(letter) => char::from(letter).to_string(),
        Label::Covered(_) => "...".into(),
    }
}

/// Sizes of one label are one, or 1.
fn check_sizes(operands: &[Tensor], order: &[Label]) -> Result<()> {
    for (dim, &label) in order.iter().enumerate() {
        let mut seen = 1;
        for (number, operand) in operands.iter().enumerate() {
            let size = operand.shape()[dim];
            if size == 1 || size == seen {
                continue;
            }
            if seen != 1 {
                return Err(Error::shape(match label {
                    Label::Letter(letter) => format!(
                        "einsum(): subscript {} has size {size} for operand {number} which does not \
                         broadcast with previously seen size {seen}",
                        char::from(letter)
                    ),
                    Label::Covered(_) => format!(
                        "einsum(): dimension {dim} covered by ellipsis in operand {number} has size {size} \
                         which does not broadcast with previously seen ellipsis with size {seen} for the \
                         respective dimension"
                    ),
                }));
            }
            seen = size;
        }
    }
    Ok(())
}

/// Contracts the operands, which are in canonical order; the dims from `kept` on are summed.
#[track_caller]
fn contract(operands: Vec<Tensor>, kept: usize) -> Result<Tensor> {
    let rank = operands[0].dim();
    // The last operand for which a dim matters.
    let last = |dim: usize| {
        operands.iter().rposition(|operand| operand.shape()[dim] != 1).unwrap_or_default()
    };
    let mut result = operands[0].alias();
    for (number, operand) in operands.iter().enumerate().skip(1) {
        let done: Vec<usize> = (kept..rank).filter(|&dim| last(dim) <= number).collect();
        result = pair(&result, operand, &done)?;
    }
    // What nothing was multiplied with, and so is summed as it is; it went to size 1 else.
    let left: Vec<i64> = (kept..rank).map(|dim| dim as i64).collect();
    let all_one = result.shape()[kept..].iter().all(|&size| size == 1);
    match (left.is_empty(), all_one) {
        (true, _) => Ok(result),
        (false, true) if operands.len() > 1 => result.squeeze(&left[..]),
        (false, _) => result.sum(&left[..]),
    }
}

/// The product of two tensors in canonical order, summed over the dims in `summed`, which stay with size 1.
#[track_caller]
fn pair(lhs: &Tensor, rhs: &Tensor, summed: &[usize]) -> Result<Tensor> {
    let (mut lhs, mut rhs) = (lhs.alias(), rhs.alias());
    let rank = lhs.dim();
    let [mut batch, mut rows, mut columns, mut inner] = [const { Vec::<usize>::new() }; 4];
    let (mut sum_left, mut sum_right) = (Vec::<i64>::new(), Vec::<i64>::new());
    for dim in 0..rank {
        let (left, right) = (lhs.shape()[dim] != 1, rhs.shape()[dim] != 1);
        match (summed.contains(&dim), left, right) {
            (true, true, true) => inner.push(dim),
            (true, true, false) => sum_left.push(dim as i64),
            (true, false, true) => sum_right.push(dim as i64),
            (false, true, true) => batch.push(dim),
            (false, true, false) => rows.push(dim),
            (false, false, true) => columns.push(dim),
            (_, false, false) => {}
        }
    }
    if !sum_left.is_empty() {
        lhs = lhs.sum(dims(&sum_left[..]).keepdim().dtype(lhs.dtype()))?;
    }
    if !sum_right.is_empty() {
        rhs = rhs.sum(dims(&sum_right[..]).keepdim().dtype(rhs.dtype()))?;
    }
    if inner.is_empty() {
        return lhs.mul(&rhs);
    }
    let sizes_of = |tensor: &Tensor, dims: &[usize]| -> Vec<usize> {
        dims.iter().map(|&dim| tensor.shape()[dim]).collect()
    };
    let matrices = |tensor: &Tensor, parts: [&[usize]; 3]| -> Result<Tensor> {
        let idle = (0..rank).filter(|dim| !parts.iter().any(|part| part.contains(dim)));
        let order: Vec<usize> =
            parts.iter().flat_map(|part| part.iter().copied()).chain(idle).collect();
        let len = |part: &[usize]| sizes_of(tensor, part).iter().product::<usize>();
        tensor.permute(&order[..])?.reshape(parts.map(len))
    };
    let product = matrices(&lhs, [&batch, &rows, &inner])?
        .bmm(&matrices(&rhs, [&batch, &inner, &columns])?)?;
    // Apart again, and each dim back to its place.
    let mut shape = sizes_of(&lhs, &batch);
    shape.extend(sizes_of(&lhs, &rows));
    shape.extend(sizes_of(&rhs, &columns));
    let order: Vec<usize> = [batch, rows, columns].concat();
    shape.resize(rank, 1);
    let mut places = vec![0; rank];
    let idle = (0..rank).filter(|dim| !order.contains(dim)).collect::<Vec<_>>();
    for (from, &dim) in order.iter().chain(&idle).enumerate() {
        places[dim] = from;
    }
    product.view(&shape[..])?.permute(&places[..])
}
