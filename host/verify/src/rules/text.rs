//! Pieces of text that several rules have in common.

/// The most names that are listed.
const MOST: usize = 6;

/// `a, b and 3 more`.
pub(super) fn some_of<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let shown = names.iter().take(MOST).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// `1 symbol`, `2 symbols`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// The remedy for a module that was built with other headers than the kernel's.
pub(super) fn rebuild(release: &str) -> String {
    format!("Build it again with the headers that were made together with the image of kernel {release}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(some_of(["a", "b"]), "a, b");
        assert_eq!(some_of(["a", "b", "c", "d", "e", "f", "g", "h"]), "a, b, c, d, e, f and 2 more");
        assert_eq!((count(1, "symbol"), count(0, "symbol")), ("1 symbol".into(), "0 symbols".into()));
    }
}
