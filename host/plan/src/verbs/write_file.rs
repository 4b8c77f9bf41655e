//! Writing a file.

use std::io;

use crate::failure::Failure;
use crate::files::Files;
use crate::runner::Runner;
use crate::undo::{self, Stash, UndoOp};
use crate::uses::Use;
use crate::verb::{Bytes, Verb, Word};
use crate::view::StepView;
use modsmith_facts::Location;

/// Atomic; replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteFile {
    pub location: Location,
    pub contents: Bytes,
    pub mode: u32,
}

impl Verb for WriteFile {
    fn name(&self) -> &'static str {
        "write-file"
    }

    fn words(&self) -> Vec<Word<'_>> {
        vec![(&self.location).into(), format!("{:o}", self.mode).into(), Word::Contents(&self.contents)]
    }

    fn view(&self, files: &Files) -> StepView {
        StepView { path: Some(files.shown(&self.location)), size: Some(self.contents.0.len()), ..StepView::default() }
    }

    fn doing(&self, files: &Files) -> Option<String> {
        Some(format!("writing {}", files.shown(&self.location)))
    }

    fn uses(&self) -> Vec<Use<'_>> {
        vec![Use::Replaces(&self.location)]
    }

    fn content(&self) -> usize {
        self.contents.0.len()
    }

    fn prepare(&self, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>> {
        undo::for_file(&self.location, files, stash)
    }

    fn perform(&self, files: &Files, _: &Runner<'_>) -> Result<(), Failure> {
        files.write(&self.location, &self.contents.0, self.mode)?;
        Ok(files.forget_age(&self.location)?)
    }
}
