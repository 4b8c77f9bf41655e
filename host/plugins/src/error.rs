//! Why a plugin was not used, or did not do what it was asked for.

use std::fmt;
use std::path::Path;

/// What went wrong, as callers tell failures apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A request that cannot be met as it was made.
    Usage,
    /// A plugin failed, was refused, or is not what its grant says.
    Plugin,
    /// A package format was not made: its plugin's exit code.
    Format(u8),
    /// The system denied access.
    Permission,
    /// Reading or writing failed.
    System,
}

/// What happened, to which plugin or file, and what to do about it.
#[derive(Debug)]
pub struct Error {
    pub kind: Kind,
    /// What happened: one sentence.
    pub message: String,
    /// Further lines that belong to the message, such as a list of problems.
    pub details: Vec<String>,
    /// What to do about it, one imperative sentence each.
    pub hints: Vec<String>,
    pub source: Option<anyhow::Error>,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), details: Vec::new(), hints: Vec::new(), source: None }
    }

    pub fn detail(mut self, line: impl Into<String>) -> Self {
        self.details.push(line.into());
        self
    }

    pub fn details<S: Into<String>>(mut self, lines: impl IntoIterator<Item = S>) -> Self {
        self.details.extend(lines.into_iter().map(Into::into));
        self
    }

    pub fn hint(mut self, line: impl Into<String>) -> Self {
        self.hints.push(line.into());
        self
    }

    pub fn source(mut self, source: impl Into<anyhow::Error>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// An I/O failure, with what was being done to which path.
    pub fn io(doing: &str, path: &Path, error: std::io::Error) -> Self {
        use std::io::ErrorKind::*;
        let message = format!("Could not {doing} {}: {error}.", path.display());
        let out = match error.kind() {
            PermissionDenied => Self::new(Kind::Permission, message).hint("Run it as root."),
            StorageFull => {
                Self::new(Kind::System, message).hint("Free space on that file system; nothing was changed.")
            }
            ReadOnlyFilesystem => Self::new(Kind::System, message).hint("Remount that file system read-write."),
            _ => Self::new(Kind::System, message),
        };
        out.source(error)
    }
}

/// A plan that was carried out for a plugin.
impl From<modsmith_plan::Error> for Error {
    fn from(error: modsmith_plan::Error) -> Self {
        let modsmith_plan::Error { message, details, hints, .. } = error;
        Self { kind: Kind::Plugin, message, details, hints, source: None }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
