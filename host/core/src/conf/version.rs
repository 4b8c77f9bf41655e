//! The ordering of kernel releases and module versions.
//!
//! dkms compares strings whose numbers were padded to three digits, which
//! misorders larger ones and counts a release candidate as newer than the
//! release. Here numbers are numbers, and candidates come first; everything else
//! is ordered as by dkms.

use std::cmp::Ordering;

/// Orders two versions: `5.9` < `5.10` < `5.10.0-rc1` < `5.10.0` <
/// `5.10.0-999` < `5.10.0-1000` < `5.10.1`.
///
/// Missing parts are lower than any (`5.10` < `5.10.0`); `-` is lower than `.`
/// (`6.1-5` < `6.1.1`); what follows `~`, and `rc`, `alpha`, `beta` and `pre`,
/// comes before the version without it. Two different texts may be equal
/// (`1.01` and `1.1`).
pub fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (Parts(a), Parts(b));
    loop {
        let (left, right) = (a.next(), b.next());
        if left.is_none() && right.is_none() {
            return Ordering::Equal;
        }
        let order = rank(left.as_ref()).cmp(&rank(right.as_ref()));
        let order = order.then_with(|| match (&left, &right) {
            (Some(left), Some(right)) => left.text.compare(&right.text),
            _ => Ordering::Equal,
        });
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// A run of digits or of other characters, and what separates it from the one
/// before.
struct Part<'a> {
    separator: Option<char>,
    text: Text<'a>,
}

enum Text<'a> {
    /// Digits without leading zeros, of any length.
    Number(&'a str),
    Word(&'a str),
}

impl Text<'_> {
    fn compare(&self, other: &Text<'_>) -> Ordering {
        match (self, other) {
            (Text::Number(a), Text::Number(b)) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
            (Text::Word(a), Text::Word(b)) => a.cmp(b),
            (Text::Word(_), Text::Number(_)) => Ordering::Less,
            (Text::Number(_), Text::Word(_)) => Ordering::Greater,
        }
    }
}

/// How a part compares with another of a different sort in the same place.
fn rank(part: Option<&Part<'_>>) -> u8 {
    let Some(part) = part else { return 1 };
    let candidate = match part.text {
        Text::Word(word) => {
            let word = word.to_ascii_lowercase();
            ["rc", "alpha", "beta", "pre"].contains(&word.as_str())
        }
        Text::Number(_) => false,
    };
    match part.separator {
        _ if candidate => 0,
        Some('~') => 0,
        Some('+') => 2,
        Some('-' | '_') => 3,
        None => 4,
        Some(_) => 5,
    }
}

struct Parts<'a>(&'a str);

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let first = self.0.chars().next()?;
        let separator = (!first.is_alphanumeric()).then_some(first);
        let rest = &self.0[separator.map_or(0, char::len_utf8)..];
        let digits = rest.starts_with(|c: char| c.is_ascii_digit());
        let end = rest.find(|c: char| c.is_ascii_digit() != digits || !c.is_alphanumeric()).unwrap_or(rest.len());
        let (text, rest) = rest.split_at(end);
        self.0 = rest;
        let text = if digits { Text::Number(text.trim_start_matches('0')) } else { Text::Word(text) };
        Some(Part { separator, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_is_below_the_next() {
        let ordered = [
            "2.6.32",
            "2.6.39",
            "3.5-rc2",
            "3.5",
            "3.9",
            "3.10",
            "4.12-rc1",
            "4.12-rc10",
            "4.12",
            "4.12+",
            "4.12-1",
            "4.12.0",
            "5.10.0~rc1",
            "5.10.0-rc2-amd64",
            "5.10.0",
            "5.10.0+",
            "5.10.0-56-amd64",
            "5.10.1",
            "6.12.0-999-generic",
            "6.12.0-1000-generic",
            "6.12.1",
            "20100405",
            "20100405+svn2",
            "99999999999999999999999",
            "100000000000000000000000",
        ];
        for (i, a) in ordered.iter().enumerate() {
            for (j, b) in ordered.iter().enumerate() {
                assert_eq!(compare(a, b), i.cmp(&j), "{a} and {b}");
            }
        }
    }

    #[test]
    fn leading_zeros_do_not_count() {
        assert_eq!(compare("1.01", "1.1"), Ordering::Equal);
        assert_eq!(compare("", ""), Ordering::Equal);
    }

    #[test]
    fn odd_texts_have_an_order_too() {
        for text in ["-", "..", "é1", "1é", "~", "+-~"] {
            assert_eq!(compare(text, text), Ordering::Equal, "{text}");
            assert_eq!(compare(text, "1"), compare("1", text).reverse(), "{text}");
        }
    }
}
