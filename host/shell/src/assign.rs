//! `NAME=word`, `NAME[i]=word`, `NAME=( ... )`, each with `+=` too.

use super::variables::is_bash_own;
use super::word::WordKind;
use crate::interpreter::{Interpreter, Stop};

impl Interpreter<'_> {
    /// One assignment; anything else here is a command.
    pub(super) fn assignment(&mut self) -> Result<(), Stop> {
        let name = self.input.take_name();
        let slot = match self.input.peek() {
            Some('[') if !name.is_empty() => {
                self.check_name(name)?;
                self.input.next();
                Some(self.subscript()?)
            }
            Some('=') if !name.is_empty() => None,
            Some('+') if !name.is_empty() && self.input.peek_at(1) == Some('=') => None,
            _ => return self.command(name),
        };
        let append = self.input.eat("+=");
        if !append && !self.input.eat("=") {
            return self.command(name);
        }
        self.check_name(name)?;
        if self.input.eat("(") {
            return match slot {
                Some(_) => self.stop(format!("an array as an element (`{name}[...]=(`)")),
                None => self.array(name, append),
            };
        }
        let (value, slot) = (self.word(WordKind::Value)?, slot.unwrap_or(0));
        if append {
            self.pay(value.len())?;
            self.values.append(name, slot, &value);
        } else {
            self.values.set(name, slot, value);
        }
        Ok(())
    }

    /// After `NAME=(`.
    fn array(&mut self, name: &str, append: bool) -> Result<(), Stop> {
        // All words are expanded before the variable changes: `A=( x $A )`.
        let mut elements = Vec::new();
        let mut next = if append { self.values.after_last(name) } else { Some(0) };
        loop {
            self.input.skip_blanks();
            match self.input.peek() {
                None => return self.stop("an unterminated array"),
                Some('\n') => drop(self.input.next()),
                Some('#') => self.input.skip_comment(),
                Some(')') => break,
                Some('[') => {
                    self.input.next();
                    let slot = self.subscript()?;
                    let append = self.input.eat("+=");
                    if !append && !self.input.eat("=") {
                        return self.stop("a file name pattern in an array");
                    }
                    // Here the old value counts, whose life differs between releases.
                    if append {
                        return self.stop("`+=` inside an array");
                    }
                    elements.push((slot, self.word(WordKind::Element)?));
                    next = slot.checked_add(1);
                }
                Some(_) => {
                    let Some(slot) = next else { return self.stop("an array index that is too large") };
                    elements.push((slot, self.word(WordKind::Element)?));
                    next = slot.checked_add(1);
                }
            }
        }
        self.input.next();
        if !matches!(self.input.peek(), None | Some(' ' | '\t' | '\n' | ';')) && !self.input.rest().starts_with("\\\n")
        {
            return self.stop("text right after an array");
        }
        if !append {
            self.values.clear(name);
        }
        for (slot, value) in elements {
            self.values.set(name, slot, value);
        }
        Ok(())
    }

    pub(super) fn check_name(&self, name: &str) -> Result<(), Stop> {
        if is_bash_own(name) {
            return self.stop(format!("a variable that bash itself uses (`{name}`)"));
        }
        Ok(())
    }

    /// Says what a thing that is no assignment is.
    fn command(&mut self, start: &str) -> Result<(), Stop> {
        const KEYWORDS: [&str; 16] = [
            "if", "then", "elif", "else", "fi", "case", "esac", "for", "while", "until", "do", "done", "select", "{",
            "[[", "((",
        ];
        if start.is_empty()
            && let Some(c) = self.input.peek().filter(|c| ";&|<>()".contains(*c))
            && !self.input.rest().starts_with("((")
        {
            return self.stop(format!("the operator `{c}`"));
        }
        let rest = self.input.take_while(|c| !" \t\n;&|<>()\"'".contains(c));
        let mut word = format!("{start}{rest}");
        if word.is_empty() && self.input.rest().starts_with("((") {
            word = "((".into();
        }
        if self.input.rest().trim_start_matches([' ', '\t']).starts_with('(') && word != "((" || word == "function" {
            return self.stop(format!("a function definition (`{word}`)"));
        }
        if KEYWORDS.contains(&word.as_str()) {
            return self.stop(format!("control flow (`{word}`)"));
        }
        self.stop(format!("a command (`{}`)", word.escape_debug()))
    }
}
