//! What every verb of a plan can do. Each verb is a type with all of this in one file of
//! `verbs`; whatever shows, judges, carries out or takes back a step goes through here.

use std::borrow::Cow;
use std::io;

use crate::command::{Argument, OnFailure};
use crate::failure::Failure;
use crate::files::Files;
use crate::runner::Runner;
use crate::undo::{Stash, UndoOp};
use crate::uses::Use;
use crate::view::StepView;
use modsmith_facts::Location;

/// One kind of step. What changes the system needs a `Runner` or a `Stash`, which
/// only the executor has.
pub trait Verb {
    /// As dry runs and recorded plans name it: `write-file`.
    fn name(&self) -> &'static str;

    /// The words behind the name, of which a recorded plan consists.
    fn words(&self) -> Vec<Word<'_>>;

    /// The members of a dry run's view that are the verb's own.
    fn view(&self, files: &Files) -> StepView;

    /// What the step was at when the system refused: `writing /etc/x`. `None` where the
    /// failure says it.
    fn doing(&self, files: &Files) -> Option<String>;

    /// What the step reads, changes and runs, in the order in which it is to be judged.
    fn uses(&self) -> Vec<Use<'_>>;

    /// Whether only the host itself makes such steps.
    fn is_hosts_own(&self) -> bool {
        false
    }

    /// How many bytes of content the step carries: a plugin may have only so many of them
    /// in a plan.
    fn content(&self) -> usize {
        0
    }

    /// What it means when its program, or its key, fails.
    fn on_failure(&self) -> OnFailure {
        OnFailure::Abort
    }

    /// How to take it back. Changes nothing but for making the stash directory.
    fn prepare(&self, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>>;

    /// How what it replaces, or removes, gets into the stash.
    fn puts_aside(&self, _at: &Location) -> Aside {
        Aside::Linked
    }

    /// Does it. What it replaces has been put aside.
    fn perform(&self, files: &Files, runner: &Runner<'_>) -> Result<(), Failure>;

    /// Completes the stash, once it is done.
    fn complete_stash(&self, _ops: &[UndoOp], _files: &Files) -> io::Result<()> {
        Ok(())
    }
}

/// How something gets into the stash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aside {
    /// A file keeps its name until the new one takes it; a directory is moved.
    Linked,
    /// The same, but of a directory a copy stays, to be merged into.
    Merged,
    /// The name is free at once.
    Moved,
    /// Not yet: [`Verb::complete_stash`] puts it there.
    Later,
}

/// A word of a step in a recorded plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word<'s> {
    Text(Cow<'s, str>),
    Location(&'s Location),
    /// Of a command, in quotes where it could be taken for none or several.
    Argument(&'s Argument),
    Contents(&'s Bytes),
}

impl<'s> From<&'s Location> for Word<'s> {
    fn from(location: &'s Location) -> Self {
        Self::Location(location)
    }
}

impl<'s> From<&'s str> for Word<'s> {
    fn from(text: &'s str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Word<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

/// File contents; shown as their length.
#[derive(Clone, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}
