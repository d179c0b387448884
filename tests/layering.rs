//! The order of the house, read from the sources: `use crate::` points only downward.
//!
//! ```text
//! error, dtype, scalar, layout, spare < ops, math, text < kernel < backend (trait)
//!     < backend/cpu, backend/gpu < device < graph < tensor < io
//! ```
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

/// Lower may not name higher. Modules of one row may name each other, the two backends aside.
const ROWS: &[&[&str]] = &[
    &["error", "dtype", "scalar", "layout", "spare"],
    &["ops", "math", "text"],
    &["kernel"],
    &["backend"],
    &["backend::cpu", "backend::gpu"],
    &["device"],
    &["graph"],
    &["tensor"],
    &["io"],
];

/// Crates that one module alone may name.
const OWNED_CRATES: &[(&str, &str)] =
    &[("wgpu", "backend::gpu"), ("rayon", "backend::cpu"), ("matrixmultiply", "backend::cpu")];

struct Source {
    /// `tensor::host` for `src/tensor/host.rs`, `tensor` for `src/tensor/mod.rs`.
    module: String,
    /// Without comments and without what is compiled for tests only.
    code: String,
}

#[test]
fn modules_name_only_what_is_below_them() {
    let sources = sources();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for source in &sources {
        for target in named_modules(source) {
            let own = component(&source.module);
            let Some((target_row, target)) = row(&target) else {
                wrong.push(format!("{}: crate::{target} has no row", source.module));
                continue;
            };
            seen += 1;
            let Some((own_row, own)) = row(&own) else { continue };
            let backends = own.starts_with("backend::") && target.starts_with("backend::");
            if target_row > own_row || (backends && own != target) {
                wrong.push(format!("{} names crate::{target}", source.module));
            }
        }
    }
    assert!(wrong.is_empty(), "against the order of the house:\n{}", wrong.join("\n"));
    assert!(seen > 50, "only {seen} paths found: the test reads the sources wrongly");
}

#[test]
fn every_module_of_the_crate_has_a_row() {
    let sources = sources();
    let top = |s: &Source| s.module.split("::").next().unwrap().to_string();
    for module in sources.iter().map(top).filter(|module| module != "lib") {
        assert!(row(&module).is_some(), "src/{module} has no place in the order of the house");
    }
}

#[test]
fn crates_of_a_backend_are_named_by_it_alone() {
    for source in sources() {
        for (name, owner) in OWNED_CRATES {
            let named = words(&source.code).any(|word| word == *name);
            assert!(!named || within(&source.module, owner), "{} names {name}", source.module);
        }
    }
}

#[test]
fn tensor_names_no_backend() {
    for source in sources().iter().filter(|source| within(&source.module, "tensor")) {
        for target in named_modules(source) {
            assert!(!within(&target, "backend"), "{} names crate::{target}", source.module);
        }
    }
}

#[test]
fn named_modules_reads_groups_and_super() {
    let source = Source {
        module: "backend::gpu::codegen::text".into(),
        code: "use crate::{dtype::DType, kernel}; use super::super::memory; super::super::super::cpu::X"
            .into(),
    };
    let expected = ["dtype", "kernel", "backend::gpu", "backend::cpu"];
    assert_eq!(named_modules(&source), expected);
}

/// Row of a module, and the entry of [`ROWS`] that it belongs to.
fn row(module: &str) -> Option<(usize, &'static str)> {
    let entries =
        ROWS.iter().enumerate().flat_map(|(row, names)| names.iter().map(move |n| (row, *n)));
    entries.filter(|(_, name)| within(module, name)).max_by_key(|(_, name)| name.len())
}

fn within(module: &str, parent: &str) -> bool {
    module.strip_prefix(parent).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The part of a module path that the rows tell apart.
fn component(path: &str) -> String {
    row(path).map_or(path, |(_, name)| name).to_string()
}

/// Modules that the code reaches through `crate::` or `super::`, as components.
fn named_modules(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in source.code.match_indices("crate::") {
        let before = source.code[..at].chars().next_back();
        if before.is_some_and(|c| is_word(c) || c == '$') {
            continue;
        }
        let path = &source.code[at + "crate::".len()..];
        match path.strip_prefix('{') {
            Some(group) => {
                let group = group.split('}').next().unwrap_or_default();
                found.extend(
                    group.split(',').filter(|p| !p.trim().is_empty()).map(|p| from_root(p.trim())),
                );
            }
            None => found.push(from_root(path)),
        }
    }
    let mut rest = source.code.as_str();
    while let Some(at) = rest.find("super::") {
        let mut path = &rest[at..];
        let mut module: Vec<&str> = source.module.split("::").collect();
        while let Some(inner) = path.strip_prefix("super::") {
            module.pop();
            path = inner;
        }
        let inner = leading_path(path);
        module.push(&inner);
        let target = component(&module.join("::"));
        if row(&target).is_some() {
            found.push(target);
        }
        rest = path;
    }
    found
}

/// The component of a path that follows `crate::`; what `lib.rs` re-exports counts as its module.
fn from_root(path: &str) -> String {
    let path = leading_path(path);
    let first = path.split("::").next().unwrap_or_default();
    if row(first).is_some() {
        return component(&path);
    }
    let root = strip_comments(&fs::read_to_string(src().join("lib.rs")).unwrap());
    for export in root.split("pub use ").skip(1) {
        let export = export.split(';').next().unwrap_or_default();
        if words(export).any(|word| word == first) {
            return component(&leading_path(export));
        }
    }
    path
}

/// The identifiers joined by `::` at the start of the text.
fn leading_path(text: &str) -> String {
    let end = text.find(|c: char| !is_word(c) && c != ':').unwrap_or(text.len());
    text[..end].trim_end_matches(':').to_string()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !is_word(c))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file but those that only tests compile.
fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    collect(&src(), "", &mut sources);
    assert!(sources.len() > 30, "only {} sources found", sources.len());
    sources
}

fn collect(folder: &Path, parent: &str, sources: &mut Vec<Source>) {
    let join =
        |name: &str| if parent.is_empty() { name.into() } else { format!("{parent}::{name}") };
    let owner = if parent.is_empty() { folder.join("lib.rs") } else { folder.join("mod.rs") };
    let tests = test_modules(&fs::read_to_string(owner).unwrap_or_default());
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if tests.contains(&name) {
            continue;
        }
        if path.is_dir() {
            collect(&path, &join(&name), sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let module = if name == "mod" { parent.to_string() } else { join(&name) };
            let text = strip_comments(&fs::read_to_string(&path).unwrap());
            sources.push(Source { module, code: without_test_module(&text) });
        }
    }
}

/// Modules declared as `#[cfg(test)] mod name;`.
fn test_modules(text: &str) -> Vec<String> {
    let after = text.split("#[cfg(test)]").skip(1).map(str::trim_start);
    let names = after.filter_map(|rest| rest.strip_prefix("mod ")?.split_once(';'));
    names.map(|(name, _)| name.to_string()).filter(|name| name.chars().all(is_word)).collect()
}

/// The text up to its inline test module, which comes last in a file.
fn without_test_module(text: &str) -> String {
    let inline = |at: &usize| {
        let rest = text[*at..].trim_start_matches("#[cfg(test)]").trim_start();
        rest.strip_prefix("mod ").is_some_and(|rest| rest[..rest.len().min(40)].contains('{'))
    };
    let end = text.match_indices("#[cfg(test)]").map(|(at, _)| at).find(inline);
    text[..end.unwrap_or(text.len())].to_string()
}

fn strip_comments(text: &str) -> String {
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    code.collect::<Vec<_>>().join("\n")
}
