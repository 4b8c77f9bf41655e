//! What each kind of step does to the files of the system.

use std::io;

use serde_json::{Map, Value};

use super::files::{EntryKind, Files};
use super::run::Runner;
use super::step::{Action, Command};
use super::undo::{matching, prunable, suffixed};
use super::watch::refusal;
use modsmith_facts::{Location, Root, Stamp};

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    Io(io::Error),
    #[error("not there: {}", .0.join(", "))]
    Missing(Vec<String>),
    /// A program's exit status, with the end of what it said.
    #[error("`{command}` ended with exit status {status}")]
    Exit { command: String, status: i32, output: Vec<String> },
    #[error("`{program}` is not installed{place}")]
    NoProgram { program: String, place: String },
    #[error("could not start {program}: {error}")]
    NotStarted { program: String, error: io::Error },
    #[error("`{command}` took longer than {seconds} s and was stopped")]
    TimeLimit { command: String, seconds: u64 },
    #[error("interrupted by a signal")]
    Interrupted,
    #[error("{0}")]
    Refused(String),
    /// Why a key does not sign.
    #[error("{0}")]
    Key(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match refusal(&error) {
            Some(why) => Self::Refused(why),
            None => Self::Io(error),
        }
    }
}

impl Failure {
    /// Whether a program, or a key, is the one that failed: what a plan can allow
    /// for. All else happened to this program or to the system, before, beside or
    /// after it, and would come back as something that is silently missing.
    pub fn is_of_program(&self) -> bool {
        match self {
            Failure::Exit { .. }
            | Failure::NoProgram { .. }
            | Failure::NotStarted { .. }
            | Failure::TimeLimit { .. }
            | Failure::Key(_) => true,
            Failure::Io(_) | Failure::Missing(_) | Failure::Interrupted | Failure::Refused(_) => false,
        }
    }

    /// The system's refusal that is behind it.
    pub fn io(&self) -> Option<&io::Error> {
        match self {
            Failure::Io(error) | Failure::NotStarted { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Carries out an action. What it replaces has been stashed before.
pub fn perform(action: &Action, files: &Files, runner: &Runner<'_>) -> Result<(), Failure> {
    match action {
        Action::Note(_) => {}
        Action::MakeDirectory { at } => files.make_directory(at)?,
        Action::WriteFile { at, contents, mode } => {
            files.write(at, &contents.0, *mode)?;
            // What is made on the way to an archive has no age of its own.
            if at.root == Root::Staging {
                files.set_time(at, 0)?;
            }
        }
        Action::Copy { from, to } => files.copy(from, to)?,
        Action::Import { from, to } => super::import::import(files, from, to)?,
        Action::Rename { from, to } => {
            // A directory does not replace another one; the old one is stashed.
            files.rename(from, to)?;
        }
        Action::Symlink { at, target } => files.symlink(at, target)?,
        Action::Remove { at } => files.remove(at)?,
        Action::Prune { at, unless_owned } => prune(at, unless_owned.as_deref(), files, runner)?,
        Action::BackUp { at, suffix } => {
            if files.kind(at)? == Some(EntryKind::File) {
                files.copy(at, &suffixed(at, suffix))?;
            }
        }
        Action::Pack { tree, to, format, compress } => super::archive::pack(files, tree, to, *format, *compress)?,
        Action::Unpack { archive, to } => super::archive::unpack(files, archive, to)?,
        Action::Run(command) => runner.run(command, files)?,
        Action::AppendSignature(signature) => super::sign::append(signature, files)?,
        Action::Collect { from, glob, to } => {
            files.make_directory(to)?;
            for name in matching(files, from, glob)? {
                let place = |at: &Location| at.join(&name).map_err(io::Error::other);
                files.copy(&place(from)?, &place(to)?)?;
            }
        }
        Action::Record { at, facts, files: observed } => record(at, facts, observed, files)?,
        Action::Expect { files: expected } => {
            let mut missing = Vec::new();
            for at in expected {
                if files.kind(at)?.is_none() {
                    missing.push(files.path(at).display().to_string());
                }
            }
            if !missing.is_empty() {
                return Err(Failure::Missing(missing));
            }
        }
    }
    Ok(())
}

fn record(at: &Location, facts: &Map<String, Value>, observed: &[Location], files: &Files) -> io::Result<()> {
    let stamp = |at: &Location| Some((at.to_string(), serde_json::to_value(Stamp::settled(&files.path(at))?).ok()?));
    let mut record = facts.clone();
    record.insert("files".into(), Value::Object(observed.iter().filter_map(stamp).collect()));
    let mut text = serde_json::to_vec(&record)?;
    text.push(b'\n');
    files.write(at, &text, 0o644)
}

fn prune(at: &Location, unless_owned: Option<&[String]>, files: &Files, runner: &Runner<'_>) -> Result<(), Failure> {
    for directory in prunable(at, files)? {
        if let Some([program, arguments @ ..]) = unless_owned {
            let command = Command::new(program.as_str()).args(arguments).at(directory.clone());
            match runner.run(&command, files) {
                Ok(()) => break,
                // Not owned, or nobody to ask.
                Err(Failure::Exit { .. } | Failure::NoProgram { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        files.remove_if_empty(&directory)?;
    }
    Ok(())
}
