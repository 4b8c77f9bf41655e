//! The source of a plugin, as a word of the command line names it.

use std::fmt;
use std::path::{Path, PathBuf};

use modsmith_registry::{Reference, SCHEME};

use crate::error::Error;

/// A place that has a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file, or a directory of files.
    Path(PathBuf),
    /// An address that begins with `https://`, or with `http://` for this machine.
    Address(String),
    Registry(Reference),
}

impl Origin {
    /// Reads a word: an address or a reference with its scheme, else the path of an existing file,
    /// else a reference.
    ///
    /// # Errors
    /// `NoSuchSource`: it is none of the three. `Registry`: it begins like a reference,
    /// and is none.
    pub fn parse(word: &str) -> Result<Self, Error> {
        if word.starts_with("https://") || word.starts_with("http://") {
            return Ok(Self::Address(word.to_owned()));
        }
        if word.starts_with(SCHEME) {
            return Ok(Self::Registry(Reference::parse(word)?));
        }
        let path = Path::new(word);
        if path.exists() {
            let path = std::fs::canonicalize(path).map_err(|e| Error::io("use", path, e))?;
            return Ok(Self::Path(path));
        }
        match Reference::parse(word) {
            Ok(reference) => Ok(Self::Registry(reference)),
            Err(reason) => {
                let reason = reason.to_string();
                Err(Error::NoSuchSource {
                    source_word: word.to_owned(),
                    reason: reason.trim_end_matches('.').to_owned(),
                })
            }
        }
    }
}

/// As lock files have it, and as [`Origin::parse`] reads it.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Address(address) => f.write_str(address),
            Self::Registry(reference) => write!(f, "{SCHEME}{reference}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_source_is_distinguished_and_written_as_it_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = std::fs::canonicalize(directory.path()).unwrap().display().to_string();
        for word in ["https://w.example/x.wasm", "oci://h.example/a:1", path.as_str()] {
            assert_eq!(Origin::parse(word).unwrap().to_string(), word);
        }
        assert_eq!(Origin::parse("h.example/a:1").unwrap().to_string(), "oci://h.example/a:1");
        for word in ["./nosuch.wasm", "nosuch", "oci://A"] {
            assert!(Origin::parse(word).is_err(), "{word}");
        }
    }
}
