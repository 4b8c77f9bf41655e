//! File names that a word could turn into.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Whether bash could replace an unquoted `word` by names of files, seen from
/// the directory `cwd`.
///
/// This errs on the side of yes: it compares only what comes before the first
/// special character.
pub fn may_match(word: &str, cwd: &Path) -> bool {
    if !word.contains(['*', '?', '[']) {
        return false;
    }
    let literal = &word[..word.find(['*', '?', '[', '\\']).unwrap_or(word.len())];
    let (dir, prefix) =
        literal.rsplit_once('/').map_or(("", literal), |(dir, prefix)| (&literal[..dir.len() + 1], prefix));
    // `join` keeps an absolute directory as it is.
    match std::fs::read_dir(cwd.join(dir)) {
        Ok(mut entries) => entries.any(|entry| {
            // An entry that cannot be read may be anything.
            entry.is_ok_and(|e| e.file_name().as_bytes().starts_with(prefix.as_bytes()))
        }),
        // Not there, or not readable for bash either.
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_existing_names_with_the_same_start_can_match() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.o"), "").unwrap();
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        for (word, expected) in [
            ("*.o", true),
            ("a?o", true),
            ("b*", false),
            ("plain", false),
            ("'*.ko'", false),
            ("sub/*", false),
            ("./*", true),
            ("missing/*", false),
            ("/dev/nul?", true),
        ] {
            assert_eq!(may_match(word, dir.path()), expected, "{word}");
        }
    }
}
