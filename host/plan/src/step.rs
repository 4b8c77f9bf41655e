//! The vocabulary of plans.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rerun::Rerun;
use crate::error::FailureId;
use modsmith_facts::Compression;
use modsmith_facts::{Location, Roots};

/// Who asked for a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    Host,
    Plugin { id: String, role: String },
}

/// File contents; shown as their length.
#[derive(Clone, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArchiveFormat {
    Tar,
}

/// What a failing program, or signature, means for the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// Stop and undo.
    Abort,
    /// Report and go on.
    Warn,
    /// Go on silently.
    Ignore,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Argument {
    Text(String),
    /// Replaced by the path as the program will see it.
    Location(Location),
}

/// What to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Program {
    /// Looked up on the fixed program path of the target.
    Named(String),
    /// A file below a root.
    At(Location),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Environment {
    /// Empty but for `PATH`, `LC_ALL=C`, these and those of [`Command::pass`].
    Clean(Vec<(String, String)>),
    /// The caller's, less the variables that steer compilers, plus these.
    Inherited(Vec<(String, String)>),
}

impl Environment {
    /// With further variables.
    pub fn and(mut self, further: Vec<(String, String)>) -> Self {
        let (Self::Clean(variables) | Self::Inherited(variables)) = &mut self;
        variables.extend(further);
        self
    }
}

/// Which system's programs are run when `--root` names another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The target's own, inside it (chroot); missing there is a failure.
    #[default]
    Target,
    /// The target's own where it has the program, else this system's with the
    /// target's paths.
    Either,
    /// This system's, always; a file below `--root` runs without being confined to it.
    Here,
}

/// Where a command's output is kept, as a block in the format of make.log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogBlock {
    pub at: Location,
    /// The block's first line: `Building module(s)`.
    pub description: String,
    /// The command as the block shows it.
    pub command: String,
}

/// A directory that a program sees at another place, where one is too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    pub from: Location,
    pub at: Location,
}

/// A program to run, without a shell in between.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    pub program: Program,
    pub arguments: Vec<Argument>,
    pub environment: Environment,
    /// Working directory; the target's root when absent.
    pub directory: Option<Location>,
    /// Lines of its standard input; none: nothing to read.
    #[serde(default)]
    pub input: Vec<Argument>,
    /// Variables of the caller's that the program gets too, where they are set:
    /// their values are nobody else's business.
    #[serde(default)]
    pub pass: Vec<String>,
    /// A shell file, as the program sees it, that is read before the program starts:
    /// what it exports is in the program's environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exports: Option<String>,
    pub failure: OnFailure,
    pub log: Option<LogBlock>,
    /// `None`: as long as it takes.
    pub time_limit: Option<Duration>,
    pub place: Place,
    /// A program that is missing or not executable is a warning, not a failure.
    pub optional: bool,
    /// Takes a job of the budget while it runs, and lends what is left of it to
    /// the makes that it starts.
    pub shares_jobs: bool,
    /// Lends nothing of the budget: the makes that it starts do one thing after
    /// the other.
    #[serde(default)]
    pub one_job: bool,
    pub bind: Option<Bind>,
    /// Runs without privileges and network, and writes nowhere but in the plan's
    /// staging directory, which it sees as its own `/tmp` where that can be arranged.
    #[serde(default)]
    pub confined: bool,
}

impl Command {
    /// A program by name, with an empty environment and ten minutes.
    pub fn new(program: impl Into<String>) -> Self {
        Self::of(Program::Named(program.into()))
    }

    pub fn of(program: Program) -> Self {
        Self {
            program,
            arguments: Vec::new(),
            environment: Environment::Clean(Vec::new()),
            directory: None,
            input: Vec::new(),
            pass: Vec::new(),
            exports: None,
            failure: OnFailure::Abort,
            log: None,
            time_limit: Some(Duration::from_secs(600)),
            place: Place::Target,
            optional: false,
            shares_jobs: false,
            one_job: false,
            bind: None,
            confined: false,
        }
    }

    pub fn arg(mut self, text: impl Into<String>) -> Self {
        self.arguments.push(Argument::Text(text.into()));
        self
    }

    pub fn args<S: Into<String>>(mut self, texts: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(texts.into_iter().map(|t| Argument::Text(t.into())));
        self
    }

    pub fn at(mut self, location: Location) -> Self {
        self.arguments.push(Argument::Location(location));
        self
    }
}

/// RSASSA-PKCS1-v1_5 (RFC 8017) with one of these digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    RsaPkcs1Sha256,
    RsaPkcs1Sha384,
    RsaPkcs1Sha512,
}

