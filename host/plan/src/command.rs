//! Programs that a plan runs, as data.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::files::Files;
use crate::secrets::{conceal_all, conceal_text};
use crate::walls::Walls;
use modsmith_facts::Location;

/// The effect of a failing program, or signature, on the plan.
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

/// The program that a command starts.
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
pub enum RunsIn {
    /// The target's own, inside it (chroot); missing there is a failure.
    #[default]
    Target,
    /// The target's own where it has the program, else this system's with the
    /// target's paths.
    Either,
    /// The program of this system. A file below `--root` runs without being confined to that directory.
    Here,
}

/// The block in a log, in the format of make.log, to which the output of a command is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogBlock {
    pub location: Location,
    /// The first line of the block.
    pub description: String,
    /// The command as the block shows it.
    pub command: String,
}

/// A directory that a program sees at another place, where one is too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    pub from: Location,
    pub location: Location,
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
    /// their values are secret.
    #[serde(default)]
    pub pass: Vec<String>,
    /// A shell file, as the program sees it, that is read before the program starts:
    /// what it exports is in the program's environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exports: Option<String>,
    pub failure: OnFailure,
    /// Exit codes beside 0 that are no failure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepts: Vec<u8>,
    pub log: Option<LogBlock>,
    /// The user is shown its output, once it has ended; not where a log keeps it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shows_output: bool,
    /// `None`: as long as it takes.
    pub time_limit: Option<Duration>,
    pub runs_in: RunsIn,
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
    /// The walls around a program that works in a directory of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub walls: Option<Walls>,
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
            accepts: Vec::new(),
            log: None,
            shows_output: false,
            time_limit: Some(Duration::from_secs(600)),
            runs_in: RunsIn::Target,
            optional: false,
            shares_jobs: false,
            one_job: false,
            bind: None,
            confined: false,
            walls: None,
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

    pub fn location_arg(mut self, location: Location) -> Self {
        self.arguments.push(Argument::Location(location));
        self
    }

    /// The command line for people and logs.
    pub fn shown(&self, files: &Files) -> String {
        if let Some(block) = &self.log {
            return conceal_text(&block.command);
        }
        let program = match &self.program {
            Program::Named(name) => name.clone(),
            Program::At(location) => files.shown(location),
        };
        let words: Vec<String> = self
            .arguments
            .iter()
            .map(|argument| match argument {
                Argument::Text(text) => text.clone(),
                Argument::Location(location) => files.shown(location),
            })
            .collect();
        let shown = conceal_all(words.iter().map(String::as_str)).into_iter().map(|text| {
            let quoted = text.is_empty() || text.contains([' ', '\t', '\n', '\'', '"']);
            if quoted { format!("{:?}", conceal_text(&text)) } else { text }
        });
        std::iter::once(program).chain(shown).collect::<Vec<_>>().join(" ")
    }
}
