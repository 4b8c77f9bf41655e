//! Renaming.

use std::io;

use crate::failure::Failure;
use crate::files::Files;
use crate::runner::Runner;
use crate::undo::{self, Stash, UndoOp};
use crate::uses::Use;
use crate::verb::{Verb, Word};
use crate::view::StepView;
use modsmith_facts::Location;

/// Replaces a file. Within one file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    pub from: Location,
    pub to: Location,
}

impl Verb for Rename {
    fn name(&self) -> &'static str {
        "rename"
    }

    fn words(&self) -> Vec<Word<'_>> {
        vec![(&self.from).into(), (&self.to).into()]
    }

    fn view(&self, files: &Files) -> StepView {
        StepView { from: Some(files.shown(&self.from)), path: Some(files.shown(&self.to)), ..StepView::default() }
    }

    fn doing(&self, files: &Files) -> Option<String> {
        Some(format!("renaming {} to {}", files.shown(&self.from), files.shown(&self.to)))
    }

    fn uses(&self) -> Vec<Use<'_>> {
        vec![Use::Moves { from: &self.from, to: std::borrow::Cow::Borrowed(&self.to) }]
    }

    fn prepare(&self, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>> {
        let mut ops = undo::for_replacing(&self.to, files, stash)?;
        // Whatever stands at `to` after the rename goes back first.
        ops.retain(|op| !matches!(op, UndoOp::Remove { .. }));
        ops.push(UndoOp::RenameBack { now: self.to.clone(), before: self.from.clone() });
        Ok(ops)
    }

    fn perform(&self, files: &Files, _: &Runner<'_>) -> Result<(), Failure> {
        // A directory does not replace another one; the old one is stashed.
        Ok(files.rename(&self.from, &self.to)?)
    }
}
