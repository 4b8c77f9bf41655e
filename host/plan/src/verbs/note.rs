//! A remark about the changes.

use std::io;

use crate::failure::Failure;
use crate::files::Files;
use crate::runner::Runner;
use crate::secrets::conceal_text;
use crate::undo::{Stash, UndoOp};
use crate::uses::Use;
use crate::verb::{Verb, Word};
use crate::view::StepView;

/// A sentence for the reader of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note(pub String);

impl Verb for Note {
    fn name(&self) -> &'static str {
        "note"
    }

    fn words(&self) -> Vec<Word<'_>> {
        vec![self.0.as_str().into()]
    }

    fn view(&self, _: &Files) -> StepView {
        StepView { text: Some(conceal_text(&self.0)), ..StepView::default() }
    }

    fn doing(&self, _: &Files) -> Option<String> {
        None
    }

    fn uses(&self) -> Vec<Use<'_>> {
        Vec::new()
    }

    fn content(&self) -> usize {
        self.0.len()
    }

    fn prepare(&self, _: &Files, _: &mut Stash) -> io::Result<Vec<UndoOp>> {
        Ok(Vec::new())
    }

    fn perform(&self, _: &Files, _: &Runner<'_>) -> Result<(), Failure> {
        Ok(())
    }
}
