//! Everything that the golden runner leaves out.
//!
//! Nothing is here because it fails.

/// Operations that are not implemented yet. A case that calls one, or a program with a step that
/// does, is skipped. `index[tensor]` is an index expression with a tensor in it.
///
/// A name whose operation is in the op table must go: the runner fails while it stands here.
pub(crate) const OPERATIONS: &[&str] = &[
    // Arithmetic
    "floor_divide",
    "floor_divide_",
    "fmod",
    "remainder",
    "remainder_",
    "pow",
    "pow_",
    "abs",
    "abs_",
    "sign",
    "square",
    "lerp",
    "addcmul",
    "addcdiv",
    "hypot",
    // Rounding
    "floor",
    "floor_",
    "ceil",
    "round",
    "round_",
    "trunc",
    // Mathematical functions
    "exp",
    "exp_",
    "expm1",
    "log",
    "log1p",
    "log2",
    "log10",
    "sqrt",
    "sqrt_",
    "rsqrt",
    "sin",
    "cos",
    "tan",
    "tanh",
    "sigmoid",
    "sigmoid_",
    "relu",
    "relu_",
    "erf",
    "atan2",
    // Comparison and choice
    "eq",
    "eq_",
    "ne",
    "lt",
    "lt_",
    "le",
    "gt",
    "ge",
    "isnan",
    "isinf",
    "isfinite",
    "minimum",
    "maximum",
    "clamp",
    "clamp_",
    "where",
    "masked_fill",
    "masked_fill_",
    // Logic and bits
    "logical_and",
    "logical_or",
    "logical_xor",
    "logical_not",
    "logical_not_",
    "bitwise_and",
    "bitwise_and_",
    "bitwise_or",
    "bitwise_or_",
    "bitwise_xor",
    "bitwise_xor_",
    "bitwise_not",
    "bitwise_left_shift",
    "bitwise_right_shift",
    // Reductions and scans
    "sum",
    "mean",
    "prod",
    "amax",
    "amin",
    "var",
    "std",
    "any",
    "all",
    "argmax",
    "argmin",
    "max",
    "min",
    "cumsum",
    // Joining, repeating, reordering
    "cat",
    "stack",
    "split",
    "chunk",
    "repeat",
    "tile",
    "flip",
    "roll",
    "tril",
    "triu",
    // Gathering and sorting
    "index[tensor]",
    "setitem[tensor]",
    "index_select",
    "gather",
    "take_along_dim",
    "masked_select",
    "nonzero",
    "sort",
    "topk",
    // Matrix products
    "matmul",
    "mm",
    "bmm",
    "dot",
];

/// Single cases, each with the reason why it is not run.
pub(crate) const CASES: &[(&str, &str)] = &[];

/// Why a case that calls these operations is left out, if it is.
pub(crate) fn reason(id: &str, operations: &[String]) -> Option<String> {
    if let Some((_, reason)) = CASES.iter().find(|(skipped, _)| *skipped == id) {
        return Some(format!("{id}, {reason}"));
    }
    operations.iter().find(|name| OPERATIONS.contains(&name.as_str())).cloned()
}
