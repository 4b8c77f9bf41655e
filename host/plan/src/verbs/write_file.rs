//! Writing a file.

use std::io;

use crate::failure::Failure;
use crate::files::Files;
use crate::runner::Runner;
use crate::undo::{self, Stash, UndoOp};
use crate::uses::Use;
use crate::verb::{Bytes, Verb, Word};
use crate::view::StepView;
use modsmith_facts::{Location, Root};

/// Atomic; replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteFile {
    pub at: Location,
    pub contents: Bytes,
    pub mode: u32,
}

impl Verb for WriteFile {
    fn name(&self) -> &'static str {
        "write-file"
    }

    fn words(&self) -> Vec<Word<'_>> {
        vec![(&self.at).into(), format!("{:o}", self.mode).into(), Word::Contents(&self.contents)]
    }

    fn view(&self, files: &Files) -> StepView {
        StepView { path: Some(files.shown(&self.at)), size: Some(self.contents.0.len()), ..StepView::default() }
    }

    fn doing(&self, files: &Files) -> Option<String> {
        Some(format!("writing {}", files.shown(&self.at)))
    }

    fn uses(&self) -> Vec<Use<'_>> {
        vec![Use::Replaces(&self.at)]
    }

    fn content(&self) -> usize {
        self.contents.0.len()
    }

    fn prepare(&self, files: &Files, stash: &mut Stash) -> io::Result<Vec<UndoOp>> {
        undo::for_replacing(&self.at, files, stash)
    }

    fn perform(&self, files: &Files, _: &Runner<'_>) -> Result<(), Failure> {
        files.write(&self.at, &self.contents.0, self.mode)?;
        // What is made on the way to an archive has no age of its own.
        if self.at.root == Root::Staging {
            files.set_time(&self.at, 0)?;
        }
        Ok(())
    }
}
