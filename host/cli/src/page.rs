//! A page of help: headings, text, lists and examples, as lines for a terminal. The manual
//! page is made of the same blocks.

use super::styled::{Line, Paint, wrap};

/// A piece of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    Heading(String),
    Text(String),
    /// Lines that are shown as they are.
    Verbatim(Vec<String>),
    /// Names, each with its meaning.
    Entries(Vec<(String, String)>),
    /// Command lines, each with what it is for.
    Examples(Vec<(String, String)>),
}

/// With a longer name, meanings are below the names.
const LONGEST_NAME: usize = 24;

/// The lines of blocks, at most so many columns wide.
pub fn lines(blocks: &[Block], width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for block in blocks {
        match block {
            Block::Heading(text) => {
                if !lines.is_empty() {
                    lines.push(Line::default());
                }
                lines.push(Line::bold(format!("{text}:")));
            }
            Block::Text(text) => {
                begin(&mut lines);
                let indent = if is_inside(&lines) { 2 } else { 0 };
                lines.extend(wrap(text, width - indent).iter().map(|line| Line::plain(" ".repeat(indent) + line)));
            }
            Block::Verbatim(texts) => {
                begin(&mut lines);
                lines.extend(texts.iter().map(|text| Line::plain(format!("  {text}"))));
            }
            Block::Entries(entries) => {
                begin(&mut lines);
                lines.extend(of_entries(entries, width));
            }
            Block::Examples(examples) => {
                begin(&mut lines);
                lines.extend(examples.iter().flat_map(|(command, text)| of_example(command, text, width)));
            }
        }
    }
    lines
}

/// An empty line, unless a heading or nothing is above.
fn begin(lines: &mut Vec<Line>) {
    if lines.last().is_some_and(|last| !is_heading(last)) {
        lines.push(Line::default());
    }
}

fn is_heading(line: &Line) -> bool {
    line.pieces().next().is_some_and(|(paint, _)| paint == Paint::Bold)
}

/// Whether a heading came before.
fn is_inside(lines: &[Line]) -> bool {
    lines.iter().any(is_heading)
}

fn of_example(command: &str, text: &str, width: usize) -> Vec<Line> {
    let texts = wrap(text, width - 6);
    let head = Line::plain("  ").add(Paint::Bold, command);
    std::iter::once(head).chain(texts.iter().map(|line| Line::plain(format!("      {line}")))).collect()
}

/// Two columns: the names, and beside them their meanings. Where a name is too long for
/// that, each meaning is below its name.
fn of_entries(entries: &[(String, String)], width: usize) -> Vec<Line> {
    let column = entries.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    if column > LONGEST_NAME {
        return entries.iter().flat_map(|(name, text)| of_example(name, text, width)).collect();
    }
    let mut lines = Vec::new();
    for (name, text) in entries {
        let mut texts = wrap(text, width - column - 4).into_iter();
        let pad = column - name.chars().count();
        let first = texts.next().unwrap_or_default();
        lines.push(Line::plain("  ").add(Paint::Bold, name).add(Paint::Plain, format!("{}  {first}", " ".repeat(pad))));
        lines.extend(texts.map(|text| Line::plain(format!("{}{text}", " ".repeat(column + 4)))));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(blocks: &[Block], width: usize) -> Vec<String> {
        lines(blocks, width).iter().map(|line| line.pieces().map(|(_, text)| text).collect::<String>()).collect()
    }

    #[test]
    fn no_line_is_wider_than_asked_for_and_meanings_stand_below_each_other() {
        let entry = |name: &str| (name.to_owned(), "a meaning of several words that is long".to_owned());
        let page = [Block::Heading("Options".into()), Block::Entries(vec![entry("-a"), entry("--long")])];
        let shown = text(&page, 40);
        assert_eq!(shown[..3], ["Options:", "  -a      a meaning of several words", "          that is long"]);
        let long = "x".repeat(LONGEST_NAME + 1);
        let shown = text(&[Block::Entries(vec![entry("-a"), entry(&long)])], 40);
        assert_eq!(shown[0], "  -a");
        assert!(shown.iter().all(|line| line.chars().count() <= 40), "{shown:?}");
    }
}
