//! Checking that files exist.

use std::io;

use crate::failure::Failure;
use crate::files::Files;
use crate::runner::Runner;
use crate::undo::{Stash, UndoOp};
use crate::uses::Use;
use crate::verb::{Verb, Word};
use crate::view::StepView;
use crate::watch::Source;
use modsmith_facts::Location;

/// These files must exist now; changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expect {
    pub files: Vec<Location>,
}

impl Verb for Expect {
    fn name(&self) -> &'static str {
        "expect"
    }

    fn words(&self) -> Vec<Word<'_>> {
        self.files.iter().map(Word::from).collect()
    }

    fn view(&self, files: &Files) -> StepView {
        let expected: Vec<String> = self.files.iter().map(|location| files.shown(location)).collect();
        StepView { text: Some(expected.join("  ")), ..StepView::default() }
    }

    fn doing(&self, _: &Files) -> Option<String> {
        None
    }

    fn uses(&self) -> Vec<Use<'_>> {
        self.files.iter().map(|location| Use::Reads(location, Source::Entry)).collect()
    }

    fn is_hosts_own(&self) -> bool {
        true
    }

    fn prepare(&self, _: &Files, _: &mut Stash) -> io::Result<Vec<UndoOp>> {
        Ok(Vec::new())
    }

    fn perform(&self, files: &Files, _: &Runner<'_>) -> Result<(), Failure> {
        let mut missing = Vec::new();
        for location in &self.files {
            if files.kind(location)?.is_none() {
                missing.push(files.shown(location));
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(Failure::Missing(missing)) }
    }
}
