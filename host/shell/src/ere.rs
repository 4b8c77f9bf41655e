//! POSIX extended regular expressions, as bash's `=~` takes them.
//!
//! They differ from the `regex` crate's: a backslash in brackets is itself,
//! `a+?` is an optional `a+`, `)` alone is a character. Source: regex(7), and
//! the C library's behaviour through bash, which the tests compare with.

use regex::{Regex, RegexBuilder};

/// A pattern that is no extended regular expression. With bash's `=~` such a
/// pattern matches nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is not a valid extended regular expression: {reason}")]
pub struct BadPattern {
    pub pattern: String,
    pub reason: String,
}

/// Whether some part of `text` matches, as `[[ $text =~ $pattern ]]` says.
pub fn matches(pattern: &str, text: &str) -> Result<bool, BadPattern> {
    Ok(compile(pattern)?.is_match(text))
}

/// The pattern as a [`Regex`] that finds the same texts.
pub fn compile(pattern: &str) -> Result<Regex, BadPattern> {
    let bad = |reason: String| BadPattern { pattern: pattern.to_owned(), reason };
    let too_large = || bad("it is too large".into());
    if pattern.len() > LONGEST {
        return Err(too_large());
    }
    let translated = Translator::new(pattern).translate().map_err(|reason| bad(reason.to_owned()))?;
    RegexBuilder::new(&translated).size_limit(LARGEST).build().map_err(|_| too_large())
}

/// The longest pattern, in bytes; one that is longer takes seconds to translate.
const LONGEST: usize = 64 << 10;

/// The largest compiled pattern, in bytes: enough for a character that is repeated as often as
/// the C library allows.
const LARGEST: usize = 2 << 20;

/// The C library's limit of a repetition count.
const MAX_COUNT: u32 = 32767;

struct Translator<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    out: String,
    /// Where the thing that a repetition would apply to starts in `out`.
    atom: Option<usize>,
    /// Where each open group starts in `out`.
    groups: Vec<usize>,
}

impl<'a> Translator<'a> {
    fn new(pattern: &'a str) -> Self {
        // A dot matches a newline too.
        Self { rest: pattern.chars().peekable(), out: "(?s)".into(), atom: None, groups: Vec::new() }
    }

    fn translate(mut self) -> Result<String, &'static str> {
        while let Some(c) = self.rest.next() {
            match c {
                '(' => {
                    self.groups.push(self.out.len());
                    self.out.push_str("(?:");
                    self.atom = None;
                }
                ')' if !self.groups.is_empty() => {
                    self.atom = self.groups.pop();
                    self.out.push(')');
                }
                '|' => {
                    self.out.push('|');
                    self.atom = None;
                }
                '^' | '$' => {
                    // Not repeatable.
                    self.out.push_str(if c == '^' { "^" } else { "$" });
                    self.atom = None;
                }
                '*' => self.repeat("*")?,
                '+' => self.repeat("+")?,
                '?' => self.repeat("?")?,
                '{' => {
                    let counts = self.counts()?;
                    self.repeat(&counts)?;
                }
                '.' => self.push_atom("."),
                '[' => {
                    let class = self.bracket()?;
                    self.push_atom(&class);
                }
                '\\' => self.escape()?,
                _ => self.push_atom(&regex::escape(c.encode_utf8(&mut [0; 4]))),
            }
        }
        if self.groups.is_empty() { Ok(self.out) } else { Err("a `(` is not closed") }
    }

    fn push_atom(&mut self, text: &str) {
        self.atom = Some(self.out.len());
        self.out.push_str(text);
    }

    fn repeat(&mut self, operator: &str) -> Result<(), &'static str> {
        let Some(start) = self.atom else { return Err("a repetition follows nothing that can be repeated") };
        // A group of its own, for otherwise `+?` would be one operator.
        self.out.insert_str(start, "(?:");
        self.out.push(')');
        self.out.push_str(operator);
        Ok(())
    }

    /// After `{`.
    fn counts(&mut self) -> Result<String, &'static str> {
        const BAD: &str = "the text in `{}` is not a count";
        let mut text = String::new();
        loop {
            match self.rest.next() {
                Some('}') => break,
                Some(c) if c.is_ascii_digit() || c == ',' => text.push(c),
                _ => return Err(BAD),
            }
        }
        let number = |text: &str| text.parse::<u32>().ok().filter(|n| *n <= MAX_COUNT).ok_or(BAD);
        match text.split_once(',') {
            None => Ok(format!("{{{}}}", number(&text)?)),
            Some(("", "")) => Ok("{0,}".into()),
            Some(("", most)) => Ok(format!("{{0,{}}}", number(most)?)),
            Some((least, "")) => Ok(format!("{{{},}}", number(least)?)),
            Some((least, most)) => {
                let (least, most) = (number(least)?, number(most)?);
                if least > most { Err(BAD) } else { Ok(format!("{{{least},{most}}}")) }
            }
        }
    }

    fn escape(&mut self) -> Result<(), &'static str> {
        let Some(c) = self.rest.next() else { return Err("it ends with a backslash") };
        let anchor = match c {
            'b' => "\\b",
            'B' => "\\B",
            '<' => "\\b{start}",
            '>' => "\\b{end}",
            '`' => "\\A",
            '\'' => "\\z",
            'w' | 'W' | 's' | 'S' => {
                self.push_atom(match c {
                    'w' => "[0-9A-Za-z_]",
                    'W' => "[^0-9A-Za-z_]",
                    's' => "[ \\t\\n\\r\\x0B\\x0C]",
                    _ => "[^ \\t\\n\\r\\x0B\\x0C]",
                });
                return Ok(());
            }
            '1'..='9' => return Err("back-references are not supported"),
            _ => {
                self.push_atom(&regex::escape(c.encode_utf8(&mut [0; 4])));
                return Ok(());
            }
        };
        self.out.push_str(anchor);
        self.atom = None;
        Ok(())
    }

    /// After `[`.
    fn bracket(&mut self) -> Result<String, &'static str> {
        const OPEN: &str = "a `[` is not closed";
        let mut out = String::from("[");
        if self.rest.next_if_eq(&'^').is_some() {
            out.push('^');
        }
        let mut first = true;
        loop {
            let c = self.rest.next().ok_or(OPEN)?;
            if c == ']' && !first {
                out.push(']');
                return Ok(out);
            }
            first = false;
            let start = match self.element(c)? {
                Element::Class(name) => {
                    out.push_str(&format!("[:{name}:]"));
                    continue;
                }
                Element::Character(c) => c,
            };
            // A `-` is a range unless it is the last.
            let mut ahead = self.rest.clone();
            let range = ahead.next() == Some('-') && ahead.peek().is_some_and(|c| *c != ']');
            if !range {
                push_literal(&mut out, start);
                continue;
            }
            self.rest.next();
            let c = self.rest.next().ok_or(OPEN)?;
            match self.element(c)? {
                Element::Character(end) if start <= end => {
                    push_literal(&mut out, start);
                    out.push('-');
                    push_literal(&mut out, end);
                }
                _ => return Err("a range in `[]` is reversed"),
            }
        }
    }

    /// One element of a bracket expression that begins with `c`.
    fn element(&mut self, c: char) -> Result<Element, &'static str> {
        let kind = match self.rest.peek() {
            Some(kind @ (':' | '=' | '.')) if c == '[' => *kind,
            _ => return Ok(Element::Character(c)),
        };
        self.rest.next();
        let mut name = String::new();
        loop {
            let c = self.rest.next().ok_or("a `[` is not closed")?;
            if c == kind && self.rest.next_if_eq(&']').is_some() {
                break;
            }
            name.push(c);
        }
        const CLASSES: [&str; 12] = [
            "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit",
        ];
        let mut characters = name.chars();
        match (kind, characters.next(), characters.next()) {
            (':', ..) if CLASSES.contains(&name.as_str()) => Ok(Element::Class(name)),
            ('=' | '.', Some(c), None) => Ok(Element::Character(c)),
            _ => Err("a name in `[]` is not known"),
        }
    }
}