impl SignatureAlgorithm {
    pub fn name(self) -> &'static str {
        match self {
            Self::RsaPkcs1Sha256 => "rsa-pkcs1-sha256",
            Self::RsaPkcs1Sha384 => "rsa-pkcs1-sha384",
            Self::RsaPkcs1Sha512 => "rsa-pkcs1-sha512",
        }
    }
}

/// A signature to be appended to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Signed as it is when the step runs.
    pub file: Location,
    /// A private key in PEM form, unencrypted.
    pub key: Location,
    pub algorithm: SignatureAlgorithm,
    /// `RSAPublicKey` (DER, RFC 8017 A.1.1): the key must be its other half.
    pub public_key: Bytes,
    /// Between the file's contents and the signature.
    pub before: Bytes,
    /// Behind the signature.
    pub after: Bytes,
    pub failure: OnFailure,
}

/// One change to the system, or a remark about the changes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "a plan has few steps, and most of them are programs")]
pub enum Action {
    /// A sentence for the reader of the plan.
    Note(String),
    /// A directory and its missing parents.
    MakeDirectory {
        at: Location,
    },
    /// Atomic; replaces.
    WriteFile {
        at: Location,
        contents: Bytes,
        mode: u32,
    },
    /// A file or a whole directory; replaces files, merges directories.
    Copy {
        from: Location,
        to: Location,
    },
    /// A directory of whatever user, merged into a copy that belongs to who runs
    /// the plan: modes less what lets others write or gives rights away.
    Import {
        from: Location,
        to: Location,
    },
    /// Replaces a file. Within one file system.
    Rename {
        from: Location,
        to: Location,
    },
    /// Replaces a file or link. The target is taken as it is.
    Symlink {
        at: Location,
        target: String,
    },
    /// A file or a whole directory; nothing there is fine.
    Remove {
        at: Location,
    },
    /// Directories from `at` upwards that are empty, not the root itself.
    /// With `unless_owned`, a directory is kept when that program succeeds with
    /// the directory's path as last argument.
    Prune {
        at: Location,
        unless_owned: Option<Vec<String>>,
    },
    /// A copy beside the file, named with a suffix; nothing there is fine.
    BackUp {
        at: Location,
        suffix: String,
    },
    Pack {
        tree: Location,
        to: Location,
        format: ArchiveFormat,
        compress: Option<Compression>,
    },
    Unpack {
        archive: Location,
        to: Location,
    },
    Run(Command),
    AppendSignature(Signature),
    /// Files directly below `from` that match the glob, copied into `to`.
    Collect {
        from: Location,
        glob: String,
        to: Location,
    },
    /// A JSON file that says what is known of some files: `facts`, with the
    /// member `files` added, which holds the [`modsmith_facts::Stamp`] of each
    /// as it is when the step runs. A file that is not there, or was written
    /// only a moment ago, has none.
    Record {
        at: Location,
        facts: serde_json::Map<String, serde_json::Value>,
        files: Vec<Location>,
    },
    /// These files must exist now; changes nothing.
    Expect {
        files: Vec<Location>,
    },
}

/// How a step is told to the user while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Announce {
    #[default]
    Silent,
    /// A complete line, printed before the step.
    Line(String),
    /// Several complete lines, printed before the step.
    Lines(Vec<String>),
    /// A complete line, printed after the step and only where it did not fail.
    Done(String),
    /// `<text>...`, then ` done.` or the exit status.
    Progress(String),
}

/// What happens to the effect of a step when a later one fails.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Undo {
    /// Taken back.
    #[default]
    Revert,
    /// Left, as evidence: the build directory of a failed build.
    Keep,
    /// Left, also after a kill: another plan takes it back.
    Never,
    /// A program whose effect follows from the files: run again after the
    /// files are back.
    Rerun(Rerun),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub action: Action,
    /// Why it is in the plan: one clause, for `--dry-run` and JSON.
    pub reason: String,
    pub announce: Announce,
    pub origin: Origin,
    pub undo: Undo,
    /// The kind of error that its failure is. `Script` takes the program's own
    /// exit code.
    pub fails_as: Option<FailureId>,
    /// What its failure means for the user; a generic sentence otherwise.
    pub failure_message: Option<String>,
    /// What to do about its failure.
    pub hints: Vec<String>,
}

/// An ordered list of steps below named roots.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// What the plan does, as a heading: `install bbswitch/0.8 for 6.1.0-56-amd64 (x86_64)`.
    pub title: String,
    pub roots: Roots,
    pub steps: Vec<Step>,
}
