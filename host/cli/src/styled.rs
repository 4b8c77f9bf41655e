//! Text for people: lines of pieces, each with its look. Colours are added where the
//! lines are written, in [`super::output`], and nowhere else: a piece is text only.

/// How a piece looks where colours are shown. No meaning is carried by it alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Paint {
    #[default]
    Plain,
    Bold,
    Dim,
    Good,
    Warn,
    Bad,
}

impl Paint {
    /// Select Graphic Rendition (ECMA-48) before the piece; `None` for plain text.
    pub fn sgr(self) -> Option<&'static str> {
        match self {
            Paint::Plain => None,
            Paint::Bold => Some("\x1b[1m"),
            Paint::Dim => Some("\x1b[2m"),
            Paint::Good => Some("\x1b[32m"),
            Paint::Warn => Some("\x1b[33m"),
            Paint::Bad => Some("\x1b[31m"),
        }
    }
}

/// One line, without its end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line(Vec<(Paint, String)>);

impl Line {
    pub fn plain(text: impl Into<String>) -> Self {
        Self::default().add(Paint::Plain, text)
    }

    pub fn bold(text: impl Into<String>) -> Self {
        Self::default().add(Paint::Bold, text)
    }

    #[must_use]
    pub fn add(mut self, paint: Paint, text: impl Into<String>) -> Self {
        self.0.push((paint, text.into()));
        self
    }

    pub fn pieces(&self) -> impl Iterator<Item = (Paint, &str)> {
        self.0.iter().map(|(paint, text)| (*paint, text.as_str()))
    }
}

/// The words of a text in lines of at most `width` characters; a longer word has a line
/// of its own.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn lines_are_no_longer_than_asked_for_and_no_word_is_lost() {
        assert_eq!(wrap("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrap("a-very-long-word b", 4), ["a-very-long-word", "b"]);
        assert_eq!(wrap("", 4), Vec::<String>::new());
    }
}
