//! Making a directory.

use std::io;

use crate::failure::Failure;
use crate::files::Files;
use crate::runner::Runner;
use crate::undo::{self, Stash, UndoOp};
use crate::uses::Use;
use crate::verb::{Verb, Word};
use crate::view::StepView;
use modsmith_facts::Location;

/// A directory and its missing parents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MakeDirectory {
    pub location: Location,
}

impl Verb for MakeDirectory {
    fn name(&self) -> &'static str {
        "make-directory"
    }

    fn words(&self) -> Vec<Word<'_>> {
        vec![(&self.location).into()]
    }

    fn view(&self, files: &Files) -> StepView {
        StepView { path: Some(files.shown(&self.location)), ..StepView::default() }
    }

    fn doing(&self, files: &Files) -> Option<String> {
        Some(format!("making the directory {}", files.shown(&self.location)))
    }

    fn uses(&self) -> Vec<Use<'_>> {
        vec![Use::Makes(&self.location)]
    }

    fn prepare(&self, files: &Files, _: &mut Stash) -> io::Result<Vec<UndoOp>> {
        undo::for_directory(&self.location, files)
    }

    fn perform(&self, files: &Files, _: &Runner<'_>) -> Result<(), Failure> {
        Ok(files.make_directory(&self.location)?)
    }
}
