//! Removing directories that became empty.

use std::io;

use crate::command::Command;
use crate::failure::Failure;
use crate::files::{EntryKind, Files};
use crate::runner::Runner;
use crate::undo::{Stash, UndoOp};
use crate::uses::Use;
use crate::verb::{Verb, Word};
use crate::view::StepView;
use modsmith_facts::Location;

/// Directories from `location` upwards that are empty, not the root itself and, for a
/// plugin's step, none outside of its grant: `within` is the outermost one that may go.
/// With `unless_owned`, a directory is kept when that program succeeds with
/// the directory's path as last argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prune {
    pub location: Location,
    pub unless_owned: Option<Vec<String>>,
    pub within: Option<Location>,
}

impl Prune {
    /// Up to the root.
    pub fn from(location: Location) -> Self {
        Self { location, unless_owned: None, within: None }
    }

    /// The directories from `location` upwards, not the root's own, that hold nothing
    /// but each other; innermost first.
    fn prunable(&self, files: &Files) -> io::Result<Vec<Location>> {
        let mut out: Vec<Location> = Vec::new();
        let mut next = Some(self.location.clone());
        while let Some(here) = next {
            let outside = || self.within.as_ref().is_some_and(|within| !here.relative().starts_with(within.relative()));
            if here.relative().as_os_str().is_empty() || outside() {
                break;
            }
            match files.kind(&here)? {
                Some(EntryKind::Directory) => {}
                None => {
                    next = here.parent();
                    continue;
                }
                Some(_) => break,
            }
            let below = out.last().and_then(|location: &Location| location.relative().file_name());
            if files.entries(&here)?.iter().any(|name| Some(name.as_os_str()) != below) {
                break;
            }
            next = here.parent();
            out.push(here);
        }
        Ok(out)
    }
}

impl Verb for Prune {
    fn name(&self) -> &'static str {
        "prune"
    }

    fn words(&self) -> Vec<Word<'_>> {
        vec![(&self.location).into()]
    }

    fn view(&self, files: &Files) -> StepView {
        let unless = self.unless_owned.as_ref().map(|words| format!("unless `{}` reports an owner", words.join(" ")));
        StepView { path: Some(files.shown(&self.location)), text: unless, ..StepView::default() }
    }

    fn doing(&self, files: &Files) -> Option<String> {
        Some(format!("removing {}", files.shown(&self.location)))
    }

    fn uses(&self) -> Vec<Use<'_>> {
        vec![Use::Replaces(&self.location)]
    }

    fn prepare(&self, files: &Files, _: &mut Stash) -> io::Result<Vec<UndoOp>> {
        Ok(self.prunable(files)?.into_iter().map(|location| UndoOp::MakeDirectory { location }).collect())
    }

    fn perform(&self, files: &Files, runner: &Runner<'_>) -> Result<(), Failure> {
        for directory in self.prunable(files)? {
            if let Some([program, arguments @ ..]) = self.unless_owned.as_deref() {
                let command = Command::new(program.as_str()).args(arguments).location_arg(directory.clone());
                match runner.run(&command, files) {
                    Ok(()) => break,
                    // The program says that the directory has no owner, or is not installed.
                    Err(Failure::Exit { .. } | Failure::NoProgram { .. }) => {}
                    Err(other) => return Err(other),
                }
            }
            files.remove_if_empty(&directory)?;
        }
        Ok(())
    }
}
