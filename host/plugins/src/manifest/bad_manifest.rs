//! Why a manifest cannot be used, and what every manifest is measured by.

/// The version of this host.
pub(crate) const HOST: &str = env!("CARGO_PKG_VERSION");

/// The released track of the interface that this host speaks.
pub const TRACK: &str = "1.0";

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadManifest {
    #[error("{file}, line {line}: {message}")]
    Syntax { file: &'static str, line: usize, message: String },
    #[error("{file}: {message}")]
    Value { file: &'static str, message: String },
    #[error("{file}: `requires-host = \"{needed}\"`, but this is modsmith {HOST}; update modsmith")]
    Host { file: &'static str, needed: String },
    #[error("{file}: `api = \"{api}\"`, but this host has the track {TRACK} of the plugin interface")]
    Track { file: &'static str, api: String },
}

/// Ids are file names and words of command lines.
pub(crate) fn is_id(word: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    word.starts_with(|c: char| c.is_ascii_lowercase()) && word.bytes().all(plain)
}

pub fn check_identity(id: &str, version: &str) -> Result<(), String> {
    if !is_id(id) {
        return Err(format!("`id = \"{id}\"` must be lower-case letters, digits and `-`, beginning with a letter"));
    }
    semver::Version::parse(version)
        .map(|_| ())
        .map_err(|e| format!("`version = \"{version}\"` is not a semantic version: {e}"))
}
