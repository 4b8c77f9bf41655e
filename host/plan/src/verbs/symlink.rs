//! Making a symbolic link.

use std::io;
use std::path::PathBuf;

use crate::failure::Failure;
use crate::files::Files;
use crate::runner::Runner;
use crate::undo::{self, Stash, UndoOp};
use crate::uses::Use;
use crate::verb::{Verb, Word};
use crate::view::StepView;
use modsmith_facts::Location;

/// Replaces a file or link. The target is taken as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symlink {
    pub location: Location,
    pub target: PathBuf,
}

impl Verb for Symlink {
    fn name(&self) -> &'static str {
        "symlink"
    }

    fn words(&self) -> Vec<Word<'_>> {
        vec![(&self.location).into(), self.target.display().to_string().into()]
    }

    fn view(&self, files: &Files) -> StepView {
        let text = format!("-> {}", self.target.display());
        StepView { path: Some(files.shown(&self.location)), text: Some(text), ..StepView::default() }
    }

    fn doing(&self, files: &Files) -> Option<String> {
        Some(format!("making the link {}", files.shown(&self.location)))
    }

    fn uses(&self) -> Vec<Use<'_>> {
        vec![Use::Replaces(&self.location), Use::Links { location: &self.location, target: &self.target }]
    }

    fn prepare(&self, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>> {
        undo::for_replacing(&self.location, files, stash)
    }

    fn perform(&self, files: &Files, _: &Runner<'_>) -> Result<(), Failure> {
        Ok(files.symlink(&self.location, &self.target)?)
    }
}
