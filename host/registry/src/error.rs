//! Why something could not be fetched from a registry, or kept there.
//!
//! Text of a registry is part of some messages. It is cut to a length that a reader
//! can bear; who prints it makes it harmless for a terminal.

use std::path::PathBuf;

/// The longest text of a registry that is quoted, in characters.
const LONGEST_QUOTE: usize = 200;

/// What happened, at which registry. A `reason` has no full stop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`{text}` is not a reference to an artefact: {reason}.")]
    BadReference { text: String, reason: String },
    #[error("`{address}` is not an address that is used: {reason}.")]
    BadAddress { address: String, reason: String },
    #[error("{host} cannot be reached: {reason}.")]
    Unreachable { host: String, reason: String },
    /// The registry was asked as often as the settings allow.
    #[error("{host} is too busy: it answered with {status}.")]
    Busy { host: String, status: u16 },
    #[error("{host} wants credentials for {what}{}.", if *given { ", and does not take those that were given" } else { "" })]
    Unauthorized { host: String, what: String, given: bool },
    #[error("{host} denies access to {what}.")]
    Forbidden { host: String, what: String },
    #[error("{host} has no {what}.")]
    NotFound { host: String, what: String },
    #[error("{host} refused {what} with {status}{}.", colon(reason))]
    Refused { host: String, what: String, status: u16, reason: String },
    #[error("{host} gave a malformed answer for {what}: {reason}.")]
    Malformed { host: String, what: String, reason: String },
    #[error("{host} redirects {what} to a place that is not followed: {reason}.")]
    Redirected { host: String, what: String, reason: String },
    #[error("{host} gave other bytes for {what}: they have the digest {got}.")]
    WrongDigest { host: String, what: String, got: String },
    #[error("{host} ended {what} after {got} of {expected} bytes.")]
    Truncated { host: String, what: String, got: u64, expected: u64 },
    #[error("{what} from {host} is longer than {limit} bytes.")]
    TooLarge { host: String, what: String, limit: u64 },
    #[error("{host} takes too long for {what}: less than {least} bytes per second arrive.")]
    TooSlow { host: String, what: String, least: u64 },
    #[error("The credentials in {} cannot be used: {reason}.", file.display())]
    Credentials { file: PathBuf, reason: String },
    /// The program has ended the helper.
    #[error("The credential helper {program} has not answered for {host} within {seconds} s.")]
    SlowHelper { program: String, host: String, seconds: u64 },
    #[error("The certificates in {} cannot be used: {reason}.", file.display())]
    Certificates { file: PathBuf, reason: String },
    #[error("The key cannot be used: {reason}.")]
    BadKey { reason: String },
    #[error("{what} has no signature.")]
    Unsigned { what: String },
    #[error("{what} is signed, but not with {}.", if *keys == 1 { "the key that counts" } else { "a key that counts" })]
    OtherSigner { what: String, keys: usize },
    #[error("{} is not an OCI image layout: {reason}.", path.display())]
    NotALayout { path: PathBuf, reason: String },
    /// Files are put there by other means than this program.
    #[error("{host} is only read.")]
    ReadOnly { host: String },
    /// A file of an image layout.
    #[error("Could not {doing} {}: {error}.", path.display())]
    File { doing: &'static str, path: PathBuf, error: std::io::Error },
    /// The caller's file or writer.
    #[error("Could not {doing}: {error}.")]
    Io { doing: &'static str, error: std::io::Error },
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Whether a registry says that something is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Whether the fault is that of the content, and another attempt cannot help.
    pub fn is_about_content(&self) -> bool {
        matches!(
            self,
            Self::WrongDigest { .. }
                | Self::TooLarge { .. }
                | Self::Malformed { .. }
                | Self::Unsigned { .. }
                | Self::OtherSigner { .. }
        )
    }

    /// Whether a registry does not take manifests of this kind. Source: registries with a list of
    /// the media types that they take answer with one of these.
    pub fn is_about_kind(&self) -> bool {
        matches!(self, Self::Refused { status: 400 | 405 | 406 | 415 | 422, .. })
    }

    pub(crate) fn io(doing: &'static str) -> impl Fn(std::io::Error) -> Self {
        move |error| Self::Io { doing, error }
    }
}

fn colon(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {reason}") }
}

/// Text of a registry, without what is too long to read, and without the full stop.
pub(crate) fn quote(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    match text.char_indices().nth(LONGEST_QUOTE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_of_a_registry_is_cut_between_characters() {
        assert_eq!(quote(" denied. "), "denied");
        let cut = quote(&"ä".repeat(500));
        assert_eq!((cut.chars().count(), cut.chars().last()), (LONGEST_QUOTE + 1, Some('…')));
    }

    #[test]
    fn a_refusal_without_a_reason_ends_after_its_status() {
        let refused = |reason: &str| {
            Error::Refused { host: "h".into(), what: "x".into(), status: 400, reason: reason.into() }.to_string()
        };
        assert_eq!((refused(""), refused("no")), ("h refused x with 400.".into(), "h refused x with 400: no.".into()));
    }
}
