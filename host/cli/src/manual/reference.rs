//! A page of the reference, in Markdown, as a manual page.

use clap_mangen::roff::{Inline, Roff, bold, italic, roman};
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// The sections of a Markdown text: its headings become sections and what is below
/// them paragraphs, tagged paragraphs (for tables and lists) and examples. The title
/// and the targets of links are left out.
pub fn sections(text: &str) -> Roff {
    let mut page = Page::default();
    Parser::new_ext(text, Options::ENABLE_TABLES).for_each(|event| page.take(event));
    page.roff
}

/// One cell, paragraph or heading at a time.
struct Page {
    roff: Roff,
    inlines: Vec<Inline>,
    style: fn(String) -> Inline,
    /// Whether the text is in a block of code, which is not changed.
    code: bool,
    /// Whether the text is in a list, each item of which begins a paragraph.
    list: bool,
    /// The head of the table that is read, then of its row the cells so far.
    head: Vec<Vec<Inline>>,
    row: Vec<Vec<Inline>>,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            roff: Roff::new(),
            inlines: Vec::new(),
            style: roman,
            code: false,
            list: false,
            head: Vec::new(),
            row: Vec::new(),
        }
    }
}

impl Page {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Text(text) if self.code => self.example(&text),
            Event::Text(text) => self.inlines.push((self.style)(ascii(&text))),
            Event::Code(text) => self.inlines.push(bold(ascii(&text))),
            Event::SoftBreak | Event::HardBreak => self.inlines.push(roman(" ")),
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Emphasis => self.style = italic,
            Tag::Strong => self.style = bold,
            Tag::List(_) => self.list = true,
            Tag::Item => drop(self.roff.control("IP", ["\\(bu", "2"])),
            Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => {
                self.code = true;
                self.roff.control("PP", []).control("RS", ["4"]).control("nf", []);
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Emphasis | TagEnd::Strong => self.style = roman,
            TagEnd::Heading(level) => self.heading(level),
            TagEnd::Paragraph if self.list => self.flush(),
            TagEnd::Paragraph => {
                self.roff.control("PP", []);
                self.flush();
            }
            TagEnd::Item => self.flush(),
            TagEnd::List(_) => self.list = false,
            TagEnd::CodeBlock => {
                self.code = false;
                self.roff.control("fi", []).control("RE", []);
            }
            TagEnd::TableCell => self.row.push(std::mem::take(&mut self.inlines)),
            TagEnd::TableHead => self.table_head(),
            TagEnd::TableRow => self.table_row(),
            _ => {}
        }
    }

    fn flush(&mut self) {
        let inlines = std::mem::take(&mut self.inlines);
        if !inlines.is_empty() {
            self.roff.text(inlines);
        }
    }

    fn heading(&mut self, level: HeadingLevel) {
        let text = plain(&std::mem::take(&mut self.inlines));
        match level {
            HeadingLevel::H1 => drop(self.roff.control("SH", ["DESCRIPTION"])),
            HeadingLevel::H2 => drop(self.roff.control("SH", [text.to_uppercase().as_str()])),
            _ => drop(self.roff.control("SS", [text.as_str()])),
        }
    }

    fn example(&mut self, text: &str) {
        for line in ascii(text).lines() {
            self.roff.text([roman(line)]);
        }
    }

    /// Of two columns that stand side by side; otherwise the first one needs no
    /// name, and the others have theirs in each row.
    fn table_head(&mut self) {
        self.head = std::mem::take(&mut self.row);
        if let [first, second] = self.head.as_slice() {
            let (first, second) = (plain(first), plain(second));
            self.roff.control("TP", []).text([italic(first)]).text([italic(second)]);
        }
    }

    /// The first cell is what is described; the last says what it is, the ones
    /// between are named by the table's head.
    fn table_row(&mut self) {
        let mut cells = std::mem::take(&mut self.row).into_iter();
        let Some(first) = cells.next() else { return };
        let mut heads = self.head.iter().skip(1).map(|head| plain(head));
        let last = cells.next_back().unwrap_or_default();
        let mut text = last;
        for cell in cells {
            let head = heads.next().unwrap_or_default();
            if !cell.is_empty() {
                text.push(roman(format!(" ({head}: ")));
                text.extend(cell);
                text.push(roman(")"));
            }
        }
        self.roff.control("TP", []).text(first).text(text);
    }
}

/// The text in characters that each terminal can show.
fn ascii(text: &str) -> String {
    text.replace('…', "...").replace(['–', '—'], "-").replace('→', "->")
}

/// Without fonts.
fn plain(inlines: &[Inline]) -> String {
    let text = |inline: &Inline| match inline {
        Inline::Roman(text) | Inline::Italic(text) | Inline::Bold(text) => text.clone(),
        Inline::LineBreak => " ".to_owned(),
    };
    inlines.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_tables_lists_and_examples_become_roff() {
        let text = "# t\n\nOne `code` and a [link](to.md).\n\n## Two words\n\n| name | default | meaning |\n|---|---|---|\n\
                    | `A` | `no` | first |\n| `B` | | second |\n\n* item\n\n```sh\nX=1\n```\n";
        let expected = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n.SH DESCRIPTION\n.PP\nOne \\fBcode\\fR and a link.\n\
                        .SH \"TWO WORDS\"\n.TP\n\\fBA\\fR\nfirst (default: \\fBno\\fR)\n.TP\n\\fBB\\fR\nsecond\n\
                        .IP \\(bu 2\nitem\n.PP\n.RS 4\n.nf\nX=1\n.fi\n.RE\n";
        assert_eq!(sections(text).render(), expected);
    }
}
