//! The trait of all verbs of a plan. Each verb is a type in one file of `verbs`; the code that
//! shows, judges, performs or undoes a step uses this trait alone.

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

/// One kind of step. A method that changes the system takes a `Runner` or a `Stash`, which only the
/// executor has.
pub trait Verb {
    /// The verb's name in dry runs and recorded plans: `write-file`.
    fn name(&self) -> &'static str;

    /// The words behind the name, of which a recorded plan consists.
    fn words(&self) -> Vec<Word<'_>>;

    /// The members of a dry run's view that are the verb's own.
    fn view(&self, files: &Files) -> StepView;

    /// The operation of the step, for the message of a failure: `writing /etc/x`. `None` if the
    /// failure names it.
    fn doing(&self, files: &Files) -> Option<String>;

    /// The locations that the step reads and changes, and its programs, in the order in which they are to be judged.
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

    /// The effect of a failing program, or key, on the plan.
    fn on_failure(&self) -> OnFailure {
        OnFailure::Abort
    }

    /// The operations that undo the step. Changes nothing, except that it makes the stash
    /// directory.
    fn prepare(&self, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>>;

    /// How the entry that the step replaces, or removes, gets into the stash.
    fn puts_aside(&self, _at: &Location) -> Aside {
        Aside::Linked
    }

    /// Performs the step. Files that it replaces have been put aside.
    fn perform(&self, files: &Files, runner: &Runner<'_>) -> Result<(), Failure>;

    /// Completes the stash, once it is done.
    fn complete_stash(&self, _ops: &[UndoOp], _files: &Files) -> io::Result<()> {
        Ok(())
    }
}

/// How an entry gets into the stash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aside {
    /// A file keeps its name until the new one takes it; a directory is moved.
    Linked,
    /// As `Linked`, but a copy of a directory stays, to be merged into.
    Merged,
    /// The name is free at once.
    Moved,
    /// The entry stays until [`Verb::complete_stash`] puts it into the stash.
    Later,
}

/// A word of a step in a recorded plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word<'s> {
    Text(Cow<'s, str>),
    Location(&'s Location),
    /// An argument of a command, in quotes if it could be taken for no argument or for several.
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
