//! Everything that the golden runner leaves out.
//!
//! Nothing is here because it fails.

/// Operations that are not implemented yet. A case that calls one, or a program with a step that
/// does, is skipped. `index[tensor]` is an index expression with a tensor in it.
///
/// A name whose operation is in the op table must go: the runner fails while it stands here.
pub(crate) const OPERATIONS: &[&str] = &[];

/// Single cases, each with the reason why it is not run.
pub(crate) const CASES: &[(&str, &str)] = &[];

/// Why a case that calls these operations is left out, if it is.
pub(crate) fn reason(id: &str, operations: &[String]) -> Option<String> {
    if let Some((_, reason)) = CASES.iter().find(|(skipped, _)| *skipped == id) {
        return Some(format!("{id}, {reason}"));
    }
    operations.iter().find(|name| OPERATIONS.contains(&name.as_str())).cloned()
}
