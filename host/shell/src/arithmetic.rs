//! Subscripts and `$(( ))`: whole numbers, names, `+ - *` and parentheses.

use super::cursor::Cursor;
use super::variables::Values;

/// Evaluates an expression. `None` for an expression that is not known to give bash's result (other
/// operators, octal, hexadecimal, overflow, values that are no plain numbers).
pub(super) fn evaluate(expression: &str, values: &Values) -> Option<i64> {
    // `++` and `--` are operators with effects.
    if expression.contains("++") || expression.contains("--") || expression.trim().is_empty() {
        return None;
    }
    let mut parser = Parser { input: Cursor::new(expression), values, depth: 0 };
    let value = parser.sum()?;
    parser.input.rest().is_empty().then_some(value)
}

struct Parser<'a> {
    input: Cursor<'a>,
    values: &'a Values,
    depth: u32,
}

impl Parser<'_> {
    fn blanks(&mut self) {
        self.input.take_while(|c| c == ' ' || c == '\t');
    }

    fn sum(&mut self) -> Option<i64> {
        let mut left = self.product()?;
        loop {
            if self.input.eat("+") {
                left = left.checked_add(self.product()?)?;
            } else if self.input.eat("-") {
                left = left.checked_sub(self.product()?)?;
            } else {
                return Some(left);
            }
        }
    }

    fn product(&mut self) -> Option<i64> {
        let mut left = self.primary()?;
        while self.input.rest().starts_with('*') && !self.input.rest().starts_with("**") {
            self.input.eat("*");
            left = left.checked_mul(self.primary()?)?;
        }
        Some(left)
    }

    /// A number, name, `$name`, `${name}`, `${#name[@]}` or `( )`, with the
    /// blanks around it.
    fn primary(&mut self) -> Option<i64> {
        self.blanks();
        let value = if self.input.eat("(") || self.input.eat("$((") {
            return self.nested();
        } else if self.input.eat("${#") {
            let name = self.input.take_name();
            let all = self.input.eat("[@]}") || self.input.eat("[*]}");
            if name.is_empty() || !all || super::variables::is_bash_own(name) {
                return None;
            }
            i64::try_from(self.values.count(name)).ok()?
        } else if self.input.eat("${") {
            let value = self.named()?;
            self.input.eat("}").then_some(value)?
        } else if self.input.eat("$") || !self.input.peek()?.is_ascii_digit() {
            self.named()?
        } else {
            number(self.input.take_while(|c| c.is_ascii_alphanumeric() || c == '_' || c == '#' || c == '@'))?
        };
        self.blanks();
        Some(value)
    }

    fn nested(&mut self) -> Option<i64> {
        // A bound on recursion, far above what anybody writes.
        self.depth += 1;
        let double = self.input_opened_double();
        let value = (self.depth < 32).then(|| self.sum())??;
        self.depth -= 1;
        self.input.eat(if double { "))" } else { ")" }).then_some(())?;
        self.blanks();
        Some(value)
    }

    /// Whether the parenthesis just taken was `$((`.
    fn input_opened_double(&self) -> bool {
        self.input.taken().ends_with("$((")
    }

    fn named(&mut self) -> Option<i64> {
        let name = self.input.take_name();
        // A subscript would follow.
        if name.is_empty() || super::variables::is_bash_own(name) || self.input.peek() == Some('[') {
            return None;
        }
        match self.values.get(name, 0) {
            Some(text) => number(text),
            // An unset name counts 0 as a name, but `$name` of it is nothing at all.
            None => None,
        }
    }
}

/// A decimal number without sign; a leading zero would make it octal.
fn number(text: &str) -> Option<i64> {
    let decimal = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    decimal.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_products_of_numbers_and_names() {
        let mut values = Values::default();
        values.set("i", 0, "3");
        values.set("A", 5, "x");
        for (text, expected) in [
            ("0", Some(0)),
            ("i", Some(3)),
            ("$i + 1", Some(4)),
            ("${i}*2-1", Some(5)),
            ("2+3*4", Some(14)),
            ("(2+3)*4", Some(20)),
            ("$((i+1))", Some(4)),
            ("${#A[@]}", Some(1)),
            ("1-2-3", Some(-4)),
            ("010", None),
            ("0x10", None),
            ("i++", None),
            ("unset", None),
            ("1<<2", None),
            ("", None),
            ("A[5]", None),
            ("9223372036854775807+1", None),
            ("2**3", None),
            ("é", None),
        ] {
            assert_eq!(evaluate(text, &values), expected, "{text}");
        }
    }
}
