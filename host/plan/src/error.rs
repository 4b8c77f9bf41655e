//! Why a plan was not carried out, or a killed plan not recovered.

use std::path::{Path, PathBuf};
use std::{fmt, io};

/// The meaning of a failing step to the caller that made the plan: this crate keeps the name and
/// the number, and gives them back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureId(pub &'static str, pub u8);

/// The kind of an error.
#[derive(Debug)]
pub enum Cause {
    /// A step failed. The caller may have given its failure a meaning.
    Step {
        meaning: Option<FailureId>,
        /// The exit status of its program.
        status: Option<i32>,
        /// Whether the system denied access.
        denied: bool,
    },
    /// A plugin's step, which the plugin's grant does not allow.
    Refused,
    /// A signal stopped the plan; what it had begun has been undone.
    Interrupted,
    /// A file of the program's own: the journal.
    Journal { doing: &'static str, path: PathBuf, error: io::Error },
    /// A plan that a killed invocation began cannot be taken back.
    Recovery,
}

/// An error with its remedies.
#[derive(Debug)]
pub struct Error {
    pub cause: Cause,
    /// The error in one sentence.
    pub message: String,
    /// Further lines that belong to the message, such as a program's own.
    pub details: Vec<String>,
    /// The remedies, one imperative sentence each.
    pub hints: Vec<String>,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self { cause, message: message.into(), details: Vec::new(), hints: Vec::new() }
    }

    pub(crate) fn journal(doing: &'static str, path: &Path, error: io::Error) -> Self {
        let message = format!("Could not {doing} {}: {error}.", path.display());
        Self::new(Cause::Journal { doing, path: path.to_path_buf(), error }, message)
    }

    pub(crate) fn detail(mut self, line: impl Into<String>) -> Self {
        self.details.push(line.into());
        self
    }

    pub(crate) fn details(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(lines);
        self
    }

    pub(crate) fn hint(mut self, line: impl Into<String>) -> Self {
        self.hints.push(line.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
