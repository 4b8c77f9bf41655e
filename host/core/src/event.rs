//! What an invocation says while it works: one stream of typed events.
//!
//! The flows and the executor make events; the program renders them. dkms's own words are
//! events as well ([`Kind::Note`]), for those who read its lines.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use build_diagnosis::{Class, ErrorLine};

use crate::error::Error;
use crate::tree::{PackageId, Target};

/// What is done with a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    Build,
    Install,
    Uninstall,
    /// Deletes what was built.
    Unbuild,
}

impl Job {
    /// Its stable name: the action's.
    pub fn name(self) -> &'static str {
        match self {
            Job::Build => "build",
            Job::Install => "install",
            Job::Uninstall => "uninstall",
            Job::Unbuild => "unbuild",
        }
    }
}

/// A piece of work: one package, for one kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// In the order in which pieces of work began; unique in the invocation.
    pub number: usize,
    pub job: Job,
    pub package: PackageId,
    pub target: Target,
}

/// What happened.
#[derive(Debug)]
pub struct Event {
    /// What it belongs to; `None`: the invocation as a whole.
    pub work: Option<Arc<Work>>,
    pub kind: Kind,
}

/// The kinds of events.
#[derive(Debug)]
pub enum Kind {
    /// A piece of work begins. `expected`: how long the last build of the package took, where that
    /// was asked for and is known.
    Started { expected: Option<Duration> },
    /// A piece of work, or the invocation, goes on.
    Progress(Progress),
    /// A piece of work was done.
    Finished { outcome: Outcome, took: Duration },
    /// A piece of work was not done, and what it had begun was undone.
    Failed { failure: Box<Failed>, took: Duration },
    /// Nothing was to be done, or could be done yet.
    Skipped { why: Skip, text: String },
    /// Something to be known.
    Note(Note),
}

/// How far something is.
#[derive(Debug, Clone)]
pub enum Progress {
    /// Something that takes a while begins. `command` is its command line.
    Begun { text: String, command: String },
    /// It is still going on.
    Tick,
    /// It ended: `Err` holds the exit status.
    Ended(Result<(), i32>),
    /// What a script of the package said that has ended.
    Output(Vec<String>),
    /// A change is taken back: the title of its plan.
    Undoing { title: String },
    /// Of several pieces of work: how many are done, and the modules or kernels in work.
    Overall { done: usize, of: usize, in_work: Vec<String> },
}

/// The state that a piece of work left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Installed,
    Built,
    Uninstalled,
    Unbuilt,
}

impl Outcome {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Installed => "installed",
            Outcome::Built => "built",
            Outcome::Uninstalled => "uninstalled",
            Outcome::Unbuilt => "unbuilt",
        }
    }
}

/// Why nothing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skip {
    AlreadyInstalled,
    AlreadyBuilt,
    NotInstalled,
    NotBuilt,
    /// The package is not for this kernel.
    Excluded,
    /// It needs packages that are not registered: they may come later.
    Deferred,
}

impl Skip {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Skip::AlreadyInstalled => "already-installed",
            Skip::AlreadyBuilt => "already-built",
            Skip::NotInstalled => "not-installed",
            Skip::NotBuilt => "not-built",
            Skip::Excluded => "excluded",
            Skip::Deferred => "deferred",
        }
    }
}

/// How a piece of work ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Done(Outcome),
    Skipped(Skip),
}

/// Why a piece of work failed.
#[derive(Debug)]
pub struct Failed {
    pub error: Error,
    /// Of a build that has a record: what is known of its cause.
    pub cause: Option<FailureCause>,
}

/// What the record of a failed build says.
#[derive(Debug, Clone)]
pub struct FailureCause {
    pub class: Class,
    pub first_error: Option<ErrorLine>,
    pub remedy: String,
    pub log: Option<PathBuf>,
}

/// Something to be known.
#[derive(Debug, Clone)]
pub struct Note {
    pub level: Level,
    pub lines: Vec<String>,
    /// Whether another event says the same: for those who read dkms's lines.
    pub is_echo: bool,
}

/// What kind of note it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// A line of dkms's ordinary output.
    Line,
    /// Not an error, but to be known.
    Warning,
    /// The same without a prefix such as `Warning:`; each is said once.
    Notice,
    /// What the user is advised to do, such as to enrol a key.
    Advice,
}

impl Level {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Level::Line => "line",
            Level::Warning => "warning",
            Level::Notice => "notice",
            Level::Advice => "advice",
        }
    }
}

/// Told of every event at once, by several threads. Implementations print; they never decide.
pub trait Observer: Sync {
    fn event(&self, event: Event);

    /// Whether it shows how long work is expected to take: that has to be looked up.
    fn wants_estimates(&self) -> bool {
        false
    }
}

impl Observer for modsmith_plan::Silent {
    fn event(&self, _: Event) {}
}
