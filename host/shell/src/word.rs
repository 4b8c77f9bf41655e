//! One word of an assignment: quoting, and where expansions stand in it.

use crate::cursor::Cursor;
use crate::interpreter::{Interpreter, Stop};

/// The position of a word. It decides which expansions bash makes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WordKind {
    /// Behind `=`: no splitting, no file names, no braces.
    Value,
    /// In `( ... )`: splitting, file names and braces.
    Element,
}

impl Interpreter<'_> {
    /// The word at the cursor, up to unquoted white space or `;` (or `)` in an
    /// array), which is left.
    pub(super) fn word(&mut self, kind: WordKind) -> Result<String, Stop> {
        let mut out = String::new();
        // Bash expands a tilde at the start and after `:`; `=` is included here to
        // be on the safe side.
        let mut tilde_expands = true;
        loop {
            // Joined lines are as if they had been one.
            while self.input.eat("\\\n") {}
            let Some(c) = self.input.peek() else { return Ok(out) };
            match c {
                ' ' | '\t' | '\n' => return Ok(out),
                ';' if kind == WordKind::Value => return Ok(out),
                ')' if kind == WordKind::Element => return Ok(out),
                '&' | '|' | '<' | '>' | '(' | ')' | ';' => return self.stop(format!("the operator `{c}`")),
                '`' => return self.stop("command substitution (backquotes)"),
                '~' if tilde_expands => return self.stop("tilde expansion"),
                '*' | '?' | '[' if kind == WordKind::Element => return self.stop("a file name pattern in an array"),
                '{' if kind == WordKind::Element => return self.stop("brace expansion"),
                '\\' => self.backslash(&mut out)?,
                '\'' => self.single_quoted(&mut out)?,
                '"' => self.double_quoted(&mut out)?,
                '$' => {
                    let value = self.dollar(false)?;
                    let splits = value.is_empty() || value.contains([' ', '\t', '\n', '*', '?', '[', '\\']);
                    if kind == WordKind::Element && splits {
                        return self.stop("word splitting in an array");
                    }
                    out.push_str(&value);
                }
                _ => {
                    self.input.next();
                    out.push(c);
                }
            }
            tilde_expands = matches!(c, ':' | '=');
        }
    }

    fn backslash(&mut self, out: &mut String) -> Result<(), Stop> {
        self.input.next();
        match self.input.next() {
            None => self.stop("a backslash at the end of the file"),
            Some(c) => {
                out.push(c);
                Ok(())
            }
        }
    }

    fn single_quoted(&mut self, out: &mut String) -> Result<(), Stop> {
        let rest = &self.input.rest()[1..];
        let Some(end) = rest.find('\'') else { return self.stop("an unterminated single quote") };
        out.push_str(&rest[..end]);
        self.input.eat(&self.input.rest()[..end + 2]);
        Ok(())
    }

    fn double_quoted(&mut self, out: &mut String) -> Result<(), Stop> {
        let before = self.input.taken();
        self.input.next();
        loop {
            match self.input.peek() {
                None => {
                    let line = Cursor::line_behind(before);
                    return Err(Stop { line, construct: "an unterminated double quote".into() });
                }
                Some('"') => {
                    self.input.next();
                    return Ok(());
                }
                Some('`') => return self.stop("command substitution (backquotes)"),
                Some('$') => {
                    let value = self.dollar(true)?;
                    out.push_str(&value);
                }
                Some('\\') => {
                    self.input.next();
                    match self.input.peek() {
                        Some('\n') => drop(self.input.next()),
                        Some(c @ ('$' | '`' | '"' | '\\')) => {
                            self.input.next();
                            out.push(c);
                        }
                        _ => out.push('\\'),
                    }
                }
                Some(c) => {
                    self.input.next();
                    out.push(c);
                }
            }
        }
    }
}
