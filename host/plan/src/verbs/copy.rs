//! Copying.

use std::io;

use crate::failure::Failure;
use crate::files::{EntryKind, Files};
use crate::runner::Runner;
use crate::undo::{self, Stash, UndoOp};
use crate::uses::Use;
use crate::verb::{Aside, Verb, Word};
use crate::view::StepView;
use crate::watch::Source;
use modsmith_facts::Location;

/// A file or a whole directory; replaces files, merges directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    pub from: Location,
    pub to: Location,
}

impl Verb for Copy {
    fn name(&self) -> &'static str {
        "copy"
    }

    fn words(&self) -> Vec<Word<'_>> {
        vec![(&self.from).into(), (&self.to).into()]
    }

    fn view(&self, files: &Files) -> StepView {
        StepView { from: Some(files.shown(&self.from)), path: Some(files.shown(&self.to)), ..StepView::default() }
    }

    fn doing(&self, files: &Files) -> Option<String> {
        Some(format!("copying {} to {}", files.shown(&self.from), files.shown(&self.to)))
    }

    fn uses(&self) -> Vec<Use<'_>> {
        vec![Use::Reads(&self.from, Source::Entry), Use::Replaces(&self.to)]
    }

    fn prepare(&self, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>> {
        match files.kind(&self.from)? {
            // It is merged into one that is there.
            Some(EntryKind::Directory) => undo::for_replacing(&self.to, files, stash),
            _ => undo::for_file(&self.to, files, stash),
        }
    }

    fn puts_aside(&self, _: &Location) -> Aside {
        Aside::Merged
    }

    fn perform(&self, files: &Files, _: &Runner<'_>) -> Result<(), Failure> {
        Ok(files.copy(&self.from, &self.to)?)
    }
}
