//! The paths that a word of a command may name.

use std::collections::BTreeSet;

/// Texts in a word that may be paths: the word, the parts between `=`, `:`, `,` and `@` in it, and the
/// rest from its first slash on. Relative ones begin where the program works. Programs have other ways
/// to read a name out of a word: what this finds is refused where it has to be, and the rest is what a
/// grant of the program permits.
pub fn paths_in(word: &str) -> BTreeSet<&str> {
    let parts = word.split(['=', ':', ',', '@']);
    let rest = word.find('/').map(|start| &word[start..]);
    let texts = parts.chain([word]).chain(rest);
    texts.filter(|text| !text.is_empty() && !text.starts_with('-')).collect()
}

#[cfg(test)]
mod tests {
    use super::paths_in;

    #[test]
    fn paths_are_found_alone_behind_options_and_in_lists() {
        let found = |word: &str| paths_in(word).into_iter().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(found("/etc/x"), ["/etc/x"]);
        assert_eq!(found("etc/x"), ["/x", "etc/x"]);
        assert_eq!(found("--file=etc/x"), ["/x", "etc/x"]);
        assert_eq!(found("-I/etc/x"), ["/etc/x"]);
        assert_eq!(found("a:/etc/x:b"), ["/etc/x", "/etc/x:b", "a", "a:/etc/x:b", "b"]);
        assert_eq!(found("file:///etc/x"), ["///etc/x", "file", "file:///etc/x"]);
        assert!(found("--quiet").is_empty() && found("").is_empty());
    }
}
