//! The vocabulary of plans.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Kind;
use crate::kernel::Compression;
use crate::system::{Location, Roots};

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
    Cpio,
    Ar,
    Zip,
}

/// What a failing program means for the plan.
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

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    Text(String),
    /// Replaced by the path as the program will see it.
    Location(Location),
}

/// What to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// Looked up on the fixed program path of the target.
    Named(String),
    /// A file below a root.
    At(Location),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Environment {
    /// Empty but for `PATH`, `LC_ALL=C` and these.
    Clean(Vec<(String, String)>),
    /// The caller's, less the variables that steer compilers, plus these.
    Inherited(Vec<(String, String)>),
}

/// A program to run, without a shell in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    pub program: Program,
    pub arguments: Vec<Argument>,
    pub environment: Environment,
    pub directory: Option<Location>,
    pub failure: OnFailure,
    /// Appended to in the make.log block format; output goes nowhere else.
    pub log: Option<Location>,
    pub time_limit: Duration,
}

impl Command {
    pub fn new(program: impl Into<String>) -> Self {
        Self {
            program: Program::Named(program.into()),
            arguments: Vec::new(),
            environment: Environment::Clean(Vec::new()),
            directory: None,
            failure: OnFailure::Abort,
            log: None,
            time_limit: Duration::from_secs(600),
        }
    }

    pub fn arg(mut self, text: impl Into<String>) -> Self {
        self.arguments.push(Argument::Text(text.into()));
        self
    }

    pub fn at(mut self, location: Location) -> Self {
        self.arguments.push(Argument::Location(location));
        self
    }
}

/// One change to the system, or a remark about the changes.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Files directly below `from` that match the glob, copied into `to`.
    Collect {
        from: Location,
        glob: String,
        to: Location,
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
    /// `<text>...`, then ` done.` or the exit status.
    Progress(String),
}

/// What happens to the effect of a step when a later one fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undo {
    /// Taken back.
    #[default]
    Revert,
    /// Left, as evidence: the build directory of a failed build.
    Keep,
    /// A program whose effect follows from the files: run again after the
    /// files are back (depmod).
    Rerun,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub action: Action,
    /// Why it is in the plan: one clause, for `--dry-run` and JSON.
    pub reason: String,
    pub announce: Announce,
    pub origin: Origin,
    pub undo: Undo,
    /// The kind of error that its failure is.
    pub fails_as: Kind,
}

/// An ordered list of steps below named roots.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// What the plan does, as a heading: `install bbswitch/0.8 for 6.1.0-56-amd64 (x86_64)`.
    pub title: String,
    pub roots: Roots,
    pub steps: Vec<Step>,
}
