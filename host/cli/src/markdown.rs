//! The tables of a page of the reference, as text.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// A row of a table, but for its head.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row {
    /// The heading that the table is below.
    pub section: String,
    pub cells: Vec<String>,
    /// The pages that its cells lead to.
    pub links: Vec<String>,
}

/// The rows of all tables, in their order. Code is in backquotes, links are their text.
pub fn rows(page: &str) -> Vec<Row> {
    let (mut rows, mut row, mut section, mut text) = (Vec::new(), Row::default(), String::new(), String::new());
    for event in Parser::new_ext(page, Options::ENABLE_TABLES) {
        match event {
            Event::Text(part) => text += &part,
            Event::Code(code) => text += &format!("`{code}`"),
            Event::SoftBreak | Event::HardBreak => text.push(' '),
            Event::Start(Tag::Heading { .. } | Tag::TableCell) => text.clear(),
            Event::Start(Tag::TableRow | Tag::TableHead) => row = Row { section: section.clone(), ..Row::default() },
            Event::Start(Tag::Link { dest_url, .. }) => row.links.push(dest_url.to_string()),
            Event::End(TagEnd::Heading(_)) => section = std::mem::take(&mut text),
            Event::End(TagEnd::TableCell) => row.cells.push(std::mem::take(&mut text)),
            Event::End(TagEnd::TableRow) => rows.push(std::mem::take(&mut row)),
            _ => {}
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_their_section_and_their_links() {
        let page = "# Page\n\n## One\n\n| a | b |\n|---|---|\n| `x` | See [y](../z.md). |\n";
        let row =
            Row { section: "One".into(), cells: vec!["`x`".into(), "See y.".into()], links: vec!["../z.md".into()] };
        assert_eq!(rows(page), [row]);
    }
}
