//! Why a store cannot be used. A product can be made without a store.

use std::io;
use std::path::{Path, PathBuf};

use modsmith_facts::{TrustError, Untrusted};

/// Why a store could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Others could have written to it.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// The system refused to do something to a path.
    #[error("could not {doing} {}: {error}", path.display())]
    Io { doing: &'static str, path: PathBuf, error: io::Error },
    /// Why a product cannot be kept, as a clause.
    #[error("{0}")]
    Unfit(String),
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Whether the caller may not read or write there at all, as an ordinary user.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Io { error, .. } if error.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// The error for a failure of the system, with the action that failed.
pub(crate) fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_path_buf();
    move |error| Error::Io { doing, path, error }
}

/// The error for a failure of the system, or for a file that is not trusted.
pub(crate) fn trust_error(doing: &'static str, path: &Path) -> impl FnOnce(TrustError) -> Error {
    let path = path.to_path_buf();
    move |error| match error {
        TrustError::Untrusted(why) => Error::Untrusted(why),
        TrustError::Io(error) => Error::Io { doing, path, error },
    }
}