enum Element {
    Character(char),
    Class(String),
}

fn push_literal(out: &mut String, c: char) {
    // In brackets the crate gives meaning to `&&`, `--`, `~~`, `[`, `]`, `\`, `^`.
    if "&-~[]\\^".contains(c) {
        out.push('\\');
    }
    out.push(c);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_real_packages_match_their_kernels() {
        let nvidia = r"^(4\.[0-9]*)|(5\.[0-9]\.0)|(5\.1[0-2]\.0)";
        for (pattern, text, expected) in [
            (nvidia, "4.19.0-1", true),
            (nvidia, "5.11.0", true),
            (nvidia, "6.5.0", false),
            (r"^(5\.[6-9]\.|5\.[1-9][0-9]\.|[6-9]\.)", "6.1.0-56-amd64", true),
            (r"^(5\.[6-9]\.|5\.[1-9][0-9]\.|[6-9]\.)", "5.5.0", false),
            ("REQUIRES CONFIG_USB_HID", "6.1.0", false),
            ("^do_not_build$", "x86_64", false),
            ("($|[.-])", "5.6", true),
            ("[-.+]", "6.1+", true),
            ("amd64", "6.1.0-56-amd64", true),
            ("", "anything", true),
        ] {
            assert_eq!(matches(pattern, text), Ok(expected), "{pattern} on {text}");
        }
    }

    #[test]
    fn a_backslash_in_brackets_is_itself() {
        assert_eq!(matches(r"^[\.]$", r"\"), Ok(true));
        assert_eq!(matches(r"^[\d]$", "5"), Ok(false));
        assert_eq!(matches("^[]a]$", "]"), Ok(true));
        assert_eq!(matches("^[a&&b]$", "&"), Ok(true));
        assert_eq!(matches("^[<]$", "<"), Ok(true));
    }

    #[test]
    fn a_pattern_is_of_bounded_size() {
        assert_eq!(matches("^a{32767}$", &"a".repeat(32767)), Ok(true));
        let begun = std::time::Instant::now();
        let nested = format!("{}a{}", "(".repeat(100_000), ")*".repeat(100_000));
        for pattern in [nested, "((a{99}){99}){9}".into()] {
            assert_eq!(matches(&pattern, "a").unwrap_err().reason, "it is too large");
        }
        assert!(begun.elapsed().as_secs() < 1, "{:?}", begun.elapsed());
    }

    #[test]
    fn repetitions_stack() {
        assert_eq!(matches("^a+?$", ""), Ok(true));
        assert_eq!(matches("^a{2}{2}$", "aaaa"), Ok(true));
        assert_eq!(matches("^a{,2}$", "aa"), Ok(true));
    }

    #[test]
    fn a_closing_parenthesis_alone_is_a_character() {
        assert_eq!(matches("^a)$", "a)"), Ok(true));
    }

    #[test]
    fn invalid_patterns_say_why() {
        for bad in
            ["*", "a|*", "(", "(*a)", "^*", "[a", "[z-a]", "[[:x:]]", "a{", "a{2", "a{x}", "a{3,2}", "a\\", r"(a)\1"]
        {
            assert!(matches(bad, "a").is_err(), "{bad}");
        }
        let text = compile("a(").unwrap_err().to_string();
        assert_eq!(text, "`a(` is not a valid extended regular expression: a `(` is not closed");
    }
}
