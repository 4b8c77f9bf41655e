//! The environment of the process: read once, when the program starts, and handed down.
//!
//! No other file of this crate and of the command line reads the process's state through `std::env`.
//! The directory for temporary files is that of the crate `tempfile`, which the command line sets.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the process was started with. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: Arc<[(OsString, OsString)]>,
    command: Arc<[OsString]>,
    program: Option<PathBuf>,
}

impl Environment {
    pub fn of_process() -> Self {
        Self {
            variables: std::env::vars_os().collect(),
            command: std::env::args_os().collect(),
            program: std::env::current_exe().ok(),
        }
    }

    /// A variable's value, also an empty one.
    pub fn var(&self, name: &str) -> Option<&OsStr> {
        self.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_os_str())
    }

    /// The same, where it is UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.var(name)?.to_str()
    }

    /// The variables whose name and value are UTF-8.
    pub fn texts(&self) -> impl Iterator<Item = (String, String)> {
        let text = |(name, value): &(OsString, OsString)| Some((name.to_str()?.to_owned(), value.to_str()?.to_owned()));
        self.variables.iter().filter_map(text)
    }

    /// The names of all variables.
    pub fn names(&self) -> impl Iterator<Item = &OsStr> {
        self.variables.iter().map(|(name, _)| name.as_os_str())
    }

    /// The words of the command line, the program's name first.
    pub fn command(&self) -> &[OsString] {
        &self.command
    }

    /// The file of the running program.
    pub fn program(&self) -> Option<&Path> {
        self.program.as_deref()
    }
}

/// The directory that relative paths count from; one that has gone has no entries.
///
/// Asked when it is needed: files are named relative to where the process is then.
pub(crate) fn current_directory() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| "/nonexistent".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_name_counts_as_for_getenv() {
        let variables = [("A", "1"), ("A", "2"), ("B", "")].map(|(name, value)| (name.into(), value.into()));
        let environment = Environment { variables: variables.into(), ..Environment::default() };
        assert_eq!((environment.text("A"), environment.text("B"), environment.text("C")), (Some("1"), Some(""), None));
    }
}
