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
    pub at: Location,
}

impl Verb for Remove {
    fn name(&self) -> &'static str {
        "remove"
    }

    fn words(&self) -> Vec<Word<'_>> {
        vec![(&self.at).into()]
    }

    fn view(&self, files: &Files) -> StepView {
        StepView { path: Some(files.shown(&self.at)), ..StepView::default() }
    }

    fn doing(&self, files: &Files) -> Option<String> {
        Some(format!("removing {}", files.shown(&self.at)))
    }

    fn uses(&self) -> Vec<Use<'_>> {
        vec![Use::Replaces(&self.at)]
    }

    fn prepare(&self, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>> {
        match files.kind(&self.at)? {
            None => Ok(Vec::new()),
            Some(_) => Ok(vec![UndoOp::Restore { at: self.at.clone(), stash: stash.place(files, self.at.root)? }]),
        }
    }

    fn puts_aside(&self, _: &Location) -> Aside {
        Aside::Moved
    }

    fn perform(&self, files: &Files, _: &Runner<'_>) -> Result<(), Failure> {
        Ok(files.remove(&self.at)?)
    }
}
