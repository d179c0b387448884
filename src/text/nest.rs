//! Brackets, blocks and ellipses: what both printed forms do with cells that are already text.

use super::{Kept, Printed, kept};

/// What sets the two forms apart.
pub(super) struct Nest<'a> {
    /// Columns before the outermost bracket.
    pub(super) indent: usize,
    /// Ends a line, or a block, that another one follows.
    pub(super) separator: &'a str,
    /// Stands among cells for those left out.
    pub(super) gap: &'a str,
    /// Joins the cells of an innermost dimension into lines, the bracket being so many columns in.
    pub(super) lines: &'a dyn Fn(&[&str], usize) -> Vec<String>,
}

impl Nest<'_> {
    /// The cells in brackets, one pair a dimension; a 0-d tensor is its cell.
    pub(super) fn text(&self, view: &Printed<'_>, cells: &[String]) -> String {
        let dims = kept(view.shape)
            .unwrap_or_else(|| view.shape.iter().copied().map(Kept::whole).collect());
        debug_assert_eq!(
            cells.len(),
            dims.iter().map(|dim| dim.len()).product::<usize>(),
            "one cell for each element shown"
        );
        let mut out = String::new();
        self.block(&dims, &mut cells.iter().map(String::as_str), self.indent, &mut out);
        out
    }

    fn block<'c>(
        &'c self,
        dims: &[Kept],
        cells: &mut impl Iterator<Item = &'c str>,
        indent: usize,
        out: &mut String,
    ) {
        let Some((&dim, inner)) = dims.split_first() else {
            out.extend(cells.next());
            return;
        };
        // Lines and rows are one line break apart, blocks of rows two, and so on.
        let breaks = inner.len().max(1);
        let between =
            format!("{}{}{}", self.separator, "\n".repeat(breaks), " ".repeat(indent + 1));
        out.push('[');
        if inner.is_empty() {
            let mut row: Vec<&str> = cells.by_ref().take(dim.head).collect();
            if !dim.whole {
                row.push(self.gap);
                row.extend(cells.by_ref().take(dim.tail));
            }
            out.push_str(&(self.lines)(&row, indent).join(&between));
        } else {
            for i in 0..dim.len() {
                if i > 0 {
                    out.push_str(&between);
                }
                if !dim.whole && i == dim.head {
                    out.push_str("...");
                    out.push_str(&between);
                }
                self.block(inner, cells, indent + 1, out);
            }
        }
        out.push(']');
    }
}
