//! A place in a text, with look-ahead.

pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// The text that has been taken so far.
    pub(super) fn taken(&self) -> &'a str {
        &self.text[..self.at]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// The character `n` places ahead; 0 is [`Self::peek`].
    pub(super) fn peek_at(&self, n: usize) -> Option<char> {
        self.rest().chars().nth(n)
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Takes `prefix` if it stands here.
    pub(super) fn eat(&mut self, prefix: &str) -> bool {
        let here = self.rest().starts_with(prefix);
        if here {
            self.at += prefix.len();
        }
        here
    }

    /// Takes the longest run of characters that satisfy `keep`.
    pub(super) fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let taken = &rest[..rest.find(|c| !keep(c)).unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    /// Takes a shell name; empty if none stands here.
    pub(super) fn take_name(&mut self) -> &'a str {
        match self.peek() {
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                self.take_while(|c| c.is_ascii_alphanumeric() || c == '_')
            }
            _ => "",
        }
    }

    /// Takes spaces, tabs and joined line ends.
    pub(super) fn skip_blanks(&mut self) {
        while self.eat(" ") || self.eat("\t") || self.eat("\\\n") {}
    }

    /// Takes a comment up to its line's end; a backslash does not continue it.
    pub(super) fn skip_comment(&mut self) {
        let rest = self.rest();
        self.at += rest.find('\n').unwrap_or(rest.len());
    }

    /// The line that the cursor is in, counted from 1.
    pub(super) fn line(&self) -> usize {
        Self::line_behind(self.taken())
    }

    /// The line that is behind a beginning of the text, counted from 1.
    pub(super) fn line_behind(taken: &str) -> usize {
        taken.matches('\n').count() + 1
    }

    /// A character that bash may treat specially inside itself (it marks quoting
    /// with U+0001 and U+007F).
    pub(super) fn control_character(&self) -> Option<char> {
        self.text.chars().find(|&c| c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r'))
    }
}
