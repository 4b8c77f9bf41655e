//! File names that a word could turn into.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Whether bash could replace an unquoted `word` by names of files, seen from
/// the directory `cwd`.
///
/// This errs on the side of yes: it compares only what comes before the first
/// special character and behind the last.
pub fn may_match(word: &str, cwd: &Path) -> bool {
    if !word.contains(['*', '?', '[']) {
        return false;
    }
    const SPECIAL: [char; 5] = ['*', '?', '[', ']', '\\'];
    let literal = &word[..word.find(['*', '?', '[', '\\']).unwrap_or(word.len())];
    let (dir, prefix) = literal.split_at(literal.rfind('/').map_or(0, |at| at + 1));
    // Behind a further slash would be the name in a directory that matched.
    let deeper = word[literal.len()..].contains('/');
    let suffix = if deeper { "" } else { word.rsplit(SPECIAL).next().unwrap_or_default() };
    // `join` keeps an absolute directory as it is.
    match std::fs::read_dir(cwd.join(dir)) {
        Ok(mut entries) => entries.any(|entry| {
            // An entry that cannot be read may be anything.
            entry.is_ok_and(|e| {
                let name = e.file_name();
                name.as_bytes().starts_with(prefix.as_bytes()) && name.as_bytes().ends_with(suffix.as_bytes())
            })
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
            ("*.o\"", false),
            ("*/x", true),
            ("sub/*", false),
            ("./*", true),
            ("missing/*", false),
            ("/dev/nul?", true),
        ] {
            assert_eq!(may_match(word, dir.path()), expected, "{word}");
        }
    }
}
