//! Leaves of the shader library only what a kernel reaches, so that its text is short to compile and
//! to read, and needs no device feature that the kernel does not.

use rustc_hash::FxHashSet;

/// A declaration at module scope: a function, a struct or a variable.
struct Item<'a> {
    name: &'a str,
    text: &'a str,
}

/// The declarations of `library` that `root` reaches, in their order, and then `root`.
///
/// The library's declarations start at the beginning of a line and end at the end of one; that is the
/// form of the files in `shaders/`. Comments between them are dropped.
pub(super) fn prune(library: &str, root: &str) -> String {
    let items = items(library);
    let mut wanted: FxHashSet<&str> = identifiers(root).collect();
    // Declared before use, or not: repeat until nothing is added.
    let mut kept = vec![false; items.len()];
    loop {
        let mut grown = false;
        for (item, kept) in items.iter().zip(&mut kept).rev() {
            if !*kept && wanted.contains(item.name) {
                *kept = true;
                grown = true;
                wanted.extend(identifiers(item.text));
            }
        }
        if !grown {
            break;
        }
    }
    let mut text = String::new();
    for (item, _) in items.iter().zip(&kept).filter(|(_, kept)| **kept) {
        text.push_str(item.text);
    }
    text.push('\n');
    text.push_str(root);
    text
}

fn items(library: &str) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    let (mut start, mut at, mut depth) = (0, 0, 0_i32);
    for line in library.split_inclusive('\n') {
        at += line.len();
        let code = line.split("//").next().unwrap_or_default().trim_end();
        depth += code.matches('{').count() as i32 - code.matches('}').count() as i32;
        let blank = code.is_empty() && library[start..at].trim_start().starts_with("//");
        if blank || library[start..at].trim().is_empty() {
            start = at;
        } else if depth == 0 && (code.ends_with('}') || code.ends_with(';')) {
            let text = &library[start..at];
            items.push(Item { name: name(text), text });
            start = at;
        }
    }
    items
}

fn name(item: &str) -> &str {
    let after = match (item.find("var<"), item.find("fn "), item.strip_prefix("struct ")) {
        (_, _, Some(rest)) => rest,
        (Some(var), None, _) => item[var..].split_once("> ").map_or("", |(_, rest)| rest),
        (_, Some(function), _) => &item[function + 3..],
        _ => unreachable!("a declaration of another kind: {item}"),
    };
    identifiers(after).next().unwrap_or_default()
}

fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIBRARY: &str = "// A library.\n\nstruct Pair { a: u32 }\n\
        @group(0) @binding(0) var<storage, read> words: array<u32>;\n\
        fn first() -> u32 { return words[0]; }\n// Of two lines.\nfn second(\n  a: u32\n) -> Pair {\n\
        return Pair(first()); }\nfn third() -> u32 { return 3u; }\n";

    #[test]
    fn prune_of_a_chain_keeps_what_it_reaches() {
        let text = prune(LIBRARY, "fn main() { second(1u); }\n");
        for kept in ["struct Pair", "words: array", "fn first", "fn second(\n  a: u32", "fn main"] {
            assert!(text.contains(kept), "{kept} is missing in {text}");
        }
        assert!(!text.contains("third") && !text.contains("//"), "{text}");
    }

    #[test]
    fn prune_of_nothing_keeps_nothing() {
        assert_eq!(prune(LIBRARY, "fn main() {}\n"), "\nfn main() {}\n");
    }
}
