//! Why a plugin was not used, or did not do what it was asked for.
//!
//! The rule for errors of this workspace: what happened, the lines that belong to
//! it and what to do about it are said here, beside the variant, from the variant's
//! data: warnings of the flows and the author's tool print them as well as the
//! program does. Exit codes are the program's: `cli` has them, in one file.

use std::path::{Path, PathBuf};

use modsmith_facts::Untrusted;

use crate::exceeded::Exceeded;
use crate::problem::Problem;

pub(crate) mod audience;
mod hints;

/// The kinds of failures that callers tell apart.
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

/// An error of a plugin, with the plugin or file that it is about. `subject` is what a call was about: empty,
/// or with a leading space, ` for kernel 6.1.0`. A `reason` has no full stop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("The plugin engine does not start: {reason}.")]
    EngineNotStarted { reason: String },
    #[error("{} cannot be read: {reason}.", file.display())]
    LimitsUnreadable { file: PathBuf, reason: String },
    #[error("There is no plugin `{plugin}`.")]
    NoSuchPlugin { plugin: String },
    #[error("`{word}` is not the id of a plugin: ids are lower-case letters, digits and `-`, beginning with a letter.")]
    BadId { word: String },
    #[error("{0}")]
    NotUsed(Problem),
    #[error("{} is not a usable plugin: {reason}.", file.display())]
    NotAPlugin { file: PathBuf, reason: String },
    #[error("The plugin `{plugin}` ({}) was refused: {reason}.", component.display())]
    NotLoaded { plugin: String, component: PathBuf, reason: String },
    /// A plugin that would have to be asked and is not what this machine wants to be
    /// used: no other plugin answers in its place.
    #[error(
        "The plugin `{plugin}` ({}) {} ({role}) and cannot be used: {reason}.",
        file.display(),
        if *readable { "is to be asked here" } else { "may be responsible here" }
    )]
    Unusable { plugin: String, file: PathBuf, granted: bool, readable: bool, role: &'static str, reason: String },
    #[error("The settings of the plugin `{plugin}` are not usable: {reason}.")]
    SettingsUnusable { plugin: String, file: PathBuf, reason: String },
    #[error("The plugin `{plugin}` has no grant: there is no {}.", file.display())]
    NoGrant { plugin: String, file: PathBuf },
    /// The directory of grants, or the one that it is in.
    #[error("No grant can be given or taken back: {untrusted}.")]
    GrantsUntrusted { untrusted: Box<Untrusted> },
    #[error("The plugin `{plugin}` {}.", if *installed { "has no hook files" } else { "is not installed" })]
    NoHookFiles { plugin: String, installed: bool, others: Vec<String> },

    /// The plugin finds a mistake in what it was given.
    #[error("The plugin `{plugin}` ({role}) cannot go on{subject}: {reason}.")]
    CannotGoOn { plugin: String, role: &'static str, subject: String, reason: String, hints: Box<[String]> },
    #[error("The plugin `{plugin}` ({role}) failed{subject}: {reason}.")]
    Failed { plugin: String, role: &'static str, subject: String, reason: String, hints: Box<[String]> },
    /// A refused step: the plan without it would be incomplete, so the call fails.
    #[error("The plugin `{plugin}` ({role}) was refused{subject}: {reason}.")]
    Denied { plugin: String, role: &'static str, subject: String, reason: String },
    #[error("The plugin `{plugin}` ({role}) was stopped{subject}: {limit}.")]
    Exceeded { plugin: String, role: &'static str, subject: String, limit: Exceeded },
    #[error("The plugin `{plugin}` ({role}) crashed{subject}: {reason}.")]
    Crashed { plugin: String, role: &'static str, subject: String, reason: String, backtrace: Vec<String> },

    #[error("The plugin `{plugin}` (install-policy) gave an unusable destination: {reason}.")]
    BadDestination { plugin: String, reason: String },
    #[error("The plugin `{plugin}` (signer) named an unusable path: `{path}`.")]
    BadSigningPath { plugin: String, path: String },
    #[error("{file} cannot be signed: the plugin `{plugin}` is not installed.")]
    SignerMissing { plugin: String, file: String },
    #[error("{file} cannot be signed: the plugin `{plugin}` offered to sign, and then did not: {reason}.")]
    SignerUnwilling { plugin: String, file: String, reason: String },

    /// The plugin's refusal in its own words, with the exit code that it chose.
    #[error("{reason}")]
    FormatRefused { exit_code: u8, reason: String, advice: Vec<String> },
    #[error("The {format} cannot be made: {reason}.")]
    FormatImpossible { format: String, reason: String, hints: Vec<String> },
    #[error("The plugin `{plugin}` (packager) does not make or load {format}{subject}: {reason}.")]
    FormatUnsupported { plugin: String, format: String, subject: String, reason: String },

    /// `source_word` is where a plugin comes from, as the caller or a lock file names it.
    #[error("`{source_word}` is no source of plugins: {reason}.")]
    NoSuchSource { source_word: String, reason: String },
    #[error("What `{source_word}` has is not a usable plugin: {reason}.")]
    SourceRefused { source_word: String, reason: String },
    #[error("{} cannot be used: {reason}.", file.display())]
    SourcesUnreadable { file: PathBuf, reason: String },
    #[error("{} is or contains a link that leads out of {}.", path.display(), root.display())]
    OutOfRoot { path: PathBuf, root: PathBuf },
    #[error("{} cannot be used: {reason}.", file.display())]
    LockUnreadable { file: PathBuf, reason: String },
    #[error("The plugin `{plugin}` was not installed with `modsmith plugin install`{}.", there(file))]
    NotManaged { plugin: String, file: Option<PathBuf> },
    #[error("{} is not what was installed from {source_word}: somebody has changed it.", file.display())]
    LockMismatch { plugin: String, file: PathBuf, source_word: String },
    #[error("{source_word} has other content for version {version} of `{plugin}` than when it was installed.")]
    Republished { plugin: String, version: String, source_word: String },
    #[error("Version {version} of the plugin `{plugin}` asks for more than was granted; {installed} stays.")]
    AsksForMore { plugin: String, version: String, installed: String, rights: Vec<String> },
    #[error(transparent)]
    Registry(#[from] modsmith_registry::Error),

    /// An I/O failure, with what was being done to which path.
    #[error("Could not {doing} {}: {error}.", path.display())]
    Io { doing: &'static str, path: PathBuf, error: std::io::Error },
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! ids {
    ($($name:ident, $text:literal, $kind:expr;)+) => {
        /// The stable name of a problem: programs may rely on it, and
        /// `docs/reference/messages.md` explains it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Id { $($name),+ }

        impl Id {
            pub const ALL: &[Id] = &[$(Id::$name),+];

            pub fn name(self) -> &'static str {
                match self { $(Id::$name => $text),+ }
            }

            /// The kind of the problem; `Format(0)` where each plugin has exit codes of its own.
            pub fn kind(self) -> Kind {
                match self { $(Id::$name => $kind),+ }
            }
        }
    };
}

ids! {
    Engine, "plugin-engine", Kind::Plugin;
    Limits, "plugin-limits-invalid", Kind::Plugin;
    Unknown, "plugin-unknown", Kind::Usage;
    BadId, "plugin-id-invalid", Kind::Usage;
    NotUsed, "plugin-not-used", Kind::Plugin;
    Malformed, "plugin-malformed", Kind::Plugin;
    NotLoaded, "plugin-not-loaded", Kind::Plugin;
    Unusable, "plugin-unusable", Kind::Plugin;
    Settings, "plugin-settings-invalid", Kind::Plugin;
    NoGrant, "plugin-without-grant", Kind::Usage;
    Grants, "plugin-grants-untrusted", Kind::Plugin;
    NoHookFiles, "plugin-without-hook-files", Kind::Usage;
    Input, "plugin-input-invalid", Kind::Plugin;
    Failed, "plugin-failed", Kind::Plugin;
    Denied, "plugin-denied", Kind::Plugin;
    Exceeded, "plugin-limit-exceeded", Kind::Plugin;
    Crashed, "plugin-crashed", Kind::Plugin;
    Answer, "plugin-answer-invalid", Kind::Plugin;
    Signer, "signer-missing", Kind::Plugin;
    FormatRefused, "format-refused", Kind::Format(0);
    FormatImpossible, "format-impossible", Kind::Usage;
    FormatUnsupported, "format-unsupported", Kind::Plugin;
    NoSource, "plugin-source-unknown", Kind::Usage;
    SourceRefused, "plugin-source-refused", Kind::Plugin;
    Sources, "registries-invalid", Kind::Plugin;
    Lock, "plugin-lock-invalid", Kind::Plugin;
    NotManaged, "plugin-not-managed", Kind::Usage;
    LockMismatch, "plugin-lock-mismatch", Kind::Plugin;
    Republished, "plugin-republished", Kind::Plugin;
    AsksForMore, "plugin-asks-for-more", Kind::Plugin;
    Signature, "plugin-signature-invalid", Kind::Plugin;
    RegistryAnswer, "registry-answer-invalid", Kind::System;
    RegistryDenied, "registry-denied", Kind::System;
    RegistryMissing, "registry-not-found", Kind::Usage;
    RegistryUnreachable, "registry-unreachable", Kind::System;
    Permission, "permission", Kind::Permission;
    System, "system", Kind::System;
}

/// The fault of a plugin in a call, for callers that tell faults apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The plugin asked for more than it was granted.
    Denied,
    /// The plugin ran into a limit.
    Exceeded,
    Crashed,
    /// The plugin was not called: its file is not the one that this machine wants to be used.
    Unusable,
}

impl Fault {
    /// The fault of a failed call; `None` for failures of other kinds.
    pub fn of(error: &Error) -> Option<Self> {
        match error {
            Error::Denied { .. } => Some(Fault::Denied),
            Error::Exceeded { .. } => Some(Fault::Exceeded),
            Error::Crashed { .. } => Some(Fault::Crashed),
            Error::EngineNotStarted { .. } | Error::NotLoaded { .. } | Error::Unusable { .. } => Some(Fault::Unusable),
            _ => None,
        }
    }

    /// The fault of an error's source, where the source is an error of a plugin.
    pub fn behind(source: Option<&anyhow::Error>) -> Option<Self> {
        source?.downcast_ref().and_then(Self::of)
    }
}

impl Error {
    pub fn io(doing: &'static str, path: &Path, error: std::io::Error) -> Self {
        Self::Io { doing, path: path.to_path_buf(), error }
    }

    pub fn id(&self) -> Id {
        use std::io::ErrorKind::PermissionDenied;
        match self {
            Self::EngineNotStarted { .. } => Id::Engine,
            Self::LimitsUnreadable { .. } => Id::Limits,
            Self::NoSuchPlugin { .. } => Id::Unknown,
            Self::NotUsed(_) => Id::NotUsed,
            Self::NotAPlugin { .. } => Id::Malformed,
            Self::NotLoaded { .. } => Id::NotLoaded,
            Self::Unusable { .. } => Id::Unusable,
            Self::SettingsUnusable { .. } => Id::Settings,
            Self::NoGrant { .. } => Id::NoGrant,
            Self::BadId { .. } => Id::BadId,
            Self::GrantsUntrusted { .. } => Id::Grants,
            Self::NoHookFiles { .. } => Id::NoHookFiles,
            Self::CannotGoOn { .. } => Id::Input,
            Self::Failed { .. } => Id::Failed,
            Self::Denied { .. } => Id::Denied,
            Self::Exceeded { .. } => Id::Exceeded,
            Self::Crashed { .. } => Id::Crashed,
            Self::BadDestination { .. } | Self::BadSigningPath { .. } | Self::SignerUnwilling { .. } => Id::Answer,
            Self::SignerMissing { .. } => Id::Signer,
            Self::FormatRefused { .. } => Id::FormatRefused,
            Self::FormatImpossible { .. } => Id::FormatImpossible,
            Self::FormatUnsupported { .. } => Id::FormatUnsupported,
            Self::NoSuchSource { .. } => Id::NoSource,
            Self::SourceRefused { .. } => Id::SourceRefused,
            Self::SourcesUnreadable { .. } | Self::OutOfRoot { .. } => Id::Sources,
            Self::LockUnreadable { .. } => Id::Lock,
            Self::NotManaged { .. } => Id::NotManaged,
            Self::LockMismatch { .. } => Id::LockMismatch,
            Self::Republished { .. } => Id::Republished,
            Self::AsksForMore { .. } => Id::AsksForMore,
            Self::Registry(error) => of_registry(error),
            Self::Io { error, .. } if error.kind() == PermissionDenied => Id::Permission,
            Self::Io { .. } => Id::System,
        }
    }

    pub fn kind(&self) -> Kind {
        match self {
            Self::FormatRefused { exit_code, .. } => Kind::Format(*exit_code),
            _ => self.id().kind(),
        }
    }

    /// Further lines that belong to the message.
    pub fn details(&self) -> &[String] {
        match self {
            Self::Crashed { backtrace, .. } => backtrace,
            Self::AsksForMore { rights, .. } => rights,
            _ => &[],
        }
    }
}

/// The stable name of a problem with a registry.
fn of_registry(error: &modsmith_registry::Error) -> Id {
    use modsmith_registry::Error::*;
    match error {
        BadReference { .. } | BadAddress { .. } | NotALayout { .. } => Id::NoSource,
        Unreachable { .. } | Busy { .. } | Truncated { .. } | TooSlow { .. } => Id::RegistryUnreachable,
        Unauthorized { .. } | Forbidden { .. } | ReadOnly { .. } => Id::RegistryDenied,
        NotFound { .. } => Id::RegistryMissing,
        Refused { .. } | Malformed { .. } | Redirected { .. } | WrongDigest { .. } | TooLarge { .. } => {
            Id::RegistryAnswer
        }
        Credentials { .. } | SlowHelper { .. } | Certificates { .. } | BadKey { .. } => Id::Sources,
        Unsigned { .. } | OtherSigner { .. } => Id::Signature,
        Io { .. } | File { .. } => Id::System,
    }
}

fn there(file: &Option<PathBuf>) -> String {
    file.as_ref().map(|file| format!("; {} was put there by hand", file.display())).unwrap_or_default()
}

#[cfg(test)]
mod tests;
