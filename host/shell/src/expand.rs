//! Expansions: the text behind a `$`.

use crate::interpreter::{Interpreter, Stop};
use crate::{arithmetic, pattern};

/// Characters that mean only themselves in every operand of `${...}`, quoted
/// or not.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_./+:,@%=^- ".contains(c)
}

impl<'a> Interpreter<'a> {
    /// Expands the `$` at the cursor.
    pub(super) fn dollar(&mut self, quoted: bool) -> Result<String, Stop> {
        self.input.next();
        match self.input.peek() {
            Some('(') if self.input.eat("((") => self.arithmetic(),
            Some('(') => self.stop("command substitution"),
            Some('{') => {
                self.input.next();
                self.braced()
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let name = self.input.take_name();
                // Bash joins the lines before it looks for the name's end.
                let joined = self.input.rest().strip_prefix("\\\n");
                if joined.is_some_and(|r| r.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '\\')) {
                    return self.stop("a variable's name over two lines");
                }
                self.check_name(name)?;
                Ok(self.value(name, 0)?.unwrap_or_default())
            }
            Some(c) if c.is_ascii_digit() || "@*#?$!-".contains(c) => {
                self.stop(format!("the special parameter `${c}`"))
            }
            Some('\'') if !quoted => self.stop("`$'...'` quoting"),
            Some('"') if !quoted => self.stop("`$\"...\"` quoting"),
            Some('[') => self.stop("`$[...]` arithmetic"),
            Some('\\') => self.stop("`$` before a backslash"),
            _ => Ok("$".into()),
        }
    }

    /// After `$((`.
    fn arithmetic(&mut self) -> Result<String, Stop> {
        let rest = self.input.rest();
        // The expressions known here hold no quotes, so the first `))` at depth 0
        // ends it.
        let mut depth = 0u32;
        let end = rest.char_indices().find_map(|(at, c)| match c {
            '(' => {
                depth += 1;
                None
            }
            ')' if depth > 0 => {
                depth -= 1;
                None
            }
            ')' => Some(at),
            _ => None,
        });
        let Some(value) = end.and_then(|at| arithmetic::evaluate(&rest[..at], self.values)) else {
            return self.stop("arithmetic that is more than sums and products");
        };
        self.input.eat(&rest[..end.unwrap_or(0)]);
        if !self.input.eat("))") {
            return self.stop("arithmetic that is more than sums and products");
        }
        Ok(value.to_string())
    }

    /// After `NAME[`: the slot, and takes the `]`.
    pub(super) fn subscript(&mut self) -> Result<u32, Stop> {
        // Inside `$(( ))` blanks are harmless; elsewhere they end bash's word.
        const BLANKS: [char; 3] = [' ', '\t', '\n'];
        let rest = self.input.rest();
        let mut depth = 0u32;
        let end = rest.char_indices().find_map(|(at, c)| match c {
            '[' => {
                depth += 1;
                None
            }
            ']' if depth > 0 => {
                depth -= 1;
                None
            }
            ']' => Some(at),
            _ => None,
        });
        let slot = end.map(|at| &rest[..at]).filter(|text| !text.contains(BLANKS) || text.starts_with("$((")).and_then(
            |text| {
                let value = arithmetic::evaluate(text, self.values)?;
                self.input.eat(text);
                u32::try_from(value).ok()
            },
        );
        match slot {
            // The highest index is bash's affair.
            Some(slot) if slot < u32::MAX && self.input.eat("]") => Ok(slot),
            _ => self.stop("an array index that is not a plain number"),
        }
    }

    /// After `${`.
    fn braced(&mut self) -> Result<String, Stop> {
        if self.input.eat("#") {
            return self.length();
        }
        let start = self.input.rest();
        let name = self.input.take_name();
        if name.is_empty() {
            return self.stop(format!("the parameter expansion `${{{}`", start.chars().take(1).collect::<String>()));
        }
        self.check_name(name)?;
        let slot = match self.input.peek() {
            Some('[') if matches!(self.input.peek_at(1), Some('@' | '*')) => {
                return self.stop(format!("all slots of an array (`${{{name}[@]}}`)"));
            }
            Some('[') => {
                self.input.next();
                self.subscript()?
            }
            _ => 0,
        };
        let value = self.value(name, slot)?;
        if self.input.eat("}") {
            return Ok(value.unwrap_or_default());
        }
        let shown = start.len() - self.input.rest().len();
        let operator: String = self.input.rest().chars().take(1).collect();
        match self.operate(value) {
            Some(result) => Ok(result?),
            None => self.stop(format!("the parameter expansion `${{{}{operator}`", &start[..shown])),
        }
    }

    /// A copy of a variable's value.
    fn value(&mut self, name: &str, slot: u32) -> Result<Option<String>, Stop> {
        self.pay(self.values.get(name, slot).map_or(0, str::len))?;
        Ok(self.values.get(name, slot).map(str::to_owned))
    }

    /// The operator at the cursor, its operand and the closing brace. `None`:
    /// not known exactly.
    fn operate(&mut self, value: Option<String>) -> Option<Result<String, Stop>> {
        let set = value.is_some();
        let value = value.unwrap_or_default();
        let result = if self.input.eat(":-") {
            let other = self.operand()?;
            if value.is_empty() { other } else { value }
        } else if self.input.eat(":+") {
            let other = self.operand()?;
            if value.is_empty() { String::new() } else { other }
        } else if self.input.eat("-") {
            let other = self.operand()?;
            if set { value } else { other }
        } else if self.input.eat("+") {
            let other = self.operand()?;
            if set { other } else { String::new() }
        } else if !value.is_ascii() {
            // From here on it matters what bash takes for a character.
            return None;
        } else if self.input.eat("%") {
            let longest = self.input.eat("%");
            let pattern = self.pattern();
            let cut = pattern::suffix(pattern.as_bytes(), value.as_bytes(), longest, self.budget)?;
            value[..value.len() - cut.unwrap_or(0)].to_owned()
        } else if self.input.eat("#") {
            let longest = self.input.eat("#");
            let pattern = self.pattern();
            let cut = pattern::prefix(pattern.as_bytes(), value.as_bytes(), longest, self.budget)?;
            value[cut.unwrap_or(0)..].to_owned()
        } else if self.input.eat("/") {
            let all = self.input.eat("/");
            self.replace(&value, all)?
        } else if self.input.eat("^^") {
            value.to_ascii_uppercase()
        } else if self.input.eat(",,") {
            value.to_ascii_lowercase()
        } else if self.input.eat(":") {
            self.substring(&value)?
        } else {
            return None;
        };
        self.input.eat("}").then_some(Ok(result))
    }

    /// Plain text with `$name` and `${name}` in it.
    fn operand(&mut self) -> Option<String> {
        let mut out = String::new();
        loop {
            out.push_str(self.input.take_while(is_plain));
            if !self.input.eat("$") {
                return Some(out);
            }
            let braced = self.input.eat("{");
            let name = self.input.take_name();
            if name.is_empty() || self.check_name(name).is_err() || braced && !self.input.eat("}") {
                return None;
            }
            let value = self.values.get(name, 0).unwrap_or_default();
            self.budget.pay_bytes(value.len())?;
            out.push_str(value);
        }
    }

    /// Plain text with `*` and `?`.
    fn pattern(&mut self) -> &'a str {
        self.input.take_while(|c| is_plain(c) || c == '*' || c == '?')
    }

    fn replace(&mut self, value: &str, all: bool) -> Option<String> {
        let from = self.input.take_while(|c| is_plain(c) && c != '/' && c != '%');
        if from.is_empty() || from.starts_with('%') {
            return None;
        }
        let to = if self.input.eat("/") { self.input.take_while(is_plain) } else { "" };
        let most = if all { usize::MAX } else { 1 };
        let places = value.matches(from).take(most).count();
        self.budget.pay_bytes(value.len().saturating_add(places.saturating_mul(to.len())))?;
        Some(value.replacen(from, to, most))
    }

    /// After `${name:`, with plain numbers only.
    fn substring(&mut self, value: &str) -> Option<String> {
        let number = |text: &str| text.parse::<usize>().ok().filter(|_| text == "0" || !text.starts_with('0'));
        let from = number(self.input.take_while(|c| c.is_ascii_digit()))?;
        let rest = value.get(from..).unwrap_or_default();
        if !self.input.eat(":") {
            return Some(rest.to_owned());
        }
        let length = number(self.input.take_while(|c| c.is_ascii_digit()))?;
        Some(rest[..length.min(rest.len())].to_owned())
    }

    /// After `${#`.
    fn length(&mut self) -> Result<String, Stop> {
        let name = self.input.take_name();
        if name.is_empty() {
            return self.stop("the special parameter `$#`");
        }
        self.check_name(name)?;
        let count = if self.input.eat("[@]}") || self.input.eat("[*]}") {
            Some(self.values.count(name))
        } else {
            let value = self.value(name, 0)?.unwrap_or_default();
            (value.is_ascii() && self.input.eat("}")).then_some(value.len())
        };
        match count {
            Some(count) => Ok(count.to_string()),
            None => self.stop(format!("the length `${{#{name}...}}`")),
        }
    }
}
