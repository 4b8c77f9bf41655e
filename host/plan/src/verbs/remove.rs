//! Removing.

use std::io;

use crate::failure::Failure;
use crate::files::Files;
use crate::runner::Runner;
use crate::undo::{Stash, UndoOp};
use crate::uses::Use;
use crate::verb::{Aside, Verb, Word};
use crate::view::StepView;
use modsmith_facts::Location;

/// A file or a whole directory; nothing there is fine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remove {
    pub location: Location,
}

impl Verb for Remove {
    fn name(&self) -> &'static str {
        "remove"
    }

    fn words(&self) -> Vec<Word<'_>> {
        vec![(&self.location).into()]
    }

    fn view(&self, files: &Files) -> StepView {
        StepView { path: Some(files.shown(&self.location)), ..StepView::default() }
    }

    fn doing(&self, files: &Files) -> Option<String> {
        Some(format!("removing {}", files.shown(&self.location)))
    }

    fn uses(&self) -> Vec<Use<'_>> {
        vec![Use::Replaces(&self.location)]
    }

    fn prepare(&self, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>> {
        match files.kind(&self.location)? {
            None => Ok(Vec::new()),
            Some(_) => Ok(vec![UndoOp::Restore {
                location: self.location.clone(),
                stash: stash.place(files, self.location.root)?,
            }]),
        }
    }

    fn puts_aside(&self, _: &Location) -> Aside {
        Aside::Moved
    }

    fn perform(&self, files: &Files, _: &Runner<'_>) -> Result<(), Failure> {
        Ok(files.remove(&self.location)?)
    }
}
