//! The part of bash that most configuration files keep to, evaluated exactly
//! as bash would: assignments, quoting, parameters, a little arithmetic.
//!
//! There is no "nearly": the first construct that is not known to give bash's
//! result stops the evaluation with [`Stop`], and bash reads the file instead.
//! Source of the rules: bash(1) and the POSIX shell command language; each is
//! compared with real bash in the tests.

use crate::budget::Budget;
use crate::cursor::Cursor;
use crate::variables::Values;

/// Why a text has to be read by bash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {construct}")]
pub struct Stop {
    /// Counted from 1.
    pub line: usize,
    /// The construct, as a noun: ``command substitution``.
    pub construct: String,
}

/// Runs a text's assignments over `values`, within a budget.
///
/// After an error the values are those of the assignments so far, and useless.
pub(crate) fn run(text: &str, values: &mut Values, budget: &mut Budget) -> Result<(), Stop> {
    Interpreter { input: Cursor::new(text), values, budget }.run()
}

pub(crate) struct Interpreter<'a> {
    pub(crate) input: Cursor<'a>,
    pub(crate) values: &'a mut Values,
    pub(crate) budget: &'a mut Budget,
}

impl Interpreter<'_> {
    /// Stops at a construct, or at what was too much in it.
    pub(crate) fn stop<T>(&self, construct: impl Into<String>) -> Result<T, Stop> {
        let construct = self.budget.exceeded().map_or_else(|| construct.into(), str::to_owned);
        Err(Stop { line: self.input.line(), construct })
    }

    /// Pays for a value of so many bytes.
    pub(crate) fn pay(&mut self, bytes: usize) -> Result<(), Stop> {
        self.budget.pay_bytes(bytes).map_or_else(|| self.stop("a value"), Ok)
    }

    fn run(&mut self) -> Result<(), Stop> {
        if let Some(c) = self.input.control_character() {
            return self.stop(format!("a control character (U+{:04X})", u32::from(c)));
        }
        // Whether a `;` may stand here: it ends a command, and is no command.
        let mut in_command = false;
        loop {
            self.input.skip_blanks();
            match self.input.peek() {
                None => return Ok(()),
                Some('\n') => {
                    self.input.next();
                    in_command = false;
                }
                Some('#') => self.input.skip_comment(),
                Some(';') if in_command && !matches!(self.input.peek_at(1), Some(';' | '&')) => {
                    self.input.next();
                    in_command = false;
                }
                _ => {
                    self.assignment()?;
                    in_command = true;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Values {
        let mut values = Values::default();
        run(text, &mut values, &mut Budget::new()).unwrap_or_else(|stop| panic!("{text:?}: {stop}"));
        values
    }

    fn stop(text: &str) -> String {
        run(text, &mut Values::default(), &mut Budget::new()).expect_err(text).to_string()
    }

    #[test]
    fn quotes_join_into_one_word() {
        let v = values("A=a\"b c\"'d $e'\\ f\n");
        assert_eq!(v.get("A", 0), Some("ab cd $e f"));
    }

    #[test]
    fn a_backslash_in_double_quotes_escapes_only_what_is_special_there() {
        let v = values(r#"A="\$x \" \\ \' \n \`""#);
        assert_eq!(v.get("A", 0), Some(r#"$x " \ \' \n `"#));
    }

    #[test]
    fn a_backslash_before_a_newline_joins_lines() {
        assert_eq!(values("A=\"x \\\n  y\"").get("A", 0), Some("x   y"));
        assert_eq!(values("A=x\\\ny").get("A", 0), Some("xy"));
        assert_eq!(values("A=1 \\\n B=2").get("B", 0), Some("2"));
    }

    #[test]
    fn a_string_may_span_lines() {
        assert_eq!(values("A=\"x\ny\"").get("A", 0), Some("x\ny"));
    }

    #[test]
    fn a_plain_assignment_sets_slot_0_of_an_array() {
        let v = values("A[2]=c\nA=a\nA+=b\nA[2]+=d");
        assert_eq!((v.get("A", 0), v.get("A", 2)), (Some("ab"), Some("cd")));
    }

    #[test]
    fn an_array_literal_replaces_and_plus_appends_after_the_highest_slot() {
        let v = values("A[7]=x\nA=( a 'b c' # comment\n [4]=e f )\nA+=(g)");
        let slots: Vec<_> = v.slots("A").map(|(i, s)| (i, s.to_owned())).collect();
        let expected = [(0, "a"), (1, "b c"), (4, "e"), (5, "f"), (6, "g")];
        assert_eq!(slots, expected.map(|(i, s)| (i, s.to_owned())));
    }

    #[test]
    fn parameters_expand_with_operators() {
        let v = values(concat!(
            "K=6.1.0-56-amd64\nA=${K%%-*}\nB=${K#*-}\nC=${K/amd/x}\nD=${U:-none}\nE=${K%.*}\n",
            "F=${#K}\nG=${K:0:3}\nH=\"${U:+set}\"\nI=${K^^}\nL=${K//-/_}\n"
        ));
        let got: Vec<_> = "ABCDEFGHIL".chars().map(|c| v.get(&c.to_string(), 0).unwrap()).collect();
        let expected =
            ["6.1.0", "56-amd64", "6.1.0-56-x64", "none", "6.1", "14", "6.1", "", "6.1.0-56-AMD64", "6.1.0_56_amd64"];
        assert_eq!(got, expected);
    }

    #[test]
    fn arithmetic_counts_slots() {
        let v = values("i=0\nA[$i]=a\ni=$((i+1))\nA[i]=b\nA[$((i + 1))]=c\nA[${#A[@]}]=d");
        assert_eq!(v.slots("A").map(|(i, _)| i).collect::<Vec<_>>(), [0, 1, 2, 3]);
    }

    #[test]
    fn what_is_not_known_exactly_is_named_with_its_line() {
        let cases = [
            ("A=1\nB=$(uname -r)", "line 2: command substitution"),
            ("A=`x`", "line 1: command substitution (backquotes)"),
            ("if true; then", "line 1: control flow (`if`)"),
            ("f() { :; }", "line 1: a function definition (`f`)"),
            ("echo hi", "line 1: a command (`echo`)"),
            ("A=1 make", "line 1: a command (`make`)"),
            ("A=~/x", "line 1: tilde expansion"),
            ("A=(*)", "line 1: a file name pattern in an array"),
            ("A=\"x", "line 1: an unterminated double quote"),
            ("A='x", "line 1: an unterminated single quote"),
            ("A=$1", "line 1: the special parameter `$1`"),
            ("A=$PATH", "line 1: a variable that bash itself uses (`PATH`)"),
            ("A=x&", "line 1: the operator `&`"),
            (";", "line 1: the operator `;`"),
            ("A=1;;", "line 1: the operator `;`"),
            ("A=$'x'", "line 1: `$'...'` quoting"),
            ("A=${x!y}", "line 1: the parameter expansion `${x!`"),
            ("A=1\r\n\r\n", "line 2: a command (`\\r`)"),
        ];
        for (text, expected) in cases {
            assert_eq!(stop(text), expected, "{text:?}");
        }
    }
}
