//! Patterns of `*` and `?` at one end of a text, as `${x#p}` and `${x%p}` take them.
//!
//! A pattern is a row of pieces with a `*` between each two. A piece that is found at its
//! first place leaves the most room for the others, so nothing is tried twice.

use crate::budget::Budget;

/// How much of a text's beginning the pattern matches, at least or at most, in bytes;
/// `None` where it matches no beginning. ASCII. The outer `None`: it costs too much.
pub(crate) fn prefix(pattern: &[u8], text: &[u8], longest: bool, budget: &mut Budget) -> Option<Option<usize>> {
    let mut pieces = pattern.split(|c| *c == b'*');
    let first = pieces.next().unwrap_or_default();
    if !fits(first, text, 0, budget)? {
        return Some(None);
    }
    let mut end = first.len();
    let mut pieces = pieces.peekable();
    while let Some(piece) = pieces.next() {
        // Only what comes behind the last `*` can have to be far to the right.
        let is_last = pieces.peek().is_none();
        let found = if longest && is_last {
            find(piece, text, (end..=text.len()).rev(), budget)?
        } else {
            find(piece, text, end..=text.len(), budget)?
        };
        match found {
            Some(at) => end = at + piece.len(),
            None => return Some(None),
        }
    }
    Some(Some(end))
}

/// As [`prefix`], of the text's end.
pub(crate) fn suffix(pattern: &[u8], text: &[u8], longest: bool, budget: &mut Budget) -> Option<Option<usize>> {
    budget.pay_bytes(pattern.len() + text.len())?;
    let reversed = |bytes: &[u8]| bytes.iter().rev().copied().collect::<Vec<u8>>();
    prefix(&reversed(pattern), &reversed(text), longest, budget)
}

/// The first of these places at which a piece stands.
fn find(piece: &[u8], text: &[u8], places: impl Iterator<Item = usize>, budget: &mut Budget) -> Option<Option<usize>> {
    for at in places {
        if fits(piece, text, at, budget)? {
            return Some(Some(at));
        }
    }
    Some(None)
}

/// Whether a piece stands at a place.
fn fits(piece: &[u8], text: &[u8], at: usize, budget: &mut Budget) -> Option<bool> {
    let Some(there) = text.get(at..at + piece.len()) else { return Some(false) };
    let equal = piece.iter().zip(there).take_while(|(p, t)| **p == b'?' || p == t).count();
    budget.pay_steps(equal + 1)?;
    Some(equal == piece.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether all of a text matches, by the definition of `*` and `?`.
    fn matches(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => {
                matches(rest, text) || text.split_first().is_some_and(|(_, text)| matches(pattern, text))
            }
            (Some((b'?', pattern)), Some((_, text))) => matches(pattern, text),
            (Some((p, pattern)), Some((t, text))) => p == t && matches(pattern, text),
            _ => false,
        }
    }

    /// All texts of these characters up to a length.
    fn texts(characters: &[u8], longest: usize) -> Vec<Vec<u8>> {
        let mut all = vec![Vec::new()];
        let mut last = all.clone();
        for _ in 0..longest {
            last = last.iter().flat_map(|text| characters.iter().map(|c| [text.as_slice(), &[*c]].concat())).collect();
            all.extend(last.iter().cloned());
        }
        all
    }

    #[test]
    fn beginnings_and_ends_are_those_that_match_as_a_whole() {
        for pattern in texts(b"ab*?", 4) {
            for text in texts(b"ab", 5) {
                let prefixes: Vec<usize> = (0..=text.len()).filter(|end| matches(&pattern, &text[..*end])).collect();
                let suffixes: Vec<usize> =
                    (0..=text.len()).filter(|n| matches(&pattern, &text[text.len() - n..])).collect();
                let budget = &mut Budget::new();
                let what = || [&pattern, b" on ".as_slice(), &text].concat().escape_ascii().to_string();
                assert_eq!(prefix(&pattern, &text, false, budget), Some(prefixes.first().copied()), "# {}", what());
                assert_eq!(prefix(&pattern, &text, true, budget), Some(prefixes.last().copied()), "## {}", what());
                assert_eq!(suffix(&pattern, &text, false, budget), Some(suffixes.first().copied()), "% {}", what());
                assert_eq!(suffix(&pattern, &text, true, budget), Some(suffixes.last().copied()), "%% {}", what());
            }
        }
    }

    #[test]
    fn a_pattern_with_many_stars_costs_about_as_much_as_the_text_is_long() {
        let text = "a".repeat(4 << 20);
        let budget = &mut Budget::new();
        assert_eq!(suffix(b"*a*b", text.as_bytes(), true, budget), Some(None));
        assert_eq!(prefix(b"*a*a*a*a*b", text.as_bytes(), true, budget), Some(None));
        // Each place of the text is looked at with half a text.
        let half = [&text.as_bytes()[..text.len() / 2], b"b"].concat();
        assert_eq!(prefix(&[b"*", half.as_slice()].concat(), text.as_bytes(), true, budget), None);
        assert!(budget.exceeded().unwrap().contains("comparisons"));
    }
}
