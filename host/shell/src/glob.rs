//! File names that a word could turn into.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::budget::Budget;

/// The names of files that words are compared with; each directory is listed
/// once.
pub(crate) struct FileNames<'a> {
    cwd: &'a Path,
    listed: BTreeMap<PathBuf, Listing>,
}

/// The bytes that a listing costs besides its names: it takes some time to read one.
const LISTING: usize = 4 << 10;

/// The comparisons that asking for one file costs.
const LOOK: usize = 1 << 10;

struct Listing {
    names: Vec<OsString>,
    /// The bytes of all names.
    size: usize,
    /// An entry that cannot be read may be anything.
    complete: bool,
}

impl Listing {
    /// A directory that is missing, or cannot be read, has no names; bash does the same.
    /// `None`: it costs too much.
    fn read(directory: &Path, budget: &mut Budget) -> Option<Self> {
        let mut out = Self { names: Vec::new(), size: 0, complete: true };
        budget.pay_bytes(LISTING + directory.as_os_str().len())?;
        for entry in std::fs::read_dir(directory).into_iter().flatten() {
            match entry.map(|entry| entry.file_name()) {
                Ok(name) => {
                    budget.pay_bytes(size_of::<OsString>() + name.len())?;
                    out.size += name.len() + 1;
                    out.names.push(name);
                }
                Err(_) => out.complete = false,
            }
        }
        Some(out)
    }
}

impl<'a> FileNames<'a> {
    /// As seen from a directory.
    pub(crate) fn seen_from(cwd: &'a Path) -> Self {
        Self { cwd, listed: BTreeMap::new() }
    }

    /// Whether bash could replace an unquoted `word` by names of files.
    ///
    /// The answer may be a wrong yes: the function compares only the text before the
    /// first special character and behind the last, and only within the budget.
    pub(crate) fn may_match(&mut self, word: &str, budget: &mut Budget) -> bool {
        word.contains(['*', '?', '[']) && self.matches(word, budget).unwrap_or(true)
    }

    /// `None`: it costs too much to find out.
    fn matches(&mut self, word: &str, budget: &mut Budget) -> Option<bool> {
        // `NAME[0]="value"`: of a whole directory only one name can match.
        if let Some(names) = names_of_index(word) {
            budget.pay_steps(LOOK * names.len())?;
            budget.pay_bytes(names.iter().map(String::len).sum())?;
            return Some(names.iter().any(|name| self.cwd.join(name).symlink_metadata().is_ok()));
        }
        const SPECIAL: [char; 5] = ['*', '?', '[', ']', '\\'];
        let literal = &word[..word.find(['*', '?', '[', '\\']).unwrap_or(word.len())];
        let (dir, prefix) = literal.split_at(literal.rfind('/').map_or(0, |at| at + 1));
        // Behind a further slash would be the name in a directory that matched.
        let deeper = word[literal.len()..].contains('/');
        let suffix = if deeper { "" } else { word.rsplit(SPECIAL).next().unwrap_or_default() };
        // `join` keeps an absolute directory as it is.
        let directory = self.cwd.join(dir);
        let listing = match self.listed.entry(directory) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let listing = Listing::read(new.key(), budget)?;
                new.insert(listing)
            }
        };
        budget.pay_steps(listing.size)?;
        let fits = |name: &OsString| {
            name.as_bytes().starts_with(prefix.as_bytes()) && name.as_bytes().ends_with(suffix.as_bytes())
        };
        Some(!listing.complete || listing.names.iter().any(fits))
    }
}

/// All that a word stands for whose only special characters are an index in brackets: a set
/// of digits, each of which is one name. `None` for other words.
fn names_of_index(word: &str) -> Option<Vec<String>> {
    let (before, rest) = word.split_once('[')?;
    let (digits, behind) = rest.split_once(']')?;
    let is_plain = |text: &str| !text.contains(['*', '?', '[', ']', '\\']);
    let is_index = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    let digits: BTreeSet<char> = digits.chars().filter(|_| is_index).collect();
    (is_index && is_plain(before) && is_plain(behind))
        .then(|| digits.into_iter().map(|digit| format!("{before}{digit}{behind}")).collect())
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
            assert_eq!(FileNames::seen_from(dir.path()).may_match(word, &mut Budget::new()), expected, "{word}");
        }
    }
}
