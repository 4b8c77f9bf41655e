//! File names that a word could turn into.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The names of files that words are compared with; each directory is listed
/// once.
pub struct FileNames<'a> {
    cwd: &'a Path,
    listed: BTreeMap<PathBuf, Listing>,
}

struct Listing {
    names: Vec<OsString>,
    /// An entry that cannot be read may be anything.
    complete: bool,
}

impl Listing {
    /// A directory that is missing, or cannot be read, has no names; bash does the same.
    fn read(directory: &Path) -> Self {
        let mut out = Self { names: Vec::new(), complete: true };
        for entry in std::fs::read_dir(directory).into_iter().flatten() {
            match entry {
                Ok(entry) => out.names.push(entry.file_name()),
                Err(_) => out.complete = false,
            }
        }
        out
    }
}

impl<'a> FileNames<'a> {
    /// As seen from a directory.
    pub fn seen_from(cwd: &'a Path) -> Self {
        Self { cwd, listed: BTreeMap::new() }
    }

    /// Whether bash could replace an unquoted `word` by names of files.
    ///
    /// This errs on the side of yes: it compares only what comes before the
    /// first special character and behind the last.
    pub fn may_match(&mut self, word: &str) -> bool {
        if !word.contains(['*', '?', '[']) {
            return false;
        }
        // `NAME[0]="value"`: of a whole directory only one name can match.
        if let Some(names) = names_of_index(word) {
            return names.iter().any(|name| self.cwd.join(name).symlink_metadata().is_ok());
        }
        const SPECIAL: [char; 5] = ['*', '?', '[', ']', '\\'];
        let literal = &word[..word.find(['*', '?', '[', '\\']).unwrap_or(word.len())];
        let (dir, prefix) = literal.split_at(literal.rfind('/').map_or(0, |at| at + 1));
        // Behind a further slash would be the name in a directory that matched.
        let deeper = word[literal.len()..].contains('/');
        let suffix = if deeper { "" } else { word.rsplit(SPECIAL).next().unwrap_or_default() };
        // `join` keeps an absolute directory as it is.
        let directory = self.cwd.join(dir);
        let listing = self.listed.entry(directory).or_insert_with_key(|directory| Listing::read(directory));
        let fits = |name: &OsString| {
            name.as_bytes().starts_with(prefix.as_bytes()) && name.as_bytes().ends_with(suffix.as_bytes())
        };
        !listing.complete || listing.names.iter().any(fits)
    }
}

/// All that a word stands for whose only special characters are an index in brackets: a set
/// of digits, each of which is one name. `None` for other words.
fn names_of_index(word: &str) -> Option<Vec<String>> {
    let (before, rest) = word.split_once('[')?;
    let (digits, behind) = rest.split_once(']')?;
    let is_plain = |text: &str| !text.contains(['*', '?', '[', ']', '\\']);
    let is_index = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    (is_index && is_plain(before) && is_plain(behind))
        .then(|| digits.chars().map(|digit| format!("{before}{digit}{behind}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_existing_names_with_the_same_start_can_match() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.o"), "").unwrap();
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        for name in ["X0=\"a\"", "X1=\"b\""] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
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
            ("X[0]=\"a\"", true),
            ("X[10]=\"b\"", true),
            ("X[1]=\"a\"", false),
            ("X[0]=\"*\"", true),
            ("sub[0]=\"/d/a\"", false),
        ] {
            assert_eq!(FileNames::seen_from(dir.path()).may_match(word), expected, "{word}");
        }
    }
}
